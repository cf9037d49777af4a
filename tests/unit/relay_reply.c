// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a mail server sends, read within bounds: replies of every shape, garbage, binary, too much of it, in
 * pieces, too slowly, cut off.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "relay/relay.h"

/* --- byte by byte ----------------------------------------------------------------------------- */

static enum smtp_step feed(struct smtp_reply *r, const char *text, size_t size, size_t *used)
{
	enum smtp_step step = SMTP_MORE;
	size_t i = 0;

	smtp_reply_begin(r);
	while (i < size && step == SMTP_MORE)
		step = smtp_reply_byte(r, (unsigned char)text[i++]);
	if (used)
		*used = i;
	return step;
}

static void replies_are_read(void **state)
{
	static const struct {
		const char *text;
		enum smtp_step step;
		int code;
		const char *words;
	} table[] = {
		{"220 mx.example ESMTP\r\n", SMTP_COMPLETE, 220, "220 mx.example ESMTP"},
		{"220 mx.example ESMTP\n", SMTP_COMPLETE, 220, "220 mx.example ESMTP"},
		{"550-relay not permitted,\r\n550 authenticate first\r\n", SMTP_COMPLETE, 550,
		 "550 relay not permitted, authenticate first"},
		{"550-5.7.1 no\r\n550\r\n", SMTP_COMPLETE, 550, "550 5.7.1 no"},
		{"513\r\n", SMTP_COMPLETE, 513, "513"},
		{"250 \r\n", SMTP_COMPLETE, 250, "250"},
		/* the code of the last line counts */
		{"250-one\r\n550 two\r\n", SMTP_COMPLETE, 550, "250 one two"},
		/* what could harm a terminal or a reader of JSON */
		{"250 a\033[31mb\a\"\xc3\xa4\r\n", SMTP_COMPLETE, 250, "250 a?[31mb?'?"},
		{"250 a\rb\r\n", SMTP_COMPLETE, 250, "250 ab"},
		{"250-a\r\n", SMTP_MORE, 0, "250 a"},
		{"25", SMTP_MORE, 0, "25"},
		{"", SMTP_MORE, 0, ""},
		/* no SMTP */
		{"SSH-2.0-OpenSSH_9.2\r\n", SMTP_BROKEN, 0, "S"},
		{"* OK IMAP4rev1\r\n", SMTP_BROKEN, 0, "*"},
		{"+OK POP3\r\n", SMTP_BROKEN, 0, "+"},
		{"HTTP/1.1 400 Bad Request\r\n", SMTP_BROKEN, 0, "H"},
		{"\r\n220 late\r\n", SMTP_BROKEN, 0, ""},
		{"22\r\n", SMTP_BROKEN, 0, "22"},
		{"2200 x\r\n", SMTP_BROKEN, 0, "2200"},
		{"220x\r\n", SMTP_BROKEN, 0, "220x"},
		{"120 x\r\n", SMTP_BROKEN, 0, "1"},
		{"620 x\r\n", SMTP_BROKEN, 0, "6"},
		{"250-a\r\nb\r\n", SMTP_BROKEN, 0, "250 a"},
		{"\x16\x03\x01", SMTP_BROKEN, 0, "?"},
	};
	struct smtp_reply r;
	char words[SMTP_WORDS];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(feed(&r, table[i].text, strlen(table[i].text), NULL),
				 table[i].step);
		assert_int_equal(r.code, table[i].code);
		assert_string_equal(smtp_words(&r, words, sizeof(words)), table[i].words);
	}
}

static void nul_is_a_byte_like_others(void **state)
{
	static const char text[] = "250 a\0b\r\n";
	struct smtp_reply r;
	char words[SMTP_WORDS];

	(void)state;
	assert_int_equal(feed(&r, text, sizeof(text) - 1, NULL), SMTP_COMPLETE);
	assert_string_equal(smtp_words(&r, words, sizeof(words)), "250 a?b");
}

/* A line of 4096 bytes is one too long; a reply has 100 lines at most; what is kept has an end. */
static void too_much_is_broken(void **state)
{
	static char big[SMTP_LINES * (SMTP_LINE + 2)];
	struct smtp_reply r;
	char words[SMTP_WORDS];
	size_t used, size = 0;

	(void)state;
	memset(big, 'x', sizeof(big));
	memcpy(big, "250 ", 4);
	assert_int_equal(feed(&r, big, sizeof(big), &used), SMTP_BROKEN);
	assert_int_equal(used, SMTP_LINE);
	memcpy(big + SMTP_LINE - 1, "\r\n", 2);
	assert_int_equal(feed(&r, big, sizeof(big), &used), SMTP_COMPLETE);
	assert_int_equal(used, SMTP_LINE + 1);

	for (int i = 0; i < SMTP_LINES; i++, size += 7)
		memcpy(big + size, "250-x\r\n", 7);
	assert_int_equal(feed(&r, big, size, NULL), SMTP_BROKEN);
	big[size - 4] = ' ';
	assert_int_equal(feed(&r, big, size, NULL), SMTP_COMPLETE);
	assert_int_equal(r.lines, SMTP_LINES);

	/* The code counts, even of a line that there was no room for. */
	for (size = 0; size < 10 * 4000; size += 4000) {
		memset(big + size, 'y', 4000);
		memcpy(big + size, "250-", 4);
		big[size + 3999] = '\n';
	}
	memcpy(big + size, "550 z\n", 6);
	assert_int_equal(feed(&r, big, size + 6, NULL), SMTP_COMPLETE);
	assert_int_equal(r.code, 550);
	assert_int_equal(r.size, SMTP_TEXT);
	assert_int_equal(strlen(smtp_words(&r, words, sizeof(words))), SMTP_WORDS - 1);
}

