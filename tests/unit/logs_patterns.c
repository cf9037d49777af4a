// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sets of patterns: what is refused, which of two counts; and the time and the tag of a file's line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "logs/logs.h"
#include "logs_kit.h"

static char first[] = "/tmp/smtpwall-patterns.XXXXXX", second[] = "/tmp/smtpwall-patterns.XXXXXX";
static char sentences[8192];

static void note(void *context, const char *sentence)
{
	(void)context;
	strncat(sentences, sentence, sizeof(sentences) - strlen(sentences) - 2);
	strcat(sentences, "\n");
}

static void put(const char *directory, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void drop(const char *directory, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	unlink(path);
}

static int load(const char *const name[], unsigned int names, struct log_patterns **out)
{
	const char *const directory[] = {first, "/nonexistent", second};
	struct error why;

	sentences[0] = '\0';
	return log_patterns_load(directory, 3, name, names, note, NULL, out, &why);
}

static void bad_lines(void **state)
{
	static const struct {
		const char *text, *sentence;
	} row[] = {
		{"login ^x (?<address>.)\n", ":1: \"identifiers = ...\" must come before"},
		{"identifiers = x\nlogin x(?<address>.)\n", ":2: a pattern begins with ^"},
		{"identifiers = x\n\n# c\nlogin ^.*(?<address>.)\n",
		 ":4: \".*\" or \".+\" in front"},
		{"identifiers = x\nlogin ^a.+(?<address>.)\n", "in front of the address"},
		{"identifiers = x\nlogin ^a(?<adress>.)\n", "there is no group \"adress\""},
		{"identifiers = x\nlogin ^a(?<account>.)\n",
		 "\"login\" needs (?<address>...) or (?<session>...)"},
		{"identifiers = x\nconnect ^a(?<address>.)\n",
		 "\"connect\" needs (?<address>...) and (?<session>...)"},
		{"identifiers = x\nsent ^a(?<queue>.)\n", "\"sent\" needs"},
		{"identifiers = x\nclient ^a(?<queue>.)\n", "\"client\" needs"},
		{"identifiers = x\nlogin ^a(?<address>.)|(?<address>.)\n", ":2: "},
		{"identifiers = x\nlogin ^a(?J)(?<address>.)|(?<address>.)\n", "is there twice"},
		{"identifiers = x\nlogin ^a(?<address>.\n", "is wrong at its byte"},
		{"identifiers = (x\nlogin ^a(?<address>.)\n",
		 ":1: the regular expression is wrong"},
		{"identifiers = x\noffence murder ^a(?<address>.)\n", "no offence \"murder\""},
		{"identifiers = x\noffence relay-denied\n", "begins with ^"},
		{"identifiers = x\nlogon ^a(?<address>.)\n", "no kind of line \"logon\""},
		{"colour = red\n", "no setting \"colour\""},
		{"identifiers = x\nlogin ^(*UTF)(?<address>.)\n", ":2: "},
		{"# nothing\n", "there is no pattern in it"},
		{"", ":1: there is no pattern in it"},
	};

	(void)state;
	put(second, "good.conf", "identifiers = x\nlogin ^a\\.*(?<address>.)\n");
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct log_patterns *patterns;

		put(first, "bad.conf", row[i].text);
		assert_int_equal(load(NULL, 0, &patterns), 1);
		assert_string_equal(log_patterns_name(patterns, 0), "good");
		assert_null(log_patterns_name(patterns, 1));
		if (!strstr(sentences, row[i].sentence) || !strstr(sentences, "/bad.conf:"))
			fail_msg("row %zu: got \"%s\", want \"%s\"", i, sentences, row[i].sentence);
		log_patterns_free(patterns);
	}
	drop(first, "bad.conf");
	drop(second, "good.conf");
}

