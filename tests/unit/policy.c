// SPDX-License-Identifier: GPL-2.0-only
/*
 * policy.c - the compiler and the lookup, together, against the plainest thing that could be right:
 * asking every list for every one of its prefixes
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
#include <time.h>
#include <arpa/inet.h>
#include "lists/lists.h"

struct policy_ref {
	const struct policy_image *image;
};

static const struct v4_word *word_at(const struct policy_ref *p, uint32_t n)
{
	assert_true(n < V4_INDEX_WORDS);
	return &p->image->index[n];
}

static const void *bytes_at(const struct policy_ref *p, uint32_t page, uint32_t offset,
			    uint32_t size)
{
	assert_true(page < p->image->pages);
	assert_int_equal(offset % size, 0);
	return p->image->page + (size_t)page * POLICY_PAGE + offset % POLICY_PAGE;
}

#define POLICY_WORD(p, n)		 word_at(p, n)
#define POLICY_AT(p, page, offset, size) bytes_at(p, page, offset, size)
#include "bpf/policy.h"

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t chance(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1d;
}

static struct address address6(uint64_t high, uint64_t low)
{
	struct address a;

	address_set_half(&a, 0, address_be64(high));
	address_set_half(&a, 1, address_be64(low));
	return a;
}

/* --- lists to compile, and what they should say ------------------------------------------------
 */

#define LISTS 6

struct sample {
	struct list_origin origin[POLICY_LISTS];
	struct list_content content[POLICY_LISTS];
	struct compile_list list[POLICY_LISTS];
	struct prefix *prefix[POLICY_LISTS];
	size_t prefixes[POLICY_LISTS];
	size_t lists;
	struct policy_image image;
};

static struct sample *sample_new(void)
{
	struct sample *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	return s;
}

static void sample_add(struct sample *s, enum list_action action, const char *text)
{
	struct list_options plain = {.format = "plain"};
	struct error why = {""};
	size_t i = s->lists++;
	int err;

	snprintf(s->origin[i].name, sizeof(s->origin[i].name), "list-%zu", i + 1);
	s->origin[i].action = action;
	s->origin[i].loaded = 1000 + (int64_t)i;
	err = list_read_memory("sample", text, strlen(text), &plain, &s->content[i], &why);
	if (err && err != -ENODATA)
		fail_msg("%s", why.text);
	s->list[i] = (struct compile_list){.origin = &s->origin[i], .content = &s->content[i]};
}

static void sample_compile(struct sample *s)
{
	struct error why = {""};

	if (policy_compile(s->list, s->lists, 4711, &s->image, &why))
		fail_msg("%s", why.text);
}

static void sample_free(struct sample *s)
{
	for (size_t i = 0; i < s->lists; i++) {
		list_content_free(&s->content[i]);
		free(s->prefix[i]);
	}
	policy_image_free(&s->image);
	free(s);
}

static uint32_t ask(const struct sample *s, const struct address *a)
{
	struct policy_ref p = {&s->image};

	return policy_lookup(&p, a);
}

static uint32_t ask_text(const struct sample *s, const char *text)
{
	struct address a;

	assert_true(address_parse(text, &a));
	return ask(s, &a);
}

static uint32_t naive(const struct sample *s, const struct address *a)
{
	struct prefix one = {.address = *a, .length = ADDRESS_BITS};
	uint32_t best = 0;

	for (uint32_t i = 0; i < s->lists; i++) {
		if (best && s->origin[i].action <= s->origin[best - 1].action)
			continue;
		for (size_t k = 0; k < s->prefixes[i]; k++) {
			if (prefix_contains(&s->prefix[i][k], &one)) {
				best = i + 1;
				break;
			}
		}
	}
	return best;
}

static void compare_at(const struct sample *s, const struct address *a)
{
	uint32_t got = ask(s, a), want = naive(s, a);
	char text[ADDRESS_TEXT];

	if (got != want)
		fail_msg("unexpected list for %s: got %u, want %u", address_text(a, text), got,
			 want);
}

