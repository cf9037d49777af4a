// SPDX-License-Identifier: GPL-2.0-only
/*
 * config_self.c - the section self-check: which addresses the world sees this host by, and how often
 * the DNSBLs are asked about them
 */
#include <errno.h>
#include <string.h>
#include "config_syntax.h"

#define HOUR 3600ULL

static int read_address(struct config_reader *r, struct config_value v)
{
	struct config *c = r->config;
	struct address address;
	char shown[64];

	text_clean(v.text, shown, sizeof(shown));
	if (!address_parse(v.text, &address))
		return error_set(
			r->why, -EINVAL,
			"%s:%d: addresses: \"%s\" is not an address; write this host's own, "
			"as in {\"192.0.2.25\", \"2001:db8::25\"}",
			r->name, v.line, shown);
	if (address_is_private(&address))
		return error_set(
			r->why, -EINVAL,
			"%s:%d: addresses: %s is private, and in no DNSBL; write the public "
			"address by which other mail servers see this host",
			r->name, v.line, shown);
	for (unsigned int i = 0; i < c->self_addresses; i++)
		if (!memcmp(&c->self_address[i], &address, sizeof(address)))
			return error_set(r->why, -EINVAL, "%s:%d: addresses: %s is named twice",
					 r->name, v.line, shown);
	if (c->self_addresses == CONFIG_SELF)
		return error_set(r->why, -EINVAL, "%s:%d: addresses: more than %d addresses",
				 r->name, v.line, CONFIG_SELF);
	c->self_address[c->self_addresses++] = address;
	return 0;
}

int config_read_self(struct config_reader *r, cfg_t *top)
{
	cfg_t *section = NULL;
	struct config_value v;
	int err = config_one_section(r, top, "self-check", &section);

	if (err || !section)
		return err;
	for (unsigned int i = 0; !err && (v = config_value_at(section, "addresses", i)).text; i++)
		err = read_address(r, v);
	if (err)
		return err;
	return config_read_time_or_off(r, section, "interval", HOUR / 6, 24 * HOUR,
				       &r->config->self_interval);
}

void config_write_self(const struct config *config, FILE *out)
{
	char time[DURATION_TEXT], address[ADDRESS_TEXT];

	fprintf(out, "\nself-check {\n\taddresses = {");
	for (unsigned int i = 0; i < config->self_addresses; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "",
			address_text(&config->self_address[i], address));
	fprintf(out, "}\n\tinterval = %s\n}\n",
		config->self_interval ? config_duration(config->self_interval, time) : "off");
}
