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
#include <smtpwall/policy.h>
#include <smtpwall/settings.h>
#include "text.h"

struct dnsbl_sites; /* dnsbl/dnsbl.h */

#define CONFIG_INTERFACES 16
#define CONFIG_RESOLVERS  8
#define CONFIG_LISTS	  254  /* ids 1..255, one of them for the list `guard` */
#define CONFIG_PATH	  1024 /* bytes of a list's file name with its NUL */

struct config_list {
	char name[POLICY_NAME]; /* 1..31 of a-z A-Z 0-9 . _ - , not beginning with . or - */
	enum list_action action;
	char *file;	  /* NULL: loaded by hand only */
	char *format;	  /* NULL: recognised; otherwise a name of lists/lists.h */
	bool skip_bad;	  /* load what can be read of a file with bad lines */
	uint64_t max_age; /* seconds after which the content counts as stale; 0 never */
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

const struct config_list *config_find_list(const struct config *config, const char *name);

/* Names as written in the file; false for what is no name, "unknown" for a number without one. */
bool mode_parse(const char *text, enum mode *mode);
const char *mode_name(enum mode mode);
bool action_parse(const char *text, enum list_action *action);
const char *action_name(enum list_action action);
const char *reason_name(enum reason reason);
const char *verdict_name(enum verdict verdict);

/* "smtp-list.1" may be given to a list; "guard" and "manual" may not, they are the wall's own. */
bool list_name_valid(const char *name);
bool list_name_reserved(const char *name);

#endif
