/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * settings.h - what user space tells the kernel programs: the map `settings`
 *
 * One element, mapped into memory by its writers. Every field is one aligned word, so that a
 * change is one store and no packet sees half of it. Writers: `up`, `load` (policy_generation),
 * `mode`, `dnsbl` (dnsbl_change) and `watch`, all but the last under the wall lock.
 *
 * The first two words never move in any version: `smtpwall mode monitor` must work on the maps of
 * a version it does not know.
 */
#ifndef SMTPWALL_SETTINGS_H
#define SMTPWALL_SETTINGS_H

#include <linux/types.h>
#include "abuse.h"
#include "reasons.h"

/* Raise when a map's layout or meaning changes: "smtw" and a number. */
#define SETTINGS_SCHEMA 0x736d747700000004ULL

#define SETTINGS_PORTS 16 /* protected and submission ports together */

/* What a port is to the wall. */
enum port_kind {
	PORT_OTHER = 0,
	PORT_PROTECTED = 1,  /* every row applies */
	PORT_SUBMISSION = 2, /* for the host's own users: lists and DNSBLs do not apply */
	PORT_HIDDEN = 3,     /* a TCP packet whose port cannot be read: only a block applies */
};

struct settings {
	__u64 schema; /* SETTINGS_SCHEMA; never moves */
	__u64 mode;   /* MODE_WORD(); never moves */

	/* PORT_WORD(): port number and kind; the first zero ends the table. */
	__u64 port[SETTINGS_PORTS];

	__u64 policy_generation; /* its lowest bit picks the half of the policy maps in force */
	__u64 clock_offset;	 /* signed nanoseconds added to the boot clock; tests only */
	__u64 netns;		 /* inode of the network namespace whose sockets are counted */
	__u64 watch_until;	 /* boot clock, ns: the ring `watch` is filled until then */
	__u64 event_budget;	 /* events per second and CPU; beyond it they are only counted */
	__u64 learn_budget;	 /* sources learnt per second and CPU by the LRU maps */

	/* Rates as GCRA: the time one event costs, and how far ahead of now a source may run, ns.
	 * A cost of 0 switches the rate off. */
	__u64 source_cost;
	__u64 source_ahead;
	__u64 network_cost;
	__u64 network_ahead;
	__u64 syn_cost;
	__u64 syn_ahead;
	__u64 sessions; /* open sessions per source; 0 is no limit */

	/* The configured mode and one, as it was when it was last applied; 0: never. While the
	 * configuration says the same, a mode chosen by hand stands. */
	__u64 mode_configured;

	/* Of the DNSBLs: written under the daemon lock, dnsbl_change under the wall lock. */
	__u64 dnsbl_threshold; /* of the DNSBLs' score; 0: the rows dnsbl and deferred are off */
	__u64 dnsbl_since;     /* boot clock, ns: the threshold is what it is since then; sessions
				  that are older are let finish */
	__u64 dnsbl_change; /* raised by `smtpwall dnsbl` when the daemon has something to read */
	__u64 ask_budget;   /* lookups asked for per second and CPU */
	__u64 defer_budget; /* SYNs deferred per second, all CPUs together; 0: none */
	__u64 defer_limit;  /* a source is deferred for at most that long, ns */

	/* Of abuse (abuse.h); points in units of PENALTY_POINT. */
	__u64 abuse_limit;	      /* at this penalty a source is banned; 0: nobody is */
	__u64 abuse_weight[OFFENCES]; /* points of one offence; 0: counted only */
	__u64 abuse_half_life;	      /* ns */
	__u64 abuse_daily; /* failed logins a day, spread evenly, that end in a ban; 0: off */
	__u64 abuse_share; /* per cent of all accepted mail: who carries more is not banned; 0: off */
	__u64 ban_length; /* of a first ban, ns */
	__u64 ban_max;	  /* ns */
	__u64 login_time; /* a login exempts its source that long, ns; 0: never */

	/* Of refusing (refuse.h). */
	__u64 refuse_rows;    /* bits 1 << enum reason: these rows refuse instead of dropping */
	__u64 refuse_times;   /* a source is told so many times in a window */
	__u64 refuse_window;  /* ns */
	__u64 refuse_clients; /* connections the listener may hold at once */
	__u64 refuse_budget;  /* new ones per second and CPU */
	__u64 refuse_since; /* boot clock, ns: program `refuse` was attached; what showed before that
				 that refusing is not possible counts no more */
};

#define PORT_WORD(number, kind) ((__u64)(kind) << 16 | (number))

/*
 * The mode word: the mode now, and what it becomes at a second of the boot clock (0: never), so
 * that `mode enforce --for 1h` ends by itself even when no user space is left.
 */
#define MODE_WORD(now, until_seconds, then)                                                        \
	((__u64)(until_seconds) << 16 | (__u64)(then) << 8 | (__u64)(now))
#define MODE_NOW(word)	 ((enum mode)((word)&0xff))
#define MODE_THEN(word)	 ((enum mode)((word) >> 8 & 0xff))
#define MODE_UNTIL(word) ((word) >> 16) /* seconds, boot clock */

static inline __attribute__((always_inline)) enum mode mode_at(__u64 word, __u64 now_ns)
{
	if (MODE_UNTIL(word) && now_ns >= MODE_UNTIL(word) * 1000000000ULL)
		return MODE_THEN(word);
	return MODE_NOW(word);
}

#endif
