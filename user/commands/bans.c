// SPDX-License-Identifier: GPL-2.0-only
/*
 * bans.c - what is in force against sources, or for them: bans for abuse, blocks and allows by hand
 *
 * Bans come from the map, which is the truth about them; where no wall is up, from the ledger's
 * copy, which `up` puts back. What was said by hand comes from the ledger, which knows who and why,
 * and from the map where the ledger cannot be read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../clock.h"
#include "../output.h"
#include "commands.h"

const char help_bans[] =
	"usage: smtpwall bans [ADDR[/LEN]] [--all] [--json]\n\n"
	"Shows who is banned for abuse, with the evidence, and what is blocked or allowed by hand: since\n"
	"when, until when, by whom and why. With an address only what concerns it, with a network also\n"
	"what is inside it.\n\n"
	"  --all  also bans that are over and whose strikes still count: the next one will be longer\n\n"
	"A ban is by \"reply\" (of the mail server), by \"log\" (a line of its log), or \"widened\" (several\n"
	"banned addresses in one network). One marked (monitor) was made in monitor mode and drops\n"
	"nothing in enforce mode. `smtpwall unblock` takes bans and blocks back.\n";

enum row_kind {
	ROW_ABUSE,
	ROW_ALLOW,
	ROW_BLOCK,
};

struct row {
	struct prefix prefix;
	enum row_kind kind;
	int64_t since, until; /* wall clock, as all that is shown */
	struct ledger_manual *manual;
	/* Of a ban; its own times are good for the time between them only. */
	struct ban *ban;
	int64_t remember;
	bool stands;
};

struct listing {
	int64_t now;
	struct wall *wall;
	struct ledger *ledger; /* what it knows is listed already */
	const struct prefix *only;
	bool all;
	struct row *row;
	size_t count, room;
};

static bool wanted(const struct listing *l, const struct prefix *prefix)
{
	return !l->only || prefix_contains(l->only, prefix) || prefix_contains(prefix, l->only);
}

/* Takes `detail` over, which is what the row is made of; NULL: there was no memory for it. */
static int add(struct listing *l, const struct row *row, const void *detail)
{
	if (detail && l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct row *more = reallocarray(l->row, room, sizeof(*more));

		if (more) {
			l->row = more;
			l->room = room;
		}
	}
	if (!detail || l->count == l->room) {
		free(row->manual);
		free(row->ban);
		return -ENOMEM;
	}
	l->row[l->count++] = *row;
	return 0;
}

static void *copy(const void *what, size_t size)
{
	void *mine = malloc(size);

	return mine ? memcpy(mine, what, size) : NULL;
}

/* --- by hand ---------------------------------------------------------------------------------- */

static int add_manual(const struct ledger_manual *entry, void *context)
{
	struct listing *l = context;
	struct row row = {
		.prefix = entry->prefix,
		.kind = entry->slot == MANUAL_ALLOW ? ROW_ALLOW : ROW_BLOCK,
		.since = entry->since,
		.until = entry->until,
	};

	if (entry->until <= l->now || !wanted(l, &entry->prefix))
		return 0;
	row.manual = copy(entry, sizeof(*entry));
	return add(l, &row, row.manual);
}

static int add_map_slot(struct listing *l, const struct prefix *prefix, enum manual_slot slot,
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
	return add_manual(&entry, l);
}

static int add_map(void *context, const struct prefix *prefix, const struct manual *entry)
{
	struct listing *l = context;
	int err = add_map_slot(l, prefix, MANUAL_ALLOW, entry->allow_since, entry->allow_until);

	return err ? err
		   : add_map_slot(l, prefix, MANUAL_BLOCK, entry->block_since, entry->block_until);
}

/* --- for abuse -------------------------------------------------------------------------------- */

static int add_row_of_ban(struct listing *l, struct row *row, const struct ban *ban)
{
	if (!wanted(l, &row->prefix) || (!row->stands && !(l->all && row->remember > l->now)))
		return 0;
	row->kind = ROW_ABUSE;
	row->ban = copy(ban, sizeof(*ban));
	return add(l, row, row->ban);
}

static int add_ban(void *context, const struct prefix *prefix, const struct ban *ban)
{
	struct listing *l = context;
	struct row row = {
		.prefix = *prefix,
		.since = clock_wall_of(ban->since),
		.until = clock_wall_of(ban->until),
		.remember = clock_wall_of(ban->remember),
		.stands = ban_stands(l->wall, ban),
	};

	return add_row_of_ban(l, &row, ban);
}

static int add_ledger_ban(const struct ledger_ban *kept, void *context)
{
	struct listing *l = context;
	struct row row = {
		.prefix = kept->prefix,
		.since = kept->since,
		.until = kept->until,
		.remember = kept->remember,
		.stands = kept->until > l->now,
	};
	struct ban ban = {
		.strikes = kept->strikes,
		.mode = kept->mode,
		.origin = kept->origin,
		.members = kept->members,
		.last = kept->last,
		.remember = clock_boot_of(kept->remember),
	};

	/* It may be older than this boot, of which the boot clock knows nothing. */
	if (kept->offended && kept->since >= kept->offended) {
		ban.offended = SECOND_NS;
		ban.since = SECOND_NS + (uint64_t)(kept->since - kept->offended) * SECOND_NS;
	}
	memcpy(ban.offence, kept->offence, sizeof(ban.offence));
	memcpy(ban.text, kept->text, sizeof(ban.text));
	return add_row_of_ban(l, &row, &ban);
}