static void which(void **state)
{
	static const char *const names[] = {"one", "missing", "one", "../one"};
	struct log_patterns *patterns;

	(void)state;
	put(first, "one.conf", "units = a b\nidentifiers = x\nlogin ^a(?<address>.)\n");
	put(second, "one.conf", "units = c\nidentifiers = x\nlogin ^a(?<address>.)\n");
	put(second, "two.conf", "units = b d\nidentifiers = x\nlogin ^a(?<address>.)\n");
	put(second, ".three.conf", "x");
	put(second, "four.conf~", "x");
	assert_int_equal(load(NULL, 0, &patterns), 2);
	assert_string_equal(sentences, "");
	assert_string_equal(log_patterns_unit(patterns, 0), "a");
	assert_string_equal(log_patterns_unit(patterns, 1), "b");
	assert_string_equal(log_patterns_unit(patterns, 2), "d");
	assert_null(log_patterns_unit(patterns, 3));
	log_patterns_free(patterns);
	assert_int_equal(load(names, 4, &patterns), 1);
	assert_non_null(strstr(sentences, "there are no patterns \"missing\""));
	assert_non_null(strstr(sentences, "there are no patterns \"../one\""));
	log_patterns_free(patterns);
	drop(first, "one.conf");
	drop(second, "one.conf");
	drop(second, "two.conf");
	drop(second, ".three.conf");
	drop(second, "four.conf~");
	assert_int_equal(load(NULL, 0, &patterns), 0);
	log_patterns_free(patterns);
}

/* An administrator's pattern may be careless: a line that it would take for ever for says nothing. */
static void careless(void **state)
{
	static char text[LOG_LINE];
	struct log_line line = {.tag = "x", .tag_size = 1, .message = text};
	struct log_calls calls = {.event = kit_event};
	struct log_patterns *patterns;
	struct log_matcher *matcher;
	struct timespec begun, ended;
	struct error why;

	(void)state;
	put(first, "one.conf", "identifiers = x\nlogin ^(?:a|aa)+ ?(?<address>[0-9.]+)\n");
	assert_int_equal(load(NULL, 0, &patterns), 1);
	assert_int_equal(log_matcher_open(patterns, &calls, &matcher, &why), 0);
	memset(text, 'a', sizeof(text));
	line.message_size = 80;
	kit_events[0] = '\0';
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun);
	for (int i = 0; i < 2000; i++)
		log_matcher_line(matcher, NULL, &line);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
	assert_string_equal(kit_events, "");
	print_message("2000 lines took %lld ms\n",
		      (long long)(ended.tv_sec - begun.tv_sec) * 1000 +
			      (ended.tv_nsec - begun.tv_nsec) / 1000000);
	/* With the library's own limit it is a hundred times that much. */
	assert_true(ended.tv_sec - begun.tv_sec < 10);
	line.message_size = (size_t)snprintf(text, sizeof(text), "aaa 192.0.2.1");
	log_matcher_line(matcher, NULL, &line);
	assert_string_equal(kit_events, "login 192.0.2.1; ");
	/* by unit: a set that names none is for no unit, but for every file */
	kit_events[0] = '\0';
	log_matcher_line(matcher, "x.service", &line);
	assert_string_equal(kit_events, "");
	log_matcher_close(matcher);
	log_patterns_free(patterns);
	drop(first, "one.conf");
}

