// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which networks are banned instead of their members, what the ledger keeps of a ban, and how much is a
 * large share.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#undef fail
#include "clock.h"
#include "daemon/bans.h"
#include "daemon/share.h"

#define NOW   (1000 * SECOND_NS)
#define ROOM  8
#define BANS  200
#define LEAST 4

struct place place; /* main.c has it in the program */

struct map {
	struct ban_entry entry[BANS];
	size_t count;
	struct ban_entry out[ROOM];
};

static struct ban *add(struct map *m, const char *prefix)
{
	struct ban_entry *e = &m->entry[m->count++];

	assert_int_equal(prefix_parse(prefix, &e->prefix, NULL), 0);
	e->ban = (struct ban){.since = NOW - 1,
			      .until = NOW + SECOND_NS,
			      .remember = NOW + BAN_REMEMBER,
			      .offended = NOW - 10,
			      .strikes = 1,
			      .mode = MODE_ENFORCE,
			      .origin = BAN_BY_REPLY,
			      .offence = {2, 1}};
	return &e->ban;
}

static size_t found(struct map *m, uint64_t least)
{
	qsort(m->entry, m->count, sizeof(m->entry[0]), prefix_order);
	return gather(m->entry, m->count, least, NOW, m->out, ROOM);
}

static void assert_prefix(const struct ban_entry *e, const char *text)
{
	char buffer[PREFIX_TEXT];

	assert_string_equal(prefix_text(&e->prefix, buffer), text);
}

static void test_address_network(void **state)
{
	static struct map m;
	struct ban *last;

	(void)state;
	memset(&m, 0, sizeof(m));
	add(&m, "192.0.2.200");
	add(&m, "192.0.2.1")->strikes = 3;
	add(&m, "198.51.100.1");
	add(&m, "192.0.3.1");
	add(&m, "192.0.2.77")->until = NOW + 99 * SECOND_NS;
	assert_int_equal(found(&m, LEAST), 0);
	last = add(&m, "192.0.2.9");
	last->since = NOW;
	last->offended = NOW - 99;
	last->last = OFFENCE_AUTH_FAILED;
	strcpy(last->text, "535 no");
	assert_int_equal(found(&m, LEAST), 1);
	assert_prefix(&m.out[0], "192.0.2.0/24");
	assert_int_equal(m.out[0].ban.members, 4);
	assert_int_equal(m.out[0].ban.strikes, 3);
	assert_int_equal(m.out[0].ban.since, NOW);
	assert_int_equal(m.out[0].ban.until, NOW + 99 * SECOND_NS);
	assert_int_equal(m.out[0].ban.offended, NOW - 99);
	assert_int_equal(m.out[0].ban.offence[0], 8);
	assert_int_equal(m.out[0].ban.offence[1], 4);
	assert_int_equal(m.out[0].ban.last, OFFENCE_AUTH_FAILED);
	assert_string_equal(m.out[0].ban.text, "535 no");
	assert_int_equal(m.out[0].ban.origin, BAN_WIDENED);
	assert_int_equal(m.out[0].ban.mode, MODE_ENFORCE);
	assert_int_equal(found(&m, 5), 0);
	assert_int_equal(found(&m, 0), 0);
}

static void test_there_already(void **state)
{
	static struct map m;

	(void)state;
	memset(&m, 0, sizeof(m));
	add(&m, "192.0.2.1");
	add(&m, "192.0.2.2");
	add(&m, "192.0.2.3");
	add(&m, "192.0.2.4");
	add(&m, "192.0.2.0/24");
	assert_int_equal(found(&m, LEAST), 0);
}

/* One ban of monitor mode must not drop anybody because others are of enforce mode. */
static void test_modes(void **state)
{
	static struct map m;

	(void)state;
	memset(&m, 0, sizeof(m));
	add(&m, "192.0.2.1");
	add(&m, "192.0.2.2")->mode = MODE_MONITOR;
	add(&m, "192.0.2.3");
	add(&m, "192.0.2.4");
	assert_int_equal(found(&m, LEAST), 1);
	assert_int_equal(m.out[0].ban.mode, MODE_MONITOR);
}

