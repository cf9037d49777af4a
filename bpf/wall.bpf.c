// SPDX-License-Identifier: GPL-2.0-only
/*
 * wall.bpf.c - the XDP programs
 *
 * `wall` is attached to the interfaces: parse, is it TCP to a protected port?, decide, count, and
 * in enforce mode drop, or let the refusal listener have the connection (refusal.h). `check` takes the
 * same decision about the packet it is given by BPF_PROG_RUN(2), leaves no trace in any map, and writes
 * struct answer over the packet's start. Both answer XDP_DROP (1) or XDP_PASS (2) for the mode in force.
 *
 * Whatever goes wrong here (no settings, no policy) passes the packet: the wall never blocks by
 * accident.
 */
#include "core.h"
#include "announce.h"
#include "count.h"
#include "decide.h"
#include "packet.h"
#include "refusal.h"

char LICENSE[] SEC("license") = "GPL";

/* The parts of a packet's way that both programs share. */
struct look {
	struct packet packet;
	struct decision decision;
	enum port_kind port;
	enum mode mode;
	__u64 now;
};

/*
 * A function of its own, and a global one, for the verifiers: they look at it once, not at all that
 * follows once for each way through the headers.
 */
__noinline int look_read(struct xdp_md *ctx, struct packet *packet)
{
	if (packet)
		packet_parse((const void *)(long)ctx->data, (const void *)(long)ctx->data_end,
			     packet);
	return 0;
}

static __always_inline void look_at(const struct settings *s, struct xdp_md *ctx, bool charge,
				    struct look *look)
{
	struct facts facts = {};

	look_read(ctx, &look->packet);
	switch (look->packet.kind) {
	case PACKET_TCP:
		look->port = port_kind(s, look->packet.port);
		break;
	case PACKET_HIDDEN:
		look->port = PORT_HIDDEN;
		break;
	case PACKET_MALFORMED:
		look->decision.reason = REASON_MALFORMED;
		return;
	default:
		return;
	}
	if (look->port == PORT_OTHER)
		return;
	look->now = now_ns(s);
	look->mode = mode_at(read_once(s->mode), look->now);
	facts.source = look->packet.source;
	facts.now = look->now;
	facts.mode = look->mode;
	facts.port = look->port;
	facts.syn = look->packet.syn;
	decide(s, &facts, charge, &look->decision);
	if (look->decision.verdict == VERDICT_REFUSE)
		refuse_settle(&look->packet, charge, look->mode, look->now, &look->decision);
	if (charge && facts.syn &&
	    (look->decision.verdict == VERDICT_PASS || look->mode != MODE_ENFORCE))
		refuse_take_back(&look->packet, look->now);
	if (look->port == PORT_HIDDEN && look->decision.verdict == VERDICT_PASS)
		look->decision.reason = look->packet.odd ? REASON_MALFORMED : REASON_OTHER;
}

static __always_inline void look_tell(const struct settings *s, const struct look *look)
{
	const struct decision *d = &look->decision;
	struct event e;

	if (d->ask)
		announce_ask(s, &look->packet.source, d->ask, look->now);
	/* A stranger's first SYN is nothing to write into the log about. */
	if (d->reason == REASON_DEFERRED)
		return;
	if (!announce_is_news(s, &look->packet.source, d->reason, d->verdict, look->mode,
			      look->now))
		return;
	__builtin_memset(&e, 0, sizeof(e));
	e.when = look->now;
	e.source = look->packet.source;
	e.kind = EVENT_VERDICT;
	e.reason = d->reason;
	e.verdict = d->verdict;
	e.mode = look->mode;
	e.list = d->list;
	e.port = look->packet.port;
	e.since = d->since;
	e.until = d->until;
	if (d->dnsbl) {
		e.score = d->dnsbl->score;
		e.sites = d->dnsbl->sites;
	}
	announce(s, &e);
}

static __always_inline bool look_drops(const struct look *look)
{
	return look->decision.verdict == VERDICT_DROP && look->mode == MODE_ENFORCE;
}

/* A sign of life for `replies`: a store a second at most. */
static __always_inline void look_sign(__u64 now)
{
	struct abuse *a = abuse_get();

	if (a && now - a->wall_seen > 1000000000ULL)
		a->wall_seen = now;
}