static void times(void **state)
{
	static const struct {
		const char *now, *line, *when, *tag, *message; /* when NULL: now */
	} row[] = {
		{"2026-03-22 10:00:00", "Mar 21 09:18:51 h t[1]: m", "2026-03-21 09:18:51", "t",
		 "m"},
		{"2026-03-22 10:00:00", "Mar  1 09:18:51 h t: m", "2026-03-01 09:18:51", "t", "m"},
		{"2026-03-22 10:00:00", "Mar 22 10:00:30 h t: m", NULL, "t", "m"},
		{"2026-03-22 10:00:00", "Mar 22 18:00:30 h t: m", NULL, "t", "m"},
		{"2026-03-22 10:00:00", "Mar 25 10:00:30 h t: m", "2025-03-25 10:00:30", "t", "m"},
		{"2026-01-01 00:00:10", "Dec 31 23:59:59 h t: m", "2025-12-31 23:59:59", "t", "m"},
		{"2025-12-31 23:59:59", "Jan  1 00:00:01 h t: m", NULL, "t", "m"},
		{"2026-03-22 10:00:00", "Feb 29 10:00:00 h t: m", "2024-02-29 10:00:00", "t", "m"},
		{"2028-03-01 10:00:00", "Feb 29 10:00:00 h t: m", "2028-02-29 10:00:00", "t", "m"},
		{"2026-03-22 10:00:00", "Feb 30 10:00:00 h t: m", NULL, "",
		 "Feb 30 10:00:00 h t: m"},
		{"2026-03-22 10:00:00", "2026-03-21T08:18:51Z h a/b/c[12]: m n",
		 "2026-03-21 09:18:51", "a/b/c", "m n"},
		{"2026-03-22 10:00:00", "2026-03-21T08:18:51.999+02:00 h t: m",
		 "2026-03-21 07:18:51", "t", "m"},
		{"2026-03-22 10:00:00", "2026-03-21T08:18:51-0130 h t: m", "2026-03-21 10:48:51",
		 "t", "m"},
		{"2026-03-22 10:00:00", "2026-03-21T08:18:51 h t: m", "2026-03-21 08:18:51", "t",
		 "m"},
		{"2026-03-22 10:00:00", "2027-03-21T08:18:51Z h t: m", NULL, "t", "m"},
		{"2026-03-22 10:00:00", "2026-03-21 08:18:51 H=(x): y", "2026-03-21 08:18:51", "",
		 "H=(x): y"},
		{"2026-03-22 10:00:00", "2026-03-21 08:18:51.123 +0200 [4] m",
		 "2026-03-21 07:18:51", "", "[4] m"},
		{"2026-03-22 10:00:00", "Mar 21 09:18:51 h exim[1]: 2026-03-20 08:18:51 m",
		 "2026-03-21 09:18:51", "exim", "m"},
		{"2026-03-22 10:00:00", "Mar 21 09:18:51 imap-login: Info: m",
		 "2026-03-21 09:18:51", "imap-login", "Info: m"},
		{"2026-03-22 10:00:00", "Mar 21 09:18:51 h mail.info t[3]: m",
		 "2026-03-21 09:18:51", "t", "m"},
		{"2026-03-22 10:00:00", "Mar 21 09:18:51 h x t[3]: m", "2026-03-21 09:18:51", "",
		 "h x t[3]: m"},
		{"2026-03-22 10:00:00", "no time", NULL, "", "no time"},
		{"2026-03-22 10:00:00", "", NULL, "", ""},
		{"2026-03-22 10:00:00", "Mar 21 09:18:5", NULL, "", "Mar 21 09:18:5"},
	};

	(void)state;
	/* A zone with summer time, an hour ahead in winter. */
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct tm tm = {.tm_isdst = -1};
		struct log_line line;
		char when[64] = "";
		time_t seconds;
		int64_t now;

		assert_non_null(strptime(row[i].now, "%Y-%m-%d %H:%M:%S", &tm));
		now = (int64_t)mktime(&tm) * 1000000;
		log_line_split(row[i].line, strlen(row[i].line), now, &line);
		seconds = line.when / 1000000;
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &tm));
		if (strcmp(when, row[i].when ? row[i].when : row[i].now) != 0 ||
		    line.tag_size != strlen(row[i].tag) ||
		    memcmp(line.tag, row[i].tag, line.tag_size) != 0 ||
		    line.message_size != strlen(row[i].message) ||
		    memcmp(line.message, row[i].message, line.message_size) != 0)
			fail_msg("row %zu: \"%s\": got %s \"%.*s\" \"%.*s\"", i, row[i].line, when,
				 (int)line.tag_size, line.tag, (int)line.message_size,
				 line.message);
	}
	/* The hour that comes twice must not be a year ago. */
	{
		struct log_line line;
		static const char text[] = "Oct 25 02:30:00 h t: m";
		int64_t now = 1792888210LL * 1000000; /* 2026-10-25 02:30:10 CEST */

		log_line_split(text, strlen(text), now, &line);
		assert_true(now - line.when < 7200LL * 1000000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(which),
		cmocka_unit_test(careless),
		cmocka_unit_test(times),
	};
	int failed;

	if (!mkdtemp(first) || !mkdtemp(second))
		return 1;
	failed = cmocka_run_group_tests_name("logs_patterns", tests, NULL, NULL);
	rmdir(first);
	rmdir(second);
	return failed;
}
