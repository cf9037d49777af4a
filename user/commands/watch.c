// SPDX-License-Identifier: GPL-2.0-only
/*
 * watch.c - stream of events, for a person or a script
 *
 * The kernel fills the ring for watchers only until the moment that this command pushes ahead of
 * now while it runs, so a killed watcher costs nothing afterwards. The daemon has a ring of its
 * own.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../clock.h"
#include "../output.h"
#include "commands.h"

const char help_watch[] =
	"usage: smtpwall watch [--json] [--count N] [--for TIME]\n\n"
	"Shows events as they come: a source that met a row which drops or refuses, a source that completed\n"
	"its first handshake, a source that the DNSBLs are to be asked about; an offence, a ban with its\n"
	"evidence, a source that reached the limit and is spared, a login. One line each; with --json one\n"
	"object a line. A source whose verdict does not change is told again after ten minutes at the\n"
	"earliest; `smtpwall status` counts what was held back.\n\n"
	"  --count N    ends after N events\n"
	"  --for TIME   ends after that time\n";

#define AHEAD_NS (3ULL * 1000000000ULL)

struct watching {
	struct policy_list *lists;
	struct wall *wall;
	bool json, quiet;
	uint64_t seen, count;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static const char *list_name(struct watching *w, uint32_t id)
{
	if (!id)
		return NULL;
	wall_lists(w->wall, w->lists, NULL);
	return w->lists[id & (POLICY_LISTS - 1)].name;
}

static void dnsbl_json(struct watching *w, const struct event *e, json_object *o)
{
	const struct dnsbl_health *health = wall_dnsbl_health(w->wall);
	json_object *sites = json_object_new_array();

	json_signed(o, "score", e->score);
	for (unsigned int i = 0; i < DNSBL_SITES; i++)
		if (e->sites >> i & 1 && health->site[i].identity)
			json_object_array_add(sites, json_object_new_string(health->site[i].name));
	json_object_object_add(o, "sites", sites);
}

static void show_json(struct watching *w, const struct event *e, const char *address)
{
	json_object *o = json_object_new_object();

	json_time(o, "time", clock_wall_of(e->when));
	json_text(o, "event", event_kind_name(e));
	json_text(o, "source", address);
	if (e->kind == EVENT_ASK)
		json_text(o, "reason", reason_name(e->reason));
	if (e->kind == EVENT_VERDICT) {
		json_text(o, "reason", reason_name(e->reason));
		json_text(o, "verdict",
			  e->mode == MODE_ENFORCE ? verdict_name(e->verdict)
						  : verdict_name(VERDICT_PASS));
		json_text(o, "would", verdict_name(e->verdict));
		json_text(o, "list", list_name(w, e->list));
		if (e->port)
			json_number(o, "port", e->port);
		if (e->until)
			json_time(o, "expires", clock_wall_of(e->until));
		if (e->reason == REASON_DNSBL)
			dnsbl_json(w, e, o);
	}
	event_abuse_json(w->wall, e, o);
	json_print_line(o, stdout);
}

static void show_verdict(struct watching *w, const struct event *e, const char *when,
			 const char *address)
{
	const char *list = list_name(w, e->list);
	char dnsbl[EVENT_DNSBL_TEXT];

	printf("%s %s source=%s reason=%s%s%s%s port=%u\n", when, event_verdict_name(e), address,
	       reason_name(e->reason), list ? " list=" : "", list ? list : "",
	       event_dnsbl_text(w->wall, e, dnsbl, sizeof(dnsbl)), e->port);
}

static void show(void *context, const struct event *e)
{
	struct watching *w = context;
	char address[ADDRESS_TEXT], when[CLOCK_TEXT], line[EVENT_ABUSE_TEXT];

	if (w->quiet || (w->count && w->seen >= w->count))
		return;
	w->seen++;
	address_text(&e->source, address);
	clock_text(clock_wall_of(e->when), when);
	if (w->json)
		show_json(w, e, address);
	else if (e->kind == EVENT_VERDICT)
		show_verdict(w, e, when, address);
	else if (e->kind == EVENT_ASK)
		printf("%s ask source=%s reason=%s\n", when, address, reason_name(e->reason));
	else if (event_abuse_line(w->wall, e, line, sizeof(line)))
		printf("%s %s\n", when, line);
	else
		printf("%s %s source=%s\n", when, event_kind_name(e), address);
	fflush(stdout);
}

static int stream(struct watching *w, uint64_t seconds, struct error *why)
{
	uint64_t end = seconds ? clock_boot() + seconds * 1000000000ULL : UINT64_MAX;
	uint64_t identity = pins_identity(place.pins);
	struct ring *ring;
	int fd, err = ring_open(w->wall, true, show, w, &ring, &fd, why);

	if (err)
		return err;
	/* What lies in the ring from an earlier watcher is old news. */
	w->quiet = true;
	ring_read(ring);
	w->quiet = false;
	while (!stop && clock_boot() < end) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

		wall_settings(w->wall)->watch_until = clock_boot() + AHEAD_NS;
		poll(&poll_fd, 1, 1000);
		ring_read(ring);
		if (w->count && w->seen >= w->count)
			break;
		/* The pins are gone when the wall was taken down; the maps live on in our hands. */
		if (pins_identity(place.pins) != identity) {
			note("the wall at %s was taken down", place.pins);
			break;
		}
		if (ferror(stdout))
			break;
	}
	wall_settings(w->wall)->watch_until = 0;
	ring_close(ring);
	return 0;
}

int command_watch(int argc, char **argv)
{
	static const char *const known[] = {"json", "count", "for", NULL};
	struct sigaction action = {.sa_handler = on_signal};
	struct watching w = {0};
	struct options options;
	struct error why;
	int first = options_read(argc, argv, known, help_watch, &options), lock = -1, err;

	if (first < 0)
		return -1 - first;
	if (first != argc)
		return usage("watch", "it takes no arguments");
	err = wall_open(place.pins, &w.wall, &why);
	if (err)
		return fail(&why);
	lock = pins_lock(place.pins, LOCK_WATCH, 0, &why);
	w.lists = calloc(POLICY_LISTS, sizeof(*w.lists));
	w.json = options.json;
	w.count = options.count;
	err = lock < 0 ? lock : 0;
	if (!err) {
		sigaction(SIGINT, &action, NULL);
		sigaction(SIGTERM, &action, NULL);
		signal(SIGPIPE, SIG_IGN);
		err = stream(&w, options.seconds, &why);
	}
	if (lock >= 0)
		close(lock);
	free(w.lists);
	wall_close(w.wall);
	return err ? fail(&why) : STATUS_DONE;
}
