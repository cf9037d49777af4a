/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * output.h - the two outputs of every command: for people, and --json for scripts; and the log
 *
 * For people: aligned, colour only on a terminal (and not with NO_COLOR). For scripts: one JSON
 * document by json-c. Numbers in JSON are plain, times are ISO 8601, durations seconds.
 */
#ifndef SMTPWALL_OUTPUT_H
#define SMTPWALL_OUTPUT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <smtpwall/abuse.h>

enum colour {
	COLOUR_PLAIN = 0,
	COLOUR_GOOD,
	COLOUR_WARN,
	COLOUR_BAD,
	COLOUR_DIM,
	COLOUR_BOLD,
};

/* Escape sequence that begins the colour, or "" where none is wanted; colour_end() ends it. */
const char *colour(FILE *out, enum colour c);
const char *colour_end(FILE *out);

/* Members of a JSON object; NULL strings and FOREVER / INT64_MAX times are left out. */
void json_text(json_object *o, const char *key, const char *value);
void json_number(json_object *o, const char *key, uint64_t value);
void json_signed(json_object *o, const char *key, int64_t value);
void json_flag(json_object *o, const char *key, bool value);
void json_time(json_object *o, const char *key, int64_t wall_seconds);
/* With `digits` behind the point (three at most), and not with what floating point adds to it. */
void json_decimal(json_object *o, const char *key, double value, int digits);

/* Prints the object with a newline and releases it. json_print_line() prints it on one line. */
void json_print(json_object *o, FILE *out);
void json_print_line(json_object *o, FILE *out);

/*
 * A table for people: columns as wide as their widest cell, numbers to the right where the heading
 * begins with '>' (which is not printed). Cells are copied and may hold colour sequences; a NULL
 * cell is empty. table_print() releases the table. table_new() may return NULL, which the others
 * then take.
 */
struct table;
struct table *table_new(unsigned int columns, const char *const heading[]);
void table_row(struct table *t, const char *const cell[]);
void table_print(struct table *t, FILE *out);

/*
 * Why somebody was banned (evidence.c). All of it is safe for a terminal, a line of the log and JSON.
 * For people: "3 x relay-denied in 40 s, last: 554 5.7.1 <...>: Relay access denied". Returns `out`.
 */
#define EVIDENCE_SENTENCE 256
const char *evidence_text(const struct ban *ban, char *out, size_t size);
/*
 * For a line of the log, with a blank in front of each field, "" if there is nothing to say:
 * " offences=\"relay-denied 3\" in=40s last=\"554 5.7.1 ...\"".
 */
const char *evidence_fields(const struct ban *ban, char *out, size_t size);
/* "relay-denied 3, auth-failed 2", "" for none. */
#define OFFENCES_TEXT 128
const char *offences_text(const uint32_t offence[OFFENCES], char *out, size_t size);
/* The last reply or line of the log alone. */
const char *evidence_last(const struct ban *ban, char out[EVIDENCE_TEXT + 1]);

/* Prints "smtpwall: SENTENCE\n" on standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same with "smtpwall: note: ", for what is worth knowing and no failure. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * One line to the log: facility mail, identifier "smtpwall" (syslog(3), which journald keeps as
 * well); where standard error is a terminal, or with log_to_stderr(true), to standard error
 * instead. log_to_stderr(false) means the log even on a terminal (for commands whose answer is
 * printed anyway). Fixed grammar, first word the event: "ban source=192.0.2.7 reason=abuse". Values
 * with blanks are quoted by the caller.
 */
void log_to_stderr(bool yes);
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
