/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ledger_sql.h - between the files of the ledger: ledger.c and ledger_open.c (the file),
 * ledger_statement.c (asking SQLite), ledger_records.c, ledger_bans.c and ledger_days.c (what is in
 * it); nobody else needs this
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
	PUT_BAN,
	GET_BAN,
	DROP_BAN,
	EXPIRE_BANS,
	SURPLUS_BANS,
	ADD_DAY,
	GET_KNOWN,
	EXPIRE_DAYS,
	FORGET_OFFENCES,
	COUNT_DAYS,
	GIVE_UP_OFFENCES,
	GIVE_UP_DAYS,
	PAGES,
	PAGES_FREE,
	PAGES_MOST,
	LEDGER_STATEMENTS,
};

struct ledger {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *statement[LEDGER_STATEMENTS];
	int wait_ms;	   /* for other writers */
	int64_t schema;	   /* of the file: 1 only where an old one is read and may not be changed */
	int64_t days_most; /* LEDGER_DAYS_MOST, but in tests */
	int64_t days_room; /* so many may be added before they must be counted again */
	uint32_t days_added;
};

/*
 * The table of days could be filled by a botnet, a row for each of its addresses; more than this is
 * not kept. Two processes that add at the same time may go a little over it.
 */
#define LEDGER_DAYS_MOST 1000000

/* Negative errno and sentence for what SQLite just answered; for a file that is not as it should
 * be. */
int ledger_fail(const struct ledger *ledger, int rc, struct error *why);
int ledger_damaged(const struct ledger *ledger, const char *how, struct error *why);

/* Runs statements that answer nothing. */
int ledger_run(struct ledger *ledger, const char *sql, struct error *why);

/* One number that a PRAGMA or query answers; -1 if it does not. */
int64_t ledger_number(sqlite3 *db, const char *sql);

/* --- ledger_statement.c ----------------------------------------------------------------------- */

/* The kept statement, prepared from `sql` when it is first used; NULL with a sentence. */
sqlite3_stmt *ledger_statement(struct ledger *ledger, enum ledger_statement which, const char *sql,
			       int *err, struct error *why);
/* Runs a statement that changes rows; how many, or a negative errno. */
int ledger_change(struct ledger *ledger, sqlite3_stmt *s, struct error *why);

/* Values are bound without copies: they must live until the statement has run. */
void ledger_bind_text(sqlite3_stmt *s, int at, const char *text);
void ledger_bind_address(sqlite3_stmt *s, int at, const struct address *address);

/*
 * The file may have been edited by other hands: text comes out clean again; the others are false
 * when the column is not what smtpwall writes there.
 */
void ledger_column_text(sqlite3_stmt *s, int at, char *out, size_t size);
bool ledger_column_address(sqlite3_stmt *s, int at, struct address *out);
/* Address and length in two columns; no bits behind the length. */
bool ledger_column_prefix(sqlite3_stmt *s, int at, struct prefix *out);
bool ledger_column_number(sqlite3_stmt *s, int at, uint32_t *out);
bool ledger_column_time(sqlite3_stmt *s, int at, int64_t *out);

/*
 * Runs a statement of the caller's, and ends it: `row` reads one row and hands it on; it returns what its
 * receiver said (not 0 ends the walk), or -EUCLEAN for a row that cannot be read. Such rows are left out,
 * and told at the end. Not for kept statements: a receiver may use the ledger, even walk it again.
 */
int ledger_rows(struct ledger *ledger, sqlite3_stmt *s, const char *table,
		int (*row)(sqlite3_stmt *s, void *context), void *context, struct error *why);

/* -ENOENT, and -EUCLEAN for a row of `table` that could not be read. */
int ledger_none(const struct ledger *ledger, struct error *why);
int ledger_bad_row(const struct ledger *ledger, const char *table, struct error *why);

/* Does the file have the tables of schema 2? Not if it is an old one, opened for reading. */
bool ledger_knows_abuse(struct ledger *ledger);

/* --- ledger_days.c ---------------------------------------------------------------------------- */

/*
 * To be called before a row is put that matters more than what sources did by day: near the file's
 * largest size, days are given up for it. Whether the row then fits, SQLite says.
 */
int ledger_make_room(struct ledger *ledger, struct error *why);

#endif
