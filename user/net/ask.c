/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ask.c - one question to the kernel over netlink, and its answer
 *
 * Each question opens its own socket: questions are rare, and a socket without history cannot
 * deliver the rest of an older answer.
 */
#include <errno.h>
#include <netlink/netlink.h>
#include "inside.h"

/* How often a dump that was interrupted by a change is asked for again. */
#define ATTEMPTS 5

struct answer {
	net_each each;
	void *context;
	int code;
	bool done;
};

static int on_message(struct nl_msg *msg, void *context)
{
	struct answer *answer = context;

	answer->code = answer->each(nlmsg_hdr(msg), answer->context);
	if (answer->code) {
		answer->done = true;
		return NL_STOP;
	}
	return NL_OK;
}

static int on_end(struct nl_msg *msg, void *context)
{
	struct answer *answer = context;

	(void)msg;
	answer->done = true;
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *context)
{
	struct answer *answer = context;

	(void)from;
	answer->code = error->error;
	answer->done = true;
	return NL_STOP;
}

/* libnl has errors of its own, several of the kernel's for each; these are the ones that occur. */
static int from_libnl(int code)
{
	switch (-code) {
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_DUMP_INTR:
		return -EAGAIN;
	case NLE_PROTO_MISMATCH:
	case NLE_AF_NOSUPPORT:
		return -EAFNOSUPPORT;
	default:
		return -EIO;
	}
}

static int ask_once(int protocol, struct nl_msg *request, net_each each, void *context)
{
	struct answer answer = {.each = each, .context = context};
	struct nl_sock *sock = nl_socket_alloc();
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int code = -ENOMEM;

	if (!sock || !cb)
		goto out;
	code = nl_connect(sock, protocol);
	if (code < 0) {
		code = from_libnl(code);
		goto out;
	}
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, &answer);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, &answer);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, &answer);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, &answer);

	/* A second attempt gets a number of its own. */
	nlmsg_hdr(request)->nlmsg_seq = NL_AUTO_SEQ;
	nlmsg_hdr(request)->nlmsg_pid = NL_AUTO_PORT;
	code = nl_send_auto(sock, request);
	while (code >= 0 && !answer.done)
		code = nl_recvmsgs(sock, cb);
	/* What the kernel or `each` said counts more than libnl's translation of it. */
	if (answer.code)
		code = answer.code;
	else
		code = code < 0 ? from_libnl(code) : 0;
out:
	nl_cb_put(cb);
	nl_socket_free(sock);
	return code;
}

int net_ask(int protocol, struct nl_msg *request, net_each each, void *context)
{
	int code = -ENOMEM;

	if (!request)
		return code;
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		code = ask_once(protocol, request, each, context);
		if (code != -EAGAIN)
			break;
	}
	nlmsg_free(request);
	return code;
}

struct nl_msg *net_request(int type, int flags, const void *header, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg && nlmsg_append(msg, (void *)header, size, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}
