/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * default.c - default routes: by which interfaces mail arrives, and who the gateways are
 *
 * Read attribute by attribute rather than through libnl's route objects, which refuse a whole route
 * for one encapsulation they do not know.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/attr.h>
#include "inside.h"

#define LOOPBACK_INDEX 1 /* in every network namespace */

bool net_address(int family, const void *bytes, size_t size, struct address *out)
{
	struct address a = {0};

	if (family == AF_INET && size >= 4) {
		uint32_t v4;

		memcpy(&v4, bytes, sizeof(v4));
		address_from_v4(&a, v4);
	} else if (family == AF_INET6 && size >= sizeof(a.byte)) {
		memcpy(a.byte, bytes, sizeof(a.byte));
		address_fold(&a);
	} else {
		return false;
	}
	*out = a;
	return true;
}

bool net_is_default_route(struct nlmsghdr *message)
{
	const struct rtmsg *route = nlmsg_data(message);

	return (message->nlmsg_type == RTM_NEWROUTE || message->nlmsg_type == RTM_DELROUTE) &&
	       nlmsg_valid_hdr(message, sizeof(*route)) && route->rtm_dst_len == 0 &&
	       route->rtm_type == RTN_UNICAST && !(route->rtm_flags & RTM_F_CLONED) &&
	       (route->rtm_family == AF_INET || route->rtm_family == AF_INET6);
}

struct walk {
	int (*each)(const struct net_hop *hop, void *context);
	void *context;
};

static bool read_gateway(int family, const struct nlattr *gateway, const struct nlattr *via,
			 struct address *out)
{
	if (gateway)
		return net_address(family, nla_data(gateway), (size_t)nla_len(gateway), out);
	/* An IPv4 route by an IPv6 neighbour. */
	if (via && nla_len(via) > (int)sizeof(struct rtvia)) {
		const struct rtvia *rtvia = nla_data(via);

		return net_address(rtvia->rtvia_family, rtvia->rtvia_addr,
				   (size_t)nla_len(via) - sizeof(*rtvia), out);
	}
	return false;
}

static int walk_multipath(const struct walk *walk, int family, const struct nlattr *attr,
			  struct net_hop hop)
{
	const struct rtnexthop *next = nla_data(attr);
	int left = nla_len(attr), code = 0;

	/* RTNH_OK() looks at a length before it asks whether there is one. */
	while (!code && left >= (int)sizeof(*next) && RTNH_OK(next, left)) {
		struct nlattr *tb[RTA_MAX + 1];
		struct address gateway;

		if (nla_parse(tb, RTA_MAX, (struct nlattr *)RTNH_DATA(next),
			      next->rtnh_len - (int)sizeof(*next), NULL) == 0) {
			hop.index = next->rtnh_ifindex;
			hop.gateway = NULL;
			if (read_gateway(family, tb[RTA_GATEWAY], tb[RTA_VIA], &gateway))
				hop.gateway = &gateway;
			code = walk->each(&hop, walk->context);
		}
		left -= (int)RTNH_ALIGN(next->rtnh_len);
		next = RTNH_NEXT(next);
	}
	return code;
}

static int walk_route(struct nlmsghdr *message, void *context)
{
	const struct walk *walk = context;
	const struct rtmsg *route = nlmsg_data(message);
	struct nlattr *tb[RTA_MAX + 1];
	struct net_hop hop = {0};
	struct address gateway;

	if (!net_is_default_route(message) ||
	    nlmsg_parse(message, sizeof(*route), tb, RTA_MAX, NULL) < 0)
		return 0;
	hop.family = route->rtm_family;
	hop.table = tb[RTA_TABLE] ? nla_get_u32(tb[RTA_TABLE]) : route->rtm_table;
	hop.metric = tb[RTA_PRIORITY] ? nla_get_u32(tb[RTA_PRIORITY]) : 0;
	if (tb[RTA_MULTIPATH])
		return walk_multipath(walk, route->rtm_family, tb[RTA_MULTIPATH], hop);
	hop.index = tb[RTA_OIF] ? (int)nla_get_u32(tb[RTA_OIF]) : 0;
	if (read_gateway(route->rtm_family, tb[RTA_GATEWAY], tb[RTA_VIA], &gateway))
		hop.gateway = &gateway;
	return walk->each(&hop, walk->context);
}

int net_default_hops(int (*each)(const struct net_hop *hop, void *context), void *context)
{
	struct walk walk = {each, context};
	struct rtmsg route = {.rtm_family = AF_UNSPEC};

	return net_ask(NETLINK_ROUTE, net_request(RTM_GETROUTE, NLM_F_DUMP, &route, sizeof(route)),
		       walk_route, &walk);
}

/* --- the interfaces ------------------------------------------------------------------------- */

#define HOPS_MAX 64 /* more default routes than any host has */

struct hops {
	struct {
		int index;
		bool main;
		uint32_t metric;
	} hop[HOPS_MAX];
	int count;
};

static int note_hop(const struct net_hop *hop, void *context)
{
	struct hops *hops = context;
	bool in_main = hop->table == RT_TABLE_MAIN;

	if (hop->index <= LOOPBACK_INDEX)
		return 0;
	for (int i = 0; i < hops->count; i++) {
		if (hops->hop[i].index != hop->index || hops->hop[i].main != in_main)
			continue;
		if (hop->metric < hops->hop[i].metric)
			hops->hop[i].metric = hop->metric;
		return 0;
	}
	if (hops->count < HOPS_MAX) {
		hops->hop[hops->count].index = hop->index;
		hops->hop[hops->count].main = in_main;
		hops->hop[hops->count++].metric = hop->metric;
	}
	return 0;
}

/*
 * Other tables count only where the main one has no default route: a VPN or a policy route has
 * its own table, and is not where mail for this host comes from.
 */
int link_default(char name[][IF_NAMESIZE], int room, struct error *why)
{
	struct hops hops = {.count = 0};
	bool in_main = false;
	int code, found = 0;

	code = net_default_hops(note_hop, &hops);
	if (code < 0)
		return error_set(why, code, "cannot list the routes of this host: %s",
				 strerror(-code));
	for (int i = 0; i < hops.count; i++)
		in_main = in_main || hops.hop[i].main;
	while (found < room) {
		char text[IF_NAMESIZE];
		int best = -1;

		/* The preferred route first; so few that a sort would be longer. */
		for (int i = 0; i < hops.count; i++) {
			if (!hops.hop[i].index || hops.hop[i].main != in_main)
				continue;
			if (best < 0 || hops.hop[i].metric < hops.hop[best].metric)
				best = i;
		}
		if (best < 0)
			break;
		if (if_indextoname((unsigned int)hops.hop[best].index, text))
			memcpy(name[found++], text, sizeof(text));
		hops.hop[best].index = 0;
	}
	return found;
}
