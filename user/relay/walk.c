// SPDX-License-Identifier: GPL-2.0-only
/*
 * walk.c - every form in every way, against one address of a server
 *
 * Politely: one connection at a time, few transactions on each, a pause between them. Servers end a
 * connection after some errors (Postfix slows down after 10 and ends it after 20), and a refusal is one to
 * them; so the walk goes on with another connection before that, and tries again once what was lost on
 * a used one. Where a 421 comes sooner, half as much is asked of each connection from then on, until that is
 * too much as well. What is lost on a fresh one, twice in a row, ends the walk, as does a greeting with
 * 421: the server wants no more of it. What was not tried then stays so, and nothing is concluded from it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "session.h"

#define TRANSACTIONS 8 /* on one connection: below the 10 after which Postfix delays its replies */
#define STRIKES	     2 /* tests in a row that a fresh connection did not survive */
#define REFUSALS     6 /* in a row of this machine as such: the others will be no other */
#define BREATH_MS                                                                                  \
	3000	 /* before one more try, where a server that served us has had enough for now */
#define LIMIT 20 /* times the limit of a reply: of all of the walk */

struct progress {
	unsigned int strikes, refusals;
	unsigned int transactions; /* on one connection */
	bool breathed;
	int64_t deadline;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void sleep_ms(uint64_t ms)
{
	struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

static void tell(const struct session *s, const struct relay_test *test, const char *sentence)
{
	if (s->plan->progress)
		s->plan->progress(s->plan->context, test, sentence);
}

static void stop(struct relay_walk *walk, const char *because, const char *words)
{
	if (!walk->trouble[0])
		snprintf(walk->trouble, sizeof(walk->trouble), "%s%s%.400s", because,
			 *words ? ": " : "", words);
}

/* A connection that this way of the test can use. */
static enum relay_outcome connect_for(struct session *s, struct progress *p,
				      struct relay_test *test, bool served)
{
	enum relay_outcome outcome;

	if (s->smtp && (s->way != test->way || s->transactions >= p->transactions))
		session_end(s);
	if (s->smtp)
		return RELAY_ACCEPTED;
	outcome = session_open(s, test->way, test);
	/* It may count connections, or this one's last is still on its books. */
	if (outcome == RELAY_LOST && test->stage == STAGE_GREETING && served && !p->breathed) {
		p->breathed = true;
		sleep_ms(BREATH_MS);
		outcome = session_open(s, test->way, test);
	}
	return outcome;
}

static bool ends_connection(enum relay_outcome outcome)
{
	return outcome == RELAY_LOST || outcome == RELAY_TIMEOUT || outcome == RELAY_UNINTELLIGIBLE;
}

/* Without a hello there is nothing to be tried in this way; false: nor in any other. */
static bool no_session(struct session *s, struct relay_test *test, bool served)
{
	if (test->outcome == RELAY_NOT_OFFERED)
		return true;
	if (s->walk->reach != REACH_TRIED)
		return false;
	/* It served this machine before, and now does not even greet it. */
	s->walk->shut = test->stage == STAGE_GREETING && served && !test->code;
	if (s->walk->shut)
		stop(s->walk, "it does not answer any more", test->words);
	else if (test->stage == STAGE_GREETING)
		stop(s->walk,
		     test->outcome == RELAY_UNINTELLIGIBLE ? "what answers is no mail server"
		     : test->code			   ? "it wants no connection"
							   : "it does not greet",
		     test->words);
	else
		stop(s->walk, "no session could be begun", test->words);
	return false;
}

/* The server ended a connection with a word about it. False: no less can be asked of the next one. */
static bool asks_less(struct progress *p)
{
	if (p->transactions == 1)
		return false;
	p->transactions /= 2;
	return true;
}

/* One test. False: the walk is over. */
static bool run_test(struct session *s, struct progress *p, struct relay_test *test)
{
	bool again = true, used, served = s->walk->local[0] && test != s->walk->test;

	if (now_ms() >= p->deadline) {
		stop(s->walk, "it answers so slowly that the test was ended before its end", "");
		return false;
	}
	for (;;) {
		if (connect_for(s, p, test, served) != RELAY_ACCEPTED)
			return no_session(s, test, served);
		used = s->transactions > 0;
		session_try(s, test);
		if (test->outcome == RELAY_LOST && test->code && !asks_less(p)) {
			stop(s->walk, "it wants no more of this", test->words);
			return false;
		}
		if (test->outcome != RELAY_LOST || !used || !again)
			break;
		again = false;
	}
	p->strikes = ends_connection(test->outcome) ? p->strikes + 1 : 0;
	p->refusals = test->outcome == RELAY_CLIENT_REFUSED ? p->refusals + 1 : 0;
	if (p->strikes >= STRIKES)
		stop(s->walk, "it does not go on", test->words);
	else if (p->refusals >= REFUSALS)
		stop(s->walk, "it refuses this machine whatever it sends", test->words);
	sleep_ms(s->plan->pause_ms);
	return p->strikes < STRIKES && p->refusals < REFUSALS;
}

/* A way that the server does not offer is not offered to any form. */
static void close_way(struct relay_walk *walk, unsigned int at)
{
	for (unsigned int i = at + 1; i < walk->tests && walk->test[i].way == walk->test[at].way;
	     i++) {
		unsigned char form = walk->test[i].form;

		walk->test[i] = walk->test[at];
		walk->test[i].form = form;
	}
}

static bool may_change(const struct relay_test *test)
{
	return test->outcome == RELAY_GREYLISTED || test->outcome == RELAY_DEFERRED;
}

/* All tests, or only those that may end otherwise by now. */
static void run_tests(struct session *s, bool waited)
{
	struct progress p = {.transactions = TRANSACTIONS,
			     .deadline = now_ms() + (int64_t)LIMIT * s->plan->timeout_ms};
	struct relay_walk *walk = s->walk;

	for (unsigned int i = 0; i < walk->tests; i++) {
		struct relay_test *test = &walk->test[i];
		bool goes_on;

		if (waited ? !may_change(test) : test->outcome == RELAY_NOT_OFFERED)
			continue;
		goes_on = run_test(s, &p, test);
		if (test->outcome == RELAY_NOT_OFFERED)
			close_way(walk, i);
		tell(s, test, NULL);
		if (!goes_on)
			break;
	}
	session_end(s);
}

static void wait_patiently(struct session *s)
{
	char sentence[256], time[DURATION_TEXT];
	bool any = false;

	for (unsigned int i = 0; i < s->walk->tests; i++)
		any |= may_change(&s->walk->test[i]);
	if (!any || !s->plan->patience)
		return;
	snprintf(sentence, sizeof(sentence), "%s defers; trying again in %s", s->walk->address,
		 duration_text(s->plan->patience, time));
	tell(s, NULL, sentence);
	sleep_ms(s->plan->patience * 1000);
	s->walk->trouble[0] = '\0';
	run_tests(s, true);
}

/* The name stands in until the server tells its own. */
static void fill_names(struct session *s)
{
	const struct relay_plan *plan = s->plan;

	s->names = plan->names;
	snprintf(s->names.server, sizeof(s->names.server), "%s",
		 plan->server ? plan->server : "localhost");
	snprintf(s->names.literal, sizeof(s->names.literal), "%s%.50s",
		 s->walk->family == AF_INET6 ? "IPv6:" : "", s->walk->address);
}

void relay_walk_run(const struct relay_plan *plan, struct relay_walk *walk)
{
	struct session s = {.plan = plan, .walk = walk};

	memset(walk->test, 0, sizeof(walk->test));
	walk->tests = RELAY_TESTS;
	walk->trouble[0] = '\0';
	walk->reach = REACH_FAILED;
	for (unsigned int i = 0; i < walk->tests; i++) {
		walk->test[i].form = (unsigned char)(i % RELAY_FORMS);
		walk->test[i].way = (enum relay_way)(i / RELAY_FORMS);
	}
	fill_names(&s);
	run_tests(&s, false);
	wait_patiently(&s);
}
