// SPDX-License-Identifier: GPL-2.0-only
/*
 * status.c - mode, interfaces, counters by reason, lists, health
 *
 * Reads maps only, so it works while the daemon is down and says so.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../clock.h"
#include "../net/net.h"
#include "../output.h"
#include "commands.h"

const char help_status[] =
	"usage: smtpwall status [--json]\n\n"
	"Shows the mode and who chose it, the interfaces, what happened to packets by reason, the "
	"lists, and\n"
	"what is wrong, in words. Exit status: 0 all is well, 1 degraded or no wall is up.\n";

#define HEARTBEAT_OLD (15ULL * 1000000000ULL)
#define PROBLEMS      32

struct interface_state {
	char name[IF_NAMESIZE];
	char mode[16];
	bool gone;
};

struct status {
	struct wall *wall;
	enum mode mode;
	uint64_t mode_word;
	bool overridden;
	struct ledger_override override;
	struct interface_state interface[CONFIG_INTERFACES];
	unsigned int interfaces;
	struct counters counters;
	struct notices notices;
	struct proof proof;
	struct policy_list *lists;
	struct outcome *outcomes;
	bool daemon;
	int manual;
	unsigned int problems;
	char problem[PROBLEMS][400];
};

static void problem(struct status *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void problem(struct status *s, const char *format, ...)
{
	va_list arguments;

	if (s->problems == PROBLEMS)
		return;
	va_start(arguments, format);
	vsnprintf(s->problem[s->problems++], sizeof(s->problem[0]), format, arguments);
	va_end(arguments);
}

static int read_interface(void *context, const char *interface, const char *path)
{
	struct status *s = context;
	struct interface_state *i;
	struct link_facts facts;
	int index = pins_link_index(path);

	if (s->interfaces == CONFIG_INTERFACES)
		return 0;
	i = &s->interface[s->interfaces++];
	snprintf(i->name, sizeof(i->name), "%s", interface);
	snprintf(i->mode, sizeof(i->mode), "unknown");
	i->gone = index <= 0;
	if (i->gone) {
		problem(s,
			"interface %s is gone, and the wall with it; `smtpwall up` attaches it "
			"anew when it is back",
			interface);
	} else if (link_facts_by_index(index, &facts, NULL) == 0) {
		snprintf(i->name, sizeof(i->name), "%s", facts.name);
		snprintf(i->mode, sizeof(i->mode), "%s", facts.xdp_mode);
	}
	return 0;
}

static void read_health(struct status *s)
{
	const struct health *health = wall_health(s->wall);
	uint64_t now = clock_boot();

	s->daemon = pins_locked(place.pins, LOCK_DAEMON);
	if (!s->daemon && health->daemon_since)
		problem(s, "the daemon is dead; lists and interfaces are not followed until it "
			   "runs again (the wall stands)");
	else if (s->daemon && health->heartbeat && now > health->heartbeat &&
		 now - health->heartbeat > HEARTBEAT_OLD)
		problem(s, "the daemon has not moved for %llu s",
			(unsigned long long)((now - health->heartbeat) / 1000000000ULL));
	for (int i = 0; i < HEALTH_FAULTS; i++)
		if (health->fault[i].since)
			problem(s, "%.63s: %.311s", health->fault[i].what, health->fault[i].text);
}

static void read_override(struct status *s)
{
	struct ledger *ledger = NULL;
	struct error why;
	int err = ledger_open(place.state, true, 0, &ledger, &why);

	/* A choice for a time stands in front of the one for good. */
	if (!err)
		s->overridden = (ledger_get_override(ledger, "mode-for", &s->override, NULL) == 0 &&
				 s->override.until > clock_wall()) ||
				ledger_get_override(ledger, "mode", &s->override, NULL) == 0;
	if (s->overridden && strcmp(s->override.value, mode_name(s->mode)) != 0)
		s->overridden = false;
	if (err && err != -ENOENT)
		problem(s, "%.390s", why.text);
	ledger_close(ledger);
}

/* A stored list that is not in force is damaged, or was stored while no wall was up. */
static void read_stored(struct status *s)
{
	char **name = NULL;
	size_t names = 0;

	if (list_stored(place.state, &name, &names, NULL))
		return;
	for (size_t i = 0; i < names; i++) {
		bool in_force = false;

		for (int id = 1; id < POLICY_LISTS && !in_force; id++)
			in_force = !strcmp(s->lists[id].name, name[i]);
		if (!in_force)
			problem(s,
				"the list %s is stored but not in force; `smtpwall up` tells why",
				name[i]);
		free(name[i]);
	}
	free(name);
}

