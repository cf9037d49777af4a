// SPDX-License-Identifier: GPL-2.0-only
/*
 * ledger_statement.c - asking SQLite: statements that are kept, values on their way in and out
 */
#include <errno.h>
#include <string.h>
#include "ledger_sql.h"

sqlite3_stmt *ledger_statement(struct ledger *ledger, enum ledger_statement which, const char *sql,
			       int *err, struct error *why)
{
	sqlite3_stmt **kept = &ledger->statement[which];

	*err = 0;
	if (!*kept) {
		int rc = sqlite3_prepare_v3(ledger->db, sql, -1, SQLITE_PREPARE_PERSISTENT, kept,
					    NULL);

		if (rc != SQLITE_OK)
			*err = ledger_fail(ledger, rc, why);
	}
	return *kept;
}

int ledger_change(struct ledger *ledger, sqlite3_stmt *s, struct error *why)
{
	int rc = sqlite3_step(s);
	int result = rc == SQLITE_DONE ? sqlite3_changes(ledger->db) : ledger_fail(ledger, rc, why);

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return result;
}

void ledger_bind_text(sqlite3_stmt *s, int at, const char *text)
{
	sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

void ledger_bind_address(sqlite3_stmt *s, int at, const struct address *address)
{
	sqlite3_bind_blob(s, at, address->byte, ADDRESS_BYTES, SQLITE_STATIC);
}

void ledger_column_text(sqlite3_stmt *s, int at, char *out, size_t size)
{
	const unsigned char *text = sqlite3_column_text(s, at);

	text_clean(text ? (const char *)text : "", out, size);
}

bool ledger_column_address(sqlite3_stmt *s, int at, struct address *out)
{
	const void *address = sqlite3_column_blob(s, at);

	if (!address || sqlite3_column_bytes(s, at) != ADDRESS_BYTES)
		return false;
	memcpy(out->byte, address, ADDRESS_BYTES);
	return true;
}

bool ledger_column_prefix(sqlite3_stmt *s, int at, struct prefix *out)
{
	int64_t length = sqlite3_column_int64(s, at + 1);
	struct prefix prefix = {.unused = 0}, masked;

	if (!ledger_column_address(s, at, &prefix.address) || length < 0 || length > ADDRESS_BITS)
		return false;
	prefix.length = (__u32)length;
	masked = prefix;
	prefix_mask(&masked);
	if (memcmp(&masked.address, &prefix.address, sizeof(masked.address)) != 0)
		return false;
	*out = prefix;
	return true;
}

bool ledger_column_number(sqlite3_stmt *s, int at, uint32_t *out)
{
	int64_t number = sqlite3_column_int64(s, at);

	if (sqlite3_column_type(s, at) != SQLITE_INTEGER || number < 0 || number > UINT32_MAX)
		return false;
	*out = (uint32_t)number;
	return true;
}

bool ledger_column_time(sqlite3_stmt *s, int at, int64_t *out)
{
	int64_t when = sqlite3_column_int64(s, at);

	if (sqlite3_column_type(s, at) != SQLITE_INTEGER || when < 0)
		return false;
	*out = when;
	return true;
}

int ledger_none(const struct ledger *ledger, struct error *why)
{
	return error_set(why, -ENOENT, "the ledger %s has no such entry", ledger->path);
}

int ledger_bad_row(const struct ledger *ledger, const char *table, struct error *why)
{
	return error_set(
		why, -EUCLEAN,
		"the ledger %s holds an entry that smtpwall did not write; look at it with "
		"sqlite3 (table %s) and delete it, or move the file away",
		ledger->path, table);
}

bool ledger_knows_abuse(struct ledger *ledger)
{
	/* Whoever writes may have completed the file since it was opened. */
	if (ledger->schema < 2)
		ledger->schema = ledger_number(ledger->db, "PRAGMA user_version");
	return ledger->schema >= 2;
}

int ledger_rows(struct ledger *ledger, sqlite3_stmt *s, const char *table,
		int (*row)(sqlite3_stmt *s, void *context), void *context, struct error *why)
{
	bool bad = false;
	int rc, err = 0;

	while (!err && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		err = row(s, context);
		bad |= err == -EUCLEAN;
		err = err == -EUCLEAN ? 0 : err;
	}
	if (!err && rc != SQLITE_DONE)
		err = ledger_fail(ledger, rc, why);
	else if (!err && bad)
		err = ledger_bad_row(ledger, table, why);
	sqlite3_finalize(s);
	return err;
}
