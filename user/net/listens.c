/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * listens.c - is there a mail server in this network namespace, and which namespace is it?
 *
 * Where the server lives in another one (a container, a gateway), the wall sees its packets but not
 * its sockets, and `up` and `status` have to say so.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include "inside.h"

struct wanted {
	const uint16_t *port;
	size_t ports;
};

static int match_port(struct nlmsghdr *message, void *context)
{
	const struct wanted *wanted = context;
	const struct inet_diag_msg *socket = nlmsg_data(message);

	if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    !nlmsg_valid_hdr(message, sizeof(*socket)) || socket->idiag_state != TCP_LISTEN)
		return 0;
	for (size_t i = 0; i < wanted->ports; i++)
		if (ntohs(socket->id.idiag_sport) == wanted->port[i])
			return 1;
	return 0;
}

int net_listens(const uint16_t *port, size_t ports)
{
	static const uint8_t family[] = {AF_INET, AF_INET6};
	struct wanted wanted = {port, ports};
	int code = 0;

	for (size_t i = 0; i < sizeof(family) && code == 0; i++) {
		struct inet_diag_req_v2 diag = {
			.sdiag_family = family[i],
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = 1u << TCP_LISTEN,
		};

		code = net_ask(NETLINK_SOCK_DIAG,
			       net_request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &diag, sizeof(diag)),
			       match_port, &wanted);
		/* A kernel without IPv6 has no such sockets. */
		if (family[i] == AF_INET6 && (code == -ENOENT || code == -EAFNOSUPPORT))
			code = 0;
	}
	return code;
}

uint64_t net_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) == 0 ? st.st_ino : 0;
}
