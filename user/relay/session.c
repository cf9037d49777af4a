// SPDX-License-Identifier: GPL-2.0-only
/*
 * session.c - one connection on which forms are tried
 *
 * A form is a transaction: RSET, MAIL, RCPT, and with --deliver the message. Behind the reply that
 * decides nothing is sent that could make a mail of it.
 */
#include "session.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what a test is told ----------------------------------------------------------------------- */

static void no_reply(const struct session *s, int err, const struct smtp_reply *reply, char *words)
{
	char said[SMTP_WORDS / 2];

	smtp_words(reply, said, sizeof(said));
	if (err == -ETIMEDOUT)
		snprintf(words, SMTP_WORDS, "(no complete reply in %g s)%s%s",
			 (double)s->plan->timeout_ms / 1000, *said ? " " : "", said);
	else if (err == -EPROTO)
		snprintf(words, SMTP_WORDS, "(no SMTP) %s", said);
	else
		snprintf(words, SMTP_WORDS, "(the connection ended)%s%s", *said ? " " : "", said);
}

/* Takes a reply, or the want of one (`err`), into the test. Returns what it means. */
static enum relay_outcome take(const struct session *s, struct relay_test *test,
			       enum relay_stage stage, int err, const struct smtp_reply *reply)
{
	test->stage = stage;
	test->code = err ? 0 : reply->code;
	if (err) {
		no_reply(s, err, reply, test->words);
		test->outcome = relay_failure(err);
	} else {
		smtp_words(reply, test->words, sizeof(test->words));
		test->outcome = relay_classify(reply, stage, relay_form[test->form].tail);
	}
	return test->outcome;
}

static bool is_over(enum relay_outcome outcome)
{
	return outcome == RELAY_LOST || outcome == RELAY_TIMEOUT || outcome == RELAY_UNINTELLIGIBLE;
}

/* --- hello ------------------------------------------------------------------------------------ */

static void text_of(const struct sockaddr_storage *a, char text[64], char literal[64])
{
	char plain[INET6_ADDRSTRLEN] = "";

	if (a->ss_family == AF_INET) {
		inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, plain,
			  sizeof(plain));
		snprintf(literal, 64, "%s", plain);
	} else {
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, plain,
			  sizeof(plain));
		snprintf(literal, 64, "IPv6:%s", plain);
	}
	snprintf(text, 64, "%s", plain);
}

/* What every connection knows by its ends. */
static void look_at_ends(struct session *s, char helo[SMTP_NAME])
{
	struct sockaddr_storage local;
	char literal[64] = "127.0.0.1";

	if (!smtp_local(s->smtp, &local))
		text_of(&local, s->walk->local, literal);
	if (s->plan->helo[0])
		snprintf(helo, SMTP_NAME, "%s", s->plan->helo);
	else
		snprintf(helo, SMTP_NAME, "[%s]", literal);
}

/* The first name by which the server calls itself stays. */
static void learn_name(struct session *s, const struct smtp_reply *reply)
{
	if (!s->walk->server[0] && smtp_reply_name(reply, s->walk->server))
		snprintf(s->names.server, sizeof(s->names.server), "%s", s->walk->server);
}

/*
 * The way to one's own public address may lead out to a router that translates it and back in: the server
 * that greets by this machine's name is met from inside.
 */
static bool is_self(const struct session *s)
{
	const struct relay_walk *walk = s->walk;

	return !strcmp(walk->local, walk->address) ||
	       (s->plan->own_name[0] && !strcasecmp(walk->server, s->plan->own_name));
}

static enum relay_outcome greeting(struct session *s, struct relay_test *test)
{
	struct smtp_reply reply;
	enum relay_outcome outcome;
	struct error why;
	int err;

	if (s->plan->wrapped && (err = smtp_tls(s->smtp, s->plan->sni, &why))) {
		smtp_reply_begin(&reply);
		outcome = take(s, test, STAGE_GREETING, err, &reply);
		snprintf(test->words, sizeof(test->words), "(%.500s)", why.text);
		return outcome;
	}
	err = smtp_read(s->smtp, &reply);
	outcome = take(s, test, STAGE_GREETING, err, &reply);
	if (!s->walk->greeting[0] && !err)
		snprintf(s->walk->greeting, sizeof(s->walk->greeting), "%s", test->words);
	if (outcome == RELAY_ACCEPTED)
		learn_name(s, &reply);
	if (is_self(s)) {
		s->walk->reach = REACH_SELF;
		return test->outcome = RELAY_NOT_TRIED;
	}
	return outcome;
}

