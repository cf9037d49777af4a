/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * relayd_rules.h - how the servers of relayd are to behave, as read from its file
 */
#ifndef SMTPWALL_TESTS_RELAYD_RULES_H
#define SMTPWALL_TESTS_RELAYD_RULES_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVERS	  512
#define ADDRESSES 4
#define PATTERNS  8

/* clang-format off */
#define STAGES_ALL(X) X(GREETING) X(EHLO) X(HELO) X(STARTTLS) X(MAIL) X(RCPT) X(ACCEPTED) X(DATA) X(BODY) \
	X(RSET) X(NOOP) X(VRFY) X(QUIT) X(OTHER)
#define STAGE(name) name,
#define WORD(name) #name,
enum stage { STAGES_ALL(STAGE) STAGES };
/* clang-format on */

enum only { ONLY_ANY, ONLY_EHLO, ONLY_HELO, ONLY_TLS, ONLY_PLAIN, ONLY_PIPED, ONLY_SINGLE };

/* What is done at a stage, in this order. */
struct act {
	unsigned int noise; /* bytes */
	bool repeats, endless, silent, closes, resets, leaves;
	unsigned int times;
	const char *again, *text; /* NULL: the usual reply */
	size_t again_size, text_size;
};

struct server {
	const char *port, *address[ADDRESSES];
	const char *accept[PATTERNS], *refuse, *certificate, *key;
	struct act act[STAGES];
	unsigned int addresses, accepts, speed, places, after, grey, id;
	const char *after_text;
	size_t after_size;
	enum only only;
	bool tls, wrapped, bare, deaf, strict, alerts;
};

static struct server server[SERVERS];
static unsigned int servers;

static const char *const stage_word[STAGES] = {STAGES_ALL(WORD)};

static const char *copy_of(const char *text)
{
	return text ? strdup(text) : NULL;
}

static const char *next(char **rest)
{
	return strtok_r(NULL, " \t\n", rest);
}

/* Any bytes, NUL included: \r \n \e \0 \\ and \xNN; a line's end is added, unless \c is the last. */
static const char *text_of(const char *from, size_t *size)
{
	static const char names[] = "rne0\\", values[] = "\r\n\033\0\\";
	char *out = malloc(strlen(from) + 3);
	bool cut = false;
	size_t n = 0;

	for (; *from && *from != '\n'; from++) {
		const char *name = *from == '\\' && from[1] ? strchr(names, from[1]) : NULL;
		unsigned int byte;

		if (name) {
			out[n++] = values[name - names];
			from++;
		} else if (*from == '\\' && from[1] == 'x' && sscanf(from + 2, "%2x", &byte) == 1) {
			out[n++] = (char)byte;
			from += 3;
		} else if (*from == '\\' && from[1] == 'c') {
			cut = true;
			from++;
		} else {
			out[n++] = *from;
		}
	}
	if (!cut) {
		out[n++] = '\r';
		out[n++] = '\n';
	}
	out[n] = '\0';
	*size = n;
	return out;
}

static bool read_at(char **rest)
{
	struct server *s;
	const char *word;

	if (servers == SERVERS)
		return false;
	s = &server[servers];
	s->id = servers++;
	s->port = copy_of(next(rest));
	while ((word = next(rest)) && s->addresses < ADDRESSES)
		s->address[s->addresses++] = copy_of(word);
	return s->addresses > 0;
}

/* Words about one stage. */
static bool read_stage(struct server *s, const char *word, char **rest)
{
	const char *name = next(rest);
	struct act *a = s->act;

	if (!name)
		return false;
	while (a < s->act + STAGES && strcmp(stage_word[a - s->act], name) != 0)
		a++;
	if (a == s->act + STAGES)
		return false;
	if (!strcmp(word, "say")) {
		a->text = text_of(*rest, &a->text_size);
	} else if (!strcmp(word, "repeat")) {
		const char *count = next(rest);

		a->times = count ? (unsigned int)atoi(count) : 0;
		a->endless = !a->times;
		a->repeats = true;
		a->again = text_of(*rest, &a->again_size);
	} else if (!strcmp(word, "noise")) {
		const char *bytes = next(rest);

		a->noise = bytes ? (unsigned int)atoi(bytes) : 0;
	} else {
		a->silent |= !strcmp(word, "silent");
		a->closes |= !strcmp(word, "close");
		a->resets |= !strcmp(word, "reset");
		a->leaves |= !strcmp(word, "leave");
		return a->silent || a->closes || a->resets || a->leaves;
	}
	return true;
}

static bool read_only(struct server *s, const char *word)
{
	static const char *const words[] = {"any",   "ehlo",  "helo",	"tls",
					    "plain", "piped", "single", NULL};

	for (unsigned int i = 0; word && words[i]; i++) {
		if (!strcmp(word, words[i])) {
			s->only = (enum only)i;
			return true;
		}
	}
	return false;
}

static bool read_rule(const char *word, char **rest)
{
	struct server *s = servers ? &server[servers - 1] : NULL;
	const char *value;

	if (!strcmp(word, "at"))
		return read_at(rest);
	if (!s)
		return false;
	if (!strcmp(word, "accept") && s->accepts < PATTERNS) {
		(*rest)[strcspn(*rest, "\n")] = '\0';
		s->accept[s->accepts++] = copy_of(*rest);
	} else if (!strcmp(word, "refuse")) {
		(*rest)[strcspn(*rest, "\n")] = '\0';
		s->refuse = copy_of(*rest);
	} else if (!strcmp(word, "only")) {
		return read_only(s, next(rest));
	} else if (!strcmp(word, "tls") || !strcmp(word, "wrapped")) {
		s->tls = *word == 't';
		s->wrapped = !s->tls;
		s->certificate = copy_of(next(rest));
		s->key = copy_of(next(rest));
	} else if (!strcmp(word, "bare")) {
		s->bare = true;
	} else if (!strcmp(word, "deaf")) {
		s->deaf = true;
	} else if (!strcmp(word, "alerts")) {
		s->alerts = true;
	} else if (!strcmp(word, "strict")) {
		s->strict = true;
	} else if (!strcmp(word, "speed") || !strcmp(word, "places") || !strcmp(word, "grey") ||
		   !strcmp(word, "after")) {
		unsigned int n = (value = next(rest)) ? (unsigned int)atoi(value) : 0;

		*(*word == 's'	 ? &s->speed
		  : *word == 'p' ? &s->places
		  : *word == 'g' ? &s->grey
				 : &s->after) = n;
		if (*word == 'a')
			s->after_text = text_of(*rest, &s->after_size);
	} else {
		return read_stage(s, word, rest);
	}
	return true;
}

static bool read_rules(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[8192], *word, *rest = NULL;
	unsigned int number = 0;

	if (!f) {
		fprintf(stderr, "relayd: %s: %s\n", path, strerror(errno));
		return false;
	}
	while (fgets(line, sizeof(line), f)) {
		number++;
		word = strtok_r(line, " \t\n", &rest);
		if (!word || *word == '#')
			continue;
		if (!read_rule(word, &rest)) {
			fprintf(stderr, "relayd: %s:%u: what is this?\n", path, number);
			fclose(f);
			return false;
		}
	}
	fclose(f);
	return servers > 0;
}

#endif
