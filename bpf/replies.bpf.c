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
 * What the refusal listener says is none of the mail server's replies: it passes unread, to banned sources, too.
 *
 * The kernel sends from one socket on one processor at a time, so a flow's state needs no lock.
 */
#include "core.h"
#include <linux/pkt_cls.h>
#include "ban.h"
#include "penalty.h"
#include "proven.h"
#include "refuse.h"
#include "reply.h"
#include "segment.h"

char LICENSE[] SEC("license") = "GPL";

/* Worked out by user space before the programs are loaded. */
const volatile struct reply_table reply_table SEC(".rodata") = {};

#define CHUNK  256  /* bytes read at once; a power of two */
#define CHUNKS 2048 /* of one packet: 512 KiB, more than any carries */
/*
 * Bytes of a packet in which phrases are looked for: all that one carries, but for BIG TCP. Less is a hiding
 * place, since a client may fill it with harmless replies and have all of them in one packet.
 */
#define READ_FULLY 65536
#define BLIND	   (3 * 1000000000ULL)
/* A session that goes on keeps its source from being forgotten; ns. */
#define SEEN_AGAIN (60 * 1000000000ULL)

/* What is too much for the stack. Nothing that leaves interrupts another on the same processor. */
struct scratch {
	__u8 byte[CHUNK];
	struct flow flow;     /* a new one; the reader in it stays all zero */
	struct proven proven; /* a new one, all zero but for its times */
	struct flow_key key;
	struct segment segment;
	__u64 now;
	__u32 at, left;	 /* offset of the next chunk; bytes left */
	__u32 done;	 /* bytes read */
	__u32 banned_at; /* bytes read when the limit was reached; 0 it was not */
	__u32 stop;	 /* 1: nothing more is to be read */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/*
 * One packet being read. Pointers only: what changes from byte to byte is in the scratch, or the verifiers
 * would follow every value it can have.
 */
struct reading {
	struct __sk_buff *skb;
	const struct settings *settings;
	struct flow *flow;
	struct scratch *scratch;
	struct reply_counts *counts;
	struct proven *proven;
};

/* --- what a reply means ------------------------------------------------------------------------- */

static __always_inline void reading_offence(struct reading *r)
{
	__u32 place = CHARGE_REPLIES, kind = r->flow->reply.offence, end = r->flow->reply.held;
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
	p->read_last = r->scratch->now;
	c->source = r->scratch->segment.client;
	c->now = c->when = r->scratch->now;
	c->offence = kind;
	c->origin = BAN_BY_REPLY;
	__builtin_memcpy(c->text, r->flow->reply.line, sizeof(c->text));
	/* Behind its end stands what is left of a longer line before it. */
	barrier_on(end);
	if (end < sizeof(c->text))
		c->text[end] = '\0';
	if (penalty_judge(CHARGE_REPLIES) == REPORT_BANNED)
		r->scratch->banned_at = r->scratch->done;
}

static __always_inline void reading_login(struct reading *r)
{
	__u32 place = CHARGE_REPLIES;
	struct charge *c = bpf_map_lookup_elem(&charges, &place);

	r->counts->logins++;
	if (!r->proven || !c)
		return;
	penalty_login(r->settings, r->proven, r->scratch->now);
	c->source = r->scratch->segment.client;
	c->now = r->scratch->now;
	penalty_tell(r->settings, c, EVENT_LOGIN, 0, r->proven->login_until);
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
			   r->scratch->done >= READ_FULLY);
	r->scratch->done++;
	if (event == REPLY_NOTHING)
		return 0;
	if (event == REPLY_VEIL) {
		r->counts->veiled++;
		reading_unreadable(flow, FLOW_VEILED, r->proven, r->scratch->now);
		r->scratch->stop = 1;
		return 1;
	}
	r->counts->replies++;
	r->counts->by_code += flow->reply.by_code;
	if (event == REPLY_OFFENCE)
		reading_offence(r);
	if (event == REPLY_LOGIN)
		reading_login(r);
	if (event == REPLY_MAIL) {
		r->counts->mail++;
		if (r->proven)
			penalty_mail(r->proven, r->scratch->now, !flow->accepted);
		flow->accepted = 1;
	}
	return 0;
}

