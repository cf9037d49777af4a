/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * relayd_wire.h - one connection of relayd: its bytes, plain, by drops or in TLS, and the journal of what happens
 */
#ifndef SMTPWALL_TESTS_RELAYD_WIRE_H
#define SMTPWALL_TESTS_RELAYD_WIRE_H

#include <gnutls/gnutls.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "relayd_rules.h"

#define LINE 4096

static int journal;

/* What the processes of one server know together. */
static struct {
	_Atomic uint64_t first; /* ms, of an attempt to relay */
	_Atomic int places;
} * shared;

/* The connection of this process. */
static struct {
	struct server *server;
	int fd;
	unsigned int number, commands;
	gnutls_session_t tls;
	char buffer[65536], from[LINE], greeted; /* 'e', 'h' */
	size_t held;
	bool mail, piped;
	unsigned int taken;
} c;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* In one write, so that lines of different processes do not mix. */
__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	char line[2048];
	va_list arguments;
	int n = snprintf(line, sizeof(line), "%llu %s %u ", (unsigned long long)now_ms(),
			 c.server->port, c.number);

	va_start(arguments, format);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, arguments);
	va_end(arguments);
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	if (write(journal, line, (size_t)n) != n)
		_exit(1);
}

static _Noreturn void end(bool reset)
{
	const struct linger linger = {.l_onoff = 1};

	if (reset)
		setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	else if (c.tls)
		gnutls_bye(c.tls, GNUTLS_SHUT_WR);
	/* Closed with bytes unread it would be a reset in any case. */
	if (!reset) {
		shutdown(c.fd, SHUT_WR);
		while (poll(&(struct pollfd){.fd = c.fd, .events = POLLIN}, 1, 200) == 1 &&
		       recv(c.fd, c.buffer, sizeof(c.buffer), 0) > 0)
			;
	}
	close(c.fd);
	note("ended");
	shared[c.server->id].places--;
	_exit(0);
}

/* --- bytes ----------------------------------------------------------------------------------- */

static void put_some(const char *data, size_t size)
{
	while (size) {
		ssize_t n = c.tls ? gnutls_record_send(c.tls, data, size)
				  : send(c.fd, data, size, MSG_NOSIGNAL);

		if (n <= 0)
			end(false);
		data += n;
		size -= (size_t)n;
	}
}

static void put(const char *data, size_t size)
{
	if (!c.server->speed) {
		put_some(data, size);
		return;
	}
	/* A hundred times a second, or a byte at a time. */
	while (size) {
		size_t step = c.server->speed / 100 ? c.server->speed / 100 : 1;
		const struct timespec t = {
			.tv_nsec = (long)(step * 999999999 / c.server->speed),
		};

		if (step > size)
			step = size;
		put_some(data, step);
		nanosleep(&t, NULL);
		data += step;
		size -= step;
	}
}

static ssize_t get_some(char *into, size_t room)
{
	return c.tls ? gnutls_record_recv(c.tls, into, room) : recv(c.fd, into, room, 0);
}

/* Has the client said more than this? */
static bool more(int ms)
{
	return c.held || (c.tls && gnutls_record_check_pending(c.tls)) ||
	       poll(&(struct pollfd){.fd = c.fd, .events = POLLIN}, 1, ms) == 1;
}

/* A line without its end. */
static void get_line(char *line, size_t room)
{
	for (;;) {
		char *eol = memchr(c.buffer, '\n', c.held);
		size_t size = eol ? (size_t)(eol - c.buffer) + 1 : 0, shown = size;
		ssize_t n;

		if (eol) {
			if (shown > room)
				shown = room;
			memcpy(line, c.buffer, shown);
			line[shown - 1] = '\0';
			line[strcspn(line, "\r")] = '\0';
			c.held -= size;
			memmove(c.buffer, eol + 1, c.held);
			return;
		}
		if (c.held == sizeof(c.buffer))
			end(true);
		n = get_some(c.buffer + c.held, sizeof(c.buffer) - c.held);
		if (n <= 0)
			end(false);
		c.held += (size_t)n;
	}
}

/* The server's side of the handshake. */
static void begin_tls(void)
{
	static gnutls_certificate_credentials_t credentials;
	int error;

	gnutls_certificate_allocate_credentials(&credentials);
	error = gnutls_certificate_set_x509_key_file(credentials, c.server->certificate,
						     c.server->key, GNUTLS_X509_FMT_PEM);
	if (error < 0) {
		note("no certificate: %s", gnutls_strerror(error));
		end(true);
	}
	gnutls_init(&c.tls, GNUTLS_SERVER);
	if (c.server->alerts)
		gnutls_priority_set_direct(c.tls, "NORMAL:-VERS-TLS1.3", NULL);
	else
		gnutls_set_default_priority(c.tls);
	gnutls_credentials_set(c.tls, GNUTLS_CRD_CERTIFICATE, credentials);
	gnutls_transport_set_int(c.tls, c.fd);
	do {
		error = gnutls_handshake(c.tls);
	} while (error < 0 && !gnutls_error_is_fatal(error));
	if (error < 0) {
		note("no handshake: %s", gnutls_strerror(error));
		end(true);
	}
}

#endif
