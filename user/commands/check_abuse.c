// SPDX-License-Identifier: GPL-2.0-only
/*
 * check_abuse.c - the part of `check` about abuse: the ban, what the source did, why it is spared
 *
 * From the maps what counts now, from the ledger what it did by day.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "../clock.h"
#include "../output.h"
#include "check.h"

#define DAY	    86400
#define DAY_NS	    (DAY * SECOND_NS)
#define WINDOW	    (30ULL * DAY) /* where the configuration cannot be read */
#define DAY_TEXT    16
#define SHARE_LEAST 0.05 /* a share below this is nobody's business */

static double points(uint64_t word)
{
	return (double)word / (double)PENALTY_POINT;
}

/* The slow sum of failed logins runs off evenly, so many a day. */
static double guesses_now(const struct blame *b, uint64_t word)
{
	uint64_t began = PENALTY_TICKS(word) * PENALTY_TICK;
	double left = points(PENALTY_SUM(word));

	if (b->now > began)
		left -= (double)b->daily * (double)(b->now - began) / (double)DAY_NS;
	return left > 0 ? left : 0;
}

static int take_day(const struct ledger_day *day, void *context)
{
	struct blame *b = context;

	if (b->days < BLAME_DAYS)
		b->day[b->days++] = *day;
	return 0;
}

static void read_ledger(struct blame *b, struct ledger *ledger)
{
	int64_t today = clock_wall() / DAY, window = (int64_t)(b->window / DAY);

	ledger_each_day(ledger, &b->source, today - BLAME_DAYS + 1, take_day, b, NULL);
	b->has_mail = ledger_get_known(ledger, &b->source, today - window + 1, &b->mail, NULL) == 0;
}

/* The ban that spoke; else one that something stronger hides; else strikes that still count. */
static void read_ban(struct blame *b, struct wall *wall, const struct answer *a)
{
	struct prefix host = {.address = b->source, .length = ADDRESS_BITS};

	b->prefix = host;
	if (a->reason == REASON_ABUSE && a->ban_length && a->ban_length <= ADDRESS_BITS)
		b->prefix.length = a->ban_length;
	prefix_mask(&b->prefix);
	if (a->reason == REASON_ABUSE && wall_get_ban(wall, &b->prefix, &b->ban) == 0) {
		b->has_ban = b->stands = true;
		return;
	}
	b->prefix = host;
	b->stands = ban_covering(wall, &host, &b->prefix, &b->ban);
	b->has_ban =
		b->stands || (wall_get_ban(wall, &host, &b->ban) == 0 && b->ban.remember > b->now);
}

static void read_share(struct blame *b, struct wall *wall)
{
	uint64_t limit = wall_settings(wall)->abuse_share;
	struct abuse abuse;
	double all, own;

	if (wall_abuse(wall, &abuse, NULL))
		return;
	all = points(penalty_at(abuse.carried, b->now, CARRIED_HALF_LIFE));
	own = points(penalty_at(b->proven->carried, b->now, CARRIED_HALF_LIFE));
	if (all < CARRIED_LEAST)
		return;
	b->share = own < all ? own / all : 1;
	b->large_share = limit && b->share * 100 > (double)limit;
}

void blame_read(struct blame *b, struct wall *wall, struct ledger *ledger, const struct answer *a,
		const struct config *config)
{
	volatile struct settings *settings = wall_settings(wall);

	b->now = a->now ? a->now : clock_boot();
	b->limit = settings->abuse_limit;
	b->half_life = settings->abuse_half_life;
	b->daily = settings->abuse_daily;
	b->window = config && config->known_window ? config->known_window : WINDOW;
	b->allowed = a->reason == REASON_ALLOW_LIST;
	b->spoke = a->reason == REASON_ABUSE;
	read_ban(b, wall, a);
	b->is_known = wall_get_known(wall, &b->source, &b->known) == 0 && b->known.until > b->now;
	if (b->proven) {
		b->penalty = points(penalty_at(b->proven->penalty, b->now, b->half_life));
		b->guesses = guesses_now(b, b->proven->guesses);
		b->logged_in = b->proven->login_until > b->now;
		read_share(b, wall);
	}
	if (ledger)
		read_ledger(b, ledger);
}

