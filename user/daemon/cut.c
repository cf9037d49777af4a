// SPDX-License-Identifier: GPL-2.0-only
/*
 * cut.c - ends the sessions that a listing, a ban or a block came too late for
 *
 * The kernel programs drop what such a session sends from now on, and a process of the mail server would
 * wait for it until its timeout. Sessions are looked up all at once, a moment later, for all sources
 * that were found meanwhile; and every minute all of them are held against bans and blocks, because
 * events are hints.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "../clock.h"
#include "../net/net.h"
#include "../output.h"
#include "dnsbl.h"

#define CUTS	1024
#define SOON_US 50000ULL

struct cut {
	struct address source;
	uint64_t
		begun; /* listed: these sessions and younger ones; 0: banned or blocked, all of them */
};

struct cuts {
	struct cut cut[CUTS];
	size_t count;
	bool all; /* every session is looked at: for the sake of a network, or for want of room */
	sd_event_source *timer;
	bool lacking; /* the kernel cannot do it */
	unsigned int cut_now;
};

static int by_source(const void *a, const void *b)
{
	return memcmp(&((const struct cut *)a)->source, &((const struct cut *)b)->source,
		      sizeof(struct address));
}

/* Submission ports are for the host's own users, whose home addresses are in every DNSBL. */
static bool is_mail(struct daemon *d, const struct session *session)
{
	const volatile struct settings *s = wall_settings(d->wall);

	for (int i = 0; i < SETTINGS_PORTS; i++)
		if (s->port[i] == PORT_WORD(session->local_port, PORT_PROTECTED))
			return true;
	return false;
}

/* Which row drops the source is asked of the kernel: an allow wins over everything. */
static int look(void *context, const struct session *session)
{
	struct daemon *d = context;
	struct cuts *c = d->cuts;
	struct cut key = {.source = session->source};
	const struct cut *cut = bsearch(&key, c->cut, c->count, sizeof(*cut), by_source);
	enum reason reason;

	if (!cut && !c->all)
		return 0;
	reason = cut_reason(session);
	if (reason == REASON_ABUSE || reason == REASON_ADMIN_BLOCK) {
		c->cut_now += net_cut(session) == 0;
	} else if (reason == REASON_DNSBL && cut && cut->begun && session->began >= cut->begun &&
		   is_mail(d, session)) {
		if (net_cut(session) == 0 && d->dnsbl->health)
			d->dnsbl->health->cut++;
	}
	return 0;
}

/* Of two entries of one source bsearch() finds any: one is left, the one that says more. */
static void join(struct cuts *c)
{
	size_t kept = 0;

	qsort(c->cut, c->count, sizeof(*c->cut), by_source);
	for (size_t i = 0; i < c->count; i++) {
		struct cut *last = kept ? &c->cut[kept - 1] : NULL;

		if (!last || by_source(last, &c->cut[i]))
			c->cut[kept++] = c->cut[i];
		else if (c->cut[i].begun && (!last->begun || c->cut[i].begun < last->begun))
			last->begun = c->cut[i].begun;
	}
	c->count = kept;
}

static void cut_now(struct daemon *d)
{
	struct cuts *c = d->cuts;
	struct error why;
	int err;

	if (!d->wall || (!c->count && !c->all))
		return;
	c->cut_now = 0;
	join(c);
	err = wall_each_session(place.pins, look, d, &why);
	/* Not when the wall was taken down a moment ago. */
	if (err && err != -ENOENT)
		log_line(LOG_WARNING, "cut text=\"%s\"", why.text);
	if (c->cut_now)
		log_line(LOG_INFO, "cut sessions=%u text=\"of sources that are banned or blocked\"",
			 c->cut_now);
	c->count = 0;
	c->all = false;
}

static int on_time(sd_event_source *source, uint64_t usec, void *context)
{
	(void)source;
	(void)usec;
	cut_now(context);
	return 0;
}

/* False: this kernel cannot. */
static bool prepare(struct daemon *d)
{
	struct cuts *c = d->cuts;

	if (c->lacking) {
		fault_set(
			d, "cutting sessions",
			"this kernel cannot (no CONFIG_INET_DIAG_DESTROY): what a listed, banned or "
			"blocked client sends is dropped, and its process of the mail server waits "
			"for its timeout");
		return false;
	}
	if (!c->count && !c->all) {
		sd_event_source_set_time_relative(c->timer, SOON_US);
		sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
	}
	return true;
}

void cut_sessions(struct daemon *d, const struct address *source, uint64_t begun)
{
	struct cuts *c = d->cuts;

	if (!prepare(d))
		return;
	/* The kernel drops what is left of those for which there is no room. */
	if (c->count == CUTS)
		cut_now(d);
	c->cut[c->count++] = (struct cut){.source = *source, .begun = begun};
}

void cut_prefix(struct daemon *d, const struct prefix *prefix)
{
	if (prefix->length == ADDRESS_BITS)
		cut_sessions(d, &prefix->address, 0);
	else if (prepare(d))
		d->cuts->all = true;
}

static int one_block(void *context, const struct prefix *prefix, const struct manual *entry)
{
	(void)prefix;
	return entry->block_until > *(const uint64_t *)context;
}

/* May there be a session to cut? Looking at all of them is not cheap. */
static bool anybody(struct daemon *d)
{
	uint64_t now = clock_boot();
	struct abuse abuse;

	if (mode_at(wall_settings(d->wall)->mode, now) != MODE_ENFORCE)
		return false;
	if (wall_abuse(d->wall, &abuse, NULL) == 0 &&
	    (abuse.banned_until > now || abuse.networks_until > now))
		return true;
	return wall_each_manual(d->wall, one_block, &now) != 0;
}

static void cuts_tick(struct daemon *d)
{
	if (!d->wall || !anybody(d) || !prepare(d))
		return;
	d->cuts->all = true;
	if (d->exiting)
		cut_now(d);
}

static int cuts_start(struct daemon *d, struct error *why)
{
	struct cuts *c = calloc(1, sizeof(*c));

	d->cuts = c;
	if (!c || sd_event_add_time_relative(d->loop, &c->timer, CLOCK_MONOTONIC, SOON_US, 1000,
					     on_time, d) < 0)
		return error_set(why, -ENOMEM, "cannot make a timer");
	sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
	c->lacking = !net_can_cut();
	return 0;
}

static void cuts_stop(struct daemon *d)
{
	if (!d->cuts)
		return;
	sd_event_source_disable_unref(d->cuts->timer);
	free(d->cuts);
	d->cuts = NULL;
}

const struct service service_cuts = {
	.name = "cuts", .start = cuts_start, .tick = cuts_tick, .stop = cuts_stop};
