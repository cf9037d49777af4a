// SPDX-License-Identifier: GPL-2.0-only
/*
 * status_refuse.c - the part of the status about refusing: is there a listener, who was told
 *
 * Shown where something refuses, or did since the wall is up; elsewhere the status is as it was.
 */
#include <stdio.h>
#include <string.h>
#include "../clock.h"
#include "../output.h"
#include "status.h"

#define FAULT "refusing" /* of the daemon's service, which knows more than can be seen here */
#define BEGIN 10	 /* seconds that a daemon may take for its first listener */

static uint64_t told(const struct refuse_health *health)
{
	return health->quit + health->closed;
}

/* By any row or list: is it wanted? */
static bool is_wanted(const struct status *s)
{
	if (wall_settings(s->wall)->refuse_rows)
		return true;
	for (int id = 1; id < POLICY_LISTS; id++)
		if (s->lists[id].name[0] && s->lists[id].action == LIST_REFUSE)
			return true;
	return false;
}

static bool has_happened(const struct status *s)
{
	const struct outcome *reasons = (const struct outcome *)&s->counters;

	for (int i = 0; i < REASON_SLOTS; i++)
		if (reasons[i].refused.packets || reasons[i].would_refuse.packets)
			return true;
	return s->refuse.counts.connected > 0;
}

static bool has_fault(const struct status *s)
{
	const struct health *health = wall_health(s->wall);

	for (int i = 0; i < HEALTH_FAULTS; i++)
		if (health->fault[i].since && !strcmp(health->fault[i].what, FAULT))
			return true;
	return false;
}

/* What the daemon says of it is told with its other faults. */
static void find_problems(struct status *s)
{
	const struct refuse_status *r = &s->refuse;
	int64_t since = wall_health(s->wall)->daemon_since;
	bool lacking = !r->attached || (!r->listener && s->daemon && clock_wall() - since > BEGIN);

	if (!r->wanted)
		return;
	if (r->elsewhere)
		status_problem(s,
			       "refusing is not possible: connections are made in another network "
			       "namespace; who is to be refused is dropped instead, and whoever "
			       "comes too often passes");
	if (!lacking || has_fault(s))
		return;
	if (!r->attached)
		status_problem(
			s, "refusing is not possible: program `refuse` is not attached in this "
			   "network namespace; `smtpwall up` attaches it or tells why it cannot");
	else
		status_problem(
			s, "there is no refusal listener: who is to be refused is dropped "
			   "instead, and whoever comes too often passes; the daemon's log tells "
			   "why");
}

int status_refuse_read(struct status *s, struct error *why)
{
	struct refuse_status *r = &s->refuse;
	uint64_t now = clock_boot();
	int err = wall_refuse_state(s->wall, &r->state, why);

	if (!err)
		err = wall_refuse_counts(s->wall, &r->counts, why);
	if (err)
		return err;
	r->health = *wall_refuse_health(s->wall);
	r->listener = r->health.alive_until > now;
	r->attached = wall_refuse_attached(place.pins);
	r->elsewhere = r->state.elsewhere &&
		       r->state.elsewhere >= wall_settings(s->wall)->refuse_since &&
		       now - r->state.elsewhere < ELSEWHERE_AGAIN;
	r->wanted = is_wanted(s);
	r->shown = r->wanted || has_happened(s);
	find_problems(s);
	return 0;
}

void status_refuse_json(const struct status *s, json_object *o)
{
	const struct refuse_status *r = &s->refuse;
	const struct refuse_health *h = &r->health;
	json_object *refuse = json_object_new_object(), *syns = json_object_new_object();

	json_flag(refuse, "wanted", r->wanted);
	json_flag(refuse, "listener", r->listener);
	json_flag(refuse, "attached", r->attached);
	json_flag(refuse, "elsewhere", r->elsewhere);
	if (h->started)
		json_time(refuse, "since", (int64_t)h->started);
	json_number(refuse, "restarts", h->restarts);
	json_number(refuse, "clients", h->clients);
	json_number(refuse, "tarpitted", h->tarpitted);
	json_number(refuse, "told", told(h));
#define END(number, name, member) json_number(refuse, #member, h->member);
	REFUSE_END_NAMES(END)
#undef END
	json_number(refuse, "tarpits", h->tarpits);
	json_number(refuse, "connected", r->counts.connected);
	json_number(refuse, "strayed", r->counts.strayed);
#define WORD(number, name, member) json_number(syns, name, r->counts.member);
	REFUSE_WORD_NAMES(WORD)
#undef WORD
	json_object_object_add(refuse, "syns", syns);
	json_object_object_add(o, "refuse", refuse);
}

/* "told 120, gave up 4": what is 0 is left out, but for the first. */
static void print_counts(const char *before, const char *const text[], const uint64_t count[],
			 size_t counts)
{
	const char *between = before;
	char number[NUMBER_TEXT];

	for (size_t i = 0; i < counts; i++) {
		if (!count[i])
			continue;
		printf("%s%s %s", between, text[i], number_text(count[i], number));
		between = ", ";
	}
	if (between != before)
		putchar('\n');
}

void status_refuse_text(const struct status *s)
{
	static const char *const end[] = {
		"told", "gave up", "timed out", "not told in time", "not ours", "in the tarpit"};
	static const char *const word[] = {"told enough", "no listener", "no more clients",
					   "over the budget", "elsewhere"};
	const struct refuse_status *r = &s->refuse;
	const struct refuse_health *h = &r->health;
	char when[CLOCK_TEXT], number[NUMBER_TEXT];

	if (!r->shown)
		return;
	printf("refuse      ");
	if (!r->listener)
		printf("%s", r->wanted ? "the listener does not run" : "nothing refuses any more");
	else
		printf("the listener runs%s%s, %s client%s now", h->started ? " since " : "",
		       h->started ? clock_short((int64_t)h->started, when) : "",
		       number_text(h->clients, number), h->clients == 1 ? "" : "s");
	if (r->listener && h->tarpitted)
		printf(", %s of them in the tarpit", number_text(h->tarpitted, number));
	putchar('\n');
	print_counts("            clients: ", end,
		     (const uint64_t[]){told(h), h->gave_up, h->timed_out, h->untold, h->not_ours,
					h->tarpits},
		     sizeof(end) / sizeof(end[0]));
	print_counts("            SYNs not refused: ", word,
		     (const uint64_t[]){r->counts.ladder, r->counts.absent, r->counts.full,
					r->counts.budget, r->counts.elsewhere},
		     sizeof(word) / sizeof(word[0]));
}
