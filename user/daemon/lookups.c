// SPDX-License-Identifier: GPL-2.0-only
/*
 * lookups.c - sources wait, are asked about at all sites side by side, and get their score
 *
 * One lookup per source at a time. New ones start within a budget, all together and per network, so
 * that nobody makes this host flood its resolver; the queue is bounded and drops the oldest. Sources
 * that completed a handshake go before those known by a SYN only, whose addresses may be forged.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "../clock.h"
#include "budget.h"
#include "lookup.h"

#define STEP_US 10000ULL /* how often the queue is looked at while there is one */

TAILQ_HEAD(lookup_list, lookup);

struct lookups {
	struct lookup_list waiting[2]; /* [1]: proven sources, which go first */
	struct lookup_list running, late;
	size_t waiting_count, running_count;
	void *tree; /* of all that are waiting or running, by source */
	struct budget budget;
	sd_event_source *timer;
	bool timer_on;
};

/* What the resolver hands back with a reply. */
struct question {
	struct lookup *lookup;
	unsigned int site;
};

static uint64_t monotonic_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000ULL + (uint64_t)t.tv_nsec / 1000ULL;
}

static int by_source(const void *a, const void *b)
{
	return memcmp(&((const struct lookup *)a)->source, &((const struct lookup *)b)->source,
		      sizeof(struct address));
}

static void wake(struct lookups *l)
{
	if (l->timer_on)
		return;
	sd_event_source_set_time_relative(l->timer, 0);
	sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT);
	l->timer_on = true;
}

size_t lookups_waiting(const struct follow_dnsbl *f)
{
	return f->lookups->waiting_count;
}

size_t lookups_running(const struct follow_dnsbl *f)
{
	return f->lookups->running_count;
}

uint64_t lookups_oldest(const struct follow_dnsbl *f)
{
	const struct lookup *first[] = {TAILQ_FIRST(&f->lookups->waiting[0]),
					TAILQ_FIRST(&f->lookups->waiting[1]),
					TAILQ_FIRST(&f->lookups->running)};
	uint64_t now = monotonic_us(), oldest = now;

	for (int i = 0; i < 3; i++)
		if (first[i] && first[i]->started < oldest)
			oldest = first[i]->started;
	return now - oldest;
}

/* --- the end of a lookup ---------------------------------------------------------------------- */

static void forget(struct lookups *l, struct lookup *lookup)
{
	tdelete(lookup, &l->tree, by_source);
	if (lookup->running) {
		TAILQ_REMOVE(&l->running, lookup, entry);
		l->running_count--;
	} else {
		TAILQ_REMOVE(&l->waiting[lookup->proven], lookup, entry);
		l->waiting_count--;
	}
}

/* The score is worked out; replies that are missing by now come too late. */
static void conclude(struct daemon *d, struct lookup *lookup)
{
	struct lookups *l = d->dnsbl->lookups;

	forget(l, lookup);
	if (!d->dnsbl->closing && d->wall)
		verdict_put(d, lookup);
	lookup->finished = true;
	TAILQ_INSERT_TAIL(&l->late, lookup, entry);
}

/* Nobody will reply any more. What was stopped on the way is asked again by the next resolver. */
static void release(struct daemon *d, struct lookup *lookup)
{
	bool again = d->dnsbl->closing && !lookup->finished;

	if (!lookup->finished)
		conclude(d, lookup);
	TAILQ_REMOVE(&d->dnsbl->lookups->late, lookup, entry);
	if (again)
		lookup_want(d, &lookup->source, lookup->begun, lookup->proven);
	free(lookup);
}

static void take_note(struct daemon *d, struct dnsbl_site *site, const struct dnsbl_reply *reply)
{
	enum dnsbl_state before = (enum dnsbl_state)site->state;

	dnsbl_site_replied(site, reply);
	if (site->state == before)
		return;
	/* Not tested at once: one that is well between two refusals would come and go. */
	site->tested = clock_boot();
	dnsbl_sites_changed(d);
}

