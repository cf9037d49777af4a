/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config_syntax.h - the steps from text to settings: tidy, parse, judge; only config.c needs this
 */
#ifndef SMTPWALL_CONFIG_SYNTAX_H
#define SMTPWALL_CONFIG_SYNTAX_H

#include <confuse.h>
#include <stddef.h>
#include "config.h"

/* A member that config_tidy() adds to every section: the line where it begins. */
#define CONFIG_LINE ".line"

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

#endif
