/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refuse.h - refusing with a reason: what the kernel programs remember, and what the daemon tells them
 *
 * A verdict `refuse` is a word of program `wall` about one connection, written when it sees the SYN (map
 * `refusals`). Program `refuse` (sk_lookup) follows the word and nothing else, so that the two cannot
 * disagree: it gives the connection to the refusal listener's socket (map `refuse_sockets`). All that is
 * on the connection's way looks at the same word: `wall` lets its segments pass, `sessions` does not count
 * it, `replies` does not read it.
 *
 * Where it is not refused (enum refuse_word) the verdict is another: drop for lists, DNSBLs and bans; for
 * rates pass where nobody could refuse it, drop where it is one too many. A connection that is not refused
 * in time would reach the mail server otherwise.
 */
#ifndef SMTPWALL_REFUSE_H
#define SMTPWALL_REFUSE_H

#include <linux/types.h>
#include "address.h"
#include "events.h"
#include "reasons.h"
#include "replies.h"

/* How it stands with refusing a source: why it would not be refused although its row says so. */
enum refuse_word {
	REFUSE_WELL = 0,   /* it is refused */
	REFUSE_ABSENT = 1, /* no listener, or nobody that tells it what to say */
	REFUSE_ELSEWHERE =
		2, /* connections to this host's ports are not made in this network namespace */
	REFUSE_FULL = 3,   /* as many clients as the listener may have */
	REFUSE_LADDER = 4, /* told often enough: dropped until its hour is over */
	REFUSE_BUDGET = 5, /* too many new ones in this second */
	REFUSE_WORDS = 6,
};

/* X(number, name in text and JSON, member of struct refuse_counts) */
#define REFUSE_WORD_NAMES(X)                                                                       \
	X(REFUSE_WELL, "refused", refused)                                                         \
	X(REFUSE_ABSENT, "no-listener", absent)                                                    \
	X(REFUSE_ELSEWHERE, "elsewhere", elsewhere)                                                \
	X(REFUSE_FULL, "full", full)                                                               \
	X(REFUSE_LADDER, "told-enough", ladder)                                                    \
	X(REFUSE_BUDGET, "budget", budget)

/* Rows that are over in a while: the client is told to come again (421), not to stay away (554). */
static __always_inline int refuse_is_rate(enum reason reason)
{
	return reason == REASON_SESSIONS || reason == REASON_SOURCE_RATE ||
	       reason == REASON_NETWORK_RATE;
}

/*
 * Map `refusals` (LRU): struct flow_key -> struct refusal: this connection is refused. The facts are
 * those of the moment of its last SYN; the daemon makes the text of them.
 */
#define REFUSALS_MAX 32768

struct refusal {
	__u64 when;  /* its last SYN */
	__u64 given; /* when program `refuse` gave it to the listener; 0: not, so it is not passed */
	__u64 since; /* of the block, the ban, the answer; 0 unknown */
	__u64 until;
	enum reason reason;
	__u32 list; /* id in the policy; 0 if no list spoke */
	struct list_name list_name;
	__s32 score; /* of the DNSBLs, if they spoke */
	__u32 sites;
	__u32 ban_length; /* reason abuse: of the ban that spoke, of 128 */
	__u32 connected;  /* 1: its handshake is completed; another SYN is another connection */
};

/* A word is good for so long; ns. The second is longer than the longest tarpit. */
#define REFUSAL_SYN                                                                                \
	(75ULL * 1000000000ULL) /* for a SYN, and for the ACK that brings a SYN cookie */
#define REFUSAL_OPEN (900ULL * 1000000000ULL)

/*
 * Map `told` (LRU): struct address -> struct told. The ladder: a source is told so many times in a window
 * that begins with the first time, then dropped. What is forged tells nobody: a handshake counts, and
 * SYNs only as far as they wait for theirs. Whoever holds an IPv6 /64 has an address for each connection:
 * all of them together are told TOLD_NETWORK times as often as one, or a single one could keep all places
 * of the listener for itself.
 */
