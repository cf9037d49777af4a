// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replies in pieces: cut anywhere, with bytes missing, with codes only; lines that are none; the
 * automaton itself.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <smtpwall/phrases.h>
#include <cmocka.h>
#include "reply_feed.h"

#define DENIED "554 5.7.1 <a@b>: Relay access denied\r\n"

static void expect(const char *text, const char *events)
{
	struct reply r;

	assert_string_equal(feed(&r, text), events);
}

static void cuts(void **state)
{
	static const char session[] =
		"250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n250 2.1.0 Ok\r\n" DENIED DENIED
		"554 5.5.1 Error: no valid recipients\r\n"
		"535 5.7.8 Error: authentication failed: x\r\n235 2.7.0 ok\r\n354 go\r\n250 ok\r\n"
		"550-5.1.1 <x>\r\n550-User\r\n550 unknown\r\n502 5.5.2 Error: command not recognized\r\n"
		"250 2.0.0 Ok: queued as 1\r\n421 4.7.0 mx Error: too many errors\r\n"
		"220 2.0.0 Ready\r\n\x16\x03\x01 235 ok\r\n";
	static const char events[] =
		"done done relay-denied relay-denied done auth-failed login done mail "
		"unknown-user protocol-error mail protocol-error veil";
	struct reply r;
	char words[1000];

	(void)state;
	expect(session, events);
	for (size_t cut = 0; cut < sizeof(session); cut++) {
		struct reply kept;

		feed(&r, "");
		words[0] = 0;
		feed_bytes(&r, session, cut, false, words, sizeof(words));
		kept = r;
		feed_bytes(&kept, session + cut, sizeof(session) - 1 - cut, false, words,
			   sizeof(words));
		assert_string_equal(words, events);
	}
}

/* What is shown as evidence. */
static void text(void **state)
{
	struct reply r;
	char longest[400];

	(void)state;
	assert_string_equal(feed(&r, "554-first\r\n" DENIED), "relay-denied");
	assert_int_equal(r.held, sizeof(DENIED) - 3);
	assert_memory_equal(r.line, DENIED, r.held);

	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "554 5.7.1 Relay access denied ", 30);
	memcpy(longest + sizeof(longest) - 3, "\r\n", 3);
	assert_string_equal(feed(&r, longest), "relay-denied");
	assert_int_equal(r.held, REPLY_LINE);
	assert_memory_equal(r.line, longest, REPLY_LINE);
	/* nothing of a line is lost for being long */
	memcpy(longest + sizeof(longest) - 30, " relay not permitted", 20);
	memcpy(longest + 10, "yyyyyyyyyyyyyyyyyyyy", 20);
	assert_string_equal(feed(&r, longest), "relay-denied");
}

/* Feeds a part, loses bytes, feeds the rest. */
static const char *across_gap(const char *part, const char *rest)
{
	static char words[1000];
	struct reply r;

	feed(&r, "");
	words[0] = 0;
	feed_bytes(&r, part, strlen(part), false, words, sizeof(words));
	reply_resume(&r);
	feed_bytes(&r, rest, strlen(rest), false, words, sizeof(words));
	return words;
}

static void gaps(void **state)
{
	(void)state;
	/* the rest of a line is no line, whatever it looks like */
	assert_string_equal(across_gap("", "235 ok\r\n"), "");
	assert_string_equal(across_gap("250 o", "235 ok\r\n"), "");
	assert_string_equal(across_gap("", "220 \x16\x03\r\n250 ok\r\n"), "done");
	assert_string_equal(across_gap("", "\x16\x03\r\n250 ok\r\n"), "done");
	assert_string_equal(across_gap("250-2.6.0 x\r\n", "queued mail for delivery\r\n250 ok\r\n"),
			    "done");
	/* the first reply may have begun in the gap: it may follow from another, or say why */
	assert_string_equal(across_gap("", "\r\n" DENIED DENIED), "done relay-denied");
	assert_string_equal(across_gap("503-", "\r\n554-x\r\n" DENIED DENIED), "done relay-denied");
	/* its code counts */
	assert_string_equal(across_gap("", "x\r\n235 ok\r\n235 ok\r\n"), "login login");
	/* a 354 in front of the gap says nothing about what is behind */
	assert_string_equal(across_gap("354 go\r\n", "x\r\n250 ok\r\n250 ok\r\n"),
			    "done done done");
	/* phrases in front of the gap neither */
	assert_string_equal(across_gap("250-2.0.0 Ok: queued as 1\r\n", "x\r\n250 ok\r\n"), "done");
	assert_string_equal(across_gap("250-2.0.0 Ok: queued as 1", "x\r\n250 ok\r\n"), "done");
	assert_string_equal(across_gap("554-relay not permitted\r\n", "x\r\n554 x\r\n554 y\r\n"),
			    "done done");
}

