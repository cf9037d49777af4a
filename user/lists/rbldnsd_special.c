// SPDX-License-Identifier: GPL-2.0-only
/*
 * rbldnsd_special.c - the lines "$WORD ..." of rbldnsd's zone files
 *
 * $TIMESTAMP says how old the list is and when it expires, $MAXRANGE4 which ranges are too large to
 * be meant, $DATASET begins a part of its own. The others are of use to a name server only.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "reading.h"

#define CLOCKS_DIFFER 300 /* seconds that the clock of the source may be ahead */

static const char *const words[] = {"SOA", "NS", "TTL", "TIMESTAMP", "MAXRANGE4", "DATASET"};

const char *rbldnsd_special(const char *text)
{
	text += *text == '#' || *text == ';' || *text == ':';
	if (*text++ != '$')
		return NULL;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i]);

		if (!strncmp(text, words[i], length) &&
		    (text[length] == ' ' || text[length] == '\t'))
			return text;
	}
	return NULL;
}

/* "yyyy:mm:dd[:hh[:mi[:ss]]]", in UTC. */
static bool read_stamp(const char *text, int64_t *when)
{
	int part[6] = {0}, parts = 0;
	struct tm tm;

	do {
		char *end;
		long n;

		if (*text < '0' || *text > '9')
			return false;
		n = strtol(text, &end, 10);
		if (n > 9999)
			return false;
		part[parts++] = (int)n;
		text = end;
	} while (*text++ == ':' && parts < 6);
	if (text[-1] || parts < 3 || part[0] < 1970 || part[1] < 1 || part[1] > 12 || part[2] < 1 ||
	    part[2] > 31 || part[3] > 23 || part[4] > 59 || part[5] > 60)
		return false;
	tm = (struct tm){.tm_year = part[0] - 1900,
			 .tm_mon = part[1] - 1,
			 .tm_mday = part[2],
			 .tm_hour = part[3],
			 .tm_min = part[4],
			 .tm_sec = part[5]};
	*when = timegm(&tm);
	return true;
}

/* "+90", "+2d": units as in duration_parse(), seconds if there is none. */
static bool read_rest(const char *text, uint64_t *seconds)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*seconds = strtoul(text, &end, 10);
	if (!*end)
		return *seconds < UINT32_MAX;
	return !duration_parse(text, seconds, NULL);
}

static int read_timestamp(struct reading *r, char *text)
{
	char *save, *stamp = strtok_r(text, " \t", &save), *expiry = strtok_r(NULL, " \t", &save);
	int64_t when, expires = 0;
	uint64_t rest;

	if (!stamp || !read_stamp(stamp, &when))
		return bad_line(r, "$TIMESTAMP needs a time, yyyy:mm:dd:hh:mi:ss");
	if (when > r->now + CLOCKS_DIFFER)
		return error_set(&r->why, -EINVAL,
				 "%s:%lu: $TIMESTAMP lies in the future; is a clock wrong, here or "
				 "where the list is made?",
				 r->name, r->line);
	if (expiry && *expiry == '+') {
		if (!read_rest(expiry + 1, &rest))
			return bad_line(r, "\"%.40s\" is no time to live for $TIMESTAMP, as in +2d",
					expiry);
		expires = when + (int64_t)rest;
	} else if (expiry && strcmp(expiry, "0") != 0 && !read_stamp(expiry, &expires)) {
		return bad_line(r, "\"%.40s\" is no expiry for $TIMESTAMP, as in 2026:12:31 or +2d",
				expiry);
	}
	if (expires && expires <= r->now)
		return error_set(&r->why, -EINVAL,
				 "%s:%lu: the list has expired by its own $TIMESTAMP; get a fresh "
				 "copy",
				 r->name, r->line);
	/* Of several parts the oldest counts, and the one that expires first. */
	if (!r->content->timestamp || when < r->content->timestamp)
		r->content->timestamp = when;
	if (expires && (!r->content->expires || expires < r->content->expires))
		r->content->expires = expires;
	return 0;
}

static int read_maxrange(struct reading *r, const char *text)
{
	struct rbldnsd *state = r->state;
	bool length = *text == '/';
	unsigned long n;
	char *end;

	text += length;
	if (*text < '0' || *text > '9')
		return bad_line(r, "$MAXRANGE4 needs a prefix length or a number of addresses, as "
				   "in /24 or 256");
	n = strtoul(text, &end, 10);
	if (*end || (length ? n > 32 : n < 1 || n > UINT32_MAX))
		return bad_line(r, "\"%.40s\" is no range for $MAXRANGE4", text);
	n = length ? 1UL << (32 - n) : n;
	/* As with rbldnsd, it can only be tightened. */
	if (!state->largest || n < state->largest)
		state->largest = n;
	return 0;
}

static int read_dataset(struct reading *r, char *text)
{
	static const char *const others[] = {"dnset", "generic", "acl"};
	struct rbldnsd *state = r->state;
	const struct list_format *format;
	int err = rbldnsd_end_part(r);

	if (err)
		return err;
	state->largest = 0;
	text[strcspn(text, " \t:")] = '\0';
	format = list_format_find(text);
	if (format && format->line == rbldnsd_line) {
		state->kind = (enum rbldnsd_kind)format->kind;
		return 0;
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!strcmp(text, others[i])) {
			state->kind = RBL_NAMES;
			reading_note(r, "a dataset of type %s lists no addresses; it is left out",
				     text);
			return 0;
		}
	}
	return error_set(&r->why, -EINVAL, "%s:%lu: \"%.40s\" is not a type of dataset known here",
			 r->name, r->line, text);
}

int rbldnsd_read_special(struct reading *r, const char *special)
{
	char word[16], *rest = (char *)special + strcspn(special, " \t");

	snprintf(word, sizeof(word), "%.*s", (int)(rest - special), special);
	rest = trim(rest);
	if (!strcmp(word, "TIMESTAMP"))
		return read_timestamp(r, rest);
	if (!strcmp(word, "MAXRANGE4"))
		return read_maxrange(r, rest);
	if (!strcmp(word, "DATASET"))
		return read_dataset(r, rest);
	return 0; /* of use to a name server only */
}
