// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cutting a session: it and nothing else, above all not the listener, which the kernel finds when the
 * session is gone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "net/net.h"

static bool isolated;

struct pair {
	int listener, client, server;
	struct session session;
};

static void sixteen(struct address *out, const struct sockaddr_storage *a, uint16_t *port)
{
	if (a->ss_family == AF_INET) {
		address_from_v4(out, ((const struct sockaddr_in *)a)->sin_addr.s_addr);
		*port = ntohs(((const struct sockaddr_in *)a)->sin_port);
	} else {
		memcpy(out->byte, &((const struct sockaddr_in6 *)a)->sin6_addr, ADDRESS_BYTES);
		*port = ntohs(((const struct sockaddr_in6 *)a)->sin6_port);
	}
}

/* As program `list_sessions` tells it. */
static void describe(struct pair *p, int family)
{
	struct sockaddr_storage a;
	socklen_t size = sizeof(a);

	getsockname(p->server, (struct sockaddr *)&a, &size);
	sixteen(&p->session.local, &a, &p->session.local_port);
	size = sizeof(a);
	getpeername(p->server, (struct sockaddr *)&a, &size);
	sixteen(&p->session.remote, &a, &p->session.remote_port);
	size = sizeof(p->session.cookie);
	assert_int_equal(getsockopt(p->server, SOL_SOCKET, SO_COOKIE, &p->session.cookie, &size),
			 0);
	p->session.v6 = family == AF_INET6;
}

/* A server socket of `family`, a client that comes over `way`. */
static void connect_pair(struct pair *p, int family, int way)
{
	struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(2525)}, to6 = any6;
	struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(2525)}, to4 = any4;
	int on = 1;

	to4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to6.sin6_addr = in6addr_loopback;
	memset(p, 0, sizeof(*p));
	p->listener = socket(family, SOCK_STREAM, 0);
	setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (family == AF_INET)
		assert_int_equal(bind(p->listener, (struct sockaddr *)&any4, sizeof(any4)), 0);
	else
		assert_int_equal(bind(p->listener, (struct sockaddr *)&any6, sizeof(any6)), 0);
	assert_int_equal(listen(p->listener, 5), 0);
	p->client = socket(way, SOCK_STREAM, 0);
	assert_int_equal(connect(p->client,
				 way == AF_INET ? (struct sockaddr *)&to4 : (struct sockaddr *)&to6,
				 way == AF_INET ? sizeof(to4) : sizeof(to6)),
			 0);
	p->server = accept(p->listener, NULL, NULL);
	assert_true(p->server >= 0);
	describe(p, family);
}

static void close_pair(struct pair *p)
{
	close(p->client);
	close(p->server);
	close(p->listener);
}

static bool listens(void)
{
	uint16_t port = 2525;

	return net_listens(&port, 1) == 1;
}

static void cuts(void **state)
{
	static const int ways[][2] = {
		{AF_INET, AF_INET}, {AF_INET6, AF_INET6}, {AF_INET6, AF_INET}};
	char byte;

	(void)state;
	if (!isolated)
		skip();
	for (int i = 0; i < 3; i++) {
		struct pair p;

		connect_pair(&p, ways[i][0], ways[i][1]);
		assert_int_equal(net_cut(&p.session), 0);
		assert_int_equal(recv(p.client, &byte, 1, 0), -1);
		assert_int_equal(errno, ECONNRESET);
		assert_true(listens());
		/* it is gone, and the listener must not be taken for it */
		assert_int_equal(net_cut(&p.session), -ENOENT);
		assert_true(listens());
		close_pair(&p);
	}
}

static void spares(void **state)
{
	struct session other;
	struct pair p;

	(void)state;
	if (!isolated)
		skip();
	connect_pair(&p, AF_INET6, AF_INET);
	/* a successor with the same addresses and ports */
	other = p.session;
	other.cookie++;
	assert_int_equal(net_cut(&other), -ENOENT);
	other.cookie = 0;
	assert_int_equal(net_cut(&other), -ENOENT);
	assert_int_equal(send(p.server, "x", 1, 0), 1);
	/* one that the server has closed, in TIME_WAIT or gone */
	close(p.server);
	close(p.client);
	net_cut(&p.session);
	assert_true(listens());
	close(p.listener);
	assert_true(net_can_cut());
}

static int set_up(void **state)
{
	(void)state;
	isolated = unshare(CLONE_NEWNET) == 0 && system("ip link set lo up") == 0;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts),
		cmocka_unit_test(spares),
	};

	return cmocka_run_group_tests_name("cut", tests, set_up, NULL);
}
