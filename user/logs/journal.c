// SPDX-License-Identifier: GPL-2.0-only
/*
 * journal.c - follows the system's journal
 *
 * Entries are chosen by the unit that wrote them, which the journal itself knows, not by their text:
 * what logger(1) sends for a mail server does not come from its unit. What journald dropped because a
 * unit wrote too much is counted, for nobody would see otherwise that offences are missing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <unistd.h>
#include "inside.h"

#define LOOK_EVERY 1000000ULL /* us */
#define TRY_AGAIN  30u	      /* looks, while there is no journal */
#define DROPPED	   "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e" /* SD_MESSAGE_JOURNAL_DROPPED */
#define FIELD_MOST ((size_t)2 * LOG_LINE)

struct log_journal {
	sd_event *loop;
	char *directory; /* NULL: the system's */
	char **unit;
	unsigned int units;
	bool given; /* the units were, and the patterns need not name them */
	char *name; /* for the positions */
	struct log_positions *positions;
	struct log_calls calls;
	struct log_matcher *matcher;
	struct log_state state;
	sd_event_source *look, *work, *watch;
	sd_journal *journal; /* NULL: there is none */
	unsigned int looks;  /* since the last attempt to open it */
};

static void on_event(void *context, const struct log_event *event)
{
	struct log_journal *j = context;

	j->state.events++;
	j->calls.event(j->calls.context, event);
}

static void close_journal(struct log_journal *j)
{
	j->watch = sd_event_source_disable_unref(j->watch);
	if (j->journal)
		sd_journal_close(j->journal);
	j->journal = NULL;
	j->looks = 0;
}

static void tell_fault(struct log_journal *j, int err)
{
	char sentence[512];

	if (err == -ENOENT)
		snprintf(sentence, sizeof(sentence),
			 "cannot read the journal: there is none here; name the mail server's log "
			 "file instead (log \"NAME\" { file = \"...\" })");
	else
		snprintf(sentence, sizeof(sentence), "cannot read the journal: %s%s",
			 strerror(-err),
			 err == -EACCES ? "; give the daemon's user the right to read it (group "
					  "systemd-journal)"
					: "");
	log_fault(&j->state, &j->calls, "journal", err ? sentence : NULL);
}

/* "NAME=..." of the entry; the value behind the sign, not terminated. Empty if there is none. */
static const char *field(const struct log_journal *j, const char *name, size_t *size)
{
	const void *data;
	size_t all, skip = strlen(name) + 1;

	*size = 0;
	if (sd_journal_get_data(j->journal, name, &data, &all) < 0 || all < skip)
		return "";
	*size = all - skip;
	return (const char *)data + skip;
}

static void text_field(const struct log_journal *j, const char *name, char *out, size_t room)
{
	size_t size;
	const char *value = field(j, name, &size);

	if (size >= room)
		size = 0;
	memcpy(out, value, size);
	out[size] = '\0';
}

/* "Suppressed 20 messages from postfix@-.service" */
static void take_dropped(struct log_journal *j)
{
	char message[256];
	uint64_t number;
	int at = 0;

	text_field(j, "MESSAGE", message, sizeof(message));
	if (sscanf(message, "Suppressed %" SCNu64 " messages from %n", &number, &at) != 1 || !at)
		return;
	for (unsigned int i = 0; i < j->units; i++) {
		const char *unit = strstr(message + at, j->unit[i]);

		/* Older ones write the whole path of its control group. */
		if (unit && (unit == message + at || unit[-1] == '/') &&
		    !unit[strlen(j->unit[i])]) {
			j->state.suppressed += number;
			return;
		}
	}
}

