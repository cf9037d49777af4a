// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger about abuse: bans and days survive, an old ledger is completed and loses nothing, rows
 * that are damaged harm no others, and no flood of offences crowds out what an administrator said.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "ledger_sql.h"

static char base[64], state[80], file[96];
static struct error why;

static int setup(void **unused)
{
	(void)unused;
	snprintf(base, sizeof(base), "/tmp/smtpwall-ledger.XXXXXX");
	if (!mkdtemp(base))
		return -1;
	snprintf(state, sizeof(state), "%s/state", base);
	snprintf(file, sizeof(file), "%s/ledger.db", state);
	memset(&why, 0, sizeof(why));
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **unused)
{
	(void)unused;
	return nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct ledger *opened(bool readonly, uint64_t max)
{
	struct ledger *ledger = NULL;

	if (ledger_open(state, readonly, max, &ledger, &why))
		fail_msg("cannot open the ledger: %s", why.text);
	return ledger;
}

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

/* --- bans ------------------------------------------------------------------------------------- */

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

static int stop_ban(const struct ledger_ban *b, void *context)
{
	(void)b;
	return ++*(int *)context == 2 ? 42 : 0;
}

static void ban(void **unused)
{
	static const char *const prefixes[] = {"2001:db8::/48", "192.0.2.7", "2001:db8::1",
					       "192.0.2.0/24", "2001:db8:1:2::/64"};
	struct ledger *ledger = opened(false, 0);
	struct ledger_ban b, got;
	char text[1024] = "";
	int n = 0;

	(void)unused;
	for (size_t i = 0; i < 5; i++) {
		b = a_ban(prefixes[i]);
		good(ledger_put_ban(ledger, &b, &why));
	}
	good(ledger_each_ban(ledger, list_bans, text, &why));
	assert_string_equal(text,
			    "192.0.2.0/24 192.0.2.7 2001:db8::/48 2001:db8::1 2001:db8:1:2::/64");
	assert_int_equal(ledger_each_ban(ledger, stop_ban, &n, &why), 42);
	assert_int_equal(n, 2);

	/* every number comes back, after a restart; the text is clean; put replaces */
	b = a_ban("192.0.2.7");
	good(ledger_put_ban(ledger, &b, &why));
	ledger_close(ledger);
	ledger = opened(true, 0);
	good(ledger_get_ban(ledger, &b.prefix, &got, &why));
	assert_memory_equal(&got, &b, offsetof(struct ledger_ban, text));
	assert_string_equal(got.text, "554 5.7.1 <a@b>: Relay access denied");
	assert_int_equal(ledger_put_ban(ledger, &b, &why), -EROFS);
	assert_int_equal(ledger_drop_ban(ledger, &b.prefix, &why), -EROFS);
	ledger_close(ledger);
	ledger = opened(false, 0);
	b.mode = MODE_MONITOR;
	b.origin = BAN_WIDENED;
	b.until = INT64_MAX;
	b.strikes = 4;
	b.last = 0;
	snprintf(b.text, sizeof(b.text), "\033[2J'); DROP TABLE ban; --\r\n");
	good(ledger_put_ban(ledger, &b, &why));
	good(ledger_get_ban(ledger, &b.prefix, &got, &why));
	assert_memory_equal(&got, &b, offsetof(struct ledger_ban, text));
	assert_string_equal(got.text, "?[2J'); DROP TABLE ban; --??");
	assert_int_equal(bans(ledger), 5);

	good(ledger_drop_ban(ledger, &b.prefix, &why));
	assert_int_equal(ledger_drop_ban(ledger, &b.prefix, &why), -ENOENT);
	got.since = 5;
	assert_int_equal(ledger_get_ban(ledger, &b.prefix, &got, &why), -ENOENT);
	assert_int_equal(got.since, 5);

	/* what could not be read back is not taken */
	b = a_ban("192.0.0.0/16");
	assert_int_equal(ledger_put_ban(ledger, &b, &why), -EINVAL);
	assert_non_null(strstr(why.text, "192.0.0.0/16"));
	b = a_ban("2001:db8::/32");
	assert_int_equal(ledger_put_ban(ledger, &b, &why), -EINVAL);
	b = a_ban("192.0.2.9");
	b.origin = 0;
	assert_int_equal(ledger_put_ban(ledger, &b, &why), -EINVAL);
	b = a_ban("192.0.2.9");
	b.last = OFFENCES;
	assert_int_equal(ledger_put_ban(ledger, &b, &why), -EINVAL);
	b = a_ban("192.0.2.9");
	b.since = -1;
	assert_int_equal(ledger_put_ban(ledger, &b, &why), -EINVAL);
	assert_int_equal(bans(ledger), 4);

	b = a_ban("192.0.2.9");
	b.remember = 2000;
	good(ledger_put_ban(ledger, &b, &why));
	assert_int_equal(ledger_expire_bans(ledger, 1999, &why), 0);
	assert_int_equal(ledger_expire_bans(ledger, 2000, &why), 1);
	assert_int_equal(ledger_expire_bans(ledger, 605800, &why), 4);
	assert_int_equal(bans(ledger), 0);
	ledger_close(ledger);
}

/* More bans than the map holds: those that are forgotten first go. */
static void surplus(void **unused)
{
	struct ledger *ledger = opened(false, 0);
	struct ledger_ban b = a_ban("10.0.0.0");

	(void)unused;
	good(ledger_begin(ledger, &why));
	for (uint32_t i = 0; i < BANS_MAX + 10; i++) {
		address_from_v4(&b.prefix.address, address_be32(0x0a000000 + i));
		b.remember = 10000 + (i * 7 % 100000); /* the first ten are not the soonest */
		if (i < 10)
			b.remember = 5000000;
		if (i >= 500 && i < 510)
			b.remember = 5000;
		good(ledger_put_ban(ledger, &b, &why));
	}
	good(ledger_commit(ledger, &why));
	assert_int_equal(ledger_expire_bans(ledger, 1000, &why), 10);
	assert_int_equal(bans(ledger), BANS_MAX);
	assert_int_equal(asked("SELECT count(*) FROM ban WHERE remember = 5000"), 0);
	ledger_close(ledger);
}

/* --- days ------------------------------------------------------------------------------------- */

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

static int stop_day(const struct ledger_day *d, void *context)
{
	(void)d;
	return ++*(int *)context == 2 ? 42 : 0;
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

static void day(void **unused)
{
	struct ledger *ledger = opened(false, 0);
	struct ledger_day d = a_day("192.0.2.1", 101, UINT32_MAX / 2, UINT32_MAX - 1);
	int n = 0;

	(void)unused;
	assert_string_equal(days(ledger, NULL, 0), "");
	add(ledger, "192.0.2.2", 100, 1, 0);
	add(ledger, "192.0.2.1", 101, 1, 2);
	add(ledger, "192.0.2.1", 100, 3, 0);
	add(ledger, "192.0.2.1", 101, 4, 1);
	assert_string_equal(
		days(ledger, NULL, 0),
		"192.0.2.1@100:3,0,6,0+0 192.0.2.2@100:1,0,2,0+0 192.0.2.1@101:5,0,10,0+3");
	assert_string_equal(days(ledger, NULL, 101), "192.0.2.1@101:5,0,10,0+3");
	assert_string_equal(days(ledger, "192.0.2.1", 0),
			    "192.0.2.1@100:3,0,6,0+0 192.0.2.1@101:5,0,10,0+3");
	assert_string_equal(days(ledger, "192.0.2.1", 102), "");
	assert_int_equal(ledger_each_day(ledger, NULL, 0, stop_day, &n, &why), 42);
	assert_int_equal(n, 2);

	/* numbers stop, they do not start again */
	good(ledger_add_day(ledger, &d, &why));
	good(ledger_add_day(ledger, &d, &why));
	assert_string_equal(days(ledger, NULL, 101),
			    "192.0.2.1@101:4294967295,0,4294967295,0+4294967295");
	d.day = -1;
	assert_int_equal(ledger_add_day(ledger, &d, &why), -EINVAL);

	/* forgiven: mail stays, and others are not meant */
	good(ledger_forget_offences(ledger, &d.source, &why));
	assert_string_equal(days(ledger, "192.0.2.1", 0),
			    "192.0.2.1@100:0,0,0,0+0 192.0.2.1@101:0,0,0,0+4294967295");
	assert_string_equal(days(ledger, "192.0.2.2", 0), "192.0.2.2@100:1,0,2,0+0");
	d = a_day("192.0.2.99", 0, 0, 0);
	good(ledger_forget_offences(ledger, &d.source, &why));

	assert_int_equal(ledger_expire_days(ledger, 100, &why), 0);
	assert_int_equal(ledger_expire_days(ledger, 101, &why), 2);
	ledger_close(ledger);
	ledger = opened(true, 0);
	assert_string_equal(days(ledger, NULL, 0), "192.0.2.1@101:0,0,0,0+4294967295");
	assert_int_equal(ledger_add_day(ledger, &d, &why), -EROFS);
	assert_int_equal(ledger_expire_days(ledger, 1, &why), -EROFS);
	ledger_close(ledger);
}

static void known_senders(void **unused)
{
	struct ledger *ledger = opened(false, 0);
	struct ledger_known k = {.messages = 77};
	struct address a;

	(void)unused;
	add(ledger, "2001:db8::1", 10, 0, 1);
	add(ledger, "2001:db8::1", 20, 0, 4);
	add(ledger, "192.0.2.1", 20, 0, 50); /* one day is not two */
	add(ledger, "192.0.2.2", 19, 9, 2);
	add(ledger, "192.0.2.2", 20, 0, 3);
	add(ledger, "192.0.2.2", 21, 9, 0); /* no mail that day */
	add(ledger, "192.0.2.3", 20, 5, 0);
	assert_string_equal(known(ledger, 0, 5, 2), "192.0.2.2:5/2@20 2001:db8::1:5/2@20");
	assert_string_equal(known(ledger, 11, 5, 2), "192.0.2.2:5/2@20");
	assert_string_equal(known(ledger, 0, 6, 1), "192.0.2.1:50/1@20");
	assert_string_equal(known(ledger, 0, 0, 0),
			    "192.0.2.1:50/1@20 192.0.2.2:5/2@20 2001:db8::1:5/2@20");
	assert_string_equal(known(ledger, 22, 0, 0), "");

	address_parse("192.0.2.3", &a);
	assert_int_equal(ledger_get_known(ledger, &a, 0, &k, &why), -ENOENT);
	assert_int_equal(k.messages, 77);
	address_parse("2001:db8::1", &a);
	good(ledger_get_known(ledger, &a, 11, &k, &why));
	assert_memory_equal(&k.source, &a, sizeof(a));
	assert_int_equal(k.messages, 4);
	assert_int_equal(k.days, 1);
	assert_int_equal(k.last_day, 20);
	assert_int_equal(ledger_get_known(ledger, &a, 21, &k, &why), -ENOENT);

	/* a sum larger than a number of the kernel */
	add(ledger, "2001:db8::1", 20, 0, UINT32_MAX);
	good(ledger_get_known(ledger, &a, 0, &k, &why));
	assert_true(k.messages == UINT32_MAX);
	assert_string_equal(known(ledger, 0, UINT32_MAX, 2), "2001:db8::1:4294967295/2@20");
	ledger_close(ledger);
}

/* --- an old ledger ---------------------------------------------------------------------------- */

/* As the first version made it. */
static void make_old(void)
{
	assert_int_equal(mkdir(state, 0700), 0);
	edit("PRAGMA journal_mode = WAL;"
	     "CREATE TABLE manual (address BLOB NOT NULL, length INTEGER NOT NULL, slot INTEGER"
	     " NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, who TEXT NOT NULL,"
	     " reason TEXT NOT NULL, PRIMARY KEY (address, length, slot)) WITHOUT ROWID;"
	     "CREATE TABLE override (name TEXT PRIMARY KEY, value TEXT NOT NULL, configured TEXT"
	     " NOT NULL, who TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL)"
	     " WITHOUT ROWID;"
	     "PRAGMA application_id = 1936553079; PRAGMA user_version = 1;"
	     "INSERT INTO manual VALUES (x'00000000000000000000ffffc0000207', 128, 1, 5, 6, 'eve',"
	     " 'why');"
	     "INSERT INTO override VALUES ('mode', 'enforce', 'monitor', 'eve', 7, 8);");
}

static void still_there(struct ledger *ledger)
{
	struct ledger_manual m;
	struct ledger_override o;
	struct prefix p;

	good(prefix_parse("192.0.2.7", &p, &why));
	good(ledger_get_manual(ledger, &p, MANUAL_BLOCK, &m, &why));
	assert_int_equal(m.since, 5);
	assert_int_equal(m.until, 6);
	assert_string_equal(m.who, "eve");
	assert_string_equal(m.reason, "why");
	good(ledger_get_override(ledger, "mode", &o, &why));
	assert_string_equal(o.value, "enforce");
	assert_int_equal(o.until, 8);
}

static void old(void **unused)
{
	struct ledger *reader, *writer;
	struct ledger_ban b = a_ban("192.0.2.1"), got;
	struct ledger_day d = a_day("192.0.2.1", 1, 1, 1);
	struct ledger_known k;

	(void)unused;
	make_old();
	/* read only: the old answers, and nothing of the new */
	reader = opened(true, 0);
	still_there(reader);
	assert_int_equal(ledger_get_ban(reader, &b.prefix, &got, &why), -ENOENT);
	assert_int_equal(bans(reader), 0);
	assert_string_equal(days(reader, NULL, 0), "");
	assert_string_equal(days(reader, "192.0.2.1", 0), "");
	assert_string_equal(known(reader, 0, 0, 0), "");
	assert_int_equal(ledger_get_known(reader, &d.source, 0, &k, &why), -ENOENT);
	assert_int_equal(ledger_put_ban(reader, &b, &why), -EROFS);
	assert_int_equal(ledger_drop_ban(reader, &b.prefix, &why), -EROFS);
	assert_int_equal(ledger_expire_bans(reader, 0, &why), -EROFS);
	assert_int_equal(ledger_add_day(reader, &d, &why), -EROFS);
	assert_int_equal(ledger_expire_days(reader, 0, &why), -EROFS);
	assert_int_equal(ledger_forget_offences(reader, &d.source, &why), -EROFS);
	assert_int_equal(asked("PRAGMA user_version"), 1);

	/* the first that writes completes it, and the reader sees that */
	writer = opened(false, 0);
	assert_int_equal(asked("PRAGMA user_version"), 2);
	still_there(writer);
	good(ledger_put_ban(writer, &b, &why));
	add(writer, "192.0.2.1", 1, 1, 1);
	still_there(reader);
	good(ledger_get_ban(reader, &b.prefix, &got, &why));
	assert_string_equal(known(reader, 0, 0, 0), "192.0.2.1:1/1@1");
	ledger_close(reader);
	ledger_close(writer);
	ledger_close(opened(false, 0));
	writer = opened(false, 0);
	still_there(writer);
	assert_int_equal(bans(writer), 1);
	ledger_close(writer);
}

/* The old file is as large as it may be: it is completed, and lets go of its entries. */
static void old_and_full(void **unused)
{
	struct ledger *ledger;
	struct ledger_manual m = {.slot = MANUAL_BLOCK, .until = INT64_MAX};
	struct prefix p;
	int err = 0;

	(void)unused;
	make_old();
	edit("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
	     " INSERT INTO manual SELECT address, 128, 1, 1, 2, '', '' FROM"
	     " (SELECT CAST(printf('%016d', i) AS BLOB) AS address FROM n);");
	good(prefix_parse("192.0.2.7", &p, &why));
	ledger = opened(false, 64 * 1024);
	still_there(ledger);
	m.prefix = p;
	memset(m.reason, 'x', sizeof(m.reason) - 1);
	for (int i = 0; !err && i < 1000; i++) {
		m.prefix.address.byte[14] = (__u8)(i >> 8);
		m.prefix.address.byte[15] = (__u8)i;
		err = ledger_put_manual(ledger, &m, &why);
	}
	assert_int_equal(err, -ENOSPC);
	good(ledger_drop_manual(ledger, &p, MANUAL_BLOCK, &why));
	ledger_close(ledger);
}

/* Four processes that complete the same old file. */
static void old_together(void **unused)
{
	struct ledger *ledger = NULL;
	int failed = 0;

	(void)unused;
	make_old();
	for (int p = 0; p < 4; p++) {
		if (fork())
			continue;
		for (int i = 0; i < 10; i++) {
			struct ledger_day d = a_day("192.0.2.1", 1, 1, 1);

			if (ledger_open(state, false, 0, &ledger, &why) ||
			    ledger_add_day(ledger, &d, &why)) {
				fprintf(stderr, "process %d: %s\n", p, why.text);
				_exit(1);
			}
			ledger_close(ledger);
		}
		_exit(0);
	}
	for (int p = 0; p < 4; p++) {
		int status;

		wait(&status);
		failed += !WIFEXITED(status) || WEXITSTATUS(status);
	}
	assert_int_equal(failed, 0);
	ledger = opened(false, 0);
	still_there(ledger);
	assert_string_equal(days(ledger, NULL, 0), "192.0.2.1@1:40,0,80,0+40");
	ledger_close(ledger);
}

/* --- harm ------------------------------------------------------------------------------------- */

static void bad_bans(void **unused)
{
	/* each of them damages the ban of 192.0.2.3 in another way */
	static const char *const damage[] = {
		"address = x'0102'", "address = 'abc'",	  "length = 200",
		"length = 96",	     "since = -1",	  "until = 'x'",
		"remember = -5",     "offended = 1.5",	  "strikes = -1",
		"mode = 2",	     "origin = 0",	  "origin = 4",
		"members = 1 << 40", "relay_denied = -1", "protocol_error = 'many'",
		"last = 4",
	};
	struct ledger *ledger = opened(false, 0);
	struct ledger_ban b, got;
	char sql[128], text[1024];

	(void)unused;
	for (size_t i = 0; i < sizeof(damage) / sizeof(*damage); i++) {
		for (int last = 1; last <= 5; last++) {
			snprintf(text, sizeof(text), "192.0.2.%d", last);
			b = a_ban(text);
			good(ledger_put_ban(ledger, &b, &why));
		}
		snprintf(sql, sizeof(sql), "UPDATE ban SET %s WHERE hex(address) LIKE '%%03'",
			 damage[i]);
		edit(sql);
		text[0] = 0;
		if (ledger_each_ban(ledger, list_bans, text, &why) != -EUCLEAN ||
		    !strstr(why.text, "table ban") || !strstr(why.text, file))
			fail_msg("%s: unexpected sentence: %s", damage[i], why.text);
		if (strcmp(text, "192.0.2.1 192.0.2.2 192.0.2.4 192.0.2.5") != 0)
			fail_msg("%s: unexpected bans: %s", damage[i], text);
		b = a_ban("192.0.2.3");
		assert_in_range(-ledger_get_ban(ledger, &b.prefix, &got, &why), 1, 200);
		edit("DELETE FROM ban");
	}
	/* a terminal is not to be told what to do by the file either */
	b = a_ban("192.0.2.3");
	good(ledger_put_ban(ledger, &b, &why));
	edit("UPDATE ban SET text = char(27) || '[2J'");
	good(ledger_get_ban(ledger, &b.prefix, &got, &why));
	assert_string_equal(got.text, "?[2J");
	ledger_close(ledger);
}

static void bad_days(void **unused)
{
	static const char *const damage[] = {
		"source = x'01'", "source = 'abc'", "day = -1",	     "day = 'today'",
		"mail = -7",	  "mail = 1 << 60", "mail = 'much'",
	};
	struct ledger *ledger = opened(false, 0);
	struct ledger_known k;
	struct ledger_day d = a_day("192.0.2.2", 5, 0, 3);
	char sql[128], text[1024];

	(void)unused;
	for (size_t i = 0; i < sizeof(damage) / sizeof(*damage); i++) {
		add(ledger, "192.0.2.1", 5, 0, 3);
		add(ledger, "192.0.2.2", 5, 0, 3);
		add(ledger, "192.0.2.3", 5, 0, 3);
		snprintf(sql, sizeof(sql), "UPDATE day SET %s WHERE hex(source) LIKE '%%02'",
			 damage[i]);
		edit(sql);
		text[0] = 0;
		if (ledger_each_day(ledger, NULL, -100, list_days, text, &why) != -EUCLEAN ||
		    !strstr(why.text, "table day"))
			fail_msg("%s: unexpected sentence: %s", damage[i], why.text);
		if (strcmp(text, "192.0.2.1@5:0,0,0,0+3 192.0.2.3@5:0,0,0,0+3") != 0)
			fail_msg("%s: unexpected days: %s", damage[i], text);
		text[0] = 0;
		ledger_each_known(ledger, -100, 1, 1, list_known, text, &why);
		if (strcmp(text, "192.0.2.1:3/1@5 192.0.2.3:3/1@5") != 0)
			fail_msg("%s: unexpected known senders: %s", damage[i], text);
		assert_in_range(-ledger_get_known(ledger, &d.source, -100, &k, &why), 1, 200);
		edit("DELETE FROM day");
	}
	add(ledger, "192.0.2.1", 5, 0, 3);
	edit("UPDATE day SET relay_denied = -3");
	assert_int_equal(ledger_each_day(ledger, NULL, 0, list_days, text, &why), -EUCLEAN);
	ledger_close(ledger);
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

static void too_many_days(void **unused)
{
	struct ledger *ledger = opened(false, 0);

	(void)unused;
	ledger->days_most = 1600;
	good(flood(ledger, 0, 300, 1, 1));
	good(flood(ledger, 0, 300, 2, 0));
	good(flood(ledger, 0, 10000, 3, 0));
	assert_in_range(asked("SELECT count(*) FROM day"), 1500, 1600);
	/* the oldest first, but not where there was mail */
	assert_int_equal(asked("SELECT count(*) FROM day WHERE day = 1"), 300);
	assert_int_equal(asked("SELECT count(*) FROM day WHERE day = 2"), 0);
	/* and that too when there is nothing else */
	good(flood(ledger, 0, 3000, 4, 1));
	assert_in_range(asked("SELECT count(*) FROM day"), 1500, 1600);
	assert_int_equal(asked("SELECT count(*) FROM day WHERE day < 4"), 0);
	ledger_close(ledger);

	/* rows that came by another way: the sweep finds them */
	edit("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
	     " INSERT INTO day SELECT 2, CAST(printf('%016d', i) AS BLOB), 1, 0, 0, 0, 0 FROM n");
	ledger = opened(false, 0);
	ledger->days_most = 1600;
	assert_in_range(ledger_expire_days(ledger, 1, &why), 1900, 2000);
	assert_int_equal(asked("SELECT count(*) FROM day"), 1600);
	ledger_close(ledger);
}

/* A file full of offences takes blocks, bans and choices all the same. */
static void full_of_days(void **unused)
{
	static const uint64_t max = 1 << 20;
	struct ledger *ledger = opened(false, max);
	struct ledger_manual m = {.slot = MANUAL_BLOCK, .until = INT64_MAX};
	struct ledger_override o = {.value = "enforce"};
	struct ledger_ban b = a_ban("10.0.0.0");
	struct stat st;

	(void)unused;
	good(flood(ledger, 0, 60000, 1, 0));
	good(flood(ledger, 0, 60000, 2, 1));
	assert_in_range(asked("SELECT count(*) FROM day"), 5000, 20000);
	ledger_close(ledger);
	assert_int_equal(stat(file, &st), 0);
	assert_in_range(st.st_size, max / 2, max);

	/* bounds that the file has long outgrown, as after a change of max-size */
	ledger = opened(false, max / 4);
	assert_int_equal(ledger_number(ledger->db, "PRAGMA max_page_count") * 4096, st.st_size);
	m.prefix.length = ADDRESS_BITS;
	memset(m.reason, 'x', sizeof(m.reason) - 1);
	for (uint32_t i = 0; i < 1000; i++) {
		address_from_v4(&m.prefix.address, i * 2654435761U);
		b.prefix.address = m.prefix.address;
		good(ledger_begin(ledger, &why));
		good(ledger_put_manual(ledger, &m, &why));
		good(ledger_put_ban(ledger, &b, &why));
		good(ledger_put_override(ledger, "mode", &o, &why));
		good(ledger_commit(ledger, &why));
	}
	assert_int_equal(bans(ledger), 1000);
	assert_int_equal(asked("SELECT count(*) FROM manual"), 1000);
	assert_int_equal(stat(file, &st), 0);
	assert_in_range(st.st_size, 1, max);

	/* nothing left to give up: the days are refused, and the rest goes on */
	good(ledger_begin(ledger, &why));
	for (uint32_t i = 1000; i < 1400; i++) {
		address_from_v4(&m.prefix.address, i * 2654435761U);
		good(ledger_put_manual(ledger, &m, &why));
	}
	good(ledger_commit(ledger, &why));
	ledger->days_added = 0;
	assert_int_equal(flood(ledger, 0, 1000, 3, 0), -ENOSPC);
	assert_non_null(strstr(why.text, "three quarters"));
	address_from_v4(&m.prefix.address, 1);
	good(ledger_put_manual(ledger, &m, &why));
	assert_string_equal((ledger_close(ledger), ledger = opened(true, 0), days(ledger, NULL, 0)),
			    "");
	ledger_close(ledger);
	assert_int_equal(asked("SELECT count(*) FROM pragma_integrity_check WHERE"
			       " integrity_check = 'ok'"),
			 1);
}

/* Two handles: both add to the same rows, readers see what is committed and nothing else. */
static void two_handles(void **unused)
{
	struct ledger *one = opened(false, 0), *two = opened(false, 0), *reader = opened(true, 0);
	struct ledger_ban b = a_ban("192.0.2.1");

	(void)unused;
	add(one, "192.0.2.1", 1, 1, 0);
	add(two, "192.0.2.1", 1, 2, 1);
	assert_string_equal(days(reader, NULL, 0), "192.0.2.1@1:3,0,6,0+1");
	good(ledger_begin(one, &why));
	add(one, "192.0.2.1", 1, 5, 0);
	good(ledger_put_ban(one, &b, &why));
	assert_string_equal(days(reader, NULL, 0), "192.0.2.1@1:3,0,6,0+1");
	assert_int_equal(bans(two), 0);
	good(ledger_commit(one, &why));
	assert_string_equal(days(two, NULL, 0), "192.0.2.1@1:8,0,16,0+1");
	good(ledger_drop_ban(two, &b.prefix, &why));
	assert_int_equal(bans(one), 0);
	good(ledger_begin(one, &why));
	add(one, "192.0.2.9", 1, 5, 0);
	ledger_rollback(one);
	assert_string_equal(days(reader, "192.0.2.9", 0), "");
	ledger_close(one);
	ledger_close(two);
	ledger_close(reader);
}

/* Walks whose callback writes, as restoring and forgiving do. */
static int drop_each(const struct ledger_ban *b, void *context)
{
	return ledger_drop_ban(context, &b->prefix, &why);
}

static int forget_each(const struct ledger_day *d, void *context)
{
	return ledger_forget_offences(context, &d->source, &why);
}

static void walks(void **unused)
{
	struct ledger *ledger = opened(false, 0);
	struct ledger_ban b = a_ban("10.0.0.0");

	(void)unused;
	for (uint32_t i = 0; i < 100; i++) {
		address_from_v4(&b.prefix.address, address_be32(0x0a000000 + i));
		good(ledger_put_ban(ledger, &b, &why));
	}
	good(ledger_each_ban(ledger, drop_each, ledger, &why));
	assert_int_equal(bans(ledger), 0);
	good(flood(ledger, 0, 100, 1, 0));
	good(ledger_begin(ledger, &why));
	good(ledger_each_day(ledger, NULL, 0, forget_each, ledger, &why));
	good(ledger_commit(ledger, &why));
	assert_int_equal(asked("SELECT sum(relay_denied) FROM day"), 0);
	ledger_close(ledger);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(ban),	TEST(surplus),	     TEST(day),		 TEST(known_senders),
		TEST(old),	TEST(old_and_full),  TEST(old_together), TEST(bad_bans),
		TEST(bad_days), TEST(too_many_days), TEST(full_of_days), TEST(two_handles),
		TEST(walks),
	};

	return cmocka_run_group_tests_name("ledger_abuse", tests, NULL, NULL);
}
