// SPDX-License-Identifier: GPL-2.0-only
/*
 * relay_test_host.c - which addresses relay-test is about, and whether they are this machine's own
 *
 * Both families are looked up apart: where one of the two answers is missing, a resolver that is asked for
 * both at once hands out the other and says nothing. The addresses are the host's own; its MX is
 * not followed, since who is asked about is this host and no other.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../net/net.h"
#include "relay_test.h"

/* --- what the user wrote ---------------------------------------------------------------------- */

static bool port_parse(const char *text, uint16_t *out)
{
	unsigned long port;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	port = strtoul(text, &end, 10);
	if (errno || *end || !port || port > 65535)
		return false;
	*out = (uint16_t)port;
	return true;
}

static bool is_address(const char *text)
{
	unsigned char unused[16];

	return inet_pton(AF_INET, text, unused) == 1 || inet_pton(AF_INET6, text, unused) == 1;
}

static bool is_host_name(const char *text)
{
	struct in_addr unused;
	bool letter = false;

	if (!*text || strchr("-.", *text))
		return false;
	for (const char *c = text; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("-._", *c))
			return false;
		letter |= isalpha((unsigned char)*c) != 0;
	}
	/* "192.0.2" is half an address, and would be looked up as another one; so would "0xc0000219". */
	return letter && !inet_aton(text, &unused) && !strstr(text, "..");
}

bool relay_host_parse(const char *text, char host[SMTP_NAME], uint16_t *port, bool *literal)
{
	const char *colon = strrchr(text, ':'), *from = text, *end = text + strlen(text);
	size_t length;

	*port = 25;
	if (*text == '[') {
		end = strchr(text, ']');
		if (!end || (end[1] && (end[1] != ':' || !port_parse(end + 2, port))))
			return false;
		from++;
	} else if (colon && colon == strchr(text, ':')) {
		end = colon;
		if (!port_parse(colon + 1, port))
			return false;
	}
	length = (size_t)(end - from);
	if (!length || length >= SMTP_NAME)
		return false;
	memcpy(host, from, length);
	host[length] = '\0';
	*literal = is_address(host);
	return *literal ? *text != '[' || strchr(host, ':') : *text != '[' && is_host_name(host);
}

/* --- what it means ---------------------------------------------------------------------------- */

static void address_of(const struct sockaddr_storage *to, struct address *out)
{
	if (to->ss_family == AF_INET)
		address_from_v4(out, ((const struct sockaddr_in *)to)->sin_addr.s_addr);
	else
		memcpy(out->byte, &((const struct sockaddr_in6 *)to)->sin6_addr, ADDRESS_BYTES);
}

/* An IPv4 address in the dress of IPv6 is connected to over IPv4. */
static void undress(struct sockaddr_storage *to, socklen_t *size)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)to;
	struct sockaddr_in four = {.sin_family = AF_INET};

	if (to->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		return;
	four.sin_port = six->sin6_port;
	memcpy(&four.sin_addr, &six->sin6_addr.s6_addr[12], sizeof(four.sin_addr));
	memcpy(to, &four, sizeof(four));
	*size = sizeof(four);
}

static struct relay_walk *add_walk(struct relay_run *run, int family, enum relay_reach reach,
				   const char *trouble)
{
	struct relay_walk *walk = &run->walk[run->walks++];

	walk->family = family;
	walk->reach = reach;
	snprintf(walk->trouble, sizeof(walk->trouble), "%s", trouble);
	return walk;
}

static void add_address(struct relay_run *run, const struct addrinfo *found)
{
	struct sockaddr_storage to = {0};
	socklen_t size = found->ai_addrlen;
	struct relay_walk *walk;
	struct address a;

	if (size > sizeof(to))
		return;
	memcpy(&to, found->ai_addr, size);
	undress(&to, &size);
	walk = add_walk(run, to.ss_family, REACH_FAILED, "");
	walk->to = to;
	walk->size = size;
	address_of(&to, &a);
	address_text(&a, walk->address);
}

static bool is_no_address(int code)
{
	return code == EAI_NONAME || code == EAI_NODATA || code == EAI_ADDRFAMILY;
}

/* What cannot be looked up is a walk as well: one that could not be made. */
static void look_up(struct relay_run *run, int family)
{
	const struct addrinfo hints = {.ai_family = family,
				       .ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_NUMERICSERV |
						   (run->literal ? AI_NUMERICHOST : 0)};
	const char *name = family == AF_INET6 ? "IPv6" : "IPv4";
	struct addrinfo *found = NULL;
	char port[8], trouble[256];
	int code;

	snprintf(port, sizeof(port), "%u", run->port);
	code = getaddrinfo(run->host, port, &hints, &found);
	if (is_no_address(code))
		return;
	if (code) {
		snprintf(trouble, sizeof(trouble), "its %s address could not be looked up: %s",
			 name, gai_strerror(code));
		add_walk(run, family, REACH_UNRESOLVED, trouble);
		return;
	}
	for (const struct addrinfo *a = found; a; a = a->ai_next) {
		/* Half of the room for each, so that neither is left out for the other. */
		if (run->walks == RELAY_ADDRESSES / (family == AF_INET ? 2 : 1)) {
			snprintf(trouble, sizeof(trouble),
				 "it has more %s addresses: test them one by one", name);
			add_walk(run, family, REACH_FAILED, trouble);
			break;
		}
		add_address(run, a);
	}
	freeaddrinfo(found);
}

/* Whoever connects to no address in particular connects to itself. */
static bool is_unspecified(const struct sockaddr_storage *to)
{
	if (to->ss_family == AF_INET)
		return !((const struct sockaddr_in *)to)->sin_addr.s_addr;
	return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)to)->sin6_addr);
}

static int mark_own(struct relay_run *run, struct error *why)
{
	struct guard_entry *guard = NULL;
	size_t count = 0;
	int code = guard_entries(NULL, &guard, &count, why);

	for (unsigned int w = 0; !code && w < run->walks; w++) {
		struct prefix host = {.length = ADDRESS_BITS};

		if (!run->walk[w].size)
			continue;
		address_of(&run->walk[w].to, &host.address);
		if (is_unspecified(&run->walk[w].to))
			run->walk[w].reach = REACH_SELF;
		for (size_t i = 0; i < count; i++)
			if ((!strcmp(guard[i].why, "own address") ||
			     !strcmp(guard[i].why, "loopback")) &&
			    prefix_contains(&guard[i].prefix, &host))
				run->walk[w].reach = REACH_SELF;
	}
	free(guard);
	return code;
}

int relay_host_find(struct relay_run *run, struct error *why)
{
	if (run->literal) {
		look_up(run, strchr(run->host, ':') ? AF_INET6 : AF_INET);
	} else {
		look_up(run, AF_INET);
		look_up(run, AF_INET6);
	}
	if (!run->walks)
		return error_set(why, -ENOENT, "%s has no address", run->host);
	return mark_own(run, why);
}
