/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * self.h - what the files of the service `self` share: self.c asks and tells, self_kept.c remembers what
 * was told over a restart
 */
#ifndef SMTPWALL_DAEMON_SELF_H
#define SMTPWALL_DAEMON_SELF_H

#include "../self/self.h"
#include "daemon.h"

/* One address and one site. */
struct self_pair {
	uint64_t identity; /* of the zone: another one may get its place */
	uint64_t due;	   /* boot clock, ns */
	uint64_t heard;	   /* boot clock, ns: when a yes came that is not believed yet; 0: none */
	bool pending, listed;
	struct dnsbl_answer answer;
};

/* A listing that was known before this daemon, or this wall, began. */
struct self_kept {
	uint64_t identity;
	struct dnsbl_answer answer;
};

struct self_own {
	struct address address;
	unsigned int pending;
	uint64_t told; /* sum of the identities of the sites that the log was told of; 0: none */
	char text[sizeof(((struct fault *)0)->text)]; /* of the fault; "": to be written */
	struct self_pair pair[DNSBL_SITES];
	struct self_kept kept[DNSBL_SITES];
	unsigned int keeps;
};

struct follow_self {
	struct self_own *own[SELF_ADDRESSES];
	unsigned int owns;
};

/* Fills `kept` and `told` of a new address. */
void self_kept_read(struct self_own *own);
/* `is_told`: was the log told of this one? */
void self_kept_write(const struct follow_self *f,
		     bool (*is_told)(void *context, const struct self_own *own, unsigned int site),
		     void *context);

#endif
