/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * abuse.h - offences, penalties, bans: what sources did here, and what became of it
 *
 * An offence is a reply of the mail server (bpf/replies.bpf.c reads them as they leave) or a line of
 * its log (user space hands it to program `report`). Both charge by the same code, bpf/penalty.h. At the
 * limit the kernel writes the ban itself. Times without a unit are nanoseconds of the boot clock.
 */
#ifndef SMTPWALL_ABUSE_H
#define SMTPWALL_ABUSE_H

#include <linux/types.h>
#include "address.h"
#include "reasons.h"

enum offence {
	OFFENCE_RELAY_DENIED = 0,
	OFFENCE_AUTH_FAILED = 1,
	OFFENCE_UNKNOWN_USER = 2,
	OFFENCE_PROTOCOL_ERROR = 3,
	OFFENCES = 4, /* a power of two */
};

/* X(number, name in text, name as a member) */
#define OFFENCE_NAMES(X)                                                                           \
	X(OFFENCE_RELAY_DENIED, "relay-denied", relay_denied)                                      \
	X(OFFENCE_AUTH_FAILED, "auth-failed", auth_failed)                                         \
	X(OFFENCE_UNKNOWN_USER, "unknown-user", unknown_user)                                      \
	X(OFFENCE_PROTOCOL_ERROR, "protocol-error", protocol_error)

/*
 * A sum of points that fades, in one word: changed by compare-and-swap, no lock. The upper half is when
 * it was worked out (in ticks of 1/16 s of the boot clock), the lower half points in units of 1/65536.
 */
#define PENALTY_TICK	    62500000ULL /* ns */
#define PENALTY_POINT	    65536ULL
#define PENALTY_MOST	    0xffffffffULL
#define PENALTY_TICKS(word) ((word) >> 32)
#define PENALTY_SUM(word)   ((word)&PENALTY_MOST)

#define PENALTY_WORD(ticks, sum) ((__u64)(ticks) << 32 | (sum))

/*
 * The sum at the tick `now` when it halves every `half` ticks. 2^-x between two halvings is a cubic that
 * is off by less than 0.02 per cent; no floating point in the kernel.
 */
static __always_inline __u64 penalty_fade(__u64 word, __u64 now, __u64 half)
{
	__u64 sum = PENALTY_SUM(word), age, x, curve;

	if (now <= PENALTY_TICKS(word) || !half)
		return sum;
	age = now - PENALTY_TICKS(word);
	if (age / half >= 32)
		return 0;
	sum >>= age / half;
	x = (age % half) * 65536 / half;
	curve = (x * (65536 - x) >> 16) * (12596 - (2703 * x >> 16)) >> 16;
	return sum * (65536 - x / 2 - curve) >> 16;
}

/* The sum at the tick `now` when `daily` points run off evenly in a day. */
static __always_inline __u64 penalty_drain(__u64 word, __u64 now, __u64 daily)
{
	__u64 sum = PENALTY_SUM(word), gone;

	if (now <= PENALTY_TICKS(word))
		return sum;
	gone = (now - PENALTY_TICKS(word)) * daily * PENALTY_POINT / (86400ULL * 16);
	return gone < sum ? sum - gone : 0;
}

/* Accepted mail fades with this half-life, for a source's share of all of it. */
#define CARRIED_HALF_LIFE (86400ULL * 1000000000ULL)
/* Of less accepted mail than this (as it fades) no share is worked out. */
#define CARRIED_LEAST 20

/* Is `carried`, of `all`, so large a share that it cannot be one client's? */
static __always_inline int share_is_large(__u64 carried, __u64 all, __u64 per_cent)
{
	return per_cent && all >= CARRIED_LEAST * PENALTY_POINT && carried * 100 > all * per_cent;
}

/* An authenticated source may do so many times as much: an office with one wrong password in it. */
#define PENALTY_LOGIN_FACTOR 4

/*
 * Map `bans`: struct prefix -> struct ban. A source (length 128) or a network (IPv4 /24 is 120, IPv6 /64;
 * /48 when there are many of these). Preallocated, never an LRU. Written by the kernel programs; user space
 * only deletes (`unblock`; what nobody needs to remember any more). In force while since <= now < until,
 * but one that was made in monitor mode only in monitor mode; afterwards it remembers the strikes.
 */
#define BANS_MAX      32768u
#define EVIDENCE_TEXT 96

