/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * events.c - news of links, addresses and default routes
 *
 * News are hints: who hears one looks again. The kernel drops news when the socket is full and says
 * so once (ENOBUFS), which is passed on as NET_LOST. A link that goes down takes its IPv4 routes
 * along without a word, so NET_LINK_NEW may mean routes as well.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netlink/attr.h>
#include <netlink/netlink.h>
#include "inside.h"

#define BUFFER	  (1 << 20) /* some thousand events, for a container host that starts up */
#define READS_MAX 1024	    /* then the caller's other work gets its turn */

struct net_events {
	struct nl_sock *sock;
};

typedef void (*changed_fn)(void *context, enum net_change what, int index, const char *name);

int net_events_open(struct net_events **out, int *fd, struct error *why)
{
	struct net_events *events = calloc(1, sizeof(*events));
	int size = BUFFER, code;

	if (events)
		events->sock = nl_socket_alloc();
	if (!events || !events->sock) {
		code = -ENOMEM;
		goto fail;
	}
	/* Without a port or a sequence of its own: it only listens. */
	nl_socket_disable_seq_check(events->sock);
	if (nl_connect(events->sock, NETLINK_ROUTE) < 0 ||
	    nl_socket_add_memberships(events->sock, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
				      RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
				      0) < 0 ||
	    nl_socket_set_nonblocking(events->sock) < 0) {
		code = errno ? -errno : -EIO;
		goto fail;
	}
	/* Beyond net.core.rmem_max where we may; otherwise as much as that allows. */
	if (setsockopt(nl_socket_get_fd(events->sock), SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)) < 0)
		nl_socket_set_buffer_size(events->sock, BUFFER, 0);
	nl_socket_enable_msg_peek(events->sock);
	*fd = nl_socket_get_fd(events->sock);
	*out = events;
	return 0;
fail:
	net_events_close(events);
	return error_set(why, code, "cannot listen for changes of interfaces and addresses: %s",
			 strerror(-code));
}

static void tell_link(struct nlmsghdr *message, changed_fn changed, void *context)
{
	const struct ifinfomsg *info = nlmsg_data(message);
	struct nlattr *tb[IFLA_MAX + 1];
	char name[IF_NAMESIZE] = "";

	if (nlmsg_parse(message, sizeof(*info), tb, IFLA_MAX, NULL) < 0)
		return;
	/* A port that leaves a bridge is RTM_DELLINK too, in the bridge's family: it is not gone.
	 */
	if (info->ifi_family != AF_UNSPEC)
		return;
	if (tb[IFLA_IFNAME] && nla_len(tb[IFLA_IFNAME]) > 0)
		nla_strlcpy(name, tb[IFLA_IFNAME], sizeof(name));
	changed(context, message->nlmsg_type == RTM_NEWLINK ? NET_LINK_NEW : NET_LINK_GONE,
		info->ifi_index, name);
}

static void tell_address(struct nlmsghdr *message, changed_fn changed, void *context)
{
	const struct ifaddrmsg *info = nlmsg_data(message);
	char name[IF_NAMESIZE] = "";

	if (!nlmsg_valid_hdr(message, sizeof(*info)))
		return;
	if (!if_indextoname(info->ifa_index, name))
		name[0] = '\0';
	changed(context, NET_ADDRESS, (int)info->ifa_index, name);
}

static void tell_route(struct nlmsghdr *message, changed_fn changed, void *context)
{
	struct nlattr *tb[RTA_MAX + 1];
	char name[IF_NAMESIZE] = "";
	unsigned int index = 0;

	if (!net_is_default_route(message) ||
	    nlmsg_parse(message, sizeof(struct rtmsg), tb, RTA_MAX, NULL) < 0)
		return;
	if (tb[RTA_OIF])
		index = nla_get_u32(tb[RTA_OIF]);
	if (!index || !if_indextoname(index, name))
		name[0] = '\0';
	changed(context, NET_ROUTE, (int)index, name);
}

static void tell(struct nlmsghdr *message, changed_fn changed, void *context)
{
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		tell_link(message, changed, context);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		tell_address(message, changed, context);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		tell_route(message, changed, context);
		break;
	default:
		break;
	}
}

int net_events_read(struct net_events *events, changed_fn changed, void *context)
{
	for (int i = 0; i < READS_MAX; i++) {
		struct sockaddr_nl from = {0};
		unsigned char *data = NULL;
		struct nlmsghdr *message;
		int left;

		left = nl_recv(events->sock, &from, &data, NULL);
		if (left == -NLE_AGAIN || left == 0)
			return 0;
		if (left < 0) {
			/* ENOBUFS, and whatever else: news may be missing. */
			changed(context, NET_LOST, 0, "");
			if (left == -NLE_NOMEM)
				continue;
			return -EIO;
		}
		/* Only the kernel is believed. */
		message = (struct nlmsghdr *)data;
		while (from.nl_pid == 0 && nlmsg_ok(message, left)) {
			tell(message, changed, context);
			message = nlmsg_next(message, &left);
		}
		free(data);
	}
	return 0;
}

void net_events_close(struct net_events *events)
{
	if (!events)
		return;
	nl_socket_free(events->sock);
	free(events);
}
