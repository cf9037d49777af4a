// SPDX-License-Identifier: GPL-2.0-only
/*
 * tls.c - STARTTLS, by GnuTLS
 *
 * GnuTLS and not OpenSSL: it is under the LGPL-2.1, which goes with GPL-2.0-only. OpenSSL 3 is under
 * Apache-2.0, which does not.
 *
 * No certificate is checked. Senders of mail do not either, and the question is what the server does
 * for anybody who speaks TLS.
 */
#include "client.h"
#include <errno.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define WARNINGS 16 /* and requests to shake hands again, on one connection */

struct tls {
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
	unsigned int warnings;
};

static short direction(const struct tls *tls)
{
	return gnutls_record_get_direction(tls->session) ? POLLOUT : POLLIN;
}

/* What a failure of GnuTLS is as an errno. */
static int code_of(int code)
{
	if (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED)
		return -EAGAIN;
	if (code == GNUTLS_E_MEMORY_ERROR)
		return -ENOMEM;
	/* Ended without a word, or reset: both are the end of it. */
	if (code == GNUTLS_E_PREMATURE_TERMINATION || code == GNUTLS_E_PULL_ERROR ||
	    code == GNUTLS_E_PUSH_ERROR || code == GNUTLS_E_SESSION_EOF)
		return -ECONNRESET;
	return -EPROTO;
}

ssize_t tls_receive(struct tls *tls, void *data, size_t size, short *events)
{
	ssize_t got;

	/*
	 * A server may ask for another handshake in TLS 1.2; it gets none. One that has nothing but
	 * warnings would be listened to for ever, as nobody looks at the clock here.
	 */
	do {
		got = gnutls_record_recv(tls->session, data, size);
		if (got == GNUTLS_E_REHANDSHAKE || got == GNUTLS_E_WARNING_ALERT_RECEIVED)
			got = ++tls->warnings > WARNINGS ? GNUTLS_E_UNEXPECTED_PACKET
							 : GNUTLS_E_INTERRUPTED;
	} while (got == GNUTLS_E_INTERRUPTED);
	*events = direction(tls);
	return got >= 0 ? got : code_of((int)got);
}

ssize_t tls_send(struct tls *tls, const void *data, size_t size, short *events)
{
	ssize_t sent;

	do
		sent = gnutls_record_send(tls->session, data, size);
	while (sent == GNUTLS_E_INTERRUPTED);
	*events = direction(tls);
	return sent >= 0 ? sent : code_of((int)sent);
}

void tls_end(struct tls *tls)
{
	if (!tls)
		return;
	if (tls->session) {
		/* Says goodbye if there is room for it, and waits for nothing. */
		gnutls_bye(tls->session, GNUTLS_SHUT_WR);
		gnutls_deinit(tls->session);
	}
	if (tls->credentials)
		gnutls_certificate_free_credentials(tls->credentials);
	free(tls);
}

/* All that a session needs before its first byte. A code of GnuTLS. */
static int prepare(struct tls *tls, int fd, const char *name)
{
	int code = gnutls_certificate_allocate_credentials(&tls->credentials);

	if (!code)
		code = gnutls_init(&tls->session,
				   GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
	if (!code)
		code = gnutls_priority_set_direct(tls->session, "NORMAL", NULL);
	if (!code)
		code = gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE,
					      tls->credentials);
	if (!code && name)
		code = gnutls_server_name_set(tls->session, GNUTLS_NAME_DNS, name, strlen(name));
	if (!code)
		gnutls_transport_set_int(tls->session, fd);
	return code;
}

static int shake_hands(struct smtp *smtp, struct tls *tls, struct error *why)
{
	int64_t deadline = smtp_deadline(smtp);

	for (;;) {
		int code = gnutls_handshake(tls->session), err;

		if (!code)
			return 0;
		if (gnutls_error_is_fatal(code)) {
			err = code_of(code);
			return error_set(
				why, err, "no TLS: %s",
				code == GNUTLS_E_FATAL_ALERT_RECEIVED
					? gnutls_alert_get_name(gnutls_alert_get(tls->session))
					: gnutls_strerror(code));
		}
		err = smtp_wait(smtp, direction(tls), deadline);
		if (err)
			return error_set(why, err, "no TLS: the handshake was not done in time");
	}
}

int smtp_tls(struct smtp *smtp, const char *name, struct error *why)
{
	struct tls *tls;
	int code;

	/* What came in front of the handshake in the clear must not be taken for an answer behind it. */
	if (smtp->at != smtp->held)
		return error_set(why, -EPROTO, "no TLS: the server went on talking in the clear");
	tls = calloc(1, sizeof(*tls));
	if (!tls)
		return error_set(why, -ENOMEM, "out of memory");
	code = prepare(tls, smtp->fd, name);
	code = code ? error_set(why, -EPROTO, "no TLS: %s", gnutls_strerror(code))
		    : shake_hands(smtp, tls, why);
	if (code) {
		tls_end(tls);
		return code;
	}
	smtp->tls = tls;
	return 0;
}
