/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inside.h - what the files of this room share; the other rooms know net.h only
 */
#ifndef SMTPWALL_NET_INSIDE_H
#define SMTPWALL_NET_INSIDE_H

#include <netlink/msg.h>
#include "net.h"

/*
 * Sends a request (which is released) on a socket of its own and calls `each` for every message of
 * the answer. A dump that changed under way is asked for again, up to a limit, so `each` must bear
 * to see a thing twice. A non-zero return of `each` ends the walk and is returned; otherwise 0 or
 * the kernel's negative errno.
 */
typedef int (*net_each)(struct nlmsghdr *message, void *context);
int net_ask(int protocol, struct nl_msg *request, net_each each, void *context);

/* A new request with its fixed header in front, or NULL when there is no memory. */
struct nl_msg *net_request(int type, int flags, const void *header, size_t size);

/*
 * Calls `each` for every next hop of every default route, whatever its table. `gateway` is NULL
 * for a route without one; `index` is 0 where the kernel names no interface.
 */
struct net_hop {
	int family; /* AF_INET or AF_INET6 */
	int index;
	uint32_t table;
	uint32_t metric;
	const struct address *gateway;
};
int net_default_hops(int (*each)(const struct net_hop *hop, void *context), void *context);

/* Is this RTM_NEWROUTE or RTM_DELROUTE about a default route that carries traffic out? */
bool net_is_default_route(struct nlmsghdr *message);

/* Sixteen bytes from an address of the kernel; false for what is neither IPv4 nor IPv6. */
bool net_address(int family, const void *bytes, size_t size, struct address *out);

/* The driver's name ("" unknown) and whether large receive offload is on. */
void net_driver(const char *name, char *driver, size_t size, bool *lro);

/* The XDP features of the netdev family; false where the kernel has none (before 6.3). */
bool net_xdp_features(int index, bool *basic, bool *frags);

#endif
