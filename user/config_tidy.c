// SPDX-License-Identifier: GPL-2.0-only
/*
 * config_tidy.c - what a configuration may be written with
 *
 * libconfuse's scanner replaces ${NAME} by the environment, knows escapes that no setting here
 * needs, passes over characters it does not know, takes the end of the file for any number of
 * closing braces, and loses count of lines in comments. Each of these would turn a slip into
 * another meaning than the one that was written, so they are found here, where the line is known.
 *
 * One value is more than a word or a text of one line: the sites of the section dnsbl, which may be
 * pasted from Postfix' main.cf. It is copied by config_tidy_sites().
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config_tidy.h"

int config_unexpected(struct config_scan *s)
{
	unsigned char c = (unsigned char)*s->at;

	if (c == '$')
		return error_set(s->why, -EINVAL,
				 "%s:%d: ${NAME} is not replaced here; write the value itself",
				 s->name, s->line);
	if (c > ' ' && c < 0x7f)
		return error_set(s->why, -EINVAL,
				 "%s:%d: the character %c has no meaning here (text with unusual "
				 "characters needs quotes)",
				 s->name, s->line, c);
	return error_set(s->why, -EINVAL, "%s:%d: the byte 0x%02x has no meaning here", s->name,
			 s->line, c);
}

static void skip_line(struct config_scan *s)
{
	while (s->at < s->end && *s->at != '\n')
		s->at++;
}

static int skip_comment(struct config_scan *s)
{
	int begun = s->line;

	for (s->at += 2; s->end - s->at >= 2; s->at++) {
		if (s->at[0] == '*' && s->at[1] == '/') {
			s->at += 2;
			fputc(' ', s->out);
			return 0;
		}
		if (*s->at == '\n') {
			s->line++;
			fputc('\n', s->out);
		}
	}
	return error_set(s->why, -EINVAL, "%s:%d: the comment that begins here with /* has no */",
			 s->name, begun);
}

static bool token_is(const struct config_scan *s, const char *word)
{
	return s->token_size == strlen(word) && !memcmp(s->token, word, s->token_size);
}

/* Is the value of a template about to be copied? */
static bool at_template(const struct config_scan *s)
{
	return s->in_refuse && s->depth == 1 && s->last == '=' &&
	       (token_is(s, CONFIG_TEXT) || token_is(s, CONFIG_TEXT_RATE));
}

static int copy_quoted(struct config_scan *s)
{
	const char quote = *s->at;
	const char *begin = s->at;
	bool bar = at_template(s);

	for (s->at++; s->at < s->end && *s->at != quote; s->at++) {
		unsigned char c = (unsigned char)*s->at;

		if (c == '\n')
			break;
		if (c < ' ' || c == 0x7f || (c == '|' && !bar) || c == '\\' ||
		    (c == '$' && s->end - s->at > 1 && s->at[1] == '{'))
			return config_unexpected(s);
	}
	if (s->at == s->end || *s->at == '\n')
		return error_set(
			s->why, -EINVAL,
			"%s:%d: the text that begins with %c has no closing %c on its line",
			s->name, s->line, quote, quote);
	s->token = begin + 1;
	s->token_size = (size_t)(s->at - s->token);
	s->at++;
	fwrite(begin, 1, (size_t)(s->at - begin), s->out);
	return 0;
}

static void copy_word(struct config_scan *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-.:/";

	for (s->token = s->at; s->at < s->end && *s->at && strchr(allowed, *s->at); s->at++)
		fputc(*s->at, s->out);
	s->token_size = (size_t)(s->at - s->token);
}

static int copy_brace(struct config_scan *s)
{
	if (*s->at == '{') {
		if (s->depth == CONFIG_DEPTH)
			return error_set(s->why, -EINVAL,
					 "%s:%d: no setting goes this many braces deep", s->name,
					 s->line);
		if (!s->depth) {
			s->in_dnsbl = s->last != '=' && token_is(s, "dnsbl");
			s->in_refuse = s->last != '=' && token_is(s, "refuse");
		}
		s->opened[s->depth++] = s->line;
		fputc('{', s->out);
		if (s->last != '=')
			fprintf(s->out, " " CONFIG_LINE " = %d ", s->line);
	} else {
		if (!s->depth)
			return error_set(s->why, -EINVAL, "%s:%d: this } closes no {", s->name,
					 s->line);
		s->depth--;
		fputc('}', s->out);
	}
	s->at++;
	return 0;
}

static int step(struct config_scan *s)
{
	const char *begin = s->at;
	char c = *begin, next = s->end - begin > 1 ? begin[1] : '\n';
	int err = 0;

	if (s->sites_line && config_tidy_sites_begin(s)) {
		s->last = '"';
		return config_tidy_sites(s);
	}
	switch (c) {
	case '\n':
		s->line++;
		/* fall through */
	case ' ':
	case '\t':
		fputc(c, s->out);
		s->at++;
		return 0;
	case '\r':
		if (next != '\n')
			return config_unexpected(s);
		s->at++;
		return 0;
	case '#':
		skip_line(s);
		return 0;
	case '{':
	case '}':
		err = copy_brace(s);
		break;
	case '=':
		if (s->in_dnsbl && s->depth == 1 &&
		    (token_is(s, CONFIG_SITES) || token_is(s, CONFIG_POSTSCREEN_SITES)))
			s->sites_line = s->line;
		/* fall through */
	case ',':
		fputc(c, s->out);
		s->at++;
		break;
	case '"':
	case '\'':
		err = copy_quoted(s);
		break;
	case '/':
		if (next == '/') {
			skip_line(s);
			return 0;
		}
		if (next == '*')
			return skip_comment(s);
		/* fall through */
	default:
		copy_word(s);
		if (s->at == begin)
			err = config_unexpected(s);
	}
	s->last = c;
	return err;
}

int config_tidy(const char *name, const char *data, size_t size, char **out, size_t *out_size,
		struct error *why)
{
	struct config_scan s = {.name = name,
				.at = data,
				.end = data + size,
				.line = 1,
				.token = data,
				.begin = data,
				.why = why};
	char *copy = NULL;
	size_t copied = 0;
	int err = 0;

	s.out = open_memstream(&copy, &copied);
	if (!s.out)
		return error_set(why, -ENOMEM, "%s: out of memory", name);
	while (!err && s.at < s.end)
		err = step(&s);
	if (!err && s.depth)
		err = error_set(why, -EINVAL, "%s:%d: the { in this line is never closed by a }",
				name, s.opened[s.depth - 1]);
	fputc(' ', s.out); /* an empty file has something to read as well */
	if (fclose(s.out) && !err)
		err = error_set(why, -ENOMEM, "%s: out of memory", name);
	if (err) {
		free(copy);
		return err;
	}
	*out = copy;
	*out_size = copied;
	return 0;
}
