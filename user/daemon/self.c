// SPDX-License-Identifier: GPL-2.0-only
/*
 * self.c - does a DNSBL list this host itself?
 *
 * Every hour each of its public addresses is asked about, by the service dnsbl's resolver, within its
 * quotas, and only sites that are well. A yes is believed when the site's test entries, asked again
 * after it, are right: one that lists the world lists us as well, and that is no news. What did not
 * answer leaves everything as it was.
 *
 * In the table of services it stands in front of dnsbl, and so is stopped behind it: the resolver's
 * closing ends the questions that are under way here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "../clock.h"
#include "../output.h"
#include "dnsbl.h"
#include "self.h"

#define RETRY (300 * SECOND_NS)

struct question {
	struct daemon *d;
	struct address address;
	unsigned int site;
	uint64_t identity;
};

static struct self_own *own_find(const struct follow_self *f, const struct address *address)
{
	for (unsigned int i = 0; i < f->owns; i++)
		if (!memcmp(&f->own[i]->address, address, sizeof(*address)))
			return f->own[i];
	return NULL;
}

static const char *what_of(const struct self_own *own, char what[64])
{
	char address[ADDRESS_TEXT];

	snprintf(what, 64, SELF_FAULT "%s", address_text(&own->address, address));
	return what;
}

/* --- asking ----------------------------------------------------------------------------------- */

static void take(struct daemon *d, struct self_pair *p, unsigned int site,
		 const struct dnsbl_reply *reply)
{
	const struct dnsbl_zone *zone = d->dnsbl->places.zone[site];
	enum self_listing listing;
	struct dnsbl_answer answer;

	listing = self_listing(zone, reply, &answer);
	if (listing != SELF_SILENT)
		p->answer = answer;
	switch (listing) {
	case SELF_SILENT:
		p->due = clock_boot() + RETRY;
		return;
	case SELF_LISTED:
		if (!p->listed && !p->heard) {
			p->heard = clock_boot();
			d->dnsbl->health->site[site].retest = 1;
		}
		return;
	case SELF_CLEAR:
	case SELF_UNWEIGHED:
		p->listed = false;
		p->heard = 0;
		return;
	}
}

static void on_reply(void *context, const struct dnsbl_reply *reply)
{
	struct question *q = context;
	struct daemon *d = q->d;
	struct self_own *own = d->self ? own_find(d->self, &q->address) : NULL;
	struct self_pair *p = own ? &own->pair[q->site] : NULL;

	if (p && p->pending && p->identity == q->identity) {
		p->pending = false;
		own->pending--;
		if (d->dnsbl->closing || !d->wall || !d->dnsbl->places.zone[q->site])
			p->due = 0;
		else
			take(d, p, q->site, reply);
	}
	free(q);
}

static void ask(struct daemon *d, struct self_own *own, unsigned int site)
{
	struct follow_dnsbl *f = d->dnsbl;
	struct self_pair *p = &own->pair[site];
	struct question *q;

	p->due = clock_boot() + RETRY;
	if (!dnsbl_site_quota(&f->health->site[site], false, clock_wall()))
		return;
	q = malloc(sizeof(*q));
	if (!q)
		return;
	*q = (struct question){
		.d = d, .address = own->address, .site = site, .identity = p->identity};
	p->due = clock_boot() + d->config->self_interval * SECOND_NS;
	p->pending = true;
	own->pending++;
	dnsbl_ask(f->resolver, &own->address, f->places.zone[site]->zone, on_reply, q);
}

/* Another zone in this place, or none, begins anew: with what the daemon before knew of it. */
static void follow_place(struct self_own *own, unsigned int site, uint64_t identity)
{
	struct self_pair *p = &own->pair[site];

	if (p->identity == identity)
		return;
	own->pending -= p->pending;
	memset(p, 0, sizeof(*p));
	p->identity = identity;
	for (unsigned int i = 0; identity && i < own->keeps; i++)
		if (own->kept[i].identity == identity) {
			p->listed = true;
			p->answer = own->kept[i].answer;
		}
}

