/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * decide.h - the order of decisions
 *
 * decide() takes facts, not packets, and either charges (program `wall`) or only looks (program
 * `check`), so that the two share it and cannot disagree. The first row that speaks decides; the
 * rows and their numbers stand in include/smtpwall/reasons.h. The answer is what enforce mode
 * does; the mode is the caller's business.
 *
 *   - Allow wins over everything: policy and manual allows are asked before any block.
 *   - A block by hand and a ban are on every segment. A block list spares segments (not SYNs) of a source that
 *     has a session open: a listed source cannot open one, so the session is older than the
 *     listing, and cutting it would lose a message between its final dot and the reply.
 *   - The DNSBLs' score is asked for when a source has got a session. So they spare sessions that are
 *     older than the lookup that found the source listed, and cut those that began with it.
 *   - Rates look at SYNs only, never at private addresses, and never at what a forged SYN could run
 *     up for a proven source: rows 8 and 9 were charged by completed handshakes (sessions.bpf.c).
 *   - A hidden port is judged by the blocks alone, without the mercy for open sessions.
 *   - A row that refuses says so here whether that is possible or not: refusal.h settles it.
 */
#ifndef SMTPWALL_BPF_DECIDE_H
#define SMTPWALL_BPF_DECIDE_H

#include "ban.h"
#include "core.h"
#include "manual.h"
#include "penalty.h"
#include "policy.h"
#include "rate.h"
#include "verdict.h"

static __always_inline __u64 decide_open_sessions(const struct decision *d)
{
	__s64 open = d->proven ? read_once(d->proven->sessions) : 0;

	return open > 0 ? open : 0;
}

/*
 * Can it be told who is proven? Not before anybody was, and not while there was no room to remember
 * it: then every sender looks like a stranger, and a full map must not turn into blocked mail.
 */
static __always_inline bool decide_proof_works(__u64 now)
{
	__u32 zero = 0;
	struct proof *p = bpf_map_lookup_elem(&proof, &zero);
	const struct abuse *a = abuse_get();
	__u64 full;

	if (!p || !a || (!read_once(p->first) && !read_once(a->proved)))
		return false;
	full = read_once(p->full);
	return !full || now - full > PROOF_PAUSE;
}

/*
 * Is there a session that is older than what now counts against the source? An administrator who lowers
 * the threshold is spared for as well. A private address is never looked up.
 */
static __always_inline bool decide_dnsbl_spares(const struct settings *s, struct decision *d)
{
	__u64 begun = d->dnsbl->begun, since = s->dnsbl_since;

	return decide_open_sessions(d) && d->proven->busy < (since > begun ? since : begun);
}

/* Row 6: the DNSBLs. True if they speak. */
static __always_inline bool decide_dnsbl(const struct settings *s, const struct facts *f,
					 struct decision *d)
{
	struct dnsbl *answer;
	enum verdict verdict = decide_verdict(s, f, REASON_DNSBL);

	if (!s->dnsbl_threshold || f->port == PORT_SUBMISSION)
		return false;
	answer = bpf_map_lookup_elem(&dnsbl, &f->source);
	if (!answer || f->now >= answer->until)
		return false;
	d->dnsbl = answer;
	if (answer->score < (__s64)s->dnsbl_threshold)
		return false;
	d->since = answer->since;
	d->until = answer->until;
	if (f->port == PORT_PROTECTED && !f->syn) {
		d->proven = bpf_map_lookup_elem(&proven, &f->source);
		if (decide_dnsbl_spares(s, d))
			verdict = VERDICT_PASS;
	}
	if (f->syn && f->now >= answer->renew)
		d->ask = ASK_LISTED;
	decided(d, REASON_DNSBL, verdict);
	return true;
}

/* One of the deferrals of this second, all CPUs together. */
static __always_inline bool decide_defer_budget(const struct settings *s, __u64 now)
{
	__u64 second = now / 1000000000ULL;
	struct deferral *spent;
	__u32 zero = 0;

	spent = bpf_map_lookup_elem(&deferral, &zero);
	if (!spent)
		return false;
	if (spent->second != second) {
		spent->second = second;
		spent->spent = 0;
	}
	return __sync_fetch_and_add(&spent->spent, 1) < s->defer_budget;
}

/* A source that was not deferred lately: is there budget and room to do it now? */
static __always_inline bool decide_defer_first(const struct settings *s, const struct facts *f,
					       struct deferred *known)
{
	struct deferred first = {.first = f->now};

	if (!decide_defer_budget(s, f->now))
		return false;
	if (known) {
		known->first = f->now;
		return true;
	}
	return bpf_map_update_elem(&deferred, &f->source, &first, BPF_ANY) == 0;
}

/*
 * Row 11: a SYN of a source without an answer is dropped while its lookup runs; its TCP sends it again
 * about a second later. Only while the daemon says every second that all is well, within a budget, and
 * not for longer than a lookup takes: otherwise the SYN passes.
 */
static __always_inline bool decide_deferred(const struct settings *s, const struct facts *f,
					    bool charge, struct decision *d)
{
	struct dnsbl_health *health_of_dnsbl;
	struct deferred *known;
	struct notices *n;
	__u32 zero = 0;
	__u64 age;

	if (d->dnsbl || !s->dnsbl_threshold || !s->defer_budget || f->port != PORT_PROTECTED)
		return false;
	health_of_dnsbl = bpf_map_lookup_elem(&dnsbl_health, &zero);
	if (!health_of_dnsbl || f->now >= read_once(health_of_dnsbl->defer_until))
		return false;
	known = bpf_map_lookup_elem(&deferred, &f->source);
	age = known ? f->now - read_once(known->first) : DEFER_AGAIN;
	if (age < s->defer_limit) {
		d->ask = ASK_SYN;
		return true;
	}
	if (age < DEFER_AGAIN)
		return false;
	if (charge && !decide_defer_first(s, f, known)) {
		n = notices_get();
		if (n)
			n->defer_stops++;
		return false;
	}
	d->ask = ASK_SYN;
	return true;
}

