// SPDX-License-Identifier: GPL-2.0-only
/*
 * cover.c - which list, or which wider entry by hand, holds a prefix: what `block` must refuse and
 * `unblock` must name
 *
 * Works without a wall. Lists are read once for a command, however many addresses it was given;
 * entries by hand are asked for by the prefix lengths that are in use, as the kernel does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../clock.h"
#include "../net/net.h"
#include "commands.h"

struct cover_list {
	char name[POLICY_NAME];
	struct list_content content;
};

struct cover {
	struct ledger *ledger; /* the caller's */
	struct cover_list *list;
	size_t lists;
	struct guard_entry *guard;
	size_t guards;
	bool used[2][ADDRESS_BITS + 1]; /* prefix lengths in the ledger, by slot */
	int64_t now;
};

static int note_length(const struct ledger_manual *entry, void *context)
{
	struct cover *cover = context;

	if (entry->prefix.length <= ADDRESS_BITS)
		cover->used[entry->slot][entry->prefix.length] = true;
	return 0;
}

/* Who is refused is blocked as much as who is dropped. */
static bool same_side(enum list_action list, enum list_action wanted)
{
	return list == wanted || (wanted == LIST_DROP && list == LIST_REFUSE);
}

static int read_lists(struct cover *cover, enum list_action action)
{
	char **name = NULL;
	size_t names = 0;
	int err = list_stored(place.state, &name, &names, NULL);

	if (err)
		return err == -ENOENT ? 0 : err;
	cover->list = calloc(names + 1, sizeof(*cover->list));
	err = cover->list ? 0 : -ENOMEM;
	for (size_t i = 0; i < names; i++) {
		struct cover_list *list = &cover->list[cover->lists];
		struct list_origin origin;

		if (!err && list_restore(place.state, name[i], &origin, NULL, NULL) == 0 &&
		    same_side(origin.action, action) &&
		    list_restore(place.state, name[i], &origin, &list->content, NULL) == 0) {
			memcpy(list->name, origin.name, sizeof(list->name));
			cover->lists++;
		}
		free(name[i]);
	}
	free(name);
	return err;
}

int cover_open(struct ledger *ledger, enum list_action action, struct cover **out,
	       struct error *why)
{
	struct cover *cover = calloc(1, sizeof(*cover));
	int err = cover ? read_lists(cover, action) : -ENOMEM;

	if (!err && action == LIST_ALLOW) {
		err = guard_entries(NULL, &cover->guard, &cover->guards, why);
		if (err > 0)
			err = 0;
	}
	if (err) {
		cover_close(cover);
		return error_set(why, err, "cannot read the lists: %s", strerror(-err));
	}
	cover->ledger = ledger;
	cover->now = clock_wall();
	if (ledger)
		ledger_each_manual(ledger, note_length, cover, NULL);
	*out = cover;
	return 0;
}

void cover_close(struct cover *cover)
{
	if (!cover)
		return;
	for (size_t i = 0; i < cover->lists; i++)
		list_content_free(&cover->list[i].content);
	free(cover->list);
	free(cover->guard);
	free(cover);
}

bool cover_by_hand(const struct cover *cover, const struct prefix *prefix, enum manual_slot slot,
		   struct prefix *by)
{
	for (uint32_t length = prefix->length + 1; cover->ledger && length-- > 0;) {
		struct prefix wider = *prefix;
		struct ledger_manual entry;

		if (!cover->used[slot][length])
			continue;
		wider.length = length;
		prefix_mask(&wider);
		if (ledger_get_manual(cover->ledger, &wider, slot, &entry, NULL) == 0 &&
		    entry.until > cover->now) {
			*by = wider;
			return true;
		}
	}
	return false;
}

bool cover_by_list(const struct cover *cover, const struct prefix *prefix, char name[POLICY_NAME])
{
	for (size_t i = 0; i < cover->guards; i++) {
		if (prefix_contains(&cover->guard[i].prefix, prefix)) {
			snprintf(name, POLICY_NAME, "guard");
			return true;
		}
	}
	for (size_t i = 0; i < cover->lists; i++) {
		if (list_content_covers(&cover->list[i].content, prefix)) {
			memcpy(name, cover->list[i].name, POLICY_NAME);
			return true;
		}
	}
	return false;
}
