// SPDX-License-Identifier: GPL-2.0-only
/*
 * verdict.c - what all the outcomes say about the server
 *
 * "closed" is said of a server whose every form was clearly refused, in every way that it offers, at every
 * address that it has. All that falls short of it is "could not tell", and says why: an administrator who
 * is told that all is well looks no further.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "relay.h"

const char *relay_verdict_name(enum relay_verdict verdict)
{
	static const char *const name[] = {
		[RELAY_CLOSED] = "closed",
		[RELAY_MAY_RELAY] = "may relay",
		[RELAY_OPEN] = "open",
		[RELAY_COULD_NOT_TELL] = "could not tell",
	};

	return name[verdict];
}

/* --- one test --------------------------------------------------------------------------------- */

/* Nobody can relay like this. */
static bool is_clear(const struct relay_test *t)
{
	switch (t->outcome) {
	case RELAY_REFUSED:
	case RELAY_UNKNOWN_USER:
	case RELAY_AUTHENTICATION:
		return true;
	case RELAY_REFUSED_AFTER_DATA:
		return !t->content;
	default:
		return false;
	}
}

static bool is_open(const struct relay_test *t)
{
	return t->outcome == RELAY_DELIVERED && !t->any_user && !t->own_domain;
}

static bool may_relay(const struct relay_test *t)
{
	if (t->own_domain)
		return false;
	return t->outcome == RELAY_ACCEPTED || t->outcome == RELAY_DELIVERED ||
	       (t->outcome == RELAY_REFUSED_AFTER_DATA && t->content);
}

/*
 * A refused sender says nothing about the recipient. It settles a form that is about the sender where
 * the same recipient was refused to another one in the same way: then neither gets through.
 */
static bool is_settled(const struct relay_walk *walk, const struct relay_test *t)
{
	if (is_clear(t) || t->outcome == RELAY_NOT_OFFERED)
		return true;
	if (t->outcome != RELAY_SENDER_REFUSED || !relay_form[t->form].about_sender)
		return false;
	for (unsigned int i = 0; i < walk->tests; i++) {
		const struct relay_test *other = &walk->test[i];

		if (other->way == t->way && relay_form[other->form].about_sender && is_clear(other))
			return true;
	}
	return false;
}

/* --- reasons ---------------------------------------------------------------------------------- */

/* "plain, percent-name and 3 more": the forms of these tests, each once. */
static void name_forms(const struct relay_walk *walk, bool (*is)(const struct relay_test *),
		       char *out, size_t size)
{
	bool seen[RELAY_FORMS] = {false};
	unsigned int named = 0, more = 0;
	size_t used = 0;

	out[0] = '\0';
	for (unsigned int i = 0; i < walk->tests; i++) {
		unsigned char form = walk->test[i].form;

		if (seen[form] || !is(&walk->test[i]))
			continue;
		seen[form] = true;
		if (named == 4) {
			more++;
			continue;
		}
		used += (size_t)snprintf(out + used, size - used, "%s%s", named++ ? ", " : "",
					 relay_form[form].name);
		if (used >= size)
			return;
	}
	if (more)
		snprintf(out + used, size - used, " and %u more", more);
}

static unsigned int count(const struct relay_walk *walk, bool (*is)(const struct relay_test *))
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < walk->tests; i++)
		n += is(&walk->test[i]);
	return n;
}

/* Takes any user at its own name, and took nothing else. */
static bool is_doubtful(const struct relay_test *t)
{
	return may_relay(t) && t->any_user;
}

static bool is_taken(const struct relay_test *t)
{
	return t->outcome == RELAY_DELIVERED;
}

static void explain_may(const struct relay_walk *walk, char *why, size_t size)
{
	char forms[160];

	name_forms(walk, may_relay, forms, sizeof(forms));
	if (count(walk, is_doubtful) == count(walk, may_relay))
		snprintf(
			why, size,
			"it accepts %s, but it accepts made-up users of its own as well, and may keep "
			"such mail: %s",
			forms,
			count(walk, is_taken) ? "look whether the messages arrived"
					      : "only a message that arrives tells (--deliver)");
	else if (count(walk, may_relay) && !count(walk, is_taken))
		snprintf(
			why, size,
			"it accepts %s; a server may still refuse or drop what it accepted: a message "
			"that arrives is the proof (--deliver)",
			forms);
	else
		snprintf(why, size, "it accepts %s: look whether the messages arrived", forms);
}

