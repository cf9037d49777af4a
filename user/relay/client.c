// SPDX-License-Identifier: GPL-2.0-only
/*
 * client.c - a connection to a mail server that may never answer, or never stop to
 *
 * The socket never blocks. Each step (to connect, a write, a reply, a handshake) has one limit for all
 * of it: a server that sends a byte a second is as slow as one that is silent.
 */
#include "client.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A command: any path fits. */
#define COMMAND 2048

#define QUIT_MS 2000 /* the answer to QUIT is a courtesy */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t smtp_deadline(const struct smtp *smtp)
{
	return now_ms() + smtp->timeout_ms;
}

int smtp_wait(const struct smtp *smtp, short events, int64_t deadline)
{
	struct pollfd p = {.fd = smtp->fd, .events = events};

	for (;;) {
		int64_t left = deadline - now_ms();
		int ready;

		if (left <= 0)
			return -ETIMEDOUT;
		ready = poll(&p, 1, left > 60000 ? 60000 : (int)left);
		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return -errno;
	}
}

/* A connection that went away went away, however the kernel puts it. */
static int gone(int err)
{
	switch (err) {
	case EPIPE:
	case ECONNABORTED:
	case ENOTCONN:
	case ESHUTDOWN:
	case ENETRESET:
		return -ECONNRESET;
	}
	return -err;
}

int smtp_adopt(int fd, unsigned int timeout_ms, struct smtp **out, struct error *why)
{
	struct smtp *smtp = calloc(1, sizeof(*smtp));
	int flags = fcntl(fd, F_GETFL);

	if (!smtp || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK)) {
		int err = smtp ? -errno : -ENOMEM;

		free(smtp);
		close(fd);
		return error_set(why, err, "cannot use the socket: %s", strerror(-err));
	}
	smtp->fd = fd;
	smtp->timeout_ms = timeout_ms;
	*out = smtp;
	return 0;
}

static int finish_connect(const struct smtp *smtp)
{
	int code = smtp_wait(smtp, POLLOUT, smtp_deadline(smtp)), err = 0;
	socklen_t size = sizeof(err);

	if (code)
		return code;
	if (getsockopt(smtp->fd, SOL_SOCKET, SO_ERROR, &err, &size))
		return -errno;
	return -err;
}

static int explain(int code, struct error *why)
{
	switch (-code) {
	case ECONNREFUSED:
		return error_set(why, code, "it refuses the connection: nobody listens there");
	case ENETUNREACH:
	case EADDRNOTAVAIL:
		return error_set(why, code, "this machine has no way to it (%s)", strerror(-code));
	case ETIMEDOUT:
		return error_set(why, code,
				 "no answer: a firewall drops the connection, or the host is down");
	}
	return error_set(why, code, "cannot connect: %s", strerror(-code));
}

int smtp_open(const struct sockaddr *to, socklen_t size, unsigned int timeout_ms, struct smtp **out,
	      struct error *why)
{
	int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), code;
	struct smtp *smtp = NULL;

	if (fd < 0)
		return explain(-errno, why);
	code = smtp_adopt(fd, timeout_ms, &smtp, why);
	if (!smtp)
		return code;
	code = connect(fd, to, size) ? -errno : 0;
	if (code == -EINPROGRESS || code == -EINTR)
		code = finish_connect(smtp);
	if (code) {
		smtp_close(smtp);
		return explain(code, why);
	}
	*out = smtp;
	return 0;
}

void smtp_close(struct smtp *smtp)
{
	if (!smtp)
		return;
	tls_end(smtp->tls);
	close(smtp->fd);
	free(smtp);
}

void smtp_quit(struct smtp *smtp)
{
	struct smtp_reply reply;

	if (!smtp)
		return;
	if (smtp->timeout_ms > QUIT_MS)
		smtp->timeout_ms = QUIT_MS;
	smtp_ask(smtp, &reply, "QUIT");
	smtp_close(smtp);
}

int smtp_local(const struct smtp *smtp, struct sockaddr_storage *out)
{
	socklen_t size = sizeof(*out);

	memset(out, 0, sizeof(*out));
	return getsockname(smtp->fd, (struct sockaddr *)out, &size) ? -errno : 0;
}

