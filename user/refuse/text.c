// SPDX-License-Identifier: GPL-2.0-only
/*
 * text.c - what a refused client is told: the administrator's template, filled in
 *
 * The daemon, `check` and `config check` use the same, so that what an administrator reads is what a client
 * was told. Words of a template come from strangers in part (a DNSBL's TXT): all that goes in is cleaned, and
 * the line ends where this file ends it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "refuse.h"

#define LINE_MOST (REFUSE_REPLY - 3) /* without CRLF and NUL */
#define UNTIL	  32

enum word { ADDRESS, BY, REASON, CONTACT, TXT, UNTIL_WHEN, WORDS };

static const char *const word_name[WORDS] = {"address", "by", "reason", "contact", "txt", "until"};

/* A stretch of the template: text as it is, or a word with what stands in front of it. */
struct piece {
	const char *text; /* or what stands in front */
	size_t size;
	enum word word; /* WORDS: none */
};

static enum word word_find(const char *name, size_t size)
{
	enum word w = 0;

	while (w < WORDS && (strlen(word_name[w]) != size || memcmp(word_name[w], name, size) != 0))
		w++;
	return w;
}

/*
 * Takes the next piece. Returns what is behind it; NULL if what stands here is none: it begins with a
 * bracket then.
 */
static const char *piece_next(const char *at, struct piece *piece)
{
	size_t size = strcspn(at, "{}");
	const char *bar;

	if (size) {
		*piece = (struct piece){.text = at, .size = size, .word = WORDS};
		return at + size;
	}
	size = strcspn(at + 1, "{}");
	if (*at != '{' || at[1 + size] != '}')
		return NULL;
	bar = memchr(at + 1, '|', size);
	*piece = (struct piece){.text = at + 1, .size = bar ? (size_t)(bar - at - 1) : 0};
	at += bar ? piece->size + 2 : 1;
	size = strcspn(at, "}");
	piece->word = word_find(at, size);
	return piece->word == WORDS ? NULL : at + size + 1;
}

int refuse_template_check(const char *template, struct error *why)
{
	struct piece piece;
	char shown[80];

	if (!*template)
		return error_set(why, -EINVAL,
				 "the text is empty: say why a client is refused, or leave the "
				 "setting out");
	for (const char *c = template; *c; c++)
		if (*c < ' ' || *c > '~')
			return error_set(why, -EINVAL,
					 "byte %zu is not printable ASCII, which is all that SMTP "
					 "replies may hold",
					 (size_t)(c - template) + 1);
	if (strlen(template) > LINE_MOST - 10)
		return error_set(why, -EINVAL,
				 "the text has %zu bytes, and a reply has room for %d: shorten it",
				 strlen(template), LINE_MOST - 10);
	for (const char *at = template, *next; *at; at = next) {
		next = piece_next(at, &piece);
		if (next)
			continue;
		if (*at == '}')
			return error_set(why, -EINVAL,
					 "a } stands without its {: \"%s\"; brackets are for {by} "
					 "and the like only",
					 text_clean(at, shown, sizeof(shown)));
		snprintf(shown, sizeof(shown), "%.*s", (int)strcspn(at, "}") + 1, at);
		return error_set(why, -EINVAL,
				 "%s is not known: write {address}, {by}, {reason}, {contact}, "
				 "{txt} or {until}, or {; see |contact} for what is left out when "
				 "there is none",
				 shown);
	}
	return 0;
}

/* Appends what is printable, while there is room for more than the line: too long must be seen. */
static void add(char *line, size_t size, const char *text, size_t length)
{
	size_t used = strlen(line);

	for (size_t i = 0; i < length && text[i] && used < size - 1; i++)
		line[used++] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	line[used] = '\0';
}

static void fill(const char *template, const char *const value[WORDS], char *line, size_t size)
{
	struct piece piece;

	for (const char *at = template, *next; *at; at = next) {
		next = piece_next(at, &piece);
		if (!next) {
			/* Nobody checked it: as it stands. */
			add(line, size, at, 1);
			next = at + 1;
		} else if (piece.word == WORDS) {
			add(line, size, piece.text, piece.size);
		} else if (value[piece.word] && *value[piece.word]) {
			add(line, size, piece.text, piece.size);
			add(line, size, value[piece.word], strlen(value[piece.word]));
		}
	}
}

static void make(const char *code, const char *template, const char *const value[WORDS], char *line,
		 size_t size)
{
	snprintf(line, size, "%s", code);
	fill(template, value, line, size);
}

/* As many of the names as are left without `excess` bytes, and one of them at least. */
static void shorten(const char *names, size_t excess, char out[REFUSE_REPLY])
{
	size_t size = strlen(names), one = strcspn(names, ",");

	size = size > excess ? size - excess : 0;
	while (size > one && names[size] != ',')
		size--;
	snprintf(out, REFUSE_REPLY, "%.*s", (int)(size > one ? size : one), names);
}

/* At a word, if there is one in the last part of it. */
static void cut(char *line)
{
	size_t size = LINE_MOST;

	if (strlen(line) > LINE_MOST) {
		while (size > LINE_MOST / 2 && line[size] != ' ')
			size--;
		if (line[size] != ' ')
			size = LINE_MOST;
		line[size] = '\0';
	}
	for (size = strlen(line); size && line[size - 1] == ' '; size--)
		line[size - 1] = '\0';
}

static const char *until_text(uint64_t until, char out[UNTIL])
{
	time_t when = (time_t)until;
	struct tm t;

	out[0] = '\0';
	if (until && until <= INT32_MAX * 100ULL && gmtime_r(&when, &t))
		strftime(out, UNTIL, "%Y-%m-%d %H:%M UTC", &t);
	return out;
}

void refuse_text(const struct config *config, const struct refuse_facts *facts,
		 char out[REFUSE_REPLY])
{
	bool temporary = refuse_is_rate(facts->reason); /* all else is for somebody to look into */
	const char *template = temporary ? config->refuse_text_rate : config->refuse_text,
		   *code = temporary ? "421 4.7.0 " : "554 5.7.1 ";
	char address[ADDRESS_TEXT], until[UNTIL], by[REFUSE_REPLY], line[2 * REFUSE_REPLY];
	const char *value[WORDS] = {
		[ADDRESS] = address_text(&facts->source, address),
		[BY] = facts->by,
		[REASON] = reason_name(facts->reason),
		[CONTACT] = config->refuse_contact,
		[TXT] = config->refuse_txt ? facts->txt : NULL,
		[UNTIL_WHEN] = until_text(facts->until, until),
	};

	make(code, template, value, line, sizeof(line));
	/* Whom to call matters more than what a stranger has to say, or than the last of many names. */
	if (strlen(line) > LINE_MOST && value[TXT]) {
		value[TXT] = NULL;
		make(code, template, value, line, sizeof(line));
	}
	if (strlen(line) > LINE_MOST && value[BY]) {
		shorten(value[BY], strlen(line) - LINE_MOST, by);
		value[BY] = by;
		make(code, template, value, line, sizeof(line));
	}
	cut(line);
	snprintf(out, REFUSE_REPLY, "%.*s\r\n", LINE_MOST, line);
}
