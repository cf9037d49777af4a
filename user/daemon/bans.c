// SPDX-License-Identifier: GPL-2.0-only
/*
 * bans.c - the map `bans` becomes lines of the log and rows of the ledger
 *
 * The kernel bans by itself, within the packet; the map is the truth. It is walked every minute, and a
 * second after an event that tells of a ban. What is new there, or changed, is told, cut and kept; what has
 * gone (`unblock`) goes from the ledger as well.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "../clock.h"
#include "../output.h"
#include "bans.h"

/* So far apart the times of one ban may be in the map and, worked out from wall time, in the ledger. */
#define SLACK (60 * SECOND_NS)
/* Seconds: a wall clock that is set by less makes no difference to a ban. */
#define CLOCK_SET 30

/* What is known of a ban from the walk before. */
struct seen {
	struct prefix prefix; /* first: prefix_order() compares it */
	uint64_t since, until;
	uint32_t strikes;
	bool from_ledger; /* not seen in the map yet: its times are not exact */
	bool kept;	  /* is in the ledger like this */
	bool gone;	  /* not in the map any more, but still in the ledger */
};

struct follow_bans {
	struct seen *seen;
	size_t count;
	struct ban_wave wave;
	bool look;	 /* walk the map within a second */
	bool unrestored; /* not all that the ledger holds is in the map */
	int64_t booted; /* wall clock seconds of the boot, by which the ledger's times were worked out */
};