/* --- shown ------------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = memcmp(&x->prefix.address, &y->prefix.address, sizeof(x->prefix.address));

	if (order)
		return order;
	if (x->prefix.length != y->prefix.length)
		return x->prefix.length < y->prefix.length ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

static void show_json(const struct row *row, json_object *array)
{
	static const char *const reason[] = {
		[ROW_ABUSE] = "abuse", [ROW_ALLOW] = "allow-list", [ROW_BLOCK] = "admin-block"};
	json_object *o = json_object_new_object();
	char prefix[PREFIX_TEXT];

	json_text(o, "address", prefix_text(&row->prefix, prefix));
	json_text(o, "kind", row->kind == ROW_ABUSE ? "abuse" : "manual");
	if (row->kind != ROW_ABUSE)
		json_text(o, "action", row->kind == ROW_ALLOW ? "allow" : "block");
	json_text(o, "reason", reason[row->kind]);
	json_time(o, "since", row->since);
	json_time(o, "expires", row->until);
	if (row->ban) {
		json_flag(o, "in_force", row->stands);
		ban_json(o, row->ban);
		/* Not from the ban: it may have been the ledger's. */
		json_object_object_del(o, "offended");
		json_object_object_del(o, "remembered");
		json_time(o, "remembered", row->remember);
	} else {
		json_text(o, "by", row->manual->who[0] ? row->manual->who : NULL);
		json_text(o, "text", row->manual->reason[0] ? row->manual->reason : NULL);
	}
	json_object_array_add(array, o);
}

/* One that was made in monitor mode is not in force in enforce mode, though its time is not over. */
static const char *ban_kind(const struct listing *l, const struct row *row)
{
	if (row->until <= l->now)
		return "abuse (over)";
	if (row->ban->mode == MODE_MONITOR)
		return row->stands ? "abuse (monitor)" : "abuse (was monitor)";
	return "abuse";
}

static void show_row(const struct listing *l, const struct row *row, struct table *table)
{
	char prefix[PREFIX_TEXT], since[CLOCK_TEXT], until[CLOCK_TEXT], strikes[NUMBER_TEXT] = "",
									evidence[EVIDENCE_SENTENCE];
	const char *kind = row->kind == ROW_ALLOW ? "allow" : "block", *by, *text;

	if (row->ban) {
		kind = ban_kind(l, row);
		number_text(row->ban->strikes, strikes);
		by = ban_origin_name(row->ban->origin);
		text = evidence_text(row->ban, evidence, sizeof(evidence));
	} else {
		by = row->manual->who;
		text = row->manual->reason;
	}
	table_row(table, (const char *const[]){prefix_text(&row->prefix, prefix), kind,
					       clock_short(row->since, since),
					       clock_short(row->until, until), strikes, by, text});
}

static void show(struct listing *l, bool json)
{
	static const char *const heading[] = {"address",  "kind", "since", "until",
					      ">strikes", "by",	  "reason"};
	struct table *table = NULL;
	json_object *array = json ? json_object_new_array() : NULL;
	char prefix[PREFIX_TEXT];

	if (l->count)
		qsort(l->row, l->count, sizeof(*l->row), compare);
	if (!json && l->count)
		table = table_new(7, heading);
	for (size_t i = 0; i < l->count; i++) {
		if (json)
			show_json(&l->row[i], array);
		else
			show_row(l, &l->row[i], table);
	}
	if (json)
		json_print(array, stdout);
	else if (l->count)
		table_print(table, stdout);
	else if (l->only)
		printf("nothing is in force about %s\n", prefix_text(l->only, prefix));
	else
		puts("nobody is banned, and nothing is blocked or allowed by hand");
}

static int collect(struct listing *l, struct error *why)
{
	int err = ledger_open(place.state, true, 0, &l->ledger, why), opened = err;

	if (!err)
		err = ledger_each_manual(l->ledger, add_manual, l, why);
	if (!err && !l->wall)
		err = ledger_each_ban(l->ledger, add_ledger_ban, l, why);
	if (err && err != -ENOENT)
		note("%s; this is what the kernel knows, without who and why", why->text);
	if (err && !opened) {
		ledger_close(l->ledger);
		l->ledger = NULL;
	}
	if (!l->wall)
		return err == -ENOENT ? 0 : err;
	/* And what was put in force while the ledger could not be written. */
	err = wall_each_manual(l->wall, add_map, l);
	if (!err)
		err = wall_each_ban(l->wall, add_ban, l);
	return err ? error_set(why, err, "cannot read the maps of the wall: %s", strerror(-err))
		   : 0;
}

int command_bans(int argc, char **argv)
{
	static const char *const known[] = {"json", "all", NULL};
	struct listing l = {0};
	struct options options;
	struct prefix only;
	struct error why = {""};
	int first = options_read(argc, argv, known, help_bans, &options), err;

	if (first < 0)
		return -1 - first;
	if (first + 1 < argc)
		return usage("bans", "say one address or network at most");
	if (first < argc) {
		if (prefix_parse(argv[first], &only, &why))
			return usage("bans", "%s", why.text);
		l.only = &only;
	}
	err = wall_open(place.pins, &l.wall, &why);
	if (err && err != -ENOENT)
		note("%s; this is what the ledger knows", why.text);
	l.now = clock_wall();
	l.all = options.all;
	err = collect(&l, &why);
	show(&l, options.json);
	for (size_t i = 0; i < l.count; i++) {
		free(l.row[i].manual);
		free(l.row[i].ban);
	}
	free(l.row);
	ledger_close(l.ledger);
	wall_close(l.wall);
	return err ? fail(&why) : STATUS_DONE;
}
