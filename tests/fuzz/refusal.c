// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any template, filled with any words: one line of printable ASCII comes out, short enough for SMTP, and
 * every template that passes the check has its brackets gone.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "refuse/refuse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_line(const char *line, const char *code)
{
	size_t n = strlen(line);

	check(n < REFUSE_REPLY && n >= 6 && !strncmp(line, code, 4));
	check(!strcmp(line + n - 2, "\r\n"));
	for (size_t i = 0; i < n - 2; i++)
		check(line[i] >= ' ' && line[i] <= '~');
}

/* The template, then words, each behind a NUL. */
static char *next(char *text, const char *end)
{
	char *behind = text + strlen(text) + 1;

	return behind < end ? behind : (char *)end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1), *by, *txt, *contact, line[REFUSE_REPLY];
	struct refuse_facts facts = {.reason = REASON_DNSBL, .until = size * 1000000000ULL};
	struct config config = {.refuse_txt = true};
	struct error why = {""};

	check(text);
	memcpy(text, data, size);
	by = next(text, text + size);
	txt = next(by, text + size);
	contact = next(txt, text + size);
	config.refuse_text = text;
	config.refuse_text_rate = text;
	config.refuse_contact = contact;
	facts.by = by;
	facts.txt = txt;
	refuse_text(&config, &facts, line);
	check_line(line, "554 ");
	if (refuse_template_check(text, &why)) {
		check(why.text[0]);
	} else {
		facts = (struct refuse_facts){.reason = REASON_SOURCE_RATE};
		config.refuse_contact = NULL;
		refuse_text(&config, &facts, line);
		check_line(line, "421 ");
		check(!strpbrk(line, "{}"));
	}
	free(text);
	return 0;
}
