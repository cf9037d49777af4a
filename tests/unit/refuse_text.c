// SPDX-License-Identifier: GPL-2.0-only
/*
 * What refused clients are told: tables of templates, and of what they become.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <user/refuse/refuse.h>

#define TEXT "Service unavailable; client [{address}] blocked using {by}{; |txt}{; see |contact}"
#define RATE "Too many connections from [{address}]; try again later{; see |contact}"

static void fill(char *text, const char *contact, const struct refuse_facts *facts,
		 char out[REFUSE_REPLY])
{
	char rate[] = RATE;
	struct config config = {.refuse_text = text,
				.refuse_text_rate = rate,
				.refuse_txt = true,
				.refuse_contact = (char *)contact};

	refuse_text(&config, facts, out);
}

static struct refuse_facts usual(const char *source)
{
	struct refuse_facts facts = {.reason = REASON_DNSBL, .by = "zen.spamhaus.org"};

	assert_true(address_parse(source, &facts.source));
	return facts;
}

static void want(const char *got, const char *expected)
{
	if (strcmp(got, expected) != 0)
		fail_msg("unexpected text: got \"%s\", want \"%s\"", got, expected);
}

static void test_usual(void **state)
{
	struct refuse_facts facts = usual("192.0.2.7");
	char text[] = TEXT, out[REFUSE_REPLY];

	(void)state;
	fill(text, NULL, &facts, out);
	want(out,
	     "554 5.7.1 Service unavailable; client [192.0.2.7] blocked using zen.spamhaus.org\r\n");
	fill(text, "https://example.org/blocked", &facts, out);
	want(out,
	     "554 5.7.1 Service unavailable; client [192.0.2.7] blocked using zen.spamhaus.org; "
	     "see https://example.org/blocked\r\n");
	facts.txt = "it sent spam";
	fill(text, "", &facts, out);
	want(out,
	     "554 5.7.1 Service unavailable; client [192.0.2.7] blocked using zen.spamhaus.org; "
	     "it sent spam\r\n");
	facts = usual("2001:db8::7");
	facts.reason = REASON_SOURCE_RATE;
	fill(text, "a page", &facts, out);
	want(out,
	     "421 4.7.0 Too many connections from [2001:db8::7]; try again later; see a page\r\n");
}

/* What the DNSBL says is told only if the administrator wants it. */
static void test_txt_off(void **state)
{
	struct refuse_facts facts = usual("192.0.2.7");
	char text[] = "{by}{: |txt}", out[REFUSE_REPLY];
	const struct config config = {.refuse_text = text, .refuse_text_rate = text};

	(void)state;
	facts.txt = "it sent spam";
	refuse_text(&config, &facts, out);
	want(out, "554 5.7.1 zen.spamhaus.org\r\n");
}

static void test_words(void **state)
{
	static const struct {
		const char *template, *expected;
	} table[] = {
		{"{address}", "192.0.2.7"},
		{"{by}", "zen.spamhaus.org"},
		{"{reason}", "dnsbl"},
		{"{until}", "2026-11-22 06:55 UTC"},
		{"{ until |until}.", " until 2026-11-22 06:55 UTC."},
		{"a{b|txt}c", "ac"},
		{"a{txt}c{contact}", "ac"},
		{"{|by}", "zen.spamhaus.org"},
		{"plain", "plain"},
		{"{by}{by}", "zen.spamhaus.orgzen.spamhaus.org"},
		{"end   ", "end"},
		/* not checked before: as they stand */
		{"a}b", "a}b"},
		{"{nobody}", "{nobody}"},
		{"{", "{"},
		{"{by", "{by"},
		{"{{by}}", "{zen.spamhaus.org}"},
		{"two\r\nlines", "two??lines"},
		{"\xc3\xa4", "??"},
	};
	struct refuse_facts facts = usual("192.0.2.7");
	char out[REFUSE_REPLY], expected[REFUSE_REPLY], template[64];

	(void)state;
	facts.until = 1795330500;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(template, sizeof(template), "%s", table[i].template);
		snprintf(expected, sizeof(expected), "554 5.7.1 %s\r\n", table[i].expected);
		fill(template, NULL, &facts, out);
		want(out, expected);
	}
}

