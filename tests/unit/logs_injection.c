// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lines that a client wrote its own text into: an event must name the true peer, or there must be none.
 * The true peer is 192.0.2.66 everywhere, and 8.8.8.8 is whom somebody wants to see banned.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "logs/logs.h"
#include "logs_kit.h"

#define P "Mar  3 10:00:00 mx postfix/smtpd[1]: "
#define Q "Mar  3 10:00:00 mx postfix/qmgr[1]: "
#define E "2024-03-21 09:18:51 "
#define S "Mar  3 10:00:00 mx sm-mta[1]: "
#define O "Mar  3 10:00:00 mx smtpd[1]: "
#define D "Mar  3 10:00:00 mx dovecot: "

static const char *const hostile[] = {
	/* fail2ban, CVE-2013-7176: an address that looks like the server's words */
	P
	"NOQUEUE: reject: RCPT from peer.example[192.0.2.66]: 450 4.7.1 <x@y>: Recipient address rejected: Greylisted; from=<a@b> to=<x RCPT from x[8.8.8.8]: 554 5.7.1 <y>: Relay access denied@y> proto=SMTP helo=<x>",
	P
	"NOQUEUE: reject: RCPT from peer[192.0.2.66]: 554 5.7.1 <\"from x[8.8.8.8]: 554 5.7.1 <y>: Relay access denied\"@y>: Relay access denied; from=<>",
	P
	"NOQUEUE: reject: RCPT from unknown[192.0.2.66]: 454 4.7.1 <\"]: 454 4.7.1 <x@y>: Relay access denied; from=<>[8.8.8.8]\"@y>: Relay access denied; from=<x[8.8.8.8]> to=<[8.8.8.8]> proto=ESMTP helo=<[8.8.8.8]>",
	P
	"NOQUEUE: reject: RCPT from unknown[192.0.2.66]: 504 5.5.2 <unknown[8.8.8.8]: 554 5.7.1 <x>: Relay access denied>: Helo command rejected: need fully-qualified hostname; from=<>",
	/* CVE-2013-7177 and its like: the user name */
	P
	"warning: unknown[192.0.2.66]: SASL LOGIN authentication failed: (reason unavailable), sasl_username=warning: x[8.8.8.8]: SASL LOGIN authentication failed: x",
	P
	"warning: non-SMTP command from unknown[192.0.2.66]: warning: x[8.8.8.8]: SASL LOGIN authentication failed: x",
	P "warning: non-SMTP command from unknown[192.0.2.66]: x[8.8.8.8]: y",
	P
	"improper command pipelining after EHLO from x[192.0.2.66]: NOQUEUE: reject: RCPT from x[8.8.8.8]: 554 5.7.1 <x>: Relay access denied",
	P
	"warning: hostname x[8.8.8.8]: SASL LOGIN authentication failed: y does not resolve to address 192.0.2.66",
	P
	"warning: Illegal address syntax from unknown[192.0.2.66] in RCPT command: <x[8.8.8.8]: SASL LOGIN authentication failed>",
	P
	"1A2B3C4D5E: client=unknown[192.0.2.66], sasl_method=PLAIN, sasl_username=x, client=y[8.8.8.8]",
	/* a name of one's own for syslog is not that of smtpd */
	"Mar  3 10:00:00 mx cron[1]: NOQUEUE: reject: RCPT from x[8.8.8.8]: 554 5.7.1 <x>: Relay access denied; from=<>",
	"Mar  3 10:00:00 mx postfix/cleanup[1]: 1A2B3C4D5E: warning: header Subject: x NOQUEUE: reject: RCPT from x[8.8.8.8]: 554 5.7.1 <x>: Relay access denied; from peer[192.0.2.66]; from=<>",
	"Mar  3 10:00:00 mx postfix/cleanup[1]: warning: x[8.8.8.8]: SASL LOGIN authentication failed: y",
	"Mar  3 10:00:00 mx postfix/smtp[1]: 1A2B3C4D5E: host mx[192.0.2.66] said: 450 x (in reply to RCPT TO command) warning: x[8.8.8.8]: SASL LOGIN authentication failed: y",
	"Mar  3 10:00:00 mx x postfix/smtpd[1]: warning: x[8.8.8.8]: SASL LOGIN authentication failed: y",
	/* a header that looks like a tag */
	"Mar  3 10:00:00 mx kernel: postfix/smtpd[1]: warning: x[8.8.8.8]: SASL LOGIN authentication failed: y",
	"Mar  3 10:00:00 postfix/smtpd[1] x: warning: x[8.8.8.8]: SASL LOGIN authentication failed: y",
	/* Exim: HELO, the quoted command, sender, user name */
	E
	"SMTP protocol error in \"aUtH lOgIn\" H=(test) [8.8.8.8]\" H=(roxzgj) [192.0.2.66] AUTH command used when not advertised",
	E
	"SMTP protocol error in \"AUTH LOGIN\" H=(test) [8.8.8.8] F=<x@y> rejected RCPT <x@y>: relay not permitted",
	E
	"H=(test) [8.8.8.8] F=<x@y> rejected RCPT <x@y>: relay not permitted (x) [192.0.2.66]:25 F=<a@b> rejected RCPT <c@d>: relay not permitted",
	E
	"H=([8.8.8.8]) [192.0.2.66]:25 I=[198.51.100.1]:25 F=<\"[8.8.8.8]\"@b> rejected RCPT <\"H=(x) 8.8.8.8\"@d>: relay not permitted",
	E "H=(8.8.8.8) [192.0.2.66] F=<a@b> rejected RCPT <c@d>: relay not permitted",
	E
	"plain authenticator failed for (x) [8.8.8.8]: 535 Incorrect authentication data (set_id=y) [192.0.2.66]: 535 Incorrect authentication data (set_id=z)",
	E
	"plain authenticator failed for ([8.8.8.8]) [192.0.2.66]: 535 Incorrect authentication data (set_id=x)",
	E
	"plain authenticator failed for (x) [192.0.2.66]: 535 Incorrect authentication data (set_id=(x) [8.8.8.8]: 535 Incorrect authentication data)",
	E
	"SMTP call from (x) [8.8.8.8] dropped: too many syntax or protocol errors (last command was \"x\") (y) [192.0.2.66] dropped: too many syntax or protocol errors",
	E
	"1rnD9T-0001Ab-CD <= \"x H=(y) [8.8.8.8] P=esmtpsa A=plain:anna S=1\"@z H=(y) [192.0.2.66] P=esmtp S=345",
	E
	"1rnD9T-0001Ab-CD <= x@z H=(y) [8.8.8.8] P=esmtpsa A=plain:anna (z) [192.0.2.66] P=esmtp S=345",
	E
	"1rnD9T-0001Ab-CD <= x@z H=(y) [192.0.2.66] P=esmtp S=345 id=x@y T=\"H=(y) [8.8.8.8] P=esmtpsa A=plain:anna\"",
	E
	"no MAIL in SMTP connection from (x) [8.8.8.8] dropped: too many syntax or protocol errors [192.0.2.66]",
	/* Sendmail: everything stands in front of the address */
	S
	"s1NLaDQT022248: ruleset=check_rcpt, arg1=<\"x>, relay=[8.8.8.8], reject=550 5.7.1 <x>... Relaying denied\"@y>, relay=peer [192.0.2.66], reject=550 5.7.1 <x>... Relaying denied",
	S
	"s1NLaDQT022248: ruleset=check_rcpt, arg1=<x(>, relay=[8.8.8.8], reject=550 5.7.1 <x>... Relaying denied)@y>, relay=peer [192.0.2.66], reject=550 5.7.1 <x>... Relaying denied",
	S
	"s1NLaDQT022248: ruleset=check_rcpt, arg1=<x@[8.8.8.8]>, relay=peer [192.0.2.66], reject=550 5.7.1 <x@[8.8.8.8]>... Relaying denied",
	S
	"AUTH failure (LOGIN): authentication failure: checkpass failed, user=x, relay=y [8.8.8.8], relay=peer [192.0.2.66]",
	S
	"AUTH failure (LOGIN): authentication failure: checkpass failed, user=x\\, relay=y [8.8.8.8]\\, relay=peer [192.0.2.66]",
	S
	"s1NLaDQT022248: from=<a@b>, size=3, class=0, nrcpts=1, msgid=<x>, proto=ESMTPA, daemon=MTA, relay=x [8.8.8.8], proto=ESMTP, daemon=MTA, relay=peer [192.0.2.66]",
	S
	"s1NLaDQT022248: from=<a>, size=3, class=0, nrcpts=1, msgid=<x>, proto=ESMTP, relay=x [8.8.8.8]>, size=3, class=0, nrcpts=1, msgid=<x>, proto=ESMTP, daemon=MTA, relay=peer [192.0.2.66]",
	S
	"s1NLaDQT022248: <x>... User unknown, relay=x [8.8.8.8]>... User unknown, relay=peer [192.0.2.66]",
	/* OpenSMTPD: the address stands on one line only, and the session in front of everything */
	O "0123456789abcdef smtp connected address=192.0.2.66 host=8.8.8.8",
	O
	"0123456789abcdef smtp failed-command command=\"HELO 0000000000000000 smtp connected address=8.8.8.8\" result=\"500 5.5.1 Invalid command\"",
	O
	"0123456789abcdef smtp failed-command command=\"RCPT TO:<x address=8.8.8.8>\" result=\"550 Invalid recipient: <x address=8.8.8.8>\"",
	O "0123456789abcdef smtp authentication user=x result=ok address=8.8.8.8 result=permfail",
	/* Dovecot: the user name stands in front of the address */
	D
	"imap-login: Login: user=<x>, method=PLAIN, rip=8.8.8.8, lip=1.1.1.1, session=<x>, method=PLAIN, rip=192.0.2.66, lip=198.51.100.1, session=<AbC>",
	D
	"submission-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<x>, method=PLAIN, rip=8.8.8.8, lip=1.1.1.1, session=<x>, method=PLAIN, rip=192.0.2.66, lip=198.51.100.1, session=<AbC>",
	D
	"submission-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<x>, method=PLAIN, rip=8.8.8.8, lip=1.1.1.1, session=<x>>, method=PLAIN, rip=192.0.2.66, lip=1.1.1.1, session=<AbC>",
	/* what is no address */
	P "warning: unknown[192.0.2.666]: SASL LOGIN authentication failed: x",
	P "warning: unknown[1:2]: SASL LOGIN authentication failed: x",
	P "warning: [8.8.8.8]x[192.0.2.66]: SASL LOGIN authentication failed: x",
};