static void explain_open(const struct relay_walk *walk, char *why, size_t size)
{
	char forms[160];

	name_forms(walk, is_open, forms, sizeof(forms));
	snprintf(
		why, size,
		"it took a message for somebody else (%s); unless it is meant to relay for %s, from "
		"where it was asked",
		forms, walk->local[0] ? walk->local : "this machine");
}

/* The first test of the walk with that outcome that nothing else settles. */
static const struct relay_test *unsettled(const struct relay_walk *walk, enum relay_outcome outcome)
{
	for (unsigned int i = 0; i < walk->tests; i++)
		if (walk->test[i].outcome == outcome && !is_settled(walk, &walk->test[i]))
			return &walk->test[i];
	return NULL;
}

/* "5 minutes", "00:05:00" out of the server's words; "" where it tells no time. */
static void time_told(const char *words, char *out, size_t size)
{
	static const char *const unit[] = {"s", "sec", "min", "hour", "m ", NULL};

	out[0] = '\0';
	/* Behind the codes. */
	for (const char *c = words + strspn(words, "0123456789. "); *c; c++) {
		size_t digits = isdigit((unsigned char)*c) ? strspn(c, "0123456789:") : 0, blank;

		if (!isdigit((unsigned char)*c) ||
		    (c > words && (isalnum((unsigned char)c[-1]) || strchr(".:-[", c[-1])))) {
			c += digits ? digits - 1 : 0;
			continue;
		}
		if (memchr(c, ':', digits - 1)) {
			snprintf(out, size, "%.*s", (int)digits, c);
			return;
		}
		blank = c[digits] == ' ';
		for (size_t u = 0; unit[u]; u++)
			if (!strncasecmp(c + digits + blank, unit[u], strlen(unit[u]))) {
				size_t word = strcspn(c + digits + blank, " .,;)!");

				snprintf(out, size, "%.*s", (int)(digits + blank + word), c);
				return;
			}
		c += digits - 1;
	}
}

static void explain_greylisted(const struct relay_test *t, char *why, size_t size)
{
	char told[32];

	time_told(t->words, told, sizeof(told));
	snprintf(why, size, "it greylists; try again in %s, or let the test wait (--patience 10m)",
		 told[0] ? told : "some minutes");
}

/* What stood most in the way, of what an administrator can do something about. */
static const struct obstacle {
	enum relay_outcome outcome;
	const char *what, *way_out;
} obstacle[] = {
	{RELAY_CLIENT_REFUSED, "it refuses this machine whatever it sends",
	 "ask from an address that it does not block, or with another name (--helo)"},
	{RELAY_GREYLISTED, "", ""},
	{RELAY_UNKNOWN_DOMAIN, "it looks for the destination first, which does not exist",
	 "name an address of yours (--to)"},
	{RELAY_SENDER_REFUSED, "it refused every sender", "name an address of yours (--from)"},
	{RELAY_DEFERRED, "it put off its answer",
	 "try again later, or let the test wait (--patience 10m)"},
	{RELAY_TIMEOUT, "it did not answer in time", "allow it more (--timeout)"},
	{RELAY_UNINTELLIGIBLE, "what it says is no SMTP", ""},
	{RELAY_LOST, "it ended the connection", "try again later"},
	{RELAY_NOT_TRIED, "not everything was tried", "try again later"},
	/* Those that may relay were told of before. */
	{RELAY_ACCEPTED, "it takes mail for the destination, whose server it seems to be",
	 "name an address elsewhere (--to)"},
	{RELAY_DELIVERED, "it takes mail for the destination, whose server it seems to be",
	 "name an address elsewhere (--to)"},
	{RELAY_REFUSED_AFTER_DATA, "it takes mail for the destination, whose server it seems to be",
	 "name an address elsewhere (--to)"},
};

static const char when_shut[] =
	"it may have blocked this machine for what it refused so far: have it "
	"allowed there for the time of the test";

/* True: there is something, and `why` says it. */
static bool explain_doubt(const struct relay_walk *walk, char *why, size_t size)
{
	for (size_t i = 0; i < sizeof(obstacle) / sizeof(obstacle[0]); i++) {
		const struct obstacle *o = &obstacle[i];
		const struct relay_test *t = unsettled(walk, o->outcome);
		const char *way_out = walk->shut ? when_shut : o->way_out;

		if (!t)
			continue;
		if (o->outcome == RELAY_GREYLISTED)
			explain_greylisted(t, why, size);
		else if (walk->trouble[0])
			snprintf(why, size, "%s%s%s", walk->trouble, *way_out ? "; " : "", way_out);
		else
			snprintf(why, size, "%s%s%.200s%s%s%s", o->what, t->words[0] ? " (" : "",
				 t->words, t->words[0] ? ")" : "", *way_out ? ": " : "", way_out);
		return true;
	}
	return false;
}

