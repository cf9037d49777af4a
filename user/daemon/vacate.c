// SPDX-License-Identifier: GPL-2.0-only
/*
 * vacate.c - keeps room in the map `bans`
 *
 * A ban that has ended stays for the sake of its strikes. When the map gets full, those go first that say
 * least; a ban in force never does.
 */
#include <stdlib.h>
#include <string.h>
#include "../clock.h"
#include "bans.h"

#define FULL   ((size_t)BANS_MAX / 10 * 9)
#define ENOUGH ((size_t)BANS_MAX / 10 * 8)

struct ending {
	struct daemon *d;
	uint64_t now;
	enum mode mode;
	size_t in_force;
};

/* Ended, and its strikes need no remembering; or made in monitor mode, which is over. */
static bool is_over(const struct ending *e, const struct ban *ban)
{
	if (ban->mode == MODE_MONITOR && e->mode == MODE_ENFORCE)
		return true;
	return ban->until <= e->now && ban->remember <= e->now;
}

static void drop_over(struct ending *e, struct ban_walk *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->count; i++) {
		if (is_over(e, &w->entry[i].ban)) {
			wall_drop_ban(e->d->wall, &w->entry[i].prefix);
			continue;
		}
		e->in_force += w->entry[i].ban.until > e->now;
		w->entry[kept++] = w->entry[i];
	}
	w->count = kept;
}

/* What a ban that has ended is worth. */
struct worth {
	uint32_t strikes;
	uint64_t until;
	size_t place;
};

/* The one with the fewest strikes goes first, then the one that ended first. */
static int by_worth(const void *a, const void *b)
{
	const struct worth *x = a, *y = b;

	if (x->strikes != y->strikes)
		return x->strikes < y->strikes ? -1 : 1;
	return (x->until > y->until) - (x->until < y->until);
}

static void make_room(struct ending *e, struct ban_walk *w)
{
	struct worth *ended = calloc(w->count, sizeof(*ended));
	size_t count = 0, kept = 0;

	for (size_t i = 0; ended && i < w->count; i++)
		if (w->entry[i].ban.until <= e->now)
			ended[count++] = (struct worth){.strikes = w->entry[i].ban.strikes,
							.until = w->entry[i].ban.until,
							.place = i};
	if (count)
		qsort(ended, count, sizeof(*ended), by_worth);
	for (size_t i = 0; i < count && w->count - i > ENOUGH; i++) {
		struct ban_entry *entry = &w->entry[ended[i].place];

		wall_drop_ban(e->d->wall, &entry->prefix);
		entry->ban.since = 0; /* no ban has that */
	}
	for (size_t i = 0; i < w->count; i++)
		if (w->entry[i].ban.since)
			w->entry[kept++] = w->entry[i];
	w->count = kept;
	free(ended);
}

void bans_vacate(struct daemon *d, struct ban_walk *w)
{
	uint64_t now = clock_boot();
	struct ending e = {.d = d, .now = now, .mode = mode_at(wall_settings(d->wall)->mode, now)};

	drop_over(&e, w);
	if (w->count > FULL)
		make_room(&e, w);
	if (w->count >= BANS_MAX - BANS_MAX / 100)
		fault_set(
			d, "bans",
			"the table of %u bans is full: sources that go on offending are not banned "
			"any more until some of these end; is a lower limit or a shorter ban wanted?",
			BANS_MAX);
	else if (e.in_force > FULL)
		fault_set(d, "bans", "the table of %u bans is nearly full", BANS_MAX);
	else
		fault_clear(d, "bans");
}
