// SPDX-License-Identifier: GPL-2.0-only
/*
 * self_check_server.c - the checks that talk to this host's own mail server: does it answer on every
 * port in both families, and does the name it greets by agree with DNS
 *
 * It is talked to by an own address, so the way leads over the loopback and past the wall: what is
 * seen is the server alone.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "../output.h"
#include "self_check.h"

/* Above postscreen's greet_wait (6 s), and what a slow reverse lookup of ours takes. */
#define PATIENCE_MS 12000
#define SMTPS_PORT  465

/* --- talking ---------------------------------------------------------------------------------- */

/* How much an own address is like the one that clients come to; 0: not of this family. */
static int rank(const struct self_check *s, const struct net_own *own, bool v6)
{
	if (!own->settled || address_is_v4(&own->address) == v6)
		return 0;
	if (self_is_host(s, &own->address))
		return 3;
	return address_is_private(&own->address) ? 1 : 2;
}

static socklen_t to_socket(const struct address *a, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (address_is_v4(a)) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		v4->sin_addr.s_addr = htonl(address_v4(a));
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, a->byte, sizeof(v6->sin6_addr));
	return sizeof(*v6);
}

static void connect_to(struct self_talk *talk, const struct address *a)
{
	struct sockaddr_storage to;
	socklen_t size = to_socket(a, talk->port, &to);

	talk->address = *a;
	talk->err = smtp_open((struct sockaddr *)&to, size, PATIENCE_MS, &talk->smtp, NULL);
	if (talk->err)
		talk->smtp = NULL;
}

/* A server may listen on one of the own addresses only: the most likely first, until one answers. */
static void talk_to(struct self_check *s, uint16_t port, bool v6)
{
	struct self_talk talk = {.port = port, .v6 = v6, .wrapped = port == SMTPS_PORT};
	unsigned int tried = 0;

	for (int wanted = 3; wanted; wanted--)
		for (size_t i = 0; i < s->owns && tried < SELF_ADDRESSES; i++) {
			struct self_talk attempt = talk;

			if (rank(s, &s->own[i], v6) != wanted ||
			    (tried && talk.err != -ECONNREFUSED))
				continue;
			connect_to(&attempt, &s->own[i].address);
			/* When nobody answers, the first one is what is told of. */
			if (!tried++ || attempt.err != -ECONNREFUSED)
				talk = attempt;
		}
	if (tried && s->talks < SELF_TALKS)
		s->talk[s->talks++] = talk;
	else
		smtp_close(talk.smtp);
}

/* Connects to all first, so that their pauses before the greeting run side by side. */
static void talk_to_all(struct self_check *s)
{
	const struct config *c = s->config;

	for (unsigned int p = 0; p < c->ports; p++)
		for (int v6 = 0; v6 < 2; v6++)
			talk_to(s, c->port[p].number, v6);
	for (unsigned int i = 0; i < s->talks; i++) {
		struct self_talk *talk = &s->talk[i];

		if (talk->smtp && !talk->wrapped)
			talk->err = smtp_read(talk->smtp, &talk->greeting);
		/* A server that is left without a word would note an attack. */
		if (talk->smtp && !talk->wrapped && !talk->err)
			smtp_say(talk->smtp, "QUIT");
		smtp_close(talk->smtp);
		talk->smtp = NULL;
	}
}

/* --- server ----------------------------------------------------------------------------------- */

static bool is_greeted(const struct self_talk *talk)
{
	return !talk->err && (talk->wrapped || talk->greeting.code == 220);
}

/* Does anybody answer on this port in the other family, and by which name? */
static const struct self_talk *other_family(const struct self_check *s,
					    const struct self_talk *talk)
{
	for (unsigned int i = 0; i < s->talks; i++)
		if (s->talk[i].port == talk->port && s->talk[i].v6 != talk->v6 &&
		    is_greeted(&s->talk[i]))
			return &s->talk[i];
	return NULL;
}

/* Does the name of the server send clients to this family? Then they would find nobody. */
static bool is_announced(struct self_check *s, const struct self_talk *other, bool v6)
{
	char name[SMTP_NAME];
	struct host_reply host;

	if (other->wrapped || !smtp_reply_name(&other->greeting, name) || !self_name_valid(name))
		return false;
	self_host(s, name, &host);
	for (unsigned int i = 0; i < host.count; i++)
		if (address_is_v4(&host.address[i]) != v6 &&
		    (self_is_host(s, &host.address[i]) || self_is_own(s, &host.address[i])))
			return true;
	return false;
}

