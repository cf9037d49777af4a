// SPDX-License-Identifier: GPL-2.0-only
/*
 * links.c - follows interfaces that appear, vanish and are renamed, and the host's own addresses
 *
 * An interface on which the wall is wanted and that has no live link gets one through `smtpwall
 * up`. A renamed one keeps its link; only the pin's name follows. When an own address, a gateway or
 * a resolver may have changed, `smtpwall load guard` looks again for what must never be blocked.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <syslog.h>
#include <unistd.h>
#include "../net/net.h"
#include "../output.h"
#include "daemon.h"

#define SETTLE_US 500000
#define SEEN	  64

struct follow_links {
	struct net_events *events;
	sd_event_source *source, *settle, *resolvers;
	bool links_changed, guard_changed;
	/* Links that stood once: one that is gone without its interface was removed by hand. */
	struct {
		char name[IF_NAMESIZE];
		int index;
	} seen[SEEN];
	unsigned int seen_count;
	uint64_t fold;	 /* of the links that stood a second ago */
	char tried[512]; /* what was missing when `up` was tried last: not tried again for the same
			  */
};

static int rename_pin(void *context, const char *interface, const char *path)
{
	int index = pins_link_index(path);
	struct link_facts facts;

	(void)context;
	if (index <= 0 || link_facts_by_index(index, &facts, NULL) ||
	    !strcmp(facts.name, interface))
		return 0;
	if (pins_rename_link(place.pins, interface, facts.name) == 0)
		log_line(LOG_NOTICE, "renamed interface=%s to=%s", interface, facts.name);
	return 0;
}

static bool was_seen(const struct follow_links *l, const char *name, int index)
{
	for (unsigned int i = 0; i < l->seen_count; i++)
		if (l->seen[i].index == index && !strcmp(l->seen[i].name, name))
			return true;
	return false;
}

static void see(struct follow_links *l, const char *name, int index)
{
	if (was_seen(l, name, index))
		return;
	if (l->seen_count == SEEN)
		l->seen_count = 0; /* forgetting merely attaches once more */
	snprintf(l->seen[l->seen_count].name, IF_NAMESIZE, "%s", name);
	l->seen[l->seen_count++].index = index;
}

/* Has the wall to be attached to this interface, on which it is wanted? */
static bool is_missing(struct daemon *d, const char *name, int *index)
{
	struct link_facts facts;
	char path[512], what[64];

	pins_link_path(place.pins, name, path, sizeof(path));
	snprintf(what, sizeof(what), "interface %s", name);
	*index = 0;
	if (link_facts(name, &facts, NULL)) {
		fault_set(d, what, "it is not there; the wall is attached when it comes");
		return false;
	}
	if (pins_link_index(path) == facts.index) {
		see(d->links, name, facts.index);
		fault_clear(d, what);
		return false;
	}
	/* `rm PINS/links/...` is the emergency brake by hand: it holds. */
	if (access(path, F_OK) && was_seen(d->links, name, facts.index)) {
		fault_set(d, what, "its link was removed by hand; `smtpwall up` attaches it again");
		return false;
	}
	fault_clear(d, what);
	*index = facts.index;
	return true;
}

int links_wanted(struct daemon *d, struct interfaces *out)
{
	struct ledger *ledger = NULL;
	int err;

	ledger_open(place.state, true, 0, &ledger, NULL);
	err = interfaces_wanted(d->config, ledger, out, NULL);
	ledger_close(ledger);
	return err;
}

static void settle(struct daemon *d, bool links, bool guard)
{
	d->links->links_changed |= links;
	d->links->guard_changed |= guard;
	sd_event_source_set_time_relative(d->links->settle, SETTLE_US);
	sd_event_source_set_enabled(d->links->settle, SD_EVENT_ONESHOT);
}

static int is_on(void *context, const char *interface, const char *path)
{
	const int *index = context;

	(void)interface;
	return pins_link_index(path) == *index;
}

/*
 * The brake by hand is for the replies as well: a link of tcx may have been removed with it, a filter
 * of clsact has not. Under the wall lock, because `up` may be about to change the XDP link's mode.
 */
static void release_replies(struct daemon *d)
{
	int lock = -1;

	for (unsigned int i = 0; i < d->links->seen_count; i++) {
		int index = d->links->seen[i].index;
		char name[IF_NAMESIZE];

		/* It may have another name by now. */
		if (pins_each_link(place.pins, is_on, &index) ||
		    !if_indextoname((unsigned int)index, name) ||
		    egress_way(place.pins, name, index) == REPLIES_NONE)
			continue;
		if (lock < 0)
			lock = pins_lock(place.pins, LOCK_WALL, 0, NULL);
		if (lock < 0) {
			settle(d, true, false);
			return;
		}
		if (pins_each_link(place.pins, is_on, &index))
			continue;
		egress_remove(place.pins, name, index);
		log_line(LOG_NOTICE, "unread interface=%s text=\"its link was removed by hand\"",
			 name);
	}
	if (lock >= 0)
		close(lock);
}

