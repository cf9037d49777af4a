// SPDX-License-Identifier: GPL-2.0-only
/*
 * What outcomes make which verdict: "closed" only where nothing was left open, and why not otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "relay/relay.h"

static struct relay_walk walk[4];
static char why[1024];

/* All was tried, all was refused. */
static void refuse_all(struct relay_walk *w, int family, const char *address)
{
	memset(w, 0, sizeof(*w));
	w->reach = REACH_TRIED;
	w->family = family;
	snprintf(w->address, sizeof(w->address), "%s", address);
	snprintf(w->local, sizeof(w->local), "198.51.100.7");
	w->tests = RELAY_TESTS;
	for (unsigned int i = 0; i < RELAY_TESTS; i++) {
		w->test[i].form = (unsigned char)(i % RELAY_FORMS);
		w->test[i].way = (enum relay_way)(i / RELAY_FORMS);
		w->test[i].outcome = RELAY_REFUSED;
		w->test[i].stage = STAGE_RCPT;
		w->test[i].code = 550;
	}
}

static unsigned int form_of(const char *name)
{
	for (unsigned int i = 0; i < RELAY_FORMS; i++)
		if (!strcmp(relay_form[i].name, name))
			return i;
	fail_msg("no form %s", name);
	return 0;
}

static struct relay_test *test_of(struct relay_walk *w, enum relay_way way, const char *form)
{
	return &w->test[(unsigned int)way * RELAY_FORMS + form_of(form)];
}

static enum relay_verdict judge(const struct relay_walk *w)
{
	why[0] = '\0';
	return relay_judge(w, why, sizeof(why));
}

/* One form in one way is enough, whichever it is. */
static void any_test_alone_opens(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < RELAY_TESTS; i++) {
		refuse_all(walk, AF_INET, "192.0.2.25");
		assert_int_equal(judge(walk), RELAY_CLOSED);
		walk->test[i].outcome = RELAY_ACCEPTED;
		assert_int_equal(judge(walk), RELAY_MAY_RELAY);
		assert_non_null(strstr(why, relay_form[walk->test[i].form].name));
		assert_non_null(strstr(why, "--deliver"));
		walk->test[i].outcome = RELAY_DELIVERED;
		assert_int_equal(judge(walk), RELAY_OPEN);
		assert_non_null(strstr(why, relay_form[walk->test[i].form].name));
		assert_non_null(strstr(why, "198.51.100.7"));
	}
}

/* And one that is not a clear refusal keeps it from being closed. */
static void any_doubt_alone_counts(void **state)
{
	static const enum relay_outcome doubt[] = {
		RELAY_NOT_TRIED,      RELAY_UNKNOWN_DOMAIN, RELAY_GREYLISTED,	  RELAY_DEFERRED,
		RELAY_CLIENT_REFUSED, RELAY_LOST,	    RELAY_UNINTELLIGIBLE, RELAY_TIMEOUT,
	};
	static const enum relay_outcome clear[] = {RELAY_REFUSED, RELAY_UNKNOWN_USER,
						   RELAY_AUTHENTICATION, RELAY_REFUSED_AFTER_DATA};

	(void)state;
	for (unsigned int i = 0; i < RELAY_TESTS; i++) {
		for (size_t d = 0; d < sizeof(doubt) / sizeof(doubt[0]); d++) {
			refuse_all(walk, AF_INET, "192.0.2.25");
			walk->test[i].outcome = doubt[d];
			assert_int_equal(judge(walk), RELAY_COULD_NOT_TELL);
			assert_true(why[0]);
		}
		for (size_t c = 0; c < sizeof(clear) / sizeof(clear[0]); c++) {
			refuse_all(walk, AF_INET, "192.0.2.25");
			walk->test[i].outcome = clear[c];
			assert_int_equal(judge(walk), RELAY_CLOSED);
		}
	}
}