static int read_all(struct status *s, struct error *why)
{
	int err = wall_open(place.pins, &s->wall, why);

	if (err)
		return err;
	s->lists = calloc(POLICY_LISTS, sizeof(*s->lists));
	s->outcomes = calloc(POLICY_LISTS, sizeof(*s->outcomes));
	if (!s->lists || !s->outcomes)
		return error_set(why, -ENOMEM, "out of memory");
	s->mode_word = wall_settings(s->wall)->mode;
	s->mode = mode_at(s->mode_word, clock_boot());
	pins_each_link(place.pins, read_interface, s);
	if (!s->interfaces)
		problem(s, "the wall is attached to no interface; `smtpwall up` attaches it");
	err = wall_counters(s->wall, &s->counters, why);
	if (!err)
		err = wall_notices(s->wall, &s->notices, why);
	if (!err)
		err = wall_proof(s->wall, &s->proof, why);
	if (!err)
		err = wall_lists(s->wall, s->lists, why);
	if (!err)
		err = wall_list_counters(s->wall, s->outcomes, why);
	s->manual = wall_manual_count(s->wall);
	read_override(s);
	read_health(s);
	read_stored(s);
	if (s->notices.proven_full)
		problem(s,
			"the table of proven sources was full %llu times: their sessions were not "
			"counted",
			(unsigned long long)s->notices.proven_full);
	return err;
}

static const struct outcome *outcome_of(const struct status *s, enum reason reason)
{
	return &((const struct outcome *)&s->counters)[reason];
}

static void tally_json(json_object *o, const char *key, const struct tally *t)
{
	json_object *tally = json_object_new_object();

	json_number(tally, "packets", t->packets);
	json_number(tally, "bytes", t->bytes);
	json_object_object_add(o, key, tally);
}

static json_object *outcome_json(const struct outcome *outcome)
{
	json_object *o = json_object_new_object();

	tally_json(o, "passed", &outcome->passed);
	tally_json(o, "would_drop", &outcome->would_drop);
	tally_json(o, "dropped", &outcome->dropped);
	return o;
}

static uint64_t packets_seen(const struct status *s)
{
	uint64_t sum = 0;

	for (int i = 0; i < REASON_SLOTS; i++) {
		const struct outcome *o = outcome_of(s, i);

		sum += o->passed.packets + o->would_drop.packets + o->dropped.packets;
	}
	return sum;
}

static void mode_json(const struct status *s, json_object *o)
{
	json_text(o, "mode", mode_name(s->mode));
	if (MODE_UNTIL(s->mode_word) && s->mode == MODE_NOW(s->mode_word)) {
		json_time(o, "mode_until", clock_wall_of(MODE_UNTIL(s->mode_word) * 1000000000ULL));
		json_text(o, "mode_then", mode_name(MODE_THEN(s->mode_word)));
	}
	if (s->overridden) {
		json_time(o, "mode_since", s->override.since);
		json_text(o, "mode_by", s->override.who);
		json_text(o, "mode_configured", s->override.configured);
	}
}

static void print_json(const struct status *s)
{
	json_object *o = json_object_new_object(), *array = json_object_new_array(), *reasons,
		    *lists;

	json_flag(o, "up", true);
	json_flag(o, "degraded", s->problems > 0);
	mode_json(s, o);
	for (unsigned int i = 0; i < s->interfaces; i++) {
		json_object *interface = json_object_new_object();

		json_text(interface, "name", s->interface[i].name);
		json_text(interface, "xdp", s->interface[i].mode);
		json_flag(interface, "attached", !s->interface[i].gone);
		json_object_array_add(array, interface);
	}
	json_object_object_add(o, "interfaces", array);
	json_number(o, "packets", packets_seen(s));
	reasons = json_object_new_object();
#define ADD_REASON(number, text, member)                                                           \
	json_object_object_add(reasons, text, outcome_json(&s->counters.member));
	REASONS(ADD_REASON)
#undef ADD_REASON
	json_object_object_add(o, "reasons", reasons);
	lists = json_object_new_object();
	for (int id = 1; id < POLICY_LISTS; id++) {
		json_object *list;

		if (!s->lists[id].name[0])
			continue;
		list = outcome_json(&s->outcomes[id]);
		json_text(list, "action", action_name(s->lists[id].action));
		json_number(list, "entries", s->lists[id].entries);
		json_time(list, "loaded", s->lists[id].loaded);
		json_object_object_add(lists, s->lists[id].name, list);
	}
	json_object_object_add(o, "lists", lists);
	json_number(o, "manual", s->manual > 0 ? (uint64_t)s->manual : 0);
	json_flag(o, "daemon", s->daemon);
	json_flag(o, "proof", s->proof.first != 0);
	if (s->proof.last)
		json_time(o, "last_handshake", clock_wall_of(s->proof.last));
	json_number(o, "events_held", s->notices.events_held);
	json_number(o, "not_learnt", s->notices.not_learnt);
	array = json_object_new_array();
	for (unsigned int i = 0; i < s->problems; i++)
		json_object_array_add(array, json_object_new_string(s->problem[i]));
	json_object_object_add(o, "problems", array);
	json_print(o, stdout);
}

