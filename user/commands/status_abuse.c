// SPDX-License-Identifier: GPL-2.0-only
/*
 * status_abuse.c - the part of the status about abuse: bans, what replies gave, how sources are proven
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../clock.h"
#include "../output.h"
#include "status.h"

/* The kernel refuses bans when the map is full; before that somebody should know. */
#define ALMOST_FULL (BANS_MAX - BANS_MAX / 10)

static int count_ban(void *context, const struct prefix *prefix, const struct ban *ban)
{
	struct status *s = context;
	struct abuse_state *a = &s->abuse;

	a->entries++;
	if (ban_stands(s->wall, ban)) {
		a->bans++;
		a->networks += prefix->length < ADDRESS_BITS;
		a->monitor += ban->mode == MODE_MONITOR;
	}
	if (ban->remember > clock_boot())
		a->strikes += ban->strikes;
	return 0;
}

int status_abuse_read(struct status *s, struct error *why)
{
	struct abuse_state *a = &s->abuse;
	int err = wall_abuse(s->wall, &a->words, why);

	if (!err)
		err = wall_reply_counts(s->wall, &a->counts, why);
	if (err)
		return err;
	err = wall_each_ban(s->wall, count_ban, s);
	if (err)
		return error_set(why, err, "cannot read the map bans: %s", strerror(-err));
	a->limit = wall_settings(s->wall)->abuse_limit;
	if (a->entries >= ALMOST_FULL)
		status_problem(
			s,
			"the table of bans holds %zu of %u, and %llu bans found no room in it; "
			"when it is full nobody is banned: block whole networks by hand "
			"(`smtpwall bans` names the sources), or take bans back",
			a->entries, BANS_MAX, (unsigned long long)a->counts.bans_full);
	return 0;
}

/* --- for scripts ------------------------------------------------------------------------------ */

void status_abuse_json(const struct status *s, json_object *o)
{
	const struct abuse_state *a = &s->abuse;
	const struct reply_counts *c = &a->counts;
	json_object *abuse = json_object_new_object(), *replies = json_object_new_object(),
		    *offences = json_object_new_object();

	json_flag(abuse, "on", a->limit != 0);
	json_number(abuse, "bans", a->bans);
	json_number(abuse, "networks", a->networks);
	json_number(abuse, "monitor", a->monitor);
	json_number(abuse, "strikes", a->strikes);
	json_number(abuse, "entries", a->entries);
	for (int i = 0; i < OFFENCES; i++)
		json_number(offences, offence_name(i), c->offence[i]);
	json_object_object_add(abuse, "offences", offences);
	json_number(abuse, "logins", c->logins);
	json_number(abuse, "mail", c->mail);
	json_number(abuse, "banned", c->bans);
	json_number(abuse, "bans_full", c->bans_full);
	json_number(abuse, "spared", c->spared);
	json_number(replies, "read", c->replies);
	json_number(replies, "by_code", c->by_code);
	json_number(replies, "veiled", c->veiled);
	json_number(replies, "lost", c->lost);
	json_number(replies, "gaps", c->gaps);
	json_number(replies, "dropped", c->dropped);
	if (a->words.reply_seen)
		json_time(replies, "last", clock_wall_of(a->words.reply_seen));
	json_object_object_add(abuse, "replies", replies);
	json_object_object_add(o, "abuse", abuse);
	json_flag(o, "proof_by_sockets", s->proof.first != 0);
	json_flag(o, "proof_by_replies", a->words.proved != 0);
	if (a->words.proved)
		json_time(o, "last_proof_by_replies", clock_wall_of(a->words.proved));
}

/* --- for people ------------------------------------------------------------------------------- */

/* "3 bans (1 network, 2 of monitor mode)" */
static void bans_text(const struct abuse_state *a)
{
	char bans[NUMBER_TEXT], networks[NUMBER_TEXT], monitor[NUMBER_TEXT], strikes[NUMBER_TEXT];
	const char *between = " (";

	printf("%s ban%s", number_text(a->bans, bans), a->bans == 1 ? "" : "s");
	if (a->networks) {
		printf("%s%s network%s", between, number_text(a->networks, networks),
		       a->networks == 1 ? "" : "s");
		between = ", ";
	}
	if (a->monitor) {
		printf("%s%s made in monitor mode", between, number_text(a->monitor, monitor));
		between = ", ";
	}
	printf("%s, %s strike%s remembered%s\n", *between == ',' ? ")" : "",
	       number_text(a->strikes, strikes), a->strikes == 1 ? "" : "s",
	       a->limit ? "" : "; the limit is off: nobody is banned");
}

static void replies_text(const struct abuse_state *a)
{
	const struct reply_counts *c = &a->counts;
	char replies[NUMBER_TEXT], mail[NUMBER_TEXT], logins[NUMBER_TEXT], n[NUMBER_TEXT],
		when[CLOCK_TEXT];

	if (!c->replies && !c->veiled) {
		puts("            no reply of the mail server read yet");
		return;
	}
	printf("            %s repl%s read, %s message%s accepted, %s login%s; last reply %s\n",
	       number_text(c->replies, replies), c->replies == 1 ? "y" : "ies",
	       number_text(c->mail, mail), c->mail == 1 ? "" : "s", number_text(c->logins, logins),
	       c->logins == 1 ? "" : "s",
	       a->words.reply_seen ? clock_short(clock_wall_of(a->words.reply_seen), when)
				   : "unknown");
	printf("            offences: ");
	for (int i = 0; i < OFFENCES; i++)
		printf("%s%s %s", i ? ", " : "", offence_name(i), number_text(c->offence[i], n));
	putchar('\n');
}

/* What was not read or not done, and only what there is of it. */
static void rest_text(const struct reply_counts *c)
{
	const struct {
		uint64_t count;
		const char *text;
	} kind[] = {
		{c->veiled, "sessions encrypted (the log tells of them)"},
		{c->lost, "sessions lost sight of"},
		{c->gaps, "gaps"},
		{c->by_code, "replies read by their code only"},
		{c->dropped, "replies to banned sources dropped"},
		{c->spared, "limits reached and spared"},
		{c->bans_full, "bans without room"},
	};
	char n[NUMBER_TEXT];
	int column = 0;

	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
		if (!kind[i].count)
			continue;
		if (column > 70) {
			printf(",\n");
			column = 0;
		}
		column += printf("%s%s %s", column ? ", " : "            ",
				 number_text(kind[i].count, n), kind[i].text);
	}
	if (column)
		putchar('\n');
}

void status_abuse_text(const struct status *s)
{
	printf("abuse       ");
	bans_text(&s->abuse);
	replies_text(&s->abuse);
	rest_text(&s->abuse.counts);
}

void status_proof_text(const struct status *s)
{
	uint64_t proved = s->abuse.words.proved;
	char when[CLOCK_TEXT];

	if (s->proof.first)
		printf("sessions    counted; last handshake %s\n",
		       clock_short(clock_wall_of(s->proof.last), when));
	else if (!proved)
		puts("sessions    no handshake seen yet: sessions, source-rate, network-rate, "
		     "syn-rate and dnsbl wait for the first\n"
		     "            (if the mail server is in another network namespace, or behind this "
		     "host, what it sends will do)");
	if (proved)
		printf("%s proven by what the mail server sends, last %s: it is in another network "
		       "namespace, or behind this host;\n"
		       "            such sessions are not counted (row sessions), and not cut when a "
		       "ban or a listing comes\n",
		       s->proof.first ? "            others" : "sessions   ",
		       clock_short(clock_wall_of(proved), when));
}
