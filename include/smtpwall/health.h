/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * health.h - the map `health`, one element: what the daemon knows to be wrong, in words
 *
 * Written by the daemon only, readable by everybody also when it is dead: `smtpwall status`,
 * bpftool.
 */
#ifndef SMTPWALL_HEALTH_H
#define SMTPWALL_HEALTH_H

#include <linux/types.h>

#define HEALTH_FAULTS 64

struct fault {
	__s64 since;   /* wall clock, seconds; 0: this place is free */
	char what[64]; /* "list spamhaus-drop", "interface eth0": what it is about */
	char text[312];
};

struct health {
	__u64 heartbeat;    /* boot clock, ns; every second */
	__s64 daemon_since; /* wall clock, seconds; 0: no daemon, or it ended in good order */
	struct fault fault[HEALTH_FAULTS];
};

#endif
