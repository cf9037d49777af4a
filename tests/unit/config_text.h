/* SPDX-License-Identifier: GPL-2.0-only */
/* config_text.h - configurations from and to text, for the tests of their sections */
#ifndef SMTPWALL_TESTS_CONFIG_TEXT_H
#define SMTPWALL_TESTS_CONFIG_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "config.h"

static struct config *untouched = (struct config *)&untouched;

static struct config *read_text(const char *text)
{
	struct error why = {""};
	struct config *config = NULL;

	if (config_read_memory("t", text, strlen(text), &config, &why))
		fail_msg("refused: %s\n%s", why.text, text);
	return config;
}

static char *written(const struct config *config)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	config_write(config, out);
	fclose(out);
	return text;
}

#endif
