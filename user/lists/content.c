// SPDX-License-Identifier: GPL-2.0-only
/*
 * content.c - ranges of addresses: add, sort and join, take away, count
 *
 * A list of a million entries is an array of a million plain ranges, sorted once. Both families go
 * through the same code as spans of 128-bit positions.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "reading.h"

int array_grow(void *array, size_t *room, size_t count, size_t size)
{
	size_t more = *room ? *room * 2 : 64;
	void *grown, *old;

	if (count < *room)
		return 0;
	memcpy(&old, array, sizeof(old));
	grown = more < *room ? NULL : reallocarray(old, more, size);
	if (!grown)
		return -ENOMEM;
	memcpy(array, &grown, sizeof(grown));
	*room = more;
	return 0;
}

void list_content_free(struct list_content *content)
{
	free(content->v4);
	free(content->v6);
	*content = (struct list_content){.widest4 = 33, .widest6 = 129};
}

static void content_put(struct list_content *content, enum family family, size_t i,
			const struct span *s)
{
	if (family == FAMILY_V6)
		content->v6[i] =
			(struct range6){s->first.high, s->first.low, s->last.high, s->last.low};
	else
		content->v4[i] = (struct range4){(uint32_t)s->first.low, (uint32_t)s->last.low};
}

static void content_set_count(struct list_content *content, enum family family, size_t count)
{
	if (family == FAMILY_V6)
		content->v6_count = count;
	else
		content->v4_count = count;
}

int content_add(struct list_content *content, enum family family, const struct span *span)
{
	int err;

	if (family == FAMILY_V6)
		err = array_grow(&content->v6, &content->v6_room, content->v6_count,
				 sizeof(content->v6[0]));
	else
		err = array_grow(&content->v4, &content->v4_room, content->v4_count,
				 sizeof(content->v4[0]));
	if (err)
		return err;
	content_put(content, family, content_spans(content, family), span);
	content_set_count(content, family, content_spans(content, family) + 1);
	return 0;
}

static int compare4(const void *a, const void *b)
{
	const struct range4 *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

static int compare6(const void *a, const void *b)
{
	const struct range6 *x = a, *y = b;

	return pos_compare((struct pos){x->first_high, x->first_low},
			   (struct pos){y->first_high, y->first_low});
}

static bool sorted(const struct list_content *content, enum family family)
{
	size_t count = content_spans(content, family);

	for (size_t i = 1; i < count; i++)
		if (pos_compare(content_span(content, family, i - 1).first,
				content_span(content, family, i).first) > 0)
			return false;
	return true;
}

static void join(struct list_content *content, enum family family)
{
	size_t count = content_spans(content, family), kept = 0;
	struct span now, next;

	if (!count)
		return;
	now = content_span(content, family, 0);
	for (size_t i = 1; i < count; i++) {
		next = content_span(content, family, i);
		if (pos_compare(now.last, pos_end(family)) == 0 ||
		    pos_compare(next.first, pos_next(now.last)) <= 0) {
			if (pos_compare(next.last, now.last) > 0)
				now.last = next.last;
			continue;
		}
		content_put(content, family, kept++, &now);
		now = next;
	}
	content_put(content, family, kept++, &now);
	content_set_count(content, family, kept);
}

void content_normalise(struct list_content *content)
{
	/* Most sources are sorted already. */
	if (!sorted(content, FAMILY_V4))
		qsort(content->v4, content->v4_count, sizeof(content->v4[0]), compare4);
	if (!sorted(content, FAMILY_V6))
		qsort(content->v6, content->v6_count, sizeof(content->v6[0]), compare6);
	join(content, FAMILY_V4);
	join(content, FAMILY_V6);
}

