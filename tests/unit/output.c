// SPDX-License-Identifier: GPL-2.0-only
/*
 * What commands print: JSON, tables, complaints, the log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <smtpwall/sources.h>
#include "output.h"

/* What a piece of code writes to standard error. */
static char heard[4096];

static void listen_to(void (*code)(void))
{
	FILE *f = tmpfile();
	int kept = dup(STDERR_FILENO);

	fflush(stderr);
	dup2(fileno(f), STDERR_FILENO);
	code();
	fflush(stderr);
	dup2(kept, STDERR_FILENO);
	close(kept);
	rewind(f);
	heard[fread(heard, 1, sizeof(heard) - 1, f)] = '\0';
	fclose(f);
}

static void json(void **state)
{
	json_object *o = json_object_new_object(), *back;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	json_text(o, "address", "192.0.2.0/24");
	json_text(o, "quoted", "a\"b\\c\n\033");
	json_text(o, "utf8", "gr\303\274n \360\237\230\200");
	json_text(o, "latin1", "gr\374n");
	json_text(o, "surrogate", "\355\240\200");
	json_text(o, "overlong", "\300\257");
	json_text(o, "none", NULL);
	json_number(o, "most", UINT64_MAX);
	json_signed(o, "least", INT64_MIN);
	json_flag(o, "yes", true);
	json_time(o, "since", 1791460951);
	json_time(o, "until", INT64_MAX);
	json_time(o, "forever", (int64_t)FOREVER);
	json_print_line(o, out);
	fclose(out);
	assert_string_equal(text, "{\"address\":\"192.0.2.0/24\","
				  "\"quoted\":\"a\\\"b\\\\c\\n\\u001b\","
				  "\"utf8\":\"gr\303\274n \360\237\230\200\","
				  "\"latin1\":\"gr?n\",\"surrogate\":\"?\",\"overlong\":\"?\","
				  "\"most\":18446744073709551615,\"least\":-9223372036854775808,"
				  "\"yes\":true,\"since\":\"2026-10-08T12:02:31+00:00\"}\n");
	back = json_tokener_parse(text);
	assert_non_null(back);
	free(text);

	out = open_memstream(&text, &size);
	json_print(back, out);
	fclose(out);
	assert_non_null(strstr(text, "\n  \"yes\": true,\n"));
	assert_true(text[size - 1] == '\n');
	free(text);
}

static void tables(void **state)
{
	static const char *const heading[] = {"name", ">entries", "note"};
	static const char *const rows[][3] = {
		{"a", "1,234,567", "first"},
		{"\033[32mgr\303\274n\033[0m", "5", NULL},
		{"long-name", "", ">x"},
	};
	struct table *t = table_new(3, heading);
	char copy[] = "gone";
	const char *const own[] = {copy, copy, copy};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (size_t i = 0; i < 3; i++)
		table_row(t, rows[i]);
	table_row(t, own);
	memset(copy, 'x', 4); /* cells are copied */
	table_print(t, out);
	fclose(out);
	assert_string_equal(text, "name         entries  note\n"
				  "a          1,234,567  first\n"
				  "\033[32mgr\303\274n\033[0m               5  \n"
				  "long-name             >x\n"
				  "gone            gone  gone\n");
	free(text);

	/* many rows */
	out = open_memstream(&text, &size);
	t = table_new(3, heading);
	for (int i = 0; i < 1000; i++)
		table_row(t, rows[0]);
	table_print(t, out);
	fclose(out);
	assert_int_equal(size, strlen("name    entries  note\n") + 1000 * 23);
	free(text);
}

static void print_null(void)
{
	table_row(NULL, NULL);
	table_print(NULL, stdout);
}

static void complaints(void)
{
	complain("%s is %d", "this", 1);
	note("that");
}

static void lines(void)
{
	log_to_stderr(true);
	log_line(LOG_INFO, "ban source=%s reason=\"a\nb\033\"", "192.0.2.7");
	log_to_stderr(false);
	log_line(LOG_DEBUG, "not here");
}

static void errors(void **state)
{
	(void)state;
	listen_to(complaints);
	assert_string_equal(heard, "smtpwall: this is 1\nsmtpwall: note: that\n");
	listen_to(lines);
	assert_string_equal(heard, "smtpwall: ban source=192.0.2.7 reason=\"a?b?\"\n");
	listen_to(print_null);
	assert_non_null(strstr(heard, "out of memory"));
}

static void colours(void **state)
{
	FILE *f = tmpfile();

	(void)state;
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	assert_string_equal(colour(f, COLOUR_BAD), ""); /* no terminal */
	assert_string_equal(colour_end(f), "");
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json),
		cmocka_unit_test(tables),
		cmocka_unit_test(errors),
		cmocka_unit_test(colours),
	};

	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
