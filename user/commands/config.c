// SPDX-License-Identifier: GPL-2.0-only
/*
 * config.c - checks or shows the configuration
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "../dnsbl/dnsbl.h"
#include "../output.h"
#include "commands.h"

const char help_config[] =
	"usage: smtpwall config check|show [--json]\n\n"
	"check  reads the configuration and says what is wrong with it, with file and line\n"
	"show   prints every setting with its value in force, defaults included, in the syntax of the file\n";

static void json_rate(json_object *o, const char *key, uint64_t events, uint64_t seconds,
		      uint64_t burst)
{
	json_object *rate = json_object_new_object();

	json_flag(rate, "on", events > 0);
	json_number(rate, "events", events);
	json_number(rate, "seconds", seconds);
	json_number(rate, "burst", burst);
	json_object_object_add(o, key, rate);
}

static json_object *json_ports(const struct config *config, enum port_kind kind)
{
	json_object *array = json_object_new_array();

	for (unsigned int i = 0; i < config->ports; i++)
		if (config->port[i].kind == kind)
			json_object_array_add(array, json_object_new_int(config->port[i].number));
	return array;
}

static json_object *json_lists(const struct config *config)
{
	json_object *array = json_object_new_array();

	for (unsigned int i = 0; i < config->lists; i++) {
		const struct config_list *list = &config->list[i];
		json_object *o = json_object_new_object();

		json_text(o, "name", list->name);
		json_text(o, "action", action_name(list->action));
		json_flag(o, "tarpit", list->tarpit);
		json_text(o, "file", list->file);
		json_text(o, "format", list->format);
		json_flag(o, "skip_bad", list->skip_bad);
		json_number(o, "max_age", list->max_age);
		json_object_array_add(array, o);
	}
	return array;
}

/* A site with a name is shown by it alone: its zone may hold a key. */
static json_object *json_site(const struct dnsbl_zone *zone)
{
	json_object *o = json_object_new_object(), *patterns = json_object_new_array();
	char text[DNSBL_PATTERN_TEXT];

	json_text(o, "name", zone->name);
	json_text(o, "zone", zone->hidden ? NULL : zone->zone);
	for (unsigned int i = 0; i < zone->patterns; i++)
		json_object_array_add(patterns, json_object_new_string(dnsbl_pattern_text(
							&zone->pattern[i], text, sizeof(text))));
	json_object_object_add(o, "patterns", patterns);
	json_flag(o, "test", zone->test == DNSBL_TEST_ON);
	json_number(o, "ceiling", zone->ceiling);
	return o;
}

static json_object *json_dnsbl(const struct config *config)
{
	json_object *o = json_object_new_object(), *sites = json_object_new_array();
	json_object *resolvers = json_object_new_array();

	for (unsigned int i = 0; config->dnsbl_sites && i < config->dnsbl_sites->zones; i++)
		json_object_array_add(sites, json_site(&config->dnsbl_sites->zone[i]));
	for (unsigned int i = 0; i < config->dnsbl_resolvers; i++)
		json_object_array_add(resolvers, json_object_new_string(config->dnsbl_resolver[i]));
	json_object_object_add(o, "sites", sites);
	json_number(o, "threshold", config->dnsbl_threshold);
	json_text(o, "action", config->dnsbl_refuse ? "refuse" : "drop");
	json_flag(o, "tarpit", config->dnsbl_tarpit);
	json_number(o, "timeout", config->dnsbl_timeout);
	json_object_object_add(o, "resolvers", resolvers);
	json_flag(o, "deferred", config->dnsbl_deferred);
	json_number(o, "budget", config->dnsbl_budget);
	json_number(o, "network_budget", config->dnsbl_network_budget);
	json_number(o, "queue", config->dnsbl_queue);
	json_number(o, "grace", config->dnsbl_grace);
	return o;
}

static void json_abuse_numbers(json_object *o, const struct config *config)
{
#define WEIGHT(number, text, member) json_number(o, #member, config->abuse_weight[number]);
	OFFENCE_NAMES(WEIGHT)
#undef WEIGHT
	json_number(o, "limit", config->abuse_limit);
	json_number(o, "half_life", config->abuse_half_life);
	json_number(o, "auth_failed_daily", config->abuse_daily);
	json_number(o, "ban", config->abuse_ban);
	json_number(o, "ban_max", config->abuse_ban_max);
	json_number(o, "authenticated", config->abuse_login);
	json_number(o, "widen", config->abuse_widen);
	json_number(o, "share", config->abuse_share);
	json_number(o, "account_sources", config->abuse_account_sources);
	json_number(o, "known_messages", config->known_messages);
	json_number(o, "known_days", config->known_days);
	json_number(o, "known_within", config->known_window);
	json_number(o, "keep", config->abuse_keep);
}

