// SPDX-License-Identifier: GPL-2.0-only
/*
 * The refusal listener as a process: clients of all sorts on real sockets, this test as its daemon.
 */
#include "refuse_kit.h"

static void test_polite(void **state)
{
	const int family[] = {AF_INET, AF_INET6};
	struct refuse_record setup = usual(), end;

	(void)state;
	NEED_NETWORK();
	start(&setup, NULL);
	for (int i = 0; i < 2; i++) {
		int fd = dial(family[i]);
		uint64_t id = answered(REPLY, false);

		want(fd, REPLY);
		put(fd, "EHLO client.example\r\n");
		want(fd, NOT_NOW);
		put(fd, "QUIT\r\n");
		want_last(fd, BYE);
		end = want_end(id, REFUSE_QUIT);
		assert_int_equal(end.end.lines, 2);
		assert_int_equal(end.end.tarpitted, 0);
	}
	stop();
}

/* The question names the connection as the kernel programs do. */
static void test_question(void **state)
{
	struct refuse_record setup = usual(), ask;
	struct sockaddr_in6 own;
	socklen_t size = sizeof(own);
	struct flow_key key;
	int fd;

	(void)state;
	NEED_NETWORK();
	start(&setup, NULL);
	memset(&key, 0, sizeof(key));
	fd = dial(AF_INET);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &size), 0);
	address_from_v4(&key.client, htonl(INADDR_LOOPBACK));
	key.server = key.client;
	key.client_port = ntohs(((struct sockaddr_in *)&own)->sin_port);
	key.server_port = kit.port;
	ask = heard_kind(REFUSE_ASK);
	assert_memory_equal(&ask.ask, &key, sizeof(key));
	close(fd);

	fd = dial(AF_INET6);
	size = sizeof(own);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &size), 0);
	memcpy(key.client.byte, &in6addr_loopback, ADDRESS_BYTES);
	key.server = key.client;
	key.client_port = ntohs(own.sin6_port);
	key.server_port = kit.port6;
	ask = heard_kind(REFUSE_ASK);
	assert_memory_equal(&ask.ask, &key, sizeof(key));
	close(fd);
	stop();
}

static void test_at_mail(void **state)
{
	struct refuse_record setup = usual();
	uint64_t id;
	int fd;

	(void)state;
	NEED_NETWORK();
	setup.setup.at = REFUSE_AT_MAIL;
	start(&setup, NULL);
	fd = dial(AF_INET6);
	id = answered(REPLY, false);
	want(fd, "220 [IPv6:::1] ESMTP\r\n");
	put(fd, "EHLO client.example\r\nMAIL FROM:<a@client.example>\r\n");
	want(fd, "250-[IPv6:::1]\r\n250 STARTTLS\r\n" REPLY);
	put(fd, "QUIT\r\n");
	want_last(fd, BYE);
	want_end(id, REFUSE_QUIT);

	/* It leaves before it has heard why. */
	fd = dial(AF_INET);
	id = answered(REPLY, false);
	want(fd, "220 [127.0.0.1] ESMTP\r\n");
	put(fd, "QUIT\r\n");
	want_last(fd, BYE);
	want_end(id, REFUSE_GAVE_UP);
	stop();
}

/* Nobody knows what it is to be told. */
static void test_no_word(void **state)
{
	struct refuse_record setup = usual(), late;
	uint64_t id;
	int fd;

	(void)state;
	NEED_NETWORK();
	start(&setup, NULL);
	fd = dial(AF_INET);
	id = answered(NULL, false);
	want_last(fd, "");
	want_end(id, REFUSE_NOT_OURS);

	setup.setup.ask_timeout_ms = 1;
	tell(&setup);
	fd = dial(AF_INET);
	id = heard_kind(REFUSE_ASK).id;
	want_last(fd, "421 4.3.0 Service temporarily unavailable\r\n");
	want_end(id, REFUSE_UNTOLD);

	/* Too late: nobody is there, or another client is by now. */
	late = answer_to(id, REPLY);
	tell(&late);
	setup.setup.ask_timeout_ms = PATIENCE;
	tell(&setup);
	fd = dial(AF_INET);
	id = heard_kind(REFUSE_ASK).id;
	tell(&late);
	late = answer_to(id, "554 5.7.1 another\r\n");
	tell(&late);
	want(fd, "554 5.7.1 another\r\n");
	close(fd);
	want_end(id, REFUSE_CLOSED);
	stop();
}

