// SPDX-License-Identifier: GPL-2.0-only
/*
 * The forms as they are sent, and what the words of real mail servers in reply to them mean.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "relay/relay.h"

static const struct relay_names names = {
	.from_user = "f",
	.from_domain = "from.example",
	.to_user = "u",
	.to_domain = "dom.example",
	.server = "srv.example",
	.literal = "192.0.2.25",
};

static void forms_are_written_exactly(void **state)
{
	static const struct {
		const char *name, *sender, *recipient;
	} table[] = {
		{"null-sender", "<>", "<u@dom.example>"},
		{"plain", "<f@from.example>", "<u@dom.example>"},
		{"local-sender", "<f@srv.example>", "<u@dom.example>"},
		{"literal-sender", "<f@[192.0.2.25]>", "<u@dom.example>"},
		{"percent-literal", "<f@[192.0.2.25]>", "<u%dom.example@[192.0.2.25]>"},
		{"percent-name", "<f@[192.0.2.25]>", "<u%dom.example@srv.example>"},
		{"quoted", "<f@[192.0.2.25]>", "<\"u@dom.example\">"},
		{"quoted-percent", "<f@[192.0.2.25]>", "<\"u%dom.example\">"},
		{"double-at-literal", "<f@[192.0.2.25]>", "<u@dom.example@[192.0.2.25]>"},
		{"quoted-literal", "<f@[192.0.2.25]>", "<\"u@dom.example\"@[192.0.2.25]>"},
		{"double-at-name", "<f@[192.0.2.25]>", "<u@dom.example@srv.example>"},
		{"route-literal", "<f@[192.0.2.25]>", "<@[192.0.2.25]:u@dom.example>"},
		{"route-name", "<f@[192.0.2.25]>", "<@srv.example:u@dom.example>"},
		{"bang", "<f@[192.0.2.25]>", "<dom.example!u>"},
		{"bang-literal", "<f@[192.0.2.25]>", "<dom.example!u@[192.0.2.25]>"},
		{"bang-name", "<f@[192.0.2.25]>", "<dom.example!u@srv.example>"},
		{"bare-sender", "<f>", "<u@dom.example>"},
		{"localhost-sender", "<f@localhost>", "<u@dom.example>"},
		{"percent", "<>", "<u%dom.example>"},
		{"percent-localhost", "<>", "<u%dom.example@localhost>"},
		{"quoted-name", "<>", "<\"u@dom.example\"@srv.example>"},
		{"quoted-percent-literal", "<>", "<\"u%dom.example\"@[192.0.2.25]>"},
		{"quoted-percent-name", "<>", "<\"u%dom.example\"@srv.example>"},
	};
	char path[RELAY_PATH];

	(void)state;
	assert_int_equal(sizeof(table) / sizeof(table[0]), RELAY_FORMS);
	for (size_t i = 0; i < RELAY_FORMS; i++) {
		assert_string_equal(relay_form[i].name, table[i].name);
		assert_string_equal(relay_path(relay_form[i].sender, &names, path),
				    table[i].sender);
		assert_string_equal(relay_path(relay_form[i].recipient, &names, path),
				    table[i].recipient);
	}
}

/* Whose a recipient seems to be follows from what stands behind its last '@'. */
static void tails_agree_with_the_forms(void **state)
{
	char path[RELAY_PATH];

	(void)state;
	for (size_t i = 0; i < RELAY_FORMS; i++) {
		const char *at = strrchr(relay_path(relay_form[i].recipient, &names, path), '@');
		enum relay_tail tail = !at || strchr(at, '"')	     ? TAIL_NONE
				       : strstr(at, "dom.example")   ? TAIL_FOREIGN
				       : strstr(at, "srv.example")   ? TAIL_NAME
				       : strstr(at, "[192.0.2.25]>") ? TAIL_LITERAL
								     : TAIL_LOCALHOST;

		assert_int_equal(relay_form[i].tail, tail);
		assert_int_equal(relay_form[i].about_sender,
				 !strcmp(relay_form[i].recipient, "<%u@%d>"));
	}
}

/* The longest names there are still make a whole path. */
static void long_names_fit(void **state)
{
	struct relay_names big = names;
	char path[RELAY_PATH];

	(void)state;
	memset(big.to_user, 'u', sizeof(big.to_user) - 1);
	memset(big.to_domain, 'd', sizeof(big.to_domain) - 1);
	memset(big.server, 's', sizeof(big.server) - 1);
	big.to_user[sizeof(big.to_user) - 1] = '\0';
	big.to_domain[sizeof(big.to_domain) - 1] = '\0';
	big.server[sizeof(big.server) - 1] = '\0';
	for (size_t i = 0; i < RELAY_FORMS; i++) {
		relay_path(relay_form[i].recipient, &big, path);
		assert_int_equal(path[strlen(path) - 1], '>');
	}
}

