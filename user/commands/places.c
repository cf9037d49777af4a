// SPDX-License-Identifier: GPL-2.0-only
/*
 * places.c - which DNSBL has which place in the maps, and what all sources score by that
 *
 * A site keeps its place as long as it is configured, so that answers given before a reload or a
 * restart are still its answers. When a site goes, or its weights or its health change, every score is
 * worked out again from the answers in the map: nobody is asked for it. Under the daemon lock: by the
 * daemon, or by `smtpwall dnsbl` while there is none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../clock.h"
#include "../output.h"
#include "commands.h"

static bool is_configured(const struct config *config, uint64_t identity)
{
	for (unsigned int i = 0; config->dnsbl_sites && i < config->dnsbl_sites->zones; i++)
		if (dnsbl_zone_identity(&config->dnsbl_sites->zone[i]) == identity)
			return true;
	return false;
}

/* The next site in a place must not inherit what another one said there. */
static int clear_free(void *context, const struct address *source, const struct dnsbl *facts)
{
	struct wall *wall = context;
	const struct dnsbl_health *health = wall_dnsbl_health(wall);
	struct dnsbl cleared = *facts;
	bool any = false;

	for (int i = 0; i < DNSBL_SITES; i++) {
		if (health->site[i].identity || !cleared.answer[i].tried)
			continue;
		memset(&cleared.answer[i], 0, sizeof(cleared.answer[i]));
		any = true;
	}
	/* What cannot be cleared is forgotten. */
	if (any && wall_put_dnsbl(wall, source, &cleared))
		wall_drop_dnsbl(wall, source);
	return 0;
}

static bool has_new(struct dnsbl_health *health, const struct dnsbl_sites *sites)
{
	for (unsigned int i = 0; sites && i < sites->zones; i++)
		if (!dnsbl_site_of(health, dnsbl_zone_identity(&sites->zone[i])))
			return true;
	return false;
}

static struct dnsbl_site *new_site(struct dnsbl_health *health, uint64_t identity)
{
	struct dnsbl_site *site = dnsbl_site_of(health, 0);

	if (!site)
		return NULL; /* there are as many places as zones */
	site->identity = identity;
	site->state = DNSBL_UNTESTED;
	site->state_since = clock_wall();
	return site;
}

void places_assign(struct wall *wall, const struct config *config, struct dnsbl_places *places)
{
	struct dnsbl_health *health = wall_dnsbl_health(wall);
	const struct dnsbl_sites *sites = config->dnsbl_sites;

	memset(places, 0, sizeof(*places));
	for (int i = 0; i < DNSBL_SITES; i++)
		if (health->site[i].identity && !is_configured(config, health->site[i].identity))
			memset(&health->site[i], 0, sizeof(health->site[i]));
	/* Before a place is given away, so that being killed in between does no harm. */
	if (has_new(health, sites))
		wall_each_dnsbl(wall, clear_free, wall);
	for (unsigned int i = 0; sites && i < sites->zones; i++) {
		const struct dnsbl_zone *zone = &sites->zone[i];
		uint64_t identity = dnsbl_zone_identity(zone);
		struct dnsbl_site *site = dnsbl_site_of(health, identity);

		if (!site)
			site = new_site(health, identity);
		if (!site)
			continue;
		snprintf(site->name, sizeof(site->name), "%s", zone->name);
		site->ceiling = zone->ceiling;
		places->zone[site - health->site] = zone;
	}
	places_count(wall, places);
}

/*
 * Old weights must not meet a new threshold, nor new ones the old: until all scores are worked out anew
 * the higher of both counts. Sessions that are older than a threshold are let finish, so it must not be
 * in force before its date is.
 */
int places_obey(struct wall *wall, const struct config *config, const struct dnsbl_places *places,
		struct places_sum *sum)
{
	uint64_t threshold = config->dnsbl_sites ? config->dnsbl_threshold : 0;
	volatile struct settings *s = wall_settings(wall);
	uint64_t before = s->dnsbl_threshold;
	int err;

	s->ask_budget = config->dnsbl_budget * 2;
	s->defer_limit = config->dnsbl_timeout * SECOND_NS;
	s->defer_budget = config->dnsbl_deferred && threshold ? config->dnsbl_budget : 0;
	if (!threshold || (before && threshold > before))
		s->dnsbl_threshold = threshold;
	err = places_rescore(wall, places, sum);
	if (before != threshold)
		s->dnsbl_since = clock_boot();
	s->dnsbl_threshold = threshold;
	return err;
}

void places_up(struct wall *wall, const struct config *config)
{
	int lock = pins_lock(place.pins, LOCK_DAEMON, 0, NULL);
	struct dnsbl_places places;
	struct places_sum sum;

	if (lock < 0)
		return; /* the daemon does it, with its own idea of the configuration */
	places_assign(wall, config, &places);
	places_obey(wall, config, &places, &sum);
	close(lock);
}

