// SPDX-License-Identifier: GPL-2.0-only
/*
 * ledger_days.c - what sources did here, day by day: offences, and mail that was accepted
 *
 * Any address that offends once gets a row, so strangers decide how many there are. Two bounds keep
 * them from crowding out what an administrator said: the number of rows, and a quarter of the file
 * that they never get.
 */
#include <errno.h>
#include <string.h>
#include "ledger_sql.h"

#define DAY_COLUMNS   "day, source, relay_denied, auth_failed, unknown_user, protocol_error, mail"
#define KNOWN_COLUMNS "source, total(mail), count(*), min(day), max(day), min(mail), max(mail)"

/* Pages that must be free before something more important is put: enough for any row. */
#define PAGES_FOR_ROW 16
/* The part of the file that is left to what is more important. */
#define PART_LEFT 4
/* So many rows are given up at a time, so that a full ledger is not busy with that for each row. */
#define GIVEN_UP 4096
/* The file's size is looked at once in so many rows. */
#define LOOK_EVERY 16

/* Up to the last of the first ?1 rows: a range of the table, not a search for each row. */
#define OLDEST(which)                                                                              \
	"(day, source) <= (SELECT day, source FROM (SELECT day, source FROM day" which             \
	" ORDER BY day, source LIMIT ?1) ORDER BY day DESC, source DESC LIMIT 1)"

_Static_assert(OFFENCES == 4 && OFFENCE_PROTOCOL_ERROR == 3, "the columns of the table day");

static const char *const sql[] = {
	[ADD_DAY] = ("INSERT INTO day (" DAY_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
		     " ON CONFLICT (day, source) DO UPDATE SET"
		     " relay_denied = min(relay_denied + ?3, 4294967295),"
		     " auth_failed = min(auth_failed + ?4, 4294967295),"
		     " unknown_user = min(unknown_user + ?5, 4294967295),"
		     " protocol_error = min(protocol_error + ?6, 4294967295),"
		     " mail = min(mail + ?7, 4294967295)"),
	[GET_KNOWN] = ("SELECT " KNOWN_COLUMNS
		       " FROM day WHERE mail != 0 AND source = ?1 AND day >= ?2 GROUP BY source"),
	[EXPIRE_DAYS] = "DELETE FROM day WHERE day < ?1",
	[FORGET_OFFENCES] = ("UPDATE day SET relay_denied = 0, auth_failed = 0, unknown_user = 0,"
			     " protocol_error = 0 WHERE source = ?1"),
	[COUNT_DAYS] = "SELECT count(*) FROM day",
	[GIVE_UP_OFFENCES] = ("DELETE FROM day WHERE mail = 0 AND " OLDEST(" WHERE mail = 0")),
	[GIVE_UP_DAYS] = ("DELETE FROM day WHERE " OLDEST("")),
	[PAGES] = "PRAGMA page_count",
	[PAGES_FREE] = "PRAGMA freelist_count",
	[PAGES_MOST] = "PRAGMA max_page_count",
};

static sqlite3_stmt *statement(struct ledger *ledger, enum ledger_statement which, int *err,
			       struct error *why)
{
	return ledger_statement(ledger, which, sql[which], err, why);
}

/* --- bounds ----------------------------------------------------------------------------------- */

/* The one number that a kept statement answers. */
static int ask(struct ledger *ledger, enum ledger_statement which, int64_t *out, struct error *why)
{
	sqlite3_stmt *s;
	int rc, err;

	s = statement(ledger, which, &err, why);
	if (!s)
		return err;
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(s, 0);
	else
		err = ledger_fail(ledger, rc == SQLITE_DONE ? SQLITE_ERROR : rc, why);
	sqlite3_reset(s);
	return err;
}

/* Pages that can still be filled, and how many the file may have. */
static int ask_room(struct ledger *ledger, int64_t *room, int64_t *most, struct error *why)
{
	int64_t pages = 0, unused = 0;
	int err;

	err = ask(ledger, PAGES, &pages, why);
	if (!err)
		err = ask(ledger, PAGES_FREE, &unused, why);
	if (!err)
		err = ask(ledger, PAGES_MOST, most, why);
	*room = *most - pages + unused;
	return err;
}

/*
 * Deletes the oldest rows: those without mail, or when there is none of these, any. How many, or a
 * negative errno.
 */
static int give_up(struct ledger *ledger, int64_t rows, struct error *why)
{
	static const enum ledger_statement order[] = {GIVE_UP_OFFENCES, GIVE_UP_DAYS};
	int gone = 0;

	for (size_t i = 0; i < sizeof(order) / sizeof(*order) && !gone; i++) {
		int err;
		sqlite3_stmt *s = statement(ledger, order[i], &err, why);

		if (!s)
			return err;
		sqlite3_bind_int64(s, 1, rows);
		gone = ledger_change(ledger, s, why);
	}
	return gone;
}

