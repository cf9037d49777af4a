// SPDX-License-Identifier: GPL-2.0-only
/*
 * A DNSBL's health: test entries, failures, the breaker on streams of sources, quotas.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "clock.h"
#include "dnsbl/dnsbl.h"

#define S 1000000000ULL

static struct dnsbl_reply reply_of(enum dnsbl_outcome outcome)
{
	struct dnsbl_reply reply = {.outcome = outcome, .latency_us = 900};

	if (outcome == DNSBL_HIT || outcome == DNSBL_OUTSIDE || outcome == DNSBL_ERROR_CODE) {
		reply.records = 1;
		memcpy(reply.record[0], (uint8_t[]){127, 0, 0, 2}, 4);
	}
	if (outcome == DNSBL_OUTSIDE)
		reply.record[0][0] = 192;
	if (outcome == DNSBL_ERROR_CODE)
		memcpy(reply.record[0], (uint8_t[]){127, 255, 255, 254}, 4);
	return reply;
}

static struct dnsbl_site site_in(enum dnsbl_state state)
{
	return (struct dnsbl_site){.identity = 1, .state = state, .state_since = 1};
}

static bool replied(struct dnsbl_site *site, enum dnsbl_outcome outcome)
{
	struct dnsbl_reply reply = reply_of(outcome);

	return dnsbl_site_replied(site, &reply);
}

/* --- test entries ----------------------------------------------------------------------------- */

enum {
	__ = DNSBL_UNASKED,
	MI = DNSBL_MISS,
	HI = DNSBL_HIT,
	TI = DNSBL_TIMEOUT,
	SF = DNSBL_SERVFAIL,
	RE = DNSBL_REFUSED,
	MA = DNSBL_MANGLED,
	AL = DNSBL_ALIAS,
	OU = DNSBL_OUTSIDE,
	EC = DNSBL_ERROR_CODE,
	UNTESTED = DNSBL_UNTESTED,
	WELL = DNSBL_WELL,
	PAUSED = DNSBL_PAUSED,
	DEAD = DNSBL_DEAD,
	BROKEN = DNSBL_BROKEN,
	REFUSES = DNSBL_REFUSES,
	TRIPPED = DNSBL_TRIPPED,
	ON = DNSBL_TEST_ON,
	OFF = DNSBL_TEST_OFF,
};

static bool tested(struct dnsbl_site *site, enum dnsbl_test test, const uint8_t outcome[4],
		   uint64_t now)
{
	struct dnsbl_reply reply[DNSBL_PROBES];

	for (unsigned int i = 0; i < DNSBL_PROBES; i++)
		reply[i] = reply_of((enum dnsbl_outcome)outcome[i]);
	return dnsbl_site_tested(site, test, reply, now);
}