/* Codes only, behind `read`. */
static const char *by_code(const char *read, const char *rest)
{
	static char words[1000];
	struct reply r;

	feed(&r, "");
	words[0] = 0;
	feed_bytes(&r, read, strlen(read), false, words, sizeof(words));
	feed_bytes(&r, rest, strlen(rest), true, words, sizeof(words));
	return words;
}

static void codes(void **state)
{
	(void)state;
	assert_string_equal(by_code("", DENIED), "done");
	assert_string_equal(by_code(DENIED, DENIED "454 4.7.1 x\r\n554-a\r\n554 b\r\n"),
			    "relay-denied relay-denied done relay-denied");
	assert_string_equal(by_code("550 5.1.1 x\r\n", "550 x\r\n553 x\r\n"),
			    "unknown-user unknown-user done");
	assert_string_equal(by_code("", "535 x\r\n500 x\r\n235 ok\r\n354 x\r\n250 x\r\n250 x\r\n"),
			    "auth-failed protocol-error login done mail done");
	/* a command that is none does not change what 554 means */
	assert_string_equal(by_code(DENIED, "500 x\r\n554 x\r\n"),
			    "relay-denied protocol-error relay-denied");
	/* 503 also follows from refusals */
	assert_string_equal(by_code("503 requires authentication when attempting to send to a "
				    "non-local\r\n",
				    "503 x\r\n"),
			    "relay-denied done");
	/* a part is enough */
	assert_string_equal(by_code("554 5.7.1 Relay acc", "ess denied\r\n"), "done");
	assert_string_equal(by_code(DENIED "554-no valid recipients\r\n", "554 x\r\n"),
			    "relay-denied relay-denied");
	assert_string_equal(by_code("", "220 x\r\n235 x\r\n"), "veil");
	assert_string_equal(by_code("", "\x16\x03"), "veil");
}

/* Whole replies are read again behind it. */
static void read_again(void **state)
{
	char words[1000] = "";
	struct reply r;

	(void)state;
	feed(&r, "");
	feed_bytes(&r, "554 5.7", 7, true, words, sizeof(words));
	feed_bytes(&r, ".1 x\r\n" DENIED, strlen(".1 x\r\n" DENIED), false, words, sizeof(words));
	assert_string_equal(words, "done relay-denied");
	assert_int_equal(r.by_code, 0);
}

/* From the first byte of the session on. */
static void expect_first(const char *text, const char *events)
{
	char words[200] = "";
	struct reply r = {0};

	feed_bytes(&r, text, strlen(text), false, words, sizeof(words));
	assert_string_equal(words, events);
}

