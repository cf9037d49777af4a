// SPDX-License-Identifier: GPL-2.0-only
/*
 * refuse.c - the service that has a refusal listener where one is wanted, and says so to the kernel
 *
 * `wall` refuses nobody unless refuse_health.alive_until is in the future, and it is put there only when a
 * ping came back: a listener that ended, hangs, or has nobody to tell it what to say costs three seconds
 * at most, in which its clients wait. From then on the fallback holds until another one is well.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "../clock.h"
#include "../output.h"
#include "refuse.h"

#define ALIVE	     (3 * SECOND_NS)
#define LASTED	     (60 * SECOND_NS) /* its end is no sign that the next one ends soon, too */
#define PAUSE_MAX    6		      /* 2^6 s between attempts */
#define DETACHED_MAX 5		      /* seconds; an `up` that attaches it may be on its way */

/* --- what the kernel is told -------------------------------------------------------------------- */

static void forget_listener(struct refusing *r)
{
	if (!r->health)
		return;
	r->health->alive_until = 0;
	r->health->started = r->health->pid = 0;
	r->health->clients = r->health->tarpitted = 0;
}

void refuse_well(struct listener *l, const struct refuse_record *ping)
{
	struct refusing *r = l->d->refusing;

	if (!r->health || l != r->listener)
		return;
	r->health->clients = ping->ping.clients;
	r->health->tarpitted = ping->ping.tarpitted;
	if (l->d->exiting)
		return;
	if (!l->well) {
		l->well = true;
		r->health->pid = (uint64_t)l->pid;
		r->health->started = (uint64_t)clock_wall();
		fault_clear(l->d, FAULT_REFUSE);
		log_line(LOG_INFO, "listener pid=%d user=%s clients=%u", (int)l->pid, l->user,
			 l->clients);
	}
	r->health->alive_until = clock_boot() + ALIVE;
}

void refuse_over(struct listener *l, const struct refuse_record *record)
{
	struct refuse_health *health = l->d->refusing->health;

	if (!health)
		return;
	switch (record->end.end) {
#define ONE(number, name, member)                                                                  \
	case number:                                                                               \
		health->member++;                                                                  \
		break;
		REFUSE_END_NAMES(ONE)
#undef ONE
	default:
		break;
	}
	health->tarpits += record->end.tarpitted != 0;
}

/* --- it comes and goes ------------------------------------------------------------------------ */

static void take_off(struct refusing *r, struct listener *l)
{
	struct listener **at = &r->gone;

	if (r->listener == l)
		r->listener = NULL;
	while (*at && *at != l)
		at = &(*at)->next;
	if (*at)
		*at = l->next;
}

static void put_off(struct refusing *r, struct listener *l)
{
	take_off(r, l);
	l->next = r->gone;
	r->gone = l;
}

/* Nobody new for it, and nobody else in its place. */
static void without(struct daemon *d)
{
	forget_listener(d->refusing);
	if (d->wall)
		sockets_take(d->wall);
}

/* The next one waits, the longer the more of them ended soon. */
static void wait_for_next(struct refusing *r, const struct listener *l)
{
	uint64_t now = clock_boot();

	if (l && l->well && now - l->started > LASTED)
		r->failures = 0;
	r->again = now + ((uint64_t)1 << r->failures) * SECOND_NS - SECOND_NS / 2;
	if (r->failures < PAUSE_MAX)
		r->failures++;
}

static void failed(struct daemon *d, const struct listener *l, const char *how)
{
	wait_for_next(d->refusing, l);
	fault_set(d, FAULT_REFUSE, "%s; until there is a refusal listener, " INSTEAD, how);
}

void refuse_ended(struct listener *l, const char *how)
{
	struct daemon *d = l->d;
	struct refusing *r = d->refusing;

	if (l == r->listener) {
		char sentence[512];

		without(d);
		snprintf(sentence, sizeof(sentence), "the refusal listener ended: %s", how);
		failed(d, l, sentence);
	}
	take_off(r, l);
	listener_free(l);
}

/* It is not trusted any more, whatever it does. */
static void give_up(struct listener *l, const char *how)
{
	struct daemon *d = l->d;

	if (l == d->refusing->listener) {
		without(d);
		failed(d, l, how);
	}
	put_off(d->refusing, l);
	listener_abandon(l);
}

