/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ledger.h - what must survive a reboot: an SQLite file, STATE/ledger.db
 *
 * Manual blocks and allows (of which it is the truth; the map `manual` is their copy in force) and
 * overrides ("the last change wins"). WAL, synchronous=FULL, size bounded. Nothing confirmed is
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
 * there is none. `max_bytes` bounds the file (0: default 256 MiB).
 */
int ledger_open(const char *state, bool readonly, uint64_t max_bytes, struct ledger **out,
		struct error *why);
void ledger_close(struct ledger *ledger); /* NULL allowed; rolls back an open transaction */

/* A write transaction (BEGIN IMMEDIATE, waits up to 10 s for other writers: -EBUSY). */
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

/* Who gives the command: "NAME" from SUDO_USER, else the name of the real uid, else "uid N". */
const char *ledger_who(char buffer[64]);

#endif
