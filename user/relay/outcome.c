// SPDX-License-Identifier: GPL-2.0-only
/*
 * outcome.c - what a server's reply to a form means
 *
 * What the wall reads in replies (<smtpwall/phrases.h>) is read here by the same automaton: which words
 * deny relaying, know no such user, speak of the sender, refuse the client. Below are only the words that
 * the wall has no use for. They may be sought in all of a reply: what of it is ours contains no blank.
 *
 * A reply that is about something else than the recipient must never pass for a refusal to relay. A server
 * that blocks this machine refuses it everything, and may be open to everybody else.
 */
#include <errno.h>
#include <string.h>
#include "../../bpf/reply.h"
#include "../kernel/kernel.h"
#include "relay.h"

static bool says_one_of(const char *words, const char *const phrase[])
{
	for (; *phrase; phrase++)
		if (strcasestr(words, *phrase))
			return true;
	return false;
}

/* The client waits and comes again, that is all. */
static const char *const greylisting[] = {
	"greylist", "graylist",	    "grey list",       "gray list",  "grey-list", "gray-list",
	"greytrap", "come back in", "come back later", "come again", NULL};

static const char *const wants_login[] = {"authentication required",
					  "authentication is required",
					  "authentication needed",
					  "requires authentication",
					  "must authenticate",
					  "must be authenticated",
					  "not authenticated",
					  "need to authenticate",
					  "authenticate first",
					  "smtp auth required",
					  "please authenticate",
					  "auth required",
					  "must issue an auth",
					  "not logged in",
					  "log in first",
					  "not authorized to send",
					  NULL};

static const char *const wants_tls[] = {"starttls",
					"tls required",
					"requires tls",
					"must use tls",
					"encryption required",
					"requires encryption",
					NULL};

/*
 * It looked whether the destination exists before it asked itself whether it should relay, or even asked the
 * destination's server for the user.
 */
static const char *const no_domain[] = {"domain not found",
					"host not found",
					"host or domain name not found",
					"unrouteable address",
					"unroutable address",
					"unrouteable mail domain",
					"no such domain",
					"domain does not exist",
					"domain unknown",
					"unknown domain",
					"unknown mail domain",
					"null mx",
					"nullmx",
					"does not accept mail",
					"name server error",
					"name service error",
					"bad destination",
					"domain must exist",
					"domain is not routable",
					"undeliverable address",
					"no mx",
					"malformed dns",
					NULL};

/* Refused for what the message is, or seems to be. */
static const char *const about_content[] = {"spam",  "virus", "malware",  "content",   "dmarc",
					    "dkim",  "spf",   "header",	  "subject",   "url",
					    "score", "bulk",  "too many", "too large", NULL};

/* It is about this machine: its name, its address, where it stands. */
static const char *const about_client[] = {"helo",
					   "ehlo",
					   "reverse dns",
					   "ptr record",
					   "hostname",
					   "host name",
					   "your ip",
					   "your host",
					   "your address",
					   "ip address",
					   "banned",
					   "blacklist",
					   "blocklist",
					   "blocked",
					   "denylist",
					   "reputation",
					   "dnsbl",
					   "rbl",
					   "spamhaus",
					   "too many connections",
					   "dynamic ip",
					   "your network",
					   "your server",
					   "your smtp",
					   "your country",
					   "your connection",
					   "allowed to connect",
					   "client rejected",
					   "reverse lookup",
					   "rdns",
					   NULL};

/* It looked whether this machine may send for the sender's domain. */
static const char *const about_sender[] = {
	"spf fail", "spf check", "spf softfail", "openspf", "spf record", "dmarc", NULL};

const char *relay_outcome_name(enum relay_outcome outcome)
{
	static const char *const name[] = {
#define OUTCOME(id, text) [id] = (text),
		RELAY_OUTCOMES_X(OUTCOME)
#undef OUTCOME
	};

	return name[outcome];
}

const char *relay_stage_name(enum relay_stage stage)
{
	static const char *const name[] = {
		[STAGE_GREETING] = "greeting", [STAGE_HELLO] = "EHLO",
		[STAGE_STARTTLS] = "STARTTLS", [STAGE_RESET] = "RSET",
		[STAGE_MAIL] = "MAIL",	       [STAGE_RCPT] = "RCPT",
		[STAGE_DATA] = "DATA",	       [STAGE_MESSAGE] = "message",
	};

	return name[stage];
}

enum relay_outcome relay_failure(int err)
{
	if (err == -ETIMEDOUT)
		return RELAY_TIMEOUT;
	return err == -EPROTO ? RELAY_UNINTELLIGIBLE : RELAY_LOST;
}

/* The phrases of a whole reply: bits, enum reply_phrase. */
static uint32_t phrases_of(const struct smtp_reply *reply)
{
	static struct reply_table table;
	static bool built;
	struct reply r = {.greeted = 1};

	if (!built)
		phrases_build(&table);
	built = true;
	for (size_t i = 0; i < reply->size; i++)
		reply_byte(&r, &table, (unsigned char)reply->text[i], false);
	return r.before;
}

