/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * explain.c - why XDP cannot be attached here, and the way out
 *
 * The kernel gives one bare number; its sentence ("extack") reaches only callers of the older
 * netlink interface. So the causes are told from the number together with what is known of the
 * link, in the words of somebody who has to do something about it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "inside.h"

#define GENERIC                                                                                    \
	"`--xdp generic` works with any driver, but later, after the kernel has made a packet "    \
	"buffer: no matter for ordinary mail traffic, but a flood costs more"
#define SEE "`bpftool net` and `ip -d link show %s` show it"

/*
 * The largest MTU a driver takes XDP at, on pages of 4096 bytes: without frags, and with (0: it
 * has no frags, 65535: no limit that matters). Drivers differ by a few bytes between versions, so
 * the numbers are told, not obeyed. `hint`: what else the driver refuses for.
 */
static const struct driver {
	const char *name;
	uint32_t mtu, mtu_frags;
	const char *hint;
} drivers[] = {
	/* veth: what counts is the MTU of the other end, which cannot be seen from here. */
	{"veth", 0, 0,
	 "its other end must be there, with an MTU of at most 3506 (no limit with frags), and may "
	 "not have more transmit queues than this end has receive queues (`ethtool -l`)"},
	{"virtio_net", 3506, 65535,
	 "the hypervisor joins packets or leaves out checksums, which this guest cannot switch "
	 "off: set guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off,guest_csum=off for "
	 "the device in QEMU (libvirt: <driver><guest tso4='off' .../></driver>)"},
	{"ena", 3498, 0,
	 "it needs half of its queues for XDP: `ethtool -L %s combined N`, N at most half of the "
	 "maximum that `ethtool -l %s` shows"},
	{"mlx5_core", 3498, 65535,
	 "LRO and hardware GRO must be off: `ethtool -K %s lro off rx-gro-hw off`"},
	{"mlx4_en", 3498, 0, "it needs transmit queues to spare: `ethtool -L %s tx N`, N smaller"},
	{"ixgbe", 3050, 0, "it refuses while SR-IOV virtual functions or DCB are on"},
	{"ixgbevf", 3050, 0, NULL},
	{"i40e", 3046, 9702, "XDP must be on the physical function's own interface"},
	{"ice", 3046, 65535, "it needs queues to spare: `ethtool -L %s combined N`, N smaller"},
	{"bnxt_en", 3502, 65535,
	 "receive and transmit must share rings: `ethtool -L %s rx 0 tx 0 combined N`"},
	{"gve", 2032, 0, "it needs transmit queues to spare: `ethtool -L %s tx N`, N smaller"},
	{"hv_netvsc", 3506, 0, NULL},
	{"vmxnet3", 3494, 0, NULL},
	{"tun", 0, 0, NULL},
};

static const struct driver *driver_of(const struct link_facts *link)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (!strcmp(drivers[i].name, link->driver))
			return &drivers[i];
	return NULL;
}

/* Kinds of virtual interfaces whose drivers have never had native XDP. */
static bool kind_without_native(const struct link_facts *link)
{
	static const char *const kinds[] = {
		"vlan",	  "bridge", "macvlan", "macvtap", "ipvlan", "ipvtap", "vrf",
		"team",	  "dummy",  "ifb",     "vxlan",	  "geneve", "gre",    "gretap",
		"ip6gre", "sit",    "ipip",    "ip6tnl",  "macsec", "hsr",    "openvswitch",
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i], link->kind))
			return true;
	return false;
}

static bool is_bond(const struct link_facts *link)
{
	return !strcmp(link->kind, "bond");
}

/* "driver ena" for hardware, "interface of kind vlan" otherwise. */
static const char *what_it_is(const struct link_facts *link, char buffer[112])
{
	if (link->loopback)
		snprintf(buffer, 112, "the loopback interface");
	else if (link->kind[0])
		snprintf(buffer, 112, "an interface of kind \"%s\"", link->kind);
	else if (link->driver[0])
		snprintf(buffer, 112, "an interface of driver %s", link->driver);
	else
		snprintf(buffer, 112, "an interface of an unknown driver");
	return buffer;
}

