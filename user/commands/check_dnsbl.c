// SPDX-License-Identifier: GPL-2.0-only
/*
 * check_dnsbl.c - what the DNSBLs said about a source: each answer, its weight, its age and its end
 *
 * In: the source's entry of the map `dnsbl` and how the sites are now. What an answer weighs stands
 * in the configuration only, and is left out where that cannot be read.
 */
#include <stdio.h>
#include <string.h>
#include "../clock.h"
#include "../output.h"
#include "check.h"

static const struct dnsbl_zone *zone_of(const struct config *config, uint64_t identity)
{
	for (unsigned int i = 0; config->dnsbl_sites && i < config->dnsbl_sites->zones; i++)
		if (dnsbl_zone_identity(&config->dnsbl_sites->zone[i]) == identity)
			return &config->dnsbl_sites->zone[i];
	return NULL;
}

void said_open(struct said *said, struct wall *wall, const struct address *source)
{
	memset(said, 0, sizeof(*said));
	said->health = wall_dnsbl_health(wall);
	said->threshold = wall_settings(wall)->dnsbl_threshold;
	said->now = clock_boot();
	said->held = wall_get_dnsbl(wall, source, &said->facts) == 0;
	if (config_read(place.config, &said->config, NULL, &said->config_why))
		return;
	for (unsigned int i = 0; i < DNSBL_SITES; i++)
		if (said->health->site[i].identity)
			said->zone[i] = zone_of(said->config, said->health->site[i].identity);
}

void said_close(struct said *said)
{
	config_free(said->config);
	said->config = NULL;
}

/* --- one answer ------------------------------------------------------------------------------- */

const char *site_not_counting(const struct dnsbl_site *site, const struct address *source)
{
	if (!site)
		return NULL;
	if (!dnsbl_site_counts(site))
		return dnsbl_state_name((enum dnsbl_state)site->state);
	if (site->no_v6 && !address_is_v4(source))
		return "it is for IPv4 only";
	return NULL;
}

int32_t site_weight(const struct site_said *s)
{
	return s->zone && s->answer->outcome == DNSBL_HIT ? dnsbl_zone_score(s->zone, s->answer)
							  : 0;
}

/* "127.0.0.2, 127.0.0.4" */
static void records_text(const struct dnsbl_answer *a, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < a->records && i < DNSBL_RECORDS && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%u.%u.%u.%u", i ? ", " : "",
					 a->record[i][0], a->record[i][1], a->record[i][2],
					 a->record[i][3]);
}

static void answer_text(const struct site_said *s, char *text, size_t size)
{
	const struct dnsbl_answer *a = s->answer;

	if (s->words)
		snprintf(text, size, "%s", s->words);
	else if (a->outcome == DNSBL_HIT)
		records_text(a, text, size);
	else if (a->outcome == DNSBL_MISS)
		snprintf(text, size, "not listed");
	else
		snprintf(text, size, "did not answer (%s)",
			 dnsbl_outcome_name((enum dnsbl_outcome)a->failed));
}

static void asked_when(const struct dnsbl_answer *a, uint64_t now, char *text, size_t size)
{
	uint64_t asked = (a->outcome ? a->asked : a->tried) * SECOND_NS;
	char when[CLOCK_TEXT], age[DURATION_TEXT];

	/* Its seconds are rounded up. */
	snprintf(text, size, "%s (%s ago)", clock_short(clock_wall_of(asked), when),
		 duration_text(now > asked ? (now - asked) / SECOND_NS : 0, age));
}

static void remark(const struct site_said *s, char *text, size_t size)
{
	const struct dnsbl_answer *a = s->answer;

	text[0] = '\0';
	if (s->not_counting)
		snprintf(text, size, "does not count: %s", s->not_counting);
	else if (a->outcome && a->failed)
		snprintf(text, size, "could not be renewed (%s)",
			 dnsbl_outcome_name((enum dnsbl_outcome)a->failed));
}

/* The weight is the third column of both, and left out of one of them. */
static void pick(const char *const all[6], bool weights, const char *out[6])
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < 6; i++)
		if (i != 2 || weights)
			out[n++] = all[i];
}

struct table *answers_table(bool weights)
{
	static const char *const all[6] = {"    site", "answer", ">weight", "asked", "until", ""};
	const char *heading[6] = {NULL};

	pick(all, weights, heading);
	return table_new(weights ? 6 : 5, heading);
}

