// SPDX-License-Identifier: GPL-2.0-only
/*
 * block.c - block, unblock, allow, unallow: one family, two slots, put and take back
 *
 * What is said here goes to the ledger and into the kernel in one write transaction of the ledger.
 * When the ledger cannot be written (a full disk), a block or allow takes effect all the same, and
 * the command says that it will not survive a reboot. A command that changes nothing says so.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "../clock.h"
#include "../output.h"
#include "commands.h"

const char help_block[] =
	"usage: smtpwall block ADDR[/LEN]... | - [--for TIME] [--reason TEXT] [--force]\n\n"
	"Blocks addresses or networks by hand: every segment to a protected port is dropped, "
	"sessions\n"
	"that are open included. \"-\" reads them from standard input, one a line, # begins a "
	"comment.\n"
	"Kept in the ledger with reason, who and when, so that it survives a reboot.\n\n"
	"  --for TIME     ends by itself: 90s, 10m, 4h, 7d (default: until `smtpwall unblock`)\n"
	"  --reason TEXT  shown by `smtpwall check` and `smtpwall bans`\n"
	"  --force        also a network wider than /10 (IPv6 /20)\n\n"
	"An address that an allow list holds cannot be blocked: allow wins. The command fails and "
	"names\n"
	"the list.\n\n"
	"  smtpwall block 192.0.2.7 --for 4h --reason \"guesses passwords\"\n";
const char help_unblock[] =
	"usage: smtpwall unblock ADDR[/LEN]... | -\n\n"
	"Takes a block back that was placed by hand, exactly as it was written. Says what still "
	"blocks\n"
	"the address, if something does. Exit status 1 if there was no such block.\n";
const char help_allow[] =
	"usage: smtpwall allow ADDR[/LEN]... | - [--for TIME] [--reason TEXT] [--force]\n\n"
	"Allows addresses or networks by hand: nothing blocks them, whatever lists, blocks and "
	"rates say.\n"
	"They are shown as list \"manual\". The options are those of `smtpwall block`.\n\n"
	"  smtpwall allow 203.0.113.0/24 --reason \"our customer's relays\"\n";
const char help_unallow[] =
	"usage: smtpwall unallow ADDR[/LEN]... | -\n\n"
	"Takes an allow back that was given by hand, exactly as it was written.\n";

/* What one run of the command is about. */
struct work {
	const char *command;
	enum manual_slot slot;
	bool put;
	struct options options;
	struct wall *wall;     /* NULL: no wall is up */
	struct ledger *ledger; /* NULL: cannot be used */
	struct error ledger_why;
	struct prefix *prefix;
	struct manual *before; /* what the map held of the first `done` of them */
	bool *there;	       /* take back: which of them there were */
	struct cover *cover;
	size_t count, room, done;
};

static const char *slot_done(const struct work *w)
{
	return w->slot == MANUAL_ALLOW ? "allowed" : "blocked";
}

static int add_prefix(struct work *w, const char *text, struct error *why)
{
	struct prefix p;
	int err = prefix_parse(text, &p, why);

	if (err)
		return err;
	if (w->count == w->room) {
		size_t room = w->room ? 2 * w->room : 64;
		struct prefix *more = reallocarray(w->prefix, room, sizeof(*more));

		if (!more)
			return error_set(why, -ENOMEM, "out of memory");
		w->prefix = more;
		w->room = room;
	}
	w->prefix[w->count++] = p;
	return 0;
}

/* All lines are read and judged before the first one is put in force. */
static int add_lines(struct work *w, struct error *why)
{
	char line[256];
	size_t number = 0;
	int err = 0;

	while (!err && fgets(line, sizeof(line), stdin)) {
		char *word, *rest;

		number++;
		line[strcspn(line, "#;\r\n")] = '\0';
		word = strtok_r(line, " \t", &rest);
		if (!word)
			continue;
		err = strtok_r(NULL, " \t", &rest)
			      ? error_set(why, -EINVAL, "more than one address on a line")
			      : add_prefix(w, word, why);
		if (err)
			error_prefix(why, err, "-:%zu: ", number);
	}
	return err;
}

static bool too_wide(const struct prefix *p)
{
	return address_is_v4(&p->address) && p->length >= ADDRESS_V4_AT
		       ? p->length < ADDRESS_V4_AT + 10
		       : p->length < 20;
}