static void tell_refused(struct self_check *s, const struct self_talk *talk, const char *where)
{
	const struct self_talk *other = other_family(s, talk);
	const char *family = talk->v6 ? "IPv6" : "IPv4";

	if (!other)
		found(s, FINDING_BAD,
		      "nothing listens on %s, so nobody can deliver: is the mail server running, and is "
		      "this one of its ports?",
		      where);
	else if (is_announced(s, other, talk->v6))
		found(s, FINDING_BAD,
		      "nothing listens on %s, though the name of the mail server leads there: clients "
		      "that prefer %s find nobody; let it listen there (Postfix: inet_protocols, "
		      "inet_interfaces), or take that address out of DNS",
		      where, family);
	else
		found(s, FINDING_WARNING,
		      "nothing listens on %s: right if this mail server is not to be reached over %s, and "
		      "no name of it in DNS leads there",
		      where, family);
}

static void tell_talk(struct self_check *s, const struct self_talk *talk)
{
	char where[ADDRESS_TEXT + 32], address[ADDRESS_TEXT], words[200];

	snprintf(where, sizeof(where), "port %u of %s", talk->port,
		 address_text(&talk->address, address));
	smtp_words(&talk->greeting, words, sizeof(words));
	if (talk->err == -ECONNREFUSED)
		tell_refused(s, talk, where);
	else if (talk->err == -ETIMEDOUT)
		found(s, FINDING_BAD,
		      "%s takes connections, or drops them, and said nothing within %d s: does the mail "
		      "server hang, or does a local firewall stand in between?",
		      where, PATIENCE_MS / 1000);
	else if (talk->err == -EPROTO)
		found(s, FINDING_BAD,
		      "what answers on %s does not speak SMTP (%s): is this the mail server's port?",
		      where, words[0] ? words : "nothing that can be shown");
	else if (talk->err)
		found(s, FINDING_BAD, "%s cannot be talked to: %s; see the mail server's log",
		      where, strerror(-talk->err));
	else if (!is_greeted(talk))
		found(s, FINDING_BAD,
		      "%s refuses: %s; the mail server's log says why (too many connections, no space "
		      "left, not meant to take mail?)",
		      where, words);
	else
		found(s, FINDING_OK, "%s: %s", where,
		      talk->wrapped ? "takes connections (TLS from the first byte)" : words);
}

/* Somebody else's data proves our clients: the server is behind this host. */
static bool is_elsewhere(struct self_check *s)
{
	struct abuse abuse;
	uint16_t port[SETTINGS_PORTS];

	for (unsigned int p = 0; p < s->config->ports; p++)
		port[p] = s->config->port[p].number;
	return net_listens(port, s->config->ports) == 0 && s->wall &&
	       wall_abuse(s->wall, &abuse, NULL) == 0 && abuse.proved;
}

static void check_server(struct self_check *s)
{
	if (is_elsewhere(s)) {
		found(s, FINDING_UNKNOWN,
		      "the mail server is in another network namespace, or behind this host: run "
		      "`smtpwall self-check` where it is (of a container: nsenter --net)");
		return;
	}
	talk_to_all(s);
	if (!s->talks)
		found(s, FINDING_UNKNOWN,
		      "this host has no address to talk to its mail server by; is the network up?");
	for (unsigned int i = 0; i < s->talks; i++)
		tell_talk(s, &s->talk[i]);
}

/* --- banner ----------------------------------------------------------------------------------- */

/* Is the name one of those that DNS gives an address of ours? */
static bool is_pointed_to(const struct self_check *s, const char *name)
{
	for (unsigned int a = 0; a < s->hosts.count; a++)
		for (unsigned int n = 0; n < s->names[a].names.count; n++)
			if (!strcasecmp(s->names[a].names.name[n], name))
				return true;
	return false;
}

/* Other addresses of ours of that family, but none of them in the name's? */
static bool is_missing(const struct self_check *s, const struct host_reply *host, bool v6)
{
	bool has = false, leads = false;

	for (unsigned int i = 0; i < s->hosts.count; i++)
		has |= address_is_v4(&s->hosts.address[i]) != v6;
	for (unsigned int i = 0; i < host->count; i++)
		leads |= address_is_v4(&host->address[i]) != v6 &&
			 self_is_host(s, &host->address[i]);
	return has && !leads;
}