static enum relay_outcome hello(struct session *s, const char *helo, struct relay_test *test,
				struct smtp_reply *reply)
{
	int err = smtp_ask(s->smtp, reply, "%s %s", s->way == WAY_HELO ? "HELO" : "EHLO", helo);
	enum relay_outcome outcome = take(s, test, STAGE_HELLO, err, reply);

	if (outcome == RELAY_ACCEPTED)
		learn_name(s, reply);
	return outcome;
}

/* The server's answer to EHLO lacks what this way needs. */
static enum relay_outcome not_offered(struct relay_test *test, const char *what)
{
	test->stage = STAGE_HELLO;
	test->code = 0;
	snprintf(test->words, sizeof(test->words), "(it does not offer %s)", what);
	return test->outcome = RELAY_NOT_OFFERED;
}

static enum relay_outcome veil(struct session *s, const char *helo, struct relay_test *test,
			       struct smtp_reply *reply)
{
	enum relay_outcome outcome;
	struct error why;
	int err;

	if (s->plan->wrapped || !smtp_reply_offers(reply, "STARTTLS"))
		return not_offered(test, "STARTTLS");
	err = smtp_ask(s->smtp, reply, "STARTTLS");
	outcome = take(s, test, STAGE_STARTTLS, err, reply);
	if (outcome != RELAY_ACCEPTED)
		return outcome;
	err = smtp_tls(s->smtp, s->plan->sni, &why);
	if (err) {
		outcome = take(s, test, STAGE_STARTTLS, err, reply);
		snprintf(test->words, sizeof(test->words), "(%.500s)", why.text);
		return outcome;
	}
	return hello(s, helo, test, reply);
}

enum relay_outcome session_open(struct session *s, enum relay_way way, struct relay_test *test)
{
	struct smtp_reply reply;
	enum relay_outcome outcome;
	char helo[SMTP_NAME];
	struct error why;
	int err;

	s->way = way;
	s->transactions = 0;
	err = smtp_open((const struct sockaddr *)&s->walk->to, s->walk->size, s->plan->timeout_ms,
			&s->smtp, &why);
	if (err) {
		test->outcome = err == -ETIMEDOUT ? RELAY_TIMEOUT : RELAY_LOST;
		test->stage = STAGE_GREETING;
		snprintf(test->words, sizeof(test->words), "(%.500s)", why.text);
		if (s->walk->reach != REACH_TRIED) {
			s->walk->reach = err == -ECONNREFUSED ? REACH_NOBODY : REACH_FAILED;
			snprintf(s->walk->trouble, sizeof(s->walk->trouble), "%.500s", why.text);
		}
		return test->outcome;
	}
	s->walk->reach = REACH_TRIED;
	look_at_ends(s, helo);
	outcome = greeting(s, test);
	if (outcome == RELAY_ACCEPTED)
		outcome = hello(s, helo, test, &reply);
	if (outcome == RELAY_ACCEPTED && way == WAY_TLS)
		outcome = veil(s, helo, test, &reply);
	if (outcome == RELAY_ACCEPTED && way == WAY_PIPELINED &&
	    !smtp_reply_offers(&reply, "PIPELINING"))
		outcome = not_offered(test, "PIPELINING");
	if (outcome != RELAY_ACCEPTED)
		session_end(s);
	return outcome;
}

void session_end(struct session *s)
{
	smtp_quit(s->smtp);
	s->smtp = NULL;
}

static void session_drop(struct session *s)
{
	smtp_close(s->smtp);
	s->smtp = NULL;
}

/* --- a transaction ---------------------------------------------------------------------------- */

/* The three in one write; their replies one after the other. */
static enum relay_outcome pipeline(struct session *s, struct relay_test *test)
{
	char commands[2 * RELAY_PATH + 64];
	struct smtp_reply reply;
	struct relay_test unused = *test;
	int err, size = snprintf(commands, sizeof(commands),
				 "RSET\r\nMAIL FROM:%s\r\nRCPT TO:%s\r\n", test->sender,
				 test->recipient);

