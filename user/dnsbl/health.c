// SPDX-License-Identifier: GPL-2.0-only
/*
 * health.c - is a site good for anything at the moment?
 *
 * In: replies to its test entries (RFC 5782, section 5) and to ordinary questions. Out: its state,
 * and in words why it is not well. Lists die by listing the world (a lapsed domain under a parking
 * wildcard, a list that was shut down), or refuse a resolver with answers that look like listings.
 * The test entries find most of that, but only every half hour; the breaker finds a list that
 * suddenly says yes to nearly everybody, at once, and for lists without test entries.
 */
#include <stdio.h>
#include <string.h>
#include "../clock.h"
#include "dnsbl.h"

#define DEAD_AFTER 10u /* failures in a row */
#define DAY	   86400

/* The breaker's units: shares of 1/65536. */
#define WHOLE	  65536u
#define WINDOW	  64u  /* answers that decide */
#define ARMED	  100u /* answers that make a habit */
#define EXACT	  256u /* answers until the mean becomes a sliding one ... */
#define SLOWNESS  512  /* ... of about so many */
#define CONTROLS  4u   /* sources without which a control group says nothing */
#define SIGMAS_SQ 16u  /* four standard deviations, squared */

struct dnsbl_site *dnsbl_site_of(struct dnsbl_health *health, uint64_t identity)
{
	for (int i = 0; i < DNSBL_SITES; i++)
		if (health->site[i].identity == identity)
			return &health->site[i];
	return NULL;
}

bool dnsbl_site_counts(const struct dnsbl_site *site)
{
	return site->state == DNSBL_WELL;
}

/* One that lists the world, or suddenly trusts everybody, is another matter. */
bool dnsbl_site_trusts(const struct dnsbl_site *site)
{
	return site->state == DNSBL_DEAD || site->state == DNSBL_REFUSES;
}

const char *dnsbl_state_name(enum dnsbl_state state)
{
	static const char *const name[] = {
		[DNSBL_FREE] = "free",	     [DNSBL_UNTESTED] = "untested",
		[DNSBL_WELL] = "well",	     [DNSBL_PAUSED] = "paused",
		[DNSBL_DEAD] = "dead",	     [DNSBL_BROKEN] = "broken",
		[DNSBL_REFUSES] = "refuses", [DNSBL_TRIPPED] = "tripped",
	};

	return state < sizeof(name) / sizeof(name[0]) ? name[state] : "unknown";
}

static void become(struct dnsbl_site *site, enum dnsbl_state state)
{
	if (site->state == state)
		return;
	site->state = state;
	site->state_since = clock_wall();
	if (state != DNSBL_WELL)
		return;
	/* What was before it was well is no measure for what comes. */
	site->recent = 0;
	site->recent_count = 0;
	site->failed_row = 0;
}

static bool is_good(enum dnsbl_outcome outcome)
{
	return outcome == DNSBL_MISS || outcome == DNSBL_HIT;
}

/* It answers, but with what must not be taken for an answer. */
static bool is_refusal(enum dnsbl_outcome outcome)
{
	return outcome == DNSBL_ERROR_CODE || outcome == DNSBL_OUTSIDE || outcome == DNSBL_ALIAS;
}

/* --- test entries ----------------------------------------------------------------------------- */

struct finding {
	enum dnsbl_state state;
	char reason[sizeof(((struct dnsbl_site *)0)->reason)];
};

static enum dnsbl_state find_failure(const struct dnsbl_reply *reply, struct finding *out)
{
	dnsbl_reply_text(reply, out->reason, sizeof(out->reason));
	return is_refusal(reply->outcome) ? DNSBL_REFUSES : DNSBL_DEAD;
}

static enum dnsbl_state find_broken(const char *words, struct finding *out)
{
	snprintf(out->reason, sizeof(out->reason), "%s", words);
	return DNSBL_BROKEN;
}

/* What the IPv4 pair shows. A refusal says more about the site than a silence beside it. */
static enum dnsbl_state find_pair(const struct dnsbl_reply *listed,
				  const struct dnsbl_reply *unlisted, struct finding *out)
{
	if (unlisted->outcome == DNSBL_HIT)
		return find_broken("lists 127.0.0.1, and so the world", out);
	if (is_refusal(listed->outcome))
		return find_failure(listed, out);
	if (!is_good(unlisted->outcome))
		return find_failure(unlisted, out);
	if (!is_good(listed->outcome))
		return find_failure(listed, out);
	if (listed->outcome == DNSBL_MISS)
		return find_broken("does not list 127.0.0.2 as every DNSBL must; "
				   "if it has no test entries, set test = off for it",
				   out);
	return DNSBL_WELL;
}

