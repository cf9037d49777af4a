// SPDX-License-Identifier: GPL-2.0-only
/*
 * plain.c - one address, prefix or range first-last a line; FireHOL's .ipset and .netset
 *
 * '#' and ';' begin a comment anywhere in a line. FireHOL's header says in comments how old the
 * source is.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include "reading.h"

/* "# Source File Date: Tue Aug 11 14:33:07 UTC 2026": of several the oldest counts. */
static void read_header(struct reading *r, const char *text)
{
	static const char *const keys[] = {"Source File Date", "This File Date"};
	struct tm tm = {0};
	int64_t when;

	text += strspn(text, "# \t");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *value = text + strlen(keys[i]);

		if (strncmp(text, keys[i], strlen(keys[i])) != 0)
			continue;
		value += strspn(value, " \t:");
		if (!strptime(value, "%a %b %d %H:%M:%S UTC %Y", &tm))
			continue;
		when = timegm(&tm);
		if (when > 0 && (!r->content->timestamp || when < r->content->timestamp))
			r->content->timestamp = when;
	}
}

static int read_range(struct reading *r, char *text, char *dash)
{
	struct address first, last;
	struct prefix a = {.length = ADDRESS_BITS}, b = {.length = ADDRESS_BITS};
	char shown[PREFIX_TEXT * 2], whole[PREFIX_TEXT * 2];
	unsigned int length = 0;
	struct span span, end;
	enum family family;
	uint64_t size;

	snprintf(whole, sizeof(whole), "%s", text);
	text_clean(whole, shown, sizeof(shown));
	*dash = '\0';
	if (!address_parse(trim(text), &first) || !address_parse(trim(dash + 1), &last))
		return bad_line(r, "\"%s\" is not a range of IP addresses, first-last", shown);
	a.address = first;
	b.address = last;
	family = span_of_prefix(&a, &span);
	if (span_of_prefix(&b, &end) != family)
		return bad_line(r, "\"%s\" begins in one address family and ends in the other",
				shown);
	span.last = end.last;
	if (pos_compare(span.first, span.last) > 0)
		return bad_line(r, "\"%s\" ends before it begins", shown);
	if (content_add(r->content, family, &span))
		return -ENOMEM;
	/* As wide as the prefix of so many addresses: what it covers counts, not how it is cut. */
	size = family == FAMILY_V4 ? span.last.low - span.first.low
				   : span.last.high - span.first.high;
	for (size = size == UINT64_MAX ? size : size + 1; size > 1; size >>= 1)
		length++;
	content_note_widest(r->content, family, (family == FAMILY_V4 ? 32 : 64) - length, whole);
	r->content->entries++;
	return 0;
}

int plain_line(struct reading *r, char *text)
{
	char *dash;

	if (*text == '#')
		read_header(r, text);
	text[strcspn(text, "#;")] = '\0';
	text = trim(text);
	if (!*text)
		return 0;
	dash = strchr(text, '-');
	if (dash)
		return read_range(r, text, dash);
	if (strpbrk(text, " \t"))
		return bad_line(r,
				"\"%.60s\" is more than one address; write one a line, and # in "
				"front of a comment",
				text);
	return read_prefix(r, text);
}