static void on_reply(void *context, const struct dnsbl_reply *reply)
{
	struct question *q = context;
	struct lookup *lookup = q->lookup;
	struct daemon *d = lookup->d;
	struct dnsbl_site *site = d->dnsbl->closing ? NULL : &d->dnsbl->health->site[q->site];

	if (reply->outcome != DNSBL_UNASKED && site && d->wall) {
		lookup->reply[q->site] = *reply;
		lookup->replied |= 1u << q->site;
		take_note(d, site, reply);
	}
	free(q);
	if (--lookup->pending == 0)
		release(d, lookup);
}

/* --- its beginning ---------------------------------------------------------------------------- */

static bool is_asked(const struct dnsbl_site *site, const struct address *source)
{
	return (site->state == DNSBL_WELL || site->state == DNSBL_TRIPPED) &&
	       !(site->no_v6 && !address_is_v4(source));
}

static void ask_site(struct daemon *d, struct lookup *lookup, unsigned int site)
{
	struct question *q = malloc(sizeof(*q));

	if (!q)
		return;
	*q = (struct question){.lookup = lookup, .site = site};
	lookup->asked |= 1u << site;
	lookup->pending++;
	dnsbl_ask(d->dnsbl->resolver, &lookup->source, d->dnsbl->places.zone[site]->zone, on_reply,
		  q);
}

static void ask_all(struct daemon *d, struct lookup *lookup)
{
	struct follow_dnsbl *f = d->dnsbl;
	uint64_t now = clock_boot();
	bool spared = false;
	struct dnsbl facts;

	if (wall_get_dnsbl(d->wall, &lookup->source, &facts))
		memset(&facts, 0, sizeof(facts));
	lookup->pending = 1; /* itself: replies may come before all are asked */
	for (unsigned int i = 0; i < DNSBL_SITES; i++) {
		struct dnsbl_site *site = &f->health->site[i];

		if (!f->places.zone[i] || !is_asked(site, &lookup->source) ||
		    !dnsbl_answer_is_due(&facts.answer[i], now))
			continue;
		if (dnsbl_site_quota(site, !lookup->proven, clock_wall()))
			ask_site(d, lookup, i);
		else
			spared = true;
	}
	if (spared && !lookup->asked)
		f->health->spared++;
	if (--lookup->pending == 0)
		release(d, lookup);
}

static void start(struct daemon *d, struct lookup *lookup)
{
	struct lookups *l = d->dnsbl->lookups;

	TAILQ_REMOVE(&l->waiting[lookup->proven], lookup, entry);
	l->waiting_count--;
	lookup->running = true;
	lookup->started = monotonic_us();
	TAILQ_INSERT_TAIL(&l->running, lookup, entry);
	l->running_count++;
	ask_all(d, lookup);
}

/* --- the queue -------------------------------------------------------------------------------- */

static void start_waiting(struct daemon *d)
{
	struct lookups *l = d->dnsbl->lookups;

	budget_grow(&l->budget, d->config->dnsbl_budget, monotonic_us());
	for (int proven = 1; proven >= 0; proven--) {
		struct lookup *lookup = TAILQ_FIRST(&l->waiting[proven]), *next;

		for (; lookup && budget_is_left(&l->budget); lookup = next) {
			next = TAILQ_NEXT(lookup, entry);
			if (budget_take(&l->budget, &lookup->source,
					d->config->dnsbl_network_budget, monotonic_us()))
				start(d, lookup);
		}
	}
}

/* The resolver gives up by itself; this is for the case that it does so late. */
static void end_overdue(struct daemon *d)
{
	struct lookups *l = d->dnsbl->lookups;
	uint64_t limit = d->config->dnsbl_timeout * 1000000ULL, now = monotonic_us();
	struct lookup *lookup;

	while ((lookup = TAILQ_FIRST(&l->running)) && now - lookup->started > limit)
		conclude(d, lookup);
}

