/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config.h - the configuration file (libconfuse)
 *
 * Read by `up`, the daemon and `config` only. Every setting has one default, here in config.c, with
 * one line of why in the installed example. A missing file means all defaults. A mistake is
 * "file:line: what and why" and nothing of the file is used.
 */
#ifndef SMTPWALL_CONFIG_H
#define SMTPWALL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <smtpwall/abuse.h>
#include <smtpwall/events.h>
#include <smtpwall/policy.h>
#include <smtpwall/settings.h>
#include "text.h"

struct dnsbl_sites; /* dnsbl/dnsbl.h */

#define CONFIG_INTERFACES 16
#define CONFIG_RESOLVERS  8
#define CONFIG_SELF	  16   /* addresses of this host */
#define CONFIG_LISTS	  254  /* ids 1..255, one of them for the list `guard` */
#define CONFIG_PATH	  1024 /* bytes of a list's file name with its NUL */
#define CONFIG_LOGS	  16
#define CONFIG_LOG_WORDS  16 /* units, or sets of patterns, of one log */

/* log "NAME" { }: a log of the mail server, for what is encrypted on the wire. */
struct config_log {
	char name[POLICY_NAME];	      /* as that of a list */
	char *file;		      /* NULL: the journal */
	char *unit[CONFIG_LOG_WORDS]; /* of the journal; none: those that the patterns name */
	unsigned int units;
	char *pattern[CONFIG_LOG_WORDS]; /* sets of patterns; none: all that are installed */
	unsigned int patterns;
};

struct config_list {
	char name[POLICY_NAME]; /* 1..31 of a-z A-Z 0-9 . _ - , not beginning with . or - */
	enum list_action action;
	char *file;	  /* NULL: loaded by hand only */
	char *format;	  /* NULL: recognised; otherwise a name of lists/lists.h */
	bool skip_bad;	  /* load what can be read of a file with bad lines */
	bool tarpit;	  /* action refuse: slowly */
	uint64_t max_age; /* seconds after which the content counts as stale; 0 never */
};

/* When a refused client is told. */
enum refuse_at {
	REFUSE_AT_GREETING, /* 554 instead of 220 (RFC 5321 section 3.1) */
	REFUSE_AT_MAIL, /* 220, and 554 to MAIL: for clients that take a 554 greeting for temporary */
};

