// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lines of real mail servers to events, through the sets of patterns that come along.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "logs/logs.h"
#include "logs_kit.h"

/* What a whole file's line becomes, as short text; several lines belong to one conversation. */
struct row {
	const char *line, *events; /* "offence relay-denied 192.0.2.1; ..." */
};

static const struct row postfix[] = {
	{"Mar  3 10:00:00 mx postfix/smtpd[1]: connect from unknown[192.0.2.1]", ""},
	{"Mar  3 10:00:00 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from 1-2-3-4-example.com[1.2.3.4]: 554 5.7.1 <smtp@example.com>: Relay access denied; from=<a@b> to=<smtp@example.com> proto=SMTP helo=<1-2-3-4-example.com>",
	 "offence relay-denied 1.2.3.4 \"554 5.7.1 <smtp@example.com>: Relay access denied\"; "},
	{"Mar 13 10:00:00 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[8.21.104.53]: 454 4.7.1 <spameri@tiscali.it>: Relay access denied; from=<spameri@tiscali.it> to=<spameri@tiscali.it> proto=ESMTP helo=<Server>",
	 "offence relay-denied 8.21.104.53 \"454 4.7.1 <spameri@tiscali.it>: Relay access denied\"; "},
	{"Mar 13 10:00:00 mx postfix/submission/smtpd[1]: NOQUEUE: reject: RCPT from h[2001:db8::7]:4711: 554 5.7.1 <x@y>: Recipient address rejected: Relay access denied; from=<> to=<x@y>",
	 "offence relay-denied 2001:db8::7 \"554 5.7.1 <x@y>: Recipient address rejected: Relay access denied\"; "},
	{"2024-03-21T09:18:51.123456+01:00 mx postfix-in/smtpd[1]: 4ABCDEF123: reject: RCPT from h[64:ff9b::192.0.2.9]: 554 5.7.1 <x@y>: Relay access denied; from=<>",
	 "offence relay-denied 192.0.2.9 \"554 5.7.1 <x@y>: Relay access denied\"; "},
	{"Mar 13 10:00:00 mx postfix/smtpd[1]: NOQUEUE: reject_warning: RCPT from h[192.0.2.1]: 554 5.7.1 <x@y>: Relay access denied; from=<>",
	 ""},
	{"Mar 13 10:00:00 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.1]: 550 5.1.1 <u@d>: Recipient address rejected: User unknown in virtual mailbox table; from=<..> to=<..> proto=ESMTP helo=<..>",
	 "offence unknown-user 192.0.2.1 \"550 5.1.1 <u@d>: Recipient address rejected: User unknown in virtual mailbox table\"; "},
	{"Mar 13 10:00:00 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.1]: 450 4.1.1 <u@d>: Recipient address rejected: unverified address: Address verification in progress; from=<>",
	 ""},
	{"Mar 13 10:00:00 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.1]: 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; from=<>",
	 ""},
	{"Mar 13 10:00:00 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.1]: 504 5.5.2 <User>: Helo command rejected: need fully-qualified hostname; from=<>",
	 ""},
	{"Mar 13 10:00:00 mx postfix/smtpd[1]: warning: unknown[82.221.106.233]: SASL LOGIN authentication failed: UGFzc3dvcmQ6",
	 "offence auth-failed 82.221.106.233 \"SASL LOGIN authentication failed: UGFzc3dvcmQ6\"; "},
	{"Mar 13 10:00:00 mx postfix/smtps/smtpd[1]: warning: unknown[192.0.2.5]: SASL LOGIN authentication failed: (reason unavailable), sasl_username=admin",
	 "offence auth-failed 192.0.2.5 account=admin \"SASL LOGIN authentication failed: (reason unavailable)\"; "},
	{"Mar 13 10:00:00 mx postfix/smtpd[1]: warning: unknown[192.0.2.5]: SASL PLAIN authentication failed: Connection lost to authentication server",
	 ""},
	{"Mar 13 10:00:00 mx postfix/smtpd[1]: warning: unknown[192.0.2.5]: SASL PLAIN authentication failed: Connection lost to authentication server, sasl_username=a",
	 ""},
	{"Mar 13 10:00:00 mx postfix/smtpd[1]: too many errors after RCPT from example.com[192.0.2.11]",
	 "offence protocol-error 192.0.2.11 \"too many errors after RCPT from example.com[192.0.2.11]\"; "},
	{"Mar 13 10:00:00 mx postfix/smtpd[1]: NOQUEUE: too many errors after DATA (0 bytes) from example.com[192.0.2.11]",
	 "offence protocol-error 192.0.2.11 \"NOQUEUE: too many errors after DATA (0 bytes) from example.com[192.0.2.11]\"; "},
	{"Mar 13 10:00:00 mx postfix/smtpd[1]: warning: non-SMTP command from h[192.0.2.3]: GET / HTTP/1.1",
	 "offence protocol-error 192.0.2.3 \"warning: non-SMTP command from h[192.0.2.3]: GET / HTTP/1.1\"; "},
	{"Mar 13 10:00:00 mx postfix/smtpd[1]: warning: Connection rate limit exceeded: 31 from host[192.0.2.3] for service smtpd",
	 ""},
	{"Mar 13 10:00:00 mx postfix/smtpd[1]: disconnect from unknown[192.0.2.1] helo=1 auth=0/1 quit=1 commands=2/3",
	 ""},
	{"Mar 13 10:00:00 mx postfix/postscreen[1]: NOQUEUE: reject: RCPT from [216.245.194.173]:60591: 550 5.7.1 Service unavailable; client [216.245.194.173] blocked using rbl.example.com; from=<f>, to=<t>, proto=ESMTP, helo=<h>",
	 ""},
	{"Mar 13 10:00:00 mx postfix/postscreen[1]: NOQUEUE: reject: RCPT from [192.0.2.1]:60591: 554 5.7.1 <x@y>: Relay access denied; from=<f>",
	 ""},
	/* a message's way */
	{"Mar 13 10:00:00 mx postfix/submission/smtpd[9]: 1A2B3C4D5E: client=laptop.example[198.51.100.9], sasl_method=PLAIN, sasl_username=anna@example.org",
	 "login 198.51.100.9 account=anna@example.org; client 198.51.100.9 account=anna@example.org queue=1A2B3C4D5E; "},
	{"Mar 13 10:00:00 mx postfix/cleanup[9]: 1A2B3C4D5E: message-id=<x@y>", ""},
	{"Mar 13 10:00:00 mx postfix/qmgr[9]: 1A2B3C4D5E: from=<anna@example.org>, size=345, nrcpt=1 (queue active)",
	 "mail 198.51.100.9 queue=1A2B3C4D5E; "},
	{"Mar 13 10:00:00 mx postfix/smtp[9]: 1A2B3C4D5E: to=<bob@example.net>, relay=mx.example.net[203.0.113.4]:25, delay=0.4, delays=0.1/0/0.1/0.2, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4WX)",
	 "sent queue=1A2B3C4D5E to=bob@example.net via=203.0.113.4; "},
	{"Mar 13 10:00:00 mx postfix/smtp[9]: 1A2B3C4D5E: to=<bob@example.net>, orig_to=<info@example.org>, relay=mx.example.net[203.0.113.4]:25, delay=0.4, dsn=2.0.0, status=sent (250 Ok)",
	 "sent queue=1A2B3C4D5E to=bob@example.net changed via=203.0.113.4; "},
	{"Mar 13 10:00:00 mx postfix/smtp[9]: 1A2B3C4D5E: to=<bob@example.net>, relay=mx.example.net[203.0.113.4]:25, delay=0.4, dsn=4.0.0, status=deferred (450 no)",
	 ""},
	{"Mar 13 11:00:00 mx postfix/qmgr[9]: 1A2B3C4D5E: from=<anna@example.org>, size=345, nrcpt=1 (queue active)",
	 ""},
	{"Mar 13 11:00:00 mx postfix/qmgr[9]: 1A2B3C4D5E: removed", ""},
	{"Mar 13 11:00:00 mx postfix/qmgr[9]: 1A2B3C4D5E: from=<anna@example.org>, size=345, nrcpt=1 (queue active)",
	 ""},
	{"Mar 13 11:00:00 mx postfix/qmgr[9]: 4YhZ9s1mCzz9rxN: from=<root@mx>, size=345, nrcpt=1 (queue active)",
	 ""},
	{"Mar 13 11:00:00 mx postfix/smtpd[9]: 4YhZ9s1mCzz9rxN: client=unknown[192.0.2.77]",
	 "client 192.0.2.77 queue=4YhZ9s1mCzz9rxN; "},
	{"Mar 13 11:00:00 mx postfix/smtpd[9]: NOQUEUE: client=unknown[192.0.2.77], sasl_method=LOGIN, sasl_username=u",
	 "login 192.0.2.77 account=u; "},
};