static void a_refused_sender_settles_little(void **state)
{
	(void)state;
	/* Of a form that is about the sender it is the answer, where the recipient was refused as well. */
	refuse_all(walk, AF_INET, "192.0.2.25");
	test_of(walk, WAY_EHLO, "plain")->outcome = RELAY_SENDER_REFUSED;
	test_of(walk, WAY_EHLO, "local-sender")->outcome = RELAY_SENDER_REFUSED;
	assert_int_equal(judge(walk), RELAY_CLOSED);
	assert_non_null(strstr(why, "--from"));
	/* Of one that is about the recipient it is none. */
	refuse_all(walk, AF_INET, "192.0.2.25");
	test_of(walk, WAY_EHLO, "percent-name")->outcome = RELAY_SENDER_REFUSED;
	assert_int_equal(judge(walk), RELAY_COULD_NOT_TELL);
	assert_non_null(strstr(why, "--from"));
	/* Nor where no sender at all got through to the recipient, were it in one way only. */
	refuse_all(walk, AF_INET, "192.0.2.25");
	for (unsigned int i = 0; i < RELAY_FORMS; i++)
		if (relay_form[i].about_sender)
			walk->test[WAY_TLS * RELAY_FORMS + i].outcome = RELAY_SENDER_REFUSED;
	assert_int_equal(judge(walk), RELAY_COULD_NOT_TELL);
}

static void what_is_not_offered_is_not_missed(void **state)
{
	(void)state;
	refuse_all(walk, AF_INET, "192.0.2.25");
	for (unsigned int i = WAY_PIPELINED * RELAY_FORMS; i < RELAY_TESTS; i++)
		walk->test[i].outcome = RELAY_NOT_OFFERED;
	assert_int_equal(judge(walk), RELAY_CLOSED);
	for (unsigned int i = 0; i < RELAY_TESTS; i++)
		walk->test[i].outcome = RELAY_NOT_OFFERED;
	assert_int_equal(judge(walk), RELAY_COULD_NOT_TELL);
}

/* Other reasons than relaying why something was accepted. */
static void doubtful_acceptance(void **state)
{
	struct relay_test *t;

	(void)state;
	refuse_all(walk, AF_INET, "192.0.2.25");
	t = test_of(walk, WAY_EHLO, "percent-name");
	t->outcome = RELAY_ACCEPTED;
	t->any_user = true;
	assert_int_equal(judge(walk), RELAY_MAY_RELAY);
	assert_non_null(strstr(why, "made-up users"));
	t->outcome = RELAY_DELIVERED;
	assert_int_equal(judge(walk), RELAY_MAY_RELAY);
	assert_non_null(strstr(why, "look whether"));
	/* Another form is beyond doubt. */
	test_of(walk, WAY_TLS, "plain")->outcome = RELAY_DELIVERED;
	assert_int_equal(judge(walk), RELAY_OPEN);
	/* It is the server of the destination's own domain. */
	refuse_all(walk, AF_INET, "192.0.2.25");
	t = test_of(walk, WAY_EHLO, "plain");
	t->own_domain = true;
	t->outcome = RELAY_ACCEPTED;
	assert_int_equal(judge(walk), RELAY_COULD_NOT_TELL);
	assert_non_null(strstr(why, "--to"));
	t->outcome = RELAY_DELIVERED;
	assert_int_equal(judge(walk), RELAY_COULD_NOT_TELL);
}

static void refused_after_data(void **state)
{
	(void)state;
	refuse_all(walk, AF_INET, "192.0.2.25");
	for (unsigned int i = 0; i < RELAY_TESTS; i++)
		walk->test[i].outcome = RELAY_REFUSED_AFTER_DATA;
	assert_int_equal(judge(walk), RELAY_CLOSED);
	/* Another message may have pleased it better. */
	walk->test[5].content = true;
	assert_int_equal(judge(walk), RELAY_MAY_RELAY);
}

