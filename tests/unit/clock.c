// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two clocks, the way from one to the other, the test offset, and times as text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <smtpwall/sources.h>
#include "clock.h"

#define SECOND 1000000000LL

static int reset(void **state)
{
	(void)state;
	clock_set_offset(0);
	unsetenv("SMTPWALL_TEST_CLOCK");
	return 0;
}

static void environment(void **state)
{
	static const struct {
		const char *text;
		bool set;
		int64_t offset;
	} row[] = {
		{"0", true, 0},
		{"3600", true, 3600 * SECOND},
		{"+5", true, 5 * SECOND},
		{"-86400", true, -86400 * SECOND},
		{"", false, 0},
		{"-", false, 0},
		{" 5", false, 0},
		{"5 ", false, 0},
		{"5s", false, 0},
		{"1.5", false, 0},
		{"0x10", false, 0},
		{"9223372036854775807", false, 0},
		{"99999999999999999999", false, 0},
	};
	int64_t offset = 77;

	(void)state;
	assert_false(clock_from_environment(&offset));
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		bool set;

		offset = 77;
		setenv("SMTPWALL_TEST_CLOCK", row[i].text, 1);
		set = clock_from_environment(&offset);
		if (set != row[i].set || offset != (set ? row[i].offset : 77))
			fail_msg("unexpected offset for \"%s\": got %d, %lld", row[i].text, set,
				 (long long)offset);
	}
}

static void moved(void **state)
{
	uint64_t boot = clock_boot();
	int64_t wall = clock_wall();

	(void)state;
	assert_in_range(clock_wall() - time(NULL), 0, 1);
	clock_set_offset(1000 * SECOND);
	assert_in_range(clock_boot() - boot, 1000 * SECOND, 1005 * SECOND);
	assert_in_range(clock_wall() - wall, 1000, 1005);
	/* far in front of the boot: never negative, never 0 */
	clock_set_offset(-3650LL * 86400 * SECOND);
	assert_true(clock_boot() == 1);
	assert_in_range(wall - clock_wall(), 3650LL * 86400 - 5, 3650LL * 86400);
}

static void converted(void **state)
{
	static const int64_t offset[] = {0, 123456789 * SECOND + 1, -5 * SECOND};

	(void)state;
	for (size_t i = 0; i < sizeof(offset) / sizeof(offset[0]); i++) {
		int64_t now;

		clock_set_offset(offset[i]);
		now = clock_wall();
		assert_true(clock_wall_of(FOREVER) == INT64_MAX);
		assert_true(clock_boot_of(INT64_MAX) == FOREVER);
		assert_true(clock_boot_of(INT64_MAX - 1) == FOREVER);
		assert_true(clock_wall_of(FOREVER - 1) == INT64_MAX);
		assert_true(clock_boot_of(0) == 1);
		assert_true(clock_boot_of(-5) == 1);
		assert_true(clock_boot_of(INT64_MIN) == 1);
		assert_in_range(clock_wall_of(clock_boot()) - now, 0, 2);
		for (int64_t later = 1; later < 100000; later += 777)
			if (clock_wall_of(clock_boot_of(now + later)) != now + later)
				fail_msg("%lld s from now is %lld s after the way there and back",
					 (long long)later,
					 (long long)(clock_wall_of(clock_boot_of(now + later)) -
						     now));
	}
}

static void texts(void **state)
{
	char text[CLOCK_TEXT];
	time_t now = time(NULL);
	struct tm tm;
	char want[CLOCK_TEXT];

	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	assert_string_equal(clock_text(1791460951, text), "2026-10-08T14:02:31+02:00");
	assert_string_equal(clock_short(1791460951, text), "2026-10-08 14:02");
	assert_string_equal(clock_text(0, text), "1970-01-01T01:00:00+01:00");
	setenv("TZ", "NST3:30NDT,M3.2.0,M11.1.0", 1);
	tzset();
	assert_string_equal(clock_text(1791460951, text), "2026-10-08T09:32:31-02:30");
	setenv("TZ", "UTC", 1);
	tzset();
	assert_string_equal(clock_text(1791460951, text), "2026-10-08T12:02:31+00:00");
	assert_string_equal(clock_text(INT64_MAX, text), "never");
	assert_string_equal(clock_text(INT64_MIN, text), "never");
	assert_string_equal(clock_text(253402300800, text), "never");
	assert_string_equal(clock_short(INT64_MAX, text), "never");
	now = (time_t)clock_wall();
	localtime_r(&now, &tm);
	strftime(want, sizeof(want), "%H:%M:%S", &tm);
	assert_string_equal(clock_short(now, text), want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(environment, reset, reset),
		cmocka_unit_test_setup_teardown(moved, reset, reset),
		cmocka_unit_test_setup_teardown(converted, reset, reset),
		cmocka_unit_test_setup_teardown(texts, reset, reset),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
