/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verdict.h - what a decision is made from, and what it says
 */
#ifndef SMTPWALL_BPF_VERDICT_H
#define SMTPWALL_BPF_VERDICT_H

#include <smtpwall/refuse.h>
#include "core.h"

struct facts {
	struct address source; /* folded */
	__u64 now;
	enum mode mode;
	enum port_kind port;
	bool syn;
};

struct decision {
	enum reason reason;
	enum verdict verdict; /* in enforce mode */
	__u32 list;	      /* that spoke; 0 none */
	__u32 counted;	      /* `count` list that holds the source; 0 none */
	__u64 since, until;   /* of a manual entry, a ban, an answer, a login */
	__s64 list_loaded;
	__u64 generation;	 /* of the policy that was asked */
	struct proven *proven;	 /* looked up on the way; NULL unknown or not proven */
	struct dnsbl *dnsbl;	 /* the DNSBLs' answer in force; NULL: none */
	enum ask ask;		 /* somebody should look the source up; 0: no need */
	__u32 ban_length;	 /* prefix length of the ban that spoke; 0 none */
	enum refuse_word refuse; /* a row that refuses: how it stands with that */
	bool refuses;		 /* the row that spoke is such a one */
};

static __always_inline void decided(struct decision *d, enum reason reason, enum verdict verdict)
{
	d->reason = reason;
	d->verdict = verdict;
}

/*
 * What a row does to its source. Refused are clients of the protected ports only: on a submission port
 * they are the host's own users, whose programs may not even begin in plain text.
 */
static __always_inline enum verdict decide_verdict(const struct settings *s, const struct facts *f,
						   enum reason row)
{
	return f->port == PORT_PROTECTED && (read_once(s->refuse_rows) >> (row & 15) & 1)
		       ? VERDICT_REFUSE
		       : VERDICT_DROP;
}

#endif
