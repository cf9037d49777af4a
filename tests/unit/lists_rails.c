// SPDX-License-Identifier: GPL-2.0-only
/*
 * lists_rails.c - what may not be in a block list, and which changes are not believed
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lists/reading.h"

static struct list_content content_of(const char *text)
{
	struct list_content content;
	struct error why = {""};

	if (list_read_memory("list", text, strlen(text), NULL, &content, &why))
		fail_msg("%s", why.text);
	return content;
}

static char *canonical(const struct list_content *content)
{
	char *text = NULL, line[SPAN_TEXT];
	size_t size;
	FILE *f = open_memstream(&text, &size);

	for (int family = 0; family < FAMILIES; family++) {
		for (size_t i = 0; i < content_spans(content, family); i++) {
			struct span span = content_span(content, family, i);

			fprintf(f, "%s%s", ftell(f) ? " " : "", span_text(&span, family, line));
		}
	}
	fclose(f);
	return text;
}

static void test_bogons(void **state)
{
	static const struct {
		const char *text, *left, *example;
		uint64_t touched;
	} facts[] = {
		{"192.0.2.7", "192.0.2.7", "", 0},
		{"10.0.0.0/8", "", "10.0.0.0/8", 1},
		{"0.1.2.3\n10.1.2.3\n100.64.0.1\n127.0.0.1\n169.254.1.1\n172.16.0.1\n172.31.255."
		 "255\n"
		 "192.168.1.1\n224.0.0.1\n240.0.0.1\n255.255.255.255",
		 "", "0.1.2.3", 11},
		/* The neighbours stay. */
		{"1.0.0.0\n9.255.255.255\n11.0.0.0\n100.63.255.255\n100.128.0.0\n126.255.255.255\n"
		 "128.0.0.0\n169.253.255.255\n169.255.0.0\n172.15.255.255\n172.32.0.0\n"
		 "192.167.255.255\n192.169.0.0\n223.255.255.255",
		 "1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 "
		 "128.0.0.0 "
		 "169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.167.255.255 "
		 "192.169.0.0 "
		 "223.255.255.255",
		 "", 0},
		/* Labs use documentation and benchmark ranges. */
		{"192.0.2.0/24\n198.51.100.0/24\n203.0.113.0/24\n198.18.0.0/15\n2001:db8::/32",
		 "192.0.2.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 2001:db8::/32", "", 0},
		{"0.0.0.0/0",
		 "1.0.0.0-9.255.255.255 11.0.0.0-100.63.255.255 100.128.0.0-126.255.255.255 "
		 "128.0.0.0-169.253.255.255 169.255.0.0-172.15.255.255 172.32.0.0-192.167.255.255 "
		 "192.169.0.0-223.255.255.255",
		 "0.0.0.0/0", 1},
		{"9.0.0.0-11.255.255.255", "9.0.0.0/8 11.0.0.0/8", "9.0.0.0-11.255.255.255", 1},
		{"10.0.0.1-10.0.0.3\n10.0.0.7\n192.0.2.7", "192.0.2.7", "10.0.0.1-10.0.0.3", 2},
		{"::\n::1\nfc00::1\nfdff::1\nfe80::1\nfebf::1\nff02::1\n2001:db8::1\nfec0::1",
		 "2001:db8::1 fec0::1", "::/127", 6},
		{"::-::1:0:0:0", "::2-::fffe:ffff:ffff ::1:0:0:0", "::-::1:0:0:0", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		struct list_content content = content_of(facts[i].text);
		char example[PREFIX_TEXT], *got;
		uint64_t touched = list_remove_bogons(&content, example);

		got = canonical(&content);
		assert_string_equal(got, facts[i].left);
		assert_string_equal(example, facts[i].example);
		if (touched != facts[i].touched)
			fail_msg("unexpected count for %s: got %llu, want %llu", facts[i].text,
				 (unsigned long long)touched, (unsigned long long)facts[i].touched);
		assert_int_equal(content.left_out, touched);
		free(got);
		list_content_free(&content);
	}
}

/* So many addresses, or prefixes of such a length, one after the other with a gap. */
static char *series(const char *head, unsigned int count, unsigned int length)
{
	char *text = malloc(count * 32 + strlen(head) + 1);
	size_t used = (size_t)sprintf(text, "%s", head);

	for (unsigned int i = 0; i < count; i++) {
		uint32_t at = 0xc0000000 + (i << (33 - length));

		used += (size_t)sprintf(text + used, "\n%u.%u.%u.%u/%u", at >> 24, at >> 16 & 255,
					at >> 8 & 255, at & 255, length);
	}
	return text;
}

