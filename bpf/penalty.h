/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * penalty.h - what an offence costs, and the ban at the limit
 *
 * Program `replies` charges what it reads, program `report` what user space saw in a log: both by
 * penalty_charge(), which is a function of its own for the verifiers. It finds the offence in the map
 * `charges`: too much for the stack, and each program has a place of its own there, as one may interrupt
 * the other.
 *
 * Who is never banned: what an allow list holds, private addresses, who carries a large share of all
 * accepted mail, and known senders for what they can be tricked into. While a ban holds nothing is counted
 * against its source: attempts during a ban change nothing.
 */
#ifndef SMTPWALL_BPF_PENALTY_H
#define SMTPWALL_BPF_PENALTY_H

#include "announce.h"
#include "ban.h"
#include "core.h"
#include "manual.h"
#include "policy.h"

#define PENALTY_TRIES 8

/*
 * Of an IPv6 /64, which has more addresses than anybody can ban, all addresses together may do so many
 * times as much; from then on each one is banned for its first offence.
 */
#define PENALTY_NETWORK_FACTOR 4

/* The counts that are a ban's evidence begin anew after so many quiet half-lives. */
#define PENALTY_QUIET 8

/* That a source is spared is told again after so many seconds. */
#define PENALTY_SPARED_AGAIN 600

enum charge_place {
	CHARGE_REPLIES = 0,
	CHARGE_REPORT = 1,
	CHARGE_PLACES = 2, /* a power of two */
};

struct charge {
	struct address source;
	__u64 now;  /* boot clock, ns */
	__u64 when; /* when it happened: not after now */
	enum offence offence;
	enum ban_origin origin;
	char text[EVIDENCE_TEXT];
	/* scratch */
	struct ban ban;
	struct event event;
	struct proven network; /* of a new one; all zero but for its times */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CHARGE_PLACES);
	__type(key, __u32);
	__type(value, struct charge);
} charges __weak SEC(".maps");

static __always_inline struct reply_counts *reply_counts_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&reply_counts, &zero);
}

/* Adds to a fading sum; `daily` not 0: to one that runs off evenly. Returns the new sum. */
static __always_inline __u64 penalty_add(__u64 *word, __u64 now, __u64 amount, __u64 half,
					 __u64 daily)
{
	__u64 ticks = now / PENALTY_TICK, sum = 0;

	for (int i = 0; i < PENALTY_TRIES; i++) {
		__u64 old = read_once(*word);

		sum = daily ? penalty_drain(old, ticks, daily) : penalty_fade(old, ticks, half);
		sum += amount;
		if (sum > PENALTY_MOST)
			sum = PENALTY_MOST;
		if (__sync_val_compare_and_swap(word, old, PENALTY_WORD(ticks, sum)) == old)
			break;
	}
	return sum;
}

/* Does this source carry so much of all accepted mail that it cannot be one client? */
static __always_inline bool penalty_share(const struct settings *s, const struct proven *p,
					  __u64 now)
{
	const __u64 half = CARRIED_HALF_LIFE / PENALTY_TICK;
	const struct abuse *a = abuse_get();
	__u64 all, ticks = now / PENALTY_TICK;

	if (!a || !s->abuse_share || !p->carried)
		return false;
	all = penalty_fade(read_once(a->carried), ticks, half);
	return share_is_large(penalty_fade(read_once(p->carried), ticks, half), all,
			      s->abuse_share);
}

/* A message of this source was accepted; `first`: of its session. Shares are of sessions. */
static __always_inline void penalty_mail(struct proven *p, __u64 now, bool first)
{
	const __u64 half = CARRIED_HALF_LIFE / PENALTY_TICK;
	struct abuse *a = abuse_get();

	__sync_fetch_and_add(&p->fresh_mail, 1);
	if (!first)
		return;
	penalty_add(&p->carried, now, PENALTY_POINT, half, 0);
	if (a)
		penalty_add(&a->carried, now, PENALTY_POINT, half, 0);
}

