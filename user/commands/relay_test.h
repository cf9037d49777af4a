/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * relay_test.h - one run of relay-test: what its files share
 */
#ifndef SMTPWALL_RELAY_TEST_H
#define SMTPWALL_RELAY_TEST_H

#include "../relay/relay.h"
#include "commands.h"

#define RELAY_ADDRESSES 8 /* of one name that are tested */

struct relay_run {
	const char *given; /* as the user wrote it */
	char host[SMTP_NAME];
	uint16_t port;
	bool literal; /* an address was given */
	struct options options;
	struct relay_plan plan;
	struct relay_walk *walk; /* one more than addresses: for what was left out */
	unsigned int walks;
	enum relay_verdict verdict;
	char reason[1024];
};

/* --- relay_test_host.c ------------------------------------------------------------------------- */

/* HOST, HOST:PORT, [IPv6]:PORT. False: it is none. */
bool relay_host_parse(const char *text, char host[SMTP_NAME], uint16_t *port, bool *literal);

/*
 * Looks the host up for both families and notes each address as a walk, of which those of this machine are
 * over before they began. -ENOENT with a sentence: there is no such name.
 */
int relay_host_find(struct relay_run *run, struct error *why);

/* --- relay_test_show.c ------------------------------------------------------------------------- */

void relay_show(const struct relay_run *run);
void relay_show_json(const struct relay_run *run);

#endif
