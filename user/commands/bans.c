// SPDX-License-Identifier: GPL-2.0-only
/*
 * bans.c - what is blocked and allowed by hand
 *
 * From the ledger, which knows who and why; from the map where the ledger cannot be read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../clock.h"
#include "../output.h"
#include "commands.h"

const char help_bans[] =
	"usage: smtpwall bans [--json]\n\n"
	"Shows every address and network that is blocked or allowed by hand: since when, until when, by\n"
	"whom and why.\n";

struct listing {
	int64_t now;
	struct ledger *ledger; /* what it knows is shown already */
	json_object *array;    /* NULL: for people */
	struct table *table;
	size_t count;
};

static int show(const struct ledger_manual *entry, void *context)
{
	const char *what = entry->slot == MANUAL_ALLOW ? "allow" : "block";
	char prefix[PREFIX_TEXT], since[CLOCK_TEXT], until[CLOCK_TEXT];
	struct listing *l = context;

	if (entry->until <= l->now)
		return 0;
	l->count++;
	prefix_text(&entry->prefix, prefix);
	if (l->array) {
		json_object *o = json_object_new_object();

		json_text(o, "address", prefix);
		json_text(o, "kind", what);
		json_text(o, "reason", entry->slot == MANUAL_ALLOW ? "allow-list" : "admin-block");
		json_time(o, "since", entry->since);
		json_time(o, "expires", entry->until);
		json_text(o, "by", entry->who[0] ? entry->who : NULL);
		json_text(o, "text", entry->reason[0] ? entry->reason : NULL);
		json_object_array_add(l->array, o);
	} else {
		table_row(l->table,
			  (const char *const[]){prefix, what, clock_short(entry->since, since),
						clock_short(entry->until, until), entry->who,
						entry->reason});
	}
	return 0;
}

static int show_map_slot(struct listing *l, const struct prefix *prefix, enum manual_slot slot,
			 uint64_t since, uint64_t until)
{
	struct ledger_manual entry = {.prefix = *prefix, .slot = slot};
	struct ledger_manual known;

	if (!until || (l->ledger && ledger_get_manual(l->ledger, prefix, slot, &known, NULL) == 0))
		return 0;
	entry.since = clock_wall_of(since);
	entry.until = clock_wall_of(until);
	snprintf(entry.who, sizeof(entry.who), "?");
	snprintf(entry.reason, sizeof(entry.reason), "(not in the ledger: ends with a reboot)");
	return show(&entry, l);
}

static int show_map(void *context, const struct prefix *prefix, const struct manual *entry)
{
	struct listing *l = context;

	show_map_slot(l, prefix, MANUAL_ALLOW, entry->allow_since, entry->allow_until);
	return show_map_slot(l, prefix, MANUAL_BLOCK, entry->block_since, entry->block_until);
}

int command_bans(int argc, char **argv)
{
	static const char *const known[] = {"json", NULL};
	static const char *const heading[] = {"address", "kind", "since", "until", "by", "reason"};
	struct listing l = {0};
	struct options options;
	struct wall *wall = NULL;
	struct ledger *ledger = NULL;
	struct error why = {""};
	int first = options_read(argc, argv, known, help_bans, &options), err;

	if (first < 0)
		return -1 - first;
	if (first != argc)
		return usage("bans", "it takes no arguments");
	wall_open(place.pins, &wall, NULL);
	l.now = clock_wall();
	l.array = options.json ? json_object_new_array() : NULL;
	l.table = options.json ? NULL : table_new(6, heading);
	err = ledger_open(place.state, true, 0, &ledger, &why);
	if (!err)
		err = ledger_each_manual(ledger, show, &l, &why);
	if (err && err != -ENOENT)
		note("%s; this is what the kernel knows, without who and why", why.text);
	l.ledger = err ? NULL : ledger;
	/* And what was put in force while the ledger could not be written. */
	if (wall)
		err = wall_each_manual(wall, show_map, &l);
	else if (err == -ENOENT)
		err = 0;
	if (l.array)
		json_print(l.array, stdout);
	else if (l.count)
		table_print(l.table, stdout);
	else
		puts("nothing is blocked or allowed by hand");
	ledger_close(ledger);
	wall_close(wall);
	return err ? fail(&why) : STATUS_DONE;
}
