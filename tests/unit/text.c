// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text to addresses, prefixes, times and rates and back; sentences; whole-file writes.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "text.h"

static void addresses(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: no address */
	} row[] = {
		{"192.0.2.7", "192.0.2.7"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"2001:db8::7", "2001:db8::7"},
		{"2001:DB8:0:0:0:0:0:7", "2001:db8::7"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"::", "::"},
		{"::1", "::1"},
		{"::ffff:192.0.2.7", "192.0.2.7"},
		{"::ffff:c000:207", "192.0.2.7"},
		{"64:ff9b::192.0.2.7", "192.0.2.7"},
		{"64:ff9b::c000:207", "192.0.2.7"},
		{"64:ff9b:1::c000:207", "64:ff9b:1::c000:207"},
		{"", NULL},
		{" 192.0.2.7", NULL},
		{"192.0.2.7 ", NULL},
		{"192.0.2", NULL},
		{"192.0.2.256", NULL},
		{"192.0.2.07", NULL},
		{"0300.0.2.7", NULL},
		{"0xc0.0.2.7", NULL},
		{"3221225991", NULL},
		{"192.0.2.7.1", NULL},
		{"192.0.2.-1", NULL},
		{"fe80::1%eth0", NULL},
		{"2001:db8:::1", NULL},
		{"2001:db8::1::", NULL},
		{"2001:db8::12345", NULL},
		{"1:2:3:4:5:6:7:8:9", NULL},
		{"::ffff:192.0.2.07", NULL},
		{"[::1]", NULL},
		{"example.org", NULL},
		{"192.0.2.7/32", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct address a;
		char text[ADDRESS_TEXT];
		const char *got;

		memset(&a, 0xa5, sizeof(a));
		got = address_parse(row[i].in, &a) ? address_text(&a, text) : NULL;
		if (!got != !row[i].out || (got && strcmp(got, row[i].out) != 0))
			fail_msg("unexpected address for \"%s\": got %s, want %s", row[i].in,
				 got ? got : "none", row[i].out ? row[i].out : "none");
		if (!got && (a.byte[0] != 0xa5 || a.byte[15] != 0xa5))
			fail_msg("\"%s\" is no address, but the result was changed", row[i].in);
	}
}

