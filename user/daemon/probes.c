// SPDX-License-Identifier: GPL-2.0-only
/*
 * probes.c - are the sites themselves well?
 *
 * Every site is asked about its test entries (RFC 5782, section 5) before its answers count, and from
 * time to time. One that suddenly says yes to nearly everybody (breaker) is asked again about sources
 * that it had nothing against: a wave of spam leaves those alone, a site that lists the world does not.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "../clock.h"
#include "../output.h"
#include "dnsbl.h"

#define CONTROLS 8

/* One round of questions to one site. */
struct probe {
	struct daemon *d;
	unsigned int site;
	unsigned int pending;
	struct dnsbl_reply reply[DNSBL_PROBES];
	unsigned int answered, hits; /* of a control group */
};

struct probe_question {
	struct probe *probe;
	enum dnsbl_probe which; /* DNSBL_PROBES: one of a control group */
};

struct probes {
	struct probe test[DNSBL_SITES], control[DNSBL_SITES];
	uint32_t told; /* bits: sites that have a fault */
};

bool probes_first_under_way(const struct follow_dnsbl *f)
{
	for (unsigned int i = 0; i < DNSBL_SITES; i++)
		if (f->places.zone[i] && f->health->site[i].state == DNSBL_UNTESTED)
			return true;
	return false;
}

/* --- test entries ----------------------------------------------------------------------------- */

static void tested(struct daemon *d, struct probe *p)
{
	struct dnsbl_site *site = &d->dnsbl->health->site[p->site];
	const struct dnsbl_zone *zone = d->dnsbl->places.zone[p->site];
	enum dnsbl_state before = (enum dnsbl_state)site->state;

	dnsbl_site_tested(site, zone->test, p->reply, clock_boot());
	if (site->state != before)
		dnsbl_sites_changed(d);
	lookups_again(d);
}

static void controlled(struct daemon *d, struct probe *p)
{
	struct dnsbl_site *site = &d->dnsbl->health->site[p->site];

	if (!dnsbl_site_controlled(site, p->answered, p->hits))
		return;
	log_line(LOG_NOTICE,
		 "dnsbl site=%s text=\"it says yes to %u of %u sources it had nothing against: a "
		 "wave of listed clients, the site is well\"",
		 site->name, p->hits, p->answered);
	dnsbl_sites_changed(d);
}

static void on_reply(void *context, const struct dnsbl_reply *reply)
{
	struct probe_question *q = context;
	struct probe *p = q->probe;
	struct daemon *d = p->d;

	if (q->which < DNSBL_PROBES) {
		p->reply[q->which] = *reply;
	} else {
		p->answered += reply->outcome == DNSBL_HIT || reply->outcome == DNSBL_MISS;
		p->hits += reply->outcome == DNSBL_HIT;
	}
	p->pending--;
	if (!p->pending && !d->dnsbl->closing && d->wall) {
		if (q->which < DNSBL_PROBES)
			tested(d, p);
		else
			controlled(d, p);
	}
	free(q);
}

static struct probe_question *question(struct probe *p, enum dnsbl_probe which)
{
	struct probe_question *q = malloc(sizeof(*q));

	if (!q)
		return NULL;
	*q = (struct probe_question){.probe = p, .which = which};
	p->pending++;
	return q;
}

static void begin(struct daemon *d, struct probe *p, unsigned int site)
{
	memset(p, 0, sizeof(*p));
	p->d = d;
	p->site = site;
	p->pending = 1; /* itself: replies may come before all are asked */
}

static void test(struct daemon *d, unsigned int site)
{
	struct follow_dnsbl *f = d->dnsbl;
	const struct dnsbl_zone *zone = f->places.zone[site];
	struct probe *p = &f->probes->test[site];

	if (p->pending)
		return;
	begin(d, p, site);
	for (int which = 0; which < DNSBL_PROBES; which++) {
		struct probe_question *q;

		if (zone->test == DNSBL_TEST_OFF && which != DNSBL_PROBE_UNLISTED)
			continue;
		q = question(p, (enum dnsbl_probe)which);
		if (q)
			dnsbl_ask_probe(f->resolver, (enum dnsbl_probe)which, zone->zone, on_reply,
					q);
	}
	if (--p->pending == 0 && !f->closing)
		tested(d, p);
}

