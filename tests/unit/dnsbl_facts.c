// SPDX-License-Identifier: GPL-2.0-only
/*
 * DNSBL answers: how long they hold, when they are asked for again, what they add up to; latencies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "dnsbl/dnsbl.h"

#define S	    1000000000ULL
#define AT(seconds) ((uint64_t)(seconds)*S)

static struct dnsbl_reply reply_of(enum dnsbl_outcome outcome, uint32_t ttl, uint8_t last)
{
	struct dnsbl_reply reply = {.outcome = outcome, .ttl = ttl};

	if (outcome == DNSBL_HIT) {
		reply.records = 1;
		memcpy(reply.record[0], (uint8_t[]){127, 0, 0, last}, 4);
	}
	return reply;
}

static void take(struct dnsbl_answer *answer, enum dnsbl_outcome outcome, uint32_t ttl,
		 uint8_t last, uint64_t now)
{
	struct dnsbl_reply reply = reply_of(outcome, ttl, last);

	dnsbl_answer_take(answer, &reply, now, 300, 0);
}

/* --- one answer ------------------------------------------------------------------------------- */

static void lives(void **state)
{
	static const struct {
		enum dnsbl_outcome outcome;
		uint32_t ttl;
		uint16_t jitter;
		uint32_t life;
	} row[] = {
		{DNSBL_MISS, 0, 0, 60},
		{DNSBL_MISS, 1, 0, 60},
		{DNSBL_MISS, 61, 0, 61},
		{DNSBL_MISS, 60, 65535, 60},
		{DNSBL_MISS, 66, 65535, 60},
		{DNSBL_MISS, 1000, 0, 1000},
		{DNSBL_MISS, 1000, 65535, 900},
		{DNSBL_MISS, 1000, 32768, 950},
		{DNSBL_MISS, 3601, 0, 3600},
		{DNSBL_MISS, 86400, 65535, 3240},
		{DNSBL_MISS, UINT32_MAX, 0, 3600},
		{DNSBL_HIT, 0, 65535, 60},
		{DNSBL_HIT, 59, 0, 60},
		{DNSBL_HIT, 3601, 0, 3601},
		{DNSBL_HIT, 86400, 0, 86400},
		{DNSBL_HIT, 86401, 0, 86400},
		{DNSBL_HIT, UINT32_MAX, 65535, 77760},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_reply reply = reply_of(row[i].outcome, row[i].ttl, 2);
		struct dnsbl_answer answer;

		/* Nothing of what was before may stay. */
		memset(&answer, 0xa5, sizeof(answer));
		dnsbl_answer_take(&answer, &reply, AT(1000) - 1, 300, row[i].jitter);
		if (answer.good != 1000 + row[i].life)
			fail_msg("unexpected life in row %zu: got %d, want %u", i,
				 (int)answer.good - 1000, row[i].life);
		assert_int_equal(answer.asked, 1000);
		assert_int_equal(answer.tried, 1000);
		assert_int_equal(answer.until, answer.good);
		assert_int_equal(answer.outcome, row[i].outcome);
		assert_int_equal(answer.failed, 0);
		assert_int_equal(answer.records, reply.records);
		assert_memory_equal(answer.record, reply.record, sizeof(answer.record));
	}
}

static void records(void **state)
{
	struct dnsbl_reply reply = reply_of(DNSBL_HIT, 100, 2);
	struct dnsbl_answer answer = {0};

	(void)state;
	reply.records = 200; /* never more than there are, whoever filled it */
	dnsbl_answer_take(&answer, &reply, AT(1), 0, 0);
	assert_int_equal(answer.records, DNSBL_RECORDS);
	/* A miss has none, even where the reply still holds some. */
	reply.outcome = DNSBL_MISS;
	dnsbl_answer_take(&answer, &reply, AT(1), 0, 0);
	assert_int_equal(answer.records, 0);
	assert_int_equal(answer.record[0][0], 0);
}

