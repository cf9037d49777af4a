// SPDX-License-Identifier: GPL-2.0-only
/*
 * policy.c - compiles all stored lists with the list `guard` and puts them in force, whole
 *
 * The store (STATE/lists) is the truth about lists; the policy in the kernel is made of all of it
 * each time, under the wall lock, so that two `load`s at once end with both. A change is compiled
 * before it is stored and stored before it is in force: a list that cannot be compiled or kept
 * changes nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../clock.h"
#include "../net/net.h"
#include "../output.h"
#include "commands.h"

#define GUARD "guard"

/* One list on its way into the policy. */
struct entry {
	struct list_origin origin;
	struct list_content content;
	bool borrowed; /* content is the caller's */
};

struct gathering {
	struct entry *entry;
	size_t count, room;
};

static struct entry *gather(struct gathering *all)
{
	if (all->count == all->room) {
		size_t room = all->room ? 2 * all->room : 16;
		struct entry *more = reallocarray(all->entry, room, sizeof(*more));

		if (!more)
			return NULL;
		all->entry = more;
		all->room = room;
	}
	memset(&all->entry[all->count], 0, sizeof(*all->entry));
	return &all->entry[all->count++];
}

static void gathering_free(struct gathering *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (!all->entry[i].borrowed)
			list_content_free(&all->entry[i].content);
	free(all->entry);
}

/* Own addresses, loopback, gateways and resolvers, as they are this moment. */
static int gather_guard(struct gathering *all, struct error *why)
{
	struct guard_entry *guard = NULL;
	char *text = NULL;
	size_t count = 0, size = 0;
	struct entry *e;
	FILE *out;
	int err = guard_entries(NULL, &guard, &count, why);

	if (err < 0)
		return err;
	out = open_memstream(&text, &size);
	if (!out) {
		free(guard);
		return error_set(why, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < count; i++) {
		char prefix[PREFIX_TEXT];

		fprintf(out, "%s\n", prefix_text(&guard[i].prefix, prefix));
	}
	fclose(out);
	free(guard);
	e = gather(all);
	if (!e) {
		free(text);
		return error_set(why, -ENOMEM, "out of memory");
	}
	snprintf(e->origin.name, sizeof(e->origin.name), GUARD);
	e->origin.action = LIST_ALLOW;
	e->origin.loaded = clock_wall();
	err = list_read_memory(GUARD, text, size, &(struct list_options){.format = "plain"},
			       &e->content, why);
	e->origin.entries = e->content.entries;
	free(text);
	return err;
}

/* A stored list that is damaged is left out with a note: one bad file must not open the gate for
 * the rest. */
static int gather_stored(struct gathering *all, const char *except, struct error *why)
{
	char **name = NULL;
	size_t names = 0;
	int err = list_stored(place.state, &name, &names, why);

	if (err)
		return err;
	for (size_t i = 0; i < names; i++) {
		struct entry *e = NULL;
		struct error bad;

		if (!err && !(except && !strcmp(name[i], except))) {
			e = gather(all);
			if (!e)
				err = error_set(why, -ENOMEM, "out of memory");
		}
		if (e && list_restore(place.state, name[i], &e->origin, &e->content, &bad)) {
			note("%s; the list is left out", bad.text);
			all->count--;
		}
		free(name[i]);
	}
	free(name);
	return err;
}

static int name_compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return strcmp(x->origin.name, y->origin.name);
}

static uint32_t id_find(const struct policy_list lists[POLICY_LISTS], const char *name)
{
	for (uint32_t id = 1; id < POLICY_LISTS; id++)
		if (!strcmp(lists[id].name, name))
			return id;
	return 0;
}

/* Gives every list its id: the one it has, else a free one whose counters are cleared first. */
static int ids_assign(struct wall *wall, struct gathering *all,
		      struct policy_list lists[POLICY_LISTS], struct compile_list *compile,
		      struct error *why)
{
	struct policy_list *before = calloc(POLICY_LISTS, sizeof(*before));
	uint32_t next = 1;
	int err;

	if (!before)
		return error_set(why, -ENOMEM, "out of memory");
	err = wall_lists(wall, before, why);
	memset(lists, 0, POLICY_LISTS * sizeof(*lists));
	for (size_t i = 0; !err && i < all->count; i++)
		compile[i].id = id_find(before, all->entry[i].origin.name);
	for (size_t i = 0; !err && i < all->count; i++) {
		const struct list_origin *origin = &all->entry[i].origin;
		uint32_t id = compile[i].id;

		if (!id) {
			while (next < POLICY_LISTS && before[next].name[0])
				next++;
			id = next++;
			if (id >= POLICY_LISTS) {
				err = error_set(why, -E2BIG,
						"more than %d lists; join some of them",
						POLICY_LISTS - 1);
				break;
			}
			err = wall_clear_list(wall, id, why);
		}
		compile[i].id = id;
		compile[i].origin = origin;
		compile[i].content = &all->entry[i].content;
		memcpy(lists[id].name, origin->name, POLICY_NAME);
		lists[id].loaded = origin->loaded;
		lists[id].entries = origin->entries;
		lists[id].action = origin->action;
	}
	free(before);
	return err;
}

static int compile_all(struct wall *wall, struct gathering *all,
		       struct policy_list lists[POLICY_LISTS], struct policy_image *image,
		       struct error *why)
{
	struct compile_list *compile = calloc(all->count + 1, sizeof(*compile));
	int err;

