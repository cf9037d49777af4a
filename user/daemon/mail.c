// SPDX-License-Identifier: GPL-2.0-only
/*
 * mail.c - which client a message in the queue is from, and what its recipient's domain is
 */
#include "mail.h"
#include <stdlib.h>
#include <string.h>

#define MAILS	4096
#define BUCKETS 1024

struct mail {
	struct mail_client client[MAILS];
	int32_t next[MAILS]; /* in the bucket; -1: the last */
	int32_t bucket[BUCKETS];
	int32_t oldest; /* place of the next one */
};

static uint32_t bucket_of(const char *queue)
{
	uint32_t hash = 2166136261u;

	for (; *queue; queue++)
		hash = (hash ^ (unsigned char)*queue) * 16777619u;
	return (hash ^ hash >> 16) % BUCKETS;
}

struct mail *mail_new(void)
{
	struct mail *m = calloc(1, sizeof(*m));

	if (m)
		memset(m->bucket, -1, sizeof(m->bucket));
	return m;
}

void mail_free(struct mail *m)
{
	free(m);
}

static int32_t place_of(const struct mail *m, const char *queue)
{
	int32_t i = m->bucket[bucket_of(queue)];

	while (i >= 0 && strcmp(m->client[i].queue, queue) != 0)
		i = m->next[i];
	return i;
}

static void take_out(struct mail *m, int32_t place)
{
	int32_t *link = &m->bucket[bucket_of(m->client[place].queue)];

	while (*link >= 0 && *link != place)
		link = &m->next[*link];
	if (*link == place)
		*link = m->next[place];
	m->client[place].queue[0] = '\0';
}

void mail_put(struct mail *m, const struct mail_client *client)
{
	int32_t place, *bucket;

	if (!client->queue[0])
		return;
	place = place_of(m, client->queue);
	if (place >= 0) {
		m->client[place] = *client;
		return;
	}
	place = m->oldest;
	m->oldest = (m->oldest + 1) % MAILS;
	if (m->client[place].queue[0])
		take_out(m, place);
	bucket = &m->bucket[bucket_of(client->queue)];
	m->client[place] = *client;
	m->next[place] = *bucket;
	*bucket = place;
}

const struct mail_client *mail_find(const struct mail *m, const char *queue)
{
	int32_t place = queue[0] ? place_of(m, queue) : -1;

	return place >= 0 ? &m->client[place] : NULL;
}

bool mail_domain(const char *recipient, char domain[MAIL_DOMAIN])
{
	const char *at = strrchr(recipient, '@');
	size_t size = 0;

	if (!at)
		return false;
	for (const char *c = at + 1; *c && *c != '>'; c++) {
		char letter = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;

		if (!((letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') ||
		      letter == '-' || letter == '.' || letter == '_') ||
		    size == MAIL_DOMAIN - 1)
			return false;
		domain[size++] = letter;
	}
	domain[size] = '\0';
	return size > 0 && domain[0] != '.';
}