static void step(struct address *a, int by)
{
	for (int i = ADDRESS_BYTES - 1; i >= 0; i--) {
		a->byte[i] = (uint8_t)(a->byte[i] + by);
		if (a->byte[i] != (by > 0 ? 0 : 0xff))
			break;
	}
}

/* In front of, at, inside, at the end of and behind every prefix. */
static void compare_borders(const struct sample *s, const struct prefix *p)
{
	struct address a = p->address, last = p->address;

	for (unsigned int bit = p->length; bit < ADDRESS_BITS; bit++)
		last.byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	compare_at(s, &a);
	compare_at(s, &last);
	for (int i = 0; i < ADDRESS_BYTES; i++)
		a.byte[i] |= (uint8_t)(chance() & (last.byte[i] ^ p->address.byte[i]));
	compare_at(s, &a);
	a = p->address;
	step(&a, -1);
	if (address_is_v4(&a) == address_is_v4(&p->address))
		compare_at(s, &a);
	step(&last, 1);
	if (address_is_v4(&last) == address_is_v4(&p->address) &&
	    address_half(&last, 0) != UINT64_MAX)
		compare_at(s, &last);
}

/* Random lists from a generator of prefixes; every generator clusters, so that lists overlap. */
static void random_lists(struct prefix (*make)(unsigned int round), unsigned int round, size_t most)
{
	static const enum list_action actions[] = {LIST_COUNT, LIST_REFUSE, LIST_DROP, LIST_ALLOW};
	struct sample *s = sample_new();
	char *text = malloc(most * PREFIX_TEXT + 1);

	for (int i = 0; i < LISTS; i++) {
		size_t count = chance() % most + 1, used = 0;

		s->prefix[i] = calloc(count, sizeof(struct prefix));
		s->prefixes[i] = count;
		text[0] = '\0';
		for (size_t k = 0; k < count; k++) {
			char line[PREFIX_TEXT];

			s->prefix[i][k] = make(round);
			used += (size_t)sprintf(text + used, "%s\n",
						prefix_text(&s->prefix[i][k], line));
		}
		sample_add(s, actions[chance() % 4], text);
	}
	sample_compile(s);
	for (int i = 0; i < LISTS; i++)
		for (size_t k = 0; k < s->prefixes[i]; k++)
			compare_borders(s, &s->prefix[i][k]);
	for (int k = 0; k < 500; k++) {
		struct prefix any = make(round);

		any.length = ADDRESS_BITS;
		any.address.byte[15] ^= (uint8_t)chance();
		any.address.byte[14] ^= (uint8_t)(chance() & chance());
		if (address_is_v4(&any.address) || address_half(&any.address, 0) != UINT64_MAX)
			compare_at(s, &any.address);
	}
	free(text);
	sample_free(s);
}

static struct prefix make4(unsigned int round)
{
	/* From lists of nothing but hosts in one /24 to everything between /0 and /32. */
	static const unsigned int shortest[] = {32, 30, 24, 16, 0};
	static const uint32_t spread[] = {0xff, 0x3ff, 0xffff, 0x00ffffff, 0xffffffff};
	unsigned int kind = round % 5;
	struct prefix p = {.length = ADDRESS_V4_AT + shortest[kind]};

	p.length += (unsigned int)(chance() % (33 - shortest[kind]));
	if (kind == 4 && chance() % 8)
		p.length = ADDRESS_BITS - (unsigned int)(chance() % 12);
	address_from_v4(&p.address,
			htonl((uint32_t)((chance() & spread[kind]) |
					 (kind == 4 ? 0 : 0xc0000200 & ~spread[kind]))));
	prefix_mask(&p);
	return p;
}

