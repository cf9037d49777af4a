// SPDX-License-Identifier: GPL-2.0-only
/*
 * trie.c - prefixes of which the longest wins, flattened into ranges
 *
 * No tree is built: sorted by their first address, prefixes nest like brackets, and a stack of
 * those that are open tells at every point which one is the innermost.
 */
#include <errno.h>
#include <stdlib.h>
#include "reading.h"

int trie_add(struct trie *trie, const struct prefix *prefix, bool excluded)
{
	struct trie_entry *e;

	if (array_grow(&trie->entry, &trie->room, trie->count, sizeof(*e)))
		return -ENOMEM;
	e = &trie->entry[trie->count];
	*e = (struct trie_entry){.order = (uint32_t)trie->count,
				 .length = (uint8_t)prefix->length,
				 .excluded = excluded};
	e->family = (uint8_t)span_of_prefix(prefix, &e->span);
	trie->count++;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct trie_entry *x = a, *y = b;
	int first = pos_compare(x->span.first, y->span.first);

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	if (first)
		return first;
	if (x->length != y->length)
		return x->length < y->length ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

struct flattening {
	struct list_content *content;
	const struct trie_entry *open[ADDRESS_BITS + 1]; /* nested, so of different lengths */
	unsigned int depth;
	struct pos at; /* everything in front of it is settled */
	bool end;      /* `at` is behind the last address */
};

/* Settles the space up to `last`, which the innermost open prefix holds. */
static int settle(struct flattening *f, struct pos last)
{
	const struct trie_entry *inner = f->open[f->depth - 1];
	struct span span = {f->at, last};

	if (f->end || pos_compare(f->at, last) > 0)
		return 0;
	f->end = pos_compare(last, pos_end(inner->family)) == 0;
	f->at = pos_next(last);
	return inner->excluded ? 0 : content_add(f->content, inner->family, &span);
}

/* Closes the open prefixes that end before `next`; all of them if it is NULL. */
static int close_until(struct flattening *f, const struct trie_entry *next)
{
	while (f->depth) {
		const struct trie_entry *inner = f->open[f->depth - 1];
		int err;

		if (next && next->family == inner->family &&
		    pos_compare(next->span.first, inner->span.last) <= 0)
			return settle(f, pos_before(next->span.first));
		err = settle(f, inner->span.last);
		if (err)
			return err;
		f->depth--;
	}
	return 0;
}

int trie_flatten(struct trie *trie, struct list_content *content)
{
	struct flattening f = {.content = content};
	int err = 0;

	if (trie->count)
		qsort(trie->entry, trie->count, sizeof(trie->entry[0]), compare);
	for (size_t i = 0; i < trie->count && !err; i++) {
		const struct trie_entry *e = &trie->entry[i];

		if (i && e->family == e[-1].family && e->length == e[-1].length &&
		    !pos_compare(e->span.first, e[-1].span.first))
			continue;
		/* pos_before() wraps at address 0, where nothing can be open but what begins there
		 * too. */
		if (f.depth && !pos_compare(e->span.first, f.open[f.depth - 1]->span.first) &&
		    e->family == f.open[f.depth - 1]->family) {
			f.open[f.depth++] = e;
			continue;
		}
		err = close_until(&f, e);
		f.at = e->span.first;
		f.end = false;
		f.open[f.depth++] = e;
	}
	if (!err)
		err = close_until(&f, NULL);
	return err;
}