static void test_rates(void **state)
{
	struct refuse_record setup = usual();
	uint64_t id;
	int fd;

	(void)state;
	NEED_NETWORK();
	start(&setup, NULL);
	fd = dial(AF_INET);
	id = answered("421 4.7.0 Too many connections\r\n", false);
	want_last(fd, "421 4.7.0 Too many connections\r\n");
	want_end(id, REFUSE_CLOSED);
	stop();
}

/* --- clients that are not polite -------------------------------------------------------------- */

static void test_silent(void **state)
{
	struct refuse_record setup = usual(), end;
	uint64_t id;
	int fd;

	(void)state;
	NEED_NETWORK();
	setup.setup.timeout_ms = 300;
	start(&setup, NULL);
	fd = dial(AF_INET);
	id = answered(REPLY, false);
	want_last(fd, REPLY "421 4.4.2 Time is over, closing\r\n");
	end = want_end(id, REFUSE_TIMEOUT);
	assert_true(end.end.lasted_ms >= 300);
	assert_int_equal(end.end.lines, 0);
	stop();
}

/* It says much and reads nothing. Others are served meanwhile, and its time is over some day. */
static void test_slow_reader(void **state)
{
	struct refuse_record setup = usual(), end;
	char much[4096];
	int fd, other;
	uint64_t id, other_id;

	(void)state;
	NEED_NETWORK();
	memset(much, '\n', sizeof(much));
	setup.setup.timeout_ms = 1500;
	start(&setup, NULL);
	fd = dial_with(AF_INET, 1);
	id = answered(REPLY, false);
	assert_true(send(fd, much, sizeof(much), MSG_NOSIGNAL) > 0);
	other = dial(AF_INET);
	other_id = answered(REPLY, false);
	want(other, REPLY);
	put(other, "QUIT\r\n");
	want_last(other, BYE);
	want_end(other_id, REFUSE_QUIT);
	end = heard_kind(REFUSE_END);
	assert_int_equal(end.id, id);
	assert_int_equal(end.end.end, REFUSE_TIMEOUT);
	assert_true(end.end.lasted_ms >= 1500);
	assert_true(end.end.lines <= DIALOGUE_LINES + 1);
	close(fd);
	stop();
}

/* What it is told is more than fits on the way, and it comes for it late. */
static void test_late_reader(void **state)
{
	struct refuse_record setup = usual();
	char reply[REFUSE_REPLY], all[DIALOGUE_LINES * REFUSE_REPLY] = "";
	const struct timespec pause = {.tv_nsec = 2000000};
	int fd, waiting = 0;
	uint64_t id;

	(void)state;
	NEED_NETWORK();
	snprintf(reply, sizeof(reply), "554 5.7.1 %0*d\r\n", REFUSE_REPLY - 13, 0);
	setup.setup.at = REFUSE_AT_MAIL;
	start(&setup, NULL);
	pinged(1); /* by now its sockets have little room */
	fd = dial_with(AF_INET, 1);
	id = answered(reply, false);
	want(fd, "220 [127.0.0.1] ESMTP\r\n");
	put(fd, "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n");
	for (int i = 0; i < PATIENCE / 2 && waiting < 700; i++, nanosleep(&pause, NULL))
		assert_int_equal(ioctl(fd, FIONREAD, &waiting), 0);
	assert_true(waiting >= 700);
	get(fd, all, (size_t)DIALOGUE_LINES * (REFUSE_REPLY - 1));
	for (int i = 0; i < DIALOGUE_LINES; i++)
		assert_memory_equal(all + (size_t)i * (REFUSE_REPLY - 1), reply, REFUSE_REPLY - 1);
	put(fd, "QUIT\r\n");
	want_last(fd, BYE);
	want_end(id, REFUSE_QUIT);
	stop();
}

