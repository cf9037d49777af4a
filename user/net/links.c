/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * links.c - what there is to know about one interface before and after the wall is put on it
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <netlink/attr.h>
#include "inside.h"

#ifndef IFF_LOWER_UP
#define IFF_LOWER_UP (1 << 16) /* net/if.h stops before it, linux/if.h cannot stand beside it */
#endif

/* Attributes of fixed size are read only if they have it; the kernel's have. */
static uint32_t number_of(const struct nlattr *attr)
{
	return attr && nla_len(attr) >= (int)sizeof(uint32_t) ? nla_get_u32(attr) : 0;
}

static void text_of(const struct nlattr *attr, char *out, size_t size)
{
	if (attr && nla_len(attr) > 0)
		nla_strlcpy(out, attr, size);
}

static void read_xdp(const struct nlattr *nested, struct link_facts *link)
{
	static const char *const mode[] = {
		[XDP_ATTACHED_NONE] = "",	[XDP_ATTACHED_DRV] = "native",
		[XDP_ATTACHED_SKB] = "generic", [XDP_ATTACHED_HW] = "offload",
		[XDP_ATTACHED_MULTI] = "multi",
	};
	/* With several modes at once the kernel leaves out the one id and tells each. */
	static const int id[] = {IFLA_XDP_PROG_ID, IFLA_XDP_DRV_PROG_ID, IFLA_XDP_SKB_PROG_ID,
				 IFLA_XDP_HW_PROG_ID};
	struct nlattr *tb[IFLA_XDP_MAX + 1];
	uint8_t attached = 0;

	if (!nested || nla_parse_nested(tb, IFLA_XDP_MAX, (struct nlattr *)nested, NULL) < 0)
		return;
	if (tb[IFLA_XDP_ATTACHED] && nla_len(tb[IFLA_XDP_ATTACHED]) >= 1)
		attached = nla_get_u8(tb[IFLA_XDP_ATTACHED]);
	if (attached == XDP_ATTACHED_NONE || attached >= sizeof(mode) / sizeof(mode[0]))
		return;
	snprintf(link->xdp_mode, sizeof(link->xdp_mode), "%s", mode[attached]);
	for (size_t i = 0; i < sizeof(id) / sizeof(id[0]) && !link->xdp_program; i++)
		link->xdp_program = number_of(tb[id[i]]);
}

struct reading {
	struct link_facts link;
	int parent; /* IFLA_LINK */
};

static int read_link(struct nlmsghdr *message, void *context)
{
	struct reading *reading = context;
	struct link_facts *link = &reading->link;
	const struct ifinfomsg *info = nlmsg_data(message);
	struct nlattr *tb[IFLA_MAX + 1], *kind[IFLA_INFO_MAX + 1];

	if (message->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(message, sizeof(*info), tb, IFLA_MAX, NULL) < 0)
		return 0;
	memset(reading, 0, sizeof(*reading));
	link->index = info->ifi_index;
	link->up = info->ifi_flags & IFF_UP;
	link->carrier = info->ifi_flags & IFF_LOWER_UP;
	link->loopback = info->ifi_flags & IFF_LOOPBACK;
	link->ethernet = info->ifi_type == ARPHRD_ETHER || info->ifi_type == ARPHRD_LOOPBACK;
	link->mtu = number_of(tb[IFLA_MTU]);
	link->master = (int)number_of(tb[IFLA_MASTER]);
	text_of(tb[IFLA_IFNAME], link->name, sizeof(link->name));
	if (tb[IFLA_LINKINFO] &&
	    nla_parse_nested(kind, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL) == 0)
		text_of(kind[IFLA_INFO_KIND], link->kind, sizeof(link->kind));
	/* A link of another namespace (the other end of a veth pair) has no name here. */
	if (!tb[IFLA_LINK_NETNSID])
		reading->parent = (int)number_of(tb[IFLA_LINK]);
	read_xdp(tb[IFLA_XDP], link);
	return 0;
}

struct ports {
	int master;
	char *out;
	size_t size;
};

