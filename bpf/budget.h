/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * budget.h - how much may be told and learnt per second on one CPU
 *
 * Events and new entries of the LRU maps are what a flood of forged sources could run up. Both are
 * bounded per CPU and second; what is held back is counted in `notices`.
 */
#ifndef SMTPWALL_BPF_BUDGET_H
#define SMTPWALL_BPF_BUDGET_H

#include "core.h"

static __always_inline struct notices *notices_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&notices, &zero);
}

/* True while less than `limit` was taken in the second of `now`. */
static __always_inline bool budget_take(__u64 *second, __u64 *spent, __u64 limit, __u64 now)
{
	__u64 this_second = now / 1000000000ULL;

	if (*second != this_second) {
		*second = this_second;
		*spent = 0;
	}
	if (*spent >= limit)
		return false;
	*spent += 1;
	return true;
}

/* May one more unknown source be learnt? */
static __always_inline bool budget_learn(const struct settings *s, __u64 now)
{
	struct notices *n = notices_get();

	if (!n)
		return false;
	if (budget_take(&n->learn_second, &n->learn_spent, s->learn_budget, now))
		return true;
	n->not_learnt++;
	return false;
}

#endif
