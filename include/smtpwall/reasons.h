/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reasons.h - the order of decisions
 *
 * The first row that speaks decides. The numbers are the rows. The names are used unchanged in
 * counters, JSON, events, logs and documentation; both sides get them from here.
 */
#ifndef SMTPWALL_REASONS_H
#define SMTPWALL_REASONS_H

#include <linux/types.h>

enum reason {
	REASON_OTHER = 0,	  /* not TCP to a protected port: none of our business */
	REASON_ALLOW_LIST = 1,	  /* an allow list, `smtpwall allow`, or the list `guard` */
	REASON_ADMIN_BLOCK = 2,	  /* `smtpwall block` */
	REASON_ABUSE = 3,	  /* offences brought the penalty to the limit: a ban */
	REASON_BLOCK_LIST = 4,	  /* a list with action drop, refuse or count */
	REASON_AUTHENTICATED = 5, /* logged in a short while ago */
	REASON_DNSBL = 6,	  /* the DNSBLs' score reached the threshold */
	REASON_SESSIONS = 7,	  /* too many sessions open at once */
	REASON_SOURCE_RATE = 8,	  /* too many completed connections from this source */
	REASON_NETWORK_RATE = 9,  /* ... from its network */
	REASON_SYN_RATE = 10,	  /* too many SYNs of a source that never completed a handshake */
	REASON_DEFERRED = 11,	  /* first SYN of an unknown source, its lookup is under way */
	REASON_CLEAN = 12,	  /* nothing speaks against it */
	REASON_MALFORMED = 13,	  /* could not be read; passes */
	REASON_SLOTS = 16,	  /* size of tables indexed by a reason, a power of two */
};

/* X(number, name in text, member of struct counters), in the order of decisions. */
#define REASONS(X)                                                                                 \
	X(REASON_ALLOW_LIST, "allow-list", allow_list)                                             \
	X(REASON_ADMIN_BLOCK, "admin-block", admin_block)                                          \
	X(REASON_ABUSE, "abuse", abuse)                                                            \
	X(REASON_BLOCK_LIST, "block-list", block_list)                                             \
	X(REASON_AUTHENTICATED, "authenticated", authenticated)                                    \
	X(REASON_DNSBL, "dnsbl", dnsbl)                                                            \
	X(REASON_SESSIONS, "sessions", sessions)                                                   \
	X(REASON_SOURCE_RATE, "source-rate", source_rate)                                          \
	X(REASON_NETWORK_RATE, "network-rate", network_rate)                                       \
	X(REASON_SYN_RATE, "syn-rate", syn_rate)                                                   \
	X(REASON_DEFERRED, "deferred", deferred)                                                   \
	X(REASON_CLEAN, "clean", clean)                                                            \
	X(REASON_MALFORMED, "malformed", malformed)                                                \
	X(REASON_OTHER, "other", other)

enum verdict {
	VERDICT_PASS = 0,
	VERDICT_DROP = 1,
	VERDICT_REFUSE =
		2, /* the connection goes to the refusal listener, which says why (refuse.h) */
};

/* What a list does to the sources in it. Stronger actions have larger numbers. */
enum list_action {
	LIST_NONE = 0,
	LIST_COUNT = 1,	 /* counted, and the decision goes on */
	LIST_REFUSE = 2, /* told why not, where that is possible; dropped otherwise */
	LIST_DROP = 3,
	LIST_ALLOW = 4, /* wins over everything */
};

enum mode {
	MODE_MONITOR = 0, /* decide and count, drop nothing */
	MODE_ENFORCE = 1,
};

/* Packets and bytes (of the frame as XDP sees it). */
struct tally {
	__u64 packets;
	__u64 bytes;
};

/* What became of the packets that met one reason or one list. */
struct outcome {
	struct tally passed;	 /* passed by this row, or spared because a session was open */
	struct tally would_drop; /* passed in monitor mode, dropped had it been enforce */
	struct tally dropped;
	struct tally would_refuse; /* passed in monitor mode */
	struct tally refused;	   /* passed on to the refusal listener */
};

/* Value of the per-CPU map `counters`; seen as a table it is struct outcome[REASON_SLOTS]. */
struct counters {
	struct outcome other;	      /* 0 */
	struct outcome allow_list;    /* 1 */
	struct outcome admin_block;   /* 2 */
	struct outcome abuse;	      /* 3 */
	struct outcome block_list;    /* 4 */
	struct outcome authenticated; /* 5 */
	struct outcome dnsbl;	      /* 6 */
	struct outcome sessions;      /* 7 */
	struct outcome source_rate;   /* 8 */
	struct outcome network_rate;  /* 9 */
	struct outcome syn_rate;      /* 10 */
	struct outcome deferred;      /* 11 */
	struct outcome clean;	      /* 12 */
	struct outcome malformed;     /* 13 */
	struct outcome reserved_14;
	struct outcome reserved_15;
};

#endif
