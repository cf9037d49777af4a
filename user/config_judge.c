// SPDX-License-Identifier: GPL-2.0-only
/*
 * config_judge.c - what values make sense: every check that a configuration must pass, each with
 * its line
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include "config_syntax.h"
#include "lists/lists.h"

#define COUNT_MAX 1000000000ULL
#define MIB	  (1024ULL * 1024)

/* --- top level -------------------------------------------------------------------------------- */

static int read_mode(struct config_reader *r, cfg_t *top)
{
	struct config_value v = config_value_at(top, "mode", 0);
	char shown[64];

	if (v.text && !mode_parse(v.text, &r->config->mode))
		return error_set(r->why, -EINVAL,
				 "%s:%d: mode: \"%s\" is no mode; write monitor or enforce",
				 r->name, v.line, text_clean(v.text, shown, sizeof(shown)));
	r->config->mode_text = strdup(v.text ? v.text : mode_name(r->config->mode));
	return r->config->mode_text ? 0 : -ENOMEM;
}

/* What the kernel takes for a name (dev_valid_name()), less what would spoil a terminal. */
static bool interface_valid(const char *name)
{
	size_t length = strlen(name);

	if (!length || length >= IFNAMSIZ || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (const char *c = name; *c; c++)
		if (strchr("/:\"", *c) || isspace((unsigned char)*c) || iscntrl((unsigned char)*c))
			return false;
	return true;
}

static int read_interfaces(struct config_reader *r, cfg_t *top)
{
	struct config *c = r->config;
	struct config_value v;
	char shown[64];

	for (unsigned int i = 0; (v = config_value_at(top, "interfaces", i)).text; i++) {
		text_clean(v.text, shown, sizeof(shown));
		if (!interface_valid(v.text))
			return error_set(
				r->why, -EINVAL,
				"%s:%d: interfaces: \"%s\" cannot be the name of an interface",
				r->name, v.line, shown);
		for (unsigned int j = 0; j < c->interfaces; j++)
			if (!strcmp(c->interface[j], v.text))
				return error_set(r->why, -EINVAL,
						 "%s:%d: interfaces: %s is named twice", r->name,
						 v.line, shown);
		if (c->interfaces == CONFIG_INTERFACES)
			return error_set(r->why, -EINVAL,
					 "%s:%d: interfaces: more than %d interfaces", r->name,
					 v.line, CONFIG_INTERFACES);
		c->interface[c->interfaces] = strdup(v.text);
		if (!c->interface[c->interfaces++])
			return -ENOMEM;
	}
	return 0;
}

static int read_ports(struct config_reader *r, cfg_t *top, const char *name, enum port_kind kind)
{
	struct config *c = r->config;
	uint64_t number = 0;
	struct config_value v;
	char shown[64];

	for (unsigned int i = 0; (v = config_value_at(top, name, i)).text; i++) {
		if (!config_number_parse(v.text, 65535, &number) || !number)
			return error_set(r->why, -EINVAL,
					 "%s:%d: %s: \"%s\" is no port; ports are 1 to 65535",
					 r->name, v.line, name,
					 text_clean(v.text, shown, sizeof(shown)));
		for (unsigned int j = 0; j < c->ports; j++)
			if (c->port[j].number == number)
				return error_set(
					r->why, -EINVAL, "%s:%d: %s: port %u is %s", r->name,
					v.line, name, c->port[j].number,
					c->port[j].kind == kind
						? "named twice"
						: "already in ports; it can be in one only");
		if (c->ports == SETTINGS_PORTS)
			return error_set(r->why, -EINVAL,
					 "%s:%d: %s: more than %d ports in both sets together",
					 r->name, v.line, name, SETTINGS_PORTS);
		c->port[c->ports].number = (uint16_t)number;
		c->port[c->ports++].kind = kind;
	}
	return 0;
}

static int read_all_ports(struct config_reader *r, cfg_t *top)
{
	struct config *c = r->config;
	int err;

	/* "ports = {}" is not the same as no word about ports */
	if (cfg_getopt(top, "ports")->flags & CFGF_MODIFIED)
		c->ports = 0;
	err = read_ports(r, top, "ports", PORT_PROTECTED);
	if (!err)
		err = read_ports(r, top, "submission-ports", PORT_SUBMISSION);
	if (!err && !c->ports)
		err = error_set(
			r->why, -EINVAL,
			"%s: ports and submission-ports are both empty, so nothing would be "
			"protected; name a port, as in ports = {25}",
			r->name);
	return err;
}

/* --- lists ------------------------------------------------------------------------------------ */

static int read_list_action(struct config_reader *r, cfg_t *section, struct config_list *list)
{
	struct config_value v = config_value_at(section, "action", 0);
	char shown[64];

	if (!v.text)
		return error_set(r->why, -EINVAL,
				 "%s:%d: list \"%s\" has no action; write action = drop, refuse, "
				 "allow or count",
				 r->name, config_section_line(section), list->name);
	if (!action_parse(v.text, &list->action))
		return error_set(r->why, -EINVAL,
				 "%s:%d: action: \"%s\" is no action; write drop, refuse, allow "
				 "or count",
				 r->name, v.line, text_clean(v.text, shown, sizeof(shown)));
	return 0;
}

static int read_list_format(struct config_reader *r, cfg_t *section, struct config_list *list)
{
	struct config_value v = config_value_at(section, "format", 0);
	char shown[64];

	if (!v.text)
		return 0;
	if (!list_format_known(v.text))
		return error_set(r->why, -EINVAL,
				 "%s:%d: format: \"%s\" is no format; leave it out to have it "
				 "recognised, or write plain, drop, drop-json, ip4set, ip4trie, "
				 "ip4tset, ip6trie or ip6tset",
				 r->name, v.line, text_clean(v.text, shown, sizeof(shown)));
	list->format = strdup(v.text);
	return list->format ? 0 : -ENOMEM;
}

static int read_list(struct config_reader *r, cfg_t *section, struct config_list *list)
{
	const char *name = cfg_title(section);
	int line = config_section_line(section), err;
	char shown[64];
	struct config_value v;

	if (list_name_reserved(name))
		return error_set(r->why, -EINVAL,
				 "%s:%d: list \"%s\": this name is the wall's own; take another",
				 r->name, line, name);
	if (!list_name_valid(name))
		return error_set(r->why, -EINVAL,
				 "%s:%d: list \"%s\": a name has 1 to %d of a-z A-Z 0-9 . _ - and "
				 "does not begin with . or -",
				 r->name, line, text_clean(name, shown, sizeof(shown)),
				 POLICY_NAME - 1);
	memcpy(list->name, name, strlen(name) + 1);
	err = read_list_action(r, section, list);
	if (!err)
		err = config_read_tarpit(r, section, list->action == LIST_REFUSE, &list->tarpit);
	if (!err)
		err = config_read_path(r, section, "file", &list->file);
	if (!err)
		err = read_list_format(r, section, list);
	if (!err)
		err = config_read_flag(r, section, "skip-bad", &list->skip_bad);
	if (err)
		return err;

	v = config_value_at(section, "max-age", 0);
	if (v.text && strcmp(v.text, "off") != 0 && duration_parse(v.text, &list->max_age, r->why))
		return config_at_value(r, v, "max-age");
	return 0;
}

static int read_lists(struct config_reader *r, cfg_t *top)
{
	struct config *c = r->config;
	unsigned int count = cfg_size(top, "list");
	int err = 0;

	if (count > CONFIG_LISTS)
		return error_set(r->why, -EINVAL, "%s:%d: more than %d lists", r->name,
				 config_section_line(cfg_getnsec(top, "list", CONFIG_LISTS)),
				 CONFIG_LISTS);
	if (!count)
		return 0;
	c->list = calloc(count, sizeof(*c->list));
	if (!c->list)
		return -ENOMEM;
	for (c->lists = 0; c->lists < count && !err; c->lists++)
		err = read_list(r, cfg_getnsec(top, "list", c->lists), &c->list[c->lists]);
	return err;
}

/* --- rate, events, ledger --------------------------------------------------------------------- */

static int read_rate(struct config_reader *r, cfg_t *section, const char *name, uint64_t *events,
		     uint64_t *seconds, uint64_t *burst)
{
	struct config_value v = config_value_at(section, name, 0), b;
	char burst_name[32];
	int err;

	snprintf(burst_name, sizeof(burst_name), "%s-burst", name);
	b = config_value_at(section, burst_name, 0);
	if (v.text && rate_parse(v.text, events, seconds, r->why))
		return config_at_value(r, v, name);
	err = config_read_number(r, section, burst_name, 1, COUNT_MAX, burst);
	/* The kernel programs keep how far ahead a source may run in nanoseconds. */
	if (!err && *events && *seconds * *burst / *events > 10ULL * 365 * 86400)
		err = error_set(r->why, -EINVAL,
				"%s:%d: %s: at this rate a burst of %" PRIu64
				" would take over ten years to fade; lower %s or raise %s",
				r->name, b.text ? b.line : v.line, b.text ? burst_name : name,
				*burst, burst_name, name);
	return err;
}

static int read_rates(struct config_reader *r, cfg_t *top)
{
	struct config *c = r->config;
	cfg_t *section = NULL;
	struct config_value v;
	int err = config_one_section(r, top, "rate", &section);

	if (err || !section)
		return err;
	err = read_rate(r, section, "source", &c->source_events, &c->source_seconds,
			&c->source_burst);
	if (!err)
		err = read_rate(r, section, "network", &c->network_events, &c->network_seconds,
				&c->network_burst);
	if (!err)
		err = read_rate(r, section, "syn", &c->syn_events, &c->syn_seconds, &c->syn_burst);
	if (!err)
		err = config_read_action(r, section, &c->rate_refuse);
	if (err)
		return err;
	v = config_value_at(section, "sessions", 0);
	if (v.text && !strcmp(v.text, "off")) {
		c->sessions = 0;
		return 0;
	}
	return config_read_number(r, section, "sessions", 0, COUNT_MAX, &c->sessions);
}

static int read_budgets(struct config_reader *r, cfg_t *top)
{
	struct config *c = r->config;
	uint64_t mib = c->ledger_max / MIB;
	cfg_t *events = NULL, *ledger = NULL;
	int err;

	err = config_one_section(r, top, "events", &events);
	if (!err)
		err = config_one_section(r, top, "ledger", &ledger);
	if (!err && events)
		err = config_read_number(r, events, "budget", 0, COUNT_MAX, &c->event_budget);
	/* Without learning there would be no rates, and nobody would see why. */
	if (!err && events)
		err = config_read_number(r, events, "learn", 1, COUNT_MAX, &c->learn_budget);
	if (!err && ledger)
		err = config_read_number(r, ledger, "max-size", 1, 1ULL << 20, &mib);
	if (!err)
		c->ledger_max = mib * MIB;
	return err;
}

int config_judge(const char *name, cfg_t *top, struct config *config, struct error *why)
{
	struct config_reader r = {.name = name, .config = config, .why = why};
	int err = read_mode(&r, top);

	if (!err)
		err = read_interfaces(&r, top);
	if (!err)
		err = read_all_ports(&r, top);
	if (!err)
		err = read_lists(&r, top);
	if (!err)
		err = read_rates(&r, top);
	if (!err)
		err = read_budgets(&r, top);
	if (!err)
		err = config_read_dnsbl(&r, top);
	if (!err)
		err = config_read_abuse(&r, top);
	if (!err)
		err = config_read_refuse(&r, top);
	if (!err)
		err = config_read_self(&r, top);
	if (!err)
		err = config_read_logs(&r, top);
	return err;
}
