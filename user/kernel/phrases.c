// SPDX-License-Identifier: GPL-2.0-only
/*
 * phrases.c - the automaton that finds all phrases of <smtpwall/phrases.h> in one walk over a reply
 *
 * Aho-Corasick with the failure links worked out of it: a node says for every class of bytes where to
 * go next, and which phrases end in it, so that the kernel takes one step per byte.
 */
#include <errno.h>
#include <string.h>
#include <smtpwall/phrases.h>
#include "kernel.h"

static const struct phrase {
	const char *text;
	uint32_t means;
} phrases[] = {
#define PHRASE(text, means) {text, means},
	REPLY_PHRASES(PHRASE)
#undef PHRASE
};

#define PHRASES (sizeof(phrases) / sizeof(phrases[0]))

/* Bytes that occur in no phrase are class 0. 0 if there are too many others. */
static unsigned int give_classes(struct reply_table *table)
{
	unsigned int classes = 1;

	for (size_t i = 0; i < PHRASES; i++) {
		for (const char *c = phrases[i].text; *c; c++) {
			if (table->class[(unsigned char)*c])
				continue;
			if (classes == REPLY_CLASSES)
				return 0;
			table->class[(unsigned char)*c] = (uint8_t)classes++;
		}
	}
	for (int c = 'a'; c <= 'z'; c++)
		table->class[c - 'a' + 'A'] = table->class[c];
	return classes;
}

/* A tree of the phrases; node 0 is the root, and as a next node means none. 0 if it grows too big. */
static unsigned int grow_tree(struct reply_table *table)
{
	unsigned int nodes = 1;

	for (size_t i = 0; i < PHRASES; i++) {
		unsigned int node = 0;

		for (const char *c = phrases[i].text; *c; c++) {
			uint16_t *next = &table->next[node][table->class[(unsigned char)*c]];

			if (!*next) {
				if (nodes == REPLY_NODES)
					return 0;
				*next = (uint16_t)nodes++;
			}
			node = *next;
		}
		table->found[node] |= phrases[i].means;
	}
	return nodes;
}

/*
 * From the root outwards: where a node has no way on, it takes that of its longest proper ending that
 * is a node too; what is found there is found here.
 */
static void close_gaps(struct reply_table *table, unsigned int classes)
{
	uint16_t queue[REPLY_NODES], ending[REPLY_NODES] = {0};
	unsigned int first = 0, last = 0;

	for (unsigned int c = 0; c < classes; c++)
		if (table->next[0][c])
			queue[last++] = table->next[0][c];
	while (first < last) {
		uint16_t node = queue[first++];

		table->found[node] |= table->found[ending[node]];
		for (unsigned int c = 0; c < classes; c++) {
			uint16_t *next = &table->next[node][c];
			uint16_t other = table->next[ending[node]][c];

			if (*next) {
				ending[*next] = other;
				queue[last++] = *next;
			} else {
				*next = other;
			}
		}
	}
}

int phrases_build(struct reply_table *out)
{
	unsigned int classes;

	memset(out, 0, sizeof(*out));
	classes = give_classes(out);
	if (!classes || !grow_tree(out))
		return -E2BIG;
	close_gaps(out, classes);
	return 0;
}