static void no_smtp(void **state)
{
	static const char *const first[] = {
		"\x16\x03\x03", "SSH-2.0-x\r\n", "+OK\r\n", "\n",   "22\n",
		"\x80\x80",	" 220 x\r\n",	 "2a",	    "220x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		expect_first(first[i], "veil");
	expect("\x16\x03", "veil");
	expect("25\x01", "veil");
	expect("250\x80\r\n\x80\r\n250 x\r\n", "done");
	expect("250 \x01\x80\r\n", "done");
}

static void banners(void **state)
{
	(void)state;
	expect_first("220-wait\r\n220 mx\r\n220 tls\r\n", "done veil");
	expect_first("220 mx\r\n\x16\x03", "done veil");
	expect_first("220-mx\r\nwelcome\r\n\r\n220 mx\r\n250 x\r\n", "done done");
	expect_first("554 mx refuses\r\n221 bye\r\n", "done done");
	/* no fault of a client that has not said a word */
	expect_first("421 too many errors\r\n" DENIED, "done relay-denied");
	expect_first(DENIED DENIED, "done relay-denied");
}

/* Lines that are none of a reply: judged neither themselves nor with the reply they stand in. */
static void broken(void **state)
{
	(void)state;
	expect("\r\n25\r\nrelay not permitted\r\n2350 ok\r\n 235 ok\r\n235\tok\r\n" DENIED,
	       "relay-denied");
	expect("554-relay not permitted\r\noh, blocked\r\n554 x\r\n" DENIED, "done relay-denied");
	expect("554-x\r\nrelay not permitted\r\n554 x\r\n", "done");
	expect("250-2.6.0 x\r\nx queued mail for delivery\r\n250 x\r\n", "done");
	expect("554-relay not permitted\r\noh- blocked\r\n554 x\r\n" DENIED, "done relay-denied");
	expect("oh- blocked\r\n" DENIED, "relay-denied");
	expect("354 go\r\n\r\n250 ok\r\n", "done mail");
}

/* --- the automaton ---------------------------------------------------------------------------- */

static const struct {
	const char *text;
	uint32_t means;
} phrases[] = {
#define PHRASE(text, means) {text, means},
	REPLY_PHRASES(PHRASE)
#undef PHRASE
};
#define PHRASES (sizeof(phrases) / sizeof(phrases[0]))

/* What phrases.h promises, and bpf/reply.h relies on. */
static void phrases_are_safe(void **state)
{
	(void)state;
	for (size_t i = 0; i < PHRASES; i++) {
		const char *p = phrases[i].text;

		assert_true(*p == '\n' || strchr(p, ' '));
		assert_null(strpbrk(p + 1, "\r\n<>\""));
		/* else it might end in the next line's code */
		assert_false(isdigit((unsigned char)p[strlen(p) - 1]));
		for (; *p; p++)
			assert_int_equal(*p, tolower((unsigned char)*p));
	}
	for (size_t node = 0; node < REPLY_NODES; node++)
		for (size_t class = 0; class < REPLY_CLASSES; class ++)
			assert_true(reply_table.next[node][class] < REPLY_NODES);
}

/* Pieces of phrases in a row: as many are found as a plain search finds. */
static void finds_all(void **state)
{
	unsigned int seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint32_t found = 0, wanted = 0;
		unsigned int node = 0;
		char row[400];
		size_t used = 0;

		for (int piece = 0; piece < 4; piece++) {
			const char *p = phrases[(size_t)rand_r(&seed) % PHRASES].text;
			size_t size = strlen(p), from = 0;

			if (rand_r(&seed) % 2)
				from = (size_t)rand_r(&seed) % size;
			if (rand_r(&seed) % 2)
				size = from + (size_t)rand_r(&seed) % (size - from);
			memcpy(row + used, p + from, size - from);
			used += size - from;
		}
		row[used] = 0;
		for (size_t i = 0; i < PHRASES; i++)
			if (strstr(row, phrases[i].text))
				wanted |= phrases[i].means;
		for (size_t i = 0; i < used; i++) {
			node = reply_table.next[node][reply_table.class[(unsigned char)row[i]]];
			found |= reply_table.found[node];
		}
		assert_int_equal(found, wanted);
	}
}

static int build(void **state)
{
	(void)state;
	return phrases_build(&reply_table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts),
		cmocka_unit_test(text),
		cmocka_unit_test(gaps),
		cmocka_unit_test(codes),
		cmocka_unit_test(read_again),
		cmocka_unit_test(no_smtp),
		cmocka_unit_test(banners),
		cmocka_unit_test(broken),
		cmocka_unit_test(phrases_are_safe),
		cmocka_unit_test(finds_all),
	};

	return cmocka_run_group_tests(tests, build, NULL);
}
