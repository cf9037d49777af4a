/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * announce.h - tells user space, within a budget, and only when something changed
 *
 * Two rings, because a ring has one consumer: `events` is the daemon's, `watched` is filled only
 * while somebody runs `smtpwall watch`. An event that does not fit the budget or the ring is
 * counted and forgotten: maps are the truth, events are hints.
 */
#ifndef SMTPWALL_BPF_ANNOUNCE_H
#define SMTPWALL_BPF_ANNOUNCE_H

#include "budget.h"
#include "core.h"

static __always_inline void announce(const struct settings *s, const struct event *e)
{
	struct notices *n = notices_get();

	if (!n)
		return;
	if (!budget_take(&n->event_second, &n->event_spent, s->event_budget, e->when)) {
		n->events_held++;
		return;
	}
	if (bpf_ringbuf_output(&events, (void *)e, sizeof(*e), 0))
		n->events_held++;
	if (e->when < read_once(s->watch_until) &&
	    bpf_ringbuf_output(&watched, (void *)e, sizeof(*e), 0))
		n->events_held++;
}

/*
 * Asks the daemon to look the source up, once in a while, within a budget of its own: what drops
 * sources by the thousand must not keep honest ones from being looked up. What is held back here, the
 * daemon finds when it walks the map `proven`.
 */
static __always_inline void announce_ask(const struct settings *s, const struct address *source,
					 enum ask why, __u64 now)
{
	__u64 *last = bpf_map_lookup_elem(&asked, source);
	struct notices *n = notices_get();
	struct event e;

	if ((last && now - *last < ASK_AGAIN) || !n)
		return;
	if (!budget_take(&n->ask_second, &n->ask_spent, s->ask_budget, now)) {
		n->asks_held++;
		return;
	}
	__builtin_memset(&e, 0, sizeof(e));
	e.when = now;
	e.source = *source;
	e.kind = EVENT_ASK;
	e.reason = why == ASK_SYN ? REASON_DEFERRED : REASON_DNSBL;
	e.mode = mode_at(read_once(s->mode), now);
	e.flags = why;
	if (bpf_ringbuf_output(&events, &e, sizeof(e), 0)) {
		n->asks_held++;
		return;
	}
	lru_put(&asked, source, &now, BPF_ANY);
	if (now < read_once(s->watch_until))
		bpf_ringbuf_output(&watched, &e, sizeof(e), 0);
}

/*
 * True if this verdict of the source was not told lately. Sources are only remembered while the
 * event budget lasts: a flood of listed sources then costs no map update per packet.
 */
static __always_inline bool announce_is_news(const struct settings *s, const struct address *source,
					     enum reason reason, enum verdict verdict,
					     enum mode mode, __u64 now)
{
	struct announced *a = bpf_map_lookup_elem(&announced, source);
	__u32 bit = announced_bit(reason, verdict);
	struct announced first = {
		.when = now, .reason = reason, .verdict = verdict, .mode = mode, .told = bit};
	struct notices *n;

	if (a) {
		if (a->mode != mode || now - a->when >= ANNOUNCE_AGAIN) {
			a->when = now;
			a->told = 0;
		}
		if (a->told & bit)
			return false;
		a->reason = reason;
		a->verdict = verdict;
		a->mode = mode;
		a->told |= bit;
		return true;
	}
	n = notices_get();
	if (!n)
		return false;
	if (n->event_second == now / 1000000000ULL && n->event_spent >= s->event_budget) {
		n->events_held++;
		return false;
	}
	lru_put(&announced, source, &first, BPF_NOEXIST);
	return true;
}

#endif
