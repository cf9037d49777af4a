// SPDX-License-Identifier: GPL-2.0-only
/*
 * dnsbl_show.c - DNSBLs in words: `dnsbl status` for people and for scripts, and what other
 * commands say of them
 *
 * In: the map `dnsbl_health`, and a walk over the map `dnsbl`. A site is called by its display name
 * only; its zone may hold a key and is in neither map.
 */
#include <stdio.h>
#include <string.h>
#include "../clock.h"
#include "../output.h"
#include "commands.h"

#define DAY   86400
#define WHOLE 65536.0 /* shares of yes are in units of that */

/* --- words ------------------------------------------------------------------------------------ */

bool site_is_ill(const struct dnsbl_site *site)
{
	return site->identity && site->state >= DNSBL_DEAD;
}

const char *site_state_text(const struct dnsbl_site *site, char text[SITE_STATE_TEXT])
{
	const char *name = dnsbl_state_name((enum dnsbl_state)site->state);
	char when[CLOCK_TEXT];

	if (site->state == DNSBL_PAUSED && site->paused_until == INT64_MAX)
		snprintf(text, SITE_STATE_TEXT, "paused until resumed");
	else if (site->state == DNSBL_PAUSED && site->paused_until <= clock_wall())
		snprintf(text, SITE_STATE_TEXT, "paused, over when the daemon moves");
	else if (site->state == DNSBL_PAUSED)
		snprintf(text, SITE_STATE_TEXT, "paused until %s",
			 clock_short(site->paused_until, when));
	else if (site->state == DNSBL_UNTESTED)
		snprintf(text, SITE_STATE_TEXT, "not tested yet");
	else if (site_is_ill(site))
		snprintf(text, SITE_STATE_TEXT, "%s since %s", name,
			 clock_short(site->state_since, when));
	else
		snprintf(text, SITE_STATE_TEXT, "%s%s", name, site->no_v6 ? ", IPv4 only" : "");
	return text;
}

const char *site_names(const struct dnsbl_health *health, uint32_t sites, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < DNSBL_SITES; i++) {
		const struct dnsbl_site *site = &health->site[i];

		if (!(sites >> i & 1) || !site->identity)
			continue;
		/* Whole names only. */
		if (used + strlen(site->name) + 2 > size)
			break;
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "",
					 site->name);
	}
	return text;
}

const char *event_dnsbl_text(struct wall *wall, const struct event *e, char *text, size_t size)
{
	char names[512];

	text[0] = '\0';
	if (e->kind == EVENT_VERDICT && e->reason == REASON_DNSBL)
		snprintf(text, size, " score=%d sites=\"%s\"", e->score,
			 site_names(wall_dnsbl_health(wall), e->sites, names, sizeof(names)));
	return text;
}

/* --- counting --------------------------------------------------------------------------------- */

struct counting {
	uint64_t now;
	int64_t threshold;
	struct places_sum *sum;
};

static int count_one(void *context, const struct address *source, const struct dnsbl *facts)
{
	const struct counting *c = context;

	(void)source;
	c->sum->entries++;
	c->sum->unproven += !facts->proven;
	c->sum->listed += facts->until > c->now && c->threshold && facts->score >= c->threshold;
	return 0;
}

int answers_count(struct wall *wall, struct places_sum *sum)
{
	struct counting c = {
		.now = clock_boot(),
		.threshold = (int64_t)wall_settings(wall)->dnsbl_threshold,
		.sum = sum,
	};

	memset(sum, 0, sizeof(*sum));
	return wall_each_dnsbl(wall, count_one, &c);
}

/* Of the day that it is now: the daemon turns the page with the next question only. */
static uint64_t used_today(const struct dnsbl_site *site)
{
	return site->day == (uint64_t)clock_wall() / DAY ? site->day_queries : 0;
}

static bool defers_now(struct wall *wall)
{
	return wall_dnsbl_health(wall)->defer_until > clock_boot();
}

