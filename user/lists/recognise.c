// SPDX-License-Identifier: GPL-2.0-only
/*
 * recognise.c - which format is this? And is it a list at all?
 *
 * A download that went wrong is most often a page of HTML, an archive, or nothing. Such things get
 * a sentence of their own instead of the complaint about their first line.
 */
#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include "reading.h"

static const struct {
	const char *magic;
	size_t size;
	const char *what;
} archives[] = {
	{"\xfd"
	 "7zXZ",
	 5, "xz data"},
	{"BZh", 3, "bzip2 data"},
	{"\x28\xb5\x2f\xfd", 4, "zstd data"},
	{"PK\x03\x04", 4, "a zip archive"},
	{"SQLite format 3", 15, "an SQLite database"},
	{"\x7f"
	 "ELF",
	 4, "a program"},
};

static bool refuse(struct reading *r, const char *text, size_t size)
{
	size_t blank = strspn(text, " \t\r\n");

	for (size_t i = 0; i < sizeof(archives) / sizeof(archives[0]); i++)
		if (size >= archives[i].size && !memcmp(text, archives[i].magic, archives[i].size))
			return error_set(&r->why, true,
					 "%s is %s, not a list; lists are read as text or gzipped "
					 "text, so unpack it first",
					 r->name, archives[i].what);
	if (text[blank] == '<')
		return error_set(&r->why, true,
				 "%s is a page of HTML or XML, not a list; look at what is behind "
				 "the address it was fetched from",
				 r->name);
	if (size >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2)))
		return error_set(&r->why, true,
				 "%s is text in UTF-16; store it as plain ASCII or UTF-8", r->name);
	if (size > 512)
		size = 512;
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < ' ' && !strchr("\t\n\v\f\r", c))
			return error_set(&r->why, true,
					 "%s is not text (byte %zu is 0x%02x), so it cannot be a "
					 "list",
					 r->name, i, c);
		if (!c)
			return error_set(&r->why, true,
					 "%s is not text (byte %zu is NUL), so it cannot be a list",
					 r->name, i);
	}
	return false;
}

/* What the lines seen so far speak for. */
struct signs {
	bool drop, rbldnsd, v6;
	bool parts; /* $DATASET tells what each part is */
};

/* "1.10.16.0/20 ; SBL256894" */
static bool drop_entry(const char *line)
{
	const char *sign = strchr(line, ';');

	return sign && !strncmp(sign + 1 + strspn(sign + 1, " "), "SBL", 3);
}

static void look_at(struct signs *signs, const char *line)
{
	const char *special = rbldnsd_special(line);
	size_t word;

	if (special) {
		signs->rbldnsd = true;
		signs->parts |= !strncmp(special, "DATASET", 7);
		return;
	}
	if (*line == ';' && strcasestr(line, "spamhaus"))
		signs->drop = true;
	if (*line == '#' || *line == ';' || !*line)
		return;
	if (drop_entry(line))
		signs->drop = true;
	/* Default values, exclusions, entries with values. */
	if (*line == '!' || (*line == ':' && line[1] != ':'))
		signs->rbldnsd = true;
	if (*line == ':' && line[1] != ':')
		return;
	line += strspn(line, "! \t");
	word = strcspn(line, " \t#;");
	if (line[word] && line[word + strspn(line + word, " \t")] == ':')
		signs->rbldnsd = true;
	if (memchr(line, ':', word) && (size_t)(strchr(line, ':') - line) <= 4)
		signs->v6 = true;
}

const struct list_format *list_recognise(struct reading *r, const char *text, size_t size)
{
	struct signs signs = {0};
	const char *end = text + size, *next;
	bool first = true;
	char line[256];

	if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		size -= 3;
	}
	if (refuse(r, text, size))
		return NULL;
	for (; text < end; text = next) {
		const char *line_end = memchr(text, '\n', (size_t)(end - text));
		size_t length = (size_t)((line_end ? line_end : end) - text);

		next = line_end ? line_end + 1 : end;
		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		text = trim(line);
		if (first && *text) {
			if (*text == '{')
				return list_format_find("drop-json");
			if (*text == '[') {
				error_set(
					&r->why, 0,
					"%s is one JSON document; the only JSON read as a list is "
					"that of Spamhaus DROP, one object a line",
					r->name);
				return NULL;
			}
			first = false;
		}
		look_at(&signs, text);
	}
	if (signs.rbldnsd)
		return list_format_find(signs.v6 && !signs.parts ? "ip6trie" : "ip4set");
	return list_format_find(signs.drop ? "drop" : "plain");
}