static void ask_due(struct daemon *d, struct self_own *own)
{
	struct follow_dnsbl *f = d->dnsbl;
	uint64_t now = clock_boot();

	for (unsigned int i = 0; i < DNSBL_SITES; i++) {
		const struct dnsbl_site *site = &f->health->site[i];

		if (f->places.zone[i] && dnsbl_site_counts(site) && !own->pair[i].pending &&
		    own->pair[i].due <= now && !(site->no_v6 && !address_is_v4(&own->address)))
			ask(d, own, i);
	}
}

/* --- what came of it -------------------------------------------------------------------------- */

/* Does what this site says count? A silent one does not take back what it has said. */
static bool is_believed(const struct dnsbl_site *site)
{
	return site->state != DNSBL_PAUSED && site->state != DNSBL_BROKEN &&
	       site->state != DNSBL_TRIPPED;
}

/* A yes that was heard is believed behind a test that shows the site well. */
static bool confirm(struct self_pair *p, const struct dnsbl_site *site)
{
	if (!p->heard)
		return true;
	if (!dnsbl_site_counts(site)) {
		p->heard = 0;
		p->due = 0; /* again when it is well */
		return true;
	}
	if (site->tested <= p->heard)
		return false;
	p->listed = true;
	p->heard = 0;
	return true;
}

static bool counts_against(const struct daemon *d, const struct self_own *own, unsigned int site)
{
	const struct dnsbl_zone *zone = d->dnsbl->places.zone[site];
	const struct self_pair *p = &own->pair[site];

	/* The weight may have changed since it was asked. */
	return zone && p->listed && is_believed(&d->dnsbl->health->site[site]) &&
	       dnsbl_zone_score(zone, &p->answer) > 0;
}

/* Bits, and the sum of their identities: a place may have got another site. */
static uint32_t listing_sites(struct daemon *d, struct self_own *own, uint64_t *sum, bool *settled)
{
	struct follow_dnsbl *f = d->dnsbl;
	uint32_t sites = 0;

	for (unsigned int i = 0; i < DNSBL_SITES; i++) {
		const struct dnsbl_site *site = &f->health->site[i];
		struct self_pair *p = &own->pair[i];

		if (!f->places.zone[i])
			continue;
		*settled &= confirm(p, site);
		if (counts_against(d, own, i)) {
			sites |= 1u << i;
			*sum += p->identity;
		}
	}
	return sites;
}

/* "zen=127.0.0.2,127.0.0.4;bl=127.0.0.2" for the log, "zen (127.0.0.2), bl (127.0.0.2)" for people. */
static void name_sites(struct daemon *d, const struct self_own *own, uint32_t sites, bool log,
		       char *text, size_t size)
{
	char records[DNSBL_RECORDS * 16 + 1];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < DNSBL_SITES && used < size; i++)
		if (sites >> i & 1)
			used += (size_t)snprintf(
				text + used, size - used, log ? "%s%s=%s" : "%s%s (%s)",
				used ? log ? ";" : ", " : "", d->dnsbl->health->site[i].name,
				self_records(&own->pair[i].answer, records, sizeof(records)));
}

static bool is_told(void *context, const struct self_own *own, unsigned int site)
{
	return own->told && counts_against(context, own, site);
}

static void tell(struct daemon *d, struct self_own *own, uint32_t sites, uint64_t sum)
{
	char text[1024], address[ADDRESS_TEXT], what[64];

	address_text(&own->address, address);
	if (sites) {
		name_sites(d, own, sites, true, text, sizeof(text));
		log_line(LOG_ALERT, "self-listed address=%s sites=\"%s\"", address, text);
	} else {
		log_line(LOG_NOTICE, "self-delisted address=%s", address);
		fault_clear(d, what_of(own, what));
	}
	own->told = sum;
	own->text[0] = '\0';
	own->keeps = 0; /* what was before this daemon is over */
	self_kept_write(d->self, is_told, d);
}

/* Says it where `status` looks; again when the wall is another one. */
static void show(struct daemon *d, struct self_own *own, uint32_t sites)
{
	char text[1024], what[64];

	if (!own->text[0]) {
		name_sites(d, own, sites, false, text, sizeof(text));
		snprintf(own->text, sizeof(own->text),
			 "this host is in %.110s, so others may refuse its mail: find out what it "
			 "sent (smtpwall self-check, smtpwall relay-test from outside), stop that, "
			 "then ask the site to take it off",
			 text);
	}
	fault_set(d, what_of(own, what), "%s", own->text);
}

