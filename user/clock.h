/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clock.h - the one place where user space asks what time it is
 *
 * Both clocks are shifted by one test offset, which the kernel programs know as
 * settings.clock_offset. It is zero but in tests, which set SMTPWALL_TEST_CLOCK=SECONDS (may be
 * negative); whoever opens the wall with that variable set stores it in the settings, and whoever
 * opens it without takes it from there (kernel/kernel.h), so that all processes agree.
 */
#ifndef SMTPWALL_CLOCK_H
#define SMTPWALL_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECOND_NS 1000000000ULL

/* Nanoseconds of the boot clock (CLOCK_BOOTTIME + offset): what the maps hold. Never negative. */
uint64_t clock_boot(void);

/* Seconds of the wall clock (CLOCK_REALTIME + offset): what files and the ledger hold. */
int64_t clock_wall(void);

/* One moment in the other clock. FOREVER and INT64_MAX stand for each other; a wall time before the
 * boot becomes 1 (0 means "never" in some maps). */
int64_t clock_wall_of(uint64_t boot_ns);
uint64_t clock_boot_of(int64_t wall_seconds);

/* True and the offset in ns if SMTPWALL_TEST_CLOCK is set to a whole number. */
bool clock_from_environment(int64_t *offset_ns);
void clock_set_offset(int64_t offset_ns);

/* ISO 8601 in local time with its offset, "2026-10-08T14:02:31+02:00" (for logs, JSON); short form
 * for people, "14:02:31" today, "2026-10-08 14:02" otherwise, "never" for INT64_MAX. */
#define CLOCK_TEXT 40
const char *clock_text(int64_t wall_seconds, char buffer[CLOCK_TEXT]);
const char *clock_short(int64_t wall_seconds, char buffer[CLOCK_TEXT]);

#endif
