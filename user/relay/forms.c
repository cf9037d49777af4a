// SPDX-License-Identifier: GPL-2.0-only
/*
 * forms.c - the known ways to write a sender and a recipient
 *
 * The first sixteen are those of nmap's smtp-open-relay and of Metasploit's smtp_relay; the others are
 * from older testers, and are holes of their own: a host that trusts its own users by their address, one
 * that takes "localhost" for its name everywhere.
 *
 * nmap sends its address tricks from a sender at the server's address, which many servers refuse
 * before they look at the recipient. The session then tries the same recipient with other senders.
 */
#include <stdio.h>
#include <string.h>
#include "relay.h"

const struct relay_form relay_form[RELAY_FORMS] = {
	{"null-sender", "<>", "<%u@%d>", TAIL_FOREIGN, true},
	{"plain", "<%f@%F>", "<%u@%d>", TAIL_FOREIGN, true},
	{"local-sender", "<%f@%s>", "<%u@%d>", TAIL_FOREIGN, true},
	{"literal-sender", "<%f@[%i]>", "<%u@%d>", TAIL_FOREIGN, true},
	{"percent-literal", "<%f@[%i]>", "<%u%%%d@[%i]>", TAIL_LITERAL, false},
	{"percent-name", "<%f@[%i]>", "<%u%%%d@%s>", TAIL_NAME, false},
	{"quoted", "<%f@[%i]>", "<\"%u@%d\">", TAIL_NONE, false},
	{"quoted-percent", "<%f@[%i]>", "<\"%u%%%d\">", TAIL_NONE, false},
	{"double-at-literal", "<%f@[%i]>", "<%u@%d@[%i]>", TAIL_LITERAL, false},
	{"quoted-literal", "<%f@[%i]>", "<\"%u@%d\"@[%i]>", TAIL_LITERAL, false},
	{"double-at-name", "<%f@[%i]>", "<%u@%d@%s>", TAIL_NAME, false},
	{"route-literal", "<%f@[%i]>", "<@[%i]:%u@%d>", TAIL_FOREIGN, false},
	{"route-name", "<%f@[%i]>", "<@%s:%u@%d>", TAIL_FOREIGN, false},
	{"bang", "<%f@[%i]>", "<%d!%u>", TAIL_NONE, false},
	{"bang-literal", "<%f@[%i]>", "<%d!%u@[%i]>", TAIL_LITERAL, false},
	{"bang-name", "<%f@[%i]>", "<%d!%u@%s>", TAIL_NAME, false},
	/* the others' */
	{"bare-sender", "<%f>", "<%u@%d>", TAIL_FOREIGN, true},
	{"localhost-sender", "<%f@localhost>", "<%u@%d>", TAIL_FOREIGN, true},
	{"percent", "<>", "<%u%%%d>", TAIL_NONE, false},
	{"percent-localhost", "<>", "<%u%%%d@localhost>", TAIL_LOCALHOST, false},
	{"quoted-name", "<>", "<\"%u@%d\"@%s>", TAIL_NAME, false},
	{"quoted-percent-literal", "<>", "<\"%u%%%d\"@[%i]>", TAIL_LITERAL, false},
	{"quoted-percent-name", "<>", "<\"%u%%%d\"@%s>", TAIL_NAME, false},
};

static const char *word_of(char c, const struct relay_names *names)
{
	switch (c) {
	case 'f':
		return names->from_user;
	case 'F':
		return names->from_domain;
	case 'u':
		return names->to_user;
	case 'd':
		return names->to_domain;
	case 's':
		return names->server;
	case 'i':
		return names->literal;
	}
	return "%";
}

const char *relay_path(const char *pattern, const struct relay_names *names, char out[RELAY_PATH])
{
	size_t used = 0;

	for (const char *c = pattern; *c && used < RELAY_PATH - 1; c++) {
		if (*c == '%' && c[1])
			used += (size_t)snprintf(out + used, RELAY_PATH - used, "%s",
						 word_of(*++c, names));
		else
			out[used++] = *c;
		/* Names are bounded so that this cannot be; a cut path would be another one. */
		if (used >= RELAY_PATH)
			used = RELAY_PATH - 1;
	}
	out[used] = '\0';
	return out;
}

const char *relay_way_name(enum relay_way way)
{
	static const char *const name[] = {
#define WAY(id, text) [id] = (text),
		RELAY_WAYS_X(WAY)
#undef WAY
	};

	return name[way];
}
