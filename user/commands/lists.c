// SPDX-License-Identifier: GPL-2.0-only
/*
 * lists.c - shows the lists in force with what they dropped, or the content of one
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../clock.h"
#include "../net/net.h"
#include "../output.h"
#include "commands.h"

const char help_lists[] =
	"usage: smtpwall lists [NAME] [--json]\n\n"
	"Shows every list with its action, size, age and what it stopped; with a NAME, that list's content in\n"
	"the form in which `smtpwall load NAME -` reads it.\n";

struct row {
	struct list_origin origin;
	const struct policy_list *in_force; /* NULL: stored only */
	const struct outcome *outcome;
};

static json_object *row_json(const struct row *row)
{
	json_object *o = json_object_new_object();

	json_text(o, "name", row->origin.name);
	json_text(o, "action", action_name(row->origin.action));
	json_number(o, "entries", row->origin.entries);
	json_number(o, "left_out", row->origin.left_out);
	json_time(o, "loaded", row->origin.loaded);
	json_text(o, "loaded_by", row->origin.who);
	json_text(o, "source", row->origin.source);
	json_text(o, "format", row->origin.format);
	if (row->origin.timestamp)
		json_time(o, "timestamp", row->origin.timestamp);
	json_flag(o, "by_hand", row->origin.by_hand);
	json_flag(o, "in_force", row->in_force != NULL);
	if (row->outcome) {
		json_number(o, "passed", row->outcome->passed.packets);
		json_number(o, "would_drop", row->outcome->would_drop.packets);
		json_number(o, "dropped", row->outcome->dropped.packets);
		json_number(o, "would_refuse", row->outcome->would_refuse.packets);
		json_number(o, "refused", row->outcome->refused.packets);
	}
	return o;
}

/* The columns about refusing are the sixth and the seventh, and only there where a list refuses. */
#define COLUMNS 10
#define REFUSE	5

static void pick(const char *const all[COLUMNS], bool refusing, const char *out[COLUMNS])
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < COLUMNS; i++)
		if (refusing || (i != REFUSE && i != REFUSE + 1))
			out[n++] = all[i];
}

static struct table *row_heading(bool refusing)
{
	static const char *const all[COLUMNS] = {
		"list",		 "action",   ">entries", ">passed", ">would drop",
		">would refuse", ">refused", ">dropped", "loaded",  "source"};
	const char *heading[COLUMNS] = {NULL};

	pick(all, refusing, heading);
	return table_new(refusing ? COLUMNS : COLUMNS - 2, heading);
}

static void row_table(struct table *t, const struct row *row, bool refusing)
{
	char entries[NUMBER_TEXT], passed[NUMBER_TEXT], would[NUMBER_TEXT], dropped[NUMBER_TEXT],
		would_refuse[NUMBER_TEXT], refused[NUMBER_TEXT], loaded[CLOCK_TEXT];
	const char *cell[COLUMNS] = {NULL};
	const struct outcome none = {0}, *o = row->outcome ? row->outcome : &none;
	char clean[1024];
	const char *source = !strcmp(row->origin.source, "-")
				     ? "(standard input)"
				     : text_clean(row->origin.source, clean, sizeof(clean));

	pick((const char *const[COLUMNS]){row->origin.name, action_name(row->origin.action),
					  number_text(row->origin.entries, entries),
					  number_text(o->passed.packets, passed),
					  number_text(o->would_drop.packets, would),
					  number_text(o->would_refuse.packets, would_refuse),
					  number_text(o->refused.packets, refused),
					  number_text(o->dropped.packets, dropped),
					  clock_short(row->origin.loaded, loaded),
					  row->in_force ? source : "(not in force: no wall is up)"},
	     refusing, cell);
	table_row(t, cell);
}

/* The list `guard` is stored nowhere: it is what the host is at the moment. */
static void guard_origin(struct list_origin *origin, const struct policy_list *list)
{
	memset(origin, 0, sizeof(*origin));
	memcpy(origin->name, list->name, sizeof(origin->name));
	origin->action = list->action;
	origin->entries = list->entries;
	origin->loaded = list->loaded;
	snprintf(origin->source, sizeof(origin->source),
		 "(this host's addresses, gateways, resolvers)");
}

/* Does a list in force refuse, or did it? */
static bool lists_refuse(const struct policy_list *lists, const struct outcome *outcomes)
{
	for (uint32_t id = 1; id < POLICY_LISTS; id++)
		if (lists[id].name[0] &&
		    (lists[id].action == LIST_REFUSE || outcomes[id].refused.packets ||
		     outcomes[id].would_refuse.packets))
			return true;
	return false;
}