static json_object *json_abuse(const struct config *config)
{
	json_object *o = json_object_new_object(), *networks = json_object_new_array();
	char text[PREFIX_TEXT];

	json_abuse_numbers(o, config);
	json_flag(o, "pop_logins", config->abuse_pop_logins);
	for (unsigned int i = 0; i < config->own_networks; i++)
		json_object_array_add(networks, json_object_new_string(prefix_text(
							&config->own_network[i], text)));
	json_object_object_add(o, "networks", networks);
	json_text(o, "action", config->abuse_refuse ? "refuse" : "drop");
	json_flag(o, "tarpit", config->abuse_tarpit);
	return o;
}

static json_object *json_refuse(const struct config *config)
{
	json_object *o = json_object_new_object();

	json_text(o, "contact", config->refuse_contact);
	json_text(o, "text", config->refuse_text);
	json_text(o, "text_rate", config->refuse_text_rate);
	json_text(o, "at", config->refuse_at == REFUSE_AT_MAIL ? "mail" : "greeting");
	json_flag(o, "txt", config->refuse_txt);
	json_number(o, "times", config->refuse_times);
	json_number(o, "seconds", config->refuse_seconds);
	json_number(o, "clients", config->refuse_clients);
	json_number(o, "timeout", config->refuse_timeout);
	json_number(o, "budget", config->refuse_budget);
	json_number(o, "tarpit_clients", config->refuse_tarpit_clients);
	json_number(o, "tarpit_time", config->refuse_tarpit_seconds);
	json_text(o, "user", config->refuse_user);
	return o;
}

static json_object *json_words(char *const word[], unsigned int words)
{
	json_object *array = json_object_new_array();

	for (unsigned int i = 0; i < words; i++)
		json_object_array_add(array, json_object_new_string(word[i]));
	return array;
}

static json_object *json_logs(const struct config *config)
{
	json_object *array = json_object_new_array();

	for (unsigned int i = 0; i < config->logs; i++) {
		const struct config_log *log = &config->log[i];
		json_object *o = json_object_new_object();

		json_text(o, "name", log->name);
		json_text(o, "file", log->file);
		json_object_object_add(o, "units", json_words(log->unit, log->units));
		json_object_object_add(o, "patterns", json_words(log->pattern, log->patterns));
		json_object_array_add(array, o);
	}
	return array;
}

static void show_json(const struct config *config)
{
	json_object *o = json_object_new_object(), *array = json_object_new_array();

	json_text(o, "mode", mode_name(config->mode));
	for (unsigned int i = 0; i < config->interfaces; i++)
		json_object_array_add(array, json_object_new_string(config->interface[i]));
	json_object_object_add(o, "interfaces", array);
	json_object_object_add(o, "ports", json_ports(config, PORT_PROTECTED));
	json_object_object_add(o, "submission_ports", json_ports(config, PORT_SUBMISSION));
	json_object_object_add(o, "lists", json_lists(config));
	json_rate(o, "source", config->source_events, config->source_seconds, config->source_burst);
	json_rate(o, "network", config->network_events, config->network_seconds,
		  config->network_burst);
	json_rate(o, "syn", config->syn_events, config->syn_seconds, config->syn_burst);
	json_number(o, "sessions", config->sessions);
	json_text(o, "rate_action", config->rate_refuse ? "refuse" : "drop");
	json_number(o, "event_budget", config->event_budget);
	json_number(o, "learn_budget", config->learn_budget);
	json_number(o, "ledger_max", config->ledger_max);
	json_object_object_add(o, "dnsbl", json_dnsbl(config));
	json_object_object_add(o, "abuse", json_abuse(config));
	json_object_object_add(o, "refuse", json_refuse(config));
	json_flag(o, "read_logs", config->read_logs);
	json_object_object_add(o, "logs", json_logs(config));
	json_print(o, stdout);
}

int command_config(int argc, char **argv)
{
	static const char *const known[] = {"json", NULL};
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
	if (show && options.json) {
		show_json(config);
	} else if (show) {
		config_write(config, stdout);
	} else {
		config_look_around(config);
		printf("%s is all right\n", place.config);
	}
	config_free(config);
	return STATUS_DONE;
}
