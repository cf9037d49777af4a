// SPDX-License-Identifier: GPL-2.0-only
/*
 * self_check_dns.c - the checks that ask DNS about this host's addresses: which they are, is one of them
 * listed, have they names that lead back
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../clock.h"
#include "../output.h"
#include "self_check.h"

/* --- addresses -------------------------------------------------------------------------------- */

static void join_addresses(const struct self_check *s, char *text, size_t size)
{
	char one[ADDRESS_TEXT];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < s->hosts.count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "",
					 address_text(&s->hosts.address[i], one));
}

static void check_addresses(struct self_check *s)
{
	char text[512], one[ADDRESS_TEXT];
	const char *origin = s->given		   ? "as given"
			     : s->hosts.configured ? "as configured"
						   : "of the interfaces";

	if (!s->hosts.count) {
		found(s, FINDING_UNKNOWN,
		      s->hosts.hidden
			      ? "this host has private addresses only, so it is behind NAT: name the "
				"public one, as in `smtpwall self-check 192.0.2.25`, or in "
				"self-check { addresses } of %s for the daemon as well"
			      : "this host has no address on any interface, so nothing can be said "
				"about one; name the public one in self-check { addresses } of %s",
		      place.config);
		return;
	}
	join_addresses(s, text, sizeof(text));
	found(s, FINDING_OK, "%s (%s)", text, origin);
	if (s->hosts.left_out)
		found(s, FINDING_WARNING,
		      "%u more addresses are not looked at: name those that mail is sent from, in "
		      "self-check { addresses } of %s",
		      s->hosts.left_out, place.config);
	for (unsigned int i = 0; i < s->hosts.count; i++)
		if (!self_is_own(s, &s->hosts.address[i]))
			found(s, FINDING_OK,
			      "%s is on no interface here, so somebody else translates it (NAT)",
			      address_text(&s->hosts.address[i], one));
}

/* --- listed ----------------------------------------------------------------------------------- */

struct inquiry {
	unsigned int pending;
	struct dnsbl_reply reply[SELF_ADDRESSES][DNSBL_SITES];
	struct dnsbl_reply probe[DNSBL_SITES][DNSBL_PROBES];
	struct dnsbl_site site[DNSBL_SITES];
	const char *aside[DNSBL_SITES]; /* why its answers do not count; NULL: they do */
};

struct inquiry_question {
	struct inquiry *inquiry;
	struct dnsbl_reply *reply;
};

static void on_reply(void *context, const struct dnsbl_reply *reply)
{
	struct inquiry_question *q = context;

	*q->reply = *reply;
	q->inquiry->pending--;
	free(q);
}

static struct inquiry_question *question(struct inquiry *inquiry, struct dnsbl_reply *reply)
{
	struct inquiry_question *q = malloc(sizeof(*q));

	if (!q)
		return NULL;
	*q = (struct inquiry_question){.inquiry = inquiry, .reply = reply};
	inquiry->pending++;
	return q;
}

/* All addresses, and the test entries: a site that lists the world lists us as well. */
static void inquire(struct self_check *s, struct inquiry *inquiry)
{
	const struct dnsbl_sites *sites = s->config->dnsbl_sites;
	struct inquiry_question *q;

	for (unsigned int z = 0; z < sites->zones; z++) {
		const struct dnsbl_zone *zone = &sites->zone[z];

		for (unsigned int p = 0; p < DNSBL_PROBES; p++)
			if ((zone->test == DNSBL_TEST_ON || p == DNSBL_PROBE_UNLISTED) &&
			    (q = question(inquiry, &inquiry->probe[z][p])))
				dnsbl_ask_probe(s->resolver, (enum dnsbl_probe)p, zone->zone,
						on_reply, q);
		for (unsigned int a = 0; a < s->hosts.count; a++)
			if ((q = question(inquiry, &inquiry->reply[a][z])))
				dnsbl_ask(s->resolver, &s->hosts.address[a], zone->zone, on_reply,
					  q);
	}
	self_wait(s, &inquiry->pending);
	/* Ends what is under way before the inquiry is gone. */
	dnsbl_resolver_close(s->resolver);
	s->resolver = NULL;
}

/* What the daemon knows beside the test entries, if there is a wall: paused by hand, or tripped. */
static const char *set_aside(struct self_check *s, const struct dnsbl_zone *zone)
{
	const struct dnsbl_site *site =
		s->wall ? dnsbl_site_of(wall_dnsbl_health(s->wall), dnsbl_zone_identity(zone))
			: NULL;

	if (site && site->state == DNSBL_PAUSED)
		return "it is paused by hand (smtpwall dnsbl)";
	if (site && site->state == DNSBL_TRIPPED)
		return "it lists nearly everybody at the moment (smtpwall dnsbl)";
	return NULL;
}