static int refuse_put(struct work *w, const struct prefix *p, struct error *why)
{
	char text[PREFIX_TEXT], by_text[PREFIX_TEXT], list[POLICY_NAME];
	struct prefix by;

	if (too_wide(p) && !w->options.force)
		return error_set(why, -EPERM,
				 "%s is wider than /10 (IPv6: /20), which is rarely meant; repeat "
				 "with --force",
				 prefix_text(p, text));
	if (w->slot == MANUAL_ALLOW)
		return 0;
	if (cover_by_hand(w->cover, p, MANUAL_ALLOW, &by))
		return error_set(why, -EPERM,
				 "%s is not blocked: it is in the allow list \"manual\" as part of "
				 "%s, and allow wins; `smtpwall unallow` takes that back",
				 prefix_text(p, text), prefix_text(&by, by_text));
	if (cover_by_list(w->cover, p, list))
		return error_set(
			why, -EPERM,
			"%s is not blocked: it is in the allow list \"%s\", and allow wins%s",
			prefix_text(p, text), list,
			strcmp(list, "guard") != 0
				? ""
				: " (an address of this host, its gateway or a resolver)");
	return 0;
}

static int put_ledger(struct work *w, const struct prefix *p, int64_t since, int64_t until,
		      struct error *why)
{
	struct ledger_manual entry = {
		.prefix = *p, .slot = w->slot, .since = since, .until = until};

	ledger_who(entry.who);
	text_clean(w->options.reason ? w->options.reason : "", entry.reason, sizeof(entry.reason));
	return ledger_put_manual(w->ledger, &entry, why);
}

/* Puts one entry; a ledger that fails on the way is given up with its reason. */
static int put_one(struct work *w, const struct prefix *p, struct error *why)
{
	int64_t now = clock_wall(),
		until = w->options.seconds ? now + (int64_t)w->options.seconds : INT64_MAX;
	int err = 0;

	if (w->ledger && put_ledger(w, p, now, until, &w->ledger_why)) {
		ledger_rollback(w->ledger);
		ledger_close(w->ledger);
		w->ledger = NULL;
	}
	if (!w->wall && !w->ledger)
		return error_set(why, -EIO, "nothing was changed: no wall is up, and %s",
				 w->ledger_why.text);
	if (w->wall) {
		wall_get_manual(w->wall, p, &w->before[w->done++]);
		err = manual_set(w->wall, p, w->slot, clock_boot(), clock_boot_of(until), why);
	}
	return err;
}

static void tell_put(const struct work *w, const struct prefix *p)
{
	char text[PREFIX_TEXT], when[CLOCK_TEXT];
	int64_t until = w->options.seconds ? clock_wall() + (int64_t)w->options.seconds : INT64_MAX;

	if (until == INT64_MAX)
		printf("%s is %s until you take it back\n", prefix_text(p, text), slot_done(w));
	else
		printf("%s is %s until %s\n", prefix_text(p, text), slot_done(w),
		       clock_short(until, when));
}

/* Who did what stands in the log, whoever is at the terminal. */
static void log_change(const struct work *w, const struct prefix *p)
{
	char text[PREFIX_TEXT], who[64], reason[256], when[CLOCK_TEXT];

	text_clean(w->options.reason ? w->options.reason : "", reason, sizeof(reason));
	if (w->options.seconds)
		clock_text(clock_wall() + (int64_t)w->options.seconds, when);
	log_line(LOG_NOTICE, "%s source=%s by=%s%s%s%s%s%s", w->command, prefix_text(p, text),
		 ledger_who(who), w->options.seconds ? " until=" : "",
		 w->options.seconds ? when : "", reason[0] ? " text=\"" : "", reason,
		 reason[0] ? "\"" : "");
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

static void ledger_give_up(struct work *w)
{
	ledger_rollback(w->ledger);
	ledger_close(w->ledger);
	w->ledger = NULL;
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
		ledger_give_up(w);
	if (w->wall && wall_get_manual(w->wall, p, &in_force) == 0) {
		uint64_t until =
			w->slot == MANUAL_ALLOW ? in_force.allow_until : in_force.block_until;

		*there = *there || until > clock_boot();
		return manual_set(w->wall, p, w->slot, 0, 0, why);
	}
	return 0;
}

static int work_put(struct work *w, struct error *why)
{
	int err = 0;

	if (w->slot == MANUAL_BLOCK)
		err = cover_open(w->ledger, LIST_ALLOW, &w->cover, why);
	for (size_t i = 0; !err && i < w->count; i++)
		err = refuse_put(w, &w->prefix[i], why);
	w->before = calloc(w->count + 1, sizeof(*w->before));
	if (!err && !w->before)
		err = error_set(why, -ENOMEM, "out of memory");
	if (!err && w->ledger && ledger_begin(w->ledger, &w->ledger_why)) {
		ledger_close(w->ledger);
		w->ledger = NULL;
	}
	for (size_t i = 0; !err && i < w->count; i++)
		err = put_one(w, &w->prefix[i], why);
	if (!err && w->ledger && ledger_commit(w->ledger, &w->ledger_why)) {
		ledger_rollback(w->ledger);
		ledger_close(w->ledger);
		w->ledger = NULL;
		if (!w->wall)
			err = error_set(why, -EIO, "nothing was changed: no wall is up, and %s",
					w->ledger_why.text);
	}
	if (err) {
		/* The last one first: the same address may have been said twice. */
		for (; w->done > 0; w->done--)
			wall_put_manual(w->wall, &w->prefix[w->done - 1], &w->before[w->done - 1],
					NULL);
		if (w->ledger)
			ledger_rollback(w->ledger);
		return fail(why);
	}
	for (size_t i = 0; i < w->count; i++) {
		tell_put(w, &w->prefix[i]);
		log_change(w, &w->prefix[i]);
	}
	if (!w->ledger)
		note("this will not survive a reboot: %s", w->ledger_why.text);
	return STATUS_DONE;
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
			log_change(w, &w->prefix[i]);
			printf("%s is no longer %s by hand\n", text, slot_done(w));
		} else {
			complain("%s was not %s by hand; nothing changed", text, slot_done(w));
			status = STATUS_FAILED;
		}
	}
	return status;
}