/* This source logged in. */
static __always_inline void penalty_login(const struct settings *s, struct proven *p, __u64 when)
{
	__u64 until = when + s->login_time;
	struct abuse *a = abuse_get();

	if (!a || !s->login_time || p->login_until >= until)
		return;
	p->login_until = until;
	if (a->login_until < until)
		a->login_until = until;
}

/* Row 1: does an allow list, or an allow by hand, hold it? Nothing automatic touches it then. */
__weak __noinline int penalty_allowed(__u32 place)
{
	struct charge *c = bpf_map_lookup_elem(&charges, &place);
	const struct settings *s = settings_get();
	const struct policy_list *list = 0;
	struct manual_query m;
	struct policy_ref policy;
	struct address source;
	__u32 id;

	if (!c || !s)
		return 0;
	source = c->source;
	if (policy_open(&policy, read_once(s->policy_generation))) {
		id = policy_lookup(&policy, &source);
		if (id)
			list = policy_list(&policy, id);
		if (list && list->action == LIST_ALLOW)
			return 1;
	}
	manual_lookup(&source, c->now, &m);
	return m.allow_until != 0;
}

static __always_inline void penalty_tell(const struct settings *s, struct charge *c,
					 enum event_kind kind, __u16 flags, __u64 until)
{
	struct event *e = &c->event;

	__builtin_memset(e, 0, sizeof(*e));
	e->when = c->now;
	e->source = c->source;
	e->kind = kind;
	e->reason = kind == EVENT_LOGIN ? REASON_AUTHENTICATED : REASON_ABUSE;
	e->verdict = kind == EVENT_BAN ? VERDICT_DROP : VERDICT_PASS;
	e->mode = mode_at(read_once(s->mode), c->now);
	e->flags = flags;
	e->since = c->now;
	e->until = until;
	if (kind == EVENT_SPARED)
		return announce(s, e);
	/* A ban is not held back: there are few, and each has a session to be cut. */
	if (kind == EVENT_BAN)
		bpf_ringbuf_output(&events, e, sizeof(*e), 0);
	if (c->now < read_once(s->watch_until))
		bpf_ringbuf_output(&watched, e, sizeof(*e), 0);
}

static __always_inline enum report_result penalty_spare(const struct settings *s, struct charge *c,
							struct proven *p, enum spared why)
{
	struct reply_counts *counts = reply_counts_get();
	__u32 second = c->now / 1000000000ULL;

	if (counts)
		counts->spared++;
	if (!p->spared || second - p->spared >= PENALTY_SPARED_AGAIN) {
		p->spared = second;
		penalty_tell(s, c, EVENT_SPARED, why, 0);
	}
	return REPORT_COUNTED;
}

/* How long the ban is that comes after so many: doubling, with a ceiling. */
static __always_inline __u64 penalty_length(const struct settings *s, __u32 strikes)
{
	__u64 length = s->ban_length;

	if (strikes > 24)
		strikes = 24;
	if (strikes)
		length <<= strikes - 1;
	return length < s->ban_max ? length : s->ban_max;
}

static __always_inline void penalty_raise(__u64 *until, __u64 to)
{
	/* Two at once: the shorter one must not hide the longer one's end. */
	for (int i = 0; i < PENALTY_TRIES; i++) {
		__u64 old = read_once(*until);

		if (old >= to || __sync_val_compare_and_swap(until, old, to) == old)
			return;
	}
}

static __always_inline enum report_result penalty_ban(const struct settings *s, struct charge *c,
						      struct proven *p, enum mode mode)
{
	struct reply_counts *counts = reply_counts_get();
	struct abuse *a = abuse_get();
	struct prefix key;
	struct ban *old;