static long read_chunk(__u32 i, struct reading *r)
{
	__u32 n = r->scratch->left < CHUNK ? r->scratch->left : CHUNK, m;

	if (!n || r->scratch->stop)
		return 1;
	m = n - 1;
	barrier_on(m);
	m &= CHUNK - 1;
	m += 1;
	if (bpf_skb_load_bytes(r->skb, r->scratch->at, r->scratch->byte, m)) {
		reading_unreadable(r->flow, FLOW_LOST, r->proven, r->scratch->now);
		r->counts->lost++;
		r->scratch->stop = 1;
		return 1;
	}
	r->scratch->at += m;
	r->scratch->left -= m;
	bpf_loop(m, read_byte, r, 0);
	return 0;
}

/* --- where a connection's bytes begin ------------------------------------------------------------ */

/* The server answers a SYN. */
static __always_inline void opening_note(const struct flow_key *key, const struct segment *g,
					 __u64 now)
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
		a->blind = read_once(a->wall_seen) + BLIND < now;
	if (flow)
		bpf_map_delete_elem(&flows, key);
	lru_put(&openings, key, &first, BPF_ANY);
}

/*
 * The server says the first thing on a connection: its client is proven, whoever holds the socket. A
 * function of its own for the stack.
 */
__noinline int opening_prove(__u64 now)
{
	const struct settings *s = settings_get();
	struct abuse *a = abuse_get();
	struct scratch *scratch;
	struct address client;
	struct proven *p;
	__u32 zero = 0;

	scratch = bpf_map_lookup_elem(&scratches, &zero);
	if (!s || !scratch)
		return 0;
	client = scratch->segment.client;
	p = proven_entry(s, &client, now, &scratch->proven);
	/*
	 * `sessions` has seen it: the socket is in this network namespace, and open as long as it has something
	 * to say. Times do not tell, or of many connections at once one would be counted.
	 */
	if (!p || p->sessions > 0)
		return 0;
	p->last = now;
	if (a)
		a->proved = now;
	proven_completed(s, p, &client, port_kind(s, scratch->segment.server_port), now);
	return 0;
}

/* Its place in the map `flows`, made if there is none. */
static __always_inline struct flow *opening_flow(const struct settings *s, struct scratch *scratch,
						 struct reply_counts *counts, __u64 now)
{
	const struct segment *g = &scratch->segment;
	struct flow *flow = bpf_map_lookup_elem(&flows, &scratch->key);
	struct flow *fresh = &scratch->flow;
	struct opening *opening;

	if (flow)
		return flow;
	opening = bpf_map_lookup_elem(&openings, &scratch->key);
	/* A probe of a server that keeps the connection alive: nothing was said yet. */
	if (opening && (__s32)(g->sequence - opening->next) < 0)
		return 0;
	fresh->state = opening && g->sequence == opening->next ? FLOW_READ : FLOW_LOST;
	fresh->began = opening ? opening->began : now;
	fresh->first = opening ? opening->next : g->sequence;
	fresh->next = g->sequence;
	counts->lost += fresh->state == FLOW_LOST;
	opening_prove(now);
	bpf_map_update_elem(&flows, &scratch->key, fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&flows, &scratch->key);
}

/* --- a packet ------------------------------------------------------------------------------------- */

/* Reads what is new in the segment. True: answers follow the one that reached the limit. */
static __always_inline bool segment_say(struct reading *r, const struct segment *g)
{
	struct flow *flow = r->flow;
	__s32 behind = flow->next - g->sequence;

	r->scratch->at = g->at;
	r->scratch->left = g->length;
	r->scratch->done = r->scratch->banned_at = r->scratch->stop = 0;
	if (behind >= (__s32)g->length)
		return false; /* sent again */
	if (behind > 0) {
		r->scratch->at += behind;
		r->scratch->left -= behind;
	} else if (behind < 0) {
		r->counts->gaps++;
		reply_resume(&flow->reply);
	}
	flow->next = g->sequence + g->length;
	bpf_loop(CHUNKS, read_chunk, r, 0);
	if (r->scratch->left && !r->scratch->stop) {
		reading_unreadable(flow, FLOW_LOST, r->proven, r->scratch->now);
		r->counts->lost++;
	}
	return r->scratch->banned_at &&
	       r->scratch->banned_at != g->length - (behind > 0 ? behind : 0);
}