static int on_step(sd_event_source *source, uint64_t usec, void *context)
{
	struct daemon *d = context;
	struct follow_dnsbl *f = d->dnsbl;
	struct lookups *l = f->lookups;

	(void)usec;
	l->timer_on = false;
	if (!d->wall || !f->resolver)
		return 0;
	end_overdue(d);
	if (!probes_first_under_way(f))
		start_waiting(d);
	if (l->waiting_count || l->running_count) {
		sd_event_source_set_time_relative(source, STEP_US);
		sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
		l->timer_on = true;
	}
	return 0;
}

static void drop_oldest(struct daemon *d)
{
	struct lookups *l = d->dnsbl->lookups;
	struct lookup *oldest = TAILQ_FIRST(&l->waiting[0]);

	if (!oldest)
		oldest = TAILQ_FIRST(&l->waiting[1]);
	if (!oldest)
		return;
	forget(l, oldest);
	free(oldest);
	d->dnsbl->health->dropped++;
}

/* One that waits for the sake of a SYN has completed a handshake meanwhile. */
static void promote(struct lookups *l, struct lookup *lookup, uint64_t begun)
{
	if (lookup->proven)
		return;
	if (!lookup->running) {
		TAILQ_REMOVE(&l->waiting[0], lookup, entry);
		TAILQ_INSERT_TAIL(&l->waiting[1], lookup, entry);
	}
	lookup->proven = true;
	if (begun < lookup->begun)
		lookup->begun = begun;
}

/* Never asked for what is allowed or blocked by other rows, or logged in: nobody needs the answer. */
static bool is_of_interest(struct daemon *d, const struct address *source)
{
	struct answer answer;

	if (address_is_private(source) || dnsbl_check(d, source, &answer))
		return false;
	switch (answer.reason) {
	case REASON_ALLOW_LIST:
	case REASON_ADMIN_BLOCK:
	case REASON_ABUSE:
	case REASON_BLOCK_LIST:
	case REASON_AUTHENTICATED:
		return false;
	default:
		return true;
	}
}

void lookup_want(struct daemon *d, const struct address *source, uint64_t begun, bool proven)
{
	struct lookups *l = d->dnsbl->lookups;
	struct lookup *lookup;
	struct lookup **known;

	if (!d->wall || !d->dnsbl->resolver || !is_of_interest(d, source))
		return;
	lookup = calloc(1, sizeof(*lookup));
	if (!lookup)
		return;
	lookup->source = *source;
	lookup->d = d;
	lookup->begun = begun;
	lookup->started = monotonic_us();
	lookup->proven = proven;
	known = tsearch(lookup, &l->tree, by_source);
	if (!known || *known != lookup) {
		free(lookup);
		if (known && proven)
			promote(l, *known, begun);
		return;
	}
	TAILQ_INSERT_TAIL(&l->waiting[proven], lookup, entry);
	l->waiting_count++;
	if (l->waiting_count > d->config->dnsbl_queue)
		drop_oldest(d);
	wake(l);
}

void lookups_again(struct daemon *d)
{
	if (d->dnsbl->lookups->waiting_count)
		wake(d->dnsbl->lookups);
}

/* --- start and end of the daemon -------------------------------------------------------------- */

int lookups_start(struct daemon *d, struct error *why)
{
	struct lookups *l = calloc(1, sizeof(*l));

	d->dnsbl->lookups = l;
	if (!l || sd_event_add_time_relative(d->loop, &l->timer, CLOCK_MONOTONIC, STEP_US, 1000,
					     on_step, d) < 0)
		return error_set(why, -ENOMEM, "cannot make a timer");
	sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
	TAILQ_INIT(&l->waiting[0]);
	TAILQ_INIT(&l->waiting[1]);
	TAILQ_INIT(&l->running);
	TAILQ_INIT(&l->late);
	return 0;
}

/* After the resolver was closed: nothing runs any more. */
void lookups_stop(struct daemon *d)
{
	struct lookups *l = d->dnsbl->lookups;

	if (!l)
		return;
	while (l->waiting_count) {
		struct lookup *lookup = TAILQ_FIRST(&l->waiting[TAILQ_EMPTY(&l->waiting[0])]);

		forget(l, lookup);
		free(lookup);
	}
	sd_event_source_disable_unref(l->timer);
	free(l);
	d->dnsbl->lookups = NULL;
}
