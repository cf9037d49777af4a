/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refuse.h - the listener that tells refused clients why, and what it and the daemon say to each other
 *
 *   text      what a client is told: the template filled in; `check` prints the same
 *   dialogue  one connection's SMTP, without any socket: bytes in, bytes and an end out
 *   listener  the process: its loop; pair: the daemon's answers; client: one connection of it
 *   sandbox   what the process gives up before it meets a stranger
 *
 * The listener is a process of its own (`smtpwall refusal-listener`, started by the daemon): another user,
 * no capabilities, no file system, no maps. It holds the only descriptors of the two listening sockets,
 * so that its death is seen at once: the kernel takes them out of the map, and `wall` drops or passes
 * instead. It asks the daemon over a socket pair (SOCK_SEQPACKET) what each client is to be told. When the
 * pair is closed it ends.
 *
 * RFC 5321 section 3.1: a server may greet with 554, must then wait for QUIT and should answer all else
 * with 503. Nothing is parsed beyond the first word of a line.
 */
#ifndef SMTPWALL_REFUSE_LISTENER_H
#define SMTPWALL_REFUSE_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <smtpwall/refuse.h>
#include "../config.h"
#include "../text.h"

/* --- records between daemon and listener: one per message, fixed size, host byte order --------- */

#define REFUSE_MAGIC 0x534d5246u
#define REFUSE_REPLY 512 /* a reply line with its CRLF and a NUL: RFC 5321 section 4.5.3.1.5 */

enum refuse_record_kind {
	REFUSE_SETUP = 1,  /* daemon to listener: limits; at the start and after a reload */
	REFUSE_ASK = 2,	   /* listener to daemon: what is this client to be told? */
	REFUSE_ANSWER = 3, /* daemon to listener */
	REFUSE_END = 4,	   /* listener to daemon: this connection is over */
	REFUSE_PING =
		5, /* daemon to listener, every second; it comes back with the numbers filled in */
};

struct refuse_record {
	uint32_t magic;
	enum refuse_record_kind kind;
	uint64_t id; /* of the connection, or of the ping */
	union {
		struct {
			uint32_t clients;	  /* at once */
			uint32_t timeout_ms;	  /* of a whole connection */
			uint32_t ask_timeout_ms;  /* for the daemon's answer; then 421 */
			uint32_t tarpit_clients;  /* at once */
			uint32_t tarpit_ms;	  /* of a whole connection in the tarpit */
			uint32_t at;		  /* enum refuse_at */
			uint32_t tarpit_every_ms; /* one byte */
			uint32_t unused;
		} setup;
		struct flow_key ask; /* addresses as the kernel programs fold them */
		struct {
			uint32_t known; /* 0: no word about this connection; it is closed */
			uint32_t tarpit;
			char reply[REFUSE_REPLY]; /* "554 5.7.1 ...\r\n" */
		} answer;
		struct {
			uint32_t end; /* enum refuse_end */
			uint32_t tarpitted;
			uint64_t lasted_ms;
			uint32_t lines; /* that the client sent */
			uint32_t unused;
		} end;
		struct {
			uint32_t clients, tarpitted;
		} ping;
	};
};

/* --- text: what a client is told --------------------------------------------------------------- */

/* All that the template may say; what is NULL or "" leaves no gap. */
struct refuse_facts {
	struct address source;
	enum reason reason;
	const char *by;	 /* the list, the DNSBL sites, or words for other rows */
	const char *txt; /* of the DNSBL; printed only where the configuration asks for it */
	uint64_t until;	 /* wall clock, seconds; 0: not to be told */
};

/*
 * The whole first reply line with CRLF, printable ASCII, at most 512 bytes: 554 5.7.1 for lists, DNSBLs and
 * bans, 421 4.7.0 for rates. Templates: {address} {by} {reason} {contact} {txt} {until}; text in brackets
 * with a bar is left out when the word in it is empty: "{; see |contact}" gives "; see https://..." or
 * nothing. Never fails: what does not fit is cut at a word.
 */
void refuse_text(const struct config *config, const struct refuse_facts *facts,
		 char out[REFUSE_REPLY]);
/* Is the template one that refuse_text() can fill? -EINVAL with a sentence that needs the setting's name in front. */
int refuse_template_check(const char *template, struct error *why);

/* --- dialogue: one connection, without sockets -------------------------------------------------- */

#define DIALOGUE_SERVER 64 /* "[IPv6:2001:db8::1]" with NUL */

struct dialogue {
	enum refuse_at at;
	bool temporary; /* the reply begins with 421: the connection is closed after it */
	bool told;	/* the reply was handed out (not necessarily taken) */
	bool over; /* nothing more is said; the connection is to be closed when all is written */
	bool quit;
	uint32_t lines;
	uint32_t bytes;	     /* taken from the client */
	uint8_t word_length; /* of the line's first word so far; more than fits: no word of ours */
	bool word_over;
	char word[8]; /* upper case */
	char server[DIALOGUE_SERVER];
	char reply[REFUSE_REPLY];
};

#define DIALOGUE_OUT   1024  /* room that dialogue_take() needs */
#define DIALOGUE_LINES 20    /* commands that are answered; then the connection is closed */
#define DIALOGUE_BYTES 16384 /* as are connections that bring more than this */

/*
 * `reply` as the daemon gave it, `server` an address literal: the name of a host that knows none (RFC 5321
 * section 4.1.3). What is to be written first goes into `out`. Returns its length.
 */
size_t dialogue_begin(struct dialogue *d, enum refuse_at at, const char *server, const char *reply,
		      char out[DIALOGUE_OUT]);
/*
 * Takes bytes of the client until one reply is due or all are taken: `*taken` of `size`. Returns the bytes
 * of the reply in `out`, 0 if none is due.
 */
size_t dialogue_take(struct dialogue *d, const char *data, size_t size, size_t *taken,
		     char out[DIALOGUE_OUT]);

/* --- sandbox, listener -------------------------------------------------------------------------- */

/*
 * Becomes `uid` and `gid` without capabilities and privileges, with `files` descriptors at most, and
 * leaves itself no system calls but those of the listener's loop. Negative errno with a sentence; then the
 * process must end.
 */
int sandbox_enter(uid_t uid, gid_t gid, unsigned int files, struct error *why);

/* Where `smtpwall refusal-listener USER CLIENTS` finds what it inherits. */
enum {
	LISTENER_PAIR = 3,
	LISTENER_V4 = 4,
	LISTENER_V6 = 5, /* may be closed */
	LISTENER_FIRST_FREE = 6,
};
#define LISTENER_FILES	 16    /* descriptors beside those of clients */
#define LISTENER_CLIENTS 65535 /* at most */

/*
 * The loop: `pair` to the daemon, up to two listening sockets (-1: none). Returns 0 when the pair is
 * closed, a negative errno with a sentence when the daemon says what it never would (-EPROTO). Allocates
 * all its memory at the REFUSE_SETUP that begins it, for as many clients as RLIMIT_NOFILE has room for at
 * most: a later REFUSE_SETUP cannot raise their number beyond that of the first.
 */
int listener_run(int pair, int v4, int v6, struct error *why);

#endif