static void rounding(void **state)
{
	static const struct {
		uint64_t now;
		uint32_t asked;
	} row[] = {{1, 1}, {AT(7), 7}, {AT(7) + 1, 8}, {AT(8) - 1, 8}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_answer answer = {0};

		take(&answer, DNSBL_MISS, 100, 0, row[i].now);
		assert_int_equal(answer.asked, row[i].asked);
		assert_int_equal(answer.good, row[i].asked + 100);
	}
}

/* A hit of 1000 s taken at 1000, with a grace of 300, whose renewal fails. */
static void failing(void **state)
{
	static const enum dnsbl_outcome failure[] = {
		DNSBL_TIMEOUT, DNSBL_SERVFAIL, DNSBL_REFUSED,	 DNSBL_MANGLED,
		DNSBL_ALIAS,   DNSBL_OUTSIDE,  DNSBL_ERROR_CODE,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(failure) / sizeof(failure[0]); i++) {
		struct dnsbl_answer answer = {0};

		take(&answer, DNSBL_HIT, 1000, 2, AT(1000));
		take(&answer, failure[i], 77, 0, AT(1900));
		assert_int_equal(answer.outcome, DNSBL_HIT);
		assert_int_equal(answer.records, 1);
		assert_int_equal(answer.failed, failure[i]);
		assert_int_equal(answer.asked, 1000);
		assert_int_equal(answer.tried, 1900);
		assert_int_equal(answer.good, 2000);
		assert_int_equal(answer.until, 2300);
		/* failing on and on makes the grace no longer */
		take(&answer, failure[i], 77, 0, AT(2299));
		assert_int_equal(answer.outcome, DNSBL_HIT);
		assert_int_equal(answer.tried, 2299);
		assert_int_equal(answer.until, 2300);
		take(&answer, failure[i], 77, 0, AT(2300));
		assert_int_equal(answer.outcome, DNSBL_UNASKED);
		assert_int_equal(answer.failed, failure[i]);
		assert_int_equal(answer.records, 0);
		assert_int_equal(answer.record[0][0], 0);
		assert_int_equal(answer.good, 0);
		assert_int_equal(answer.until, 0);
		assert_int_equal(answer.asked, 2300);
		assert_int_equal(answer.tried, 2300);
		/* an answer heals everything */
		take(&answer, DNSBL_MISS, 100, 0, AT(2400));
		assert_int_equal(answer.outcome, DNSBL_MISS);
		assert_int_equal(answer.failed, 0);
		assert_int_equal(answer.until, 2500);
	}
}

static void never_answered(void **state)
{
	struct dnsbl_answer answer = {0}, before;

	(void)state;
	take(&answer, DNSBL_TIMEOUT, 0, 0, AT(50));
	assert_int_equal(answer.outcome, DNSBL_UNASKED);
	assert_int_equal(answer.failed, DNSBL_TIMEOUT);
	assert_int_equal(answer.asked, 50);
	assert_int_equal(answer.good, 0);
	assert_int_equal(answer.until, 0);
	/* young machine: the grace of an answer that never was must not begin at boot */
	take(&answer, DNSBL_TIMEOUT, 0, 0, AT(110));
	assert_int_equal(answer.outcome, DNSBL_UNASKED);
	assert_int_equal(answer.until, 0);
	/* a resolver that was closed teaches nothing */
	before = answer;
	take(&answer, DNSBL_UNASKED, 0, 0, AT(120));
	assert_memory_equal(&answer, &before, sizeof(answer));
}

static void no_overflow(void **state)
{
	struct dnsbl_reply failed = reply_of(DNSBL_TIMEOUT, 0, 0);
	struct dnsbl_answer answer = {0};

	(void)state;
	take(&answer, DNSBL_MISS, 100, 0, AT(1000));
	dnsbl_answer_take(&answer, &failed, AT(1050), UINT32_MAX, 0);
	assert_int_equal(answer.outcome, DNSBL_MISS);
	assert_int_equal(answer.until, UINT32_MAX);
}

