// SPDX-License-Identifier: GPL-2.0-only
/*
 * A journal written by systemd-journal-remote, in a directory of its own, read while it grows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "logs/logs.h"
#include "logs_kit.h"

#define WRITER "/lib/systemd/systemd-journal-remote"
#define SASL   "warning: x[192.0.2.1]: SASL LOGIN authentication failed: no, sasl_username="

static char directory[] = "/tmp/smtpwall-journal.XXXXXX", place[64];
static sd_event *loop;
static struct log_positions *positions;
static struct log_journal *journal;
static char seen[65536], faults[4096];
static int64_t last;
static unsigned int number;

static void on_event(void *context, const struct log_event *event)
{
	(void)context;
	strcat(seen, event->account);
	strcat(seen, " ");
	last = event->when;
}

static void on_fault(void *context, const char *name, const char *sentence)
{
	(void)context;
	assert_string_equal(name, "journal");
	strcat(faults, sentence ? sentence : "well");
	strcat(faults, "\n");
}

static void start(const char *unit)
{
	struct log_calls calls = {.event = on_event, .fault = on_fault};
	struct error why;

	seen[0] = faults[0] = '\0';
	assert_int_equal(log_positions_open(place, &positions, &why), 0);
	assert_int_equal(log_journal_open(loop, directory, &unit, unit ? 1 : 0, kit_patterns,
					  positions, &calls, &journal, &why),
			 0);
}

static void stop(void)
{
	struct error why;

	log_journal_close(journal);
	assert_int_equal(log_positions_save(positions, true, &why), 0);
	log_positions_close(positions);
}

static void want(const char *expected)
{
	for (int i = 0; i < 300 && strcmp(seen, expected) != 0; i++)
		assert_true(sd_event_run(loop, 100000) >= 0);
	assert_string_equal(seen, expected);
}

/* Until the journal is open and read to its end. */
static void settle(void)
{
	struct log_state s = {0};

	for (int i = 0; i < 100 && !s.well && !faults[0]; i++) {
		assert_true(sd_event_run(loop, 50000) >= 0);
		log_journal_state(journal, &s);
	}
	for (int i = 0; i < 10; i++)
		assert_true(sd_event_run(loop, 20000) >= 0);
}

static FILE *writer(const char *name)
{
	char command[256];

	snprintf(command, sizeof(command), WRITER " -o %s/%s.journal - >/dev/null 2>&1", directory,
		 name);
	return popen(command, "w");
}

static void entry(FILE *f, const char *unit, const char *tag, const char *fields)
{
	uint64_t when = 1700000000000000ULL + number++ * 1000000ULL;

	fprintf(f,
		"__REALTIME_TIMESTAMP=%llu\n__MONOTONIC_TIMESTAMP=%u\n"
		"_BOOT_ID=0123456789abcdef0123456789abcdef\n_SYSTEMD_UNIT=%s\n"
		"SYSLOG_IDENTIFIER=%s\n%s\n\n",
		(unsigned long long)when, number * 1000000, unit, tag, fields);
}

static void put(const char *name, const char *accounts)
{
	FILE *f = writer(name);

	assert_non_null(f);
	for (; *accounts; accounts++) {
		char text[256];

		snprintf(text, sizeof(text), "MESSAGE=" SASL "%c", *accounts);
		entry(f, "postfix@-.service", "postfix/smtpd", text);
	}
	assert_int_equal(pclose(f), 0);
}

static void follow(void **state)
{
	FILE *f;

	(void)state;
	if (access(WRITER, X_OK)) {
		print_message("skipped: there is no " WRITER ", see scripts/setup\n");
		skip();
	}
	put("one", "ab");
	start(NULL);
	settle();
	put("one", "cd");
	want("c d ");
	assert_string_equal(faults, "");
	/* of another unit, of another program, of nobody's */
	f = writer("one");
	entry(f, "session-3.scope", "postfix/smtpd", "MESSAGE=" SASL "z");
	entry(f, "postfix@-.service", "postfix/cleanup", "MESSAGE=" SASL "z");
	entry(f, "exim4.service", "postfix/smtpd", "MESSAGE=" SASL "z");
	entry(f, "postfix@-.service", "postfix/smtpd",
	      "_SOURCE_REALTIME_TIMESTAMP=1600000000123456\nMESSAGE=" SASL "e");
	pclose(f);
	want("c d e ");
	assert_int_equal(last, 1600000000123456);
	stop();
	/* after a restart */
	put("one", "f");
	start(NULL);
	want("f ");
	stop();
	start(NULL);
	settle();
	want("");
	/* another file, as after a rotation */
	put("two", "g");
	want("g ");
	stop();
}

static void dropped(void **state)
{
	struct log_state s = {0};
	FILE *f;

	(void)state;
	if (access(WRITER, X_OK))
		skip();
	start(NULL);
	settle();
	f = writer("two");
	entry(f, "systemd-journald.service", "systemd-journald",
	      "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e\n"
	      "MESSAGE=Suppressed 20 messages from postfix@-.service");
	entry(f, "systemd-journald.service", "systemd-journald",
	      "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e\n"
	      "MESSAGE=Suppressed 7 messages from other.service");
	entry(f, "systemd-journald.service", "systemd-journald",
	      "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e\n"
	      "MESSAGE=Suppressed 3 messages from /system.slice/system-postfix.slice/postfix@-.service");
	entry(f, "other.service", "systemd-journald",
	      "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e\n"
	      "MESSAGE=Suppressed 1000 messages from postfix@-.service");
	pclose(f);
	put("two", "h");
	want("h ");
	log_journal_state(journal, &s);
	assert_int_equal(s.suppressed, 23);
	stop();
}

/* The entry that was read last is gone: what came after its time is read. */
static void vacuumed(void **state)
{
	char name[96];

	(void)state;
	if (access(WRITER, X_OK))
		skip();
	put("two", "i");
	put("three", "jk");
	snprintf(name, sizeof(name), "%s/one.journal", directory);
	unlink(name);
	snprintf(name, sizeof(name), "%s/two.journal", directory);
	unlink(name);
	start(NULL);
	want("j k ");
	stop();
	/* units of one's own need not stand in the patterns; their first start is at the end */
	start("my-postfix.service");
	settle();
	{
		FILE *f = writer("three");

		entry(f, "my-postfix.service", "postfix/smtpd", "MESSAGE=" SASL "l");
		entry(f, "postfix@-.service", "postfix/smtpd", "MESSAGE=" SASL "m");
		pclose(f);
	}
	want("l ");
	stop();
	snprintf(name, sizeof(name), "%s/three.journal", directory);
	unlink(name);
}

static void none(void **state)
{
	struct log_calls calls = {.event = on_event, .fault = on_fault};
	struct error why;

	(void)state;
	assert_int_equal(log_positions_open(place, &positions, &why), 0);
	faults[0] = '\0';
	assert_int_equal(log_journal_open(loop, "/nonexistent", NULL, 0, kit_patterns, positions,
					  &calls, &journal, &why),
			 0);
	settle();
	assert_non_null(strstr(faults, "cannot read the journal: there is none here"));
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follow),
		cmocka_unit_test(dropped),
		cmocka_unit_test(vacuumed),
		cmocka_unit_test(none),
	};
	int failed;

	if (!mkdtemp(directory) || sd_event_new(&loop) < 0)
		return 1;
	snprintf(place, sizeof(place), "%s/log-positions", directory);
	kit_load(NULL);
	failed = cmocka_run_group_tests_name("logs_journal", tests, NULL, NULL);
	kit_unload();
	unlink(place);
	rmdir(directory);
	sd_event_unref(loop);
	return failed;
}
