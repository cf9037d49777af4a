// SPDX-License-Identifier: GPL-2.0-only
/*
 * status_show.c - the status for people and for scripts
 */
#include <stdio.h>
#include <string.h>
#include "../clock.h"
#include "../output.h"
#include "../self/self.h"
#include "status.h"

static const struct outcome *outcome_of(const struct status *s, enum reason reason)
{
	return &((const struct outcome *)&s->counters)[reason];
}

static void tally_json(json_object *o, const char *key, const struct tally *t)
{
	json_object *tally = json_object_new_object();

	json_number(tally, "packets", t->packets);
	json_number(tally, "bytes", t->bytes);
	json_object_object_add(o, key, tally);
}

static json_object *outcome_json(const struct outcome *outcome)
{
	json_object *o = json_object_new_object();

	tally_json(o, "passed", &outcome->passed);
	tally_json(o, "would_drop", &outcome->would_drop);
	tally_json(o, "dropped", &outcome->dropped);
	tally_json(o, "would_refuse", &outcome->would_refuse);
	tally_json(o, "refused", &outcome->refused);
	return o;
}

static uint64_t packets_seen(const struct status *s)
{
	uint64_t sum = 0;

	for (int i = 0; i < REASON_SLOTS; i++) {
		const struct outcome *o = outcome_of(s, i);

		sum += o->passed.packets + o->would_drop.packets + o->dropped.packets +
		       o->would_refuse.packets + o->refused.packets;
	}
	return sum;
}

static void mode_json(const struct status *s, json_object *o)
{
	json_text(o, "mode", mode_name(s->mode));
	if (MODE_UNTIL(s->mode_word) && s->mode == MODE_NOW(s->mode_word)) {
		json_time(o, "mode_until", clock_wall_of(MODE_UNTIL(s->mode_word) * 1000000000ULL));
		json_text(o, "mode_then", mode_name(MODE_THEN(s->mode_word)));
	}
	if (s->overridden) {
		json_time(o, "mode_since", s->override.since);
		json_text(o, "mode_by", s->override.who);
		json_text(o, "mode_configured", s->override.configured);
	}
}

struct dnsbl_count {
	unsigned int sites, ill;
};

static struct dnsbl_count dnsbl_count(const struct status *s)
{
	struct dnsbl_count count = {0};

	for (int i = 0; i < DNSBL_SITES; i++) {
		count.sites += s->dnsbl->site[i].identity != 0;
		count.ill += site_is_ill(&s->dnsbl->site[i]);
	}
	return count;
}

static void dnsbl_json(const struct status *s, json_object *o)
{
	json_object *dnsbl = json_object_new_object();
	unsigned int well = 0;

	for (int i = 0; i < DNSBL_SITES; i++)
		well += s->dnsbl->site[i].identity && dnsbl_site_counts(&s->dnsbl->site[i]);
	json_number(dnsbl, "sites", dnsbl_count(s).sites);
	json_number(dnsbl, "well", well);
	json_number(dnsbl, "answers", s->dnsbl->entries);
	json_number(dnsbl, "listed", s->dnsbl->listed);
	json_flag(dnsbl, "resolver_local", s->dnsbl->resolver_local);
	json_flag(dnsbl, "deferring", s->dnsbl->defer_until > clock_boot());
	json_object_object_add(o, "dnsbl", dnsbl);
}

/* The next fault about an address of this host that is in a DNSBL, from `i` on; NULL: none. */
static const struct fault *self_fault(const struct status *s, int *i)
{
	const struct health *health = wall_health(s->wall);

	while (*i < HEALTH_FAULTS) {
		const struct fault *fault = &health->fault[(*i)++];

		if (fault->since && !strncmp(fault->what, SELF_FAULT, strlen(SELF_FAULT)))
			return fault;
	}
	return NULL;
}

static void self_json(const struct status *s, json_object *o)
{
	json_object *self = json_object_new_array();
	const struct fault *fault;
	int i = 0;

	while ((fault = self_fault(s, &i))) {
		json_object *listed = json_object_new_object();

		json_text(listed, "address", fault->what + strlen(SELF_FAULT));
		json_time(listed, "since", fault->since);
		json_text(listed, "text", fault->text);
		json_object_array_add(self, listed);
	}
	json_object_object_add(o, "self_listed", self);
}