	if (!counts || !a)
		return REPORT_FULL;
	key.address = c->source;
	key.length = ADDRESS_BITS;
	key.unused = 0;
	old = bpf_map_lookup_elem(&bans, &key);
	/* Another session reached the limit at the same time: that is one ban, not two. */
	if (old && ban_in_force(old, c->now, mode))
		return REPORT_COUNTED;
	if (!old && !address_is_v4(&c->source)) {
		/* Its own entry was replaced by that of its /64, which is one customer's. */
		address_network(&key.address);
		key.length = 64;
		old = bpf_map_lookup_elem(&bans, &key);
		key.address = c->source;
		key.length = ADDRESS_BITS;
	}
	c->ban.strikes = 1;
	/* What monitor mode would have done is not held against anybody later. */
	if (old && c->now < old->remember && (old->mode == MODE_ENFORCE || mode == MODE_MONITOR))
		c->ban.strikes += old->strikes;
	c->ban.since = c->now;
	c->ban.until = c->now + penalty_length(s, c->ban.strikes);
	c->ban.remember = c->ban.until + BAN_REMEMBER;
	c->ban.offended = p->offended_first;
	c->ban.mode = mode;
	c->ban.origin = c->origin;
	c->ban.members = 1;
	for (int i = 0; i < OFFENCES; i++)
		c->ban.offence[i] = p->offence[i];
	c->ban.last = c->offence;
	c->ban.unused = 0;
	__builtin_memcpy(c->ban.text, c->text, sizeof(c->ban.text));
	if (bpf_map_update_elem(&bans, &key, &c->ban, BPF_ANY)) {
		counts->bans_full++;
		return REPORT_FULL;
	}
	/* Afterwards it begins anew, but for the strikes. */
	p->penalty = p->guesses = p->offended_first = 0;
	penalty_raise(&a->banned_until, c->ban.until);
	counts->bans++;
	penalty_tell(s, c, EVENT_BAN, c->offence, c->ban.until);
	return REPORT_BANNED;
}

/* Counts it as evidence, and for the ledger. */
static __always_inline void penalty_count(const struct settings *s, struct charge *c,
					  struct proven *p, __u32 kind)
{
	/* The last one may be younger than `now`, which another processor was late to read. */
	if (p->offended + PENALTY_QUIET * s->abuse_half_life < c->now || !p->offended_first) {
		p->offended_first = c->when;
		for (int i = 0; i < OFFENCES; i++)
			p->offence[i] = 0;
	}
	p->offended = c->now;
	barrier_on(kind);
	__sync_fetch_and_add(&p->offence[kind & (OFFENCES - 1)], 1);
	__sync_fetch_and_add(&p->fresh[kind & (OFFENCES - 1)], 1);
}

/* Can a sender be tricked into this by others, who forge a bounce or point a domain here? */
static __always_inline bool penalty_is_trickable(enum offence offence)
{
	return offence == OFFENCE_RELAY_DENIED || offence == OFFENCE_UNKNOWN_USER;
}

/* Has the /64 of this source done so much that its addresses are no different clients? */
static __always_inline bool penalty_network(const struct settings *s, struct charge *c,
					    __u64 amount)
{
	struct address network = c->source;
	struct proven *p;

	if (address_is_v4(&network))
		return false;
	address_network(&network);
	p = bpf_map_lookup_elem(&proven, &network);
	if (!p) {
		c->network.since = c->network.last = c->now;
		bpf_map_update_elem(&proven, &network, &c->network, BPF_NOEXIST);
		p = bpf_map_lookup_elem(&proven, &network);
	}
	if (!p)
		return false;
	p->last = c->now;
	return penalty_add(&p->penalty, c->now, amount, s->abuse_half_life / PENALTY_TICK, 0) +
		       PENALTY_POINT / 2 >=
	       s->abuse_limit * PENALTY_NETWORK_FACTOR;
}

#define PENALTY_LIMIT 99 /* beside enum report_result: the limit is reached */

