// SPDX-License-Identifier: GPL-2.0-only
/*
 * interfaces.c - where the wall is wanted: chosen by hand, configured, or where the default routes
 * go
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../net/net.h"
#include "commands.h"

int interfaces_add(struct interfaces *set, const char *name, struct error *why)
{
	for (unsigned int i = 0; i < set->count; i++)
		if (!strcmp(set->name[i], name))
			return 0;
	if (set->count == CONFIG_INTERFACES)
		return error_set(why, -E2BIG, "more than %d interfaces", CONFIG_INTERFACES);
	if (!*name || strlen(name) >= IF_NAMESIZE || strpbrk(name, "/: \t"))
		return error_set(why, -EINVAL, "\"%s\" is no name of an interface", name);
	snprintf(set->name[set->count++], IF_NAMESIZE, "%s", name);
	return 0;
}

void interfaces_join(const struct interfaces *set, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned int i = 0; i < set->count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? " " : "",
					 set->name[i]);
}

void interfaces_configured(const struct config *config, char *out, size_t size)
{
	struct interfaces set = {.count = 0};

	for (unsigned int i = 0; i < config->interfaces; i++)
		interfaces_add(&set, config->interface[i], NULL);
	interfaces_join(&set, out, size);
}

static int add_words(struct interfaces *set, const char *words, struct error *why)
{
	char copy[256], *word, *rest;
	int err = 0;

	snprintf(copy, sizeof(copy), "%s", words);
	for (word = strtok_r(copy, " ", &rest); word && !err; word = strtok_r(NULL, " ", &rest))
		err = interfaces_add(set, word, why);
	return err;
}

static int add_attached(void *context, const char *interface, const char *path)
{
	if (pins_link_index(path) > 0)
		interfaces_add(context, interface, NULL);
	return 0;
}

int interfaces_wanted(const struct config *config, struct ledger *ledger, struct interfaces *out,
		      struct error *why)
{
	char configured[256], found[CONFIG_INTERFACES][IF_NAMESIZE];
	struct ledger_override chosen;
	int routes;

	out->count = 0;
	interfaces_configured(config, configured, sizeof(configured));
	if (override_stands(ledger, "interfaces", configured, &chosen))
		return add_words(out, chosen.value, why);
	if (config->interfaces)
		return add_words(out, configured, why);
	/* A default route that moves must not take the wall off the interface it stands on. */
	pins_each_link(place.pins, add_attached, out);
	routes = link_default(found, CONFIG_INTERFACES, why);
	for (int i = 0; i < routes; i++)
		interfaces_add(out, found[i], NULL);
	return routes < 0 && !out->count ? routes : 0;
}
