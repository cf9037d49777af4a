// SPDX-License-Identifier: GPL-2.0-only
/*
 * dnsbl.c - the service that keeps the DNSBLs' answers in the maps true
 *
 * A source that completes a handshake without a fresh answer is looked up; the score goes into the map,
 * and from the next packet on the kernel decides alone. Whatever goes wrong here ends in fewer
 * listings, never in more: a site that is not well takes its part of every score back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "../clock.h"
#include "../output.h"
#include "dnsbl.h"

/* Without a word from here for that long, the kernel defers nothing. */
#define DEFER_ALIVE (3 * SECOND_NS)
/* A lookup that takes longer makes strangers wait longer than one retransmission. */
#define SLOW_US	   1500000ULL
#define SOON_US	   50000ULL
#define SLOW_PAUSE (60 * SECOND_NS)

static bool is_on(const struct daemon *d)
{
	return d->wall && d->dnsbl->resolver;
}

/* All scores were worked out anew. */
static void scored(struct daemon *d, int err, const struct places_sum *sum)
{
	struct follow_dnsbl *f = d->dnsbl;

	f->rescore = false;
	if (err)
		log_line(LOG_WARNING, "dnsbl text=\"scores could not be worked out: %s\"",
			 strerror(-err));
	f->health->entries = sum->entries;
	f->health->listed = sum->listed;
	f->health->unproven = sum->unproven;
}

static void rescore(struct daemon *d)
{
	struct places_sum sum;
	int err = places_rescore(d->wall, &d->dnsbl->places, &sum);

	scored(d, err, &sum);
}

/* --- configuration ---------------------------------------------------------------------------- */

static void close_resolver(struct daemon *d)
{
	struct follow_dnsbl *f = d->dnsbl;

	if (!f->resolver)
		return;
	f->closing = true;
	dnsbl_resolver_close(f->resolver);
	f->closing = false;
	f->resolver = NULL;
}

static void open_resolver(struct daemon *d)
{
	struct follow_dnsbl *f = d->dnsbl;
	const struct config *c = d->config;
	struct error why;
	bool local = false;

	if (dnsbl_resolver_open(d->loop, c->dnsbl_resolver, c->dnsbl_resolvers,
				(unsigned int)c->dnsbl_timeout * 1000, &f->resolver, &why)) {
		f->resolver = NULL;
		fault_set(d, "resolver", "%s; no DNSBL is asked", why.text);
		return;
	}
	fault_clear(d, "resolver");
	dnsbl_resolver_servers(f->resolver, f->health->resolvers, sizeof(f->health->resolvers),
			       &local);
	f->health->resolver_local = local;
}

/* Everything anew: a wall came, or the configuration is another one. */
static void configure(struct daemon *d)
{
	struct follow_dnsbl *f = d->dnsbl;
	struct places_sum sum;
	uint64_t change;

	close_resolver(d);
	if (!d->wall) {
		f->health = NULL;
		return;
	}
	f->health = wall_dnsbl_health(d->wall);
	f->health->deferring = d->config->dnsbl_deferred;
	f->health->defer_until = 0;
	quota_write(d);
	places_assign(d->wall, d->config, &f->places);
	quota_read(f->health);
	change = wall_settings(d->wall)->dnsbl_change;
	if (places_pause(d->wall, &f->places))
		f->health->change_seen = change;
	/* A daemon does not rely on the tests of the one before. */
	for (int i = 0; i < DNSBL_SITES; i++)
		f->health->site[i].retest = 1;
	scored(d, places_obey(d->wall, d->config, &f->places, &sum), &sum);
	/* Of sites that are gone nobody wants to hear; of the others it will be said again. */
	fault_clear_all(d, "dnsbl ");
	if (d->config->dnsbl_sites)
		open_resolver(d);
	if (f->resolver)
		probes_second(d);
	probes_tell(d);
	lookups_again(d);
}

void dnsbl_sites_changed(struct daemon *d)
{
	struct follow_dnsbl *f = d->dnsbl;

	probes_tell(d);
	if (!places_count(d->wall, &f->places) || f->rescore)
		return;
	f->rescore = true;
	sd_event_source_set_time_relative(f->soon, SOON_US);
	sd_event_source_set_enabled(f->soon, SD_EVENT_ONESHOT);
}

/* A moment later, and once for several sites: not inside a reply. */
static int on_soon(sd_event_source *source, uint64_t usec, void *context)
{
	struct daemon *d = context;

	(void)source;
	(void)usec;
	if (d->wall && d->dnsbl->rescore)
		rescore(d);
	return 0;
}

int dnsbl_check(struct daemon *d, const struct address *source, struct answer *out)
{
	uint16_t port = (uint16_t)wall_settings(d->wall)->port[0];

	return wall_check(place.pins, source, port, out, NULL);
}

/* --- every second ----------------------------------------------------------------------------- */

/* Pauses that were given or taken back by hand, and those that are over. */
static void follow_pauses(struct daemon *d)
{
	struct follow_dnsbl *f = d->dnsbl;
	uint64_t change = wall_settings(d->wall)->dnsbl_change;
	bool over = false;

	for (int i = 0; i < DNSBL_SITES; i++)
		over |= f->health->site[i].paused_until &&
			f->health->site[i].paused_until <= clock_wall();
	if (!over && change == f->health->change_seen)
		return;
	/* Without the ledger nobody knows what was wanted; whoever wants it is told so. */
	if (places_pause(d->wall, &f->places))
		f->health->change_seen = change;
	else if (!over)
		return;
	probes_tell(d);
	rescore(d);
}