static void tests(void **state)
{
	static const struct {
		int from, test;
		uint8_t outcome[4];
		int to, changed;
		const char *reason; /* what is in it; NULL: empty; "old": as before */
	} row[] = {
		{UNTESTED, ON, {HI, MI, HI, MI}, WELL, 1, NULL},
		{WELL, ON, {HI, MI, HI, MI}, WELL, 0, NULL},
		{DEAD, ON, {HI, MI, HI, MI}, WELL, 1, NULL},
		{BROKEN, ON, {HI, MI, HI, MI}, WELL, 1, NULL},
		{REFUSES, ON, {HI, MI, HI, MI}, WELL, 1, NULL},
		{UNTESTED, ON, {HI, HI, HI, MI}, BROKEN, 0, "lists 127.0.0.1, and so the world"},
		{WELL, ON, {HI, HI, HI, MI}, BROKEN, 1, "lists 127.0.0.1"},
		{WELL, ON, {TI, HI, TI, TI}, BROKEN, 1, "lists 127.0.0.1"},
		{WELL, ON, {EC, HI, TI, TI}, BROKEN, 1, "lists 127.0.0.1"},
		{WELL, ON, {MI, MI, MI, MI}, BROKEN, 1, "does not list 127.0.0.2"},
		{WELL, ON, {MI, MI, HI, MI}, BROKEN, 1, "set test = off"},
		{WELL, ON, {EC, EC, EC, EC}, REFUSES, 1, "127.255.255.254"},
		{WELL, ON, {EC, MI, HI, MI}, REFUSES, 1, "127.255.255.254"},
		{WELL, ON, {HI, EC, HI, MI}, REFUSES, 1, "127.255.255.254"},
		{WELL, ON, {EC, TI, HI, MI}, REFUSES, 1, "127.255.255.254"},
		{WELL, ON, {TI, EC, HI, MI}, REFUSES, 1, "127.255.255.254"},
		{WELL, ON, {OU, OU, OU, OU}, REFUSES, 1, "outside 127.0.0.0/8"},
		{WELL, ON, {AL, AL, AL, AL}, REFUSES, 1, "alias"},
		{WELL, ON, {TI, TI, TI, TI}, DEAD, 1, "timeout"},
		{WELL, ON, {TI, MI, HI, MI}, DEAD, 1, "timeout"},
		{WELL, ON, {HI, TI, HI, MI}, DEAD, 1, "timeout"},
		{WELL, ON, {MI, TI, HI, MI}, DEAD, 1, "timeout"},
		{WELL, ON, {SF, SF, SF, SF}, DEAD, 1, "SERVFAIL"},
		{WELL, ON, {RE, RE, RE, RE}, DEAD, 1, "REFUSED"},
		{WELL, ON, {MA, MA, MA, MA}, DEAD, 1, "mangled"},
		{BROKEN, ON, {TI, TI, TI, TI}, DEAD, 0, "timeout"},
		/* IPv6 alone says nothing against a site */
		{WELL, ON, {HI, MI, HI, HI}, WELL, 0, NULL},
		{WELL, ON, {HI, MI, EC, EC}, WELL, 0, NULL},
		{WELL, ON, {HI, MI, TI, TI}, WELL, 0, NULL},
		/* paused stays paused, whatever shows */
		{PAUSED, ON, {HI, MI, HI, MI}, PAUSED, 0, NULL},
		{PAUSED, ON, {HI, HI, HI, HI}, PAUSED, 0, "lists 127.0.0.1"},
		{PAUSED, OFF, {__, TI, __, __}, PAUSED, 0, "timeout"},
		/* only wrong entries say more than the breaker */
		{TRIPPED, ON, {HI, MI, HI, MI}, TRIPPED, 0, "old"},
		{TRIPPED, ON, {HI, HI, HI, HI}, BROKEN, 0, "lists 127.0.0.1"},
		{TRIPPED, ON, {MI, MI, MI, MI}, BROKEN, 0, "does not list 127.0.0.2"},
		{TRIPPED, ON, {TI, TI, TI, TI}, TRIPPED, 0, "old"},
		{TRIPPED, ON, {EC, EC, EC, EC}, TRIPPED, 0, "old"},
		{TRIPPED, OFF, {__, MI, __, __}, TRIPPED, 0, "old"},
		{TRIPPED, OFF, {__, HI, __, __}, TRIPPED, 0, "old"},
		{TRIPPED, OFF, {__, TI, __, __}, TRIPPED, 0, "old"},
		/* no test entries: it is enough that somebody answers */
		{UNTESTED, OFF, {__, MI, __, __}, WELL, 1, NULL},
		{UNTESTED, OFF, {__, HI, __, __}, WELL, 1, NULL},
		{BROKEN, OFF, {__, HI, __, __}, WELL, 1, NULL},
		{WELL, OFF, {__, TI, __, __}, DEAD, 1, "timeout"},
		{WELL, OFF, {__, SF, __, __}, DEAD, 1, "SERVFAIL"},
		{WELL, OFF, {__, EC, __, __}, REFUSES, 1, "127.255.255.254"},
		{WELL, OFF, {__, OU, __, __}, REFUSES, 1, "outside"},
		{WELL, OFF, {__, AL, __, __}, REFUSES, 1, "alias"},
		{DNSBL_FREE, ON, {HI, MI, HI, MI}, DNSBL_FREE, 0, "old"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_site site = site_in((enum dnsbl_state)row[i].from);
		const char *want = row[i].reason ? row[i].reason : "";
		bool changed;

		strcpy(site.reason, "old");
		changed = tested(&site, (enum dnsbl_test)row[i].test, row[i].outcome, 77 * S);
		if ((int)site.state != row[i].to || changed != row[i].changed)
			fail_msg("unexpected state in row %zu: %s (changed: %d)", i,
				 dnsbl_state_name((enum dnsbl_state)site.state), changed);
		if (!strstr(site.reason, want) || !site.reason[0] != !want[0])
			fail_msg("unexpected reason in row %zu: %s", i, site.reason);
		assert_int_equal(dnsbl_site_counts(&site), site.state == DNSBL_WELL);
		assert_int_equal(site.tested, site.state == DNSBL_FREE ? 0 : 77 * S);
		/* since: of the state, not of the test */
		if (row[i].to == row[i].from)
			assert_int_equal(site.state_since, 1);
		else
			assert_in_range(clock_wall() - site.state_since, 0, 10);
	}
}

/* A resolver that is closed during a test: as if it had not been. */
static void cut_short(void **state)
{
	static const struct {
		int test;
		uint8_t outcome[4];
	} row[] = {
		{ON, {__, __, __, __}}, {ON, {HI, __, HI, MI}},	 {ON, {__, MI, HI, MI}},
		{ON, {TI, __, TI, TI}}, {OFF, {__, __, __, __}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_site site = site_in(DNSBL_WELL), before = site;

		assert_false(tested(&site, (enum dnsbl_test)row[i].test, row[i].outcome, 77 * S));
		assert_memory_equal(&site, &before, sizeof(site));
	}
}

static void ipv6(void **state)
{
	static const struct {
		int test;
		bool first;
		uint32_t before;
		uint8_t outcome[4];
		uint32_t after;
	} row[] = {
		{ON, true, 0, {HI, MI, HI, MI}, 0},
		{ON, false, 1, {HI, MI, HI, MI}, 0},
		{ON, false, 0, {HI, MI, MI, MI}, 1},
		{ON, false, 0, {HI, MI, HI, HI}, 1},
		{ON, false, 0, {HI, MI, MI, HI}, 1},
		{ON, false, 0, {HI, MI, EC, MI}, 1},
		{ON, false, 0, {HI, MI, HI, SF}, 1},
		/* lost packets, beside right answers, prove nothing */
		{ON, false, 0, {HI, MI, TI, TI}, 0},
		{ON, false, 1, {HI, MI, TI, TI}, 1},
		{ON, false, 0, {HI, MI, HI, TI}, 0},
		{ON, false, 0, {HI, MI, TI, MI}, 0},
		{ON, false, 1, {HI, MI, HI, TI}, 1},
		{ON, false, 0, {HI, MI, HI, __}, 0},
		{ON, false, 0, {TI, TI, TI, TI}, 0},
		/* but not beside wrong ones */
		{ON, false, 0, {HI, MI, TI, HI}, 1},
		{ON, false, 0, {HI, MI, MI, TI}, 1},
		/* a site that was never right is not asked */
		{ON, true, 0, {HI, MI, TI, TI}, 1},
		{ON, true, 0, {HI, MI, HI, TI}, 1},
		{OFF, true, 0, {__, MI, __, __}, 0},
		{OFF, false, 1, {__, HI, __, __}, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_site site = site_in(DNSBL_WELL);

		site.no_v6 = row[i].before;
		site.tested = row[i].first ? 0 : 1;
		tested(&site, (enum dnsbl_test)row[i].test, row[i].outcome, 77 * S);
		if (site.no_v6 != row[i].after)
			fail_msg("unexpected no_v6 in row %zu: %u", i, site.no_v6);
	}
}

static void test_dates(void **state)
{
	static const struct {
		int state;
		uint64_t tested, due; /* seconds; due 0: never */
	} row[] = {
		{UNTESTED, 0, 1},  {WELL, 0, 1},       {WELL, 5, 1805},	   {PAUSED, 5, 1805},
		{UNTESTED, 5, 65}, {DEAD, 5, 65},      {BROKEN, 5, 65},	   {REFUSES, 5, 65},
		{TRIPPED, 5, 65},  {DNSBL_FREE, 0, 0}, {DNSBL_FREE, 5, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_site site = site_in((enum dnsbl_state)row[i].state);
		bool before, at;

		site.tested = row[i].tested * S;
		before = dnsbl_site_test_due(&site, row[i].due * S - 1);
		at = dnsbl_site_test_due(&site, row[i].due ? row[i].due * S : UINT64_MAX);
		if (at != (row[i].due != 0) || (row[i].tested && row[i].due && before))
			fail_msg("unexpected date in row %zu: %d %d", i, before, at);
	}
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(dnsbl_state_name(DNSBL_FREE), "free");
	assert_string_equal(dnsbl_state_name(DNSBL_UNTESTED), "untested");
	assert_string_equal(dnsbl_state_name(DNSBL_WELL), "well");
	assert_string_equal(dnsbl_state_name(DNSBL_PAUSED), "paused");
	assert_string_equal(dnsbl_state_name(DNSBL_DEAD), "dead");
	assert_string_equal(dnsbl_state_name(DNSBL_BROKEN), "broken");
	assert_string_equal(dnsbl_state_name(DNSBL_REFUSES), "refuses");
	assert_string_equal(dnsbl_state_name(DNSBL_TRIPPED), "tripped");
	assert_string_equal(dnsbl_state_name((enum dnsbl_state)8), "unknown");
}

/* --- ordinary replies ------------------------------------------------------------------------- */

static void counters(void **state)
{
	struct dnsbl_site site = site_in(DNSBL_WELL);

	(void)state;
	replied(&site, DNSBL_HIT);
	replied(&site, DNSBL_MISS);
	replied(&site, DNSBL_MISS);
	replied(&site, DNSBL_TIMEOUT);
	replied(&site, DNSBL_UNASKED);
	assert_int_equal(site.hits, 1);
	assert_int_equal(site.misses, 2);
	assert_int_equal(site.failures, 1);
	assert_int_equal(site.queries, 0); /* the quota's */
	assert_int_equal(site.latency[7], 3);
	assert_int_equal(dnsbl_latency_percentile(site.latency, 100), 1000);
	assert_int_equal(site.usual_count, 3);
	assert_int_equal(site.recent_count, 3);
	assert_int_equal(site.recent, 4);
}

/* Refusals are believed at once, failures when ten came without an answer between. */
static void failures(void **state)
{
	static const struct {
		enum dnsbl_outcome outcome;
		unsigned int needed;
		enum dnsbl_state to;
	} row[] = {
		{DNSBL_TIMEOUT, 10, DNSBL_DEAD},      {DNSBL_SERVFAIL, 10, DNSBL_DEAD},
		{DNSBL_REFUSED, 10, DNSBL_DEAD},      {DNSBL_MANGLED, 10, DNSBL_DEAD},
		{DNSBL_ALIAS, 1, DNSBL_REFUSES},      {DNSBL_OUTSIDE, 1, DNSBL_REFUSES},
		{DNSBL_ERROR_CODE, 1, DNSBL_REFUSES},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_site site = site_in(DNSBL_WELL);
		unsigned int sent = 0;

		while (sent < 20 && site.state == DNSBL_WELL) {
			bool ended = replied(&site, row[i].outcome);

			assert_int_equal(ended, ++sent == row[i].needed);
			assert_true(site.reason[0]);
		}
		if (sent != row[i].needed || site.state != row[i].to)
			fail_msg("row %zu: %u failures make it %s", i, sent,
				 dnsbl_state_name((enum dnsbl_state)site.state));
		assert_in_range(clock_wall() - site.state_since, 0, 10);
	}
}

static void failures_in_between(void **state)
{
	struct dnsbl_site site = site_in(DNSBL_WELL);

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		if (i % 10 == 9) {
			replied(&site, i % 20 == 9 ? DNSBL_MISS : DNSBL_HIT);
			assert_int_equal(site.reason[0], '\0');
		} else {
			replied(&site, DNSBL_TIMEOUT);
			assert_non_null(strstr(site.reason, "timeout"));
		}
	}
	assert_int_equal(site.state, DNSBL_WELL);
	assert_int_equal(site.failures, 900);
	/* dead, then tested well: one more failure is the first of a new row */
	for (unsigned int i = 0; i < 15; i++)
		replied(&site, DNSBL_TIMEOUT);
	assert_int_equal(site.state, DNSBL_DEAD);
	assert_true(tested(&site, DNSBL_TEST_ON, (uint8_t[]){HI, MI, HI, MI}, S));
	assert_false(replied(&site, DNSBL_TIMEOUT));
	assert_int_equal(site.state, DNSBL_WELL);
	/* a test in between is an answer like any other */
	for (unsigned int i = 0; i < 8; i++)
		replied(&site, DNSBL_TIMEOUT);
	tested(&site, DNSBL_TEST_ON, (uint8_t[]){HI, MI, HI, MI}, S);
	assert_false(replied(&site, DNSBL_TIMEOUT));
	assert_int_equal(site.state, DNSBL_WELL);
}

/* Late replies change neither the state nor its reason. */
static void late(void **state)
{
	static const enum dnsbl_state in[] = {DNSBL_PAUSED, DNSBL_DEAD, DNSBL_BROKEN, DNSBL_REFUSES,
					      DNSBL_TRIPPED};

	(void)state;
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		struct dnsbl_site site = site_in(in[i]);

		strcpy(site.reason, "old");
		for (unsigned int n = 0; n < 20; n++) {
			assert_false(replied(&site, DNSBL_TIMEOUT));
			assert_false(replied(&site, DNSBL_ERROR_CODE));
		}
		assert_false(replied(&site, DNSBL_MISS));
		assert_false(replied(&site, DNSBL_HIT));
		assert_int_equal(site.state, in[i]);
		assert_int_equal(site.state_since, 1);
		assert_string_equal(site.reason, "old");
		assert_int_equal(site.hits + site.misses, 2);
		assert_int_equal(site.failures, 40);
		assert_int_equal(site.usual_count, 0); /* only what counts makes a habit */
		for (unsigned int n = 0; n < 100 && in[i] != DNSBL_TRIPPED; n++)
			replied(&site, DNSBL_MISS);
		assert_int_equal(site.state, in[i]);
	}
	{
		struct dnsbl_site site = site_in(DNSBL_UNTESTED), none = site_in(DNSBL_FREE);

		/* nor does a good reply stand for a test */
		assert_false(replied(&site, DNSBL_HIT));
		assert_int_equal(site.state, DNSBL_UNTESTED);
		assert_false(replied(&site, DNSBL_OUTSIDE));
		assert_int_equal(site.state, DNSBL_REFUSES);
		assert_false(replied(&none, DNSBL_HIT));
		assert_int_equal(none.hits, 0);
	}
}

/* --- breaker ---------------------------------------------------------------------------------- */

/* The same numbers in every run and on every machine. */
static uint64_t seed;

static bool chance(unsigned int percent)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % 100 < percent;
}

/* Sends sources, so many percent of them listed; returns how many until it no longer counts, 0 if it
 * counts to the end. */
static unsigned int stream(struct dnsbl_site *site, unsigned int sources, unsigned int percent)
{
	for (unsigned int i = 1; i <= sources; i++)
		if (replied(site, chance(percent) ? DNSBL_HIT : DNSBL_MISS))
			return i;
	return 0;
}

static struct dnsbl_site habit(unsigned int sources, unsigned int percent)
{
	struct dnsbl_site site = site_in(DNSBL_WELL);

	seed = percent * 1000 + 7;
	assert_int_equal(stream(&site, sources, percent), 0);
	return site;
}

static void usual_share(void **state)
{
	static const unsigned int percent[] = {0, 2, 30, 50, 90, 100};

	(void)state;
	for (size_t i = 0; i < sizeof(percent) / sizeof(percent[0]); i++) {
		struct dnsbl_site site = habit(10000, percent[i]);

		assert_int_equal(site.usual_count, 10000);
		/* the sliding mean of 512 answers strays by some percent */
		if (site.usual + 5000 < 65536 * percent[i] / 100 ||
		    site.usual > 65536 * percent[i] / 100 + 5000)
			fail_msg("usual share after %u%%: %u of 65536", percent[i], site.usual);
	}
	/* the first 256: the plain mean, to the rounding */
	for (unsigned int every = 2; every < 50; every += 7) {
		struct dnsbl_site site = site_in(DNSBL_WELL);
		uint64_t hits = 0;

		for (unsigned int n = 1; n <= 256; n++) {
			hits += n % every == 0;
			replied(&site, n % every == 0 ? DNSBL_HIT : DNSBL_MISS);
			assert_in_range(site.usual + 20, hits * 65536 / n, hits * 65536 / n + 40);
		}
		/* from then on a habit moves slowly */
		hits = site.usual;
		replied(&site, DNSBL_HIT);
		assert_in_range(site.usual - hits, (65536 - hits) / 520, (65536 - hits) / 504);
	}
}

/* The list dies between two tests, and says yes to everybody. */
static void world_lister(void **state)
{
	static const struct {
		unsigned int sources, percent;
		unsigned int least, most; /* listed before it trips; most 0: never */
	} row[] = {
		{10000, 30, 40, 64},
		{10000, 2, 45, 64},
		{10000, 0, 45, 64},
		{10000, 50, 30, 64},
		{10000, 90, 0, 0},
		{10000, 100, 0, 0},
		{150, 30, 40, 64},
		{100, 5, 45, 64},
		{300, 2, 45, 64},
		/* not used to anything yet: test entries must do. By the 100th answer the flood is
		 * the habit. */
		{20, 30, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_site site = habit(row[i].sources, row[i].percent);
		unsigned int after = stream(&site, 5000, 100);

		if (row[i].most ? after < row[i].least || after > row[i].most : after)
			fail_msg("row %zu: tripped after %u", i, after);
		if (!after)
			continue;
		assert_int_equal(site.state, DNSBL_TRIPPED);
		assert_false(dnsbl_site_counts(&site));
		assert_int_equal(site.recent_count, 0);
		assert_in_range(clock_wall() - site.state_since, 0, 10);
		/* it stays so for as long as it lists the world, and learns nothing from it */
		after = site.usual;
		stream(&site, 5000, 100);
		assert_int_equal(site.state, DNSBL_TRIPPED);
		assert_int_equal(site.usual, after);
	}
}

/* No habit trips by chance, and a wave that doubles it does not either. */
static void no_false_alarm(void **state)
{
	static const struct {
		unsigned int habit, wave;
	} row[] = {{0, 10},  {2, 2},   {2, 20},	 {2, 50},  {30, 30}, {30, 60},
		   {30, 70}, {50, 75}, {90, 90}, {90, 99}, {98, 100}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_site site = habit(10000, row[i].habit);

		if (stream(&site, 10000, row[i].habit) || stream(&site, 2000, row[i].wave) ||
		    stream(&site, 10000, row[i].habit))
			fail_msg("tripped by %u%% after %u%%", row[i].wave, row[i].habit);
	}
}

/* The window must be full, and the habit known, before anything is concluded. */
static void arming(void **state)
{
	struct dnsbl_site site = habit(10000, 10);

	(void)state;
	site.recent = 0;
	site.recent_count = 0;
	assert_int_equal(stream(&site, 63, 100), 0);
	assert_int_equal(stream(&site, 1, 100), 1);
	/* a full window of yes is no alarm before the hundredth answer */
	site = site_in(DNSBL_WELL);
	site.usual_count = 98;
	site.recent = UINT64_MAX;
	site.recent_count = 64;
	assert_int_equal(stream(&site, 1, 100), 0);
	assert_int_equal(stream(&site, 1, 100), 1);
}

static void exact_reason(void **state)
{
	struct dnsbl_site site = site_in(DNSBL_WELL);

	(void)state;
	site.usual = 23 * 1024 - 400;
	site.usual_count = UINT32_MAX;
	site.recent = UINT64_MAX >> 1;
	site.recent_count = 63;
	/* one yes moves the habit by an eighth of a percent */
	assert_true(replied(&site, DNSBL_HIT));
	assert_int_equal(site.usual_count, UINT32_MAX);
	assert_string_equal(site.reason,
			    "says yes to 64 of the last 64 sources, usually to 23 of 64");
}

/* Both conditions, each at its edge. */
static void edges(void **state)
{
	static const struct {
		uint32_t usual; /* 64ths */
		unsigned int hits;
		bool trips;
	} row[] = {
		/* three quarters of the way up: 16 + 36 = 52 */
		{16, 52, false},
		{16, 53, true},
		/* 32 + 24 = 56 */
		{32, 56, false},
		{32, 57, true},
		/* three quarters are passed at 61, four deviations (50 + 13.2) at 64 only */
		{50, 63, false},
		{50, 64, true},
		/* 52 + 12.5 is more than there is */
		{52, 64, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_site site = site_in(DNSBL_WELL);

		site.usual = row[i].usual * 1024;
		site.usual_count = 1000000;
		site.recent = row[i].hits == 64 ? UINT64_MAX : (1ULL << (row[i].hits - 1)) - 1;
		site.recent_count = 63;
		if (replied(&site, DNSBL_HIT) != row[i].trips)
			fail_msg("row %zu: %u hits, usually %u", i, row[i].hits, row[i].usual);
	}
}

/* The wave is over: the site comes back by itself, after one window that shows it. */
static void returning(void **state)
{
	struct dnsbl_site site = habit(10000, 20);
	unsigned int n = 0;

	(void)state;
	assert_true(stream(&site, 100, 100));
	strcpy(site.reason, "tripped");
	/* still far above the habit: half of them */
	stream(&site, 1000, 75);
	assert_int_equal(site.state, DNSBL_TRIPPED);
	site.recent_count = 0;
	while (site.state == DNSBL_TRIPPED && n < 1000) {
		n++;
		assert_false(replied(&site, chance(20) ? DNSBL_HIT : DNSBL_MISS));
	}
	assert_int_equal(n, 64);
	assert_int_equal(site.state, DNSBL_WELL);
	assert_string_equal(site.reason, "");
	assert_int_equal(site.recent_count, 0);
	assert_in_range(clock_wall() - site.state_since, 0, 10);
	/* and is as alert as before */
	assert_in_range(stream(&site, 100, 100), 60, 64);
}

/* Just under and just at a third (and a bit) of the way up. */
static void returning_edge(void **state)
{
	static const struct {
		unsigned int hits;
		bool well;
	} row[] = {{32, true}, {33, false}}; /* 16 + 0.35 * 48 = 32.8 */

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_site site = site_in(DNSBL_TRIPPED);

		site.usual = 16 * 1024;
		for (unsigned int n = 0; n < 64; n++)
			replied(&site, n < row[i].hits ? DNSBL_HIT : DNSBL_MISS);
		assert_int_equal(dnsbl_site_counts(&site), row[i].well);
	}
}

/* A real wave of spam: those who were clean still are, so the list is right. */
static void controls(void **state)
{
	static const struct {
		unsigned int asked, hits;
		bool well;
	} row[] = {
		{0, 0, false},	 {3, 0, false}, {4, 0, true},	 {4, 1, true},
		{4, 2, false},	 {4, 4, false}, {5, 2, true},	 {5, 3, false},
		{20, 10, false}, {20, 9, true}, {20, 20, false}, {UINT32_MAX, UINT32_MAX, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_site site = habit(10000, 30);

		assert_true(stream(&site, 100, 100));
		if (dnsbl_site_controlled(&site, row[i].asked, row[i].hits) != row[i].well ||
		    dnsbl_site_counts(&site) != row[i].well)
			fail_msg("row %zu: %s", i, dnsbl_state_name((enum dnsbl_state)site.state));
		if (!row[i].well)
			continue;
		assert_int_equal(site.recent_count, 0);
		assert_string_equal(site.reason, "");
		assert_in_range(clock_wall() - site.state_since, 0, 10);
		/* the wave goes on: the list is not switched off again for it */
		assert_int_equal(stream(&site, 5000, 95), 0);
		/* the wave ends, the habit comes back, and the breaker is armed as before */
		assert_int_equal(stream(&site, 5000, 30), 0);
		assert_in_range(stream(&site, 100, 100), 30, 64);
	}
	for (int other = DNSBL_FREE; other < DNSBL_TRIPPED; other++) {
		struct dnsbl_site site = site_in((enum dnsbl_state)other);

		assert_false(dnsbl_site_controlled(&site, 20, 0));
		assert_int_equal(site.state, other);
	}
}

/* A site whose habit is already above the window keeps its habit. */
static void controls_raise_only(void **state)
{
	struct dnsbl_site site = site_in(DNSBL_TRIPPED);

	(void)state;
	site.usual = 40 * 1024;
	site.recent = 0xff;
	assert_true(dnsbl_site_controlled(&site, 10, 0));
	assert_int_equal(site.usual, 40 * 1024);
}

/* Failures while it did not count are no part of a row that begins when it does. */
static void controls_begin_anew(void **state)
{
	struct dnsbl_site site = site_in(DNSBL_TRIPPED);

	(void)state;
	for (unsigned int i = 0; i < 20; i++)
		replied(&site, DNSBL_TIMEOUT);
	assert_true(dnsbl_site_controlled(&site, 10, 0));
	assert_false(replied(&site, DNSBL_TIMEOUT));
	assert_int_equal(site.state, DNSBL_WELL);
}

/* Tests and breaker together: a list without test entries that died is not revived by being there. */
static void tripped_and_tested(void **state)
{
	struct dnsbl_site site = habit(1000, 30);

	(void)state;
	assert_true(stream(&site, 100, 100));
	for (unsigned int i = 0; i < 100; i++) {
		assert_false(tested(&site, DNSBL_TEST_OFF, (uint8_t[]){__, i % 3 ? HI : TI, __, __},
				    (i + 1) * S));
		replied(&site, i % 7 ? DNSBL_HIT : DNSBL_TIMEOUT);
		assert_int_equal(site.state, DNSBL_TRIPPED);
	}
	assert_non_null(strstr(site.reason, "of the last 64 sources"));
	/* with test entries: shown to be broken, later shown to be right, with a new window */
	assert_false(tested(&site, DNSBL_TEST_ON, (uint8_t[]){HI, HI, HI, HI}, 500 * S));
	assert_int_equal(site.state, DNSBL_BROKEN);
	assert_true(tested(&site, DNSBL_TEST_ON, (uint8_t[]){HI, MI, HI, MI}, 600 * S));
	assert_int_equal(site.recent_count, 0);
	assert_int_equal(stream(&site, 10, 100), 0);
}

/* --- quota ------------------------------------------------------------------------------------ */

static unsigned int granted(struct dnsbl_site *site, unsigned int wanted, bool unproven,
			    int64_t wall)
{
	unsigned int n = 0;

	while (wanted--)
		n += dnsbl_site_quota(site, unproven, wall);
	return n;
}

static void quotas(void **state)
{
	const int64_t day = 20000LL * 86400;
	struct dnsbl_site site = site_in(DNSBL_WELL);

	(void)state;
	/* none: counted all the same */
	assert_int_equal(granted(&site, 1000, true, day), 1000);
	assert_int_equal(granted(&site, 1000, false, day), 1000);
	assert_int_equal(site.queries, 2000);
	assert_int_equal(site.day_queries, 2000);
	assert_int_equal(site.day_unproven, 1000);
	assert_int_equal(site.spared, 0);

	site = site_in(DNSBL_WELL);
	site.ceiling = 101;
	assert_int_equal(granted(&site, 200, true, day), 50);
	assert_int_equal(site.spared, 150);
	assert_int_equal(granted(&site, 200, false, day), 51);
	assert_int_equal(site.spared, 299);
	/* UTC, to the second, whatever the summer does */
	assert_int_equal(granted(&site, 1, false, day + 86399), 0);
	assert_int_equal(site.day, 20000);
	assert_int_equal(granted(&site, 300, false, day + 86400), 101);
	assert_int_equal(site.day, 20001);
	assert_int_equal(site.day_unproven, 0);
	assert_int_equal(granted(&site, 300, true, day + 86400), 0);
	assert_int_equal(site.queries, 202);
	/* unproven ones again on the next day, after proven ones had all but ten */
	assert_int_equal(granted(&site, 91, false, day + 2 * 86400), 91);
	assert_int_equal(granted(&site, 300, true, day + 2 * 86400), 10);
	assert_int_equal(site.day_queries, 101);
	/* an odd clock is no crash */
	assert_int_equal(granted(&site, 1, false, -5), 1);
	assert_int_equal(site.day, 0);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(tests),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(names),
		cmocka_unit_test(counters),
		cmocka_unit_test(failures),
		cmocka_unit_test(failures_in_between),
		cmocka_unit_test(late),
		cmocka_unit_test(usual_share),
		cmocka_unit_test(world_lister),
		cmocka_unit_test(no_false_alarm),
		cmocka_unit_test(arming),
		cmocka_unit_test(exact_reason),
		cmocka_unit_test(edges),
		cmocka_unit_test(returning),
		cmocka_unit_test(returning_edge),
		cmocka_unit_test(controls),
		cmocka_unit_test(controls_raise_only),
		cmocka_unit_test(controls_begin_anew),
		cmocka_unit_test(tripped_and_tested),
		cmocka_unit_test(quotas),
	};

	return cmocka_run_group_tests_name("dnsbl health", all, NULL, NULL);
}