static bool among(const char *names, const char *name)
{
	size_t length = strlen(name);

	while (*names) {
		size_t word = strcspn(names, " ");

		if (word == length && !memcmp(names, name, length))
			return true;
		names += word + (names[word] == ' ');
	}
	return false;
}

static int note_port(struct nlmsghdr *message, void *context)
{
	struct ports *ports = context;
	struct nlattr *tb[IFLA_MAX + 1];
	char name[IF_NAMESIZE] = "", padded[IF_NAMESIZE + 2];
	size_t used = strlen(ports->out);

	if (message->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(message, sizeof(struct ifinfomsg), tb, IFLA_MAX, NULL) < 0 ||
	    (int)number_of(tb[IFLA_MASTER]) != ports->master)
		return 0;
	text_of(tb[IFLA_IFNAME], name, sizeof(name));
	snprintf(padded, sizeof(padded), "%s%s", used ? " " : "", name);
	/* An interrupted dump comes twice; whole names only, for an administrator to type. */
	if (!name[0] || among(ports->out, name) || used + strlen(padded) >= ports->size)
		return 0;
	memcpy(ports->out + used, padded, strlen(padded) + 1);
	return 0;
}

/* Names the devices that frames of this one really come in by. */
static void find_lower(struct link_facts *link, int parent)
{
	static const char *const masters[] = {"bridge", "bond", "team", "vrf"};
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct ports ports = {link->index, link->lower, sizeof(link->lower)};

	for (size_t i = 0; i < sizeof(masters) / sizeof(masters[0]); i++) {
		if (strcmp(link->kind, masters[i]) != 0)
			continue;
		/* Without the ports the sentences are shorter, so a failure here is none. */
		net_ask(NETLINK_ROUTE, net_request(RTM_GETLINK, NLM_F_DUMP, &info, sizeof(info)),
			note_port, &ports);
		return;
	}
	if (parent > 0 && parent != link->index && strcmp(link->kind, "veth") != 0) {
		char name[IF_NAMESIZE];

		if (if_indextoname((unsigned int)parent, name))
			snprintf(link->lower, sizeof(link->lower), "%s", name);
	}
}

static int find_link(const char *name, int index, struct link_facts *out)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = index};
	struct nl_msg *request = net_request(RTM_GETLINK, 0, &info, sizeof(info));
	struct reading reading = {0};
	struct link_facts *link = &reading.link;
	int code;

	if (!request)
		return -ENOMEM;
	nla_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (name)
		nla_put_string(request, IFLA_IFNAME, name);
	code = net_ask(NETLINK_ROUTE, request, read_link, &reading);
	if (code < 0)
		return code;
	if (!link->index)
		return -ENODEV;
	net_driver(link->name, link->driver, sizeof(link->driver), &link->lro);
	link->features_known = net_xdp_features(link->index, &link->xdp_basic, &link->xdp_frags);
	find_lower(link, reading.parent);
	*out = *link;
	return 0;
}

int link_facts(const char *name, struct link_facts *out, struct error *why)
{
	size_t length = strlen(name);
	char clean[64];
	int code = -ENODEV;

	if (length > 0 && length < IF_NAMESIZE)
		code = find_link(name, 0, out);
	if (!code)
		return 0;
	text_clean(name, clean, sizeof(clean));
	if (code == -ENODEV || code == -EINVAL || code == -ERANGE)
		return error_set(
			why, -ENODEV,
			"there is no interface \"%s\" in this network namespace; `ip link` lists "
			"those there are",
			clean);
	return error_set(why, code, "cannot look at interface \"%s\": %s", clean, strerror(-code));
}

int link_facts_by_index(int index, struct link_facts *out, struct error *why)
{
	int code = index > 0 ? find_link(NULL, index, out) : -ENODEV;

	if (!code)
		return 0;
	if (code == -ENODEV || code == -EINVAL)
		return error_set(why, -ENODEV,
				 "there is no interface number %d in this network namespace; it "
				 "may have been removed or moved to another one",
				 index);
	return error_set(why, code, "cannot look at interface number %d: %s", index,
			 strerror(-code));
}
