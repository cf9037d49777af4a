// SPDX-License-Identifier: GPL-2.0-only
/*
 * known.c - senders this host knows: counted in the kernel, kept in the ledger, mirrored in a map
 *
 * What the kernel has counted freshly is added to the ledger's day first and taken off there afterwards,
 * by exactly as much. A crash in between counts twice what one minute brought, never loses it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../clock.h"
#include "commands.h"

#define DAY 86400

/* --- from the map `proven` into the ledger ---------------------------------------------------- */

struct fresh {
	struct ledger_day *day;
	size_t count, room;
	int64_t today;
};

static int take_fresh(void *context, const struct address *source, const struct proven *proven)
{
	struct fresh *f = context;
	struct ledger_day *day;
	uint32_t any = proven->fresh_mail;

	for (int i = 0; i < OFFENCES; i++)
		any |= proven->fresh[i];
	if (!any)
		return 0;
	if (f->count == f->room) {
		size_t room = f->room ? 2 * f->room : 64;
		struct ledger_day *more = reallocarray(f->day, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		f->day = more;
		f->room = room;
	}
	day = &f->day[f->count++];
	memset(day, 0, sizeof(*day));
	day->source = *source;
	day->day = f->today;
	day->mail = proven->fresh_mail;
	memcpy(day->offence, proven->fresh, sizeof(day->offence));
	return 0;
}

static int taken(const struct ledger_day *day, bool none, struct error *why)
{
	struct report report = {
		.kind = REPORT_TAKEN,
		.prefix = {.address = day->source, .length = ADDRESS_BITS},
		.when = clock_boot(),
	};

	if (!none) {
		report.taken_mail = day->mail;
		memcpy(report.taken, day->offence, sizeof(report.taken));
	}
	return wall_report(place.pins, &report, why);
}

static int keep(const struct fresh *f, struct ledger *ledger, struct error *why)
{
	int err = ledger_begin(ledger, why);

	if (err)
		return err;
	for (size_t i = 0; !err && i < f->count; i++)
		err = ledger_add_day(ledger, &f->day[i], why);
	if (!err)
		err = ledger_commit(ledger, why);
	if (err)
		ledger_rollback(ledger);
	return err;
}

int known_take(struct wall *wall, struct ledger *ledger, struct error *why)
{
	struct fresh f = {.today = clock_wall() / DAY};
	int err = wall_each_proven(wall, take_fresh, &f);

	if (err)
		error_set(why, err, "cannot read the map proven: %s", strerror(-err));
	/* What could not be taken off in the kernel would be added again every minute. */
	if (!err && f.count)
		err = taken(&f.day[0], true, why);
	if (!err && f.count)
		err = keep(&f, ledger, why);
	for (size_t i = 0; !err && i < f.count; i++)
		err = taken(&f.day[i], false, why);
	free(f.day);
	return err;
}

/* --- from the ledger into the map `known` ----------------------------------------------------- */

struct sender {
	struct address source;
	struct known known;
};

struct mirror {
	struct wall *wall;
	struct sender *sender;
	size_t count, room;
	uint64_t window; /* days */
};

static int add_sender(const struct ledger_known *known, void *context)
{
	struct mirror *m = context;

	if (m->count == KNOWN_MAX)
		return 0;
	if (m->count == m->room) {
		size_t room = m->room ? 2 * m->room : 256;
		struct sender *more = reallocarray(m->sender, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		m->sender = more;
		m->room = room;
	}
	/* The window moves by whole days, today is in it: if no more mail comes, it has moved past the
	 * last one then. */
	m->sender[m->count++] = (struct sender){
		.source = known->source,
		.known = {.until = clock_boot_of((known->last_day + (int64_t)m->window) * DAY),
			  .messages = known->messages,
			  .days = known->days},
	};
	return 0;
}

static int by_source(const void *a, const void *b)
{
	return memcmp(&((const struct sender *)a)->source, &((const struct sender *)b)->source,
		      sizeof(struct address));
}

static int drop_stranger(void *context, const struct address *source, const struct known *known)
{
	const struct sender key = {.source = *source};
	struct mirror *m = context;

	(void)known;
	if (!m->count || !bsearch(&key, m->sender, m->count, sizeof(key), by_source))
		wall_drop_known(m->wall, source);
	return 0;
}

/* Boot times worked out from wall time differ by the clocks' drift each time. */
static bool is_same(const struct known *a, const struct known *b)
{
	uint64_t apart = a->until > b->until ? a->until - b->until : b->until - a->until;

	return a->messages == b->messages && a->days == b->days && apart < 60 * SECOND_NS;
}

static int put_all(struct mirror *m, struct error *why)
{
	int err = 0;

	if (m->count)
		qsort(m->sender, m->count, sizeof(*m->sender), by_source);
	wall_each_known(m->wall, drop_stranger, m);
	for (size_t i = 0; !err && i < m->count; i++) {
		const struct sender *s = &m->sender[i];
		struct known there;

		if (wall_get_known(m->wall, &s->source, &there) || !is_same(&there, &s->known))
			err = wall_put_known(m->wall, &s->source, &s->known);
	}
	if (err)
		return error_set(why, err, "cannot write the map known: %s", strerror(-err));
	return 0;
}

int known_mirror(struct wall *wall, struct ledger *ledger, const struct config *config,
		 struct error *why)
{
	struct mirror m = {.wall = wall, .window = config->known_window / DAY};
	int64_t from = clock_wall() / DAY - (int64_t)m.window + 1;
	int err = ledger_each_known(ledger, from, (uint32_t)config->known_messages,
				    (uint32_t)config->known_days, add_sender, &m, why),
	    bad = 0;

	/* All sound rows were shown: better these than none. */
	if (err == -EUCLEAN) {
		bad = err;
		err = 0;
	}
	if (!err)
		err = put_all(&m, bad ? NULL : why);
	else if (err == -ENOMEM)
		error_set(why, err, "out of memory");
	free(m.sender);
	return err ? err : bad;
}
