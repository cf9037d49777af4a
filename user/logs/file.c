// SPDX-License-Identifier: GPL-2.0-only
/*
 * file.c - follows a plain file through rotation
 *
 * inotify tells of new lines; a look each second finds what it cannot tell: a rotation, a file that
 * appears, one on a file system without notification. After a rotation by rename the old file is read
 * on while its writer has not yet changed over.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include "inside.h"
#include "rotation.h"

#define LOOK_EVERY 1000000ULL /* us */
#define CHUNK	   65536u
/* Looks: so long the old file must be still, and so long it is waited for if it never is. */
#define STILL	2u
#define ENOUGH	10u
#define MISSING 5u /* so long a file may be away, as during a rotation */

struct log_file {
	sd_event *loop;
	char *path;
	struct log_positions *positions;
	struct log_calls calls;
	struct log_matcher *matcher;
	struct log_state state;
	sd_event_source *look, *work, *watch;
	int fd;			/* -1: none open */
	struct log_place place; /* `offset`: behind the last line that was dealt with */
	uint64_t read;		/* to here it was read */
	char line[LOG_LINE];
	size_t held;
	bool skipping; /* the rest of a line that is not read */
	bool missed;   /* it was not there when we looked first */
	unsigned int still, waited, missing;
	uint64_t looked; /* `read` at the last look */
};

static void on_event(void *context, const struct log_event *event)
{
	struct log_file *f = context;

	f->state.events++;
	f->calls.event(f->calls.context, event);
}

static void tell_fault(struct log_file *f, int err)
{
	char sentence[512];

	if (!err) {
		log_fault(&f->state, &f->calls, f->path, NULL);
		return;
	}
	snprintf(sentence, sizeof(sentence), "cannot read the log %.300s: %s%s", f->path,
		 err == -EINVAL ? "it is not a regular file" : strerror(-err),
		 err == -EACCES	  ? "; give the daemon's user the right to read it"
		 : err == -ENOENT ? "; it is read as soon as it is there"
				  : "");
	log_fault(&f->state, &f->calls, f->path, sentence);
}

static void take_line(struct log_file *f, int64_t now)
{
	struct log_line line;
	size_t size = f->held;

	while (size && f->line[size - 1] == '\r')
		size--;
	f->state.lines++;
	log_line_split(f->line, size, now, &line);
	f->state.last = line.when;
	log_matcher_line(f->matcher, NULL, &line);
}

static void feed(struct log_file *f, const char *data, size_t size, int64_t now)
{
	while (size) {
		const char *end = memchr(data, '\n', size);
		size_t part = end ? (size_t)(end - data) : size;
		size_t zeros = 0;

		/* A file that was truncated under a writer that does not append begins with a hole. */
		while (!f->held && zeros < part && !data[zeros])
			zeros++;
		if (!f->skipping && f->held + part - zeros > LOG_LINE) {
			f->skipping = true;
			f->state.skipped++;
		} else if (!f->skipping && part > zeros) {
			memcpy(f->line + f->held, data + zeros, part - zeros);
			f->held += part - zeros;
		}
		if (end) {
			if (!f->skipping && f->held)
				take_line(f, now);
			part++;
			f->held = 0;
			f->skipping = false;
			f->place.offset = f->read + part;
		}
		f->read += part;
		data += part;
		size -= part;
	}
}

static void start_at(struct log_file *f, uint64_t offset)
{
	f->place.offset = offset;
	f->read = offset;
	f->held = 0;
	/* In the middle of a line: its rest is a client's text, and no line. */
	f->skipping = rotation_splits_line(f->fd, offset);
}

static void remember(struct log_file *f)
{
	rotation_head(f->fd, &f->place);
	log_positions_set_place(f->positions, f->path, &f->place);
}

/* Reads what there is, as much as one turn may. True: there may be more. */
static bool read_on(struct log_file *f)
{
	static char chunk[CHUNK];
	uint64_t begun = log_monotonic();
	uint64_t before = f->place.offset;
	int64_t now = log_now();
	size_t bytes = 0;
	ssize_t n = 0;

	while (f->fd >= 0 && bytes < LOG_TURN_BYTES && log_monotonic() - begun < LOG_TURN_US) {
		n = pread(f->fd, chunk, sizeof(chunk), (off_t)f->read);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		feed(f, chunk, (size_t)n, now);
		bytes += (size_t)n;
	}
	if (n < 0)
		tell_fault(f, -errno);
	if (f->place.offset != before)
		remember(f);
	return n > 0;
}

/* Was it truncated, or truncated and written anew? Then what is in it now is all new. */
static void check_same(struct log_file *f)
{
	struct stat st;

	if (f->fd < 0 || fstat(f->fd, &st) ||
	    (rotation_is_place(f->fd, &st, &f->place) && (uint64_t)st.st_size >= f->read))
		return;
	f->place.head = 0;
	start_at(f, 0);
	remember(f);
}

static void schedule(struct log_file *f)
{
	sd_event_source_set_enabled(f->work, SD_EVENT_ONESHOT);
}

static int on_change(sd_event_source *source, const struct inotify_event *event, void *context)
{
	(void)source;
	(void)event;
	schedule(context);
	return 0;
}

