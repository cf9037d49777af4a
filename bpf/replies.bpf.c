// SPDX-License-Identifier: GPL-2.0-only
/*
 * replies.bpf.c - reads what the mail server answers, as it leaves (tc egress)
 *
 * With any mail server, and in the packet itself: a refusal to relay is an offence of the client it goes
 * to. At the limit the ban is in force when this program returns, so that the next packet of the session is
 * dropped by `wall`; what the server still answers is dropped here, so that commands that are already on
 * their way get no answers.
 *
 * Only bytes in sequence from a known line start are read. Where a connection's bytes begin is known from
 * its SYN-ACK (map `openings`, which a flood of SYNs may push out: the connection is not read then, and
 * counted). It gets its place in the map `flows` when the server says something, which it does to proven
 * clients only. Bytes that were sent before are passed over; when bytes are missing, reading goes on behind
 * the next line end, which a client cannot make the server send in the midst of a line. After STARTTLS
 * nothing is read.
 *
 * The kernel sends from one socket on one processor at a time, so a flow's state needs no lock.
 */
#include "core.h"
#include <linux/pkt_cls.h>
#include "ban.h"
#include "penalty.h"
#include "proven.h"
#include "reply.h"
#include "segment.h"

char LICENSE[] SEC("license") = "GPL";

/* Worked out by user space before the programs are loaded. */
const volatile struct reply_table reply_table SEC(".rodata") = {};

#define CHUNK	   256	   /* bytes read at once; a power of two */
#define CHUNKS	   2048	   /* of one packet: 512 KiB, more than any carries */
#define READ_FULLY 8192	   /* bytes of a packet in which phrases are looked for */
#define BLIND	   (3 * 1000000000ULL)
/* A session that goes on keeps its source from being forgotten; ns. */
#define SEEN_AGAIN (60 * 1000000000ULL)

