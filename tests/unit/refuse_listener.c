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

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_polite),
};

int main(void)
{
	return cmocka_run_group_tests(tests, network, NULL);
}
