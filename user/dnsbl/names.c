// SPDX-License-Identifier: GPL-2.0-only
/*
 * names.c - the names of an address, and the addresses of a name, as the world sees them
 *
 * By questions of our own rather than c-ares's getaddrinfo, which looks into /etc/hosts first: what
 * stands there about this host is exactly what nobody else knows.
 */
#include "servers.h"
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "dnsbl.h"

/* There is none, as opposed to: nobody could say. */
static bool is_no(int status)
{
	return status == ARES_ENOTFOUND || status == ARES_ENODATA;
}

/* --- names of an address ---------------------------------------------------------------------- */

struct name_query {
	void (*done)(void *context, const struct names_reply *reply);
	void *context;
};

static void add_name(struct names_reply *reply, const char *name)
{
	size_t length = name ? strlen(name) : 0;

	if (length && name[length - 1] == '.')
		length--;
	if (!length || length >= DNS_NAME || reply->count == NAMES_MAX)
		return;
	for (unsigned int i = 0; i < reply->count; i++)
		if (strlen(reply->name[i]) == length && !strncasecmp(reply->name[i], name, length))
			return;
	memcpy(reply->name[reply->count], name, length);
	reply->name[reply->count++][length] = '\0';
}

static void on_names(void *context, int status, int timeouts, unsigned char *message, int size)
{
	struct names_reply *reply = calloc(1, sizeof(*reply));
	struct name_query *q = context;
	struct hostent *host = NULL;

	(void)timeouts;
	if (!reply) {
		const struct names_reply none = {.known = false};

		q->done(q->context, &none);
		free(q);
		return;
	}
	if (status == ARES_SUCCESS)
		status = ares_parse_ptr_reply(message, size, NULL, 0, AF_INET, &host);
	reply->known = status == ARES_SUCCESS || is_no(status);
	if (status == ARES_SUCCESS && host) {
		add_name(reply, host->h_name);
		for (char **alias = host->h_aliases; alias && *alias; alias++)
			add_name(reply, *alias);
		ares_free_hostent(host);
	}
	q->done(q->context, reply);
	free(reply);
	free(q);
}

void dnsbl_ask_names(struct dnsbl_resolver *resolver, const struct address *address,
		     void (*done)(void *context, const struct names_reply *reply), void *context)
{
	struct name_query *q = calloc(1, sizeof(*q));
	char question[DNSBL_QUESTION];

	if (!q) {
		const struct names_reply none = {.known = false};

		done(context, &none);
		return;
	}
	*q = (struct name_query){.done = done, .context = context};
	dnsbl_question(address, address_is_v4(address) ? "in-addr.arpa" : "ip6.arpa", question);
	ares_query(resolver_channel(resolver), question, ns_c_in, ns_t_ptr, on_names, q);
}

/* --- addresses of a name ---------------------------------------------------------------------- */

struct host_query {
	void (*done)(void *context, const struct host_reply *reply);
	void *context;
	unsigned int pending;
	struct host_reply reply;
};

static void release(struct host_query *q)
{
	if (--q->pending)
		return;
	q->done(q->context, &q->reply);
	free(q);
}

static void add_address(struct host_reply *reply, int family, const void *bytes)
{
	struct address a = {0};

	if (reply->count == HOST_ADDRESSES)
		return;
	if (family == AF_INET) {
		uint32_t v4;

		memcpy(&v4, bytes, sizeof(v4));
		address_from_v4(&a, v4);
	} else {
		memcpy(a.byte, bytes, sizeof(a.byte));
		address_fold(&a);
	}
	reply->address[reply->count++] = a;
}

static void on_host(struct host_query *q, int status, int family, struct hostent *host)
{
	if (status == ARES_SUCCESS && host) {
		for (char **a = host->h_addr_list; a && *a; a++)
			add_address(&q->reply, family, *a);
	} else if (!is_no(status)) {
		q->reply.known = false;
	}
	if (host)
		ares_free_hostent(host);
	release(q);
}

static void on_a(void *context, int status, int timeouts, unsigned char *message, int size)
{
	struct hostent *host = NULL;

	(void)timeouts;
	if (status == ARES_SUCCESS)
		status = ares_parse_a_reply(message, size, &host, NULL, NULL);
	on_host(context, status, AF_INET, host);
}

static void on_aaaa(void *context, int status, int timeouts, unsigned char *message, int size)
{
	struct hostent *host = NULL;

	(void)timeouts;
	if (status == ARES_SUCCESS)
		status = ares_parse_aaaa_reply(message, size, &host, NULL, NULL);
	on_host(context, status, AF_INET6, host);
}

void dnsbl_ask_host(struct dnsbl_resolver *resolver, const char *name,
		    void (*done)(void *context, const struct host_reply *reply), void *context)
{
	struct host_query *q = calloc(1, sizeof(*q));
	char question[DNS_NAME + 1];

	if (!q || strlen(name) >= DNS_NAME) {
		const struct host_reply none = {.known = false};

		free(q);
		done(context, &none);
		return;
	}
	snprintf(question, sizeof(question), "%s.", name);
	*q = (struct host_query){.done = done, .context = context, .pending = 2};
	q->reply.known = true;
	ares_query(resolver_channel(resolver), question, ns_c_in, ns_t_a, on_a, q);
	ares_query(resolver_channel(resolver), question, ns_c_in, ns_t_aaaa, on_aaaa, q);
}