static void greylisting_tells_when(void **state)
{
	static const struct {
		const char *words, *when;
	} table[] = {
		{"450 4.7.1 Greylisted, try again in 300 seconds", "in 300 seconds,"},
		{"450 4.7.1 <u@dom.example>: Greylisted for 5 minutes", "in 5 minutes,"},
		{"451 4.7.1 Greylisting in action, please come back in 00:05:00", "in 00:05:00,"},
		{"450 4.2.0 Greylisted [192.0.2.1], see http://x.example/1.html",
		 "in some minutes,"},
		{"450 Greylisted 60s", "in 60s,"},
		{"450 Greylisted", "in some minutes,"},
		{"450 Greylisted 5", "in some minutes,"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		refuse_all(walk, AF_INET, "192.0.2.25");
		walk->test[3].outcome = RELAY_GREYLISTED;
		snprintf(walk->test[3].words, sizeof(walk->test[3].words), "%s", table[i].words);
		assert_int_equal(judge(walk), RELAY_COULD_NOT_TELL);
		assert_non_null(strstr(why, "it greylists"));
		if (!strstr(why, table[i].when))
			fail_msg("%s: %s", table[i].words, why);
	}
}

static enum relay_verdict judge_all(unsigned int walks, bool literal)
{
	why[0] = '\0';
	return relay_judge_all(walk, walks, literal, why, sizeof(why));
}

static void families_are_put_together(void **state)
{
	(void)state;
	refuse_all(&walk[0], AF_INET, "192.0.2.25");
	refuse_all(&walk[1], AF_INET6, "2001:db8::25");
	assert_int_equal(judge_all(2, false), RELAY_CLOSED);
	assert_non_null(strstr(why, "IPv4 and IPv6"));
	assert_int_equal(judge_all(1, false), RELAY_CLOSED);
	assert_non_null(strstr(why, "no IPv6 address"));
	assert_int_equal(judge_all(1, true), RELAY_CLOSED);
	assert_non_null(strstr(why, "other family was not asked"));

	/* Open over IPv6 only. */
	walk[1].test[30].outcome = RELAY_ACCEPTED;
	assert_int_equal(judge_all(2, false), RELAY_MAY_RELAY);
	assert_non_null(strstr(why, "2001:db8::25"));

	/* Nobody listens over IPv6: nor relays. It cannot be reached: nobody knows. */
	refuse_all(&walk[1], AF_INET6, "2001:db8::25");
	walk[1].reach = REACH_NOBODY;
	assert_int_equal(judge_all(2, false), RELAY_CLOSED);
	walk[1].reach = REACH_FAILED;
	snprintf(walk[1].trouble, sizeof(walk[1].trouble), "no way");
	assert_int_equal(judge_all(2, false), RELAY_COULD_NOT_TELL);
	assert_non_null(strstr(why, "over IPv6 (2001:db8::25): no way"));
	walk[1].reach = REACH_UNRESOLVED;
	walk[1].address[0] = '\0';
	assert_int_equal(judge_all(2, false), RELAY_COULD_NOT_TELL);
	assert_non_null(strstr(why, "over IPv6: no way"));
	walk[1].reach = REACH_SELF;
	assert_int_equal(judge_all(2, false), RELAY_COULD_NOT_TELL);
	assert_non_null(strstr(why, "from outside"));
	/* What is open is open, whatever else is not known. */
	walk[0].test[0].outcome = RELAY_DELIVERED;
	assert_int_equal(judge_all(2, false), RELAY_OPEN);

	walk[0].reach = walk[1].reach = REACH_NOBODY;
	assert_int_equal(judge_all(2, false), RELAY_COULD_NOT_TELL);
	assert_int_equal(judge_all(0, false), RELAY_COULD_NOT_TELL);
}

/* A walk that was ended tells why, even where it was refused until then. */
static void an_early_end_is_told(void **state)
{
	(void)state;
	refuse_all(walk, AF_INET, "192.0.2.25");
	for (unsigned int i = 40; i < RELAY_TESTS; i++)
		walk->test[i].outcome = RELAY_NOT_TRIED;
	snprintf(walk->trouble, sizeof(walk->trouble), "it does not go on: 421 enough");
	assert_int_equal(judge(walk), RELAY_COULD_NOT_TELL);
	assert_non_null(strstr(why, "421 enough"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_test_alone_opens),
		cmocka_unit_test(any_doubt_alone_counts),
		cmocka_unit_test(a_refused_sender_settles_little),
		cmocka_unit_test(what_is_not_offered_is_not_missed),
		cmocka_unit_test(doubtful_acceptance),
		cmocka_unit_test(refused_after_data),
		cmocka_unit_test(greylisting_tells_when),
		cmocka_unit_test(families_are_put_together),
		cmocka_unit_test(an_early_end_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
