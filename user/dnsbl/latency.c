// SPDX-License-Identifier: GPL-2.0-only
/*
 * latency.c - how long answers take, in 64 counters
 *
 * In: microseconds. Out: a percentile, as the upper end of its bucket. Each doubling from 0.25 ms
 * on is cut into four equal parts, so that a percentile is at most a quarter too high and the last
 * bucket ends at 16 s, which no timeout reaches. The ends take what lies outside.
 */
#include "dnsbl.h"

#define FIRST_US   250u
#define PER_DOUBLE 4u

/* Where a bucket ends, us: the first one that does not belong to it. */
static uint64_t end_of(unsigned int bucket)
{
	uint64_t doubling = (uint64_t)FIRST_US << (bucket / PER_DOUBLE);

	return doubling * (PER_DOUBLE + 1 + bucket % PER_DOUBLE) / PER_DOUBLE;
}

void dnsbl_latency_add(uint32_t bucket[DNSBL_LATENCIES], uint64_t us)
{
	unsigned int i = 0;

	while (i < DNSBL_LATENCIES - 1 && us >= end_of(i))
		i++;
	if (bucket[i] < UINT32_MAX)
		bucket[i]++;
}

uint64_t dnsbl_latency_percentile(const uint32_t bucket[DNSBL_LATENCIES], unsigned int percent)
{
	uint64_t total = 0, seen = 0, rank;

	for (unsigned int i = 0; i < DNSBL_LATENCIES; i++)
		total += bucket[i];
	if (!total)
		return 0;
	/* The answer that so many percent are not behind; at least the first. */
	rank = (total * (percent < 100 ? percent : 100) + 99) / 100;
	if (!rank)
		rank = 1;
	for (unsigned int i = 0; i < DNSBL_LATENCIES; i++) {
		seen += bucket[i];
		if (seen >= rank)
			return end_of(i);
	}
	return end_of(DNSBL_LATENCIES - 1);
}