static void due(void **state)
{
	struct dnsbl_answer answer = {0};

	(void)state;
	assert_true(dnsbl_answer_is_due(&answer, 1));
	take(&answer, DNSBL_MISS, 1000, 0, AT(1000));
	assert_false(dnsbl_answer_is_due(&answer, AT(1000)));
	assert_false(dnsbl_answer_is_due(&answer, AT(1800) - 1));
	assert_true(dnsbl_answer_is_due(&answer, AT(1800)));
	assert_true(dnsbl_answer_is_due(&answer, AT(9999)));
	/* failed: not at once, whatever the old answer's life is */
	take(&answer, DNSBL_TIMEOUT, 0, 0, AT(1850));
	assert_false(dnsbl_answer_is_due(&answer, AT(1910) - 1));
	assert_true(dnsbl_answer_is_due(&answer, AT(1910)));
	take(&answer, DNSBL_TIMEOUT, 0, 0, AT(1910));
	assert_false(dnsbl_answer_is_due(&answer, AT(1970) - 1));
	assert_true(dnsbl_answer_is_due(&answer, AT(1970)));
	/* failed early: the retry comes although the answer is good for long */
	take(&answer, DNSBL_HIT, 80000, 2, AT(2000));
	take(&answer, DNSBL_SERVFAIL, 0, 0, AT(2010));
	assert_true(dnsbl_answer_is_due(&answer, AT(2070)));
	/* never answered */
	memset(&answer, 0, sizeof(answer));
	take(&answer, DNSBL_TIMEOUT, 0, 0, AT(50));
	assert_false(dnsbl_answer_is_due(&answer, AT(110) - 1));
	assert_true(dnsbl_answer_is_due(&answer, AT(110)));
}

/* --- all answers ------------------------------------------------------------------------------ */

/* Places 0..3, one bit each in `counts`; 127.0.0.9 is worth nothing anywhere. */
#define SITES                                                                                      \
	"black.example=127.0.0.2*3 grey.example=127.0.0.2*1 white.example=127.0.0.2*-2 "           \
	"even.example=127.0.0.2*2"

struct scene {
	struct dnsbl_sites *sites;
	struct dnsbl_places places;
	struct dnsbl facts;
};

static int set_up(void **state)
{
	static struct scene scene;
	size_t offset;

	memset(&scene, 0, sizeof(scene));
	assert_int_equal(dnsbl_sites_parse(SITES, &scene.sites, &offset, NULL), 0);
	assert_int_equal(scene.sites->zones, 4);
	for (unsigned int i = 0; i < 4; i++)
		scene.places.zone[i] = &scene.sites->zone[i];
	scene.places.counts = 0xf;
	*state = &scene;
	return 0;
}

static int tear_down(void **state)
{
	dnsbl_sites_free(((struct scene *)*state)->sites);
	return 0;
}

enum { BLACK, GREY, WHITE, EVEN };

#define CHECK(facts, want_score, want_sites, want_until, want_renew)                               \
	do {                                                                                       \
		assert_int_equal((facts).score, want_score);                                       \
		assert_int_equal((facts).sites, want_sites);                                       \
		assert_int_equal((facts).until, AT(want_until));                                   \
		assert_int_equal((facts).renew, AT(want_renew));                                   \
	} while (0)

static void adding_up(void **state)
{
	struct scene *s = *state;

	take(&s->facts.answer[BLACK], DNSBL_HIT, 5000, 2, AT(1000));
	take(&s->facts.answer[GREY], DNSBL_MISS, 100, 0, AT(1000));
	take(&s->facts.answer[WHITE], DNSBL_HIT, 9000, 2, AT(1000));
	take(&s->facts.answer[EVEN], DNSBL_HIT, 70, 9, AT(1000));
	assert_true(dnsbl_facts_judge(&s->facts, &s->places, AT(1000), AT(990)));
	/* what adds nothing shortens nothing, but says when to ask: the hit of 70 s, from 56 on */
	CHECK(s->facts, 1, 1 << BLACK | 1 << WHITE, 4600, 1056);
	assert_int_equal(s->facts.begun, AT(990));
	assert_int_equal(s->facts.since, AT(1000));
	assert_false(dnsbl_facts_judge(&s->facts, &s->places, AT(1001), AT(995)));
	/* the trust ended with 3600 s, the listing with its own TTL */
	take(&s->facts.answer[GREY], DNSBL_MISS, 3600, 0, AT(4500));
	take(&s->facts.answer[EVEN], DNSBL_MISS, 3600, 0, AT(4500));
	assert_true(dnsbl_facts_judge(&s->facts, &s->places, AT(4600), AT(4600)));
	CHECK(s->facts, 3, 1 << BLACK, 6000, 4630);
}

