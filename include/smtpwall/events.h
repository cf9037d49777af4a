/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * events.h - what the kernel programs tell user space, and what `check` answers
 *
 * Events are hints: any of them may be lost, and every follower is right without them because the
 * maps are the truth. Two rings carry the same records: `events` for the daemon, `watched` for
 * `smtpwall watch`, filled only while somebody watches.
 */
#ifndef SMTPWALL_EVENTS_H
#define SMTPWALL_EVENTS_H

#include <linux/types.h>
#include "address.h"
#include "reasons.h"

#define EVENTS_BYTES (1u << 20) /* of each ring */

/* A source whose verdict does not change is announced again after this long, ns. */
#define ANNOUNCE_AGAIN (600ULL * 1000000000ULL)

enum event_kind {
	EVENT_VERDICT = 1, /* a source met a row that drops (or would drop) */
	EVENT_PROVEN = 2,  /* a source completed its first handshake here */
};

struct event {
	__u64 when; /* boot clock, ns */
	struct address source;
	enum event_kind kind;
	enum reason reason;
	enum verdict verdict; /* what enforce mode does */
	enum mode mode;	      /* monitor: it passed all the same */
	__u32 list;	      /* id in the policy, 0 if no list spoke */
	__u16 port;	      /* host byte order; 0 where it is hidden */
	__u16 flags;
	__u64 since; /* of the entry that spoke; 0 unknown */
	__u64 until; /* FOREVER if it does not expire; 0 unknown */
};

/*
 * Written by program `check` over the start of the packet it is given (data_out of BPF_PROG_RUN,
 * bpf(2)), when the packet is long enough to hold it. Host byte order but for the address.
 */
#define ANSWER_MAGIC 0x534d5457u

struct answer {
	__u32 magic;
	enum reason reason;
	enum verdict verdict; /* now, in the mode in force */
	enum verdict would;   /* what enforce mode would do */
	enum mode mode;
	__u32 list;    /* id in the policy, 0 if no list spoke */
	__u32 counted; /* id of a `count` list that holds the source, 0 if none */
	__u32 proven;  /* 1: has an entry in `proven` */
	struct address source;
	__u64 since;	   /* boot clock, ns; 0 unknown */
	__u64 until;	   /* FOREVER if it does not expire; 0 unknown */
	__s64 list_loaded; /* wall clock, seconds; 0 if no list of the policy spoke */
	__u64 now;	   /* boot clock, ns: what the programs decided by */
	__u32 port;	   /* enum port_kind of the packet's destination port */
	__u32 sessions;	   /* open sessions of the source */
	struct list_name {
		char name[32];
	} list_name; /* of `list`, or of `counted` */
};

/* Per-CPU map `notices`: what was left undone on purpose, and must be told. */
struct notices {
	__u64 events_held; /* events not sent: over the budget or the ring was full */
	__u64 not_learnt;  /* sources the flood guard did not learn */
	__u64 proven_full; /* proven sources that found no room */
	/* The windows of the budgets: second of the boot clock, and what was spent in it. */
	__u64 event_second;
	__u64 event_spent;
	__u64 learn_second;
	__u64 learn_spent;
};

#endif
