// SPDX-License-Identifier: GPL-2.0-only
/*
 * config_write.c - the settings in force, as a configuration file that says the same
 */
#include <inttypes.h>
#include "config_syntax.h"
#include "dnsbl/dnsbl.h"

static void write_ports(const struct config *config, const char *name, enum port_kind kind,
			FILE *out)
{
	const char *between = "";

	fprintf(out, "%s = {", name);
	for (unsigned int i = 0; i < config->ports; i++) {
		if (config->port[i].kind != kind)
			continue;
		fprintf(out, "%s%u", between, config->port[i].number);
		between = ", ";
	}
	fprintf(out, "}\n");
}

static void write_rate(const char *name, uint64_t events, uint64_t seconds, uint64_t burst,
		       FILE *out)
{
	char time[DURATION_TEXT];

	if (events)
		fprintf(out, "\t%s = \"%" PRIu64 "/%s\"\n", name, events,
			config_duration(seconds, time));
	else
		fprintf(out, "\t%s = off\n", name);
	fprintf(out, "\t%s-burst = %" PRIu64 "\n", name, burst);
}

static void write_list(const struct config_list *list, FILE *out)
{
	char time[DURATION_TEXT];

	fprintf(out, "\nlist \"%s\" {\n\taction = %s\n", list->name, action_name(list->action));
	if (list->action == LIST_REFUSE)
		fprintf(out, "\ttarpit = %s\n", list->tarpit ? "on" : "off");
	if (list->file)
		fprintf(out, "\tfile = \"%s\"\n", list->file);
	if (list->format)
		fprintf(out, "\tformat = %s\n", list->format);
	fprintf(out, "\tskip-bad = %s\n", list->skip_bad ? "true" : "false");
	if (list->max_age)
		fprintf(out, "\tmax-age = %s\n", config_duration(list->max_age, time));
	else
		fprintf(out, "\tmax-age = off\n");
	fprintf(out, "}\n");
}

/* The zone, or what stands in its place; no domain has < in it, so it cannot be read as one. */
static const char *zone_text(const struct dnsbl_zone *zone, char buffer[DNSBL_ZONE])
{
	snprintf(buffer, DNSBL_ZONE, zone->hidden ? "<%s>" : "%s",
		 zone->hidden ? zone->name : zone->zone);
	return buffer;
}

static void write_sites(const struct dnsbl_sites *sites, FILE *out)
{
	char text[DNSBL_PATTERN_TEXT], shown[DNSBL_ZONE];
	const char *between = "";

	for (unsigned int i = 0; sites && i < sites->zones; i++)
		if (sites->zone[i].hidden)
			fprintf(out, "\t# the zone of %s is not shown: it may hold a key\n",
				sites->zone[i].name);
	fprintf(out, "\tsites = \"");
	for (unsigned int i = 0; sites && i < sites->zones; i++) {
		const struct dnsbl_zone *zone = &sites->zone[i];

		for (unsigned int j = 0; j < zone->patterns; j++) {
			fprintf(out, "%s%s%s", between, zone_text(zone, shown),
				dnsbl_pattern_text(&zone->pattern[j], text, sizeof(text)));
			between = ",\n\t\t ";
		}
	}
	fprintf(out, "\"\n");
}

static void write_site(const struct dnsbl_zone *zone, FILE *out)
{
	char shown[DNSBL_ZONE];

	fprintf(out, "\tsite \"%s\" {\n", zone_text(zone, shown));
	if (zone->hidden)
		fprintf(out, "\t\tname = \"%s\"\n", zone->name);
	fprintf(out, "\t\ttest = %s\n", zone->test == DNSBL_TEST_OFF ? "off" : "on");
	if (zone->ceiling)
		fprintf(out, "\t\tceiling = %" PRIu64 "\n\t}\n", zone->ceiling);
	else
		fprintf(out, "\t\tceiling = off\n\t}\n");
}

static void write_dnsbl(const struct config *config, FILE *out)
{
	const struct dnsbl_sites *sites = config->dnsbl_sites;
	char time[DURATION_TEXT];

	fprintf(out, "\ndnsbl {\n");
	write_sites(sites, out);
	fprintf(out,
		"\tthreshold = %" PRIu64 "\n\taction = %s\n\ttarpit = %s\n\ttimeout = %s\n"
		"\tresolvers = {",
		config->dnsbl_threshold, config->dnsbl_refuse ? "refuse" : "drop",
		config->dnsbl_tarpit ? "on" : "off", config_duration(config->dnsbl_timeout, time));
	for (unsigned int i = 0; i < config->dnsbl_resolvers; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "", config->dnsbl_resolver[i]);
	fprintf(out, "}\n\tdeferred = %s\n", config->dnsbl_deferred ? "on" : "off");
	fprintf(out, "\tbudget = %" PRIu64 "\n\tnetwork-budget = %" PRIu64 "\n",
		config->dnsbl_budget, config->dnsbl_network_budget);
	fprintf(out, "\tqueue = %" PRIu64 "\n\tgrace = %s\n", config->dnsbl_queue,
		config_duration(config->dnsbl_grace, time));
	/* A ceiling of its own for each: the common one would say nothing more. */
	for (unsigned int i = 0; sites && i < sites->zones; i++)
		write_site(&sites->zone[i], out);
	fprintf(out, "}\n");
}

void config_write(const struct config *config, FILE *out)
{
	fprintf(out, "mode = %s\ninterfaces = {", mode_name(config->mode));
	for (unsigned int i = 0; i < config->interfaces; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "", config->interface[i]);
	fprintf(out, "}\n");
	write_ports(config, "ports", PORT_PROTECTED, out);
	write_ports(config, "submission-ports", PORT_SUBMISSION, out);
	fprintf(out, "read-logs = %s\n", config->read_logs ? "on" : "off");
	for (unsigned int i = 0; i < config->lists; i++)
		write_list(&config->list[i], out);
	fprintf(out, "\nrate {\n");
	write_rate("source", config->source_events, config->source_seconds, config->source_burst,
		   out);
	write_rate("network", config->network_events, config->network_seconds,
		   config->network_burst, out);
	write_rate("syn", config->syn_events, config->syn_seconds, config->syn_burst, out);
	fprintf(out, "\tsessions = %" PRIu64 "\n\taction = %s\n}\n", config->sessions,
		config->rate_refuse ? "refuse" : "drop");
	fprintf(out, "\nevents {\n\tbudget = %" PRIu64 "\n\tlearn = %" PRIu64 "\n}\n",
		config->event_budget, config->learn_budget);
	fprintf(out, "\nledger {\n\tmax-size = %" PRIu64 "\n}\n", config->ledger_max >> 20);
	write_dnsbl(config, out);
	config_write_abuse(config, out);
	config_write_refuse(config, out);
	config_write_self(config, out);
	config_write_logs(config, out);
}