/* Is what leaves for this client to be dropped? */
static __always_inline bool segment_is_banned(const struct settings *s, const struct segment *g,
					      __u64 now)
{
	__u32 place = CHARGE_REPLIES;
	const struct abuse *a = abuse_get();
	struct ban_query q;
	struct charge *c;

	if (!a || read_once(a->blind) || mode_at(read_once(s->mode), now) != MODE_ENFORCE)
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

static __always_inline void flow_key_of(const struct segment *g, struct flow_key *key)
{
	key->client = g->client;
	key->server = g->server;
	key->client_port = g->client_port;
	key->server_port = g->server_port;
	key->unused = 0;
}

/*
 * Was this SYN-ACK sent before? Then its SYN came before the word, and program `refuse` was not asked again:
 * that the mail server goes on answering it shows nothing.
 */
static __always_inline bool segment_is_repeated(const struct scratch *scratch)
{
	const struct opening *known = bpf_map_lookup_elem(&openings, &scratch->key);

	return known && known->next == scratch->segment.sequence + 1;
}

/*
 * Of a connection that is refused? A SYN-ACK where the listener was not given the connection shows that
 * connections to this host's ports are made elsewhere, so that refusing is not possible.
 */
static __always_inline bool segment_is_refusal(const struct scratch *scratch)
{
	struct refuse_state *state = refuse_state_get();
	struct refusal *word;

	if (!state || !refuse_recent(state, scratch->now))
		return false;
	word = refuse_find(&scratch->key, scratch->now);
	if (!word)
		return false;
	if (!word->given && (scratch->segment.flags & TCP_SYN_FLAG) &&
	    !segment_is_repeated(scratch))
		state->elsewhere = scratch->now;
	return word->given != 0;
}

SEC("tc")
int replies(struct __sk_buff *skb)
{
	const struct settings *s = settings_get();
	struct reading r = {};
	struct segment *g;
	__u32 zero = 0;

	r.scratch = bpf_map_lookup_elem(&scratches, &zero);
	if (!s || !r.scratch)
		return TC_ACT_UNSPEC;
	g = &r.scratch->segment;
	if (!segment_read(skb, g) || port_kind(s, g->server_port) == PORT_OTHER)
		return TC_ACT_UNSPEC;
	r.scratch->now = now_ns(s);
	r.counts = reply_counts_get();
	if (!r.counts)
		return TC_ACT_UNSPEC;
	flow_key_of(g, &r.scratch->key);
	if (segment_is_refusal(r.scratch))
		return TC_ACT_UNSPEC;
	/* First: it may find that there is no `wall` any more. */
	if ((g->flags & (TCP_SYN_FLAG | TCP_ACK_FLAG)) == (TCP_SYN_FLAG | TCP_ACK_FLAG))
		opening_note(&r.scratch->key, g, r.scratch->now);
	if (segment_is_banned(s, g, r.scratch->now)) {
		r.counts->dropped++;
		return TC_ACT_SHOT;
	}
	if (g->flags & TCP_SYN_FLAG)
		return TC_ACT_UNSPEC;
	if (!g->length || (g->flags & TCP_RST_FLAG))
		return TC_ACT_UNSPEC;
	r.flow = opening_flow(s, r.scratch, r.counts, r.scratch->now);
	if (!r.flow)
		return TC_ACT_UNSPEC;
	r.proven = bpf_map_lookup_elem(&proven, &g->client);
	if (r.proven && r.scratch->now - r.proven->last > SEEN_AGAIN)
		r.proven->last = r.scratch->now;
	if (r.flow->state != FLOW_READ) {
		if (r.proven && r.scratch->now - r.proven->veiled > 1000000000ULL)
			r.proven->veiled = r.scratch->now;
		return TC_ACT_UNSPEC;
	}
	reply_sign(r.scratch->now);
	if (r.proven && r.proven->replied + 1000000000ULL < r.scratch->now)
		r.proven->replied = r.scratch->now;
	r.skb = skb;
	r.settings = s;
	if (segment_say(&r, g) && segment_is_banned(s, g, r.scratch->now)) {
		r.counts->dropped++;
		return TC_ACT_SHOT;
	}
	return TC_ACT_UNSPEC;
}