#define TOLD_MAX     65536
#define TOLD_NETWORK 4

struct told {
	__u64 began;	     /* of the window; 0: none */
	__u64 told;	     /* completed connections to the listener in it */
	__u64 pending;	     /* SYNs let through that have not become connections yet */
	__u64 pending_since; /* they are forgotten some seconds later */
};

#define TOLD_PENDING (10ULL * 1000000000ULL)

/* The key of all addresses of an IPv6 source's /64 together: an address that no host has. */
static __always_inline void told_network(const struct address *source, struct address *key)
{
	*key = *source;
	address_set_half(key, 1, ~0ULL);
}

/* Map `refuse_state`, one element, written by the kernel programs. */
struct refuse_state {
	__u64 last; /* a word was given: nobody needs to look for one much later; exact to a second */
	__u64 given;	 /* the last connection was given to the listener */
	__u64 elsewhere; /* a SYN-ACK left for a refused client that was not the listener's; 0 never */
	__s64 open;	 /* connections the listener holds now */
};

/* After `elsewhere` refusing is tried again after this long, ns; at once when program `refuse` is attached. */
#define ELSEWHERE_AGAIN (600ULL * 1000000000ULL)

/* Map `refuse_sockets` (SOCKMAP): the listening sockets, put in by the daemon. */
enum {
	REFUSE_V4 = 0,
	REFUSE_V6 = 1,
	REFUSE_SOCKETS = 2,
};

/* Per-CPU map `refuse_counts`: SYNs whose row said refuse, by what became of them. Retransmissions count. */
struct refuse_counts {
	__u64 refused, absent, elsewhere, full, ladder, budget; /* by enum refuse_word */
	__u64 unused[2];
	__u64 second, spent; /* the window of the budget */
	__u64 connected;     /* handshakes completed with the listener */
	__u64 strayed;	     /* segments of a connection that was not the listener's: dropped */
};

/* How a connection to the listener ended: reported by it, counted by the daemon. */
enum refuse_end {
	REFUSE_QUIT = 0,     /* the client was told, and said QUIT */
	REFUSE_CLOSED = 1,   /* it closed the connection after it had got the reply */
	REFUSE_GAVE_UP = 2,  /* it went away before it had got the reply */
	REFUSE_TIMEOUT = 3,  /* still there when its time was over */
	REFUSE_UNTOLD = 4,   /* the listener was not told what to say in time: 421 */
	REFUSE_NOT_OURS = 5, /* no word about this connection: closed without one */
	REFUSE_ENDS = 6,
};

/* X(number, name in text and JSON, member of struct refuse_health) */
#define REFUSE_END_NAMES(X)                                                                        \
	X(REFUSE_QUIT, "quit", quit)                                                               \
	X(REFUSE_CLOSED, "closed", closed)                                                         \
	X(REFUSE_GAVE_UP, "gave-up", gave_up)                                                      \
	X(REFUSE_TIMEOUT, "timed-out", timed_out)                                                  \
	X(REFUSE_UNTOLD, "untold", untold)                                                         \
	X(REFUSE_NOT_OURS, "not-ours", not_ours)

/* Map `refuse_health`, one element, written by the daemon, read by everybody. */
struct refuse_health {
	__u64 alive_until; /* boot clock, ns: the listener is there and is told what to say; else 0 */
	__u64 started;	   /* of this listener, wall clock, seconds; 0: none */
	__u64 restarts;
	__u64 pid;
	__u64 clients;	 /* it holds now */
	__u64 tarpitted; /* of these, in the tarpit */
	__u64 quit, closed, gave_up, timed_out, untold,
		not_ours; /* by enum refuse_end, since the wall is up */
	__u64 unused[2];
	__u64 tarpits; /* that began since the wall is up */
};

#endif
