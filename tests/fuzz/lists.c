// SPDX-License-Identifier: GPL-2.0-only
/*
 * lists.c - fuzzes everything between a downloaded file and a verdict: every format of lists, the
 * bogons, the compiler, and the lookup
 *
 * The first byte picks the format (or none: recognise it), its highest bit skip_bad. What was read
 * must be in canonical form, and the compiled policy must say of the ends of every range, and of
 * their neighbours, what the ranges say.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lists/reading.h"

struct policy_ref {
	const struct policy_image *image;
};

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "line %d: %s does not hold\n", __LINE__, #condition);      \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static const struct v4_word *word_at(const struct policy_ref *p, uint32_t n)
{
	REQUIRE(n < V4_INDEX_WORDS);
	return &p->image->index[n];
}

static const void *bytes_at(const struct policy_ref *p, uint32_t page, uint32_t offset,
			    uint32_t size)
{
	REQUIRE(page < p->image->pages && offset % size == 0);
	return p->image->page + (size_t)page * POLICY_PAGE + offset % POLICY_PAGE;
}

#define POLICY_WORD(p, n)		 word_at(p, n)
#define POLICY_AT(p, page, offset, size) bytes_at(p, page, offset, size)
#include "bpf/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_canonical(const struct list_content *content)
{
	for (int f = 0; f < FAMILIES; f++) {
		for (size_t i = 0; i < content_spans(content, f); i++) {
			struct span s = content_span(content, f, i), before;

			REQUIRE(pos_compare(s.first, s.last) <= 0);
			if (!i)
				continue;
			before = content_span(content, f, i - 1);
			REQUIRE(pos_compare(before.last, s.first) < 0);
			REQUIRE(pos_compare(pos_next(before.last), s.first) < 0);
		}
	}
}

static void check_at(struct policy_ref *p, const struct list_content *content, enum family family,
		     struct pos at)
{
	struct prefix one = {.length = ADDRESS_BITS};
	uint32_t want;

	if (family == FAMILY_V6 && at.high == UINT64_MAX)
		return;
	address_set_half(&one.address, 0, address_be64(at.high));
	address_set_half(&one.address, 1, address_be64(at.low));
	if (family == FAMILY_V4)
		address_from_v4(&one.address, address_be32((uint32_t)at.low));
	else if (address_is_v4(&one.address))
		return; /* in IPv6 ranges, but never asked for as such */
	want = list_content_covers(content, &one);
	REQUIRE(policy_lookup(p, &one.address) == want);
}

static void check_policy(const struct list_content *content)
{
	struct list_origin origin = {.name = "fuzz", .action = LIST_DROP};
	struct compile_list list = {.origin = &origin, .content = content};
	struct policy_image image;
	struct policy_ref p = {&image};

	REQUIRE(policy_compile(&list, 1, 0, &image, NULL) == 0);
	for (int f = 0; f < FAMILIES; f++) {
		for (size_t i = 0; i < content_spans(content, f); i++) {
			struct span s = content_span(content, f, i);

			check_at(&p, content, f, s.first);
			check_at(&p, content, f, s.last);
			if (s.first.high || s.first.low)
				check_at(&p, content, f, pos_before(s.first));
			if (pos_compare(s.last, pos_end(f)) != 0)
				check_at(&p, content, f, pos_next(s.last));
		}
	}
	policy_image_free(&image);
}

/* Compiling clears 4 MiB; wide ranges fill far more than that. */
static bool small(const struct list_content *content)
{
	return content->v4_count < 200 && content->v6_count < 200 &&
	       list_content_v4_addresses(content) < 1 << 22;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = {NULL,	   "plain",   "drop",
					      "drop-json", "ip4set",  "ip4trie",
					      "ip4tset",   "ip6trie", "ip6tset"};
	struct list_options options = {0};
	struct list_content content;
	char example[PREFIX_TEXT];
	struct error why = {""};
	static unsigned int turn;
	int err;

	if (!size)
		return 0;
	options.format = formats[(*data & 0x7f) % (sizeof(formats) / sizeof(formats[0]))];
	options.skip_bad = *data & 0x80;
	err = list_read_memory("fuzz", data + 1, size - 1, &options, &content, &why);
	if (err) {
		REQUIRE(strlen(why.text) > 10);
		return 0;
	}
	check_canonical(&content);
	if (small(&content) && turn++ % 4 == 0)
		check_policy(&content);
	list_remove_bogons(&content, example);
	check_canonical(&content);
	list_plausible(&content, LIST_DROP, NULL, &why);
	list_content_free(&content);
	return 0;
}
