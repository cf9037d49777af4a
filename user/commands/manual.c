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
	struct ledger *ledger;
	int64_t now;
	struct error *why;
};

static int restore_one(const struct ledger_manual *entry, void *context)
{
	struct restoring *r = context;

	if (entry->until <= r->now)
		return 0;
	return manual_set(r->wall, &entry->prefix, entry->slot, clock_boot_of(entry->since),
			  clock_boot_of(entry->until), r->why);
}

/* A slot in the map that the ledger does not know (its block was placed while the ledger was full)
 * stays. */
static int sweep_one(void *context, const struct prefix *prefix, const struct manual *entry)
{
	struct restoring *r = context;
	struct manual kept = *entry;
	uint64_t now = clock_boot();

	if (kept.allow_until <= now)
		kept.allow_since = kept.allow_until = 0;
	if (kept.block_until <= now)
		kept.block_since = kept.block_until = 0;
	if (!memcmp(&kept, entry, sizeof(kept)))
		return 0;
	return wall_put_manual(r->wall, prefix, &kept, r->why);
}

int manual_restore(struct wall *wall, struct ledger *ledger, struct error *why)
{
	struct restoring r = {.wall = wall, .ledger = ledger, .now = clock_wall(), .why = why};
	int err = ledger_begin(ledger, why);

	if (err)
		return err;
	ledger_expire_manual(ledger, r.now, NULL);
	err = ledger_each_manual(ledger, restore_one, &r, why);
	if (!err)
		err = wall_each_manual(wall, sweep_one, &r);
	if (err) {
		ledger_rollback(ledger);
		return err;
	}
	/* What cannot be written now is deleted another time. */
	if (ledger_commit(ledger, NULL))
		ledger_rollback(ledger);
	return 0;
}
