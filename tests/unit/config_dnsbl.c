// SPDX-License-Identifier: GPL-2.0-only
/*
 * The section dnsbl: sites as they are written and as they are pasted from main.cf, mistakes with
 * their line and column, and zones that are never shown.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "config.h"
#include "config_text.h"
#include "dnsbl/dnsbl.h"

#define KEY "k3yk3yk3yk3yk3yk3yk3yk3yk3"
#define ZEN KEY ".zen.example"

/* The sites with their patterns, blanks between. */
static char *sites_text(const struct dnsbl_sites *sites)
{
	char pattern[DNSBL_PATTERN_TEXT], *text = NULL;
	const char *between = "";
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (unsigned int i = 0; sites && i < sites->zones; i++)
		for (unsigned int j = 0; j < sites->zone[i].patterns; j++) {
			fprintf(out, "%s%s%s", between, sites->zone[i].zone,
				dnsbl_pattern_text(&sites->zone[i].pattern[j], pattern,
						   sizeof(pattern)));
			between = " ";
		}
	fclose(out);
	return text;
}

/* Nearly each has deferred = on: what stands beside the sites is neither lost nor taken for one. */
static void sites(void **state)
{
	static const struct {
		const char *text, *want;
		uint64_t threshold;
	} row[] = {
		{"dnsbl {\n deferred = on }", "", 1},
		{"dnsbl { sites = \"\" deferred = on }", "", 1},
		{"dnsbl { sites = \"a.b*2, c.d=127.0.0.2\" deferred = on }", "a.b*2 c.d=127.0.0.2",
		 1},
		{"dnsbl { sites = 'a.b\n\n\tc.d\r\n,e.f' deferred = on }", "a.b c.d e.f", 1},
		{"dnsbl { sites =\n# why\n/* and\n*/ \"a.b\" deferred = on }", "a.b", 1},
		{"dnsbl { \"sites\" = \"a.b*2\" deferred = on }", "a.b*2", 1},
		{"dnsbl { sites = a.b*2 c.d\n deferred = on }", "a.b*2 c.d", 1},
		{"'dnsbl' { postscreen_dnsbl_sites = \"a.b*2\" deferred = on }", "a.b*2", 1},
		{"dnsbl { deferred = on sites = a.b*2 }", "a.b*2", 1},
		{"dnsbl { deferred = on sites = a.b*2}", "a.b*2", 1},
		{"dnsbl { deferred = on sites = }", "", 1},
		{"dnsbl{deferred=on\nsites=a.b=127.0.0.[2;3]*2,c.d}", "a.b=127.0.0.[2;3]*2 c.d", 1},
		/* as in main.cf */
		{"dnsbl {\npostscreen_dnsbl_threshold = 3\n"
		 "postscreen_dnsbl_sites = zen.spamhaus.org*2, bl.spamcop.net*1\ndeferred = on\n}",
		 "zen.spamhaus.org*2 bl.spamcop.net", 3},
		{"dnsbl {\npostscreen_dnsbl_sites =\n"
		 "    zen.spamhaus.org=127.0.0.[4..7]*6\n"
		 "# a comment = with.dots\n"
		 "\n"
		 "   # another\n"
		 "\t, bl.spamcop.net*2 # behind\n"
		 "\tb.barracudacentral.org=127.0.0.2, // here too\r\n"
		 "  \r\n"
		 "    list.dnswl.org=127.0.[0..255].[1..3]*-4\r\n"
		 "    deferred = on\r\n}",
		 "zen.spamhaus.org=127.0.0.[4..7]*6 bl.spamcop.net*2 "
		 "b.barracudacentral.org=127.0.0.2 list.dnswl.org=127.0.[0..255].[1..3]*-4",
		 1},
		/* what follows is not the value's any more */
		{"dnsbl {\n sites = a.b\n threshold=9\n deferred = on }", "a.b", 9},
		{"dnsbl {\n sites = a.b\n resolvers = {\"127.0.0.1\"} deferred = on }", "a.b", 1},
		{"dnsbl {\n sites = a.b\n site \"a.b\" { name = a.b } deferred = on }", "a.b", 1},
		{"dnsbl {\n sites = a.b\n c.d } # e.f\n", "a.b c.d", 0},
		{"dnsbl {\npostscreen_dnsbl_sites =\npostscreen_dnsbl_threshold = 2\ndeferred = on }",
		 "", 2},
		{"dnsbl {\n sites =\n threshold = 2 deferred = on }", "", 2},
		{"dnsbl {\n sites = a.b # and\n threshold = 2 deferred = on }", "a.b", 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct config *config, *again;
		char *got, *first, *second;

		config = read_text(row[i].text);
		got = sites_text(config->dnsbl_sites);
		if (strcmp(got, row[i].want) != 0 || !*got != !config->dnsbl_sites)
			fail_msg("unexpected sites in \"%s\": got %s, want %s", row[i].text, got,
				 row[i].want);
		if (row[i].threshold) {
			assert_int_equal(config->dnsbl_threshold, row[i].threshold);
			assert_true(config->dnsbl_deferred);
		}
		first = written(config);
		again = read_text(first);
		second = written(again);
		assert_string_equal(first, second);
		config_free(config);
		config_free(again);
		free(got);
		free(first);
		free(second);
	}
}

static void site_sections(void **state)
{
	struct config *config =
		read_text("dnsbl { sites = \"" ZEN "*2 b.c\"\nceiling = 5\n"
			  "site \"K3yK3yk3yk3yk3yk3yk3yk3yk3.zen.example.\" { name = Zen }\n"
			  "site b.c { name = b.c test = off ceiling = 300000 } }");
	const struct dnsbl_zone *zone = config->dnsbl_sites->zone;
	struct config *again = untouched;
	struct error why = {""};
	char *text;

	(void)state;
	assert_string_equal(zone[0].zone, ZEN);
	assert_string_equal(zone[0].name, "Zen");
	assert_true(zone[0].hidden);
	assert_int_equal(zone[0].test, DNSBL_TEST_ON);
	assert_int_equal(zone[0].ceiling, 5);
	assert_string_equal(zone[1].name, "b.c");
	assert_false(zone[1].hidden);
	assert_int_equal(zone[1].test, DNSBL_TEST_OFF);
	assert_int_equal(zone[1].ceiling, 300000);
	text = written(config);
	assert_null(strcasestr(text, KEY));
	assert_non_null(strstr(text, "# the zone of Zen is not shown"));
	assert_non_null(strstr(text, "sites = \"<Zen>*2,\n\t\t b.c\""));
	assert_non_null(strstr(text, "site \"<Zen>\" {\n\t\tname = \"Zen\"\n"));
	/* what was left out must not be read as if nothing was */
	assert_int_equal(config_read_memory("t", text, strlen(text), &again, &why), -EINVAL);
	assert_non_null(strstr(why.text, "cannot be in a domain"));
	config_free(config);
	free(text);

	config = read_text("dnsbl { sites = a.b }");
	assert_int_equal(config->dnsbl_sites->zone[0].ceiling, 100000);
	assert_string_equal(config->dnsbl_sites->zone[0].name, "a.b");
	assert_false(config->dnsbl_sites->zone[0].hidden);
	config_free(config);
}

static const struct {
	const char *text, *where, *what;
} refused_row[] = {
	/* sites: the column, in one line and in several */
	{"dnsbl { sites = \"a.b " ZEN "*x\" }", "t:1:61: sites: ", "a weight is missing"},
	{"dnsbl {\n\tsites = \"" KEY "\" }", "t:2:11: sites: ", "has a dot in it"},
	{"dnsbl {\n\tsites = " KEY "*2\n}", "t:2:10: sites: ", "has a dot in it"},
	{"dnsbl {\nsites = \"a.b,\n\n  c.d=127.0.0.300\"\n}", "t:4:15: sites: ", "0 to 255"},
	{"dnsbl {\nsites = \"a.b,\r\n\r\n  c.d=127.0.0.300\"\r\n}", "t:4:15: ", "0 to 255"},
	{"dnsbl {\nsites = \n\n  \"c.d=127.0.0.300\"\n}", "t:4:16: sites: ", "0 to 255"},
	{"dnsbl {\nsites = /* a\n b */ 'c.d=127.0.0.300'\n}", "t:3:20: sites: ", "0 to 255"},
	{"dnsbl {\npostscreen_dnsbl_sites = a.b*2, c.d=1.0.0.2\n}",
	 "t:2:37: postscreen_dnsbl_sites: ", "127.0.0.0/8"},
	{"dnsbl {\npostscreen_dnsbl_sites =\n a.b # c\n# d.e\n\n\t, c.d*2*\n}",
	 "t:6:9: ", "ends behind its weight"},
	{"dnsbl { sites = \"secret.x\n threshold = 3\n site \"secret.x\" { }\n}",
	 "t:2: ", "does the text that begins with \" in line 1 lack its closing \"?"},
	{"dnsbl { sites = secret.x threshold = 3\n}", "t:1:26: ", "has a dot in it"},
	{"dnsbl { sites = \"secret.x\n\n}", "t:3: ", "in line 1 lack its closing"},
	{"dnsbl { sites = \"secret.x }", "t:1: ", "has no closing \""},
	{"dnsbl { sites = \n'secret.x\n\n", "t:2: ", "has no closing '"},
	{"dnsbl { sites = 'secret.x\n\nb.c \"", "t:3: ", "character \" has no meaning"},
	{"dnsbl {\nsites = \"a.b\n secret.$x\" }", "t:3: ", "${NAME} is not replaced"},
	{"dnsbl {\nsites = \"a.b\n secret.\\x\" }", "t:3: ", "character \\ has no meaning"},
	{"dnsbl {\nsites = \"9,9|secret.x\" }", "t:2: ", "character | has no meaning"},
	{"dnsbl {\nsites = secret.x \"a.b\" }", "t:2: ", "character \" has no meaning"},
	{"dnsbl {\nsites = secret.x*\303\244 }", "t:2: ", "byte 0xc3"},
	{"dnsbl {\nsites = \"a.b\001\" }", "t:2: ", "byte 0x01"},
	{"dnsbl { sites = {\"secret.x\"} }", "t:1: ", "not expected here"},
	{"dnsbl { sites = \"a.b\" \"secret.x\" }", "t:1: ", "unknown setting in the section dnsbl"},
	{"dnsbl { sites = \"a.b\", \"secret.x\" }", "t:1: ", "not expected here"},
	{"dnsbl { sites = \"a.b\" = \"secret.x\" }", "t:1: ", "not expected here"},
	{"dnsbl { sites = a.b\n secret*2 }", "t:2: ", "character * has no meaning"},
	{"dnsbl { sites = a.b\n " KEY " }", "t:2: ", "unknown setting in the section dnsbl"},
	{"dnsbl { sites = a.b\nsecret.x }", "t:2: ", "unknown setting in the section dnsbl"},
	{"dnsbl { sites = a.b }\nsecret.x", "t:2: ", "unknown setting"},
	{"sites = secret.x", "t:1: ", "its place is the section dnsbl"},
	{"postscreen_dnsbl_sites = secret.x", "t:1: ", "its place is the section dnsbl"},
	{"dnsbl { sites = a.b\nsites = secret.x\n}", "t:2: ", "sites is set twice"},
	{"dnsbl { sites = a.b\npostscreen_dnsbl_sites = secret.x\n}",
	 "t:2: ", "sites is set twice"},
	{"dnsbl { threshold = 1\npostscreen_dnsbl_threshold = 1 }",
	 "t:2: ", "threshold is set twice"},
	{"dnsbl { sites = \"a.b\n c.d\"\n\nthreshold = x }", "t:4: ", "threshold: \"x\""},
	{"dnsbl { sites = a.b #\n\n c.d\n\nthreshold = x }", "t:5: ", "threshold: \"x\""},
	{"dnsbl {}\ndnsbl {}", "t:2: ", "dnsbl is there twice"},
	/* site */
	{"dnsbl { site \"secret.x\" {} }", "t:1: ", "not one of sites"},
	{"dnsbl { sites = \"a.b\"\n\n site \"secret.x\" {\n} }", "t:3: ", "not one of sites"},
	{"dnsbl { sites = \"secret.x\"\n site \"secret\" {} }", "t:2: ", "not one of sites"},
	{"dnsbl { sites = \"secret.x\"\n site \"secret.x\" {}\n site \"secret.x\" {} }",
	 "t:3: ", "a section for this site already"},
	{"dnsbl { sites = \"secret.x\"\n site \"secret.x\" {}\n site \"secret.X.\" {} }",
	 "t:3: ", "a section for this zone already"},
	{"dnsbl { sites = \"secret.x\"\n site { name = a } }", "t:2: ", "site needs a name"},
	{"dnsbl { sites = \"secret.x\"\n site = \"secret.x\" }", "t:2: ", "site needs a name"},
	{"dnsbl { sites = \"secret.x\"\n site \"secret.x\" = 5 }", "t:2: ", "followed by {"},
	{"dnsbl { sites = \"secret.x\"\n site \"secret.x\" {\n secret.x } }",
	 "t:3: ", "unknown setting in the section site"},
	{"dnsbl { sites = \"secret.x\"\n site \"secret.x\" { name = a, secret.x } }",
	 "t:2: ", "not expected here"},
	{"dnsbl { sites = \"secret.x\"\n site \"secret.x\" { nam = a } }",
	 "t:2: ", "did you mean \"name\""},
	{"dnsbl { sites = a.b\n site a.b { name = \"\" } }", "t:2: ", "name has 1 to 63"},
	{"dnsbl { sites = a.b\n site a.b { name = \"secret x\" } }", "t:2: ", "name has 1 to 63"},
	{"dnsbl { sites = \"a.b c.d\"\n site a.b { name = C.d } }", "t:2: ", "another site has"},
	{"dnsbl { sites = \"a.b c.d\"\n site a.b { name = z }\nsite c.d { name = Z } }",
	 "t:3: ", "another site has"},
	{"dnsbl { sites = a.b\n site a.b { test = maybe } }", "t:2: ", "neither on nor off"},
	{"dnsbl { sites = a.b\n site a.b { ceiling = 0 } }", "t:2: ", "from 1 to 1000000000"},
	{"dnsbl { sites = a.b\n site a.b { sites = secret.x } }",
	 "t:2: ", "its place is the section dnsbl"},
	{"dnsbl {\n name = zen }", "t:2: ", "its place is the section site in dnsbl"},
	{"test = on", "t:1: ", "its place is the section site in dnsbl"},
	/* the rest */
	{"dnsbl { threshold = 0 }", "t:1: ", "from 1 to 1000000"},
	{"dnsbl { threshold = 1000001 }", "t:1: ", "from 1 to 1000000"},
	{"dnsbl {\n postscreen_dnsbl_threshold = -1 }", "t:2: ", "postscreen_dnsbl_threshold: "},
	{"dnsbl { timeout = 0s }", "t:1: ", "from 1s to 1m"},
	{"dnsbl { timeout = 61s }", "t:1: ", "from 1s to 1m"},
	{"dnsbl { timeout = off }", "t:1: ", "timeout: \"off\" is not a time"},
	{"dnsbl { timeout = 5 }", "t:1: ", "timeout: \"5\" is not a time"},
	{"dnsbl { grace = 25h }", "t:1: ", "from 0s to 1d, or off"},
	{"dnsbl { grace = 1 }", "t:1: ", "grace: \"1\" is not a time"},
	{"dnsbl { deferred = maybe }", "t:1: ", "neither on nor off"},
	{"dnsbl { budget = 0 }", "t:1: ", "from 1 to 10000"},
	{"dnsbl { budget = 10001 }", "t:1: ", "from 1 to 10000"},
	{"dnsbl { network-budget = 0 }", "t:1: ", "from 1 to 10000"},
	{"dnsbl { network-budget = 10001 }", "t:1: ", "from 1 to 10000"},
	{"dnsbl { queue = 15 }", "t:1: ", "from 16 to 65536"},
	{"dnsbl { queue = 65537 }", "t:1: ", "from 16 to 65536"},
	{"dnsbl { ceiling = 1000000001 }", "t:1: ", "from 1 to 1000000000, or off"},
	{"dnsbl { action = reject }", "t:1: ", "is no action; write drop or refuse"},
	{"dnsbl { resolvers = {\"127.0.0.1\",\n\"127.0.0.1\"} }", "t:2: ", "named twice"},
	{"dnsbl { resolvers = {1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5,1.1.1.6,1.1.1.7,1.1.1.8,\n"
	 "1.1.1.9} }",
	 "t:2: ", "more than 8 resolvers"},
};

static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused_row) / sizeof(refused_row[0]); i++) {
		const char *text = refused_row[i].text, *where = refused_row[i].where;
		struct config *config = untouched;
		struct error why = {""};
		int code = config_read_memory("t", text, strlen(text), &config, &why);

		if (code != -EINVAL)
			fail_msg("unexpected result for \"%s\": got %d, want -EINVAL", text, code);
		if (strncmp(why.text, where, strlen(where)) != 0 ||
		    !strstr(why.text, refused_row[i].what) || strchr(why.text, '\n'))
			fail_msg("unexpected sentence for \"%s\":\ngot  \"%s\"\nwant \"%s...%s\"",
				 text, why.text, where, refused_row[i].what);
		if (strcasestr(why.text, "secret") || strcasestr(why.text, KEY))
			fail_msg("\"%s\" tells the zone", why.text);
		assert_ptr_equal(config, untouched);
	}
}

