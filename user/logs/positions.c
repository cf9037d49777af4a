// SPDX-License-Identifier: GPL-2.0-only
/*
 * positions.c - how far each log was read, so that a restart counts nothing twice
 *
 * A text file of lines "file DEVICE INODE OFFSET HEAD HASH NAME" and "journal WHEN CURSOR NAME". A file's
 * number may be used again, so the hash of its first bytes goes with it. What cannot be read in it is
 * ignored: the worst that follows is a log that is followed from its end.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "inside.h"

#define SAVE_EVERY 60000000ULL /* us */
#define MOST	   256u
#define NAME_MOST  PATH_MAX

struct position {
	char *name;
	bool journal;
	struct log_place place;
	int64_t when;
	char cursor[LOG_CURSOR];
};

struct log_positions {
	char *path;
	struct position *position[MOST];
	unsigned int positions;
	bool changed;
	uint64_t saved; /* log_monotonic() */
};

uint64_t log_monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t log_hash(const void *data, size_t size)
{
	const unsigned char *byte = data;
	uint64_t hash = 0xcbf29ce484222325ULL;

	while (size--)
		hash = (hash ^ *byte++) * 0x100000001b3ULL;
	return hash;
}

static struct position *find(const struct log_positions *positions, const char *name, bool journal)
{
	for (unsigned int i = 0; i < positions->positions; i++)
		if (positions->position[i]->journal == journal &&
		    !strcmp(positions->position[i]->name, name))
			return positions->position[i];
	return NULL;
}

/* NULL when there is no room or no memory: it is not remembered then. */
static struct position *get(struct log_positions *positions, const char *name, bool journal)
{
	struct position *p = find(positions, name, journal);

	if (p || positions->positions == MOST || strchr(name, '\n'))
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->journal = journal;
	p->name = strdup(name);
	if (!p->name) {
		free(p);
		return NULL;
	}
	positions->position[positions->positions++] = p;
	return p;
}

static void read_line(struct log_positions *positions, char *line)
{
	struct log_place place;
	char cursor[LOG_CURSOR];
	struct position *p = NULL;
	int64_t when;
	int name = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "file %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu32 " %" SCNx64 " %n",
		   &place.device, &place.inode, &place.offset, &place.head, &place.hash,
		   &name) == 5 &&
	    name && line[name] && place.head <= LOG_HEAD) {
		p = get(positions, line + name, false);
		if (p)
			p->place = place;
	} else if (sscanf(line, "journal %" SCNd64 " %511s %n", &when, cursor, &name) == 2 &&
		   name && line[name]) {
		p = get(positions, line + name, true);
		if (p) {
			p->when = when;
			memcpy(p->cursor, cursor, sizeof(p->cursor));
		}
	}
}

int log_positions_open(const char *path, struct log_positions **out, struct error *why)
{
	struct log_positions *positions = calloc(1, sizeof(*positions));
	char *line = NULL;
	size_t room = 0;
	FILE *f;

	if (positions)
		positions->path = strdup(path);
	if (!positions || !positions->path) {
		free(positions);
		return error_set(why, -ENOMEM, "cannot read %s: no memory", path);
	}
	positions->saved = log_monotonic();
	f = fopen(path, "re");
	while (f && getline(&line, &room, f) > 0)
		read_line(positions, line);
	free(line);
	if (f)
		fclose(f);
	*out = positions;
	return 0;
}

int log_positions_save(struct log_positions *positions, bool now, struct error *why)
{
	uint64_t clock = log_monotonic();
	char *text = NULL;
	size_t size = 0;
	FILE *f;
	int err = 0;

	if (!positions->changed || (!now && clock - positions->saved < SAVE_EVERY))
		return 0;
	f = open_memstream(&text, &size);
	for (unsigned int i = 0; f && i < positions->positions; i++) {
		const struct position *p = positions->position[i];

		if (p->journal)
			fprintf(f, "journal %" PRId64 " %s %s\n", p->when, p->cursor, p->name);
		else
			fprintf(f,
				"file %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32 " %016" PRIx64
				" %s\n",
				p->place.device, p->place.inode, p->place.offset, p->place.head,
				p->place.hash, p->name);
	}
	if (!f || fclose(f)) {
		free(text);
		return error_set(why, -ENOMEM, "cannot write %s: no memory", positions->path);
	}
	/* Also after a failure only once a minute. */
	positions->saved = clock;
	err = file_replace(positions->path, text, size, why);
	if (!err)
		positions->changed = false;
	free(text);
	return err;
}

void log_positions_close(struct log_positions *positions)
{
	if (!positions)
		return;
	for (unsigned int i = 0; i < positions->positions; i++) {
		free(positions->position[i]->name);
		free(positions->position[i]);
	}
	free(positions->path);
	free(positions);
}

bool log_positions_place(const struct log_positions *positions, const char *name,
			 struct log_place *out)
{
	const struct position *p = positions ? find(positions, name, false) : NULL;

	if (!p)
		return false;
	*out = p->place;
	return true;
}

void log_positions_set_place(struct log_positions *positions, const char *name,
			     const struct log_place *place)
{
	struct position *p = positions ? get(positions, name, false) : NULL;

	if (!p)
		return;
	p->place = *place;
	positions->changed = true;
}

bool log_positions_cursor(const struct log_positions *positions, const char *name,
			  char cursor[LOG_CURSOR], int64_t *when)
{
	const struct position *p = positions ? find(positions, name, true) : NULL;

	if (!p)
		return false;
	memcpy(cursor, p->cursor, LOG_CURSOR);
	*when = p->when;
	return true;
}

void log_positions_set_cursor(struct log_positions *positions, const char *name, const char *cursor,
			      int64_t when)
{
	struct position *p;

	if (!positions || !*cursor || strlen(cursor) >= LOG_CURSOR || strpbrk(cursor, " \t\n"))
		return;
	p = get(positions, name, true);
	if (!p)
		return;
	snprintf(p->cursor, sizeof(p->cursor), "%s", cursor);
	p->when = when;
	positions->changed = true;
}
