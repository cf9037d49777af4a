// SPDX-License-Identifier: GPL-2.0-only
/*
 * asked.c - what a refused client is to be told: the word about its connection, made a reply
 *
 * Where the configuration wants to know what the DNSBL itself says (TXT), it is asked, once in five minutes
 * for a source, out of its quota. The client waits for that no longer than a moment: without an answer it
 * is told what there is, and the next time the rest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../clock.h"
#include "dnsbl.h"
#include "refuse.h"

#define WAIT_US	    1500000
#define WAITING_MAX 256
#define REMEMBERED  256
#define REMEMBER    (300 * SECOND_NS)

struct remembered {
	struct address source;
	uint64_t identity; /* of the site */
	uint64_t until;	   /* boot clock; 0: free */
	char txt[DNSBL_TXT];
};

/* A client that waits for what a DNSBL says. */
struct asked_one {
	struct asked_one *next;
	struct daemon *d;
	struct listener *l; /* NULL: it was told, or nobody is there any more */
	uint64_t id, identity;
	struct address source;
	struct refusal refusal;
	sd_event_source *timer;
};

struct asked_all {
	struct asked_one *waiting;
	size_t count;
	struct remembered remembered[REMEMBERED];
	size_t next;
};

static void answer(struct listener *l, uint64_t id, const struct address *source,
		   const struct refusal *refusal, const char *txt)
{
	struct refuse_record record = {.id = id};
	struct daemon *d = l->d;

	if (refusal && d->wall) {
		record.answer.known = 1;
		record.answer.tarpit = refusal_tarpits(d->config, refusal);
		refusal_reply(d->wall, d->config, source, refusal, txt, record.answer.reply);
	}
	listener_answer(l, &record);
}

/* --- what the DNSBL says ---------------------------------------------------------------------- */

static const char *remembered(const struct asked_all *a, const struct address *source,
			      uint64_t identity)
{
	for (size_t i = 0; i < REMEMBERED; i++) {
		const struct remembered *r = &a->remembered[i];

		if (r->identity == identity && r->until > clock_boot() &&
		    !memcmp(&r->source, source, sizeof(*source)))
			return r->txt;
	}
	return NULL;
}

static void remember(struct asked_all *a, const struct asked_one *one, const char *txt)
{
	struct remembered *r = &a->remembered[a->next++ % REMEMBERED];

	r->source = one->source;
	r->identity = one->identity;
	r->until = clock_boot() + REMEMBER;
	strncpy(r->txt, txt, sizeof(r->txt) - 1);
	r->txt[sizeof(r->txt) - 1] = '\0';
}

/* `check` asks the same one; it may be asked once more only while its answers count. -1: none. */
static int site_to_ask(struct daemon *d, const struct address *source,
		       const struct refusal *refusal)
{
	const struct follow_dnsbl *f = d->dnsbl;
	int site;

	if (!f || !f->resolver)
		return -1;
	site = refusal_site(d->wall, d->config, source, refusal);
	return site >= 0 && f->places.counts & (1U << site) && f->places.zone[site] ? site : -1;
}

static void tell(struct asked_one *one, const char *txt)
{
	struct listener *l = one->l;

	one->l = NULL;
	one->timer = sd_event_source_disable_unref(one->timer);
	if (l)
		answer(l, one->id, &one->source, &one->refusal, txt);
}

static int on_time(sd_event_source *source, uint64_t usec, void *context)
{
	(void)source;
	(void)usec;
	tell(context, NULL);
	return 0;
}

/* Comes once for each question, also when the resolver is closed. */
static void on_txt(void *context, const char *txt)
{
	struct asked_one *one = context, **at;
	struct asked_all *a = one->d->refusing ? one->d->refusing->asked : NULL;

	tell(one, txt);
	if (a) {
		for (at = &a->waiting; *at && *at != one; at = &(*at)->next)
			;
		if (*at)
			*at = one->next;
		a->count--;
		remember(a, one, txt);
	}
	free(one);
}

static bool ask_site(struct listener *l, const struct refuse_record *ask,
		     const struct refusal *refusal, int site)
{
	struct daemon *d = l->d;
	struct asked_all *a = d->refusing->asked;
	struct follow_dnsbl *f = d->dnsbl;
	struct asked_one *one;

	if (a->count >= WAITING_MAX ||
	    !dnsbl_site_quota(&f->health->site[site], false, clock_wall()))
		return false;
	one = calloc(1, sizeof(*one));
	if (!one)
		return false;
	*one = (struct asked_one){.next = a->waiting,
				  .d = d,
				  .l = l,
				  .id = ask->id,
				  .identity = f->health->site[site].identity,
				  .source = ask->ask.client,
				  .refusal = *refusal};
	if (sd_event_add_time_relative(d->loop, &one->timer, CLOCK_MONOTONIC, WAIT_US, 0, on_time,
				       one) < 0) {
		free(one);
		return false;
	}
	a->waiting = one;
	a->count++;
	dnsbl_ask_txt(f->resolver, &one->source, f->places.zone[site], on_txt, one);
	return true;
}

/* --- a question of the listener --------------------------------------------------------------- */

void asked(struct listener *l, const struct refuse_record *ask)
{
	const struct address *source = &ask->ask.client;
	struct daemon *d = l->d;
	const char *txt = NULL;
	struct refusal refusal;
	int site;

	if (!d->wall || wall_refusal(d->wall, &ask->ask, &refusal)) {
		answer(l, ask->id, source, NULL, NULL);
		return;
	}
	site = site_to_ask(d, source, &refusal);
	if (site >= 0)
		txt = remembered(d->refusing->asked, source, d->dnsbl->health->site[site].identity);
	if (site < 0 || txt || !ask_site(l, ask, &refusal, site))
		answer(l, ask->id, source, &refusal, txt);
}

void asked_forget(struct listener *l)
{
	struct refusing *r = l->d->refusing;

	for (struct asked_one *one = r && r->asked ? r->asked->waiting : NULL; one; one = one->next)
		if (one->l == l)
			one->l = NULL;
}

int asked_start(struct refusing *r)
{
	r->asked = calloc(1, sizeof(*r->asked));
	return r->asked ? 0 : -ENOMEM;
}

/* What is still under way comes back when the resolver is closed, and finds nobody. */
void asked_stop(struct refusing *r)
{
	for (struct asked_one *one = r->asked ? r->asked->waiting : NULL; one; one = one->next) {
		one->l = NULL;
		one->timer = sd_event_source_disable_unref(one->timer);
	}
	free(r->asked);
	r->asked = NULL;
}