	err = smtp_reply_to(s->smtp, smtp_write(s->smtp, commands, (size_t)size), &reply);
	if (take(s, test, STAGE_RESET, err, &reply) != RELAY_ACCEPTED)
		return is_over(test->outcome) ? test->outcome : (test->outcome = RELAY_LOST);
	err = smtp_read(s->smtp, &reply);
	if (take(s, test, STAGE_MAIL, err, &reply) == RELAY_ACCEPTED) {
		err = smtp_read(s->smtp, &reply);
		return take(s, test, STAGE_RCPT, err, &reply);
	}
	/* What it says to RCPT now means nothing; but where it ends the next reply begins. */
	if (!is_over(test->outcome)) {
		err = smtp_read(s->smtp, &reply);
		if (is_over(take(s, &unused, STAGE_RCPT, err, &reply)) && err)
			session_drop(s);
	}
	return test->outcome;
}

static enum relay_outcome one_by_one(struct session *s, struct relay_test *test)
{
	struct smtp_reply reply;
	int err;

	if (s->transactions) {
		err = smtp_ask(s->smtp, &reply, "RSET");
		/* Without it nothing can be tried any more on this connection. */
		if (take(s, test, STAGE_RESET, err, &reply) != RELAY_ACCEPTED)
			return is_over(test->outcome) ? test->outcome
						      : (test->outcome = RELAY_LOST);
	}
	err = smtp_ask(s->smtp, &reply, "MAIL FROM:%s", test->sender);
	if (take(s, test, STAGE_MAIL, err, &reply) != RELAY_ACCEPTED)
		return test->outcome;
	err = smtp_ask(s->smtp, &reply, "RCPT TO:%s", test->recipient);
	return take(s, test, STAGE_RCPT, err, &reply);
}

enum relay_outcome session_transact(struct session *s, struct relay_test *test)
{
	enum relay_outcome outcome =
		s->way == WAY_PIPELINED ? pipeline(s, test) : one_by_one(s, test);

	s->transactions++;
	if (is_over(outcome))
		session_drop(s);
	return outcome;
}

/* The message itself, behind an accepted RCPT. */
static void deliver(struct session *s, struct relay_test *test)
{
	struct smtp_reply reply;
	char *message;
	int err = smtp_ask(s->smtp, &reply, "DATA");

	if (take(s, test, STAGE_DATA, err, &reply) == RELAY_ACCEPTED) {
		message = reply.code == 354 ? relay_message(s->plan, s->walk, test) : NULL;
		if (!message) {
			test->outcome = RELAY_UNINTELLIGIBLE;
		} else {
			err = smtp_reply_to(s->smtp, smtp_write(s->smtp, message, strlen(message)),
					    &reply);
			take(s, test, STAGE_MESSAGE, err, &reply);
		}
		free(message);
	}
	if (test->outcome == RELAY_REFUSED_AFTER_DATA)
		test->content = relay_about_content(&reply);
	if (test->outcome == RELAY_DELIVERED)
		s->delivered[test->form] = true;
	if (is_over(test->outcome))
		session_drop(s);
}

/* The recipient is what is tried: any sender that the server takes will do. */
static void try_other_senders(struct session *s, struct relay_test *test)
{
	static const char *const sender[] = {"<>", "<%f@%F>", "<%f@%s>"};
	char first[RELAY_PATH];

	memcpy(first, test->sender, sizeof(first));
	for (size_t i = 0; i < sizeof(sender) / sizeof(sender[0]); i++) {
		if (test->outcome != RELAY_SENDER_REFUSED || !s->smtp)
			return;
		relay_path(sender[i], &s->names, test->sender);
		if (strcmp(test->sender, first) != 0)
			session_transact(s, test);
	}
}

void session_try(struct session *s, struct relay_test *test)
{
	const struct relay_form *form = &relay_form[test->form];

	relay_path(form->sender, &s->names, test->sender);
	relay_path(form->recipient, &s->names, test->recipient);
	test->any_user = test->own_domain = test->content = false;
	session_transact(s, test);
	if (!form->about_sender)
		try_other_senders(s, test);
	if (test->outcome != RELAY_ACCEPTED)
		return;
	if (s->plan->deliver && !s->delivered[test->form])
		deliver(s, test);
	session_doubt(s, test);
}
