// SPDX-License-Identifier: GPL-2.0-only
/*
 * pair.c - what the listener and the daemon say to each other, from the listener's side
 *
 * What the daemon sends is looked at as if it came from a stranger, but a record that is wrong ends the
 * process: one of the two is broken, or is not what it seems. What the pair does not take at once waits in
 * the clients' places.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include "inside.h"

#define BATCH	  64 /* records at a time */
#define PLACE(id) ((id)&0xffff)

struct client *pair_client(struct listener *l, uint64_t id)
{
	struct client *c;

	if (!l->client || PLACE(id) >= l->places)
		return NULL;
	c = &l->client[PLACE(id)];
	return c->id == id ? c : NULL;
}

/* --- to the daemon ---------------------------------------------------------------------------- */

/* Returns false if it has to be sent later. */
static bool send_record(struct listener *l, struct refuse_record *record)
{
	record->magic = REFUSE_MAGIC;
	if (send(l->pair, record, sizeof(*record), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	if (errno == EAGAIN)
		l->pair_full = true;
	else if (errno != EINTR && errno != ENOBUFS && errno != ENOMEM)
		l->over = true;
	return false;
}

static bool send_ping(struct listener *l)
{
	struct refuse_record record;

	memset(&record, 0, sizeof(record));
	record.kind = REFUSE_PING;
	record.id = l->ping;
	record.ping.clients = l->open;
	record.ping.tarpitted = l->tarpitted;
	l->pinged = !send_record(l, &record);
	return !l->pinged;
}

static bool send_of(struct listener *l, const struct client *c)
{
	struct refuse_record record;

	memset(&record, 0, sizeof(record));
	record.id = c->id;
	if (c->phase == GONE) {
		record.kind = REFUSE_END;
		record.end.end = c->end;
		record.end.tarpitted = c->tarpit;
		record.end.lasted_ms = c->lasted;
		record.end.lines = c->dialogue.lines;
	} else {
		record.kind = REFUSE_ASK;
		record.ask = c->key;
	}
	return send_record(l, &record);
}

void pair_send(struct listener *l)
{
	struct client *c;

	l->pair_full = false;
	if (l->pinged && !send_ping(l))
		return;
	while ((c = TAILQ_FIRST(&l->post)) && send_of(l, c)) {
		TAILQ_REMOVE(&l->post, c, post);
		c->posting = false;
		c->asked = true;
		if (c->phase == GONE) {
			TAILQ_REMOVE(&l->used, c, entry);
			TAILQ_INSERT_HEAD(&l->free, c, entry);
			c->id = 0;
		}
	}
}

void pair_post(struct listener *l, struct client *c)
{
	if (!c->posting)
		TAILQ_INSERT_TAIL(&l->post, c, post);
	c->posting = true;
}

/* --- from the daemon -------------------------------------------------------------------------- */

static bool setup_is_good(const struct refuse_record *r)
{
	return r->setup.clients && r->setup.timeout_ms && r->setup.ask_timeout_ms &&
	       r->setup.at <= REFUSE_AT_MAIL;
}

/* One line of a reply, and nothing else: it is sent as it is. */
static bool reply_is_good(const char reply[REFUSE_REPLY])
{
	size_t size = strnlen(reply, REFUSE_REPLY);

	if (size == REFUSE_REPLY || size < 6 || (reply[0] != '4' && reply[0] != '5') ||
	    reply[3] != ' ' || memcmp(reply + size - 2, "\r\n", 2) != 0)
		return false;
	for (size_t i = 0; i < size - 2; i++)
		if (reply[i] < ' ' || reply[i] > '~')
			return false;
	return reply[1] >= '0' && reply[1] <= '9' && reply[2] >= '0' && reply[2] <= '9';
}

static int take_places(struct listener *l, struct error *why)
{
	struct rlimit files = {.rlim_cur = 1024};
	uint64_t most = l->setup.setup.clients;

	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur <= LISTENER_FILES)
		return error_set(why, -EMFILE, "the refusal listener has no room for any client");
	if (most > files.rlim_cur - LISTENER_FILES)
		most = files.rlim_cur - LISTENER_FILES;
	if (most > LISTENER_CLIENTS)
		most = LISTENER_CLIENTS;
	l->client = calloc(most, sizeof(*l->client));
	if (!l->client)
		return error_set(why, -ENOMEM, "no memory for %llu refused clients",
				 (unsigned long long)most);
	l->places = (uint32_t)most;
	for (uint32_t i = 0; i < l->places; i++)
		TAILQ_INSERT_TAIL(&l->free, &l->client[i], entry);
	return 0;
}

static int take_record(struct listener *l, const struct refuse_record *r, struct error *why)
{
	struct client *c;

	if (r->magic != REFUSE_MAGIC)
		return error_set(why, -EPROTO, "the daemon sent something that is no record");
	if (r->kind == REFUSE_PING) {
		l->pinged = true;
		l->ping = r->id;
		return 0;
	}
	if (r->kind == REFUSE_SETUP && setup_is_good(r)) {
		l->setup = *r;
		l->ready = true;
		return l->client ? 0 : take_places(l, why);
	}
	if (r->kind == REFUSE_ANSWER && l->ready &&
	    (!r->answer.known || reply_is_good(r->answer.reply))) {
		c = pair_client(l, r->id);
		if (c) /* it may come late */
			client_answer(l, c, r);
		return 0;
	}
	return error_set(why, -EPROTO, "the daemon sent a record of kind %u that is wrong",
			 (unsigned int)r->kind);
}

int pair_hear(struct listener *l, struct error *why)
{
	struct refuse_record record;
	ssize_t n;
	int err;

	for (int i = 0; i < BATCH; i++) {
		n = recv(l->pair, &record, sizeof(record), MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0) {
			l->over = true;
			return 0;
		}
		if (n != sizeof(record))
			return error_set(why, -EPROTO, "the daemon sent %zd bytes instead of %zu",
					 n, sizeof(record));
		err = take_record(l, &record, why);
		if (err)
			return err;
	}
	return 0;
}
