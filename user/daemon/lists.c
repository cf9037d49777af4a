// SPDX-License-Identifier: GPL-2.0-only
/*
 * lists.c - follows the files of configured lists
 *
 * A change, in place or by renaming over, is noticed by inotify on the file's directory and acted
 * on half a second after the last event; every minute all files are looked at again, because events
 * are hints. A file is tried once for each of its states, so that a bad one is not read every
 * minute.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <syslog.h>
#include "../clock.h"
#include "../output.h"
#include "daemon.h"

#define SETTLE_US 500000

struct followed {
	struct list_origin tried; /* identity of the file that was tried last; empty: none */
};

struct follow_lists {
	struct followed *list; /* beside config->list */
	sd_event_source **watch;
	unsigned int count;
	sd_event_source *settle;
};

static void load(struct daemon *d, const struct config_list *list)
{
	const char *word[CHILD_WORDS] = {"load",	 list->name, list->file,
					 "--configured", "--action", action_name(list->action)};
	char what[64];
	size_t n = 6;

	if (list->format) {
		word[n++] = "--format";
		word[n++] = list->format;
	}
	if (list->skip_bad)
		word[n++] = "--skip-bad";
	snprintf(what, sizeof(what), "list %s", list->name);
	child_run(d, what, word, NULL);
}

/* A file that is being written is left until it has been still for two seconds. */
static bool is_still(const struct list_origin *now)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec - now->file_mtime_ns > 2000000000LL;
}

static void look_at(struct daemon *d, unsigned int i, bool told)
{
	const struct config_list *list = &d->config->list[i];
	struct followed *f = &d->lists->list[i];
	struct list_origin now = {0}, stored;
	char what[64];
	bool known;

	if (!list->file || !d->wall)
		return;
	snprintf(what, sizeof(what), "list %s", list->name);
	known = list_restore(place.state, list->name, &stored, NULL, NULL) == 0;
	list_origin_of_file(&now, list->file);
	/* Gone, perhaps on its way to being replaced: the old content stays. */
	if (!now.file_inode) {
		if (!known)
			fault_set(d, what, "there is no file %s; the list is empty", list->file);
		return;
	}
	if (known && list_origin_same_file(&stored, &now)) {
		fault_clear(d, what);
		return;
	}
	if (!told && !is_still(&now))
		return;
	if (list_origin_same_file(&f->tried, &now))
		return;
	f->tried = now;
	load(d, list);
}

static void look_at_age(struct daemon *d, const struct config_list *list)
{
	struct list_origin stored;
	char what[64], age[DURATION_TEXT];
	int64_t from;

	if (!list->max_age || list_restore(place.state, list->name, &stored, NULL, NULL))
		return;
	snprintf(what, sizeof(what), "age of list %s", list->name);
	from = stored.timestamp ? stored.timestamp : stored.loaded;
	if (clock_wall() - from > (int64_t)list->max_age)
		fault_set(d, what,
			  "its content is older than its max-age of %s; is what fetches %s still "
			  "at work?",
			  duration_text(list->max_age, age), list->file ? list->file : "it");
	else
		fault_clear(d, what);
}

static void look_at_all(struct daemon *d, bool told)
{
	for (unsigned int i = 0; i < d->lists->count; i++) {
		look_at(d, i, told);
		look_at_age(d, &d->config->list[i]);
	}
}

static int on_settled(sd_event_source *source, uint64_t usec, void *context)
{
	struct daemon *d = context;

	(void)usec;
	sd_event_source_set_enabled(source, SD_EVENT_OFF);
	look_at_all(d, true);
	return 0;
}

static int on_inotify(sd_event_source *source, const struct inotify_event *event, void *context)
{
	struct daemon *d = context;

	(void)source;
	(void)event;
	sd_event_source_set_time_relative(d->lists->settle, SETTLE_US);
	sd_event_source_set_enabled(d->lists->settle, SD_EVENT_ONESHOT);
	return 0;
}

static void watch(struct daemon *d, unsigned int i)
{
	char directory[4096], *slash;

	if (!d->config->list[i].file)
		return;
	snprintf(directory, sizeof(directory), "%s", d->config->list[i].file);
	slash = strrchr(directory, '/');
	if (slash)
		slash[slash == directory] = '\0';
	if (sd_event_add_inotify(d->loop, &d->lists->watch[i], directory,
				 IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR, on_inotify,
				 d) < 0)
		log_line(LOG_NOTICE,
			 "list name=%s text=\"changes of %s are noticed once a minute only\"",
			 d->config->list[i].name, d->config->list[i].file);
}

static void forget(struct daemon *d)
{
	for (unsigned int i = 0; i < d->lists->count; i++)
		sd_event_source_disable_unref(d->lists->watch[i]);
	free(d->lists->watch);
	free(d->lists->list);
	d->lists->watch = NULL;
	d->lists->list = NULL;
	d->lists->count = 0;
}

static void lists_reload(struct daemon *d)
{
	forget(d);
	/* What is wrong with the lists that are named now will be seen again. */
	fault_clear_all(d, "list ");
	fault_clear_all(d, "age of list ");
	if (!d->config->lists)
		return;
	d->lists->list = calloc(d->config->lists, sizeof(*d->lists->list));
	d->lists->watch =
		calloc(d->config->lists,
		       sizeof(sd_event_source *)); /* NOLINT(bugprone-sizeof-expression) */
	if (!d->lists->list || !d->lists->watch)
		return;
	d->lists->count = d->config->lists;
	for (unsigned int i = 0; i < d->lists->count; i++)
		watch(d, i);
}

static int lists_start(struct daemon *d, struct error *why)
{
	d->lists = calloc(1, sizeof(*d->lists));
	if (!d->lists)
		return error_set(why, -ENOMEM, "out of memory");
	if (sd_event_add_time_relative(d->loop, &d->lists->settle, CLOCK_MONOTONIC, SETTLE_US, 0,
				       on_settled, d) < 0)
		return error_set(why, -ENOMEM, "cannot make a timer");
	lists_reload(d);
	return 0;
}

static void lists_tick(struct daemon *d)
{
	look_at_all(d, false);
}

static void lists_wall(struct daemon *d)
{
	look_at_all(d, false);
}

static void lists_stop(struct daemon *d)
{
	if (!d->lists)
		return;
	forget(d);
	sd_event_source_disable_unref(d->lists->settle);
	free(d->lists);
	d->lists = NULL;
}

const struct service service_lists = {
	.name = "lists",
	.start = lists_start,
	.reload = lists_reload,
	.tick = lists_tick,
	.wall = lists_wall,
	.stop = lists_stop,
};
