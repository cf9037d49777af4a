// SPDX-License-Identifier: GPL-2.0-only
/*
 * unban.c - takes bans for abuse back, and forgives what led to them
 *
 * The map is the truth, and comes first: a ban that is gone from it is over, whatever the ledger
 * still says, which is read when a wall goes up only. Strikes and penalties go, too: a source that
 * an administrator let in again is not banned anew by its next slip.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../clock.h"
#include "../output.h"
#include "commands.h"

struct found {
	struct prefix prefix;
	bool forgive; /* a source that has a penalty, not a ban */
};

struct unbanning {
	struct wall *wall;
	const struct prefix *prefix;
	struct unbanned *out;
	struct unban_why *why;
	struct found *found;
	size_t count, room;
};

static int remember(struct unbanning *u, const struct prefix *prefix, bool forgive)
{
	if (u->count == u->room) {
		size_t room = u->room ? 2 * u->room : 64;
		struct found *more = reallocarray(u->found, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		u->found = more;
		u->room = room;
	}
	u->found[u->count++] = (struct found){.prefix = *prefix, .forgive = forgive};
	return 0;
}

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length && !memcmp(&a->address, &b->address, sizeof(a->address));
}

/* A ban that was there, in force or remembered. */
static int note_ban(struct unbanning *u, const struct prefix *prefix, uint32_t strikes, bool stands)
{
	if (same_prefix(prefix, u->prefix)) {
		u->out->banned = stands;
		u->out->remembered = !stands;
		u->out->strikes = strikes;
	} else {
		u->out->inside++;
	}
	return remember(u, prefix, false);
}

static int find_ban(void *context, const struct prefix *prefix, const struct ban *ban)
{
	struct unbanning *u = context;

	if (!prefix_contains(u->prefix, prefix))
		return 0;
	return note_ban(u, prefix, ban->strikes, ban_stands(u->wall, ban));
}

static int find_kept(const struct ledger_ban *kept, void *context)
{
	struct unbanning *u = context;

	if (!prefix_contains(u->prefix, &kept->prefix))
		return 0;
	/* What the map knew is counted already; what only the ledger knows came from no wall. */
	if (u->wall)
		return remember(u, &kept->prefix, false);
	return note_ban(u, &kept->prefix, kept->strikes, kept->until > clock_wall());
}

/* Who is not banned any more, because the network took the place of his own ban, has a penalty. */
static int find_guilty(void *context, const struct address *source, const struct proven *proven)
{
	struct prefix host = {.address = *source, .length = ADDRESS_BITS};
	struct unbanning *u = context;

	if ((!proven->penalty && !proven->guesses) || !prefix_contains(u->prefix, &host))
		return 0;
	return remember(u, &host, true);
}

static int forgive(const struct prefix *source, struct error *why)
{
	struct report report = {.kind = REPORT_FORGIVE, .prefix = *source};

	return wall_report(place.pins, &report, why);
}

/* A failure here leaves them let in, and one offence from the next ban: told, and no more. */
static void forgive_all(struct unbanning *u)
{
	struct error *why = &u->why->penalty;
	int err = 0;

	if (u->prefix->length < ADDRESS_BITS)
		err = wall_each_proven(u->wall, find_guilty, u);
	if (err)
		error_set(why, err, "cannot read the map proven: %s", strerror(-err));
	for (size_t i = 0; i < u->count && !err; i++)
		if (u->found[i].prefix.length == ADDRESS_BITS)
			err = forgive(&u->found[i].prefix, why);
	u->out->unforgiven = err != 0;
}

/* A network is a walk; an address is asked for, since a command may be given many of them. */
static int take_from_wall(struct unbanning *u)
{
	struct ban ban;
	int err = 0;

	if (u->prefix->length < ADDRESS_BITS)
		err = wall_each_ban(u->wall, find_ban, u);
	else if (wall_get_ban(u->wall, u->prefix, &ban) == 0)
		err = find_ban(u, u->prefix, &ban);
	for (size_t i = 0; !err && i < u->count; i++) {
		err = wall_drop_ban(u->wall, &u->found[i].prefix);
		if (err == -ENOENT)
			err = 0;
	}
	if (err)
		return error_set(&u->why->map, err, "cannot take bans out of the map bans: %s",
				 strerror(-err));
	if (u->count)
		forgive_all(u);
	return 0;
}

static int find_in_ledger(struct unbanning *u, struct ledger *ledger)
{
	struct ledger_ban kept;
	int err;

	if (u->prefix->length < ADDRESS_BITS) {
		err = ledger_each_ban(ledger, find_kept, u, &u->why->ledger);
		/* Rows that cannot be read are nobody's ban. */
		return err == -EUCLEAN ? 0 : err;
	}
	err = ledger_get_ban(ledger, u->prefix, &kept, &u->why->ledger);
	return err ? (err == -ENOENT || err == -EUCLEAN ? 0 : err) : find_kept(&kept, u);
}

static int take_from_ledger(struct unbanning *u, struct ledger *ledger)
{
	int err = find_in_ledger(u, ledger);

	for (size_t i = 0; !err && i < u->count; i++) {
		const struct found *f = &u->found[i];

		if (!f->forgive)
			err = ledger_drop_ban(ledger, &f->prefix, &u->why->ledger);
		if (err == -ENOENT)
			err = 0;
		if (!err && f->prefix.length == ADDRESS_BITS)
			err = ledger_forget_offences(ledger, &f->prefix.address, &u->why->ledger);
	}
	return err;
}

int unban(struct wall *wall, struct ledger *ledger, const struct prefix *prefix,
	  struct unbanned *out, struct unban_why *why)
{
	struct unbanning u = {.wall = wall, .prefix = prefix, .out = out, .why = why};
	int err = 0;

	memset(out, 0, sizeof(*out));
	if (wall)
		err = take_from_wall(&u);
	if (!err && ledger)
		out->untold = take_from_ledger(&u, ledger) != 0;
	free(u.found);
	return err;
}
