// SPDX-License-Identifier: GPL-2.0-only
#include "core.h"

char LICENSE[] SEC("license") = "GPL";

SEC("xdp")
int report(struct xdp_md *ctx)
{
	return XDP_PASS;
}
