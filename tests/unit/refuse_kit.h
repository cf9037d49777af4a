/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refuse_kit.h - a listener in a child, this test as its daemon and as its clients, in a network of their own
 *
 * All waits are bounded, and none is for a time: only for something to happen.
 */
#ifndef SMTPWALL_TESTS_REFUSE_KIT_H
#define SMTPWALL_TESTS_REFUSE_KIT_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <user/refuse/refuse.h>

#define PATIENCE 20000 /* ms, for what must happen, on a machine that is busy with other things */
#define REPLY                                                                                      \
	"554 5.7.1 Service unavailable; client [127.0.0.1] blocked using test; see the page\r\n"

#define NOT_NOW "503 5.5.1 No mail is taken from you, see the first reply\r\n"
#define BYE	"221 2.0.0 Bye\r\n"

static bool isolated; /* this process has a network of its own */

#define NEED_NETWORK()                                                                             \
	do {                                                                                       \
		if (!isolated) {                                                                   \
			print_message("skipped: needs root for a network namespace\n");            \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

static int network(void **state)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	struct rlimit files = {8192, 8192};
	int fd;

	(void)state;
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	isolated = !ioctl(fd, SIOCSIFFLAGS, &lo);
	close(fd);
	return 0;
}

/* --- the listener ----------------------------------------------------------------------------- */

struct kit {
	int pair;
	uint16_t port, port6;
	pid_t pid;
};

static struct kit kit;

static int listening(int family, uint16_t *port)
{
	struct sockaddr_in6 a;
	socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(a);
	int fd = socket(family, SOCK_STREAM, 0);

	memset(&a, 0, sizeof(a));
	a.sin6_family = (sa_family_t)family;
	if (family == AF_INET)
		((struct sockaddr_in *)&a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a.sin6_addr = in6addr_loopback;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0);
	assert_int_equal(listen(fd, 4096), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
	*port = ntohs(a.sin6_port);
	return fd;
}

static void tell(const struct refuse_record *r)
{
	assert_int_equal(send(kit.pair, r, sizeof(*r), 0), sizeof(*r));
}

/* A record with its kind, and all else zero. */
static struct refuse_record record(enum refuse_record_kind kind)
{
	struct refuse_record r;

	memset(&r, 0, sizeof(r));
	r.magic = REFUSE_MAGIC;
	r.kind = kind;
	return r;
}

static struct refuse_record usual(void)
{
	struct refuse_record r = record(REFUSE_SETUP);

	r.setup.clients = 1000;
	r.setup.timeout_ms = PATIENCE;
	r.setup.ask_timeout_ms = PATIENCE;
	r.setup.tarpit_clients = 10;
	r.setup.tarpit_ms = PATIENCE;
	r.setup.tarpit_every_ms = 1;
	r.setup.at = REFUSE_AT_GREETING;
	return r;
}

/* `inside`: what the child does before its loop, or NULL. Status 0: the pair was closed; 1: a mistake. */
static void start(const struct refuse_record *setup, int (*inside)(struct error *why))
{
	int pair[2], v4, v6;

	v4 = listening(AF_INET, &kit.port);
	v6 = listening(AF_INET6, &kit.port6);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	kit.pid = fork();
	if (!kit.pid) {
		struct error why = {""};
		int err;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		err = inside ? inside(&why) : 0;
		if (!err)
			err = listener_run(pair[1], v4, v6, &why);
		_exit(err != 0);
	}
	close(v4);
	close(v6);
	close(pair[1]);
	kit.pair = pair[0];
	if (setup)
		tell(setup);
}

/* Its status once it has ended; 1000 if it does not. */
static int ended(void)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	int status;

	for (int i = 0; i < PATIENCE / 2; i++, nanosleep(&pause, NULL))
		if (waitpid(kit.pid, &status, WNOHANG) == kit.pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	kill(kit.pid, SIGKILL);
	waitpid(kit.pid, &status, 0);
	return 1000;
}

static void stop(void)
{
	close(kit.pair);
	assert_int_equal(ended(), 0);
}

static struct refuse_record heard(void)
{
	struct pollfd p = {.fd = kit.pair, .events = POLLIN};
	struct refuse_record r;

	if (poll(&p, 1, PATIENCE) != 1)
		fail_msg("the listener said nothing");
	assert_int_equal(recv(kit.pair, &r, sizeof(r), 0), sizeof(r));
	assert_int_equal(r.magic, REFUSE_MAGIC);
	return r;
}

static struct refuse_record heard_kind(enum refuse_record_kind kind)
{
	struct refuse_record r = heard();

	if (r.kind != kind)
		fail_msg("the listener: got a record of kind %d, want %d", r.kind, kind);
	return r;
}

static struct refuse_record answer_to(uint64_t id, const char *reply)
{
	struct refuse_record r = record(REFUSE_ANSWER);

	r.id = id;
	r.answer.known = reply != NULL;
	snprintf(r.answer.reply, sizeof(r.answer.reply), "%s", reply ? reply : "");
	return r;
}

/* Waits for the question and answers it; `reply` NULL: no word about it. Returns its id. */
static uint64_t answered(const char *reply, bool tarpit)
{
	struct refuse_record ask = heard_kind(REFUSE_ASK), r = answer_to(ask.id, reply);

	r.answer.tarpit = tarpit;
	tell(&r);
	return ask.id;
}

static struct refuse_record want_end(uint64_t id, enum refuse_end end)
{
	struct refuse_record r = heard_kind(REFUSE_END);

	assert_int_equal(r.id, id);
	if (r.end.end != end)
		fail_msg("the end: got %u, want %u", r.end.end, end);
	return r;
}

/* How it is, at the moment. */
static inline struct refuse_record pinged(uint64_t id)
{
	struct refuse_record r = record(REFUSE_PING);

	r.id = id;
	tell(&r);
	r = heard_kind(REFUSE_PING);
	assert_int_equal(r.id, id);
	return r;
}

/* --- clients ---------------------------------------------------------------------------------- */

/* `room`: for what it has not read; 0: as usual */
static int dial_with(int family, int room)
{
	struct sockaddr_in6 a;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (room)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));

	memset(&a, 0, sizeof(a));
	a.sin6_family = (sa_family_t)family;
	a.sin6_port = htons(family == AF_INET ? kit.port : kit.port6);
	if (family == AF_INET)
		((struct sockaddr_in *)&a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a.sin6_addr = in6addr_loopback;
	assert_int_equal(connect(fd, (struct sockaddr *)&a,
				 family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(a)),
			 0);
	return fd;
}

static int dial(int family)
{
	return dial_with(family, 0);
}

static void put(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Reads so much text; less if the connection ends before. Returns how it went: like recv(). */
static ssize_t get(int fd, char *text, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t used = 0;
	ssize_t n = 1;

	while (used < size && n > 0) {
		if (poll(&p, 1, PATIENCE) != 1)
			fail_msg("nothing came behind \"%.*s\"", (int)used, text);
		n = recv(fd, text + used, size - used, 0);
		if (n > 0)
			used += (size_t)n;
	}
	text[used] = '\0';
	return n;
}

static void want(int fd, const char *expected)
{
	char text[2048];

	get(fd, text, strlen(expected));
	assert_string_equal(text, expected);
}

/* The connection ends properly, behind this text. */
static void want_last(int fd, const char *expected)
{
	char text[2048];
	ssize_t n = get(fd, text, sizeof(text) - 1);

	assert_string_equal(text, expected);
	if (n)
		fail_msg("the connection was reset");
	close(fd);
}

static inline void reset(int fd)
{
	const struct linger none = {1, 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(fd);
}

#endif