static double percentile_ms(const struct dnsbl_site *site, unsigned int percent)
{
	return (double)dnsbl_latency_percentile(site->latency, percent) / 1000.0;
}

/* --- for scripts ------------------------------------------------------------------------------ */

static json_object *site_json(const struct dnsbl_site *site)
{
	json_object *o = json_object_new_object(), *quota = json_object_new_object();

	json_text(o, "name", site->name);
	json_text(o, "state", dnsbl_state_name((enum dnsbl_state)site->state));
	json_time(o, "state_since", site->state_since);
	json_flag(o, "counts", dnsbl_site_counts(site));
	json_flag(o, "ipv6", !site->no_v6);
	if (site->state == DNSBL_PAUSED)
		json_time(o, "paused_until", site->paused_until);
	json_text(o, "reason", site->reason[0] ? site->reason : NULL);
	json_number(o, "queries", site->queries);
	json_number(o, "hits", site->hits);
	json_number(o, "misses", site->misses);
	json_number(o, "failures", site->failures);
	json_number(o, "spared", site->spared);
	json_decimal(o, "latency_median_ms", percentile_ms(site, 50), 3);
	json_decimal(o, "latency_p95_ms", percentile_ms(site, 95), 3);
	json_number(quota, "used", used_today(site));
	if (site->ceiling)
		json_number(quota, "ceiling", site->ceiling);
	json_object_object_add(o, "quota", quota);
	if (site->usual_count)
		json_decimal(o, "usual", 100.0 * site->usual / WHOLE, 3);
	return o;
}

static void answers_json(json_object *o, const struct places_sum *sum)
{
	json_object *answers = json_object_new_object();

	json_number(answers, "held", sum->entries);
	json_number(answers, "listed", sum->listed);
	json_number(answers, "unproven", sum->unproven);
	json_object_object_add(o, "answers", answers);
}

static void lookups_json(json_object *o, const struct dnsbl_health *health)
{
	json_object *lookups = json_object_new_object();

	json_number(lookups, "done", health->lookups);
	json_number(lookups, "listed", health->found);
	json_number(lookups, "cut", health->cut);
	json_number(lookups, "under_way", health->under_way);
	json_number(lookups, "queued", health->queued);
	json_number(lookups, "dropped", health->dropped);
	json_number(lookups, "spared", health->spared);
	json_object_object_add(o, "lookups", lookups);
}

void dnsbl_status_json(struct wall *wall, bool daemon, bool ill, const struct places_sum *sum)
{
	const struct dnsbl_health *health = wall_dnsbl_health(wall);
	json_object *o = json_object_new_object(), *sites = json_object_new_array();

	json_flag(o, "up", true);
	json_flag(o, "daemon", daemon);
	json_flag(o, "degraded", ill);
	for (unsigned int i = 0; i < DNSBL_SITES; i++)
		if (health->site[i].identity)
			json_object_array_add(sites, site_json(&health->site[i]));
	json_object_object_add(o, "sites", sites);
	answers_json(o, sum);
	lookups_json(o, health);
	json_text(o, "resolvers", health->resolvers);
	json_flag(o, "resolver_local", health->resolver_local);
	json_number(o, "threshold", wall_settings(wall)->dnsbl_threshold);
	json_flag(o, "deferred", health->deferring);
	json_flag(o, "deferring", defers_now(wall));
	json_print(o, stdout);
}

/* --- for people ------------------------------------------------------------------------------- */

static void quota_text(const struct dnsbl_site *site, char *text, size_t size)
{
	char used[NUMBER_TEXT], ceiling[NUMBER_TEXT];

	number_text(used_today(site), used);
	if (site->ceiling)
		snprintf(text, size, "%s of %s", used, number_text(site->ceiling, ceiling));
	else
		snprintf(text, size, "%s", used);
}

