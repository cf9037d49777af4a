// SPDX-License-Identifier: GPL-2.0-only
/*
 * replies.c - what program `replies` reads: lines in segments of any kind, sent again, missing, of a
 * connection whose beginning it did not see
 */
#include "talk.h"

static void test_line(struct kit *kit)
{
	struct reply_counts before = talk_counts(kit), after;
	struct talk t;

	abuse_on(kit);
	t = talk_open(kit, CLIENT);
	talk_say(&t, FINE);
	kit_expect("what becomes of the segment", talk_say(&t, DENIED), TC_PASSED);
	kit_expect("relay-denied", talk_offences(kit, CLIENT, OFFENCE_RELAY_DENIED), 1);
	talk_say(&t, GUESS);
	talk_say(&t, NOBODY);
	talk_say(&t, GARBLED);
	kit_expect("auth-failed", talk_offences(kit, CLIENT, OFFENCE_AUTH_FAILED), 1);
	kit_expect("unknown-user", talk_offences(kit, CLIENT, OFFENCE_UNKNOWN_USER), 1);
	kit_expect("protocol-error", talk_offences(kit, CLIENT, OFFENCE_PROTOCOL_ERROR), 1);
	after = talk_counts(kit);
	kit_expect("replies read", after.replies - before.replies, 6);
	kit_expect("offences read", after.offence[0] - before.offence[0], 1);
	kit_expect("connections lost", after.lost - before.lost, 0);
}

/* 60 replies in one segment are 60, and more than fit into one read. */
static void test_many(struct kit *kit)
{
	struct talk t = talk_open(kit, CLIENT);
	char text[4096] = "";

	for (int i = 0; i < 60; i++)
		strcat(text, i % 2 ? FINE : NOBODY);
	talk_say(&t, text);
	kit_expect("unknown-user", talk_offences(kit, CLIENT, OFFENCE_UNKNOWN_USER), 30);
}

static void test_lines_of_one_reply(struct kit *kit)
{
	struct talk t = talk_open(kit, CLIENT);

	talk_say(&t, "550-The mail server could not deliver.\r\n550-relay not permitted\r\n");
	kit_expect("in the midst", talk_offences(kit, CLIENT, OFFENCE_RELAY_DENIED), 0);
	talk_say(&t, "550 Ask your administrator.\r\n");
	kit_expect("at its end", talk_offences(kit, CLIENT, OFFENCE_RELAY_DENIED), 1);
	talk_say(&t, "503-All RCPT commands were rejected with this error:\r\n503-550 relay not "
		     "permitted\r\n503 Valid RCPT command must precede DATA\r\n");
	talk_say(&t, "554 5.5.1 Error: no valid recipients\r\n");
	kit_expect("pipelined after it", talk_offences(kit, CLIENT, OFFENCE_RELAY_DENIED), 1);
}

/* A server's reply as the network may cut it: at every byte, into single bytes. */
static void test_cut(struct kit *kit)
{
	static const char text[] =
		FINE DENIED_4 "550-5.1.1 <a@b.example>:\r\n550 5.1.1 User unknown\r\n" GUESS FINE;
	size_t size = sizeof(text) - 1;

	for (size_t at = 0; at <= size; at++) {
		struct talk t;

		kit_reset(kit);
		t = talk_open(kit, CLIENT);
		kit_about("cut at %zu", at);
		if (at < size) {
			talk_bytes(&t, text, at);
			talk_bytes(&t, text + at, size - at);
		} else {
			for (size_t i = 0; i < size; i++)
				talk_bytes(&t, text + i, 1);
		}
		kit_expect("relay-denied", talk_offences(kit, CLIENT, OFFENCE_RELAY_DENIED), 1);
		kit_expect("unknown-user", talk_offences(kit, CLIENT, OFFENCE_UNKNOWN_USER), 1);
		kit_expect("auth-failed", talk_offences(kit, CLIENT, OFFENCE_AUTH_FAILED), 1);
	}
}

/* Sent again from every place, with new bytes at the end. */
static void test_sent_again(struct kit *kit)
{
	static const char text[] = FINE DENIED FINE GUESS;
	size_t size = sizeof(text) - 1, first = sizeof(FINE DENIED) - 1;

	for (size_t from = 0; from < first; from++) {
		struct talk t;
		uint32_t start;

		kit_reset(kit);
		t = talk_open(kit, CLIENT);
		start = t.next;
		kit_about("from %zu", from);
		talk_bytes(&t, text, first);
		talk_send(&t, start, text, first);
		talk_send(&t, start + (uint32_t)from, text + from, size - from);
		talk_send(&t, start, text, size);
		talk_syn_ack(&(struct talk){kit, CLIENT, 25, t.client_port, start - 26});
		talk_send(&t, start, text, size);
		kit_expect("relay-denied", talk_offences(kit, CLIENT, OFFENCE_RELAY_DENIED), 1);
		kit_expect("auth-failed", talk_offences(kit, CLIENT, OFFENCE_AUTH_FAILED), 1);
	}
}

