// SPDX-License-Identifier: GPL-2.0-only
/*
 * unblock.c - takes entries by hand back, and bans for abuse
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

/* A network of which the address is only a part is taken back by its own name: others are in it. */
static void tell_ban(struct work *w, const struct prefix *p)
{
	char text[PREFIX_TEXT], by_text[PREFIX_TEXT], when[CLOCK_TEXT];
	struct prefix by;
	struct ban ban;

	if (w->wall && ban_covering(w->wall, p, &by, &ban))
		printf("%s is still banned for abuse as part of %s until %s; `smtpwall unblock %s` "
		       "takes that back\n",
		       prefix_text(p, text), prefix_text(&by, by_text),
		       clock_short(clock_wall_of(ban.until), when), by_text);
}

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

/* The map goes first, so that a ban ends whatever became of the ledger. */
static int take_ban(struct work *w, size_t i, struct unban_why *why)
{
	int err = unban(w->wall, w->ledger, &w->prefix[i], &w->unbanned[i], why);

	if (!err && w->unbanned[i].untold) {
		w->ledger_why = why->ledger;
		work_give_up_ledger(w);
	}
	return err;
}

static int take_bans(struct work *w, struct error *penalty_why, struct error *why)
{
	struct unban_why unban_why = {0};
	int err = 0;

	for (size_t i = 0; !err && i < w->count; i++)
		err = take_ban(w, i, &unban_why);
	if (err)
		*why = unban_why.map;
	*penalty_why = unban_why.penalty;
	return err;
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

/* True if there was something to tell. */
static bool tell_unbanned(const struct unbanned *u, const char *text)
{
	char inside[NUMBER_TEXT];

	if (u->banned || u->remembered)
		printf("%s %s; its %u strike%s forgiven\n", text,
		       u->banned ? "is no longer banned for abuse" : "was not banned any more",
		       u->strikes, u->strikes == 1 ? " is" : "s are");
	if (u->inside)
		printf("%s ban%s inside %s %s taken back%s\n", number_text(u->inside, inside),
		       u->inside == 1 ? "" : "s", text, u->inside == 1 ? "was" : "were",
		       u->banned ? ", too" : "");
	return u->banned || u->remembered || u->inside;
}

static int tell_taken(const struct work *w)
{
	char text[PREFIX_TEXT];
	int status = STATUS_DONE;

	for (size_t i = 0; i < w->count; i++) {
		bool told = w->there[i];

		prefix_text(&w->prefix[i], text);
		if (w->there[i])
			printf("%s is no longer %s by hand\n", text, work_done(w));
		if (w->slot == MANUAL_BLOCK && tell_unbanned(&w->unbanned[i], text))
			told = true;
		if (told) {
			work_log(w, &w->prefix[i]);
		} else {
			complain("%s %swas not %s by hand; nothing changed", text,
				 w->slot == MANUAL_BLOCK ? "is not banned and " : "", work_done(w));
			status = STATUS_FAILED;
		}
	}
	return status;
}

int work_take(struct work *w, struct error *why)
{
	struct error penalty_why = {""};
	int status, err = 0;

	w->there = calloc(w->count + 1, sizeof(*w->there));
	w->unbanned = calloc(w->count + 1, sizeof(*w->unbanned));
	if (!w->there || !w->unbanned) {
		error_set(why, -ENOMEM, "out of memory");
		return fail(why);
	}
	if (w->ledger && ledger_begin(w->ledger, &w->ledger_why))
		work_give_up_ledger(w);
	for (size_t i = 0; !err && i < w->count; i++)
		err = take_one(w, &w->prefix[i], &w->there[i], why);
	if (!err && w->slot == MANUAL_BLOCK)
		err = take_bans(w, &penalty_why, why);
	if (w->ledger && (err || ledger_commit(w->ledger, &w->ledger_why)))
		work_give_up_ledger(w);
	if (!w->ledger)
		err = take_without_ledger(w, why);
	if (err)
		return fail(why);
	status = tell_taken(w);
	if (penalty_why.text[0])
		note("what led to the ban is not forgiven, and one more offence may bring it back: "
		     "%s",
		     penalty_why.text);
	if (!w->ledger)
		note("it may come back at a reboot: %s", w->ledger_why.text);
	if (w->slot == MANUAL_BLOCK && cover_open(w->ledger, LIST_DROP, &w->cover, NULL) == 0)
		for (size_t i = 0; i < w->count; i++)
			tell_remaining(w, &w->prefix[i]);
	for (size_t i = 0; w->slot == MANUAL_BLOCK && i < w->count; i++)
		tell_ban(w, &w->prefix[i]);
	return status;
}
