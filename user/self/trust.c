// SPDX-License-Identifier: GPL-2.0-only
/*
 * trust.c - whom Postfix takes for its own: mynetworks, as postconf prints it
 *
 * Entries are separated by commas or white space: 192.0.2.0/24, [2001:db8::]/32, [::1], a file or a
 * table (with a / or type:), and a "!" in front that takes out. The first match decides
 * (postconf(5), mynetworks).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "self.h"

#define SEPARATORS ", \t\r\n"

struct entry {
	char text[TRUST_ENTRY]; /* cleaned */
	bool out;		/* "!" */
	bool readable;
	struct prefix prefix;
};

/* "[ADDRESS]/LENGTH", "[ADDRESS/LENGTH]" or without brackets; bits behind the length do not matter. */
static bool read_prefix(const char *text, struct prefix *out)
{
	char plain[TRUST_ENTRY], *slash, *end;
	unsigned long length = 0;
	size_t used = 0;
	uint32_t base;

	for (; *text && used < sizeof(plain) - 1; text++)
		if (*text != '[' && *text != ']')
			plain[used++] = *text;
	plain[used] = '\0';
	if (*text)
		return false;
	slash = strchr(plain, '/');
	if (slash) {
		*slash++ = '\0';
		length = strtoul(slash, &end, 10);
		if (*slash < '0' || *slash > '9' || *end || length > ADDRESS_BITS)
			return false;
	}
	memset(out, 0, sizeof(*out));
	if (!address_parse(plain, &out->address))
		return false;
	/* A mapped address counts its length from all 128 bits, as Postfix does. */
	base = address_is_v4(&out->address) && !strchr(plain, ':') ? (uint32_t)ADDRESS_V4_AT : 0U;
	if (!slash)
		length = ADDRESS_BITS - base;
	if (base + length > ADDRESS_BITS)
		return false;
	out->length = base + (uint32_t)length;
	prefix_mask(out);
	return true;
}

/* Takes one entry off the front; false at the end. */
static bool next_entry(const char **at, struct entry *e)
{
	char raw[512];
	const char *text;
	size_t length;

	*at += strspn(*at, SEPARATORS);
	if (!**at)
		return false;
	length = strcspn(*at, SEPARATORS);
	snprintf(raw, sizeof(raw), "%.*s", (int)(length < sizeof(raw) ? length : sizeof(raw) - 1),
		 *at);
	*at += length;
	text = raw;
	memset(e, 0, sizeof(*e));
	for (; *text == '!'; text++)
		e->out = !e->out;
	text_clean(raw, e->text, sizeof(e->text));
	e->readable = length < sizeof(raw) && read_prefix(text, &e->prefix);
	return true;
}

enum self_trust self_trusts(const char *mynetworks, const struct address *address,
			    char by[TRUST_ENTRY], bool *single)
{
	const struct prefix one = {.address = *address, .length = ADDRESS_BITS};
	bool unknown = false;
	struct entry e;

	by[0] = '\0';
	*single = false;
	while (next_entry(&mynetworks, &e)) {
		if (!e.readable) {
			if (!unknown)
				memcpy(by, e.text, TRUST_ENTRY);
			unknown = true;
			continue;
		}
		if (!prefix_contains(&e.prefix, &one))
			continue;
		/* Behind a table that may have said otherwise, only a yes to nobody is certain. */
		if (unknown && e.out)
			return TRUST_UNKNOWN;
		if (e.out)
			return TRUST_NO;
		memcpy(by, e.text, TRUST_ENTRY);
		*single = e.prefix.length == ADDRESS_BITS;
		return TRUST_YES;
	}
	return unknown ? TRUST_UNKNOWN : TRUST_NO;
}

bool self_trusts_world(const char *mynetworks, char by[TRUST_ENTRY])
{
	struct entry e;

	while (next_entry(&mynetworks, &e)) {
		bool v4 = address_is_v4(&e.prefix.address) && e.prefix.length >= ADDRESS_V4_AT;

		if (!e.readable || e.out || address_is_private(&e.prefix.address))
			continue;
		if (e.prefix.length < (v4 ? ADDRESS_V4_AT + 8U : 16U)) {
			memcpy(by, e.text, TRUST_ENTRY);
			return true;
		}
	}
	return false;
}