static size_t take_entry(struct log_journal *j, int64_t now)
{
	char unit[256], stamp[32], tag[256];
	struct log_line line = {.when = 0};
	int64_t inner;
	uint64_t realtime = 0;
	size_t own;

	text_field(j, "_SYSTEMD_UNIT", unit, sizeof(unit));
	if (!strcmp(unit, "systemd-journald.service")) {
		take_dropped(j);
		return 256;
	}
	text_field(j, "_SOURCE_REALTIME_TIMESTAMP", stamp, sizeof(stamp));
	realtime = strtoull(stamp, NULL, 10);
	if (!realtime)
		sd_journal_get_realtime_usec(j->journal, &realtime);
	line.when = realtime < (uint64_t)now ? (int64_t)realtime : now;
	line.tag = field(j, "SYSLOG_IDENTIFIER", &line.tag_size);
	/* The next field may be unpacked where this one was. */
	if (line.tag_size > sizeof(tag))
		line.tag_size = 0;
	memcpy(tag, line.tag, line.tag_size);
	line.tag = tag;
	line.message = field(j, "MESSAGE", &line.message_size);
	j->state.lines++;
	j->state.last = line.when;
	if (line.message_size > LOG_LINE) {
		j->state.skipped++;
		return LOG_LINE;
	}
	own = log_time_skip(line.message, line.message_size, &inner);
	line.message += own;
	line.message_size -= own;
	log_matcher_line(j->matcher, j->given ? NULL : unit, &line);
	return 256 + line.message_size;
}

static void remember(struct log_journal *j)
{
	char *cursor = NULL;
	uint64_t realtime;

	if (sd_journal_get_cursor(j->journal, &cursor) >= 0 &&
	    sd_journal_get_realtime_usec(j->journal, &realtime) >= 0)
		log_positions_set_cursor(j->positions, j->name, cursor, (int64_t)realtime);
	free(cursor);
}

/* As much as one turn may read. True: there may be more. */
static bool read_on(struct log_journal *j)
{
	uint64_t begun = log_monotonic();
	int64_t now = log_now();
	size_t bytes = 0;
	int r = 0;

	while (bytes < LOG_TURN_BYTES && log_monotonic() - begun < LOG_TURN_US) {
		r = sd_journal_next(j->journal);
		if (r <= 0)
			break;
		bytes += take_entry(j, now);
	}
	if (r < 0) {
		tell_fault(j, r);
		close_journal(j);
		return false;
	}
	if (bytes)
		remember(j);
	return r > 0;
}

