// SPDX-License-Identifier: GPL-2.0-only
/*
 * ledger_records.c - what the ledger holds: manual entries and overrides
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "ledger_sql.h"

#define MANUAL_COLUMNS "address, length, slot, since, until, who, reason"

static const char *const sql[] = {
	[PUT_MANUAL] = "INSERT OR REPLACE INTO manual (" MANUAL_COLUMNS
		       ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[GET_MANUAL] = "SELECT " MANUAL_COLUMNS
		       " FROM manual WHERE address = ?1 AND length = ?2 AND slot = ?3",
	[DROP_MANUAL] = "DELETE FROM manual WHERE address = ?1 AND length = ?2 AND slot = ?3",
	[EXPIRE_MANUAL] = "DELETE FROM manual WHERE until <= ?1 AND until < 9223372036854775807",
	[PUT_OVERRIDE] =
		("INSERT OR REPLACE INTO override (name, value, configured, who, since, until)"
		 " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
	[GET_OVERRIDE] =
		"SELECT value, configured, who, since, until FROM override WHERE name = ?1",
	[DROP_OVERRIDE] = "DELETE FROM override WHERE name = ?1",
};

/* The kept statement, fresh for new values; NULL with a sentence. */
static sqlite3_stmt *statement(struct ledger *ledger, enum ledger_statement which, int *err,
			       struct error *why)
{
	sqlite3_stmt **kept = &ledger->statement[which];

	*err = 0;
	if (!*kept) {
		int rc = sqlite3_prepare_v3(ledger->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT,
					    kept, NULL);

		if (rc != SQLITE_OK)
			*err = ledger_fail(ledger, rc, why);
	}
	return *kept;
}

