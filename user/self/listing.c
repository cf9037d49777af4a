// SPDX-License-Identifier: GPL-2.0-only
/*
 * listing.c - what a DNSBL's answer about this host is worth
 *
 * A failure, an error code, an answer from elsewhere is never a listing (dnsbl/answer.c has told them
 * apart). An allow list's yes is none either, whatever its weight.
 */
#include <stdio.h>
#include <string.h>
#include "self.h"

/* A zone that can only speak for somebody. */
static bool is_allow_list(const struct dnsbl_zone *zone)
{
	for (unsigned int i = 0; i < zone->patterns; i++)
		if (zone->pattern[i].weight > 0)
			return false;
	return true;
}

enum self_listing self_listing(const struct dnsbl_zone *zone, const struct dnsbl_reply *reply,
			       struct dnsbl_answer *answer)
{
	int32_t score;

	memset(answer, 0, sizeof(*answer));
	dnsbl_answer_take(answer, reply, 0, 0, 0);
	if (answer->outcome == DNSBL_MISS)
		return SELF_CLEAR;
	if (answer->outcome != DNSBL_HIT)
		return SELF_SILENT;
	score = dnsbl_zone_score(zone, answer);
	if (score > 0)
		return SELF_LISTED;
	return score < 0 || is_allow_list(zone) ? SELF_CLEAR : SELF_UNWEIGHED;
}

const char *self_records(const struct dnsbl_answer *answer, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < answer->records && i < DNSBL_RECORDS && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%u.%u.%u.%u", i ? "," : "",
					 answer->record[i][0], answer->record[i][1],
					 answer->record[i][2], answer->record[i][3]);
	return text;
}
