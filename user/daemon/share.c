// SPDX-License-Identifier: GPL-2.0-only
/*
 * share.c - sources that carry much of all accepted mail, and sources that were spared
 *
 * Behind such a source stand many clients: a proxy, a NAT, the gateway of a container. The kernel neither
 * bans nor limits it; somebody has to know that its clients are not told apart.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "../clock.h"
#include "../output.h"
#include "share.h"

#define SHARES 20 /* no more can have 5 per cent each, the least that can be configured */
#define SPARED 16 /* each may be a fault, and there is room for others */
/* Of fewer sessions with mail nobody is alarmed: on a small host one sender often has a large share. */
#define SHARE_LEAST 50
#define AGAIN	    (600 * SECOND_NS)
#define FAULT_NS    (3600 * SECOND_NS)

struct spared_source {
	struct address source;
	uint64_t told;	/* boot clock, ns; 0: this place is free */
	uint64_t fault; /* there is a fault until then; 0: none */
};

struct follow_shares {
	struct address large[SHARES]; /* told */
	size_t count;
	struct spared_source spared[SPARED];
};

unsigned int share_of(uint64_t carried, uint64_t all)
{
	uint64_t share = all ? carried * 100 / all : 0;

	/* The sum of all and the parts of it are not read in the same instant. */
	return share > 100 ? 100 : (unsigned int)share;
}

/* --- large shares ----------------------------------------------------------------------------- */

struct looking {
	struct daemon *d;
	uint64_t now, all;
	struct {
		struct address source;
		uint64_t carried;
	} large[SHARES];
	size_t count;
};

static int look(void *context, const struct address *source, const struct proven *proven)
{
	struct looking *l = context;
	uint64_t carried = penalty_at(proven->carried, l->now, CARRIED_HALF_LIFE);
	struct answer answer;

	if (l->count == SHARES || !share_is_large(carried, l->all, l->d->config->abuse_share))
		return 0;
	/* Who allows it knows it. */
	if (wall_check(place.pins, source, (uint16_t)wall_settings(l->d->wall)->port[0], &answer,
		       NULL) == 0 &&
	    answer.reason == REASON_ALLOW_LIST)
		return 0;
	l->large[l->count].source = *source;
	l->large[l->count++].carried = carried;
	return 0;
}

static void share_what(const struct address *source, char *what, size_t size)
{
	char text[ADDRESS_TEXT];

	snprintf(what, size, "share of %s", address_text(source, text));
}

static void tell_large(struct daemon *d, const struct address *source, unsigned int share)
{
	char what[80], text[ADDRESS_TEXT];

	/* In steps, or the sentence would be another one every minute. */
	share -= share % 5;
	share_what(source, what, sizeof(what));
	if (address_is_private(source))
		fault_set(
			d, what,
			"it carries over %u%% of all accepted mail and has a private address: a "
			"container's gateway, a userland proxy or the own network? Its clients are "
			"not told apart, and it is neither banned nor limited by rates; if that is "
			"right: smtpwall allow %s",
			share, address_text(source, text));
	else
		fault_set(
			d, what,
			"it carries over %u%% of all accepted mail: a proxy, NAT, load balancer or "
			"backup MX? Its clients are not told apart, and it is neither banned nor "
			"limited by rates; if that is right: smtpwall allow %s",
			share, address_text(source, text));
}

static void shares_clear(struct daemon *d, const struct looking *l)
{
	struct follow_shares *f = d->shares;
	char what[80];

	for (size_t i = 0; i < f->count; i++) {
		bool still = false;

		for (size_t n = 0; n < l->count; n++)
			still |= !memcmp(&f->large[i], &l->large[n].source, sizeof(f->large[i]));
		share_what(&f->large[i], what, sizeof(what));
		if (!still)
			fault_clear(d, what);
	}
	f->count = l->count;
	for (size_t i = 0; i < l->count; i++)
		f->large[i] = l->large[i].source;
}

static void look_at_all(struct daemon *d)
{
	struct looking l = {.d = d, .now = clock_boot()};
	struct abuse abuse;

	if (wall_abuse(d->wall, &abuse, NULL))
		return;
	l.all = penalty_at(abuse.carried, l.now, CARRIED_HALF_LIFE);
	if (d->config->abuse_share && l.all >= SHARE_LEAST * PENALTY_POINT)
		wall_each_proven(d->wall, look, &l);
	shares_clear(d, &l);
	for (size_t i = 0; i < l.count; i++)
		tell_large(d, &l.large[i].source, share_of(l.large[i].carried, l.all));
}

/* --- the spared ------------------------------------------------------------------------------- */

static void spared_what(const struct address *source, char *what, size_t size)
{
	char text[ADDRESS_TEXT];

	snprintf(what, size, "spared %s", address_text(source, text));
}

/* The place of this source, or the one told longest ago. */
static struct spared_source *spared_place(struct daemon *d, const struct address *source)
{
	struct follow_shares *f = d->shares;
	struct spared_source *oldest = &f->spared[0];
	char what[80];

	for (int i = 0; i < SPARED; i++) {
		struct spared_source *s = &f->spared[i];

		if (s->told && !memcmp(&s->source, source, sizeof(*source)))
			return s;
		if (s->told < oldest->told)
			oldest = s;
	}
	if (oldest->fault) {
		spared_what(&oldest->source, what, sizeof(what));
		fault_clear(d, what);
	}
	*oldest = (struct spared_source){.source = *source};
	return oldest;
}

void shares_event(struct daemon *d, const struct event *e)
{
	char text[ADDRESS_TEXT], what[80];
	struct spared_source *s;

	if (e->kind != EVENT_SPARED)
		return;
	s = spared_place(d, &e->source);
	if (!s->told || clock_boot() >= s->told + AGAIN) {
		s->told = clock_boot();
		log_line(LOG_NOTICE, "spared source=%s reason=%s", address_text(&e->source, text),
			 spared_name((enum spared)e->flags));
	}
	if (e->flags != SPARED_SHARE && e->flags != SPARED_PRIVATE)
		return;
	s->fault = clock_boot() + FAULT_NS;
	spared_what(&e->source, what, sizeof(what));
	fault_set(
		d, what,
		"its offences reached the limit, and it is not banned: %s; one of the clients behind "
		"it offends, see the mail server's log for which",
		e->flags == SPARED_SHARE ? "it carries a large share of all accepted mail"
					 : "it has a private address");
}

static void spared_end(struct daemon *d)
{
	struct follow_shares *f = d->shares;
	char what[80];

	for (int i = 0; i < SPARED; i++) {
		struct spared_source *s = &f->spared[i];

		if (!s->fault || s->fault > clock_boot())
			continue;
		s->fault = 0;
		spared_what(&s->source, what, sizeof(what));
		fault_clear(d, what);
	}
}

/* --- the service ------------------------------------------------------------------------------ */

static void shares_tick(struct daemon *d)
{
	if (!d->wall)
		return;
	look_at_all(d);
	spared_end(d);
}

/* The faults of another wall are its own. */
static void shares_wall(struct daemon *d)
{
	memset(d->shares, 0, sizeof(*d->shares));
}

static int shares_start(struct daemon *d, struct error *why)
{
	d->shares = calloc(1, sizeof(*d->shares));
	return d->shares ? 0 : error_set(why, -ENOMEM, "out of memory");
}

static void shares_stop(struct daemon *d)
{
	free(d->shares);
	d->shares = NULL;
}

const struct service service_shares = {
	.name = "shares",
	.start = shares_start,
	.tick = shares_tick,
	.wall = shares_wall,
	.stop = shares_stop,
};