static void cancelling(void **state)
{
	struct scene *s = *state;

	/* 2 - 2: nothing, but not the nothing of a source that nobody knows */
	take(&s->facts.answer[BLACK], DNSBL_MISS, 60, 0, AT(1000));
	take(&s->facts.answer[GREY], DNSBL_MISS, 60, 0, AT(1000));
	take(&s->facts.answer[WHITE], DNSBL_HIT, 500, 2, AT(1000));
	take(&s->facts.answer[EVEN], DNSBL_HIT, 600, 2, AT(1000));
	dnsbl_facts_judge(&s->facts, &s->places, AT(1000), 0);
	CHECK(s->facts, 0, 1 << WHITE | 1 << EVEN, 1500, 1048);
}

static void only_misses(void **state)
{
	struct scene *s = *state;

	take(&s->facts.answer[BLACK], DNSBL_MISS, 3600, 0, AT(1000));
	take(&s->facts.answer[GREY], DNSBL_MISS, 500, 0, AT(1000));
	take(&s->facts.answer[WHITE], DNSBL_MISS, 1000, 0, AT(1000));
	take(&s->facts.answer[EVEN], DNSBL_HIT, 2000, 9, AT(1000));
	dnsbl_facts_judge(&s->facts, &s->places, AT(1000), 0);
	CHECK(s->facts, 0, 0, 1500, 1400);
	/* a worthless hit holds no longer than a miss */
	for (unsigned int i = BLACK; i <= WHITE; i++)
		take(&s->facts.answer[i], DNSBL_MISS, 3600, 0, AT(1000));
	take(&s->facts.answer[EVEN], DNSBL_HIT, 80000, 9, AT(900));
	dnsbl_facts_judge(&s->facts, &s->places, AT(1000), 0);
	CHECK(s->facts, 0, 0, 4500, 3780);
	assert_int_equal(s->facts.answer[EVEN].good, 4500);
}

/* An allow site that falls silent takes back no trust: its death must block nobody. */
static void silent_trust(void **state)
{
	struct scene *s = *state;

	take(&s->facts.answer[BLACK], DNSBL_HIT, 5000, 2, AT(1000));
	take(&s->facts.answer[WHITE], DNSBL_HIT, 9000, 2, AT(1000));
	s->places.counts = 1 << BLACK | 1 << WHITE;
	dnsbl_facts_judge(&s->facts, &s->places, AT(1000), 0);
	assert_int_equal(s->facts.score, 1);
	s->places.counts = 1 << BLACK;
	s->places.trusts = 1 << WHITE;
	dnsbl_facts_judge(&s->facts, &s->places, AT(1001), 0);
	CHECK(s->facts, 1, 1 << BLACK | 1 << WHITE, 4600, 3880);
	/* a silent list that speaks against it is no list any more */
	s->places.trusts |= 1 << BLACK;
	s->places.counts = 0;
	dnsbl_facts_judge(&s->facts, &s->places, AT(1002), 0);
	assert_int_equal(s->facts.score, -2);
	/* one that trusts the world is not trusted */
	s->places.counts = 1 << BLACK;
	s->places.trusts = 0;
	dnsbl_facts_judge(&s->facts, &s->places, AT(1003), 0);
	assert_int_equal(s->facts.score, 3);
}

