// SPDX-License-Identifier: GPL-2.0-only
/*
 * message.c - the message of --deliver
 *
 * Whoever finds it must see at once what it is, who sent it and that it is harmless. The subject's token is
 * that of the run, and form and way tell which test it came from.
 */
#include <stdio.h>
#include <time.h>
#include "session.h"

static void date(char out[64])
{
	time_t now = time(NULL);
	struct tm t;

	gmtime_r(&now, &t);
	/* No locale was set: the names are English, as RFC 5322 wants them. */
	strftime(out, 64, "%a, %d %b %Y %H:%M:%S +0000", &t);
}

char *relay_message(const struct relay_plan *plan, const struct relay_walk *walk,
		    const struct relay_test *test)
{
	const struct relay_names *n = &plan->names;
	const char *form = relay_form[test->form].name, *way = relay_way_name(test->way);
	char when[64], *text = NULL;
	int size;

	date(when);
	size = asprintf(
		&text,
		"From: smtpwall relay-test <%s@%s>\r\n"
		"To: <%s@%s>\r\n"
		"Subject: smtpwall relay-test %s %s %s\r\n"
		"Date: %s\r\n"
		"Message-ID: <%s.%s.%s@%s>\r\n"
		"Auto-Submitted: auto-generated\r\n"
		"X-Smtpwall-Relay-Test: %s\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=us-ascii\r\n"
		"\r\n"
		"This is a test, sent on purpose by somebody who runs `smtpwall relay-test`.\r\n"
		"It does no harm, and nothing needs to be done about it.\r\n"
		"\r\n"
		"If it is in the mailbox of %s@%s, then the mail server\r\n"
		"    %s (%s)\r\n"
		"took it from a stranger and relayed it: it is an open relay.\r\n"
		"\r\n"
		"It came from %s with\r\n"
		"    MAIL FROM:%s\r\n"
		"    RCPT TO:%s\r\n"
		"\r\n.\r\n",
		n->from_user, n->from_domain, n->to_user, n->to_domain, plan->token, form, way,
		when, plan->token, form, way, n->from_domain, plan->token, n->to_user, n->to_domain,
		walk->server[0] ? walk->server : "(no name)", walk->address, walk->local,
		test->sender, test->recipient);
	return size < 0 ? NULL : text;
}