/* May SYNs of unknown sources be dropped for a second, while they are looked up? */
static bool may_defer(struct daemon *d)
{
	struct follow_dnsbl *f = d->dnsbl;
	bool any = false;

	if (!d->config->dnsbl_deferred || probes_first_under_way(f) ||
	    f->health->unproven >= DNSBL_UNPROVEN_MAX)
		return false;
	if (lookups_oldest(f) > SLOW_US)
		f->slow_until = clock_boot() + SLOW_PAUSE;
	for (int i = 0; i < DNSBL_SITES; i++) {
		const struct dnsbl_site *site = &f->health->site[i];

		if (!f->places.zone[i] || site->state == DNSBL_PAUSED)
			continue;
		if (site->state != DNSBL_WELL ||
		    (site->ceiling && site->day == (uint64_t)clock_wall() / 86400 &&
		     site->day_unproven >= site->ceiling / 2))
			return false;
		any = true;
	}
	return any && f->slow_until < clock_boot();
}

static void dnsbl_second(struct daemon *d)
{
	struct follow_dnsbl *f = d->dnsbl;

	if (!d->wall)
		return;
	follow_pauses(d);
	if (f->rescore)
		rescore(d);
	if (!is_on(d))
		return;
	probes_second(d);
	probes_tell(d);
	room_make(d);
	f->health->queued = lookups_waiting(f);
	f->health->under_way = lookups_running(f);
	f->health->defer_until = may_defer(d) ? clock_boot() + DEFER_ALIVE : 0;
}

/* --- every minute, and at the start ----------------------------------------------------------- */

struct unasked {
	struct daemon *d;
	uint64_t now;
};

/*
 * Events are hints: a source whose last handshake should have caused a lookup, and did not, is looked up.
 * Nobody is asked about those who do not come any more. An entry outlives its score for as long as this
 * looks back.
 */
static int want_unanswered(void *context, const struct address *source, const struct proven *proven)
{
	struct unasked *u = context;
	struct dnsbl facts;

	if (!proven->mail || proven->mail + PLACES_LINGER < u->now || address_is_private(source))
		return 0;
	if (wall_get_dnsbl(u->d->wall, source, &facts) || proven->mail >= facts.renew)
		lookup_want(u->d, source, proven->mail, true);
	return 0;
}

static void dnsbl_tick(struct daemon *d)
{
	struct follow_dnsbl *f = d->dnsbl;
	struct unasked unasked = {.d = d, .now = clock_boot()};

	if (!d->wall)
		return;
	if (is_on(d) && dnsbl_resolver_stale(f->resolver))
		close_resolver(d);
	if (!f->resolver && d->config->dnsbl_sites)
		open_resolver(d);
	/* First: the other walk forgets what is out of date. Not for those that there was no room for. */
	if (is_on(d) && !d->exiting &&
	    (!f->room_made || f->room_made + PLACES_LINGER < unasked.now))
		wall_each_proven(d->wall, want_unanswered, &unasked);
	rescore(d);
	if (!is_on(d))
		return;
	quota_write(d);
	probes_tick(d);
	probes_tell(d);
	wall_sweep_deferred(d->wall);
}

void dnsbl_event(struct daemon *d, const struct event *e)
{
	if (e->kind == EVENT_ASK)
		lookup_want(d, &e->source, e->when, e->flags == ASK_SESSION);
}

/* --- the wall and the daemon come and go ------------------------------------------------------ */

static void dnsbl_wall(struct daemon *d)
{
	configure(d);
	dnsbl_tick(d);
}

static void dnsbl_reload(struct daemon *d)
{
	configure(d);
}

static int dnsbl_start(struct daemon *d, struct error *why)
{
	int err;

	d->dnsbl = calloc(1, sizeof(*d->dnsbl));
	if (!d->dnsbl)
		return error_set(why, -ENOMEM, "out of memory");
	err = lookups_start(d, why);
	if (!err && sd_event_add_time_relative(d->loop, &d->dnsbl->soon, CLOCK_MONOTONIC, SOON_US,
					       1000, on_soon, d) < 0)
		err = error_set(why, -ENOMEM, "cannot make a timer");
	return err ? err : probes_start(d, why);
}

static void dnsbl_stop(struct daemon *d)
{
	if (!d->dnsbl)
		return;
	if (d->wall && d->dnsbl->health)
		d->dnsbl->health->defer_until = 0;
	close_resolver(d);
	sd_event_source_disable_unref(d->dnsbl->soon);
	lookups_stop(d);
	probes_stop(d);
	free(d->dnsbl);
	d->dnsbl = NULL;
}

const struct service service_dnsbl = {
	.name = "dnsbl",
	.start = dnsbl_start,
	.reload = dnsbl_reload,
	.second = dnsbl_second,
	.tick = dnsbl_tick,
	.wall = dnsbl_wall,
	.stop = dnsbl_stop,
};
