// SPDX-License-Identifier: GPL-2.0-only
/*
 * refuse.bpf.c - hands a refused connection to the refusal listener (sk_lookup)
 */
#include "core.h"

char LICENSE[] SEC("license") = "GPL";

SEC("sk_lookup")
int refuse(struct bpf_sk_lookup *ctx)
{
	return SK_PASS;
}
