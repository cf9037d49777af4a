// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replies of real mail servers: which are offences, which events, and which neither.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "reply_feed.h"

struct judged {
	const char *reply, *event;
};

static const struct judged relay[] = {
	/* Postfix: with reject, as it comes, as it was, with soft_bounce */
	{"554 5.7.1 <smtp@example.com>: Relay access denied", "relay-denied"},
	{"454 4.7.1 <smtp@example.com>: Relay access denied", "relay-denied"},
	{"554 5.7.1 <a@b>: Recipient address rejected: Relay access denied", "relay-denied"},
	{"554 <a@b>: Recipient address rejected: Relay access denied", "relay-denied"},
	{"454 4.7.1 <a@b>: Recipient address rejected: Relay access denied", "relay-denied"},
	/* Exim */
	{"550 relay not permitted", "relay-denied"},
	{"550-relay not permitted, authenticate first\r\n550 good bye", "relay-denied"},
	{"550-host (helo) [192.0.2.1]:55 is currently not permitted to relay through\r\n"
	 "550-this server. Perhaps you have not logged into the pop/imap server in the last 30\r\n"
	 "550-minutes or do not have SMTP Authentication turned on in your email client.\r\n550 ",
	 "relay-denied"},
	{"550-(helo) [192.0.2.1]:55 is not permitted to relay through this server without\r\n"
	 "550 authentication.",
	 "relay-denied"},
	/* Sendmail */
	{"550 5.7.1 <x@y>... Relaying denied. Proper authentication required.", "relay-denied"},
	{"550 5.7.1 <x@y>... Relaying denied. IP name possibly forged [192.0.2.1]", "relay-denied"},
	{"550 5.7.1 <x@y>... Relaying denied. IP name lookup failed [192.0.2.1]", "relay-denied"},
	{"550 5.7.1 <x@y>... Relaying denied", "relay-denied"},
	/* the others */
	{"553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "relay-denied"},
	{"550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", "relay-denied"},
	{"550 5.7.54 SMTP; text in another language", "relay-denied"},
	{"550 5.7.1 Unable to relay", "relay-denied"},
	{"550 5.7.1 Unable to relay for x@y", "relay-denied"},
	{"550 5.7.64 TenantAttribution; Relay Access Denied", "relay-denied"},
	{"550-5.7.64 TenantAttribution;\r\n550 5.7.64 [x.example]", "relay-denied"},
	{"550 5.1.2 Relay not allowed.", "relay-denied"},
	{"513 Relaying denied.", "relay-denied"},
	{"513-Relaying denied.\r\n513", "relay-denied"},
	{"550 I cannot deliver mail for <x@y>", "relay-denied"},
	{"503 This mail server requires authentication when attempting to send to a non-local e-mail "
	 "address. Please check your mail client settings",
	 "relay-denied"},
	{"530 Relaying not allowed", "relay-denied"},
	{"551 5.7.1 relaying denied", "relay-denied"},
	{"554 Refused. Sending to remote addresses (relaying) is not allowed", "relay-denied"},
	{"571 <x@y> We do not relay", "relay-denied"},
	{"550 We don't handle mail for y", "relay-denied"},
	{"501 This system is not configured to relay mail", "relay-denied"},
	{"550 not local host y, not a gateway", "relay-denied"},
	{"550 5.7.1 You may not use this host as a relay", "relay-denied"},
	{"554 insecure mail relay", "relay-denied"},
	{"550 5.7.1 Sorry, no relaying", "relay-denied"},
	{"550 you are not allowed to relay through this machine", "relay-denied"},
	{"553 relaying mail to y is not allowed", "relay-denied"},
	{"550 specified domain is not allowed", "relay-denied"},
	{"550 5.7.1 Relaying to <x@y> denied (authentication required)", "relay-denied"},
	{"554 Relay rejected for policy reasons.", "relay-denied"},
	/* not for what was asked */
	{"450 4.4.0 <x@y>... Relaying temporarily denied. Cannot resolve PTR record for 192.0.2.1",
	 "done"},
	{"451 4.7.1 Relay access denied, try again later", "done"},
	{"421 4.7.1 Relay access denied", "done"},
	{"250 2.1.5 Relay access denied", "done"},
	{"354 Relay access denied", "done"},
	{"654 Relay access denied", "done"},
	{"554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using relays.example; Open "
	 "relay: relaying is denied",
	 "done"},
	{"550 5.1.1 <x@y>: Recipient address rejected: undeliverable address: host mx[192.0.2.9] "
	 "said: Relay access denied",
	 "unknown-user"},
	{"450 4.1.1 <x@y>: Recipient address rejected: unverified address: Relay access denied",
	 "done"},
	{"503-All RCPT commands were rejected with this error:\r\n503-relay not permitted\r\n"
	 "503 Valid RCPT command must precede DATA",
	 "done"},
	{"554-All RCPT commands were rejected with this error:\r\n554-relay not permitted\r\n"
	 "554 Valid RCPT command must precede DATA",
	 "done"},
	{"503-This mail server requires authentication when attempting to send to a non-local e-mail\r\n"
	 "503 Valid RCPT command must precede DATA",
	 "done"},
	{"554 5.5.1 Error: no valid recipients", "done"},
	{"503 5.0.0 Need RCPT (recipient)", "done"},
	{"503 relaying denied", "done"},
	{"450 error while relaying to backend", "done"},
	{"550 Sender verify failed: relay not permitted", "done"},
};

static const struct judged user[] = {
	{"550 5.1.1 <u@d>: Recipient address rejected: User unknown in local recipient table",
	 "unknown-user"},
	{"550 5.1.1 <u@d>: Recipient address rejected: User unknown in virtual mailbox table",
	 "unknown-user"},
	{"550 5.1.1 <u@d>: Recipient address rejected: undeliverable address: unknown",
	 "unknown-user"},
	{"550 5.1.1 <x@y>... User unknown", "unknown-user"},
	{"550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
	 "unknown-user"},
	{"550 5.4.1 [x@y]: Recipient address rejected: Access denied", "unknown-user"},
	{"550 Unrouteable address", "unknown-user"},
	{"550 Unknown user", "unknown-user"},
	{"550 Invalid recipient: <user@dom>", "unknown-user"},
	{"550 sorry, no mailbox here by that name. (#5.1.1)", "unknown-user"},
	{"550 User unknown.", "unknown-user"},
	{"550 5.1.2 Mailbox does not exist.", "unknown-user"},
	{"550 Requested action not taken: mailbox unavailable", "unknown-user"},
	{"551 5.1.1 <x@y> moved", "unknown-user"},
	{"553 5.1.1 <x@y>", "unknown-user"},
	{"550-5.1.1 The account\r\n550-5.1.1 you tried\r\n550 5.1.1 is not there", "unknown-user"},

	{"450 4.1.1 <u@d>: Recipient address rejected: User unknown in local recipient table",
	 "done"},
	{"450 4.1.1 <u@d>: Recipient address rejected: unverified address: x", "done"},
	{"556 5.1.10 <u@d>: Recipient address rejected: Domain d does not accept mail (nullMX)",
	 "done"},
	{"550 5.7.27 <u@d>: Sender address rejected: Domain d does not accept mail (nullMX)",
	 "done"},
	{"550 5.1.0 <u@d>: Sender address rejected: User unknown in virtual mailbox table", "done"},
	{"550 5.1.1 <u@d>: Sender address rejected: undeliverable address: x", "done"},
	{"553 5.1.8 <x@y>... Domain of sender address x does not exist", "done"},
	{"550-Verification failed for <x@y>\r\n550-Unrouteable address\r\n550 Sender verify failed",
	 "done"},
	{"550-Verification failed for <x@y>\r\n550-The mail server could not deliver mail to x@y. The "
	 "account or domain may not exist, they may be blacklisted, or missing the proper dns "
	 "entries.\r\n550 Sender verify failed",
	 "done"},
	{"550 Administrative prohibition", "done"},
	{"550 5.7.1 Service unavailable; client [192.0.2.1] blocked using x.example; no such user",
	 "done"},
	{"550-All RCPT commands were rejected with this error:\r\n550-Unknown user\r\n"
	 "550 Valid RCPT command must precede DATA",
	 "done"},
	{"550 5.15.1.1 x", "done"},
	{"550 x 5.1.1 y", "done"},
	{"550 5.1.12 x", "done"},
	{"550 5.7.1 <x@y>: Recipient address rejected: Access denied", "done"},
	{"554 5.1.1 <x@y>: Recipient address rejected: User unknown", "done"},
	{"252 2.0.0 user unknown", "done"},
};

static const struct judged login[] = {
	{"535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6", "auth-failed"},
	{"535 5.7.8 Error: authentication failed: (reason unavailable)", "auth-failed"},
	{"535 5.7.8 Error: authentication failed: authentication failure", "auth-failed"},
	{"535 Incorrect authentication data", "auth-failed"},
	{"535 5.7.0 authentication failed", "auth-failed"},
	{"535 Authentication failed", "auth-failed"},
	{"535 authentication failed (#5.7.1)", "auth-failed"},
	{"535 5.7.3 Authentication unsuccessful", "auth-failed"},
	{"535 5.7.8 Authentication failed", "auth-failed"},
	{"535", "auth-failed"},
	{"535-5.7.8 Username and Password not accepted.\r\n535 5.7.8 more", "auth-failed"},
	{"235 2.7.0 Authentication successful", "login"},
	{"235", "login"},
	{"235-2.7.0 Welcome\r\n235 2.7.0 back", "login"},

	{"535 5.7.8 Error: authentication failed: Connection lost to authentication server",
	 "done"},
	{"535 5.7.8 Error: authentication failed: Invalid authentication mechanism", "done"},
	{"535 5.7.8 Error: authentication failed: generic failure", "done"},
	{"535 5.7.8 Temporary authentication failure", "done"},
	{"535 5.7.8 Authentication failed: please try again later", "done"},
	{"454 4.7.0 Temporary authentication failure: Connection lost to authentication server",
	 "done"},
	{"535 Authentication required.", "done"},
	{"435 Unable to authenticate at present", "done"},
	{"503 AUTH command used when not advertised", "done"},
	{"501 Invalid base64 data", "done"},
	{"501 Authentication cancelled", "done"},
	{"553 Initial data not expected", "done"},
	{"450 4.7.1 Error: too many AUTH commands from <a@b>", "done"},
	{"530 5.7.0 Must issue a STARTTLS command first", "done"},
	{"530 Sender rejected", "done"},
	{"334 MjM1IDIuNy4w", "done"},
	{"334 235 2.7.0", "done"},
};

static const struct judged protocol[] = {
	{"500 5.5.1 Command unrecognized: \"XYZ\"", "protocol-error"},
	{"500 5.5.1 Invalid command: Pipelining not supported", "protocol-error"},
	{"500 unrecognized command", "protocol-error"},
	{"502 5.5.2 Error: command not recognized", "protocol-error"},
	{"502 unimplemented (#5.5.1)", "protocol-error"},
	{"502 ESMTP command error", "protocol-error"},
	{"421 4.7.0 mx.example Error: too many errors", "protocol-error"},
	{"421 4.7.0 mx.example Too many bad commands; closing connection", "protocol-error"},
	{"421 too many syntax or protocol errors", "protocol-error"},
	{"554 Too many nonmail commands", "protocol-error"},

	{"502 5.5.1 VRFY command is disabled", "done"},
	{"421 4.7.0 mx.example Error: too many connections from 192.0.2.1", "done"},
	{"421 Too many concurrent SMTP connections; please try again later", "done"},
	{"421 4.3.2 Connection rate limit exceeded.", "done"},
	{"421 4.3.2 Too many open connections.", "done"},
	{"421 4.3.0 Temporary Error", "done"},
	{"554 SMTP synchronization error", "done"},
	{"501 5.5.4 Syntax: HELO hostname", "done"},
	{"504 5.5.2 <User>: Helo command rejected: need fully-qualified hostname", "done"},
};

static const struct judged policy[] = {
	{"554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zone.example; text",
	 "done"},
	{"550 5.7.1 Service unavailable; client [192.0.2.1] blocked using zone.example", "done"},
	{"550 5.5.1 Protocol error", "done"},
	{"521 5.3.2 Service currently unavailable", "done"},
	{"450 4.3.2 Service currently unavailable", "done"},
	{"450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]", "done"},
	{"450 4.2.0 <x@y>: Recipient address rejected: Greylisted, see http://x/", "done"},
	{"451 Temporary failure, please try again later.", "done"},
	{"451 Temporary local problem - please try later", "done"},
	{"550 5.7.1 Rejected: 192.0.2.1 listed at zone.example", "done"},
	{"550 5.0.0 Command rejected", "done"},
	{"554 mx ESMTP not accepting connections", "done"},
	{"524 5.2.4 Mailing list expansion problem", "done"},
	{"250-mx Hello relay-access-denied [192.0.2.1]\r\n250-SIZE\r\n250 CHUNKING", "done"},
	{"221 2.0.0 Bye", "done"},
	{"250", "done"},
};

static const struct judged mail[] = {
	{"354 go\r\n250 2.0.0 Ok: queued as 4F3B", "done mail"},
	{"354 go\r\n250 OK id=1sAb-0001", "done mail"},
	{"354 go\r\n250-first\r\n250 second", "done mail"},
	{"354-go\r\n354 on\r\n250 whatever", "done mail"},
	{"354 go\r\n550 5.7.1 spam\r\n250 ok", "done done done"},
	{"354 go\r\n451 later", "done done"},
	{"250 2.0.0 Ok: queued as 4F3B", "mail"},
	{"250 OK id=1sAb-0001", "mail"},
	{"250 2.6.0 <id@x> [InternalId=1, Hostname=x] Queued mail for delivery", "mail"},
	{"250 queued mail for delivery@x... Sender ok", "done"},
	{"250 2.1.0 queued mail for delivery@x... Sender ok", "done"},
	{"250 2.6.0 Chunk received OK, 1234 octets received", "done"},
	{"250 2.0.0 Ok: 86 bytes", "done"},
	{"250 86 byte chunk, total 86", "done"},
	{"250 2.6.0 CHUNK received OK, 86 octets", "done"},
	{"250 2.1.5 Ok", "done"},
	{"251 OK id=1sAb-0001", "done"},
	{"250 x OK id=1sAb-0001", "done"},
	{"550 OK id=1sAb-0001", "done"},
	{"220 2.0.0 Ready to start TLS\r\n235 ok", "veil"},
	{"220-2.0.0 Ready\r\n220 now\r\n235 ok", "veil"},
};

static const struct judged told[] = {
	/* what the client said is no phrase */
	{"550 5.7.1 <relay access denied@x>: no", "done"},
	{"550 <\"relay access denied\"@x>: no", "done"},
	{"550 5.7.1 <\"a>relay access denied\"@x>: no", "done"},
	{"550 5.7.1 <\"a>relay access denied<b>relay access denied\"@x>: no", "done"},
	{"550 5.7.1 <\"a>relay access denied\"@x", "done"},
	{"550 5.7.1 <relay access denied", "done"},
	{"550 5.7.1 <\"relay access denied", "done"},
	{"550 5.7.1 \"relay access denied\"@x no", "done"},
	{"550 5.7.1 [\"relay access denied\"@x] no", "done"},
	{"550 5.7.1 \"\\\"relay access denied\"@x no", "done"},
	{"550 5.7.1 relay <x> access <y> denied", "done"},
	{"550 5.7.1 relay acc<x>ess denied", "done"},
	{"550 5.7.1 relay acc\"ess denied", "done"},
	{"550 5.7.1 relay access\r\n550 denied", "done done"},
	{"550-5.7.1 relay access\r\n550 denied", "done"},
	{"535 5.7.8 <generic failure>: failed", "auth-failed"},
	/* and takes nothing back */
	{"554 5.7.1 <\"blocked using\"@x>: Relay access denied", "relay-denied"},
	{"554 5.7.1 <\"a<\"@x>: Relay access denied", "relay-denied"},
	{"554 5.7.1 <\"a>\"@x>: Relay access denied", "relay-denied"},
	{"554 5.7.1 <\"@x>: Relay access denied", "relay-denied"},
	{"554-5.7.1 <unclosed\r\n554 5.7.1 Relay access denied", "relay-denied"},
	{"554-5.7.1 Relay access denied\r\n554 5.7.1 <unclosed", "relay-denied"},
};

/* The same reply as it is, with every letter changed to the other case, and with bare LF. */
static void check_judged(const struct judged *row, size_t rows)
{
	struct reply r;
	char text[1000];

	for (size_t i = 0; i < rows; i++) {
		const char *event;
		size_t n = 0;

		snprintf(text, sizeof(text), "%s\r\n", row[i].reply);
		event = feed(&r, text);
		if (strcmp(event, row[i].event))
			fail_msg("%s is %s, not %s", row[i].reply, event, row[i].event);
		for (char *c = text; *c; c++) {
			int letter = (unsigned char)*c;

			if (letter != '\r')
				text[n++] =
					(char)(isupper(letter) ? tolower(letter) : toupper(letter));
		}
		text[n] = 0;
		event = feed(&r, text);
		if (strcmp(event, row[i].event))
			fail_msg("%s is %s, not %s", text, event, row[i].event);
	}
}

#define JUDGES(name)                                                                               \
	static void judges_##name(void **state)                                                    \
	{                                                                                          \
		(void)state;                                                                       \
		check_judged(name, sizeof(name) / sizeof(name[0]));                                \
	}
JUDGES(relay)
JUDGES(user)
JUDGES(login)
JUDGES(protocol)
JUDGES(policy)
JUDGES(mail)
JUDGES(told)

static int build(void **state)
{
	(void)state;
	return phrases_build(&reply_table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_relay),	 cmocka_unit_test(judges_user),
		cmocka_unit_test(judges_login),	 cmocka_unit_test(judges_protocol),
		cmocka_unit_test(judges_policy), cmocka_unit_test(judges_mail),
		cmocka_unit_test(judges_told),
	};

	return cmocka_run_group_tests(tests, build, NULL);
}
