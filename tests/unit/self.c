// SPDX-License-Identifier: GPL-2.0-only
/*
 * This host as others see it: what a DNSBL's answer about it is worth, which names are none, whom
 * Postfix's mynetworks holds; and the section self-check of the configuration.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "config_text.h"
#include "self/self.h"

static struct address at(const char *text)
{
	struct address a;

	if (!address_parse(text, &a))
		fail_msg("%s is no address", text);
	return a;
}

/* --- listing ---------------------------------------------------------------------------------- */

static void listing(void **state)
{
	static const struct {
		const char *sites;
		enum dnsbl_outcome outcome;
		uint8_t last; /* 127.0.0.LAST */
		enum self_listing want;
	} row[] = {
		{"bl.test", DNSBL_HIT, 2, SELF_LISTED},
		{"bl.test", DNSBL_MISS, 0, SELF_CLEAR},
		{"bl.test=127.0.0.[2..9]", DNSBL_HIT, 4, SELF_LISTED},
		{"bl.test=127.0.0.[2..9]", DNSBL_HIT, 10, SELF_UNWEIGHED},
		{"wl.test*-2", DNSBL_HIT, 2, SELF_CLEAR},
		{"wl.test=127.0.0.3*-2", DNSBL_HIT, 2, SELF_CLEAR},
		/* One zone may speak for and against. */
		{"both.test=127.0.0.2*3 both.test=127.0.0.3*-3", DNSBL_HIT, 2, SELF_LISTED},
		{"both.test=127.0.0.2*3 both.test=127.0.0.3*-3", DNSBL_HIT, 3, SELF_CLEAR},
		{"both.test=127.0.0.2*3 both.test=127.0.0.3*-3", DNSBL_HIT, 4, SELF_UNWEIGHED},
		/* A failure is no listing, whatever it looks like. */
		{"bl.test", DNSBL_TIMEOUT, 2, SELF_SILENT},
		{"bl.test", DNSBL_SERVFAIL, 2, SELF_SILENT},
		{"bl.test", DNSBL_REFUSED, 2, SELF_SILENT},
		{"bl.test", DNSBL_MANGLED, 2, SELF_SILENT},
		{"bl.test", DNSBL_ALIAS, 2, SELF_SILENT},
		{"bl.test", DNSBL_OUTSIDE, 2, SELF_SILENT},
		{"bl.test", DNSBL_ERROR_CODE, 254, SELF_SILENT},
		{"bl.test", DNSBL_UNASKED, 0, SELF_SILENT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_reply reply = {.outcome = row[i].outcome,
					    .records = row[i].outcome != DNSBL_MISS,
					    .record = {{127, 0, 0, row[i].last}}};
		struct dnsbl_sites *sites = NULL;
		struct dnsbl_answer answer;
		enum self_listing got;
		size_t offset;

		assert_int_equal(dnsbl_sites_parse(row[i].sites, &sites, &offset, NULL), 0);
		got = self_listing(&sites->zone[0], &reply, &answer);
		if (got != row[i].want)
			fail_msg("row %zu, %s: got %d, want %d", i, row[i].sites, got, row[i].want);
		dnsbl_sites_free(sites);
	}
}

static void records(void **state)
{
	struct dnsbl_answer answer = {.records = 2, .record = {{127, 0, 0, 2}, {127, 0, 1, 255}}};
	char text[DNSBL_RECORDS * 16 + 1];

	(void)state;
	assert_string_equal(self_records(&answer, text, sizeof(text)), "127.0.0.2,127.0.1.255");
	answer.records = 0;
	assert_string_equal(self_records(&answer, text, sizeof(text)), "");
}

/* --- names ------------------------------------------------------------------------------------ */

static void names(void **state)
{
	static const char *const good[] = {"mail.example", "a.b",	"MX-1.example.org",
					   "m_x.example",  "1.example", "xn--bcher-kva.example"};
	static const char *const bad[] = {"",
					  "localhost",
					  ".",
					  "mail.",
					  ".mail.example",
					  "mail..example",
					  "-mail.example",
					  "mail-.example",
					  "mail.example-",
					  "192.0.2.25",
					  "[192.0.2.25]",
					  "mail example.org",
					  "mail.ex\"ample",
					  "mail.exam\x1bple"};
	char label[80];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!self_name_valid(good[i]))
			fail_msg("%s was refused", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (self_name_valid(bad[i]))
			fail_msg("%s was taken", bad[i]);
	memset(label, 'a', sizeof(label));
	strcpy(label + 63, ".example");
	assert_true(self_name_valid(label));
	memset(label, 'a', sizeof(label));
	strcpy(label + 64, ".example");
	assert_false(self_name_valid(label));
}

static void generic(void **state)
{
	static const char *const yes[] = {"192-0-2-25.dyn.example", "25.2.0.192.static.example",
					  "host192.0.2.25.example", "ip_192_0_2_25.example",
					  "192-000-002-025.example"};
	static const char *const no[] = {"mail.example", "mx25.example", "192-0-2-250.example",
					 "1192-0-2-25.example", "192-0-2.25.example"};
	struct address a = at("192.0.2.25"), v6 = at("2001:db8::25");

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!self_name_generic(yes[i], &a))
			fail_msg("%s is made of the address", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (self_name_generic(no[i], &a))
			fail_msg("%s is not made of the address", no[i]);
	assert_false(self_name_generic("192-0-2-25.dyn.example", &v6));
}

/* --- trust ------------------------------------------------------------------------------------ */

static void trust(void **state)
{
	static const struct {
		const char *mynetworks, *address;
		enum self_trust want;
		const char *by;
		bool single;
	} row[] = {
		{"127.0.0.0/8 [::1]/128", "192.0.2.1", TRUST_NO, "", false},
		{"", "192.0.2.1", TRUST_NO, "", false},
		{"127.0.0.0/8, 192.0.2.0/24", "192.0.2.1", TRUST_YES, "192.0.2.0/24", false},
		{"192.0.2.1", "192.0.2.1", TRUST_YES, "192.0.2.1", true},
		{"192.0.2.1/32", "192.0.2.1", TRUST_YES, "192.0.2.1/32", true},
		{"192.0.2.9/24", "192.0.2.1", TRUST_YES, "192.0.2.9/24", false},
		{"0.0.0.0/0", "192.0.2.1", TRUST_YES, "0.0.0.0/0", false},
		{"[2001:db8::]/32", "2001:db8::1", TRUST_YES, "[2001:db8::]/32", false},
		{"[2001:db8::/32]", "2001:db8::1", TRUST_YES, "[2001:db8::/32]", false},
		{"[2001:db8::1]", "2001:db8::1", TRUST_YES, "[2001:db8::1]", true},
		{"[::ffff:127.0.0.0]/104", "127.0.0.1", TRUST_YES, "[::ffff:127.0.0.0]/104", false},
		/* The first match decides. */
		{"!192.0.2.1, 192.0.2.0/24", "192.0.2.1", TRUST_NO, "", false},
		{"!192.0.2.1, 192.0.2.0/24", "192.0.2.2", TRUST_YES, "192.0.2.0/24", false},
		{"192.0.2.0/24 !192.0.2.1", "192.0.2.1", TRUST_YES, "192.0.2.0/24", false},
		/* What is not looked into. */
		{"hash:/etc/networks", "192.0.2.1", TRUST_UNKNOWN, "hash:/etc/networks", false},
		{"/etc/networks 10.0.0.0/8", "192.0.2.1", TRUST_UNKNOWN, "/etc/networks", false},
		{"/etc/networks 10.0.0.0/8", "10.0.0.1", TRUST_YES, "10.0.0.0/8", false},
		{"/etc/networks !10.0.0.0/8", "10.0.0.1", TRUST_UNKNOWN, "/etc/networks", false},
		{"10.0.0.0/8 /etc/networks", "10.0.0.1", TRUST_YES, "10.0.0.0/8", false},
		{"10.0.0.0/33", "10.0.0.1", TRUST_UNKNOWN, "10.0.0.0/33", false},
		{"10.0.0.0/ 10.0.0.0/x", "10.0.0.1", TRUST_UNKNOWN, "10.0.0.0/", false},
		{"a\x1b[2Jb", "10.0.0.1", TRUST_UNKNOWN, "a?[2Jb", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct address a = at(row[i].address);
		char by[TRUST_ENTRY];
		bool single;
		enum self_trust got = self_trusts(row[i].mynetworks, &a, by, &single);

		if (got != row[i].want || strcmp(by, row[i].by) != 0 || single != row[i].single)
			fail_msg("%s in \"%s\": got %d by \"%s\" %d", row[i].address,
				 row[i].mynetworks, got, by, single);
	}
}

static void trust_long(void **state)
{
	struct address a = at("10.0.0.1");
	char text[4096], by[TRUST_ENTRY];
	bool single;

	(void)state;
	memset(text, 'x', sizeof(text));
	strcpy(text + sizeof(text) - 12, " 10.0.0.1");
	assert_int_equal(self_trusts(text, &a, by, &single), TRUST_YES);
	assert_string_equal(by, "10.0.0.1");
}

static void world(void **state)
{
	static const char *const yes[] = {"0.0.0.0/0", "127.0.0.0/8 [::]/0", "128.0.0.0/1",
					  "192.0.0.0/7", "[2000::]/3"};
	static const char *const no[] = {
		"",	      "127.0.0.0/8 [::1]/128", "10.0.0.0/8 172.16.0.0/12", "192.0.0.0/8",
		"!0.0.0.0/0", "hash:/etc/networks",    "[2001:db8::]/32",	   "[fe80::]/10"};
	char by[TRUST_ENTRY];

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!self_trusts_world(yes[i], by))
			fail_msg("\"%s\" is everybody", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (self_trusts_world(no[i], by))
			fail_msg("\"%s\" is not everybody: %s", no[i], by);
}

/* --- configuration ---------------------------------------------------------------------------- */

static void section(void **state)
{
	static const char text[] =
		"self-check { addresses = {\"192.0.2.25\", \"2001:db8::25\"} interval = 6h }";
	struct config *config = read_text(""), *again;
	struct address a = at("2001:db8::25");
	char *first, *second;

	(void)state;
	assert_int_equal(config->self_addresses, 0);
	assert_int_equal(config->self_interval, 3600);
	config_free(config);
	config = read_text("self-check { interval = off addresses = {} }");
	assert_int_equal(config->self_interval, 0);
	config_free(config);
	config = read_text(text);
	assert_int_equal(config->self_addresses, 2);
	assert_memory_equal(&config->self_address[1], &a, sizeof(a));
	assert_int_equal(config->self_interval, 6 * 3600);
	first = written(config);
	again = read_text(first);
	second = written(again);
	assert_string_equal(first, second);
	assert_non_null(strstr(first, "addresses = {\"192.0.2.25\", \"2001:db8::25\"}"));
	free(first);
	free(second);
	config_free(config);
	config_free(again);
}

static void mistakes(void **state)
{
	static const struct {
		const char *text, *sentence;
	} row[] = {
		{"self-check { addresses = {\"mail.example\"} }", "is not an address"},
		{"self-check { addresses = {\"192.0.2.0/24\"} }", "is not an address"},
		{"self-check { addresses = {\"10.0.0.1\"} }",
		 "t:1: addresses: 10.0.0.1 is private"},
		{"self-check { addresses = {\"192.0.2.1\", \"192.0.2.1\"} }", "is named twice"},
		{"self-check {\n interval = 1m }",
		 "t:2: interval: \"1m\" will not do; write a time "
		 "from 10m to 1d, or off"},
		{"self-check { interval = 2d }", "from 10m to 1d"},
		{"self-check { every = 1h }", "unknown setting"},
		{"self-check {}\nself-check {}", "is there twice"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct config *config = untouched;
		struct error why = {""};

		assert_int_equal(
			config_read_memory("t", row[i].text, strlen(row[i].text), &config, &why),
			-EINVAL);
		assert_ptr_equal(config, untouched);
		if (!strstr(why.text, row[i].sentence))
			fail_msg("%s: it said: %s", row[i].text, why.text);
	}
}

static void too_many(void **state)
{
	char text[1024] = "self-check { addresses = {";
	struct config *config = untouched;
	struct error why = {""};

	(void)state;
	for (int i = 0; i <= CONFIG_SELF; i++)
		sprintf(text + strlen(text), "%s\"192.0.2.%d\"", i ? ", " : "", i + 1);
	strcat(text, "} }");
	assert_int_equal(config_read_memory("t", text, strlen(text), &config, &why), -EINVAL);
	assert_non_null(strstr(why.text, "more than 16 addresses"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listing),  cmocka_unit_test(records), cmocka_unit_test(names),
		cmocka_unit_test(generic),  cmocka_unit_test(trust),   cmocka_unit_test(trust_long),
		cmocka_unit_test(world),    cmocka_unit_test(section), cmocka_unit_test(mistakes),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
