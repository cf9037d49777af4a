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

static sqlite3_stmt *statement(struct ledger *ledger, enum ledger_statement which, int *err,
			       struct error *why)
{
	return ledger_statement(ledger, which, sql[which], err, why);
}

static void bind_key(sqlite3_stmt *s, const struct prefix *prefix, enum manual_slot slot)
{
	ledger_bind_address(s, 1, &prefix->address);
	sqlite3_bind_int64(s, 2, prefix->length);
	sqlite3_bind_int(s, 3, (int)slot);
}

static bool read_manual(sqlite3_stmt *s, struct ledger_manual *out)
{
	int64_t slot = sqlite3_column_int64(s, 2);

	memset(out, 0, sizeof(*out));
	if (!ledger_column_prefix(s, 0, &out->prefix) ||
	    (slot != MANUAL_ALLOW && slot != MANUAL_BLOCK))
		return false;
	out->slot = (enum manual_slot)slot;
	out->since = sqlite3_column_int64(s, 3);
	out->until = sqlite3_column_int64(s, 4);
	ledger_column_text(s, 5, out->who, sizeof(out->who));
	ledger_column_text(s, 6, out->reason, sizeof(out->reason));
	return true;
}

int ledger_put_manual(struct ledger *ledger, const struct ledger_manual *entry, struct error *why)
{
	char who[sizeof(entry->who)], reason[sizeof(entry->reason)];
	struct prefix prefix = entry->prefix;
	sqlite3_stmt *s;
	int err;

	err = ledger_make_room(ledger, why);
	if (err)
		return err;
	s = statement(ledger, PUT_MANUAL, &err, why);
	if (!s)
		return err;
	prefix_mask(&prefix);
	bind_key(s, &prefix, entry->slot);
	sqlite3_bind_int64(s, 4, entry->since);
	sqlite3_bind_int64(s, 5, entry->until);
	ledger_bind_text(s, 6, text_clean(entry->who, who, sizeof(who)));
	ledger_bind_text(s, 7, text_clean(entry->reason, reason, sizeof(reason)));
	err = ledger_change(ledger, s, why);
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
		err = ledger_none(ledger, why);
	else if (rc != SQLITE_ROW)
		err = ledger_fail(ledger, rc, why);
	else if (!read_manual(s, &entry))
		err = ledger_bad_row(ledger, "manual", why);
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
	err = ledger_change(ledger, s, why);
	return err > 0 ? 0 : err == 0 ? ledger_none(ledger, why) : err;
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
		err = read_manual(s, &entry) ? each(&entry, context)
					     : ledger_bad_row(ledger, "manual", why);
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
	return ledger_change(ledger, s, why);
}

int ledger_put_override(struct ledger *ledger, const char *name, const struct ledger_override *o,
			struct error *why)
{
	char who[sizeof(o->who)];
	sqlite3_stmt *s;
	int err;

	err = ledger_make_room(ledger, why);
	if (err)
		return err;
	s = statement(ledger, PUT_OVERRIDE, &err, why);
	if (!s)
		return err;
	ledger_bind_text(s, 1, name);
	ledger_bind_text(s, 2, o->value);
	ledger_bind_text(s, 3, o->configured);
	ledger_bind_text(s, 4, text_clean(o->who, who, sizeof(who)));
	sqlite3_bind_int64(s, 5, o->since);
	sqlite3_bind_int64(s, 6, o->until);
	err = ledger_change(ledger, s, why);
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
	ledger_bind_text(s, 1, name);
	rc = sqlite3_step(s);
	if (rc == SQLITE_DONE) {
		err = ledger_none(ledger, why);
	} else if (rc != SQLITE_ROW) {
		err = ledger_fail(ledger, rc, why);
	} else {
		memset(out, 0, sizeof(*out));
		/* compared byte by byte with what the configuration says */
		snprintf(out->value, sizeof(out->value), "%s", sqlite3_column_text(s, 0));
		snprintf(out->configured, sizeof(out->configured), "%s", sqlite3_column_text(s, 1));
		ledger_column_text(s, 2, out->who, sizeof(out->who));
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
	ledger_bind_text(s, 1, name);
	err = ledger_change(ledger, s, why);
	return err > 0 ? 0 : err == 0 ? ledger_none(ledger, why) : err;
}
