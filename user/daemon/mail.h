/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mail.h - which client a message in the queue is from, and what its recipient's domain is
 *
 * No maps, no clock: it can be tested.
 */
#ifndef SMTPWALL_DAEMON_MAIL_H
#define SMTPWALL_DAEMON_MAIL_H

#include <stdbool.h>
#include <stdint.h>
#include <smtpwall/address.h>
#include "../logs/logs.h"

struct mail;

struct mail_client {
	char queue[LOG_QUEUE];
	struct address source;
	bool authenticated;
	uint64_t when; /* it came */
};

struct mail *mail_new(void); /* NULL: out of memory */
void mail_free(struct mail *m);

/* The message `client->queue` is from this client. The oldest of 4096 makes room. */
void mail_put(struct mail *m, const struct mail_client *client);
/* NULL: not known, or not any more. Good until the next mail_put(). */
const struct mail_client *mail_find(const struct mail *m, const char *queue);

/*
 * The domain of a recipient ("<user@Example.NET>"), in lower case. False for one without a domain, or whose
 * domain has other letters than host names have: an address literal, nonsense.
 */
#define MAIL_DOMAIN 256
bool mail_domain(const char *recipient, char domain[MAIL_DOMAIN]);

#endif