static void names_and_offers(void **state)
{
	static const struct {
		const char *text, *name;
	} name[] = {
		{"220 mail.example ESMTP Postfix\r\n", "mail.example"},
		{"220-mail.example ESMTP\r\n220 no spam\r\n", "mail.example"},
		{"220 mail.example\r\n", "mail.example"},
		{"220 ESMTP\r\n", NULL},
		{"220\r\n", NULL},
		{"220 [192.0.2.25] hello\r\n", NULL},
		{"220 192.0.2.25 hello\r\n", NULL},
		{"220 mail.example>,<x@y hello\r\n", NULL},
		{"220 .example. x\r\n", NULL},
		{"220 ***************0**220\r\n", NULL},
	};
	struct smtp_reply r;
	char found[SMTP_NAME];

	(void)state;
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		assert_int_equal(feed(&r, name[i].text, strlen(name[i].text), NULL), SMTP_COMPLETE);
		assert_int_equal(smtp_reply_name(&r, found), name[i].name != NULL);
		if (name[i].name)
			assert_string_equal(found, name[i].name);
	}
	static const char ehlo[] = "250-STARTTLS.example at your service\r\n250-starttls\r\n"
				   "250-AUTH=LOGIN PLAIN\r\n250-SIZES 5\r\n250 PIPELINING\r\n";
	feed(&r, ehlo, sizeof(ehlo) - 1, NULL);
	assert_true(smtp_reply_offers(&r, "STARTTLS"));
	assert_true(smtp_reply_offers(&r, "PIPELINING"));
	assert_true(smtp_reply_offers(&r, "AUTH"));
	assert_false(smtp_reply_offers(&r, "SIZE"));
	assert_false(smtp_reply_offers(&r, "CHUNKING"));
	feed(&r, "250 STARTTLS\r\n", 14, NULL);
	assert_false(smtp_reply_offers(&r, "STARTTLS"));
}

/* --- over a socket ---------------------------------------------------------------------------- */

struct wire {
	struct smtp *smtp;
	int far;
	pthread_t thread;
	volatile int stop;
	const char *drip;
};

static void open_wire(struct wire *w, unsigned int timeout_ms)
{
	int fd[2];

	memset(w, 0, sizeof(*w));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	w->far = fd[1];
	assert_int_equal(smtp_adopt(fd[0], timeout_ms, &w->smtp, NULL), 0);
}

static void close_wire(struct wire *w)
{
	smtp_close(w->smtp);
	if (w->far >= 0)
		close(w->far);
}

static void put(struct wire *w, const void *data, size_t size)
{
	assert_int_equal(write(w->far, data, size), size);
}

static void several_replies_in_one_piece(void **state)
{
	struct smtp_reply r;
	struct wire w;

	(void)state;
	open_wire(&w, 10000);
	put(&w, "220 a.example\r\n250-b\r\n250 c\r\n550 d\r\n", 37);
	assert_int_equal(smtp_read(w.smtp, &r), 0);
	assert_int_equal(r.code, 220);
	assert_int_equal(smtp_read(w.smtp, &r), 0);
	assert_int_equal(r.lines, 2);
	assert_int_equal(smtp_read(w.smtp, &r), 0);
	assert_int_equal(r.code, 550);
	close_wire(&w);
}

static void an_end_in_the_middle(void **state)
{
	static const char *const cut[] = {"", "2", "220", "220 a", "250-a\r\n", "250-a\r\n2"};
	struct smtp_reply r;
	struct wire w;

	(void)state;
	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		open_wire(&w, 10000);
		put(&w, cut[i], strlen(cut[i]));
		close(w.far);
		w.far = -1;
		assert_int_equal(smtp_read(w.smtp, &r), -ECONNRESET);
		close_wire(&w);
	}
}

static void garbage_ends_at_once(void **state)
{
	unsigned char bytes[512];
	struct smtp_reply r;
	struct wire w;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 37 + 128);
	open_wire(&w, 10000);
	put(&w, bytes, sizeof(bytes));
	assert_int_equal(smtp_read(w.smtp, &r), -EPROTO);
	close_wire(&w);
}