static const struct row exim[] = {
	{"2024-03-21 09:18:51 H=m05.horp.tld [9.12.1.21]:43030 I=[194.169.175.2]:25 Ci=7326 CV=no SNI=mail.leone.tld F=<user@example.tld> rejected RCPT <locus@leone.tld>: relay not permitted",
	 "offence relay-denied 9.12.1.21 \"relay not permitted\"; "},
	{"2024-03-21 09:18:51.123 +0100 [4711] H=([8.8.8.8]) [192.0.2.6] F=<a@b> rejected RCPT <x@y>: 550 relay not permitted",
	 "offence relay-denied 192.0.2.6 \"550 relay not permitted\"; "},
	{"2024-03-21 09:18:51 H=a.b (c.d) [2001:db8::6]:1 F=<> rejected RCPT <x@y>: Unrouteable address",
	 "offence unknown-user 2001:db8::6 \"Unrouteable address\"; "},
	{"2024-03-21 09:18:51 H=a.b [192.0.2.6]:1 X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no F=<x@y> rejected RCPT <u@v>: relay not permitted",
	 "offence relay-denied 192.0.2.6 \"relay not permitted\"; "},
	{"Mar 21 09:18:51 mx exim[77]: 2024-03-21 09:18:51 H=(x) [192.0.2.6] F=<a@b> rejected RCPT x@y: relay not permitted",
	 "offence relay-denied 192.0.2.6 \"relay not permitted\"; "},
	{"2024-03-21 09:18:51 H=a.b [192.0.2.6]:1 F=<x@y> rejected RCPT <u@v>: 192.0.2.6 is listed at zen.spamhaus.org",
	 ""},
	{"2024-03-21 09:18:51 H=a.b [192.0.2.6]:1 F=<x@y> temporarily rejected RCPT <u@v>: Could not complete sender verify",
	 ""},
	{"2024-03-21 09:18:51 dovecot_login authenticator failed for h1832461.stratoserver.net (User) [85.214.85.40]: 535 Incorrect authentication data (set_id=scanner)",
	 "offence auth-failed 85.214.85.40 account=scanner \"535 Incorrect authentication data\"; "},
	{"2024-03-21 09:18:51 plain_server authenticator failed for (x) [192.0.2.6]:25000 I=[198.51.100.1]:587: 535 Incorrect authentication data",
	 "offence auth-failed 192.0.2.6 \"535 Incorrect authentication data\"; "},
	{"2024-03-21 09:18:51 plain authenticator failed for (x) [192.0.2.6]: 435 Unable to authenticate at present",
	 ""},
	{"2024-03-21 09:18:51 H=mx [192.0.2.9] sender verify fail for <a@b>: Unrouteable address",
	 ""},
	{"2024-03-21 09:18:51 SMTP call from [192.0.2.109] dropped: too many syntax or protocol errors (last command was \"AUTH LOGIN\")",
	 "offence protocol-error 192.0.2.109 \"too many syntax or protocol errors\"; "},
	{"2024-03-21 09:18:51 no MAIL in SMTP connection from (User) [192.0.2.3]:20042 I=[198.51.100.5]:25 D=0.349s C=EHLO,AUTH,QUIT",
	 ""},
	{"2024-03-21 09:18:51 1rnD9T-0001Ab-CD <= a@b.example H=lap (helo) [192.0.2.20]:43030 I=[198.51.100.1]:587 P=esmtpsa X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no A=plain:anna S=1234 id=x@y",
	 "login 192.0.2.20 account=anna; client 192.0.2.20 account=anna queue=1rnD9T-0001Ab-CD; mail 192.0.2.20 queue=1rnD9T-0001Ab-CD; "},
	{"2024-03-21 09:18:51 1rnD9T-00000001AbC-1XyZ <= <> H=mx.example [192.0.2.21] P=esmtps X=TLS1.3:x:256 CV=no S=1234 id=x@y",
	 "client 192.0.2.21 queue=1rnD9T-00000001AbC-1XyZ; mail 192.0.2.21 queue=1rnD9T-00000001AbC-1XyZ; "},
	{"2024-03-21 09:18:51 1rnD9T-0001Ab-CD <= root@mx U=root P=local S=345", ""},
	{"2024-03-21 09:18:51 1rnD9T-0001Ab-CD => bob@example.net R=dnslookup T=remote_smtp H=mx.example.net [203.0.113.4] X=TLS1.3:x CV=yes C=\"250 OK\"",
	 "sent queue=1rnD9T-0001Ab-CD to=bob@example.net via=203.0.113.4; "},
	{"2024-03-21 09:18:51 1rnD9T-0001Ab-CD => bob@example.net <info@example.org> R=dnslookup T=remote_smtp H=mx.example.net [203.0.113.4]:25 C=\"250 OK\"",
	 "sent queue=1rnD9T-0001Ab-CD to=bob@example.net changed via=203.0.113.4; "},
	{"2024-03-21 09:18:51 1rnD9T-0001Ab-CD -> Bob@example.net <bob@example.net> R=dnslookup T=remote_smtp H=mx.example.net [2001:db8::4]:25 C=\"250 OK\"",
	 "sent queue=1rnD9T-0001Ab-CD to=Bob@example.net via=2001:db8::4; "},
	{"2024-03-21 09:18:51 1rnD9T-0001Ab-CD => anna <anna@example.org> R=local_user T=mail_spool",
	 ""},
	{"2024-03-21 09:18:51 1rnD9T-0001Ab-CD Completed", ""},
};

