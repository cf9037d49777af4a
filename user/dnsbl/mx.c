// SPDX-License-Identifier: GPL-2.0-only
/*
 * mx.c - the addresses of those who take a domain's mail
 *
 * The MX records' hosts, or without any the domain itself (RFC 5321, 5.1). An answer that did not come
 * is no answer: what is not known for all of them is not known.
 */
#include "servers.h"
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "dnsbl.h"

#define EXCHANGES 8 /* that are looked up; who has more has enough of them */

struct mx_query {
	struct dnsbl_resolver *resolver;
	void (*done)(void *context, const struct mx_reply *reply);
	void *context;
	unsigned int pending;
	struct mx_reply reply;
	char domain[256];
};

static void release(struct mx_query *q)
{
	if (--q->pending)
		return;
	q->done(q->context, &q->reply);
	free(q);
}

/* There is none, as opposed to: nobody could say. */
static bool is_no(int status)
{
	return status == ARES_ENOTFOUND || status == ARES_ENODATA;
}

static void take(struct mx_query *q, const struct sockaddr *a)
{
	struct address *out = &q->reply.address[q->reply.count];

	if (q->reply.count == MX_ADDRESSES)
		return;
	if (a->sa_family == AF_INET) {
		address_from_v4(out, ((const struct sockaddr_in *)a)->sin_addr.s_addr);
	} else if (a->sa_family == AF_INET6) {
		memcpy(out->byte, &((const struct sockaddr_in6 *)a)->sin6_addr, ADDRESS_BYTES);
		address_fold(out);
	} else {
		return;
	}
	q->reply.count++;
}

static void on_addresses(void *context, int status, int timeouts, struct ares_addrinfo *found)
{
	struct mx_query *q = context;

	(void)timeouts;
	if (status == ARES_SUCCESS) {
		for (struct ares_addrinfo_node *n = found->nodes; n; n = n->ai_next)
			take(q, n->ai_addr);
		ares_freeaddrinfo(found);
	} else if (!is_no(status)) {
		q->reply.known = false;
	}
	release(q);
}

static void ask_host(struct mx_query *q, const char *host)
{
	const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC};

	q->pending++;
	ares_getaddrinfo(resolver_channel(q->resolver), host, NULL, &hints, on_addresses, q);
}

static void on_mx(void *context, int status, int timeouts, unsigned char *message, int size)
{
	struct ares_mx_reply *list = NULL;
	struct mx_query *q = context;
	unsigned int exchanges = 0;

	(void)timeouts;
	if (status == ARES_SUCCESS)
		status = ares_parse_mx_reply(message, size, &list);
	if (is_no(status))
		ask_host(q, q->domain);
	else if (status != ARES_SUCCESS)
		q->reply.known = false;
	/* "." takes no mail (RFC 7505). */
	for (const struct ares_mx_reply *mx = list; mx && exchanges < EXCHANGES; mx = mx->next)
		if (mx->host[0] && strcmp(mx->host, ".") != 0) {
			ask_host(q, mx->host);
			exchanges++;
		}
	if (list)
		ares_free_data(list);
	release(q);
}

void dnsbl_ask_mx(struct dnsbl_resolver *resolver, const char *domain,
		  void (*done)(void *context, const struct mx_reply *reply), void *context)
{
	struct mx_query *q = calloc(1, sizeof(*q));
	size_t size = strlen(domain);

	if (!q || size >= sizeof(q->domain)) {
		const struct mx_reply none = {.known = false};

		free(q);
		done(context, &none);
		return;
	}
	memcpy(q->domain, domain, size + 1);
	q->resolver = resolver;
	q->done = done;
	q->context = context;
	q->reply.known = true;
	q->pending = 1;
	ares_query(resolver_channel(resolver), q->domain, ns_c_in, ns_t_mx, on_mx, q);
}
