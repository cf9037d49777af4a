/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * manual.h - what an administrator allowed or blocked by hand
 *
 * Asks the map `manual` once for every prefix length in use, usually none or one. A wider entry
 * stays in force whatever becomes of a narrower one inside it, which a longest-prefix match would
 * not give. Expiry is checked here, on the boot clock, so it needs no user space.
 */
#ifndef SMTPWALL_BPF_MANUAL_H
#define SMTPWALL_BPF_MANUAL_H

#include "core.h"

struct manual_query {
	struct prefix key; /* scratch */
	struct address source;
	__u64 now;
	/* answers: the first slot in force; until 0: none */
	__u64 allow_since, allow_until;
	__u64 block_since, block_until;
};

static __always_inline __u64 manual_mask(__u64 half, __u32 bits)
{
	if (bits == 0)
		return 0;
	if (bits >= 64)
		return half;
	return half & address_be64(~0ULL << (64 - bits));
}

static long manual_step(__u32 i, struct manual_query *q)
{
	struct manual_lengths *lengths;
	struct manual *m;
	__u32 zero = 0, length;

	lengths = bpf_map_lookup_elem(&manual_lengths, &zero);
	if (!lengths)
		return 1;
	barrier_on(i);
	length = lengths->length[i & (MANUAL_LENGTHS - 1)];
	address_set_half(&q->key.address, 0, manual_mask(address_raw_half(&q->source, 0), length));
	address_set_half(
		&q->key.address, 1,
		manual_mask(address_raw_half(&q->source, 1), length > 64 ? length - 64 : 0));
	q->key.length = length;
	m = bpf_map_lookup_elem(&manual, &q->key);
	if (!m)
		return 0;
	if (m->allow_since <= q->now && q->now < m->allow_until) {
		q->allow_since = m->allow_since;
		q->allow_until = m->allow_until;
		return 1; /* nothing wins over an allow */
	}
	if (!q->block_until && m->block_since <= q->now && q->now < m->block_until) {
		q->block_since = m->block_since;
		q->block_until = m->block_until;
	}
	return 0;
}

static __always_inline void manual_lookup(const struct address *source, __u64 now,
					  struct manual_query *q)
{
	struct manual_lengths *lengths;
	__u32 zero = 0, count;

	__builtin_memset(q, 0, sizeof(*q));
	lengths = bpf_map_lookup_elem(&manual_lengths, &zero);
	if (!lengths)
		return;
	count = read_once(lengths->count);
	if (!count)
		return;
	q->source = *source;
	q->now = now;
	if (count > MANUAL_LENGTHS)
		count = MANUAL_LENGTHS;
	bpf_loop(count, manual_step, q, 0);
}

#endif