static void resolvers(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} row[] = {
		{"127.0.0.1", true},
		{"192.0.2.53:5353", true},
		{"::1", true},
		{"2001:db8::53", true},
		{"[2001:db8::53]", true},
		{"[2001:db8::53]:53", true},
		{"[2001:db8::53]:65535", true},
		{"", false},
		{"localhost", false},
		{"192.0.2.53:", false},
		{"192.0.2.53:0", false},
		{"192.0.2.53:65536", false},
		{"192.0.2.53:dns", false},
		{"192.0.2.53:53:53", false},
		{":53", false},
		{"[192.0.2.53]:53", false},
		{"[2001:db8::53", false},
		{"[2001:db8::53]53", false},
		{"[2001:db8::53]:", false},
		{"[]:53", false},
		{"[", false},
		{"2001:db8::53]:53", false},
		{"192.0.2.53/32", false},
		{"fe80::1%eth0", false},
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct config *config = NULL;
		struct error why = {""};
		int code;

		snprintf(text, sizeof(text), "dnsbl { resolvers = {\"%s\"} }", row[i].text);
		code = config_read_memory("t", text, strlen(text), &config, &why);
		if (code != (row[i].good ? 0 : -EINVAL))
			fail_msg("unexpected result for \"%s\": got %d, %s", row[i].text, code,
				 why.text);
		if (code)
			assert_non_null(strstr(why.text, "is no address of a resolver"));
		config_free(config);
	}
}

/* Shown by their ends, two long zones would look the same. */
static void long_zones(void **state)
{
#define LONG "a23456789.123456789.123456789.123456789.123456789.123456789.1234x"
	static const char text[] = "dnsbl {\nsites = \"a." LONG " b." LONG "\"\n";
	char all[512];
	struct config *config = untouched;
	struct error why = {""};

	(void)state;
	snprintf(all, sizeof(all), "%s}", text);
	assert_int_equal(config_read_memory("t", all, strlen(all), &config, &why), -EINVAL);
	assert_string_equal(why.text, "t:1: dnsbl: two zones have the same last 63 characters; "
				      "give one a name in a section site");
	snprintf(all, sizeof(all), "%s site \"b." LONG "\" { name = b } }", text);
	config_free(read_text(all));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sites),      cmocka_unit_test(site_sections),
		cmocka_unit_test(refused),    cmocka_unit_test(resolvers),
		cmocka_unit_test(long_zones),
	};

	return cmocka_run_group_tests_name("config_dnsbl", tests, NULL, NULL);
}
