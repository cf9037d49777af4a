// SPDX-License-Identifier: GPL-2.0-only
/*
 * load.c - replaces the content of a list, all or nothing
 *
 * The file is read and judged before any lock is taken: standard input may be a person. The daemon
 * runs this very command for a configured file that changed, and for the list `guard`.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>
#include "../clock.h"
#include "../output.h"
#include "commands.h"

const char help_load[] =
	"usage: smtpwall load NAME FILE|- [--action allow|drop|refuse|count] [--format F]\n"
	"                     [--skip-bad] [--force]\n"
	"       smtpwall load guard\n\n"
	"Replaces the content of a list, all or nothing, and puts it in force. \"-\" is standard input;\n"
	"gzip is read as it is. What is loaded is stored and comes back at a reboot, until the file that the\n"
	"configuration names for this list changes.\n\n"
	"  --action A   what the list does (default: as configured or as before; a new list drops)\n"
	"  --format F   plain, drop, drop-json, ip4set, ip4trie, ip4tset, ip6trie, ip6tset (default:\n"
	"               recognised)\n"
	"  --skip-bad   leave lines out that cannot be read, instead of refusing the whole\n"
	"  --force      also what looks like a mistake: very wide prefixes, a list that shrank by more than\n"
	"               half or grew more than threefold, an empty list\n\n"
	"`load guard` looks again for what must never be blocked: own addresses, gateways, resolvers.\n";

static int read_source(struct list_change *change, const char *file, const struct options *options,
		       struct error *why)
{
	char *absolute = strcmp(file, "-") ? realpath(file, NULL) : NULL;
	int err;

	/* The file's identity before its content: a change in between is seen as a change. */
	if (options->configured)
		list_origin_of_file(&change->origin, file);
	snprintf(change->origin.source, sizeof(change->origin.source), "%s",
		 absolute ? absolute : file);
	err = lists_read(file, options->format, options->skip_bad, change, why);
	free(absolute);
	return err;
}

/* There is no wall to change: the list is stored for the next one. */
static int store(struct list_change *change, struct error *why)
{
	int err;

	if (!change)
		return error_set(why, -ENOENT, "no wall is up at %s; start it with `smtpwall up`",
				 place.pins);
	err = lists_install(NULL, change, why);
	if (!err)
		note("no wall is up at %s: the list is stored and takes effect with `smtpwall up`",
		     place.pins);
	return err;
}

/* The first list that refuses may be one that the configuration does not know. */
static void make_refusing(struct wall *wall, const struct list_change *change)
{
	struct error why;

	if (!change || change->origin.action != LIST_REFUSE || !change->origin.by_hand)
		return;
	if (refusing_attach(wall, &why))
		note("%s", why.text);
	if (!pins_locked(place.pins, LOCK_DAEMON))
		note("the refusal listener is the daemon's: until `smtpwall daemon` runs, this list "
		     "drops");
}

static int install(struct list_change *change, struct error *why)
{
	struct wall *wall = NULL;
	int lock = pins_lock(place.pins, LOCK_WALL, 60, why), err;

	if (lock == -ENOENT)
		return store(change, why);
	if (lock < 0)
		return lock;
	/* The place may be there without a wall, as a daemon leaves it that waits for one. */
	err = pins_identity(place.pins) ? wall_open(place.pins, &wall, why) : -ENOENT;
	if (!err)
		err = lists_install(wall, change, why);
	else if (err == -ENOENT)
		err = store(change, why);
	if (!err && wall)
		make_refusing(wall, change);
	wall_close(wall);
	close(lock);
	return err;
}

static int load_guard(void)
{
	struct error why;

	if (install(NULL, &why))
		return fail(&why);
	puts("list guard: renewed");
	return STATUS_DONE;
}

static int load_list(const char *name, const char *file, const struct options *options)
{
	struct list_change change = {.force = options->force};
	char number[NUMBER_TEXT];
	struct error why;
	int err;

	if (options->action && !action_parse(options->action, &change.origin.action))
		return usage("load",
			     "--action takes allow, drop (or block), refuse or count, not \"%s\"",
			     options->action);
	snprintf(change.origin.name, sizeof(change.origin.name), "%s", name);
	change.origin.by_hand = !options->configured;
	change.origin.forced = options->force;
	change.origin.loaded = clock_wall();
	ledger_who(change.origin.who);
	err = read_source(&change, file, options, &why);
	if (!err)
		err = install(&change, &why);
	if (!err) {
		printf("list %s: %s entries in force, action %s", name,
		       number_text(change.origin.entries, number),
		       action_name(change.origin.action));
		if (change.origin.left_out)
			printf(", %s left out", number_text(change.origin.left_out, number));
		putchar('\n');
		log_line(LOG_NOTICE, "load list=%s entries=%llu left-out=%llu by=%s", name,
			 (unsigned long long)change.origin.entries,
			 (unsigned long long)change.origin.left_out, change.origin.who);
	}
	list_content_free(&change.content);
	return err ? fail(&why) : STATUS_DONE;
}

int command_load(int argc, char **argv)
{
	static const char *const known[] = {"action", "format",	    "skip-bad",
					    "force",  "configured", NULL};
	struct options options;
	struct wall *wall = NULL;
	int first = options_read(argc, argv, known, help_load, &options);

	if (first < 0)
		return -1 - first;
	/* For the clock that the wall goes by. */
	wall_open(place.pins, &wall, NULL);
	wall_close(wall);
	if (first + 1 == argc && !strcmp(argv[first], "guard"))
		return load_guard();
	if (first + 2 != argc)
		return usage("load", "say which list and which file (\"-\" is standard input)");
	if (!list_name_valid(argv[first]))
		return usage("load",
			     "\"%s\" is no name of a list (letters, digits, '.', '_', '-', at most "
			     "31; not guard, "
			     "not manual)",
			     argv[first]);
	if (options.format && !list_format_known(options.format))
		return usage("load", "there is no format \"%s\"", options.format);
	return load_list(argv[first], argv[first + 1], &options);
}
