// SPDX-License-Identifier: GPL-2.0-only
/*
 * manual.c - the map `manual` and the table of prefix lengths in use beside it
 *
 * The lock of both is the ledger's write transaction, in which all callers are. A length is added
 * to the table before the first entry of that length, and taken out after the last one, so that a
 * packet never misses an entry; for the moment in between it asks once in vain.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include "kernel.h"
#include "wall.h"

static void length_add(struct wall *wall, uint32_t length)
{
	uint32_t count = wall->lengths->count;

	for (uint32_t i = 0; i < count && i < MANUAL_LENGTHS; i++)
		if (wall->lengths->length[i] == length)
			return;
	if (count >= MANUAL_LENGTHS)
		return; /* impossible: there are 129 lengths */
	wall->lengths->length[count] = (uint8_t)length;
	__atomic_store_n(&wall->lengths->count, count + 1, __ATOMIC_RELEASE);
}

/* Does any entry of this length remain? */
static bool length_used(struct wall *wall, uint32_t length)
{
	struct prefix key, next, *before = NULL;

	while (bpf_map_get_next_key(wall->fd[MAP_MANUAL], before, &next) == 0) {
		if (next.length == length)
			return true;
		key = next;
		before = &key;
	}
	return false;
}

static void length_remove(struct wall *wall, uint32_t length)
{
	uint32_t count = wall->lengths->count;

	if (length_used(wall, length))
		return;
	for (uint32_t i = 0; i < count && i < MANUAL_LENGTHS; i++) {
		if (wall->lengths->length[i] != length)
			continue;
		/* The last one moves here first: it is asked twice for a moment, never not at all.
		 */
		wall->lengths->length[i] = wall->lengths->length[count - 1];
		__atomic_store_n(&wall->lengths->count, count - 1, __ATOMIC_RELEASE);
		return;
	}
}

int wall_get_manual(struct wall *wall, const struct prefix *prefix, struct manual *out)
{
	return bpf_map_lookup_elem(wall->fd[MAP_MANUAL], prefix, out);
}

int wall_put_manual(struct wall *wall, const struct prefix *prefix, const struct manual *entry,
		    struct error *why)
{
	struct prefix key = *prefix;
	int err;

	key.unused = 0;
	if (!entry->allow_until && !entry->block_until) {
		err = bpf_map_delete_elem(wall->fd[MAP_MANUAL], &key);
		if (err && err != -ENOENT)
			return error_set(why, err, "cannot change the map manual: %s",
					 strerror(-err));
		length_remove(wall, key.length);
		return 0;
	}
	length_add(wall, key.length);
	err = bpf_map_update_elem(wall->fd[MAP_MANUAL], &key, entry, BPF_ANY);
	if (!err)
		return 0;
	length_remove(wall, key.length);
	if (err == -E2BIG)
		return error_set(why, err,
				 "the table of manual entries is full (%u); take old ones back "
				 "with `smtpwall unblock`, or "
				 "keep large sets in a list (`smtpwall load NAME FILE`)",
				 MANUAL_MAX);
	return error_set(why, err, "cannot change the map manual: %s", strerror(-err));
}

int wall_each_manual(struct wall *wall,
		     int (*each)(void *context, const struct prefix *prefix,
				 const struct manual *entry),
		     void *context)
{
	struct prefix *keys = NULL, next, *before = NULL;
	size_t count = 0, room = 0;
	int err = 0;

	/* The keys first: a walk that deletes as it goes would lose its place. */
	while (bpf_map_get_next_key(wall->fd[MAP_MANUAL], before, &next) == 0 &&
	       count < (size_t)2 * MANUAL_MAX) {
		if (count == room) {
			struct prefix *more =
				reallocarray(keys, room = room ? 2 * room : 64, sizeof(*keys));

			if (!more) {
				free(keys);
				return -ENOMEM;
			}
			keys = more;
		}
		keys[count++] = next;
		before = &keys[count - 1];
	}
	for (size_t i = 0; !err && i < count; i++) {
		struct manual entry;

		if (bpf_map_lookup_elem(wall->fd[MAP_MANUAL], &keys[i], &entry) == 0)
			err = each(context, &keys[i], &entry);
	}
	free(keys);
	return err;
}

static int count_one(void *context, const struct prefix *prefix, const struct manual *entry)
{
	(void)prefix;
	(void)entry;
	++*(int *)context;
	return 0;
}

int wall_manual_count(struct wall *wall)
{
	int count = 0, err = wall_each_manual(wall, count_one, &count);

	return err ? err : count;
}