static const struct row sendmail[] = {
	{"Mar 3 10:00:00 mx sm-mta[22248]: s1NLaDQT022248: x", ""},
	{"Mar  3 10:00:00 mx sm-mta[22248]: s1NLaDQT022248: ruleset=check_rcpt, arg1=<dautareuk2@hotmail.it>, relay=int0.client.access.fanaptelecom.net [80.253.155.119] (may be forged), reject=550 5.7.1 <dautareuk2@hotmail.it>... Relaying denied. IP name possibly forged [80.253.155.119]",
	 "offence relay-denied 80.253.155.119 \"550 5.7.1 <dautareuk2@hotmail.it>... Relaying denied. IP name possibly forged [80.253.155.119]\"; "},
	{"Mar  3 10:00:00 mx sm-mta[22248]: s1NLaDQT022248: ruleset=check_rcpt, arg1=<a@b>, relay=[IPv6:2001:DB8::1], reject=550 5.7.1 <a@b>... Relaying denied. Proper authentication required.",
	 "offence relay-denied 2001:db8::1 \"550 5.7.1 <a@b>... Relaying denied. Proper authentication required.\"; "},
	{"Mar  3 10:00:00 mx sm-mta[2]: s1NLaDQT022248: ruleset=check_relay, arg1=host, arg2=192.0.2.1, relay=host [192.0.2.1], reject=421 4.3.2 Connection rate limit exceeded.",
	 ""},
	{"Mar  3 10:00:00 mx sm-mta[2]: s1NLaDQT022248: <nobody@here>... User unknown, relay=host [192.0.2.1]",
	 "offence unknown-user 192.0.2.1 \"s1NLaDQT022248: <nobody@here>... User unknown, relay=host [192.0.2.1]\"; "},
	{"Mar  3 10:00:00 mx sm-mta[1]: s1NLaDQT022248: [190.5.230.178]: possible SMTP attack: command=AUTH, count=5",
	 "offence protocol-error 190.5.230.178 \"possible SMTP attack: command=AUTH, count=5\"; "},
	{"Mar  3 10:00:00 mx sm-mta[1]: AUTH failure (LOGIN): authentication failure (-13) SASL(-13): authentication failure: checkpass failed, user=test, relay=host [192.0.2.4]",
	 "offence auth-failed 192.0.2.4 account=test \"AUTH failure (LOGIN): authentication failure (-13) SASL(-13): authentication failure: checkpass\"; "},
	{"Mar  3 10:00:00 mx sendmail[1]: s1NLaDQT022248: AUTH=server, relay=host [192.0.2.4], authid=anna, mech=PLAIN, bits=0",
	 "login 192.0.2.4 account=anna; "},
	{"Mar  3 10:00:00 mx sm-mta[1]: s1NLaDQT022248: from=<a@b>, size=345, class=0, nrcpts=1, msgid=<x@y>, bodytype=8BITMIME, proto=ESMTPSA, daemon=MTA, relay=host [192.0.2.4]",
	 "client 192.0.2.4 account=ESMTPSA queue=s1NLaDQT022248; mail 192.0.2.4 queue=s1NLaDQT022248; "},
	{"Mar  3 10:00:00 mx sm-mta[1]: s1NLaDQT022249: from=<a@b>, size=345, class=0, nrcpts=1, msgid=<x@y>, proto=ESMTP, daemon=MTA, tls_verify=NONE, auth=NONE, relay=host [192.0.2.4] (may be forged)",
	 "client 192.0.2.4 queue=s1NLaDQT022249; mail 192.0.2.4 queue=s1NLaDQT022249; "},
	{"Mar  3 10:00:00 mx sm-mta[1]: s1NLaDQT022249: to=<bob@example.net>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30345, relay=mx.example.net. [203.0.113.4], dsn=2.0.0, stat=Sent (ok)",
	 "sent queue=s1NLaDQT022249 to=bob@example.net via=203.0.113.4; "},
	{"Mar  3 10:00:00 mx sm-mta[1]: s1NLaDQT022249: to=<bob@example.net>, ctladdr=<info@here> (8/0), delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30345, relay=mx.example.net. [203.0.113.4], dsn=2.0.0, stat=Sent (ok)",
	 "sent queue=s1NLaDQT022249 to=bob@example.net changed via=203.0.113.4; "},
};