static void check(const struct list_content *content, enum list_action action,
		  const struct list_content *old, const char *want)
{
	struct error why = {""};
	int err = list_plausible(content, action, old, &why);

	if (err != (*want ? -EPERM : 0))
		fail_msg("unexpected answer: got %d (%s), want %s", err, why.text,
			 *want ? want : "none");
	if (*want && !strstr(why.text, want))
		fail_msg("unexpected sentence: got <%s>, want <%s>", why.text, want);
	if (*want)
		assert_non_null(strstr(why.text, "--force"));
}

static void test_width(void **state)
{
	static const struct {
		const char *text, *want, *allow;
	} facts[] = {
		{"192.0.0.0/10", "", ""},
		{"192.0.0.0/9", "it would block 192.0.0.0/9; an IPv4 prefix wider than /10", ""},
		{"10.0.0.0/8", "", ""},
		{"10.0.0.0/7", "it would block 11.0.0.0/8;", "it would allow 10.0.0.0/7"},
		/* no bogon */
		{"0.0.0.0/0", "it would block 11.0.0.0-100.63.255.255;",
		 "it would allow 0.0.0.0/0"},
		{"64:ff9b::/96", "it would block 11.0.0.0-100.63.255.255;", "it would allow "},
		{"2001::/20", "", ""},
		{"2000::/19", "it would block 2000::/19;", ""},
		{"2000::/15", "it would block 2000::/15;", "it would allow 2000::/15"},
		{"11.0.0.0-12.0.0.0", "it would block 11.0.0.0-12.0.0.0;", ""},
		/* bogons are gone before */
		{"224.0.0.0/3\n192.0.2.7", "", "it would allow 224.0.0.0/3"},
		{"32.0.0.0/3", "it would block 32.0.0.0/3;", "it would allow 32.0.0.0/3"},
	};
	struct list_content content;
	char example[PREFIX_TEXT];
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		content = content_of(facts[i].text);
		check(&content, LIST_ALLOW, NULL, facts[i].allow);
		check(&content, LIST_COUNT, NULL, "");
		list_remove_bogons(&content, example);
		check(&content, LIST_DROP, NULL, facts[i].want);
		check(&content, LIST_REFUSE, NULL, facts[i].want);
		list_content_free(&content);
	}
	/* A tenth of IPv4 is 409.6 /12. */
	text = series("", 409, 12);
	content = content_of(text);
	check(&content, LIST_DROP, NULL, "");
	list_content_free(&content);
	free(text);
	text = series("", 410, 12);
	content = content_of(text);
	check(&content, LIST_DROP, NULL, "it would block 10.0% of all IPv4 addresses");
	check(&content, LIST_ALLOW, NULL, "");
	list_content_free(&content);
	free(text);
}

static void test_change(void **state)
{
	static const struct {
		unsigned int old, new;
		const char *want;
	} facts[] = {
		{20, 10, ""},
		{20, 9, "it shrank by more than half, from 20 to 9 entries"},
		{21, 10, "it shrank by more than half, from 21 to 10 entries"},
		{21, 11, ""},
		{19, 1, ""}, /* too few to tell */
		{20, 60, ""},
		{20, 61, "it grew more than threefold, from 20 to 61 entries"},
		{19, 1000, ""},
		{5000, 5000, ""},
		{5000, 2499, "from 5,000 to 2,499 entries"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		static const enum list_action actions[] = {LIST_COUNT, LIST_REFUSE, LIST_DROP,
							   LIST_ALLOW};
		char *before = series("", facts[i].old, 32), *after = series("", facts[i].new, 32);
		struct list_content old = content_of(before), new = content_of(after);

		for (int a = 0; a < 4; a++) {
			check(&new, actions[a], &old, facts[i].want);
			check(&new, actions[a], NULL, "");
		}
		list_content_free(&old);
		list_content_free(&new);
		free(before);
		free(after);
	}
}

static void test_change_of_cover(void **state)
{
	char *hosts = series("", 30, 32), *nets = series("", 30, 28);
	char *with6 = series("2001:db8::/64", 30, 32), *with60 = series("2001:db8::/48", 30, 32);
	struct list_content a = content_of(hosts), b = content_of(nets);
	struct list_content c = content_of(with6), d = content_of(with60);

	(void)state;
	check(&b, LIST_DROP, &a, "it grew more than threefold, from 30 to 480 IPv4 addresses");
	check(&a, LIST_DROP, &b, "it shrank by more than half, from 480 to 30 IPv4 addresses");
	/* One IPv6 prefix more or less is no landslide. */
	check(&c, LIST_DROP, &a, "");
	check(&a, LIST_DROP, &c, "");
	check(&d, LIST_DROP, &c, "");
	list_content_free(&a);
	list_content_free(&b);
	list_content_free(&c);
	list_content_free(&d);
	free(hosts);
	free(nets);
	free(with6);
	free(with60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bogons),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_change_of_cover),
	};

	return cmocka_run_group_tests_name("lists_rails", tests, NULL, NULL);
}