/* --- replies ---------------------------------------------------------------------------------- */

static enum relay_outcome classify(const char *text, enum relay_stage stage, enum relay_tail tail)
{
	struct smtp_reply r;

	smtp_reply_begin(&r);
	for (; *text; text++)
		smtp_reply_byte(&r, (unsigned char)*text);
	assert_int_equal(smtp_reply_byte(&r, '\n'), SMTP_COMPLETE);
	return relay_classify(&r, stage, tail);
}

struct said {
	const char *reply;
	enum relay_outcome means;
};

static void check(const struct said *table, size_t size, enum relay_stage stage,
		  enum relay_tail tail)
{
	for (size_t i = 0; i < size; i++) {
		enum relay_outcome got = classify(table[i].reply, stage, tail);

		if (got != table[i].means)
			fail_msg("%s: got %s, want %s", table[i].reply, relay_outcome_name(got),
				 relay_outcome_name(table[i].means));
	}
}
#define CHECK(table, stage, tail) check(table, sizeof(table) / sizeof((table)[0]), stage, tail)

static void replies_to_rcpt(void **state)
{
	static const struct said table[] = {
		{"250 2.1.5 Ok", RELAY_ACCEPTED},
		{"251 User not local; will forward", RELAY_ACCEPTED},
		{"354 what?", RELAY_UNINTELLIGIBLE},
		/* relaying denied, also where the code says: for now */
		{"454 4.7.1 <u@dom.example>: Relay access denied", RELAY_REFUSED},
		{"554 5.7.1 <u@dom.example>: Relay access denied", RELAY_REFUSED},
		{"550 relay not permitted", RELAY_REFUSED},
		{"550-relay not permitted, authenticate first\n550 good bye", RELAY_REFUSED},
		{"550 5.7.1 <u@dom.example>... Relaying denied. Proper authentication required.",
		 RELAY_REFUSED},
		{"553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
		 RELAY_REFUSED},
		{"550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
		 RELAY_REFUSED},
		{"513 Relaying denied.", RELAY_REFUSED},
		{"530 Relaying not allowed", RELAY_REFUSED},
		{"503 This mail server requires authentication when attempting to send to a non-local "
		 "e-mail address.",
		 RELAY_REFUSED},
		{"501 5.1.3 Bad recipient address syntax", RELAY_REFUSED},
		{"550 Restricted characters in address", RELAY_REFUSED},
		{"550 Administrative prohibition", RELAY_REFUSED},
		/* STARTTLS is tried as well, so here it may be refused */
		{"530 5.7.0 Must issue a STARTTLS command first", RELAY_REFUSED},
		/* no such user: OpenSMTPD says so to relaying */
		{"550 Invalid recipient: <u@dom.example>", RELAY_UNKNOWN_USER},
		{"550 5.1.1 <u@dom.example>: Recipient address rejected: User unknown",
		 RELAY_UNKNOWN_USER},
		{"550 5.4.1 [x]: Recipient address rejected: Access denied", RELAY_UNKNOWN_USER},
		/* it looked for the destination first */
		{"550 Unrouteable address", RELAY_UNKNOWN_DOMAIN},
		{"450 4.1.2 <u@dom.example>: Recipient address rejected: Domain not found",
		 RELAY_UNKNOWN_DOMAIN},
		{"556 5.1.10 <u@dom.example>: Recipient address rejected: Domain dom.example does not "
		 "accept mail (nullMX)",
		 RELAY_UNKNOWN_DOMAIN},
		{"550 5.1.2 <u@dom.example>... Host unknown (Name server: dom.example: host not found)",
		 RELAY_UNKNOWN_DOMAIN},
		{"550 5.1.1 <u@dom.example>: Recipient address rejected: undeliverable address: host "
		 "mx.dom.example[192.0.2.9] said: 550 5.1.1 User unknown",
		 RELAY_UNKNOWN_DOMAIN},
		/* the sender's domain names other machines */
		{"550 5.7.23 <u@dom.example>: Recipient address rejected: Message rejected due to: SPF "
		 "fail - not authorized",
		 RELAY_SENDER_REFUSED},
		{"550 5.7.1 rejected by DMARC policy of from.example", RELAY_SENDER_REFUSED},
		/* this machine, which others need not be */
		{"550 We do not accept mail from dynamic IPs", RELAY_CLIENT_REFUSED},
		{"550 Mail from your network is not accepted", RELAY_CLIENT_REFUSED},
		{"553 5.3.0 Rejected for bad WHOIS info on IP of your SMTP server",
		 RELAY_CLIENT_REFUSED},
		{"550 5.7.1 You are not allowed to connect.", RELAY_CLIENT_REFUSED},
		{"550 Rejected: 198.51.100.7 has no rDNS", RELAY_CLIENT_REFUSED},
		/* but of these 5.1.2 is the relaying itself */
		{"550 5.1.2 Relay not allowed.", RELAY_REFUSED},
		/* a login */
		{"530 5.7.0 Authentication required", RELAY_AUTHENTICATION},
		{"530 5.7.0 go away", RELAY_AUTHENTICATION},
		{"550 5.7.1 Authentication required", RELAY_AUTHENTICATION},
		{"503 5.5.1 Error: send AUTH first", RELAY_AUTHENTICATION},
		{"550 SMTP AUTH required", RELAY_AUTHENTICATION},
		/* greylisting, in its many words */
		{"450 4.2.0 <u@dom.example>: Recipient address rejected: Greylisted, see "
		 "http://postgrey.schweikert.ch/help/dom.example.html",
		 RELAY_GREYLISTED},
		{"451 4.7.1 Greylisting in action, please come back in 00:05:00", RELAY_GREYLISTED},
		{"450 You've been graylisted, try again in 300 seconds", RELAY_GREYLISTED},
		{"451 temporarily deferred, come back later", RELAY_GREYLISTED},
		/* other ways of putting it off */
		{"450 4.3.2 Service currently unavailable", RELAY_DEFERRED},
		{"451 4.7.1 Try again later", RELAY_DEFERRED},
		{"451 Temporary local problem - please try later", RELAY_DEFERRED},
		{"452 4.5.3 Too many recipients", RELAY_DEFERRED},
		{"450 4.4.0 <u@dom.example>... Relaying temporarily denied. Cannot resolve PTR record "
		 "for 192.0.2.1",
		 RELAY_DEFERRED},
		{"451 4.7.1 Relay access denied, try again later", RELAY_DEFERRED},
		/* the sender */
		{"450 4.1.8 <f@from.example>: Sender address rejected: Domain not found",
		 RELAY_SENDER_REFUSED},
		{"550-Verification failed for <f@from.example>\n550-Unrouteable address\n550 Sender verify "
		 "failed",
		 RELAY_SENDER_REFUSED},
		/* this machine, whoever it wants to write to: no word about relaying */
		{"554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
		 RELAY_CLIENT_REFUSED},
		{"504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname",
		 RELAY_CLIENT_REFUSED},
		{"550 5.7.25 Your IP address has no reverse DNS", RELAY_CLIENT_REFUSED},
		{"550 You are on our local blacklist", RELAY_CLIENT_REFUSED},
		{"550 Too many invalid recipients", RELAY_CLIENT_REFUSED},
		/* the end of it */
		{"421 4.7.0 mx.example Error: too many errors", RELAY_LOST},
		{"554 Too many syntax or protocol errors", RELAY_LOST},
		{"503 5.5.1 Error: need MAIL command", RELAY_UNINTELLIGIBLE},
		{"502 5.5.2 Error: command not recognized", RELAY_UNINTELLIGIBLE},
	};

	(void)state;
	CHECK(table, STAGE_RCPT, TAIL_FOREIGN);
}

