/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reply_feed.h - what the reader of replies makes of a text, in words
 */
#ifndef REPLY_FEED_H
#define REPLY_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "bpf/reply.h"
#include "kernel/kernel.h"

#define BANNER "220 mx.example ESMTP\r\n"

static struct reply_table reply_table;

/* Appends a word per event; the reader stops at a veil, as its caller must. */
static void feed_bytes(struct reply *r, const char *text, size_t size, bool by_code, char *words,
		       size_t room)
{
	static const char *const event[] = {"nothing", "done", "offence", "login", "mail", "veil"};
	static const char *const offence[] = {
#define NAME(number, text, member) [number] = text,
		OFFENCE_NAMES(NAME)
#undef NAME
	};

	for (size_t i = 0; i < size; i++) {
		size_t used = strlen(words);
		enum reply_event e;

		if (used >= 4 && !strcmp(words + used - 4, "veil"))
			return;
		e = reply_byte(r, &reply_table, (unsigned char)text[i], by_code);
		if (e != REPLY_NOTHING)
			snprintf(words + used, room - used, "%s%s", used ? " " : "",
				 e == REPLY_OFFENCE ? offence[r->offence] : event[e]);
	}
}

/* Behind the banner. */
static const char *feed(struct reply *r, const char *text)
{
	static char words[1000];

	memset(r, 0, sizeof(*r));
	words[0] = 0;
	feed_bytes(r, BANNER, strlen(BANNER), false, words, sizeof(words));
	words[0] = 0;
	feed_bytes(r, text, strlen(text), false, words, sizeof(words));
	return words;
}

#endif
