/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ledger_sql.h - between ledger.c (the file) and ledger_records.c (what is in it); nobody else
 * needs this
 */
#ifndef SMTPWALL_LEDGER_SQL_H
#define SMTPWALL_LEDGER_SQL_H

#include <sqlite3.h>
#include "ledger.h"

/* How long a command waits for another one that writes. */
#define LEDGER_WAIT_MS 10000

/* Statements that are prepared once and kept. */
enum ledger_statement {
	PUT_MANUAL,
	GET_MANUAL,
	DROP_MANUAL,
	EXPIRE_MANUAL,
	PUT_OVERRIDE,
	GET_OVERRIDE,
	DROP_OVERRIDE,
	LEDGER_STATEMENTS,
};

struct ledger {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *statement[LEDGER_STATEMENTS];
};

/* Negative errno and sentence for what SQLite just answered; for a file that is not as it should
 * be. */
int ledger_fail(const struct ledger *ledger, int rc, struct error *why);
int ledger_damaged(const struct ledger *ledger, const char *how, struct error *why);

/* Runs statements that answer nothing. */
int ledger_run(struct ledger *ledger, const char *sql, struct error *why);

/* One number that a PRAGMA or query answers; -1 if it does not. */
int64_t ledger_number(sqlite3 *db, const char *sql);

#endif
