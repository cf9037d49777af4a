// SPDX-License-Identifier: GPL-2.0-only
/*
 * config_logs.c - the sections log: where the mail server tells what is encrypted on the wire
 *
 * A line that is read twice would be charged twice, so no two logs may read the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "config_syntax.h"

#define UNIT_MAX 256 /* bytes of a unit's name with its NUL, as systemd has it */

/* Names a kind of unit that processes run in. A template without its instance runs nothing. */
static bool unit_valid(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789:-_.@";
	const char *end = strrchr(name, '.'), *at = strchr(name, '@');

	return end && end != name && strlen(name) < UNIT_MAX && !name[strspn(name, allowed)] &&
	       *name != '@' && !(at && at + 1 == end) &&
	       (!strcmp(end, ".service") || !strcmp(end, ".scope") || !strcmp(end, ".slice"));
}

static bool has_word(char *const word[], unsigned int words, const char *text)
{
	for (unsigned int i = 0; i < words; i++)
		if (!strcmp(word[i], text))
			return true;
	return false;
}

static int read_words(struct config_reader *r, cfg_t *section, const char *name,
		      bool (*valid)(const char *), const char *advice, char *word[CONFIG_LOG_WORDS],
		      unsigned int *words)
{
	struct config_value v;
	char shown[64];

	for (unsigned int i = 0; (v = config_value_at(section, name, i)).text; i++) {
		text_clean(v.text, shown, sizeof(shown));
		if (!valid(v.text))
			return error_set(r->why, -EINVAL, "%s:%d: %s: \"%s\" %s", r->name, v.line,
					 name, shown, advice);
		if (has_word(word, *words, v.text))
			return error_set(r->why, -EINVAL, "%s:%d: %s: %s is named twice", r->name,
					 v.line, name, shown);
		if (*words == CONFIG_LOG_WORDS)
			return error_set(r->why, -EINVAL, "%s:%d: %s: more than %d %s", r->name,
					 v.line, name, CONFIG_LOG_WORDS, name);
		word[*words] = strdup(v.text);
		if (!word[(*words)++])
			return -ENOMEM;
	}
	return 0;
}

/* Is there a line that both would take? Without patterns a log takes those of all. */
static bool patterns_meet(const struct config_log *a, const struct config_log *b)
{
	for (unsigned int i = 0; i < a->patterns; i++)
		if (has_word(b->pattern, b->patterns, a->pattern[i]))
			return true;
	return !a->patterns || !b->patterns;
}

static bool logs_meet(const struct config_log *a, const struct config_log *b)
{
	if (a->file || b->file)
		return a->file && b->file && !strcmp(a->file, b->file);
	for (unsigned int i = 0; i < a->units; i++)
		if (has_word(b->unit, b->units, a->unit[i]))
			return patterns_meet(a, b);
	return !a->units && !b->units && patterns_meet(a, b);
}

static int check_log(struct config_reader *r, int line, const struct config_log *log)
{
	const struct config *c = r->config;

	if (log->file && log->units)
		return error_set(r->why, -EINVAL,
				 "%s:%d: log \"%s\": units are of the journal, and file is none; "
				 "leave one of them out, or make two logs of it",
				 r->name, line, log->name);
	for (const struct config_log *other = c->log; other < log; other++)
		if (logs_meet(other, log))
			return error_set(r->why, -EINVAL,
					 "%s:%d: log \"%s\" reads what log \"%s\" reads, and would "
					 "count it twice; write both into one",
					 r->name, line, log->name, other->name);
	return 0;
}

static int read_log(struct config_reader *r, cfg_t *section, struct config_log *log)
{
	const char *name = cfg_title(section);
	int line = config_section_line(section), err;
	char shown[64];

	if (!name_valid(name))
		return error_set(r->why, -EINVAL,
				 "%s:%d: log \"%s\": a name has 1 to %d of a-z A-Z 0-9 . _ - and "
				 "does not begin with . or -",
				 r->name, line, text_clean(name, shown, sizeof(shown)),
				 POLICY_NAME - 1);
	memcpy(log->name, name, strlen(name) + 1);
	err = config_read_path(r, section, "file", &log->file);
	if (!err)
		err = read_words(r, section, "units", unit_valid,
				 "cannot be the unit that a mail server runs in; write its whole "
				 "name, as in \"postfix@-.service\"",
				 log->unit, &log->units);
	if (!err)
		err = read_words(r, section, "patterns", name_valid,
				 "is no name of a set of patterns; write it without a directory, "
				 "as in \"postfix\"",
				 log->pattern, &log->patterns);
	return err ? err : check_log(r, line, log);
}

int config_read_logs(struct config_reader *r, cfg_t *top)
{
	struct config *c = r->config;
	unsigned int count = cfg_size(top, "log");
	int err = config_read_flag(r, top, "read-logs", &c->read_logs);

	if (err || !count)
		return err;
	if (count > CONFIG_LOGS)
		return error_set(r->why, -EINVAL, "%s:%d: more than %d logs", r->name,
				 config_section_line(cfg_getnsec(top, "log", CONFIG_LOGS)),
				 CONFIG_LOGS);
	c->log = calloc(count, sizeof(*c->log));
	if (!c->log)
		return -ENOMEM;
	for (c->logs = 0; c->logs < count && !err; c->logs++)
		err = read_log(r, cfg_getnsec(top, "log", c->logs), &c->log[c->logs]);
	return err;
}

static void write_words(const char *name, char *const word[], unsigned int words, FILE *out)
{
	fprintf(out, "\t%s = {", name);
	for (unsigned int i = 0; i < words; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "", word[i]);
	fprintf(out, "}\n");
}

void config_write_logs(const struct config *config, FILE *out)
{
	for (unsigned int i = 0; i < config->logs; i++) {
		const struct config_log *log = &config->log[i];

		fprintf(out, "\nlog \"%s\" {\n", log->name);
		if (log->file)
			fprintf(out, "\tfile = \"%s\"\n", log->file);
		else
			write_words("units", log->unit, log->units, out);
		write_words("patterns", log->pattern, log->patterns, out);
		fprintf(out, "}\n");
	}
}

void config_free_logs(struct config *config)
{
	for (unsigned int i = 0; i < config->logs; i++) {
		struct config_log *log = &config->log[i];

		free(log->file);
		for (unsigned int j = 0; j < log->units; j++)
			free(log->unit[j]);
		for (unsigned int j = 0; j < log->patterns; j++)
			free(log->pattern[j]);
	}
	free(config->log);
}
