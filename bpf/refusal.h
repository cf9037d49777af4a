/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refusal.h - is refusing possible, and the word about a connection that is refused
 *
 * For `wall` and `check` only, which see the SYN.
 *
 *   - Where there is nobody to refuse, lists, DNSBLs and bans drop, and rates pass: losing mail of a client
 *     that merely came often would be worse than serving it. What is over a bound (the ladder, clients at
 *     once, new ones in a second) is dropped, whatever the row.
 *   - The ladder counts handshakes. SYNs that wait for theirs count as well, or a client that sends many at
 *     once would be told more often; they are forgotten after seconds, because they may be forged.
 *   - A SYN that passes takes the word of its connection back: addresses and ports may be those of a refused
 *     connection of a moment ago. One that is dropped begins nothing, and the word of the connection that
 *     is there stays.
 *   - A segment passes only in a connection that the listener has been given. Where SYNs do not come to
 *     program `refuse` (a container has the mail server), the handshake is not completed.
 */
#ifndef SMTPWALL_BPF_REFUSAL_H
#define SMTPWALL_BPF_REFUSAL_H

#include "budget.h"
#include "packet.h"
#include "policy.h"
#include "refuse.h"
#include "verdict.h"

/* A new word is put together here, off the stack. Nothing interrupts a packet on its processor. */
struct refuse_scratch {
	struct flow_key key;
	struct address network; /* of the client: told_network() */
	struct refusal word;
	struct told told; /* a new one */
	__u64 generation; /* of the policy that was asked */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct refuse_scratch);
} refuse_scratches __weak SEC(".maps");

/* --- is it possible ------------------------------------------------------------------------------- */

/* Whose socket is gone, and who cannot tell the listener what to say, cannot refuse. */
static __always_inline bool refuse_listens(const struct address *server, __u64 now)
{
	__u32 zero = 0, place = address_is_v4(server) ? REFUSE_V4 : REFUSE_V6;
	struct refuse_health *health_of = bpf_map_lookup_elem(&refuse_health, &zero);
	struct bpf_sock *sk;

	if (!health_of || now >= read_once(health_of->alive_until))
		return false;
	sk = bpf_map_lookup_elem(&refuse_sockets, &place);
	if (!sk)
		return false;
	bpf_sk_release(sk);
	return true;
}

/* Its window, as it is at `now`. */
static __always_inline __u64 told_in_window(const struct settings *s, const struct told *t,
					    __u64 now)
{
	return t->began && refuse_age(now, t->began) < s->refuse_window ? read_once(t->told) : 0;
}

static __always_inline bool refuse_told_enough(const struct settings *s, const struct told *t,
					       __u64 times, __u64 now)
{
	__u64 pending;

	if (!t)
		return false;
	pending = refuse_age(now, t->pending_since) < TOLD_PENDING ? read_once(t->pending) : 0;
	return told_in_window(s, t, now) + pending >= times;
}

/* The row of the ladder that a client has come to the end of, its own or its network's; NULL: none. */
static __always_inline const struct told *refuse_ladder(const struct settings *s,
							struct refuse_scratch *scratch, __u64 now)
{
	const struct told *t = bpf_map_lookup_elem(&told, &scratch->key.client);

	if (refuse_told_enough(s, t, s->refuse_times, now))
		return t;
	if (address_is_v4(&scratch->key.client))
		return 0;
	t = bpf_map_lookup_elem(&told, &scratch->network);
	return refuse_told_enough(s, t, s->refuse_times * TOLD_NETWORK, now) ? t : 0;
}

/* `again`: the SYN of a connection that has its word already. */
static __always_inline enum refuse_word
refuse_judge(const struct settings *s, struct refuse_scratch *scratch, bool again, __u64 now)
{
	const struct refuse_state *state = refuse_state_get();
	__u64 elsewhere;

	if (!state || !refuse_listens(&scratch->key.server, now))
		return REFUSE_ABSENT;
	elsewhere = read_once(state->elsewhere);
	if (elsewhere && elsewhere >= s->refuse_since &&
	    refuse_age(now, elsewhere) < ELSEWHERE_AGAIN)
		return REFUSE_ELSEWHERE;
	if (again)
		return REFUSE_WELL;
	if (refuse_ladder(s, scratch, now))
		return REFUSE_LADDER;
	return read_once(state->open) >= (__s64)s->refuse_clients ? REFUSE_FULL : REFUSE_WELL;
}

/* --- the word ------------------------------------------------------------------------------------- */

static __always_inline void refuse_wait(struct refuse_scratch *scratch, const struct address *who,
					__u64 now)
{
	struct told *t = bpf_map_lookup_elem(&told, who);

	if (!t) {
		scratch->told.pending = 1;
		scratch->told.pending_since = now;
		lru_put(&told, who, &scratch->told, BPF_NOEXIST);
		return;
	}
	if (refuse_age(now, t->pending_since) >= TOLD_PENDING) {
		t->pending = 0;
		t->pending_since = now;
	}
	__sync_fetch_and_add(&t->pending, 1);
}

/* Gives the word about the connection whose key is in the scratch. False: there was no room. */
static __always_inline bool refuse_note(struct refuse_scratch *scratch, __u64 now)
{
	struct refuse_state *state = refuse_state_get();
	const struct policy_list *list = 0;
	struct refusal *word = &scratch->word;
	struct policy_ref policy;

	if (word->list && policy_open(&policy, scratch->generation))
		list = policy_list(&policy, word->list);
	if (list)
		__builtin_memcpy(word->list_name.name, list->name, sizeof(word->list_name.name));
	else
		__builtin_memset(word->list_name.name, 0, sizeof(word->list_name.name));
	if (lru_put(&refusals, &scratch->key, word, BPF_ANY))
		return false;
	if (state && refuse_age(now, state->last) > 1000000000ULL)
		state->last = now;
	refuse_wait(scratch, &scratch->key.client, now);
	if (!address_is_v4(&scratch->key.client))
		refuse_wait(scratch, &scratch->network, now);
	return true;
}

