/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refuse.h - the word about a connection that is refused: how everybody finds it
 *
 * include/smtpwall/refuse.h tells what it is for, refusal.h who gives it.
 */
#ifndef SMTPWALL_BPF_REFUSE_H
#define SMTPWALL_BPF_REFUSE_H

#include <smtpwall/refuse.h>
#include "core.h"

static __always_inline struct refuse_state *refuse_state_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&refuse_state, &zero);
}

static __always_inline struct refuse_counts *refuse_counts_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&refuse_counts, &zero);
}

/* Another processor may have written a time that is later than the `now` of this one: no time has passed. */
static __always_inline __u64 refuse_age(__u64 now, __u64 then)
{
	return now > then ? now - then : 0;
}

/* May there be a word about anybody? Spares everybody the look while nothing is refused. */
static __always_inline bool refuse_recent(const struct refuse_state *state, __u64 now)
{
	__u64 last = read_once(state->last);

	return last && refuse_age(now, last) < REFUSAL_OPEN;
}

/* The word about this connection, if there is one and it is not out of date; NULL otherwise. */
static __always_inline struct refusal *refuse_find(const struct flow_key *key, __u64 now)
{
	struct refusal *word = bpf_map_lookup_elem(&refusals, key);

	return word && refuse_age(now, read_once(word->when)) < REFUSAL_OPEN ? word : 0;
}

/*
 * What becomes of a source that cannot be refused. Only where there is nobody to do it does a rate pass: a
 * listener that has as many clients as it may is no reason to let in whoever comes too often, or a flood
 * would switch off the limit that it meets.
 */
static __always_inline enum verdict refuse_otherwise(enum reason reason, enum refuse_word word)
{
	if (refuse_is_rate(reason) && (word == REFUSE_ABSENT || word == REFUSE_ELSEWHERE))
		return VERDICT_PASS;
	return VERDICT_DROP;
}

#endif