/* Gives days up until `pages`, or that part of the file, are free; 1: there are none left. */
static int make_room(struct ledger *ledger, int64_t pages, int64_t part, struct error *why)
{
	int64_t room = 0, most = 0;
	int err;

	for (;;) {
		err = ask_room(ledger, &room, &most, why);
		if (err || room >= (part ? most / part : pages))
			return err;
		err = give_up(ledger, GIVEN_UP, why);
		if (err <= 0)
			return err ? err : 1;
	}
}

int ledger_make_room(struct ledger *ledger, struct error *why)
{
	int err;

	if (!ledger_knows_abuse(ledger))
		return 0;
	err = make_room(ledger, PAGES_FOR_ROW, 0, why);
	return err < 0 ? err : 0;
}

/* Leaves at most `most` rows; how many had to go, or a negative errno. */
static int trim(struct ledger *ledger, int64_t most, struct error *why)
{
	int64_t rows = 0, before;
	int gone = 1, err = ask(ledger, COUNT_DAYS, &rows, why);

	if (err)
		return err;
	for (before = rows; rows > most && gone > 0; rows -= gone) {
		gone = give_up(ledger, rows - most, why);
		if (gone < 0)
			return gone;
	}
	ledger->days_room = ledger->days_most - rows;
	return (int)(before - rows);
}

/*
 * Rows are counted when this handle first adds one, and again when it has added as many as there
 * was room for. Some are given up early, so that a full table is not counted for every row.
 */
static int make_room_for_day(struct ledger *ledger, struct error *why)
{
	int err = 0;

	if (ledger->days_room <= 0) {
		err = trim(ledger, ledger->days_most - ledger->days_most / 16, why);
		if (err < 0)
			return err;
	}
	if (ledger->days_added % LOOK_EVERY == 0) {
		err = make_room(ledger, 0, PART_LEFT, why);
		if (err > 0)
			return error_set(
				why, -ENOSPC,
				"the ledger %s has no room for offences and mail by day: "
				"other entries fill three quarters of its largest size; "
				"raise max-size in the section ledger of the configuration",
				ledger->path);
		if (err < 0)
			return err;
	}
	ledger->days_room--;
	ledger->days_added++;
	return 0;
}

/* --- days ------------------------------------------------------------------------------------- */

static bool read_day(sqlite3_stmt *s, struct ledger_day *out)
{
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < OFFENCES; i++)
		if (!ledger_column_number(s, 2 + i, &out->offence[i]))
			return false;
	return ledger_column_time(s, 0, &out->day) && ledger_column_address(s, 1, &out->source) &&
	       ledger_column_number(s, 6, &out->mail);
}

int ledger_add_day(struct ledger *ledger, const struct ledger_day *day, struct error *why)
{
	sqlite3_stmt *s;
	int err;

	if (day->day < 0)
		return error_set(why, -EINVAL, "the ledger %s keeps no days before 1970",
				 ledger->path);
	if (!ledger_knows_abuse(ledger))
		return ledger_fail(ledger, SQLITE_READONLY, why);
	err = make_room_for_day(ledger, why);
	if (err)
		return err;
	s = statement(ledger, ADD_DAY, &err, why);
	if (!s)
		return err;
	sqlite3_bind_int64(s, 1, day->day);
	ledger_bind_address(s, 2, &day->source);
	for (int i = 0; i < OFFENCES; i++)
		sqlite3_bind_int64(s, 3 + i, day->offence[i]);
	sqlite3_bind_int64(s, 7, day->mail);
	err = ledger_change(ledger, s, why);
	return err < 0 ? err : 0;
}

struct each_day {
	int (*each)(const struct ledger_day *day, void *context);
	void *context;
};

static int one_day(sqlite3_stmt *s, void *context)
{
	const struct each_day *walk = context;
	struct ledger_day day;

	return read_day(s, &day) ? walk->each(&day, walk->context) : -EUCLEAN;
}

int ledger_each_day(struct ledger *ledger, const struct address *source, int64_t from_day,
		    int (*each)(const struct ledger_day *day, void *context), void *context,
		    struct error *why)
{
	struct each_day walk = {each, context};
	sqlite3_stmt *s = NULL;
	int rc;