static void print_mode(const struct status *s)
{
	char when[CLOCK_TEXT];

	printf("mode        %s%s%s",
	       colour(stdout, s->mode == MODE_ENFORCE ? COLOUR_GOOD : COLOUR_WARN),
	       mode_name(s->mode), colour_end(stdout));
	if (MODE_UNTIL(s->mode_word) && s->mode == MODE_NOW(s->mode_word))
		printf(" until %s",
		       clock_short(clock_wall_of(MODE_UNTIL(s->mode_word) * 1000000000ULL), when));
	if (s->overridden)
		printf(" since %s by %s (configuration: %s)", clock_short(s->override.since, when),
		       s->override.who, s->override.configured);
	else if (s->mode == MODE_MONITOR)
		printf(": nothing is dropped");
	putchar('\n');
}

static void print_counters(const struct status *s)
{
	static const char *const heading[] = {"reason", ">passed", ">would drop", ">dropped"};
	struct table *t = table_new(4, heading);
	char passed[NUMBER_TEXT], would[NUMBER_TEXT], dropped[NUMBER_TEXT];

#define ADD_REASON(number, text, member)                                                           \
	table_row(t, (const char *const[]){                                                        \
			     text, number_text(s->counters.member.passed.packets, passed),         \
			     number_text(s->counters.member.would_drop.packets, would),            \
			     number_text(s->counters.member.dropped.packets, dropped)});
	REASONS(ADD_REASON)
#undef ADD_REASON
	table_print(t, stdout);
}

static void print_text(const struct status *s)
{
	char number[NUMBER_TEXT], when[CLOCK_TEXT];
	uint64_t entries = 0;
	unsigned int lists = 0;

	print_mode(s);
	for (unsigned int i = 0; i < s->interfaces; i++)
		printf("%s%s (%s)", i ? ", " : "interfaces  ", s->interface[i].name,
		       s->interface[i].gone ? "gone" : s->interface[i].mode);
	for (int id = 1; id < POLICY_LISTS; id++)
		if (s->lists[id].name[0]) {
			lists++;
			entries += s->lists[id].entries;
		}
	printf("%slists       %u with %s entries; by hand: %d\n", s->interfaces ? "\n" : "", lists,
	       number_text(entries, number), s->manual > 0 ? s->manual : 0);
	printf("daemon      %s\n", s->daemon ? "runs" : "does not run");
	if (s->proof.first)
		printf("sessions    counted; last handshake %s\n",
		       clock_short(clock_wall_of(s->proof.last), when));
	else
		puts("sessions    no handshake seen yet: sessions, source-rate, network-rate and "
		     "syn-rate wait for the first\n"
		     "            (they never work if the mail server is in another network "
		     "namespace)");
	if (s->notices.events_held || s->notices.not_learnt)
		printf("held back   %llu events; %llu sources not learnt\n",
		       (unsigned long long)s->notices.events_held,
		       (unsigned long long)s->notices.not_learnt);
	putchar('\n');
	print_counters(s);
	for (unsigned int i = 0; i < s->problems; i++)
		printf("%s%s%s%s\n", i ? "" : "\n", colour(stdout, COLOUR_BAD), s->problem[i],
		       colour_end(stdout));
}

/* No wall is up, or it cannot be read. */
static int print_absent(const struct error *why, bool json)
{
	char mark[256] = "";
	bool marked = down_marked(mark, sizeof(mark));

	if (json) {
		json_object *o = json_object_new_object();

		json_flag(o, "up", false);
		json_flag(o, "degraded", true);
		if (marked)
			json_text(o, "down", mark);
		json_text(o, "problem", why->text);
		json_print(o, stdout);
	} else {
		complain("%s%s%s%s", why->text, marked ? " (taken down " : "", mark,
			 marked ? ")" : "");
	}
	return STATUS_FAILED;
}

int command_status(int argc, char **argv)
{
	static const char *const known[] = {"json", NULL};
	struct status *s = calloc(1, sizeof(*s));
	struct options options;
	struct error why;
	int first = options_read(argc, argv, known, help_status, &options), status, err;

	if (first < 0 || !s) {
		free(s);
		return first < 0 ? -1 - first : STATUS_FAILED;
	}
	if (first != argc) {
		free(s);
		return usage("status", "it takes no arguments");
	}
	err = read_all(s, &why);
	if (err) {
		status = print_absent(&why, options.json);
	} else {
		status = s->problems ? STATUS_FAILED : STATUS_DONE;
		if (options.json)
			print_json(s);
		else
			print_text(s);
	}
	wall_close(s->wall);
	free(s->lists);
	free(s->outcomes);
	free(s);
	return status;
}