int content_subtract(struct list_content *content, const struct list_content *minus,
		     uint64_t *touched, struct span *first, enum family *first_family)
{
	struct list_content rest = {0};
	uint64_t count = 0;
	int err = 0;

	for (int f = 0; f < FAMILIES && !err; f++) {
		enum family family = f;
		size_t cut = 0, cuts = content_spans(minus, family);

		for (size_t i = 0; i < content_spans(content, family) && !err; i++) {
			struct span whole = content_span(content, family, i), left = whole;
			bool gone = false, hit = false;

			while (cut < cuts &&
			       pos_compare(content_span(minus, family, cut).last, left.first) < 0)
				cut++;
			/* `cut` stays: its end may reach into the next range too. */
			for (size_t c = cut; c < cuts && !gone && !err; c++) {
				struct span take = content_span(minus, family, c);
				struct span before = {left.first, pos_before(take.first)};

				if (pos_compare(take.first, left.last) > 0)
					break;
				hit = true;
				if (pos_compare(left.first, take.first) < 0)
					err = content_add(&rest, family, &before);
				gone = pos_compare(take.last, left.last) >= 0;
				left.first = pos_next(take.last);
			}
			if (!err && !gone)
				err = content_add(&rest, family, &left);
			if (hit && !count++ && first) {
				*first = whole;
				*first_family = family;
			}
		}
	}
	if (err) {
		list_content_free(&rest);
		return err;
	}
	free(content->v4);
	free(content->v6);
	content->v4 = rest.v4;
	content->v4_count = rest.v4_count;
	content->v4_room = rest.v4_room;
	content->v6 = rest.v6;
	content->v6_count = rest.v6_count;
	content->v6_room = rest.v6_room;
	if (touched)
		*touched = count;
	return 0;
}

uint64_t list_content_v4_addresses(const struct list_content *content)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < content->v4_count; i++)
		sum += (uint64_t)content->v4[i].last - content->v4[i].first + 1;
	return sum;
}

uint64_t list_content_v6_networks(const struct list_content *content)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < content->v6_count; i++) {
		const struct range6 *r = &content->v6[i];
		uint64_t more = r->last_high - r->first_high;

		/* A /64 that two ranges share counts once. */
		if (!i || r[-1].last_high != r->first_high)
			more = more == UINT64_MAX ? more : more + 1;
		sum = sum + more < sum ? UINT64_MAX : sum + more;
	}
	return sum;
}

bool list_content_covers(const struct list_content *content, const struct prefix *prefix)
{
	struct span want, have;
	enum family family = span_of_prefix(prefix, &want);
	size_t low = 0, high = content_spans(content, family);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pos_compare(content_span(content, family, middle).first, want.first) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return false;
	have = content_span(content, family, low - 1);
	return pos_compare(want.last, have.last) <= 0;
}

/* How far an entry is from what the rails allow: the smaller, the wider. */
static int narrowness(enum family family, unsigned int length)
{
	return (int)length - (family == FAMILY_V6 ? 20 : 10);
}

static bool is_widest(const struct list_content *content, enum family family, unsigned int length)
{
	return narrowness(family, length) < narrowness(FAMILY_V4, content->widest4) &&
	       narrowness(family, length) < narrowness(FAMILY_V6, content->widest6);
}

void content_note_widest(struct list_content *content, enum family family, unsigned int length,
			 const char *text)
{
	unsigned int *widest = family == FAMILY_V6 ? &content->widest6 : &content->widest4;

	if (is_widest(content, family, length))
		text_clean(text, content->widest_text, sizeof(content->widest_text));
	if (length < *widest)
		*widest = length;
}

/* The length of the widest aligned block between two values of so many bits. */
static unsigned int widest_block(uint64_t first, uint64_t last, unsigned int bits)
{
	for (unsigned int length = 0; length < bits; length++) {
		unsigned int shift = bits - length;
		uint64_t rest = shift == 64 ? UINT64_MAX : (1ULL << shift) - 1;
		uint64_t start = first + (-first & rest);

		if (start >= first && start <= last && last - start >= rest)
			return length;
	}
	return bits;
}

