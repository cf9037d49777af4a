// SPDX-License-Identifier: GPL-2.0-only
/*
 * build4.c - the IPv4 half of the policy: one entry for each /24 in which something is listed
 *
 * Segments come in order, so entries are simply appended, and the rank of a /24 falls out at the
 * end.
 */
#include <errno.h>
#include <stdlib.h>
#include "reading.h"

#define ENTRY(tag, rest) ((uint32_t)(tag) << 30 | (uint32_t)(rest))

static int add_entry(struct build4 *b, uint32_t network, uint32_t entry)
{
	b->index[network / 32].bits |= 1U << network % 32;
	return table_add(&b->entries, &entry);
}

static int add_group(struct build4 *b, uint32_t *entry)
{
	uint16_t group[V4_GROUP] = {0};
	unsigned int used = 0;

	for (unsigned int i = 0; i < b->pieces; i++)
		for (unsigned int octet = b->piece[i].first; octet <= b->piece[i].last; octet++)
			group[used++] = (uint16_t)(octet << 8 | b->piece[i].id);
	*entry = ENTRY(V4_IN_GROUP, b->groups.count);
	return table_add(&b->groups, group);
}

static int add_row(struct build4 *b, uint32_t *entry)
{
	uint8_t row[V4_ROW] = {0};

	for (unsigned int i = 0; i < b->pieces; i++)
		memset(row + b->piece[i].first, b->piece[i].id,
		       (size_t)b->piece[i].last - b->piece[i].first + 1);
	*entry = ENTRY(V4_IN_ROW, b->rows.count);
	return table_add(&b->rows, row);
}

/* Settles the /24 at work. Whole ones with one list never come here. */
static int flush(struct build4 *b)
{
	const struct piece *p = b->piece, *q = p + 1;
	unsigned int hosts = 0;
	bool alike = true;
	uint32_t entry;
	int err = 0;

	if (!b->pieces)
		return 0;
	for (unsigned int i = 0; i < b->pieces; i++) {
		hosts += (unsigned int)p[i].last - p[i].first + 1;
		alike = alike && p[i].id == p[0].id;
	}
	if (hosts <= 2 && alike) {
		unsigned int other = b->pieces == 2 ? q->first : p->last;

		entry = ENTRY(V4_HOSTS, (uint32_t)p->first << 16 | other << 8 | p->id);
	} else if (hosts <= V4_GROUP) {
		err = add_group(b, &entry);
	} else {
		err = add_row(b, &entry);
	}
	if (!err)
		err = add_entry(b, b->network, entry);
	b->pieces = 0;
	return err;
}

static int add_piece(struct build4 *b, uint32_t first, uint32_t last, unsigned int id)
{
	if (b->pieces && b->network != first >> 8) {
		int err = flush(b);

		if (err)
			return err;
	}
	b->network = first >> 8;
	b->piece[b->pieces++] = (struct piece){(uint8_t)first, (uint8_t)last, (uint8_t)id};
	return 0;
}

int build4_segment(void *context, const struct span *span, unsigned int id)
{
	struct build4 *b = context;
	uint64_t first = span->first.low, last = span->last.low;
	int err = 0;

	while (first <= last && !err) {
		uint64_t whole = (last + 1) / V4_ROW, network = first / V4_ROW, end;

		if (first % V4_ROW == 0 && network < whole) {
			err = flush(b);
			for (; network < whole && !err; network++)
				err = add_entry(b, (uint32_t)network, ENTRY(V4_WHOLE, id));
			first = whole * V4_ROW;
			continue;
		}
		end = first | (V4_ROW - 1);
		if (end > last)
			end = last;
		err = add_piece(b, (uint32_t)first, (uint32_t)end, id);
		first = end + 1;
	}
	return err;
}

int build4_finish(struct build4 *b)
{
	uint32_t rank = 0;
	int err = flush(b);

	for (uint32_t i = 0; i < V4_INDEX_WORDS; i++) {
		b->index[i].rank = rank;
		rank += (uint32_t)__builtin_popcount(b->index[i].bits);
	}
	return err;
}