#define SMTPD "Mar  3 10:00:00 mx smtpd[1]: "
static const struct row opensmtpd[] = {
	{SMTPD
	 "0123456789abcdef smtp failed-command command=\"RCPT TO:<x@y>\" result=\"550 Invalid recipient: <x@y>\"",
	 ""}, /* nobody knows whose that is */
	{SMTPD "0123456789abcdef smtp connected address=192.0.2.30 host=rdns.example", ""},
	{SMTPD "fedcba9876543210 smtp connected address=[2001:db8::30] host=<unknown>", ""},
	{SMTPD
	 "0123456789abcdef smtp failed-command command=\"RCPT TO:<x@y>\" result=\"550 Invalid recipient: <x@y>\"",
	 "offence unknown-user 192.0.2.30 \"550 Invalid recipient: <x@y>\"; "},
	{SMTPD
	 "fedcba9876543210 smtp failed-command command=\"AUTH LOGIN (password)\" result=\"535 Authentication failed\"",
	 "offence auth-failed 2001:db8::30 \"535 Authentication failed\"; "},
	{SMTPD "fedcba9876543210 smtp authentication user=x result=permfail", ""},
	{SMTPD
	 "0123456789abcdef smtp bad-input result=\"500 5.5.1 Invalid command: Command unrecognized\"",
	 "offence protocol-error 192.0.2.30 \"500 5.5.1 Invalid command: Command unrecognized\"; "},
	{SMTPD "fedcba9876543210 smtp authentication user=anna result=ok",
	 "login 2001:db8::30 account=anna; "},
	{SMTPD "fedcba9876543210 smtp message msgid=01234567 size=345 nrcpt=1 proto=ESMTP",
	 "client 2001:db8::30 account=anna queue=01234567; mail 2001:db8::30 account=anna queue=01234567; "},
	{SMTPD "0123456789abcdef smtp message msgid=89abcdef size=345 nrcpt=1 proto=ESMTP",
	 "client 192.0.2.30 queue=89abcdef; mail 192.0.2.30 queue=89abcdef; "},
	{SMTPD
	 "1111111111111111 mta delivery evpid=89abcdef00112233 from=<a@b> to=<c@d> rcpt=<-> source=\"192.0.2.1\" relay=\"203.0.113.4 (mx.d)\" delay=1s result=\"Ok\" stat=\"250 ok\"",
	 "sent queue=89abcdef to=c@d via=203.0.113.4; "},
	{SMTPD
	 "1111111111111111 mta delivery evpid=89abcdef00112233 from=<a@b> to=<c@d> rcpt=<e@f> source=\"192.0.2.1\" relay=\"[IPv6:2001:db8::4] (mx.d)\" delay=1s result=\"Ok\" stat=\"250 ok\"",
	 "sent queue=89abcdef to=c@d changed via=2001:db8::4; "},
	{SMTPD "0123456789abcdef smtp disconnected reason=quit", ""},
	{SMTPD
	 "0123456789abcdef smtp failed-command command=\"RCPT TO:<x@y>\" result=\"550 Invalid recipient: <x@y>\"",
	 ""},
};