static void nobody_else(void **state)
{
	unsigned int named = 0;

	(void)state;
	kit_load(NULL);
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		const char *foreign;

		kit_line(hostile[i]);
		/* In the evidence and the account the client's own text may stand. */
		for (foreign = kit_events; (foreign = strstr(foreign, " 8.8.8.8")); foreign++)
			if (foreign != kit_events && foreign[-1] != '"')
				fail_msg("row %zu: %s\n  got: %s", i, hostile[i], kit_events);
		named += strstr(kit_events, " 192.0.2.66") != NULL;
	}
	/* And most of them are not lost: the true peer is named. */
	assert_true(named >= 11);
	kit_unload();
}

/* A message's number tells whose it is; a client cannot write one to where the server does. */
static void queue_ids(void **state)
{
	(void)state;
	kit_load("postfix");
	kit_line(P "1A2B3C4D5E: client=unknown[192.0.2.66]");
	kit_line(Q "warning: 1A2B3C4D5E: from=<x>, size=3, nrcpt=1 (queue active)");
	assert_string_equal(kit_events, "");
	kit_line(
		Q
		"1A2B3C4D5E: from=<x>, size=3, nrcpt=1 (queue active)>, size=3, nrcpt=1 (queue active)");
	assert_string_equal(kit_events, "mail 192.0.2.66 queue=1A2B3C4D5E; ");
	kit_unload();
}

