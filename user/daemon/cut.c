// SPDX-License-Identifier: GPL-2.0-only
/*
 * cut.c - ends the sessions that a listing came too late for
 *
 * The kernel programs drop what such a session sends from now on, and a process of the mail server would
 * wait for it until its timeout. Sessions are looked up all at once, a moment later, for all sources
 * that were found listed meanwhile.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "../net/net.h"
#include "../output.h"
#include "dnsbl.h"

#define CUTS	1024
#define SOON_US 50000ULL

struct cut {
	struct address source;
	uint64_t begun;
};

struct cuts {
	struct cut cut[CUTS];
	size_t count;
	sd_event_source *timer;
	bool lacking; /* the kernel cannot do it */
};

static int by_source(const void *a, const void *b)
{
	return memcmp(&((const struct cut *)a)->source, &((const struct cut *)b)->source,
		      sizeof(struct address));
}

/* Is it really this row that drops the source, and in this mode? An allow wins over everything. */
static bool is_dropped(struct daemon *d, const struct address *source)
{
	struct answer answer;

	return dnsbl_check(d, source, &answer) == 0 && answer.verdict == VERDICT_DROP &&
	       answer.reason == REASON_DNSBL;
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

static int look(void *context, const struct session *session)
{
	struct daemon *d = context;
	struct cuts *c = d->dnsbl->cuts;
	struct cut key = {.source = session->source};
	const struct cut *cut = bsearch(&key, c->cut, c->count, sizeof(*cut), by_source);

	if (!cut || session->began < cut->begun || !is_mail(d, session) ||
	    !is_dropped(d, &session->source))
		return 0;
	if (net_cut(session) == 0)
		d->dnsbl->health->cut++;
	return 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *context)
{
	struct daemon *d = context;
	struct cuts *c = d->dnsbl->cuts;
	struct error why;
	int err;

	(void)source;
	(void)usec;
	if (!d->wall || !c->count)
		return 0;
	qsort(c->cut, c->count, sizeof(*c->cut), by_source);
	err = wall_each_session(place.pins, look, d, &why);
	if (err)
		log_line(LOG_WARNING, "cut text=\"%s\"", why.text);
	c->count = 0;
	return 0;
}

void cut_sessions(struct daemon *d, const struct address *source, uint64_t begun)
{
	struct cuts *c = d->dnsbl->cuts;

	if (c->lacking) {
		fault_set(d, "cutting sessions",
			  "this kernel cannot (no CONFIG_INET_DIAG_DESTROY): what a listed client "
			  "sends is dropped, and its process of the mail server waits for its "
			  "timeout");
		return;
	}
	/* The kernel drops what is left of those for which there is no room. */
	if (c->count == CUTS)
		on_time(NULL, 0, d);
	c->cut[c->count++] = (struct cut){.source = *source, .begun = begun};
	if (c->count > 1)
		return;
	sd_event_source_set_time_relative(c->timer, SOON_US);
	sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

int cuts_start(struct daemon *d, struct error *why)
{
	struct cuts *c = calloc(1, sizeof(*c));

	d->dnsbl->cuts = c;
	if (!c || sd_event_add_time_relative(d->loop, &c->timer, CLOCK_MONOTONIC, SOON_US, 1000,
					     on_time, d) < 0)
		return error_set(why, -ENOMEM, "cannot make a timer");
	sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
	c->lacking = !net_can_cut();
	return 0;
}

void cuts_stop(struct daemon *d)
{
	if (!d->dnsbl->cuts)
		return;
	sd_event_source_disable_unref(d->dnsbl->cuts->timer);
	free(d->dnsbl->cuts);
	d->dnsbl->cuts = NULL;
}