/* What a site said waits for it while it is silent, as long as it would have held. */
static void silence_waits(void **state)
{
	struct scene *s = *state;

	take(&s->facts.answer[BLACK], DNSBL_HIT, 500, 2, AT(1000));
	s->places.counts = 1 << BLACK;
	dnsbl_facts_judge(&s->facts, &s->places, AT(1000), 0);
	assert_int_equal(s->facts.score, 3);
	s->places.counts = 0;
	dnsbl_facts_judge(&s->facts, &s->places, AT(1010), 0);
	CHECK(s->facts, 0, 0, 1500, 1500);
	s->places.counts = 1 << BLACK;
	dnsbl_facts_judge(&s->facts, &s->places, AT(1200), 0);
	CHECK(s->facts, 3, 1 << BLACK, 1500, 1400);
	s->places.counts = 0;
	dnsbl_facts_judge(&s->facts, &s->places, AT(1500), AT(1499));
	assert_int_equal(s->facts.until, AT(1560));
	/* nothing was asked: a stranger at once */
	dnsbl_facts_judge(&s->facts, &s->places, AT(1501), 0);
	CHECK(s->facts, 0, 0, 1501, 1501);
}

/* What the judge shortens is asked for again in time: both have one idea of when. */
static void trust_is_renewed(void **state)
{
	struct scene *s = *state;
	struct dnsbl_answer *white = &s->facts.answer[WHITE];

	s->places.counts = 1 << WHITE;
	take(white, DNSBL_HIT, 80000, 2, AT(1000));
	dnsbl_facts_judge(&s->facts, &s->places, AT(1000), 0);
	CHECK(s->facts, -2, 1 << WHITE, 4600, 3880);
	assert_false(dnsbl_answer_is_due(white, s->facts.renew - 1));
	assert_true(dnsbl_answer_is_due(white, s->facts.renew));
	/* while the site cannot be asked, trust gets its grace as listings do */
	take(white, DNSBL_TIMEOUT, 0, 0, AT(4000));
	dnsbl_facts_judge(&s->facts, &s->places, AT(4000), 0);
	CHECK(s->facts, -2, 1 << WHITE, 4900, 4060);
	/* and failing before it was ever judged changes nothing about it */
	take(white, DNSBL_HIT, 80000, 2, AT(10000));
	take(white, DNSBL_TIMEOUT, 0, 0, AT(10100));
	dnsbl_facts_judge(&s->facts, &s->places, AT(10100), 0);
	CHECK(s->facts, -2, 1 << WHITE, 13900, 10160);
	/* also of a site that does not count just now */
	s->places.counts = 0;
	take(white, DNSBL_HIT, 80000, 2, AT(20000));
	dnsbl_facts_judge(&s->facts, &s->places, AT(20000), 0);
	assert_int_equal(white->until, 23600);
}

static void nothing_known(void **state)
{
	struct scene *s = *state;

	/* never asked: asked in half a minute, unknown after one */
	assert_true(dnsbl_facts_judge(&s->facts, &s->places, AT(1000), AT(999)));
	CHECK(s->facts, 0, 0, 1060, 1030);
	assert_int_equal(s->facts.begun, AT(999));
	assert_int_equal(s->facts.since, AT(1000));
	/* all failed */
	for (unsigned int i = 0; i < 4; i++)
		take(&s->facts.answer[i], DNSBL_TIMEOUT, 0, 0, AT(1995));
	dnsbl_facts_judge(&s->facts, &s->places, AT(2000), AT(1990));
	CHECK(s->facts, 0, 0, 2060, 2055);
	/* nobody counts: nobody has to be asked */
	s->places.counts = 0;
	dnsbl_facts_judge(&s->facts, &s->places, AT(3000), AT(2990));
	CHECK(s->facts, 0, 0, 3060, 3060);
	/* places that have no site count for nobody */
	s->places.counts = ~0xfu;
	dnsbl_facts_judge(&s->facts, &s->places, AT(3000), AT(2990));
	CHECK(s->facts, 0, 0, 3060, 3060);
}