static __always_inline void refuse_count(enum refuse_word word)
{
	struct refuse_counts *c = refuse_counts_get();
	__u32 slot = word;

	if (!c)
		return;
	barrier_on(slot);
	((__u64 *)c)[slot & 7]++;
}

/* --- a packet ------------------------------------------------------------------------------------- */

/* What is to be settled is in the scratch; functions of their own, and global ones, for the verifiers. */

/* A SYN whose row refuses: an enum refuse_word. Charged: the word is given. */
__noinline int refuse_syn(__u64 now, __u32 charge)
{
	const struct settings *s = settings_get();
	struct refuse_scratch *scratch;
	struct refuse_counts *c;
	struct refusal *known;
	enum refuse_word how;
	__u32 zero = 0;
	bool again;

	scratch = bpf_map_lookup_elem(&refuse_scratches, &zero);
	if (!s || !scratch)
		return REFUSE_ABSENT;
	if (!charge)
		return refuse_judge(s, scratch, false, now);
	known = bpf_map_lookup_elem(&refusals, &scratch->key);
	again = known && !known->connected && refuse_age(now, known->when) < REFUSAL_SYN;
	how = refuse_judge(s, scratch, again, now);
	/* Whoever holds the half of a connection goes on holding it, whatever is said about it now. */
	scratch->word.given = again ? known->given : 0;
	if (how == REFUSE_WELL && again && known->reason == scratch->word.reason &&
	    known->list == scratch->word.list) {
		known->when = now;
	} else if (how == REFUSE_WELL) {
		c = refuse_counts_get();
		if (!c || !budget_take(&c->second, &c->spent, s->refuse_budget, now) ||
		    !refuse_note(scratch, now))
			how = REFUSE_BUDGET;
	}
	refuse_count(how);
	return how;
}

/* Another segment of a source whose row refuses: of a connection that the listener was given? */
__noinline int refuse_segment(__u64 now)
{
	struct refuse_scratch *scratch;
	struct refuse_counts *c;
	struct refusal *word;
	__u32 zero = 0;

	scratch = bpf_map_lookup_elem(&refuse_scratches, &zero);
	word = scratch ? refuse_find(&scratch->key, now) : 0;
	if (word && word->given)
		return 1;
	c = refuse_counts_get();
	if (word && c)
		c->strayed++;
	return 0;
}

/* A SYN that passes: what was said about an older connection does not hold for this one. */
__noinline int refuse_forget(void)
{
	struct refuse_scratch *scratch;
	__u32 zero = 0;

	scratch = bpf_map_lookup_elem(&refuse_scratches, &zero);
	if (scratch && bpf_map_lookup_elem(&refusals, &scratch->key))
		bpf_map_delete_elem(&refusals, &scratch->key);
	return 0;
}

static __always_inline void refuse_key(const struct packet *p, struct flow_key *key)
{
	key->client = p->source;
	key->server = p->server;
	key->client_port = p->source_port;
	key->server_port = p->port;
	key->unused = 0;
}

static __always_inline void refuse_fill(struct refuse_scratch *scratch, const struct packet *p,
					const struct decision *d, __u64 now)
{
	struct refusal *word = &scratch->word;

	refuse_key(p, &scratch->key);
	told_network(&p->source, &scratch->network);
	scratch->generation = d->generation;
	word->when = now;
	word->since = d->since;
	word->until = d->until;
	word->reason = d->reason;
	word->list = d->list;
	word->score = d->dnsbl ? d->dnsbl->score : 0;
	word->sites = d->dnsbl ? d->dnsbl->sites : 0;
	word->ban_length = d->ban_length;
}

/* Settles a verdict `refuse`. In monitor mode no word is given: nothing is refused. */
static __always_inline void refuse_settle(const struct packet *p, bool charge, enum mode mode,
					  __u64 now, struct decision *d)
{
	struct refuse_scratch *scratch;
	__u32 zero = 0;

	d->refuses = true;
	d->refuse = REFUSE_ABSENT;
	scratch = bpf_map_lookup_elem(&refuse_scratches, &zero);
	if (scratch)
		refuse_fill(scratch, p, d, now);
	/* In monitor mode a segment would have met what its SYN did. */
	if (p->syn || mode == MODE_MONITOR) {
		if (scratch)
			d->refuse = refuse_syn(now, charge && mode == MODE_ENFORCE);
		if (d->refuse != REFUSE_WELL)
			d->verdict = refuse_otherwise(d->reason, d->refuse);
	} else if (!scratch || !refuse_segment(now)) {
		d->verdict = VERDICT_DROP;
	}
}

/* A SYN that passes: what was said about an older connection does not hold for this one. */
static __always_inline void refuse_take_back(const struct packet *p, __u64 now)
{
	const struct refuse_state *state = refuse_state_get();
	struct refuse_scratch *scratch;
	__u32 zero = 0;

	if (!state || !refuse_recent(state, now))
		return;
	scratch = bpf_map_lookup_elem(&refuse_scratches, &zero);
	if (!scratch)
		return;
	refuse_key(p, &scratch->key);
	refuse_forget();
}

#endif
