// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger about abuse: bans and days survive, are summed up, and end.
 */
#include "ledger_hands.h"

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

static int stop_day(const struct ledger_day *d, void *context)
{
	(void)d;
	return ++*(int *)context == 2 ? 42 : 0;
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

	/* each kind by itself */
	d = a_day("192.0.2.5", 99, 0, 5);
	for (uint32_t i = 0; i < OFFENCES; i++)
		d.offence[i] = i + 1;
	good(ledger_add_day(ledger, &d, &why));
	good(ledger_add_day(ledger, &d, &why));
	assert_string_equal(days(ledger, "192.0.2.5", 0), "192.0.2.5@99:2,4,6,8+10");
	good(ledger_forget_offences(ledger, &d.source, &why));
	assert_string_equal(days(ledger, "192.0.2.5", 0), "192.0.2.5@99:0,0,0,0+10");
	d = a_day("192.0.2.1", 99, 0, 0);

	/* forgiven: mail stays, and others are not meant */
	good(ledger_forget_offences(ledger, &d.source, &why));
	assert_string_equal(days(ledger, "192.0.2.1", 0),
			    "192.0.2.1@100:0,0,0,0+0 192.0.2.1@101:0,0,0,0+4294967295");
	assert_string_equal(days(ledger, "192.0.2.2", 0), "192.0.2.2@100:1,0,2,0+0");
	d = a_day("192.0.2.99", 0, 0, 0);
	good(ledger_forget_offences(ledger, &d.source, &why));

	assert_int_equal(ledger_expire_days(ledger, 99, &why), 0);
	assert_int_equal(ledger_expire_days(ledger, 100, &why), 1);
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
	const struct CMUnitTest tests[] = {TEST(ban),		TEST(surplus),	   TEST(day),
					   TEST(known_senders), TEST(two_handles), TEST(walks)};

	return cmocka_run_group_tests_name("ledger_abuse", tests, NULL, NULL);
}