#define DOVECOT "Mar  3 10:00:00 mx dovecot: "
static const struct row dovecot[] = {
	{DOVECOT
	 "imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=192.0.2.40, lip=198.51.100.1, mpid=12, TLS, session=<AbC/d+=>",
	 "pop-login 192.0.2.40 account=anna@example.org; "},
	{DOVECOT
	 "pop3-login: Info: Logged in: user=<anna>, method=PLAIN, rip=2001:db8::40, lip=2001:db8::1, mpid=12, TLS, session=<AbC>",
	 "pop-login 2001:db8::40 account=anna; "},
	{"Mar 03 10:00:00 imap-login: Info: Login: user=<anna>, method=PLAIN, rip=192.0.2.40, lip=198.51.100.1, mpid=1, session=<x>",
	 "pop-login 192.0.2.40 account=anna; "},
	{DOVECOT
	 "submission-login: Login: user=<anna>, method=PLAIN, rip=192.0.2.41, lip=198.51.100.1, mpid=12, TLS, session=<AbC>",
	 "login 192.0.2.41 account=anna; "},
	{DOVECOT
	 "submission-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<anna>, method=PLAIN, rip=192.0.2.42, lip=198.51.100.1, TLS, session=<AbC>",
	 "offence auth-failed 192.0.2.42 account=anna \"(auth failed, 1 attempts in 2 secs)\"; "},
	{DOVECOT
	 "imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<anna>, method=PLAIN, rip=192.0.2.42, lip=198.51.100.1, TLS, session=<AbC>",
	 ""},
	{DOVECOT
	 "imap-login: Aborted login (no auth attempts in 0 secs): user=<>, rip=192.0.2.42, lip=198.51.100.1, session=<AbC>",
	 ""},
};