static void self_second(struct daemon *d)
{
	struct follow_self *f = d->self;

	if (!d->wall || probes_first_under_way(d->dnsbl))
		return;
	for (unsigned int i = 0; i < f->owns; i++) {
		struct self_own *own = f->own[i];
		bool settled = true;
		uint64_t sum = 0;
		uint32_t sites;

		for (unsigned int s = 0; s < DNSBL_SITES; s++)
			follow_place(own, s,
				     d->dnsbl->places.zone[s]
					     ? dnsbl_zone_identity(d->dnsbl->places.zone[s])
					     : 0);
		if (d->dnsbl->resolver)
			ask_due(d, own);
		sites = listing_sites(d, own, &sum, &settled);
		/* All that one round brings is told at once. */
		if (settled && !own->pending && sum != own->told)
			tell(d, own, sites, sum);
		if (own->told && sum == own->told)
			show(d, own, sites);
	}
}

/* --- which addresses -------------------------------------------------------------------------- */

static void own_drop(struct daemon *d, unsigned int i)
{
	struct follow_self *f = d->self;
	char what[64];

	fault_clear(d, what_of(f->own[i], what));
	free(f->own[i]);
	f->own[i] = f->own[--f->owns];
}

static bool among(const struct self_addresses *now, const struct address *address)
{
	for (unsigned int i = 0; i < now->count; i++)
		if (!memcmp(&now->address[i], address, sizeof(*address)))
			return true;
	return false;
}

/* Addresses come and go. Without a look at them, rather what was than nothing. */
static void self_tick(struct daemon *d)
{
	struct follow_self *f = d->self;
	struct self_addresses now = {.count = 0};

	if (d->config->self_interval && self_addresses(d->config, &now, NULL))
		return;
	for (unsigned int i = f->owns; i-- > 0;)
		if (!among(&now, &f->own[i]->address))
			own_drop(d, i);
	for (unsigned int i = 0; i < now.count; i++) {
		if (own_find(f, &now.address[i]))
			continue;
		f->own[f->owns] = calloc(1, sizeof(struct self_own));
		if (!f->own[f->owns])
			return;
		f->own[f->owns]->address = now.address[i];
		self_kept_read(f->own[f->owns++]);
	}
}

/* Other weights need no new questions, but where a yes that had none may have one now. */
static void self_reload(struct daemon *d)
{
	uint64_t latest = clock_boot() + d->config->self_interval * SECOND_NS;

	self_tick(d);
	for (unsigned int i = 0; i < d->self->owns; i++)
		for (unsigned int s = 0; s < DNSBL_SITES; s++) {
			struct self_pair *p = &d->self->own[i]->pair[s];

			if (p->answer.outcome == DNSBL_HIT && !p->listed)
				p->due = 0;
			else if (p->due > latest)
				p->due = latest;
		}
}

/* In another wall the sites may have other places: what was heard goes there by their identities. */
static void self_wall(struct daemon *d)
{
	for (unsigned int i = 0; i < d->self->owns; i++) {
		struct self_own *own = d->self->own[i];
		bool any = false;

		for (unsigned int s = 0; s < DNSBL_SITES; s++)
			any |= own->pair[s].identity != 0;
		if (!any)
			continue;
		own->keeps = 0;
		for (unsigned int s = 0; s < DNSBL_SITES; s++)
			if (own->pair[s].listed)
				own->kept[own->keeps++] = (struct self_kept){own->pair[s].identity,
									     own->pair[s].answer};
		memset(own->pair, 0, sizeof(own->pair));
		own->pending = 0;
	}
}

static int self_start(struct daemon *d, struct error *why)
{
	d->self = calloc(1, sizeof(*d->self));
	if (!d->self)
		return error_set(why, -ENOMEM, "out of memory");
	self_tick(d);
	return 0;
}

static void self_stop(struct daemon *d)
{
	if (!d->self)
		return;
	for (unsigned int i = 0; i < d->self->owns; i++)
		free(d->self->own[i]);
	free(d->self);
	d->self = NULL;
}

const struct service service_self = {
	.name = "self",
	.start = self_start,
	.reload = self_reload,
	.second = self_second,
	.tick = self_tick,
	.wall = self_wall,
	.stop = self_stop,
};