static const char *day_text(int64_t day, char text[DAY_TEXT])
{
	time_t seconds = (time_t)(day * DAY);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(text, DAY_TEXT, "%Y-%m-%d", &tm))
		snprintf(text, DAY_TEXT, "?");
	return text;
}

/* Every reason why this source is not banned by itself; how many there are. */
static unsigned int spared(const struct blame *b, enum spared out[4])
{
	unsigned int n = 0;

	if (b->allowed)
		out[n++] = SPARED_ALLOWED;
	if (address_is_private(&b->source))
		out[n++] = SPARED_PRIVATE;
	if (b->large_share)
		out[n++] = SPARED_SHARE;
	if (b->is_known)
		out[n++] = SPARED_KNOWN;
	return n;
}

/* --- for scripts ------------------------------------------------------------------------------ */

static void days_json(const struct blame *b, json_object *o)
{
	json_object *days = json_object_new_array();
	char text[DAY_TEXT];

	for (unsigned int i = 0; i < b->days; i++) {
		json_object *day = json_object_new_object();

		json_text(day, "day", day_text(b->day[i].day, text));
		json_object_object_add(day, "offences", offences_json(b->day[i].offence));
		json_number(day, "mail", b->day[i].mail);
		json_object_array_add(days, day);
	}
	json_object_object_add(o, "days", days);
}

static void source_json(const struct blame *b, json_object *o)
{
	json_decimal(o, "penalty", b->penalty, 3);
	json_decimal(o, "limit", points(b->limit) * (b->logged_in ? PENALTY_LOGIN_FACTOR : 1), 3);
	json_decimal(o, "failed_logins", b->guesses, 1);
	json_number(o, "failed_logins_daily", b->daily);
	json_object_object_add(o, "offences", offences_json(b->proven->offence));
	if (b->proven->offended)
		json_time(o, "last_offence", clock_wall_of(b->proven->offended));
	if (b->logged_in)
		json_time(o, "login_until", clock_wall_of(b->proven->login_until));
}

void blame_json(const struct blame *b, json_object *o)
{
	json_object *mail = json_object_new_object(), *reasons = json_object_new_array();
	enum spared reason[4];
	unsigned int count = spared(b, reason);
	char prefix[PREFIX_TEXT];

	if (b->has_ban) {
		json_object *ban = json_object_new_object();

		json_text(ban, "prefix", prefix_text(&b->prefix, prefix));
		json_flag(ban, "in_force", b->stands);
		json_time(ban, "since", clock_wall_of(b->ban.since));
		json_time(ban, "until", clock_wall_of(b->ban.until));
		ban_json(ban, &b->ban);
		json_object_object_add(o, "ban", ban);
	}
	if (b->proven)
		source_json(b, o);
	if (b->is_known) {
		json_object *known = json_object_new_object();

		json_number(known, "messages", b->known.messages);
		json_number(known, "days", b->known.days);
		json_time(known, "until", clock_wall_of(b->known.until));
		json_object_object_add(o, "known", known);
	}
	json_number(mail, "messages", b->has_mail ? b->mail.messages : 0);
	json_number(mail, "days", b->has_mail ? b->mail.days : 0);
	json_decimal(mail, "share", b->share * 100, 1);
	json_object_object_add(o, "mail", mail);
	for (unsigned int i = 0; i < count; i++)
		json_object_array_add(reasons, json_object_new_string(spared_name(reason[i])));
	json_object_object_add(o, "spared", reasons);
	days_json(b, o);
}

/* --- for people ------------------------------------------------------------------------------- */

