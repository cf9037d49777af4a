// SPDX-License-Identifier: GPL-2.0-only
/*
 * The refusal listener as a process: clients of all sorts on real sockets, this test as its daemon.
 */
#include "refuse_kit.h"

#define NOT_NOW "503 5.5.1 No mail is taken from you, see the first reply\r\n"
#define BYE	"221 2.0.0 Bye\r\n"

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
	want(fd, "250 [IPv6:::1]\r\n" REPLY);
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

static void reset(int fd)
{
	const struct linger none = {1, 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(fd);
}

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

/* --- many ------------------------------------------------------------------------------------- */

#define MANY 1200

static struct refuse_record pinged(uint64_t id)
{
	struct refuse_record r = record(REFUSE_PING);

	r.id = id;
	tell(&r);
	r = heard_kind(REFUSE_PING);
	assert_int_equal(r.id, id);
	return r;
}

static void test_limit(void **state)
{
	struct refuse_record setup = usual();
	static int fd[MANY];
	static uint64_t id[MANY];

	(void)state;
	NEED_NETWORK();
	start(&setup, NULL);
	for (int i = 0; i < MANY; i++)
		fd[i] = dial(AF_INET);
	for (int i = 0; i < 1000; i++)
		id[i] = answered(REPLY, false);
	/* The next record would be another question. */
	assert_int_equal(pinged(7).ping.clients, 1000);
	for (int i = 0; i < 1000; i++)
		want(fd[i], REPLY);
	close(fd[500]);
	want_end(id[500], REFUSE_CLOSED);
	answered(REPLY, false);
	want(fd[1000], REPLY);
	/* Fewer from now on: those that are there stay. */
	setup.setup.clients = 10;
	tell(&setup);
	close(fd[501]);
	want_end(id[501], REFUSE_CLOSED);
	assert_int_equal(pinged(8).ping.clients, 999);
	close(kit.pair);
	assert_int_equal(ended(), 0);
	for (int i = 0; i < MANY; i++)
		if (i != 500 && i != 501)
			close(fd[i]);
}

/* The daemon does not listen for a while: nothing is lost, and nothing said twice. */
static void test_deaf_daemon(void **state)
{
	struct refuse_record setup = usual(), r;
	static bool asked[65536], told[65536];
	static int fd[MANY];
	int asks = 0, ends = 0;

	(void)state;
	NEED_NETWORK();
	start(&setup, NULL);
	for (int i = 0; i < 900; i++)
		fd[i] = dial(AF_INET);
	for (int i = 0; i < 900; i++)
		reset(fd[i]);
	while (ends < 900) {
		r = heard();
		if (r.kind == REFUSE_ASK) {
			assert_false(asked[r.id & 0xffff] || told[r.id & 0xffff]);
			asked[r.id & 0xffff] = true;
			asks++;
		} else {
			assert_int_equal(r.kind, REFUSE_END);
			assert_int_equal(r.end.end, REFUSE_GAVE_UP);
			assert_false(told[r.id & 0xffff]);
			told[r.id & 0xffff] = true;
			ends++;
		}
	}
	assert_true(asks <= 900);
	assert_int_equal(pinged(1).ping.clients, 0);
	stop();
}

/* Fewer descriptors than it was promised. */
static int few_files(struct error *why)
{
	const struct rlimit files = {64, 64};

	(void)why;
	while (dup(0) < 44)
		;
	return setrlimit(RLIMIT_NOFILE, &files) ? -errno : 0;
}

static void test_no_files(void **state)
{
	struct refuse_record setup = usual();
	uint64_t id;
	int fd[40];

	(void)state;
	NEED_NETWORK();
	start(&setup, few_files);
	for (int i = 0; i < 40; i++)
		fd[i] = dial(AF_INET);
	for (int i = 0; i < 40; i++) {
		struct refuse_record ask = heard(), answer;

		while (ask.kind == REFUSE_END)
			ask = heard();
		id = ask.id;
		answer = answer_to(id, "421 4.7.0 later\r\n");
		tell(&answer);
		want_last(fd[i], "421 4.7.0 later\r\n");
	}
	stop();
}

/* --- the tarpit ------------------------------------------------------------------------------- */

static void test_tarpit(void **state)
{
	struct refuse_record setup = usual(), end;
	uint64_t id, plain_id;
	int fd, plain;

	(void)state;
	NEED_NETWORK();
	setup.setup.tarpit_clients = 1;
	start(&setup, NULL);
	fd = dial(AF_INET);
	id = answered("554 5.7.1 slow\r\n", true);
	want(fd, "554 5.7.1 slow\r\n");
	put(fd, "QUIT\r\n");
	want_last(fd, BYE);
	end = want_end(id, REFUSE_QUIT);
	assert_int_equal(end.end.tarpitted, 1);

	/* One byte, then none for a long time; who finds no room there is served as others are. */
	setup.setup.tarpit_every_ms = PATIENCE;
	tell(&setup);
	fd = dial(AF_INET);
	id = answered(REPLY, true);
	want(fd, "5");
	plain = dial(AF_INET);
	plain_id = answered(REPLY, true);
	want(plain, REPLY);
	assert_int_equal(pinged(3).ping.tarpitted, 1);
	put(plain, "QUIT\r\n");
	want_last(plain, BYE);
	end = want_end(plain_id, REFUSE_QUIT);
	assert_int_equal(end.end.tarpitted, 0);
	reset(fd);
	end = want_end(id, REFUSE_GAVE_UP);
	assert_int_equal(end.end.tarpitted, 1);

	/* The time is over: the rest at once. */
	setup.setup.tarpit_ms = 200;
	tell(&setup);
	fd = dial(AF_INET);
	id = answered(REPLY, true);
	want_last(fd, REPLY);
	end = want_end(id, REFUSE_TIMEOUT);
	assert_true(end.end.lasted_ms >= 200);
	assert_int_equal(pinged(4).ping.tarpitted, 0);
	stop();
}

/* --- the daemon ------------------------------------------------------------------------------- */

static void test_daemon_gone(void **state)
{
	struct refuse_record setup = usual();
	char text[600];
	int fd;

	(void)state;
	NEED_NETWORK();
	start(&setup, NULL);
	fd = dial(AF_INET);
	answered(REPLY, false);
	want(fd, REPLY);
	stop();
	assert_int_equal(get(fd, text, 1), 0);
	close(fd);
	/* Also before it said a word. */
	start(NULL, NULL);
	stop();
}

static void test_nonsense(void **state)
{
	struct refuse_record bad[8] = {usual(),
				       usual(),
				       usual(),
				       usual(),
				       record((enum refuse_record_kind)9),
				       record(REFUSE_ASK),
				       answer_to(65536, "554 5.7.1 two\r\n250 lines\r\n"),
				       answer_to(65536, "no number\r\n")};

	(void)state;
	NEED_NETWORK();
	bad[0].magic++;
	bad[1].setup.clients = 0;
	bad[2].setup.timeout_ms = 0;
	bad[3].setup.at = 2;
	for (size_t i = 0; i < 9; i++) {
		struct refuse_record setup = usual();

		start(&setup, NULL);
		if (i < 8)
			tell(&bad[i]);
		else
			assert_int_equal(send(kit.pair, &setup, sizeof(setup) - 1, 0),
					 sizeof(setup) - 1);
		if (ended() != 1)
			fail_msg("nonsense %zu: the listener did not end with status 1", i);
		close(kit.pair);
	}
	/* An answer before it knows how many places it has. */
	start(&bad[7], NULL);
	assert_int_equal(ended(), 1);
	close(kit.pair);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_polite),	    cmocka_unit_test(test_question),
	cmocka_unit_test(test_at_mail),	    cmocka_unit_test(test_no_word),
	cmocka_unit_test(test_rates),	    cmocka_unit_test(test_silent),
	cmocka_unit_test(test_slow_reader), cmocka_unit_test(test_byte_by_byte),
	cmocka_unit_test(test_pipelined),   cmocka_unit_test(test_garbage),
	cmocka_unit_test(test_going_away),  cmocka_unit_test(test_limit),
	cmocka_unit_test(test_deaf_daemon), cmocka_unit_test(test_no_files),
	cmocka_unit_test(test_tarpit),	    cmocka_unit_test(test_daemon_gone),
	cmocka_unit_test(test_nonsense),
};

int main(void)
{
	return cmocka_run_group_tests(tests, network, NULL);
}
