/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * status.h - what `status` knows (status.c reads it) and how it is shown (status_show.c)
 */
#ifndef SMTPWALL_STATUS_H
#define SMTPWALL_STATUS_H

#include <net/if.h>
#include "commands.h"

#define PROBLEMS 80

struct interface_state {
	char name[IF_NAMESIZE];
	char mode[16];
	enum replies_way replies;
	bool gone;
};

struct status {
	struct wall *wall;
	enum mode mode;
	uint64_t mode_word;
	bool overridden;
	struct ledger_override override;
	struct interface_state interface[CONFIG_INTERFACES];
	unsigned int interfaces;
	struct counters counters;
	struct notices notices;
	struct proof proof;
	struct policy_list *lists;
	struct outcome *outcomes;
	const struct dnsbl_health *dnsbl;
	bool daemon;
	int manual;
	unsigned int problems;
	char problem[PROBLEMS][400];
};

void status_json(const struct status *s);
void status_text(const struct status *s);

#endif
