// SPDX-License-Identifier: GPL-2.0-only
/*
 * check_refuse.c - the part of `check` about refusing: the text a client is told, and why it is not
 *
 * The text is made as the daemon makes it for the listener (refusal.c), from the configuration as it is
 * now: one that was changed and not reloaded tells something else.
 */
#include <stdio.h>
#include <string.h>
#include "../clock.h"
#include "../output.h"
#include "check.h"

#define TXT_MS 3000 /* a person waits for it */

static void read_reply(struct turned *t, struct wall *wall, const struct said *said,
		       const struct address *source, const struct answer *a)
{
	const struct config *config = said->config;
	struct refusal refusal;
	char txt[DNSBL_TXT] = "";
	int site;

	refusal_of_answer(a, &refusal);
	site = refusal_site(wall, config, source, &refusal);
	if (site >= 0 && said->zone[site])
		dnsbl_txt(config->dnsbl_resolver, config->dnsbl_resolvers, TXT_MS, source,
			  said->zone[site], txt);
	refusal_reply(wall, config, source, &refusal, txt, t->reply);
	t->reply[strcspn(t->reply, "\r\n")] = '\0';
	t->tarpit = refusal_tarpits(config, &refusal);
	t->at_mail = config->refuse_at == REFUSE_AT_MAIL;
}

void turned_read(struct turned *t, struct wall *wall, const struct said *said,
		 const struct address *source, const struct answer *a)
{
	const volatile struct settings *s = wall_settings(wall);

	memset(t, 0, sizeof(*t));
	t->refuses = a->refuses;
	if (!t->refuses)
		return;
	t->word = (enum refuse_word)a->refuse_word;
	t->rate = refuse_is_rate(a->reason);
	t->told_now = a->would == VERDICT_REFUSE;
	t->passes = a->would == VERDICT_PASS;
	t->would = a->mode == MODE_MONITOR;
	t->told = a->refuse_told;
	t->times = s->refuse_times;
	t->clients = s->refuse_clients;
	t->since = a->refuse_since;
	t->until = a->refuse_until;
	t->network = a->refuse_network;
	t->daemon = pins_locked(place.pins, LOCK_DAEMON);
	t->attached = wall_refuse_attached(place.pins);
	if (said->config)
		read_reply(t, wall, said, source, a);
}

/* Why it is not refused; a half sentence. */
static const char *obstacle(const struct turned *t, char *text, size_t size)
{
	char when[CLOCK_TEXT];

	switch (t->word) {
	case REFUSE_ABSENT:
		if (!t->daemon)
			return "the refusal listener is the daemon's, and no daemon runs";
		return t->attached ? "there is no refusal listener; `smtpwall status` tells why"
				   : "program `refuse` is not attached in this network namespace; "
				     "`smtpwall up` attaches it or tells why it cannot";
	case REFUSE_ELSEWHERE:
		return "connections are made in another network namespace, where nobody can be "
		       "refused";
	case REFUSE_FULL:
		snprintf(text, size, "%llu clients are being told, and there may be no more",
			 (unsigned long long)t->clients);
		return text;
	case REFUSE_LADDER:
		if (t->until)
			snprintf(text, size, "%s told often enough, until %s",
				 t->network ? "all of its /64 together were" : "it was",
				 clock_short(clock_wall_of(t->until), when));
		else
			snprintf(text, size,
				 "so many connections of %s are being made that no more are told",
				 t->network ? "its /64" : "it");
		return text;
	case REFUSE_BUDGET:
		return "too many were refused in this second";
	case REFUSE_WELL:
	case REFUSE_WORDS:
		break;
	}
	return "it is no new connection";
}

/* ... and so is not told any more. */
static bool was_told(const struct turned *t)
{
	return !t->told_now && t->word == REFUSE_LADDER && t->told;
}

static const char *instead(const struct turned *t)
{
	if (t->passes)
		return "it passes instead";
	return t->would ? "it would be dropped instead" : "it is dropped instead";
}

void turned_text(const struct turned *t)
{
	char text[160], when[CLOCK_TEXT];

	if (!t->refuses)
		return;
	if (t->told_now && t->reply[0])
		printf("  client   %s told%s%s: %s\n", t->would ? "would be" : "is",
		       t->at_mail && !t->rate ? " at MAIL" : "", t->tarpit ? " (slowly)" : "",
		       t->reply);
	else if (t->told_now)
		puts("  client   is told why; the configuration cannot be read, so the text is not "
		     "known here");
	else
		printf("  refuse   not now: %s; %s\n", obstacle(t, text, sizeof(text)), instead(t));
	if (was_told(t) && t->reply[0])
		printf("  text     it was told: %s\n", t->reply);
	printf("  told     %llu of %llu times", (unsigned long long)t->told,
	       (unsigned long long)t->times);
	if (t->since)
		printf(" since %s", clock_short(clock_wall_of(t->since), when));
	puts(t->told_now ? "; then it is dropped" : "");
}

void turned_json(const struct turned *t, json_object *o)
{
	json_object *refuse;

	if (!t->refuses)
		return;
	if ((t->told_now || was_told(t)) && t->reply[0])
		json_text(o, "reply", t->reply);
	refuse = json_object_new_object();
	json_text(refuse, "state", refuse_word_name(t->word));
	json_number(refuse, "told", t->told);
	json_number(refuse, "times", t->times);
	json_flag(refuse, "tarpit", t->tarpit);
	if (t->network)
		json_flag(refuse, "network", true);
	if (t->since)
		json_time(refuse, "since", clock_wall_of(t->since));
	if (t->until)
		json_time(refuse, "until", clock_wall_of(t->until));
	json_object_object_add(o, "refuse", refuse);
}
