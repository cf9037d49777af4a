// SPDX-License-Identifier: GPL-2.0-only
/*
 * cut.c - ends an open session, so that no process of the mail server hangs in it
 *
 * SOCK_DESTROY of sock_diag(7): the client gets a reset, the server's next read or write fails with
 * ECONNABORTED. The kernel looks the socket up by addresses and ports, and when the session has ended
 * meanwhile it finds the listener, which must live: so the socket's cookie goes along, which no other
 * socket has.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include "inside.h"

static int no_answer(struct nlmsghdr *message, void *context)
{
	(void)message;
	(void)context;
	return 0;
}

static void put_address(__be32 out[4], const struct address *a, bool v6)
{
	if (v6)
		memcpy(out, a->byte, ADDRESS_BYTES);
	else
		memcpy(out, a->byte + ADDRESS_BYTES - sizeof(*out), sizeof(*out));
}

int net_cut(const struct session *session)
{
	struct inet_diag_req_v2 diag = {
		.sdiag_family = session->v6 ? AF_INET6 : AF_INET,
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = ~0u,
		.id.idiag_sport = htons(session->local_port),
		.id.idiag_dport = htons(session->remote_port),
		.id.idiag_cookie = {(uint32_t)session->cookie, (uint32_t)(session->cookie >> 32)},
	};

	if (!session->cookie)
		return -ENOENT;

	put_address(diag.id.idiag_src, &session->local, session->v6);
	put_address(diag.id.idiag_dst, &session->remote, session->v6);
	return net_ask(NETLINK_SOCK_DIAG, net_request(SOCK_DESTROY, NLM_F_ACK, &diag, sizeof(diag)),
		       no_answer, NULL);
}

bool net_can_cut(void)
{
	const struct session nobody = {.cookie = 1};

	return net_cut(&nobody) != -EOPNOTSUPP;
}