/* Row 3: a ban of the source or of its network. True if there is one. */
static __always_inline bool decide_banned(const struct settings *s, const struct facts *f,
					  struct decision *d)
{
	struct ban_query q;

	ban_lookup(&f->source, f->now, f->mode, &q);
	if (!q.ban)
		return false;
	d->since = q.ban->since;
	d->until = q.ban->until;
	d->ban_length = q.key.length;
	decided(d, REASON_ABUSE, decide_verdict(s, f, REASON_ABUSE));
	return true;
}

/* Row 5: a login a short while ago. Asks only while there is any. */
static __always_inline bool decide_logged_in(const struct facts *f, struct decision *d)
{
	const struct abuse *a = abuse_get();

	if (f->port == PORT_HIDDEN || !a || f->now >= read_once(a->login_until))
		return false;
	d->proven = bpf_map_lookup_elem(&proven, &f->source);
	if (!d->proven || f->now >= d->proven->login_until)
		return false;
	d->until = d->proven->login_until;
	decided(d, REASON_AUTHENTICATED, VERDICT_PASS);
	return true;
}

/* Rows 7 to 10: a SYN of a source that nothing else spoke about. True if one of them drops it. */
static __always_inline bool decide_rates(const struct settings *s, const struct facts *f,
					 bool charge, struct decision *d)
{
	enum reason over = REASON_CLEAN;
	struct rate_key key;

	if (d->proven) {
		if (s->sessions && decide_open_sessions(d) >= s->sessions) {
			over = REASON_SESSIONS;
		} else if (s->source_cost) {
			rate_source_key(&key, &f->source);
			if (!rate_conforms(&key, s->source_ahead, f->now))
				over = REASON_SOURCE_RATE;
		}
	}
	if (over == REASON_CLEAN && s->network_cost) {
		rate_network_key(&key, &f->source);
		if (!rate_conforms(&key, s->network_ahead, f->now))
			over = REASON_NETWORK_RATE;
	}
	if (over != REASON_CLEAN) {
		/* Many clients behind one address: a proxy, a NAT, a backup MX. */
		if (d->proven && penalty_share(s, d->proven, f->now))
			return false;
		decided(d, over, decide_verdict(s, f, over));
		return true;
	}
	if (!d->proven && s->syn_cost && decide_proof_works(f->now)) {
		bool fits;

		rate_syn_key(&key, &f->source);
		fits = charge ? rate_charge(s, &key, s->syn_cost, s->syn_ahead, f->now)
			      : rate_conforms(&key, s->syn_ahead, f->now);
		if (!fits) {
			decided(d, REASON_SYN_RATE, VERDICT_DROP);
			return true;
		}
	}
	return false;
}

static __always_inline void decide(const struct settings *s, const struct facts *f, bool charge,
				   struct decision *d)
{
	const struct policy_list *list = 0;
	struct manual_query m;
	struct policy_ref policy;
	__u32 action = LIST_NONE, id = 0;

	__builtin_memset(d, 0, sizeof(*d));
	d->generation = read_once(s->policy_generation);
	if (policy_open(&policy, d->generation)) {
		id = policy_lookup(&policy, &f->source);
		if (id)
			list = policy_list(&policy, id);
		if (list) {
			action = list->action;
			d->list_loaded = list->loaded;
		}
	}
	manual_lookup(&f->source, f->now, &m);

	/* row 1 */
	if (action == LIST_ALLOW || m.allow_until) {
		d->list = action == LIST_ALLOW ? id : 0;
		d->since = m.allow_since;
		d->until = m.allow_until;
		return decided(d, REASON_ALLOW_LIST, VERDICT_PASS);
	}
	/* row 2 */
	if (m.block_until) {
		d->since = m.block_since;
		d->until = m.block_until;
		return decided(d, REASON_ADMIN_BLOCK, VERDICT_DROP);
	}
	/* row 3 */
	if (decide_banned(s, f, d))
		return;
	/* row 4 */
	if (action == LIST_COUNT && f->port != PORT_SUBMISSION)
		d->counted = id;
	if ((action == LIST_DROP || action == LIST_REFUSE) && f->port != PORT_SUBMISSION) {
		d->list = id;
		if (f->port == PORT_PROTECTED && !f->syn) {
			d->proven = bpf_map_lookup_elem(&proven, &f->source);
			if (decide_open_sessions(d))
				return decided(d, REASON_BLOCK_LIST, VERDICT_PASS);
		}
		return decided(d, REASON_BLOCK_LIST,
			       action == LIST_REFUSE && f->port == PORT_PROTECTED ? VERDICT_REFUSE
										  : VERDICT_DROP);
	}
	/* row 5 */
	if (decide_logged_in(f, d))
		return;
	/* row 6 */
	if (decide_dnsbl(s, f, d))
		return;
	if (f->port == PORT_HIDDEN)
		return decided(d, REASON_OTHER, VERDICT_PASS);
	/* rows 7 to 10 */
	if (f->syn && !address_is_private(&f->source)) {
		d->proven = bpf_map_lookup_elem(&proven, &f->source);
		if (decide_rates(s, f, charge, d))
			return;
		/* row 11 */
		if (decide_deferred(s, f, charge, d))
			return decided(d, REASON_DEFERRED, VERDICT_DROP);
	}
	/* row 12 */
	decided(d, REASON_CLEAN, VERDICT_PASS);
}

#endif
