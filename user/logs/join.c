// SPDX-License-Identifier: GPL-2.0-only
/*
 * join.c - which address a session or a message in the queue belongs to
 *
 * Some servers name the client once, when it connects or when its message gets its number, and later
 * only the number. The table is bounded: who opens very many sessions pushes out the oldest, and what
 * the log says of these later is not read.
 */
#include <stdlib.h>
#include <string.h>
#include "inside.h"

#define BUCKETS 8192u
#define NONE	LOG_JOINS

struct entry {
	uint64_t hash;
	unsigned int set;
	enum log_join_kind kind;
	char id[LOG_QUEUE]; /* empty: a free place */
	unsigned int next;  /* in its bucket */
	struct log_joined joined;
};

struct log_join {
	struct entry entry[LOG_JOINS];
	unsigned int bucket[BUCKETS];
	unsigned int oldest; /* the place that is taken next */
};

struct log_join *log_join_open(void)
{
	struct log_join *join = calloc(1, sizeof(*join));

	for (unsigned int i = 0; join && i < BUCKETS; i++)
		join->bucket[i] = NONE;
	return join;
}

void log_join_close(struct log_join *join)
{
	free(join);
}

static uint64_t hash_of(unsigned int set, enum log_join_kind kind, const char *id, size_t size)
{
	return log_hash(id, size) * 31 + (uint64_t)set * 2 + (uint64_t)kind;
}

/* The link that leads to the entry, or to NONE. */
static unsigned int *link_of(struct log_join *join, uint64_t hash, unsigned int set,
			     enum log_join_kind kind, const char *id, size_t size)
{
	unsigned int *link = &join->bucket[hash % BUCKETS];

	for (; *link != NONE; link = &join->entry[*link].next) {
		const struct entry *e = &join->entry[*link];

		if (e->hash == hash && e->set == set && e->kind == kind && strlen(e->id) == size &&
		    !memcmp(e->id, id, size))
			break;
	}
	return link;
}

static void unlink_entry(struct log_join *join, unsigned int place)
{
	struct entry *e = &join->entry[place];
	unsigned int *link = &join->bucket[e->hash % BUCKETS];

	while (*link != place)
		link = &join->entry[*link].next;
	*link = e->next;
	e->id[0] = '\0';
}

static bool is_id(const char *id, size_t size)
{
	return size && size < LOG_QUEUE && !memchr(id, '\0', size);
}

struct log_joined *log_join_find(struct log_join *join, unsigned int set, enum log_join_kind kind,
				 const char *id, size_t size)
{
	unsigned int place;

	if (!is_id(id, size))
		return NULL;
	place = *link_of(join, hash_of(set, kind, id, size), set, kind, id, size);
	return place == NONE ? NULL : &join->entry[place].joined;
}

void log_join_drop(struct log_join *join, unsigned int set, enum log_join_kind kind, const char *id,
		   size_t size)
{
	unsigned int place;

	if (!is_id(id, size))
		return;
	place = *link_of(join, hash_of(set, kind, id, size), set, kind, id, size);
	if (place != NONE)
		unlink_entry(join, place);
}

struct log_joined *log_join_put(struct log_join *join, unsigned int set, enum log_join_kind kind,
				const char *id, size_t size)
{
	uint64_t hash = hash_of(set, kind, id, size);
	unsigned int place = join->oldest;
	struct entry *e = &join->entry[place];

	if (!is_id(id, size))
		return NULL;
	log_join_drop(join, set, kind, id, size);
	if (e->id[0])
		unlink_entry(join, place);
	*e = (struct entry){.hash = hash, .set = set, .kind = kind};
	memcpy(e->id, id, size);
	e->next = join->bucket[hash % BUCKETS];
	join->bucket[hash % BUCKETS] = place;
	join->oldest = (place + 1) % LOG_JOINS;
	return &e->joined;
}