/* Values are bound without copies: they live until the statement has run. */
static void bind_text(sqlite3_stmt *s, int at, const char *text)
{
	sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

static void bind_key(sqlite3_stmt *s, const struct prefix *prefix, enum manual_slot slot)
{
	sqlite3_bind_blob(s, 1, prefix->address.byte, ADDRESS_BYTES, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, prefix->length);
	sqlite3_bind_int(s, 3, (int)slot);
}

/* Runs a statement that changes rows; how many, or a negative errno. */
static int change(struct ledger *ledger, sqlite3_stmt *s, struct error *why)
{
	int rc = sqlite3_step(s);
	int result = rc == SQLITE_DONE ? sqlite3_changes(ledger->db) : ledger_fail(ledger, rc, why);

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return result;
}

static int none(const struct ledger *ledger, struct error *why)
{
	return error_set(why, -ENOENT, "the ledger %s has no such entry", ledger->path);
}

static void column_text(sqlite3_stmt *s, int at, char *out, size_t size)
{
	const unsigned char *text = sqlite3_column_text(s, at);

	/* The file may have been edited by other hands: what comes out is clean again. */
	text_clean(text ? (const char *)text : "", out, size);
}

static bool read_manual(sqlite3_stmt *s, struct ledger_manual *out)
{
	int64_t length = sqlite3_column_int64(s, 1), slot = sqlite3_column_int64(s, 2);
	const void *address = sqlite3_column_blob(s, 0);
	struct prefix masked;

	if (!address || sqlite3_column_bytes(s, 0) != ADDRESS_BYTES || length < 0 ||
	    length > ADDRESS_BITS || (slot != MANUAL_ALLOW && slot != MANUAL_BLOCK))
		return false;
	memset(out, 0, sizeof(*out));
	memcpy(out->prefix.address.byte, address, ADDRESS_BYTES);
	out->prefix.length = (__u32)length;
	out->slot = (enum manual_slot)slot;
	out->since = sqlite3_column_int64(s, 3);
	out->until = sqlite3_column_int64(s, 4);
	column_text(s, 5, out->who, sizeof(out->who));
	column_text(s, 6, out->reason, sizeof(out->reason));
	masked = out->prefix;
	prefix_mask(&masked);
	return memcmp(&masked.address, &out->prefix.address, sizeof(masked.address)) == 0;
}

static int fail_row(const struct ledger *ledger, struct error *why)
{
	return error_set(
		why, -EUCLEAN,
		"the ledger %s holds an entry that smtpwall did not write; look at it with "
		"sqlite3 (table manual) and delete it, or move the file away",
		ledger->path);
}

int ledger_put_manual(struct ledger *ledger, const struct ledger_manual *entry, struct error *why)
{
	char who[sizeof(entry->who)], reason[sizeof(entry->reason)];
	struct prefix prefix = entry->prefix;
	sqlite3_stmt *s;
	int err;

	s = statement(ledger, PUT_MANUAL, &err, why);
	if (!s)
		return err;
	prefix_mask(&prefix);
	bind_key(s, &prefix, entry->slot);
	sqlite3_bind_int64(s, 4, entry->since);
	sqlite3_bind_int64(s, 5, entry->until);
	bind_text(s, 6, text_clean(entry->who, who, sizeof(who)));
	bind_text(s, 7, text_clean(entry->reason, reason, sizeof(reason)));
	err = change(ledger, s, why);
	return err < 0 ? err : 0;
}

int ledger_get_manual(struct ledger *ledger, const struct prefix *prefix, enum manual_slot slot,
		      struct ledger_manual *out, struct error *why)
{
	struct ledger_manual entry;
	sqlite3_stmt *s;
	int rc, err;

	s = statement(ledger, GET_MANUAL, &err, why);
	if (!s)
		return err;
	bind_key(s, prefix, slot);
	rc = sqlite3_step(s);
	if (rc == SQLITE_DONE)
		err = none(ledger, why);
	else if (rc != SQLITE_ROW)
		err = ledger_fail(ledger, rc, why);
	else if (!read_manual(s, &entry))
		err = fail_row(ledger, why);
	else
		*out = entry;
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return err;
}

int ledger_drop_manual(struct ledger *ledger, const struct prefix *prefix, enum manual_slot slot,
		       struct error *why)
{
	sqlite3_stmt *s;
	int err;

	s = statement(ledger, DROP_MANUAL, &err, why);
	if (!s)
		return err;
	bind_key(s, prefix, slot);
	err = change(ledger, s, why);
	return err > 0 ? 0 : err == 0 ? none(ledger, why) : err;
}

int ledger_each_manual(struct ledger *ledger,
		       int (*each)(const struct ledger_manual *entry, void *context), void *context,
		       struct error *why)
{
	struct ledger_manual entry;
	sqlite3_stmt *s = NULL;
	int rc, err = 0;

	/* Not a kept statement, so that `each` may use the ledger, even walk it again. */
	rc = sqlite3_prepare_v2(
		ledger->db, "SELECT " MANUAL_COLUMNS " FROM manual ORDER BY address, length, slot",
		-1, &s, NULL);
	if (rc != SQLITE_OK)
		return ledger_fail(ledger, rc, why);
	while (!err && (rc = sqlite3_step(s)) == SQLITE_ROW)
		err = read_manual(s, &entry) ? each(&entry, context) : fail_row(ledger, why);
	if (!err && rc != SQLITE_DONE)
		err = ledger_fail(ledger, rc, why);
	sqlite3_finalize(s);
	return err;
}

int ledger_expire_manual(struct ledger *ledger, int64_t now, struct error *why)
{
	sqlite3_stmt *s;
	int err;

	s = statement(ledger, EXPIRE_MANUAL, &err, why);
	if (!s)
		return err;
	sqlite3_bind_int64(s, 1, now);
	return change(ledger, s, why);
}

int ledger_put_override(struct ledger *ledger, const char *name, const struct ledger_override *o,
			struct error *why)
{
	char who[sizeof(o->who)];
	sqlite3_stmt *s;
	int err;

	s = statement(ledger, PUT_OVERRIDE, &err, why);
	if (!s)
		return err;
	bind_text(s, 1, name);
	bind_text(s, 2, o->value);
	bind_text(s, 3, o->configured);
	bind_text(s, 4, text_clean(o->who, who, sizeof(who)));
	sqlite3_bind_int64(s, 5, o->since);
	sqlite3_bind_int64(s, 6, o->until);
	err = change(ledger, s, why);
	return err < 0 ? err : 0;
}

int ledger_get_override(struct ledger *ledger, const char *name, struct ledger_override *out,
			struct error *why)
{
	sqlite3_stmt *s;
	int rc, err;

	s = statement(ledger, GET_OVERRIDE, &err, why);
	if (!s)
		return err;
	bind_text(s, 1, name);
	rc = sqlite3_step(s);
	if (rc == SQLITE_DONE) {
		err = none(ledger, why);
	} else if (rc != SQLITE_ROW) {
		err = ledger_fail(ledger, rc, why);
	} else {
		memset(out, 0, sizeof(*out));
		/* compared byte by byte with what the configuration says */
		snprintf(out->value, sizeof(out->value), "%s", sqlite3_column_text(s, 0));
		snprintf(out->configured, sizeof(out->configured), "%s", sqlite3_column_text(s, 1));
		column_text(s, 2, out->who, sizeof(out->who));
		out->since = sqlite3_column_int64(s, 3);
		out->until = sqlite3_column_int64(s, 4);
	}
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return err;
}

int ledger_drop_override(struct ledger *ledger, const char *name, struct error *why)
{
	sqlite3_stmt *s;
	int err;

	s = statement(ledger, DROP_OVERRIDE, &err, why);
	if (!s)
		return err;
	bind_text(s, 1, name);
	err = change(ledger, s, why);
	return err > 0 ? 0 : err == 0 ? none(ledger, why) : err;
}
