/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * client.h - the inside of a connection, shared by client.c and tls.c
 */
#ifndef SMTPWALL_USER_RELAY_CLIENT_H
#define SMTPWALL_USER_RELAY_CLIENT_H

#include "relay.h"

struct tls; /* tls.c */

struct smtp {
	int fd; /* non-blocking */
	unsigned int timeout_ms;
	struct tls *tls; /* NULL: in the clear */
	unsigned char buffer[4096];
	size_t at, held; /* bytes of the buffer that were read from the socket and not yet used */
};

/* When a step that begins now has to be over: milliseconds of the monotonic clock. */
int64_t smtp_deadline(const struct smtp *smtp);
/* Waits for POLLIN or POLLOUT. 0, -ETIMEDOUT, -errno. */
int smtp_wait(const struct smtp *smtp, short events, int64_t deadline);

/* One attempt each: bytes done, 0 for the end of the connection, -EAGAIN with what to wait for in
 * `events`, or another negative errno. */
ssize_t tls_receive(struct tls *tls, void *data, size_t size, short *events);
ssize_t tls_send(struct tls *tls, const void *data, size_t size, short *events);
void tls_end(struct tls *tls);

#endif