/* In front of the server's own name, the words about a domain are about a user. */
static void replies_to_own_names(void **state)
{
	static const struct said table[] = {
		{"550 Unrouteable address", RELAY_UNKNOWN_USER},
		{"450 4.1.2 <x>: Recipient address rejected: Domain not found", RELAY_DEFERRED},
		{"454 4.7.1 <x>: Relay access denied", RELAY_REFUSED},
	};

	(void)state;
	CHECK(table, STAGE_RCPT, TAIL_NAME);
	CHECK(table, STAGE_RCPT, TAIL_LITERAL);
}

static void replies_to_others(void **state)
{
	static const struct said greeting[] = {
		{"220 mx.example ESMTP", RELAY_ACCEPTED},
		{"554 5.7.1 no SMTP service here", RELAY_CLIENT_REFUSED},
		{"521 mx.example does not accept mail", RELAY_CLIENT_REFUSED},
		{"450 4.3.2 busy", RELAY_DEFERRED},
		{"421 4.3.2 All server ports are busy", RELAY_LOST},
	};
	static const struct said hello[] = {
		{"250-mx.example\n250 PIPELINING", RELAY_ACCEPTED},
		{"502 unimplemented", RELAY_NOT_OFFERED},
		{"500 5.5.1 Command unrecognized", RELAY_NOT_OFFERED},
		{"504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname",
		 RELAY_CLIENT_REFUSED},
		{"550 Access denied - Invalid HELO name", RELAY_CLIENT_REFUSED},
	};
	static const struct said starttls[] = {
		{"220 2.0.0 Ready to start TLS", RELAY_ACCEPTED},
		{"454 4.7.0 TLS not available due to local problem", RELAY_DEFERRED},
		{"502 5.5.1 Error: command not implemented", RELAY_NOT_OFFERED},
	};
	static const struct said mail[] = {
		{"250 2.1.0 Ok", RELAY_ACCEPTED},
		{"530 5.7.0 Authentication required", RELAY_AUTHENTICATION},
		{"530 5.7.0 Must issue a STARTTLS command first", RELAY_REFUSED},
		{"553 5.1.8 <f@from.example>... Domain of sender address f@from.example does not exist",
		 RELAY_SENDER_REFUSED},
		{"550 5.1.0 <>: rejected", RELAY_SENDER_REFUSED},
		{"451 4.1.8 Domain of sender address f@from.example does not resolve",
		 RELAY_SENDER_REFUSED},
		{"452 4.3.1 Insufficient system storage", RELAY_DEFERRED},
		{"550 5.7.1 Your IP is banned", RELAY_CLIENT_REFUSED},
		{"451 4.7.1 Greylisting in action, please come back in 00:05:00", RELAY_GREYLISTED},
	};
	static const struct said data[] = {
		{"354 End data with <CR><LF>.<CR><LF>", RELAY_ACCEPTED},
		{"554 5.5.1 Error: no valid recipients", RELAY_REFUSED_AFTER_DATA},
		{"451 4.3.0 later", RELAY_DEFERRED},
	};
	static const struct said message[] = {
		{"250 2.0.0 Ok: queued as 4711", RELAY_DELIVERED},
		{"554 5.7.1 Relay access denied", RELAY_REFUSED_AFTER_DATA},
		{"550 5.7.1 Spam message rejected", RELAY_REFUSED_AFTER_DATA},
		{"451 Temporary failure, please try again later.", RELAY_DEFERRED},
		{"451 4.7.1 Greylisted", RELAY_GREYLISTED},
		{"421 4.4.2 Error: timeout exceeded", RELAY_LOST},
	};

	(void)state;
	CHECK(greeting, STAGE_GREETING, TAIL_FOREIGN);
	CHECK(hello, STAGE_HELLO, TAIL_FOREIGN);
	CHECK(starttls, STAGE_STARTTLS, TAIL_FOREIGN);
	CHECK(mail, STAGE_MAIL, TAIL_FOREIGN);
	CHECK(data, STAGE_DATA, TAIL_FOREIGN);
	CHECK(message, STAGE_MESSAGE, TAIL_FOREIGN);
}

