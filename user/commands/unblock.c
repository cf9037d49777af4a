// SPDX-License-Identifier: GPL-2.0-only
/*
 * unblock.c - takes entries by hand back
 *
 * A block ends also when the ledger cannot be written; the map then remembers that it was taken
 * back, until a restore could tell the ledger.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "../clock.h"
#include "../output.h"
#include "work.h"

/* What still blocks an address whose block was taken back. */
static void tell_remaining(struct work *w, const struct prefix *p)
{
	char text[PREFIX_TEXT], by_text[PREFIX_TEXT], list[POLICY_NAME];
	struct prefix by;

	if (cover_by_hand(w->cover, p, MANUAL_BLOCK, &by))
		printf("%s is still blocked by hand as part of %s\n", prefix_text(p, text),
		       prefix_text(&by, by_text));
	if (cover_by_list(w->cover, p, list))
		printf("%s is still blocked by the list \"%s\"\n", prefix_text(p, text), list);
}

static int take_one(struct work *w, const struct prefix *p, bool *there, struct error *why)
{
	struct manual in_force = {0};
	struct ledger_manual kept;
	int err = 0;

	*there = false;
	if (w->ledger) {
		/* One that ended by itself is still in the ledger until somebody sweeps. */
		*there = ledger_get_manual(w->ledger, p, w->slot, &kept, NULL) == 0 &&
			 kept.until > clock_wall();
		err = ledger_drop_manual(w->ledger, p, w->slot, &w->ledger_why);
	}
	if (err && err != -ENOENT)
		work_give_up_ledger(w);
	if (w->wall && wall_get_manual(w->wall, p, &in_force) == 0) {
		uint64_t until =
			w->slot == MANUAL_ALLOW ? in_force.allow_until : in_force.block_until;

		*there = *there || until > clock_boot();
		return manual_set(w->wall, p, w->slot, 0, 0, why);
	}
	return 0;
}

/*
 * The ledger could not be written, and the blocks are to end all the same: what is left in the map
 * tells the next restore that they were taken back.
 */
static int take_without_ledger(struct work *w, struct error *why)
{
	int err = 0;

	if (!w->wall)
		return error_set(why, -EIO, "nothing was changed: %s", w->ledger_why.text);
	for (size_t i = 0; !err && i < w->count; i++)
		if (w->there[i])
			err = manual_set(w->wall, &w->prefix[i], w->slot, clock_boot(),
					 MANUAL_TAKEN_BACK, why);
	return err;
}

static int tell_taken(const struct work *w)
{
	char text[PREFIX_TEXT];
	int status = STATUS_DONE;

	for (size_t i = 0; i < w->count; i++) {
		prefix_text(&w->prefix[i], text);
		if (w->there[i]) {
			work_log(w, &w->prefix[i]);
			printf("%s is no longer %s by hand\n", text, work_done(w));
		} else {
			complain("%s was not %s by hand; nothing changed", text, work_done(w));
			status = STATUS_FAILED;
		}
	}
	return status;
}

int work_take(struct work *w, struct error *why)
{
	int status, err = 0;

	w->there = calloc(w->count + 1, sizeof(*w->there));
	if (!w->there) {
		error_set(why, -ENOMEM, "out of memory");
		return fail(why);
	}
	if (w->ledger && ledger_begin(w->ledger, &w->ledger_why))
		work_give_up_ledger(w);
	for (size_t i = 0; !err && i < w->count; i++)
		err = take_one(w, &w->prefix[i], &w->there[i], why);
	if (w->ledger && (err || ledger_commit(w->ledger, &w->ledger_why)))
		work_give_up_ledger(w);
	if (!w->ledger)
		err = take_without_ledger(w, why);
	if (err)
		return fail(why);
	status = tell_taken(w);
	if (!w->ledger)
		note("it may come back at a reboot: %s", w->ledger_why.text);
	if (w->slot == MANUAL_BLOCK && cover_open(w->ledger, LIST_DROP, &w->cover, NULL) == 0)
		for (size_t i = 0; i < w->count; i++)
			tell_remaining(w, &w->prefix[i]);
	return status;
}
