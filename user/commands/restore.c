// SPDX-License-Identifier: GPL-2.0-only
/*
 * restore.c - bans between the map `bans`, which is the truth, and the ledger, its copy over a reboot
 *
 * The kernel programs write the map. What is put back at boot goes through program `report`, which knows
 * better than this whether there is a ban by now.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../clock.h"
#include "commands.h"

/* A batch of restores fails as a whole when the program is of another version. */
#define PUT_BACK_TRIES 3

/* Seconds: no ban, with the time that its strikes are remembered, lasts as long. */
#define RESTORED_MOST (366LL * 86400)

void ban_to_ledger(const struct prefix *prefix, const struct ban *ban, struct ledger_ban *out)
{
	char text[EVIDENCE_TEXT + 1];

	memset(out, 0, sizeof(*out));
	out->prefix = *prefix;
	out->since = clock_wall_of(ban->since);
	out->until = clock_wall_of(ban->until);
	out->remember = clock_wall_of(ban->remember);
	out->offended = ban->offended ? clock_wall_of(ban->offended) : 0;
	out->strikes = ban->strikes;
	out->mode = ban->mode;
	out->origin = ban->origin;
	out->members = ban->members;
	memcpy(out->offence, ban->offence, sizeof(out->offence));
	out->last = ban->last;
	memcpy(text, ban->text, EVIDENCE_TEXT);
	text[EVIDENCE_TEXT] = '\0';
	text_clean(text, out->text, sizeof(out->text));
}

/* `seconds` comes from a file that may have been edited. */
static uint64_t no_later(uint64_t time, uint64_t now, int64_t seconds)
{
	uint64_t most = seconds <= 0		  ? now
			: seconds > RESTORED_MOST ? now + (uint64_t)RESTORED_MOST * SECOND_NS
						  : now + (uint64_t)seconds * SECOND_NS;

	return time < most ? time : most;
}

static void ban_of_ledger(const struct ledger_ban *kept, struct ban *out)
{
	uint64_t now = clock_boot();

	*out = (struct ban){
		.since = clock_boot_of(kept->since),
		.until = clock_boot_of(kept->until),
		.remember = clock_boot_of(kept->remember),
		.offended = kept->offended ? clock_boot_of(kept->offended) : 0,
		.strikes = kept->strikes,
		.mode = kept->mode,
		.origin = kept->origin,
		.members = kept->members,
		.last = kept->last,
	};
	/*
	 * A clock that was set back, or is not yet right at boot, must neither put a ban off nor let it
	 * last longer than it was made for.
	 */
	if (out->since > now) {
		out->since = now;
		out->until = no_later(out->until, now, kept->until - kept->since);
		out->remember = no_later(out->remember, now, kept->remember - kept->since);
	}
	/* Before this boot all times are one: rather no span between two of them than a wrong one. */
	if (out->offended <= clock_boot_of(0))
		out->offended = 0;
	memcpy(out->offence, kept->offence, sizeof(out->offence));
	memcpy(out->text, kept->text, sizeof(out->text));
}

/* --- back into the map ------------------------------------------------------------------------ */

struct putting_back {
	struct object *object; /* NULL: of the wall that is up */
	enum mode mode;
	int64_t now;
	size_t failed, full;
	struct error why;
};

static int put_back(const struct ledger_ban *kept, void *context)
{
	struct report report = {.kind = REPORT_RESTORE, .prefix = kept->prefix};
	struct putting_back *p = context;
	int err;

	if (kept->remember <= p->now && kept->until <= p->now)
		return 0;
	/* In enforce mode, bans that were made in monitor mode fall away. */
	if (kept->mode == MODE_MONITOR && p->mode == MODE_ENFORCE)
		return 0;
	report.when = clock_boot();
	ban_of_ledger(kept, &report.ban);
	err = p->object ? wall_report_object(p->object, &report, &p->why)
			: wall_report(place.pins, &report, &p->why);
	p->failed += err != 0;
	p->full += !err && report.result == REPORT_FULL;
	/* Each one would fail like these. */
	return err && p->failed >= PUT_BACK_TRIES ? err : 0;
}

int bans_restore(struct wall *wall, struct object *object, struct ledger *ledger, struct error *why)
{
	struct putting_back p = {
		.object = object,
		.mode = mode_at(wall_settings(wall)->mode, clock_boot()),
		.now = clock_wall(),
	};
	int err = ledger_each_ban(ledger, put_back, &p, why);

	if (p.failed)
		return error_set(why, -EPROTO, "%s", p.why.text);
	if (p.full)
		return error_set(why, -E2BIG, "the table of bans is full (%u), %zu found no room",
				 BANS_MAX, p.full);
	return err;
}

/* --- into the ledger -------------------------------------------------------------------------- */

struct saving {
	struct ledger *ledger;
	struct error *why;
};

static int save_one(void *context, const struct prefix *prefix, const struct ban *ban)
{
	struct saving *s = context;
	struct ledger_ban kept;
	int err;

	ban_to_ledger(prefix, ban, &kept);
	err = ledger_put_ban(s->ledger, &kept, s->why);
	/* One that is not as it should be keeps none of the others out. */
	return err == -EINVAL ? 0 : err;
}

int bans_save(struct wall *wall, struct ledger *ledger, struct error *why)
{
	struct saving s = {.ledger = ledger, .why = why};
	int err = ledger_begin(ledger, why);

	if (err)
		return err;
	err = wall_each_ban(wall, save_one, &s);
	if (!err)
		err = ledger_commit(ledger, why);
	if (err)
		ledger_rollback(ledger);
	return err;
}
