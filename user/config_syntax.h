/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config_syntax.h - the steps from text to settings: tidy, parse, judge; only config*.c need this
 */
#ifndef SMTPWALL_CONFIG_SYNTAX_H
#define SMTPWALL_CONFIG_SYNTAX_H

#include <confuse.h>
#include <stddef.h>
#include "config.h"

/* A member that config_tidy() adds to every section: the line where it begins. */
#define CONFIG_LINE ".line"

/*
 * The two names of one setting in the section dnsbl: ours, and the one of main.cf, which may be
 * pasted as it stands there. Its text may span lines, and config_tidy() puts "LINE,COLUMN|" in
 * front of it, the place where it begins; | is refused in every text of that section, so the file cannot bring it.
 */
#define CONFIG_SITES		"sites"
#define CONFIG_POSTSCREEN_SITES "postscreen_dnsbl_sites"

#define CONFIG_POSTSCREEN_THRESHOLD "postscreen_dnsbl_threshold" /* the same for threshold */

/* Of the section refuse: templates, in which | has a meaning, and in no other text. */
#define CONFIG_TEXT	 "text"
#define CONFIG_TEXT_RATE "text-rate"

/*
 * Checks the characters of a configuration and copies it without comments, so that libconfuse meets
 * nothing but names, values, braces and commas. The result is the caller's. -EINVAL with
 * "name:line: ".
 */
int config_tidy(const char *name, const char *data, size_t size, char **out, size_t *out_size,
		struct error *why);

/* The text of a configuration as libconfuse holds it; every value is "LINE:VALUE". */
int config_parse(const char *name, const char *data, size_t size, cfg_t **out, struct error *why);

/*
 * Puts what the configuration says into `config`, which holds the defaults. -EINVAL with
 * "name:line: ", -ENOMEM; then `config` is half filled and only to be released.
 */
int config_judge(const char *name, cfg_t *top, struct config *config, struct error *why);

/* --- what the checks share (config_value.c) --------------------------------------------------- */

struct config_reader {
	const char *name; /* of the file */
	struct config *config;
	struct error *why;
};

/* One value and where it stands. */
struct config_value {
	const char *text; /* NULL: not set */
	int line;
};

struct config_value config_value_at(cfg_t *section, const char *name, unsigned int i);
int config_section_line(cfg_t *section);

/*
 * Puts "file:line: NAME: " in front of a sentence about the value of the setting NAME; returns
 * -EINVAL.
 */
int config_at_value(const struct config_reader *r, struct config_value v, const char *name);

/* The section, or NULL if there is none. A second one is an error. */
int config_one_section(struct config_reader *r, cfg_t *top, const char *name, cfg_t **out);

/* A whole number in digits, nothing else; what does not fit is as wrong as what is no number. */
bool config_number_parse(const char *text, uint64_t most, uint64_t *out);

/* These leave `out` alone where the setting is left out. */
int config_read_number(struct config_reader *r, cfg_t *section, const char *name, uint64_t least,
		       uint64_t most, uint64_t *out);
int config_read_number_or_off(struct config_reader *r, cfg_t *section, const char *name,
			      uint64_t least, uint64_t most, uint64_t *out); /* off: 0 */
int config_read_flag(struct config_reader *r, cfg_t *section, const char *name, bool *out);
/* A time in seconds. */
int config_read_time(struct config_reader *r, cfg_t *section, const char *name, uint64_t least,
		     uint64_t most, uint64_t *out);
int config_read_time_or_off(struct config_reader *r, cfg_t *section, const char *name,
			    uint64_t least, uint64_t most, uint64_t *out); /* off: 0 */
/* The absolute path of a file; the copy is the caller's. */
int config_read_path(struct config_reader *r, cfg_t *section, const char *name, char **out);
/* What becomes of a source: drop or refuse. */
int config_read_action(struct config_reader *r, cfg_t *section, bool *refuse);
/* Slowly, too? Only with refuse. */
int config_read_tarpit(struct config_reader *r, cfg_t *section, bool refuse, bool *tarpit);

/* A time as it is written, to the second: duration_text() rounds what has more than two units. */
const char *config_duration(uint64_t seconds, char buffer[DURATION_TEXT]);

/* --- the section dnsbl (config_dnsbl.c) ------------------------------------------------------- */

int config_read_dnsbl(struct config_reader *r, cfg_t *top);

/* --- the section refuse (config_refuse.c) ----------------------------------------------------- */

/* Also without a section: the texts' defaults are copies, so that config_free() may free them. */
int config_read_refuse(struct config_reader *r, cfg_t *top);
void config_write_refuse(const struct config *config, FILE *out);
void config_free_refuse(struct config *config);

/* --- the section abuse (config_abuse.c) and the logs (config_logs.c) -------------------------- */

int config_read_abuse(struct config_reader *r, cfg_t *top);
void config_write_abuse(const struct config *config, FILE *out);

int config_read_logs(struct config_reader *r, cfg_t *top);
void config_write_logs(const struct config *config, FILE *out); /* the sections, not read-logs */
void config_free_logs(struct config *config);

/* --- the section self-check (config_self.c) --------------------------------------------------- */

int config_read_self(struct config_reader *r, cfg_t *top);
void config_write_self(const struct config *config, FILE *out);

#endif
