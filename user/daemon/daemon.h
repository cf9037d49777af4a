/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * daemon.h - the event loop and its services
 *
 * Each service is a row of a table in loop.c: start, reload (new configuration), tick (every
 * minute, because events are hints), wall (the wall came or went), stop. The daemon changes policy
 * and attachments only by starting `smtpwall up` or `smtpwall load` as a child, one at a time, the
 * same code that an administrator runs.
 */
#ifndef SMTPWALL_DAEMON_H
#define SMTPWALL_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include "../commands/commands.h"

struct daemon {
	sd_event *loop;
	struct config *config;
	struct wall *wall; /* NULL while no wall is up */
	uint64_t wall_identity;
	uint64_t next_tick; /* boot clock, ns */
	uint64_t refused;   /* a wall that could not be opened: told once */
	int lock;	    /* of the daemon, -1 while no wall is up */
	bool exiting;
	bool waiting; /* for an interface to come before the wall is put up the first time */
	struct children *children;
	struct follow_lists *lists;
	struct follow_links *links;
	struct follow_events *events;
	struct follow_dnsbl *dnsbl;
	struct cuts *cuts;
	struct follow_bans *bans;
	struct follow_shares *shares;
	struct follow_logs *logs;
	struct refusing *refusing;
	struct follow_self *self;
};

struct service {
	const char *name;
	int (*start)(struct daemon *d, struct error *why);
	void (*reload)(struct daemon *d);
	void (*second)(struct daemon *d); /* cheap looks only */
	void (*tick)(struct daemon *d);
	void (*wall)(struct daemon *d); /* d->wall changed */
	void (*stop)(struct daemon *d);
};

extern const struct service service_children, service_lists, service_links, service_dnsbl,
	service_events, service_upkeep, service_cuts, service_bans, service_known, service_shares,
	service_logs, service_refuse, service_self;

/* --- child.c --------------------------------------------------------------------------------- */

#define CHILD_WORDS 32

/*
 * Queues `smtpwall WORD...` to be run as a child (the place options are added). Its output goes to
 * the log; a failure becomes the fault `what`, a success clears it. A command that waits in the
 * queue already is not queued twice. `done` may be NULL; status is the exit status, or negative if
 * it could not be run.
 */
void child_run(struct daemon *d, const char *what, const char *const word[],
	       void (*done)(struct daemon *d, int status));

/* The whole command line of a child in `argv`: name, words, place options, NULL. All borrowed. */
void child_words(const char *const word[], const char *argv[CHILD_WORDS + 1]);

/* `up` as the configuration says, unless the wall in hand was taken down meanwhile. */
void child_up(struct daemon *d, const char *what, void (*done)(struct daemon *d, int status));

/* --- links.c --------------------------------------------------------------------------------- */

/* Where the wall is wanted, by the daemon's configuration and the ledger. */
int links_wanted(struct daemon *d, struct interfaces *out);

/* --- dnsbl.c --------------------------------------------------------------------------------- */

/* An event that may be a request for a lookup. */
void dnsbl_event(struct daemon *d, const struct event *e);

/* --- cut.c ----------------------------------------------------------------------------------- */

/*
 * Ends sessions, soon, together with others: those of a source that were begun at `begun` or later, if it
 * is the DNSBLs that drop it; all of them (and with `begun` 0 these only) if it is banned or blocked.
 */
void cut_sessions(struct daemon *d, const struct address *source, uint64_t begun);
/* All sessions of who is banned or blocked in here. */
void cut_prefix(struct daemon *d, const struct prefix *prefix);

/* --- bans.c ---------------------------------------------------------------------------------- */

/* An event that may tell of a ban, or of a source that should have no session any more. */
void bans_event(struct daemon *d, const struct event *e);
/* The map is walked within a second: there is a new ban in it. */
void bans_look(struct daemon *d);

/* --- report.c -------------------------------------------------------------------------------- */

/* Hands it to program `report`. False if that cannot be done, which becomes a fault. */
bool report_send(struct daemon *d, struct report *report);

/* --- share.c --------------------------------------------------------------------------------- */

/* An event that may tell of a source that was spared. */
void shares_event(struct daemon *d, const struct event *e);

/* --- health.c -------------------------------------------------------------------------------- */

/* Puts a fault up for everybody to see, and logs it when it is new or other than before; clears it.
 */
void fault_set(struct daemon *d, const char *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void fault_clear(struct daemon *d, const char *what);
/* All faults whose subject begins like this. */
void fault_clear_all(struct daemon *d, const char *begin);
void heartbeat(struct daemon *d);

#endif
