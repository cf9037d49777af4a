// SPDX-License-Identifier: GPL-2.0-only
/*
 * report.bpf.c - program `report`: what user space saw, done by the same code as what the kernel saw
 *
 * User space never changes what the kernel programs write, it hands a struct report to this program
 * (BPF_PROG_RUN), which is attached nowhere. A line of a log charges only a source of which the kernel saw
 * a session lately: anybody on the host can write to a log. And it charges only what the kernel could not
 * read itself: sessions that were encrypted, or whose beginning was missed.
 */
#include "core.h"
#include "ban.h"
#include "penalty.h"
#include "proven.h"

char LICENSE[] SEC("license") = "GPL";

/* What the kernel read is not expected in a log any more after this long, ns. */
#define READ_CREDIT (120ULL * 1000000000ULL)

/* Was a session of it seen so short a time before? */
static __always_inline bool witnessed(const struct proven *p, __u64 when)
{
	return p->sessions > 0 || p->last + REPORT_WITNESS > when;
}

/* Could the kernel read all sessions of this source lately? Then it has read what the log tells. */
static __always_inline bool was_read(const struct proven *p, __u64 when)
{
	/* What is answered by a way on which `replies` reads nothing, the log alone tells. */
	if (!p->replied || p->replied + REPORT_WITNESS < when)
		return false;
	return !p->veiled || p->veiled + REPORT_WITNESS < when;
}

/* Takes one of the offences that the kernel has read, if there are any. */
static __always_inline bool take_read(struct proven *p, __u32 kind, __u64 now)
{
	barrier_on(kind);
	kind &= OFFENCES - 1;
	if (!p->read[kind])
		return false;
	if (p->read_last + READ_CREDIT < now) {
		p->read[kind] = 0;
		return false;
	}
	__sync_fetch_and_add(&p->read[kind], -1);
	return true;
}

static __always_inline enum report_result report_offence(const struct report *r, struct proven *p,
							 __u64 now, __u64 when)
{
	__u32 place = CHARGE_REPORT;
	struct charge *c;

	if (!witnessed(p, when))
		return REPORT_NO_WITNESS;
	/* The credit first: what is left of it would pay for a line about a session that was not read. */
	if (take_read(p, r->offence, now) || was_read(p, when))
		return REPORT_READ;
	c = bpf_map_lookup_elem(&charges, &place);
	if (!c)
		return REPORT_FULL;
	c->source = r->prefix.address;
	c->now = now;
	c->when = when;
	c->offence = r->offence;
	c->origin = BAN_BY_LOG;
	__builtin_memcpy(c->text, r->text, sizeof(c->text));
	return penalty_judge(CHARGE_REPORT);
}

static __always_inline enum report_result report_login(const struct settings *s,
						       const struct report *r, struct proven *p,
						       __u64 now, __u64 when)
{
	struct proven first = {};

	if (!p && r->proved)
		p = proven_entry(s, &r->prefix.address, now, &first);
	if (!p || (!r->proved && !witnessed(p, when)))
		return REPORT_NO_WITNESS;
	penalty_login(s, p, when);
	return REPORT_DONE;
}

static __always_inline enum report_result report_mail(struct proven *p, __u64 now, __u64 when)
{
	if (!witnessed(p, when))
		return REPORT_NO_WITNESS;
	if (was_read(p, when))
		return REPORT_READ;
	/* A log does not say which session it was: one for each that was completed. */
	penalty_mail(p, now, p->carried_by != (__u32)p->completed);
	p->carried_by = p->completed;
	return REPORT_DONE;
}

static __always_inline void taken(__u32 *fresh, __u32 count)
{
	__sync_fetch_and_add(fresh, count < *fresh ? -count : -*fresh);
}

static __always_inline enum report_result report_taken(const struct report *r, struct proven *p)
{
	for (int i = 0; i < OFFENCES; i++)
		taken(&p->fresh[i], r->taken[i]);
	taken(&p->fresh_mail, r->taken_mail);
	return REPORT_DONE;
}

static __always_inline enum report_result report_forgive(const struct report *r, struct proven *p)
{
	struct address network = r->prefix.address;
	struct proven *all;

	/* Or its next offence would be the last one of its /64 again. */
	address_network(&network);
	all = address_is_v4(&network) ? 0 : bpf_map_lookup_elem(&proven, &network);
	if (all)
		all->penalty = 0;
	p->penalty = p->guesses = 0;
	p->offended_first = p->offended = 0;
	for (int i = 0; i < OFFENCES; i++)
		p->offence[i] = 0;
	return REPORT_DONE;
}

/* A ban that user space hands in: the kernel keeps the words that say whether there is any. */
static __always_inline enum report_result report_ban(const struct report *r, __u64 flags)
{
	struct abuse *a = abuse_get();
	struct prefix key = r->prefix;
	int err; /* not long: before 6.4 the upper half of what a map's function returns is undefined */

	if (!a)
		return REPORT_FULL;
	err = bpf_map_update_elem(&bans, &key, &r->ban, flags);
	if (err)
		return err == -17 /* EEXIST */ ? REPORT_THERE : REPORT_FULL;
	if (key.length == ADDRESS_BITS)
		penalty_raise(&a->banned_until, r->ban.until);
	else
		penalty_raise(&a->networks_until, r->ban.until);
	return REPORT_DONE;
}

static __always_inline enum report_result report_do(const struct settings *s,
						    const struct report *r)
{
	__u64 now = now_ns(s), when = r->when && r->when < now ? r->when : now;
	struct proven *p;

	if (r->kind == REPORT_WIDEN)
		return report_ban(r, BPF_ANY);
	if (r->kind == REPORT_RESTORE)
		return report_ban(r, BPF_NOEXIST);
	p = bpf_map_lookup_elem(&proven, &r->prefix.address);
	if (r->kind == REPORT_LOGIN)
		return report_login(s, r, p, now, when);
	if (!p)
		return r->kind == REPORT_FORGIVE || r->kind == REPORT_TAKEN ? REPORT_DONE
									    : REPORT_NO_WITNESS;
	switch (r->kind) {
	case REPORT_OFFENCE:
		return report_offence(r, p, now, when);
	case REPORT_MAIL:
		return report_mail(p, now, when);
	case REPORT_TAKEN:
		return report_taken(r, p);
	case REPORT_FORGIVE:
		return report_forgive(r, p);
	default:
		return REPORT_FULL;
	}
}

SEC("xdp")
int report(struct xdp_md *ctx)
{
	const void *end = (const void *)(long)ctx->data_end;
	struct report *r = (void *)(long)ctx->data;
	const struct settings *s = settings_get();

	if (!s || (const void *)(r + 1) > end || r->magic != REPORT_MAGIC)
		return XDP_DROP;
	r->result = report_do(s, r);
	return XDP_PASS;
}
