// SPDX-License-Identifier: GPL-2.0-only
/*
 * set.c - one file of patterns
 *
 * Lines are "units = NAME...", "identifiers = REGEX" (of syslog's tag as a whole; for the patterns
 * behind it) and "KIND REGEX" or "offence NAME REGEX". A file with one bad line is no good as a whole:
 * half a set would count some of what a client does and miss the rest.
 *
 * A pattern stands at the message's beginning and reaches the address from the left, over text of the
 * server's own. What a client can put in front of it (HELO, sender, recipient, user name) must be held
 * by a class of characters that cannot leave its brackets; ".*" in front of the address is refused.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "inside.h"

#define LINE_MOST     4096
#define PATTERNS_MOST 128u

static const struct {
	const char *word;
	unsigned int needs, either; /* bits of groups: all of `needs`, and one of `either` */
} kinds[KINDS] = {
	[KIND_OFFENCE] = {"offence", 0, 1 << GROUP_ADDRESS | 1 << GROUP_SESSION},
	[KIND_LOGIN] = {"login", 0, 1 << GROUP_ADDRESS | 1 << GROUP_SESSION},
	[KIND_LOGIN_POP] = {"login-pop", 0, 1 << GROUP_ADDRESS | 1 << GROUP_SESSION},
	[KIND_CONNECT] = {"connect", 1 << GROUP_ADDRESS | 1 << GROUP_SESSION, 0},
	[KIND_DISCONNECT] = {"disconnect", 1 << GROUP_SESSION, 0},
	[KIND_CLIENT] = {"client", 1 << GROUP_QUEUE, 1 << GROUP_ADDRESS | 1 << GROUP_SESSION},
	[KIND_MAIL] = {"mail", 0, 1 << GROUP_ADDRESS | 1 << GROUP_SESSION | 1 << GROUP_QUEUE},
	[KIND_SENT] = {"sent", 1 << GROUP_QUEUE | 1 << GROUP_RECIPIENT, 0},
	[KIND_DONE] = {"done", 1 << GROUP_QUEUE, 0},
};

static const char *const group_names[GROUPS] = {
#define X(number, name) [number] = (name),
	LOG_GROUP_NAMES(X)
#undef X
};

static int compile(const char *regex, pcre2_code **out, struct error *why)
{
	PCRE2_UCHAR text[256];
	PCRE2_SIZE at;
	int code;

	/* Bytes, not characters: a log may hold anything. */
	*out = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
			     PCRE2_ANCHORED | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY |
				     PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C,
			     &code, &at, NULL);
	if (!*out) {
		pcre2_get_error_message(code, text, sizeof(text));
		return error_set(why, -EINVAL,
				 "the regular expression is wrong at its byte %zu: %s",
				 (size_t)at + 1, (const char *)text);
	}
	/* Without a compiler for this machine it is interpreted, which is slower and no less right. */
	pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE);
	return 0;
}

/* Which of our groups has the pattern, and has it any other? */
static int find_groups(struct log_pattern *pattern, unsigned int *have, struct error *why)
{
	uint32_t names = 0, entry = 0, parentheses = 0;
	PCRE2_SPTR table = NULL;

	pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMECOUNT, &names);
	pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMEENTRYSIZE, &entry);
	pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMETABLE, &table);
	pcre2_pattern_info(pattern->code, PCRE2_INFO_CAPTURECOUNT, &parentheses);
	if (parentheses > LOG_PARENTHESES)
		return error_set(why, -EINVAL, "%u groups are too many: write (?:...)",
				 parentheses);
	*have = 0;
	for (uint32_t i = 0; i < names; i++, table += entry) {
		const char *name = (const char *)table + 2;
		unsigned int g;

		for (g = 0; g < GROUPS && strcmp(name, group_names[g]) != 0; g++)
			;
		if (g == GROUPS)
			return error_set(why, -EINVAL, "there is no group \"%s\"", name);
		if (*have & 1u << g)
			return error_set(why, -EINVAL, "the group \"%s\" is there twice", name);
		*have |= 1u << g;
		pattern->group[g] = (uint32_t)table[0] << 8 | table[1];
	}
	return 0;
}

/* Could text of any kind and length stand in front of the address? */
static bool reaches_far(const char *regex)
{
	const char *end = strstr(regex, "(?<address>");

	for (const char *c = regex; end && c < end; c++) {
		if (*c == '\\')
			c++;
		else if (*c == '.' && (c[1] == '*' || c[1] == '+'))
			return true;
	}
	return false;
}

