// SPDX-License-Identifier: GPL-2.0-only
/*
 * refusal.c - what a refused client is told: the facts of one refusal in words
 *
 * The daemon tells the listener, and `check` the administrator, by the same function, so that what
 * `check` prints can be quoted. Only names that may be shown are in it: a zone may hold a paid key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../clock.h"
#include "commands.h"

#define BY_TEXT 256 /* a template has other words, too, and 512 bytes for all */

const char *refuse_word_name(enum refuse_word word)
{
	switch ((unsigned int)word) {
#define NAME(number, name, member)                                                                 \
	case number:                                                                               \
		return name;
		REFUSE_WORD_NAMES(NAME)
#undef NAME
	}
	return "unknown";
}

const char *event_verdict_name(const struct event *e)
{
	if (e->mode == MODE_ENFORCE)
		return verdict_name(e->verdict);
	return e->verdict == VERDICT_REFUSE ? "would-refuse" : "would-drop";
}

/* --- {by} ------------------------------------------------------------------------------------- */

static const struct dnsbl_zone *zone_of(const struct config *config, uint64_t identity)
{
	for (unsigned int i = 0; config->dnsbl_sites && i < config->dnsbl_sites->zones; i++)
		if (dnsbl_zone_identity(&config->dnsbl_sites->zone[i]) == identity)
			return &config->dnsbl_sites->zone[i];
	return NULL;
}

/*
 * What the site adds to the score. One that speaks for the client is not what it is blocked by; what
 * is not known, is.
 */
static int32_t weight_of(const struct config *config, const struct dnsbl_site *site,
			 const struct dnsbl_answer *answer)
{
	const struct dnsbl_zone *zone = zone_of(config, site->identity);

	if (!zone || !answer || answer->outcome != DNSBL_HIT)
		return 1;
	return dnsbl_zone_score(zone, answer);
}

int refusal_site(struct wall *wall, const struct config *config, const struct address *source,
		 const struct refusal *refusal)
{
	const struct dnsbl_health *health = wall_dnsbl_health(wall);
	struct dnsbl facts;
	int32_t most = 0;
	int heaviest = -1;

	if (!config->refuse_txt || refusal->reason != REASON_DNSBL ||
	    wall_get_dnsbl(wall, source, &facts))
		return -1;
	for (int i = 0; i < DNSBL_SITES; i++) {
		const struct dnsbl_site *site = &health->site[i];
		int32_t weight;

		if (!(refusal->sites >> i & 1) || !zone_of(config, site->identity))
			continue;
		weight = weight_of(config, site, &facts.answer[i]);
		if (weight > most) {
			most = weight;
			heaviest = i;
		}
	}
	return heaviest;
}

/* "zen.spamhaus.org, bl.spamcop.net" */
static void by_sites(struct wall *wall, const struct config *config, const struct address *source,
		     const struct refusal *refusal, char by[BY_TEXT])
{
	const struct dnsbl_health *health = wall_dnsbl_health(wall);
	struct dnsbl facts;
	bool held = wall_get_dnsbl(wall, source, &facts) == 0;
	size_t used = 0;

	for (unsigned int i = 0; i < DNSBL_SITES; i++) {
		const struct dnsbl_site *site = &health->site[i];

		if (!(refusal->sites >> i & 1) || !site->identity ||
		    weight_of(config, site, held ? &facts.answer[i] : NULL) <= 0)
			continue;
		/* Whole names only. */
		if (used + strlen(site->name) + 3 > BY_TEXT)
			break;
		used += (size_t)snprintf(by + used, BY_TEXT - used, "%s%s", used ? ", " : "",
					 site->name);
	}
	if (!used)
		snprintf(by, BY_TEXT, "public block lists");
}

static void by_text(struct wall *wall, const struct config *config, const struct address *source,
		    const struct refusal *refusal, char by[BY_TEXT])
{
	if (refusal->reason == REASON_DNSBL)
		by_sites(wall, config, source, refusal, by);
	else if (refusal->reason == REASON_ABUSE)
		snprintf(by, BY_TEXT, "local policy (relay abuse)");
	else if (refusal->reason == REASON_BLOCK_LIST && refusal->list_name.name[0])
		snprintf(by, BY_TEXT, "%.31s", refusal->list_name.name);
	else
		snprintf(by, BY_TEXT, "local policy");
}

/* --- the reply -------------------------------------------------------------------------------- */

void refusal_reply(struct wall *wall, const struct config *config, const struct address *source,
		   const struct refusal *refusal, const char *txt, char out[REFUSE_REPLY])
{
	char by[BY_TEXT];
	struct refuse_facts facts = {
		.source = *source,
		.reason = refusal->reason,
		.by = by,
		.txt = config->refuse_txt ? txt : NULL,
	};

	by_text(wall, config, source, refusal, by);
	/* A ban has an end. A DNSBL's answer has one, too, but is renewed as long as it is the same. */
	if (refusal->reason == REASON_ABUSE && refusal->until && refusal->until != FOREVER)
		facts.until = (uint64_t)clock_wall_of(refusal->until);
	refuse_text(config, &facts, out);
}

bool refusing_wanted(struct wall *wall, const struct config *config)
{
	struct policy_list *lists;
	bool wanted = false;

	if (config_refuses(config))
		return true;
	lists = calloc(POLICY_LISTS, sizeof(*lists));
	if (lists && wall_lists(wall, lists, NULL) == 0)
		for (int id = 1; !wanted && id < POLICY_LISTS; id++)
			wanted = lists[id].name[0] && lists[id].action == LIST_REFUSE;
	free(lists);
	return wanted;
}

int refusing_attach(struct wall *wall, struct error *why)
{
	int there = wall_refuse_attach(place.pins, why);

	if (!there)
		wall_settings(wall)->refuse_since = clock_boot();
	return there < 0 ? there : 0;
}

bool refusal_tarpits(const struct config *config, const struct refusal *refusal)
{
	const struct config_list *list;

	switch ((unsigned int)refusal->reason) {
	case REASON_ABUSE:
		return config->abuse_tarpit;
	case REASON_DNSBL:
		return config->dnsbl_tarpit;
	case REASON_BLOCK_LIST:
		list = config_find_list(config, refusal->list_name.name);
		return list && list->tarpit;
	}
	return false;
}

void refusal_of_answer(const struct answer *answer, struct refusal *out)
{
	*out = (struct refusal){
		.when = answer->now,
		.since = answer->since,
		.until = answer->until,
		.reason = answer->reason,
		.list = answer->list,
		.score = answer->score,
		.sites = answer->sites,
		.ban_length = answer->ban_length,
	};
	if (answer->list) /* else it is the name of a list that only counts */
		out->list_name = answer->list_name;
}