static struct prefix make6(unsigned int round)
{
	static const struct {
		uint64_t high_spread, low_spread;
		unsigned int shortest, longest;
	} kinds[] = {
		{0, 0xff, 64, 128},		     /* inside one /64 */
		{0xff, 0x3, 56, 128},		     /* some /64 side by side */
		{0xffff, ~0ULL, 48, 64},	     /* a site's networks */
		{0x1fffffffffffffff, ~0ULL, 3, 128}, /* all that is routed */
		{~0ULL, ~0ULL, 1, 128},		     /* everything */
		{0xf000000f, 0xf00000000000000f, 30, 128},
	};
	unsigned int kind = round % 6;
	struct prefix p = {.length = kinds[kind].shortest};
	struct prefix mapped = {.address.byte = {[10] = 0xff, [11] = 0xff},
				.length = ADDRESS_V4_AT};
	struct prefix nat64 = {.address.byte = {[1] = 0x64, [2] = 0xff, [3] = 0x9b},
			       .length = ADDRESS_V4_AT};
	uint64_t base = kinds[kind].high_spread == ~0ULL ? 0 : 0x20010db800000000;

	do {
		p.length =
			kinds[kind].shortest +
			(unsigned int)(chance() % (kinds[kind].longest - kinds[kind].shortest + 1));
		address_set_half(&p.address, 0,
				 address_be64(base | (chance() & kinds[kind].high_spread)));
		address_set_half(&p.address, 1, address_be64(chance() & kinds[kind].low_spread));
		prefix_mask(&p);
	} while (prefix_contains(&p, &mapped) || prefix_contains(&nat64, &p) ||
		 address_half(&p.address, 0) == UINT64_MAX);
	return p;
}

static void test_random4(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 120; round++)
		random_lists(make4, round, round % 7 == 6 ? 600 : 60);
}

static void test_random6(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 120; round++)
		random_lists(make6, round, round % 7 == 6 ? 600 : 60);
}

/* --- facts ------------------------------------------------------------------------------------ */

