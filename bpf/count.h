/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * count.h - the counters, per CPU, by reason and by list
 *
 * Packets seen are the sum over all reasons, so every packet is counted exactly once there.
 */
#ifndef SMTPWALL_BPF_COUNT_H
#define SMTPWALL_BPF_COUNT_H

#include "core.h"

enum fate {
	FATE_PASSED,
	FATE_WOULD_DROP,
	FATE_DROPPED,
	FATE_WOULD_REFUSE,
	FATE_REFUSED,
};

static __always_inline void count_outcome(struct outcome *o, enum fate fate, __u64 bytes)
{
	struct tally *t = fate == FATE_DROPPED	      ? &o->dropped
			  : fate == FATE_WOULD_DROP   ? &o->would_drop
			  : fate == FATE_REFUSED      ? &o->refused
			  : fate == FATE_WOULD_REFUSE ? &o->would_refuse
						      : &o->passed;

	t->packets++;
	t->bytes += bytes;
}

static __always_inline void count_reason(enum reason reason, enum fate fate, __u64 bytes)
{
	struct counters *c;
	__u32 zero = 0, slot = reason;

	c = bpf_map_lookup_elem(&counters, &zero);
	if (!c)
		return;
	barrier_on(slot);
	count_outcome(&((struct outcome *)c)[slot & (REASON_SLOTS - 1)], fate, bytes);
}

static __always_inline void count_list(__u32 list, enum fate fate, __u64 bytes)
{
	struct outcome *o = bpf_map_lookup_elem(&list_counters, &list);

	if (o)
		count_outcome(o, fate, bytes);
}

#endif
