/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * proven.h - a source whose address is not forged
 *
 * Two programs find that out: `sessions` by the handshakes of this host's sockets, and `replies` by the
 * server's data that leaves, where the mail server is in another network namespace or on another host.
 * Both do the same about it, here.
 */
#ifndef SMTPWALL_BPF_PROVEN_H
#define SMTPWALL_BPF_PROVEN_H

#include "announce.h"
#include "core.h"
#include "rate.h"

static __always_inline void proven_announce(const struct settings *s, const struct address *source,
					    __u64 now)
{
	struct event e;

	__builtin_memset(&e, 0, sizeof(e));
	e.when = now;
	e.source = *source;
	e.kind = EVENT_PROVEN;
	e.reason = REASON_CLEAN;
	e.mode = mode_at(read_once(s->mode), now);
	announce(s, &e);
}

/* The source's entry, made from `first` (all zero) if there is none and there is room. */
static __always_inline struct proven *proven_entry(const struct settings *s,
						   const struct address *source, __u64 now,
						   struct proven *first)
{
	struct proven *p = bpf_map_lookup_elem(&proven, source);
	struct proof *proof_map;
	struct notices *n;
	__u32 zero = 0;

	if (p)
		return p;
	first->since = now;
	first->last = now;
	bpf_map_update_elem(&proven, source, first, BPF_NOEXIST);
	p = bpf_map_lookup_elem(&proven, source);
	if (p) {
		proven_announce(s, source, now);
		return p;
	}
	n = notices_get();
	if (n)
		n->proven_full++;
	proof_map = bpf_map_lookup_elem(&proof, &zero);
	if (proof_map)
		proof_map->full = now;
	return 0;
}

/* Has somebody to look the source up in the DNSBLs? */
static __always_inline void proven_ask(const struct settings *s, const struct address *source,
				       __u64 now)
{
	struct dnsbl *answer;

	if (!s->dnsbl_threshold || address_is_private(source))
		return;
	answer = bpf_map_lookup_elem(&dnsbl, source);
	if (!answer || now >= answer->renew)
		announce_ask(s, source, ASK_SESSION, now);
}

static __always_inline void proven_charge(const struct settings *s, const struct address *source,
					  __u64 now)
{
	struct rate_key key;

	if (address_is_private(source))
		return;
	if (s->source_cost) {
		rate_source_key(&key, source);
		rate_charge(s, &key, s->source_cost, s->source_ahead, now);
	}
	if (s->network_cost) {
		rate_network_key(&key, source);
		rate_charge(s, &key, s->network_cost, s->network_ahead, now);
	}
}

/* Tells that proof by sockets works here; a store a second at most, so that CPUs do not fight for the line. */
static __always_inline void proven_works(__u64 now)
{
	__u32 zero = 0;
	struct proof *p = bpf_map_lookup_elem(&proof, &zero);

	if (!p || now - p->last < 1000000000ULL)
		return;
	if (!p->first)
		p->first = now;
	p->last = now;
}

/* What follows from a completed connection to a port of this kind, for a source that has an entry. */
static __always_inline void proven_completed(const struct settings *s, struct proven *p,
					     const struct address *source, enum port_kind port,
					     __u64 now)
{
	proven_charge(s, source, now);
	__sync_fetch_and_add(&p->completed, 1);
	if (port != PORT_PROTECTED)
		return;
	p->mail = now;
	proven_ask(s, source, now);
}

#endif
