/* SPDX-License-Identifier: GPL-2.0-only */
/* wall.h - an open wall, for the files of this room */
#ifndef SMTPWALL_WALL_H
#define SMTPWALL_WALL_H

#include <stddef.h>
#include <stdint.h>
#include <smtpwall/dnsbl.h>
#include <smtpwall/health.h>
#include <smtpwall/refuse.h>
#include <smtpwall/settings.h>
#include <smtpwall/sources.h>
#include "../text.h"

/* The maps that user space opens, in the order of struct wall's table. */
enum wall_map {
	MAP_SETTINGS,
	MAP_COUNTERS,
	MAP_LIST_COUNTERS,
	MAP_NOTICES,
	MAP_MANUAL,
	MAP_MANUAL_LENGTHS,
	MAP_PROVEN,
	MAP_PROOF,
	MAP_LISTS,
	MAP_HEALTH,
	MAP_DNSBL,
	MAP_DNSBL_HEALTH,
	MAP_DEFERRED,
	MAP_BANS,
	MAP_KNOWN,
	MAP_ABUSE,
	MAP_REPLY_COUNTS,
	MAP_REFUSALS,
	MAP_TOLD,
	MAP_REFUSE_STATE,
	MAP_REFUSE_COUNTS,
	MAP_REFUSE_HEALTH,
	MAP_REFUSE_SOCKETS,
	MAP_EVENTS,
	MAP_WATCHED,
	MAP_POLICY_INDEX,
	MAP_POLICY_PAGES,
	MAP_POLICY_FENCE,
	WALL_MAPS,
};

struct wall {
	int fd[WALL_MAPS];
	volatile struct settings *settings;
	volatile struct manual_lengths *lengths;
	struct health *health;
	struct dnsbl_health *dnsbl;
	struct refuse_health *refuse;
};

/* Reads one element of a per-CPU map and adds up the 64-bit words of all CPUs. */
int wall_sum(int fd, uint32_t key, void *out, size_t size, struct error *why);

#endif
