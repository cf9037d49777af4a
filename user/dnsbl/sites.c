// SPDX-License-Identifier: GPL-2.0-only
/*
 * sites.c - postscreen's syntax of DNSBL sites
 *
 * In goes "domain[=filter][*weight] ...", out come zones with their patterns. No sentence repeats
 * what was read: a zone may hold a paid key, and the offset says where to look.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "dnsbl.h"

#define SEPARATORS ", \t\r\n\v\f"
#define LABEL	   63

/* One site under way: text[at..end) is what is left of it. */
struct scan {
	const char *at, *end;
	const char *wrong; /* where the mistake is */
	struct error *why;
};

static int mistake(struct scan *s, const char *where, const char *sentence)
{
	s->wrong = where;
	return error_set(s->why, -EINVAL, "%s", sentence);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool ends_domain(const struct scan *s)
{
	return s->at == s->end || *s->at == '=' || *s->at == '*';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* One label of a domain; `*number` tells whether it has digits only. */
static int read_label(struct scan *s, bool *number)
{
	const char *begin = s->at;

	*number = true;
	for (; !ends_domain(s) && *s->at != '.'; s->at++) {
		char c = lower(*s->at);

		if (!is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-' && c != '_')
			return mistake(s, s->at,
				       "this character cannot be in a domain; a site is written "
				       "domain=filter*weight, with commas or blanks between sites");
		if (s->at - begin == LABEL)
			return mistake(s, s->at,
				       "a part of a domain between dots has at most 63 characters");
		*number &= is_digit(c);
	}
	if (s->at == begin)
		return mistake(s, s->at, "a part of the domain is missing here");
	return 0;
}

static int read_domain(struct scan *s, char zone[DNSBL_ZONE])
{
	const char *begin = s->at, *end;
	unsigned int labels = 0;
	bool number = false;
	int err;

	if (ends_domain(s))
		return mistake(s, s->at, "a domain is missing here");
	do {
		err = read_label(s, &number);
		if (err)
			return err;
		labels++;
		end = s->at;
		if (!ends_domain(s)) /* a dot */
			s->at++;
	} while (!ends_domain(s));
	if (number)
		return mistake(s, begin,
			       "a DNSBL is named by its domain; this is an address or a number");
	if (labels < 2)
		return mistake(s, begin,
			       "a DNSBL's domain has a dot in it, as in zen.spamhaus.org; this one "
			       "has none");
	if (end - begin >= DNSBL_ZONE)
		return mistake(s, begin,
			       "this domain is too long: with an IPv6 address in front it would "
			       "not fit into a DNS question");
	for (; begin < end; begin++)
		*zone++ = lower(*begin);
	*zone = '\0';
	return 0;
}

static int read_number(struct scan *s, unsigned int *out)
{
	const char *begin = s->at;
	unsigned int n = 0;

	for (; s->at < s->end && is_digit(*s->at); s->at++) {
		n = n * 10 + (unsigned int)(*s->at - '0');
		if (n > 255)
			return mistake(s, begin, "a number of a filter is 0 to 255");
	}
	if (s->at == begin)
		return mistake(s, begin,
			       "a number is missing in the filter, which is written as in "
			       "127.0.0.2 or 127.0.0.[2;4..7]");
	*out = n;
	return 0;
}

/* "7" or "4..7" */
static int read_range(struct scan *s, uint8_t octet[32])
{
	const char *begin = s->at;
	unsigned int low = 0, high = 0;
	int err = read_number(s, &low);

	high = low;
	if (!err && s->end - s->at >= 2 && s->at[0] == '.' && s->at[1] == '.') {
		s->at += 2;
		err = read_number(s, &high);
	}
	if (err)
		return err;
	if (low > high)
		return mistake(s, begin,
			       "a range of a filter begins with the lower number, as in 4..7");
	for (unsigned int i = low; i <= high; i++)
		octet[i / 8] |= (uint8_t)(1u << i % 8);
	return 0;
}

/* "7" or "[2;4..7]" */
static int read_octet(struct scan *s, uint8_t octet[32])
{
	unsigned int n = 0;
	int err;

	if (s->at == s->end || *s->at != '[') {
		err = read_number(s, &n);
		octet[n / 8] |= (uint8_t)(1u << n % 8);
		return err;
	}
	do {
		s->at++; /* [ or ; */
		err = read_range(s, octet);
		if (err)
			return err;
	} while (s->at < s->end && *s->at == ';');
	if (s->at == s->end || *s->at != ']')
		return mistake(s, s->at,
			       "a ] is missing here: numbers and ranges in [] have ; between them, "
			       "and no blanks");
	s->at++;
	return 0;
}

static int read_filter(struct scan *s, struct dnsbl_pattern *pattern)
{
	const char *begin = s->at;
	int err;

	for (unsigned int i = 0; i < 4; i++) {
		if (i && (s->at == s->end || *s->at != '.'))
			return mistake(s, s->at,
				       "a filter has four parts with dots between, as in "
				       "127.0.0.[2..11]");
		s->at += i > 0;
		err = read_octet(s, pattern->octet[i]);
		if (err)
			return err;
	}
	if (s->at < s->end && *s->at != '*')
		return mistake(s, s->at,
			       "a filter ends behind its four parts; only a * and a weight may "
			       "follow");
	if (!(pattern->octet[0][127 / 8] & 1u << 127 % 8))
		return mistake(s, begin,
			       "this filter can match no answer: DNSBLs answer in 127.0.0.0/8");
	return 0;
}

static int read_weight(struct scan *s, int32_t *weight)
{
	const char *begin = s->at;
	bool negative = s->at < s->end && *s->at == '-';
	const char *digits;
	int32_t n = 0;

	if (s->at < s->end && (*s->at == '-' || *s->at == '+'))
		s->at++;
	for (digits = s->at; s->at < s->end && is_digit(*s->at); s->at++) {
		n = n * 10 + (*s->at - '0');
		if (n > DNSBL_WEIGHT)
			return mistake(s, begin, "a weight is -1000000 to 1000000");
	}
	if (s->at == digits)
		return mistake(s, s->at,
			       "a weight is missing behind the *; write a whole number, as in *2");
	if (s->at < s->end)
		return mistake(s, s->at, "a site ends behind its weight, a whole number");
	*weight = negative ? -n : n;
	return 0;
}

static struct dnsbl_zone *zone_of(struct dnsbl_sites *sites, const char *domain)
{
	size_t length = strlen(domain), cut = length < DNSBL_NAME ? 0 : length - (DNSBL_NAME - 1);
	struct dnsbl_zone *zone;

	for (unsigned int i = 0; i < sites->zones; i++)
		if (!strcmp(sites->zone[i].zone, domain))
			return &sites->zone[i];
	if (sites->zones == DNSBL_SITES)
		return NULL;
	zone = &sites->zone[sites->zones++];
	memcpy(zone->zone, domain, length + 1);
	/* The end of a domain says more about whose it is. */
	memcpy(zone->name, domain + cut, length - cut + 1);
	return zone;
}

static int read_site(struct scan *s, struct dnsbl_sites *sites)
{
	struct dnsbl_pattern pattern = {.weight = 1}, *grown;
	const char *begin = s->at;
	char domain[DNSBL_ZONE];
	struct dnsbl_zone *zone;
	int err = read_domain(s, domain);

	pattern.any = s->at == s->end || *s->at != '=';
	if (!err && !pattern.any) {
		s->at++;
		err = read_filter(s, &pattern);
	}
	if (!err && s->at < s->end) {
		s->at++; /* the * */
		err = read_weight(s, &pattern.weight);
	}
	if (err)
		return err;
	zone = zone_of(sites, domain);
	if (!zone)
		return mistake(s, begin, "this is one DNSBL too many: there is room for 32");
	if (zone->patterns == DNSBL_PATTERNS)
		return mistake(s, begin, "this domain is here too often: 64 times is the most");
	grown = realloc(zone->pattern, (zone->patterns + 1) * sizeof(*grown));
	if (!grown)
		return error_set(s->why, -ENOMEM, "out of memory");
	zone->pattern = grown;
	zone->pattern[zone->patterns++] = pattern;
	return 0;
}

int dnsbl_sites_parse(const char *text, struct dnsbl_sites **out, size_t *offset, struct error *why)
{
	struct dnsbl_sites *sites = calloc(1, sizeof(*sites));
	struct scan s = {.at = text, .wrong = text, .why = why};
	int err = 0;

	*offset = 0;
	if (!sites)
		return error_set(why, -ENOMEM, "out of memory");
	while (!err && *(s.at += strspn(s.at, SEPARATORS))) {
		s.end = s.at + strcspn(s.at, SEPARATORS);
		err = read_site(&s, sites);
	}
	if (err) {
		*offset = (size_t)(s.wrong - text);
		dnsbl_sites_free(sites);
		return err;
	}
	*out = sites;
	return 0;
}

void dnsbl_sites_free(struct dnsbl_sites *sites)
{
	if (!sites)
		return;
	for (unsigned int i = 0; i < sites->zones; i++)
		free(sites->zone[i].pattern);
	free(sites);
}

struct dnsbl_zone *dnsbl_sites_find(struct dnsbl_sites *sites, const char *name)
{
	for (unsigned int i = 0; i < sites->zones; i++)
		if (!strcasecmp(sites->zone[i].zone, name) ||
		    !strcasecmp(sites->zone[i].name, name))
			return &sites->zone[i];
	return NULL;
}
