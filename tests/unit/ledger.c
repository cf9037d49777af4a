// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger: what is confirmed survives, what is damaged is left alone, what cannot be written
 * says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ledger_place.h"

static struct ledger_manual entry(const char *prefix, enum manual_slot slot, int64_t until)
{
	struct ledger_manual e = {.slot = slot, .since = 1000, .until = until};

	if (prefix_parse(prefix, &e.prefix, &why))
		fail_msg("%s", why.text);
	snprintf(e.who, sizeof(e.who), "root");
	snprintf(e.reason, sizeof(e.reason), "a reason");
	return e;
}

static void put(struct ledger *ledger, const char *prefix, enum manual_slot slot, int64_t until)
{
	struct ledger_manual e = entry(prefix, slot, until);

	if (ledger_put_manual(ledger, &e, &why))
		fail_msg("cannot put %s: %s", prefix, why.text);
}

static int collect(const struct ledger_manual *e, void *context)
{
	char *text = context, prefix[PREFIX_TEXT];
	size_t used = strlen(text);

	snprintf(text + used, 1024 - used, "%s%s/%s", used ? " " : "",
		 e->slot == MANUAL_ALLOW ? "allow" : "block", prefix_text(&e->prefix, prefix));
	return 0;
}

static int count(const struct ledger_manual *e, void *context)
{
	(void)e;
	++*(int *)context;
	return 0;
}

static int stop(const struct ledger_manual *e, void *context)
{
	(void)e;
	return ++*(int *)context == 2 ? 42 : 0;
}

static int entries(struct ledger *ledger)
{
	int n = 0;

	assert_int_equal(ledger_each_manual(ledger, count, &n, &why), 0);
	return n;
}

