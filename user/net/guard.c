/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guard.c - the addresses that must never be blocked: our own, the gateways', the resolvers'
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netlink/attr.h>
#include "inside.h"

#define RESOLV_CONF   "/etc/resolv.conf"
#define RESOLVERS_MAX 64 /* libc asks three; what is far beyond that is no resolv.conf */
#define ADDRESSES_MAX 65536

struct collection {
	struct guard_entry *entry;
	size_t count, room;
};

static const struct prefix loopback4 = {.address.byte = {[10] = 0xff, [11] = 0xff, [12] = 127},
					.length = ADDRESS_V4_AT + 8};
static const struct prefix loopback6 = {.address.byte = {[15] = 1}, .length = ADDRESS_BITS};

static int add_prefix(struct collection *c, const struct prefix *prefix, const char *why)
{
	if (c->count >= ADDRESSES_MAX)
		return -E2BIG;
	if (c->count == c->room) {
		size_t room = c->room ? c->room * 2 : 16;
		struct guard_entry *grown = realloc(c->entry, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		c->entry = grown;
		c->room = room;
	}
	memset(&c->entry[c->count], 0, sizeof(c->entry[0]));
	c->entry[c->count].prefix = *prefix;
	snprintf(c->entry[c->count].why, sizeof(c->entry[0].why), "%s", why);
	c->count++;
	return 0;
}

static int add_address(struct collection *c, const struct address *a, const char *why)
{
	struct prefix prefix = {.address = *a, .length = ADDRESS_BITS};

	/* "0.0.0.0" and "::" are nobody; in resolv.conf they mean this host, which is in. */
	if (address_is_v4(a) ? address_v4(a) == 0
			     : (address_raw_half(a, 0) == 0 && address_raw_half(a, 1) == 0))
		return 0;
	if (prefix_contains(&loopback4, &prefix) || prefix_contains(&loopback6, &prefix))
		return 0;
	return add_prefix(c, &prefix, why);
}

static int take_address(struct nlmsghdr *message, void *context)
{
	const struct ifaddrmsg *info = nlmsg_data(message);
	struct nlattr *tb[IFA_MAX + 1], *attr;
	struct address a;

	if (message->nlmsg_type != RTM_NEWADDR ||
	    nlmsg_parse(message, sizeof(*info), tb, IFA_MAX, NULL) < 0)
		return 0;
	/* On a point-to-point link IFA_ADDRESS is the other end. */
	attr = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (!attr || !net_address(info->ifa_family, nla_data(attr), (size_t)nla_len(attr), &a))
		return 0;
	return add_address(context, &a, "own address");
}

static int take_gateway(const struct net_hop *hop, void *context)
{
	return hop->gateway ? add_address(context, hop->gateway, "gateway") : 0;
}

/*
 * "nameserver ADDRESS", at the beginning of the line as libc wants it, perhaps with a zone
 * ("fe80::1%eth0"). Whatever else is in the file is libc's affair.
 */
static int take_resolvers(const char *path, struct collection *c)
{
	static const char word[] = "nameserver";
	FILE *file = fopen(path, "re");
	size_t size = 0, seen = 0;
	char *line = NULL;
	int code = 0;

	if (!file)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	errno = 0;
	while (!code && seen < RESOLVERS_MAX && getline(&line, &size, file) >= 0) {
		char *text = line + sizeof(word) - 1;
		struct address a;

		if (strncmp(line, word, sizeof(word) - 1) != 0 || !strchr(" \t", *text) || !*text)
			continue;
		text += strspn(text, " \t");
		text[strcspn(text, " \t\r\n%#;")] = '\0';
		if (address_parse(text, &a)) {
			code = add_address(c, &a, "resolver");
			seen++;
		}
	}
	if (!code && ferror(file))
		code = errno ? -errno : -EIO;
	free(line);
	fclose(file);
	return code;
}

/* Who an address is, when it is several things: what matters most to an administrator. */
static int rank(const struct guard_entry *e)
{
	static const char *const order[] = {"loopback", "own address", "gateway", "resolver"};
	int i = 0;

	while (i < 3 && strcmp(e->why, order[i]) != 0)
		i++;
	return i;
}

static int compare(const void *left, const void *right)
{
	const struct guard_entry *a = left, *b = right;
	int order = memcmp(a->prefix.address.byte, b->prefix.address.byte, ADDRESS_BYTES);

	if (!order)
		order = (a->prefix.length > b->prefix.length) -
			(a->prefix.length < b->prefix.length);
	return order ? order : rank(a) - rank(b);
}

static void sort_and_join(struct collection *c)
{
	size_t kept = 0;

	qsort(c->entry, c->count, sizeof(c->entry[0]), compare);
	for (size_t i = 0; i < c->count; i++) {
		const struct prefix *p = &c->entry[i].prefix;

		if (kept && c->entry[kept - 1].prefix.length == p->length &&
		    !memcmp(&c->entry[kept - 1].prefix.address, &p->address, sizeof(p->address)))
			continue;
		c->entry[kept++] = c->entry[i];
	}
	c->count = kept;
}

int guard_entries(const char *resolv_conf, struct guard_entry **out, size_t *count,
		  struct error *why)
{
	const char *path = resolv_conf ? resolv_conf : RESOLV_CONF;
	struct ifaddrmsg info = {.ifa_family = AF_UNSPEC};
	struct collection c = {0};
	const char *what = "the loopback addresses";
	int code;

	code = add_prefix(&c, &loopback4, "loopback");
	if (!code)
		code = add_prefix(&c, &loopback6, "loopback");
	if (!code) {
		what = "this host's own addresses";
		code = net_ask(NETLINK_ROUTE,
			       net_request(RTM_GETADDR, NLM_F_DUMP, &info, sizeof(info)),
			       take_address, &c);
	}
	if (!code) {
		what = "the gateways of the default routes";
		code = net_default_hops(take_gateway, &c);
	}
	if (!code) {
		what = path;
		code = take_resolvers(path, &c);
	}
	if (code) {
		free(c.entry);
		return error_set(why, code,
				 "cannot read %s, which the guard list protects from blocking: %s",
				 what, strerror(-code));
	}
	sort_and_join(&c);
	*out = c.entry;
	*count = c.count;
	return 0;
}
