// SPDX-License-Identifier: GPL-2.0-only
/*
 * control.c - is there another reason than relaying why a form was accepted?
 *
 * A recipient that ends in the server's own name may have been taken for a user of its own; a server that
 * takes any user there takes this one as well, and keeps the mail. And an administrator may well have
 * named an address that the tested server itself is responsible for. Both show when something is
 * asked for that only the innocent one refuses.
 */
#include <stdio.h>
#include "session.h"

static enum relay_outcome ask(struct session *s, const struct relay_test *test,
			      const char *recipient, const struct relay_names *names)
{
	struct relay_test control = *test;
	enum relay_outcome outcome = RELAY_LOST;

	relay_path(recipient, names, control.recipient);
	if (s->smtp)
		outcome = session_transact(s, &control);
	/* Many a server ends the connection behind a message: that is no answer. */
	if (outcome == RELAY_LOST && !s->smtp) {
		outcome = session_open(s, test->way, &control);
		if (outcome == RELAY_ACCEPTED)
			outcome = session_transact(s, &control);
	}
	return outcome;
}

static void doubt_user(struct session *s, struct relay_test *test, enum relay_tail tail)
{
	static const char *const ending[TAILS] = {
		[TAIL_FOREIGN] = "",	  [TAIL_NAME] = "@%s",
		[TAIL_LITERAL] = "@[%i]", [TAIL_LOCALHOST] = "@localhost",
		[TAIL_NONE] = "",
	};
	enum relay_outcome outcome;
	char pattern[64];

	if (!s->any_user[tail]) {
		snprintf(pattern, sizeof(pattern), "<smtpwall-nobody-%s%s>", s->plan->token,
			 ending[tail]);
		outcome = ask(s, test, pattern, &s->names);
		if (outcome == RELAY_ACCEPTED)
			s->any_user[tail] = 1;
		else if (outcome == RELAY_REFUSED || outcome == RELAY_UNKNOWN_USER ||
			 outcome == RELAY_UNKNOWN_DOMAIN || outcome == RELAY_AUTHENTICATION)
			s->any_user[tail] = -1;
	}
	/* Not known: the doubt stays. */
	test->any_user = s->any_user[tail] >= 0;
}

/*
 * Who relays for everybody knows nobody's users, and refuses no domain: so the same form is tried with a
 * made-up user, and, for a server that takes all users of its own domains, with a domain of nobody's.
 * The form stays, since it may be what opens the server.
 */
static void doubt_domain(struct session *s, struct relay_test *test)
{
	const char *recipient = relay_form[test->form].recipient;
	struct relay_names other = s->names;
	enum relay_outcome outcome;

	if (!s->own_domain) {
		snprintf(other.to_user, sizeof(other.to_user), "smtpwall-nobody-%s",
			 s->plan->token);
		outcome = ask(s, test, recipient, &other);
		if (outcome != RELAY_UNKNOWN_USER) {
			snprintf(other.to_domain, sizeof(other.to_domain), "%s", RELAY_DOMAIN);
			outcome = ask(s, test, recipient, &other);
		}
		s->own_domain = outcome == RELAY_UNKNOWN_USER || outcome == RELAY_REFUSED ||
						outcome == RELAY_AUTHENTICATION
					? 1
					: -1;
	}
	test->own_domain = s->own_domain > 0;
}

void session_doubt(struct session *s, struct relay_test *test)
{
	enum relay_tail tail = relay_form[test->form].tail;

	if (tail != TAIL_FOREIGN)
		doubt_user(s, test, tail);
	if (s->plan->to_given)
		doubt_domain(s, test);
}
