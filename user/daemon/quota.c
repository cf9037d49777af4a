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
#include <string.h>
#include <syslog.h>
#include "../output.h"
#include "dnsbl.h"

#define LINE 80

static int quota_path(char *path, size_t size)
{
	int n = snprintf(path, size, "%s/dnsbl-quota", place.state);

	return n > 0 && (size_t)n < size ? 0 : -1;
}

static void restore(struct dnsbl_health *health, uint64_t identity, uint64_t day, uint64_t queries,
		    uint64_t unproven)
{
	for (int i = 0; i < DNSBL_SITES; i++) {
		struct dnsbl_site *site = &health->site[i];

		/* What is in the map is newer. */
		if (site->identity != identity || site->day >= day)
			continue;
		site->day = day;
		site->day_queries = queries;
		site->day_unproven = unproven;
	}
}

void quota_read(struct dnsbl_health *health)
{
	uint64_t identity, day, queries, unproven;
	char path[4096], line[LINE];
	FILE *in = quota_path(path, sizeof(path)) == 0 ? fopen(path, "re") : NULL;

	while (in && fgets(line, sizeof(line), in))
		if (sscanf(line, "%" SCNx64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &identity, &day,
			   &queries, &unproven) == 4 &&
		    identity)
			restore(health, identity, day, queries, unproven);
	if (in)
		fclose(in);
}

void quota_write(struct daemon *d)
{
	const struct dnsbl_health *health = d->dnsbl->health;
	char path[4096], text[DNSBL_SITES * LINE];
	struct error why;
	uint64_t sum = 0;
	size_t used = 0;

	for (int i = 0; i < DNSBL_SITES; i++) {
		const struct dnsbl_site *site = &health->site[i];

		if (!site->identity || !site->day_queries)
			continue;
		sum += site->day + site->day_queries;
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%016llx %llu %llu %llu\n",
			(unsigned long long)site->identity, (unsigned long long)site->day,
			(unsigned long long)site->day_queries,
			(unsigned long long)site->day_unproven);
	}
	if (!used || sum == d->dnsbl->quota_written || quota_path(path, sizeof(path)))
		return;
	d->dnsbl->quota_written = sum;
	if (file_replace(path, text, used, &why))
		log_line(LOG_WARNING, "dnsbl text=\"today's count is not kept over a reboot: %s\"",
			 why.text);
}
