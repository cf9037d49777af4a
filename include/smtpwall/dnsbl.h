/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dnsbl.h - what DNSBLs said about sources, and how the DNSBLs are
 *
 * Both maps are written by the daemon only (and, while none runs, by `smtpwall dnsbl` under the
 * daemon's lock; `dnsbl flush` deletes at any time, which at worst has a source asked about again).
 * They hold facts, not conclusions: whether a score is a listing is for the kernel programs to say,
 * by the threshold in the settings. Everything the daemon knows is here, so that it may die at any
 * moment and the next one goes on.
 */
#ifndef SMTPWALL_DNSBL_H
#define SMTPWALL_DNSBL_H

#include <linux/types.h>

#define DNSBL_SITES	   32 /* zones that can be configured; a site keeps its place, 0..31 */
#define DNSBL_NAME	   64 /* bytes of a display name with its NUL */
#define DNSBL_RECORDS	   5  /* A records kept of one answer (zen.spamhaus.org gives up to five) */
#define DNSBL_MAX	   131072u
#define DNSBL_UNPROVEN_MAX (DNSBL_MAX / 2) /* of them for sources known by a SYN only */
#define DEFERRED_MAX	   65536u

/* What became of one query. */
enum dnsbl_outcome {
	DNSBL_UNASKED = 0,
	DNSBL_MISS = 1, /* NXDOMAIN, or no A record */
	DNSBL_HIT = 2,	/* A records in 127.0.0.0/8, none of them an error code */
	/* What follows counts 0 and speaks against the site or the resolver. */
	DNSBL_TIMEOUT = 3,
	DNSBL_SERVFAIL = 4,
	DNSBL_REFUSED = 5,
	DNSBL_MANGLED = 6,    /* truncated, not parsable, not about the question */
	DNSBL_ALIAS = 7,      /* a CNAME to elsewhere */
	DNSBL_OUTSIDE = 8,    /* an A record outside 127.0.0.0/8 */
	DNSBL_ERROR_CODE = 9, /* in 127.255.255.0/24: "must not be used to reject mail" */
	DNSBL_OUTCOMES = 10,
};

/* What one site said about a source. Times are seconds of the boot clock, rounded up. */
struct dnsbl_answer {
	__u32 asked;  /* when this answer came; while there is none: as `tried` */
	__u32 good;   /* until then by its TTL, clamped */
	__u32 until;  /* in force until then: good, and a grace while it cannot be renewed */
	__u32 tried;  /* the last attempt, whatever came of it; 0: never asked */
	__u8 outcome; /* enum dnsbl_outcome: MISS, HIT, or UNASKED: there is no answer */
	__u8 failed;  /* enum dnsbl_outcome of the last attempt if it failed, 0 otherwise */
	__u8 records;
	__u8 unused;
	__u8 record[DNSBL_RECORDS][4]; /* 127.x.y.z as it is written */
};

/*
 * Map `dnsbl`: struct address -> struct dnsbl. Replaced whole by one update, so that no packet sees
 * half of it. Times without a unit are nanoseconds of the boot clock.
 */
struct dnsbl {
	__u64 begun;  /* the lookup that found what now counts against it began then: sessions that
			are older are let finish, the others are cut */
	__u64 since;  /* the score is what it is since then */
	__u64 until;  /* the score is in force until then; afterwards the source is unknown */
	__u64 renew;  /* from then on somebody should ask again */
	__s32 score;  /* sum of the weights of all patterns that match; negative: trusted */
	__u32 sites;  /* bits: the sites that add to the score, or take from it */
	__u32 proven; /* 0: asked for the sake of a SYN, whose sender's address may be forged */
	__u32 unused;
	struct dnsbl_answer answer[DNSBL_SITES];
};

/* What a site is good for at the moment. Only the answers of WELL sites count. */
enum dnsbl_state {
	DNSBL_FREE = 0,	    /* no site has this place */
	DNSBL_UNTESTED = 1, /* its test entries were not asked yet: not in use */
	DNSBL_WELL = 2,
	DNSBL_PAUSED = 3,  /* by `smtpwall dnsbl pause` */
	DNSBL_DEAD = 4,	   /* answers nothing */
	DNSBL_BROKEN = 5,  /* its test entries are wrong: it lists the world, or nothing */
	DNSBL_REFUSES = 6, /* answers error codes, or addresses that are no answers */
	DNSBL_TRIPPED = 7, /* says yes far more often than it used to (breaker) */
};

#define DNSBL_LATENCIES 64 /* buckets, four to each doubling, from 0.25 ms on */

/* One site as the daemon knows it. The zone itself is not here: it may hold a paid key. */
struct dnsbl_site {
	__u64 identity;	       /* hash of the zone; 0: this place is free */
	char name[DNSBL_NAME]; /* display name, or the zone */
	__u32 state;	       /* enum dnsbl_state */
	__u32 no_v6;	       /* 1: it has no IPv6 test entries and is not asked about IPv6 */
	__s64 state_since;     /* wall clock, seconds */
	__s64 paused_until;    /* wall clock, seconds; 0 not paused, INT64_MAX until resumed */
	__u64 tested;	       /* boot clock, ns: when its test entries were last asked; 0 never */
	char reason[192]; /* in words: why it is not well, or what it said last that was wrong */
	__u64 queries, hits, misses, failures; /* since the wall is up */
	__u64 spared;			       /* queries not sent: the ceiling was reached */
	__u64 day; /* days since the epoch, UTC, that the next three are about */
	__u64 day_queries;
	__u64 day_unproven; /* of these for the sake of a SYN */
	__u64 ceiling;	    /* queries a day; 0: no ceiling */
	__u32 latency[DNSBL_LATENCIES];
	/* The breaker: share of yes among answers, in units of 1/65536. */
	__u32 usual, usual_count;
	__u64 recent;	    /* the last 64 answers, a bit each */
	__u32 recent_count; /* of these since the breaker switched; it decides when all are */
	__u32 retest;	    /* 1: its test entries are to be asked at once */
	__u32 unused;
	__u32 failed_row; /* failures since the last good answer */
};

/* Map `dnsbl_health`, one element. */
struct dnsbl_health {
	__u64 defer_until; /* boot clock, ns: SYNs of unknown sources are deferred until then; the
			      daemon puts it off every second while all is well */
	__u64 change_seen; /* settings.dnsbl_change that was last acted upon */
	__u64 lookups;	   /* sources that were looked up */
	__u64 found;	   /* of these were found listed */
	__u64 cut;	   /* sessions cut because of it */
	__u64 dropped;	   /* sources dropped from the full queue */
	__u64 spared;	   /* sources not looked up: no site had quota left */
	__u64 queued, under_way;	 /* now */
	__u64 entries, listed, unproven; /* in the map, by the last walk */
	__u32 resolver_local;		 /* 1: all resolvers are on this host */
	__u32 deferring;		 /* 1: configured */
	char resolvers[256];		 /* as they are asked, with commas between */
	struct dnsbl_site site[DNSBL_SITES];
};

/* Map `deferred`: struct address -> struct deferred. Sources whose first SYN was dropped while they
 * are looked up. Written by the kernel; user space only deletes. Full: SYNs pass. */
struct deferred {
	__u64 first; /* boot clock, ns */
};

/* A source that was deferred is not deferred again for this long, ns, whatever became of it. */
#define DEFER_AGAIN (60ULL * 1000000000ULL)

/* Map `deferral`, one element: how many sources were deferred in one second, all CPUs together. */
struct deferral {
	__u64 second;
	__u64 spent;
};

/* Map `asked` (LRU): struct address -> boot clock, ns: when an EVENT_ASK was sent for it. */
#define ASKED_MAX 65536
#define ASK_AGAIN (200ULL * 1000000ULL)

#endif
