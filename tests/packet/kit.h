/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kit.h - a packet test: a table of tests, each on a wall set back to the same state
 *
 * The exit status is 1 if a test failed.
 */
#ifndef SMTPWALL_TESTS_KIT_H
#define SMTPWALL_TESTS_KIT_H

#include <unistd.h>
#include "frame.h"
#include "result.h"
#include "scene.h"

struct kit_test {
	const char *name;
	void (*run)(struct kit *kit);
};

static inline int kit_main(const char *prefix, const struct kit_test *test, size_t tests)
{
	unsigned int failed = 0;
	struct kit kit;

	setvbuf(stdout, NULL, _IOLBF, 0);
	kit_result.prefix = prefix;
	kit_open(&kit);
	for (size_t i = 0; i < tests; i++) {
		kit_result.failures = 0;
		kit_result.skipped[0] = '\0';
		kit_result.about[0] = '\0';
		kit_reset(&kit);
		test[i].run(&kit);
		if (kit_result.failures) {
			printf("not ok %s/%s: %s%s\n", prefix, test[i].name, kit_result.why,
			       kit_result.failures > 1 ? " (and more)" : "");
			failed++;
		} else if (kit_result.skipped[0]) {
			printf("skip %s/%s: %s\n", prefix, test[i].name, kit_result.skipped);
		} else {
			printf("ok %s/%s\n", prefix, test[i].name);
		}
	}
	kit_close(&kit);
	return failed != 0;
}

#define KIT_MAIN(prefix, table)                                                                    \
	int main(void)                                                                             \
	{                                                                                          \
		return kit_main(prefix, table, sizeof(table) / sizeof(*(table)));                  \
	}

#endif
