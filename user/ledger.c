// SPDX-License-Identifier: GPL-2.0-only
/*
 * ledger.c - the ledger in use: transactions, and what SQLite's errors mean to an administrator
 */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ledger_sql.h"

int ledger_damaged(const struct ledger *ledger, const char *how, struct error *why)
{
	return error_set(why, -EUCLEAN,
			 "the ledger %s is damaged (%s) and was left as it is; move it away (mv %s "
			 "%s.damaged) and repeat the command: a new one begins, manual blocks and "
			 "allows must be entered again",
			 ledger->path, how, ledger->path, ledger->path);
}

int64_t ledger_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t n = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		n = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return n;
}

static int fail_full(const struct ledger *ledger, struct error *why)
{
	int64_t pages = ledger_number(ledger->db, "PRAGMA page_count"),
		most = ledger_number(ledger->db, "PRAGMA max_page_count"),
		size = ledger_number(ledger->db, "PRAGMA page_size");

	/* A transaction that was too large is gone by now, so one page less than full is full. */
	if (pages > 0 && pages * 10 >= most * 9)
		return error_set(
			why, -ENOSPC,
			"the ledger %s has reached its largest size (%" PRId64
			" KiB); take back entries that are no longer needed, or raise max-size "
			"in the section ledger of the configuration",
			ledger->path, most * size / 1024);
	return error_set(why, -ENOSPC,
			 "cannot write the ledger %s: no space left on its disk; make room and "
			 "repeat the command",
			 ledger->path);
}

int ledger_fail(const struct ledger *ledger, int rc, struct error *why)
{
	int system = ledger->db ? sqlite3_system_errno(ledger->db) : 0;
	const char *message = ledger->db ? sqlite3_errmsg(ledger->db) : sqlite3_errstr(rc);
	int code;

	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ledger_damaged(ledger, message, why);
	case SQLITE_FULL:
		return fail_full(ledger, why);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		if (ledger->wait_ms < 1000)
			return error_set(why, -EBUSY, "the ledger %s is in use by another command",
					 ledger->path);
		return error_set(why, -EBUSY,
				 "the ledger %s has been in use by another command for over %d "
				 "seconds; try again",
				 ledger->path, ledger->wait_ms / 1000);
	case SQLITE_READONLY:
		code = -EROFS;
		break;
	case SQLITE_NOMEM:
		code = -ENOMEM;
		break;
	case SQLITE_PERM:
		code = -EACCES;
		break;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		if (system == ENOSPC || system == EDQUOT)
			return fail_full(ledger, why);
		code = system ? -system : -EIO;
		break;
	default:
		return error_set(why, -EIO, "cannot use the ledger %s: %s", ledger->path, message);
	}
	return error_set(why, code, "cannot use the ledger %s: %s", ledger->path, strerror(-code));
}

int ledger_run(struct ledger *ledger, const char *sql, struct error *why)
{
	int rc = sqlite3_exec(ledger->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : ledger_fail(ledger, rc, why);
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return;
	for (size_t i = 0; i < LEDGER_STATEMENTS; i++)
		sqlite3_finalize(ledger->statement[i]);
	sqlite3_close(ledger->db);
	free(ledger->path);
	free(ledger);
}

int ledger_begin(struct ledger *ledger, struct error *why)
{
	return ledger_run(ledger, "BEGIN IMMEDIATE", why);
}

int ledger_commit(struct ledger *ledger, struct error *why)
{
	int err;

	/* SQLite takes some transactions back by itself when there is no room. */
	if (sqlite3_get_autocommit(ledger->db))
		return error_set(why, -EIO,
				 "cannot write the ledger %s: the change was taken back after an "
				 "earlier failure",
				 ledger->path);
	err = ledger_run(ledger, "COMMIT", why);
	if (err)
		ledger_rollback(ledger);
	return err;
}

void ledger_rollback(struct ledger *ledger)
{
	if (!sqlite3_get_autocommit(ledger->db))
		sqlite3_exec(ledger->db, "ROLLBACK", NULL, NULL, NULL);
}

const char *ledger_who(char buffer[64])
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *user;

	if (sudo && *sudo)
		return text_clean(sudo, buffer, 64);
	user = getpwuid(getuid());
	if (user && *user->pw_name)
		return text_clean(user->pw_name, buffer, 64);
	snprintf(buffer, 64, "uid %u", getuid());
	return buffer;
}