static void look_at_wanted(struct daemon *d)
{
	struct interfaces wanted;
	const char *word[CHILD_WORDS] = {"up", "--attach", "--identity"};
	char missing[512] = "", identity[24];
	size_t used = 0, n = 4;

	if (links_wanted(d, &wanted))
		wanted.count = 0;
	snprintf(identity, sizeof(identity), "%llu", (unsigned long long)d->wall_identity);
	word[3] = identity;
	for (unsigned int i = 0; i < wanted.count; i++) {
		char path[512];
		int index;

		if (is_missing(d, wanted.name[i], &index) && used < sizeof(missing))
			used += (size_t)snprintf(missing + used, sizeof(missing) - used, "%s/%d ",
						 wanted.name[i], index);
		/* All that are to stand: --attach takes the wall off the others. */
		pins_link_path(place.pins, wanted.name[i], path, sizeof(path));
		if ((index || pins_link_index(path) > 0) && n < CHILD_WORDS - 8)
			word[n++] = wanted.name[i];
	}
	if (!missing[0]) {
		d->links->tried[0] = '\0';
		return;
	}
	if (!strcmp(missing, d->links->tried))
		return;
	memcpy(d->links->tried, missing, sizeof(d->links->tried));
	child_run(d, "interfaces", word, NULL);
}

static int on_settled(sd_event_source *source, uint64_t usec, void *context)
{
	struct daemon *d = context;
	bool links, guard;

	(void)usec;
	sd_event_source_set_enabled(source, SD_EVENT_OFF);
	if (!d->wall) {
		char mark[256];

		if (d->waiting && d->links->links_changed && !down_marked(mark, sizeof(mark)))
			child_up(d, "interfaces", NULL);
		d->links->links_changed = false;
		return 0;
	}
	/* A wall that was taken down is not put up again by news of links. */
	if (pins_identity(place.pins) != d->wall_identity)
		return 0;
	links = d->links->links_changed;
	guard = d->links->guard_changed;
	d->links->links_changed = d->links->guard_changed = false;
	if (links) {
		pins_each_link(place.pins, rename_pin, d);
		release_replies(d);
		look_at_wanted(d);
	}
	if (guard)
		child_run(d, "list guard", (const char *const[]){"load", "guard", NULL}, NULL);
	return 0;
}

static void changed(void *context, enum net_change what, int index, const char *name)
{
	(void)index;
	(void)name;
	/* A link that goes down takes its routes along without a word. */
	settle(context, what != NET_ADDRESS, true);
}

static int listen_to_net(struct daemon *d, struct error *why);

static int on_net(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *d = context;

	(void)source;
	(void)fd;
	(void)events;
	if (net_events_read(d->links->events, changed, d) != -EIO)
		return 0;
	d->links->source = sd_event_source_disable_unref(d->links->source);
	net_events_close(d->links->events);
	d->links->events = NULL;
	listen_to_net(d, NULL);
	return 0;
}

static int listen_to_net(struct daemon *d, struct error *why)
{
	int fd, err = net_events_open(&d->links->events, &fd, why);

	if (!err)
		err = sd_event_add_io(d->loop, &d->links->source, fd, EPOLLIN, on_net, d);
	return err < 0 ? err : 0;
}

static int on_resolvers(sd_event_source *source, const struct inotify_event *event, void *context)
{
	(void)source;
	if (event->len && !strcmp(event->name, "resolv.conf"))
		settle(context, false, true);
	return 0;
}

static int links_start(struct daemon *d, struct error *why)
{
	d->links = calloc(1, sizeof(*d->links));
	if (!d->links)
		return error_set(why, -ENOMEM, "out of memory");
	if (sd_event_add_time_relative(d->loop, &d->links->settle, CLOCK_MONOTONIC, SETTLE_US, 0,
				       on_settled, d) < 0)
		return error_set(why, -ENOMEM, "cannot make a timer");
	/* Without it the minute's look finds what changed. */
	sd_event_add_inotify(d->loop, &d->links->resolvers, "/etc",
			     IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR, on_resolvers, d);
	return listen_to_net(d, why);
}

static int fold_link(void *context, const char *interface, const char *path)
{
	uint64_t *fold = context, one = (uint64_t)pins_link_index(path) + 1;

	for (const char *c = interface; *c; c++)
		one = one * 31 + (unsigned char)*c;
	*fold += one; /* the order of a directory says nothing */
	return 0;
}

/* The kernel tells nobody when a link is removed by hand, or attached again. */
static void links_second(struct daemon *d)
{
	uint64_t fold = 0;

	if (!d->wall)
		return;
	pins_each_link(place.pins, fold_link, &fold);
	if (fold != d->links->fold)
		settle(d, true, false);
	d->links->fold = fold;
}

static void links_tick(struct daemon *d)
{
	if (!d->links->events)
		listen_to_net(d, NULL);
	d->links->tried[0] = '\0';
	settle(d, true, false);
}

static void links_wall(struct daemon *d)
{
	d->links->tried[0] = '\0';
	d->links->seen_count = 0;
	if (d->wall)
		settle(d, true, false);
}

static void links_stop(struct daemon *d)
{
	if (!d->links)
		return;
	sd_event_source_disable_unref(d->links->source);
	sd_event_source_disable_unref(d->links->settle);
	sd_event_source_disable_unref(d->links->resolvers);
	net_events_close(d->links->events);
	free(d->links);
	d->links = NULL;
}

const struct service service_links = {
	.name = "links",
	.start = links_start,
	.second = links_second,
	.tick = links_tick,
	.wall = links_wall,
	.stop = links_stop,
};