static void test_shapes(void **state)
{
	static const struct {
		const char *text;
		uint32_t entry; /* of 192.0.2.0/24 */
	} fact[] = {
		{"192.0.2.0/24", 0x00000001},
		{"192.0.0.0/16", 0x00000001},
		{"192.0.2.7", 0x40070701},
		{"192.0.2.7\n192.0.2.9", 0x40070901},
		{"192.0.2.8/31", 0x40080901},
		{"192.0.2.0/29", 0x80000000},
		{"192.0.2.1\n192.0.2.3\n192.0.2.5", 0x80000000},
		{"192.0.2.0/28", 0xc0000000},
		{"192.0.2.1-192.0.2.255", 0xc0000000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(fact) / sizeof(fact[0]); i++) {
		struct sample *s = sample_new();
		const struct policy_head *head;
		const uint32_t *entries;
		uint32_t got;

		sample_add(s, LIST_DROP, fact[i].text);
		sample_compile(s);
		head = (const struct policy_head *)s->image.page;
		entries = (const uint32_t *)(s->image.page +
					     (size_t)head->v4_entries_page * POLICY_PAGE);
		got = entries[strstr(fact[i].text, "/16") ? 2 : 0];
		if (got != fact[i].entry)
			fail_msg("unexpected entry for %s: got %08x, want %08x", fact[i].text, got,
				 fact[i].entry);
		sample_free(s);
	}
}

static void test_strength(void **state)
{
	struct sample *s = sample_new();

	(void)state;
	sample_add(s, LIST_COUNT, "192.0.2.0/24\n2001:db8::/32\n198.51.100.0/24");
	sample_add(s, LIST_DROP, "192.0.2.0/25\n2001:db8:1::/48");
	sample_add(s, LIST_DROP, "192.0.2.0/26\n2001:db8:1:1::/64\n203.0.113.7");
	sample_add(s, LIST_ALLOW, "192.0.2.0/28\n2001:db8:1:1::25");
	sample_add(s, LIST_ALLOW, "192.0.2.0/30");
	sample_compile(s);
	assert_int_equal(ask_text(s, "192.0.2.1"), 4); /* allow, the one named first */
	assert_int_equal(ask_text(s, "192.0.2.15"), 4);
	assert_int_equal(ask_text(s, "192.0.2.16"), 2); /* drop, the one named first */
	assert_int_equal(ask_text(s, "192.0.2.127"), 2);
	assert_int_equal(ask_text(s, "192.0.2.128"), 1); /* count */
	assert_int_equal(ask_text(s, "203.0.113.7"), 3);
	assert_int_equal(ask_text(s, "203.0.113.8"), 0);
	assert_int_equal(ask_text(s, "64:ff9b::192.0.2.128"), 1);
	assert_int_equal(ask_text(s, "2001:db8:1:1::25"), 4);
	assert_int_equal(ask_text(s, "2001:db8:1:1::24"), 2);
	assert_int_equal(ask_text(s, "2001:db8:1:2::"), 2);
	assert_int_equal(ask_text(s, "2001:db8:2::"), 1);
	assert_int_equal(ask_text(s, "2001:db9::"), 0);
	assert_int_equal(ask_text(s, "::"), 0);
	sample_free(s);

	/* Who is in a list that drops is not told anything, whatever else holds it. */
	s = sample_new();
	sample_add(s, LIST_COUNT, "192.0.2.0/24\n2001:db8::/32");
	sample_add(s, LIST_REFUSE, "192.0.2.64/26\n2001:db8:1::/48");
	sample_add(s, LIST_REFUSE, "192.0.2.0/25");
	sample_add(s, LIST_DROP, "192.0.2.96/27\n2001:db8:1:8000::/49");
	sample_add(s, LIST_ALLOW, "192.0.2.127");
	sample_compile(s);
	assert_int_equal(ask_text(s, "192.0.2.63"), 3);
	assert_int_equal(ask_text(s, "192.0.2.64"), 2); /* of two that refuse the one named first */
	assert_int_equal(ask_text(s, "192.0.2.95"), 2);
	assert_int_equal(ask_text(s, "192.0.2.96"), 4);
	assert_int_equal(ask_text(s, "192.0.2.126"), 4);
	assert_int_equal(ask_text(s, "192.0.2.127"), 5);
	assert_int_equal(ask_text(s, "192.0.2.128"), 1);
	assert_int_equal(ask_text(s, "2001:db8:1::"), 2);
	assert_int_equal(ask_text(s, "2001:db8:1:8000::"), 4);
	assert_int_equal(ask_text(s, "2001:db8:2::"), 1);
	sample_free(s);

	/* An allow list wins though its prefix is the wider one. */
	s = sample_new();
	sample_add(s, LIST_DROP, "192.0.2.7\n2001:db8::7");
	sample_add(s, LIST_ALLOW, "192.0.0.0/16\n2001:db8::/32");
	sample_compile(s);
	assert_int_equal(ask_text(s, "192.0.2.7"), 2);
	assert_int_equal(ask_text(s, "2001:db8::7"), 2);
	sample_free(s);
}

static void test_ends(void **state)
{
	struct sample *s = sample_new();

	(void)state;
	sample_compile(s); /* no list at all */
	assert_int_equal(ask_text(s, "0.0.0.0"), 0);
	assert_int_equal(ask_text(s, "255.255.255.255"), 0);
	assert_int_equal(ask_text(s, "::"), 0);
	assert_int_equal(ask_text(s, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 0);
	sample_free(s);

	s = sample_new();
	sample_add(s, LIST_DROP, "0.0.0.0/0\n::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	sample_add(s, LIST_ALLOW, "0.0.0.0\n255.255.255.255\n::\n2001:db8::1");
	sample_compile(s);
	assert_int_equal(ask_text(s, "0.0.0.0"), 2);
	assert_int_equal(ask_text(s, "0.0.0.1"), 1);
	assert_int_equal(ask_text(s, "128.0.0.0"), 1);
	assert_int_equal(ask_text(s, "255.255.255.254"), 1);
	assert_int_equal(ask_text(s, "255.255.255.255"), 2);
	assert_int_equal(ask_text(s, "::"), 2);
	assert_int_equal(ask_text(s, "::1"), 1);
	assert_int_equal(ask_text(s, "2001:db8::"), 1);
	assert_int_equal(ask_text(s, "2001:db8::1"), 2);
	assert_int_equal(ask_text(s, "2001:db8::2"), 1);
	assert_int_equal(ask_text(s, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 1);
	sample_free(s);

	/* Only the upper end: what lies in front of it is in no list. */
	s = sample_new();
	sample_add(s, LIST_DROP, "255.255.255.0/24\nff00::/8");
	sample_compile(s);
	assert_int_equal(ask_text(s, "255.255.254.255"), 0);
	assert_int_equal(ask_text(s, "255.255.255.0"), 1);
	assert_int_equal(ask_text(s, "feff:ffff:ffff:ffff::"), 0);
	assert_int_equal(ask_text(s, "ff00::"), 1);
	assert_int_equal(ask_text(s, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 1);
	sample_free(s);
}

static void test_head(void **state)
{
	struct sample *s = sample_new();
	struct policy_ref p = {&s->image};
	const struct policy_list *l;

	(void)state;
	sample_add(s, LIST_DROP, "192.0.2.7\n192.0.2.8");
	sample_add(s, LIST_ALLOW, "192.0.2.9");
	sample_compile(s);
	assert_true(policy_head(&p)->magic == POLICY_MAGIC);
	assert_int_equal(policy_head(&p)->built, 4711);
	l = policy_list(&p, 1);
	assert_string_equal(l->name, "list-1");
	assert_int_equal(l->entries, 2);
	assert_int_equal(l->action, LIST_DROP);
	assert_int_equal(l->loaded, 1000);
	l = policy_list(&p, 2);
	assert_string_equal(l->name, "list-2");
	assert_int_equal(l->action, LIST_ALLOW);
	assert_string_equal(policy_list(&p, 0)->name, "");
	assert_string_equal(policy_list(&p, 3)->name, "");
	sample_free(s);
}

/* Ids may be given; which list is the stronger of equals is still settled by place. */
static void test_ids(void **state)
{
	struct sample *s = sample_new();
	struct policy_ref p = {&s->image};
	struct policy_image image;
	struct error why;

	(void)state;
	sample_add(s, LIST_DROP, "192.0.2.7\n2001:db8::7");
	sample_add(s, LIST_DROP, "192.0.2.7\n192.0.2.8\n2001:db8::/64");
	s->list[0].id = 255;
	s->list[1].id = 1;
	sample_compile(s);
	assert_int_equal(ask_text(s, "192.0.2.7"), 255);
	assert_int_equal(ask_text(s, "192.0.2.8"), 1);
	assert_int_equal(ask_text(s, "2001:db8::7"), 255);
	assert_int_equal(ask_text(s, "2001:db8::8"), 1);
	assert_string_equal(policy_list(&p, 255)->name, "list-1");
	assert_string_equal(policy_list(&p, 1)->name, "list-2");
	s->list[0].id = 1;
	assert_int_equal(policy_compile(s->list, 2, 0, &image, &why), -EINVAL);
	s->list[0].id = 256;
	assert_int_equal(policy_compile(s->list, 2, 0, &image, &why), -EINVAL);
	s->list[0].id = 0;
	assert_int_equal(policy_compile(s->list, 2, 0, &image, &why), -EINVAL);
	sample_free(s);
}

static void test_many_lists(void **state)
{
	struct sample *s = sample_new();
	struct error why = {""};
	char text[64];

	(void)state;
	for (int i = 0; i < POLICY_LISTS - 1; i++) {
		snprintf(text, sizeof(text), "192.0.2.%d\n2001:db8::%x:0/112", i, i);
		sample_add(s, LIST_DROP, text);
	}
	sample_compile(s);
	for (int i = 0; i < POLICY_LISTS - 1; i++) {
		snprintf(text, sizeof(text), "192.0.2.%d", i);
		assert_int_equal(ask_text(s, text), i + 1);
		snprintf(text, sizeof(text), "2001:db8::%x:1", i);
		assert_int_equal(ask_text(s, text), i + 1);
	}
	assert_int_equal(policy_compile(s->list, POLICY_LISTS, 0, &s->image, &why), -E2BIG);
	assert_string_equal(why.text, "256 lists are too many: there is room for 255");
	sample_free(s);
}

/* Every second address of one /64: the details of a single interval. */
static struct list_content every_second(size_t count)
{
	struct list_content c = {.v6_count = count, .v6 = calloc(count, sizeof(struct range6))};

	for (size_t i = 0; i < count; i++)
		c.v6[i] = (struct range6){0x20010db800000000, 2 * i + 1, 0x20010db800000000,
					  2 * i + 1};
	return c;
}

static void test_details(void **state)
{
	static const size_t counts[] = {1, 2, 3, 4095, 4096, 100000, V6_DETAIL_MAX / 2 - 1};
	struct list_origin origin = {.name = "many", .action = LIST_DROP};
	struct error why = {""};
	struct policy_image image;
	struct list_content c;
	struct compile_list list = {.origin = &origin, .content = &c};

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		size_t count = counts[i];
		struct policy_ref p = {&image};

		c = every_second(count);
		assert_int_equal(policy_compile(&list, 1, 0, &image, &why), 0);
		for (uint64_t low = 0; low<2 * count + 4; low += count> 9999 ? 997 : 1) {
			struct address a = address6(0x20010db800000000, low);
			uint32_t got = policy_lookup(&p, &a), want = low < 2 * count && low % 2;

			if (got != want)
				fail_msg("unexpected list for ::%llx of %zu: got %u, want %u",
					 (unsigned long long)low, count, got, want);
		}
		policy_image_free(&image);
		list_content_free(&c);
	}
	c = every_second(V6_DETAIL_MAX / 2 + 1);
	assert_int_equal(policy_compile(&list, 1, 0, &image, &why), -E2BIG);
	assert_non_null(strstr(why.text, "leave one out"));
	list_content_free(&c);
}

/* --- a million -------------------------------------------------------------------------------- */

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* Shown, not asserted: the machine may be busy. */
static void a_million(const char *what, bool v6)
{
	size_t size = 1000000 * PREFIX_TEXT, used = 0, rounds = 5000000;
	struct list_origin origin = {.name = "million", .action = LIST_DROP};
	struct compile_list list = {.origin = &origin};
	struct list_content content;
	struct policy_image image;
	struct policy_ref p = {&image};
	struct error why = {""};
	struct timespec start;
	double read, compile;
	uint64_t hits = 0;
	char *text = malloc(size), line[ADDRESS_TEXT];
	struct address a;

	for (int i = 0; i < 1000000; i++) {
		address_from_v4(&a, (uint32_t)chance());
		if (v6)
			a = address6(0x2000000000000000 | (chance() >> 3), 0);
		used += (size_t)sprintf(text + used, "%s%s\n", address_text(&a, line),
					v6 ? "/64" : "");
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(list_read_memory("million", text, used, NULL, &content, &why), 0);
	read = seconds_since(&start);
	list.content = &content;
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(policy_compile(&list, 1, 0, &image, &why), 0);
	compile = seconds_since(&start);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (size_t i = 0; i < rounds; i++) {
		address_from_v4(&a, (uint32_t)chance());
		if (v6)
			a = address6(0x2000000000000000 | (chance() >> 3), chance());
		hits += policy_lookup(&p, &a) != 0;
	}
	print_message(
		"%s: read %.2f s, compiled %.2f s into %zu KiB, %.0f ns a lookup, %llu hits\n",
		what, read, compile, image.pages * (POLICY_PAGE / 1024) + 4096,
		seconds_since(&start) * 1e9 / (double)rounds, (unsigned long long)hits);
	policy_image_free(&image);
	list_content_free(&content);
	free(text);
}

static void test_million(void **state)
{
	(void)state;
	a_million("1M IPv4 addresses", false);
	a_million("1M IPv6 /64", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),	cmocka_unit_test(test_strength),
		cmocka_unit_test(test_ends),	cmocka_unit_test(test_head),
		cmocka_unit_test(test_ids),	cmocka_unit_test(test_many_lists),
		cmocka_unit_test(test_details), cmocka_unit_test(test_random4),
		cmocka_unit_test(test_random6), cmocka_unit_test(test_million),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
