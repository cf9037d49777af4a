/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net.h - what the host's network looks like (libnl: route, genl)
 */
#ifndef SMTPWALL_NET_H
#define SMTPWALL_NET_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <smtpwall/sources.h>
#include "../text.h"

struct link_facts {
	int index;
	char name[IF_NAMESIZE];
	char kind[32];	 /* "veth", "bond", "vlan", "bridge", ...; "" for plain hardware */
	char driver[64]; /* from ethtool's driver info; "" unknown */
	uint32_t mtu;
	bool up;      /* IFF_UP */
	bool carrier; /* IFF_LOWER_UP */
	bool loopback;
	bool ethernet;	      /* carries Ethernet frames (lo does) */
	int master;	      /* index of the bond or bridge it belongs to, 0 none */
	uint32_t xdp_program; /* id of an attached XDP program, 0 none */
	char xdp_mode[16];    /* "native", "generic", "offload", "multi", "" */
	bool features_known;  /* the netdev family answered (6.3 and newer) */
	bool xdp_basic;	      /* NETDEV_XDP_ACT_BASIC */
	bool xdp_frags;	      /* NETDEV_XDP_ACT_RX_SG */
	bool lro;	      /* large receive offload is on (many drivers refuse XDP then) */
	char lower[64]; /* of a VLAN its parent; of a bridge or bond its ports, with blanks between;
			   "" */
};

/* -ENODEV with a sentence if there is no such interface. */
int link_facts(const char *name, struct link_facts *out, struct error *why);
int link_facts_by_index(int index, struct link_facts *out, struct error *why);

/*
 * Says in words why XDP could not be attached (`code`: the negative errno of the attempt) to this
 * link and the way out: another program, MTU without frags, no driver support, LRO, VLAN device
 * (attach to the physical one), down... Returns a sentence in `why` and `code`.
 */
int link_explain(const struct link_facts *link, int code, bool generic, struct error *why);

/*
 * Is it clear before trying that XDP cannot be attached here, or would be of no use? For an
 * interface the wall is not on yet. Says no only where the kernel certainly would: 0 means "try".
 * `frags`: the program is of section "xdp.frags". -EBUSY (another program), -EOPNOTSUPP, -ERANGE
 * (MTU), with a sentence.
 */
int link_preflight(const struct link_facts *link, bool generic, bool frags, struct error *why);

/* Interfaces of the default routes (IPv4 and IPv6), each once. Returns the number (0: there is
 * none) or a negative errno. */
int link_default(char name[][IF_NAMESIZE], int room, struct error *why);

/*
 * What must never be blocked: the host's own addresses, loopback (127.0.0.0/8, ::1), the gateways
 * of the default routes, the name servers of resolv.conf (given as a path; NULL: /etc/resolv.conf).
 * Link-local own addresses included. An array of the caller's, to be freed; sorted, without
 * doubles.
 */
struct guard_entry {
	struct prefix prefix;
	char why[32]; /* "own address", "loopback", "gateway", "resolver" */
};
int guard_entries(const char *resolv_conf, struct guard_entry **out, size_t *count,
		  struct error *why);

/* One address of this host, with the network that its interface is in. */
struct net_own {
	struct address address;
	struct prefix network;
	int index;
	bool settled; /* in use: neither tentative, nor refused by a neighbour, nor deprecated */
};
/* All but loopback and link-local ones. An array of the caller's, to be freed, without doubles. */
int net_own_addresses(struct net_own **out, size_t *count, struct error *why);

/* A default route: one for each next hop. */
struct net_route {
	bool v6;
	bool main; /* of the main table: others are a VPN's, or by a rule */
	bool has_gateway;
	struct address gateway;
	int index;
	char name[IF_NAMESIZE];
};
/* Returns the number, or a negative errno. */
int net_default_routes(struct net_route *out, int room, struct error *why);

/*
 * Events of links and addresses: a descriptor to poll; when it is readable, net_events_read()
 * drains it and calls `changed` once per drained event, with what changed. It makes a socket that
 * loses no news silently: on an overrun `lost` is set, look at everything again.
 */
enum net_change {
	NET_LINK_NEW, /* new, up, down, or renamed: index and name; may mean routes as well */
	NET_LINK_GONE,
	NET_ADDRESS, /* an own address came or went */
	NET_ROUTE,   /* a default route came or went */
	NET_LOST,    /* events were lost: look at everything */
};
struct net_events;
int net_events_open(struct net_events **out, int *fd, struct error *why);
/* `name` is "" where unknown. -EIO: the socket is broken (NET_LOST was told); open another. */
int net_events_read(struct net_events *events,
		    void (*changed)(void *context, enum net_change what, int index,
				    const char *name),
		    void *context);
void net_events_close(struct net_events *events);

/*
 * Ends an open session of this network namespace: its client gets a reset. -ENOENT: it ended by itself;
 * -EPERM. Never hits another socket than the one with that cookie.
 */
int net_cut(const struct session *session);
/* Was the kernel built with CONFIG_INET_DIAG_DESTROY? */
bool net_can_cut(void);

/* Where filters (tc) can be put on this interface: "clsact", "ingress", "" for nowhere yet. Or -errno. */
int net_filter_hook(int index, char kind[16]);

/* Inode of the network namespace of this process. */
uint64_t net_namespace(void);

/* Does any TCP socket listen on one of these ports in this network namespace (sock_diag)? 1, 0 or a
 * negative errno. */
int net_listens(const uint16_t *port, size_t ports);

#endif
