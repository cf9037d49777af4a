// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any text as DNSBL sites: refused at a place inside it, or read; what is read scores within
 * bounds, and written and read again it is the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dnsbl/dnsbl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static char *written(const struct dnsbl_sites *sites)
{
	char pattern[DNSBL_PATTERN_TEXT], *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	check(out);
	for (unsigned int i = 0; i < sites->zones; i++)
		for (unsigned int j = 0; j < sites->zone[i].patterns; j++) {
			dnsbl_pattern_text(&sites->zone[i].pattern[j], pattern, sizeof(pattern));
			check(strlen(pattern) < sizeof(pattern) - 1);
			fprintf(out, "%s%s\n", sites->zone[i].zone, pattern);
		}
	fclose(out);
	return text;
}

static void check_zone(struct dnsbl_sites *sites, const struct dnsbl_zone *zone,
		       const uint8_t *data, size_t size)
{
	char question[DNSBL_QUESTION];
	struct dnsbl_answer answer = {.outcome = DNSBL_HIT};
	struct address source = {{0}};
	int32_t score;

	memcpy(source.byte, data, size < sizeof(source.byte) ? size : sizeof(source.byte));
	memcpy(answer.record, data, size < sizeof(answer.record) ? size : sizeof(answer.record));
	answer.records = size ? data[0] : 0;
	score = dnsbl_zone_score(zone, &answer);
	check(score <= DNSBL_WEIGHT && score >= -DNSBL_WEIGHT);
	check(dnsbl_zone_identity(zone));
	check(zone->patterns && zone->patterns <= DNSBL_PATTERNS);
	check(dnsbl_sites_find(sites, zone->zone) && dnsbl_sites_find(sites, zone->name));
	dnsbl_question(&source, zone->zone, question);
	check(strlen(question) < sizeof(question) - 1);
	check(!strcmp(question + strlen(question) - strlen(zone->zone), zone->zone));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dnsbl_sites *sites = NULL, *again = NULL;
	char *text = malloc(size + 1), *first, *second;
	struct error why = {.text = ""};
	size_t offset = 0;

	check(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (dnsbl_sites_parse(text, &sites, &offset, &why)) {
		check(!sites && offset <= strlen(text) && why.text[0]);
		free(text);
		return 0;
	}
	for (unsigned int i = 0; i < sites->zones; i++)
		check_zone(sites, &sites->zone[i], data, size);
	first = written(sites);
	check(!dnsbl_sites_parse(first, &again, &offset, &why));
	second = written(again);
	check(!strcmp(first, second) && again->zones == sites->zones);
	for (unsigned int i = 0; i < sites->zones; i++)
		check(!memcmp(sites->zone[i].pattern, again->zone[i].pattern,
			      sites->zone[i].patterns * sizeof(struct dnsbl_pattern)));
	dnsbl_sites_free(sites);
	dnsbl_sites_free(again);
	free(first);
	free(second);
	free(text);
	return 0;
}