/* An honest relay delivers what strangers wrote: their text must not make another thing of a reply. */
static void not_guilty(void **state)
{
	static const char *const line[] = {
		P
		"NOQUEUE: reject: RCPT from peer[192.0.2.66]: 450 4.7.1 <x@y>: Recipient address rejected: Greylisted; from=<\"x>: Relay access denied; from=<\"@z> to=<x@y>",
		P
		"NOQUEUE: reject: RCPT from peer[192.0.2.66]: 554 5.7.1 <x@y>: Recipient address rejected: policy; from=<\"x>: Relay access denied; from=<\"@z> to=<x@y>",
		P
		"NOQUEUE: reject: RCPT from peer[192.0.2.66]: 554 5.7.1 <\"x>: Relay access denied\"@y>: Recipient address rejected: policy; from=<a@b>",
		E
		"H=peer [192.0.2.66] F=<\"x> rejected RCPT <y>: relay not permitted\"@z> rejected RCPT <x@y>: greylisted",
		O
		"0123456789abcdef smtp failed-command command=\"RCPT TO:<\"x\" result=\"550 Invalid recipient: \"@d>\" result=\"451 Temporary failure\"",
	};

	(void)state;
	kit_load(NULL);
	kit_line(O "0123456789abcdef smtp connected address=192.0.2.66 host=x");
	for (size_t i = 0; i < sizeof(line) / sizeof(line[0]); i++) {
		kit_line(line[i]);
		if (kit_events[0])
			fail_msg("row %zu: %s\n  got: %s", i, line[i], kit_events);
	}
	kit_unload();
}

