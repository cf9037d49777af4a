// SPDX-License-Identifier: GPL-2.0-only
/*
 * config_abuse.c - the section abuse: what offences weigh, who is banned for them, who never is
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "config_syntax.h"

#define NETWORKS_MAX 64 /* a mail server has a handful of its own */
#define MINUTE	     60ULL
#define DAY	     86400ULL

enum unit {
	NUMBER,
	TIME,
};

/* Every setting that is one number or one time, in the order in which they are shown. */
static const struct row {
	const char *name;
	size_t member;
	enum unit unit;
	bool off; /* may be switched off: 0 */
	uint64_t least, most;
} rows[] = {
#define WEIGHT(number, name, member)                                                               \
	{name, offsetof(struct config, abuse_weight[number]), NUMBER, false, 0, 1000},
#define MEMBER(name) offsetof(struct config, name)
	OFFENCE_NAMES(WEIGHT)
	/* The penalty of the kernel programs holds 65535 points, and a login quadruples the limit. */
	{"limit", MEMBER(abuse_limit), NUMBER, true, 1, 10000},
	{"half-life", MEMBER(abuse_half_life), TIME, false, 10, DAY},
	{"auth-failed-daily", MEMBER(abuse_daily), NUMBER, true, 1, 10000},
	{"ban", MEMBER(abuse_ban), TIME, false, MINUTE, 7 * DAY},
	{"ban-max", MEMBER(abuse_ban_max), TIME, false, MINUTE, 30 * DAY},
	{"authenticated", MEMBER(abuse_login), TIME, true, MINUTE, DAY},
	{"widen", MEMBER(abuse_widen), NUMBER, true, 2, 256},
	{"share", MEMBER(abuse_share), NUMBER, true, 5, 100},
	{"account-sources", MEMBER(abuse_account_sources), NUMBER, false, 1, 1000},
	{"known-messages", MEMBER(known_messages), NUMBER, false, 1, 1000000},
	{"known-days", MEMBER(known_days), NUMBER, false, 1, 365},
	{"known-within", MEMBER(known_window), TIME, false, DAY, 365 * DAY},
	{"keep", MEMBER(abuse_keep), TIME, false, DAY, 3650 * DAY},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static int read_row(struct config_reader *r, cfg_t *section, const struct row *row)
{
	uint64_t *out = (uint64_t *)((char *)r->config + row->member);

	if (row->unit == TIME)
		return (row->off ? config_read_time_or_off : config_read_time)(
			r, section, row->name, row->least, row->most, out);
	return (row->off ? config_read_number_or_off
			 : config_read_number)(r, section, row->name, row->least, row->most, out);
}

/* Two settings that do not go together are told where the later of them stands. */
static int contradiction(struct config_reader *r, cfg_t *section, const char *one,
			 const char *other, const char *sentence)
{
	struct config_value a = config_value_at(section, one, 0);
	struct config_value b = config_value_at(section, other, 0);

	return error_set(r->why, -EINVAL, "%s:%d: %s: %s", r->name,
			 a.line > b.line ? a.line : b.line, a.line > b.line ? one : other,
			 sentence);
}

static int check_pairs(struct config_reader *r, cfg_t *section)
{
	const struct config *c = r->config;

	if (c->abuse_ban > c->abuse_ban_max)
		return contradiction(r, section, "ban", "ban-max",
				     "the first ban would be longer than the longest; lower ban or "
				     "raise ban-max");
	if (c->known_days > c->known_window / DAY)
		return contradiction(r, section, "known-days", "known-within",
				     "nobody would ever be known: known-within has fewer days than "
				     "known-days asks for");
	if (c->known_messages < c->known_days)
		return contradiction(r, section, "known-messages", "known-days",
				     "mail on that many days is as many messages at least; raise "
				     "known-messages or lower known-days");
	return 0;
}

static int read_network(struct config_reader *r, struct config_value v)
{
	struct config *c = r->config;
	const char *length = strrchr(v.text, '/');
	struct prefix network = {.length = 0};
	bool all = length && !strcmp(length, "/0");
	char shown[PREFIX_TEXT];

	if (!all && prefix_parse(v.text, &network, r->why))
		return config_at_value(r, v, "networks");
	if (all || (network.length == ADDRESS_V4_AT && address_is_v4(&network.address)))
		return error_set(r->why, -EINVAL,
				 "%s:%d: networks: \"%s\" is everybody, and nobody would "
				 "notice that this host is an open relay; name your own networks",
				 r->name, v.line, text_clean(v.text, shown, sizeof(shown)));
	prefix_text(&network, shown);
	for (unsigned int i = 0; i < c->own_networks; i++)
		if (!memcmp(&c->own_network[i], &network, sizeof(network)))
			return error_set(r->why, -EINVAL, "%s:%d: networks: %s is named twice",
					 r->name, v.line, shown);
	if (c->own_networks == NETWORKS_MAX)
		return error_set(r->why, -EINVAL, "%s:%d: networks: more than %d networks", r->name,
				 v.line, NETWORKS_MAX);
	c->own_network[c->own_networks++] = network;
	return 0;
}

static int read_networks(struct config_reader *r, cfg_t *section)
{
	struct config_value v = config_value_at(section, "networks", 0);
	int err = 0;

	if (!v.text)
		return 0;
	r->config->own_network = calloc(NETWORKS_MAX, sizeof(*r->config->own_network));
	if (!r->config->own_network)
		return -ENOMEM;
	for (unsigned int i = 0; !err && v.text; i++) {
		err = read_network(r, v);
		v = config_value_at(section, "networks", i + 1);
	}
	return err;
}

int config_read_abuse(struct config_reader *r, cfg_t *top)
{
	cfg_t *section = NULL;
	int err = config_one_section(r, top, "abuse", &section);

	if (err || !section)
		return err;
	for (size_t i = 0; !err && i < ROWS; i++)
		err = read_row(r, section, &rows[i]);
	if (!err)
		err = check_pairs(r, section);
	if (!err)
		err = config_read_flag(r, section, "pop-logins", &r->config->abuse_pop_logins);
	if (!err)
		err = read_networks(r, section);
	if (!err)
		err = config_read_action(r, section, &r->config->abuse_refuse);
	return err ? err
		   : config_read_tarpit(r, section, r->config->abuse_refuse,
					&r->config->abuse_tarpit);
}

void config_write_abuse(const struct config *config, FILE *out)
{
	char time[DURATION_TEXT], network[PREFIX_TEXT];

	fprintf(out, "\nabuse {\n");
	for (size_t i = 0; i < ROWS; i++) {
		uint64_t value = *(const uint64_t *)((const char *)config + rows[i].member);

		if (!value && rows[i].off)
			fprintf(out, "\t%s = off\n", rows[i].name);
		else if (rows[i].unit == TIME)
			fprintf(out, "\t%s = %s\n", rows[i].name, config_duration(value, time));
		else
			fprintf(out, "\t%s = %" PRIu64 "\n", rows[i].name, value);
	}
	fprintf(out, "\tpop-logins = %s\n\tnetworks = {", config->abuse_pop_logins ? "on" : "off");
	for (unsigned int i = 0; i < config->own_networks; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "",
			prefix_text(&config->own_network[i], network));
	fprintf(out, "}\n\taction = %s\n\ttarpit = %s\n}\n",
		config->abuse_refuse ? "refuse" : "drop", config->abuse_tarpit ? "on" : "off");
}