static void prefixes(void **state)
{
	static const struct {
		const char *in, *out; /* out: the text of the prefix, or part of the sentence */
		unsigned int length;
		int code;
	} row[] = {
		{"192.0.2.7", "192.0.2.7", 128, 0},
		{"192.0.2.7/32", "192.0.2.7", 128, 0},
		{"192.0.2.0/24", "192.0.2.0/24", 120, 0},
		{"192.0.2.128/25", "192.0.2.128/25", 121, 0},
		{"0.0.0.0/0", "0.0.0.0/0", 96, 0},
		{"10.0.0.0/8", "10.0.0.0/8", 104, 0},
		{"2001:db8::/32", "2001:db8::/32", 32, 0},
		{"2001:db8::7/128", "2001:db8::7", 128, 0},
		{"2000::/3", "2000::/3", 3, 0},
		{"::/96", "::/96", 96, 0},
		{"::1", "::1", 128, 0},
		{"::ffff:192.0.2.0/120", "192.0.2.0/24", 120, 0},
		{"::ffff:0:0/96", "0.0.0.0/0", 96, 0},
		{"64:ff9b::192.0.2.0/120", "192.0.2.0/24", 120, 0},
		{"64:ff9b::/96", "0.0.0.0/0", 96, 0},
		{"64:ff9b::/32", "64:ff9b::/32", 32, 0},
		{"192.0.2.1/24", "did you mean 192.0.2.0/24?", 0, -EINVAL},
		{"192.0.2.0/23", "192.0.2.0/23", 119, 0},
		{"192.0.3.0/23", "did you mean 192.0.2.0/23?", 0, -EINVAL},
		{"1.0.0.0/0", "did you mean 0.0.0.0/0?", 0, -EINVAL},
		{"2001:db8::1/64", "did you mean 2001:db8::/64?", 0, -EINVAL},
		{"64:ff9b::192.0.2.1/120", "did you mean 192.0.2.0/24?", 0, -EINVAL},
		{"::/0", "all of IPv4", 0, -EINVAL},
		{"::/80", "all of IPv4", 0, -EINVAL},
		{"::ffff:192.0.2.0/64", "all of IPv4", 0, -EINVAL},
		{"0:0:0:0:0:fffe::/95", "all of IPv4", 0, -EINVAL},
		{"::/81", "::/81", 81, 0},
		{"", "missing", 0, -EINVAL},
		{"/24", "not an IP address", 0, -EINVAL},
		{"192.0.2.0/", "no valid prefix length", 0, -EINVAL},
		{"192.0.2.0/33", "0 to 32", 0, -EINVAL},
		{"192.0.2.0/-1", "no valid prefix length", 0, -EINVAL},
		{"192.0.2.0/024", "no valid prefix length", 0, -EINVAL},
		{"192.0.2.0/24 ", "no valid prefix length", 0, -EINVAL},
		{"192.0.2.0/24/24", "no valid prefix length", 0, -EINVAL},
		{"192.0.2.0/99999999999999999999", "no valid prefix length", 0, -EINVAL},
		{"192.0.2.0/255.255.255.0", "no valid prefix length", 0, -EINVAL},
		{"2001:db8::/129", "0 to 128", 0, -EINVAL},
		{"example.org/24", "not an IP address", 0, -EINVAL},
		{"\033[2J", "\"?[2J\" is not an IP address", 0, -EINVAL},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111", "not an IP address", 0,
		 -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct prefix p;
		struct error why = {""};
		char text[PREFIX_TEXT];
		int code;

		memset(&p, 0xa5, sizeof(p));
		code = prefix_parse(row[i].in, &p, &why);
		if (code != row[i].code)
			fail_msg("unexpected result for \"%s\": got %d (%s), want %d", row[i].in,
				 code, why.text, row[i].code);
		if (code && !strstr(why.text, row[i].out))
			fail_msg("unexpected sentence for \"%s\": got \"%s\", want \"%s\"",
				 row[i].in, why.text, row[i].out);
		if (code && p.length != 0xa5a5a5a5)
			fail_msg("\"%s\" is no prefix, but the result was changed", row[i].in);
		if (!code && strcmp(prefix_text(&p, text), row[i].out) != 0)
			fail_msg("unexpected prefix for \"%s\": got %s, want %s", row[i].in, text,
				 row[i].out);
		if (!code && p.length != row[i].length)
			fail_msg("unexpected length for \"%s\": got %u, want %u", row[i].in,
				 p.length, row[i].length);
		assert_int_equal(prefix_parse(row[i].in, &p, NULL), row[i].code);
	}
}

static void holding(void **state)
{
	static const struct {
		const char *outer, *inner;
		bool holds;
	} row[] = {
		{"192.0.2.0/24", "192.0.2.7", true},
		{"192.0.2.0/24", "192.0.2.0/24", true},
		{"192.0.2.0/24", "192.0.2.0/23", false},
		{"192.0.2.0/24", "192.0.3.7", false},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"0.0.0.0/0", "255.1.2.3", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"2001:db8::/33", "2001:db8:7fff::/48", true},
		{"2001:db8::/33", "2001:db8:8000::/48", false},
		{"2001:db8::7", "2001:db8::7", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct prefix outer, inner;

		assert_int_equal(prefix_parse(row[i].outer, &outer, NULL), 0);
		assert_int_equal(prefix_parse(row[i].inner, &inner, NULL), 0);
		if (prefix_contains(&outer, &inner) != row[i].holds)
			fail_msg("unexpected: %s holds %s: want %d", row[i].outer, row[i].inner,
				 row[i].holds);
	}
}

