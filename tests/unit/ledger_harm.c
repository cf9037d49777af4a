// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger about abuse, harmed: an old file is completed and loses nothing, damaged rows harm no
 * others, and no flood of offences crowds out what an administrator said.
 */
#include "ledger_hands.h"

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
	for (uint32_t i = 0; i < 1000; i++) {
		address_from_v4(&b.prefix.address, i * 2654435761U);
		good(ledger_put_ban(ledger, &b, &why));
	}
	m.prefix.length = ADDRESS_BITS;
	memset(m.reason, 'x', sizeof(m.reason) - 1);
	for (uint32_t i = 0; i < 1000; i++) {
		address_from_v4(&m.prefix.address, i * 2654435761U);
		good(ledger_begin(ledger, &why));
		good(ledger_put_manual(ledger, &m, &why));
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

static void full_for_bans(void **unused)
{
	struct ledger *ledger = opened(false, 1 << 20);
	struct ledger_ban b = a_ban("10.0.0.0");

	(void)unused;
	good(flood(ledger, 0, 30000, 1, 0));
	ledger_close(ledger);
	ledger = opened(false, 1 << 18);
	good(ledger_begin(ledger, &why));
	for (uint32_t i = 0; i < 3500; i++) {
		address_from_v4(&b.prefix.address, i * 2654435761U);
		good(ledger_put_ban(ledger, &b, &why));
	}
	good(ledger_commit(ledger, &why));
	assert_int_equal(bans(ledger), 3500);
	ledger_close(ledger);
}

/* The daemon waits for no other writer as long as a command does. */
static void brief(void **unused)
{
	struct ledger *writer, *other;

	(void)unused;
	writer = opened(false, 0);
	good(ledger_begin(writer, &why));
	ledger_wait(LEDGER_BRIEF_MS);
	other = opened(false, 0);
	ledger_wait(10000);
	assert_int_equal(ledger_begin(other, &why), -EBUSY);
	assert_non_null(strstr(why.text, "is in use by another command"));
	good(ledger_commit(writer, &why));
	good(ledger_begin(other, &why));
	ledger_close(other);
	ledger_close(writer);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(old),	    TEST(old_and_full),	 TEST(old_together),
		TEST(bad_bans),	    TEST(bad_days),	 TEST(too_many_days),
		TEST(full_of_days), TEST(full_for_bans), TEST(brief)};

	return cmocka_run_group_tests_name("ledger_harm", tests, NULL, NULL);
}