/* By the same rules as the daemon. */
static void judge_sites(struct self_check *s, struct inquiry *inquiry)
{
	const struct dnsbl_sites *sites = s->config->dnsbl_sites;

	for (unsigned int z = 0; z < sites->zones; z++) {
		struct dnsbl_site *site = &inquiry->site[z];
		const struct dnsbl_zone *zone = &sites->zone[z];

		for (unsigned int p = 0; p < DNSBL_PROBES; p++)
			if (inquiry->probe[z][p].outcome == DNSBL_UNASKED)
				inquiry->probe[z][p].outcome = DNSBL_TIMEOUT;
		site->identity = 1;
		site->state = DNSBL_UNTESTED;
		dnsbl_site_tested(site, zone->test, inquiry->probe[z], clock_boot());
		inquiry->aside[z] = set_aside(s, zone);
		if (!inquiry->aside[z] && !dnsbl_site_counts(site))
			inquiry->aside[z] = site->reason[0] ? site->reason : "it cannot be asked";
	}
}

static void add_site(char *text, size_t size, const char *name, const struct dnsbl_answer *answer)
{
	char records[DNSBL_RECORDS * 16 + 1];
	size_t used = strlen(text);

	if (used < size)
		snprintf(text + used, size - used, "%s%s (%s)", used ? ", " : "", name,
			 self_records(answer, records, sizeof(records)));
}

static void check_address(struct self_check *s, struct inquiry *inquiry, unsigned int a)
{
	const struct dnsbl_sites *sites = s->config->dnsbl_sites;
	char listed[400] = "", unweighed[400] = "", silent[300] = "", address[ADDRESS_TEXT];
	unsigned int answered = 0, v4_only = 0;
	struct dnsbl_answer answer;

	for (unsigned int z = 0; z < sites->zones; z++) {
		const struct dnsbl_zone *zone = &sites->zone[z];
		size_t used = strlen(silent);

		if (inquiry->aside[z])
			continue;
		if (inquiry->site[z].no_v6 && !address_is_v4(&s->hosts.address[a])) {
			v4_only++;
			continue;
		}
		switch (self_listing(zone, &inquiry->reply[a][z], &answer)) {
		case SELF_LISTED:
			add_site(listed, sizeof(listed), zone->name, &answer);
			break;
		case SELF_UNWEIGHED:
			add_site(unweighed, sizeof(unweighed), zone->name, &answer);
			break;
		case SELF_SILENT:
			snprintf(silent + used, sizeof(silent) - used, "%s%s", used ? ", " : "",
				 zone->name);
			continue;
		case SELF_CLEAR:
			break;
		}
		answered++;
	}
	address_text(&s->hosts.address[a], address);
	if (listed[0])
		found(s, FINDING_BAD,
		      "%s is listed in %s: others refuse mail from it; find out what it sent (the mail "
		      "server's log and queue; smtpwall relay-test from outside), stop that, and ask each "
		      "site to take it off",
		      address, listed);
	if (unweighed[0])
		found(s, FINDING_WARNING,
		      "%s is in %s: that answer has no weight in your sites, but other mail servers "
		      "may give it one; look it up at the site",
		      address, unweighed);
	if (silent[0])
		found(s, answered ? FINDING_WARNING : FINDING_UNKNOWN,
		      "%s did not answer about %s, so it may be listed there; try again, and look at "
		      "`smtpwall dnsbl`",
		      silent, address);
	else if (!answered && v4_only)
		found(s, FINDING_OK, "%s cannot be in a DNSBL of yours: they know IPv4 only",
		      address);
	else if (!answered)
		found(s, FINDING_UNKNOWN,
		      "no DNSBL can be asked about %s at the moment, so nobody knows whether it is "
		      "listed",
		      address);
	if (answered && !listed[0] && !unweighed[0])
		found(s, FINDING_OK, "%s is in none of %u DNSBL%s", address, answered,
		      answered == 1 ? "" : "s");
}

