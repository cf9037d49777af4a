// SPDX-License-Identifier: GPL-2.0-only
/*
 * build6.c - the IPv6 half of the policy: intervals of /64 networks, a tree over their starts, and
 * the details of those /64 that are divided further
 *
 * The very last /64, ffff:ffff:ffff:ffff::/64, is multicast and nobody's source; its start would be
 * the key that marks an unused place, so it shares the value of the /64 in front of it.
 */
#include <errno.h>
#include <stdlib.h>
#include "reading.h"

static int add_start(struct build6 *b, uint64_t start, uint32_t value)
{
	const uint32_t *last = b->values.data;
	int err;

	if (start == UINT64_MAX)
		return 0;
	if (b->values.count && !(value & V6_DETAIL) && last[b->values.count - 1] == value)
		return 0;
	err = table_add(&b->starts, &start);
	return err ? err : table_add(&b->values, &value);
}

/* An interval with one value; what lies in front of it and was not told is in no list. */
static int add_interval(struct build6 *b, uint64_t first, uint64_t last, uint32_t value)
{
	int err = 0;

	if (first > b->next)
		err = add_start(b, b->next, 0);
	if (!err)
		err = add_start(b, first, value);
	b->next = last + 1;
	b->done = last == UINT64_MAX;
	return err;
}

/* Settles the /64 at work: its pairs go to the details, but for one that holds it all. */
static int flush(struct build6 *b)
{
	struct v6_pair *pair = b->pairs.data, head = {b->pairs.count, 0};
	uint64_t count = b->pairs.count;
	uint32_t value;
	int err = 0;

	if (!count)
		return 0;
	b->pairs.count = 0;
	if (count == 1)
		return add_interval(b, b->network, b->network, (uint32_t)pair[0].id);
	if (count > V6_DETAIL_MAX || b->detail.count >= V6_DETAIL)
		return -E2BIG;
	value = V6_DETAIL | (uint32_t)b->detail.count;
	err = table_add(&b->detail, &head);
	for (uint64_t i = 0; i < count && !err; i++)
		err = table_add(&b->detail, &pair[i]);
	return err ? err : add_interval(b, b->network, b->network, value);
}

/* `b->pairs` always ends with the value that holds up to the end of the /64. */
static int add_piece(struct build6 *b, uint64_t network, uint64_t first, uint64_t last,
		     unsigned int id)
{
	struct v6_pair *pair;
	int err = 0;

	if (b->pairs.count && b->network != network)
		err = flush(b);
	b->network = network;
	if (!err && !b->pairs.count)
		err = table_add(&b->pairs, &(struct v6_pair){0, 0});
	if (err)
		return err;
	pair = (struct v6_pair *)b->pairs.data + b->pairs.count - 1;
	if (pair->start == first)
		pair->id = id;
	else
		err = table_add(&b->pairs, &(struct v6_pair){first, id});
	if (!err && last != UINT64_MAX)
		err = table_add(&b->pairs, &(struct v6_pair){last + 1, 0});
	return err;
}

int build6_segment(void *context, const struct span *span, unsigned int id)
{
	struct build6 *b = context;
	uint64_t first = span->first.high, last = span->last.high;
	bool tail = span->last.low != UINT64_MAX;
	int err = 0;

	if (span->first.low || (first == last && tail)) {
		err = add_piece(b, first, span->first.low,
				first == last ? span->last.low : UINT64_MAX, id);
		if (err || first == last)
			return err;
		first++;
	}
	if (first < last || !tail) {
		err = flush(b);
		if (!err)
			err = add_interval(b, first, last - tail, id);
	}
	if (!err && tail)
		err = add_piece(b, last, 0, span->last.low, id);
	return err;
}

/* Fills the table with `filler` up to whole nodes. */
static int pad(struct table *table, const void *filler)
{
	int err = 0;

	while (table->count % V6_NODE && !err)
		err = table_add(table, filler);
	return err;
}

int build6_finish(struct build6 *b)
{
	static const uint64_t unused = UINT64_MAX;
	struct table *below = &b->starts;
	int err = flush(b);

	if (err || !b->starts.count)
		return err;
	if (!b->done) {
		err = add_start(b, b->next, 0);
		if (err)
			return err;
	}
	err = pad(&b->starts, &unused);
	for (b->levels = 1; below->count > V6_NODE && !err; b->levels++) {
		struct table *level = &b->level[b->levels % V6_LEVELS];

		if (b->levels == V6_LEVELS)
			return -E2BIG;
		for (size_t i = 0; i < below->count && !err; i += V6_NODE)
			err = table_add(level, (uint64_t *)below->data + i);
		if (!err)
			err = pad(level, &unused);
		below = level;
	}
	return err;
}
