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
	EVENT_ASK = 3,	   /* a source should be looked up in the DNSBLs; see enum ask */
	EVENT_BAN =
		4, /* the kernel banned a source; `flags` is its last offence, `since`, `until` */
	EVENT_SPARED = 5,  /* a limit was reached and nobody banned; `flags` is an enum spared */
	EVENT_OFFENCE = 6, /* `flags` is an enum offence; for `watch` only */
	EVENT_LOGIN = 7,   /* a source logged in; for `watch` only */
};

/* Why a source that reached the limit, or would have, is not banned: `flags` of an EVENT_SPARED. */
enum spared {
	SPARED_KNOWN = 1, /* a sender this host knows, and it can be tricked into this offence */
	SPARED_SHARE = 2, /* it carries a large share of all accepted mail */
	SPARED_PRIVATE =
		3, /* a private address: a proxy, a container gateway, the host's own network */
	SPARED_ALLOWED = 4, /* in an allow list */
};

/* Why a source should be looked up: `flags` of an EVENT_ASK. */
enum ask {
	ASK_SESSION = 1, /* it completed a handshake, and no fresh answer is held */
	ASK_LISTED = 2,	 /* it is listed, keeps coming, and the answer is getting old */
	ASK_SYN = 3,	 /* its first SYN was deferred; the address may be forged */
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
	__s32 score; /* of the DNSBLs, if they spoke */
	__u32 sites; /* bits: those that spoke (dnsbl.h) */
};

/*
 * Written by program `check` over the start of the packet it is given (data_out of BPF_PROG_RUN,
 * bpf(2)), when the packet is long enough to hold it. Host byte order but for the address.
 */
#define ANSWER_MAGIC 0x534d5457u

struct list_name {
	char name[32];
};

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
	__u32 answered;	   /* 1: the DNSBLs' answer is in force; score and sites are theirs */
	__s32 score;
	__u32 sites;
	__u32 ban_length;	    /* reason abuse: prefix length of the ban that spoke, of 128 */
	__u32 refuses;		    /* 1: the row that spoke refuses, where that is possible */
	__u32 refuse_word;	    /* then an enum refuse_word: is it, and if not, why */
	__u32 refuse_told;	    /* and how often it was told in its window */
	__u32 refuse_network;	    /* REFUSE_LADDER: 1: not it, but all of its IPv6 /64 together */
	__u64 refuse_since;	    /* its window's beginning; 0 none */
	__u64 refuse_until;	    /* REFUSE_LADDER: it is dropped until then */
	struct list_name list_name; /* of `list`, or of `counted` */
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
	__u64 ask_second;
	__u64 ask_spent;
	__u64 asks_held;   /* lookups not asked for: over the budget or the ring was full */
	__u64 defer_stops; /* SYNs not deferred: over the budget or the map was full */
};

#endif