SEC("xdp.frags")
int wall(struct xdp_md *ctx)
{
	const struct settings *s = settings_get();
	struct look look = {};
	enum fate fate = FATE_PASSED;
	__u64 bytes;

	if (!s)
		return XDP_PASS;
	look_at(s, ctx, true, &look);
	if (look.now)
		look_sign(look.now);
	bytes = bpf_xdp_get_buff_len(ctx);
	if (look.decision.verdict == VERDICT_DROP)
		fate = look.mode == MODE_ENFORCE ? FATE_DROPPED : FATE_WOULD_DROP;
	else if (look.decision.verdict == VERDICT_REFUSE)
		fate = look.mode == MODE_ENFORCE ? FATE_REFUSED : FATE_WOULD_REFUSE;
	count_reason(look.decision.reason, fate, bytes);
	if (look.decision.list)
		count_list(look.decision.list, fate, bytes);
	if (look.decision.counted)
		count_list(look.decision.counted, FATE_PASSED, bytes);
	if (fate == FATE_PASSED)
		return XDP_PASS;
	look_tell(s, &look);
	return fate == FATE_DROPPED ? XDP_DROP : XDP_PASS;
}

/* How often it was told, and until when it is dropped for that. */
static __always_inline void answer_ladder(const struct settings *s, struct answer *a,
					  const struct look *look)
{
	const struct decision *d = &look->decision;
	const struct told *own, *end = 0;
	struct refuse_scratch *scratch;
	__u32 zero = 0;

	own = d->refuses ? bpf_map_lookup_elem(&told, &look->packet.source) : 0;
	a->refuse_told = own ? told_in_window(s, own, look->now) : 0;
	a->refuse_since = a->refuse_told ? own->began : 0;
	scratch = bpf_map_lookup_elem(&refuse_scratches, &zero);
	if (d->refuse == REFUSE_LADDER && scratch)
		end = refuse_ladder(s, scratch, look->now);
	/* A row that only waits for its first handshakes has no window yet. */
	a->refuse_until = end && end->began ? end->began + s->refuse_window : 0;
	a->refuse_network = end && end != own;
}

static __always_inline void answer_fill(const struct settings *settings, struct answer *a,
					const struct look *look)
{
	const struct decision *d = &look->decision;
	const struct policy_list *list = 0;
	struct policy_ref policy;

	a->magic = ANSWER_MAGIC;
	a->reason = d->reason;
	a->would = d->verdict;
	a->verdict = look->mode == MODE_ENFORCE ? d->verdict : VERDICT_PASS;
	a->mode = look->mode;
	a->list = d->list;
	a->counted = d->counted;
	a->proven = d->proven != 0;
	a->source = look->packet.source;
	a->since = d->since;
	a->until = d->until;
	a->list_loaded = d->list_loaded;
	a->now = look->now;
	a->port = look->port;
	a->sessions = decide_open_sessions(d);
	a->answered = d->dnsbl != 0;
	a->score = d->dnsbl ? d->dnsbl->score : 0;
	a->sites = d->dnsbl ? d->dnsbl->sites : 0;
	a->ban_length = d->ban_length;
	a->refuses = d->refuses;
	a->refuse_word = d->refuse;
	answer_ladder(settings, a, look);
	/* The policy that was asked, which may have been replaced since. */
	if ((d->list || d->counted) && policy_open(&policy, d->generation))
		list = policy_list(&policy, d->list ? d->list : d->counted);
	if (list)
		__builtin_memcpy(a->list_name.name, list->name, sizeof(a->list_name.name));
	else
		__builtin_memset(a->list_name.name, 0, sizeof(a->list_name.name));
}

SEC("xdp.frags")
int check(struct xdp_md *ctx)
{
	const void *end = (const void *)(long)ctx->data_end;
	const struct settings *s = settings_get();
	struct look look = {};
	struct answer *a = (void *)(long)ctx->data;

	if (!s)
		return XDP_PASS;
	look_at(s, ctx, false, &look);
	if (!look.now) { /* not looked at as far as that */
		look.now = now_ns(s);
		look.mode = mode_at(read_once(s->mode), look.now);
	}
	if ((const void *)(a + 1) <= end)
		answer_fill(s, a, &look);
	return look_drops(&look) ? XDP_DROP : XDP_PASS;
}
