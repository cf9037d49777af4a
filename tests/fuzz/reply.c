// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a mail server's side of a session: cut anywhere they mean the same; what stands in
 * brackets means nothing; without the digits of a code there is no event.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "bpf/reply.h"
#include "kernel/kernel.h"

#define EVENTS 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct reply_table *table;

/* What a session meant: an event, and for an offence which. */
struct meaning {
	struct reply reply;
	bool veiled;
	unsigned int events;
	uint8_t event[EVENTS];
	uint16_t code[EVENTS];
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_bounds(const struct reply *r)
{
	check(r->node < REPLY_NODES && r->held <= REPLY_LINE && r->offence < OFFENCES &&
	      r->known_offence < OFFENCES);
	check(r->more <= (REPLY_MORE | REPLY_MISSED) && r->bracket <= REPLY_BEHIND);
	check(r->greeted <= 1 && r->data <= 1 && r->broken <= 1 && r->by_code <= 1);
}

static void check_event(const struct reply *r, enum reply_event e, uint32_t code, bool by_code)
{
	check(e <= REPLY_VEIL);
	check((e == REPLY_LOGIN) == (e != REPLY_VEIL && code == 235));
	if (e == REPLY_MAIL)
		check(code >= 200 && code < 300);
	if (e != REPLY_OFFENCE)
		return;
	check(code >= 400 && code < 600 && !(r->more & REPLY_MISSED));
	check(r->held && r->line[0] >= '4' && r->line[0] <= '5');
	if (!by_code)
		check(r->offence_code == code && r->known_offence == r->offence);
	if (r->offence == OFFENCE_AUTH_FAILED)
		check(code == 535);
	if (r->offence == OFFENCE_UNKNOWN_USER && !by_code)
		check(code == 550 || code == 551 || code == 553);
}

static void read_bytes(struct meaning *m, const uint8_t *data, size_t size, bool by_code)
{
	for (size_t i = 0; i < size && !m->veiled; i++) {
		enum reply_event e = reply_byte(&m->reply, table, data[i], by_code);

		check_bounds(&m->reply);
		if (e == REPLY_NOTHING)
			continue;
		if (data[i] == '\n' && m->reply.greeted)
			check_event(&m->reply, e, m->reply.code, m->reply.by_code);
		else
			check(e == REPLY_VEIL);
		m->veiled = e == REPLY_VEIL;
		if (m->events == EVENTS)
			continue;
		m->event[m->events] =
			(uint8_t)(e | (e == REPLY_OFFENCE ? m->reply.offence << 4 : 0));
		m->code[m->events++] = m->reply.code;
	}
}

static void check_same(const struct meaning *a, const struct meaning *b)
{
	check(a->events == b->events && a->veiled == b->veiled);
	check(!memcmp(a->event, b->event, a->events));
	check(!memcmp(a->code, b->code, a->events * sizeof(a->code[0])));
}

/* In two calls, with another state between them. */
static void check_cut(const struct meaning *whole, const uint8_t *data, size_t size, size_t cut)
{
	static struct meaning first, second;

	memset(&first, 0, sizeof(first));
	read_bytes(&first, data, cut, false);
	second = first;
	read_bytes(&second, data + cut, size - cut, false);
	check_same(whole, &second);
}

/* Overwrites the text from `from` on; a CR stays where it is. */
static void overwrite(uint8_t *from, const uint8_t *end, const char *with)
{
	const char *word = with;

	for (; from < end; from++) {
		if (*from == '\r')
			continue;
		*from = (uint8_t)*word;
		word = word[1] ? word + 1 : with;
	}
}

/* In every line, from the first '<' of its text to the last '>', or to the end if there is none. */
static bool refill(uint8_t *data, size_t size, const char *with)
{
	uint8_t *open = NULL, *close = NULL;
	bool changed = false;
	size_t column = 0;

	for (uint8_t *c = data; c < data + size; c++) {
		if (*c == '\n') {
			if (open)
				overwrite(open, close ? close : c, with);
			changed |= open != NULL;
			open = NULL;
			close = NULL;
			column = 0;
		} else if (*c == '>' && open) {
			close = c;
		} else if (*c != '\r' && column++ >= 4 && *c == '<' && !open) {
			open = c + 1;
		}
	}
	return changed;
}

static void check_brackets(const struct meaning *whole, const uint8_t *data, size_t size)
{
	static const char *const words[] = {"x", "relay access denied ", "\"user unknown\" ",
					    "no valid recipients blocked using "};
	static struct meaning other;
	uint8_t *copy = malloc(size + 1);

	check(copy);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		memcpy(copy, data, size);
		if (!refill(copy, size, words[i]))
			break;
		memset(&other, 0, sizeof(other));
		read_bytes(&other, copy, size, false);
		check_same(whole, &other);
	}
	free(copy);
}

/* Parts by code only, and bytes missing: bounds hold. */
static void check_mixed(const uint8_t *data, size_t size)
{
	static struct meaning m;
	size_t at = 0;

	memset(&m, 0, sizeof(m));
	for (size_t i = 0; at < size; i++) {
		size_t part = data[i] % 64u + 1;

		if (part > size - at)
			part = size - at;
		read_bytes(&m, data + at, part, data[i] & 0x40);
		if (data[i] & 0x80)
			reply_resume(&m.reply);
		at += part;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct meaning whole;

	if (!table) {
		table = malloc(sizeof(*table));
		check(table && !phrases_build(table));
	}
	if (!size)
		return 0;
	memset(&whole, 0, sizeof(whole));
	read_bytes(&whole, data, size, false);
	check_cut(&whole, data, size, data[0] % size);
	check_cut(&whole, data, size, data[size - 1] % size);
	check_brackets(&whole, data, size);
	check_mixed(data, size);
	return 0;
}
