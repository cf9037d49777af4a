// SPDX-License-Identifier: GPL-2.0-only
/*
 * txt.c - what a DNSBL itself says about a source it lists: a TXT record
 *
 * Strangers wrote it, and strangers will read it as part of our reply: only printable ASCII is left of it,
 * a line's worth at most, and nothing at all if it names a zone that holds a key.
 */
#include "servers.h"
#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dnsbl.h"

#define KEY_LEAST 6 /* a shorter first label is a word, not a key */

struct txt_query {
	void (*done)(void *context, const char *txt);
	void *context;
	struct dnsbl_zone zone; /* its name; no patterns */
};

/* Appends printable ASCII, runs of all else as one space, none of them first. Returns the new length. */
static size_t take(const unsigned char *text, size_t size, char out[DNSBL_TXT], size_t used)
{
	for (size_t i = 0; i < size && used < DNSBL_TXT - 1; i++) {
		bool shown = text[i] > ' ' && text[i] < 0x7f;

		if (shown || (used && out[used - 1] != ' '))
			out[used++] = shown ? (char)text[i] : ' ';
	}
	return used;
}

/* Would a stranger learn the key of the zone? It is the zone's first label, or the whole of it. */
static bool betrays(const struct dnsbl_zone *zone, const char *text)
{
	char key[DNSBL_ZONE];

	if (!zone->hidden)
		return false;
	snprintf(key, sizeof(key), "%.*s", (int)strcspn(zone->zone, "."), zone->zone);
	return strcasestr(text, zone->zone) || (strlen(key) >= KEY_LEAST && strcasestr(text, key));
}

bool dnsbl_txt_read(const struct dnsbl_zone *zone, const unsigned char *message, int size,
		    char out[DNSBL_TXT])
{
	struct ares_txt_ext *list = NULL;
	char whole[4096];
	size_t used = 0, all = 0;

	out[0] = '\0';
	if (ares_parse_txt_reply_ext(message, size, &list))
		return false;
	/* Strings of one record are parts of one text (RFC 7208, 3.3, says so for all of them). */
	for (const struct ares_txt_ext *t = list; t; t = t->next) {
		if (t->record_start && used && out[used - 1] != ' ' && used < DNSBL_TXT - 1)
			out[used++] = ' ';
		used = take(t->txt, t->length, out, used);
		for (size_t i = 0; i < t->length && all < sizeof(whole) - 1; i++)
			if (t->txt[i] > ' ' && t->txt[i] < 0x7f)
				whole[all++] = (char)t->txt[i];
	}
	ares_free_data(list);
	while (used && out[used - 1] == ' ')
		used--;
	out[used] = '\0';
	whole[all] = '\0';
	/* Also not with something in between that was taken out, nor the half of it that was cut off. */
	if (betrays(zone, whole))
		out[0] = '\0';
	return out[0];
}

static void on_txt(void *context, int status, int timeouts, unsigned char *message, int size)
{
	struct txt_query *q = context;
	char text[DNSBL_TXT] = "";

	(void)timeouts;
	if (status == ARES_SUCCESS)
		dnsbl_txt_read(&q->zone, message, size, text);
	q->done(q->context, text);
	free(q);
}

void dnsbl_ask_txt(struct dnsbl_resolver *resolver, const struct address *source,
		   const struct dnsbl_zone *zone, void (*done)(void *context, const char *txt),
		   void *context)
{
	struct txt_query *q = calloc(1, sizeof(*q));
	char question[DNSBL_QUESTION], rooted[DNSBL_QUESTION + 1];

	if (!q) {
		done(context, "");
		return;
	}
	*q = (struct txt_query){.done = done, .context = context};
	snprintf(q->zone.zone, sizeof(q->zone.zone), "%s", zone->zone);
	q->zone.hidden = zone->hidden;
	dnsbl_question(source, zone->zone, question);
	snprintf(rooted, sizeof(rooted), "%s.", question); /* no search */
	ares_query(resolver_channel(resolver), rooted, ns_c_in, ns_t_txt, on_txt, q);
}

/* --- waiting for it --------------------------------------------------------------------------- */

struct txt_wait {
	char *out;
	bool done;
};

static void on_told(void *context, const char *txt)
{
	struct txt_wait *wait = context;

	snprintf(wait->out, DNSBL_TXT, "%s", txt);
	wait->done = true;
}

static int on_limit(sd_event_source *source, uint64_t usec, void *context)
{
	bool *over = context;

	(void)source, (void)usec;
	*over = true;
	return 0;
}

void dnsbl_txt(char *const server[], unsigned int servers, unsigned int timeout_ms,
	       const struct address *source, const struct dnsbl_zone *zone, char out[DNSBL_TXT])
{
	struct txt_wait wait = {.out = out};
	struct dnsbl_resolver *resolver = NULL;
	sd_event *loop = NULL;
	bool over = false;

	out[0] = '\0';
	if (sd_event_new(&loop) < 0)
		return;
	if (!dnsbl_resolver_open(loop, server, servers, timeout_ms, &resolver, NULL) &&
	    sd_event_add_time_relative(loop, NULL, CLOCK_MONOTONIC, 1000ULL * timeout_ms, 1000,
				       on_limit, &over) >= 0) {
		dnsbl_ask_txt(resolver, source, zone, on_told, &wait);
		while (!wait.done && !over && sd_event_run(loop, UINT64_MAX) >= 0)
			;
	}
	dnsbl_resolver_close(resolver); /* ends what is under way */
	sd_event_unref(loop);
}
