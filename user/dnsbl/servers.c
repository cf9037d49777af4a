// SPDX-License-Identifier: GPL-2.0-only
/*
 * servers.c - the DNS servers that are asked: by hand, or those of resolv.conf
 *
 * In: the configuration's texts, and what c-ares has read. Out: c-ares's list, and words.
 */
#include "servers.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DNS_PORT 53

/* Splits "ADDRESS", "ADDRESS:PORT" or "[ADDRESS]:PORT"; a port that is none becomes 0. */
static unsigned long server_split(const char *server, char *address, size_t size)
{
	bool bracket = server[0] == '[';
	const char *colon = strchr(server, ':'), *end = server + strlen(server), *port = NULL;
	char *rest;
	unsigned long number;

	if (bracket)
		end = strchr(server, ']');
	else if (colon && !strchr(colon + 1, ':'))
		end = colon;
	snprintf(address, size, "%.*s", end ? (int)(end - server) - bracket : 0, server + bracket);
	if (end && *end)
		port = end + bracket;
	if (!port || !*port)
		return end ? DNS_PORT : 0;
	number = strtoul(port + 1, &rest, 10);
	return *port == ':' && port[1] >= '0' && port[1] <= '9' && !*rest && number <= 65535
		       ? number
		       : 0;
}

/* Appends a server to c-ares's list. */
static int server_add(const char *server, char *list, size_t size, struct error *why)
{
	char address[INET6_ADDRSTRLEN + 1], binary[sizeof(struct in6_addr)];
	unsigned long port = server_split(server, address, sizeof(address));
	bool v6 = strchr(address, ':');
	size_t used = strlen(list);

	if (!port || inet_pton(v6 ? AF_INET6 : AF_INET, address, binary) != 1)
		return error_set(
			why, -EINVAL,
			"\"%s\" is not the address of a DNS server: write it like 192.0.2.53, "
			"192.0.2.53:5353 or [2001:db8::53]:53",
			server);
	if ((size_t)snprintf(list + used, size - used, v6 ? "%s[%s]:%lu" : "%s%s:%lu",
			     used ? "," : "", address, port) >= size - used)
		return error_set(why, -EINVAL, "these are too many DNS servers: name a few");
	return 0;
}

int servers_list(char *const server[], unsigned int servers, char *list, size_t size,
		 struct error *why)
{
	int code = 0;

	list[0] = '\0';
	for (unsigned int i = 0; i < servers && !code; i++)
		code = server_add(server[i], list, size, why);
	return code;
}

/* An entry of c-ares's list, as dnsbl_resolver_open() takes it. Returns whether it is this host. */
static bool server_text(const struct ares_addr_port_node *server, char *text, size_t size)
{
	char address[INET6_ADDRSTRLEN];
	const uint8_t *a = (const void *)&server->addr;
	static const uint8_t mapped[13] = {[10] = 0xff, 0xff, 127};
	bool v6 = server->family == AF_INET6,
	     port = server->udp_port && server->udp_port != DNS_PORT;

	inet_ntop(server->family, a, address, sizeof(address));
	if (!port)
		snprintf(text, size, "%s", address);
	else
		snprintf(text, size, v6 ? "[%s]:%d" : "%s:%d", address, server->udp_port);
	return v6 ? !strcmp(address, "::1") || !memcmp(a, mapped, sizeof(mapped)) : a[0] == 127;
}

unsigned int servers_count(void)
{
	struct ares_addr_port_node *list = NULL;
	unsigned int count = 0;
	ares_channel ares;

	if (ares_init(&ares))
		return 1;
	ares_get_servers_ports(ares, &list);
	for (struct ares_addr_port_node *server = list; server; server = server->next)
		count++;
	ares_free_data(list);
	ares_destroy(ares);
	return count ? count : 1;
}

void servers_text(ares_channel ares, char *text, size_t size, bool *local)
{
	struct ares_addr_port_node *list = NULL;
	char one[INET6_ADDRSTRLEN + 8];
	size_t used = 0;

	*local = !ares_get_servers_ports(ares, &list) && list;
	snprintf(text, size, "%s", "");
	for (struct ares_addr_port_node *server = list; server; server = server->next) {
		*local &= server_text(server, one, sizeof(one));
		if (used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
						 one);
	}
	ares_free_data(list);
}

void servers_conf_note(struct stat *conf)
{
	if (stat(RESOLV_CONF, conf))
		memset(conf, 0, sizeof(*conf));
}

bool servers_conf_changed(const struct stat *was)
{
	struct stat is;

	servers_conf_note(&is);
	return is.st_mtim.tv_sec != was->st_mtim.tv_sec ||
	       is.st_mtim.tv_nsec != was->st_mtim.tv_nsec || is.st_ino != was->st_ino ||
	       is.st_dev != was->st_dev || is.st_size != was->st_size;
}
