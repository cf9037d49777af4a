// SPDX-License-Identifier: GPL-2.0-only
/*
 * events.c - one line in the log for each source whose verdict changed
 */
#include <stdlib.h>
#include <syslog.h>
#include "../clock.h"
#include "../output.h"
#include "daemon.h"

#define OLD_NS (5ULL * 1000000000ULL)

struct follow_events {
	struct ring *ring;
	sd_event_source *source;
	struct policy_list *lists;
	uint64_t held; /* notices.events_held when it was last told */
};

static void tell(void *context, const struct event *e)
{
	struct daemon *d = context;
	const char *list = NULL;
	char address[ADDRESS_TEXT], when[CLOCK_TEXT] = "", at[CLOCK_TEXT] = "",
				    dnsbl[EVENT_DNSBL_TEXT];

	dnsbl_event(d, e);
	bans_event(d, e);
	shares_event(d, e);
	if (e->kind != EVENT_VERDICT)
		return;
	if (e->list && wall_lists(d->wall, d->events->lists, NULL) == 0)
		list = d->events->lists[e->list & (POLICY_LISTS - 1)].name;
	/* What lay in the ring while no daemon ran is told with its own time. */
	if (clock_boot() - e->when > OLD_NS)
		clock_text(clock_wall_of(e->when), at);
	if (e->until && e->until != FOREVER)
		clock_text(clock_wall_of(e->until), when);
	log_line(LOG_INFO, "%s source=%s reason=%s%s%s%s port=%u%s%s%s%s", event_verdict_name(e),
		 address_text(&e->source, address), reason_name(e->reason), list ? " list=" : "",
		 list ? list : "", event_dnsbl_text(d->wall, e, dnsbl, sizeof(dnsbl)), e->port,
		 when[0] ? " until=" : "", when, at[0] ? " at=" : "", at);
}

static int on_ring(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *d = context;

	(void)source;
	(void)fd;
	(void)events;
	/* Events of a moment ago and a clock of a second ago would not fit together. */
	wall_follow_clock(d->wall);
	ring_read(d->events->ring);
	return 0;
}

static void close_ring(struct daemon *d)
{
	d->events->source = sd_event_source_disable_unref(d->events->source);
	ring_close(d->events->ring);
	d->events->ring = NULL;
}

static void events_wall(struct daemon *d)
{
	struct error why = {"no room for another event source"};
	int fd;

	close_ring(d);
	if (!d->wall)
		return;
	if (ring_open(d->wall, false, tell, d, &d->events->ring, &fd, &why) ||
	    sd_event_add_io(d->loop, &d->events->source, fd, EPOLLIN, on_ring, d) < 0) {
		fault_set(d, "events", "events are not read, the log stays empty: %s", why.text);
		return;
	}
	ring_read(d->events->ring);
}

static int events_start(struct daemon *d, struct error *why)
{
	d->events = calloc(1, sizeof(*d->events));
	if (d->events)
		d->events->lists = calloc(POLICY_LISTS, sizeof(*d->events->lists));
	return d->events && d->events->lists ? 0 : error_set(why, -12, "out of memory");
}

static void events_tick(struct daemon *d)
{
	struct notices notices;

	if (!d->wall || wall_notices(d->wall, &notices, NULL))
		return;
	if (notices.events_held > d->events->held && d->events->held)
		log_line(LOG_INFO, "held-back events=%llu",
			 (unsigned long long)(notices.events_held - d->events->held));
	d->events->held = notices.events_held;
}

static void events_stop(struct daemon *d)
{
	if (!d->events)
		return;
	close_ring(d);
	free(d->events->lists);
	free(d->events);
	d->events = NULL;
}

const struct service service_events = {
	.name = "events",
	.start = events_start,
	.tick = events_tick,
	.wall = events_wall,
	.stop = events_stop,
};