static void test_v6(void **state)
{
	static struct map m;
	char text[64];

	(void)state;
	memset(&m, 0, sizeof(m));
	for (int i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "2001:db8:1:2::%x", i + 1);
		add(&m, text);
		snprintf(text, sizeof(text), "2001:db8:1:%x::1", i + 3);
		add(&m, text);
	}
	assert_int_equal(found(&m, LEAST), 1);
	assert_prefix(&m.out[0], "2001:db8:1:2::/64");
	assert_int_equal(m.out[0].ban.members, 5);
}

static void test_v6_site(void **state)
{
	static struct map m;
	char text[64];

	(void)state;
	memset(&m, 0, sizeof(m));
	for (int i = 0; i < GATHER_SITE; i++) {
		snprintf(text, sizeof(text), "2001:db8:1:%x::/64", i);
		add(&m, text);
		snprintf(text, sizeof(text), "2001:db8:2:%x::/64", i);
		if (i)
			add(&m, text);
		/* IPv4 stops at /24. */
		snprintf(text, sizeof(text), "10.0.%d.0/24", i);
		add(&m, text);
	}
	assert_int_equal(found(&m, LEAST), 1);
	assert_prefix(&m.out[0], "2001:db8:1::/48");
	assert_int_equal(m.out[0].ban.members, GATHER_SITE);
}

/* Who stays below the limit of each network does not fill the map either. */
static void test_v6_site_of_addresses(void **state)
{
	static struct map m;
	char text[64];

	(void)state;
	memset(&m, 0, sizeof(m));
	for (int i = 0; i < GATHER_SITE; i++)
		for (int host = 1; host < LEAST; host++) {
			snprintf(text, sizeof(text), "2001:db8:1:%x::%x", i, host);
			add(&m, text);
			if (i < GATHER_SITE - 1) {
				snprintf(text, sizeof(text), "2001:db8:2:%x::%x", i, host);
				add(&m, text);
			}
		}
	assert_int_equal(found(&m, LEAST), 1);
	assert_prefix(&m.out[0], "2001:db8:1::/48");
	assert_int_equal(m.out[0].ban.members, GATHER_SITE);
}

static void test_room(void **state)
{
	static struct map m;
	char text[64];

	(void)state;
	memset(&m, 0, sizeof(m));
	for (int i = 0; i < 40; i++)
		for (int host = 1; host <= LEAST; host++) {
			snprintf(text, sizeof(text), "192.0.%d.%d", i, host);
			add(&m, text);
		}
	assert_int_equal(found(&m, LEAST), ROOM);
	assert_int_equal(gather(NULL, 0, LEAST, NOW, m.out, ROOM), 0);
}

static void test_share(void **state)
{
	(void)state;
	assert_false(share_is_large(19 * PENALTY_POINT, 19 * PENALTY_POINT, 20));
	assert_false(share_is_large(4 * PENALTY_POINT, 20 * PENALTY_POINT, 20));
	assert_true(share_is_large(4 * PENALTY_POINT + 1, 20 * PENALTY_POINT, 20));
	assert_false(share_is_large(20 * PENALTY_POINT, 20 * PENALTY_POINT, 0));
	/* The largest sums there are. */
	assert_true(share_is_large(PENALTY_MOST, PENALTY_MOST, 99));
	assert_int_equal(share_of(PENALTY_MOST, PENALTY_MOST), 100);
	assert_int_equal(share_of(3, 2), 100);
	assert_int_equal(share_of(1, 0), 0);
}

/* What is at rest may be read by anybody: cleaned, and of the wall clock. */
static void test_ledger_form(void **state)
{
	struct map m = {.count = 0};
	struct ledger_ban kept;
	struct ban *ban = add(&m, "192.0.2.1");

	(void)state;
	ban->since = clock_boot();
	ban->until = ban->since + 600 * SECOND_NS;
	memset(ban->text, 'x', EVIDENCE_TEXT);
	ban->text[0] = '\033';
	ban_to_ledger(&m.entry[0].prefix, ban, &kept);
	assert_int_equal(kept.until - kept.since, 600);
	assert_int_equal(kept.text[0], '?');
	assert_int_equal(strlen(kept.text), EVIDENCE_TEXT - 1);
	assert_int_equal(kept.offence[0], 2);
	assert_int_equal(kept.strikes, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address_network),
		cmocka_unit_test(test_there_already),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_v6),
		cmocka_unit_test(test_v6_site),
		cmocka_unit_test(test_v6_site_of_addresses),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_ledger_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
