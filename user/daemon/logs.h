/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * logs.h - what the files of the service `logs` share
 *
 *   logs      the readers: which, and are they well?
 *   logged    what a line says is handed to the kernel
 *   accounts  from how many sources an account logged in
 *   relay     the alarm: this host is an open relay
 *   mail      which client a message in the queue is from
 */
#ifndef SMTPWALL_DAEMON_LOGS_H
#define SMTPWALL_DAEMON_LOGS_H

#include "../clock.h"
#include "../logs/logs.h"
#include "accounts.h"
#include "daemon.h"

#define REPORT_RESULTS 8 /* enum report_result */

struct log_readers;

struct follow_logs {
	struct log_readers *readers;
	struct accounts *accounts;
	uint64_t result[REPORT_RESULTS]; /* of offences, since this was last told */
	uint64_t strangers;		 /* logins of accounts with too many sources */
	bool charged;			 /* since the positions were saved */
	uint64_t saved;			 /* they were; boot clock, ns */
	struct follow_relay *relay;
};

/* The daemon of the reader that is the context of log_calls. */
struct daemon *logs_daemon(void *reader);

/* --- logged.c --------------------------------------------------------------------------------- */

void logged(void *reader, const struct log_event *e);
/* One line a minute about what was not charged. */
void logged_tell(struct daemon *d);
/* The line's time on the boot clock, ns; never in the future. */
uint64_t logged_when(const struct log_event *e);

/* --- relay.c ---------------------------------------------------------------------------------- */

int relay_start(struct daemon *d, struct error *why);
void relay_stop(struct daemon *d);
void relay_tick(struct daemon *d);
void relay_wall(struct daemon *d);   /* another wall came */
void relay_reload(struct daemon *d); /* another configuration */
/* LOGGED_CLIENT and LOGGED_SENT. */
void relay_event(struct daemon *d, const struct log_event *e);

#endif
