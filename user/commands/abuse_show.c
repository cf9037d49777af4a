// SPDX-License-Identifier: GPL-2.0-only
/*
 * abuse_show.c - bans, offences and what the kernel tells of them: in words and for scripts
 *
 * What several commands, and the daemon's log, say in the same way. The map `bans` is the truth: an
 * event only names a source, and its evidence is looked up.
 */
#include <stdio.h>
#include <string.h>
#include "../clock.h"
#include "../output.h"
#include "commands.h"

/* Lengths of prefixes that are banned, narrowest first; a length of 0 ends them. */
#define BAN_LENGTHS 4

static void ban_lengths(const struct prefix *p, uint32_t length[BAN_LENGTHS])
{
	static const uint32_t v4[BAN_LENGTHS] = {ADDRESS_BITS, 120},
			      v6[BAN_LENGTHS] = {ADDRESS_BITS, 64, 48};
	bool is_v4 = address_is_v4(&p->address) && p->length >= ADDRESS_V4_AT;

	memcpy(length, is_v4 ? v4 : v6, sizeof(v4));
}

bool ban_stands(struct wall *wall, const struct ban *ban)
{
	uint64_t now = clock_boot();

	return ban_in_force(ban, now, mode_at(wall_settings(wall)->mode, now));
}

bool ban_covering(struct wall *wall, const struct prefix *prefix, struct prefix *by,
		  struct ban *out)
{
	uint32_t length[BAN_LENGTHS];

	ban_lengths(prefix, length);
	for (int i = 0; i < BAN_LENGTHS && length[i]; i++) {
		struct prefix wider = *prefix;
		struct ban ban;

		if (length[i] > prefix->length)
			continue;
		wider.length = length[i];
		prefix_mask(&wider);
		if (wall_get_ban(wall, &wider, &ban) || !ban_stands(wall, &ban))
			continue;
		*by = wider;
		*out = ban;
		return true;
	}
	return false;
}

json_object *offences_json(const uint32_t offence[OFFENCES])
{
	json_object *o = json_object_new_object();

	for (int i = 0; i < OFFENCES; i++)
		json_number(o, offence_name(i), offence[i]);
	return o;
}

void ban_json(json_object *o, const struct ban *ban)
{
	char text[EVIDENCE_SENTENCE], last[EVIDENCE_TEXT + 1];

	json_text(o, "origin", ban_origin_name(ban->origin));
	json_text(o, "made_in", mode_name(ban->mode));
	json_number(o, "strikes", ban->strikes);
	json_time(o, "remembered", clock_wall_of(ban->remember));
	if (ban->origin == BAN_WIDENED)
		json_number(o, "members", ban->members);
	json_object_object_add(o, "offences", offences_json(ban->offence));
	if (ban->offended)
		json_time(o, "offended", clock_wall_of(ban->offended));
	if (*evidence_last(ban, last))
		json_text(o, "last", last);
	json_text(o, "text", evidence_text(ban, text, sizeof(text)));
}

/* --- events ----------------------------------------------------------------------------------- */

/*
 * Whom an event is about: the address, or the network that was banned with it. True with the ban if
 * the map still has the one that the event tells of.
 */
static bool ban_of_event(struct wall *wall, const struct event *e, struct prefix *about,
			 struct ban *out)
{
	uint32_t length[BAN_LENGTHS];

	*about = (struct prefix){.address = e->source, .length = ADDRESS_BITS};
	if (e->kind != EVENT_BAN)
		return false;
	ban_lengths(about, length);
	for (int i = 0; i < BAN_LENGTHS && length[i]; i++) {
		struct prefix wider = *about;
		struct ban ban;

		wider.length = length[i];
		prefix_mask(&wider);
		if (wall_get_ban(wall, &wider, &ban) || ban.since != e->since)
			continue;
		*about = wider;
		*out = ban;
		return true;
	}
	return false;
}

const char *event_kind_name(const struct event *e)
{
	switch ((unsigned int)e->kind) {
	case EVENT_VERDICT:
		return "verdict";
	case EVENT_PROVEN:
		return "proven";
	case EVENT_ASK:
		return "ask";
	case EVENT_BAN:
		return "ban";
	case EVENT_SPARED:
		return "spared";
	case EVENT_OFFENCE:
		return "offence";
	case EVENT_LOGIN:
		return "login";
	}
	return "unknown";
}

static void ban_line(const struct event *e, const char *about, const struct ban *ban, char *out,
		     size_t size)
{
	const char *ban_word = (ban ? ban->mode : e->mode) == MODE_MONITOR ? "would-ban" : "ban";
	char when[CLOCK_TEXT], evidence[EVENT_ABUSE_TEXT / 2];

	clock_text(clock_wall_of(ban ? ban->until : e->until), when);
	if (ban)
		snprintf(out, size, "%s source=%s reason=abuse until=%s strikes=%u%s", ban_word,
			 about, when, ban->strikes,
			 evidence_fields(ban, evidence, sizeof(evidence)));
	else
		snprintf(out, size, "%s source=%s reason=abuse until=%s offence=%s", ban_word,
			 about, when, offence_name(e->flags));
}

bool event_abuse_line(struct wall *wall, const struct event *e, char *out, size_t size)
{
	char about[PREFIX_TEXT], when[CLOCK_TEXT];
	struct prefix prefix;
	struct ban ban;
	bool held = ban_of_event(wall, e, &prefix, &ban);

	prefix_text(&prefix, about);
	switch ((unsigned int)e->kind) {
	case EVENT_BAN:
		ban_line(e, about, held ? &ban : NULL, out, size);
		return true;
	case EVENT_SPARED:
		snprintf(out, size, "spared source=%s reason=%s", about, spared_name(e->flags));
		return true;
	case EVENT_OFFENCE:
		snprintf(out, size, "offence source=%s kind=%s", about, offence_name(e->flags));
		return true;
	case EVENT_LOGIN:
		snprintf(out, size, "login source=%s until=%s", about,
			 clock_text(clock_wall_of(e->until), when));
		return true;
	}
	return false;
}

void event_abuse_json(struct wall *wall, const struct event *e, json_object *o)
{
	char about[PREFIX_TEXT];
	struct prefix prefix;
	struct ban ban;

	switch ((unsigned int)e->kind) {
	case EVENT_BAN:
		json_text(o, "reason", reason_name(REASON_ABUSE));
		json_text(o, "mode", mode_name(e->mode));
		if (!ban_of_event(wall, e, &prefix, &ban)) {
			json_time(o, "expires", clock_wall_of(e->until));
			json_text(o, "offence", offence_name(e->flags));
			break;
		}
		json_text(o, "prefix", prefix_text(&prefix, about));
		json_time(o, "expires", clock_wall_of(ban.until));
		ban_json(o, &ban);
		break;
	case EVENT_SPARED:
		json_text(o, "reason", spared_name(e->flags));
		break;
	case EVENT_OFFENCE:
		json_text(o, "kind", offence_name(e->flags));
		break;
	case EVENT_LOGIN:
		json_time(o, "expires", clock_wall_of(e->until));
		break;
	}
}
