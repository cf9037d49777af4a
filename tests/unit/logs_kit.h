/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * logs_kit.h - the sets of patterns that come along, and what they find as short text
 */
#ifndef SMTPWALL_TESTS_LOGS_KIT_H
#define SMTPWALL_TESTS_LOGS_KIT_H

#include <stdio.h>
#include <string.h>
#include "logs/logs.h"

#define KIT_PATTERNS "scripts/packaging/patterns"

static char kit_events[65536]; /* "login 192.0.2.1 account=x; " for each event */
static struct log_event kit_last;
static struct log_patterns *kit_patterns;
static struct log_matcher *kit_matcher;

static void kit_add(const char *format, const char *value)
{
	size_t used = strlen(kit_events);

	snprintf(kit_events + used, sizeof(kit_events) - used, format, value);
}

static void kit_event(void *context, const struct log_event *e)
{
	static const char *const offence[] = {
#define X(number, name, member) [number] = (name),
		OFFENCE_NAMES(X)
#undef X
	};
	static const char *const what[] = {"offence", "login", "mail", "client", "sent"};
	char address[ADDRESS_TEXT];

	(void)context;
	kit_last = *e;
	kit_add(e->what == LOGGED_LOGIN && e->pop ? "pop-%s" : "%s", what[e->what]);
	if (e->what == LOGGED_OFFENCE)
		kit_add(" %s", offence[e->offence]);
	if (e->what != LOGGED_SENT)
		kit_add(" %s", address_text(&e->source, address));
	if (e->account[0])
		kit_add(" account=%s", e->account);
	if (e->queue[0])
		kit_add(" queue=%s", e->queue);
	if (e->what == LOGGED_SENT) {
		kit_add(" to=%s", e->recipient);
		kit_add("%s", e->changed ? " changed" : "");
		if (e->relay_known)
			kit_add(" via=%s", address_text(&e->relay, address));
	}
	if (e->what == LOGGED_OFFENCE)
		kit_add(" \"%.200s\"", e->text);
	kit_add("%s", "; ");
}

static void kit_bad(void *context, const char *sentence)
{
	(void)context;
	fprintf(stderr, "%s\n", sentence);
}

/* A set by its name, or all. */
static inline void kit_load(const char *set)
{
	static const char *const directory[] = {KIT_PATTERNS};
	struct log_calls calls = {.event = kit_event};
	struct error why;

	assert_int_equal(log_patterns_load(directory, 1, set ? &set : NULL, set ? 1 : 0, kit_bad,
					   NULL, &kit_patterns, &why),
			 set ? 1 : 5);
	assert_int_equal(log_matcher_open(kit_patterns, &calls, &kit_matcher, &why), 0);
}

static inline void kit_unload(void)
{
	log_matcher_close(kit_matcher);
	log_patterns_free(kit_patterns);
}

#define KIT_NOW 1711100000000000LL /* 2024-03-22 */

/* A whole line of a file. */
static inline void kit_line(const char *text)
{
	struct log_line line;

	kit_events[0] = '\0';
	log_line_split(text, strlen(text), KIT_NOW, &line);
	log_matcher_line(kit_matcher, NULL, &line);
}

#endif
