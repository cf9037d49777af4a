// SPDX-License-Identifier: GPL-2.0-only
/*
 * read.c - reads a list: source -> lines -> the format's parser -> content
 *
 * All or nothing: the content is built aside and handed over only when the last line was good.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "reading.h"

#define RBLDNSD rbldnsd_start, rbldnsd_line, rbldnsd_finish, rbldnsd_release

static const struct list_format formats[] = {
	{"plain", 0, NULL, plain_line, NULL, NULL},
	{"drop", 0, NULL, drop_line, NULL, NULL},
	{"drop-json", 0, drop_json_start, drop_json_line, drop_json_finish, drop_json_release},
	{"ip4set", RBL_IP4SET, RBLDNSD},
	{"ip4trie", RBL_IP4TRIE, RBLDNSD},
	{"ip4tset", RBL_IP4TSET, RBLDNSD},
	{"ip6trie", RBL_IP6TRIE, RBLDNSD},
	{"ip6tset", RBL_IP6TSET, RBLDNSD},
};

const struct list_format *list_format_find(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i].name, name))
			return &formats[i];
	return NULL;
}

bool list_format_known(const char *format)
{
	return list_format_find(format);
}

int bad_line(struct reading *r, const char *format, ...)
{
	char text[sizeof(r->why.text)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return error_set(&r->why, -EBADMSG, "%s:%lu: %s", r->name, r->line, text);
}

int bad_line_because(struct reading *r)
{
	return error_prefix(&r->why, -EBADMSG, "%s:%lu: ", r->name, r->line);
}

void reading_note(struct reading *r, const char *format, ...)
{
	char text[sizeof(r->why.text)];
	struct error note;
	va_list args;

	if (!r->options->note)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	error_set(&note, 0, "%s:%lu: %s", r->name, r->line, text);
	r->options->note(r->options->context, note.text);
}

char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t\f\v\r");
	end = text + strlen(text);
	while (end > text && strchr(" \t\f\v\r", end[-1]))
		end--;
	*end = '\0';
	return text;
}

int read_prefix(struct reading *r, const char *text)
{
	struct prefix prefix;
	enum family family;
	struct span span;

	if (prefix_parse(text, &prefix, &r->why))
		return bad_line_because(r);
	family = span_of_prefix(&prefix, &span);
	if (content_add(r->content, family, &span))
		return -ENOMEM;
	content_note_widest(r->content, family,
			    prefix.length - (family == FAMILY_V4 ? ADDRESS_V4_AT : 0), text);
	r->content->entries++;
	return 0;
}

static int read_lines(struct reading *r, struct source *source)
{
	size_t length;
	char *line;
	int err;

	while ((err = source_line(source, &line, &length, &r->why)) > 0) {
		if (!r->line++ && !strncmp(line, "\xef\xbb\xbf", 3)) {
			line += 3;
			length -= 3;
		}
		if (memchr(line, '\0', length))
			err = bad_line(r, "a NUL byte is no part of a list; is the file damaged?");
		else
			err = r->format->line(r, line);
		if (err == -EBADMSG && r->options->skip_bad) {
			r->content->left_out++;
			if (r->options->note)
				r->options->note(r->options->context, r->why.text);
			err = 0;
		}
		if (err)
			break;
	}
	return err;
}

static int read_all(struct reading *r, struct source *source)
{
	const char *text;
	size_t size;
	int err;

	err = source_peek(source, &text, &size, &r->why);
	if (err)
		return err;
	/* What is no list at all is told so even when a format was named. */
	r->format = list_recognise(r, text, size);
	if (!r->format)
		return -EINVAL;
	if (r->options->format) {
		r->format = list_format_find(r->options->format);
		if (!r->format)
			return error_set(&r->why, -EINVAL,
					 "\"%s\" is not a format of lists: there are plain, drop, "
					 "drop-json, ip4set, ip4trie, ip4tset, ip6trie and ip6tset",
					 r->options->format);
	}
	snprintf(r->content->format, sizeof(r->content->format), "%s", r->format->name);
	if (r->format->start)
		err = r->format->start(r);
	if (!err)
		err = read_lines(r, source);
	if (!err && r->format->finish)
		err = r->format->finish(r);
	if (err)
		return err;
	content_normalise(r->content);
	if (r->content->v4_count || r->content->v6_count)
		return 0;
	if (r->content->left_out)
		return error_set(&r->why, -ENODATA,
				 "%s holds no entry that can be used: all were left out", r->name);
	if (r->content->entries)
		return error_set(&r->why, -ENODATA, "%s excludes every address that it lists",
				 r->name);
	return error_set(&r->why, -ENODATA, "%s holds no entry; an empty download clears no list",
			 r->name);
}

static int read_source(struct source *source, const struct list_options *options,
		       struct list_content *out, struct error *why)
{
	static const struct list_options defaults;
	struct list_content content = {.widest4 = 33, .widest6 = 129};
	struct reading r = {.name = source_name(source),
			    .options = options ? options : &defaults,
			    .content = &content,
			    .now = time(NULL)};
	int err;

	err = read_all(&r, source);
	if (r.format && r.format->release)
		r.format->release(&r);
	source_close(source);
	if (err) {
		if (err == -ENOMEM)
			error_set(&r.why, 0, "%s: out of memory", r.name);
		list_content_free(&content);
		return error_set(why, err == -EBADMSG ? -EINVAL : err, "%s", r.why.text);
	}
	*out = content;
	return 0;
}

int list_read(const char *path, const struct list_options *options, struct list_content *out,
	      struct error *why)
{
	struct source *source;
	int err = source_open(path, &source, why);

	return err ? err : read_source(source, options, out, why);
}

int list_read_memory(const char *name, const void *data, size_t size,
		     const struct list_options *options, struct list_content *out,
		     struct error *why)
{
	struct source *source;
	int err = source_memory(name, data, size, &source, why);

	return err ? err : read_source(source, options, out, why);
}