void probes_second(struct daemon *d)
{
	struct follow_dnsbl *f = d->dnsbl;
	uint64_t now = clock_boot();

	for (unsigned int i = 0; i < DNSBL_SITES; i++)
		if (f->places.zone[i] && dnsbl_site_test_due(&f->health->site[i], now))
			test(d, i);
}

/* --- control groups --------------------------------------------------------------------------- */

struct search {
	uint64_t now;
	uint32_t sites; /* bits: tripped ones */
	struct address found[DNSBL_SITES][CONTROLS];
	unsigned int count[DNSBL_SITES];
};

static int find_controls(void *context, const struct address *source, const struct dnsbl *facts)
{
	struct search *s = context;

	for (unsigned int i = 0; i < DNSBL_SITES; i++)
		if (s->sites >> i & 1 && s->count[i] < CONTROLS &&
		    facts->answer[i].outcome == DNSBL_MISS &&
		    facts->answer[i].until * SECOND_NS > s->now)
			s->found[i][s->count[i]++] = *source;
	return 0;
}

static void control(struct daemon *d, unsigned int site, const struct address *source,
		    unsigned int count)
{
	struct follow_dnsbl *f = d->dnsbl;
	struct probe *p = &f->probes->control[site];

	if (p->pending || !count)
		return;
	begin(d, p, site);
	for (unsigned int i = 0; i < count; i++) {
		struct probe_question *q = question(p, DNSBL_PROBES);

		if (q)
			dnsbl_ask(f->resolver, &source[i], f->places.zone[site]->zone, on_reply, q);
	}
	if (--p->pending == 0 && !f->closing)
		controlled(d, p);
}

void probes_tick(struct daemon *d)
{
	struct follow_dnsbl *f = d->dnsbl;
	struct search s = {.now = clock_boot()};

	for (unsigned int i = 0; i < DNSBL_SITES; i++)
		if (f->places.zone[i] && f->health->site[i].state == DNSBL_TRIPPED)
			s.sites |= 1u << i;
	if (!s.sites)
		return;
	wall_each_dnsbl(d->wall, find_controls, &s);
	for (unsigned int i = 0; i < DNSBL_SITES; i++)
		if (s.sites >> i & 1)
			control(d, i, s.found[i], s.count[i]);
}

/* --- faults ----------------------------------------------------------------------------------- */

static void tell_site(struct daemon *d, unsigned int i)
{
	const struct dnsbl_site *site = &d->dnsbl->health->site[i];
	bool ill = d->dnsbl->places.zone[i] && site->state >= DNSBL_DEAD;
	bool spent = ill ? false
			 : d->dnsbl->places.zone[i] && site->ceiling &&
				     site->day == (uint64_t)clock_wall() / 86400 &&
				     site->day_queries >= site->ceiling;
	char what[DNSBL_NAME + 8];

	snprintf(what, sizeof(what), "dnsbl %s", site->name);
	if (ill)
		fault_set(d, what, "%s; its answers do not count until it is well", site->reason);
	else if (spent)
		fault_set(d, what,
			  "its ceiling of %llu queries is reached; it is not asked until midnight "
			  "UTC",
			  (unsigned long long)site->ceiling);
	else if (d->dnsbl->probes->told >> i & 1)
		fault_clear(d, what);
	d->dnsbl->probes->told &= ~(1u << i);
	d->dnsbl->probes->told |= (uint32_t)(ill || spent) << i;
}

void probes_tell(struct daemon *d)
{
	struct follow_dnsbl *f = d->dnsbl;
	unsigned int configured = 0, dead = 0;

	for (unsigned int i = 0; i < DNSBL_SITES; i++) {
		configured += f->places.zone[i] != NULL;
		dead += f->places.zone[i] && f->health->site[i].state >= DNSBL_DEAD;
	}
	if (configured && dead == configured)
		fault_set(d, "dnsbl",
			  "no site is of use at the moment, nobody is dropped by a DNSBL and mail "
			  "flows; is the resolver %s alive?",
			  f->health->resolvers);
	else
		fault_clear(d, "dnsbl");
	for (unsigned int i = 0; i < DNSBL_SITES; i++)
		tell_site(d, i);
}

int probes_start(struct daemon *d, struct error *why)
{
	d->dnsbl->probes = calloc(1, sizeof(*d->dnsbl->probes));
	return d->dnsbl->probes ? 0 : error_set(why, -ENOMEM, "out of memory");
}

void probes_stop(struct daemon *d)
{
	free(d->dnsbl->probes);
	d->dnsbl->probes = NULL;
}
