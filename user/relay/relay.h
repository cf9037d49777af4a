/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * relay.h - does a mail server relay for strangers?
 *
 *   reply     one reply, read byte by byte from a server that may say anything
 *   client    a connection: commands go out, replies come in, all of it within a time limit
 *   tls       STARTTLS (GnuTLS)
 *   forms     the known ways to write sender and recipient so that a server takes what it should not
 *   outcome   what a reply to one of them means
 *   session   one connection on which forms are tried
 *   walk      every form in every way, against one address
 *   verdict   what all of that says about the server
 *
 * What a server says is never trusted and never printed as it came: smtp_words().
 */
#ifndef SMTPWALL_USER_RELAY_H
#define SMTPWALL_USER_RELAY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "../text.h"

/* --- reply ------------------------------------------------------------------------------------ */

/* RFC 5321 (4.5.3.1.5) allows 512 bytes in a line; some servers write more. */
#define SMTP_LINE  4096
#define SMTP_LINES 100
#define SMTP_TEXT  8192 /* of a reply are kept */

struct smtp_reply {
	int code;		  /* of the last line: 200..599; 0 until there is one */
	unsigned int lines;	  /* complete ones */
	size_t size;		  /* bytes in `text` */
	char text[SMTP_TEXT + 1]; /* as it came but for CRs and NULs (a '?'); lines end in '\n' */
	/* the line that is being read */
	unsigned int column;
	int line_code;
	bool more;
};

enum smtp_step {
	SMTP_MORE,     /* the reply goes on */
	SMTP_COMPLETE, /* its last line is there */
	SMTP_BROKEN,   /* this is no SMTP, or more of it than anybody needs */
};

void smtp_reply_begin(struct smtp_reply *reply);
enum smtp_step smtp_reply_byte(struct smtp_reply *reply, unsigned char c);
/* Keeps what else is there of a line that is no SMTP: whoever is told of it may know what it is. */
void smtp_reply_rest(struct smtp_reply *reply, const unsigned char *data, size_t size);

/*
 * The server's own words on one line, safe to show: the code once, then the texts of all lines with a
 * blank between. "" where there is no reply. Returns `out`.
 */
#define SMTP_WORDS 512
const char *smtp_words(const struct smtp_reply *reply, char *out, size_t size);

/* The name by which a greeting or the answer to EHLO begins. False: it has none that is one. */
#define SMTP_NAME 256
bool smtp_reply_name(const struct smtp_reply *reply, char name[SMTP_NAME]);

/* Does one of the lines behind the first begin with this word, in any case? For what EHLO offers. */
bool smtp_reply_offers(const struct smtp_reply *reply, const char *keyword);

/* --- client ----------------------------------------------------------------------------------- */

struct smtp;

/*
 * Connects, at most for `timeout_ms`, which is also what each reply, each write and the TLS handshake
 * may take altogether. The greeting is not read. Negative errno of the attempt with a sentence.
 */
int smtp_open(const struct sockaddr *to, socklen_t size, unsigned int timeout_ms, struct smtp **out,
	      struct error *why);
/* Takes a connected socket, which is the connection's from now on. */
int smtp_adopt(int fd, unsigned int timeout_ms, struct smtp **out, struct error *why);
/* Ends it without another word. NULL allowed. */
void smtp_close(struct smtp *smtp);
/* Says QUIT, waits a moment for the answer, and ends it. NULL allowed. */
void smtp_quit(struct smtp *smtp);

/* This end's address. */
int smtp_local(const struct smtp *smtp, struct sockaddr_storage *out);

/*
 * Reads one reply. 0: it is complete. -ETIMEDOUT: not within the limit, however busily the server sent;
 * -ECONNRESET: the connection ended; -EPROTO: it is no SMTP. After a failure the connection is good
 * for nothing but smtp_close(). `out` holds what came.
 */
int smtp_read(struct smtp *smtp, struct smtp_reply *out);

/*
 * Writes bytes as they are; smtp_say() one command, and puts the CRLF behind it. 0 or as above; -EPROTO,
 * and nothing was written: the server has said something unasked.
 */
int smtp_write(struct smtp *smtp, const void *data, size_t size);
int smtp_say(struct smtp *smtp, const char *format, ...) __attribute__((format(printf, 2, 3)));
/*
 * The reply to what was written with that result. A server that ended the connection may have said why
 * before, and may say 421 unasked; what else it says unasked is -EPROTO.
 */