enum ban_origin {
	BAN_BY_REPLY = 1, /* a reply of the mail server reached the limit */
	BAN_BY_LOG = 2,	  /* a line of its log did */
	BAN_WIDENED = 3,  /* several banned addresses (or networks) in this network */
};

struct ban {
	__u64 since, until;
	__u64 remember; /* so long its strikes count */
	__u64 offended; /* the first of the offences in the evidence */
	__u32 strikes;	/* bans until now, this one included */
	enum mode mode; /* in which it was made */
	enum ban_origin origin;
	__u32 members;		 /* of a network: banned prefixes in it when it was made */
	__u32 offence[OFFENCES]; /* evidence: how many of each kind since `offended` */
	__u32 last;		 /* enum offence: of the last one */
	__u32 unused;
	char text[EVIDENCE_TEXT]; /* the last reply or log line as it is: unsafe for a terminal */
};

/* In force? One that was made in monitor mode falls away when enforcing begins. */
static __always_inline int ban_in_force(const struct ban *ban, __u64 now, enum mode mode)
{
	return ban->since <= now && now < ban->until &&
	       (ban->mode == MODE_ENFORCE || mode == MODE_MONITOR);
}

/* Strikes count for so long after a ban's end. */
#define BAN_REMEMBER (7ULL * 86400ULL * 1000000000ULL)

/*
 * Map `known`: struct address -> struct known. Senders this host knows: mirrored from the ledger by the
 * daemon (and by `up`), its one writer.
 */
#define KNOWN_MAX 65536u

struct known {
	__u64 until;
	__u32 messages, days; /* that made it known */
};

/* Map `abuse`, one element, written by the kernel programs: may a packet skip the looks at bans? */
struct abuse {
	__u64 banned_until;   /* no ban of a source lasts longer */
	__u64 networks_until; /* no ban of a network does */
	__u64 login_until;    /* no login does */
	__u64 carried;	      /* such sessions of all sources, as PENALTY_*, fading */
	__u64 wall_seen;      /* when `wall` last saw a packet for a mail port; exact to a second */
	__u64 reply_seen;     /* when `replies` last read a reply; exact to a second */
	__u64 blind;  /* 1: SYNs come by another way than `wall`, so replies are not dropped */
	__u64 proved; /* when server data last proved a source that no socket here had proved */
};

/*
 * Program `report`: what user space saw. The record is handed to it as its packet (BPF_PROG_RUN), and
 * comes back with `result`.
 */
#define REPORT_MAGIC 0x534d5252u

/* A line of a log charges when the source had a session here so short a time before it. */
#define REPORT_WITNESS (300ULL * 1000000000ULL)
/* An older line is counted and charges nothing. */
#define REPORT_OLDEST (3600ULL * 1000000000ULL)

enum report_kind {
	REPORT_OFFENCE = 1, /* a line of a log: `offence`, `when`, `text` */
	REPORT_LOGIN =
		2, /* a login in a log; when `proved` is set the source needs no session here */
	REPORT_MAIL = 3,    /* a message accepted, in a log */
	REPORT_TAKEN = 4,   /* the ledger has taken `taken` and `taken_mail` over */
	REPORT_FORGIVE = 5, /* nothing is held against the source any more (not its ban) */
	REPORT_WIDEN = 6,   /* put `ban` in force for the network `prefix` */
	REPORT_RESTORE = 7, /* put `ban` back, if there is none */
};

enum report_result {
	REPORT_DONE = 1,       /* charged; done */
	REPORT_BANNED = 2,     /* charged, and that was the limit */
	REPORT_COUNTED = 3,    /* counted only: no weight, an exemption, banned already, too old */
	REPORT_NO_WITNESS = 4, /* nobody saw a session of this source: nothing was done */
	REPORT_READ = 5,       /* the kernel has read that reply itself: nothing was done */
	REPORT_FULL = 6,       /* no room */
	REPORT_THERE = 7,      /* REPORT_RESTORE: there is one */
};

struct report {
	__u32 magic;
	enum report_kind kind;
	enum report_result result;
	enum offence offence;
	struct prefix prefix; /* the source (length 128) or a network */
	__u64 when;
	__u32 proved;
	__u32 taken_mail;
	__u32 taken[OFFENCES];
	char text[EVIDENCE_TEXT];
	struct ban ban;
};

#endif
