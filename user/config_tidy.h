/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config_tidy.h - how far config_tidy() got; only config_tidy*.c need this
 */
#ifndef SMTPWALL_CONFIG_TIDY_H
#define SMTPWALL_CONFIG_TIDY_H

#include "config_syntax.h"

#define CONFIG_DEPTH 4 /* sections in sections and lists in braces need three */

struct config_scan {
	const char *name, *begin, *at, *end;
	FILE *out;
	int line;
	char last; /* the last character that meant something */
	int depth;
	int opened[CONFIG_DEPTH]; /* lines of the braces that are open */
	const char *token;	  /* the last word or text, without its quotes */
	size_t token_size;
	bool in_dnsbl;	/* the outermost brace is that of the section dnsbl */
	bool in_refuse; /* or of the section refuse */
	int sites_line; /* the value of `sites` follows; the line of its =. 0: no */
	struct error *why;
};

/* The sentence about the character at s->at; returns -EINVAL. */
int config_unexpected(struct config_scan *s);

/* The value of `sites` is expected: does it begin at s->at, behind all blanks and comments? */
bool config_tidy_sites_begin(struct config_scan *s);

/*
 * Copies the value of `sites` as one text with "LINE,COLUMN|" in front; line ends stay, and every
 * byte keeps its place. Either in quotes, over as many lines as it takes, or as in main.cf: the
 * rest of the line, and the lines behind it that go on.
 */
int config_tidy_sites(struct config_scan *s);

#endif
