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
	struct policy_list *in_force; /* by id, as the kernel has them now */
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
	free(all->in_force);
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

/* 0: it has none, and in_force[0] is no list. */
static uint32_t id_find(const struct policy_list *in_force, const char *name)
{
	for (uint32_t id = 1; id < POLICY_LISTS; id++)
		if (!strcmp(in_force[id].name, name))
			return id;
	return 0;
}

/*
 * A damaged list is left out with a note, but not one that allows, or may have: without it a block
 * list would speak about its members.
 */
static int judge_damage(const struct policy_list *in_force, const char *name,
			const struct error *bad, struct error *why)
{
	struct list_origin origin;
	enum list_action action = in_force[id_find(in_force, name)].action;

	if (action == LIST_NONE && list_restore(place.state, name, &origin, NULL, NULL) == 0)
		action = origin.action;
	if (action == LIST_DROP || action == LIST_REFUSE || action == LIST_COUNT) {
		note("%s; the list is left out", bad->text);
		return 0;
	}
	return error_set(
		why, -EUCLEAN,
		"%s; as it allows, or may allow, nothing was changed: load it again, or remove "
		"the file",
		bad->text);
}

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
			all->count--;
			err = judge_damage(all->in_force, name[i], &bad, why);
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

/* Gives every list its id: the one it has, else a free one whose counters are cleared first. */
static int ids_assign(struct wall *wall, struct gathering *all,
		      struct policy_list lists[POLICY_LISTS], struct compile_list *compile,
		      struct error *why)
{
	uint32_t next = 1;
	int err = 0;

	for (size_t i = 0; i < all->count; i++)
		compile[i].id = id_find(all->in_force, all->entry[i].origin.name);
	for (size_t i = 0; !err && i < all->count; i++) {
		const struct list_origin *origin = &all->entry[i].origin;
		uint32_t id = compile[i].id;

		if (!id) {
			while (next < POLICY_LISTS && all->in_force[next].name[0])
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

/* What is stored of the list that changes; `known` false: nothing. */
struct before {
	struct list_origin origin;
	struct list_content content;
	bool known;
};

/* The rails: what a new content must not be, and what is taken out of it. */
static int change_inspect(struct list_change *change, const struct before *old, struct error *why)
{
	struct list_origin *origin = &change->origin;
	int err = 0;

	if (origin->action == LIST_NONE)
		origin->action = old->known ? old->origin.action : LIST_DROP;
	/* It stands until the configured file changes from what it is now. */
	if (origin->by_hand && old->known && old->origin.configured[0])
		list_origin_of_file(origin, old->origin.configured);
	if (origin->action == LIST_DROP || origin->action == LIST_REFUSE) {
		char example[PREFIX_TEXT];
		uint64_t bogons = list_remove_bogons(&change->content, example);

		if (bogons) {
			note("list %s: left out %llu entries that are no public addresses (%s%s)",
			     origin->name, (unsigned long long)bogons, example,
			     bogons > 1 ? ", ..." : "");
			origin->left_out += bogons;
			origin->entries -= bogons < origin->entries ? bogons : origin->entries;
		}
	}
	if (!change->force)
		err = list_plausible(&change->content, origin->action,
				     old->known ? &old->content : NULL, why);
	return err ? error_prefix(why, err, "list %s: ", origin->name) : 0;
}

static void store_back(const struct before *old, const char *name)
{
	if (old->known)
		list_store(place.state, &old->origin, &old->content, NULL);
	else
		list_forget(place.state, name, NULL);
}

static int install(struct wall *wall, struct gathering *all, struct list_change *change,
		   const struct before *old, struct error *why)
{
	struct policy_list *lists = calloc(POLICY_LISTS, sizeof(*lists));
	struct policy_image image = {0};
	int err;

	if (!lists)
		return error_set(why, -ENOMEM, "out of memory");
	err = compile_all(wall, all, lists, &image, why);
	if (!err && change)
		err = list_store(place.state, &change->origin, &change->content, why);
	if (!err) {
		err = wall_install_policy(wall, &image, why);
		if (err && change)
			store_back(old, change->origin.name);
	}
	for (uint32_t id = 1; !err && id < POLICY_LISTS; id++)
		err = wall_put_list(wall, id, &lists[id], why);
	policy_image_free(&image);
	free(lists);
	return err;
}

/* Everything that is to be in force together. */
static int gather_all(struct wall *wall, struct list_change *change, struct gathering *all,
		      struct error *why)
{
	struct entry *e;
	int err;

	all->in_force = calloc(POLICY_LISTS, sizeof(*all->in_force));
	if (!all->in_force)
		return error_set(why, -ENOMEM, "out of memory");
	err = wall_lists(wall, all->in_force, why);
	if (!err)
		err = gather_stored(all, change ? change->origin.name : NULL, why);
	if (!err && change) {
		e = gather(all);
		if (!e)
			return error_set(why, -ENOMEM, "out of memory");
		e->origin = change->origin;
		e->content = change->content;
		e->borrowed = true;
	}
	if (!err && all->count)
		qsort(all->entry, all->count, sizeof(*all->entry), name_compare);
	return err ? err : gather_guard(all, why);
}

int lists_install(struct wall *wall, struct list_change *change, struct error *why)
{
	struct gathering all = {0};
	struct before old = {.known = false};
	int err = 0;

	if (change) {
		old.known = list_restore(place.state, change->origin.name, &old.origin,
					 &old.content, NULL) == 0;
		err = change_inspect(change, &old, why);
	}
	if (!err && !wall && change)
		err = list_store(place.state, &change->origin, &change->content, why);
	if (!err && wall)
		err = gather_all(wall, change, &all, why);
	if (!err && wall)
		err = install(wall, &all, change, &old, why);
	gathering_free(&all);
	list_content_free(&old.content);
	return err;
}