static bool about_content(const char *text)
{
	struct smtp_reply r;

	smtp_reply_begin(&r);
	for (; *text; text++)
		smtp_reply_byte(&r, (unsigned char)*text);
	smtp_reply_byte(&r, '\n');
	return relay_about_content(&r);
}

static void content_is_no_relaying(void **state)
{
	(void)state;
	assert_true(about_content("550 5.7.1 Spam message rejected"));
	assert_true(about_content("554 5.6.0 Message content rejected"));
	assert_true(about_content("550 5.7.26 Unauthenticated email is not accepted (DMARC)"));
	assert_false(about_content("554 5.7.1 Relay access denied (spam)"));
	assert_false(about_content("550 you may not send here"));
}

/* What the server repeats of the client's words says nothing. */
static void own_words_say_nothing(void **state)
{
	static const struct said table[] = {
		{"450 <\"relay access denied\"@x>: Recipient address rejected: later",
		 RELAY_DEFERRED},
		{"550 5.1.1 <\"sender address\"@x>: Recipient address rejected: User unknown",
		 RELAY_UNKNOWN_USER},
	};

	(void)state;
	CHECK(table, STAGE_RCPT, TAIL_FOREIGN);
}

static void failures_have_outcomes(void **state)
{
	(void)state;
	assert_int_equal(relay_failure(-ETIMEDOUT), RELAY_TIMEOUT);
	assert_int_equal(relay_failure(-ECONNRESET), RELAY_LOST);
	assert_int_equal(relay_failure(-EPROTO), RELAY_UNINTELLIGIBLE);
	for (int i = 0; i < RELAY_OUTCOMES; i++)
		assert_non_null(relay_outcome_name((enum relay_outcome)i));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_are_written_exactly),
		cmocka_unit_test(tails_agree_with_the_forms),
		cmocka_unit_test(long_names_fit),
		cmocka_unit_test(replies_to_rcpt),
		cmocka_unit_test(replies_to_own_names),
		cmocka_unit_test(replies_to_others),
		cmocka_unit_test(content_is_no_relaying),
		cmocka_unit_test(own_words_say_nothing),
		cmocka_unit_test(failures_have_outcomes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