static void manual(void **unused)
{
	struct ledger *ledger = opened(false, 0);
	struct ledger_manual e, got;
	char text[1024] = "";
	struct stat st;
	int n = 0;

	(void)unused;
	assert_int_equal(stat(state, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	put(ledger, "2001:db8::/32", MANUAL_BLOCK, INT64_MAX);
	put(ledger, "192.0.2.0/24", MANUAL_BLOCK, 5000);
	put(ledger, "192.0.2.0/24", MANUAL_ALLOW, 6000);
	put(ledger, "192.0.2.0/25", MANUAL_BLOCK, 2000);
	put(ledger, "10.0.0.0/8", MANUAL_ALLOW, INT64_MAX);
	put(ledger, "9.9.9.9", MANUAL_BLOCK, 1000);
	assert_int_equal(ledger_each_manual(ledger, collect, text, &why), 0);
	assert_string_equal(text,
			    "block/9.9.9.9 allow/10.0.0.0/8 allow/192.0.2.0/24 block/192.0.2.0/24 "
			    "block/192.0.2.0/25 block/2001:db8::/32");
	assert_int_equal(ledger_each_manual(ledger, stop, &n, &why), 42);
	assert_int_equal(n, 2);
	assert_int_equal(ledger_expire_manual(ledger, 1000, &why), 1);

	e = entry("192.0.2.0/24", MANUAL_BLOCK, 7000);
	snprintf(e.who, sizeof(e.who), "eve\033[2J");
	snprintf(e.reason, sizeof(e.reason), "say \"no\"\nfoo'); DROP TABLE manual; --");
	assert_int_equal(ledger_put_manual(ledger, &e, &why), 0);
	assert_int_equal(entries(ledger), 5);
	assert_int_equal(ledger_get_manual(ledger, &e.prefix, MANUAL_BLOCK, &got, &why), 0);
	assert_int_equal(got.since, 1000);
	assert_int_equal(got.until, 7000);
	assert_int_equal(got.slot, MANUAL_BLOCK);
	assert_memory_equal(&got.prefix, &e.prefix, sizeof(got.prefix));
	assert_string_equal(got.who, "eve?[2J");
	assert_string_equal(got.reason, "say 'no'?foo'); DROP TABLE manual; --");

	e = entry("192.0.2.0/26", MANUAL_BLOCK, 1);
	memset(&got, 0x5a, sizeof(got));
	assert_int_equal(ledger_get_manual(ledger, &e.prefix, MANUAL_BLOCK, &got, &why), -ENOENT);
	assert_int_equal(got.since, 0x5a5a5a5a5a5a5a5a);
	assert_int_equal(ledger_drop_manual(ledger, &e.prefix, MANUAL_BLOCK, &why), -ENOENT);
	e = entry("10.0.0.0/8", MANUAL_ALLOW, 1);
	assert_int_equal(ledger_drop_manual(ledger, &e.prefix, MANUAL_BLOCK, &why), -ENOENT);
	assert_int_equal(ledger_drop_manual(ledger, &e.prefix, MANUAL_ALLOW, &why), 0);
	assert_int_equal(entries(ledger), 4);

	assert_int_equal(ledger_expire_manual(ledger, 1999, &why), 0);
	assert_int_equal(ledger_expire_manual(ledger, 2000, &why), 1);
	assert_int_equal(ledger_expire_manual(ledger, INT64_MAX, &why), 2);
	assert_int_equal(entries(ledger), 1);
	ledger_close(ledger);
	ledger_close(NULL);

	ledger = opened(true, 0);
	assert_int_equal(entries(ledger), 1);
	e = entry("192.0.2.7", MANUAL_BLOCK, 1);
	assert_int_equal(ledger_put_manual(ledger, &e, &why), -EROFS);
	ledger_close(ledger);
}

static void overrides(void **unused)
{
	struct ledger_override o = {.value = "enforce",
				    .configured = "a\"b\\",
				    .who = "root",
				    .since = 5,
				    .until = INT64_MAX},
			       got;
	struct ledger *ledger = opened(false, 0);

	(void)unused;
	assert_int_equal(ledger_get_override(ledger, "mode", &got, &why), -ENOENT);
	assert_int_equal(ledger_drop_override(ledger, "mode", &why), -ENOENT);
	assert_int_equal(ledger_put_override(ledger, "mode", &o, &why), 0);
	snprintf(o.value, sizeof(o.value), "monitor");
	assert_int_equal(ledger_put_override(ledger, "mode", &o, &why), 0);
	ledger_close(ledger);
	ledger = opened(false, 0);
	assert_int_equal(ledger_get_override(ledger, "mode", &got, &why), 0);
	assert_string_equal(got.value, "monitor");
	assert_string_equal(got.configured, "a\"b\\");
	assert_string_equal(got.who, "root");
	assert_int_equal(got.since, 5);
	assert_true(got.until == INT64_MAX);
	assert_int_equal(ledger_drop_override(ledger, "mode", &why), 0);
	assert_int_equal(ledger_get_override(ledger, "mode", &got, &why), -ENOENT);
	ledger_close(ledger);
}

static void transactions(void **unused)
{
	struct ledger *ledger = opened(false, 0);

	(void)unused;
	assert_int_equal(ledger_begin(ledger, &why), 0);
	put(ledger, "192.0.2.1", MANUAL_BLOCK, INT64_MAX);
	ledger_rollback(ledger);
	ledger_rollback(ledger);
	assert_int_equal(entries(ledger), 0);
	assert_int_equal(ledger_begin(ledger, &why), 0);
	put(ledger, "192.0.2.1", MANUAL_BLOCK, INT64_MAX);
	assert_int_equal(ledger_commit(ledger, &why), 0);
	assert_int_equal(ledger_commit(ledger, &why), -EIO);
	assert_int_equal(ledger_begin(ledger, &why), 0);
	put(ledger, "192.0.2.2", MANUAL_BLOCK, INT64_MAX);
	ledger_close(ledger); /* rolls back */
	ledger = opened(false, 0);
	assert_int_equal(entries(ledger), 1);
	ledger_close(ledger);
}

/* A child that commits one entry, says so, and is killed at once, again and again. */
static void killed(void **unused)
{
	(void)unused;
	for (int i = 1; i <= 10; i++) {
		int fd[2], status;
		char said;
		pid_t pid;

		assert_int_equal(pipe(fd), 0);
		pid = fork();
		if (!pid) {
			struct ledger *ledger = NULL;
			struct ledger_manual e = {.slot = MANUAL_BLOCK, .until = INT64_MAX};
			bool done;

			address_from_v4(&e.prefix.address, (__u32)i);
			e.prefix.length = ADDRESS_BITS;
			done = !ledger_open(state, false, 0, &ledger, &why) &&
			       !ledger_begin(ledger, &why) &&
			       !ledger_put_manual(ledger, &e, &why) && !ledger_commit(ledger, &why);
			/* one that is not confirmed must not survive */
			address_from_v4(&e.prefix.address, 0xffffffff);
			done = done && !ledger_begin(ledger, &why) &&
			       !ledger_put_manual(ledger, &e, &why);
			if (write(fd[1], done ? "y" : "n", 1) == 1)
				pause();
			_exit(1);
		}
		assert_int_equal(read(fd[0], &said, 1), 1);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		close(fd[0]);
		close(fd[1]);
		assert_int_equal(said, 'y');

		struct ledger *ledger = opened(i % 2, 0);

		if (entries(ledger) != i)
			fail_msg("unexpected entries after a kill: got %d, want %d",
				 entries(ledger), i);
		ledger_close(ledger);
	}
}

/* Four processes that all create the ledger and write; none loses a row, none fails. */
static void together(void **unused)
{
	struct ledger *ledger;
	int failed = 0;

	(void)unused;
	for (int p = 0; p < 4; p++) {
		if (fork())
			continue;
		ledger = NULL;
		for (int i = 0; i < 25; i++) {
			struct ledger_manual e = {.slot = MANUAL_BLOCK, .until = INT64_MAX};

			address_from_v4(&e.prefix.address, (__u32)(p << 8 | i));
			e.prefix.length = ADDRESS_BITS;
			if (ledger_open(state, false, 0, &ledger, &why) ||
			    ledger_begin(ledger, &why) || ledger_put_manual(ledger, &e, &why) ||
			    ledger_commit(ledger, &why)) {
				fprintf(stderr, "process %d: %s\n", p, why.text);
				_exit(1);
			}
			ledger_close(ledger);
		}
		_exit(0);
	}
	for (int p = 0; p < 4; p++) {
		int status;

		wait(&status);
		failed += !WIFEXITED(status) || WEXITSTATUS(status);
	}
	assert_int_equal(failed, 0);
	ledger = opened(false, 0);
	assert_int_equal(entries(ledger), 100);
	ledger_close(ledger);
}

/* Fills until it is refused; returns how many fitted. */
static int fill(struct ledger *ledger, int most, int *err)
{
	struct ledger_manual e = {.slot = MANUAL_BLOCK, .until = INT64_MAX};
	int i;

	memset(e.reason, 'x', sizeof(e.reason) - 1);
	e.prefix.length = ADDRESS_BITS;
	for (i = 0; i < most; i++) {
		address_from_v4(&e.prefix.address, __builtin_bswap32((__u32)i));
		*err = ledger_put_manual(ledger, &e, &why);
		if (*err)
			break;
	}
	return i;
}

static void largest_size(void **unused)
{
	struct ledger *ledger = opened(false, 64 * 1024);
	struct ledger_manual e;
	struct stat st;
	int err = 0, fitted;

	(void)unused;
	fitted = fill(ledger, 1000, &err);
	assert_int_equal(err, -ENOSPC);
	assert_non_null(strstr(why.text, "largest size (64 KiB)"));
	assert_in_range(fitted, 100, 300);
	assert_int_equal(entries(ledger), fitted);
	/* taking back makes room */
	assert_int_equal(ledger_begin(ledger, &why), 0);
	for (int i = 0; i < 40; i++) {
		e = entry("0.0.0.0", MANUAL_BLOCK, 1);
		e.prefix.address.byte[15] = (__u8)i;
		assert_int_equal(ledger_drop_manual(ledger, &e.prefix, MANUAL_BLOCK, &why), 0);
	}
	assert_int_equal(ledger_commit(ledger, &why), 0);
	put(ledger, "192.0.2.1", MANUAL_BLOCK, INT64_MAX);
	ledger_close(ledger);
	assert_int_equal(stat(file, &st), 0);
	assert_in_range(st.st_size, 1, 64 * 1024);
	/* in a transaction: nothing of it stays, and the next one works */
	ledger = opened(false, 64 * 1024);
	assert_int_equal(ledger_begin(ledger, &why), 0);
	fill(ledger, 1000, &err);
	assert_int_equal(err, -ENOSPC);
	ledger_rollback(ledger);
	assert_int_equal(entries(ledger), fitted - 39);
	ledger_close(ledger);
	/* a larger bound is enough */
	ledger = opened(false, 128 * 1024);
	assert_int_equal(fill(ledger, fitted + 20, &err), fitted + 20);
	ledger_close(ledger);
}

static void write_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, data, size), (ssize_t)size);
	close(fd);
}

