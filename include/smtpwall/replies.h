/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * replies.h - what is remembered of the mail server's side of a connection, to read its replies
 *
 * Only bytes in sequence from a known line start are read: a client with a tiny window can make the
 * server send a segment that begins with text of the client's own choosing.
 */
#ifndef SMTPWALL_REPLIES_H
#define SMTPWALL_REPLIES_H

#include <linux/types.h>
#include "abuse.h"
#include "address.h"

#define REPLY_LINE EVIDENCE_TEXT /* bytes kept of a line's start; a multiple of 32 */

/* The reader of replies, fed byte by byte (bpf/reply.h). All zero: at the start of the banner. */
struct reply {
	__u16 node;  /* of the automaton that finds phrases */
	__u16 code;  /* of the line, as far as it was read */
	__u8 column; /* in the line, counted up to 255 */
	__u8 more;   /* bits: this line is not the reply's last ("550-"); lines of it were missed */
	__u8 bracket; /* in front of, inside or behind <...>: text of the client */
	__u8 greeted; /* the banner is over */
	__u8 data;    /* the last reply was 354: the next one is about the message */
	__u8 broken;  /* the line is no reply; skip to its end */
	__u8 by_code; /* no phrases were looked for in a part of this reply */
	__u8 held;    /* bytes in `line` */
	__u32 before; /* phrases in front of the first mark (< or ") of their line; of all lines */
	__u32 after;  /* phrases behind the last mark (> or ") of this line so far */
	__u16 offence_code;    /* code of the last reply that was an offence; 0 none */
	__u8 offence;	       /* and its kind */
	__u8 known_offence;    /* the kind of the one that offence_code is of */
	char line[REPLY_LINE]; /* the start of this line */
};

/* Key of the maps `openings` and `flows`: a connection as this host sees it. Ports in host byte order. */
struct flow_key {
	struct address client, server;
	__u16 client_port, server_port;
	__u32 unused; /* 0 */
};

/* Map `openings` (LRU): where the server's bytes begin, from its SYN-ACK. A flood may push it out. */
#define OPENINGS_MAX 65536

struct opening {
	__u64 began;
	__u32 next; /* sequence number of the first byte of the banner */
	__u32 unused;
};

/* Map `flows` (LRU): connections on which the server has said something. */
#define FLOWS_MAX 32768

enum flow_state {
	FLOW_READ = 0,	 /* it is read */
	FLOW_VEILED = 1, /* encrypted, or not SMTP: the log has to tell */
	FLOW_LOST = 2,	 /* where its lines begin is not known any more */
};

struct flow {
	__u64 began;
	__u32 first; /* sequence number of the first byte */
	__u32 next;  /* of the next byte to be read */
	enum flow_state state;
	__u32 accepted; /* 1: a message was */
	struct reply reply;
};

/* Per-CPU map `reply_counts`: what was read, since the wall is up. */
struct reply_counts {
	__u64 replies;		 /* final lines read */
	__u64 offence[OFFENCES]; /* read, charged or not */
	__u64 mail;		 /* messages accepted */
	__u64 logins;
	__u64 veiled;	 /* connections that became unreadable: STARTTLS, TLS from the start */
	__u64 lost;	 /* connections not read any more: state lost or pushed out */
	__u64 gaps;	 /* segments in front of which bytes were missing */
	__u64 by_code;	 /* replies of which only the code was read: too long a packet */
	__u64 dropped;	 /* segments to a banned source, dropped on their way out */
	__u64 spared;	 /* limits reached that led to no ban: known senders, large shares */
	__u64 bans;	 /* bans written */
	__u64 bans_full; /* bans for which there was no room */
};

/* --- the automaton ---------------------------------------------------------------------------- */

#define REPLY_NODES   2048 /* powers of two; what user/kernel/phrases.c builds must fit */
#define REPLY_CLASSES 64

/*
 * Aho-Corasick over the phrases of phrases.h, case folded, worked out by user space before the programs are
 * loaded (it is their .rodata).
 */
struct reply_table {
	__u8 class[256];
	__u16 next[REPLY_NODES][REPLY_CLASSES];
	__u32 found[REPLY_NODES]; /* bits: enum reply_phrase */
};

#endif