static int explain_other(const struct link_facts *link, int code, bool generic, struct error *why)
{
	const char *name = link->name;

	if (link->xdp_program)
		return error_set(
			why, code,
			"%s already has an XDP program that is not this wall's (id %u, %s mode), "
			"and an interface takes one; " SEE
			", `bpftool prog show id %u` tells whose it is. Detach it first: by its "
			"own tool, or by `ip link set dev %s xdp%s off`, or, where `bpftool link` "
			"lists it, by `bpftool link detach`",
			name, link->xdp_program, link->xdp_mode, name, link->xdp_program, name,
			!strcmp(link->xdp_mode, "generic") ? "generic" : "");
	if (code == -EEXIST)
		return error_set(why, code,
				 "%s cannot take an XDP program beside one in another mode, or "
				 "below or above an interface that has one (its bond, bridge or "
				 "VLANs); `bpftool net` lists all that are attached. Detach that "
				 "one, or put the wall there",
				 name);
	return error_set(
		why, code,
		"%s is busy: another program or command changed it just now (" SEE
		"), or it uses split headers (`ethtool -g %s`)%s. Try again, or free it first",
		name, name, name, generic ? "" : " or memory of its own for its queues");
}

/* Kernels from before 6.3 do not tell about frags: the smaller number then. */
static uint32_t mtu_limit(const struct link_facts *link, const struct driver *driver)
{
	bool frags = driver->mtu_frags && link->features_known && link->xdp_frags;

	return frags ? driver->mtu_frags : driver->mtu;
}

static int explain_mtu(const struct link_facts *link, const struct driver *driver, int code,
		       struct error *why)
{
	uint32_t limit = mtu_limit(link, driver);
	bool newer = driver->mtu_frags > limit;

	return error_set(why, code,
			 "the MTU of %s is %u bytes, and its driver %s takes XDP up to about %u%s; "
			 "`ip link set dev %s mtu %u` makes room. " GENERIC,
			 link->name, link->mtu, link->driver, limit,
			 newer ? " (more with a newer kernel)" : "", link->name,
			 limit < 1500 ? limit : 1500);
}

static bool mtu_too_large(const struct link_facts *link, const struct driver *driver)
{
	return driver && driver->mtu && link->mtu > mtu_limit(link, driver);
}

static int explain_no_native(const struct link_facts *link, int code, struct error *why)
{
	const char *name = link->name;
	char what[112];

	what_it_is(link, what);
	if (link->loopback)
		return error_set(why, code,
				 "%s is %s: it has no native XDP and carries only this host's own "
				 "traffic, which is never blocked. Name the interface that mail "
				 "arrives by",
				 name, what);
	if (link->lower[0])
		return error_set(
			why, code,
			"%s is %s, which has no native XDP; attach to what is below it instead: "
			"`smtpwall up %s` (frames are judged with and without VLAN tags). " GENERIC,
			name, what, link->lower);
	if (link->kind[0])
		return error_set(why, code,
				 "%s is %s, which has no native XDP; attach to the interface that "
				 "its packets arrive by. " GENERIC,
				 name, what);
	return error_set(why, code, "%s is %s, which has no native XDP on this kernel. " GENERIC,
			 name, what);
}

/* The driver has XDP and refuses it as it is set up now. */
static int explain_setup(const struct link_facts *link, const struct driver *driver, int code,
			 struct error *why)
{
	char hint[400] = "";

	if (driver && driver->hint) {
		const char *from = driver->hint;
		size_t used = 0;

		/* Each "%s" of a hint is the name of the interface. */
		while (*from && used + IF_NAMESIZE < sizeof(hint)) {
			if (from[0] == '%' && from[1] == 's') {
				used += (size_t)snprintf(hint + used, sizeof(hint) - used, "%s",
							 link->name);
				from += 2;
			} else {
				hint[used++] = *from++;
			}
		}
		hint[used] = '\0';
	}
	return error_set(why, code,
			 "the driver of %s (%s) refuses native XDP as the interface is set up now "
			 "(%s)%s%s; `dmesg` may say more. " GENERIC,
			 link->name, link->driver[0] ? link->driver : "unknown", strerror(-code),
			 hint[0] ? ": " : "", hint);
}

static int explain_bond(const struct link_facts *link, int code, struct error *why)
{
	return error_set(
		why, code,
		"the bond %s takes native XDP only if every port of it (%s) does, none has a "
		"program of its own, and its mode is balance-rr, active-backup, balance-xor or "
		"802.3ad (without the hash vlan+srcmac); attach to the ports instead, or change "
		"that. " GENERIC,
		link->name, link->lower[0] ? link->lower : "it has none");
}

