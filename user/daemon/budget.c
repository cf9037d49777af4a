// SPDX-License-Identifier: GPL-2.0-only
/*
 * budget.c - how many new sources may be looked up: all together, and of one network
 */
#include "budget.h"

#define SECOND_US 1000000ULL
#define ONE	  1000000ULL /* source, in millionths: what a microsecond adds at one a second */

void budget_grow(struct budget *b, uint64_t rate, uint64_t now_us)
{
	uint64_t passed = now_us - b->grown;

	b->grown = now_us;
	b->left += (passed < SECOND_US ? passed : SECOND_US) * rate;
	if (b->left > rate * ONE)
		b->left = rate * ONE;
}

bool budget_is_left(const struct budget *b)
{
	return b->left >= ONE;
}

bool budget_take(struct budget *b, const struct address *source, uint64_t network_rate,
		 uint64_t now_us)
{
	uint64_t second = now_us / SECOND_US, hash = 0xcbf29ce484222325ULL;
	struct address network = *source;
	uint64_t *spent;

	address_network(&network);
	for (unsigned int i = 0; i < ADDRESS_BYTES; i++)
		hash = (hash ^ network.byte[i]) * 0x100000001b3ULL;
	hash = (hash ^ hash >> 32) % BUDGET_NETWORKS;
	spent = &b->network[hash].spent;
	if (b->network[hash].second != second) {
		b->network[hash].second = second;
		*spent = 0;
	}
	if (*spent >= network_rate)
		return false;
	*spent += 1;
	b->left -= ONE;
	return true;
}