bool places_count(struct wall *wall, struct dnsbl_places *places)
{
	const struct dnsbl_health *health = wall_dnsbl_health(wall);
	uint32_t counts = 0, trusts = 0;
	bool changed;

	for (unsigned int i = 0; i < DNSBL_SITES; i++) {
		if (!places->zone[i])
			continue;
		counts |= (uint32_t)dnsbl_site_counts(&health->site[i]) << i;
		trusts |= (uint32_t)dnsbl_site_trusts(&health->site[i]) << i;
	}
	changed = counts != places->counts || trusts != places->trusts;
	places->counts = counts;
	places->trusts = trusts;
	return changed;
}

/* --- pauses ----------------------------------------------------------------------------------- */

static void pause_name(const struct dnsbl_site *site, char *name, size_t size)
{
	snprintf(name, size, "dnsbl-pause %s", site->name);
}

/* A site that comes back is tested before it counts. */
static void set_paused(struct dnsbl_site *site, int64_t until)
{
	enum dnsbl_state state = until ? DNSBL_PAUSED : DNSBL_UNTESTED;

	site->paused_until = until;
	if (until ? site->state == DNSBL_PAUSED : site->state != DNSBL_PAUSED)
		return;
	site->state = state;
	site->state_since = clock_wall();
	site->retest = 1;
	site->reason[0] = '\0';
}

bool places_pause(struct wall *wall, struct dnsbl_places *places)
{
	struct dnsbl_health *health = wall_dnsbl_health(wall);
	struct ledger *ledger = ledger_try(false);

	for (unsigned int i = 0; i < DNSBL_SITES; i++) {
		struct dnsbl_site *site = &health->site[i];
		char name[sizeof(site->name) + 16];
		struct ledger_override pause;

		if (!places->zone[i])
			continue;
		pause_name(site, name, sizeof(name));
		if (ledger)
			set_paused(site,
				   override_stands(ledger, name, "", &pause) ? pause.until : 0);
		else if (site->paused_until && site->paused_until <= clock_wall())
			set_paused(site, 0);
	}
	ledger_close(ledger);
	places_count(wall, places);
	return ledger != NULL;
}

int place_pause_put(const struct dnsbl_site *site, uint64_t seconds, struct error *why)
{
	char name[sizeof(site->name) + 16];
	struct ledger *ledger = NULL;
	int err = ledger_open(place.state, false, 0, &ledger, why);

	if (err)
		return err;
	pause_name(site, name, sizeof(name));
	err = override_put(ledger, name, "paused", "", seconds, NULL, why);
	ledger_close(ledger);
	return err;
}

int place_pause_drop(const struct dnsbl_site *site, struct error *why)
{
	char name[sizeof(site->name) + 16];
	struct ledger *ledger = NULL;
	int err = ledger_open(place.state, false, 0, &ledger, why);

	if (!err)
		err = ledger_begin(ledger, why);
	if (!err) {
		pause_name(site, name, sizeof(name));
		err = ledger_drop_override(ledger, name, why);
		if (err)
			ledger_rollback(ledger);
		else
			err = ledger_commit(ledger, why);
	}
	ledger_close(ledger);
	return err;
}

/* --- scores ----------------------------------------------------------------------------------- */

struct rescore {
	struct wall *wall;
	const struct dnsbl_places *places;
	uint64_t now;
	int64_t threshold;
	struct places_sum *sum;
};

/*
 * An answer may outlive the score: while it cannot be renewed it is in force once more. And for a while
 * it still tells who was asked about.
 */
static bool is_over(const struct dnsbl *facts, uint64_t now)
{
	if (facts->until + PLACES_LINGER > now)
		return false;
	for (int i = 0; i < DNSBL_SITES; i++)
		if (facts->answer[i].outcome && facts->answer[i].until * SECOND_NS > now)
			return false;
	return true;
}

static int rescore_one(void *context, const struct address *source, const struct dnsbl *facts)
{
	struct rescore *r = context;
	struct dnsbl changed = *facts;
	int err = 0;

	if (is_over(facts, r->now)) {
		wall_drop_dnsbl(r->wall, source);
		return 0;
	}
	/* One that is out of date stays so: only new answers make it count again. */
	if (facts->until > r->now && dnsbl_facts_judge(&changed, r->places, r->now, 0))
		err = wall_put_dnsbl(r->wall, source, &changed);
	r->sum->entries++;
	r->sum->unproven += !changed.proven;
	r->sum->listed += changed.until > r->now && r->threshold && changed.score >= r->threshold;
	return err == -E2BIG ? 0 : err;
}

int places_rescore(struct wall *wall, const struct dnsbl_places *places, struct places_sum *sum)
{
	struct rescore r = {
		.wall = wall,
		.places = places,
		.now = clock_boot(),
		.threshold = (int64_t)wall_settings(wall)->dnsbl_threshold,
		.sum = sum,
	};

	memset(sum, 0, sizeof(*sum));
	return wall_each_dnsbl(wall, rescore_one, &r);
}
