/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rate.h - GCRA (generic cell rate algorithm, ITU-T I.371) on one 64-bit word per source
 *
 * The word is the theoretical arrival time: each event moves it one `cost` on from the later of
 * itself and now; an event conforms while the word is at most `ahead` in front of now, where
 * ahead = (burst - 1) * cost. An event that does not conform does not move it, so that hammering
 * does not lengthen the wait. No windows, no refill, no edge at which twice the rate fits.
 */
#ifndef SMTPWALL_BPF_RATE_H
#define SMTPWALL_BPF_RATE_H

#include "budget.h"
#include "core.h"

#define RATE_TRIES 8 /* of compare-and-swap; then the event is added first and judged afterwards */

static __always_inline bool rate_conforms(const struct rate_key *key, __u64 ahead, __u64 now)
{
	struct rate *r = bpf_map_lookup_elem(&rates, key);

	return !r || read_once(r->ahead_to) <= now + ahead;
}

/*
 * Charges one event if it conforms, and returns whether it did. Changes in place: an LRU's update
 * of an existing key may push another one out. A source is only learnt within the budget.
 */
static __always_inline bool rate_charge(const struct settings *s, const struct rate_key *key,
					__u64 cost, __u64 ahead, __u64 now)
{
	struct rate *r = bpf_map_lookup_elem(&rates, key);
	struct rate first;

	if (!r) {
		first.ahead_to = now + cost;
		if (!budget_learn(s, now) || !bpf_map_update_elem(&rates, key, &first, BPF_NOEXIST))
			return true;
		/* Another CPU was first: charge what it has made. */
		r = bpf_map_lookup_elem(&rates, key);
		if (!r)
			return true;
	}
	for (int i = 0; i < RATE_TRIES; i++) {
		__u64 old = read_once(r->ahead_to);
		__u64 from = old > now ? old : now;

		if (old > now + ahead)
			return false;
		if (__sync_val_compare_and_swap(&r->ahead_to, old, from + cost) == old)
			return true;
	}
	/* So many at once have just moved the word to now or beyond. */
	if (__sync_fetch_and_add(&r->ahead_to, cost) <= now + ahead)
		return true;
	__sync_fetch_and_add(&r->ahead_to, -cost);
	return false;
}

static __always_inline void rate_source_key(struct rate_key *key, const struct address *source)
{
	key->address = *source;
	key->kind = RATE_SOURCE;
	key->unused = 0;
}

static __always_inline void rate_network_key(struct rate_key *key, const struct address *source)
{
	key->address = *source;
	address_network(&key->address);
	key->kind = RATE_NETWORK;
	key->unused = 0;
}

static __always_inline void rate_syn_key(struct rate_key *key, const struct address *source)
{
	key->address = *source;
	key->kind = RATE_SYN;
	key->unused = 0;
}

#endif
