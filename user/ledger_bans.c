// SPDX-License-Identifier: GPL-2.0-only
/*
 * ledger_bans.c - the ledger's copy of the map `bans`
 */
#include <errno.h>
#include <string.h>
#include "ledger_sql.h"

#define BAN_COLUMNS                                                                                \
	"address, length, since, until, remember, offended, strikes, mode, origin, members,"       \
	" relay_denied, auth_failed, unknown_user, protocol_error, last, text"

/* No ban of the kernel is wider, so a wider one in the file was not written by smtpwall. */
#define WIDEST_V4 120
#define WIDEST_V6 48

_Static_assert(OFFENCES == 4 && OFFENCE_PROTOCOL_ERROR == 3, "the columns of the table ban");
_Static_assert(BANS_MAX == 32768, "the number in SURPLUS_BANS");

static const char *const sql[] = {
	[PUT_BAN] = ("INSERT OR REPLACE INTO ban (" BAN_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6,"
		     " ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"),
	[GET_BAN] = ("SELECT " BAN_COLUMNS " FROM ban WHERE address = ?1 AND length = ?2"),
	[DROP_BAN] = "DELETE FROM ban WHERE address = ?1 AND length = ?2",
	[EXPIRE_BANS] = "DELETE FROM ban WHERE remember <= ?1",
	[SURPLUS_BANS] = ("DELETE FROM ban WHERE (address, length) IN (SELECT address, length"
			  " FROM ban ORDER BY remember DESC LIMIT -1 OFFSET 32768)"),
};

static sqlite3_stmt *statement(struct ledger *ledger, enum ledger_statement which, int *err,
			       struct error *why)
{
	return ledger_statement(ledger, which, sql[which], err, why);
}

static bool is_sound(const struct ledger_ban *ban)
{
	return ban->prefix.length <= ADDRESS_BITS &&
	       ban->prefix.length >=
		       (address_is_v4(&ban->prefix.address) ? WIDEST_V4 : WIDEST_V6) &&
	       ban->since >= 0 && ban->until >= 0 && ban->remember >= 0 && ban->offended >= 0 &&
	       (ban->mode == MODE_MONITOR || ban->mode == MODE_ENFORCE) &&
	       ban->origin >= BAN_BY_REPLY && ban->origin <= BAN_WIDENED && ban->last < OFFENCES;
}

static bool read_ban(sqlite3_stmt *s, struct ledger_ban *out)
{
	uint32_t mode, origin;

	memset(out, 0, sizeof(*out));
	if (!ledger_column_prefix(s, 0, &out->prefix) || !ledger_column_time(s, 2, &out->since) ||
	    !ledger_column_time(s, 3, &out->until) || !ledger_column_time(s, 4, &out->remember) ||
	    !ledger_column_time(s, 5, &out->offended) ||
	    !ledger_column_number(s, 6, &out->strikes) || !ledger_column_number(s, 7, &mode) ||
	    !ledger_column_number(s, 8, &origin) || !ledger_column_number(s, 9, &out->members) ||
	    !ledger_column_number(s, 14, &out->last))
		return false;
	for (int i = 0; i < OFFENCES; i++)
		if (!ledger_column_number(s, 10 + i, &out->offence[i]))
			return false;
	out->mode = (enum mode)mode;
	out->origin = (enum ban_origin)origin;
	ledger_column_text(s, 15, out->text, sizeof(out->text));
	return is_sound(out);
}

static void bind_prefix(sqlite3_stmt *s, const struct prefix *prefix)
{
	ledger_bind_address(s, 1, &prefix->address);
	sqlite3_bind_int64(s, 2, prefix->length);
}