/* A new site, or one that never answered, must not make the known answers expire. */
static void unasked_does_not_shorten(void **state)
{
	struct scene *s = *state;

	take(&s->facts.answer[BLACK], DNSBL_MISS, 1000, 0, AT(1000));
	take(&s->facts.answer[GREY], DNSBL_TIMEOUT, 0, 0, AT(1000));
	dnsbl_facts_judge(&s->facts, &s->places, AT(1000), AT(999));
	CHECK(s->facts, 0, 0, 2000, 1030);
	/* a site that joined later is asked at the next occasion */
	dnsbl_facts_judge(&s->facts, &s->places, AT(1000), 0);
	CHECK(s->facts, 0, 0, 2000, 1000);
	s->places.counts = 1 << BLACK | 1 << GREY;
	dnsbl_facts_judge(&s->facts, &s->places, AT(1000), 0);
	CHECK(s->facts, 0, 0, 2000, 1060);
	/* never earlier than in half a minute, never later than it holds */
	dnsbl_facts_judge(&s->facts, &s->places, AT(1100), AT(1099));
	CHECK(s->facts, 0, 0, 2000, 1130);
	dnsbl_facts_judge(&s->facts, &s->places, AT(1990), AT(1989));
	CHECK(s->facts, 0, 0, 2000, 2000);
}

static void out_of_force(void **state)
{
	struct scene *s = *state;

	take(&s->facts.answer[BLACK], DNSBL_HIT, 100, 2, AT(1000));
	take(&s->facts.answer[GREY], DNSBL_HIT, 5000, 2, AT(1000));
	take(&s->facts.answer[WHITE], DNSBL_MISS, 3600, 0, AT(1000));
	take(&s->facts.answer[EVEN], DNSBL_MISS, 3600, 0, AT(1000));
	dnsbl_facts_judge(&s->facts, &s->places, AT(1100) - 1, 0);
	assert_int_equal(s->facts.score, 4);
	assert_int_equal(s->facts.until, AT(1100));
	dnsbl_facts_judge(&s->facts, &s->places, AT(1100), AT(1099));
	CHECK(s->facts, 1, 1 << GREY, 6000, 1130);
}

/* Weights, pauses and broken sites change the score without a single query. */
static void counting(void **state)
{
	struct scene *s = *state;

	for (unsigned int i = 0; i < 4; i++)
		take(&s->facts.answer[i], DNSBL_HIT, 3000, 2, AT(1000));
	dnsbl_facts_judge(&s->facts, &s->places, AT(1000), AT(990));
	assert_int_equal(s->facts.score, 4);
	s->places.counts &= ~(1u << BLACK);
	assert_true(dnsbl_facts_judge(&s->facts, &s->places, AT(1100), 0));
	assert_int_equal(s->facts.score, 1);
	assert_int_equal(s->facts.sites, 1 << GREY | 1 << WHITE | 1 << EVEN);
	assert_int_equal(s->facts.since, AT(1100));
	assert_int_equal(s->facts.begun, AT(990));
	/* the answers themselves are kept for when it is well */
	assert_int_equal(s->facts.answer[BLACK].outcome, DNSBL_HIT);
	s->places.counts |= 1u << BLACK;
	assert_true(dnsbl_facts_judge(&s->facts, &s->places, AT(1200), 0));
	assert_int_equal(s->facts.score, 4);
	assert_int_equal(s->facts.begun, AT(1200));
	/* a weight, by a new configuration: the same sites, another score */
	s->sites->zone[GREY].pattern[0].weight = 5;
	assert_true(dnsbl_facts_judge(&s->facts, &s->places, AT(1250), 0));
	assert_int_equal(s->facts.score, 8);
	assert_int_equal(s->facts.since, AT(1250));
	assert_int_equal(s->facts.begun, AT(1250));
	s->sites->zone[GREY].pattern[0].weight = 1;
	/* a place that became free is emptied */
	s->places.zone[BLACK] = NULL;
	assert_true(dnsbl_facts_judge(&s->facts, &s->places, AT(1300), 0));
	assert_int_equal(s->facts.score, 1);
	assert_int_equal(s->facts.answer[BLACK].outcome, DNSBL_UNASKED);
	assert_int_equal(s->facts.answer[BLACK].asked, 0);
	assert_int_equal(s->facts.answer[GREY].outcome, DNSBL_HIT);
}

