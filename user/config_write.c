// SPDX-License-Identifier: GPL-2.0-only
/*
 * config_write.c - the settings in force, as a configuration file that says the same
 */
#include <inttypes.h>
#include "config.h"

/* Exactly: duration_text() rounds what has more than two units. */
static const char *duration(uint64_t seconds, char buffer[DURATION_TEXT])
{
	uint64_t same = 0;

	if (duration_parse(duration_text(seconds, buffer), &same, NULL) || same != seconds)
		snprintf(buffer, DURATION_TEXT, "%" PRIu64 "s", seconds);
	return buffer;
}

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
		fprintf(out, "\t%s = \"%" PRIu64 "/%s\"\n", name, events, duration(seconds, time));
	else
		fprintf(out, "\t%s = off\n", name);
	fprintf(out, "\t%s-burst = %" PRIu64 "\n", name, burst);
}

static void write_list(const struct config_list *list, FILE *out)
{
	char time[DURATION_TEXT];

	fprintf(out, "\nlist \"%s\" {\n\taction = %s\n", list->name, action_name(list->action));
	if (list->file)
		fprintf(out, "\tfile = \"%s\"\n", list->file);
	if (list->format)
		fprintf(out, "\tformat = %s\n", list->format);
	fprintf(out, "\tskip-bad = %s\n", list->skip_bad ? "true" : "false");
	if (list->max_age)
		fprintf(out, "\tmax-age = %s\n", duration(list->max_age, time));
	else
		fprintf(out, "\tmax-age = off\n");
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
	for (unsigned int i = 0; i < config->lists; i++)
		write_list(&config->list[i], out);
	fprintf(out, "\nrate {\n");
	write_rate("source", config->source_events, config->source_seconds, config->source_burst,
		   out);
	write_rate("network", config->network_events, config->network_seconds,
		   config->network_burst, out);
	write_rate("syn", config->syn_events, config->syn_seconds, config->syn_burst, out);
	fprintf(out, "\tsessions = %" PRIu64 "\n}\n", config->sessions);
	fprintf(out, "\nevents {\n\tbudget = %" PRIu64 "\n\tlearn = %" PRIu64 "\n}\n",
		config->event_budget, config->learn_budget);
	fprintf(out, "\nledger {\n\tmax-size = %" PRIu64 "\n}\n", config->ledger_max >> 20);
}
