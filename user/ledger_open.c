// SPDX-License-Identifier: GPL-2.0-only
/*
 * ledger_open.c - opening the ledger with care
 *
 * A damaged ledger must cost nobody the rest of the wall, nor its own evidence: everything that
 * could write is done after the file has been looked over.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "ledger_sql.h"

#define APPLICATION   0x736d7477 /* "smtw", at a fixed place in the file for file(1) */
#define SCHEMA	      2
#define DEFAULT_MAX   ((uint64_t)256 << 20)
#define QUICK_CHECKED (8 << 20) /* bytes; larger files take too long to read at every command */

/*
 * What each version of the schema added to the one before; a new file gets all of it. WITHOUT ROWID
 * keeps the rows in the order of their keys, so that addresses come sorted.
 */
static const char *const schema[SCHEMA] = {
	"CREATE TABLE manual (address BLOB NOT NULL, length INTEGER NOT NULL, slot INTEGER NOT "
	"NULL,"
	" since INTEGER NOT NULL, until INTEGER NOT NULL, who TEXT NOT NULL, reason TEXT NOT NULL,"
	" PRIMARY KEY (address, length, slot)) WITHOUT ROWID;"
	"CREATE TABLE override (name TEXT PRIMARY KEY, value TEXT NOT NULL, configured TEXT NOT "
	"NULL,"
	" who TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;"
	"PRAGMA application_id = 1936553079;"
	"PRAGMA user_version = 1;",
	/*
	 * Days are sorted by time, so that what is written lies together, and so does what is given
	 * up; the indexes find one source, and the senders among the many that never sent anything.
	 */
	"CREATE TABLE ban (address BLOB NOT NULL, length INTEGER NOT NULL, since INTEGER NOT NULL,"
	" until INTEGER NOT NULL, remember INTEGER NOT NULL, offended INTEGER NOT NULL,"
	" strikes INTEGER NOT NULL, mode INTEGER NOT NULL, origin INTEGER NOT NULL,"
	" members INTEGER NOT NULL, relay_denied INTEGER NOT NULL, auth_failed INTEGER NOT NULL,"
	" unknown_user INTEGER NOT NULL, protocol_error INTEGER NOT NULL, last INTEGER NOT NULL,"
	" text TEXT NOT NULL, PRIMARY KEY (address, length)) WITHOUT ROWID;"
	"CREATE TABLE day (day INTEGER NOT NULL, source BLOB NOT NULL,"
	" relay_denied INTEGER NOT NULL, auth_failed INTEGER NOT NULL,"
	" unknown_user INTEGER NOT NULL, protocol_error INTEGER NOT NULL, mail INTEGER NOT NULL,"
	" PRIMARY KEY (day, source)) WITHOUT ROWID;"
	"CREATE INDEX day_source ON day (source, day);"
	"CREATE INDEX day_mail ON day (source, day, mail) WHERE mail != 0;"
	"PRAGMA user_version = 2;",
};

_Static_assert(APPLICATION == 1936553079 && SCHEMA == 2, "the numbers in the schema");

/* Tables that a file of this version must have. */
static const int tables[SCHEMA + 1] = {0, 2, 4};

static int wait_ms = LEDGER_WAIT_MS;

void ledger_wait(int milliseconds)
{
	wait_ms = milliseconds;
}

/* The name of a new directory is not on the disk before its parent is. */
static void sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

