// SPDX-License-Identifier: GPL-2.0-only
/*
 * sessions.bpf.c - who is proven, open sessions, completed connections
 *
 * `sessions` (and its twin `sessions_again`) hears every change of a TCP socket's state. A server socket on a protected or
 * submission port that goes from SYN_RECV to ESTABLISHED has completed its handshake: its peer's
 * address is not forged. The socket gets a mark in its storage, the source one open session, and
 * its rates one charge; when a marked socket closes, the session is taken back. The mark makes it
 * exact: nothing is counted twice (also not while an upgrade has the old and the new program
 * attached for a moment), nothing is taken back that was not counted, whatever happens in between.
 *
 * `mark_sessions` is a TCP iterator, run once by `up`: it marks and counts the sockets that are
 * older than the wall. `list_sessions` is another, for whoever wants to know the open sessions and
 * their age (the daemon, which cuts some). All look at the wall's network namespace only.
 *
 * A connection that the refusal listener has is no session of the mail server: it is marked as refused,
 * counted as such (struct refuse_state, struct told), and nothing else is concluded from it.
 *
 * By default MPTCP listeners show their subflows (protocol 6) here, one session each.
 */
#include "core.h"
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>
#include "proven.h"
#include "refuse.h"

char LICENSE[] SEC("license") = "GPL";

#define AF_INET	 2
#define AF_INET6 10

/* Of the kernel's own structures just the members used here; CO-RE finds their places. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct ns_common {
	unsigned int inum;
};
struct net {
	struct ns_common ns;
};
typedef struct {
	struct net *net;
} possible_net_t;
struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	unsigned short skc_dport;
	unsigned short skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};
struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
};
struct inet_sock {
	__u16 inet_sport;
};
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};
#pragma clang attribute pop

enum {
	STATE_ESTABLISHED = 1,
	STATE_SYN_RECV = 3,
	STATE_CLOSE = 7,
	STATE_CLOSE_WAIT = 8,
	STATE_LISTEN = 10,
	STATE_TIME_WAIT = 6,
	STATE_NEW_SYN_RECV = 12,
	STATE_SYN_SENT = 2,
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct session_mark);
} session_marks SEC(".maps");

/* What its port is to the wall; PORT_OTHER as well for a socket of another network namespace. */
static __always_inline enum port_kind session_port(const struct settings *s, struct sock *sk)
{
	if (sk->__sk_common.skc_net.net->ns.inum != (__u32)s->netns)
		return PORT_OTHER;
	return port_kind(s, bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport)));
}

static __always_inline bool session_source(struct sock *sk, struct address *source)
{
	if (sk->__sk_common.skc_family == AF_INET) {
		address_from_v4(source, sk->__sk_common.skc_daddr);
		return true;
	}
	if (sk->__sk_common.skc_family != AF_INET6)
		return false;
	BPF_CORE_READ_INTO(source, &sk->__sk_common, skc_v6_daddr);
	address_fold(source);
	return true;
}

/* Counts the session in its source's entry, unless it is counted already. True if it is new. */
static __always_inline bool session_open(const struct settings *s, struct session_mark *mark,
					 const struct address *source, __u64 now)
{
	struct proven first = {};
	struct proven *p;

	if (mark->since)
		return false;
	p = proven_entry(s, source, now, &first);
	if (!p)
		return false;
	mark->source = *source;
	mark->since = p->since;
	mark->began = now;
	if (__sync_fetch_and_add(&p->sessions, 1) <= 0)
		p->busy = now;
	p->last = now;
	return true;
}

static __always_inline void session_flow(struct sock *sk, const struct address *source,
					 struct flow_key *key)
{
	key->client = *source;
	if (sk->__sk_common.skc_family == AF_INET) {
		address_from_v4(&key->server, sk->__sk_common.skc_rcv_saddr);
	} else {
		BPF_CORE_READ_INTO(&key->server, &sk->__sk_common, skc_v6_rcv_saddr);
		address_fold(&key->server);
	}
	key->client_port = bpf_ntohs(sk->__sk_common.skc_dport);
	key->server_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	key->unused = 0;
}

/* The source has completed a handshake with the listener: it is told once more in its window. */
static __always_inline void refused_told(const struct settings *s, const struct address *who,
					 __u64 now)
{
	struct told first = {.began = now, .told = 1};
	struct told *t = bpf_map_lookup_elem(&told, who);

	if (!t) {
		lru_put(&told, who, &first, BPF_NOEXIST);
		return;
	}
	if (t->pending)
		__sync_fetch_and_add(&t->pending, -1);
	if (!t->began || refuse_age(now, t->began) >= s->refuse_window) {
		t->told = 0;
		t->began = now;
	}
	__sync_fetch_and_add(&t->told, 1);
}

/* Is it the refusal listener's? Then that is all that is to be known about it. */
static __always_inline bool session_refused(const struct settings *s, struct sock *sk,
					    struct session_mark *mark, const struct address *source,
					    __u64 now)
{
	struct refuse_state *state = refuse_state_get();
	struct refuse_counts *counts;
	struct address network;
	struct refusal *word;
	struct flow_key key;

	if (!state || !refuse_recent(state, now))
		return false;
	session_flow(sk, source, &key);
	word = refuse_find(&key, now);
	if (!word || !word->given)
		return false;
	if (mark->refused)
		return true;
	mark->refused = 1;
	word->connected = 1;
	__sync_fetch_and_add(&state->open, 1);
	counts = refuse_counts_get();
	if (counts)
		counts->connected++;
	refused_told(s, source, now);
	if (!address_is_v4(source)) {
		told_network(source, &network);
		refused_told(s, &network, now);
	}
	return true;
}

