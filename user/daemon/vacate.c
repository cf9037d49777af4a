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

#define FULL   (BANS_MAX / 10u * 9u)
#define ENOUGH (BANS_MAX / 10u * 8u)

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

/* Which ended ban goes first: the one with the fewest strikes, then the one that ended first. */
static int by_worth(const void *a, const void *b)
{
	const struct ban *x = &(*(const struct ban_entry *const *)a)->ban,
			 *y = &(*(const struct ban_entry *const *)b)->ban;

	if (x->strikes != y->strikes)
		return x->strikes < y->strikes ? -1 : 1;
	return (x->until > y->until) - (x->until < y->until);
}

static void make_room(struct ending *e, struct ban_walk *w)
{
	struct ban_entry **ended = calloc(w->count, sizeof(*ended));
	size_t count = 0, kept = 0;

	for (size_t i = 0; ended && i < w->count; i++)
		if (w->entry[i].ban.until <= e->now)
			ended[count++] = &w->entry[i];
	if (count)
		qsort(ended, count, sizeof(struct ban_entry *), by_worth);
	for (size_t i = 0; i < count && w->count - i > ENOUGH; i++) {
		wall_drop_ban(e->d->wall, &ended[i]->prefix);
		ended[i]->ban.since = 0; /* no ban has that */
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
	struct ending e = {
		.d = d, .now = now, .mode = mode_at(wall_settings(d->wall)->mode, now)};

	drop_over(&e, w);
	if (w->count > FULL)
		make_room(&e, w);
	if (w->count >= BANS_MAX - BANS_MAX / 100)
		fault_set(d, "bans",
			  "the table of %u bans is full: sources that go on offending are not banned "
			  "any more until some of these end; is a lower limit or a shorter ban wanted?",
			  BANS_MAX);
	else if (e.in_force > FULL)
		fault_set(d, "bans", "the table of %u bans is nearly full", BANS_MAX);
	else
		fault_clear(d, "bans");
}