static void test_hostile(void **state)
{
	struct refuse_facts facts = usual("192.0.2.7");
	char text[] = "{by} {txt}", out[REFUSE_REPLY];

	(void)state;
	facts.by = "a\r\n250 b";
	facts.txt = "\x1b[31m{by}\x7f\xff";
	fill(text, NULL, &facts, out);
	want(out, "554 5.7.1 a??250 b ?[31m{by}??\r\n");
}

static void test_long(void **state)
{
	struct refuse_facts facts = usual("192.0.2.7");
	char text[] = TEXT, out[REFUSE_REPLY], by[600], txt[600];

	(void)state;
	/* Without what the DNSBL says it fits, and the contact is in it. */
	memset(txt, 't', sizeof(txt) - 1);
	txt[sizeof(txt) - 1] = '\0';
	facts.txt = txt;
	fill(text, "https://example.org/", &facts, out);
	want(out,
	     "554 5.7.1 Service unavailable; client [192.0.2.7] blocked using zen.spamhaus.org; "
	     "see https://example.org/\r\n");
	/* Cut at a word. */
	for (size_t i = 0; i < sizeof(by) - 1; i++)
		by[i] = i % 8 == 7 ? ' ' : 'b';
	by[sizeof(by) - 1] = '\0';
	facts.by = by;
	fill(text, "x", &facts, out);
	assert_true(strlen(out) < REFUSE_REPLY && strlen(out) > REFUSE_REPLY - 12);
	assert_string_equal(out + strlen(out) - 10, " bbbbbbb\r\n");
	/* There is none. */
	facts.by = txt;
	facts.txt = NULL;
	fill(text, "x", &facts, out);
	assert_int_equal(strlen(out), REFUSE_REPLY - 1);
	assert_string_equal(out + strlen(out) - 3, "t\r\n");
}

/* Of many names the last are left out, rather than whom to call. */
static void test_many_names(void **state)
{
	struct refuse_facts facts = usual("2001:db8:1111:2222:3333:4444:5555:6666");
	char text[] = TEXT, out[REFUSE_REPLY], contact[221], want_end[240];

	(void)state;
	facts.by =
		"one-of-the-first-names.example.org, another-name-of-a-zone.example.org, "
		"yet-another-name-of-a-zone.example.org, still-another-name-of-a-zone.example.org, "
		"the-last-of-all-the-names-that-there-are.example.org";
	memset(contact, 'c', sizeof(contact) - 1);
	contact[sizeof(contact) - 1] = '\0';
	snprintf(want_end, sizeof(want_end), "; see %s\r\n", contact);
	fill(text, contact, &facts, out);
	assert_non_null(strstr(out, want_end));
	assert_non_null(strstr(out, "using one-of-the-first-names.example.org, another-name"));
	assert_non_null(strstr(out, "example.org; see"));
	assert_null(strstr(out, "the-last"));
}

static void test_check(void **state)
{
	static const struct {
		const char *template, *complaint; /* NULL: none */
	} table[] = {
		{TEXT, NULL},
		{RATE, NULL},
		{"no words", NULL},
		{"{address}{ by |by}{reason}{contact}{txt}{until}", NULL},
		{"", "is empty"},
		{"{adress}", "{adress} is not known"},
		{"{a|b|by}", "{a|b|by} is not known"},
		{"{}", "{} is not known"},
		{"a {by", "{by is not known"},
		{"{{by}", "is not known"},
		{"by}", "a } stands without"},
		{"a\nb", "byte 2 is not printable"},
		{"\xc3\xa4", "byte 1 is not printable"},
	};
	char big[600];
	struct error why;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int err = refuse_template_check(table[i].template, &why);

		if (err != (table[i].complaint ? -EINVAL : 0))
			fail_msg("\"%s\": got %d", table[i].template, err);
		if (err && !strstr(why.text, table[i].complaint))
			fail_msg("\"%s\": got \"%s\", want \"%s\"", table[i].template, why.text,
				 table[i].complaint);
	}
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(refuse_template_check(big, &why), -EINVAL);
	big[REFUSE_REPLY - 13] = '\0';
	assert_int_equal(refuse_template_check(big, &why), 0);
	big[REFUSE_REPLY - 13] = 'a';
	big[REFUSE_REPLY - 12] = '\0';
	assert_int_equal(refuse_template_check(big, &why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),	   cmocka_unit_test(test_txt_off),
		cmocka_unit_test(test_words),	   cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_long),	   cmocka_unit_test(test_check),
		cmocka_unit_test(test_many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