/* Bytes are missing, or come later: nothing is charged that was not read from its line's start. */
static void test_gap(struct kit *kit)
{
	static const char lost[] = "250 2.1.5 <",
			  echoed[] = "235 2.7.0 Authentication successful\r\n";
	struct reply_counts before = talk_counts(kit);
	struct talk t = talk_open(kit, CLIENT);
	uint32_t hole;

	kit->settings->login_time = 1800 * SECOND;
	hole = t.next;
	t.next += sizeof(lost) - 1;
	talk_say(&t, echoed);
	kit_expect("logins", talk_counts(kit).logins - before.logins, 0);
	kit_expect("gaps", talk_counts(kit).gaps - before.gaps, 1);
	talk_send(&t, hole, lost, sizeof(lost) - 1);
	/* The rest of a reply whose beginning is missing is no offence. */
	t.next += 10;
	talk_say(&t, "denied\r\n554 relay access denied\r\n");
	kit_expect("a reply of unknown beginning", talk_offences(kit, CLIENT, 0), 0);
	talk_say(&t, DENIED);
	kit_expect("the next one", talk_offences(kit, CLIENT, 0), 1);
}

/*
 * A client with a tiny window makes the server's segments begin with text of its own choosing. In
 * sequence it is in the midst of a line; out of sequence it is not read.
 */
static void test_echo(struct kit *kit)
{
	struct reply_counts before = talk_counts(kit);
	struct talk t;

	abuse_on(kit);
	t = talk_open(kit, CLIENT);
	talk_say(&t, "554 5.7.1 <\"");
	talk_say(&t, "235 2.7.0 Authentication successful\"@a.example>: no\r\n");
	t.next += 100;
	talk_say(&t, "235 2.7.0 Authentication successful\"@a.example>: no\r\n");
	kit_expect("logins", talk_counts(kit).logins - before.logins, 0);
	/* The same on a connection whose beginning nobody saw. */
	t = (struct talk){.kit = kit, .client = CLIENT, .port = 25, .client_port = 1, .next = 77};
	talk_say(&t, WELCOME);
	talk_say(&t, DENIED);
	kit_expect("logins of a lost connection", talk_counts(kit).logins - before.logins, 0);
	kit_expect("offences of it", talk_offences(kit, CLIENT, 0), 0);
	kit_expect("connections lost", talk_counts(kit).lost - before.lost, 1);
	if (!talk_known(kit, CLIENT).veiled)
		kit_fail("the log is not told to speak for the lost connection");
	judge(kit, CLIENT, 25, TCP_SYN, clean);
}

static void test_starttls(struct kit *kit)
{
	struct reply_counts before = talk_counts(kit);
	struct talk t;

	abuse_on(kit);
	t = talk_open(kit, CLIENT);
	talk_say(&t, "250-mx.lab.example\r\n250 STARTTLS\r\n");
	talk_say(&t, STARTTLS);
	talk_say(&t, WELCOME DENIED);
	kit_expect("logins", talk_counts(kit).logins - before.logins, 0);
	kit_expect("relay-denied", talk_offences(kit, CLIENT, 0), 0);
	kit_expect("veiled", talk_counts(kit).veiled - before.veiled, 1);
	if (!talk_known(kit, CLIENT).veiled)
		kit_fail("the log is not told to speak for the encrypted connection");
	/* Its port again: another connection, which begins anew. */
	t.next += 1000000;
	talk_syn_ack(&t);
	talk_say(&t, BANNER DENIED);
	kit_expect("relay-denied of the next", talk_offences(kit, CLIENT, 0), 1);
}

/* TLS from the first byte, and what is no SMTP at all. */
static void test_no_smtp(struct kit *kit)
{
	static const char hello[] = "\x16\x03\x03\x00\x7a\x02";
	struct reply_counts before = talk_counts(kit);
	struct talk t = talk_open(kit, CLIENT);

	t.client_port++;
	t.next = 1000;
	talk_syn_ack(&t);
	talk_bytes(&t, hello, sizeof(hello) - 1);
	talk_say(&t, DENIED);
	kit_expect("relay-denied", talk_offences(kit, CLIENT, 0), 0);
	kit_expect("veiled", talk_counts(kit).veiled - before.veiled, 1);
	/* Not a mail port. */
	t.port = 8080;
	t.client_port++;
	talk_syn_ack(&t);
	talk_say(&t, BANNER DENIED);
	kit_expect("another port", talk_offences(kit, CLIENT, 0), 0);
}

