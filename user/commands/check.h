/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check.h - the parts of `check`: abuse (check_abuse.c), what the DNSBLs said (check_dnsbl.c), what
 * they say now (check_lookup.c), what a refused client is told (check_refuse.c)
 */
#ifndef SMTPWALL_CHECK_H
#define SMTPWALL_CHECK_H

#include <json-c/json.h>
#include "commands.h"

#define BLAME_DAYS 7

/* What a source did here, and what became of it. */
struct blame {
	struct address source;		  /* these two are the caller's to set */
	const struct proven *proven;	  /* NULL: there is none */
	uint64_t now;			  /* boot clock, ns */
	uint64_t limit, half_life, daily; /* of the settings */
	uint64_t window;		  /* seconds that make a sender known */
	bool allowed;
	bool spoke;	      /* abuse is what decides */
	bool has_ban, stands; /* not in force, it is one whose strikes count */
	struct prefix prefix; /* of the ban */
	struct ban ban;
	double penalty, guesses; /* now; zero unless proven */
	bool logged_in;
	double share; /* of all accepted mail, 0 to 1 */
	bool large_share;
	bool is_known;
	struct known known;
	bool has_mail;
	struct ledger_known mail;
	struct ledger_day day[BLAME_DAYS];
	unsigned int days;
};

/* `ledger` and `config` may be NULL. */
void blame_read(struct blame *b, struct wall *wall, struct ledger *ledger, const struct answer *a,
		const struct config *config);
void blame_ban_text(const struct blame *b); /* nothing if there is none */
void blame_text(const struct blame *b);
void blame_json(const struct blame *b, json_object *o);

/* What is held about a source. */
struct said {
	const struct dnsbl_health *health;
	uint64_t threshold, now; /* boot clock, ns */
	bool held;		 /* there is an entry */
	struct dnsbl facts;
	struct config *config; /* NULL: it cannot be read, and weights are not known */
	struct error config_why;
	const struct dnsbl_zone *zone[DNSBL_SITES]; /* of the places; NULL: not known */
};

/* To be released by said_close(). Borrows the wall. */
void said_open(struct said *said, struct wall *wall, const struct address *source);
void said_close(struct said *said);
void said_text(const struct said *said);
void said_json(const struct said *said, json_object *o);

/* One answer as it is shown. */
struct site_said {
	const char *name;
	const struct dnsbl_site *site; /* NULL: it has no place yet */
	const struct dnsbl_zone *zone; /* NULL: its weights are not known */
	const struct dnsbl_answer *answer;
	const char *words;	  /* how it failed; NULL: by its outcome */
	const char *not_counting; /* NULL: its answer counts */
};

/* Why answers of this site do not count for this source, NULL if they do. */
const char *site_not_counting(const struct dnsbl_site *site, const struct address *source);
int32_t site_weight(const struct site_said *s);

/* A table of answers, with a column for weights or without; for table_print(). */
struct table *answers_table(bool weights);
void answers_row(struct table *t, bool weights, const struct site_said *s, uint64_t now);
json_object *answer_json(const struct site_said *s);

/* Of a source whose row refuses: what it is told, how often it was, or why it is not refused. */
struct turned {
	bool refuses;
	enum refuse_word word;
	bool rate;     /* it is told 421 */
	bool passes;   /* not refused, it passes */
	bool network;  /* told often enough: not it, but its IPv6 /64 */
	bool would;    /* monitor mode */
	bool told_now; /* the verdict is refuse, in the mode in force or in enforce mode */
	bool tarpit;
	bool at_mail;
	bool daemon, attached;
	uint64_t told, times, clients;
	uint64_t since, until;	  /* boot clock, ns; 0: none */
	char reply[REFUSE_REPLY]; /* without line end; "": the configuration cannot be read */
};

/* Asks a DNSBL for its TXT record, where the configuration wants that. */
void turned_read(struct turned *t, struct wall *wall, const struct said *said,
		 const struct address *source, const struct answer *a);
void turned_text(const struct turned *t);
void turned_json(const struct turned *t, json_object *o);

/* What the sites say now. */
struct asked {
	char not_asked[1200]; /* why nobody was asked; "": they were */
	unsigned int pending;
	struct dnsbl_reply reply[DNSBL_SITES]; /* of the configuration's zones, in their order */
};

/*
 * Asks all configured sites and waits, for their timeout at most. `reason` is what decides about
 * the source now: about what is allowed nobody is asked.
 */
void asked_run(struct asked *asked, const struct said *said, const struct address *source,
	       enum reason reason);
void asked_text(const struct asked *asked, const struct said *said, const struct address *source);
void asked_json(const struct asked *asked, const struct said *said, const struct address *source,
		json_object *o);

#endif