/* What both kinds of refusal, for a while and for good, may be. RELAY_NOT_TRIED: nothing of that. */
static enum relay_outcome known_refusal(int code, uint32_t phrases, const char *words)
{
	if (reply_is_relay((uint32_t)code, phrases))
		return RELAY_REFUSED;
	if (says_one_of(words, wants_tls) && (code == 530 || code == 523 || code == 538))
		return RELAY_REFUSED;
	if (code == 530 || (code >= 500 && says_one_of(words, wants_login)))
		return RELAY_AUTHENTICATION;
	if (code < 500 && says_one_of(words, greylisting))
		return RELAY_GREYLISTED;
	if (phrases & PHRASE_SENDER)
		return RELAY_SENDER_REFUSED;
	if (phrases & PHRASE_POLICY)
		return code < 500 && phrases & PHRASE_TEMPORARY ? RELAY_DEFERRED
								: RELAY_CLIENT_REFUSED;
	/* It did not see the command in front of this one, or knows none of them. */
	if (code == 503)
		return strcasestr(words, "auth") ? RELAY_AUTHENTICATION : RELAY_UNINTELLIGIBLE;
	if ((code == 500 || code == 502) && phrases & PHRASE_UNKNOWN)
		return RELAY_UNINTELLIGIBLE;
	return RELAY_NOT_TRIED;
}

static enum relay_outcome recipient_refused(int code, uint32_t phrases, const char *words,
					    enum relay_tail tail)
{
	/* In front of the name of the server itself these words mean that it has no such user. */
	if (says_one_of(words, no_domain) || strstr(words, " 5.1.2 ") || strstr(words, " 4.1.2 "))
		return tail == TAIL_FOREIGN || tail == TAIL_NONE ? RELAY_UNKNOWN_DOMAIN
		       : code >= 500				 ? RELAY_UNKNOWN_USER
								 : RELAY_DEFERRED;
	if (code < 500)
		return RELAY_DEFERRED;
	/* Of invalid recipients, perhaps: then the next one is no better, whatever it is. */
	if (strcasestr(words, "too many"))
		return RELAY_CLIENT_REFUSED;
	if (reply_is_user((uint32_t)code, phrases))
		return RELAY_UNKNOWN_USER;
	if (says_one_of(words, about_sender))
		return RELAY_SENDER_REFUSED;
	return says_one_of(words, about_client) ? RELAY_CLIENT_REFUSED : RELAY_REFUSED;
}

/* Nothing was said about a mail yet. */
static enum relay_outcome hello_refused(int code, enum relay_stage stage, enum relay_outcome known)
{
	if (stage == STAGE_STARTTLS)
		return code < 500 ? RELAY_DEFERRED : RELAY_NOT_OFFERED;
	if (known == RELAY_GREYLISTED || known == RELAY_CLIENT_REFUSED)
		return known;
	if (code < 500)
		return RELAY_DEFERRED;
	if (stage == STAGE_HELLO && (code == 500 || code == 502 || code == 504))
		return RELAY_NOT_OFFERED;
	return RELAY_CLIENT_REFUSED;
}

static enum relay_outcome sender_refused(int code, const char *words)
{
	if (code < 500)
		return RELAY_DEFERRED;
	return says_one_of(words, about_client) ? RELAY_CLIENT_REFUSED : RELAY_SENDER_REFUSED;
}

static enum relay_outcome message_refused(int code, enum relay_outcome known)
{
	if (code < 500)
		return known == RELAY_GREYLISTED || known == RELAY_REFUSED ? known : RELAY_DEFERRED;
	return RELAY_REFUSED_AFTER_DATA;
}

enum relay_outcome relay_classify(const struct smtp_reply *reply, enum relay_stage stage,
				  enum relay_tail tail)
{
	uint32_t phrases = phrases_of(reply);
	enum relay_outcome known;
	char words[SMTP_WORDS];
	int code = reply->code;

	if (code < 300)
		return stage == STAGE_MESSAGE ? RELAY_DELIVERED : RELAY_ACCEPTED;
	if (code < 400)
		return stage == STAGE_DATA && code == 354 ? RELAY_ACCEPTED : RELAY_UNINTELLIGIBLE;
	if (code == 421 || phrases & PHRASE_MANY_ERRORS)
		return RELAY_LOST;
	smtp_words(reply, words, sizeof(words));
	known = known_refusal(code, phrases, words);
	switch (stage) {
	case STAGE_GREETING:
	case STAGE_HELLO:
	case STAGE_STARTTLS:
		return hello_refused(code, stage, known);
	case STAGE_RESET:
		return code < 500 ? RELAY_DEFERRED : RELAY_LOST;
	case STAGE_MAIL:
		return known ? known : sender_refused(code, words);
	case STAGE_RCPT:
		return known ? known : recipient_refused(code, phrases, words, tail);
	case STAGE_DATA:
	case STAGE_MESSAGE:
		break;
	}
	return message_refused(code, known);
}

bool relay_about_content(const struct smtp_reply *reply)
{
	char words[SMTP_WORDS];

	smtp_words(reply, words, sizeof(words));
	return !reply_is_relay((uint32_t)reply->code, phrases_of(reply)) &&
	       says_one_of(words, about_content);
}