static int explain_native(const struct link_facts *link, int code, struct error *why)
{
	const struct driver *driver = driver_of(link);

	if (link->lro)
		return error_set(
			why, code,
			"large receive offload (LRO) is on for %s, and its driver %s does not run "
			"XDP with it; `ethtool -K %s lro off` switches it off. " GENERIC,
			link->name, link->driver[0] ? link->driver : "(unknown)", link->name);
	if (is_bond(link))
		return explain_bond(link, code, why);
	if (link->loopback || kind_without_native(link))
		return explain_no_native(link, code, why);
	if (mtu_too_large(link, driver))
		return explain_mtu(link, driver, code, why);
	if (link->features_known ? !link->xdp_basic : code == -EOPNOTSUPP && !driver)
		return explain_no_native(link, code, why);
	if ((code == -ERANGE || code == -EMSGSIZE) && !strcmp(link->driver, "veth"))
		return error_set(
			why, code,
			"the other end of %s has an MTU too large for XDP on this end; lower it "
			"there. " GENERIC,
			link->name);
	return explain_setup(link, driver, code, why);
}

int link_explain(const struct link_facts *link, int code, bool generic, struct error *why)
{
	const char *name = link->name;

	switch (code) {
	case -EPERM:
	case -EACCES:
		return error_set(
			why, code,
			"not allowed to attach XDP to %s; that takes root or the capabilities "
			"CAP_NET_ADMIN and CAP_BPF in the namespace the interface belongs to",
			name);
	case -ENODEV:
	case -ENXIO:
		return error_set(why, code,
				 "the interface %s is gone: removed, renamed or moved to another "
				 "network namespace; `ip link` lists those there are",
				 name);
	case -EBUSY:
	case -EEXIST:
		return explain_other(link, code, generic, why);
	case -ENETDOWN:
		return error_set(
			why, code,
			"the driver of %s takes XDP only while the interface is up; `ip link set "
			"dev %s up` first",
			name, name);
	case -ENOTCONN:
		return error_set(
			why, code,
			"the other end of %s is missing; a veth interface takes native XDP only as "
			"one of a pair. " GENERIC,
			name);
	default:
		break;
	}
	if (generic)
		return error_set(why, code, "cannot attach generic XDP to %s: %s", name,
				 strerror(-code));
	if (code == -ENOMEM || code == -ENOSPC)
		return error_set(
			why, code,
			"%s has not enough queues or memory for native XDP, which wants a transmit "
			"queue for each processor beside the ordinary ones (driver %s); `ethtool "
			"-l %s` shows the queues, `ethtool -L %s combined N` with a smaller N "
			"frees some. " GENERIC,
			name, link->driver[0] ? link->driver : "unknown", name, name);
	return explain_native(link, code, why);
}

/*
 * In doubt the attempt decides, not this: a driver from outside the kernel may have XDP without
 * saying so, and MTU limits shift between versions.
 */
int link_preflight(const struct link_facts *link, bool generic, bool frags, struct error *why)
{
	const struct driver *driver = driver_of(link);
	long page = sysconf(_SC_PAGESIZE);

	if (!link->ethernet)
		return error_set(
			why, -EOPNOTSUPP,
			"%s%s%s%s carries no Ethernet frames, which are what the wall reads; "
			"attach to the interface that its packets arrive by",
			link->name, link->kind[0] ? " (" : "", link->kind,
			link->kind[0] ? ")" : "");
	if (link->xdp_program)
		return explain_other(link, -EBUSY, generic, why);
	if (generic)
		return 0;
	if (link->loopback || kind_without_native(link))
		return explain_no_native(link, -EOPNOTSUPP, why);
	if (!link->features_known)
		return 0;
	if (is_bond(link) && !link->xdp_basic)
		return explain_bond(link, -EOPNOTSUPP, why);
	if (link->kind[0] && !link->xdp_basic && !driver)
		return explain_no_native(link, -EOPNOTSUPP, why);
	/* Without frags a frame with its headroom has to fit into one page. */
	if (driver && driver->mtu && page == 4096 && (!frags || !link->xdp_frags) &&
	    link->mtu + 14 + 256 > page)
		return explain_mtu(link, driver, -ERANGE, why);
	return 0;
}
