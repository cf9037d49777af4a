// SPDX-License-Identifier: GPL-2.0-only
/*
 * manual.c - manual entries: the ledger is the truth, the map `manual` its copy in force
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../clock.h"
#include "commands.h"

int manual_set(struct wall *wall, const struct prefix *prefix, enum manual_slot slot,
	       uint64_t since, uint64_t until, struct error *why)
{
	struct manual entry = {0};

	wall_get_manual(wall, prefix, &entry);
	if (slot == MANUAL_ALLOW) {
		entry.allow_since = since;
		entry.allow_until = until;
	} else {
		entry.block_since = since;
		entry.block_until = until;
	}
	return wall_put_manual(wall, prefix, &entry, why);
}

struct restoring {
	struct wall *wall;
	int64_t now;
	struct error *why;
	/* Entries of the ledger that were taken back while it could not be written. */
	struct ledger_manual *gone;
	size_t count, room;
};

static bool taken_back(const struct manual *in_force, enum manual_slot slot)
{
	return (slot == MANUAL_ALLOW ? in_force->allow_until : in_force->block_until) ==
	       MANUAL_TAKEN_BACK;
}

static int remember_gone(struct restoring *r, const struct ledger_manual *entry)
{
	if (r->count == r->room) {
		size_t room = r->room ? 2 * r->room : 16;
		struct ledger_manual *more = reallocarray(r->gone, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		r->gone = more;
		r->room = room;
	}
	r->gone[r->count++] = *entry;
	return 0;
}

static int restore_one(const struct ledger_manual *entry, void *context)
{
	struct restoring *r = context;
	struct manual in_force = {0};
	uint64_t since;

	if (entry->until <= r->now)
		return 0;
	wall_get_manual(r->wall, &entry->prefix, &in_force);
	if (taken_back(&in_force, entry->slot))
		return remember_gone(r, entry);
	/* A clock that was set back must not put off what is in force. */
	since = clock_boot_of(entry->since);
	if (since > clock_boot())
		since = clock_boot();
	return manual_set(r->wall, &entry->prefix, entry->slot, since, clock_boot_of(entry->until),
			  r->why);
}

/*
 * A slot in the map that the ledger does not know (its block was placed while the ledger was full)
 * stays.
 */
static int sweep_one(void *context, const struct prefix *prefix, const struct manual *entry)
{
	struct restoring *r = context;
	struct manual kept = *entry;
	uint64_t now = clock_boot();

	if (kept.allow_until <= now && !taken_back(entry, MANUAL_ALLOW))
		kept.allow_since = kept.allow_until = 0;
	if (kept.block_until <= now && !taken_back(entry, MANUAL_BLOCK))
		kept.block_since = kept.block_until = 0;
	if (!memcmp(&kept, entry, sizeof(kept)))
		return 0;
	return wall_put_manual(r->wall, prefix, &kept, r->why);
}

/* The ledger is written: what was left in the map for its sake goes. */
static int forget_taken_back(void *context, const struct prefix *prefix, const struct manual *entry)
{
	struct restoring *r = context;

	for (enum manual_slot slot = MANUAL_ALLOW; slot <= MANUAL_BLOCK; slot++)
		if (taken_back(entry, slot))
			manual_set(r->wall, prefix, slot, 0, 0, NULL);
	return 0;
}

static int restore(struct restoring *r, struct ledger *ledger)
{
	int err = ledger_begin(ledger, r->why);

	if (err)
		return err;
	ledger_expire_manual(ledger, r->now, NULL);
	err = ledger_each_manual(ledger, restore_one, r, r->why);
	for (size_t i = 0; !err && i < r->count; i++) {
		err = ledger_drop_manual(ledger, &r->gone[i].prefix, r->gone[i].slot, r->why);
		if (err == -ENOENT)
			err = 0;
	}
	if (!err)
		err = wall_each_manual(r->wall, sweep_one, r);
	if (err) {
		ledger_rollback(ledger);
		return err;
	}
	if (ledger_commit(ledger, NULL))
		ledger_rollback(ledger); /* another time */
	else
		wall_each_manual(r->wall, forget_taken_back, r);
	return 0;
}

int manual_restore(struct wall *wall, struct ledger *ledger, struct error *why)
{
	struct restoring r = {.wall = wall, .now = clock_wall(), .why = why};
	int err = restore(&r, ledger);

	free(r.gone);
	return err;
}