void blame_ban_text(const struct blame *b)
{
	char prefix[PREFIX_TEXT], when[CLOCK_TEXT], evidence[EVIDENCE_SENTENCE];
	const struct ban *ban = &b->ban;

	if (!b->has_ban)
		return;
	clock_short(clock_wall_of(ban->until), when);
	if (b->stands)
		/* The rule's own until stands above it, when it was this ban that spoke. */
		printf("  ban      %s%s%s, strike %u, by %s%s\n", prefix_text(&b->prefix, prefix),
		       b->spoke ? "" : " until ", b->spoke ? "" : when, ban->strikes,
		       ban_origin_name(ban->origin),
		       ban->mode == MODE_MONITOR ? ", made in monitor mode" : "");
	else if (ban->until > b->now)
		printf("  ban      none in force; one of monitor mode, until %s, strike %u\n", when,
		       ban->strikes);
	else
		printf("  ban      none in force; the last one ended %s, strike %u\n", when,
		       ban->strikes);
	printf("           %s\n", evidence_text(ban, evidence, sizeof(evidence)));
	if (!b->stands)
		printf("           its strikes count until %s: the next ban will be longer\n",
		       clock_short(clock_wall_of(ban->remember), when));
}

static void penalty_text(const struct blame *b)
{
	char time[DURATION_TEXT], offences[OFFENCES_TEXT], when[CLOCK_TEXT];

	/* Of a source that did nothing there is nothing to say. */
	if (b->limit && (b->penalty >= 0.05 || b->proven->offended || b->logged_in))
		printf("  penalty  %.1f of %g (limit%s), halves every %s\n", b->penalty,
		       points(b->limit) * (b->logged_in ? PENALTY_LOGIN_FACTOR : 1),
		       b->logged_in ? " of a source that is logged in" : "",
		       duration_text(b->half_life / SECOND_NS, time));
	if (b->limit && b->guesses >= 0.05 && b->daily)
		printf("           failed logins lately %.1f; more than %llu a day end in a ban\n",
		       b->guesses, (unsigned long long)b->daily);
	if (*offences_text(b->proven->offence, offences, sizeof(offences))) {
		printf("  offences %s", offences);
		if (b->proven->offended)
			printf("; last %s", clock_short(clock_wall_of(b->proven->offended), when));
		putchar('\n');
	}
	if (b->logged_in)
		printf("  login    counts until %s: DNSBLs and rates do not apply\n",
		       clock_short(clock_wall_of(b->proven->login_until), when));
}

static void mail_text(const struct blame *b)
{
	uint32_t messages = b->is_known	  ? b->known.messages
			    : b->has_mail ? b->mail.messages
					  : 0,
		 days = b->is_known   ? b->known.days
			: b->has_mail ? b->mail.days
				      : 0;

	if (messages)
		printf("  %s %u message%s on %u day%s of the last %llu%s\n",
		       b->is_known ? "known   " : "mail    ", messages, messages == 1 ? "" : "s",
		       days, days == 1 ? "" : "s", (unsigned long long)(b->window / DAY),
		       b->is_known ? "" : " (not known yet)");
	if (b->share >= SHARE_LEAST)
		printf("  share    %.0f %% of all mail that was accepted lately\n", b->share * 100);
}

static void spared_text(const struct blame *b)
{
	static const char *const text[] = {
		[SPARED_KNOWN] = "a known sender is not banned for relay-denied and unknown-user",
		[SPARED_SHARE] = "its share of all mail is large (a proxy, NAT?): no ban by itself",
		[SPARED_PRIVATE] = "a private address is not banned by itself",
		[SPARED_ALLOWED] = "what an allow list holds is not banned",
	};
	enum spared reason[4];
	unsigned int count = spared(b, reason);

	for (unsigned int i = 0; i < count; i++)
		printf("  %s %s\n", i ? "        " : "spared  ", text[reason[i]]);
}

static void days_text(const struct blame *b)
{
	char day[DAY_TEXT], offences[OFFENCES_TEXT], mail[NUMBER_TEXT];

	for (unsigned int i = 0; i < b->days; i++) {
		const struct ledger_day *d = &b->day[i];

		offences_text(d->offence, offences, sizeof(offences));
		printf("  %s %s  %s%s%s mail accepted\n", i ? "        " : "by day  ",
		       day_text(d->day, day), offences, offences[0] ? ", " : "",
		       number_text(d->mail, mail));
	}
}

void blame_text(const struct blame *b)
{
	if (b->proven)
		penalty_text(b);
	mail_text(b);
	spared_text(b);
	days_text(b);
}
