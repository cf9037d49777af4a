// SPDX-License-Identifier: GPL-2.0-only
#include "core.h"
#include <linux/pkt_cls.h>

char LICENSE[] SEC("license") = "GPL";

SEC("tc")
int replies(struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}