void status_json(const struct status *s)
{
	json_object *o = json_object_new_object(), *array = json_object_new_array(), *reasons,
		    *lists;

	json_flag(o, "up", true);
	json_flag(o, "degraded", s->problems > 0);
	mode_json(s, o);
	for (unsigned int i = 0; i < s->interfaces; i++) {
		json_object *interface = json_object_new_object();

		json_text(interface, "name", s->interface[i].name);
		json_text(interface, "xdp", s->interface[i].mode);
		json_text(interface, "replies", egress_way_name(s->interface[i].replies));
		json_flag(interface, "attached", !s->interface[i].gone);
		json_object_array_add(array, interface);
	}
	json_object_object_add(o, "interfaces", array);
	json_number(o, "packets", packets_seen(s));
	reasons = json_object_new_object();
#define ADD_REASON(number, text, member)                                                           \
	json_object_object_add(reasons, text, outcome_json(&s->counters.member));
	REASONS(ADD_REASON)
#undef ADD_REASON
	json_object_object_add(o, "reasons", reasons);
	lists = json_object_new_object();
	for (int id = 1; id < POLICY_LISTS; id++) {
		json_object *list;

		if (!s->lists[id].name[0])
			continue;
		list = outcome_json(&s->outcomes[id]);
		json_text(list, "action", action_name(s->lists[id].action));
		json_number(list, "entries", s->lists[id].entries);
		json_time(list, "loaded", s->lists[id].loaded);
		json_object_object_add(lists, s->lists[id].name, list);
	}
	json_object_object_add(o, "lists", lists);
	json_number(o, "manual", s->manual > 0 ? (uint64_t)s->manual : 0);
	json_flag(o, "daemon", s->daemon);
	json_flag(o, "proof", s->proof.first != 0);
	if (s->proof.last)
		json_time(o, "last_handshake", clock_wall_of(s->proof.last));
	json_number(o, "events_held", s->notices.events_held);
	json_number(o, "not_learnt", s->notices.not_learnt);
	json_number(o, "asks_held", s->notices.asks_held);
	json_number(o, "defer_stops", s->notices.defer_stops);
	dnsbl_json(s, o);
	self_json(s, o);
	status_abuse_json(s, o);
	status_refuse_json(s, o);
	array = json_object_new_array();
	for (unsigned int i = 0; i < s->problems; i++)
		json_object_array_add(array, json_object_new_string(s->problem[i]));
	json_object_object_add(o, "problems", array);
	json_print(o, stdout);
}

static void print_mode(const struct status *s)
{
	char when[CLOCK_TEXT];

	printf("mode        %s%s%s",
	       colour(stdout, s->mode == MODE_ENFORCE ? COLOUR_GOOD : COLOUR_WARN),
	       mode_name(s->mode), colour_end(stdout));
	if (MODE_UNTIL(s->mode_word) && s->mode == MODE_NOW(s->mode_word))
		printf(" until %s",
		       clock_short(clock_wall_of(MODE_UNTIL(s->mode_word) * 1000000000ULL), when));
	if (s->overridden)
		printf(" since %s by %s (configuration: %s)", clock_short(s->override.since, when),
		       s->override.who, s->override.configured);
	else if (s->mode == MODE_MONITOR)
		printf(s->refuse.wanted ? ": nothing is dropped or refused"
					: ": nothing is dropped");
	putchar('\n');
}

/* The columns about refusing are the last ones, and only there where something refuses. */
static void add_reason(struct table *t, const char *text, const struct outcome *o)
{
	char passed[NUMBER_TEXT], would[NUMBER_TEXT], dropped[NUMBER_TEXT],
		would_refuse[NUMBER_TEXT], refused[NUMBER_TEXT];

	table_row(t, (const char *const[]){text, number_text(o->passed.packets, passed),
					   number_text(o->would_drop.packets, would),
					   number_text(o->dropped.packets, dropped),
					   number_text(o->would_refuse.packets, would_refuse),
					   number_text(o->refused.packets, refused)});
}