static void test_families(struct kit *kit)
{
	struct talk t = talk_open(kit, CLIENT6);

	talk_say(&t, DENIED);
	kit_expect("IPv6", talk_offences(kit, CLIENT6, 0), 1);
	t = talk_open(kit, "64:ff9b::" CLIENT);
	talk_say(&t, DENIED);
	kit_expect("NAT64", talk_offences(kit, CLIENT, 0), 1);
	t = talk_open(kit, CLIENT);
	t.port = 587;
	t.client_port++;
	talk_syn_ack(&t);
	talk_say(&t, BANNER GUESS);
	kit_expect("submission", talk_offences(kit, CLIENT, OFFENCE_AUTH_FAILED), 1);
}

/* Nobody here holds the socket: the server's data proves the client. */
static void test_proves(struct kit *kit)
{
	struct talk t;
	struct proven p;

	kit_expect("proven before", talk_known(kit, CLIENT).since, 0);
	t = talk_open(kit, CLIENT);
	p = talk_known(kit, CLIENT);
	kit_expect("completed", p.completed, 1);
	if (!p.mail)
		kit_fail("it is not known as a client of the mail port");
	talk_say(&t, FINE);
	kit_expect("completed afterwards", talk_known(kit, CLIENT).completed, 1);
	kit_pass_time(kit, 10 * SECOND);
	talk_open(kit, CLIENT);
	kit_expect("completed by a second one", talk_known(kit, CLIENT).completed, 2);
	{
		struct talk many[3];

		/* At once: each is answered before the first of them gets its greeting. */
		for (uint16_t i = 0; i < 3; i++) {
			many[i] = (struct talk){.kit = kit, .client = CLIENT, .port = 25};
			many[i].client_port = 50000 + i;
			many[i].next = 1000;
			talk_syn_ack(&many[i]);
		}
		for (int i = 0; i < 3; i++)
			talk_say(&many[i], BANNER);
		kit_expect("completed by three at once", talk_known(kit, CLIENT).completed, 5);
	}
	/* The sockets' program has seen this one. */
	kit_proven(kit, CLIENT6, 1);
	kit_busy(kit, CLIENT6, 1, kit_now(kit) + SECOND);
	talk_open(kit, CLIENT6);
	kit_expect("sessions", (uint64_t)talk_known(kit, CLIENT6).sessions, 1);
}

static void test_mail(struct kit *kit)
{
	struct reply_counts before = talk_counts(kit);
	struct talk t = talk_open(kit, CLIENT);

	talk_say(&t, "354 End data with <CR><LF>.<CR><LF>\r\n");
	kit_expect("before its end", talk_known(kit, CLIENT).fresh_mail, 0);
	talk_say(&t, "250 2.0.0 Ok: queued as 4F2A\r\n");
	kit_expect("a message", talk_known(kit, CLIENT).fresh_mail, 1);
	talk_say(&t, "354 go\r\n550 5.7.1 message content rejected\r\n");
	talk_say(&t, "250 2.0.0 Ok: 86 bytes\r\n250 2.0.0 Ok: queued as 5A\r\n");
	kit_expect("by BDAT", talk_known(kit, CLIENT).fresh_mail, 2);
	kit_expect("counted", talk_counts(kit).mail - before.mail, 2);
}

/* More connections than the map of openings has room for, on each of which the server takes its time to greet. */
static void test_full_map(struct kit *kit)
{
	enum { LATE = 300 };
	static struct talk talk[LATE];
	static char client[LATE][64];
	uint64_t before = talk_counts(kit).lost;

	for (unsigned int i = 0; i < 3 * OPENINGS_MAX; i++) {
		struct talk *t = &talk[i % LATE];

		if (i >= LATE)
			talk_say(t, BANNER);
		snprintf(client[i % LATE], sizeof(client[0]), "198.51.100.%u", 1 + i % 200);
		*t = (struct talk){.kit = kit,
				   .client = client[i % LATE],
				   .port = 25,
				   .client_port = (uint16_t)(1024 + i / 200),
				   .next = 77};
		talk_syn_ack(t);
	}
	kit_expect("sessions lost sight of", talk_counts(kit).lost - before, 0);
}

static const struct kit_test tests[] = {
	{"line", test_line},
	{"many", test_many},
	{"lines-of-one-reply", test_lines_of_one_reply},
	{"cut", test_cut},
	{"sent-again", test_sent_again},
	{"gap", test_gap},
	{"echo", test_echo},
	{"starttls", test_starttls},
	{"no-smtp", test_no_smtp},
	{"families", test_families},
	{"proves", test_proves},
	{"mail", test_mail},
	{"full-map", test_full_map},
};

KIT_MAIN("replies", tests)