/* Opening must fail with -EUCLEAN both ways and leave every byte as it was. */
static void must_be_left_alone(const char *what, int code, const char *sentence)
{
	static char before[1 << 20], after[1 << 20];
	struct ledger *ledger = (struct ledger *)base;
	ssize_t size, again;
	int fd = open(file, O_RDONLY), err;

	size = read(fd, before, sizeof(before));
	close(fd);
	for (int readonly = 0; readonly <= 1; readonly++) {
		err = ledger_open(state, readonly, 0, &ledger, &why);
		if (err != code)
			fail_msg("%s: unexpected result: got %d (%s), want %d", what, err, why.text,
				 code);
		if (!strstr(why.text, sentence) || !strstr(why.text, file))
			fail_msg("%s: unexpected sentence: %s", what, why.text);
		assert_ptr_equal(ledger, base);
	}
	fd = open(file, O_RDONLY);
	again = read(fd, after, sizeof(after));
	close(fd);
	if (again != size || memcmp(before, after, (size_t)size) != 0)
		fail_msg("%s: the file was changed", what);
}

static void damaged(void **unused)
{
	static char garbage[20000];
	struct ledger *ledger;
	sqlite3 *db;
	struct stat st;
	int err = 0, fd;

	(void)unused;
	assert_int_equal(mkdir(state, 0700), 0);
	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = (char)(i * 7919 >> 3);
	write_file(file, garbage, sizeof(garbage));
	must_be_left_alone("garbage", -EUCLEAN, "is damaged");
	write_file(file, "short", 5);
	must_be_left_alone("five bytes", -EUCLEAN, "is damaged");

	/* a good one, cut and overwritten */
	unlink(file);
	ledger = opened(false, 0);
	fill(ledger, 200, &err);
	assert_int_equal(err, 0);
	ledger_close(ledger);
	assert_int_equal(stat(file, &st), 0);
	assert_true(st.st_size > 9 * 4096);
	fd = open(file, O_RDWR);
	assert_int_equal(pwrite(fd, garbage, 3000, 8 * 4096 + 500), 3000);
	close(fd);
	must_be_left_alone("overwritten page", -EUCLEAN, "is damaged");
	assert_int_equal(truncate(file, 3 * 4096), 0);
	must_be_left_alone("truncated", -EUCLEAN, "is damaged");
	assert_int_equal(truncate(file, 700), 0);
	must_be_left_alone("truncated in the first page", -EUCLEAN, "is damaged");

	/* whole, but not ours */
	unlink(file);
	sqlite3_open(file, &db);
	sqlite3_exec(db, "CREATE TABLE other (x)", NULL, NULL, NULL);
	sqlite3_close(db);
	must_be_left_alone("another program's", -EUCLEAN, "another program");
	unlink(file);
	ledger_close(opened(false, 0));
	sqlite3_open(file, &db);
	sqlite3_exec(db, "PRAGMA user_version = 3", NULL, NULL, NULL);
	sqlite3_close(db);
	must_be_left_alone("newer", -EPROTO, "newer smtpwall (schema 3");
	sqlite3_open(file, &db);
	sqlite3_exec(db, "PRAGMA user_version = 2; DROP TABLE override", NULL, NULL, NULL);
	sqlite3_close(db);
	must_be_left_alone("without a table", -EUCLEAN, "tables are missing");

	/* rows that smtpwall never wrote */
	unlink(file);
	ledger_close(opened(false, 0));
	sqlite3_open(file, &db);
	sqlite3_exec(db, "INSERT INTO manual VALUES (x'0102', 500, 9, 1, 2, 'a', 'b')", NULL, NULL,
		     NULL);
	sqlite3_close(db);
	ledger = opened(false, 0);
	assert_int_equal(ledger_each_manual(ledger, count, &err, &why), -EUCLEAN);
	ledger_close(ledger);

	/* empty, as a crash right after its creation leaves it: taken as new */
	unlink(file);
	write_file(file, "", 0);
	assert_int_equal(ledger_open(state, true, 0, &ledger, &why), -ENOENT);
	ledger_close(opened(false, 0));
	ledger_close(opened(true, 0));
}

