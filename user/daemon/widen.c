// SPDX-License-Identifier: GPL-2.0-only
/*
 * widen.c - several banned addresses of one network become one ban of the network
 *
 * So nobody fills the map out of a /48, and who has a /24 does not go on from its next address. The ban
 * is put in force through program `report`, and only then do its members' own entries go. Not where a
 * sender lives that this host knows, or one that carries much of its mail.
 */
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "../clock.h"
#include "../output.h"
#include "bans.h"
#include "share.h"

#define NETWORKS 64 /* at a time; the others come a second later */

struct widening {
	struct daemon *d;
	struct ban_entry network[NETWORKS];
	bool spared[NETWORKS];
	size_t count;
	uint64_t now, all; /* accepted mail of all sources */
	bool changed;
};

static void spare(struct widening *w, const struct address *source)
{
	const struct prefix prefix = {.address = *source, .length = ADDRESS_BITS};

	for (size_t i = 0; i < w->count; i++)
		if (prefix_contains(&w->network[i].prefix, &prefix))
			w->spared[i] = true;
}

static int spare_known(void *context, const struct address *source, const struct known *known)
{
	struct widening *w = context;

	if (known->until > w->now)
		spare(w, source);
	return 0;
}

static int spare_carrier(void *context, const struct address *source, const struct proven *proven)
{
	struct widening *w = context;
	uint64_t carried = penalty_at(proven->carried, w->now, CARRIED_HALF_LIFE);

	if (share_is_large(carried, w->all, w->d->config->abuse_share))
		spare(w, source);
	return 0;
}

static bool put(struct widening *w, const struct ban_entry *network)
{
	struct report report = {.kind = REPORT_WIDEN,
				.prefix = network->prefix,
				.when = w->now,
				.ban = network->ban};

	if (!report_send(w->d, &report))
		return false;
	if (report.result == REPORT_DONE)
		return true;
	fault_set(w->d, "widening bans",
		  "a ban of a network could not be put in force%s; its members stay banned",
		  report.result == REPORT_FULL ? ": the table of bans is full" : "");
	return false;
}

static void replace_members(struct widening *w, const struct ban_entry *network,
			    const struct ban_entry *entry, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (entry[i].prefix.length <= network->prefix.length ||
		    !prefix_contains(&network->prefix, &entry[i].prefix))
			continue;
		/* One of enforce mode must survive the end of monitor mode. */
		if (network->ban.mode == MODE_MONITOR && entry[i].ban.mode == MODE_ENFORCE)
			continue;
		wall_drop_ban(w->d->wall, &entry[i].prefix);
	}
}

/* Bans in force, still in order. */
static size_t in_force(struct widening *w, const struct ban_entry *entry, size_t count,
		       struct ban_entry *out)
{
	enum mode mode = mode_at(wall_settings(w->d->wall)->mode, w->now);
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (ban_in_force(&entry[i].ban, w->now, mode))
			out[kept++] = entry[i];
	return kept;
}

static void find_spared(struct widening *w)
{
	struct abuse abuse;

	for (size_t i = 0; i < w->count; i++)
		w->spared[i] = address_is_private(&w->network[i].prefix.address);
	wall_each_known(w->d->wall, spare_known, w);
	if (w->d->config->abuse_share && wall_abuse(w->d->wall, &abuse, NULL) == 0) {
		w->all = penalty_at(abuse.carried, w->now, CARRIED_HALF_LIFE);
		if (w->all >= CARRIED_LEAST * PENALTY_POINT)
			wall_each_proven(w->d->wall, spare_carrier, w);
	}
}

bool bans_widen(struct daemon *d, const struct ban_entry *entry, size_t count)
{
	struct widening *w = count ? calloc(1, sizeof(*w)) : NULL;
	struct ban_entry *living = w ? calloc(count, sizeof(*living)) : NULL;
	bool changed = false;

	if (living) {
		w->d = d;
		w->now = clock_boot();
		w->count = gather(living, in_force(w, entry, count, living), d->config->abuse_widen,
				  w->now, w->network, NETWORKS);
		if (w->count)
			find_spared(w);
	}
	for (size_t i = 0; living && i < w->count; i++) {
		if (w->spared[i] || !put(w, &w->network[i]))
			continue;
		fault_clear(d, "widening bans");
		replace_members(w, &w->network[i], entry, count);
		cut_prefix(d, &w->network[i].prefix);
		changed = true;
	}
	free(living);
	free(w);
	return changed;
}