/* Directory and file come first, with modes of ours: SQLite would ask the umask. */
static int create(const struct ledger *ledger, const char *state, struct error *why)
{
	char parent[PATH_MAX];
	int fd;

	if (!mkdir(state, 0700)) {
		snprintf(parent, sizeof(parent), "%s/..", state);
		sync_directory(parent);
	} else if (errno != EEXIST) {
		return error_set(why, -errno, "cannot create the state directory %s: %s", state,
				 strerror(errno));
	}
	/*
	 * Only a file that did not exist is opened and closed here: closing any descriptor of a
	 * file that this process has open elsewhere would release the locks there (POSIX).
	 */
	fd = open(ledger->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST ? 0
				       : error_set(why, -errno, "cannot create the ledger %s: %s",
						   ledger->path, strerror(errno));
	close(fd);
	sync_directory(state);
	return 0;
}

/* Is what is in the file a ledger that this version can use? Writes nothing; 1: it is empty. */
static int look_over(struct ledger *ledger, struct error *why)
{
	static const char sql[] = "SELECT (SELECT count(*) FROM sqlite_schema),"
				  " (SELECT application_id FROM pragma_application_id),"
				  " (SELECT user_version FROM pragma_user_version),"
				  " (SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND"
				  "  name IN ('manual', 'override', 'ban', 'day'))";
	sqlite3_stmt *statement = NULL;
	struct stat st;
	int64_t version;
	int rc, err = 0;

	rc = sqlite3_prepare_v2(ledger->db, sql, -1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	if (rc != SQLITE_ROW) {
		err = ledger_fail(ledger, rc, why);
		goto out;
	}
	version = sqlite3_column_int64(statement, 2);
	if (!sqlite3_column_int64(statement, 0) && !version)
		err = 1;
	else if (sqlite3_column_int64(statement, 1) != APPLICATION)
		err = ledger_damaged(ledger, "it is a database of another program", why);
	else if (version > SCHEMA)
		err = error_set(
			why, -EPROTO,
			"the ledger %s was written by a newer smtpwall (schema %" PRId64
			", this one knows %d); use that version again, or move the file away",
			ledger->path, version, SCHEMA);
	else if (version < 1 || sqlite3_column_int64(statement, 3) != tables[version])
		err = ledger_damaged(ledger, "its tables are missing", why);
	if (err)
		goto out;
	ledger->schema = version;
	sqlite3_finalize(statement);
	statement = NULL;
	if (stat(ledger->path, &st) || st.st_size > QUICK_CHECKED)
		goto out;
	rc = sqlite3_prepare_v2(ledger->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	if (rc != SQLITE_ROW)
		err = ledger_fail(ledger, rc, why);
	else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
		err = ledger_damaged(ledger, (const char *)sqlite3_column_text(statement, 0), why);
out:
	sqlite3_finalize(statement);
	return err;
}

/* The change to WAL needs the file for itself for a moment; SQLite does not always wait for that.
 */
static int use_wal(struct ledger *ledger, struct error *why)
{
	const struct timespec moment = {.tv_nsec = 10000000};
	int rc = SQLITE_BUSY;

	for (int i = 0; i < ledger->wait_ms / 10; i++) {
		rc = sqlite3_exec(ledger->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
		if (rc != SQLITE_BUSY)
			break;
		nanosleep(&moment, NULL);
	}
	return rc == SQLITE_OK ? 0 : ledger_fail(ledger, rc, why);
}

/*
 * Makes a new file's tables, or adds what an older one lacks; all of it or nothing. A smtpwall of
 * the older version may be using the file: its tables stay as they are.
 */
static int make_schema(struct ledger *ledger, struct error *why)
{
	int err = ledger_begin(ledger, why);
	int64_t version;

	if (err)
		return err;
	/* somebody else may have been faster */
	version = ledger_number(ledger->db, "PRAGMA user_version");
	for (int64_t next = version < 0 ? 0 : version; !err && next < SCHEMA; next++)
		err = ledger_run(ledger, schema[next], why);
	if (err) {
		ledger_rollback(ledger);
		return err;
	}
	err = ledger_commit(ledger, why);
	if (!err)
		ledger->schema = SCHEMA;
	return err;
}

/* SQLite opens what it may not write for reading, and says nothing. */
static int check_writable(struct ledger *ledger, struct error *why)
{
	int err;

	if (!sqlite3_db_readonly(ledger->db, "main"))
		return 0;
	err = access(ledger->path, W_OK) ? -errno : -EROFS;
	return error_set(why, err, "cannot write the ledger %s: %s", ledger->path, strerror(-err));
}

static int prepare_for_writing(struct ledger *ledger, uint64_t max_bytes, struct error *why)
{
	char sql[128];
	int64_t page;
	int err;

	err = use_wal(ledger, why);
	/* KiB: days are written for many sources at once, and those lie all over the indexes. */
	if (!err)
		err = ledger_run(ledger, "PRAGMA synchronous = FULL; PRAGMA cache_size = -16384",
				 why);
	/* Before the bound is set: an old file that is full must still let go of its entries. */
	if (!err && ledger->schema < SCHEMA)
		err = make_schema(ledger, why);
	page = ledger_number(ledger->db, "PRAGMA page_size");
	/* The write-ahead log is folded into the file every 1000 pages, and then given back. */
	snprintf(sql, sizeof(sql),
		 "PRAGMA max_page_count = %" PRIu64 "; PRAGMA journal_size_limit = 0",
		 (max_bytes ? max_bytes : DEFAULT_MAX) / (page > 0 ? (uint64_t)page : 4096));
	if (!err)
		err = ledger_run(ledger, sql, why);
	return err;
}

static int open_database(struct ledger *ledger, const char *name, int flags, struct error *why)
{
	int rc = sqlite3_open_v2(name, &ledger->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc != SQLITE_OK)
		return ledger_fail(ledger, rc, why);
	sqlite3_extended_result_codes(ledger->db, 1);
	sqlite3_busy_timeout(ledger->db, ledger->wait_ms);
	/* The file may have been tampered with: what its schema says is not to be run. */
	sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	return 0;
}

/*
 * Readers of a WAL file want to write an index beside it. On a full or read-only disk they cannot;
 * then the file is read as it is, if there is no log that would be missed.
 */
static int open_unchanging(struct ledger *ledger, struct error *why)
{
	char name[3 * PATH_MAX + 32], wal[PATH_MAX + 8];
	size_t used = (size_t)snprintf(name, sizeof(name), "file:");
	struct stat st;

	snprintf(wal, sizeof(wal), "%s-wal", ledger->path);
	if (!stat(wal, &st) && st.st_size)
		return -EBUSY;
	sqlite3_close(ledger->db);
	ledger->db = NULL;
	for (const char *c = ledger->path; *c && used < sizeof(name) - 32; c++)
		used += (size_t)snprintf(name + used, sizeof(name) - used,
					 strchr("?#%", *c) ? "%%%02x" : "%c", (unsigned char)*c);
	snprintf(name + used, sizeof(name) - used, "?immutable=1");
	return open_database(ledger, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, why);
}

static int open_for_reading(struct ledger *ledger, struct error *why)
{
	struct error again = {.text = ""};
	int err;

	if (access(ledger->path, F_OK))
		return error_set(why, -errno, "cannot read the ledger %s: %s", ledger->path,
				 strerror(errno));
	err = open_database(ledger, ledger->path, SQLITE_OPEN_READONLY, why);
	if (!err)
		err = look_over(ledger, why);
	if (err < 0 && err != -EUCLEAN && err != -EPROTO && err != -EBUSY && ledger->db &&
	    !open_unchanging(ledger, &again)) {
		int second = look_over(ledger, &again);

		if (second >= 0)
			err = second;
	}
	/* Another process is just making it. */
	if (err == 1)
		err = error_set(why, -ENOENT, "the ledger %s is still empty", ledger->path);
	return err;
}

int ledger_open(const char *state, bool readonly, uint64_t max_bytes, struct ledger **out,
		struct error *why)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	int err;

	if (strlen(state) > PATH_MAX - 32) {
		free(ledger);
		return error_set(why, -ENAMETOOLONG, "the name of the state directory is too long");
	}
	if (!ledger || asprintf(&ledger->path, "%s/ledger.db", state) < 0) {
		free(ledger);
		return error_set(why, -ENOMEM, "out of memory");
	}
	ledger->days_most = LEDGER_DAYS_MOST;
	ledger->wait_ms = wait_ms;
	if (readonly) {
		err = open_for_reading(ledger, why);
	} else {
		err = create(ledger, state, why);
		if (!err)
			err = open_database(ledger, ledger->path, SQLITE_OPEN_READWRITE, why);
		if (!err)
			err = check_writable(ledger, why);
		if (!err)
			err = look_over(ledger, why);
		if (err >= 0)
			err = prepare_for_writing(ledger, max_bytes, why);
	}
	if (err) {
		ledger_close(ledger);
		return err;
	}
	*out = ledger;
	return 0;
}
