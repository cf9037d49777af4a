// SPDX-License-Identifier: GPL-2.0-only
/*
 * facts.c - the answers of all sites become what the kernel judges a source by
 *
 * In: replies, one at a time; which sites there are and which of them count. Out: the value of the
 * map `dnsbl`: score, how long it holds, when to ask again. TTLs are obeyed within bounds, those of
 * negative answers as well (RFC 2308): too short a TTL would have the site asked all day, too long
 * a one would keep a source waiting that was delisted. Knows no clock: `now` comes from outside.
 */
#include <string.h>
#include "dnsbl.h"

#define SECOND 1000000000ULL

/* A source about which nothing is known is asked again after this, ns; nobody needs a renewal
 * sooner than the other, whatever the TTLs say. */
#define UNKNOWN_FOR (60 * SECOND)
#define RENEW_LEAST (30 * SECOND)

/* Rounded up: an answer is never younger than it claims, and a deadline never early. */
static uint32_t seconds(uint64_t ns)
{
	return (uint32_t)(ns / SECOND + (ns % SECOND != 0));
}

static uint32_t add(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

/* --- one answer ------------------------------------------------------------------------------- */

static uint32_t life(const struct dnsbl_reply *reply, uint16_t jitter)
{
	uint32_t most = reply->outcome == DNSBL_HIT ? DNSBL_TTL_LISTING : DNSBL_TTL_MOST;
	uint32_t ttl = reply->ttl < most ? reply->ttl : most;

	/* Sources that were asked about at the same time are not to be asked about again at the
	 * same time. */
	ttl -= (uint32_t)((uint64_t)ttl * jitter / (10ULL * UINT16_MAX));
	return ttl > DNSBL_TTL_LEAST ? ttl : DNSBL_TTL_LEAST;
}

static void take_good(struct dnsbl_answer *answer, const struct dnsbl_reply *reply, uint32_t now,
		      uint16_t jitter)
{
	memset(answer, 0, sizeof(*answer));
	answer->asked = answer->tried = now;
	answer->good = answer->until = add(now, life(reply, jitter));
	answer->outcome = (uint8_t)reply->outcome;
	if (reply->outcome != DNSBL_HIT)
		return;
	answer->records =
		(uint8_t)(reply->records < DNSBL_RECORDS ? reply->records : DNSBL_RECORDS);
	memcpy(answer->record, reply->record, answer->records * sizeof(reply->record[0]));
}

static void take_failure(struct dnsbl_answer *answer, const struct dnsbl_reply *reply, uint32_t now,
			 uint32_t grace)
{
	bool keeps = answer->outcome != DNSBL_UNASKED && now < add(answer->good, grace);

	if (keeps) {
		/* A dead resolver must neither free the listed at once nor forget the trusted. */
		answer->until = add(answer->good, grace);
	} else {
		memset(answer, 0, sizeof(*answer));
		answer->asked = now;
	}
	answer->tried = now;
	answer->failed = (uint8_t)reply->outcome;
}

void dnsbl_answer_take(struct dnsbl_answer *answer, const struct dnsbl_reply *reply, uint64_t now,
		       uint32_t grace, uint16_t jitter)
{
	if (reply->outcome == DNSBL_UNASKED)
		return; /* the resolver was closed under the query: nothing was learnt */
	if (reply->outcome == DNSBL_MISS || reply->outcome == DNSBL_HIT)
		take_good(answer, reply, seconds(now), jitter);
	else
		take_failure(answer, reply, seconds(now), grace);
}

/* From when on it has to be asked for again, ns; 0: it never was. */
static uint64_t due_from(const struct dnsbl_answer *answer)
{
	if (answer->failed)
		return add(answer->tried, DNSBL_RETRY) * SECOND;
	if (answer->outcome == DNSBL_UNASKED)
		return 0;
	return (answer->good - (answer->good - answer->asked) / 5) * SECOND;
}

bool dnsbl_answer_is_due(const struct dnsbl_answer *answer, uint64_t now)
{
	return now >= due_from(answer);
}

/* --- all answers ------------------------------------------------------------------------------ */

struct tally {
	int64_t score;
	uint32_t sites;
	uint64_t adding; /* the first answer that adds something ends then, ns */
	uint64_t any;	 /* the first answer of all ends then, ns */
	uint64_t silent; /* the first answer of a site that does not count now ends then, ns */
	uint64_t due;	 /* the first site has to be asked again then, ns */
};

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * Only what speaks against a source may hold for a day: a hit that is worth nothing, or trust, ends
 * like a miss. Written into the answer, so that dnsbl_answer_is_due() sees it too; the grace stays.
 */
static void shorten(struct dnsbl_answer *answer, int32_t score)
{
	uint32_t most = add(answer->asked, DNSBL_TTL_MOST);

	if (answer->outcome != DNSBL_HIT || score > 0 || answer->good <= most)
		return;
	answer->until = add(most, answer->until - answer->good);
	answer->good = most;
}

static void count(struct tally *tally, const struct dnsbl_answer *answer, int32_t score,
		  uint32_t bit, uint64_t now)
{
	uint64_t until = answer->until * SECOND;

	tally->due = earlier(tally->due, due_from(answer));
	if (now >= until)
		return; /* or there is none, and `until` is 0 */
	tally->any = earlier(tally->any, until);
	if (!score)
		return;
	tally->score += score;
	tally->sites |= bit;
	tally->adding = earlier(tally->adding, until);
}

static struct tally add_up(struct dnsbl *facts, const struct dnsbl_places *places, uint64_t now)
{
	struct tally tally = {
		.adding = UINT64_MAX, .any = UINT64_MAX, .silent = UINT64_MAX, .due = UINT64_MAX};

	for (unsigned int i = 0; i < DNSBL_SITES; i++) {
		struct dnsbl_answer *answer = &facts->answer[i];
		int32_t score = 0;

		if (!places->zone[i]) {
			/* The next site in this place must not inherit them. */
			memset(answer, 0, sizeof(*answer));
			continue;
		}
		if (answer->outcome == DNSBL_HIT)
			score = dnsbl_zone_score(places->zone[i], answer);
		shorten(answer, score);
		if (places->counts & (1u << i) || (places->trusts & (1u << i) && score < 0))
			count(&tally, answer, score, 1u << i, now);
		else if (answer->until * SECOND > now)
			tally.silent = earlier(tally.silent, answer->until * SECOND);
	}
	return tally;
}

static int32_t saturated(int64_t score)
{
	if (score > INT32_MAX)
		return INT32_MAX;
	return score < INT32_MIN ? INT32_MIN : (int32_t)score;
}

/*
 * While something adds to the score, the others may come and go. When all sites that said something are
 * silent now, their answers wait for them: they count again when the sites are back. A source of whom
 * nothing is known is left alone for a while when it was just asked about, and is a stranger otherwise.
 */
static uint64_t holds_until(const struct tally *tally, uint64_t now, bool asked)
{
	if (tally->sites)
		return tally->adding;
	if (tally->any != UINT64_MAX)
		return tally->any;
	if (tally->silent != UINT64_MAX)
		return tally->silent;
	return asked ? now + UNKNOWN_FOR : now;
}

static uint64_t renewed_from(const struct tally *tally, uint64_t until, uint64_t now, bool asked)
{
	uint64_t least = asked ? now + RENEW_LEAST : now;

	return earlier(tally->due > least ? tally->due : least, until);
}

bool dnsbl_facts_judge(struct dnsbl *facts, const struct dnsbl_places *places, uint64_t now,
		       uint64_t begun)
{
	struct tally tally = add_up(facts, places, now);
	bool fresh = !facts->since; /* nobody judged it before */
	int32_t score = saturated(tally.score);
	uint64_t until = holds_until(&tally, now, begun),
		 renew = renewed_from(&tally, until, now, begun);
	bool other = score != facts->score || tally.sites != facts->sites;
	bool changed = other || until != facts->until || renew != facts->renew;

	/* What newly speaks against a source is newer than the sessions that began before. */
	if (fresh || score > facts->score)
		facts->begun = begun ? begun : now;
	if (fresh || other)
		facts->since = now;
	facts->score = score;
	facts->sites = tally.sites;
	facts->until = until;
	facts->renew = renew;
	return changed;
}
