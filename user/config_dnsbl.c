// SPDX-License-Identifier: GPL-2.0-only
/*
 * config_dnsbl.c - the checks of the section dnsbl
 *
 * No sentence here repeats a zone or a site's name: a zone may hold the key of a paid service, and
 * what was meant as a name may be one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "config_syntax.h"
#include "dnsbl/dnsbl.h"

#define CEILING	    100000ULL /* what Spamhaus and most others give away to small use, a day */
#define CEILING_MAX 1000000000ULL

/* --- sites ------------------------------------------------------------------------------------ */

/* The sentence about text[offset] gets its line and column, also in a text of several lines. */
static int at_offset(struct config_reader *r, struct config_value v, const char *text,
		     size_t offset, const char *name)
{
	char *comma;
	long line = strtol(v.text, &comma, 10), column = strtol(comma + 1, NULL, 10);

	for (size_t i = 0; i < offset; i++) {
		column = text[i] == '\n' ? 1 : column + 1;
		line += text[i] == '\n';
	}
	return error_prefix(r->why, -EINVAL, "%s:%ld:%ld: %s: ", r->name, line, column, name);
}

/* Which of the two names of one setting the file has; main.cf's may be pasted. */
static int either(struct config_reader *r, cfg_t *section, const char *ours, const char *theirs,
		  const char **name)
{
	struct config_value v = config_value_at(section, ours, 0);
	struct config_value pasted = config_value_at(section, theirs, 0);

	*name = pasted.text ? theirs : ours;
	if (!v.text || !pasted.text)
		return 0;
	return error_set(r->why, -EINVAL, "%s:%d: %s is set twice: %s is another name of it",
			 r->name, v.line > pasted.line ? v.line : pasted.line, ours, theirs);
}

static int read_sites(struct config_reader *r, cfg_t *section)
{
	struct dnsbl_sites *sites = NULL;
	const char *text, *name;
	struct config_value v;
	size_t offset = 0;
	int err = either(r, section, CONFIG_SITES, CONFIG_POSTSCREEN_SITES, &name);

	if (err)
		return err;
	v = config_value_at(section, name, 0);
	if (!v.text)
		return 0;
	text = strchr(v.text, '|'); /* see CONFIG_SITES */
	if (!text++)
		return error_set(r->why, -EINVAL,
				 "%s:%d: %s: this cannot be read; write %s = "
				 "\"zen.spamhaus.org*2, bl.spamcop.net\"",
				 r->name, v.line, name, name);
	err = dnsbl_sites_parse(text, &sites, &offset, r->why);
	if (err)
		return err == -EINVAL ? at_offset(r, v, text, offset, name) : err;
	if (!sites->zones) { /* as in main.cf, an empty text means none */
		dnsbl_sites_free(sites);
		return 0;
	}
	r->config->dnsbl_sites = sites;
	return 0;
}

/* --- one site --------------------------------------------------------------------------------- */

static int read_ceiling(struct config_reader *r, cfg_t *section, uint64_t *ceiling)
{
	struct config_value v = config_value_at(section, "ceiling", 0);
	uint64_t number = 0;
	char shown[64];

	if (v.text && strcmp(v.text, "off") != 0 &&
	    (!config_number_parse(v.text, CEILING_MAX, &number) || !number))
		return error_set(r->why, -EINVAL,
				 "%s:%d: ceiling: \"%s\" will not do; write queries a day, from 1 "
				 "to %llu, or off",
				 r->name, v.line, text_clean(v.text, shown, sizeof(shown)),
				 CEILING_MAX);
	if (v.text)
		*ceiling = number;
	return 0;
}

static bool site_name_valid(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t length = strlen(name);

	return length && length < DNSBL_NAME && strspn(name, allowed) == length;
}

static int read_site_name(struct config_reader *r, cfg_t *section, struct dnsbl_zone *zone)
{
	struct config_value v = config_value_at(section, "name", 0);
	const struct dnsbl_sites *sites = r->config->dnsbl_sites;

	if (!v.text)
		return 0;
	if (!site_name_valid(v.text))
		return error_set(r->why, -EINVAL,
				 "%s:%d: name: a site's name has 1 to %d of a-z A-Z 0-9 . _ -, and "
				 "this one has not",
				 r->name, v.line, DNSBL_NAME - 1);
	for (unsigned int i = 0; i < sites->zones; i++)
		if (&sites->zone[i] != zone && (!strcasecmp(sites->zone[i].zone, v.text) ||
						!strcasecmp(sites->zone[i].name, v.text)))
			return error_set(r->why, -EINVAL,
					 "%s:%d: name: another site has this name; take a "
					 "different one",
					 r->name, v.line);
	zone->hidden = strcasecmp(zone->zone, v.text) != 0;
	memcpy(zone->name, v.text, strlen(v.text) + 1);
	return 0;
}

/* The zone of a section's title, written like one of the sites. */
static struct dnsbl_zone *titled(const struct config *config, const char *title)
{
	struct dnsbl_sites *sites = config->dnsbl_sites;
	size_t length = strlen(title);

	if (length && title[length - 1] == '.')
		length--;
	for (unsigned int i = 0; sites && i < sites->zones; i++)
		if (strlen(sites->zone[i].zone) == length &&
		    !strncasecmp(sites->zone[i].zone, title, length))
			return &sites->zone[i];
	return NULL;
}

