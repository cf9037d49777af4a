// SPDX-License-Identifier: GPL-2.0-only
/*
 * config_refuse.c - the section refuse { }, and which rows refuse
 */
#include <smtpwall/reasons.h>
#include "config.h"

uint64_t config_refuse_rows(const struct config *config)
{
	uint64_t rows = 0;

	if (config->dnsbl_refuse)
		rows |= 1ULL << REASON_DNSBL;
	if (config->abuse_refuse)
		rows |= 1ULL << REASON_ABUSE;
	if (config->rate_refuse)
		rows |= 1ULL << REASON_SESSIONS | 1ULL << REASON_SOURCE_RATE |
			1ULL << REASON_NETWORK_RATE;
	return rows;
}

bool config_refuses(const struct config *config)
{
	for (unsigned int i = 0; i < config->lists; i++)
		if (config->list[i].action == LIST_REFUSE)
			return true;
	return config_refuse_rows(config) != 0;
}