int ledger_put_ban(struct ledger *ledger, const struct ledger_ban *ban, struct error *why)
{
	struct prefix prefix = ban->prefix;
	char text[sizeof(ban->text)], name[PREFIX_TEXT];
	sqlite3_stmt *s;
	int err;

	if (!is_sound(ban))
		return error_set(why, -EINVAL,
				 "the ledger %s does not take this ban of %s: a number of it is "
				 "out of bounds",
				 ledger->path, prefix_text(&prefix, name));
	if (!ledger_knows_abuse(ledger))
		return ledger_fail(ledger, SQLITE_READONLY, why);
	err = ledger_make_room(ledger, why);
	if (err)
		return err;
	s = statement(ledger, PUT_BAN, &err, why);
	if (!s)
		return err;
	prefix_mask(&prefix);
	bind_prefix(s, &prefix);
	sqlite3_bind_int64(s, 3, ban->since);
	sqlite3_bind_int64(s, 4, ban->until);
	sqlite3_bind_int64(s, 5, ban->remember);
	sqlite3_bind_int64(s, 6, ban->offended);
	sqlite3_bind_int64(s, 7, ban->strikes);
	sqlite3_bind_int64(s, 8, ban->mode);
	sqlite3_bind_int64(s, 9, ban->origin);
	sqlite3_bind_int64(s, 10, ban->members);
	for (int i = 0; i < OFFENCES; i++)
		sqlite3_bind_int64(s, 11 + i, ban->offence[i]);
	sqlite3_bind_int64(s, 15, ban->last);
	ledger_bind_text(s, 16, text_clean(ban->text, text, sizeof(text)));
	err = ledger_change(ledger, s, why);
	return err < 0 ? err : 0;
}

int ledger_get_ban(struct ledger *ledger, const struct prefix *prefix, struct ledger_ban *out,
		   struct error *why)
{
	struct ledger_ban ban;
	sqlite3_stmt *s;
	int rc, err;

	if (!ledger_knows_abuse(ledger))
		return ledger_none(ledger, why);
	s = statement(ledger, GET_BAN, &err, why);
	if (!s)
		return err;
	bind_prefix(s, prefix);
	rc = sqlite3_step(s);
	if (rc == SQLITE_DONE)
		err = ledger_none(ledger, why);
	else if (rc != SQLITE_ROW)
		err = ledger_fail(ledger, rc, why);
	else if (!read_ban(s, &ban))
		err = ledger_bad_row(ledger, "ban", why);
	else
		*out = ban;
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return err;
}

int ledger_drop_ban(struct ledger *ledger, const struct prefix *prefix, struct error *why)
{
	sqlite3_stmt *s;
	int err;

	if (!ledger_knows_abuse(ledger))
		return ledger_fail(ledger, SQLITE_READONLY, why);
	s = statement(ledger, DROP_BAN, &err, why);
	if (!s)
		return err;
	bind_prefix(s, prefix);
	err = ledger_change(ledger, s, why);
	return err > 0 ? 0 : err == 0 ? ledger_none(ledger, why) : err;
}

struct each_ban {
	int (*each)(const struct ledger_ban *ban, void *context);
	void *context;
};

static int one_ban(sqlite3_stmt *s, void *context)
{
	const struct each_ban *walk = context;
	struct ledger_ban ban;

	return read_ban(s, &ban) ? walk->each(&ban, walk->context) : -EUCLEAN;
}

int ledger_each_ban(struct ledger *ledger, int (*each)(const struct ledger_ban *ban, void *context),
		    void *context, struct error *why)
{
	struct each_ban walk = {each, context};
	sqlite3_stmt *s = NULL;
	int rc;

	if (!ledger_knows_abuse(ledger))
		return 0;
	rc = sqlite3_prepare_v2(ledger->db,
				"SELECT " BAN_COLUMNS " FROM ban ORDER BY address, length", -1, &s,
				NULL);
	if (rc != SQLITE_OK)
		return ledger_fail(ledger, rc, why);
	return ledger_rows(ledger, s, "ban", one_ban, &walk, why);
}

int ledger_expire_bans(struct ledger *ledger, int64_t now, struct error *why)
{
	sqlite3_stmt *s;
	int gone, surplus, err;

	if (!ledger_knows_abuse(ledger))
		return ledger_fail(ledger, SQLITE_READONLY, why);
	s = statement(ledger, EXPIRE_BANS, &err, why);
	if (!s)
		return err;
	sqlite3_bind_int64(s, 1, now);
	gone = ledger_change(ledger, s, why);
	if (gone < 0)
		return gone;
	s = statement(ledger, SURPLUS_BANS, &err, why);
	if (!s)
		return err;
	surplus = ledger_change(ledger, s, why);
	return surplus < 0 ? surplus : gone + surplus;
}
