// SPDX-License-Identifier: GPL-2.0-only
/*
 * relay_test_show.c - what relay-test found, for people and for scripts
 *
 * For people, one line tells of a form in all the ways in which it ended alike; JSON has each test.
 */
#include <stdio.h>
#include <string.h>
#include "../output.h"
#include "relay_test.h"

#define WORDS_SHOWN 120 /* of what the server said, in the table; all of it is in JSON */

static const char *family_of(const struct relay_walk *walk)
{
	return walk->family == AF_INET6 ? "IPv6" : "IPv4";
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_object *test_json(const struct relay_test *t)
{
	json_object *o = json_object_new_object();

	json_text(o, "form", relay_form[t->form].name);
	json_text(o, "way", relay_way_name(t->way));
	json_text(o, "outcome", relay_outcome_name(t->outcome));
	if (t->sender[0]) {
		json_text(o, "sender", t->sender);
		json_text(o, "recipient", t->recipient);
	}
	if (t->outcome != RELAY_NOT_TRIED)
		json_text(o, "stage", relay_stage_name(t->stage));
	if (t->code)
		json_number(o, "code", (uint64_t)t->code);
	json_text(o, "words", t->words);
	if (t->any_user)
		json_flag(o, "any_user", true);
	if (t->own_domain)
		json_flag(o, "own_domain", true);
	return o;
}

static json_object *walk_json(const struct relay_walk *walk)
{
	json_object *o = json_object_new_object(), *tests = json_object_new_array();
	char why[1024];

	json_text(o, "family", family_of(walk));
	if (walk->address[0])
		json_text(o, "address", walk->address);
	json_text(o, "verdict", relay_verdict_name(relay_judge(walk, why, sizeof(why))));
	json_text(o, "reason", why);
	if (walk->local[0])
		json_text(o, "asked_from", walk->local);
	if (walk->greeting[0])
		json_text(o, "greeting", walk->greeting);
	if (walk->server[0])
		json_text(o, "name", walk->server);
	if (walk->trouble[0])
		json_text(o, "trouble", walk->trouble);
	for (unsigned int i = 0; i < walk->tests; i++)
		json_object_array_add(tests, test_json(&walk->test[i]));
	json_object_object_add(o, "tests", tests);
	return o;
}

static void address_json(json_object *o, const char *key, const char *user, const char *domain)
{
	char address[SMTP_NAME + 70];

	snprintf(address, sizeof(address), "%s@%s", user, domain);
	json_text(o, key, address);
}

void relay_show_json(const struct relay_run *run)
{
	json_object *o = json_object_new_object(), *walks = json_object_new_array();
	const struct relay_names *n = &run->plan.names;

	json_text(o, "host", run->host);
	json_number(o, "port", run->port);
	json_text(o, "verdict", relay_verdict_name(run->verdict));
	json_text(o, "reason", run->reason);
	address_json(o, "from", n->from_user, n->from_domain);
	address_json(o, "to", n->to_user, n->to_domain);
	json_flag(o, "deliver", run->plan.deliver);
	json_text(o, "token", run->plan.token);
	for (unsigned int i = 0; i < run->walks; i++)
		json_object_array_add(walks, walk_json(&run->walk[i]));
	json_object_object_add(o, "addresses", walks);
	json_print(o, stdout);
}

/* --- for people ------------------------------------------------------------------------------- */

static enum colour outcome_colour(enum relay_outcome outcome)
{
	switch (outcome) {
	case RELAY_ACCEPTED:
	case RELAY_DELIVERED:
		return COLOUR_BAD;
	case RELAY_REFUSED:
	case RELAY_UNKNOWN_USER:
	case RELAY_AUTHENTICATION:
	case RELAY_REFUSED_AFTER_DATA:
		return COLOUR_GOOD;
	case RELAY_NOT_OFFERED:
	case RELAY_NOT_TRIED:
		return COLOUR_DIM;
	default:
		return COLOUR_WARN;
	}
}

static enum colour verdict_colour(enum relay_verdict verdict)
{
	switch (verdict) {
	case RELAY_CLOSED:
		return COLOUR_GOOD;
	case RELAY_COULD_NOT_TELL:
		return COLOUR_WARN;
	default:
		return COLOUR_BAD;
	}
}

static bool alike(const struct relay_test *a, const struct relay_test *b)
{
	return a->form == b->form && a->outcome == b->outcome && a->any_user == b->any_user &&
	       a->own_domain == b->own_domain;
}

/* The ways in which this form ended as in `first`, which is the first of them. */
static void name_ways(const struct relay_walk *walk, const struct relay_test *first, char *out,
		      size_t size)
{
	unsigned int ways = 0;
	size_t used = 0;

	out[0] = '\0';
	for (unsigned int i = 0; i < walk->tests; i++) {
		if (!alike(&walk->test[i], first))
			continue;
		ways++;
		if (used < size)
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "",
						 relay_way_name(walk->test[i].way));
	}
	if (ways == RELAY_WAYS)
		snprintf(out, size, "all ways");
}