static void show_row(const struct row *row, struct table *t, json_object *array, bool refusing)
{
	if (array)
		json_object_array_add(array, row_json(row));
	else
		row_table(t, row, refusing);
}

static int show_all(bool json)
{
	struct policy_list *lists = calloc(POLICY_LISTS, sizeof(*lists));
	struct outcome *outcomes = calloc(POLICY_LISTS, sizeof(*outcomes));
	json_object *array = json ? json_object_new_array() : NULL;
	struct table *t;
	struct wall *wall = NULL;
	char **name = NULL;
	size_t names = 0;
	struct error why;
	bool up, refusing;

	if (!lists || !outcomes)
		abort();
	up = wall_open(place.pins, &wall, NULL) == 0 && wall_lists(wall, lists, NULL) == 0 &&
	     wall_list_counters(wall, outcomes, NULL) == 0;
	refusing = up && lists_refuse(lists, outcomes);
	t = json ? NULL : row_heading(refusing);
	if (list_stored(place.state, &name, &names, &why))
		note("%s", why.text);
	for (uint32_t id = 1; up && id < POLICY_LISTS; id++) {
		struct row row = {.in_force = &lists[id], .outcome = &outcomes[id]};

		if (!lists[id].name[0])
			continue;
		if (list_restore(place.state, lists[id].name, &row.origin, NULL, NULL))
			guard_origin(&row.origin, &lists[id]);
		show_row(&row, t, array, refusing);
	}
	for (size_t i = 0; i < names; i++) {
		struct row row = {0};

		if (!up && list_restore(place.state, name[i], &row.origin, NULL, &why) == 0)
			show_row(&row, t, array, refusing);
		else if (!up)
			note("%s", why.text);
		free(name[i]);
	}
	free(name);
	if (array)
		json_print(array, stdout);
	else
		table_print(t, stdout);
	wall_close(wall);
	free(outcomes);
	free(lists);
	return STATUS_DONE;
}

/* The list `guard` is not stored: it is shown as the host is at this moment. */
static int show_guard(bool json)
{
	struct guard_entry *guard = NULL;
	json_object *array = json_object_new_array();
	struct error why;
	size_t count = 0;
	int err = guard_entries(NULL, &guard, &count, &why);

	for (size_t i = 0; err >= 0 && i < count; i++) {
		char text[PREFIX_TEXT];

		if (json)
			json_object_array_add(
				array, json_object_new_string(prefix_text(&guard[i].prefix, text)));
		else
			printf("%s # %s\n", prefix_text(&guard[i].prefix, text), guard[i].why);
	}
	if (json && err >= 0) {
		json_object *o = json_object_new_object();

		json_text(o, "name", "guard");
		json_text(o, "action", action_name(LIST_ALLOW));
		json_object_object_add(o, "content", array);
		json_print(o, stdout);
	} else {
		json_object_put(array);
	}
	free(guard);
	return err < 0 ? fail(&why) : STATUS_DONE;
}

static int show_content(const char *name, bool json)
{
	struct list_origin origin;
	struct error why;
	char path[4096], line[512];
	json_object *o;
	FILE *in;
	int err = list_name_valid(name)
			  ? list_restore(place.state, name, &origin, NULL, &why)
			  : error_set(&why, -ENOENT, "the list \"%s\" has no stored content", name);

	if (err == -ENOENT)
		error_set(&why, err, "there is no list \"%s\"; `smtpwall lists` shows all", name);
	if (err)
		return fail(&why);
	snprintf(path, sizeof(path), "%s/lists/%s", place.state, name);
	in = fopen(path, "re");
	if (!in) {
		error_set(&why, -errno, "cannot read %s: %s", path, strerror(errno));
		return fail(&why);
	}
	o = json_object_new_array();
	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#')
			continue;
		if (json)
			json_object_array_add(o, json_object_new_string(line));
		else
			puts(line);
	}
	fclose(in);
	if (json) {
		struct row row = {.origin = origin};
		json_object *whole = row_json(&row);

		json_object_object_add(whole, "content", o);
		json_print(whole, stdout);
	} else {
		json_object_put(o);
	}
	return STATUS_DONE;
}

int command_lists(int argc, char **argv)
{
	static const char *const known[] = {"json", NULL};
	struct options options;
	int first = options_read(argc, argv, known, help_lists, &options);

	if (first < 0)
		return -1 - first;
	if (first == argc)
		return show_all(options.json);
	if (first + 1 != argc)
		return usage("lists", "one list at a time");
	if (!strcmp(argv[first], "guard"))
		return show_guard(options.json);
	return show_content(argv[first], options.json);
}