static int on_work(sd_event_source *source, void *context)
{
	struct log_journal *j = context;

	if (j->journal && read_on(j))
		sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

static int add_matches(struct log_journal *j)
{
	char match[300];
	int r = 0;

	for (unsigned int i = 0; r >= 0 && i < j->units; i++) {
		snprintf(match, sizeof(match), "_SYSTEMD_UNIT=%s", j->unit[i]);
		r = sd_journal_add_match(j->journal, match, 0);
	}
	if (r >= 0)
		r = sd_journal_add_disjunction(j->journal);
	if (r >= 0)
		r = sd_journal_add_match(j->journal, "_SYSTEMD_UNIT=systemd-journald.service", 0);
	if (r >= 0)
		r = sd_journal_add_match(j->journal, DROPPED, 0);
	return r;
}

/* Behind the last entry that was read; where it is gone, at its time; the first time at the end. */
static int seek(struct log_journal *j)
{
	char cursor[LOG_CURSOR];
	int64_t when;
	int r;

	if (log_positions_cursor(j->positions, j->name, cursor, &when)) {
		r = sd_journal_seek_cursor(j->journal, cursor);
		if (r >= 0)
			r = sd_journal_next(j->journal);
		if (r > 0 && sd_journal_test_cursor(j->journal, cursor) > 0)
			return 0;
		return sd_journal_seek_realtime_usec(j->journal, (uint64_t)when + 1);
	}
	r = sd_journal_seek_tail(j->journal);
	if (r >= 0)
		r = sd_journal_previous(j->journal);
	if (r > 0)
		remember(j);
	/* Nothing of these units yet: whatever comes is new. */
	return r ? r : sd_journal_seek_head(j->journal);
}

static int on_change(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct log_journal *j = context;

	(void)source;
	(void)fd;
	(void)events;
	/* Files may have come or gone (INVALIDATE): the place is kept, and what is new is read. */
	sd_journal_process(j->journal);
	sd_event_source_set_enabled(j->work, SD_EVENT_ONESHOT);
	return 0;
}

static int open_journal(struct log_journal *j)
{
	int r, fd;

	if (j->directory)
		r = sd_journal_open_directory(&j->journal, j->directory, 0);
	else
		r = sd_journal_open(&j->journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
	if (r < 0) {
		j->journal = NULL;
		return r;
	}
	/* An empty directory may be there without anybody who would fill it. */
	if (!j->directory && access("/run/systemd/journal/socket", F_OK) &&
	    sd_journal_next(j->journal) <= 0)
		return -ENOENT;
	sd_journal_set_data_threshold(j->journal, FIELD_MOST);
	r = add_matches(j);
	if (r >= 0)
		r = seek(j);
	if (r < 0)
		return r;
	/* Without notification the looks do. */
	fd = sd_journal_get_fd(j->journal);
	if (fd >= 0)
		sd_event_add_io(j->loop, &j->watch, fd, (uint32_t)sd_journal_get_events(j->journal),
				on_change, j);
	return 0;
}

static int on_look(sd_event_source *source, uint64_t usec, void *context)
{
	struct log_journal *j = context;
	int r;

	(void)usec;
	if (!j->journal && j->looks++ % TRY_AGAIN == 0) {
		r = open_journal(j);
		tell_fault(j, r < 0 ? r : 0);
		if (r < 0) {
			close_journal(j);
			j->looks = 1;
		}
	}
	if (j->journal) {
		sd_journal_process(j->journal);
		sd_event_source_set_enabled(j->work, SD_EVENT_ONESHOT);
	}
	sd_event_source_set_time_relative(source, LOOK_EVERY);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int copy_units(struct log_journal *j, const char *const unit[], unsigned int units,
		      const struct log_patterns *patterns)
{
	char *name = NULL;
	size_t size = 0;
	FILE *f;

	j->given = units != 0;
	while (!j->given && log_patterns_unit(patterns, units))
		units++;
	j->unit = calloc((size_t)units + 1, sizeof(*j->unit));
	f = j->unit ? open_memstream(&name, &size) : NULL;
	if (!f)
		return -ENOMEM;
	fprintf(f, "%s", j->directory ? j->directory : "system");
	for (unsigned int i = 0; i < units; i++) {
		j->unit[i] = strdup(j->given ? unit[i] : log_patterns_unit(patterns, i));
		if (!j->unit[i])
			break;
		j->units++;
		fprintf(f, " %s", j->unit[i]);
	}
	if (fclose(f) || j->units != units) {
		free(name);
		return -ENOMEM;
	}
	j->name = name;
	return 0;
}

int log_journal_open(sd_event *loop, const char *directory, const char *const unit[],
		     unsigned int units, const struct log_patterns *patterns,
		     struct log_positions *positions, const struct log_calls *calls,
		     struct log_journal **out, struct error *why)
{
	struct log_journal *j = calloc(1, sizeof(*j));
	struct log_calls own = {.event = on_event, .context = j};
	int err = 0;

	if (!j)
		return error_set(why, -ENOMEM, "cannot read the journal: no memory");
	j->loop = sd_event_ref(loop);
	j->positions = positions;
	j->calls = *calls;
	if (directory) {
		j->directory = strdup(directory);
		err = j->directory ? 0 : -ENOMEM;
	}
	if (!err)
		err = copy_units(j, unit, units, patterns);
	if (!err && !j->units)
		err = -EINVAL;
	if (!err)
		err = log_matcher_open(patterns, &own, &j->matcher, why);
	if (!err)
		err = sd_event_add_defer(loop, &j->work, on_work, j);
	if (err >= 0)
		err = sd_event_source_set_enabled(j->work, SD_EVENT_OFF);
	/* Packets' business goes first. */
	if (err >= 0)
		err = sd_event_source_set_priority(j->work, SD_EVENT_PRIORITY_IDLE);
	if (err >= 0)
		err = sd_event_add_time_relative(loop, &j->look, CLOCK_MONOTONIC, 0, LOOK_EVERY / 4,
						 on_look, j);
	if (err < 0) {
		log_journal_close(j);
		return error_set(why, err, "cannot read the journal: %s",
				 err == -EINVAL
					 ? "no unit is named, neither here nor in the patterns"
					 : strerror(-err));
	}
	*out = j;
	return 0;
}

void log_journal_close(struct log_journal *j)
{
	if (!j)
		return;
	close_journal(j);
	sd_event_source_disable_unref(j->look);
	sd_event_source_disable_unref(j->work);
	log_matcher_close(j->matcher);
	sd_event_unref(j->loop);
	for (unsigned int i = 0; i < j->units; i++)
		free(j->unit[i]);
	free(j->unit);
	free(j->directory);
	free(j->name);
	free(j);
}

void log_journal_state(const struct log_journal *j, struct log_state *out)
{
	*out = j->state;
}