static int read_site(struct config_reader *r, cfg_t *section, bool seen[DNSBL_SITES])
{
	struct dnsbl_zone *zone = titled(r->config, cfg_title(section));
	bool test = true;
	int err;

	if (!zone)
		return error_set(r->why, -EINVAL,
				 "%s:%d: site: this zone is not one of " CONFIG_SITES
				 "; write it there first, or take this section out",
				 r->name, config_section_line(section));
	if (seen[zone - r->config->dnsbl_sites->zone])
		return error_set(r->why, -EINVAL,
				 "%s:%d: site: there is a section for this zone already; write the "
				 "settings into one",
				 r->name, config_section_line(section));
	seen[zone - r->config->dnsbl_sites->zone] = true;
	err = read_site_name(r, section, zone);
	if (!err)
		err = config_read_flag(r, section, "test", &test);
	zone->test = test ? DNSBL_TEST_ON : DNSBL_TEST_OFF;
	return err ? err : read_ceiling(r, section, &zone->ceiling);
}

/* What a long zone is shown by is its end, and two may end alike. */
static int check_names(struct config_reader *r, int line)
{
	const struct dnsbl_sites *sites = r->config->dnsbl_sites;

	for (unsigned int i = 0; sites && i < sites->zones; i++)
		for (unsigned int j = 0; j < i; j++)
			if (!strcasecmp(sites->zone[i].name, sites->zone[j].name))
				return error_set(r->why, -EINVAL,
						 "%s:%d: dnsbl: two zones have the same last %d "
						 "characters; give one a name in a section site",
						 r->name, line, DNSBL_NAME - 1);
	return 0;
}

static int read_all_sites(struct config_reader *r, cfg_t *section)
{
	unsigned int count = cfg_size(section, "site");
	bool seen[DNSBL_SITES] = {false};
	uint64_t ceiling = CEILING;
	int err = read_sites(r, section);

	if (!err)
		err = read_ceiling(r, section, &ceiling);
	if (err)
		return err;
	for (unsigned int i = 0; r->config->dnsbl_sites && i < r->config->dnsbl_sites->zones; i++)
		r->config->dnsbl_sites->zone[i].ceiling = ceiling;
	for (unsigned int i = 0; i < count && !err; i++)
		err = read_site(r, cfg_getnsec(section, "site", i), seen);
	return err ? err : check_names(r, config_section_line(section));
}

/* --- the rest --------------------------------------------------------------------------------- */

/* "192.0.2.53", "192.0.2.53:5353", "2001:db8::53" or "[2001:db8::53]:53" */
static bool server_valid(const char *text)
{
	const char *colon = strrchr(text, ':');
	char host[ADDRESS_TEXT];
	struct address address;
	uint64_t port = 53;
	size_t length;

	if (*text == '[') {
		const char *end = strchr(++text, ']');

		if (!end || (end[1] && end[1] != ':') || !memchr(text, ':', (size_t)(end - text)))
			return false;
		colon = end[1] ? end + 1 : NULL;
		length = (size_t)(end - text);
	} else {
		if (colon && strchr(text, ':') != colon) /* IPv6 */
			colon = NULL;
		length = colon ? (size_t)(colon - text) : strlen(text);
	}
	if (length >= sizeof(host))
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	return address_parse(host, &address) &&
	       (!colon || config_number_parse(colon + 1, 65535, &port)) && port;
}

static int read_resolvers(struct config_reader *r, cfg_t *section)
{
	struct config *c = r->config;
	struct config_value v;
	char shown[64];

	for (unsigned int i = 0; (v = config_value_at(section, "resolvers", i)).text; i++) {
		text_clean(v.text, shown, sizeof(shown));
		if (!server_valid(v.text))
			return error_set(r->why, -EINVAL,
					 "%s:%d: resolvers: \"%s\" is no address of a resolver; "
					 "write 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53",
					 r->name, v.line, shown);
		for (unsigned int j = 0; j < c->dnsbl_resolvers; j++)
			if (!strcmp(c->dnsbl_resolver[j], v.text))
				return error_set(r->why, -EINVAL,
						 "%s:%d: resolvers: %s is named twice", r->name,
						 v.line, shown);
		if (c->dnsbl_resolvers == CONFIG_RESOLVERS)
			return error_set(r->why, -EINVAL,
					 "%s:%d: resolvers: more than %d resolvers", r->name,
					 v.line, CONFIG_RESOLVERS);
		c->dnsbl_resolver[c->dnsbl_resolvers] = strdup(v.text);
		if (!c->dnsbl_resolver[c->dnsbl_resolvers++])
			return -ENOMEM;
	}
	return 0;
}

int config_read_dnsbl(struct config_reader *r, cfg_t *top)
{
	struct config *c = r->config;
	const char *threshold;
	cfg_t *section = NULL;
	int err = config_one_section(r, top, "dnsbl", &section);

	if (err || !section)
		return err;
	err = read_all_sites(r, section);
	if (!err)
		err = either(r, section, "threshold", CONFIG_POSTSCREEN_THRESHOLD, &threshold);
	if (!err)
		err = config_read_number(r, section, threshold, 1, 1000000, &c->dnsbl_threshold);
	if (!err)
		err = config_read_time(r, section, "timeout", 1, 60, &c->dnsbl_timeout);
	if (!err)
		err = read_resolvers(r, section);
	if (!err)
		err = config_read_flag(r, section, "deferred", &c->dnsbl_deferred);
	if (!err)
		err = config_read_number(r, section, "budget", 1, 10000, &c->dnsbl_budget);
	if (!err)
		err = config_read_number(r, section, "network-budget", 1, 10000,
					 &c->dnsbl_network_budget);
	if (!err)
		err = config_read_number(r, section, "queue", 16, 65536, &c->dnsbl_queue);
	if (!err)
		err = config_read_time_or_off(r, section, "grace", 0, 86400, &c->dnsbl_grace);
	if (!err)
		err = config_read_action(r, section, &c->dnsbl_refuse);
	return err ? err : config_read_tarpit(r, section, c->dnsbl_refuse, &c->dnsbl_tarpit);
}
