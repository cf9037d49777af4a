// SPDX-License-Identifier: GPL-2.0-only
/*
 * verdict.c - the replies about a source become its entry in the map `dnsbl`
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>
#include "../clock.h"
#include "../output.h"
#include "lookup.h"

/* "zen=127.0.0.2,127.0.0.4;dnswl=127.0.5.1": what was found, for the log. */
static void findings(const struct follow_dnsbl *f, const struct dnsbl *facts, char *text,
		     size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < DNSBL_SITES && used < size; i++) {
		const struct dnsbl_answer *a = &facts->answer[i];

		if (!(facts->sites >> i & 1))
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s=", used ? ";" : "",
					 f->health->site[i].name);
		for (unsigned int n = 0; n < a->records && used < size; n++)
			used += (size_t)snprintf(text + used, size - used, "%s%u.%u.%u.%u",
						 n ? "," : "", a->record[n][0], a->record[n][1],
						 a->record[n][2], a->record[n][3]);
	}
}

static void tell_listed(struct daemon *d, const struct lookup *lookup, const struct dnsbl *facts)
{
	char address[ADDRESS_TEXT], when[CLOCK_TEXT], text[512];

	d->dnsbl->health->found++;
	findings(d->dnsbl, facts, text, sizeof(text));
	log_line(LOG_INFO, "listed source=%s score=%d sites=\"%s\" until=%s",
		 address_text(&lookup->source, address), facts->score, text,
		 clock_text(clock_wall_of(facts->until), when));
}

static void apply_replies(struct daemon *d, const struct lookup *lookup, struct dnsbl *facts,
			  uint64_t now)
{
	static const struct dnsbl_reply silent = {.outcome = DNSBL_TIMEOUT};

	for (unsigned int i = 0; i < DNSBL_SITES; i++) {
		uint16_t jitter = 0;

		if (!(lookup->asked >> i & 1))
			continue;
		getrandom(&jitter, sizeof(jitter), GRND_NONBLOCK);
		dnsbl_answer_take(&facts->answer[i],
				  lookup->replied >> i & 1 ? &lookup->reply[i] : &silent, now,
				  (uint32_t)d->config->dnsbl_grace, jitter);
	}
}

static bool put(struct daemon *d, const struct address *source, const struct dnsbl *facts)
{
	int err = wall_put_dnsbl(d->wall, source, facts);

	if (err)
		fault_set(d, "storing answers of dnsbl", "an answer could not be stored: %s",
			  err == -E2BIG ? "the table is full" : strerror(-err));
	/* Room is made within a second, if there is any to make. */
	if (err == -E2BIG)
		d->dnsbl->health->entries = DNSBL_MAX;
	return !err;
}

void verdict_put(struct daemon *d, const struct lookup *lookup)
{
	struct follow_dnsbl *f = d->dnsbl;
	int64_t threshold = (int64_t)wall_settings(d->wall)->dnsbl_threshold;
	uint64_t now = clock_boot();
	struct dnsbl facts;
	bool was_listed, is_new;

	if (wall_get_dnsbl(d->wall, &lookup->source, &facts))
		memset(&facts, 0, sizeof(facts));
	else if (!lookup->asked && facts.until > now)
		return; /* no site was due, or none is of use at the moment */
	was_listed = facts.until > now && facts.score >= threshold;
	/* A verdict that ran out spares nobody, and one that begins anew has a new beginning. */
	if (facts.until <= now)
		facts.score = 0;
	apply_replies(d, lookup, &facts, now);
	facts.proven |= lookup->proven;
	is_new = !facts.since;
	dnsbl_facts_judge(&facts, &f->places, now, lookup->begun);
	f->health->lookups += lookup->asked != 0;
	/* Nobody is dropped for want of room: a source without an answer passes. */
	if (is_new && facts.score < threshold && !room_for_clean(f))
		return;
	if (!put(d, &lookup->source, &facts))
		return;
	/* The next walk counts anew; until then this stops deferring in time for want of room. */
	f->health->entries += is_new;
	f->health->unproven += is_new && !facts.proven;
	if (!threshold || was_listed || facts.score < threshold)
		return;
	f->health->listed++;
	tell_listed(d, lookup, &facts);
	if (lookup->proven)
		cut_sessions(d, &lookup->source, facts.begun);
}
