// SPDX-License-Identifier: GPL-2.0-only
/*
 * config_tidy_sites.c - the one value that may span lines: DNSBL sites, in quotes or as in main.cf
 */
#include <errno.h>
#include <string.h>
#include "config_tidy.h"

static bool comment_at(const char *at, const char *end)
{
	return *at == '#' || (end - at >= 2 && at[0] == '/' && at[1] == '/');
}

bool config_tidy_sites_begin(struct config_scan *s)
{
	char c = *s->at;

	if (c == '{') /* libconfuse will say that this is no list */
		s->sites_line = 0;
	return s->sites_line && c != ' ' && c != '\t' && c != '\r' && c != '\n' &&
	       !comment_at(s->at, s->end) && !(c == '/' && s->end - s->at >= 2 && s->at[1] == '*');
}

/* One character of the value; a line end is counted. */
static int copy_one(struct config_scan *s)
{
	unsigned char c = (unsigned char)*s->at;

	if (c == '\r' && s->end - s->at >= 2 && s->at[1] == '\n')
		c = ' ';
	if ((c < ' ' && c != '\n' && c != '\t') || c >= 0x7f || strchr("\"'\\|$", c))
		return config_unexpected(s);
	s->line += c == '\n';
	fputc(c, s->out);
	s->at++;
	return 0;
}

static bool one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

/* A domain has a dot before anything else; "name = value" and "site ..." have not. */
static bool domain_at(const char *at, const char *end)
{
	for (; at < end && *at && !one_of(*at, "= \t\r\n},#\"'"); at++)
		if (*at == '.')
			return true;
	return false;
}

/* A quote that was forgotten would end the text somewhere below, and the mistake be told there. */
static int check_line(struct config_scan *s, int begun, char quote)
{
	const char *first = s->at;

	while (first < s->end && one_of(*first, " \t\r,"))
		first++;
	if (first == s->end || *first == '\n' || *first == quote || domain_at(first, s->end))
		return 0;
	return error_set(s->why, -EINVAL,
			 "%s:%d: no DNSBL's domain begins this line; does the text that begins "
			 "with %c in line %d lack its closing %c?",
			 s->name, s->line, quote, begun, quote);
}

static int copy_quoted(struct config_scan *s)
{
	const char quote = *s->at++;
	int begun = s->line, err = 0;

	while (!err && s->at < s->end && *s->at != quote) {
		err = copy_one(s);
		if (!err && s->at[-1] == '\n')
			err = check_line(s, begun, quote);
	}
	if (!err && s->at == s->end)
		err = error_set(s->why, -EINVAL,
				"%s:%d: the text that begins with %c has no closing %c", s->name,
				begun, quote, quote);
	s->at++;
	return err;
}

/*
 * The first word of the line that goes on with the value, or NULL if none does. As in main.cf: it
 * begins with white space, and empty lines and comments in between do not count.
 */
static const char *continued(const char *line, const char *end)
{
	while (line < end) {
		const char *first = line;

		while (first < end && one_of(*first, " \t\r,"))
			first++;
		if (first == end)
			return NULL;
		if (*first != '\n' && *first != '#')
			return one_of(*line, " \t") && domain_at(first, end) ? first : NULL;
		line = memchr(first, '\n', (size_t)(end - first));
		if (!line)
			return NULL;
		line++;
	}
	return NULL;
}

static void blank_until(struct config_scan *s, const char *until)
{
	for (; s->at < until; s->at++) {
		s->line += *s->at == '\n';
		fputc(*s->at == '\n' ? '\n' : ' ', s->out);
	}
}

static int copy_line(struct config_scan *s)
{
	const char *stop = memchr(s->at, '\n', (size_t)(s->end - s->at));
	int err = 0;

	if (!stop)
		stop = s->end;
	while (!err && s->at < stop && *s->at != '}' && !comment_at(s->at, s->end))
		err = copy_one(s);
	if (!err && s->at < stop && *s->at != '}')
		blank_until(s, stop);
	return err;
}

static int copy_pasted(struct config_scan *s)
{
	const char *next;
	int err;

	for (;;) {
		err = copy_line(s);
		if (err || s->at == s->end || *s->at == '}')
			return err;
		next = continued(s->at + 1, s->end);
		if (!next)
			return 0;
		blank_until(s, next);
	}
}

int config_tidy_sites(struct config_scan *s)
{
	bool quoted = *s->at == '"' || *s->at == '\'';
	bool below = s->line != s->sites_line; /* main.cf's way: nothing behind the = */
	const char *line = s->at;
	int err = 0;

	s->sites_line = 0;
	while (line > s->begin && line[-1] != '\n')
		line--;
	fprintf(s->out, "\"%d,%d|", s->line, (int)(s->at - line) + 1 + quoted);
	if (quoted)
		err = copy_quoted(s);
	else if (!below || continued(line, s->end) == s->at)
		err = copy_pasted(s);
	fputs("\" ", s->out);
	return err;
}
