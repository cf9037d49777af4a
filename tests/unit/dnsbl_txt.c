// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a DNSBL says about a source: messages made by hand, and questions to a server in a network of this
 * test's own.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dnsbl/dnsbl.h"
#include "dnsbl_servers.h"

#define LONG 5000 /* ms, for what must be answered, on a machine that is busy with other things */

/* --- messages --------------------------------------------------------------------------------- */

/* A record of these strings, each with its length in front; so many of them are alike. */
static bool read_text(const struct dnsbl_zone *zone, const char *strings, size_t size, int records,
		      char out[DNSBL_TXT])
{
	static const char question[] = "\1"
				       "2\2bl\7example\0\0\20\0\1",
			  record[] = "\xc0\x0c\0\20\0\1\0\0\0\60\0";
	unsigned char message[2048] = {0, 0, 0x81, 0x80, 0, 1, 0, (unsigned char)records};
	size_t used = 12;

	memcpy(message + used, question, sizeof(question) - 1);
	used += sizeof(question) - 1;
	for (int i = 0; i < records; i++) {
		memcpy(message + used, record, sizeof(record) - 1);
		used += sizeof(record) - 1;
		message[used++] = (unsigned char)size;
		memcpy(message + used, strings, size);
		used += size;
	}
	return dnsbl_txt_read(zone, message, (int)used, out);
}

static void test_message(void **state)
{
	static const struct {
		const char *strings, *text;
		size_t size;
		int records;
	} table[] = {
		{"\5hello", "hello", 6, 1},
		{"\5hel l\2o!", "hel lo!", 9, 1},
		{"\5hello", "hello hello", 6, 2},
		{"\7\x1b[31m\r\n", "[31m", 8, 1},
		{"\12a\r\n250 b\xc3\xa4", "a 250 b", 11, 1},
		{"\5  a  ", "a", 6, 1},
		{"\1\0", "", 2, 1},
		{"\0", "", 1, 1},
		{"\20hello", "", 6, 1}, /* longer than its record */
	};
	struct dnsbl_zone zone = {.zone = "bl.example"};
	char out[DNSBL_TXT], big[256];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		bool found =
			read_text(&zone, table[i].strings, table[i].size, table[i].records, out);

		if (strcmp(out, table[i].text) != 0)
			fail_msg("row %zu: got \"%s\", want \"%s\"", i, out, table[i].text);
		assert_int_equal(found, table[i].text[0] != '\0');
	}
	memset(big, 'a', sizeof(big));
	big[0] = (char)250;
	assert_true(read_text(&zone, big, 251, 1, out));
	assert_int_equal(strlen(out), DNSBL_TXT - 1);
	assert_false(dnsbl_txt_read(&zone, (const unsigned char *)"", 0, out));
}

/* A zone that holds a key is not told to strangers. */
static void test_key(void **state)
{
	struct dnsbl_zone zone = {.zone = "abcdef123.bl.example", .hidden = true};
	char out[DNSBL_TXT];

	(void)state;
	assert_true(read_text(&zone, "\20see bl.example/x", 17, 1, out));
	assert_false(read_text(&zone, "\17query ABCdef123", 16, 1, out));
	assert_string_equal(out, "");
	assert_false(read_text(&zone, "\4abc \6def123", 12, 1, out));
	assert_false(read_text(&zone, "\5abc\r\n\6def123", 13, 1, out));
	zone.hidden = false;
	assert_true(read_text(&zone, "\17query ABCdef123", 16, 1, out));
}

/* --- questions -------------------------------------------------------------------------------- */

static void ask(const char *name, unsigned int ms, char out[DNSBL_TXT])
{
	char address[] = "127.0.0.1:5301", *servers[] = {address};
	struct dnsbl_zone zone = {.hidden = false};
	struct address source;

	snprintf(zone.zone, sizeof(zone.zone), "%s", name);
	assert_true(address_parse("192.0.2.7", &source));
	strcpy(out, "untouched");
	dnsbl_txt(servers, 1, ms, &source, &zone, out);
}

static void test_server(void **state)
{
	char out[DNSBL_TXT];

	(void)state;
	if (skipped[0])
		skip();
	ask("says.test", LONG, out);
	assert_string_equal(out, "Listed as spam; see https://says.test/");
	ask("hit.test", LONG, out);
	assert_string_equal(out, "");
	ask("miss.test", LONG, out);
	assert_string_equal(out, "");
	ask("garbage.test", 300, out);
	assert_string_equal(out, "");
	ask("silent.test", 300, out);
	assert_string_equal(out, "");
}

static void on_txt(void *context, const char *txt)
{
	assert_string_equal(txt, "");
	++*(int *)context;
}

/* The resolver is closed meanwhile: told all the same, once. */
static void test_closed(void **state)
{
	char address[] = "127.0.0.1:5301", *servers[] = {address};
	struct dnsbl_zone zone = {.zone = "silent.test"};
	struct dnsbl_resolver *resolver = NULL;
	struct address source;
	sd_event *loop = NULL;
	struct error why;
	int told = 0;

	(void)state;
	if (skipped[0])
		skip();
	assert_true(address_parse("2001:db8::7", &source));
	assert_true(sd_event_new(&loop) >= 0);
	assert_int_equal(dnsbl_resolver_open(loop, servers, 1, LONG, &resolver, &why), 0);
	dnsbl_ask_txt(resolver, &source, &zone, on_txt, &told);
	assert_int_equal(told, 0);
	dnsbl_resolver_close(resolver);
	assert_int_equal(told, 1);
	sd_event_unref(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_server),
		cmocka_unit_test(test_closed),
	};

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
