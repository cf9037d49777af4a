/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * work.h - one run of block, unblock, allow or unallow: what block.c (which reads the command and
 * puts) and unblock.c (which takes back) share
 */
#ifndef SMTPWALL_WORK_H
#define SMTPWALL_WORK_H

#include "commands.h"

/* What one run of the command is about. */
struct work {
	const char *command;
	enum manual_slot slot;
	bool put;
	struct options options;
	struct wall *wall;     /* NULL: no wall is up */
	struct ledger *ledger; /* NULL: cannot be used */
	struct error ledger_why;
	struct prefix *prefix;
	struct manual *before;	   /* what the map held of the first `done` of them */
	bool *there;		   /* take back: which of them there were */
	struct unbanned *unbanned; /* unblock: what became of their bans */
	struct cover *cover;
	size_t count, room, done;
};

/* "allowed" or "blocked". */
const char *work_done(const struct work *w);
/* Who did what stands in the log, whoever is at the terminal. */
void work_log(const struct work *w, const struct prefix *p);
/* The ledger cannot be written: ledger_why says why, the rest goes on without it. */
void work_give_up_ledger(struct work *w);

/* Takes back what is in `prefix`; tells; returns the exit status. */
int work_take(struct work *w, struct error *why);

#endif