static void last_place(void **state)
{
	struct scene *s = *state;

	s->places.zone[31] = s->places.zone[BLACK];
	s->places.counts = 1u << 31;
	take(&s->facts.answer[31], DNSBL_HIT, 3000, 2, AT(1000));
	dnsbl_facts_judge(&s->facts, &s->places, AT(1000), 0);
	CHECK(s->facts, 3, 1u << 31, 4000, 3400);
}

/* Which sessions are cut depends on `begun`: it moves when things get worse, and only then. */
static void beginning(void **state)
{
	static const struct {
		uint8_t black, white; /* 2: a hit, 9: worth nothing */
		uint64_t begun, want_begun;
		bool want_since;
	} row[] = {
		{9, 9, 500, 500, true},	  /* new */
		{9, 9, 600, 500, false},  /* the same */
		{2, 9, 700, 700, true},	  /* worse */
		{2, 9, 800, 700, false},  /* the same */
		{2, 2, 900, 700, true},	  /* better */
		{2, 9, 0, 1005, true},	  /* worse, by a weight or a site's health: now */
		{9, 2, 1100, 1005, true}, /* better */
		{9, 9, 1200, 1200, true}, /* worse: no longer trusted */
	};
	struct scene *s = *state;
	uint64_t since = 0;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		uint64_t now = AT(1000 + i);

		take(&s->facts.answer[BLACK], DNSBL_HIT, 3000, row[i].black, now);
		take(&s->facts.answer[WHITE], DNSBL_HIT, 3000, row[i].white, now);
		since = row[i].want_since ? now : since;
		dnsbl_facts_judge(&s->facts, &s->places, now, AT(row[i].begun));
		if (s->facts.begun != AT(row[i].want_begun) || s->facts.since != since)
			fail_msg("row %zu: begun %llu since %llu", i,
				 (unsigned long long)s->facts.begun / S,
				 (unsigned long long)s->facts.since / S);
	}
	/* A new entry that nobody looked up for. */
	memset(&s->facts, 0, sizeof(s->facts));
	dnsbl_facts_judge(&s->facts, &s->places, AT(5000), 0);
	assert_int_equal(s->facts.begun, AT(5000));
}

/* Each of the fields alone is reason enough to write the entry. */
static void changes(void **state)
{
	struct scene *s = *state;

	s->places.counts = 1 << GREY | 1 << BLACK;
	take(&s->facts.answer[BLACK], DNSBL_HIT, 3000, 2, AT(1000));
	take(&s->facts.answer[GREY], DNSBL_MISS, 3000, 0, AT(1000));
	assert_true(dnsbl_facts_judge(&s->facts, &s->places, AT(1000), 0));
	assert_false(dnsbl_facts_judge(&s->facts, &s->places, AT(1000), 0));
	/* renew: grey's next date alone */
	take(&s->facts.answer[GREY], DNSBL_MISS, 1000, 0, AT(1000));
	assert_true(dnsbl_facts_judge(&s->facts, &s->places, AT(1000), 0));
	CHECK(s->facts, 3, 1 << BLACK, 4000, 1800);
	/* until alone */
	take(&s->facts.answer[BLACK], DNSBL_HIT, 3500, 2, AT(1000));
	assert_true(dnsbl_facts_judge(&s->facts, &s->places, AT(1000), 0));
	CHECK(s->facts, 3, 1 << BLACK, 4500, 1800);
	assert_false(dnsbl_facts_judge(&s->facts, &s->places, AT(1000), 0));
	assert_int_equal(s->facts.since, AT(1000));
	/* sites alone: even.example and grey.example make up for black.example */
	memset(s->facts.answer, 0, sizeof(s->facts.answer));
	s->places.counts = 0xf;
	take(&s->facts.answer[EVEN], DNSBL_HIT, 3500, 2, AT(1000));
	take(&s->facts.answer[GREY], DNSBL_HIT, 3500, 2, AT(1000));
	take(&s->facts.answer[BLACK], DNSBL_MISS, 1000, 0, AT(1000));
	take(&s->facts.answer[WHITE], DNSBL_MISS, 1000, 0, AT(1000));
	assert_true(dnsbl_facts_judge(&s->facts, &s->places, AT(1001), AT(1)));
	CHECK(s->facts, 3, 1 << EVEN | 1 << GREY, 4500, 1800);
	assert_int_equal(s->facts.since, AT(1001));
	assert_int_equal(s->facts.begun, AT(1000));
}

