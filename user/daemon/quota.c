// SPDX-License-Identifier: GPL-2.0-only
/*
 * quota.c - what a site was asked today, over a reboot: STATE/dnsbl-quota
 *
 * A host that boots in a loop must not use up a free quota each time. One line a site: the hash of its
 * zone (which may hold a key), the day (since the epoch, UTC), questions, of these for the sake of a
 * SYN. Written once a minute when something changed; a file that is lost or damaged costs nothing but
 * the count.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "../clock.h"
#include "../output.h"
#include "dnsbl.h"

#define LINE   80
#define OTHERS 64

static int quota_path(char *path, size_t size)
{
	int n = snprintf(path, size, "%s/dnsbl-quota", place.state);

	return n > 0 && (size_t)n < size ? 0 : -1;
}

struct quota {
	uint64_t identity, day, queries, unproven;
};

/* The next line of the file; false at its end. One that is damaged is passed over. */
static bool next_line(FILE *in, struct quota *q)
{
	char line[LINE];

	while (fgets(line, sizeof(line), in))
		if (sscanf(line, "%" SCNx64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &q->identity,
			   &q->day, &q->queries, &q->unproven) == 4 &&
		    q->identity)
			return true;
	return false;
}

static FILE *quota_open(void)
{
	char path[4096];

	return quota_path(path, sizeof(path)) == 0 ? fopen(path, "re") : NULL;
}

void quota_read(struct dnsbl_health *health)
{
	FILE *in = quota_open();
	struct quota q;

	while (in && next_line(in, &q)) {
		struct dnsbl_site *site = dnsbl_site_of(health, q.identity);

		/* What is in the map is newer. */
		if (!site || site->day >= q.day)
			continue;
		site->day = q.day;
		site->day_queries = q.queries;
		site->day_unproven = q.unproven;
	}
	if (in)
		fclose(in);
}

static void write_line(FILE *out, const struct quota *q)
{
	fprintf(out, "%016" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", q->identity, q->day,
		q->queries, q->unproven);
}

/* Sites that were taken out today may come back today. */
static void write_others(FILE *out, struct dnsbl_health *health, uint64_t today)
{
	FILE *in = quota_open();
	struct quota q;

	for (int n = 0; in && n < OTHERS && next_line(in, &q);)
		if (q.day == today && !dnsbl_site_of(health, q.identity)) {
			write_line(out, &q);
			n++;
		}
	if (in)
		fclose(in);
}

/* Into memory; the sum tells one state from another. */
static uint64_t write_all(FILE *out, struct dnsbl_health *health)
{
	uint64_t sum = 0;

	for (int i = 0; i < DNSBL_SITES; i++) {
		const struct dnsbl_site *site = &health->site[i];
		const struct quota q = {site->identity, site->day, site->day_queries,
					site->day_unproven};

		if (!q.identity || !q.queries)
			continue;
		write_line(out, &q);
		sum += q.day + q.queries;
	}
	write_others(out, health, (uint64_t)clock_wall() / 86400);
	return sum;
}

void quota_write(struct daemon *d)
{
	char path[4096], *text = NULL;
	struct error why;
	size_t size = 0;
	uint64_t sum;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	sum = write_all(out, d->dnsbl->health);
	if (fclose(out) == 0 && sum && sum != d->dnsbl->quota_written &&
	    quota_path(path, sizeof(path)) == 0) {
		d->dnsbl->quota_written = sum;
		if (file_replace(path, text, size, &why))
			log_line(LOG_WARNING,
				 "dnsbl text=\"today's count is not kept over a reboot: %s\"",
				 why.text);
	}
	free(text);
}
