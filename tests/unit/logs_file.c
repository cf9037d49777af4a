// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real files in a directory of their own: rotation, restarts, odd lines. Each line is told once.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "logs/logs.h"
#include "logs_kit.h"

static char directory[] = "/tmp/smtpwall-logs.XXXXXX";
static char path[64], old[64], place[64];
static sd_event *loop;
static struct log_positions *positions;
static struct log_file *file;
static char seen[1 << 20], faults[4096];

static void on_event(void *context, const struct log_event *event)
{
	(void)context;
	assert_int_equal(event->what, LOGGED_OFFENCE);
	strcat(seen, event->account);
	strcat(seen, " ");
}

static void on_fault(void *context, const char *name, const char *sentence)
{
	(void)context;
	assert_string_equal(name, path);
	strcat(faults, sentence ? sentence : "well");
	strcat(faults, "\n");
}

static void start(void)
{
	struct log_calls calls = {.event = on_event, .fault = on_fault};
	struct error why;

	seen[0] = faults[0] = '\0';
	assert_int_equal(log_positions_open(place, &positions, &why), 0);
	assert_int_equal(log_file_open(loop, path, kit_patterns, positions, &calls, &file, &why),
			 0);
}

static void stop(void)
{
	struct error why;

	log_file_close(file);
	assert_int_equal(log_positions_save(positions, true, &why), 0);
	log_positions_close(positions);
}

/* Runs the loop until everything is seen, or for a long time in vain. */
static void want(const char *expected)
{
	for (int i = 0; i < 300 && strcmp(seen, expected) != 0; i++)
		assert_true(sd_event_run(loop, 100000) >= 0);
	assert_string_equal(seen, expected);
}

/* Until the reader has found the file (or a fault) and read what there is. */
static void settle(void)
{
	struct log_state s = {0};

	for (int i = 0; i < 100 && !s.well && !faults[0]; i++) {
		assert_true(sd_event_run(loop, 50000) >= 0);
		log_file_state(file, &s);
	}
	for (int i = 0; i < 5; i++)
		assert_true(sd_event_run(loop, 20000) >= 0);
}

/* Until it has looked again whether this is still the file: a look is a second from the next. */
static void look_again(void)
{
	uint64_t begun, now;

	sd_event_now(loop, CLOCK_MONOTONIC, &begun);
	do {
		assert_true(sd_event_run(loop, 50000) >= 0);
		sd_event_now(loop, CLOCK_MONOTONIC, &now);
	} while (now - begun < 1600000);
}

static void append(const char *name, const char *text, size_t size)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), size);
	close(fd);
}

#define HEAD                                                                                       \
	"Mar  3 10:00:00 mx postfix/smtpd[1]: warning: x[192.0.2.1]: SASL LOGIN authentication failed: no, sasl_username="

static void lines(const char *name, const char *accounts)
{
	char line[512];

	for (; *accounts; accounts++)
		append(name, line, (size_t)snprintf(line, sizeof(line), HEAD "%c\n", *accounts));
}

static int setup(void **state)
{
	(void)state;
	unlink(path);
	unlink(old);
	unlink(place);
	return 0;
}

static void follow(void **state)
{
	(void)state;
	lines(path, "ab");
	start();
	settle();
	want(""); /* what was there before the first start is past */
	lines(path, "cd");
	want("c d ");
	append(path, HEAD "e", sizeof(HEAD)); /* without its end */
	settle();
	want("c d ");
	append(path, "e\n", 2);
	want("c d ee ");
	assert_string_equal(faults, "");
	stop();
	/* after a restart: what came in between, and nothing twice */
	lines(path, "f");
	start();
	want("f ");
	append(path, HEAD "g", sizeof(HEAD));
	settle();
	stop();
	start();
	append(path, "\n", 1);
	want("g ");
	stop();
}

static void rename_and_create(void **state)
{
	(void)state;
	lines(path, "a");
	start();
	settle();
	lines(path, "b");
	assert_int_equal(rename(path, old), 0);
	lines(old, "c"); /* its writer has not changed over */
	close(open(path, O_CREAT | O_WRONLY, 0600));
	look_again();
	lines(old, "d");
	want("b c d ");
	lines(path, "e");
	lines(old, "f");
	for (int i = 0; i < 100 && strlen(seen) < 10; i++)
		sd_event_run(loop, 100000);
	assert_non_null(strstr(seen, "e "));
	assert_non_null(strstr(seen, "f "));
	lines(path, "g");
	want("b c d f e g ");
	assert_string_equal(faults, "");
	stop();
}

static void rotated_meanwhile(void **state)
{
	struct stat st;

	(void)state;
	lines(path, "a");
	start();
	settle();
	lines(path, "b");
	want("b ");
	stop();
	lines(path, "c");
	assert_int_equal(rename(path, old), 0);
	lines(path, "de");
	start();
	want("c d e ");
	stop();
	/* copied and truncated, and already longer than before */
	lines(path, "f");
	assert_int_equal(rename(path, old), 0);
	lines(path, "ghijklmn");
	unlink(path);
	append(path, "x\n", 2);
	lines(path, "ghijklmn");
	start();
	want("f g h i j k l m n ");
	stop();
	/* away for ever: the new one is new */
	unlink(path);
	unlink(old);
	lines(path, "o");
	assert_int_equal(stat(path, &st), 0);
	start();
	want("o ");
	stop();
}