static void print_counters(const struct status *s)
{
	static const char *const heading[] = {"reason",	  ">passed",	   ">would drop",
					      ">dropped", ">would refuse", ">refused"};
	struct table *t = table_new(s->refuse.shown ? 6 : 4, heading);

#define ADD_REASON(number, text, member) add_reason(t, text, &s->counters.member);
	REASONS(ADD_REASON)
#undef ADD_REASON
	table_print(t, stdout);
}

static void print_dnsbl(const struct status *s)
{
	struct dnsbl_count count = dnsbl_count(s);
	char held[NUMBER_TEXT], listed[NUMBER_TEXT], state[SITE_STATE_TEXT];

	if (!count.sites)
		return;
	printf("dnsbl       %u site%s, ", count.sites, count.sites == 1 ? "" : "s");
	if (count.ill)
		printf("%u not well; ", count.ill);
	printf("%s answers held, %s listed\n", number_text(s->dnsbl->entries, held),
	       number_text(s->dnsbl->listed, listed));
	for (int i = 0; i < DNSBL_SITES; i++)
		if (s->dnsbl->site[i].state == DNSBL_PAUSED)
			printf("            %s %s\n", s->dnsbl->site[i].name,
			       site_state_text(&s->dnsbl->site[i], state));
	if (s->dnsbl->resolvers[0] && !s->dnsbl->resolver_local)
		printf("            resolvers %s\n", s->dnsbl->resolvers);
	print_resolver_advice(s->dnsbl, "            ");
}

static void print_self(const struct status *s)
{
	const char *between = "self        listed in a DNSBL: ";
	const struct fault *fault;
	char when[CLOCK_TEXT];
	int i = 0;

	while ((fault = self_fault(s, &i))) {
		printf("%s%s since %s", between, fault->what + strlen(SELF_FAULT),
		       clock_short(fault->since, when));
		between = ", ";
	}
	if (*between == ',')
		putchar('\n');
}

static void print_held_back(const struct notices *n)
{
	const struct {
		uint64_t count;
		const char *text;
	} kind[] = {
		{n->events_held, "events"},
		{n->not_learnt, "sources not learnt"},
		{n->asks_held, "lookups not asked for at once"},
		{n->defer_stops, "SYNs not deferred"},
	};
	const char *between = "held back   ";
	bool any = false;

	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
		if (!kind[i].count)
			continue;
		printf("%s%llu %s", between, (unsigned long long)kind[i].count, kind[i].text);
		between = "; ";
		any = true;
	}
	if (any)
		putchar('\n');
}

static void print_interface(const struct interface_state *interface)
{
	if (interface->gone)
		printf("%s (gone)", interface->name);
	else if (interface->replies == REPLIES_NONE)
		printf("%s (%s, replies not read)", interface->name, interface->mode);
	else
		printf("%s (%s, replies by %s)", interface->name, interface->mode,
		       egress_way_name(interface->replies));
}

void status_text(const struct status *s)
{
	char number[NUMBER_TEXT];
	uint64_t entries = 0;
	unsigned int lists = 0;

	print_mode(s);
	for (unsigned int i = 0; i < s->interfaces; i++) {
		fputs(i ? ", " : "interfaces  ", stdout);
		print_interface(&s->interface[i]);
	}
	for (int id = 1; id < POLICY_LISTS; id++)
		if (s->lists[id].name[0]) {
			lists++;
			entries += s->lists[id].entries;
		}
	printf("%slists       %u with %s entries; by hand: %d\n", s->interfaces ? "\n" : "", lists,
	       number_text(entries, number), s->manual > 0 ? s->manual : 0);
	printf("daemon      %s\n", s->daemon ? "runs" : "does not run");
	status_proof_text(s);
	status_abuse_text(s);
	print_dnsbl(s);
	status_refuse_text(s);
	print_self(s);
	print_held_back(&s->notices);
	putchar('\n');
	print_counters(s);
	for (unsigned int i = 0; i < s->problems; i++)
		printf("%s%s%s%s\n", i ? "" : "\n", colour(stdout, COLOUR_BAD), s->problem[i],
		       colour_end(stdout));
}
