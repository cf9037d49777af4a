/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ledger.h - what must survive a reboot: an SQLite file, STATE/ledger.db
 *
 * Manual blocks and allows (of which it is the truth; the map `manual` is their copy in force),
 * overrides ("the last change wins"), a copy of the map `bans`, and what sources did by day. WAL, synchronous=FULL, size bounded. Nothing confirmed is
 * lost by kill -9 or a power cut right after. Times are wall clock seconds, INT64_MAX is never.
 *
 * Concurrent writers wait for each other (busy timeout); whoever changes the map `manual` does so
 * between ledger_begin() and ledger_commit(), so that SQLite's write lock is also the lock of the
 * map.
 */
#ifndef SMTPWALL_LEDGER_H
#define SMTPWALL_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <smtpwall/abuse.h>
#include "text.h"

struct ledger;

enum manual_slot {
	MANUAL_ALLOW = 0,
	MANUAL_BLOCK = 1,
};

struct ledger_manual {
	struct prefix prefix;
	enum manual_slot slot;
	int64_t since;
	int64_t until; /* INT64_MAX: until it is taken back */
	char who[64];
	char reason[256]; /* cleaned by text_clean(); may be empty */
};

struct ledger_override {
	char value[256];      /* what was chosen ("enforce") */
	char configured[256]; /* what the configuration said then: while it still does, the choice
				 stands */
	char who[64];
	int64_t since;
	int64_t until; /* INT64_MAX: no end */
};

/*
 * Opens or creates STATE/ledger.db (the directory is created, 0700). A file that is damaged
 * (SQLITE_CORRUPT, SQLITE_NOTADB) is not touched: -EUCLEAN with a sentence that names the file and
 * the way out. -EROFS, -EACCES, -ENOSPC, -EIO as they come. `readonly` never creates: -ENOENT if
 * there is none. `max_bytes` bounds the file (0: default 256 MiB). A ledger of an older version is
 * completed when it is opened for writing; opened `readonly` it answers as if it held no bans and
 * no days. One of a newer version is refused: -EPROTO.
 */
int ledger_open(const char *state, bool readonly, uint64_t max_bytes, struct ledger **out,
		struct error *why);
void ledger_close(struct ledger *ledger); /* NULL allowed; rolls back an open transaction */

/*
 * How long this process waits for others that write, from the next ledger_open() on. The daemon must not
 * stand still as long as a command may: its loop has sessions to cut, and a watchdog.
 */
#define LEDGER_BRIEF_MS 200
void ledger_wait(int milliseconds);

/* A write transaction (BEGIN IMMEDIATE, waits up to 10 s, or ledger_wait(), for other writers: -EBUSY). */
int ledger_begin(struct ledger *ledger, struct error *why);
int ledger_commit(struct ledger *ledger,
		  struct error *why); /* durable when it returns 0; -ENOSPC ... */
void ledger_rollback(struct ledger *ledger);

/* Manual entries; one per (prefix, slot), put replaces. get and drop: -ENOENT if there is none. */
int ledger_put_manual(struct ledger *ledger, const struct ledger_manual *entry, struct error *why);
int ledger_get_manual(struct ledger *ledger, const struct prefix *prefix, enum manual_slot slot,
		      struct ledger_manual *out, struct error *why);
int ledger_drop_manual(struct ledger *ledger, const struct prefix *prefix, enum manual_slot slot,
		       struct error *why);
/* Calls `each` in order of address; a non-zero return ends the walk and is returned. */
int ledger_each_manual(struct ledger *ledger,
		       int (*each)(const struct ledger_manual *entry, void *context), void *context,
		       struct error *why);
/* Deletes entries that ended before `now`; returns how many or a negative errno. */
int ledger_expire_manual(struct ledger *ledger, int64_t now, struct error *why);

/* Overrides by name ("mode"). get: -ENOENT if there is none. */
int ledger_put_override(struct ledger *ledger, const char *name, const struct ledger_override *o,
			struct error *why);
int ledger_get_override(struct ledger *ledger, const char *name, struct ledger_override *out,
			struct error *why);
int ledger_drop_override(struct ledger *ledger, const char *name, struct error *why);

