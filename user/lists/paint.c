// SPDX-License-Identifier: GPL-2.0-only
/*
 * paint.c - which list speaks where: all lists at once, from the first address to the last
 *
 * Each list is a row of borders, in, out, in, out. A heap gives the borders of all lists in order;
 * a set of the lists that hold the present place, ranked by strength, gives the one that speaks. So
 * the cost is the number of ranges, not of addresses, whatever the lists overlap.
 */
#include <errno.h>
#include <stdlib.h>
#include "reading.h"

#define SET_WORDS (POLICY_LISTS / 64)

struct cursor {
	struct pos border; /* the next one */
	size_t range;	   /* that it belongs to */
	unsigned int rank; /* 0 is the strongest */
	bool inside;	   /* the border is the one behind the range */
	const struct list_content *content;
};

struct painting {
	enum family family;
	struct cursor cursor[POLICY_LISTS];
	struct cursor *heap[POLICY_LISTS];
	size_t heaped;
	unsigned int id[POLICY_LISTS]; /* by rank */
	uint64_t set[SET_WORDS];       /* of ranks */
	paint_segment segment;
	void *context;
	struct span pending; /* not told yet: what follows may belong to it */
	unsigned int pending_id;
};

static void heap_down(struct painting *p, size_t i)
{
	for (;;) {
		size_t least = i;
		struct cursor *swap = p->heap[i];

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < p->heaped; child++)
			if (pos_compare(p->heap[child]->border, p->heap[least]->border) < 0)
				least = child;
		if (least == i)
			return;
		p->heap[i] = p->heap[least];
		p->heap[least] = swap;
		i = least;
	}
}

/* Steps over the border; false behind the last one. */
static bool advance(struct painting *p, struct cursor *c)
{
	struct span span;

	if (!c->inside) {
		span = content_span(c->content, p->family, c->range);
		p->set[c->rank / 64] |= 1ULL << c->rank % 64;
		c->inside = true;
		if (!pos_compare(span.last, pos_end(p->family)))
			return false;
		c->border = pos_next(span.last);
		return true;
	}
	p->set[c->rank / 64] &= ~(1ULL << c->rank % 64);
	c->inside = false;
	if (++c->range >= content_spans(c->content, p->family))
		return false;
	c->border = content_span(c->content, p->family, c->range).first;
	return true;
}

static unsigned int strongest(const struct painting *p)
{
	for (unsigned int i = 0; i < SET_WORDS; i++)
		if (p->set[i])
			return p->id[i * 64 + (unsigned int)__builtin_ctzll(p->set[i])];
	return 0;
}

static int flush(struct painting *p)
{
	int err = p->pending_id ? p->segment(p->context, &p->pending, p->pending_id) : 0;

	p->pending_id = 0;
	return err;
}

static int emit(struct painting *p, struct pos first, struct pos last, unsigned int id)
{
	int err;

	if (id && id == p->pending_id && !pos_compare(pos_next(p->pending.last), first)) {
		p->pending.last = last;
		return 0;
	}
	err = flush(p);
	p->pending = (struct span){first, last};
	p->pending_id = id;
	return err;
}

static int sweep(struct painting *p)
{
	struct pos at = {0, 0};
	unsigned int id = 0;
	int err = 0;

	while (p->heaped && !err) {
		struct pos border = p->heap[0]->border;

		if (id)
			err = emit(p, at, pos_before(border), id);
		while (p->heaped && !pos_compare(p->heap[0]->border, border)) {
			if (!advance(p, p->heap[0]))
				p->heap[0] = p->heap[--p->heaped];
			heap_down(p, 0);
		}
		at = border;
		id = strongest(p);
	}
	if (!err && id)
		err = emit(p, at, pos_end(p->family), id);
	return err ? err : flush(p);
}

int paint(const struct compile_list *list, size_t lists, enum family family, paint_segment segment,
	  void *context)
{
	static const enum list_action order[] = {LIST_ALLOW, LIST_DROP, LIST_REFUSE, LIST_COUNT};
	struct painting *p = calloc(1, sizeof(*p));
	unsigned int rank = 0;
	int err;

	if (!p)
		return -ENOMEM;
	p->family = family;
	p->segment = segment;
	p->context = context;
	for (size_t o = 0; o < sizeof(order) / sizeof(order[0]); o++) {
		for (size_t i = 0; i < lists; i++) {
			struct cursor *c = &p->cursor[rank];

			if (list[i].origin->action != order[o])
				continue;
			p->id[rank] = list[i].id ? list[i].id : (unsigned int)i + 1;
			if (content_spans(list[i].content, family)) {
				*c = (struct cursor){.rank = rank, .content = list[i].content};
				c->border = content_span(c->content, family, 0).first;
				p->heap[p->heaped++] = c;
			}
			rank++;
		}
	}
	for (size_t i = p->heaped / 2; i-- > 0;)
		heap_down(p, i);
	err = sweep(p);
	free(p);
	return err;
}
