// SPDX-License-Identifier: GPL-2.0-only
/*
 * output.c - what commands print: colour, JSON, tables, complaints
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <smtpwall/sources.h>
#include "clock.h"
#include "output.h"
#include "text.h"

/* Colour tells a reader nothing that the words do not, so any doubt means none. */
static bool coloured(FILE *out)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && *no) && term && strcmp(term, "dumb") != 0 && isatty(fileno(out));
}

const char *colour(FILE *out, enum colour c)
{
	static const char *const begin[] = {
		[COLOUR_PLAIN] = "",	     [COLOUR_GOOD] = "\033[32m", [COLOUR_WARN] = "\033[33m",
		[COLOUR_BAD] = "\033[1;31m", [COLOUR_DIM] = "\033[2m",	 [COLOUR_BOLD] = "\033[1m",
	};

	return coloured(out) ? begin[c] : "";
}

const char *colour_end(FILE *out)
{
	return coloured(out) ? "\033[0m" : "";
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at `c`, 0 if there is none (RFC 3629). */
static size_t utf8_character(const unsigned char *c)
{
	size_t size = *c < 0x80 ? 1 : *c >= 0xc2 && *c < 0xe0 ? 2 : (*c & 0xf0) == 0xe0 ? 3 : 4;

	if ((*c >= 0x80 && *c < 0xc2) || *c > 0xf4)
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	if ((*c == 0xe0 && c[1] < 0xa0) || (*c == 0xed && c[1] > 0x9f) ||
	    (*c == 0xf0 && c[1] < 0x90) || (*c == 0xf4 && c[1] > 0x8f))
		return 0;
	return size;
}

void json_text(json_object *o, const char *key, const char *value)
{
	const unsigned char *c = (const unsigned char *)value;
	size_t size, step;
	char *clean;

	if (!value)
		return;
	while (*c && (step = utf8_character(c)))
		c += step;
	if (!*c) {
		json_object_object_add(o, key, json_object_new_string(value));
		return;
	}
	/* json-c would write the bytes as they are, and no reader takes JSON that is not UTF-8. */
	size = strlen(value) + 1;
	clean = malloc(size);
	if (!clean)
		return;
	json_object_object_add(o, key, json_object_new_string(text_clean(value, clean, size)));
	free(clean);
}

void json_number(json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

void json_signed(json_object *o, const char *key, int64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

void json_flag(json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

void json_time(json_object *o, const char *key, int64_t wall_seconds)
{
	char text[CLOCK_TEXT];

	if (wall_seconds == INT64_MAX || wall_seconds == (int64_t)FOREVER)
		return;
	json_text(o, key, clock_text(wall_seconds, text));
}

void json_decimal(json_object *o, const char *key, double value, int digits)
{
	char text[32];

	snprintf(text, sizeof(text), "%.*f", digits, value);
	json_object_object_add(o, key, json_object_new_double_s(value, text));
}

static void print(json_object *o, FILE *out, int how)
{
	const char *text = json_object_to_json_string_ext(o, how | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (text)
		fprintf(out, "%s\n", text);
	else
		complain("out of memory: the answer could not be written");
	json_object_put(o);
}

void json_print(json_object *o, FILE *out)
{
	print(o, out, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
}

void json_print_line(json_object *o, FILE *out)
{
	print(o, out, JSON_C_TO_STRING_PLAIN);
	fflush(out); /* lines are for readers that follow along */
}

/* --- tables ----------------------------------------------------------------------------------- */

struct table {
	unsigned int columns;
	size_t cells, room; /* the heading is the first row */
	bool broken;	    /* memory ran out: half a table would be a wrong answer */
	char **cell;
};

/* Columns on the terminal: no colour sequences, one for each UTF-8 character. */
static int width(const char *text)
{
	int columns = 0;

	for (; *text; text++) {
		if (text[0] == '\033' && text[1] == '[') {
			while (*text && *text != 'm')
				text++;
			if (!*text)
				break;
		} else if (((unsigned char)*text & 0xc0) != 0x80) {
			columns++;
		}
	}
	return columns;
}

struct table *table_new(unsigned int columns, const char *const heading[])
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->columns = columns;
	table_row(t, heading);
	return t;
}

void table_row(struct table *t, const char *const cell[])
{
	if (!t || t->broken)
		return;
	if (t->cells + t->columns > t->room) {
		size_t room = t->room ? t->room * 2 : 16 * (size_t)t->columns;
		char **more = reallocarray(t->cell, room, sizeof(*more));

		if (!more) {
			t->broken = true;
			return;
		}
		t->cell = more;
		t->room = room;
	}
	for (unsigned int i = 0; i < t->columns; i++) {
		char *copy = strdup(cell[i] ? cell[i] : "");

		if (!copy)
			t->broken = true;
		t->cell[t->cells++] = copy;
	}
}

static void print_rows(const struct table *t, const int *wide, FILE *out)
{
	for (size_t at = 0; at < t->cells; at += t->columns) {
		for (unsigned int i = 0; i < t->columns; i++) {
			bool right = t->cell[i][0] == '>', last = i + 1 == t->columns;
			const char *text = t->cell[at + i] + (right && !at);
			int blanks = wide[i] - width(text);

			if (right)
				fprintf(out, "%*s%s", blanks, "", text);
			else if (last) /* nothing is to be aligned behind it */
				fputs(text, out);
			else
				fprintf(out, "%s%*s", text, blanks, "");
			fputs(last ? "\n" : "  ", out);
		}
	}
}

void table_print(struct table *t, FILE *out)
{
	int *wide = t ? calloc(t->columns, sizeof(*wide)) : NULL;

	if (wide && !t->broken) {
		for (size_t at = 0; at < t->cells; at++) {
			unsigned int i = (unsigned int)(at % t->columns);
			int need = width(t->cell[at]) - (at < t->columns && t->cell[at][0] == '>');

			if (need > wide[i])
				wide[i] = need;
		}
		print_rows(t, wide, out);
	} else {
		complain("out of memory: the table could not be written");
	}
	free(wide);
	if (!t)
		return;
	for (size_t at = 0; at < t->cells; at++)
		free(t->cell[at]);
	free(t->cell);
	free(t);
}

/* --- standard error --------------------------------------------------------------------------- */

/* In one write, so that the lines of processes that share a terminal stay whole. */
static void say(const char *before, const char *format, va_list args)
{
	char line[2048];

	vsnprintf(line, sizeof(line), format, args);
	fprintf(stderr, "smtpwall: %s%s\n", before, line);
}

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("", format, args);
	va_end(args);
}

void note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("note: ", format, args);
	va_end(args);
}