void refuse_ill(struct listener *l, const char *what)
{
	char sentence[256];

	snprintf(sentence, sizeof(sentence), "the refusal listener is given up: %s", what);
	give_up(l, sentence);
}

static void let_go(struct daemon *d)
{
	struct listener *l = d->refusing->listener;

	if (!l)
		return;
	put_off(d->refusing, l);
	listener_let_go(l);
}

/* In good order; those that are being told are let finish. */
static void end(struct daemon *d)
{
	if (!d->refusing->listener)
		return;
	without(d);
	let_go(d);
}

static void start(struct daemon *d)
{
	struct refusing *r = d->refusing;
	struct listener *l = NULL;
	struct error why;

	if (clock_boot() < r->again)
		return;
	if (listener_start(d, &l, &why)) {
		end(d); /* one that was to be replaced may have lost its places */
		failed(d, NULL, why.text);
		return;
	}
	/* One that was let go has lost its places to this one already. */
	let_go(d);
	r->listener = l;
	r->health->restarts += r->before;
	r->before = true;
}

/* --- is one wanted ---------------------------------------------------------------------------- */

/*
 * Without program `refuse` a refused client would get to the mail server. Removing its link by hand is a
 * brake, and is not undone here.
 */
static bool is_attached(struct daemon *d)
{
	struct refusing *r = d->refusing;

	if (wall_refuse_attached(place.pins)) {
		if (r->detached > DETACHED_MAX)
			fault_clear(d, FAULT_REFUSE);
		r->detached = 0;
		return true;
	}
	if (r->detached <= DETACHED_MAX && ++r->detached > DETACHED_MAX)
		fault_set(d, FAULT_REFUSE,
			  "program `refuse` is not attached in this network namespace, or was "
			  "removed by hand: " INSTEAD
			  "; `smtpwall up` attaches it, or says why it cannot");
	return false;
}

static void refuse_second(struct daemon *d)
{
	struct refusing *r = d->refusing;

	if (!d->wall)
		return;
	if (!refusing_wanted(d->wall, d->config)) {
		end(d);
		fault_clear(d, FAULT_REFUSE);
		r->failures = r->detached = 0;
		r->again = 0;
	} else if (!is_attached(d)) {
		end(d);
	} else if (!r->listener) {
		start(d);
	} else if (!listener_ping(r->listener)) {
		give_up(r->listener, "the refusal listener hangs and is given up");
	}
}

/* One whose memory is too small, or who is somebody else, is replaced by a new one. */
static void refuse_reload(struct daemon *d)
{
	struct refusing *r = d->refusing;
	struct listener *l = r->listener;

	r->again = 0;
	r->failures = 0;
	if (l && d->wall && refusing_wanted(d->wall, d->config)) {
		if (l->clients < d->config->refuse_clients ||
		    strcmp(l->user, d->config->refuse_user) != 0) {
			r->before = false;
			start(d);
		} else {
			listener_setup(l);
		}
	}
	refuse_second(d);
}

static void refuse_wall(struct daemon *d)
{
	struct refusing *r = d->refusing;

	/* First: what it pointed at is gone. */
	r->health = d->wall ? wall_refuse_health(d->wall) : NULL;
	end(d);
	r->again = 0;
	r->failures = r->detached = 0;
	r->before = false;
	forget_listener(r); /* of a daemon that was killed */
	refuse_second(d);
}

static int refuse_start(struct daemon *d, struct error *why)
{
	d->refusing = calloc(1, sizeof(*d->refusing));
	if (!d->refusing || asked_start(d->refusing))
		return error_set(why, -ENOMEM, "out of memory");
	return 0;
}

static void refuse_stop(struct daemon *d)
{
	struct refusing *r = d->refusing;

	if (!r)
		return;
	if (r->listener) {
		if (d->wall) {
			r->health->alive_until = 0;
			sockets_take(d->wall);
		}
		listener_finish(r->listener);
		forget_listener(r);
	}
	while (r->listener || r->gone) {
		struct listener *l = r->listener ? r->listener : r->gone;

		take_off(r, l);
		listener_free(l);
	}
	asked_stop(r);
	free(r);
	d->refusing = NULL;
}

const struct service service_refuse = {
	.name = "refuse",
	.start = refuse_start,
	.reload = refuse_reload,
	.second = refuse_second,
	.wall = refuse_wall,
	.stop = refuse_stop,
};
