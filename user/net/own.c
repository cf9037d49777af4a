// SPDX-License-Identifier: GPL-2.0-only
/*
 * own.c - this host's addresses with their networks, and its default routes one by one
 *
 * For those who ask how the host is placed; whom the wall must never block is guard.c.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/attr.h>
#include "inside.h"

#define OWN_MAX 4096 /* more addresses than anybody wants to read about */

struct owned {
	struct net_own *own;
	size_t count, room;
};

static bool is_here_only(const struct address *a)
{
	if (address_is_v4(a))
		return address_v4(a) >> 24 == 127 || address_v4(a) >> 16 == 0xa9fe;
	return address_half(a, 0) >> 54 == 0xfe80ULL >> 6 ||
	       (address_half(a, 0) == 0 && address_half(a, 1) == 1);
}

static int add(struct owned *o, const struct net_own *own)
{
	for (size_t i = 0; i < o->count; i++)
		if (!memcmp(&o->own[i].address, &own->address, sizeof(own->address)))
			return 0;
	if (o->count == OWN_MAX)
		return 0;
	if (o->count == o->room) {
		size_t room = o->room ? o->room * 2 : 16;
		struct net_own *grown = realloc(o->own, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		o->own = grown;
		o->room = room;
	}
	o->own[o->count++] = *own;
	return 0;
}

static int take(struct nlmsghdr *message, void *context)
{
	const uint32_t unsettled = IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED;
	const struct ifaddrmsg *info = nlmsg_data(message);
	struct nlattr *tb[IFA_MAX + 1], *attr;
	struct net_own own = {0};
	uint32_t flags;

	if (message->nlmsg_type != RTM_NEWADDR ||
	    nlmsg_parse(message, sizeof(*info), tb, IFA_MAX, NULL) < 0)
		return 0;
	/* On a point-to-point link IFA_ADDRESS is the other end. */
	attr = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (!attr ||
	    !net_address(info->ifa_family, nla_data(attr), (size_t)nla_len(attr), &own.address) ||
	    is_here_only(&own.address))
		return 0;
	flags = tb[IFA_FLAGS] ? nla_get_u32(tb[IFA_FLAGS]) : info->ifa_flags;
	/* A mail host may have addresses that are deprecated for outgoing connections only (IPv4 has no
	 * such state), but then they are nobody's sender. */
	own.settled = !(flags & unsettled);
	own.index = (int)info->ifa_index;
	own.network.address = own.address;
	own.network.length =
		info->ifa_prefixlen + (info->ifa_family == AF_INET ? (uint32_t)ADDRESS_V4_AT : 0U);
	if (own.network.length > ADDRESS_BITS)
		return 0;
	prefix_mask(&own.network);
	return add(context, &own);
}

int net_own_addresses(struct net_own **out, size_t *count, struct error *why)
{
	struct ifaddrmsg info = {.ifa_family = AF_UNSPEC};
	struct owned o = {0};
	int code = net_ask(NETLINK_ROUTE, net_request(RTM_GETADDR, NLM_F_DUMP, &info, sizeof(info)),
			   take, &o);

	if (code < 0) {
		free(o.own);
		return error_set(why, code, "cannot list the addresses of this host: %s",
				 strerror(-code));
	}
	*out = o.own;
	*count = o.count;
	return 0;
}

/* --- default routes --------------------------------------------------------------------------- */

struct routes {
	struct net_route *route;
	int count, room;
};

/* A dump that changed under way comes twice. */
static bool is_same(const struct net_route *a, const struct net_route *b)
{
	return a->v6 == b->v6 && a->main == b->main && a->index == b->index &&
	       a->has_gateway == b->has_gateway &&
	       !memcmp(&a->gateway, &b->gateway, sizeof(a->gateway));
}

static int note(const struct net_hop *hop, void *context)
{
	struct routes *r = context;
	struct net_route route = {
		.v6 = hop->family == AF_INET6,
		.main = hop->table == RT_TABLE_MAIN,
		.index = hop->index,
	};

	if (hop->index <= 0 || !if_indextoname((unsigned int)hop->index, route.name))
		return 0;
	if (hop->gateway) {
		route.has_gateway = true;
		route.gateway = *hop->gateway;
	}
	for (int i = 0; i < r->count; i++)
		if (is_same(&r->route[i], &route))
			return 0;
	if (r->count < r->room)
		r->route[r->count++] = route;
	return 0;
}

int net_default_routes(struct net_route *out, int room, struct error *why)
{
	struct routes r = {.route = out, .room = room};
	int code = net_default_hops(note, &r);

	if (code < 0)
		return error_set(why, code, "cannot list the routes of this host: %s",
				 strerror(-code));
	return r.count;
}