/* An earlier line tells of it already. */
static bool is_told(const struct relay_walk *walk, unsigned int at)
{
	for (unsigned int i = 0; i < at; i++)
		if (alike(&walk->test[i], &walk->test[at]))
			return true;
	return false;
}

static void test_row(const struct relay_walk *walk, const struct relay_test *t, struct table *table)
{
	enum colour c = outcome_colour(t->outcome);
	char ways[64], outcome[96], words[SMTP_WORDS];

	name_ways(walk, t, ways, sizeof(ways));
	snprintf(outcome, sizeof(outcome), "%s%s%s%s", colour(stdout, c),
		 relay_outcome_name(t->outcome), colour_end(stdout),
		 t->any_user	 ? " (any user)"
		 : t->own_domain ? " (own domain)"
				 : "");
	snprintf(words, sizeof(words), "%s", t->words);
	if (strlen(words) > WORDS_SHOWN)
		snprintf(words + WORDS_SHOWN - 3, 4, "...");
	table_row(table, (const char *const[]){relay_form[t->form].name, ways, outcome, words});
}

/* A way that the server lacks is one line, not one for each form. */
static void way_rows(const struct relay_walk *walk, struct table *table)
{
	for (unsigned int i = 0; i < walk->tests; i += RELAY_FORMS) {
		const struct relay_test *t = &walk->test[i];

		if (t->outcome == RELAY_NOT_OFFERED)
			table_row(table,
				  (const char *const[]){"(every form)", relay_way_name(t->way),
							relay_outcome_name(t->outcome), t->words});
	}
}

static void walk_text(const struct relay_run *run, const struct relay_walk *walk)
{
	static const char *const heading[] = {"form", "sent with", "outcome",
					      "what the server said"};
	enum relay_verdict verdict;
	struct table *table;
	unsigned int not_tried = 0;
	char why[1024];

	printf("%s%s%s", colour(stdout, COLOUR_BOLD),
	       walk->address[0] ? walk->address : family_of(walk), colour_end(stdout));
	if (walk->address[0])
		printf(" port %u", run->port);
	if (walk->local[0])
		printf(", asked from %s", walk->local);
	putchar('\n');
	if (walk->greeting[0])
		printf("  greeting  %s\n", walk->greeting);
	if (walk->reach == REACH_TRIED) {
		table = table_new(4, heading);
		for (unsigned int i = 0; i < walk->tests; i++) {
			const struct relay_test *t = &walk->test[i];

			not_tried += t->outcome == RELAY_NOT_TRIED;
			if (t->outcome != RELAY_NOT_TRIED && t->outcome != RELAY_NOT_OFFERED &&
			    !is_told(walk, i))
				test_row(walk, t, table);
		}
		way_rows(walk, table);
		table_print(table, stdout);
	}
	if (not_tried)
		printf("%u of %u tests were not tried\n", not_tried, walk->tests);
	verdict = relay_judge(walk, why, sizeof(why));
	printf("  %s: %s%s%s: %s\n\n", family_of(walk), colour(stdout, verdict_colour(verdict)),
	       relay_verdict_name(verdict), colour_end(stdout), why);
}

void relay_show(const struct relay_run *run)
{
	for (unsigned int i = 0; i < run->walks; i++)
		walk_text(run, &run->walk[i]);
	printf("%s: %s%s%s: %s\n", run->host, colour(stdout, verdict_colour(run->verdict)),
	       relay_verdict_name(run->verdict), colour_end(stdout), run->reason);
}
