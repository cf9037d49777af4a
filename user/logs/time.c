// SPDX-License-Identifier: GPL-2.0-only
/*
 * time.c - a line of a file becomes its time, its syslog tag and its message
 *
 * A line counts at its own time, so that hours of old lines, read after a rotation or a restart, are
 * not an attack of this minute.
 */
#include <string.h>
#include <time.h>
#include "inside.h"

#define SECOND_US 1000000LL
#define DAY_US	  (86400 * SECOND_US)

/* A cursor over the line; what does not fit leaves it where it is. */
struct reading {
	const char *at, *end;
};

int64_t log_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

static bool take(struct reading *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

/* Exactly so many digits, with a value between the two. */
static bool number(struct reading *r, int digits, int least, int most, int *out)
{
	int value = 0;

	if (r->end - r->at < digits)
		return false;
	for (int i = 0; i < digits; i++) {
		if (r->at[i] < '0' || r->at[i] > '9')
			return false;
		value = value * 10 + (r->at[i] - '0');
	}
	if (value < least || value > most)
		return false;
	r->at += digits;
	*out = value;
	return true;
}

static bool clock_time(struct reading *r, struct tm *tm)
{
	return number(r, 2, 0, 23, &tm->tm_hour) && take(r, ':') &&
	       number(r, 2, 0, 59, &tm->tm_min) && take(r, ':') && number(r, 2, 0, 60, &tm->tm_sec);
}

static int64_t fraction(struct reading *r)
{
	int64_t us = 0, unit = SECOND_US;

	if (r->at == r->end || (*r->at != '.' && *r->at != ','))
		return 0;
	for (r->at++; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
		unit /= 10;
		us += (*r->at - '0') * unit;
	}
	return us;
}

/* "Z", "+01:00", "+0100". False: there is none, local time is meant. */
static bool zone(struct reading *r, int *seconds)
{
	struct reading z = *r;
	int hours, minutes;
	bool west;

	if (take(&z, 'Z')) {
		*seconds = 0;
	} else {
		west = z.at < z.end && *z.at == '-';
		if ((!take(&z, '+') && !take(&z, '-')) || !number(&z, 2, 0, 23, &hours))
			return false;
		take(&z, ':');
		if (!number(&z, 2, 0, 59, &minutes))
			return false;
		*seconds = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
	}
	*r = z;
	return true;
}

/* The year is missing in syslog's old form. Up to a day ahead the clock or the zone of the writer is
 * wrong; further ahead it was a year ago. */
static bool guess_year(const struct tm *given, int64_t now, int64_t *when)
{
	time_t seconds = (time_t)(now / SECOND_US), t;
	struct tm today, tm;

	if (!localtime_r(&seconds, &today))
		return false;
	/* Nine years: the longest time without a 29th of February. */
	for (int year = today.tm_year + 1; year >= today.tm_year - 8; year--) {
		tm = *given;
		tm.tm_year = year;
		tm.tm_isdst = -1;
		t = mktime(&tm);
		if (t == (time_t)-1 || tm.tm_mon != given->tm_mon ||
		    (int64_t)t * SECOND_US > now + DAY_US)
			continue;
		*when = (int64_t)t * SECOND_US;
		return true;
	}
	return false;
}

/* "Mmm dd hh:mm:ss" */
static bool old_time(struct reading *r, int64_t now, int64_t *when)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct reading t = *r;
	struct tm tm = {0};
	int64_t us;
	int digits;

	if (t.end - t.at < 15)
		return false;
	while (tm.tm_mon < 12 && memcmp(months + (ptrdiff_t)tm.tm_mon * 3, t.at, 3) != 0)
		tm.tm_mon++;
	t.at += 3;
	if (tm.tm_mon == 12 || !take(&t, ' '))
		return false;
	digits = take(&t, ' ') ? 1 : 2;
	if (!number(&t, digits, 1, 31, &tm.tm_mday) || !take(&t, ' ') || !clock_time(&t, &tm))
		return false;
	us = fraction(&t);
	if (!take(&t, ' ') || !guess_year(&tm, now, when))
		return false;
	*when += us;
	*r = t;
	return true;
}

/* "YYYY-MM-DDThh:mm:ss.ffffff+zz:zz " or "YYYY-MM-DD hh:mm:ss.fff +zzzz ". `*exim`: the latter. */
static bool iso_time(struct reading *r, int64_t *when, bool *exim)
{
	struct reading t = *r;
	struct tm tm = {0}, same;
	int year, offset = 0;
	int64_t us;
	time_t seconds;
	bool zoned;

	if (!number(&t, 4, 1970, 9999, &year) || !take(&t, '-') ||
	    !number(&t, 2, 1, 12, &tm.tm_mon) || !take(&t, '-') ||
	    !number(&t, 2, 1, 31, &tm.tm_mday))
		return false;
	*exim = take(&t, ' ');
	if ((!*exim && !take(&t, 'T')) || !clock_time(&t, &tm))
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon--;
	us = fraction(&t);
	zoned = zone(&t, &offset);
	if (!take(&t, ' '))
		return false;
	if (!zoned && *exim) {
		struct reading behind = t;

		zoned = zone(&behind, &offset) && take(&behind, ' ');
		if (zoned)
			t = behind;
	}
	same = tm;
	same.tm_isdst = zoned ? 0 : -1;
	seconds = zoned ? timegm(&same) - offset : mktime(&same);
	if (same.tm_mon != tm.tm_mon)
		return false;
	*when = (int64_t)seconds * SECOND_US + us;
	*r = t;
	return true;
}

size_t log_time_skip(const char *text, size_t size, int64_t *when)
{
	struct reading r = {text, text + size};
	bool exim;

	return iso_time(&r, when, &exim) && exim ? (size_t)(r.at - text) : 0;
}

/* "mail.info", which some put behind the host's name. */
static bool is_priority(const char *word, size_t size)
{
	const char *dot = memchr(word, '.', size);
	size_t letters = 0;

	while (letters < size &&
	       ((word[letters] >= 'a' && word[letters] <= 'z') ||
		(word[letters] >= '0' && word[letters] <= '9') || word + letters == dot))
		letters++;
	return dot && letters == size && size < 20;
}

/* "host tag[pid]: " or "tag: " */
static void read_tag(struct reading *r, struct log_line *out)
{
	const char *word = r->at;

	for (int i = 0; i < 3; i++) {
		const char *space = memchr(word, ' ', (size_t)(r->end - word));
		size_t size = space ? (size_t)(space - word) : 0;

		if (size > 1 && word[size - 1] == ':') {
			const char *open;

			size--;
			open = memchr(word, '[', size);
			out->tag = word;
			out->tag_size =
				open && word[size - 1] == ']' ? (size_t)(open - word) : size;
			r->at = space + 1;
			return;
		}
		/* One word in front of the tag, or two. */
		if (!size || (i == 1 && !is_priority(word, size)))
			return;
		word = space + 1;
	}
}

void log_line_split(const char *line, size_t size, int64_t now, struct log_line *out)
{
	struct reading r = {line, line + size};
	int64_t own = now, inner;
	bool exim = false;

	*out = (struct log_line){.tag = line};
	if (old_time(&r, now, &own) || iso_time(&r, &own, &exim)) {
		/* Exim's own file has no tag; its syslog lines may have its own time as well. */
		if (!exim)
			read_tag(&r, out);
		r.at += log_time_skip(r.at, (size_t)(r.end - r.at), &inner);
	}
	out->when = own < now ? own : now;
	out->message = r.at;
	out->message_size = (size_t)(r.end - r.at);
}
