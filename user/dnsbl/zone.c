// SPDX-License-Identifier: GPL-2.0-only
/*
 * zone.c - what a site is asked, and what its answer scores
 *
 * In go a zone with its patterns and an answer, out come the question, the score, and the patterns
 * as text. Nothing here touches the network.
 */
#include <stdarg.h>
#include <stdio.h>
#include "dnsbl.h"

static bool has_bit(const uint8_t octet[32], unsigned int i)
{
	return octet[i / 8] >> i % 8 & 1;
}

struct paper {
	char *text;
	size_t size, used;
};

static void put(struct paper *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct paper *p, const char *format, ...)
{
	va_list args;
	int n;

	if (p->used >= p->size)
		return;
	va_start(args, format);
	n = vsnprintf(p->text + p->used, p->size - p->used, format, args);
	va_end(args);
	p->used += n > 0 ? (size_t)n : 0;
}

/* The next run of values that match, from `*low` on; false if there is none. */
static bool next_run(const uint8_t octet[32], unsigned int *low, unsigned int *high)
{
	while (*low < 256 && !has_bit(octet, *low))
		++*low;
	if (*low == 256)
		return false;
	for (*high = *low; *high < 255 && has_bit(octet, *high + 1);)
		++*high;
	return true;
}

static void put_octet(struct paper *p, const uint8_t octet[32])
{
	unsigned int low = 0, high = 0, rest;
	const char *between = "[";

	if (next_run(octet, &low, &high) && low == high) {
		rest = high + 1;
		if (!next_run(octet, &rest, &high)) {
			put(p, "%u", low);
			return;
		}
	}
	for (low = 0; next_run(octet, &low, &high); low = high + 1) {
		if (low == high)
			put(p, "%s%u", between, low);
		else
			put(p, "%s%u%s%u", between, low, high == low + 1 ? ";" : "..", high);
		between = ";";
	}
	put(p, "]");
}

const char *dnsbl_pattern_text(const struct dnsbl_pattern *pattern, char *buffer, size_t size)
{
	struct paper p = {.text = buffer, .size = size};

	if (size)
		*buffer = '\0';
	for (unsigned int i = 0; i < 4 && !pattern->any; i++) {
		put(&p, "%s", i ? "." : "=");
		put_octet(&p, pattern->octet[i]);
	}
	if (pattern->weight != 1)
		put(&p, "*%d", pattern->weight);
	return buffer;
}

uint64_t dnsbl_zone_identity(const struct dnsbl_zone *zone)
{
	uint64_t hash = 0xcbf29ce484222325ULL; /* FNV-1a */

	for (const char *c = zone->zone; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3ULL;
	return hash ? hash : 1;
}

static bool matches(const struct dnsbl_pattern *pattern, const uint8_t record[4])
{
	for (unsigned int i = 0; i < 4 && !pattern->any; i++)
		if (!has_bit(pattern->octet[i], record[i]))
			return false;
	return true;
}

int32_t dnsbl_zone_score(const struct dnsbl_zone *zone, const struct dnsbl_answer *answer)
{
	unsigned int records = answer->records < DNSBL_RECORDS ? answer->records : DNSBL_RECORDS;
	int32_t sum = 0; /* 64 patterns of a million each fit */

	if (answer->outcome != DNSBL_HIT)
		return 0;
	for (unsigned int i = 0; i < zone->patterns; i++) {
		unsigned int r = 0;

		while (r < records && !matches(&zone->pattern[i], answer->record[r]))
			r++;
		if (r < records)
			sum += zone->pattern[i].weight;
	}
	if (sum > DNSBL_WEIGHT)
		return DNSBL_WEIGHT;
	return sum < -DNSBL_WEIGHT ? -DNSBL_WEIGHT : sum;
}

void dnsbl_question(const struct address *source, const char *zone, char question[DNSBL_QUESTION])
{
	const __u8 *b = source->byte;
	size_t used = 0;

	if (address_is_v4(source)) {
		snprintf(question, DNSBL_QUESTION, "%u.%u.%u.%u.%s", b[15], b[14], b[13], b[12],
			 zone);
		return;
	}
	for (int i = ADDRESS_BYTES - 1; i >= 0; i--, used += 4)
		snprintf(question + used, DNSBL_QUESTION - used, "%x.%x.", b[i] & 15u, b[i] >> 4);
	snprintf(question + used, DNSBL_QUESTION - used, "%s", zone);
}
