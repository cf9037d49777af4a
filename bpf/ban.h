/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ban.h - is a source, or its network, banned?
 *
 * The map `abuse` says until when any ban lasts at all, so that a packet asks the map `bans` only while
 * there is something to find.
 */
#ifndef SMTPWALL_BPF_BAN_H
#define SMTPWALL_BPF_BAN_H

#include "core.h"

struct ban_query {
	struct prefix key; /* of the ban that was found */
	struct ban *ban;   /* in force; NULL: none */
};

static __always_inline struct abuse *abuse_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&abuse, &zero);
}

static __always_inline bool ban_try(struct ban_query *q, __u64 now, enum mode mode)
{
	struct ban *ban = bpf_map_lookup_elem(&bans, &q->key);

	if (!ban || !ban_in_force(ban, now, mode))
		return false;
	q->ban = ban;
	return true;
}

static __always_inline void ban_lookup(const struct address *source, __u64 now, enum mode mode,
				       struct ban_query *q)
{
	const struct abuse *a = abuse_get();

	__builtin_memset(q, 0, sizeof(*q));
	if (!a)
		return;
	if (now < read_once(a->banned_until)) {
		q->key.address = *source;
		q->key.length = ADDRESS_BITS;
		if (ban_try(q, now, mode))
			return;
	}
	if (now >= read_once(a->networks_until))
		return;
	q->key.address = *source;
	address_network(&q->key.address);
	q->key.length = address_is_v4(source) ? 120 : 64;
	if (ban_try(q, now, mode) || q->key.length == 120)
		return;
	address_set_half(&q->key.address, 0,
			 address_raw_half(&q->key.address, 0) & address_be64(~0xffffULL));
	q->key.length = 48;
	ban_try(q, now, mode);
}

#endif
