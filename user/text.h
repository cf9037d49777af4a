/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text.h - reading and writing the small things every room needs: errors, addresses, durations
 *
 * One parser serves files, command line, configuration and fuzzers.
 */
#ifndef SMTPWALL_TEXT_H
#define SMTPWALL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <smtpwall/address.h>

/*
 * The sentence that explains a failure. Functions that take one return a negative errno and leave
 * the sentence here: it names the thing, the cause and the way out, has no trailing newline and no
 * "smtpwall: " in front. A NULL `why` is allowed everywhere.
 */
struct error {
	char text[1024];
};

/* Sets the sentence and returns `code` (a negative errno), so that it can stand behind `return`. */
int error_set(struct error *why, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts text in front of the sentence already there ("list NAME: " and the like); returns `code`. */
int error_prefix(struct error *why, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Longest text of an address (INET6_ADDRSTRLEN) and of a prefix, with NUL. */
#define ADDRESS_TEXT 46
#define PREFIX_TEXT  50

/*
 * Reads "192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7" (IPv4) or "64:ff9b::192.0.2.7" (folded onto
 * IPv4). No leading zeros in octets, no zone ids, no white space. Returns false and leaves `out`
 * alone if the text is not an address.
 */
bool address_parse(const char *text, struct address *out);

/*
 * Reads ADDRESS or ADDRESS/LENGTH; the length counts from the family's own bits (192.0.2.0/24 gives
 * 120; a mapped ::ffff:0:0/96+ and 64:ff9b::/96+ are IPv4 as well). -EINVAL with a sentence; bits
 * set behind the length are an error that names the right prefix ("192.0.2.1/24 has bits set behind
 * its length; did you mean 192.0.2.0/24?"). An IPv6 prefix so wide that it holds all of IPv4 in its
 * mapped form ("::/0") is refused.
 */
int prefix_parse(const char *text, struct prefix *out, struct error *why);

/* Write the usual short form (RFC 5952; IPv4 dotted; no "/32" and "/128"). Return `buffer`. */
const char *address_text(const struct address *a, char buffer[ADDRESS_TEXT]);
const char *prefix_text(const struct prefix *p, char buffer[PREFIX_TEXT]);

/* Clears the bits behind the length. */
void prefix_mask(struct prefix *p);
bool prefix_contains(const struct prefix *outer, const struct prefix *inner);

/*
 * Reads "90s", "10m", "4h", "7d", "2w", also joined ("1h30m"); a bare number is refused, 0 with a
 * unit is allowed, the longest is ten years. Seconds.
 */
int duration_parse(const char *text, uint64_t *seconds, struct error *why);

/* Two units at most: "1h30m", "7d", "45s", "0s". */
#define DURATION_TEXT 32
const char *duration_text(uint64_t seconds, char buffer[DURATION_TEXT]);

/*
 * Reads a rate "600/1m" or "off": so many events per time. `events` 0 means off. -EINVAL with a
 * sentence.
 */
int rate_parse(const char *text, uint64_t *events, uint64_t *seconds, struct error *why);

/*
 * Copies `in` to `out` so that it is safe on a terminal and in a log line: control characters, DEL,
 * invalid UTF-8 and anything above ASCII become '?', quotes become '\''; cut to `size`. Returns
 * `out`.
 */
const char *text_clean(const char *in, char *out, size_t size);

/* "1,234,567", for tables that people read; scripts get plain numbers. Returns `buffer`. */
#define NUMBER_TEXT 32
const char *number_text(uint64_t n, char buffer[NUMBER_TEXT]);

/*
 * Writes a whole file so that a crash leaves the old or the new one, never half: temporary file in
 * the same directory, fsync, rename, fsync of the directory. Mode 0600. Negative errno with a
 * sentence.
 */
int file_replace(const char *path, const void *data, size_t size, struct error *why);

#endif