void answers_row(struct table *t, bool weights, const struct site_said *s, uint64_t now)
{
	char name[DNSBL_NAME + 8], answer[256],
		weight[16] = "", asked[CLOCK_TEXT + DURATION_TEXT + 8], until[CLOCK_TEXT] = "",
		text[128];
	const char *cell[6] = {NULL};

	snprintf(name, sizeof(name), "    %s", s->name);
	answer_text(s, answer, sizeof(answer));
	if (s->zone)
		snprintf(weight, sizeof(weight), site_weight(s) ? "%+d" : "%d", site_weight(s));
	asked_when(s->answer, now, asked, sizeof(asked));
	if (s->answer->outcome)
		clock_short(clock_wall_of(s->answer->until * SECOND_NS), until);
	remark(s, text, sizeof(text));
	pick((const char *const[]){name, answer, weight, asked, until, text}, weights, cell);
	table_row(t, cell);
}

static void seconds_json(json_object *o, const char *key, uint32_t seconds)
{
	if (seconds)
		json_time(o, key, clock_wall_of(seconds * SECOND_NS));
}

json_object *answer_json(const struct site_said *s)
{
	json_object *o = json_object_new_object(), *records = json_object_new_array();
	const struct dnsbl_answer *a = s->answer;

	json_text(o, "site", s->name);
	/* Of what was never answered only the failure is known. */
	json_text(o, "outcome",
		  dnsbl_outcome_name((enum dnsbl_outcome)(a->outcome ? a->outcome : a->failed)));
	for (unsigned int i = 0; i < a->records && i < DNSBL_RECORDS; i++) {
		struct dnsbl_answer one = {.records = 1};
		char text[20];

		memcpy(one.record[0], a->record[i], sizeof(one.record[0]));
		records_text(&one, text, sizeof(text));
		json_object_array_add(records, json_object_new_string(text));
	}
	json_object_object_add(o, "records", records);
	if (s->zone)
		json_signed(o, "weight", site_weight(s));
	seconds_json(o, "asked", a->outcome ? a->asked : a->tried);
	if (a->outcome) {
		seconds_json(o, "good_until", a->good);
		seconds_json(o, "expires", a->until);
	}
	json_flag(o, "counts", a->outcome && !s->not_counting);
	json_text(o, "not_counting", s->not_counting);
	json_text(o, "failed",
		  a->failed ? dnsbl_outcome_name((enum dnsbl_outcome)a->failed) : NULL);
	json_text(o, "text", s->words);
	return o;
}

/* --- all of them ------------------------------------------------------------------------------ */

static bool is_over(const struct said *said)
{
	return said->facts.until <= said->now;
}

/* False if there is nothing from this place to show. */
static bool said_site(const struct said *said, unsigned int i, struct site_said *out)
{
	const struct dnsbl_answer *a = &said->facts.answer[i];
	const struct dnsbl_site *site = &said->health->site[i];

	if (!site->identity || (!a->outcome && !a->failed))
		return false;
	*out = (struct site_said){
		.name = site->name,
		.site = site,
		.zone = said->zone[i],
		.answer = a,
		.not_counting = dnsbl_site_counts(site)
					? NULL
					: dnsbl_state_name((enum dnsbl_state)site->state),
	};
	if (a->outcome && !out->not_counting &&
	    (is_over(said) || a->until * SECOND_NS <= said->now))
		out->not_counting = "expired";
	return true;
}

void said_json(const struct said *said, json_object *o)
{
	json_object *sites = json_object_new_array();
	struct site_said s;

	/* One that expired is no score. */
	if (!is_over(said))
		json_signed(o, "score", said->facts.score);
	json_number(o, "threshold", said->threshold);
	json_flag(o, "expired", is_over(said));
	for (unsigned int i = 0; i < DNSBL_SITES; i++)
		if (said_site(said, i, &s))
			json_object_array_add(sites, answer_json(&s));
	json_object_object_add(o, "dnsbl", sites);
}

static void print_head(const struct said *said)
{
	char when[CLOCK_TEXT];
	unsigned int silent = 0;
	struct site_said s;

	for (unsigned int i = 0; i < DNSBL_SITES; i++)
		silent += said_site(said, i, &s) && s.answer->failed;
	printf("  dnsbl    score %d of %llu (threshold), %u site%s did not answer\n",
	       said->facts.score, (unsigned long long)said->threshold, silent,
	       silent == 1 ? "" : "s");
	if (is_over(said))
		printf("           expired %s and does not count any more\n",
		       clock_short(clock_wall_of(said->facts.until), when));
	else if (!said->threshold)
		puts("           no DNSBL is configured now, so it decides nothing");
}

void said_text(const struct said *said)
{
	struct table *t = NULL;
	struct site_said s;

	print_head(said);
	for (unsigned int i = 0; i < DNSBL_SITES; i++) {
		if (!said_site(said, i, &s))
			continue;
		if (!t)
			t = answers_table(said->config);
		answers_row(t, said->config, &s, said->now);
	}
	/* A heading without a row would say nothing. */
	if (t)
		table_print(t, stdout);
}
