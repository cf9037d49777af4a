// SPDX-License-Identifier: GPL-2.0-only
/*
 * block.c - block, unblock, allow, unallow: one family, two slots; reads the command, and puts
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
#include "work.h"

const char help_block[] =
	"usage: smtpwall block ADDR[/LEN]... | - [--for TIME] [--reason TEXT] [--force]\n\n"
	"Blocks addresses or networks by hand: every segment to a protected port is dropped, sessions\n"
	"that are open included. \"-\" reads them from standard input, one a line, # begins a comment.\n"
	"Kept in the ledger with reason, who and when, so that it survives a reboot.\n\n"
	"  --for TIME     ends by itself: 90s, 10m, 4h, 7d (default: until `smtpwall unblock`)\n"
	"  --reason TEXT  shown by `smtpwall check` and `smtpwall bans`\n"
	"  --force        also a network wider than /10 (IPv6 /20)\n\n"
	"An address that an allow list holds cannot be blocked: allow wins. The command fails and names\n"
	"the list.\n\n"
	"  smtpwall block 192.0.2.7 --for 4h --reason \"guesses passwords\"\n";
const char help_unblock[] =
	"usage: smtpwall unblock ADDR[/LEN]... | -\n\n"
	"Takes a block back that was placed by hand, exactly as it was written, and a ban for abuse: of an\n"
	"address its own, of a network that of the network and all inside it. Strikes and penalties are\n"
	"forgiven. Says what still blocks the address, if something does: a network that is banned is\n"
	"taken back by its own name. Exit status 1 if there was neither block nor ban.\n";
const char help_allow[] =
	"usage: smtpwall allow ADDR[/LEN]... | - [--for TIME] [--reason TEXT] [--force]\n\n"
	"Allows addresses or networks by hand: nothing blocks them, whatever lists, blocks and rates say.\n"
	"They are shown as list \"manual\". The options are those of `smtpwall block`.\n\n"
	"  smtpwall allow 203.0.113.0/24 --reason \"our customer's relays\"\n";
const char help_unallow[] =
	"usage: smtpwall unallow ADDR[/LEN]... | -\n\n"
	"Takes an allow back that was given by hand, exactly as it was written.\n";

const char *work_done(const struct work *w)
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

	if (w->ledger && put_ledger(w, p, now, until, &w->ledger_why))
		work_give_up_ledger(w);
	if (!w->wall && !w->ledger)
		return error_set(why, -EIO, "nothing was changed: no wall is up, and %s",
				 w->ledger_why.text);
	if (w->wall) {
		wall_get_manual(w->wall, p, &w->before[w->done++]);
		err = manual_set(w->wall, p, w->slot, clock_boot(), clock_boot_of(until), why);
	}
	return err;
}

/* Whoever allows a source may wonder whether the ban still matters. */
static void tell_banned(const struct work *w, const struct prefix *p)
{
	char text[PREFIX_TEXT], by_text[PREFIX_TEXT], when[CLOCK_TEXT];
	struct prefix by;
	struct ban ban;

	if (w->slot != MANUAL_ALLOW || !w->wall || !ban_covering(w->wall, p, &by, &ban))
		return;
	printf("%s is banned for abuse until %s%s%s, and passes all the same: allow wins; `smtpwall "
	       "unblock %s` ends the ban\n",
	       prefix_text(p, text), clock_short(clock_wall_of(ban.until), when),
	       by.length < p->length ? " as part of " : "",
	       by.length < p->length ? prefix_text(&by, by_text) : "", prefix_text(&by, by_text));
}

static void tell_put(const struct work *w, const struct prefix *p)
{
	char text[PREFIX_TEXT], when[CLOCK_TEXT];
	int64_t until = w->options.seconds ? clock_wall() + (int64_t)w->options.seconds : INT64_MAX;

	if (until == INT64_MAX)
		printf("%s is %s until you take it back\n", prefix_text(p, text), work_done(w));
	else
		printf("%s is %s until %s\n", prefix_text(p, text), work_done(w),
		       clock_short(until, when));
}

void work_log(const struct work *w, const struct prefix *p)
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

void work_give_up_ledger(struct work *w)
{
	ledger_rollback(w->ledger);
	ledger_close(w->ledger);
	w->ledger = NULL;
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
	if (!err && w->ledger && ledger_begin(w->ledger, &w->ledger_why))
		work_give_up_ledger(w);
	for (size_t i = 0; !err && i < w->count; i++)
		err = put_one(w, &w->prefix[i], why);
	if (!err && w->ledger && ledger_commit(w->ledger, &w->ledger_why)) {
		work_give_up_ledger(w);
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
		tell_banned(w, &w->prefix[i]);
		work_log(w, &w->prefix[i]);
	}
	if (!w->ledger)
		note("this will not survive a reboot: %s", w->ledger_why.text);
	return STATUS_DONE;
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

/* The kernel drops what they send; no process of the mail server should wait for more. */
static void cut_open(const struct work *w)
{
	struct error why;
	int cut;

	if (!w->wall || !w->put || w->slot != MANUAL_BLOCK ||
	    mode_at(wall_settings(w->wall)->mode, clock_boot()) != MODE_ENFORCE)
		return;
	cut = cut_blocked(w->prefix, w->count, &why);
	if (cut < 0)
		note("%s", why.text);
	else if (cut)
		printf("%d open session%s cut\n", cut, cut == 1 ? " was" : "s were");
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
		if (status == STATUS_DONE) {
			tell_where(&w);
			cut_open(&w);
		}
	}
	cover_close(w.cover);
	ledger_close(w.ledger);
	wall_close(w.wall);
	free(w.before);
	free(w.there);
	free(w.unbanned);
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