static void not_there(void **unused)
{
	struct ledger *ledger = NULL;
	struct stat st;

	(void)unused;
	assert_int_equal(ledger_open(state, true, 0, &ledger, &why), -ENOENT);
	assert_int_equal(stat(state, &st), -1);
	snprintf(state, sizeof(state), "%s/a/b", base);
	assert_int_equal(ledger_open(state, false, 0, &ledger, &why), -ENOENT);
	assert_non_null(strstr(why.text, state));
	snprintf(state, sizeof(state), "/dev/null/x");
	assert_int_equal(ledger_open(state, false, 0, &ledger, &why), -ENOTDIR);
	assert_null(ledger);
	/* names that mean something in a URI */
	snprintf(state, sizeof(state), "%s/50%%25 ?a=b#c", base);
	ledger_close(opened(false, 0));
	ledger_close(opened(true, 0));
}

/* In a child with mounts of its own, so that nothing of it can stay behind. */
static void in_private_mounts(int (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("tmpfs", base, "tmpfs", 0, "size=1m,mode=700"))
			_exit(77);
		_exit(body());
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("needs root and mount namespaces: %s\n", strerror(errno));
		skip();
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("the child failed (status %d)", status);
}

#define WANT(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, why.text);      \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static int full_body(void)
{
	struct ledger_manual e = entry("192.0.2.1", MANUAL_BLOCK, INT64_MAX);
	static char block[4096];
	struct ledger *ledger = NULL;
	char filler[100], ballast[100];
	int fd, err = 0, fitted, n = 0;

	/* what is given back later: the ledger alone may fill the disk to the last block */
	snprintf(ballast, sizeof(ballast), "%s/ballast", base);
	fd = open(ballast, O_WRONLY | O_CREAT, 0600);
	for (int i = 0; i < 32; i++)
		WANT(write(fd, block, sizeof(block)) == sizeof(block));
	close(fd);
	WANT(!ledger_open(state, false, 0, &ledger, &why));
	fitted = fill(ledger, 10000, &err);
	WANT(err == -ENOSPC);
	WANT(strstr(why.text, "no space left on its disk"));
	WANT(fitted > 10);
	WANT(!ledger_each_manual(ledger, count, &n, &why));
	WANT(n == fitted);
	ledger_close(ledger);

	/* full to the last block, and opened anew */
	snprintf(filler, sizeof(filler), "%s/filler", base);
	fd = open(filler, O_WRONLY | O_CREAT, 0600);
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
	n = 0;
	WANT(!ledger_open(state, true, 0, &ledger, &why));
	WANT(!ledger_each_manual(ledger, count, &n, &why));
	WANT(n == fitted);
	ledger_close(ledger);
	err = ledger_open(state, false, 0, &ledger, &why);
	if (!err) {
		err = ledger_put_manual(ledger, &e, &why);
		ledger_close(ledger);
	}
	/* one more may find its place in the log that is there, but then it must stay */
	WANT(!err || (err == -ENOSPC && strstr(why.text, "no space left on its disk")));
	if (!err)
		fitted++;

	/* room again: nothing was lost */
	unlink(filler);
	unlink(ballast);
	WANT(!ledger_open(state, false, 0, &ledger, &why));
	n = 0;
	WANT(!ledger_each_manual(ledger, count, &n, &why));
	WANT(n == fitted);
	WANT(!ledger_put_manual(ledger, &e, &why));
	ledger_close(ledger);
	return 0;
}

