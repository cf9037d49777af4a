// SPDX-License-Identifier: GPL-2.0-only
/*
 * config.c - checks or shows the configuration
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "../net/net.h"
#include "../output.h"
#include "commands.h"

const char help_config[] =
	"usage: smtpwall config check|show\n\n"
	"check  reads the configuration and says what is wrong with it, with file and line\n"
	"show   prints every setting with its value in force, defaults included, in the syntax of "
	"the file\n";

/* What is no mistake in the file, but will be missed. */
static void look_around(const struct config *config)
{
	struct stat st;

	for (unsigned int i = 0; i < config->lists; i++)
		if (config->list[i].file && stat(config->list[i].file, &st))
			note("list \"%s\": there is no file %s yet", config->list[i].name,
			     config->list[i].file);
	for (unsigned int i = 0; i < config->interfaces; i++) {
		struct link_facts facts;

		if (link_facts(config->interface[i], &facts, NULL))
			note("there is no interface %s at this moment", config->interface[i]);
	}
}

int command_config(int argc, char **argv)
{
	static const char *const known[] = {NULL};
	struct options options;
	struct config *config = NULL;
	struct error why;
	bool missing, show;
	int first = options_read(argc, argv, known, help_config, &options);

	if (first < 0)
		return -1 - first;
	if (first + 1 != argc ||
	    (strcmp(argv[first], "check") != 0 && strcmp(argv[first], "show") != 0))
		return usage("config", "say check or show");
	show = !strcmp(argv[first], "show");
	if (config_read(place.config, &config, &missing, &why)) {
		fail(&why);
		return STATUS_USAGE;
	}
	if (missing)
		note("there is no %s: these are the defaults", place.config);
	if (show)
		config_write(config, stdout);
	else {
		look_around(config);
		printf("%s is all right\n", place.config);
	}
	config_free(config);
	return STATUS_DONE;
}
