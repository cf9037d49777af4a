// SPDX-License-Identifier: GPL-2.0-only
/*
 * DNSBL sites: what of postscreen's syntax is read, where a mistake is, what answers score, and the
 * names that are asked for.
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

static struct dnsbl_sites *untouched = (struct dnsbl_sites *)&untouched;

static struct dnsbl_sites *read_sites(const char *text)
{
	struct dnsbl_sites *sites = NULL;
	struct error why = {""};
	size_t offset = 99;

	if (dnsbl_sites_parse(text, &sites, &offset, &why))
		fail_msg("refused: %s\n%s, at %zu", why.text, text, offset);
	return sites;
}

/* Everything read, as canonical text with blanks between. */
static char *sites_text(const struct dnsbl_sites *sites)
{
	char pattern[DNSBL_PATTERN_TEXT], *text = NULL;
	const char *between = "";
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (unsigned int i = 0; i < sites->zones; i++)
		for (unsigned int j = 0; j < sites->zone[i].patterns; j++) {
			fprintf(out, "%s%s%s", between, sites->zone[i].zone,
				dnsbl_pattern_text(&sites->zone[i].pattern[j], pattern,
						   sizeof(pattern)));
			between = " ";
		}
	fclose(out);
	return text;
}

#define LABEL63 "a23456789-123456789-123456789-123456789-123456789-123456789-123"
#define ZONE189                                                                                    \
	LABEL63 "." LABEL63 "."                                                                    \
		"a23456789-123456789-123456789-123456789-123456789-123456789-1"