static void compare(struct self_check *s, const char *name, const struct host_reply *host)
{
	char address[ADDRESS_TEXT], other[128];
	bool ours = false, pointed = is_pointed_to(s, name), any = false;

	for (unsigned int i = 0; i < host->count; i++)
		ours |= self_is_host(s, &host->address[i]);
	if (!s->hosts.count) {
		found(s, FINDING_UNKNOWN,
		      "it greets as %s, which leads to %s: whether that is this host cannot be told "
		      "without its public address",
		      name, address_text(&host->address[0], address));
		return;
	}
	if (!ours) {
		found(s, FINDING_BAD,
		      "it greets as %s, which leads to %s and not to this host: give it the name that "
		      "the world knows it by (Postfix: myhostname), or name that address in "
		      "self-check { addresses } if it is a load balancer's or NAT's",
		      name, address_text(&host->address[0], address));
		return;
	}
	for (int v6 = 0; v6 < 2; v6++)
		if (is_missing(s, host, v6))
			found(s, FINDING_WARNING,
			      "it greets as %s, which has no %s address of this host: mail sent over %s "
			      "comes from a name that does not lead back; add it to DNS, or do not send "
			      "that way",
			      name, v6 ? "IPv6" : "IPv4", v6 ? "IPv6" : "IPv4");
	for (unsigned int a = 0; a < s->hosts.count && !any; a++)
		any = s->names[a].names.count;
	if (any && !pointed) {
		for (unsigned int a = 0; a < s->hosts.count; a++)
			if (s->names[a].names.count) {
				text_clean(s->names[a].names.name[0], other, sizeof(other));
				break;
			}
		found(s, FINDING_WARNING,
		      "it greets as %s, but the name of its address is %s: some mail servers compare; let "
		      "both be the same",
		      name, other);
	}
}

static void check_name(struct self_check *s, const char *name)
{
	unsigned int before = s->findings;
	struct host_reply host;

	if (!self_name_valid(name)) {
		found(s, FINDING_BAD,
		      "it greets as \"%s\", which is no full name of a host (RFC 5321, 4.1.1.1 and 4.3.1), "
		      "and says the same when it sends: give it one (Postfix: myhostname)",
		      name);
		return;
	}
	self_host(s, name, &host);
	if (host.count)
		compare(s, name, &host);
	else if (!host.known)
		found(s, FINDING_UNKNOWN,
		      "it greets as %s, but nobody could say whether that name exists: is the resolver "
		      "alive?",
		      name);
	else
		found(s, FINDING_BAD,
		      "it greets as %s, and that name does not exist in DNS: many mail servers refuse a "
		      "client that calls itself so; add it to DNS, or give the mail server its right name "
		      "(Postfix: myhostname)",
		      name);
	if (host.count && s->findings == before)
		found(s, FINDING_OK, "it greets as %s, and DNS agrees", name);
}

static void check_banner(struct self_check *s)
{
	char name[SMTP_NAME], shown[SMTP_NAME], first[SMTP_NAME] = "", words[120];
	bool any = false;

	for (unsigned int i = 0; i < s->talks; i++) {
		const struct self_talk *talk = &s->talk[i];

		if (talk->wrapped || talk->err || talk->greeting.code != 220)
			continue;
		any = true;
		if (!smtp_reply_name(&talk->greeting, name)) {
			found(s, FINDING_BAD,
			      "on port %u (%s) it greets with \"%s\": the first word behind 220 must be "
			      "the full name of the host (RFC 5321, 4.1.1.1 and 4.3.1), which it also "
			      "says when it sends; give it one (Postfix: myhostname)",
			      talk->port, talk->v6 ? "IPv6" : "IPv4",
			      smtp_words(&talk->greeting, words, sizeof(words)));
			continue;
		}
		text_clean(name, shown, sizeof(shown));
		if (!first[0]) {
			memcpy(first, shown, sizeof(first));
			check_name(s, shown);
		} else if (strcasecmp(first, shown) != 0) {
			found(s, FINDING_WARNING,
			      "on port %u (%s) it greets as %s and elsewhere as %s: two servers?",
			      talk->port, talk->v6 ? "IPv6" : "IPv4", shown, first);
		}
	}
	if (!any)
		found(s, FINDING_UNKNOWN,
		      "no greeting was seen, so nothing can be said about its name");
}

const struct self_row self_server_rows[] = {
	{"server", true, check_server},
	{"banner", true, check_banner},
	{NULL, false, NULL},
};
