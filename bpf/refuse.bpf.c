// SPDX-License-Identifier: GPL-2.0-only
/*
 * refuse.bpf.c - hands a refused connection to the refusal listener (sk_lookup)
 *
 * Asked for every SYN that comes to this network namespace, and for the ACK that brings a SYN cookie. It
 * follows the word that `wall` has given about this very connection a moment ago, and decides nothing:
 * what did not come by an interface that the wall stands on is not refused. No packet is rewritten; to
 * the client the listener answers as the port it has connected to.
 *
 * When the listener died since the SYN was seen, lists, DNSBLs and bans have the connection reset
 * (SK_DROP), and rates let the mail server have it: then the word is taken back.
 *
 * A word does not begin a connection for long, but keeps the mail server out of this one as long as `wall`
 * lets its segments pass: SYN cookies do not depend on the socket, so that an ACK with the listener's cookie
 * would open a session of the mail server if it came after that time.
 */
#include "core.h"
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include "refuse.h"

char LICENSE[] SEC("license") = "GPL";

#define AF_INET 2

/* Folded on both sides, as the wall does it. */
static __always_inline void lookup_key(struct bpf_sk_lookup *ctx, struct flow_key *key)
{
	if (ctx->family == AF_INET) {
		address_from_v4(&key->client, ctx->remote_ip4);
		address_from_v4(&key->server, ctx->local_ip4);
	} else {
		address_word_t *client = (address_word_t *)&key->client;
		address_word_t *server = (address_word_t *)&key->server;

		client[0] = ctx->remote_ip6[0];
		client[1] = ctx->remote_ip6[1];
		client[2] = ctx->remote_ip6[2];
		client[3] = ctx->remote_ip6[3];
		server[0] = ctx->local_ip6[0];
		server[1] = ctx->local_ip6[1];
		server[2] = ctx->local_ip6[2];
		server[3] = ctx->local_ip6[3];
		address_fold(&key->client);
		address_fold(&key->server);
	}
	key->client_port = bpf_ntohs((__u16)ctx->remote_port);
	key->server_port = (__u16)ctx->local_port;
	key->unused = 0;
}

/* The mail server may have it: then it is not refused, and shows nothing about where connections are made. */
static __always_inline int lookup_leave(const struct flow_key *key)
{
	bpf_map_delete_elem(&refusals, key);
	return SK_PASS;
}

static __always_inline int lookup_otherwise(const struct refusal *word, const struct flow_key *key)
{
	if (refuse_otherwise(word->reason, REFUSE_ABSENT) == VERDICT_PASS)
		return lookup_leave(key);
	return SK_DROP;
}

SEC("sk_lookup")
int refuse(struct bpf_sk_lookup *ctx)
{
	const struct settings *s = settings_get();
	struct refuse_state *state = refuse_state_get();
	struct refusal *word;
	struct flow_key key;
	struct bpf_sock *sk;
	__u32 place;
	__u64 now;
	long err;

	if (!s || !state || ctx->protocol != IPPROTO_TCP)
		return SK_PASS;
	now = now_ns(s);
	if (!refuse_recent(state, now))
		return SK_PASS;
	lookup_key(ctx, &key);
	word = refuse_find(&key, now);
	if (!word)
		return SK_PASS;
	if (mode_at(read_once(s->mode), now) != MODE_ENFORCE)
		return lookup_leave(&key);
	if (refuse_age(now, word->when) > REFUSAL_SYN)
		return lookup_otherwise(word, &key);
	place = ctx->family == AF_INET ? REFUSE_V4 : REFUSE_V6;
	sk = bpf_map_lookup_elem(&refuse_sockets, &place);
	if (!sk)
		return lookup_otherwise(word, &key);
	err = bpf_sk_assign(ctx, sk, BPF_SK_LOOKUP_F_REPLACE);
	bpf_sk_release(sk);
	if (err)
		return lookup_otherwise(word, &key);
	word->given = now;
	if (refuse_age(now, state->given) > 1000000000ULL)
		state->given = now;
	return SK_PASS;
}