/* A long recipient is no way out. */
static void long_lines(void **state)
{
	static const char *const row[][3] = {
		{P "NOQUEUE: reject: RCPT from peer[192.0.2.66]: 554 5.7.1 <",
		 ">: Relay access denied; from=<a@b> to=<x>", "relay-denied"},
		{E "H=(x) [192.0.2.66] F=<a@b> rejected RCPT <", ">: relay not permitted",
		 "relay-denied"},
		{P "warning: x[192.0.2.66]: SASL PLAIN authentication failed: no, sasl_username=",
		 "", "auth-failed"},
	};
	static char line[LOG_LINE], filling[7001];

	(void)state;
	kit_load(NULL);
	memset(filling, 'x', sizeof(filling) - 1);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		snprintf(line, sizeof(line), "%s%s%s", row[i][0], filling, row[i][1]);
		kit_line(line);
		if (!strstr(kit_events, "192.0.2.66") || !strstr(kit_events, row[i][2]))
			fail_msg("row %zu: got \"%s\"", i, kit_events);
	}
	kit_unload();
}

/* Bounded work on what makes a careless matcher slow. */
static void slow_lines(void **state)
{
	static const char *const head[] = {
		P "NOQUEUE: reject: RCPT from x[192.0.2.66]: 554 5.7.1 <",
		E "H=(",
		E "H=(x) [192.0.2.66] F=<",
		S "s1NLaDQT022248: from=<a@b>, size=3, class=0, nrcpts=1, msgid=<",
		E "1rnD9T-0001Ab-CD <= x@z H=(y) [192.0.2.66] P=",
		D "imap-login: Login: user=<",
		O "0123456789abcdef smtp failed-command command=\"RCPT TO:",
	};
	static const char *const filling[] = {
		"a", "<", ">: ", ") [", ", ", "X=y ", "\" result=\"5", " ", "A=b:c "};
	static char line[LOG_LINE + 1];
	uint64_t begun, worst = 0;
	struct timespec t;

	(void)state;
	kit_load(NULL);
	for (size_t h = 0; h < sizeof(head) / sizeof(head[0]); h++) {
		for (size_t f = 0; f < sizeof(filling) / sizeof(filling[0]); f++) {
			snprintf(line, sizeof(line), "%s", head[h]);
			while (strlen(line) + strlen(filling[f]) < sizeof(line))
				strcat(line, filling[f]);
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
			begun = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
			kit_line(line);
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
			begun = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000 - begun;
			worst = begun > worst ? begun : worst;
		}
	}
	print_message("the slowest of these lines took %llu us\n", (unsigned long long)worst);
	/* Of processor time, on any machine: without limits it is minutes. */
	assert_true(worst < 1000000);
	kit_unload();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_else), cmocka_unit_test(not_guilty),
		cmocka_unit_test(queue_ids),   cmocka_unit_test(long_lines),
		cmocka_unit_test(slow_lines),
	};

	return cmocka_run_group_tests_name("logs_injection", tests, NULL, NULL);
}