static __always_inline void session_established(const struct settings *s, struct sock *sk)
{
	enum port_kind port = session_port(s, sk);
	struct session_mark *mark;
	struct address source;
	struct proven *p;
	__u64 now;

	if (port == PORT_OTHER || !session_source(sk, &source))
		return;
	mark = bpf_sk_storage_get(&session_marks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!mark)
		return;
	now = now_ns(s);
	if (session_refused(s, sk, mark, &source, now))
		return;
	if (!session_open(s, mark, &source, now))
		return;
	proven_works(now);
	p = bpf_map_lookup_elem(&proven, &source);
	if (p)
		proven_completed(s, p, &source, port, now);
}

static __always_inline void session_closed(const struct settings *s, struct sock *sk)
{
	struct session_mark *mark = bpf_sk_storage_get(&session_marks, sk, 0, 0);
	struct refuse_state *state;
	struct address source;
	struct proven *p;
	__u64 since;

	if (!mark)
		return;
	if (mark->refused) {
		mark->refused = 0;
		state = refuse_state_get();
		if (state)
			__sync_fetch_and_add(&state->open, -1);
		return;
	}
	if (!mark->since)
		return;
	source = mark->source;
	since = mark->since;
	mark->since = 0;
	p = bpf_map_lookup_elem(&proven, &source);
	/* An entry that was swept and made anew does not hold this session. */
	if (!p || p->since != since)
		return;
	__sync_fetch_and_add(&p->sessions, -1);
	p->last = now_ns(s);
}

static __always_inline void session_changed(struct sock *sk, int old_state, int new_state)
{
	const struct settings *s;

	if (sk->sk_protocol != IPPROTO_TCP)
		return;
	if (!(old_state == STATE_SYN_RECV && new_state == STATE_ESTABLISHED) &&
	    new_state != STATE_CLOSE)
		return;
	s = settings_get();
	if (!s)
		return;
	if (new_state == STATE_CLOSE)
		session_closed(s, sk);
	else
		session_established(s, sk);
}

/*
 * Twice the same: the kernel does not show a program what happens while it is at work on the same CPU,
 * and a change that a process makes (close(2) reaches FIN_WAIT) is interrupted by those that packets
 * make. What one of the two is kept from seeing, the other sees; the marks let nothing count twice.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(sessions, struct sock *sk, int old_state, int new_state)
{
	session_changed(sk, old_state, new_state);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(sessions_again, struct sock *sk, int old_state, int new_state)
{
	session_changed(sk, old_state, new_state);
	return 0;
}

/* The session of a socket that an iterator came by, if it is one of ours; NULL otherwise. */
static __always_inline struct sock *session_of(const struct settings *s, struct sock_common *common,
					       struct address *source)
{
	struct sock *sk;

	if (!common || common->skc_state == STATE_LISTEN || common->skc_state == STATE_TIME_WAIT ||
	    common->skc_state == STATE_NEW_SYN_RECV || common->skc_state == STATE_SYN_SENT ||
	    common->skc_state == STATE_SYN_RECV || common->skc_state == STATE_CLOSE)
		return 0;
	sk = (struct sock *)bpf_skc_to_tcp_sock(common);
	if (!sk || session_port(s, sk) == PORT_OTHER || !session_source(sk, source))
		return 0;
	return sk;
}

SEC("iter/tcp")
int mark_sessions(struct bpf_iter__tcp *ctx)
{
	const struct settings *s = settings_get();
	struct session_mark *mark;
	struct address source;
	struct sock *sk;

	sk = s ? session_of(s, ctx->sk_common, &source) : 0;
	if (!sk)
		return 0;
	mark = bpf_sk_storage_get(&session_marks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (mark && !mark->refused)
		session_open(s, mark, &source, now_ns(s));
	return 0;
}

/* Writes a struct session for every open session of the mail server that it still talks in. */
SEC("iter/tcp")
int list_sessions(struct bpf_iter__tcp *ctx)
{
	const struct settings *s = settings_get();
	struct session_mark *mark;
	struct session record;
	struct sock *sk;

	__builtin_memset(&record, 0, sizeof(record));
	sk = s ? session_of(s, ctx->sk_common, &record.source) : 0;
	if (!sk)
		return 0;
	/* What the server has closed ends by itself. */
	if (sk->__sk_common.skc_state != STATE_ESTABLISHED &&
	    sk->__sk_common.skc_state != STATE_CLOSE_WAIT)
		return 0;
	mark = bpf_sk_storage_get(&session_marks, sk, 0, 0);
	if (mark && mark->refused)
		return 0;
	if (mark)
		record.began = mark->began;
	record.cookie = bpf_get_socket_cookie(sk);
	record.v6 = sk->__sk_common.skc_family == AF_INET6;
	if (record.v6) {
		BPF_CORE_READ_INTO(&record.local, &sk->__sk_common, skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&record.remote, &sk->__sk_common, skc_v6_daddr);
	} else {
		address_from_v4(&record.local, sk->__sk_common.skc_rcv_saddr);
		address_from_v4(&record.remote, sk->__sk_common.skc_daddr);
	}
	record.local_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	record.remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}