static int read_pattern(struct log_set *set, enum log_kind kind, char *rest, struct error *why)
{
	struct log_pattern pattern = {.kind = kind}, *grown;
	unsigned int have = 0;
	int err;

	if (kind == KIND_OFFENCE) {
		size_t length = strcspn(rest, " \t");
		const char *word = rest;

		rest += length;
		if (*rest)
			*rest++ = '\0';
		rest += strspn(rest, " \t");
		pattern.offence = OFFENCES;
#define X(number, name, member)                                                                    \
	if (strcmp(word, name) == 0)                                                               \
		pattern.offence = (number);
		OFFENCE_NAMES(X)
#undef X
		if (pattern.offence == OFFENCES)
			return error_set(why, -EINVAL, "there is no offence \"%s\"", word);
	}
	if (rest[0] != '^')
		return error_set(why, -EINVAL,
				 "a pattern begins with ^: a client's text further back in a line "
				 "must not look like a line of the server");
	if (reaches_far(rest))
		return error_set(why, -EINVAL,
				 "\".*\" or \".+\" in front of the address would find one that a "
				 "client wrote: say what may stand there");
	if (!set->tags)
		return error_set(why, -EINVAL, "\"identifiers = ...\" must come before patterns");
	if (set->patterns == PATTERNS_MOST)
		return error_set(why, -EINVAL, "these are too many patterns: %u is the most",
				 PATTERNS_MOST);
	err = compile(rest, &pattern.code, why);
	if (err)
		return err;
	err = find_groups(&pattern, &have, why);
	if (!err && (have & kinds[kind].needs) != kinds[kind].needs)
		err = -EINVAL;
	if (!err && kinds[kind].either && !(have & kinds[kind].either))
		err = -EINVAL;
	if (err && !why->text[0]) {
		char list[128] = "";

		for (unsigned int g = 0; g < GROUPS; g++)
			if ((kinds[kind].needs | kinds[kind].either) & 1u << g)
				snprintf(list + strlen(list), sizeof(list) - strlen(list),
					 "%s(?<%s>...)",
					 !list[0]	      ? ""
					 : kinds[kind].either ? " or "
							      : " and ",
					 group_names[g]);
		error_set(why, err, "\"%s\" needs %s", kinds[kind].word, list);
	}
	grown = err ? NULL
		    : realloc(set->pattern, ((size_t)set->patterns + 1) * sizeof(*set->pattern));
	if (!grown) {
		pcre2_code_free(pattern.code);
		return err ? err : error_set(why, -ENOMEM, "no memory");
	}
	pattern.tag = set->tags - 1;
	set->pattern = grown;
	set->pattern[set->patterns++] = pattern;
	return 0;
}

static int read_identifiers(struct log_set *set, const char *value, struct error *why)
{
	char whole[LINE_MOST + 16];

	if (set->tags == LOG_SET_TAGS)
		return error_set(why, -EINVAL, "these are too many lines of identifiers");
	snprintf(whole, sizeof(whole), "^(?:%s)$", value);
	if (compile(whole, &set->tag[set->tags], why))
		return -EINVAL;
	set->tags++;
	return 0;
}

static int read_units(struct log_set *set, char *value, struct error *why)
{
	char *save = NULL;

	for (char *unit = strtok_r(value, " \t", &save); unit;
	     unit = strtok_r(NULL, " \t", &save)) {
		if (set->units == LOG_SET_UNITS)
			return error_set(why, -EINVAL, "these are too many units");
		set->unit[set->units] = strdup(unit);
		if (!set->unit[set->units])
			return error_set(why, -ENOMEM, "no memory");
		set->units++;
	}
	return 0;
}

static int read_line(struct log_set *set, char *line, struct error *why)
{
	size_t length = strcspn(line, " \t=");
	char *rest = line + length;

	rest += strspn(rest, " \t");
	if (*rest == '=') {
		rest++;
		rest += strspn(rest, " \t");
		line[length] = '\0';
		if (!strcmp(line, "units"))
			return read_units(set, rest, why);
		if (!strcmp(line, "identifiers"))
			return read_identifiers(set, rest, why);
		return error_set(why, -EINVAL, "there is no setting \"%s\"", line);
	}
	line[length] = '\0';
	for (int kind = 0; kind < KINDS; kind++)
		if (!strcmp(line, kinds[kind].word))
			return read_pattern(set, (enum log_kind)kind, rest, why);
	return error_set(why, -EINVAL, "there is no kind of line \"%s\"", line);
}

int log_set_read(const char *path, const char *name, struct log_set *out, struct error *why)
{
	struct log_set set = {.name = strdup(name)};
	char line[LINE_MOST];
	FILE *f = fopen(path, "re");
	int number = 0, err = 0;

	if (!f || !set.name) {
		err = f ? -ENOMEM : -errno;
		error_set(why, err, "cannot read %s: %s", path, strerror(-err));
		goto out;
	}
	while (!err && fgets(line, sizeof(line), f)) {
		size_t size = strlen(line);
		char *start = line + strspn(line, " \t");
		struct error inner = {""};

		number++;
		if (size == sizeof(line) - 1 && line[size - 1] != '\n')
			err = error_set(&inner, -EINVAL, "the line is too long");
		while (size && strchr(" \t\r\n", line[size - 1]))
			line[--size] = '\0';
		if (err || (*start && *start != '#'))
			err = err ? err : read_line(&set, start, &inner);
		if (err)
			error_set(why, err, "%s:%d: %s", path, number, inner.text);
	}
	if (!err && ferror(f))
		err = error_set(why, -EIO, "cannot read %s", path);
	if (!err && !set.patterns)
		err = error_set(why, -EINVAL, "%s:%d: there is no pattern in it", path, number + 1);
out:
	if (f)
		fclose(f);
	if (err)
		log_set_clear(&set);
	else
		*out = set;
	return err;
}

void log_set_clear(struct log_set *set)
{
	for (unsigned int i = 0; i < set->patterns; i++)
		pcre2_code_free(set->pattern[i].code);
	for (unsigned int i = 0; i < set->tags; i++)
		pcre2_code_free(set->tag[i]);
	for (unsigned int i = 0; i < set->units; i++)
		free(set->unit[i]);
	free(set->pattern);
	free(set->name);
	*set = (struct log_set){0};
}
