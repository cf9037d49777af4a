// SPDX-License-Identifier: GPL-2.0-only
/*
 * refuse_daemon.c - the refusal listener's sockets, and whom it may run as
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include "daemon/refuse.h"
/* Behind a function of the name fail. */
#include <cmocka.h>

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
	return value;
}

static void sockets_listen_on_loopback_alone(void **state)
{
	int fd[REFUSE_SOCKETS];
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	socklen_t size = sizeof(v4);
	struct error why;

	(void)state;
	assert_int_equal(sockets_make(10, fd, &why), 0);
	assert_true(fd[REFUSE_V4] >= 0);
	assert_int_equal(option(fd[REFUSE_V4], SOL_SOCKET, SO_ACCEPTCONN), 1);
	assert_int_equal(getsockname(fd[REFUSE_V4], (struct sockaddr *)&v4, &size), 0);
	assert_int_equal(v4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_true(fcntl(fd[REFUSE_V4], F_GETFD) & FD_CLOEXEC);
	assert_true(option(fd[REFUSE_V4], SOL_SOCKET, SO_RCVBUF) < 16384);
	if (fd[REFUSE_V6] >= 0) {
		size = sizeof(v6);
		assert_int_equal(option(fd[REFUSE_V6], SOL_SOCKET, SO_ACCEPTCONN), 1);
		assert_int_equal(option(fd[REFUSE_V6], IPPROTO_IPV6, IPV6_V6ONLY), 1);
		assert_int_equal(getsockname(fd[REFUSE_V6], (struct sockaddr *)&v6, &size), 0);
		assert_memory_equal(&v6.sin6_addr, &in6addr_loopback, sizeof(v6.sin6_addr));
	}
	sockets_close(fd);
	for (int i = 0; i < REFUSE_SOCKETS; i++)
		assert_int_equal(fd[i], -1);
}

static void root_and_nobody_at_all_are_refused(void **state)
{
	struct error why;

	(void)state;
	assert_int_equal(spawn_check_user("nobody", &why), 0);
	assert_int_equal(spawn_check_user("65534", &why), 0);
	assert_int_equal(spawn_check_user("root", &why), -EPERM);
	assert_non_null(strstr(why.text, "does not run as root"));
	assert_int_equal(spawn_check_user("no-such-user", &why), -ENOENT);
	assert_non_null(strstr(why.text, "useradd"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_listen_on_loopback_alone),
		cmocka_unit_test(root_and_nobody_at_all_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