/* --- latency ---------------------------------------------------------------------------------- */

static void latency_buckets(void **state)
{
	static const struct {
		uint64_t us;
		unsigned int bucket;
		uint64_t below;
	} row[] = {
		{0, 0, 312},
		{249, 0, 312},
		{311, 0, 312},
		{312, 1, 375},
		{374, 1, 375},
		{375, 2, 437},
		{499, 3, 500},
		{500, 4, 625},
		{999, 7, 1000},
		{1000, 8, 1250},
		{20000, 25, 24000},
		{5000000, 56, 5120000},
		{16383999, 63, 16384000},
		{16384000, 63, 16384000},
		{UINT64_MAX, 63, 16384000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		uint32_t bucket[DNSBL_LATENCIES] = {0};

		dnsbl_latency_add(bucket, row[i].us);
		if (!bucket[row[i].bucket])
			fail_msg("%llu us are not in bucket %u", (unsigned long long)row[i].us,
				 row[i].bucket);
		assert_int_equal(dnsbl_latency_percentile(bucket, 50), row[i].below);
	}
}

static void percentiles(void **state)
{
	uint32_t bucket[DNSBL_LATENCIES] = {0};

	(void)state;
	assert_int_equal(dnsbl_latency_percentile(bucket, 50), 0);
	dnsbl_latency_add(bucket, 900);
	dnsbl_latency_add(bucket, 9000);
	dnsbl_latency_add(bucket, 900000);
	assert_int_equal(dnsbl_latency_percentile(bucket, 50), 10000);
	memset(bucket, 0, sizeof(bucket));
	for (unsigned int i = 0; i < 90; i++)
		dnsbl_latency_add(bucket, 900);
	for (unsigned int i = 0; i < 9; i++)
		dnsbl_latency_add(bucket, 9000);
	dnsbl_latency_add(bucket, 900000);
	assert_int_equal(dnsbl_latency_percentile(bucket, 0), 1000);
	assert_int_equal(dnsbl_latency_percentile(bucket, 50), 1000);
	assert_int_equal(dnsbl_latency_percentile(bucket, 90), 1000);
	assert_int_equal(dnsbl_latency_percentile(bucket, 91), 10000);
	assert_int_equal(dnsbl_latency_percentile(bucket, 99), 10000);
	assert_int_equal(dnsbl_latency_percentile(bucket, 100), 1024000);
	assert_int_equal(dnsbl_latency_percentile(bucket, 1000), 1024000);
	/* full counters stay full, and their sum does not wrap */
	for (unsigned int i = 0; i < DNSBL_LATENCIES; i++)
		bucket[i] = UINT32_MAX;
	dnsbl_latency_add(bucket, 0);
	assert_int_equal(bucket[0], UINT32_MAX);
	assert_int_equal(dnsbl_latency_percentile(bucket, 50), 64000);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lives),
		cmocka_unit_test(records),
		cmocka_unit_test(rounding),
		cmocka_unit_test(failing),
		cmocka_unit_test(never_answered),
		cmocka_unit_test(no_overflow),
		cmocka_unit_test(due),
		SCENE(adding_up),
		SCENE(cancelling),
		SCENE(only_misses),
		SCENE(trust_is_renewed),
		SCENE(silent_trust),
		SCENE(silence_waits),
		SCENE(nothing_known),
		SCENE(unasked_does_not_shorten),
		SCENE(out_of_force),
		SCENE(counting),
		SCENE(last_place),
		SCENE(beginning),
		SCENE(changes),
		cmocka_unit_test(latency_buckets),
		cmocka_unit_test(percentiles),
	};

	return cmocka_run_group_tests_name("dnsbl facts", tests, NULL, NULL);
}
