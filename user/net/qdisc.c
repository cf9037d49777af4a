// SPDX-License-Identifier: GPL-2.0-only
/*
 * qdisc.c - which hook for filters an interface has: none, "ingress", or "clsact"
 *
 * Both stand at the same place, so an interface has one of them. A filter for egress that is given to
 * "ingress" is taken without a word, and put where packets come in.
 */
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <netlink/attr.h>
#include "inside.h"

struct search {
	int index;
	char kind[16];
};

static int read_qdisc(struct nlmsghdr *message, void *context)
{
	struct search *search = context;
	const struct tcmsg *tc = nlmsg_data(message);
	struct nlattr *tb[TCA_MAX + 1];

	if (message->nlmsg_type != RTM_NEWQDISC ||
	    nlmsg_parse(message, sizeof(*tc), tb, TCA_MAX, NULL) < 0 ||
	    tc->tcm_ifindex != search->index || tc->tcm_parent != TC_H_CLSACT || !tb[TCA_KIND])
		return 0;
	nla_strlcpy(search->kind, tb[TCA_KIND], sizeof(search->kind));
	return 0;
}

int net_filter_hook(int index, char kind[16])
{
	struct tcmsg tc = {.tcm_family = AF_UNSPEC, .tcm_ifindex = index};
	struct search search = {.index = index};
	int err = net_ask(NETLINK_ROUTE, net_request(RTM_GETQDISC, NLM_F_DUMP, &tc, sizeof(tc)),
			  read_qdisc, &search);

	if (!err)
		snprintf(kind, 16, "%s", search.kind);
	return err;
}
