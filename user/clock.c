// SPDX-License-Identifier: GPL-2.0-only
/*
 * clock.c - the boot clock and the wall clock, both movable for tests
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <smtpwall/sources.h>
#include "clock.h"

#define SECOND 1000000000LL

/* A test may travel ten years either way; more would overflow what is computed from it. */
#define OFFSET_MAX (10LL * 366 * 86400)

/* Nanoseconds; written once, before there are threads. */
static int64_t offset;

static int64_t nanoseconds(clockid_t id)
{
	struct timespec t = {0};

	clock_gettime(id, &t); /* cannot fail for these two clocks */
	return t.tv_sec * SECOND + t.tv_nsec + offset;
}

uint64_t clock_boot(void)
{
	int64_t now = nanoseconds(CLOCK_BOOTTIME);

	/* 0 means "never" in some maps */
	return now > 0 ? (uint64_t)now : 1;
}

/* Rounded down, also in front of 1970. */
static int64_t whole_seconds(int64_t ns)
{
	return ns / SECOND - (ns % SECOND < 0);
}

int64_t clock_wall(void)
{
	return whole_seconds(nanoseconds(CLOCK_REALTIME));
}

/* Wall clock minus boot clock: the moment of the boot, the same with and without offset. */
static int64_t booted(void)
{
	return nanoseconds(CLOCK_REALTIME) - nanoseconds(CLOCK_BOOTTIME);
}

int64_t clock_wall_of(uint64_t boot_ns)
{
	int64_t since = booted();

	if (boot_ns == FOREVER || boot_ns > (uint64_t)(INT64_MAX - since))
		return INT64_MAX;
	/* To the nearest second, so that a time survives the way there and back. */
	return whole_seconds((int64_t)boot_ns + since + SECOND / 2);
}

uint64_t clock_boot_of(int64_t wall_seconds)
{
	int64_t since = booted();

	/* Beyond what nanoseconds can say (the year 2262) is as good as never. */
	if (wall_seconds >= INT64_MAX / SECOND)
		return FOREVER;
	if (wall_seconds <= whole_seconds(since))
		return 1;
	return (uint64_t)(wall_seconds * SECOND - since);
}

bool clock_from_environment(int64_t *offset_ns)
{
	const char *text = getenv("SMTPWALL_TEST_CLOCK");
	const char *digits;
	long long seconds;
	char *end;

	if (!text)
		return false;
	digits = text + (*text == '-' || *text == '+');
	if (*digits < '0' || *digits > '9')
		return false;
	errno = 0;
	seconds = strtoll(text, &end, 10);
	if (errno || *end || seconds > OFFSET_MAX || seconds < -OFFSET_MAX)
		return false;
	*offset_ns = seconds * SECOND;
	return true;
}

void clock_set_offset(int64_t offset_ns)
{
	offset = offset_ns;
}

static const char *never(char buffer[CLOCK_TEXT])
{
	snprintf(buffer, CLOCK_TEXT, "never");
	return buffer;
}

/* False if the time is beyond what a calendar can say. */
static bool calendar(int64_t wall_seconds, struct tm *out)
{
	time_t t = (time_t)wall_seconds;

	return localtime_r(&t, out) && out->tm_year < 10000 - 1900 && out->tm_year >= -1900;
}

const char *clock_text(int64_t wall_seconds, char buffer[CLOCK_TEXT])
{
	struct tm t;
	size_t used;

	if (!calendar(wall_seconds, &t))
		return never(buffer);
	used = strftime(buffer, CLOCK_TEXT - 1, "%Y-%m-%dT%H:%M:%S%z", &t);
	/* strftime writes +0200, ISO 8601's extended form is +02:00 */
	if (used > 5) {
		memmove(buffer + used - 1, buffer + used - 2, 3);
		buffer[used - 2] = ':';
	}
	return buffer;
}

const char *clock_short(int64_t wall_seconds, char buffer[CLOCK_TEXT])
{
	struct tm t, today;

	if (!calendar(wall_seconds, &t))
		return never(buffer);
	if (calendar(clock_wall(), &today) && t.tm_yday == today.tm_yday &&
	    t.tm_year == today.tm_year)
		strftime(buffer, CLOCK_TEXT, "%H:%M:%S", &t);
	else
		strftime(buffer, CLOCK_TEXT, "%Y-%m-%d %H:%M", &t);
	return buffer;
}