static void accepted(void **state)
{
	static const struct {
		const char *text, *want;
		unsigned int zones;
	} row[] = {
		{"", "", 0},
		{" ,\t\n, ", "", 0},
		/* postconf(5) and POSTSCREEN_README */
		{"example.com*2, example.net, example.org", "example.com*2 example.net example.org",
		 3},
		{"example.com=127.0.0.4", "example.com=127.0.0.4", 1},
		{"zen.spamhaus.org*2 bl.spamcop.net*1 b.barracudacentral.org*1",
		 "zen.spamhaus.org*2 bl.spamcop.net b.barracudacentral.org", 3},
		/* mailcow */
		{"wl.mailspike.net=127.0.0.[18;19;20]*-2\n"
		 "list.dnswl.org=127.0.[0..255].0*-2\n"
		 "list.dnswl.org=127.0.[0..255].1*-4\n"
		 "list.dnswl.org=127.0.[0..255].2*-6\n"
		 "list.dnswl.org=127.0.[0..255].3*-8\n"
		 "zen.spamhaus.org=127.0.0.[10;11]*8\n"
		 "zen.spamhaus.org=127.0.0.[4..7]*6\n"
		 "zen.spamhaus.org=127.0.0.3*4\n"
		 "zen.spamhaus.org=127.0.0.2*3\n"
		 "bl.mailspike.net=127.0.0.2*5\n"
		 "bl.mailspike.net=127.0.0.[10;11;12]*4\n",
		 "wl.mailspike.net=127.0.0.[18..20]*-2 "
		 "list.dnswl.org=127.0.[0..255].0*-2 list.dnswl.org=127.0.[0..255].1*-4 "
		 "list.dnswl.org=127.0.[0..255].2*-6 list.dnswl.org=127.0.[0..255].3*-8 "
		 "zen.spamhaus.org=127.0.0.[10;11]*8 zen.spamhaus.org=127.0.0.[4..7]*6 "
		 "zen.spamhaus.org=127.0.0.3*4 zen.spamhaus.org=127.0.0.2*3 "
		 "bl.mailspike.net=127.0.0.2*5 bl.mailspike.net=127.0.0.[10..12]*4",
		 4},
		/* ours */
		{"A.Example.*3,,\r\n\t\v\fa.eXample*-1", "a.example*3 a.example*-1", 1},
		{"a.b a.b", "a.b a.b", 1},
		{"a.b*0", "a.b*0", 1},
		{"a.b*+7", "a.b*7", 1},
		{"a.b*-0", "a.b*0", 1},
		{"a.b*1000000 a.c*-1000000", "a.b*1000000 a.c*-1000000", 2},
		{"a_b-c.0d", "a_b-c.0d", 1},
		{"1.2.3.x", "1.2.3.x", 1},
		{"a.b=[0..255].[1;2;1..3;200].[255;0].[7]*1", "a.b=[0..255].[1..3;200].[0;255].7",
		 1},
		{"a.b=127.000.0.[5..5]", "a.b=127.0.0.5", 1},
		{"a.b=127.0.0.[1;2;4;6;7;8]", "a.b=127.0.0.[1;2;4;6..8]", 1},
		{ZONE189, ZONE189, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_sites *sites = read_sites(row[i].text), *again;
		char *got = sites_text(sites), *same;

		if (strcmp(got, row[i].want) != 0 || sites->zones != row[i].zones)
			fail_msg("unexpected sites of \"%s\": got %u, %s, want %u, %s", row[i].text,
				 sites->zones, got, row[i].zones, row[i].want);
		again = read_sites(got);
		same = sites_text(again);
		assert_string_equal(same, got);
		for (unsigned int z = 0; z < sites->zones; z++)
			assert_memory_equal(sites->zone[z].pattern, again->zone[z].pattern,
					    sites->zone[z].patterns * sizeof(struct dnsbl_pattern));
		dnsbl_sites_free(sites);
		dnsbl_sites_free(again);
		free(got);
		free(same);
	}
}

static void refused(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
		const char *what;
	} row[] = {
		/* domains */
		{"secret", 0, "has a dot in it"},
		{"secret.", 0, "has a dot in it"},
		{"a.b, secret*2", 5, "has a dot in it"},
		{".secret.b", 0, "is missing here"},
		{"secret..b", 7, "is missing here"},
		{"secret.b..", 9, "is missing here"},
		{"=127.0.0.2", 0, "domain is missing"},
		{"a.b\n*2", 4, "domain is missing"},
		{"secret.b;c.d", 8, "cannot be in a domain"},
		{"a.b\n\"secret.b\"", 4, "cannot be in a domain"},
		{"secr\303\251t.b", 4, "cannot be in a domain"},
		{"sec\033ret.b", 3, "cannot be in a domain"},
		{"secret.b/24", 8, "cannot be in a domain"},
		{"2001:db8::1", 4, "cannot be in a domain"},
		{"a.b 192.0.2.1", 4, "an address or a number"},
		{"192.0.2.1.", 0, "an address or a number"},
		{"secret.5", 0, "an address or a number"},
		{"a." LABEL63 "4.b", 65, "at most 63"},
		{ZONE189 "2", 0, "too long"},
		/* filters */
		{"secret.b=", 9, "a number is missing"},
		{"secret.b=*2", 9, "a number is missing"},
		{"secret.b=127", 12, "four parts"},
		{"secret.b=127.0.0", 16, "four parts"},
		{"secret.b=127.0.0*3", 16, "four parts"},
		{"secret.b=127.0.0.", 17, "a number is missing"},
		{"secret.b=127..0.2", 13, "a number is missing"},
		{"secret.b=127.0.0.2.3", 18, "ends behind its four parts"},
		{"secret.b=127.0.0.2=127.0.0.3", 18, "ends behind its four parts"},
		{"secret.b=127.0.0.2x", 18, "ends behind its four parts"},
		{"secret.b=127.0.0.256", 17, "0 to 255"},
		{"secret.b=127.0.0.99999999999999999999", 17, "0 to 255"},
		{"secret.b=127.0.0.[1;300]", 20, "0 to 255"},
		{"secret.b=127.0.0.[]", 18, "a number is missing"},
		{"secret.b=127.0.0.[1;]", 20, "a number is missing"},
		{"secret.b=127.0.0.[1..]", 21, "a number is missing"},
		{"secret.b=127.0.0.[..3]", 18, "a number is missing"},
		{"secret.b=127.0.0.[7..4]", 18, "the lower number"},
		{"secret.b=127.0.0.[2;7..4]", 20, "the lower number"},
		{"secret.b=127.0.0.[2", 19, "a ] is missing"},
		{"secret.b=127.0.0.[2..", 21, "a number is missing"},
		{"secret.b=127.0.0.[2;3 ;4]", 21, "a ] is missing"},
		{"secret.b=127.0.0.[2,3]", 19, "a ] is missing"},
		{"secret.b=127.0.0.[2..3..4]", 22, "a ] is missing"},
		{"secret.b=[127.0.0.2]", 13, "a ] is missing"},
		{"secret.b=127.0.0.-2", 17, "a number is missing"},
		{"secret.b=secret.c", 9, "a number is missing"},
		{"secret.b=10.0.0.2", 9, "127.0.0.0/8"},
		{"secret.b=[0..126;128..255].0.0.2*2", 9, "127.0.0.0/8"},
		/* weights */
		{"secret.b*", 9, "a weight is missing"},
		{"secret.b=127.0.0.2*", 19, "a weight is missing"},
		{"secret.b*-", 10, "a weight is missing"},
		{"secret.b*x", 9, "a weight is missing"},
		{"secret.b*--2", 10, "a weight is missing"},
		{"secret.b* 2", 9, "a weight is missing"},
		{"secret.b*2x", 10, "ends behind its weight"},
		{"secret.b*1.5", 10, "ends behind its weight"},
		{"secret.b*2*3", 10, "ends behind its weight"},
		{"secret.b*2=127.0.0.2", 10, "ends behind its weight"},
		{"secret.b*1000001", 9, "-1000000 to 1000000"},
		{"secret.b*-99999999999999999999", 9, "-1000000 to 1000000"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_sites *sites = untouched;
		struct error why = {""};
		size_t offset = 99;
		int code = dnsbl_sites_parse(row[i].text, &sites, &offset, &why);

		if (code != -EINVAL || offset != row[i].offset || !strstr(why.text, row[i].what))
			fail_msg("unexpected result for \"%s\": got %d at %zu, \"%s\", want %d at "
				 "%zu, \"%s\"",
				 row[i].text, code, offset, why.text, -EINVAL, row[i].offset,
				 row[i].what);
		if (strstr(why.text, "secret"))
			fail_msg("\"%s\" tells the zone", why.text);
		assert_ptr_equal(sites, untouched);
		assert_int_equal(dnsbl_sites_parse(row[i].text, &sites, &offset, NULL), -EINVAL);
	}
}

static char *repeated(const char *format, int times, size_t *last)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (int i = 0; i < times; i++) {
		*last = (size_t)ftell(out);
		fprintf(out, format, i);
	}
	fclose(out);
	return text;
}