void content_find_widest(struct list_content *content)
{
	char text[SPAN_TEXT];

	content->widest4 = 33;
	content->widest6 = 129;
	content->widest_text[0] = '\0';
	for (int f = 0; f < FAMILIES; f++) {
		enum family family = f;

		for (size_t i = 0; i < content_spans(content, family); i++) {
			struct span s = content_span(content, family, i);
			struct prefix prefix;
			unsigned int length, bits = family == FAMILY_V6 ? 64 : 32;
			uint64_t first = family == FAMILY_V6 ? s.first.high : s.first.low;
			uint64_t last = family == FAMILY_V6 ? s.last.high : s.last.low;

			/* Only whole /64 count; what has none is narrower than /64. */
			if (span_is_prefix(&s, family, &prefix)) {
				length = prefix.length - (family == FAMILY_V6 ? 0 : ADDRESS_V4_AT);
			} else {
				bool head = family == FAMILY_V6 && s.first.low != 0;
				bool tail = family == FAMILY_V6 && s.last.low != UINT64_MAX;

				if (last - first < (uint64_t)head + tail)
					length = bits + 1;
				else
					length = widest_block(first + head, last - tail, bits);
			}
			/* Text is dear for a million ranges. */
			text[0] = '\0';
			if (is_widest(content, family, length))
				span_text(&s, family, text);
			content_note_widest(content, family, length, text);
		}
	}
}

enum family span_of_prefix(const struct prefix *prefix, struct span *span)
{
	unsigned int host = ADDRESS_BITS - prefix->length;
	struct pos first, rest;

	if (prefix->length >= ADDRESS_V4_AT && address_is_v4(&prefix->address)) {
		uint32_t v4 = address_v4(&prefix->address);

		span->first = (struct pos){0, v4};
		span->last = (struct pos){0, v4 | ((1ULL << host) - 1)};
		return FAMILY_V4;
	}
	first = (struct pos){address_half(&prefix->address, 0), address_half(&prefix->address, 1)};
	rest.low = host >= 64 ? UINT64_MAX : (1ULL << host) - 1;
	rest.high = host >= 128 ? UINT64_MAX : host > 64 ? (1ULL << (host - 64)) - 1 : 0;
	span->first = first;
	span->last = (struct pos){first.high | rest.high, first.low | rest.low};
	return FAMILY_V6;
}

static void address_at(struct pos pos, enum family family, struct address *a)
{
	if (family == FAMILY_V4) {
		address_from_v4(a, address_be32((uint32_t)pos.low));
		return;
	}
	address_set_half(a, 0, address_be64(pos.high));
	address_set_half(a, 1, address_be64(pos.low));
}

bool span_is_prefix(const struct span *span, enum family family, struct prefix *prefix)
{
	uint64_t high = span->first.high ^ span->last.high, low = span->first.low ^ span->last.low;

	if ((high & (high + 1)) || (low & (low + 1)) || (high && low != UINT64_MAX) ||
	    (span->first.high & high) || (span->first.low & low))
		return false;
	memset(prefix, 0, sizeof(*prefix));
	address_at(span->first, family, &prefix->address);
	prefix->length = ADDRESS_BITS - (unsigned int)__builtin_popcountll(high) -
			 (unsigned int)__builtin_popcountll(low);
	return true;
}

const char *span_text(const struct span *span, enum family family, char buffer[SPAN_TEXT])
{
	char first[ADDRESS_TEXT], last[ADDRESS_TEXT];
	struct address a, b;
	struct prefix prefix;

	if (span_is_prefix(span, family, &prefix)) {
		prefix_text(&prefix, buffer);
		return buffer;
	}
	address_at(span->first, family, &a);
	address_at(span->last, family, &b);
	snprintf(buffer, SPAN_TEXT, "%s-%s", address_text(&a, first), address_text(&b, last));
	return buffer;
}
