/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * features.c - what a driver says of its XDP abilities (generic netlink family "netdev")
 *
 * The family came with 6.3; older kernels, and older headers, know nothing of it. The numbers are
 * those of the kernel's Documentation/netlink/specs/netdev.yaml.
 */
#include <linux/genetlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include "inside.h"

#define NETDEV_CMD_DEV_GET	  1
#define NETDEV_A_DEV_IFINDEX	  1
#define NETDEV_A_DEV_XDP_FEATURES 3
#define NETDEV_FAMILY_VERSION	  1
#define NETDEV_XDP_ACT_BASIC	  (1ULL << 0)
#define NETDEV_XDP_ACT_RX_SG	  (1ULL << 5)

struct found {
	bool known;
	uint64_t features;
};

static int take_features(struct nlmsghdr *message, void *context)
{
	struct nlattr *tb[NETDEV_A_DEV_XDP_FEATURES + 1];
	struct found *found = context;

	if (genlmsg_parse(message, 0, tb, NETDEV_A_DEV_XDP_FEATURES, NULL) < 0)
		return 0;
	if (!tb[NETDEV_A_DEV_XDP_FEATURES] ||
	    nla_len(tb[NETDEV_A_DEV_XDP_FEATURES]) < (int)sizeof(uint64_t))
		return 0;
	found->known = true;
	found->features = nla_get_u64(tb[NETDEV_A_DEV_XDP_FEATURES]);
	return 0;
}

static int family_number(void)
{
	struct nl_sock *sock = nl_socket_alloc();
	int number = -1;

	if (sock && genl_connect(sock) == 0)
		number = genl_ctrl_resolve(sock, "netdev");
	nl_socket_free(sock);
	return number;
}

bool net_xdp_features(int index, bool *basic, bool *frags)
{
	struct genlmsghdr header = {.cmd = NETDEV_CMD_DEV_GET, .version = NETDEV_FAMILY_VERSION};
	struct found found = {0};
	struct nl_msg *request;
	int family = family_number();

	if (family < 0)
		return false;
	request = net_request(family, 0, &header, sizeof(header));
	if (request)
		nla_put_u32(request, NETDEV_A_DEV_IFINDEX, (uint32_t)index);
	if (net_ask(NETLINK_GENERIC, request, take_features, &found) < 0 || !found.known)
		return false;
	*basic = found.features & NETDEV_XDP_ACT_BASIC;
	*frags = found.features & NETDEV_XDP_ACT_RX_SG;
	return true;
}