static int add_entry(void *context, const struct prefix *prefix, const struct ban *ban)
{
	struct ban_walk *w = context;

	if (w->count == w->room) {
		size_t room = w->room ? 2 * w->room : 64;
		struct ban_entry *more = reallocarray(w->entry, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		w->entry = more;
		w->room = room;
	}
	w->entry[w->count++] = (struct ban_entry){.prefix = *prefix, .ban = *ban};
	return 0;
}

/* A walk may show an entry twice while the map changes. */
static int walk_map_of(struct daemon *d, struct ban_walk *w)
{
	int err = wall_each_ban(d->wall, add_entry, w);
	size_t kept = 0;

	if (err)
		return err;
	if (w->count)
		qsort(w->entry, w->count, sizeof(*w->entry), prefix_order);
	for (size_t i = 0; i < w->count; i++)
		if (!kept || prefix_order(&w->entry[kept - 1], &w->entry[i]))
			w->entry[kept++] = w->entry[i];
	w->count = kept;
	return 0;
}

/* --- the log ---------------------------------------------------------------------------------- */

static void tell(const struct ban_entry *e, bool would)
{
	char source[PREFIX_TEXT], until[CLOCK_TEXT], evidence[EVIDENCE_SENTENCE + OFFENCES_TEXT];

	log_line(LOG_NOTICE, "%s source=%s reason=abuse until=%s strikes=%u%s",
		 would ? "would-ban" : "ban", prefix_text(&e->prefix, source),
		 clock_text(clock_wall_of(e->ban.until), until), e->ban.strikes,
		 evidence_fields(&e->ban, evidence, sizeof(evidence)));
}

/* --- what is new ------------------------------------------------------------------------------ */

static bool is_same(const struct seen *seen, const struct ban *ban)
{
	uint64_t apart =
		seen->since > ban->since ? seen->since - ban->since : ban->since - seen->since;

	return seen->strikes == ban->strikes &&
	       (seen->from_ledger ? apart < SLACK : !apart && seen->until == ban->until);
}

static const struct seen *seen_find(const struct follow_bans *f, const struct prefix *prefix)
{
	return f->count ? bsearch(prefix, f->seen, f->count, sizeof(*f->seen), prefix_order) : NULL;
}

static const struct ban_entry *entry_find(const struct ban_walk *w, const struct prefix *prefix)
{
	return w->count ? bsearch(prefix, w->entry, w->count, sizeof(*w->entry), prefix_order)
			: NULL;
}

static void begin_ban(struct daemon *d, const struct ban_entry *e)
{
	uint64_t now = clock_boot();
	enum mode mode = mode_at(wall_settings(d->wall)->mode, now);

	tell(e, mode == MODE_MONITOR || e->ban.mode == MODE_MONITOR);
	wave_add(d, &d->bans->wave, e);
	if (ban_in_force(&e->ban, now, mode) && mode == MODE_ENFORCE)
		cut_prefix(d, &e->prefix);
}

/* What the walk before knew and this one does not: still to be taken out of the ledger. */
static size_t add_gone(const struct follow_bans *f, const struct ban_walk *w, struct seen *out)
{
	size_t count = 0;

	for (size_t i = 0; i < f->count; i++) {
		if (f->seen[i].from_ledger || entry_find(w, &f->seen[i].prefix))
			continue;
		out[count] = f->seen[i];
		out[count++].gone = true;
	}
	return count;
}

static struct seen *compare(struct daemon *d, const struct ban_walk *w, size_t *count)
{
	const struct follow_bans *f = d->bans;
	struct seen *now = calloc(w->count + f->count + 1, sizeof(*now));

	for (size_t i = 0; now && i < w->count; i++) {
		const struct ban_entry *e = &w->entry[i];
		const struct seen *before = seen_find(f, &e->prefix);
		bool same = before && !before->gone && is_same(before, &e->ban);

		now[i] = (struct seen){.prefix = e->prefix,
				       .since = e->ban.since,
				       .until = e->ban.until,
				       .strikes = e->ban.strikes,
				       .kept = same && before->kept};
		if (!same && e->ban.until > clock_boot())
			begin_ban(d, e);
	}
	*count = w->count;
	if (now)
		*count += add_gone(f, w, now + w->count);
	return now;
}

/* --- the ledger ------------------------------------------------------------------------------- */

static int keep_one(struct daemon *d, struct ledger *ledger, const struct ban_walk *w,
		    struct seen *seen, struct error *why)
{
	const struct ban_entry *e;
	struct ledger_ban kept;
	struct ban there;
	int err;

	if (seen->gone) {
		err = ledger_drop_ban(ledger, &seen->prefix, why);
		return err == -ENOENT ? 0 : err;
	}
	e = entry_find(w, &seen->prefix);
	/* `unblock` may have taken it back since the walk; it does so under the lock that is held here. */
	if (!e || wall_get_ban(d->wall, &seen->prefix, &there))
		return 0;
	ban_to_ledger(&e->prefix, &e->ban, &kept);
	err = ledger_put_ban(ledger, &kept, why);
	/* One that is not as it should be keeps none of the others out. */
	return err == -EINVAL ? 0 : err;
}

static int keep_all(struct daemon *d, const struct ban_walk *w, struct seen *seen, size_t count,
		    struct error *why)
{
	struct ledger *ledger = NULL;
	int err = ledger_open(place.state, false, d->config->ledger_max, &ledger, why);

	if (!err)
		err = ledger_begin(ledger, why);
	for (size_t i = 0; !err && i < count; i++)
		if (seen[i].gone || !seen[i].kept)
			err = keep_one(d, ledger, w, &seen[i], why);
	if (!err)
		err = ledger_commit(ledger, why);
	ledger_close(ledger);
	return err;
}

/*
 * The wall clock was set: the ledger's times are those of another clock, and would end the bans there too
 * early, or never.
 */
static void follow_wall_clock(struct follow_bans *f, struct seen *seen, size_t count)
{
	int64_t booted = clock_wall_of(1), apart = booted - f->booted;

	if (apart >= -CLOCK_SET && apart <= CLOCK_SET)
		return;
	f->booted = booted;
	for (size_t i = 0; i < count; i++)
		seen[i].kept = false;
}

static void keep(struct daemon *d, const struct ban_walk *w, struct seen *seen, size_t *count)
{
	size_t unkept = 0, left = 0;
	struct error why;

	follow_wall_clock(d->bans, seen, *count);
	for (size_t i = 0; i < *count; i++)
		unkept += seen[i].gone || !seen[i].kept;
	if (!unkept)
		return;
	/* Tried again with the next walk. */
	if (keep_all(d, w, seen, *count, &why)) {
		fault_set(d, "bans in the ledger", "bans would not survive a reboot: %s", why.text);
		return;
	}
	fault_clear(d, "bans in the ledger");
	for (size_t i = 0; i < *count; i++) {
		if (seen[i].gone)
			continue;
		seen[left] = seen[i];
		seen[left++].kept = true;
	}
	*count = left;
}

/* --- the walk --------------------------------------------------------------------------------- */

static void look(struct daemon *d)
{
	struct follow_bans *f = d->bans;
	struct ban_walk w = {.count = 0};
	struct seen *seen = NULL;
	size_t count = 0;

	f->look = false;
	if (!walk_map_of(d, &w)) {
		bans_vacate(d, &w);
		seen = compare(d, &w, &count);
	}
	if (seen) {
		/*
		 * The ban of a network is told, and its members are forgotten, by the next walk. Before
		 * the ledger is waited for, while the walk is fresh: no ban that `unblock` takes back
		 * meanwhile may count for a network's.
		 */
		if (d->config->abuse_widen)
			f->look = bans_widen(d, w.entry, w.count);
		keep(d, &w, seen, &count);
		if (count)
			qsort(seen, count, sizeof(*seen), prefix_order);
		free(f->seen);
		f->seen = seen;
		f->count = count;
	}
	free(w.entry);
}

void bans_look(struct daemon *d)
{
	d->bans->look = true;
}

void bans_event(struct daemon *d, const struct event *e)
{
	const struct prefix source = {.address = e->source, .length = ADDRESS_BITS};

	if (e->kind == EVENT_BAN)
		d->bans->look = true;
	if (e->kind != EVENT_BAN && (e->kind != EVENT_VERDICT || (e->reason != REASON_ABUSE &&
								  e->reason != REASON_ADMIN_BLOCK)))
		return;
	if (e->mode == MODE_ENFORCE)
		cut_prefix(d, &source);
}

/* --- the service ------------------------------------------------------------------------------ */

static int remember(const struct ledger_ban *kept, void *context)
{
	struct follow_bans *f = context;

	if (f->count == BANS_MAX)
		return 0;
	f->seen[f->count++] = (struct seen){.prefix = kept->prefix,
					    .since = clock_boot_of(kept->since),
					    .until = clock_boot_of(kept->until),
					    .strikes = kept->strikes,
					    .from_ledger = true,
					    .kept = true};
	return 0;
}

/* Tried again every minute: perhaps `up` has brought a program that answers. */
static void restore(struct daemon *d, struct ledger *ledger)
{
	struct error why;

	d->bans->unrestored = bans_restore(d->wall, NULL, ledger, &why) != 0;
	if (d->bans->unrestored)
		fault_set(d, "restoring bans", "not all bans were restored: %s", why.text);
	else
		fault_clear(d, "restoring bans");
}

/* Another wall: what the ledger holds was told by the daemon before this one, or before the boot. */
static void bans_wall(struct daemon *d)
{
	struct follow_bans *f = d->bans;
	struct ledger *ledger = NULL;

	free(f->seen);
	f->seen = NULL;
	f->count = 0;
	f->unrestored = false;
	f->booted = clock_wall_of(1);
	if (!d->wall || ledger_open(place.state, true, 0, &ledger, NULL))
		return;
	f->seen = calloc(BANS_MAX, sizeof(*f->seen));
	if (f->seen)
		ledger_each_ban(ledger, remember, f, NULL);
	if (f->count)
		qsort(f->seen, f->count, sizeof(*f->seen), prefix_order);
	restore(d, ledger);
	ledger_close(ledger);
	look(d);
}

static void bans_second(struct daemon *d)
{
	if (d->wall && d->bans->look)
		look(d);
}

static void bans_tick(struct daemon *d)
{
	struct ledger *ledger = NULL;

	if (!d->wall)
		return;
	look(d);
	wave_tick(d, &d->bans->wave);
	if (ledger_open(place.state, false, d->config->ledger_max, &ledger, NULL) == 0) {
		ledger_expire_bans(ledger, clock_wall(), NULL);
		if (d->bans->unrestored)
			restore(d, ledger);
	}
	ledger_close(ledger);
}

static int bans_start(struct daemon *d, struct error *why)
{
	d->bans = calloc(1, sizeof(*d->bans));
	return d->bans ? 0 : error_set(why, -ENOMEM, "out of memory");
}

static void bans_stop(struct daemon *d)
{
	if (!d->bans)
		return;
	free(d->bans->seen);
	free(d->bans);
	d->bans = NULL;
}

const struct service service_bans = {
	.name = "bans",
	.start = bans_start,
	.second = bans_second,
	.tick = bans_tick,
	.wall = bans_wall,
	.stop = bans_stop,
};