static void test_byte_by_byte(void **state)
{
	static const char said[] = "EHLO client.example\r\nQuit\r\n";
	struct refuse_record setup = usual();
	uint64_t id;
	int fd;

	(void)state;
	NEED_NETWORK();
	start(&setup, NULL);
	fd = dial(AF_INET);
	id = answered(REPLY, false);
	want(fd, REPLY);
	for (const char *c = said; *c; c++)
		assert_int_equal(send(fd, c, 1, MSG_NOSIGNAL), 1);
	want_last(fd, NOT_NOW BYE);
	want_end(id, REFUSE_QUIT);
	stop();
}

/* Everything at once, before it was greeted. A reset would take the replies away. */
static void test_pipelined(void **state)
{
	struct refuse_record setup = usual();
	uint64_t id;
	int fd;

	(void)state;
	NEED_NETWORK();
	start(&setup, NULL);
	fd = dial(AF_INET);
	put(fd,
	    "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\nQUIT\r\nmore, unread\r\n");
	id = answered(REPLY, false);
	want_last(fd, REPLY NOT_NOW NOT_NOW NOT_NOW NOT_NOW BYE);
	want_end(id, REFUSE_QUIT);

	fd = dial(AF_INET);
	put(fd, "EHLO x\r\n");
	shutdown(fd, SHUT_WR);
	id = answered(REPLY, false);
	want_last(fd, REPLY NOT_NOW);
	want_end(id, REFUSE_CLOSED);
	stop();
}

static void test_garbage(void **state)
{
	struct refuse_record setup = usual(), end;
	char waste[24000], text[4096];
	uint64_t id;
	int fd;

	(void)state;
	NEED_NETWORK();
	srand(1);
	for (size_t i = 0; i < sizeof(waste); i++)
		waste[i] = (char)(rand() >> 7);
	start(&setup, NULL);
	for (int lines = 0; lines < 2; lines++) {
		for (size_t i = 0; i < sizeof(waste); i++)
			if (waste[i] == '\n' && !lines)
				waste[i] = 0;
			else if (i % 100 == 99 && lines)
				waste[i] = '\n';
		fd = dial(AF_INET);
		id = answered(REPLY, false);
		for (size_t sent = 0; sent < sizeof(waste);) {
			ssize_t n = send(fd, waste + sent, sizeof(waste) - sent, MSG_NOSIGNAL);

			assert_true(n > 0);
			sent += (size_t)n;
		}
		assert_int_equal(get(fd, text, sizeof(text) - 1), 0);
		assert_non_null(strstr(text, lines ? "\r\n421 4.7.0 Too many commands"
						   : "\r\n421 4.7.0 Too much data"));
		close(fd);
		end = want_end(id, REFUSE_CLOSED);
		assert_int_equal(end.end.lines, lines ? DIALOGUE_LINES + 1 : 0);
	}
	stop();
}

/* --- clients that go away --------------------------------------------------------------------- */

static void test_going_away(void **state)
{
	struct refuse_record setup = usual(), late;
	uint64_t id;
	int fd;

	(void)state;
	NEED_NETWORK();
	start(&setup, NULL);
	/* before it was told: by a reset, by a close */
	fd = dial(AF_INET);
	id = heard_kind(REFUSE_ASK).id;
	reset(fd);
	want_end(id, REFUSE_GAVE_UP);
	fd = dial(AF_INET);
	id = heard_kind(REFUSE_ASK).id;
	close(fd);
	late = answer_to(id, REPLY);
	tell(&late);
	want_end(id, REFUSE_GAVE_UP);
	/* after it: the same */
	for (int how = 0; how < 2; how++) {
		fd = dial(AF_INET);
		id = answered(REPLY, false);
		want(fd, REPLY);
		how ? reset(fd) : (void)close(fd);
		want_end(id, REFUSE_CLOSED);
	}
	stop();
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_polite),	     cmocka_unit_test(test_question),
	cmocka_unit_test(test_at_mail),	     cmocka_unit_test(test_no_word),
	cmocka_unit_test(test_rates),	     cmocka_unit_test(test_silent),
	cmocka_unit_test(test_slow_reader),  cmocka_unit_test(test_late_reader),
	cmocka_unit_test(test_byte_by_byte), cmocka_unit_test(test_pipelined),
	cmocka_unit_test(test_garbage),	     cmocka_unit_test(test_going_away),
};

int main(void)
{
	return cmocka_run_group_tests(tests, network, NULL);
}
