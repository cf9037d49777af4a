// SPDX-License-Identifier: GPL-2.0-only
/*
 * client.c - one refused connection, from its first byte to its last
 *
 * Nothing blocks, nothing grows: a client that does not read what it is told is not read from either, and
 * whatever it does its time is over some day. The close is a proper one: data that nobody has read when a
 * socket is closed makes the kernel send a reset, which would take the reply away from a client that
 * pipelines; so the listener ends its own side, throws away what still comes, and closes last.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "inside.h"

#define LEAVE_MS     1000  /* for the client's own end, after it has got all */
#define LEAVE_BYTES  65536 /* thrown away meanwhile */
#define TURNS	     8	   /* reads at a time: others wait */
#define TARPIT_STUCK 8	   /* bytes said one by one that may be under way when the time is over */

static const char untold[] = "421 4.3.0 Service temporarily unavailable\r\n",
		  too_late[] = "421 4.4.2 Time is over, closing\r\n";

/* --- the end ---------------------------------------------------------------------------------- */

/* Bytes that were written and are not known to have arrived; our FIN counts as one. */
static uint32_t on_the_way(const struct client *c)
{
	int n = 0;

	if (ioctl(c->fd, SIOCOUTQ, &n) || n < 0)
		return 0;
	return n && c->phase == LEAVING ? (uint32_t)n - 1 : (uint32_t)n;
}

/* Has it got the reply, as far as its kernel says? */
static bool has_reply(const struct client *c)
{
	return c->reply_until && c->written - on_the_way(c) >= c->reply_until;
}

static enum refuse_end end_of(const struct client *c)
{
	if (c->forced)
		return c->end;
	if (!has_reply(c))
		return REFUSE_GAVE_UP;
	return c->dialogue.quit ? REFUSE_QUIT : REFUSE_CLOSED;
}

/* `reset`: what has not arrived yet is not worth the memory. */
static void finish(struct listener *l, struct client *c, bool reset)
{
	const struct linger none = {.l_onoff = 1, .l_linger = 0};

	c->end = end_of(c);
	if (reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(c->fd);
	c->fd = -1;
	c->phase = GONE;
	c->lasted = (uint32_t)(l->now - c->began);
	l->open--;
	if (c->tarpit)
		l->tarpitted--;
	pair_post(l, c);
}

static void finish_as(struct listener *l, struct client *c, enum refuse_end end, bool reset)
{
	if (!c->forced)
		c->end = end;
	c->forced = true;
	finish(l, c, reset);
}

/* --- what epoll waits for --------------------------------------------------------------------- */

static void want(struct listener *l, struct client *c, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u64 = c->id};

	if (events != c->events && !epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &event))
		c->events = events;
}

/* --- leaving ---------------------------------------------------------------------------------- */

/* Throws away what comes. 1: there may be more; 0: no more will come; -1: a reset did. */
static int drain(struct client *c)
{
	char waste[4096];
	ssize_t n = 1;

	for (int i = 0; i < TURNS && n > 0 && c->discarded <= LEAVE_BYTES; i++) {
		n = recv(c->fd, waste, sizeof(waste), MSG_DONTWAIT);
		if (n > 0)
			c->discarded += (uint32_t)n;
	}
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 1 : -1;
	return n > 0;
}

/* Both sides said that they are through, which epoll would report for ever: only what is new, now. */
static void await_arrival(struct listener *l, struct client *c)
{
	c->finished = true;
	if (!on_the_way(c))
		finish(l, c, false);
	else
		want(l, c, EPOLLET);
}

static void leave_on(struct listener *l, struct client *c)
{
	int drained = drain(c);

	if (drained < 0 || c->discarded > LEAVE_BYTES)
		finish(l, c, false);
	else if (!drained)
		await_arrival(l, c);
}

static void leave(struct listener *l, struct client *c)
{
	uint64_t most = l->now + l->setup.setup.timeout_ms;

	shutdown(c->fd, SHUT_WR);
	c->phase = LEAVING;
	c->leaving_until = l->now + LEAVE_MS;
	if (c->deadline > most)
		c->deadline = most; /* not the tarpit's */
	if (c->finished) {
		await_arrival(l, c);
		return;
	}
	want(l, c, EPOLLIN);
	leave_on(l, c);
}

static void leave_tick(struct listener *l, struct client *c)
{
	if (!on_the_way(c) && (c->finished || l->now >= c->leaving_until))
		finish(l, c, false);
	else if (l->now >= c->deadline)
		finish_as(l, c, REFUSE_TIMEOUT, true);
}

/* --- talking ---------------------------------------------------------------------------------- */

