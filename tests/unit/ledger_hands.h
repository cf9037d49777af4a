/* SPDX-License-Identifier: GPL-2.0-only */
/* ledger_hands.h - bans and days, and a ledger to put them in, for the tests about abuse */
#ifndef SMTPWALL_TESTS_LEDGER_HANDS_H
#define SMTPWALL_TESTS_LEDGER_HANDS_H

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ledger_place.h"
#include "ledger_sql.h"

/* Not every test needs all of them. */
#pragma GCC diagnostic ignored "-Wunused-function"

/* By other hands than smtpwall's. */
static void edit(const char *sql)
{
	char *message = NULL;
	sqlite3 *db;

	sqlite3_open(file, &db);
	if (sqlite3_exec(db, sql, NULL, NULL, &message))
		fail_msg("%s: %s", sql, message);
	sqlite3_close(db);
}

static int64_t asked(const char *sql)
{
	sqlite3 *db;
	int64_t n;

	sqlite3_open(file, &db);
	n = ledger_number(db, sql);
	sqlite3_close(db);
	return n;
}

static void good(int err)
{
	if (err)
		fail_msg("unexpected failure: got %d (%s), want 0", err, why.text);
}

static struct ledger_ban a_ban(const char *prefix)
{
	struct ledger_ban b = {.since = 1000,
			       .until = 1600,
			       .remember = 605800,
			       .offended = 960,
			       .strikes = 3,
			       .mode = MODE_ENFORCE,
			       .origin = BAN_BY_LOG,
			       .members = 7,
			       .offence = {1, 2, 3, UINT32_MAX},
			       .last = OFFENCE_PROTOCOL_ERROR,
			       .text = "554 5.7.1 <a@b>: Relay access denied"};

	good(prefix_parse(prefix, &b.prefix, &why));
	return b;
}

static int list_bans(const struct ledger_ban *b, void *context)
{
	char *text = context, prefix[PREFIX_TEXT];
	size_t used = strlen(text);

	snprintf(text + used, 1024 - used, "%s%s", used ? " " : "",
		 prefix_text(&b->prefix, prefix));
	return 0;
}

static int count_ban(const struct ledger_ban *b, void *context)
{
	(void)b;
	++*(int *)context;
	return 0;
}

static int bans(struct ledger *ledger)
{
	int n = 0;

	good(ledger_each_ban(ledger, count_ban, &n, &why));
	return n;
}

static struct ledger_day a_day(const char *source, int64_t day, uint32_t offences, uint32_t mail)
{
	struct ledger_day d = {.day = day, .offence = {offences, 0, 2 * offences, 0}, .mail = mail};

	if (!address_parse(source, &d.source))
		fail_msg("%s", source);
	return d;
}

static void add(struct ledger *ledger, const char *source, int64_t day, uint32_t offences,
		uint32_t mail)
{
	struct ledger_day d = a_day(source, day, offences, mail);

	good(ledger_add_day(ledger, &d, &why));
}

static int list_days(const struct ledger_day *d, void *context)
{
	char *text = context, source[ADDRESS_TEXT];
	size_t used = strlen(text);

	snprintf(text + used, 1024 - used, "%s%s@%d:%u,%u,%u,%u+%u", used ? " " : "",
		 address_text(&d->source, source), (int)d->day, d->offence[0], d->offence[1],
		 d->offence[2], d->offence[3], d->mail);
	return 0;
}

static int list_known(const struct ledger_known *k, void *context)
{
	char *text = context, source[ADDRESS_TEXT];
	size_t used = strlen(text);

	snprintf(text + used, 1024 - used, "%s%s:%u/%u@%d", used ? " " : "",
		 address_text(&k->source, source), k->messages, k->days, (int)k->last_day);
	return 0;
}

/* The days or the known senders in one line. */
static const char *days(struct ledger *ledger, const char *source, int64_t from)
{
	static char text[1024];
	struct address a;

	text[0] = 0;
	if (source)
		address_parse(source, &a);
	good(ledger_each_day(ledger, source ? &a : NULL, from, list_days, text, &why));
	return text;
}

static const char *known(struct ledger *ledger, int64_t from, uint32_t messages, uint32_t on)
{
	static char text[1024];

	text[0] = 0;
	good(ledger_each_known(ledger, from, messages, on, list_known, text, &why));
	return text;
}

/* Numbered sources, as a botnet has them. */
static int flood(struct ledger *ledger, uint32_t from, uint32_t count, int64_t on, uint32_t mail)
{
	struct ledger_day d = {.day = on, .offence = {1}, .mail = mail};
	int err = 0;

	good(ledger_begin(ledger, &why));
	for (uint32_t i = 0; !err && i < count; i++) {
		/* in no order */
		address_from_v4(&d.source, (from + i) * 2654435761U);
		err = ledger_add_day(ledger, &d, &why);
	}
	if (err)
		ledger_rollback(ledger);
	else
		good(ledger_commit(ledger, &why));
	return err;
}

#endif
