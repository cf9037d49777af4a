// SPDX-License-Identifier: GPL-2.0-only
/*
 * listener.c - the process that tells refused clients why: its loop, accepting
 *
 * In: the pair to the daemon (pair.c) and the listening sockets. One thread, one epoll; nothing blocks.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "inside.h"

#define EVENTS	   128
#define BATCH	   64	/* connections at a time */
#define TICK_MS	   50	/* how exact time limits are */
#define PAUSE_MS   100	/* without accepting, after a lack of descriptors or memory */
#define BUFFER_IN  8192 /* of the kernel, for what a client sends */
#define BUFFER_OUT 2048 /* ... and for what it does not take */
#define ID_PAIR	   0	/* epoll's names; those of clients are larger than any place */
#define ID_LISTEN  1

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- accepting -------------------------------------------------------------------------------- */

static bool has_room(const struct listener *l)
{
	return l->ready && l->now >= l->accept_again && l->open < l->setup.setup.clients &&
	       !TAILQ_EMPTY(&l->free);
}

static void begin(struct listener *l, int fd, const struct sockaddr_in6 *peer)
{
	struct client *c = TAILQ_FIRST(&l->free);
	struct sockaddr_in6 local;
	socklen_t size = sizeof(local);
	struct epoll_event event = {0};

	memset(&local, 0, sizeof(local));
	if (getsockname(fd, (struct sockaddr *)&local, &size)) {
		close(fd);
		return;
	}
	client_begin(l, c, fd, peer, &local);
	TAILQ_REMOVE(&l->free, c, entry);
	TAILQ_INSERT_TAIL(&l->used, c, entry);
	/* Nothing but its death, until the daemon has answered. */
	event.data.u64 = c->id;
	epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int accept_some(struct listener *l, int listening, struct error *why)
{
	struct sockaddr_in6 peer;
	int fd;

	for (int i = 0; i < BATCH && has_room(l); i++) {
		socklen_t size = sizeof(peer);

		memset(&peer, 0, sizeof(peer));
		fd = accept4(listening, (struct sockaddr *)&peer, &size,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			begin(l, fd, &peer);
			continue;
		}
		switch (errno) {
		case EAGAIN:
			return 0;
		case EMFILE:
		case ENFILE:
		case ENOBUFS:
		case ENOMEM:
			l->accept_again = l->now + PAUSE_MS;
			return 0;
		case EBADF:
		case EINVAL:
		case ENOTSOCK:
		case EOPNOTSUPP:
			return error_set(why, -errno, "cannot accept refused clients: %s",
					 strerror(errno));
		default:
			break; /* this one is gone already (accept(2)) */
		}
	}
	return 0;
}

/* --- the loop --------------------------------------------------------------------------------- */

static int watch(struct listener *l, int op, int fd, uint64_t id, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u64 = id};

	return epoll_ctl(l->epoll, op, fd, &event) ? -errno : 0;
}

static int open_all(struct listener *l, struct error *why)
{
	const int in = BUFFER_IN, out = BUFFER_OUT, yes = 1;
	int err;

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	err = l->epoll < 0 ? -errno : watch(l, EPOLL_CTL_ADD, l->pair, ID_PAIR, EPOLLIN);
	for (int i = 0; i < 2 && !err; i++) {
		int fd = l->listening[i];

		if (fd < 0)
			continue;
		if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK))
			err = -errno;
		/* The clients' sockets get them from here. */
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &in, sizeof(in));
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &out, sizeof(out));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		if (!err)
			err = watch(l, EPOLL_CTL_ADD, fd, ID_LISTEN + (uint64_t)i, 0);
	}
	if (err)
		return error_set(why, err, "the refusal listener cannot wait for clients: %s",
				 strerror(-err));
	return 0;
}

/* Tells epoll what is worth waking up for. Returns how long to wait, ms. */
static int prepare(struct listener *l)
{
	bool arm = has_room(l), idle = TAILQ_EMPTY(&l->used) && !l->pinged && !l->accept_again;

	if (arm != l->armed)
		for (int i = 0; i < 2; i++)
			if (l->listening[i] >= 0)
				watch(l, EPOLL_CTL_MOD, l->listening[i], ID_LISTEN + (uint64_t)i,
				      arm ? EPOLLIN : 0);
	l->armed = arm;
	return idle ? -1 : l->due > l->now ? (int)(l->due - l->now) : 0;
}

static void tick(struct listener *l)
{
	struct client *c, *next;

	if (l->now < l->due)
		return;
	l->due = l->now + TICK_MS;
	if (l->now >= l->accept_again)
		l->accept_again = 0;
	for (c = TAILQ_FIRST(&l->used); c; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (c->phase != GONE)
			client_tick(l, c);
	}
}

static int turn(struct listener *l, struct error *why)
{
	struct epoll_event event[EVENTS];
	struct client *c;
	bool waited_for_room = l->pair_full;
	int n, err = 0;

	n = epoll_wait(l->epoll, event, EVENTS, prepare(l));
	l->now = now_ms();
	for (int i = 0; i < n && !err && !l->over; i++) {
		uint64_t id = event[i].data.u64;

		if (id == ID_PAIR) {
			err = pair_hear(l, why);
		} else if (id <= ID_LISTEN + 1) {
			err = accept_some(l, l->listening[id - ID_LISTEN], why);
		} else if ((c = pair_client(l, id)) && c->fd >= 0) {
			client_event(l, c, event[i].events);
		}
	}
	if (err || l->over)
		return err;
	tick(l);
	pair_send(l);
	if (l->pair_full != waited_for_room)
		watch(l, EPOLL_CTL_MOD, l->pair, ID_PAIR,
		      l->pair_full ? EPOLLIN | EPOLLOUT : EPOLLIN);
	return 0;
}

static void close_all(struct listener *l)
{
	for (uint32_t i = 0; i < l->places; i++)
		if (l->client[i].id && l->client[i].fd >= 0)
			close(l->client[i].fd);
	if (l->epoll >= 0)
		close(l->epoll);
	free(l->client);
}

int listener_run(int pair, int v4, int v6, struct error *why)
{
	struct listener l = {.pair = pair, .listening = {v4, v6}, .epoll = -1, .now = now_ms()};
	int err;

	TAILQ_INIT(&l.free);
	TAILQ_INIT(&l.used);
	TAILQ_INIT(&l.post);
	err = open_all(&l, why);
	while (!err && !l.over)
		err = turn(&l, why);
	close_all(&l);
	return err;
}
