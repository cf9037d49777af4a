// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any lines, through all sets of patterns: an event's address stands in one of the lines, alone between
 * what is no part of an address, and its texts end. Run from the top of the tree, where the sets are.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "logs/logs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1711100000000000LL

static const uint8_t *input;
static size_t input_size;

static void check(bool ok)
{
	if (!ok)
		abort();
}

static bool is_part(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
	       c == ':' || c == '.';
}

static bool same(const char *text, size_t size, const struct address *source)
{
	struct address a;
	char copy[ADDRESS_TEXT];

	if (size >= sizeof(copy))
		return false;
	memcpy(copy, text, size);
	copy[size] = '\0';
	return address_parse(copy, &a) && !memcmp(&a, source, sizeof(a));
}

/* "IPv6:" in front is no part of it, though its last two bytes could be. */
static bool stands_there(const struct address *source)
{
	for (size_t i = 0; i < input_size; i++) {
		size_t end = i;

		while (end < input_size && is_part(input[end]))
			end++;
		if (end == i)
			continue;
		if (same((const char *)input + i, end - i, source) ||
		    (end - i > 2 && !memcmp(input + i, "6:", 2) &&
		     same((const char *)input + i + 2, end - i - 2, source)))
			return true;
		i = end;
	}
	return false;
}

static void on_event(void *context, const struct log_event *e)
{
	(void)context;
	check(e->when <= NOW);
	check(memchr(e->text, '\0', sizeof(e->text)) &&
	      memchr(e->account, '\0', sizeof(e->account)));
	check(memchr(e->queue, '\0', sizeof(e->queue)) &&
	      memchr(e->recipient, '\0', sizeof(e->recipient)));
	if (e->what != LOGGED_SENT)
		check(stands_there(&e->source));
	if (e->relay_known)
		check(stands_there(&e->relay));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const directory[] = {"scripts/packaging/patterns"};
	static struct log_patterns *patterns;
	struct log_calls calls = {.event = on_event};
	struct log_matcher *matcher;
	struct error why;

	if (!patterns)
		check(log_patterns_load(directory, 1, NULL, 0, NULL, NULL, &patterns, &why) == 5);
	check(!log_matcher_open(patterns, &calls, &matcher, &why));
	input = data;
	input_size = size;
	while (size) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t length = end ? (size_t)(end - data) : size;
		struct log_line line;

		if (length <= LOG_LINE) {
			/* Exactly as long as it is, so that a read behind it is seen. */
			char *copy = malloc(length ? length : 1);

			check(copy);
			memcpy(copy, data, length);
			log_line_split(copy, length, NOW, &line);
			log_matcher_line(matcher, NULL, &line);
			free(copy);
		}
		length += end != NULL;
		data += length;
		size -= length;
	}
	log_matcher_close(matcher);
	return 0;
}
