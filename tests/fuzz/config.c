// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a configuration: refused with a line, or read, and then written and read again to
 * the same settings; or refused again, if it has a zone that is not to be shown.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "dnsbl/dnsbl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static char *written(const struct config *config, size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	check(out);
	config_write(config, out);
	fclose(out);
	return text;
}

static bool has_hidden(const struct config *config)
{
	for (unsigned int i = 0; config->dnsbl_sites && i < config->dnsbl_sites->zones; i++)
		if (config->dnsbl_sites->zone[i].hidden)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool hidden;
	struct config *config = NULL;
	struct error why = {.text = ""};
	char *first, *second;
	size_t first_size, second_size;

	if (config_read_memory("f", (const char *)data, size, &config, &why)) {
		check(!config && !strncmp(why.text, "f:", 2) && !strchr(why.text, '\n'));
		return 0;
	}
	first = written(config, &first_size);
	hidden = has_hidden(config);
	config_free(config);
	config = NULL;
	if (hidden) {
		check(config_read_memory("f", first, first_size, &config, &why) == -EINVAL);
		free(first);
		return 0;
	}
	check(!config_read_memory("f", first, first_size, &config, &why));
	second = written(config, &second_size);
	config_free(config);
	check(first_size == second_size && !memcmp(first, second, first_size));
	free(first);
	free(second);
	return 0;
}
