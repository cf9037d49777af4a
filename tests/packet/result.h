/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result.h - what the tests say, and small things that they all need
 *
 *   ok NAME    not ok NAME: why    skip NAME: why
 *
 * SMTPWALL_TEST_SMALL=1 asks for fewer rounds, for machines that are emulated.
 */
#ifndef SMTPWALL_TESTS_RESULT_H
#define SMTPWALL_TESTS_RESULT_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	const char *prefix;
	unsigned int failures; /* of the test that runs */
	char why[512];	       /* the first of them */
	char skipped[256];
	char about[256]; /* what is being looked at, in front of a failure */
} kit_result;

static inline void kit_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline void kit_fail(const char *format, ...)
{
	va_list arguments;
	int n;

	if (kit_result.failures++)
		return;
	n = snprintf(kit_result.why, sizeof(kit_result.why), "%s%s", kit_result.about,
		     kit_result.about[0] ? ": " : "");
	va_start(arguments, format);
	vsnprintf(kit_result.why + n, sizeof(kit_result.why) - (size_t)n, format, arguments);
	va_end(arguments);
}

static inline void kit_skip(const char *why)
{
	snprintf(kit_result.skipped, sizeof(kit_result.skipped), "%s", why);
}

static inline void kit_about(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline void kit_about(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(kit_result.about, sizeof(kit_result.about), format, arguments);
	va_end(arguments);
}

static inline bool kit_expect(const char *what, uint64_t got, uint64_t want)
{
	if (got == want)
		return true;
	kit_fail("unexpected %s: got %lld, want %lld", what, (long long)got, (long long)want);
	return false;
}

/* What the test cannot go on without. */
static inline void kit_must(int err, const char *what, const char *why)
{
	if (!err)
		return;
	printf("not ok %s: %s%s%s: %s\n", kit_result.prefix, kit_result.about, what,
	       why[0] ? ": " : "", why[0] ? why : strerror(err < 0 ? -err : err));
	exit(1);
}

static inline bool kit_small(void)
{
	const char *small = getenv("SMTPWALL_TEST_SMALL");

	return small && *small && *small != '0';
}

/* Chance that is the same in every run. */
static inline uint64_t kit_chance(void)
{
	static uint64_t seed = 0x9e3779b97f4a7c15;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1d;
}

#endif
