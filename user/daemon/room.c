// SPDX-License-Identifier: GPL-2.0-only
/*
 * room.c - keeps room in the map `dnsbl` for those who are listed
 *
 * A crowd of unlisted sources (a botnet, somebody with a /48) may fill the map within minutes. Those
 * whose answer ends soonest are forgotten first, and asked about again when they come; the ones known
 * by a SYN only before the others. Two walks, at most every ten seconds, never inside a reply.
 */
#include <string.h>
#include "../clock.h"
#include "../output.h"
#include "dnsbl.h"

#define FULL	(DNSBL_MAX / 100ULL * 95)
#define CLOSED	(DNSBL_MAX / 100ULL * 97) /* from then on for listings only */
#define ENOUGH	(DNSBL_MAX / 100ULL * 80)
#define PAUSE	(10 * SECOND_NS)
#define MINUTES 64

struct forgetting {
	struct daemon *d;
	uint64_t now;
	int64_t threshold;
	size_t life[MINUTES]; /* clean sources by the minutes their answer has left */
	unsigned int most;    /* those with so many minutes or less go */
	size_t wanted;	      /* how many have to go */
};

static unsigned int minutes(const struct forgetting *f, const struct dnsbl *facts)
{
	uint64_t left = facts->until > f->now ? (facts->until - f->now) / (60 * SECOND_NS) : 0;

	if (!facts->proven)
		left /= 4;
	return left < MINUTES ? (unsigned int)left : MINUTES - 1;
}

static bool is_clean(const struct forgetting *f, const struct dnsbl *facts)
{
	return facts->until <= f->now || facts->score < f->threshold;
}

static int count(void *context, const struct address *source, const struct dnsbl *facts)
{
	struct forgetting *f = context;

	(void)source;
	if (is_clean(f, facts))
		f->life[minutes(f, facts)]++;
	return 0;
}

static int forget(void *context, const struct address *source, const struct dnsbl *facts)
{
	struct forgetting *f = context;

	if (f->wanted && is_clean(f, facts) && minutes(f, facts) <= f->most &&
	    wall_drop_dnsbl(f->d->wall, source) == 0) {
		f->wanted--;
		f->d->dnsbl->health->entries--;
	}
	return 0;
}

bool room_for_clean(const struct follow_dnsbl *f)
{
	return f->health->entries < CLOSED;
}

void room_make(struct daemon *d)
{
	struct follow_dnsbl *dnsbl = d->dnsbl;
	struct forgetting f = {
		.d = d,
		.now = clock_boot(),
		.threshold = (int64_t)wall_settings(d->wall)->dnsbl_threshold,
	};
	size_t sum = 0;

	if (dnsbl->health->entries < ENOUGH + ENOUGH / 20) {
		fault_clear(d, "answers of dnsbl");
		fault_clear(d, "storing answers of dnsbl");
	}
	if (dnsbl->health->entries < FULL || f.now < dnsbl->room_made + PAUSE)
		return;
	dnsbl->room_made = f.now;
	fault_set(d, "answers of dnsbl",
		  "the table of %u sources is nearly full: of those that are not listed the oldest "
		  "answers are forgotten early, and asked for again",
		  DNSBL_MAX);
	f.wanted = dnsbl->health->entries - ENOUGH;
	wall_each_dnsbl(d->wall, count, &f);
	while (f.most < MINUTES - 1 && (sum += f.life[f.most]) < f.wanted)
		f.most++;
	wall_each_dnsbl(d->wall, forget, &f);
}
