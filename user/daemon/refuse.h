/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refuse.h - the refusal listener, seen from the daemon
 *
 *   refuse     the service: is a listener wanted, is it well, is it to be replaced
 *   sockets    the two listening sockets
 *   spawn      starts the listener's process
 *   listener   one listener: spoken to, let go
 *   asked      what a client is to be told
 *
 * The listener is of another user. One that hangs loses its places in the map, which takes new clients from
 * it, and its pair, which ends it as soon as it runs again; and it is killed, because the connections that it
 * holds count among the clients there may be.
 */
#ifndef SMTPWALL_DAEMON_REFUSE_H
#define SMTPWALL_DAEMON_REFUSE_H

#include <sys/types.h>
#include "../refuse/refuse.h"
#include "daemon.h"

#define FAULT_REFUSE "refusing"

/* What becomes of those who are to be refused and cannot be, for the end of a sentence. */
#define INSTEAD "sources are dropped instead of refused, and whoever comes too often passes"

struct listener {
	struct listener *next; /* of those that were let go */
	struct daemon *d;
	pid_t pid;
	int pair, output;
	sd_event_source *exit, *records, *words, *close;
	uint64_t started;    /* boot clock */
	uint64_t ping;	     /* the last one that was sent */
	unsigned int missed; /* pings in a row that have not come back */
	bool well;	     /* one has come back */
	bool let_go;	     /* another one has its places, or nobody */
	uint32_t clients;    /* its memory is for so many */
	char user[64];
	char line[256]; /* what it says, so far */
	size_t used, taken;
	char said[256]; /* its last sentence */
};

struct asked_all;

struct refusing {
	struct asked_all *asked;
	struct listener *listener; /* NULL: there is none */
	struct listener *gone;	   /* let go, and not ended yet */
	struct refuse_health *health;
	uint64_t again;	       /* boot clock: none is started before */
	unsigned int failures; /* listeners in a row that did not last */
	unsigned int detached; /* seconds without program `refuse` */
	bool before;	       /* there has been a listener: the next one is a restart */
};

/* --- sockets.c -------------------------------------------------------------------------------- */

/*
 * The listening sockets, in this network namespace: -1 where the kernel has no such protocol. Negative
 * errno with a sentence if there is none at all.
 */
int sockets_make(unsigned int clients, int out[REFUSE_SOCKETS], struct error *why);
void sockets_close(int fd[REFUSE_SOCKETS]);
int sockets_place(struct wall *wall, const int fd[REFUSE_SOCKETS], struct error *why);
void sockets_take(struct wall *wall); /* empties the places */

/* --- spawn.c ---------------------------------------------------------------------------------- */

/* Is there such a user, and is it not root? */
int spawn_check_user(const char *name, struct error *why);
/* Sets pid, pair and output, which are open after a failure, too. `fd` stays the caller's to close. */
int spawn_listener(struct listener *l, int fd[REFUSE_SOCKETS]);
/*
 * Ends it at once, which is what closes its clients' connections: they count as long as they are open. By a
 * process that becomes the listener's user for it, where the daemon has no capability to send it signals.
 */
void spawn_kill(const struct listener *l);

/* --- listener.c ------------------------------------------------------------------------------- */

/* Starts one, with its sockets in their places. What becomes of it is told to refuse.c. */
int listener_start(struct daemon *d, struct listener **out, struct error *why);
void listener_answer(struct listener *l, struct refuse_record *answer);
void listener_setup(struct listener *l); /* limits, as the configuration says now */
/* False: so many pings have not come back that it hangs. */
bool listener_ping(struct listener *l);
/* It serves nobody new; those that it has are let finish for some seconds. */
void listener_let_go(struct listener *l);
/* At once: it is not to be relied on. */
void listener_abandon(struct listener *l);
/* Before the daemon ends: waits a moment for those that are being told. */
void listener_finish(struct listener *l);
void listener_free(struct listener *l); /* NULL allowed */

/* --- asked.c ---------------------------------------------------------------------------------- */

/* A REFUSE_ASK: it is answered now or in a moment. */
void asked(struct listener *l, const struct refuse_record *ask);
void asked_forget(struct listener *l); /* nobody waits there any more */
int asked_start(struct refusing *r);
void asked_stop(struct refusing *r);

/* --- refuse.c, called by listener.c ------------------------------------------------------------- */

void refuse_ended(struct listener *l, const char *how); /* the process; frees it */
void refuse_ill(struct listener *l, const char *what);	/* it does not keep to the records */
void refuse_well(struct listener *l, const struct refuse_record *ping);
void refuse_over(struct listener *l, const struct refuse_record *end);

#endif