static enum dnsbl_state find(enum dnsbl_test test, const struct dnsbl_reply reply[DNSBL_PROBES],
			     struct finding *out)
{
	const struct dnsbl_reply *unlisted = &reply[DNSBL_PROBE_UNLISTED];

	out->reason[0] = '\0';
	if (test == DNSBL_TEST_ON)
		return find_pair(&reply[DNSBL_PROBE_LISTED], unlisted, out);
	/* Without test entries, yes and no are the same proof that somebody answers. */
	return is_good(unlisted->outcome) ? DNSBL_WELL : find_failure(unlisted, out);
}

/* The resolver was closed under a question: the test shows nothing. */
static bool was_cut_short(enum dnsbl_test test, const struct dnsbl_reply reply[DNSBL_PROBES])
{
	return reply[DNSBL_PROBE_UNLISTED].outcome == DNSBL_UNASKED ||
	       (test == DNSBL_TEST_ON && reply[DNSBL_PROBE_LISTED].outcome == DNSBL_UNASKED);
}

static bool is_silence(enum dnsbl_outcome outcome)
{
	return outcome == DNSBL_TIMEOUT || outcome == DNSBL_UNASKED;
}

static void judge_v6(struct dnsbl_site *site, enum dnsbl_test test,
		     const struct dnsbl_reply reply[DNSBL_PROBES])
{
	enum dnsbl_outcome listed = reply[DNSBL_PROBE_LISTED6].outcome;
	enum dnsbl_outcome unlisted = reply[DNSBL_PROBE_UNLISTED6].outcome;

	if (test == DNSBL_TEST_OFF || (listed == DNSBL_HIT && unlisted == DNSBL_MISS))
		site->no_v6 = 0;
	else if (!site->tested)
		site->no_v6 = 1; /* never shown to be right */
	else if ((listed == DNSBL_HIT || is_silence(listed)) &&
		 (unlisted == DNSBL_MISS || is_silence(unlisted)))
		return; /* a lost packet proves nothing: what was known stays */
	else
		site->no_v6 = 1;
}

/*
 * A tripped site is not made well by its test entries, which may have been right all the time; nor
 * by a failure in between, after which they would. Only wrong test entries say more than the
 * breaker does.
 */
static bool stays_tripped(const struct dnsbl_site *site, const struct finding *finding)
{
	return site->state == DNSBL_TRIPPED && finding->state != DNSBL_BROKEN;
}

bool dnsbl_site_tested(struct dnsbl_site *site, enum dnsbl_test test,
		       const struct dnsbl_reply reply[DNSBL_PROBES], uint64_t now)
{
	bool counted = dnsbl_site_counts(site);
	struct finding finding;

	if (site->state == DNSBL_FREE || was_cut_short(test, reply))
		return false;
	finding.state = find(test, reply, &finding);
	judge_v6(site, test, reply);
	site->tested = now;
	site->retest = 0;
	if (stays_tripped(site, &finding))
		return false;
	memcpy(site->reason, finding.reason, sizeof(site->reason));
	if (finding.state == DNSBL_WELL)
		site->failed_row = 0;
	if (site->state != DNSBL_PAUSED)
		become(site, finding.state);
	return counted != dnsbl_site_counts(site);
}

bool dnsbl_site_test_due(const struct dnsbl_site *site, uint64_t now)
{
	bool calm = site->state == DNSBL_WELL || site->state == DNSBL_PAUSED;

	if (site->state == DNSBL_FREE)
		return false;
	return !site->tested || site->retest ||
	       now >= site->tested + (calm ? DNSBL_TEST_EVERY : DNSBL_TEST_SOON);
}

/* --- breaker ---------------------------------------------------------------------------------- */

static uint32_t window_hits(const struct dnsbl_site *site)
{
	return (uint32_t)__builtin_popcountll(site->recent);
}

/* The usual share, and so many percent of what is missing to all. */
static uint32_t above_usual(const struct dnsbl_site *site, uint32_t percent)
{
	return site->usual + (WHOLE - site->usual) * percent / 100;
}

/* Rounded, so that a rare yes is not forgotten and many small steps do not add up to a slope. */
static void learn(struct dnsbl_site *site, bool yes)
{
	int64_t usual = site->usual, step = (yes ? (int64_t)WHOLE : 0) - usual;
	int64_t over = site->usual_count < EXACT ? (int64_t)site->usual_count + 1 : SLOWNESS;

	step += step < 0 ? -over / 2 : over / 2;
	site->usual = (uint32_t)(usual + step / over);
	if (site->usual_count < UINT32_MAX)
		site->usual_count++;
}