/*
 * A copy of the map `bans`, which is the truth: what a reboot puts back.
 *
 * A row that smtpwall did not write (somebody edited the file) is never handed out. It stops no
 * walk: ledger_each_...() below give all sound rows, and only then -EUCLEAN with a sentence.
 * A ban that is wider than any the kernel makes (IPv4 /24, IPv6 /48) counts as such a row.
 *
 * Near the file's largest size bans, manual entries and overrides find room at the cost of what
 * sources did by day.
 */
struct ledger_ban {
	struct prefix prefix;
	int64_t since, until, remember, offended; /* as in struct ban, but of the wall clock */
	uint32_t strikes;
	enum mode mode;
	enum ban_origin origin;
	uint32_t members;
	uint32_t offence[OFFENCES];
	uint32_t last;
	char text[EVIDENCE_TEXT]; /* cleaned by text_clean(); may be empty */
};

/* One per prefix, put replaces. -EINVAL for one that could not be read back. */
int ledger_put_ban(struct ledger *ledger, const struct ledger_ban *ban, struct error *why);
/* get and drop: -ENOENT if there is none. */
int ledger_get_ban(struct ledger *ledger, const struct prefix *prefix, struct ledger_ban *out,
		   struct error *why);
int ledger_drop_ban(struct ledger *ledger, const struct prefix *prefix, struct error *why);
/* Calls `each` in order of address; a non-zero return ends the walk and is returned. */
int ledger_each_ban(struct ledger *ledger, int (*each)(const struct ledger_ban *ban, void *context),
		    void *context, struct error *why);
/*
 * Deletes bans whose strikes need no remembering (remember <= now), and what is more than the map
 * holds (BANS_MAX), the soonest forgotten first; returns how many or a negative errno.
 */
int ledger_expire_bans(struct ledger *ledger, int64_t now, struct error *why);

/* What one source did on one day. */
struct ledger_day {
	struct address source;
	int64_t day; /* since the epoch, UTC */
	uint32_t offence[OFFENCES];
	uint32_t mail; /* messages accepted */
};

/*
 * Adds to what is there; numbers stop at UINT32_MAX. A million rows are kept, and three quarters of
 * the file's largest size; beyond that the oldest go, those without mail before all others.
 * -ENOSPC when there are none to give up, -EINVAL for a day before the epoch. For many rows begin
 * a transaction: each one alone waits for the disk.
 */
int ledger_add_day(struct ledger *ledger, const struct ledger_day *day, struct error *why);
/*
 * Calls `each` for the days from `from_day` on, of one source or (NULL) of all, in order of day and
 * address; a non-zero return ends the walk and is returned. As ledger_each_ban() with bad rows.
 */
int ledger_each_day(struct ledger *ledger, const struct address *source, int64_t from_day,
		    int (*each)(const struct ledger_day *day, void *context), void *context,
		    struct error *why);
/*
 * Deletes all days before `before_day`, and what is more than a million rows; returns how many or a
 * negative errno.
 */
int ledger_expire_days(struct ledger *ledger, int64_t before_day, struct error *why);
/* No offence is held against the source any more, of any day; its mail stays. 0 also if there was
 * none. */
int ledger_forget_offences(struct ledger *ledger, const struct address *source, struct error *why);

/* What one source sent, summed up. */
struct ledger_known {
	struct address source;
	uint32_t messages, days; /* on which it sent any */
	int64_t last_day;
};

/*
 * Calls `each`, in order of address, for the senders with at least `messages` messages on at least
 * `days` days since `from_day`; a non-zero return ends the walk and is returned. As
 * ledger_each_ban() with bad rows.
 */
int ledger_each_known(struct ledger *ledger, int64_t from_day, uint32_t messages, uint32_t days,
		      int (*each)(const struct ledger_known *known, void *context), void *context,
		      struct error *why);
/* The same sums for one source, however few; -ENOENT if it sent no mail since `from_day`. */
int ledger_get_known(struct ledger *ledger, const struct address *source, int64_t from_day,
		     struct ledger_known *out, struct error *why);

/* Who gives the command: "NAME" from SUDO_USER, else the name of the real uid, else "uid N". */
const char *ledger_who(char buffer[64]);

#endif