	if (!ledger_knows_abuse(ledger))
		return 0;
	rc = sqlite3_prepare_v2(ledger->db,
				source ? "SELECT " DAY_COLUMNS
					 " FROM day WHERE source = ?2 AND day >= ?1 ORDER BY day"
				       : "SELECT " DAY_COLUMNS
					 " FROM day WHERE day >= ?1 ORDER BY day, source",
				-1, &s, NULL);
	if (rc != SQLITE_OK)
		return ledger_fail(ledger, rc, why);
	sqlite3_bind_int64(s, 1, from_day);
	if (source)
		ledger_bind_address(s, 2, source);
	return ledger_rows(ledger, s, "day", one_day, &walk, why);
}

int ledger_expire_days(struct ledger *ledger, int64_t before_day, struct error *why)
{
	sqlite3_stmt *s;
	int gone, surplus, err;

	if (!ledger_knows_abuse(ledger))
		return ledger_fail(ledger, SQLITE_READONLY, why);
	s = statement(ledger, EXPIRE_DAYS, &err, why);
	if (!s)
		return err;
	sqlite3_bind_int64(s, 1, before_day);
	gone = ledger_change(ledger, s, why);
	if (gone < 0)
		return gone;
	surplus = trim(ledger, ledger->days_most, why);
	return surplus < 0 ? surplus : gone + surplus;
}

int ledger_forget_offences(struct ledger *ledger, const struct address *source, struct error *why)
{
	sqlite3_stmt *s;
	int err;

	if (!ledger_knows_abuse(ledger))
		return ledger_fail(ledger, SQLITE_READONLY, why);
	s = statement(ledger, FORGET_OFFENCES, &err, why);
	if (!s)
		return err;
	ledger_bind_address(s, 1, source);
	err = ledger_change(ledger, s, why);
	return err < 0 ? err : 0;
}

/* --- known senders ---------------------------------------------------------------------------- */

static bool read_known(sqlite3_stmt *s, struct ledger_known *out)
{
	double messages = sqlite3_column_double(s, 1);
	uint32_t least, most;
	int64_t first;

	memset(out, 0, sizeof(*out));
	if (!ledger_column_address(s, 0, &out->source) || !ledger_column_number(s, 2, &out->days) ||
	    !ledger_column_time(s, 3, &first) || !ledger_column_time(s, 4, &out->last_day) ||
	    !ledger_column_number(s, 5, &least) || !ledger_column_number(s, 6, &most))
		return false;
	out->messages = messages < UINT32_MAX ? (uint32_t)messages : UINT32_MAX;
	return true;
}

struct each_known {
	int (*each)(const struct ledger_known *known, void *context);
	void *context;
};

static int one_known(sqlite3_stmt *s, void *context)
{
	const struct each_known *walk = context;
	struct ledger_known known;

	return read_known(s, &known) ? walk->each(&known, walk->context) : -EUCLEAN;
}

int ledger_each_known(struct ledger *ledger, int64_t from_day, uint32_t messages, uint32_t days,
		      int (*each)(const struct ledger_known *known, void *context), void *context,
		      struct error *why)
{
	struct each_known walk = {each, context};
	sqlite3_stmt *s = NULL;
	int rc;

	if (!ledger_knows_abuse(ledger))
		return 0;
	/* The plus keeps SQLite to the index of mail, which is short and in order of source. */
	rc = sqlite3_prepare_v2(ledger->db,
				"SELECT " KNOWN_COLUMNS
				" FROM day WHERE mail != 0 AND +day >= ?1 GROUP BY source"
				" HAVING total(mail) >= ?2 AND count(*) >= ?3 ORDER BY source",
				-1, &s, NULL);
	if (rc != SQLITE_OK)
		return ledger_fail(ledger, rc, why);
	sqlite3_bind_int64(s, 1, from_day);
	sqlite3_bind_int64(s, 2, messages);
	sqlite3_bind_int64(s, 3, days);
	return ledger_rows(ledger, s, "day", one_known, &walk, why);
}

int ledger_get_known(struct ledger *ledger, const struct address *source, int64_t from_day,
		     struct ledger_known *out, struct error *why)
{
	struct ledger_known known;
	sqlite3_stmt *s;
	int rc, err;

	if (!ledger_knows_abuse(ledger))
		return ledger_none(ledger, why);
	s = statement(ledger, GET_KNOWN, &err, why);
	if (!s)
		return err;
	ledger_bind_address(s, 1, source);
	sqlite3_bind_int64(s, 2, from_day);
	rc = sqlite3_step(s);
	if (rc == SQLITE_DONE)
		err = ledger_none(ledger, why);
	else if (rc != SQLITE_ROW)
		err = ledger_fail(ledger, rc, why);
	else if (!read_known(s, &known))
		err = ledger_bad_row(ledger, "day", why);
	else
		*out = known;
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return err;
}