static void site_row(struct table *t, const struct dnsbl_site *site)
{
	char state[SITE_STATE_TEXT], coloured[SITE_STATE_TEXT + 32], queries[NUMBER_TEXT],
		hits[NUMBER_TEXT], misses[NUMBER_TEXT], failures[NUMBER_TEXT],
		median[32] = "", late[32] = "", quota[2 * NUMBER_TEXT + 8], usual[16] = "";
	enum colour c = dnsbl_site_counts(site) ? COLOUR_GOOD
			: site_is_ill(site)	? COLOUR_BAD
						: COLOUR_WARN;

	snprintf(coloured, sizeof(coloured), "%s%s%s", colour(stdout, c),
		 site_state_text(site, state), colour_end(stdout));
	if (site->hits + site->misses) {
		snprintf(median, sizeof(median), "%.1f", percentile_ms(site, 50));
		snprintf(late, sizeof(late), "%.1f", percentile_ms(site, 95));
	}
	quota_text(site, quota, sizeof(quota));
	if (site->usual_count)
		snprintf(usual, sizeof(usual), "%.1f", 100.0 * site->usual / WHOLE);
	table_row(t, (const char *const[]){
			     site->name, coloured, number_text(site->queries, queries),
			     number_text(site->hits, hits), number_text(site->misses, misses),
			     number_text(site->failures, failures), median, late, quota, usual});
}

static void print_sites(const struct dnsbl_health *health)
{
	static const char *const heading[] = {"site",	 "state",	">queries",   ">hits",
					      ">misses", ">errors",	">median ms", ">95 % ms",
					      ">today",	 ">usual yes %"};
	struct table *t = table_new(10, heading);

	for (unsigned int i = 0; i < DNSBL_SITES; i++)
		if (health->site[i].identity)
			site_row(t, &health->site[i]);
	table_print(t, stdout);
	for (unsigned int i = 0; i < DNSBL_SITES; i++) {
		const struct dnsbl_site *site = &health->site[i];
		bool ill = site_is_ill(site);

		if (site->identity && site->reason[0])
			printf("%s%s: %s%s%s\n", colour(stdout, ill ? COLOUR_BAD : COLOUR_WARN),
			       site->name, ill ? "" : "lately it ", site->reason,
			       colour_end(stdout));
	}
	putchar('\n');
}

static void print_work(const struct dnsbl_health *health, const struct places_sum *sum)
{
	char a[NUMBER_TEXT], b[NUMBER_TEXT], c[NUMBER_TEXT], d[NUMBER_TEXT];

	printf("answers     %s held, %s of them listings in force, %s asked for the sake of a SYN "
	       "only\n",
	       number_text(sum->entries, a), number_text(sum->listed, b),
	       number_text(sum->unproven, c));
	printf("lookups     %s done, %s found listed, %s sessions cut\n",
	       number_text(health->lookups, a), number_text(health->found, b),
	       number_text(health->cut, c));
	printf("            %s under way, %s queued, %s dropped from the full queue, %s spared for "
	       "the quota\n",
	       number_text(health->under_way, a), number_text(health->queued, b),
	       number_text(health->dropped, c), number_text(health->spared, d));
}

void print_resolver_advice(const struct dnsbl_health *health, const char *indent)
{
	if (health->resolvers[0] && !health->resolver_local)
		printf("%snot %son this host: many DNSBLs refuse or limit shared resolvers; run "
		       "one here (unbound, ...)\n%sand name it in `resolvers`\n",
		       indent, strchr(health->resolvers, ',') ? "all " : "", indent);
}

void dnsbl_status_text(struct wall *wall, bool daemon, const struct places_sum *sum)
{
	const struct dnsbl_health *health = wall_dnsbl_health(wall);

	print_sites(health);
	print_work(health, sum);
	if (health->resolvers[0])
		printf("resolvers   %s\n", health->resolvers);
	print_resolver_advice(health, "            ");
	printf("threshold   %llu\n", (unsigned long long)wall_settings(wall)->dnsbl_threshold);
	printf("deferred    %s\n",
	       !health->deferring ? "off"
	       : defers_now(wall) ? "on, active"
				  : "on, stopped right now: strangers get in before the answer");
	if (!daemon)
		puts("daemon      does not run: nobody is asked until it does");
}