static void check_listed(struct self_check *s)
{
	const struct dnsbl_sites *sites = s->config->dnsbl_sites;
	struct inquiry *inquiry;

	if (!s->hosts.count)
		return; /* said above */
	if (!sites) {
		found(s, FINDING_WARNING,
		      "no DNSBL is configured in %s, so nobody was asked whether this host is listed; "
		      "name some in the section dnsbl",
		      place.config);
		return;
	}
	inquiry = s->resolver ? calloc(1, sizeof(*inquiry)) : NULL;
	if (!inquiry) {
		found(s, FINDING_UNKNOWN, "no DNSBL was asked: %s",
		      s->resolver ? "out of memory" : s->resolver_why.text);
		return;
	}
	inquire(s, inquiry);
	judge_sites(s, inquiry);
	for (unsigned int a = 0; a < s->hosts.count; a++)
		check_address(s, inquiry, a);
	for (unsigned int z = 0; z < sites->zones; z++)
		if (inquiry->aside[z])
			found(s, FINDING_WARNING, "what %s says does not count: %s",
			      sites->zone[z].name, inquiry->aside[z]);
	free(inquiry);
}

/* --- reverse DNS ------------------------------------------------------------------------------ */

struct naming {
	struct self_check *s;
	unsigned int pending;
};

struct naming_question {
	struct naming *naming;
	unsigned int address;
};

static void on_names(void *context, const struct names_reply *reply)
{
	struct naming_question *q = context;

	q->naming->s->names[q->address].names = *reply;
	q->naming->pending--;
	free(q);
}

/* The names of all addresses at once; they are few. */
static void ask_names(struct self_check *s)
{
	struct naming naming = {.s = s};

	for (unsigned int a = 0; a < s->hosts.count; a++) {
		struct naming_question *q = malloc(sizeof(*q));

		if (!q)
			continue;
		*q = (struct naming_question){.naming = &naming, .address = a};
		naming.pending++;
		dnsbl_ask_names(s->resolver, &s->hosts.address[a], on_names, q);
	}
	self_wait(s, &naming.pending);
	if (naming.pending) {
		dnsbl_resolver_close(s->resolver);
		s->resolver = NULL;
	}
}

/* Is it among the addresses of the name? */
static bool leads_to(const struct host_reply *host, const struct address *address)
{
	for (unsigned int i = 0; i < host->count; i++)
		if (!memcmp(&host->address[i], address, sizeof(*address)))
			return true;
	return false;
}

static void check_name(struct self_check *s, unsigned int a, unsigned int n, const char *address)
{
	struct self_names *names = &s->names[a];
	struct host_reply host;
	char name[128];

	text_clean(names->names.name[n], name, sizeof(name));
	if (!self_name_valid(names->names.name[n])) {
		found(s, FINDING_BAD,
		      "the name of %s is \"%s\", which is no name of a host; have whoever runs its "
		      "reverse zone (your provider) set the mail server's name",
		      address, name);
		return;
	}
	self_host(s, names->names.name[n], &host);
	names->confirmed[n] = leads_to(&host, &s->hosts.address[a]);
	if (!names->confirmed[n] && !host.known)
		found(s, FINDING_UNKNOWN,
		      "%s is %s, but nobody could say which addresses %s has: is the resolver alive?",
		      address, name, name);
	else if (!names->confirmed[n])
		found(s, FINDING_BAD,
		      "%s is %s, but %s %s: many mail servers refuse such a client; let the name lead to "
		      "the address, or have the name of the address (PTR) changed",
		      address, name, name,
		      host.count ? "leads elsewhere" : "does not exist in DNS");
	else if (self_name_generic(names->names.name[n], &s->hosts.address[a]))
		found(s, FINDING_WARNING,
		      "%s is %s, a name that its provider made of the address: some mail servers take that "
		      "for a dial-up line; have it changed to the mail server's name",
		      address, name);
	else
		found(s, FINDING_OK, "%s is %s, and %s is %s", address, name, name, address);
}

static void check_reverse(struct self_check *s)
{
	char address[ADDRESS_TEXT];

	if (!s->hosts.count)
		return;
	if (s->resolver)
		ask_names(s);
	for (unsigned int a = 0; a < s->hosts.count; a++) {
		const struct names_reply *names = &s->names[a].names;

		address_text(&s->hosts.address[a], address);
		if (!names->known)
			found(s, FINDING_UNKNOWN, "nobody could say what name %s has: %s", address,
			      s->resolver		? "is the resolver alive?"
			      : s->resolver_why.text[0] ? s->resolver_why.text
							: "its resolver does not answer");
		else if (!names->count)
			found(s, FINDING_BAD,
			      "%s has no name (PTR record): many mail servers refuse mail from such a "
			      "client; have whoever runs its reverse zone (your provider) set the mail "
			      "server's name, or do not send from this address",
			      address);
		for (unsigned int n = 0; n < names->count; n++)
			check_name(s, a, n, address);
	}
}

const struct self_row self_dns_rows[] = {
	{"addresses", true, check_addresses},
	{"listed", true, check_listed},
	{"reverse-dns", true, check_reverse},
	{NULL, false, NULL},
};