static void silence_has_an_end(void **state)
{
	struct smtp_reply r;
	struct wire w;

	(void)state;
	open_wire(&w, 50);
	assert_int_equal(smtp_read(w.smtp, &r), -ETIMEDOUT);
	close_wire(&w);
	/* Also where there is always something to be read. */
	open_wire(&w, 0);
	put(&w, "250-a\r\n", 7);
	assert_int_equal(smtp_read(w.smtp, &r), -ETIMEDOUT);
	assert_int_equal(r.size, 0);
	close_wire(&w);
}

/* Sends until it is told to stop, a little at a time. */
static void *drip(void *context)
{
	struct wire *w = context;

	while (!w->stop && send(w->far, w->drip, strlen(w->drip), MSG_NOSIGNAL) > 0)
		usleep(5000);
	return NULL;
}

/* One limit for all of a reply: each byte is quick enough, and so is each line. */
static void slowness_has_an_end(void **state)
{
	static const char *const what[] = {"2", "250-x\r\n"};
	struct smtp_reply r;
	struct wire w;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		open_wire(&w, 150);
		w.drip = what[i];
		if (!i)
			put(&w, "250 ", 4);
		assert_int_equal(pthread_create(&w.thread, NULL, drip, &w), 0);
		assert_int_equal(smtp_read(w.smtp, &r), -ETIMEDOUT);
		w.stop = 1;
		pthread_join(w.thread, NULL);
		close_wire(&w);
	}
}

static void commands_have_an_end(void **state)
{
	static char much[4 << 20];
	struct smtp_reply r;
	char got[64] = "";
	struct wire w;

	(void)state;
	open_wire(&w, 10000);
	assert_int_equal(smtp_say(w.smtp, "MAIL FROM:<%s>", "a@b.example"), 0);
	assert_int_equal(read(w.far, got, sizeof(got) - 1), 25);
	assert_string_equal(got, "MAIL FROM:<a@b.example>\r\n");
	put(&w, "250 ok\r\n", 8);
	assert_int_equal(smtp_reply_to(w.smtp, 0, &r), 0);
	assert_int_equal(r.code, 250);
	/* Nobody asked. */
	put(&w, "250 ok\r\n", 8);
	assert_int_equal(smtp_ask(w.smtp, &r, "RSET"), -EPROTO);
	assert_int_equal(recv(w.far, got, sizeof(got), MSG_DONTWAIT), -1);
	close_wire(&w);
	/* Nobody reads. */
	open_wire(&w, 50);
	assert_int_equal(smtp_write(w.smtp, much, sizeof(much)), -ETIMEDOUT);
	close_wire(&w);
	/* Nobody is there: no signal either. */
	open_wire(&w, 10000);
	close(w.far);
	w.far = -1;
	assert_int_equal(smtp_say(w.smtp, "NOOP"), -ECONNRESET);
	close_wire(&w);
}

/* It said why before it closed: that is read, although the command could not be written. */
static void last_words_are_read(void **state)
{
	struct smtp_reply r;
	struct wire w;

	(void)state;
	open_wire(&w, 10000);
	put(&w, "421 4.7.0 too many errors\r\n", 27);
	close(w.far);
	w.far = -1;
	assert_int_equal(smtp_ask(w.smtp, &r, "RSET"), 0);
	assert_int_equal(r.code, 421);
	close_wire(&w);
}

static void tls_wants_a_clean_start(void **state)
{
	struct smtp_reply r;
	struct error why;
	struct wire w;

	(void)state;
	/* An answer that came before the handshake would be taken for one behind it. */
	open_wire(&w, 10000);
	assert_int_equal(smtp_say(w.smtp, "STARTTLS"), 0);
	put(&w, "220 go\r\n250 forged\r\n", 20);
	assert_int_equal(smtp_read(w.smtp, &r), 0);
	assert_int_equal(smtp_tls(w.smtp, NULL, &why), -EPROTO);
	assert_non_null(strstr(why.text, "in the clear"));
	close_wire(&w);
	open_wire(&w, 10000);
	put(&w, "no handshake this, but enough bytes to be a record", 50);
	assert_int_equal(smtp_tls(w.smtp, NULL, &why), -EPROTO);
	close_wire(&w);
	open_wire(&w, 50);
	assert_int_equal(smtp_tls(w.smtp, NULL, &why), -ETIMEDOUT);
	close_wire(&w);
	open_wire(&w, 10000);
	shutdown(w.far, SHUT_WR);
	assert_int_equal(smtp_tls(w.smtp, NULL, &why), -ECONNRESET);
	close_wire(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_read),
		cmocka_unit_test(nul_is_a_byte_like_others),
		cmocka_unit_test(too_much_is_broken),
		cmocka_unit_test(names_and_offers),
		cmocka_unit_test(several_replies_in_one_piece),
		cmocka_unit_test(an_end_in_the_middle),
		cmocka_unit_test(garbage_ends_at_once),
		cmocka_unit_test(silence_has_an_end),
		cmocka_unit_test(slowness_has_an_end),
		cmocka_unit_test(commands_have_an_end),
		cmocka_unit_test(last_words_are_read),
		cmocka_unit_test(tls_wants_a_clean_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