struct scratch {
	__u8 byte[CHUNK];
	struct flow flow; /* all zero but for the moment in which a new one is made */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* One packet being read. */
struct reading {
	struct __sk_buff *skb;
	const struct settings *settings;
	struct flow *flow;
	struct scratch *scratch;
	struct reply_counts *counts;
	struct proven *proven;
	__u64 now;
	__u32 at, left, done; /* offset of the next chunk; bytes left; bytes read */
	__u32 chunk;	      /* bytes in the scratch */
	__u32 banned_at;      /* bytes read when the limit was reached; 0 it was not */
	__u32 stop;	      /* 1: nothing more is to be read of it */
	struct address client;
};

/* --- what a reply means ------------------------------------------------------------------------- */

static __always_inline void reading_offence(struct reading *r)
{
	__u32 place = CHARGE_REPLIES, kind = r->flow->reply.offence;
	struct charge *c = bpf_map_lookup_elem(&charges, &place);
	struct proven *p = r->proven;

	if (!c)
		return;
	barrier_on(kind);
	r->counts->offence[kind & (OFFENCES - 1)]++;
	if (!p)
		return;
	kind = r->flow->reply.offence;
	barrier_on(kind);
	__sync_fetch_and_add(&p->read[kind & (OFFENCES - 1)], 1);
	p->read_last = r->now;
	c->source = r->client;
	c->now = c->when = r->now;
	c->offence = kind;
	c->origin = BAN_BY_REPLY;
	__builtin_memcpy(c->text, r->flow->reply.line, sizeof(c->text));
	if (penalty_charge(CHARGE_REPLIES) == REPORT_BANNED)
		r->banned_at = r->done;
}

static __always_inline void reading_login(struct reading *r)
{
	struct event e;

	r->counts->logins++;
	if (!r->proven)
		return;
	penalty_login(r->settings, r->proven, r->now);
	if (r->now >= read_once(r->settings->watch_until))
		return;
	__builtin_memset(&e, 0, sizeof(e));
	e.when = r->now;
	e.source = r->client;
	e.kind = EVENT_LOGIN;
	e.reason = REASON_AUTHENTICATED;
	e.mode = mode_at(read_once(r->settings->mode), r->now);
	e.until = r->proven->login_until;
	bpf_ringbuf_output(&watched, &e, sizeof(e), 0);
}

static __always_inline void reading_unreadable(struct flow *flow, enum flow_state state,
					       struct proven *p, __u64 now)
{
	flow->state = state;
	if (p)
		p->veiled = now;
}

static long read_byte(__u32 i, struct reading *r)
{
	struct flow *flow = r->flow;
	enum reply_event event;
	__u8 c;

	barrier_on(i);
	c = r->scratch->byte[i & (CHUNK - 1)];
	event = reply_byte(&flow->reply, (const struct reply_table *)&reply_table, c,
			   r->done >= READ_FULLY);
	r->done++;
	if (event == REPLY_NOTHING)
		return 0;
	if (event == REPLY_VEIL) {
		r->counts->veiled++;
		reading_unreadable(flow, FLOW_VEILED, r->proven, r->now);
		r->stop = 1;
		return 1;
	}
	r->counts->replies++;
	if (event == REPLY_OFFENCE)
		reading_offence(r);
	if (event == REPLY_LOGIN)
		reading_login(r);
	if (event == REPLY_MAIL) {
		r->counts->mail++;
		if (r->proven)
			penalty_mail(r->proven, r->now);
	}
	return 0;
}

static long read_chunk(__u32 i, struct reading *r)
{
	__u32 n = r->left < CHUNK ? r->left : CHUNK, m;

	if (!n || r->stop)
		return 1;
	m = n - 1;
	barrier_on(m);
	m &= CHUNK - 1;
	m += 1;
	if (bpf_skb_load_bytes(r->skb, r->at, r->scratch->byte, m)) {
		reading_unreadable(r->flow, FLOW_LOST, r->proven, r->now);
		r->counts->lost++;
		r->stop = 1;
		return 1;
	}
	r->at += m;
	r->left -= m;
	bpf_loop(m, read_byte, r, 0);
	return 0;
}

/* --- where a connection's bytes begin ------------------------------------------------------------ */

/* The server answers a SYN. */
static __always_inline void opening_note(const struct settings *s, const struct flow_key *key,
					 const struct segment *g, __u64 now)
{
	struct opening first = {.began = now, .next = g->sequence + 1};
	struct opening *known = bpf_map_lookup_elem(&openings, key);
	struct flow *flow = bpf_map_lookup_elem(&flows, key);
	struct abuse *a = abuse_get();

	/* Sent again. */
	if ((known && known->next == first.next) || (flow && flow->first == first.next))
		return;
	/* The SYN passed `wall` a moment ago, or there is no `wall` any more: then nothing is dropped. */
	if (a)
		a->blind = now - read_once(a->wall_seen) > BLIND;
	if (flow)
		bpf_map_delete_elem(&flows, key);
	bpf_map_update_elem(&openings, key, &first, BPF_ANY);
}

/* The server says the first thing on a connection: its client is proven, whoever holds the socket. */
static __always_inline void opening_prove(const struct settings *s, const struct segment *g,
					  __u64 began, __u64 now)
{
	struct proven *p = proven_entry(s, &g->client, now);
	struct abuse *a = abuse_get();

	/* `sessions` has seen it: the socket is in this network namespace. */
	if (!p || (p->completed && p->last >= began))
		return;
	p->last = now;
	if (a)
		a->proved = now;
	proven_completed(s, p, &g->client, port_kind(s, g->server_port), now);
}

/* Its place in the map `flows`, made if there is none. */
static __always_inline struct flow *opening_flow(const struct settings *s,
						 const struct flow_key *key,
						 const struct segment *g, struct scratch *scratch,
						 struct reply_counts *counts, __u64 now)
{
	struct flow *flow = bpf_map_lookup_elem(&flows, key);
	struct opening *opening;

