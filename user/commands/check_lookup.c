// SPDX-License-Identifier: GPL-2.0-only
/*
 * check_lookup.c - `check --lookup`: asks all configured sites about a source now, and waits
 *
 * With an event loop and a resolver of its own, beside the daemon, which need not run. Nothing is
 * written: neither the maps nor the sites' counters know of it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>
#include "../clock.h"
#include "../output.h"
#include "check.h"

/* The resolver ends every question by itself; this is for the case that it does so late. */
#define LATE_NS SECOND_NS

struct question {
	struct asked *asked;
	unsigned int zone;
};

static void on_reply(void *context, const struct dnsbl_reply *reply)
{
	struct question *q = context;

	q->asked->reply[q->zone] = *reply;
	q->asked->pending--;
}

static void refuse(struct asked *asked, const char *before, const char *text)
{
	snprintf(asked->not_asked, sizeof(asked->not_asked), "%s%s", before, text);
}

static void ask(struct asked *asked, const struct said *said, const struct address *source,
		sd_event *loop, struct dnsbl_resolver *resolver)
{
	const struct dnsbl_sites *sites = said->config->dnsbl_sites;
	uint64_t end = clock_boot() + said->config->dnsbl_timeout * SECOND_NS + LATE_NS;
	struct question question[DNSBL_SITES];

	asked->pending = sites->zones;
	for (unsigned int i = 0; i < sites->zones; i++) {
		question[i] = (struct question){.asked = asked, .zone = i};
		dnsbl_ask(resolver, source, sites->zone[i].zone, on_reply, &question[i]);
	}
	while (asked->pending && clock_boot() < end)
		if (sd_event_run(loop, 100000) < 0)
			break;
	/* Ends what is still under way, before the questions above are gone. */
	dnsbl_resolver_close(resolver);
	for (unsigned int i = 0; i < sites->zones; i++)
		if (asked->reply[i].outcome == DNSBL_UNASKED)
			asked->reply[i].outcome = DNSBL_TIMEOUT;
}

static void open_and_ask(struct asked *asked, const struct said *said, const struct address *source)
{
	const struct config *c = said->config;
	struct dnsbl_resolver *resolver;
	sd_event *loop = NULL;
	struct error why;

	if (sd_event_new(&loop) < 0)
		refuse(asked, "out of memory", "");
	else if (dnsbl_resolver_open(loop, c->dnsbl_resolver, c->dnsbl_resolvers,
				     (unsigned int)c->dnsbl_timeout * 1000, &resolver, &why))
		refuse(asked, "", why.text);
	else
		ask(asked, said, source, loop, resolver);
	sd_event_unref(loop);
}

void asked_run(struct asked *asked, const struct said *said, const struct address *source,
	       enum reason reason)
{
	memset(asked, 0, sizeof(*asked));
	if (address_is_private(source))
		refuse(asked, "a private address is in no DNSBL", "");
	else if (reason == REASON_ALLOW_LIST)
		refuse(asked, "it is allowed, and nobody is asked about that", "");
	else if (!said->config)
		refuse(asked, "", said->config_why.text);
	else if (!said->config->dnsbl_sites)
		refuse(asked, "no DNSBL is configured in ", place.config);
	else
		open_and_ask(asked, said, source);
}

/* --- what came of it -------------------------------------------------------------------------- */

static const struct dnsbl_site *site_of(const struct said *said, const struct dnsbl_zone *zone)
{
	for (unsigned int i = 0; i < DNSBL_SITES; i++)
		if (said->health->site[i].identity == dnsbl_zone_identity(zone))
			return &said->health->site[i];
	return NULL;
}

/* `answer` and `words` are what the outcome is written into. */
static struct site_said asked_site(const struct asked *asked, const struct said *said,
				   unsigned int i, const struct address *source,
				   struct dnsbl_answer *answer, char words[256])
{
	const struct dnsbl_zone *zone = &said->config->dnsbl_sites->zone[i];
	const struct dnsbl_reply *reply = &asked->reply[i];
	struct site_said s = {.name = zone->name, .zone = zone, .answer = answer};

	memset(answer, 0, sizeof(*answer));
	dnsbl_answer_take(answer, reply, said->now, 0, 0);
	s.site = site_of(said, zone);
	s.not_counting = site_not_counting(s.site, source);
	if (!answer->outcome)
		s.words = dnsbl_reply_text(reply, words, 256);
	return s;
}

static int64_t sum(const struct asked *asked, const struct said *said, const struct address *source)
{
	struct dnsbl_answer answer;
	int64_t score = 0;
	char words[256];

	for (unsigned int i = 0; i < said->config->dnsbl_sites->zones; i++) {
		struct site_said s = asked_site(asked, said, i, source, &answer, words);

		if (!s.not_counting)
			score += site_weight(&s);
	}
	return score;
}

void asked_text(const struct asked *asked, const struct said *said, const struct address *source)
{
	struct dnsbl_answer answer;
	char words[256], address[ADDRESS_TEXT];
	struct table *t;

	if (asked->not_asked[0]) {
		printf("  lookup   nobody was asked: %s\n", asked->not_asked);
		return;
	}
	printf("  lookup   score %lld of %llu (threshold) by what they say now\n",
	       (long long)sum(asked, said, source),
	       (unsigned long long)said->config->dnsbl_threshold);
	t = answers_table(true);
	for (unsigned int i = 0; i < said->config->dnsbl_sites->zones; i++) {
		struct site_said s = asked_site(asked, said, i, source, &answer, words);

		answers_row(t, true, &s, said->now);
	}
	table_print(t, stdout);
	if (said->held)
		printf("           nothing is changed by this; `smtpwall dnsbl flush %s` makes the wall "
		       "forget what\n"
		       "           is in force, and its next session is looked up anew\n",
		       address_text(source, address));
}

void asked_json(const struct asked *asked, const struct said *said, const struct address *source,
		json_object *o)
{
	json_object *lookup = json_object_new_object(), *sites = json_object_new_array();
	struct dnsbl_answer answer;
	char words[256];

	if (asked->not_asked[0]) {
		json_text(lookup, "not_asked", asked->not_asked);
	} else {
		json_signed(lookup, "score", sum(asked, said, source));
		json_number(lookup, "threshold", said->config->dnsbl_threshold);
		for (unsigned int i = 0; i < said->config->dnsbl_sites->zones; i++) {
			struct site_said s = asked_site(asked, said, i, source, &answer, words);

			json_object_array_add(sites, answer_json(&s));
		}
	}
	json_object_object_add(lookup, "dnsbl", sites);
	json_object_object_add(o, "lookup", lookup);
}