	if (!compile)
		return error_set(why, -ENOMEM, "out of memory");
	err = ids_assign(wall, all, lists, compile, why);
	if (!err)
		err = policy_compile(compile, all->count, clock_wall(), image, why);
	free(compile);
	return err;
}

/* The rails: what a new content must not be, and what is taken out of it. */
static int change_inspect(struct list_change *change, struct error *why)
{
	struct list_origin *origin = &change->origin, old_origin;
	struct list_content old = {0};
	int err = list_restore(place.state, origin->name, &old_origin, &old, NULL);
	bool known = err == 0;

	err = 0;
	if (origin->action == LIST_NONE)
		origin->action = known ? old_origin.action : LIST_DROP;
	/* It stands until the configured file changes from what it is now. */
	if (origin->by_hand && known && old_origin.configured[0])
		list_origin_of_file(origin, old_origin.configured);
	if (origin->action == LIST_DROP) {
		char example[PREFIX_TEXT];
		uint64_t bogons = list_remove_bogons(&change->content, example);

		if (bogons) {
			note("list %s: left out %llu entries that are no public addresses (%s%s)",
			     origin->name, (unsigned long long)bogons, example,
			     bogons > 1 ? ", ..." : "");
			origin->left_out += bogons;
		}
	}
	if (!change->force)
		err = list_plausible(&change->content, origin->action, known ? &old : NULL, why);
	if (err)
		error_prefix(why, err, "list %s: ", origin->name);
	list_content_free(&old);
	return err;
}

static int install(struct wall *wall, struct gathering *all, struct list_change *change,
		   struct error *why)
{
	struct policy_list *lists = calloc(POLICY_LISTS, sizeof(*lists));
	struct policy_image image = {0};
	int err;

	if (!lists)
		return error_set(why, -ENOMEM, "out of memory");
	err = compile_all(wall, all, lists, &image, why);
	if (!err && change)
		err = list_store(place.state, &change->origin, &change->content, why);
	if (!err)
		err = wall_install_policy(wall, &image, why);
	for (uint32_t id = 1; !err && id < POLICY_LISTS; id++)
		err = wall_put_list(wall, id, &lists[id], why);
	policy_image_free(&image);
	free(lists);
	return err;
}

int lists_install(struct wall *wall, struct list_change *change, struct error *why)
{
	struct gathering all = {0};
	struct entry *e;
	int err = change ? change_inspect(change, why) : 0;

	if (err)
		return err;
	if (!wall)
		return change ? list_store(place.state, &change->origin, &change->content, why) : 0;
	err = gather_stored(&all, change ? change->origin.name : NULL, why);
	if (!err && change) {
		e = gather(&all);
		if (e) {
			e->origin = change->origin;
			e->content = change->content;
			e->borrowed = true;
		} else {
			err = error_set(why, -ENOMEM, "out of memory");
		}
	}
	if (!err) {
		if (all.count)
			qsort(all.entry, all.count, sizeof(*all.entry), name_compare);
		err = gather_guard(&all, why);
	}
	if (!err)
		err = install(wall, &all, change, why);
	gathering_free(&all);
	return err;
}

/* Does a stored list with this action hold all of the prefix? */
static bool stored_covers(const struct prefix *prefix, enum list_action action,
			  char found[POLICY_NAME])
{
	char **name = NULL;
	size_t names = 0;
	bool covered = false;

	if (list_stored(place.state, &name, &names, NULL))
		return false;
	for (size_t i = 0; i < names; i++) {
		struct list_content content = {0};
		struct list_origin origin;

		if (!covered && list_restore(place.state, name[i], &origin, NULL, NULL) == 0 &&
		    origin.action == action &&
		    list_restore(place.state, name[i], &origin, &content, NULL) == 0 &&
		    list_content_covers(&content, prefix)) {
			snprintf(found, POLICY_NAME, "%s", origin.name);
			covered = true;
		}
		list_content_free(&content);
		free(name[i]);
	}
	free(name);
	return covered;
}

struct manual_search {
	const struct prefix *prefix;
	int64_t now;
	bool found;
};

static int find_allow(const struct ledger_manual *entry, void *context)
{
	struct manual_search *search = context;

	search->found = entry->slot == MANUAL_ALLOW && entry->until > search->now &&
			prefix_contains(&entry->prefix, search->prefix);
	return search->found;
}

bool lists_allow(const struct prefix *prefix, struct ledger *ledger, char name[POLICY_NAME])
{
	struct manual_search search = {.prefix = prefix, .now = clock_wall()};
	struct guard_entry *guard = NULL;
	size_t count = 0;
	bool covered = false;

	if (ledger)
		ledger_each_manual(ledger, find_allow, &search, NULL);
	if (search.found) {
		snprintf(name, POLICY_NAME, "manual");
		return true;
	}
	if (guard_entries(NULL, &guard, &count, NULL) >= 0)
		for (size_t i = 0; i < count && !covered; i++)
			covered = prefix_contains(&guard[i].prefix, prefix);
	free(guard);
	if (covered)
		snprintf(name, POLICY_NAME, GUARD);
	return covered || stored_covers(prefix, LIST_ALLOW, name);
}

bool lists_drop(const struct prefix *prefix, char name[POLICY_NAME])
{
	return stored_covers(prefix, LIST_DROP, name);
}
