/* SPDX-License-Identifier: GPL-2.0-only */
/* lookup.h - one source that is asked about: lookups.c makes it, verdict.c draws the conclusion */
#ifndef SMTPWALL_DAEMON_LOOKUP_H
#define SMTPWALL_DAEMON_LOOKUP_H

#include <sys/queue.h>
#include "dnsbl.h"

struct lookup {
	TAILQ_ENTRY(lookup) entry;
	struct address source; /* first: what the tree compares is in front */
	struct daemon *d;
	uint64_t begun;	  /* boot clock, ns: of the session or SYN that is the reason */
	uint64_t started; /* monotonic, us: when it began to wait, then when it began to run */
	bool proven;
	bool running;
	bool finished;	  /* the score is in the map; replies that are missing came too late */
	uint32_t asked;	  /* bits: sites that were asked */
	uint32_t replied; /* bits: of these that said something */
	unsigned int pending;
	struct dnsbl_reply reply[DNSBL_SITES];
};
/* The score goes into the map; what did not answer counts 0. A new listing is told, and its session cut. */
void verdict_put(struct daemon *d, const struct lookup *lookup);

#endif
