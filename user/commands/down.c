// SPDX-License-Identifier: GPL-2.0-only
/*
 * down.c - takes the wall away, whatever state everything else is in
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>
#include "../output.h"
#include "commands.h"

const char help_down[] =
	"usage: smtpwall down\n\n"
	"Detaches the wall from all interfaces and removes its pins; from then on nothing is filtered.\n"
	"Blocks by hand, bans and lists are kept for the next `smtpwall up`; counters are not. A running daemon\n"
	"stays, but does not put the wall up again by itself: only `smtpwall up` does.\n\n"
	"It reads no configuration, needs no ledger, and removes a wall of any version. The same by hand:\n"
	"`rm -r /sys/fs/bpf/smtpwall/links`. Where `status` said \"replies by clsact\", a filter that drops\n"
	"nothing any more stays; `tc filter del dev eth0 egress pref 25` removes it.\n";

static int one_ban(void *context, const struct prefix *prefix, const struct ban *ban)
{
	(void)context;
	(void)prefix;
	(void)ban;
	return 1;
}

static int one_fresh(void *context, const struct address *source, const struct proven *proven)
{
	uint32_t any = proven->fresh_mail;

	(void)context;
	(void)source;
	for (int i = 0; i < OFFENCES; i++)
		any |= proven->fresh[i];
	return any != 0;
}

/* Bans, and what sources did of late, go to the ledger first. Whatever goes wrong, the wall goes. */
static void save(void)
{
	struct ledger *ledger = NULL;
	struct wall *wall = NULL;
	struct error why;
	int err = wall_open(place.pins, &wall, &why);

	if (err == -ENOENT)
		return;
	if (!err && !wall_each_ban(wall, one_ban, NULL) && !wall_each_proven(wall, one_fresh, NULL))
		goto out;
	if (!err)
		err = ledger_open(place.state, false, 0, &ledger, &why);
	if (!err)
		err = bans_save(wall, ledger, &why);
	if (err)
		note("bans are not kept: %s", why.text);
	else if (known_take(wall, ledger, &why))
		note("what sources did in the last minute is not kept: %s", why.text);
out:
	ledger_close(ledger);
	wall_close(wall);
}

int command_down(int argc, char **argv)
{
	static const char *const known[] = {"configured", NULL};
	struct options options;
	struct error why, lock_why;
	char who[64];
	int first = options_read(argc, argv, known, help_down, &options), lock, err;

	if (first < 0)
		return -1 - first;
	if (first != argc)
		return usage("down", "it takes no arguments");
	if (access(place.pins, F_OK)) {
		complain("no wall is up at %s; nothing changed", place.pins);
		return STATUS_FAILED;
	}
	/* The mark first: a daemon that sees the pins vanish finds it. */
	if (!options.configured && down_mark(&why))
		note("a running daemon may put the wall up again: %s", why.text);
	lock = pins_lock(place.pins, LOCK_WALL, 5, &lock_why);
	/* And again: an `up` that held the lock until now has taken the mark away. */
	if (lock >= 0 && !options.configured)
		down_mark(NULL);
	if (lock < 0 && lock != -ENOENT)
		note("%s; going on without it", lock_why.text);
	save();
	err = pins_remove(place.pins, &why);
	if (lock >= 0)
		close(lock);
	if (err)
		return fail(&why);
	log_line(LOG_NOTICE, "down by=%s", ledger_who(who));
	puts("the wall is down: nothing is filtered");
	return STATUS_DONE;
}