static void limits(void **state)
{
	static const struct {
		const char *format;
		int most;
		const char *what;
	} row[] = {
		{"z%d.example ", DNSBL_SITES, "room for 32"},
		{"a.b*%d\n", DNSBL_PATTERNS, "64 times is the most"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_sites *sites = NULL;
		struct error why = {""};
		size_t last = 0, offset = 0;
		char *text = repeated(row[i].format, row[i].most, &last);

		dnsbl_sites_free(read_sites(text));
		free(text);
		text = repeated(row[i].format, row[i].most + 1, &last);
		assert_int_equal(dnsbl_sites_parse(text, &sites, &offset, &why), -EINVAL);
		assert_int_equal(offset, last);
		assert_non_null(strstr(why.text, row[i].what));
		free(text);
	}
	dnsbl_sites_free(NULL);
}

static void zones(void **state)
{
	struct dnsbl_sites *sites = read_sites("Zen.Example. b.example*2 zEN.example=127.0.0.4");
	struct dnsbl_zone *zone = &sites->zone[0];

	(void)state;
	assert_int_equal(sites->zones, 2);
	assert_string_equal(zone->zone, "zen.example");
	assert_string_equal(zone->name, "zen.example");
	assert_false(zone->hidden);
	assert_int_equal(zone->test, DNSBL_TEST_ON);
	assert_int_equal(zone->ceiling, 0);
	assert_int_equal(zone->patterns, 2);
	assert_ptr_equal(dnsbl_sites_find(sites, "ZEN.example"), zone);
	assert_null(dnsbl_sites_find(sites, "zen"));
	strcpy(zone->name, "zen");
	assert_ptr_equal(dnsbl_sites_find(sites, "ZEN"), zone);
	assert_ptr_equal(dnsbl_sites_find(sites, "zen.example"), zone);
	dnsbl_sites_free(sites);

	/* the end of a long zone is its name */
	sites = read_sites("x." LABEL63);
	assert_string_equal(sites->zone[0].name, LABEL63);
	dnsbl_sites_free(sites);
}

static void identity(void **state)
{
	struct dnsbl_sites *sites = read_sites("a.b B.a a.c"), *other = read_sites("x.y A.B.*3");
	struct dnsbl_zone none = {.zone = ""};

	(void)state;
	assert_true(dnsbl_zone_identity(&sites->zone[0]) == dnsbl_zone_identity(&other->zone[1]));
	for (unsigned int i = 0; i < 3; i++)
		for (unsigned int j = 0; j < i; j++)
			assert_true(dnsbl_zone_identity(&sites->zone[i]) !=
				    dnsbl_zone_identity(&sites->zone[j]));
	/* FNV-1a as published: of nothing, and of "foobar" */
	assert_true(dnsbl_zone_identity(&none) == 0xcbf29ce484222325ULL);
	strcpy(none.zone, "foobar");
	assert_true(dnsbl_zone_identity(&none) == 0x85944171f73967e8ULL);
	dnsbl_sites_free(sites);
	dnsbl_sites_free(other);
}

static void scores(void **state)
{
	static const char zen[] = "z.b=127.0.0.[10;11]*8 z.b=127.0.0.[4..7]*6 z.b=127.0.0.3*4 "
				  "z.b=127.0.0.2*3";
	static const struct {
		const char *sites;
		int outcome;
		unsigned int records;
		uint8_t record[DNSBL_RECORDS][4];
		int32_t want;
	} row[] = {
		{zen, DNSBL_HIT, 1, {{127, 0, 0, 2}}, 3},
		{zen, DNSBL_HIT, 2, {{127, 0, 0, 2}, {127, 0, 0, 3}}, 7},
		/* both match one pattern: it counts once */
		{zen, DNSBL_HIT, 3, {{127, 0, 0, 4}, {127, 0, 0, 7}, {127, 0, 0, 10}}, 14},
		{zen, DNSBL_HIT, 1, {{127, 0, 0, 8}}, 0},
		{zen, DNSBL_HIT, 1, {{127, 0, 1, 2}}, 0},
		{zen, DNSBL_HIT, 1, {{127, 1, 0, 2}}, 0},
		/* records behind the count are no records */
		{zen, DNSBL_HIT, 1, {{127, 0, 0, 8}, {127, 0, 0, 2}}, 0},
		{zen, DNSBL_HIT, 0, {{127, 0, 0, 2}}, 0},
		{zen, DNSBL_MISS, 1, {{127, 0, 0, 2}}, 0},
		{zen, DNSBL_UNASKED, 1, {{127, 0, 0, 2}}, 0},
		{zen, DNSBL_ERROR_CODE, 1, {{127, 0, 0, 2}}, 0},
		{zen, DNSBL_TIMEOUT, 1, {{127, 0, 0, 2}}, 0},
		{"a.b", DNSBL_HIT, 5, {{127, 9, 9, 9}, {127, 0, 0, 2}}, 1},
		{"a.b", DNSBL_HIT, 0, {{0}}, 0},
		{"a.b", DNSBL_HIT, 255, {{127, 0, 0, 2}}, 1},
		{"a.b*2 a.b=127.0.0.2*3 a.b*-1", DNSBL_HIT, 1, {{127, 0, 0, 2}}, 4},
		{"a.b a.b", DNSBL_HIT, 1, {{127, 0, 0, 2}}, 2},
		{"a.b*0", DNSBL_HIT, 1, {{127, 0, 0, 2}}, 0},
		{"w.l=127.0.[0..255].3*-8", DNSBL_HIT, 1, {{127, 0, 200, 3}}, -8},
		{"a.b=127.[0..254].0.0", DNSBL_HIT, 1, {{127, 255, 0, 0}}, 0},
		{"a.b=127.[0..255].0.0", DNSBL_HIT, 1, {{127, 255, 0, 0}}, 1},
		{"a.b*999999 a.b*2", DNSBL_HIT, 1, {{127, 0, 0, 2}}, DNSBL_WEIGHT},
		{"a.b*-999999 a.b*-2", DNSBL_HIT, 1, {{127, 0, 0, 2}}, -DNSBL_WEIGHT},
		{"a.b*1000000 a.b*5 a.b*-6", DNSBL_HIT, 1, {{127, 0, 0, 2}}, 999999},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_sites *sites = read_sites(row[i].sites);
		struct dnsbl_answer answer = {.outcome = (__u8)row[i].outcome,
					      .records = (__u8)row[i].records};
		int32_t got;

		memcpy(answer.record, row[i].record, sizeof(answer.record));
		got = dnsbl_zone_score(&sites->zone[0], &answer);
		if (got != row[i].want)
			fail_msg("unexpected score %zu of \"%s\": got %d, want %d", i, row[i].sites,
				 got, row[i].want);
		dnsbl_sites_free(sites);
	}
}

static void texts(void **state)
{
	struct dnsbl_sites *sites = read_sites("a.b a.b*-3 a.b=127.0.0.[2..11]*3 a.b=127.0.0.2");
	const char *want[] = {"", "*-3", "=127.0.0.[2..11]*3", "=127.0.0.2"};
	struct dnsbl_pattern widest = {.weight = -DNSBL_WEIGHT};
	char text[DNSBL_PATTERN_TEXT], small[8];

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		assert_string_equal(
			dnsbl_pattern_text(&sites->zone[0].pattern[i], text, sizeof(text)),
			want[i]);
	assert_string_equal(dnsbl_pattern_text(&sites->zone[0].pattern[2], small, sizeof(small)),
			    "=127.0.");
	/* the longest there is: pairs, and 127 in the first */
	for (int o = 0; o < 4; o++)
		for (int i = 0; i < 256; i++)
			if (i % 3 != 2)
				widest.octet[o][i / 8] |= (uint8_t)(1 << i % 8);
	dnsbl_pattern_text(&widest, text, sizeof(text));
	assert_true(strlen(text) < sizeof(text) - 1);
	assert_non_null(strstr(text, ";255]*-1000000"));
	dnsbl_sites_free(sites);
}

static void questions(void **state)
{
	static const struct {
		const char *address, *want;
	} row[] = {
		{"192.0.2.99", "99.2.0.192.bad.example.com"},
		{"::ffff:192.0.2.1", "1.2.0.192.bad.example.com"},
		{"64:ff9b::127.0.0.2", "2.0.0.127.bad.example.com"},
		{"255.254.253.252", "252.253.254.255.bad.example.com"},
		/* RFC 5782, 2.4 */
		{"2001:db8:1:2:3:4:567:89ab",
		 "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bad.example.com"},
	};
	struct dnsbl_sites *sites = read_sites(ZONE189);
	char question[DNSBL_QUESTION];
	struct address address;

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_true(address_parse(row[i].address, &address));
		dnsbl_question(&address, "bad.example.com", question);
		assert_string_equal(question, row[i].want);
	}
	/* the longest zone has room behind 32 nibbles, and the name is one that DNS can carry */
	dnsbl_question(&address, sites->zone[0].zone, question);
	assert_int_equal(strlen(question), 253);
	assert_string_equal(question + 64, ZONE189);
	dnsbl_sites_free(sites);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted), cmocka_unit_test(refused),	 cmocka_unit_test(limits),
		cmocka_unit_test(zones),    cmocka_unit_test(identity),	 cmocka_unit_test(scores),
		cmocka_unit_test(texts),    cmocka_unit_test(questions),
	};

	return cmocka_run_group_tests_name("dnsbl_sites", tests, NULL, NULL);
}
