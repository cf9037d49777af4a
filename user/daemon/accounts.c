// SPDX-License-Identifier: GPL-2.0-only
/*
 * accounts.c - from how many sources one account logged in, by the log
 *
 * A hash table of pairs, in buckets by account. The hash has a secret: nobody chooses names that fall
 * into one bucket, or that are taken for another account.
 */
#include "accounts.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PAIRS	16384
#define BUCKETS 4096

struct pair {
	uint64_t account; /* its hash */
	struct address source;
	uint64_t until; /* 0: this place is free */
	int32_t next;	/* in the bucket, or of the free ones; -1: none */
};

struct accounts {
	uint64_t secret;
	int32_t bucket[BUCKETS];
	int32_t unused; /* first free pair */
	struct pair pair[PAIRS];
};

/* splitmix64's last step: every bit of the name touches every bit of the hash. */
static uint64_t stir(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static uint64_t hash(const struct accounts *a, const char *account)
{
	uint64_t h = a->secret;

	for (; *account; account++)
		h = stir(h + (unsigned char)*account + 0x9e3779b97f4a7c15ULL);
	return h;
}

struct accounts *accounts_new(void)
{
	struct accounts *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	if (getrandom(&a->secret, sizeof(a->secret), GRND_NONBLOCK) != sizeof(a->secret))
		a->secret = (uint64_t)(uintptr_t)a;
	memset(a->bucket, -1, sizeof(a->bucket));
	for (int32_t i = 0; i < PAIRS; i++)
		a->pair[i].next = i + 1 < PAIRS ? i + 1 : -1;
	return a;
}

void accounts_free(struct accounts *a)
{
	free(a);
}

static void release(struct accounts *a, int32_t *link)
{
	int32_t gone = *link;

	*link = a->pair[gone].next;
	a->pair[gone].until = 0;
	a->pair[gone].next = a->unused;
	a->unused = gone;
}

static void sweep(struct accounts *a, uint64_t now)
{
	for (unsigned int i = 0; i < BUCKETS; i++)
		for (int32_t *link = &a->bucket[i]; *link >= 0;) {
			if (a->pair[*link].until <= now)
				release(a, link);
			else
				link = &a->pair[*link].next;
		}
}

bool accounts_login(struct accounts *a, const char *account, const struct address *source,
		    uint64_t when, uint64_t window, uint64_t most)
{
	uint64_t name = hash(a, account), others = 0;
	int32_t *bucket = &a->bucket[name % BUCKETS], new;

	for (int32_t *link = bucket; *link >= 0;) {
		struct pair *pair = &a->pair[*link];

		if (pair->until <= when) {
			release(a, link);
			continue;
		}
		if (pair->account == name) {
			if (!memcmp(&pair->source, source, sizeof(*source))) {
				if (pair->until < when + window)
					pair->until = when + window;
				return true;
			}
			others++;
		}
		link = &pair->next;
	}
	if (others >= most)
		return false;
	if (a->unused < 0)
		sweep(a, when);
	if (a->unused < 0)
		return false;
	new = a->unused;
	a->unused = a->pair[new].next;
	a->pair[new] = (struct pair){
		.account = name, .source = *source, .until = when + window, .next = *bucket};
	*bucket = new;
	return true;
}