static void check_rows(const char *set, const struct row *row, size_t rows)
{
	kit_load(set);
	for (size_t i = 0; i < rows; i++) {
		kit_line(row[i].line);
		if (strcmp(kit_events, row[i].events) != 0)
			fail_msg("%s, row %zu: %s\n  got:  %s\n  want: %s", set, i, row[i].line,
				 kit_events, row[i].events);
	}
	kit_unload();
	/* All sets side by side say the same: none reads another server's lines. */
	kit_load(NULL);
	for (size_t i = 0; i < rows; i++) {
		kit_line(row[i].line);
		if (strcmp(kit_events, row[i].events) != 0)
			fail_msg("all sets, row %zu: %s\n  got:  %s\n  want: %s", i, row[i].line,
				 kit_events, row[i].events);
	}
	kit_unload();
}

#define CHECK(set)                                                                                 \
	static void of_##set(void **state)                                                         \
	{                                                                                          \
		(void)state;                                                                       \
		check_rows(#set, set, sizeof(set) / sizeof(set[0]));                               \
	}

CHECK(postfix)
CHECK(exim)
CHECK(sendmail)
CHECK(opensmtpd)
CHECK(dovecot)

/* The oldest session makes room, and what is said of it later is nobody's. */
static void many_sessions(void **state)
{
	char line[256];

	(void)state;
	kit_load("opensmtpd");
	for (unsigned int i = 0; i <= 4096; i++) {
		snprintf(line, sizeof(line), SMTPD "%016x smtp connected address=192.0.2.%u host=x",
			 i, i % 256);
		kit_line(line);
	}
	kit_line(SMTPD "0000000000000000 smtp authentication user=x result=ok");
	assert_string_equal(kit_events, "");
	kit_line(SMTPD "0000000000000001 smtp authentication user=x result=ok");
	assert_string_equal(kit_events, "login 192.0.2.1 account=x; ");
	kit_line(SMTPD "0000000000001000 smtp authentication user=x result=ok");
	assert_string_equal(kit_events, "login 192.0.2.0 account=x; ");
	kit_unload();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_postfix),  cmocka_unit_test(of_exim),
		cmocka_unit_test(of_sendmail), cmocka_unit_test(of_opensmtpd),
		cmocka_unit_test(of_dovecot),  cmocka_unit_test(many_sessions),
	};

	return cmocka_run_group_tests_name("logs_match", tests, NULL, NULL);
}