/* One attempt; as tls_receive(). */
static ssize_t receive(struct smtp *smtp, short *events)
{
	ssize_t got;

	if (smtp->tls)
		return tls_receive(smtp->tls, smtp->buffer, sizeof(smtp->buffer), events);
	*events = POLLIN;
	do
		got = recv(smtp->fd, smtp->buffer, sizeof(smtp->buffer), 0);
	while (got < 0 && errno == EINTR);
	return got < 0 ? gone(errno) : got;
}

static int fill(struct smtp *smtp, int64_t deadline)
{
	for (;;) {
		short events = POLLIN;
		ssize_t got = receive(smtp, &events);
		int code;

		if (got > 0) {
			smtp->at = 0;
			smtp->held = (size_t)got;
			return 0;
		}
		if (got == 0)
			return -ECONNRESET;
		if (got != -EAGAIN)
			return (int)got;
		code = smtp_wait(smtp, events, deadline);
		if (code)
			return code;
	}
}

int smtp_read(struct smtp *smtp, struct smtp_reply *out)
{
	int64_t deadline = smtp_deadline(smtp);

	smtp_reply_begin(out);
	for (;;) {
		/* Also of a server that always has something more to say. */
		if (now_ms() >= deadline)
			return -ETIMEDOUT;
		if (smtp->at == smtp->held) {
			int code = fill(smtp, deadline);

			if (code)
				return code;
		}
		while (smtp->at < smtp->held) {
			enum smtp_step step = smtp_reply_byte(out, smtp->buffer[smtp->at++]);

			if (step == SMTP_COMPLETE)
				return 0;
			if (step == SMTP_BROKEN) {
				smtp_reply_rest(out, smtp->buffer + smtp->at,
						smtp->held - smtp->at);
				return -EPROTO;
			}
		}
	}
}

static ssize_t transmit(struct smtp *smtp, const void *data, size_t size, short *events)
{
	ssize_t sent;

	if (smtp->tls)
		return tls_send(smtp->tls, data, size, events);
	*events = POLLOUT;
	do
		sent = send(smtp->fd, data, size, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? gone(errno) : sent;
}

/*
 * Nothing is due from the server when something is to be said to it. If it speaks all the same, its next
 * reply would be taken for the answer to another command than it is.
 */
static int look_for_unasked(struct smtp *smtp)
{
	short events;
	ssize_t got;

	if (smtp->at < smtp->held)
		return -EPROTO;
	got = receive(smtp, &events);
	if (got > 0) {
		smtp->at = 0;
		smtp->held = (size_t)got;
		return -EPROTO;
	}
	return got == 0 ? -ECONNRESET : got == -EAGAIN ? 0 : (int)got;
}

int smtp_write(struct smtp *smtp, const void *data, size_t size)
{
	int64_t deadline = smtp_deadline(smtp);
	const char *at = data;
	int unasked = look_for_unasked(smtp);

	if (unasked)
		return unasked;
	while (size) {
		short events = POLLOUT;
		ssize_t sent = transmit(smtp, at, size, &events);
		int code;

		if (sent >= 0) {
			at += sent;
			size -= (size_t)sent;
			continue;
		}
		if (sent != -EAGAIN)
			return (int)sent;
		code = smtp_wait(smtp, events, deadline);
		if (code)
			return code;
	}
	return 0;
}

static int say(struct smtp *smtp, const char *format, va_list args)
{
	char line[COMMAND + 3];
	int size = vsnprintf(line, COMMAND, format, args);

	if (size < 0 || size >= COMMAND)
		return -E2BIG;
	memcpy(line + size, "\r\n", 3);
	return smtp_write(smtp, line, (size_t)size + 2);
}

int smtp_say(struct smtp *smtp, const char *format, ...)
{
	va_list args;
	int code;

	va_start(args, format);
	code = say(smtp, format, args);
	va_end(args);
	return code;
}

int smtp_reply_to(struct smtp *smtp, int written, struct smtp_reply *out)
{
	int code;

	smtp_reply_begin(out);
	if (written && written != -ECONNRESET && written != -EPROTO)
		return written;
	code = smtp_read(smtp, out);
	return code || written != -EPROTO || out->code == 421 ? code : -EPROTO;
}

int smtp_ask(struct smtp *smtp, struct smtp_reply *out, const char *format, ...)
{
	va_list args;
	int code;

	va_start(args, format);
	code = say(smtp, format, args);
	va_end(args);
	return smtp_reply_to(smtp, code, out);
}
