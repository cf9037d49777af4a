// SPDX-License-Identifier: GPL-2.0-only
/*
 * names.c - modes, actions, reasons, verdicts, offences and lists by name, as everybody reads and
 * writes them
 */
#include <string.h>
#include "config.h"

bool mode_parse(const char *text, enum mode *mode)
{
	if (!strcmp(text, "monitor"))
		*mode = MODE_MONITOR;
	else if (!strcmp(text, "enforce"))
		*mode = MODE_ENFORCE;
	else
		return false;
	return true;
}

const char *mode_name(enum mode mode)
{
	return mode == MODE_MONITOR ? "monitor" : mode == MODE_ENFORCE ? "enforce" : "unknown";
}

/* The first name of an action is the one that is written; "block" is what people try first. */
static const struct {
	const char *name;
	enum list_action action;
} actions[] = {
	{"allow", LIST_ALLOW},	 {"drop", LIST_DROP},	{"block", LIST_DROP},
	{"refuse", LIST_REFUSE}, {"count", LIST_COUNT},
};

bool action_parse(const char *text, enum list_action *action)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (!strcmp(text, actions[i].name)) {
			*action = actions[i].action;
			return true;
		}
	}
	return false;
}

const char *action_name(enum list_action action)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (actions[i].action == action)
			return actions[i].name;
	return "unknown";
}

const char *reason_name(enum reason reason)
{
	switch ((unsigned int)reason) {
#define NAME(number, name, member)                                                                 \
	case number:                                                                               \
		return name;
		REASONS(NAME)
#undef NAME
	}
	return "unknown";
}

const char *verdict_name(enum verdict verdict)
{
	return verdict == VERDICT_PASS	   ? "pass"
	       : verdict == VERDICT_DROP   ? "drop"
	       : verdict == VERDICT_REFUSE ? "refuse"
					   : "unknown";
}

const char *offence_name(enum offence offence)
{
	switch ((unsigned int)offence) {
#define NAME(number, name, member)                                                                 \
	case number:                                                                               \
		return name;
		OFFENCE_NAMES(NAME)
#undef NAME
	}
	return "unknown";
}

const char *spared_name(enum spared spared)
{
	switch ((unsigned int)spared) {
	case SPARED_KNOWN:
		return "known-sender";
	case SPARED_SHARE:
		return "large-share";
	case SPARED_PRIVATE:
		return "private";
	case SPARED_ALLOWED:
		return "allow-list";
	}
	return "unknown";
}

const char *ban_origin_name(enum ban_origin origin)
{
	switch ((unsigned int)origin) {
	case BAN_BY_REPLY:
		return "reply";
	case BAN_BY_LOG:
		return "log";
	case BAN_WIDENED:
		return "widened";
	}
	return "unknown";
}

bool list_name_reserved(const char *name)
{
	return !strcmp(name, "guard") || !strcmp(name, "manual");
}

bool name_valid(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return length && !name[length] && length < POLICY_NAME && *name != '.' && *name != '-';
}

bool list_name_valid(const char *name)
{
	return name_valid(name) && !list_name_reserved(name);
}