struct config {
	enum mode mode;
	char *mode_text;		    /* as written, for "the last change wins" */
	char *interface[CONFIG_INTERFACES]; /* none: the default route's */
	unsigned int interfaces;
	struct {
		uint16_t number;
		enum port_kind kind;
	} port[SETTINGS_PORTS];
	unsigned int ports;
	struct config_list *list;
	unsigned int lists;
	/* rate { } */
	uint64_t source_events, source_seconds, source_burst; /* events 0: off */
	uint64_t network_events, network_seconds, network_burst;
	uint64_t syn_events, syn_seconds, syn_burst;
	uint64_t sessions; /* 0: no limit */
	bool rate_refuse;  /* action refuse: rows sessions, source-rate, network-rate say 421 */
	/* events { } */
	uint64_t event_budget; /* per second and CPU */
	uint64_t learn_budget;
	/* ledger { } */
	uint64_t ledger_max; /* bytes */
	/* dnsbl { } */
	struct dnsbl_sites *dnsbl_sites; /* NULL: no DNSBLs */
	uint64_t dnsbl_threshold;
	uint64_t dnsbl_timeout;			/* seconds */
	char *dnsbl_resolver[CONFIG_RESOLVERS]; /* none: those of resolv.conf */
	unsigned int dnsbl_resolvers;
	bool dnsbl_deferred;
	uint64_t dnsbl_budget; /* new sources per second */
	uint64_t dnsbl_network_budget;
	uint64_t dnsbl_queue;
	uint64_t dnsbl_grace; /* seconds */
	bool dnsbl_refuse, dnsbl_tarpit;
	/* abuse { } */
	uint64_t abuse_weight[OFFENCES];   /* points */
	uint64_t abuse_limit;		   /* points; 0: nobody is banned */
	uint64_t abuse_half_life;	   /* seconds */
	uint64_t abuse_daily;		   /* failed logins a day; 0: off */
	uint64_t abuse_ban, abuse_ban_max; /* seconds */
	uint64_t abuse_widen;		   /* banned addresses of a network; 0: off */
	uint64_t abuse_share;		   /* per cent of accepted mail; 0: off */
	uint64_t abuse_login;		   /* seconds a login exempts; 0: never */
	uint64_t abuse_account_sources;	   /* that the log makes authenticated by one account */
	bool abuse_pop_logins;		   /* POP and IMAP logins count */
	uint64_t known_messages, known_days, known_window; /* so many, in so many seconds */
	uint64_t abuse_keep; /* seconds that offences are kept in the ledger */
	bool abuse_refuse, abuse_tarpit;
	struct prefix *own_network; /* of the mail server, beside private and own addresses */
	unsigned int own_networks;
	/* refuse { } */
	char *refuse_contact; /* for people who are refused: a page or a telephone, not on this host */
	char *refuse_text;    /* templates, see refuse/refuse.h; never NULL */
	char *refuse_text_rate;
	enum refuse_at refuse_at;
	bool refuse_txt; /* {txt}: what the DNSBL itself says, is asked for */
	uint64_t refuse_times,
		refuse_seconds;	 /* told so many times in so many seconds, then dropped */
	uint64_t refuse_clients; /* at once */
	uint64_t refuse_timeout; /* seconds, for a whole connection */
	uint64_t refuse_budget;	 /* new ones per second and CPU */
	uint64_t refuse_tarpit_clients, refuse_tarpit_seconds;
	char *refuse_user; /* whom the listener runs as */
	/* self-check { } */
	struct address self_address[CONFIG_SELF]; /* none: those of the interfaces */
	unsigned int self_addresses;
	uint64_t self_interval; /* seconds; 0: only when the command is run */
	/* logs */
	struct config_log *log;
	unsigned int logs;
	bool read_logs; /* false: none is read; true and no log: the journal, if there is one */
};

/*
 * Reads the file, or gives the defaults if it does not exist (`*missing` tells, may be NULL). The
 * configuration is the caller's, to be released by config_free(). -EINVAL (mistake, with
 * "file:line: ") or another negative errno (cannot be read), with a sentence; `*out` is untouched
 * then.
 */
int config_read(const char *path, struct config **out, bool *missing, struct error *why);
/* The same from memory (for tests and fuzzers); `name` stands for the file in sentences. */
int config_read_memory(const char *name, const char *data, size_t size, struct config **out,
		       struct error *why);
void config_free(struct config *config); /* NULL allowed */

/*
 * Writes every setting with its value in force, in the syntax that config_read() reads. A zone
 * whose site has a name is not written: "<NAME>" stands in its place, which config_read() refuses.
 */
void config_write(const struct config *config, FILE *out);

/* Does any row or list refuse? */
bool config_refuses(const struct config *config);
/* Bits 1 << enum reason of the rows that refuse; not those of lists. */
uint64_t config_refuse_rows(const struct config *config);

const struct config_list *config_find_list(const struct config *config, const char *name);

/* Names as written in the file; false for what is no name, "unknown" for a number without one. */
bool mode_parse(const char *text, enum mode *mode);
const char *mode_name(enum mode mode);
bool action_parse(const char *text, enum list_action *action);
const char *action_name(enum list_action action);
const char *reason_name(enum reason reason);
const char *verdict_name(enum verdict verdict);
const char *offence_name(enum offence offence);
const char *spared_name(enum spared spared);
const char *ban_origin_name(enum ban_origin origin);

/* "smtp-list.1" may be given to a list; "guard" and "manual" may not, they are the wall's own. */
bool list_name_valid(const char *name);
bool name_valid(const char *name); /* the same characters, also where no name is reserved */
bool list_name_reserved(const char *name);

#endif