static void copytruncate(void **state)
{
	(void)state;
	lines(path, "abc");
	start();
	settle();
	lines(path, "d");
	want("d ");
	assert_int_equal(truncate(path, 0), 0);
	lines(path, "e");
	want("d e ");
	/* longer at once than it was: seen by its first bytes */
	assert_int_equal(truncate(path, 0), 0);
	append(path, "other beginning\n", 16);
	lines(path, "fghijklmn");
	want("d e f g h i j k l m n ");
	stop();
	/* and while nobody looks */
	assert_int_equal(truncate(path, 0), 0);
	lines(path, "op");
	start();
	want("o p ");
	/* under a writer that does not append: a hole in front */
	assert_int_equal(truncate(path, 0), 0);
	look_again();
	assert_int_equal(truncate(path, 20000), 0);
	lines(path, "qr");
	want("o p q r ");
	stop();
}

/* The number of the file that was read is given to another one, which is longer. */
static void reused_inode(void **state)
{
	struct error why;
	struct stat st;
	FILE *f;

	(void)state;
	lines(path, "ab");
	assert_int_equal(stat(path, &st), 0);
	f = fopen(place, "w");
	fprintf(f, "file %llu %llu 50 50 0123456789abcdef %s\n", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino, path);
	fclose(f);
	start();
	want("a b ");
	stop();
	/* what is written there again is right */
	start();
	settle();
	want("");
	stop();
	assert_int_equal(log_positions_open(place, &positions, &why), 0);
	log_positions_close(positions);
}

static void odd_lines(void **state)
{
	static char huge[100000];
	struct log_state s;

	(void)state;
	start();
	settle();
	/* it appears later, so it is new from its beginning */
	assert_non_null(strstr(faults, "No such file or directory; it is read as soon as"));
	lines(path, "a");
	want("a ");
	assert_non_null(strstr(faults, "\nwell\n"));
	/* a client's text behind 8 KiB must not be taken for a line of its own */
	memset(huge, 'x', sizeof(huge));
	memcpy(huge + 50000, HEAD "z", sizeof(HEAD));
	huge[50000 + sizeof(HEAD)] = '\n';
	append(path, huge, 50001 + sizeof(HEAD));
	lines(path, "b");
	want("a b ");
	log_file_state(file, &s);
	assert_int_equal(s.skipped, 1);
	assert_true(s.well && s.lines == 2 && s.events == 2 && s.last > 0);
	/* binary */
	append(path, "\0\1\2\377\n\0\n\r\n", 9);
	append(path, HEAD "c\0d\n", sizeof(HEAD) + 3);
	lines(path, "e");
	want("a b c e ");
	/* a restart in the middle of a huge line */
	append(path, huge, 40000);
	settle();
	stop();
	append(path, huge + 40000, 10001 + sizeof(HEAD));
	lines(path, "f");
	start();
	want("f ");
	stop();
	/* the first start in the middle of a line */
	unlink(place);
	append(path, huge, 100);
	start();
	settle();
	append(path, huge + 50000, 1 + sizeof(HEAD));
	lines(path, "g");
	want("g ");
	stop();
}

static void ill(void **state)
{
	char link[64];

	(void)state;
	lines(path, "a");
	start();
	settle();
	unlink(path);
	for (int i = 0; i < 100 && !faults[0]; i++)
		sd_event_run(loop, 100000);
	assert_non_null(strstr(faults, "cannot read the log /tmp/smtpwall-logs."));
	lines(path, "b");
	want("b ");
	assert_non_null(strstr(faults, "well"));
	stop();
	/* what is no file */
	unlink(path);
	unlink(place);
	assert_int_equal(mkfifo(path, 0600), 0);
	start();
	settle();
	assert_non_null(strstr(faults, "not a regular file"));
	stop();
	/* another name for it */
	unlink(path);
	snprintf(link, sizeof(link), "%s/real", directory);
	lines(link, "a");
	assert_int_equal(symlink(link, path), 0);
	start();
	settle();
	lines(link, "b");
	want("b ");
	stop();
	unlink(link);
}

/* More than one turn may read, and the loop lives on. */
static void a_lot(void **state)
{
	struct log_state s;
	unsigned int turns = 0;
	char *text;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	for (int i = 0; i < 60000; i++)
		fprintf(f, HEAD "\n");
	fclose(f);
	lines(path, "a");
	start();
	settle();
	append(path, text, size);
	free(text);
	do {
		sd_event_run(loop, 100000);
		log_file_state(file, &s);
		turns++;
	} while (s.lines < 60000 && turns < 10000);
	assert_int_equal(s.lines, 60000);
	assert_true(turns >= 6);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(follow, setup),
		cmocka_unit_test_setup(rename_and_create, setup),
		cmocka_unit_test_setup(rotated_meanwhile, setup),
		cmocka_unit_test_setup(copytruncate, setup),
		cmocka_unit_test_setup(reused_inode, setup),
		cmocka_unit_test_setup(odd_lines, setup),
		cmocka_unit_test_setup(ill, setup),
		cmocka_unit_test_setup(a_lot, setup),
	};
	int failed;

	if (!mkdtemp(directory) || sd_event_new(&loop) < 0)
		return 1;
	snprintf(path, sizeof(path), "%s/mail.log", directory);
	snprintf(old, sizeof(old), "%s/mail.log.1", directory);
	snprintf(place, sizeof(place), "%s/log-positions", directory);
	kit_load("postfix");
	failed = cmocka_run_group_tests_name("logs_file", tests, NULL, NULL);
	kit_unload();
	setup(NULL);
	rmdir(directory);
	sd_event_unref(loop);
	return failed;
}