	if (flow)
		return flow;
	opening = bpf_map_lookup_elem(&openings, key);
	/* A probe of a server that keeps the connection alive: nothing was said yet. */
	if (opening && (__s32)(g->sequence - opening->next) < 0)
		return 0;
	scratch->flow.state = opening && g->sequence == opening->next ? FLOW_READ : FLOW_LOST;
	scratch->flow.began = opening ? opening->began : now;
	scratch->flow.first = opening ? opening->next : g->sequence;
	scratch->flow.next = g->sequence;
	opening_prove(s, g, scratch->flow.began, now);
	counts->lost += scratch->flow.state == FLOW_LOST;
	bpf_map_update_elem(&flows, key, &scratch->flow, BPF_NOEXIST);
	return bpf_map_lookup_elem(&flows, key);
}

/* --- a packet ------------------------------------------------------------------------------------- */

/* Reads what is new in the segment. True: answers follow the one that reached the limit. */
static __always_inline bool segment_say(struct reading *r, const struct segment *g)
{
	struct flow *flow = r->flow;
	__s32 behind = flow->next - g->sequence;

	r->at = g->at;
	r->left = g->length;
	if (behind >= (__s32)g->length)
		return false; /* sent again */
	if (behind > 0) {
		r->at += behind;
		r->left -= behind;
	} else if (behind < 0) {
		r->counts->gaps++;
		reply_resume(&flow->reply);
	}
	flow->next = g->sequence + g->length;
	bpf_loop(CHUNKS, read_chunk, r, 0);
	if (r->left && !r->stop) {
		reading_unreadable(flow, FLOW_LOST, r->proven, r->now);
		r->counts->lost++;
	}
	return r->banned_at && r->banned_at != g->length - (behind > 0 ? behind : 0);
}

/* Is what leaves for this client to be dropped? */
static __always_inline bool segment_is_banned(const struct settings *s, const struct segment *g,
					      __u64 now)
{
	__u32 place = CHARGE_REPLIES;
	const struct abuse *a = abuse_get();
	struct ban_query q;
	struct charge *c;

	if (!a || read_once(a->blind) ||
	    mode_at(read_once(s->mode), now) != MODE_ENFORCE)
		return false;
	ban_lookup(&g->client, now, MODE_ENFORCE, &q);
	if (!q.ban)
		return false;
	c = bpf_map_lookup_elem(&charges, &place);
	if (!c)
		return false;
	c->source = g->client;
	c->now = now;
	return !penalty_allowed(CHARGE_REPLIES);
}

static __always_inline void reply_sign(__u64 now)
{
	struct abuse *a = abuse_get();

	if (a && now - a->reply_seen > 1000000000ULL)
		a->reply_seen = now;
}

SEC("tc")
int replies(struct __sk_buff *skb)
{
	const struct settings *s = settings_get();
	struct flow_key key = {};
	struct reading r = {};
	struct segment g = {};
	__u32 zero = 0;

	if (!s || !segment_read(skb, &g) || port_kind(s, g.server_port) == PORT_OTHER)
		return TC_ACT_UNSPEC;
	r.now = now_ns(s);
	r.counts = reply_counts_get();
	r.scratch = bpf_map_lookup_elem(&scratches, &zero);
	if (!r.counts || !r.scratch)
		return TC_ACT_UNSPEC;
	if (segment_is_banned(s, &g, r.now)) {
		r.counts->dropped++;
		return TC_ACT_SHOT;
	}
	key.client = g.client;
	key.server = g.server;
	key.client_port = g.client_port;
	key.server_port = g.server_port;
	if (g.flags & TCP_SYN_FLAG) {
		if (g.flags & TCP_ACK_FLAG)
			opening_note(s, &key, &g, r.now);
		return TC_ACT_UNSPEC;
	}
	if (!g.length || (g.flags & TCP_RST_FLAG))
		return TC_ACT_UNSPEC;
	r.flow = opening_flow(s, &key, &g, r.scratch, r.counts, r.now);
	if (!r.flow)
		return TC_ACT_UNSPEC;
	r.proven = bpf_map_lookup_elem(&proven, &g.client);
	if (r.proven && r.now - r.proven->last > SEEN_AGAIN)
		r.proven->last = r.now;
	if (r.flow->state == FLOW_VEILED || r.flow->state == FLOW_LOST) {
		if (r.proven && r.now - r.proven->veiled > 1000000000ULL)
			r.proven->veiled = r.now;
		return TC_ACT_UNSPEC;
	}
	reply_sign(r.now);
	r.skb = skb;
	r.settings = s;
	r.client = g.client;
	if (segment_say(&r, &g) && segment_is_banned(s, &g, r.now)) {
		r.counts->dropped++;
		return TC_ACT_SHOT;
	}
	return TC_ACT_UNSPEC;
}