static int on_work(sd_event_source *source, void *context)
{
	struct log_file *f = context;

	(void)source;
	/* Each time: what stands behind the old place in a new content may be the middle of a line. */
	check_same(f);
	if (read_on(f))
		schedule(f);
	return 0;
}

static void close_file(struct log_file *f)
{
	f->watch = sd_event_source_disable_unref(f->watch);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

/* Reads from `fd` from now on. */
static void take_file(struct log_file *f, int fd, const struct stat *st, uint64_t offset)
{
	char self[64];

	close_file(f);
	f->fd = fd;
	f->place = (struct log_place){.device = st->st_dev, .inode = st->st_ino};
	start_at(f, offset);
	f->still = f->waited = 0;
	f->looked = offset;
	remember(f);
	/* By its number, not its name: that may be another file's by now. Without it the looks do. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (sd_event_add_inotify(f->loop, &f->watch, self, IN_MODIFY, on_change, f) < 0)
		f->watch = NULL;
	schedule(f);
}

/* The first file to read: the one that was read last, if it can be found. */
static void begin(struct log_file *f, int fd, const struct stat *st)
{
	struct log_place place;
	struct stat old;
	int rest;

	if (!log_positions_place(f->positions, f->path, &place)) {
		take_file(f, fd, st, f->missed ? 0 : (uint64_t)st->st_size);
	} else if (rotation_is_place(fd, st, &place) && st->st_ino == place.inode) {
		take_file(f, fd, st, place.offset);
	} else {
		rest = rotation_find_rest(f->path, &place, &old);
		if (rest >= 0 && (old.st_ino != st->st_ino || old.st_dev != st->st_dev)) {
			close(fd);
			take_file(f, rest, &old, place.offset);
			return;
		}
		if (rest >= 0)
			close(rest);
		take_file(f, fd, st, 0);
	}
}

/* The name leads to another file by now: is the old one done with? */
static bool is_finished(struct log_file *f, const struct stat *fresh)
{
	f->still = f->read == f->looked ? f->still + 1 : 0;
	/* As long as nothing is in the new one, its writer has not changed over. */
	if (!fresh->st_size)
		return false;
	f->waited++;
	return f->still >= STILL || f->waited >= ENOUGH;
}

static void look(struct log_file *f)
{
	struct stat st;
	int fd, err = rotation_open(f->path, &fd, &st);

	if (err) {
		if (err == -ENOENT && f->fd < 0)
			f->missed = true;
		/* Whoever still writes to what was there is read on. */
		if (f->fd < 0 || err != -ENOENT || ++f->missing >= MISSING)
			tell_fault(f, err);
	} else {
		f->missing = 0;
		tell_fault(f, 0);
		if (f->fd < 0) {
			begin(f, fd, &st);
			fd = -1;
		} else if (st.st_dev == f->place.device && st.st_ino == f->place.inode) {
			f->still = f->waited = 0;
		} else if (is_finished(f, &st)) {
			take_file(f, fd, &st, 0);
			fd = -1;
		}
		if (fd >= 0)
			close(fd);
	}
	f->looked = f->read;
	schedule(f);
}

static int on_look(sd_event_source *source, uint64_t usec, void *context)
{
	(void)usec;
	look(context);
	sd_event_source_set_time_relative(source, LOOK_EVERY);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int log_file_open(sd_event *loop, const char *path, const struct log_patterns *patterns,
		  struct log_positions *positions, const struct log_calls *calls,
		  struct log_file **out, struct error *why)
{
	struct log_file *f = calloc(1, sizeof(*f));
	struct log_calls own = {.event = on_event, .context = f};
	int err = -ENOMEM;

	if (!f)
		return error_set(why, err, "cannot read the log %s: no memory", path);
	f->fd = -1;
	f->loop = sd_event_ref(loop);
	f->positions = positions;
	f->calls = *calls;
	f->path = strdup(path);
	if (f->path)
		err = log_matcher_open(patterns, &own, &f->matcher, why);
	if (!err)
		err = sd_event_add_defer(loop, &f->work, on_work, f);
	if (!err)
		err = sd_event_source_set_enabled(f->work, SD_EVENT_OFF);
	/* Packets' business goes first. */
	if (err >= 0)
		err = sd_event_source_set_priority(f->work, SD_EVENT_PRIORITY_IDLE);
	if (err >= 0)
		err = sd_event_add_time_relative(loop, &f->look, CLOCK_MONOTONIC, 0, LOOK_EVERY / 4,
						 on_look, f);
	if (err < 0) {
		log_file_close(f);
		return error_set(why, err, "cannot read the log %s: %s", path, strerror(-err));
	}
	*out = f;
	return 0;
}

void log_file_close(struct log_file *f)
{
	if (!f)
		return;
	if (f->fd >= 0)
		remember(f);
	close_file(f);
	sd_event_source_disable_unref(f->look);
	sd_event_source_disable_unref(f->work);
	log_matcher_close(f->matcher);
	sd_event_unref(f->loop);
	free(f->path);
	free(f);
}

void log_file_state(const struct log_file *f, struct log_state *out)
{
	*out = f->state;
}
