// SPDX-License-Identifier: GPL-2.0-only
/*
 * A refused connection's SMTP: a table of what clients say, and what they hear. Every one is said in one
 * piece and byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <user/refuse/refuse.h>

#define NO     "554 5.7.1 no\r\n"
#define LATER  "421 4.7.0 later\r\n"
#define NAME   "[192.0.2.25]"
#define HELLO  "220 " NAME " ESMTP\r\n"
#define ME     "250-" NAME "\r\n250 STARTTLS\r\n"
#define ME_OLD "250 " NAME "\r\n" /* to HELO */
#define OK     "250 2.0.0 Ok\r\n"
#define NOTNOW "503 5.5.1 No mail is taken from you, see the first reply\r\n"
#define BYE    "221 2.0.0 Bye\r\n"
#define MUCH   "421 4.7.0 Too many commands, closing\r\n"

struct talk {
	char heard[4096];
	struct dialogue d;
	size_t taken;
};

static void run(enum refuse_at at, const char *reply, const char *data, size_t size, size_t piece,
		struct talk *o)
{
	char out[DIALOGUE_OUT];
	size_t n = dialogue_begin(&o->d, at, NAME, reply, out), used = 0, taken;

	o->taken = 0;
	for (;;) {
		assert_true(n < DIALOGUE_OUT && used + n < sizeof(o->heard));
		memcpy(o->heard + used, out, n);
		used += n;
		if (o->taken == size || o->d.over)
			break;
		n = dialogue_take(&o->d, data + o->taken,
				  size - o->taken < piece ? size - o->taken : piece, &taken, out);
		assert_true(taken > 0 || n);
		o->taken += taken;
	}
	o->heard[used] = '\0';
}

static const struct {
	const char *said, *heard;
	enum refuse_at at;
	const char *reply;
	bool told, over, quit;
	uint32_t lines;
} table[] = {
	{"", NO, REFUSE_AT_GREETING, NO, true, false, false, 0},
	{"QUIT\r\n", NO BYE, REFUSE_AT_GREETING, NO, true, true, true, 1},
	{"quit\n", NO BYE, REFUSE_AT_GREETING, NO, true, true, true, 1},
	{"QuIt now\r\n", NO BYE, REFUSE_AT_GREETING, NO, true, true, true, 1},
	{"QUIT\tnow\r\n", NO BYE, REFUSE_AT_GREETING, NO, true, true, true, 1},
	{"QUIT", NO, REFUSE_AT_GREETING, NO, true, false, false, 0},
	{"QUITE\r\n", NO NOTNOW, REFUSE_AT_GREETING, NO, true, false, false, 1},
	{"QUI\r\nT\r\n", NO NOTNOW NOTNOW, REFUSE_AT_GREETING, NO, true, false, false, 2},
	{" QUIT\r\n", NO NOTNOW, REFUSE_AT_GREETING, NO, true, false, false, 1},
	{"QUITQUITQUIT\r\n", NO NOTNOW, REFUSE_AT_GREETING, NO, true, false, false, 1},
	{"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\nQUIT\r\nEHLO\r\n",
	 NO NOTNOW NOTNOW NOTNOW NOTNOW BYE, REFUSE_AT_GREETING, NO, true, true, true, 5},
	{"\r\n\n\r\r\n", NO NOTNOW NOTNOW NOTNOW, REFUSE_AT_GREETING, NO, true, false, false, 3},
	{"", LATER, REFUSE_AT_GREETING, LATER, true, true, false, 0},
	{"QUIT\r\n", LATER, REFUSE_AT_GREETING, LATER, true, true, false, 0},
	{"", HELLO, REFUSE_AT_MAIL, NO, false, false, false, 0},
	{"QUIT\r\n", HELLO BYE, REFUSE_AT_MAIL, NO, false, true, true, 1},
	{"ehlo a\r\nHELO b\r\nNOOP\r\nRSET\r\n", HELLO ME ME_OLD OK OK, REFUSE_AT_MAIL, NO, false,
	 false, false, 4},
	{"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\nQUIT\r\n", HELLO ME NO NO NO BYE,
	 REFUSE_AT_MAIL, NO, true, true, true, 5},
	{"EHLO a\r\nSTARTTLS\r\n", HELLO ME NO, REFUSE_AT_MAIL, NO, true, false, false, 2},
	{"\r\n", HELLO NO, REFUSE_AT_MAIL, NO, true, false, false, 1},
	{"GET / HTTP/1.1\r\n", HELLO NO, REFUSE_AT_MAIL, NO, true, false, false, 1},
	{"EHLO a\r\nMAIL FROM:<>\r\nQUIT\r\n", LATER, REFUSE_AT_MAIL, LATER, true, true, false, 0},
	{"a\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\nb\nc\n",
	 NO NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW
		 NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW MUCH,
	 REFUSE_AT_GREETING, NO, true, true, false, 21},
	{"a\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\nquit\n",
	 NO NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW
		 NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW NOTNOW BYE,
	 REFUSE_AT_GREETING, NO, true, true, true, 21},
};

static void test_table(void **state)
{
	struct talk o;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t size = strlen(table[i].said);

		for (size_t piece = 1; piece <= 100; piece += 99) {
			run(table[i].at, table[i].reply, table[i].said, size, piece, &o);
			if (strcmp(o.heard, table[i].heard) != 0)
				fail_msg("\"%s\": got \"%s\", want \"%s\"", table[i].said, o.heard,
					 table[i].heard);
			if (o.d.told != table[i].told || o.d.over != table[i].over ||
			    o.d.quit != table[i].quit || o.d.lines != table[i].lines)
				fail_msg("\"%s\": got told %d over %d quit %d lines %u",
					 table[i].said, o.d.told, o.d.over, o.d.quit, o.d.lines);
		}
	}
}

static void test_endless_line(void **state)
{
	static char data[2 * DIALOGUE_BYTES];
	struct talk o;

	(void)state;
	memset(data, 0, sizeof(data));
	run(REFUSE_AT_GREETING, NO, data, sizeof(data), 1000, &o);
	assert_string_equal(o.heard, NO "421 4.7.0 Too much data, closing\r\n");
	assert_true(o.d.over && !o.d.lines && o.d.bytes == DIALOGUE_BYTES + 1);
}

/* Once all was said, whatever comes is taken, and nobody answers. */
static void test_over(void **state)
{
	char out[DIALOGUE_OUT];
	struct dialogue d;
	size_t taken;

	(void)state;
	dialogue_begin(&d, REFUSE_AT_GREETING, NAME, LATER, out);
	assert_int_equal(dialogue_take(&d, "QUIT\r\n", 6, &taken, out), 0);
	assert_int_equal(taken, 6);
	assert_int_equal(d.lines, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_endless_line),
		cmocka_unit_test(test_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
