// SPDX-License-Identifier: GPL-2.0-only
/*
 * The refusal listener when there are many clients, little room, a tarpit, and a daemon that does not
 * listen, ends, or talks nonsense.
 */
#include "refuse_kit.h"

/* --- many ------------------------------------------------------------------------------------- */

#define MANY 1200

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
	static bool asked[1000], told[1000];
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
			assert_false(asked[r.id >> 16] || told[r.id >> 16]);
			asked[r.id >> 16] = true;
			asks++;
		} else {
			assert_int_equal(r.kind, REFUSE_END);
			assert_int_equal(r.end.end, REFUSE_GAVE_UP);
			assert_false(told[r.id >> 16]);
			told[r.id >> 16] = true;
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
	cmocka_unit_test(test_limit),	    cmocka_unit_test(test_deaf_daemon),
	cmocka_unit_test(test_no_files),    cmocka_unit_test(test_tarpit),
	cmocka_unit_test(test_daemon_gone), cmocka_unit_test(test_nonsense),
};

int main(void)
{
	return cmocka_run_group_tests(tests, network, NULL);
}
