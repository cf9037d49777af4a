// SPDX-License-Identifier: GPL-2.0-only
/*
 * config_tidy.c - what a configuration may be written with
 *
 * libconfuse's scanner replaces ${NAME} by the environment, knows escapes that no setting here
 * needs, passes over characters it does not know, takes the end of the file for any number of
 * closing braces, and loses count of lines in comments. Each of these would turn a slip into
 * another meaning than the one that was written, so they are found here, where the line is known.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config_syntax.h"

#define DEPTH 4 /* sections and lists in braces need two */

struct scan {
	const char *name, *at, *end;
	FILE *out;
	int line;
	char last; /* the last character that meant something */
	int depth;
	int opened[DEPTH]; /* lines of the braces that are open */
	struct error *why;
};

static int unexpected(struct scan *s)
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

static void skip_line(struct scan *s)
{
	while (s->at < s->end && *s->at != '\n')
		s->at++;
}

static int skip_comment(struct scan *s)
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

static int copy_quoted(struct scan *s)
{
	const char quote = *s->at;
	const char *begin = s->at;

	for (s->at++; s->at < s->end && *s->at != quote; s->at++) {
		unsigned char c = (unsigned char)*s->at;

		if (c == '\n')
			break;
		if (c < ' ' || c == 0x7f || c == '|' || c == '\\' ||
		    (c == '$' && s->end - s->at > 1 && s->at[1] == '{'))
			return unexpected(s);
	}
	if (s->at == s->end || *s->at == '\n')
		return error_set(
			s->why, -EINVAL,
			"%s:%d: the text that begins with %c has no closing %c on its line",
			s->name, s->line, quote, quote);
	s->at++;
	fwrite(begin, 1, (size_t)(s->at - begin), s->out);
	return 0;
}

static void copy_word(struct scan *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-.:/";

	while (s->at < s->end && *s->at && strchr(allowed, *s->at))
		fputc(*s->at++, s->out);
}

static int copy_brace(struct scan *s)
{
	if (*s->at == '{') {
		if (s->depth == DEPTH)
			return error_set(s->why, -EINVAL,
					 "%s:%d: no setting goes this many braces deep", s->name,
					 s->line);
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

static int step(struct scan *s)
{
	const char *begin = s->at;
	char c = *begin, next = s->end - begin > 1 ? begin[1] : '\n';
	int err = 0;

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
			return unexpected(s);
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
			err = unexpected(s);
	}
	s->last = c;
	return err;
}

int config_tidy(const char *name, const char *data, size_t size, char **out, size_t *out_size,
		struct error *why)
{
	struct scan s = {.name = name, .at = data, .end = data + size, .line = 1, .why = why};
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