static int readonly_body(void)
{
	struct ledger *ledger = NULL;
	int err = 0, n = 0;

	WANT(!ledger_open(state, false, 0, &ledger, &why));
	WANT(fill(ledger, 5, &err) == 5);
	ledger_close(ledger);
	WANT(!mount(NULL, base, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	ledger = NULL;
	WANT(ledger_open(state, false, 0, &ledger, &why) == -EROFS);
	WANT(strstr(why.text, "Read-only file system"));
	WANT(!ledger);
	WANT(!ledger_open(state, true, 0, &ledger, &why));
	WANT(!ledger_each_manual(ledger, count, &n, &why));
	WANT(n == 5);
	ledger_close(ledger);
	snprintf(state, sizeof(state), "%s/other", base);
	WANT(ledger_open(state, false, 0, &ledger, &why) == -EROFS);
	return 0;
}

static void full_disk(void **unused)
{
	(void)unused;
	in_private_mounts(full_body);
}

static void readonly_disk(void **unused)
{
	(void)unused;
	in_private_mounts(readonly_body);
}

static void who(void **unused)
{
	char name[64], want[64];

	(void)unused;
	setenv("SUDO_USER", "alice\n", 1);
	assert_string_equal(ledger_who(name), "alice?");
	setenv("SUDO_USER", "", 1);
	snprintf(want, sizeof(want), "%s", ledger_who(name));
	unsetenv("SUDO_USER");
	assert_string_equal(ledger_who(name), want);
	if (!getuid())
		assert_string_equal(name, "root");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(manual),	 TEST(overrides),     TEST(transactions), TEST(killed),
		TEST(together),	 TEST(damaged),	      TEST(largest_size), TEST(not_there),
		TEST(full_disk), TEST(readonly_disk), TEST(who),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
