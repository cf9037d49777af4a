// SPDX-License-Identifier: GPL-2.0-only
/*
 * relay.c - the alarm: this host itself is an open relay
 *
 * A client that did not log in, from outside, had a message taken for a domain that is not ours, and the log
 * shows it leaving for that domain unchanged: to somebody outside, without an alias or forward. Not when
 * one of the domain's MX is this host (a backup MX), and not when nobody could say who they are.
 *
 * It sees no message whose log lines it does not have, and none that a filter handed back to the mail
 * server: that one came from this host.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "../net/net.h"
#include "../output.h"
#include "logs.h"
#include "mail.h"

#define WHAT	  "open relay"
#define DAY_NS	  (86400 * SECOND_NS)
#define QUEUES	  5  /* that the fault names */
#define UNDER_WAY 32 /* domains asked about at a time; the next message asks again */
#define ALERTS	  10 /* lines a minute */
#define CLEAN	  80

struct follow_relay {
	struct mail *mail;
	struct dnsbl_resolver *resolver;
	struct guard_entry *guard; /* own addresses */
	size_t guards;
	unsigned int under_way, alerts;
	/* What was found. */
	uint64_t last; /* boot clock, ns; 0: nothing */
	char queue[QUEUES][CLEAN];
	unsigned int next;
	char source[ADDRESS_TEXT], domain[MAIL_DOMAIN];
	bool changed; /* since the fault was set */
};

/* A message whose domain's MX are being asked for. */
struct suspect {
	struct daemon *d;
	struct address source;
	uint64_t when;
	char queue[LOG_QUEUE], domain[MAIL_DOMAIN];
};

/* --- who is who ------------------------------------------------------------------------------- */

static bool is_own(struct daemon *d, const struct address *a)
{
	const struct prefix single = {.address = *a, .length = ADDRESS_BITS};
	const struct follow_relay *f = d->logs->relay;

	if (address_is_private(a))
		return true;
	for (unsigned int i = 0; i < d->config->own_networks; i++)
		if (prefix_contains(&d->config->own_network[i], &single))
			return true;
	for (size_t i = 0; i < f->guards; i++)
		if (!strcmp(f->guard[i].why, "own address") &&
		    prefix_contains(&f->guard[i].prefix, &single))
			return true;
	return false;
}

/* Allowed, or logged in by another connection: whoever may relay here is not told from the others by the
 * wall. */
static bool is_trusted(struct daemon *d, const struct mail_client *client)
{
	struct proven proven;
	struct answer answer;

	if (wall_proven(d->wall, &client->source, &proven) == 0 &&
	    proven.login_until >= client->when)
		return true;
	return wall_check(place.pins, &client->source, (uint16_t)wall_settings(d->wall)->port[0],
			  &answer, NULL) == 0 &&
	       answer.reason == REASON_ALLOW_LIST;
}

/* --- the alarm -------------------------------------------------------------------------------- */

static void set_fault(struct daemon *d)
{
	struct follow_relay *f = d->logs->relay;
	char queues[QUEUES * CLEAN + 1] = "";
	size_t used = 0;

	for (unsigned int i = 0; i < QUEUES && used < sizeof(queues); i++)
		if (f->queue[i][0])
			used += (size_t)snprintf(queues + used, sizeof(queues) - used, "%s%s",
						 used ? " " : "", f->queue[i]);
	f->changed = false;
	fault_set(d, WHAT,
		  "THIS HOST IS AN OPEN RELAY: mail of strangers is sent on, last from %s to %.60s "
		  "(queue %.80s): close it in the mail server; or, if it may (an MX behind NAT, a "
		  "certificate), name the address in abuse { networks }",
		  f->source, f->domain, queues);
}

static void alarm_raise(const struct suspect *s)
{
	struct follow_relay *f = s->d->logs->relay;
	char queue[CLEAN];

	text_clean(s->queue, queue, sizeof(queue));
	for (unsigned int i = 0; i < QUEUES; i++)
		if (!strcmp(f->queue[i], queue))
			return;
	snprintf(f->queue[f->next], sizeof(f->queue[0]), "%s", queue);
	f->next = (f->next + 1) % QUEUES;
	address_text(&s->source, f->source);
	snprintf(f->domain, sizeof(f->domain), "%s", s->domain);
	if (f->alerts++ < ALERTS)
		log_line(LOG_ALERT, "open-relay source=%s queue=\"%s\" recipient-domain=%s",
			 f->source, queue, f->domain);
	f->changed = true;
	if (!f->last)
		set_fault(s->d);
	if (s->when > f->last)
		f->last = s->when;
}