static int work_take(struct work *w, struct error *why)
{
	int status, err = 0;

	w->there = calloc(w->count + 1, sizeof(*w->there));
	if (!w->there) {
		error_set(why, -ENOMEM, "out of memory");
		return fail(why);
	}
	if (w->ledger && ledger_begin(w->ledger, &w->ledger_why))
		ledger_give_up(w);
	for (size_t i = 0; !err && i < w->count; i++)
		err = take_one(w, &w->prefix[i], &w->there[i], why);
	if (w->ledger && (err || ledger_commit(w->ledger, &w->ledger_why)))
		ledger_give_up(w);
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

static void tell_where(const struct work *w)
{
	if (!w->wall)
		note("no wall is up at %s: this takes effect with `smtpwall up`", place.pins);
	else if (w->put && w->slot == MANUAL_BLOCK &&
		 mode_at(wall_settings(w->wall)->mode, clock_boot()) == MODE_MONITOR)
		note("the mode is monitor: it is counted, nothing is dropped; `smtpwall mode "
		     "enforce` makes it true");
}

static int manual_command(int argc, char **argv, enum manual_slot slot, bool put, const char *help)
{
	static const char *const put_options[] = {"for", "reason", "force", NULL},
				 *const take_options[] = {NULL};
	struct work w = {.command = argv[0], .slot = slot, .put = put};
	int first = options_read(argc, argv, put ? put_options : take_options, help, &w.options),
	    status, err = 0;
	struct error why = {""}, wall_why;

	if (first < 0)
		return -1 - first;
	if (first == argc)
		return usage(argv[0], "which address? (\"-\" reads them from standard input)");
	for (int i = first; !err && i < argc; i++)
		err = strcmp(argv[i], "-") ? add_prefix(&w, argv[i], &why) : add_lines(&w, &why);
	if (err) {
		complain("%s", why.text);
		free(w.prefix);
		return STATUS_USAGE;
	}
	err = wall_open(place.pins, &w.wall, &wall_why);
	if (err && err != -ENOENT) {
		status = fail(&wall_why);
	} else {
		ledger_open(place.state, false, 0, &w.ledger, &w.ledger_why);
		status = put ? work_put(&w, &why) : work_take(&w, &why);
		if (status == STATUS_DONE)
			tell_where(&w);
	}
	cover_close(w.cover);
	ledger_close(w.ledger);
	wall_close(w.wall);
	free(w.before);
	free(w.there);
	free(w.prefix);
	return status;
}

int command_block(int argc, char **argv)
{
	return manual_command(argc, argv, MANUAL_BLOCK, true, help_block);
}

int command_unblock(int argc, char **argv)
{
	return manual_command(argc, argv, MANUAL_BLOCK, false, help_unblock);
}

int command_allow(int argc, char **argv)
{
	return manual_command(argc, argv, MANUAL_ALLOW, true, help_allow);
}

int command_unallow(int argc, char **argv)
{
	return manual_command(argc, argv, MANUAL_ALLOW, false, help_unallow);
}