/* Writes what is to be said; in the tarpit one byte at its time. 1: all, 0: later, -1: never. */
static int flush(struct listener *l, struct client *c)
{
	size_t left = c->out_size - c->out_at;
	ssize_t n;

	if (!left)
		return 1;
	if (c->tarpit) {
		if (l->now < c->next_byte)
			return 0;
		c->next_byte = l->now + l->setup.setup.tarpit_every_ms;
		left = 1;
	}
	n = send(c->fd, c->out + c->out_at, left, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : -1;
	c->out_at += (uint32_t)n;
	c->written += (uint32_t)n;
	return c->out_at == c->out_size;
}

static void say(struct client *c, size_t size)
{
	c->out_at = 0;
	c->out_size = (uint32_t)size;
	if (c->dialogue.told && !c->reply_until)
		c->reply_until = c->written + c->out_size;
}

/* Takes what was read until something is to be said. */
static void take(struct client *c)
{
	size_t taken;
	size_t size = dialogue_take(&c->dialogue, c->in + c->in_at, c->in_size - c->in_at, &taken,
				    c->out);

	c->in_at += (uint32_t)taken;
	say(c, size);
}

/* 1: something came, or the end did; 0: nothing there; -1: it is gone. */
static int hear(struct client *c)
{
	ssize_t n = recv(c->fd, c->in, sizeof(c->in), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	c->in_at = 0;
	c->in_size = (uint32_t)n;
	c->finished = !n;
	return 1;
}

static void talk(struct listener *l, struct client *c)
{
	int flushed, heard = 1;

	for (int turn = 0; (flushed = flush(l, c)) > 0;) {
		if (c->dialogue.over || (c->finished && c->in_at == c->in_size)) {
			leave(l, c);
			return;
		}
		if (c->in_at < c->in_size) {
			take(c);
			continue;
		}
		heard = turn++ < TURNS ? hear(c) : 0;
		if (heard <= 0)
			break;
	}
	if (flushed < 0 || heard < 0)
		finish(l, c, false);
	else if (!flushed)
		want(l, c, c->tarpit ? 0 : EPOLLOUT);
	else
		want(l, c, EPOLLIN);
}

/* Its time is over. Who has not taken what was said gets nothing more. */
static void time_out(struct listener *l, struct client *c)
{
	bool stuck = on_the_way(c) > (c->tarpit ? TARPIT_STUCK : 0);

	if (!stuck && c->phase != LEAVING) {
		const char *last = c->out_at < c->out_size ? c->out + c->out_at : too_late;
		size_t size = c->out_at < c->out_size ? c->out_size - c->out_at : strlen(too_late);

		send(c->fd, last, size, MSG_DONTWAIT | MSG_NOSIGNAL);
		drain(c);
	}
	finish_as(l, c, REFUSE_TIMEOUT, stuck);
}

/* --- from outside ----------------------------------------------------------------------------- */

static void take_address(const struct sockaddr_in6 *from, struct address *address, uint16_t *port)
{
	if (from->sin6_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)from;

		address_from_v4(address, v4->sin_addr.s_addr);
		*port = ntohs(v4->sin_port);
		return;
	}
	memcpy(address->byte, &from->sin6_addr, ADDRESS_BYTES);
	address_fold(address);
	*port = ntohs(from->sin6_port);
}

void client_begin(struct listener *l, struct client *c, int fd, const struct sockaddr_in6 *peer,
		  const struct sockaddr_in6 *local)
{
	uint64_t id = ++l->serial << 16 | (uint64_t)(c - l->client);

	memset(&c->id, 0, offsetof(struct client, in) - offsetof(struct client, id));
	c->id = id;
	c->fd = fd;
	c->began = l->now;
	c->deadline = l->now + l->setup.setup.timeout_ms;
	c->asked_until = l->now + l->setup.setup.ask_timeout_ms;
	take_address(peer, &c->key.client, &c->key.client_port);
	take_address(local, &c->key.server, &c->key.server_port);
	l->open++;
	pair_post(l, c);
}

/* What the host calls itself in SMTP: RFC 5321 section 4.1.3. */
static void server_name(const struct client *c, char name[DIALOGUE_SERVER])
{
	char text[ADDRESS_TEXT];

	snprintf(name, DIALOGUE_SERVER, address_is_v4(&c->key.server) ? "[%s]" : "[IPv6:%s]",
		 address_text(&c->key.server, text));
}

void client_answer(struct listener *l, struct client *c, const struct refuse_record *answer)
{
	char name[DIALOGUE_SERVER];

	if (c->phase != ASKING)
		return;
	if (!answer->answer.known) {
		finish_as(l, c, REFUSE_NOT_OURS, false);
		return;
	}
	if (answer->answer.tarpit && l->setup.setup.tarpit_every_ms && l->setup.setup.tarpit_ms &&
	    l->tarpitted < l->setup.setup.tarpit_clients) {
		c->tarpit = true;
		c->deadline = c->began + l->setup.setup.tarpit_ms;
		l->tarpitted++;
	}
	server_name(c, name);
	c->phase = TALKING;
	say(c, dialogue_begin(&c->dialogue, (enum refuse_at)l->setup.setup.at, name,
			      answer->answer.reply, c->out));
	talk(l, c);
}

void client_event(struct listener *l, struct client *c, uint32_t events)
{
	if (c->phase == TALKING)
		talk(l, c);
	else if (c->phase == LEAVING && c->finished)
		leave_tick(l, c);
	else if (c->phase == LEAVING)
		leave_on(l, c);
	/* A reset; not seen by who neither reads nor writes at the moment. */
	if (c->fd >= 0 && (events & (EPOLLERR | (c->phase == LEAVING ? 0 : EPOLLHUP))))
		finish(l, c, false);
}

void client_tick(struct listener *l, struct client *c)
{
	if (c->phase == LEAVING) {
		leave_tick(l, c);
	} else if (l->now >= c->deadline) {
		time_out(l, c);
	} else if (c->phase == ASKING && l->now >= c->asked_until) {
		c->phase = TALKING;
		c->dialogue.over = true;
		c->forced = true;
		c->end = REFUSE_UNTOLD;
		memcpy(c->out, untold, sizeof(untold) - 1);
		say(c, sizeof(untold) - 1);
		talk(l, c);
	} else if (c->phase == TALKING && c->tarpit && c->out_at < c->out_size &&
		   l->now >= c->next_byte) {
		talk(l, c);
	}
}
