/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session.h - one connection on which forms are tried, as the walk sees it
 */
#ifndef SMTPWALL_USER_RELAY_SESSION_H
#define SMTPWALL_USER_RELAY_SESSION_H

#include "relay.h"

#define TAILS (TAIL_NONE + 1)

struct session {
	const struct relay_plan *plan;
	struct relay_walk *walk;
	struct relay_names names; /* of this server */
	struct smtp *smtp;	  /* NULL: not connected */
	enum relay_way way;
	unsigned int transactions; /* of this connection */
	/* of the whole walk */
	bool delivered[RELAY_FORMS]; /* its proof is there, another message proves nothing more */
	signed char any_user[TAILS]; /* made-up users are taken: 1 yes, -1 no, 0 not known */
	signed char own_domain;	     /* it is the destination's own server; likewise */
};

/*
 * Connects and says hello in this way. RELAY_ACCEPTED: forms can be tried. Otherwise there is no
 * connection, and outcome, stage, code and words of `test` say why.
 */
enum relay_outcome session_open(struct session *s, enum relay_way way, struct relay_test *test);
/* Politely, or where nobody listens any more just so. */
void session_end(struct session *s);

/*
 * Tries the form `test->form`, and fills in the rest. When the connection is of no use any more
 * (RELAY_LOST, RELAY_TIMEOUT, RELAY_UNINTELLIGIBLE) it was closed.
 */
void session_try(struct session *s, struct relay_test *test);

/* RSET, MAIL and RCPT with the sender and recipient of the test; fills in its outcome. */
enum relay_outcome session_transact(struct session *s, struct relay_test *test);

/* control.c: behind an accepted form, is there another reason than relaying why it was? */
void session_doubt(struct session *s, struct relay_test *test);

/* message.c: the marked message of --deliver, with its final dot; to be freed. NULL: no memory. */
char *relay_message(const struct relay_plan *plan, const struct relay_walk *walk,
		    const struct relay_test *test);

#endif