/* More than three quarters of the way to "everybody", and more than chance can explain. */
static bool is_alarming(const struct dnsbl_site *site)
{
	uint32_t hits = window_hits(site);
	int64_t over = (int64_t)hits * WHOLE - (int64_t)WINDOW * site->usual;
	uint64_t variance = (uint64_t)WINDOW * site->usual * (WHOLE - site->usual);

	return site->usual_count >= ARMED && site->recent_count == WINDOW &&
	       hits * (WHOLE / WINDOW) > above_usual(site, 75) &&
	       (uint64_t)over * (uint64_t)over > SIGMAS_SQ * variance;
}

static void trip(struct dnsbl_site *site)
{
	snprintf(site->reason, sizeof(site->reason),
		 "says yes to %u of the last %u sources, usually to %u of %u", window_hits(site),
		 WINDOW, (site->usual + WHOLE / WINDOW / 2) / (WHOLE / WINDOW), WINDOW);
	become(site, DNSBL_TRIPPED);
	site->recent_count = 0; /* the bits stay: dnsbl_site_controlled() may want the share */
}

static void recover(struct dnsbl_site *site)
{
	site->reason[0] = '\0';
	become(site, DNSBL_WELL);
}

static void watch(struct dnsbl_site *site, bool yes)
{
	if (site->state != DNSBL_WELL && site->state != DNSBL_TRIPPED)
		return;
	site->recent = site->recent << 1 | yes;
	if (site->recent_count < WINDOW)
		site->recent_count++;
	if (site->state == DNSBL_WELL) {
		learn(site, yes);
		if (is_alarming(site))
			trip(site);
	} else if (site->recent_count == WINDOW &&
		   window_hits(site) * (WHOLE / WINDOW) < above_usual(site, 35)) {
		recover(site);
	}
}

bool dnsbl_site_controlled(struct dnsbl_site *site, unsigned int asked, unsigned int hits)
{
	uint32_t share = window_hits(site) * (WHOLE / WINDOW);

	if (site->state != DNSBL_TRIPPED || asked < CONTROLS || hits >= asked - hits)
		return false;
	/* So it was a wave of spam, and is perhaps not over: that is the habit now. */
	if (share > site->usual)
		site->usual = share;
	recover(site);
	return true;
}

/* --- ordinary questions ----------------------------------------------------------------------- */

/* Otherwise the reason tells why it is not well, and a late reply must not overwrite it. */
static bool may_change(const struct dnsbl_site *site)
{
	return site->state == DNSBL_WELL || site->state == DNSBL_UNTESTED;
}

static void reply_good(struct dnsbl_site *site, const struct dnsbl_reply *reply)
{
	bool yes = reply->outcome == DNSBL_HIT;

	if (yes)
		site->hits++;
	else
		site->misses++;
	dnsbl_latency_add(site->latency, reply->latency_us);
	site->failed_row = 0;
	if (may_change(site))
		site->reason[0] = '\0';
	watch(site, yes);
}

static void reply_failed(struct dnsbl_site *site, const struct dnsbl_reply *reply)
{
	site->failures++;
	if (site->failed_row < UINT32_MAX)
		site->failed_row++;
	if (!may_change(site))
		return;
	dnsbl_reply_text(reply, site->reason, sizeof(site->reason));
	if (is_refusal(reply->outcome))
		become(site, DNSBL_REFUSES);
	else if (site->failed_row >= DEAD_AFTER)
		become(site, DNSBL_DEAD);
}

bool dnsbl_site_replied(struct dnsbl_site *site, const struct dnsbl_reply *reply)
{
	bool counted = dnsbl_site_counts(site);

	if (site->state == DNSBL_FREE || reply->outcome == DNSBL_UNASKED)
		return false;
	if (is_good(reply->outcome))
		reply_good(site, reply);
	else
		reply_failed(site, reply);
	return counted && !dnsbl_site_counts(site);
}

bool dnsbl_site_quota(struct dnsbl_site *site, bool unproven, int64_t wall)
{
	uint64_t day = wall > 0 ? (uint64_t)wall / DAY : 0;

	if (day != site->day) {
		site->day = day;
		site->day_queries = 0;
		site->day_unproven = 0;
	}
	if (site->ceiling && (site->day_queries >= site->ceiling ||
			      (unproven && site->day_unproven >= site->ceiling / 2))) {
		site->spared++;
		return false;
	}
	site->queries++;
	site->day_queries++;
	if (unproven)
		site->day_unproven++;
	return true;
}
