/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * budget.h - how many new sources may be looked up: all together, and of one network
 *
 * All zero is a budget with nothing in it. Times are microseconds of a clock that only goes on.
 */
#ifndef SMTPWALL_DAEMON_BUDGET_H
#define SMTPWALL_DAEMON_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include <smtpwall/address.h>

#define BUDGET_NETWORKS 4096 /* networks that fall on the same place share one budget */

struct budget {
	uint64_t left, grown; /* left: in millionths of a source; grown: when */
	struct {
		uint64_t second, spent;
	} network[BUDGET_NETWORKS];
};

/* The budget grows with time by `rate` sources a second, up to those of one second. */
void budget_grow(struct budget *b, uint64_t rate, uint64_t now_us);
/* Is there room for one more source? */
bool budget_is_left(const struct budget *b);
/* Takes one source, unless its network has had `network_rate` in this second. */
bool budget_take(struct budget *b, const struct address *source, uint64_t network_rate,
		 uint64_t now_us);

#endif