int smtp_reply_to(struct smtp *smtp, int written, struct smtp_reply *out);
/* Says a command and reads the reply. */
int smtp_ask(struct smtp *smtp, struct smtp_reply *out, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * TLS from here on: behind the 220 to STARTTLS, or at once on port 465. `name` for SNI; NULL: none. No
 * certificate is checked: who the server is was decided by the address. -EPROTO: no handshake, or the
 * server went on talking in the clear; a sentence says which.
 */
int smtp_tls(struct smtp *smtp, const char *name, struct error *why);

/* --- forms ------------------------------------------------------------------------------------ */

/* Whose address a recipient is, for somebody who looks at the end of it only. */
enum relay_tail {
	TAIL_FOREIGN, /* the destination's: nothing of this server is in it */
	TAIL_NAME,    /* @NAME of the server */
	TAIL_LITERAL, /* @[ADDRESS] of the server */
	TAIL_LOCALHOST,
	TAIL_NONE, /* no domain */
};

/*
 * In sender and recipient stand %f, %F for user and domain of --from, %u, %d for those of --to, %s for the
 * server's name, %i for its address as a literal without brackets, %% for a '%'.
 */
struct relay_form {
	const char *name; /* "percent-literal": stable, for scripts */
	const char *sender, *recipient;
	enum relay_tail tail;
	bool about_sender; /* the recipient is plain: it is the sender that is tried */
};

/* Nobody's, and never to be anybody's (RFC 2606): whom nothing is known of is asked about. */
#define RELAY_DOMAIN "smtpwall-test.example"

#define RELAY_FORMS 23
extern const struct relay_form relay_form[RELAY_FORMS];

struct relay_names {
	char from_user[65], from_domain[SMTP_NAME];
	char to_user[65], to_domain[SMTP_NAME];
	char server[SMTP_NAME];
	char literal[64]; /* "192.0.2.25", "IPv6:2001:db8::25" */
};

#define RELAY_PATH 1024
/* Writes a sender or recipient as it is sent, brackets included. Returns `out`. */
const char *relay_path(const char *pattern, const struct relay_names *names, char out[RELAY_PATH]);

/* How a form is sent. */
#define RELAY_WAYS_X(X)                                                                            \
	X(WAY_EHLO, "ehlo")                                                                        \
	X(WAY_HELO, "helo")                                                                        \
	X(WAY_PIPELINED, "pipelined") /* behind EHLO, RSET, MAIL and RCPT in one write */          \
	X(WAY_TLS, "starttls")
enum relay_way {
#define WAY(id, text) id,
	RELAY_WAYS_X(WAY)
#undef WAY
		RELAY_WAYS,
};
const char *relay_way_name(enum relay_way way);

/* --- outcome ---------------------------------------------------------------------------------- */

#define RELAY_OUTCOMES_X(X)                                                                        \
	X(RELAY_NOT_TRIED, "not-tried")                                                            \
	X(RELAY_REFUSED, "refused")	      /* relaying denied, or the address for its form */   \
	X(RELAY_UNKNOWN_USER, "unknown-user") /* taken for one of the server's own, and refused */ \
	X(RELAY_UNKNOWN_DOMAIN, "unknown-domain") /* it looked for the destination first */        \
	X(RELAY_AUTHENTICATION, "authentication-needed")                                           \
	X(RELAY_GREYLISTED, "greylisted")                                                          \
	X(RELAY_DEFERRED, "deferred") /* another 4xx */                                            \
	X(RELAY_SENDER_REFUSED, "sender-refused")                                                  \
	X(RELAY_CLIENT_REFUSED, "client-refused") /* this machine, whatever it sends */            \
	X(RELAY_ACCEPTED, "accepted")		  /* RCPT */                                       \
	X(RELAY_DELIVERED, "delivered")		  /* --deliver: the message was taken */           \
	X(RELAY_REFUSED_AFTER_DATA, "refused-after-data")                                          \
	X(RELAY_NOT_OFFERED, "not-offered") /* EHLO, PIPELINING, STARTTLS */                       \
	X(RELAY_LOST, "lost")		    /* 421, or the connection ended */                     \
	X(RELAY_UNINTELLIGIBLE, "unintelligible")                                                  \
	X(RELAY_TIMEOUT, "timeout")
enum relay_outcome {
#define OUTCOME(id, text) id,
	RELAY_OUTCOMES_X(OUTCOME)
#undef OUTCOME
		RELAY_OUTCOMES,
};
const char *relay_outcome_name(enum relay_outcome outcome);

enum relay_stage {
	STAGE_GREETING,
	STAGE_HELLO, /* EHLO, HELO */
	STAGE_STARTTLS,
	STAGE_RESET,
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_DATA,
	STAGE_MESSAGE, /* behind the final dot */
};
const char *relay_stage_name(enum relay_stage stage); /* "RCPT" */

/* What a complete reply at that stage means; RCPT: `tail` is the recipient's. */
enum relay_outcome relay_classify(const struct smtp_reply *reply, enum relay_stage stage,
				  enum relay_tail tail);
/* Was a message refused for what it is, or seems to be, and not for where it is to go? */
bool relay_about_content(const struct smtp_reply *reply);
/* What a failure of smtp_read() or smtp_write() means. */
enum relay_outcome relay_failure(int err);

/* --- walk ------------------------------------------------------------------------------------- */

struct relay_test {
	unsigned char form; /* index of relay_form */
	enum relay_way way;
	enum relay_outcome outcome;
	enum relay_stage stage;				/* of the reply that decided */
	int code;					/* 0: there was none */
	char sender[RELAY_PATH], recipient[RELAY_PATH]; /* as sent */
	char words[SMTP_WORDS]; /* the server's, or ours where it said nothing */
	bool any_user;		/* the server takes made-up recipients with this ending as well */
	bool own_domain; /* the destination is one of the server's own domains, as it turned out */
	bool content;	 /* refused after DATA, but for what the message is */
};

#define RELAY_TESTS (RELAY_FORMS * RELAY_WAYS)

/* What is the same for all addresses. */
struct relay_plan {
	struct relay_names names; /* server, literal: filled in for each */
	char helo[SMTP_NAME];	  /* "": this end's address as a literal */
	char own_name[SMTP_NAME]; /* this machine's: a server of that name is this machine; "" */
	const char *sni;	  /* NULL: an address was given */
	char token[17];		  /* of this run: in messages and made-up users */
	bool to_given;		  /* the destination is a real one: it may be the server's own */
	bool deliver;
	bool wrapped; /* TLS at once (port 465) */
	unsigned int timeout_ms, pause_ms;
	uint64_t patience;  /* seconds; 0: none */
	const char *server; /* the name that was given, for a server that tells none; NULL */
	/* One more test is done, or (`test` NULL) something is to be told. May be NULL. */
	void (*progress)(void *context, const struct relay_test *test, const char *sentence);
	void *context;
};

enum relay_reach {
	REACH_TRIED,	  /* it was connected to */
	REACH_NOBODY,	  /* the connection was refused: nobody listens there */
	REACH_FAILED,	  /* no way to it, or no answer from it */
	REACH_SELF,	  /* it is an address of this machine */
	REACH_UNRESOLVED, /* the name could not be looked up for this family */
};

/* One address of the server, and what came of it. */
struct relay_walk {
	struct sockaddr_storage to;
	socklen_t size;
	int family;	  /* AF_INET, AF_INET6; also of an address that is not known */
	char address[64]; /* "192.0.2.25"; "" where it is not known */
	char local[64];	  /* this end's */
	char greeting[SMTP_WORDS];
	char server[SMTP_NAME]; /* by its greeting */
	enum relay_reach reach;
	bool shut;	   /* it served this machine, and then did not even greet it any more */
	char trouble[512]; /* why it was not reached, or why the walk ended before its end; "" */
	struct relay_test test[RELAY_TESTS];
	unsigned int tests;
};

/* Fills reach, trouble and the tests; `to`, `size`, `family`, `address` are the caller's. */
void relay_walk_run(const struct relay_plan *plan, struct relay_walk *walk);

/* --- verdict ---------------------------------------------------------------------------------- */

enum relay_verdict {
	RELAY_CLOSED,
	RELAY_MAY_RELAY,
	RELAY_OPEN,
	RELAY_COULD_NOT_TELL,
};
const char *relay_verdict_name(enum relay_verdict verdict); /* "may relay" */

/* Of one address; the reason goes to `why`. */
enum relay_verdict relay_judge(const struct relay_walk *walk, char *why, size_t size);
/*
 * Of the server: open if one address is, closed only if all are that somebody listens on. `literal`: an
 * address was given, not a name.
 */
enum relay_verdict relay_judge_all(const struct relay_walk *walk, unsigned int walks, bool literal,
				   char *why, size_t size);

#endif
