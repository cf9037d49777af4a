/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inside.h - what the files of the listener share: its clients, and their queue for the daemon's ear
 *
 *   listener  the loop, accepting
 *   pair      the daemon's records
 *   client    one connection, from its first byte to its last
 *
 * A client's place is also the place of what the daemon is still to be told about it: a place is free once
 * its end was sent. So nothing is lost when the pair is full, nothing waits in a queue without bound, and a
 * daemon that does not listen gets no more clients than there are places.
 */
#ifndef SMTPWALL_REFUSE_INSIDE_H
#define SMTPWALL_REFUSE_INSIDE_H

#include <sys/queue.h>
#include "refuse.h"

#define CLIENT_IN 256

enum phase {
	ASKING = 0,  /* the daemon has not said yet what it is to be told */
	TALKING = 1, /* SMTP */
	LEAVING = 2, /* all was said: waits until that has arrived */
	GONE = 3,    /* closed; its end is to be reported */
};

struct client {
	TAILQ_ENTRY(client) entry; /* free, or in use, oldest first */
	TAILQ_ENTRY(client) post;
	uint64_t id; /* serial number and place */
	uint64_t began, deadline, asked_until, leaving_until, next_byte; /* ms */
	int fd;								 /* -1: closed */
	uint32_t events;						 /* epoll waits for */
	enum phase phase;
	enum refuse_end end;
	bool posting; /* in the queue `post` */
	bool asked;   /* the daemon */
	bool forced;  /* `end` stands already, whatever happens now */
	bool tarpit;
	bool finished; /* the client said that it will send no more */
	uint32_t lasted;
	uint32_t written, reply_until; /* bytes; the reply ends there, 0: not said yet */
	uint32_t discarded;
	uint32_t in_at, in_size, out_at, out_size;
	struct flow_key key;
	struct dialogue dialogue;
	char in[CLIENT_IN];
	char out[DIALOGUE_OUT];
};

TAILQ_HEAD(clients, client);

struct listener {
	int pair, epoll;
	int listening[2];
	bool armed;	/* the listening sockets are waited for */
	bool pair_full; /* waits until there is room */
	bool over;	/* the pair is closed */
	bool ready;	/* there was a REFUSE_SETUP */
	bool pinged;
	uint64_t ping;	       /* id */
	uint64_t now;	       /* monotonic, ms */
	uint64_t due;	       /* the next look at all clients' time limits */
	uint64_t accept_again; /* after a lack of descriptors or memory */
	uint64_t serial;
	struct refuse_record setup;
	struct client *client; /* places */
	uint32_t places, open, tarpitted;
	struct clients free, used, post;
};

/* --- client.c --------------------------------------------------------------------------------- */

/* Begins with a socket; the daemon is to be asked. */
void client_begin(struct listener *l, struct client *c, int fd, const struct sockaddr_in6 *peer,
		  const struct sockaddr_in6 *local);
/* The daemon's answer. */
void client_answer(struct listener *l, struct client *c, const struct refuse_record *answer);
/* Something happened on its socket; some time went by. It may be GONE afterwards. */
void client_event(struct listener *l, struct client *c, uint32_t events);
void client_tick(struct listener *l, struct client *c);

/* --- pair.c ----------------------------------------------------------------------------------- */

/* NULL: its place is free by now, or another client's. */
struct client *pair_client(struct listener *l, uint64_t id);
/* Takes what the daemon has sent. A negative errno with a sentence: it is not to be listened to any more. */
int pair_hear(struct listener *l, struct error *why);
/* The daemon is to hear of this client: a question, or its end. */
void pair_post(struct listener *l, struct client *c);
/* Sends what waits, as far as the pair takes it. */
void pair_send(struct listener *l);

#endif
