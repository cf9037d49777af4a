/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sources.h - what the maps hold of single sources
 *
 * All times are nanoseconds of the boot clock (CLOCK_BOOTTIME plus settings.clock_offset), which
 * no clock step can move. Times at rest are wall time; user space converts when it loads them.
 */
#ifndef SMTPWALL_SOURCES_H
#define SMTPWALL_SOURCES_H

#include <linux/types.h>
#include "abuse.h"
#include "address.h"
#include "reasons.h"

#define FOREVER 0xffffffffffffffffULL

/*
 * Map `manual`: struct prefix -> struct manual. What an administrator allows or blocks by hand.
 * Written by the CLI only, inside a write transaction of the ledger. A slot is in force while
 * since <= now < until; an empty slot has until = 0. Both slots of a prefix are independent, and
 * an expired entry hides no wider one: the kernel asks for every prefix length in use.
 */
#define MANUAL_MAX 65536u

struct manual {
	__u64 allow_since;
	__u64 allow_until;
	__u64 block_since;
	__u64 block_until;
};

/*
 * Map `manual_lengths`, one element: the prefix lengths in use, so that a packet asks for these
 * only. `count` is written last when a length is added, first when one is taken away.
 */
#define MANUAL_LENGTHS 256 /* 129 possible lengths, rounded up to a mask */

struct manual_lengths {
	__u32 count;
	__u8 length[MANUAL_LENGTHS];
};

/*
 * Map `proven`: struct address -> struct proven. Sources that completed a TCP handshake on a
 * protected or submission port here, so that their address is not forged. Written by the kernel
 * programs; user space only deletes idle entries. Not an LRU: nothing a stranger sends may push
 * out what is known of a proven source.
 */
#define PROVEN_MAX 131072u

struct proven {
	__u64 since;	 /* first completed handshake; also tells a re-created entry apart */
	__u64 last;	 /* last completed handshake or close */
	__u64 completed; /* handshakes completed */
	__s64 sessions;	 /* open now */
	__u64 busy;	 /* sessions are open without a break since then: none is older */
	__u64 mail;	 /* last handshake on a protected port; 0: none, the host's own users */
	/* Abuse: changed by bpf/penalty.h only. */
	__u64 penalty; /* PENALTY_*, fading with abuse_half_life */
	__u64 guesses; /* failed logins, PENALTY_*, running off evenly by abuse_daily a day */
	__u64 carried; /* sessions in which it had mail accepted, PENALTY_*, fading (CARRIED_HALF_LIFE) */
	__u64 offended_first; /* first and last of the offences counted below; 0: none */
	__u64 offended;
	__u64 login_until;	 /* logged in: exempt until then */
	__u64 veiled;		 /* last time a session of its could not be read; 0 never */
	__u64 replied;		 /* last time a reply to it was read, exact to a second; 0 never */
	__u32 offence[OFFENCES]; /* until it had been quiet for long */
	__u32 fresh[OFFENCES];	 /* that the ledger has not taken over yet */
	__u32 fresh_mail;	 /* accepted messages that the ledger has not taken over yet */
	__u32 spared; /* second of the boot clock: when it was last told that it is spared */
	__u32 read[OFFENCES]; /* read by the kernel; the log's lines about these charge nothing */
	__u64 read_last;      /* the last of them */
	__u32 carried_by;     /* `completed` when the log last told of an accepted message */
	__u32 unused;
};

/*
 * Map `proof`, one element, written by the kernel programs: when a handshake of a socket here was first
 * and last seen to complete. Until one was, or the mail server's data proved somebody (struct abuse), nobody
 * is proven, and the row `syn-rate` stays silent: it would take every sender for a stranger.
 */
struct proof {
	__u64 first;
	__u64 last; /* exact to a second */
	__u64 full; /* when a proven source last found no room in `proven`; 0 never */
};

/* After `proven` was full, `syn-rate` stays silent this long, ns: it cannot tell who is proven. */
#define PROOF_PAUSE (600ULL * 1000000000ULL)

/*
 * Map `rates` (LRU): struct rate_key -> struct rate. GCRA (ITU-T I.371): `ahead_to` is the
 * theoretical arrival time, the moment up to which the source has used up its allowance.
 */
#define RATES_MAX 262144

enum rate_kind {
	RATE_SOURCE = 1,  /* completed connections of a source */
	RATE_NETWORK = 2, /* ... of its network */
	RATE_SYN = 3,	  /* SYNs of a source that never completed a handshake */
};

struct rate_key {
	struct address address;
	enum rate_kind kind;
	__u32 unused; /* 0 */
};

struct rate {
	__u64 ahead_to;
};

/*
 * Map `announced` (LRU): struct address -> struct announced. The verdicts that were told of a source lately, so
 * that events come on a change of state and not for every packet; nor for every packet of one that goes
 * to and fro between two states, which would fill the log.
 */
#define ANNOUNCED_MAX 65536

struct announced {
	__u64 when;	    /* the first one */
	enum reason reason; /* the last one */
	enum verdict verdict;
	enum mode mode;
	__u32 told; /* all of them: bits, announced_bit() */
};

static __always_inline __u32 announced_bit(enum reason reason, enum verdict verdict)
{
	return 1u << ((reason & (REASON_SLOTS - 1)) * 2 + (verdict == VERDICT_REFUSE));
}

/* Socket storage `session_marks`: this socket is counted in the entry that began at `since`. */
struct session_mark {
	__u64 since;
	__u64 began; /* of this session, or when the wall came to know it */
	struct address source;
	__u64 refused; /* 1: the refusal listener's: no session of the mail server */
};

/*
 * What program `list_sessions` writes for each session whose server still talks (a TCP iterator: read(2) gives records one
 * after the other). Ports in host byte order; addresses as the socket has them, folded only in
 * `source`.
 */
struct session {
	__u64 began;
	struct address source;
	struct address local, remote; /* IPv4 in its mapped form */
	__u64 cookie; /* of the socket (SO_COOKIE): tells it from any other, for ever */
	__u16 local_port, remote_port;
	__u32 v6; /* 1: a socket of family AF_INET6, whatever its addresses are */
};

#endif