static bool is_sender_refused(const struct relay_test *t)
{
	return t->outcome == RELAY_SENDER_REFUSED;
}

static enum relay_verdict judge_reached(const struct relay_walk *walk, char *why, size_t size)
{
	unsigned int senders;

	if (count(walk, is_open)) {
		explain_open(walk, why, size);
		return RELAY_OPEN;
	}
	if (count(walk, may_relay)) {
		explain_may(walk, why, size);
		return RELAY_MAY_RELAY;
	}
	if (explain_doubt(walk, why, size))
		return RELAY_COULD_NOT_TELL;
	if (!count(walk, is_clear)) {
		snprintf(why, size, "it offers nothing that could be tried");
		return RELAY_COULD_NOT_TELL;
	}
	senders = count(walk, is_sender_refused);
	if (senders)
		snprintf(
			why, size,
			"all was refused; %u of %u tests for their sender alone, of which more can be "
			"known with a sender whose domain exists (--from)",
			senders, walk->tests);
	else
		snprintf(why, size, "all was refused");
	return RELAY_CLOSED;
}

enum relay_verdict relay_judge(const struct relay_walk *walk, char *why, size_t size)
{
	switch (walk->reach) {
	case REACH_TRIED:
		return judge_reached(walk, why, size);
	case REACH_NOBODY:
		snprintf(why, size, "nobody listens there");
		return RELAY_CLOSED;
	case REACH_SELF:
		snprintf(
			why, size,
			"it is an address of this machine, and a server trusts its own: run it from "
			"outside");
		return RELAY_COULD_NOT_TELL;
	case REACH_FAILED:
	case REACH_UNRESOLVED:
		break;
	}
	snprintf(why, size, "%s%s", walk->trouble,
		 walk->size ? "; test it from where it can be reached, or the other address alone"
			    : "");
	return RELAY_COULD_NOT_TELL;
}

/* --- all addresses ---------------------------------------------------------------------------- */

static const char *family_name(int family)
{
	return family == AF_INET6 ? "IPv6" : "IPv4";
}

/* What counts more for the whole. */
static int weight(enum relay_verdict verdict)
{
	static const int of[] = {
		[RELAY_CLOSED] = 0,
		[RELAY_COULD_NOT_TELL] = 1,
		[RELAY_MAY_RELAY] = 2,
		[RELAY_OPEN] = 3,
	};

	return of[verdict];
}

static void explain_closed(const struct relay_walk *walk, unsigned int walks, bool literal,
			   char *why, size_t size)
{
	bool has4 = false, has6 = false;

	for (unsigned int i = 0; i < walks; i++) {
		has4 |= walk[i].family == AF_INET;
		has6 |= walk[i].family == AF_INET6;
	}
	if (has4 && has6)
		snprintf(why, size, "all was refused over IPv4 and IPv6");
	else
		snprintf(why, size, "all was refused over %s; %s", has4 ? "IPv4" : "IPv6",
			 literal ? "an address was given, so the other family was not asked"
			 : has4	 ? "its name has no IPv6 address"
				 : "its name has no IPv4 address");
}

enum relay_verdict relay_judge_all(const struct relay_walk *walk, unsigned int walks, bool literal,
				   char *why, size_t size)
{
	enum relay_verdict worst = RELAY_CLOSED;
	const struct relay_walk *at = NULL;
	char reason[512] = "";
	bool tried = false;

	for (unsigned int i = 0; i < walks; i++) {
		char text[sizeof(reason)];
		enum relay_verdict verdict = relay_judge(&walk[i], text, sizeof(text));

		tried |= walk[i].reach == REACH_TRIED;
		if (at && weight(verdict) <= weight(worst))
			continue;
		worst = verdict;
		at = &walk[i];
		memcpy(reason, text, sizeof(reason));
	}
	if (!at || (worst == RELAY_CLOSED && !tried)) {
		snprintf(why, size, "nobody listens there");
		return RELAY_COULD_NOT_TELL;
	}
	if (worst == RELAY_CLOSED)
		explain_closed(walk, walks, literal, why, size);
	else
		snprintf(why, size, "over %s%s%s%s: %s", family_name(at->family),
			 at->address[0] ? " (" : "", at->address, at->address[0] ? ")" : "",
			 reason);
	return worst;
}