static void on_mx(void *context, const struct mx_reply *reply)
{
	struct suspect *s = context;
	bool ours = !reply->known;

	s->d->logs->relay->under_way--;
	for (unsigned int i = 0; i < reply->count && !ours; i++)
		ours = is_own(s->d, &reply->address[i]);
	if (!ours && s->d->wall)
		alarm_raise(s);
	free(s);
}

/* --- a message leaves ------------------------------------------------------------------------- */

static bool resolver_ready(struct daemon *d)
{
	struct follow_relay *f = d->logs->relay;
	const struct config *c = d->config;

	if (f->resolver && !f->under_way && dnsbl_resolver_stale(f->resolver)) {
		dnsbl_resolver_close(f->resolver);
		f->resolver = NULL;
	}
	if (!f->resolver &&
	    dnsbl_resolver_open(d->loop, c->dnsbl_resolver, c->dnsbl_resolvers,
				(unsigned int)c->dnsbl_timeout * 1000, &f->resolver, NULL))
		f->resolver = NULL;
	return f->resolver != NULL;
}

static void sent(struct daemon *d, const struct log_event *e)
{
	struct follow_relay *f = d->logs->relay;
	const struct mail_client *client = mail_find(f->mail, e->queue);
	struct suspect *s;

	if (!client || client->authenticated || e->changed || !e->relay_known ||
	    is_own(d, &client->source) || is_own(d, &e->relay) ||
	    logged_when(e) + DAY_NS < clock_boot() || is_trusted(d, client) ||
	    f->under_way >= UNDER_WAY || !resolver_ready(d))
		return;
	s = calloc(1, sizeof(*s));
	if (!s)
		return;
	s->d = d;
	s->source = client->source;
	s->when = logged_when(e);
	memcpy(s->queue, client->queue, sizeof(s->queue));
	if (!mail_domain(e->recipient, s->domain)) {
		free(s);
		return;
	}
	f->under_way++;
	dnsbl_ask_mx(f->resolver, s->domain, on_mx, s);
}

void relay_event(struct daemon *d, const struct log_event *e)
{
	struct mail_client client = {
		.source = e->source, .authenticated = e->account[0], .when = logged_when(e)};

	if (e->what == LOGGED_SENT) {
		sent(d, e);
		return;
	}
	memcpy(client.queue, e->queue, sizeof(client.queue));
	client.queue[sizeof(client.queue) - 1] = '\0';
	mail_put(d->logs->relay->mail, &client);
}

/* --- start, end, every minute ----------------------------------------------------------------- */

static void guard_renew(struct daemon *d)
{
	struct follow_relay *f = d->logs->relay;
	struct guard_entry *entry;
	size_t count;

	/* Rather what was, than nothing. */
	if (guard_entries(NULL, &entry, &count, NULL))
		return;
	free(f->guard);
	f->guard = entry;
	f->guards = count;
}

void relay_tick(struct daemon *d)
{
	struct follow_relay *f = d->logs->relay;

	f->alerts = 0;
	guard_renew(d);
	if (f->last && f->last + DAY_NS < clock_boot()) {
		memset(f->queue, 0, sizeof(f->queue));
		f->last = 0;
		fault_clear(d, WHAT);
	} else if (f->last && f->changed) {
		set_fault(d);
	}
}

void relay_wall(struct daemon *d)
{
	/* Another wall has no faults yet. */
	if (d->wall && d->logs->relay->last)
		set_fault(d);
}

void relay_reload(struct daemon *d)
{
	struct follow_relay *f = d->logs->relay;

	dnsbl_resolver_close(f->resolver);
	f->resolver = NULL;
}

int relay_start(struct daemon *d, struct error *why)
{
	struct follow_relay *f = calloc(1, sizeof(*f));

	d->logs->relay = f;
	if (f)
		f->mail = mail_new();
	if (!f || !f->mail)
		return error_set(why, -ENOMEM, "out of memory");
	guard_renew(d);
	return 0;
}

void relay_stop(struct daemon *d)
{
	struct follow_relay *f = d->logs->relay;

	if (!f)
		return;
	dnsbl_resolver_close(f->resolver);
	mail_free(f->mail);
	free(f->guard);
	free(f);
	d->logs->relay = NULL;
}