static void durations(void **state)
{
	static const struct {
		const char *in;
		int64_t seconds; /* -1: no time */
		const char *out;
	} row[] = {
		{"90s", 90, "1m30s"},
		{"10m", 600, "10m"},
		{"4h", 14400, "4h"},
		{"7d", 604800, "7d"},
		{"2w", 1209600, "14d"},
		{"1h30m", 5400, "1h30m"},
		{"1d1s", 86401, "1d"},
		{"1d2h3m4s", 93784, "1d2h"},
		{"0s", 0, "0s"},
		{"0d", 0, "0s"},
		{"59s", 59, "59s"},
		{"3650d", 315360000, "3650d"},
		{"3650d1s", -1, ""},
		{"3651d", -1, ""},
		{"99999999999999999999s", -1, ""},
		{"", -1, ""},
		{"10", -1, ""},
		{"m", -1, ""},
		{"10 m", -1, ""},
		{"10m ", -1, ""},
		{"10M", -1, ""},
		{"10min", -1, ""},
		{"-1h", -1, ""},
		{"1.5h", -1, ""},
		{"30m1h", -1, ""},
		{"1h1h", -1, ""},
		{"1h30", -1, ""},
		{"forever", -1, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct error why = {""};
		uint64_t seconds = 12345;
		char text[DURATION_TEXT];
		int code = duration_parse(row[i].in, &seconds, &why);

		if (code != (row[i].seconds < 0 ? -EINVAL : 0))
			fail_msg("unexpected result for \"%s\": got %d", row[i].in, code);
		if (code && (seconds != 12345 || !why.text[0]))
			fail_msg("\"%s\": the result was changed or there is no sentence",
				 row[i].in);
		if (!code && seconds != (uint64_t)row[i].seconds)
			fail_msg("unexpected time for \"%s\": got %llu, want %lld", row[i].in,
				 (unsigned long long)seconds, (long long)row[i].seconds);
		if (!code && strcmp(duration_text(seconds, text), row[i].out) != 0)
			fail_msg("unexpected text for \"%s\": got %s, want %s", row[i].in, text,
				 row[i].out);
	}
}

static void rates(void **state)
{
	static const struct {
		const char *in;
		int code;
		uint64_t events, seconds;
	} row[] = {
		{"600/1m", 0, 600, 60},
		{"1/1s", 0, 1, 1},
		{"1000000000/1s", 0, 1000000000, 1},
		{"off", 0, 0, 0},
		{"1000000001/1s", -EINVAL, 0, 0},
		{"0/1m", -EINVAL, 0, 0},
		{"600/0s", -EINVAL, 0, 0},
		{"600", -EINVAL, 0, 0},
		{"600/m", -EINVAL, 0, 0},
		{"600/60", -EINVAL, 0, 0},
		{"600 / 1m", -EINVAL, 0, 0},
		{"/1m", -EINVAL, 0, 0},
		{"-5/1m", -EINVAL, 0, 0},
		{"off ", -EINVAL, 0, 0},
		{"", -EINVAL, 0, 0},
		{"18446744073709551617/1m", -EINVAL, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		uint64_t events = 7, seconds = 7;
		struct error why = {""};
		int code = rate_parse(row[i].in, &events, &seconds, &why);

		if (code != row[i].code)
			fail_msg("unexpected result for \"%s\": got %d, want %d", row[i].in, code,
				 row[i].code);
		if (code && (events != 7 || seconds != 7 || !why.text[0]))
			fail_msg("\"%s\": a result was changed or there is no sentence", row[i].in);
		if (!code && (events != row[i].events || seconds != row[i].seconds))
			fail_msg("unexpected rate for \"%s\": got %llu/%llus", row[i].in,
				 (unsigned long long)events, (unsigned long long)seconds);
	}
}

static void cleaning(void **state)
{
	static const struct {
		const char *in;
		size_t size;
		const char *out;
	} row[] = {
		{"plain text 1-2", 64, "plain text 1-2"},
		{"a\nb\tc\033[0m\177", 64, "a?b?c?[0m?"},
		{"say \"hi\" it's", 64, "say 'hi' it's"},
		{"gr\303\274n", 64, "gr?n"},
		{"\342\202\254\360\237\230\200x", 64, "??x"},
		{"\200\201a\377\300", 64, "?a??"},
		{"cut here", 4, "cut"},
		{"cut", 1, ""},
		{"", 64, ""},
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		memset(out, 'X', sizeof(out));
		if (strcmp(text_clean(row[i].in, out, row[i].size), row[i].out) != 0)
			fail_msg("unexpected text in row %zu: got \"%s\", want \"%s\"", i, out,
				 row[i].out);
	}
	out[0] = 'X';
	text_clean("abc", out, 0);
	assert_int_equal(out[0], 'X');
}

static void numbers(void **state)
{
	char text[NUMBER_TEXT];

	(void)state;
	assert_string_equal(number_text(0, text), "0");
	assert_string_equal(number_text(999, text), "999");
	assert_string_equal(number_text(1000, text), "1,000");
	assert_string_equal(number_text(1234567, text), "1,234,567");
	assert_string_equal(number_text(UINT64_MAX, text), "18,446,744,073,709,551,615");
}

static void sentences(void **state)
{
	struct error why;
	char *long_text = malloc(5000);

	(void)state;
	assert_int_equal(error_set(&why, -ENOENT, "no %s", "file"), -ENOENT);
	assert_string_equal(why.text, "no file");
	/* its own text as an argument */
	error_set(&why, -EIO, "cause: %s (%s)", why.text, why.text);
	assert_string_equal(why.text, "cause: no file (no file)");
	assert_int_equal(error_prefix(&why, -EINVAL, "list %s: ", "x\ny"), -EINVAL);
	assert_string_equal(why.text, "list x?y: cause: no file (no file)");
	error_set(&why, 0, "gr\303\274n \302\233 \033 \177");
	assert_string_equal(why.text, "gr\303\274n ?? ? ?");
	memset(long_text, 'a', 4999);
	long_text[4999] = '\0';
	error_set(&why, 0, "%s", long_text);
	assert_int_equal(strlen(why.text), sizeof(why.text) - 1);
	error_prefix(&why, 0, "%s", long_text);
	assert_int_equal(strlen(why.text), sizeof(why.text) - 1);
	assert_int_equal(error_set(NULL, -EIO, "x"), -EIO);
	assert_int_equal(error_prefix(NULL, -EIO, "x"), -EIO);
	free(long_text);
}

static int entries(const char *directory)
{
	DIR *d = opendir(directory);
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void files(void **state)
{
	char directory[] = "/tmp/smtpwall-text.XXXXXX", path[64], none[64], text[64] = "";
	struct error why;
	struct stat st;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/file", directory);
	assert_int_equal(file_replace(path, "one", 3, &why), 0);
	assert_int_equal(file_replace(path, "second", 6, &why), 0);
	f = fopen(path, "r");
	assert_int_equal(fread(text, 1, sizeof(text), f), 6);
	fclose(f);
	assert_memory_equal(text, "second", 6);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_replace(path, "", 0, &why), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(entries(directory), 1);

	snprintf(none, sizeof(none), "%s/none/file", directory);
	assert_int_equal(file_replace(none, "x", 1, &why), -ENOENT);
	assert_non_null(strstr(why.text, none));
	snprintf(none, sizeof(none), "%s/", directory);
	assert_int_equal(file_replace(none, "x", 1, &why), -EISDIR);
	/* a directory cannot be replaced, and nothing is left lying about */
	snprintf(none, sizeof(none), "%s/directory", directory);
	assert_int_equal(mkdir(none, 0700), 0);
	assert_int_equal(file_replace(none, "x", 1, &why), -EISDIR);
	assert_int_equal(entries(directory), 2);

	rmdir(none);
	unlink(path);
	rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses), cmocka_unit_test(prefixes),
		cmocka_unit_test(holding),   cmocka_unit_test(durations),
		cmocka_unit_test(rates),     cmocka_unit_test(cleaning),
		cmocka_unit_test(numbers),   cmocka_unit_test(sentences),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