/*
 * Charges the offence in `charges[place]`: an enum report_result, or PENALTY_LIMIT. This and the two that
 * may follow are functions of their own, one after the other: the stack of all that call each other is
 * 512 bytes.
 */
__weak __noinline int penalty_charge(__u32 place)
{
	struct charge *c = bpf_map_lookup_elem(&charges, &place);
	const struct settings *s = settings_get();
	__u64 factor = 1, weight, amount;
	struct ban_query q;
	struct proven *p;
	struct known *k;
	enum mode mode;
	bool at_limit;
	__u32 kind;

	if (!c || !s)
		return REPORT_NO_WITNESS;
	p = bpf_map_lookup_elem(&proven, &c->source);
	if (!p)
		return REPORT_NO_WITNESS;
	mode = mode_at(read_once(s->mode), c->now);
	ban_lookup(&c->source, c->now, mode, &q);
	if (q.ban)
		return REPORT_COUNTED;
	kind = c->offence;
	penalty_count(s, c, p, kind);
	penalty_tell(s, c, EVENT_OFFENCE, c->offence, 0);
	kind = c->offence;
	barrier_on(kind);
	weight = s->abuse_weight[kind & (OFFENCES - 1)];
	if (!s->abuse_limit || c->now - c->when > REPORT_OLDEST)
		return REPORT_COUNTED;
	if (weight && penalty_is_trickable(c->offence)) {
		k = bpf_map_lookup_elem(&known, &c->source);
		if (k && c->now < k->until)
			return penalty_spare(s, c, p, SPARED_KNOWN);
	}
	if (c->now < p->login_until)
		factor = PENALTY_LOGIN_FACTOR;
	/* What happened a while ago has faded since. */
	amount = penalty_fade(PENALTY_WORD(c->when / PENALTY_TICK, weight), c->now / PENALTY_TICK,
			      s->abuse_half_life / PENALTY_TICK);
	/* To the nearest point: what fades between ten guesses does not make them nine. */
	at_limit = penalty_add(&p->penalty, c->now, amount, s->abuse_half_life / PENALTY_TICK, 0) +
				   PENALTY_POINT / 2 >=
			   s->abuse_limit * factor &&
		   weight;
	if (weight && factor == 1 && penalty_network(s, c, amount))
		at_limit = true;
	if (weight && s->abuse_daily && c->offence == OFFENCE_AUTH_FAILED &&
	    penalty_add(&p->guesses, c->now, PENALTY_POINT, 0, s->abuse_daily) >=
		    s->abuse_daily * PENALTY_POINT * factor)
		at_limit = true;
	if (at_limit)
		return PENALTY_LIMIT;
	return weight ? REPORT_DONE : REPORT_COUNTED;
}

/* The limit is reached: a ban, if the source is one that may be banned. */
__weak __noinline int penalty_sentence(__u32 place, int allowed)
{
	struct charge *c = bpf_map_lookup_elem(&charges, &place);
	const struct settings *s = settings_get();
	struct proven *p;

	if (!c || !s)
		return REPORT_NO_WITNESS;
	p = bpf_map_lookup_elem(&proven, &c->source);
	if (!p)
		return REPORT_NO_WITNESS;
	if (address_is_private(&c->source))
		return penalty_spare(s, c, p, SPARED_PRIVATE);
	if (penalty_share(s, p, c->now))
		return penalty_spare(s, c, p, SPARED_SHARE);
	if (allowed)
		return penalty_spare(s, c, p, SPARED_ALLOWED);
	return penalty_ban(s, c, p, mode_at(read_once(s->mode), c->now));
}

/* What `charges[place]` deserves. The source must be proven. */
static __always_inline enum report_result penalty_judge(__u32 place)
{
	int result = penalty_charge(place);

	if (result != PENALTY_LIMIT)
		return result;
	return penalty_sentence(place, penalty_allowed(place));
}

#endif
