// SPDX-License-Identifier: GPL-2.0-only
/*
 * logs.c - the readers of the mail server's logs: which, and are they well?
 *
 * For what is encrypted on the wire. They are open only while a wall is up: what is written meanwhile is
 * read afterwards, from where the reading ended, and every line counts at its own time.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "../output.h"
#include "logs.h"

#define JOURNAL	 "journal"
#define QUIET_NS (3600 * SECOND_NS)
#define SETS	 4 /* directories of patterns */
#define SAVE_NS	 (5 * SECOND_NS)

struct log_reader {
	struct daemon *d;
	char name[POLICY_NAME];
	bool implied; /* not configured: it need not be there */
	struct log_patterns *patterns;
	struct log_file *file; /* one of the two, NULL: it could not be opened */
	struct log_journal *journal;
	uint64_t suppressed; /* when it was last looked at */
	uint64_t told;	     /* boot clock, ns: suppressed messages were last told; 0: no fault */
};

struct log_readers {
	struct log_positions *positions;
	struct log_reader reader[CONFIG_LOGS];
	unsigned int count;
};

/* --- faults ----------------------------------------------------------------------------------- */

static void log_what(const struct log_reader *r, const char *begin, char *what, size_t size)
{
	snprintf(what, size, "%s %s", begin, r->name);
}

static void on_fault(void *context, const char *name, const char *sentence)
{
	struct log_reader *r = context;
	char what[64], clean[256];

	(void)name;
	log_what(r, "log", what, sizeof(what));
	if (!sentence)
		fault_clear(r->d, what);
	else if (r->implied)
		log_line(LOG_INFO, "log name=%s text=\"%s\"", r->name,
			 text_clean(sentence, clean, sizeof(clean)));
	else
		fault_set(r->d, what, "%s", text_clean(sentence, clean, sizeof(clean)));
}

static void on_bad_pattern(void *context, const char *sentence)
{
	struct log_reader *r = context;
	char what[64], clean[256];

	log_what(r, "patterns of log", what, sizeof(what));
	fault_set(r->d, what, "%s; this set is not used",
		  text_clean(sentence, clean, sizeof(clean)));
}

static void tell_suppressed(struct log_reader *r)
{
	uint64_t now = clock_boot(), more;
	struct log_state state;
	char what[64];

	if (!r->journal)
		return;
	log_journal_state(r->journal, &state);
	more = state.suppressed - r->suppressed;
	r->suppressed = state.suppressed;
	log_what(r, "suppressed in log", what, sizeof(what));
	if (more) {
		r->told = now;
		fault_set(
			r->d, what,
			"journald has dropped %llu messages of the mail server since the start, by "
			"its rate limit: offences in encrypted sessions may go unseen; see "
			"RateLimitBurst= in journald.conf(5)",
			(unsigned long long)state.suppressed);
	} else if (r->told && now > r->told + QUIET_NS) {
		r->told = 0;
		fault_clear(r->d, what);
	}
}

/* --- opening and closing ---------------------------------------------------------------------- */

/* The administrator's own patterns stand beside the configuration; tests and runs from the build tree name
 * a directory. */
static int load_patterns(struct log_reader *r, const struct config_log *log, struct error *why)
{
	const char *directory[SETS], *name[CONFIG_LOG_WORDS], *environment;
	const char *slash = strrchr(place.config, '/');
	unsigned int directories = 0, names = 0;
	char beside[PATH_MAX];
	int usable;

	environment = getenv("SMTPWALL_PATTERNS");
	if (environment && *environment)
		directory[directories++] = environment;
	snprintf(beside, sizeof(beside), "%.*spatterns",
		 slash ? (int)(slash - place.config) + 1 : 0, place.config);
	directory[directories++] = beside;
	directory[directories++] = PATTERNS_DIR;
	for (; log && names < log->patterns; names++)
		name[names] = log->pattern[names];
	usable = log_patterns_load(directory, directories, name, names, on_bad_pattern, r,
				   &r->patterns, why);
	if (usable < 0)
		return usable;
	if (!usable)
		return error_set(
			why, -ENOENT,
			"there are no usable sets of patterns in %s and %s: this log is not "
			"read",
			beside, PATTERNS_DIR);
	return 0;
}

static int open_reader(struct log_reader *r, const struct config_log *log, struct error *why)
{
	const struct log_calls calls = {.event = logged, .fault = on_fault, .context = r};
	const char *unit[CONFIG_LOG_WORDS];
	unsigned int units = 0;
	int err = load_patterns(r, log, why);

	if (err)
		return err;
	if (log && log->file)
		return log_file_open(r->d->loop, log->file, r->patterns,
				     r->d->logs->readers->positions, &calls, &r->file, why);
	for (; log && units < log->units; units++)
		unit[units] = log->unit[units];
	return log_journal_open(r->d->loop, NULL, unit, units, r->patterns,
				r->d->logs->readers->positions, &calls, &r->journal, why);
}

static void add_reader(struct daemon *d, const struct config_log *log)
{
	struct log_readers *f = d->logs->readers;
	struct log_reader *r = &f->reader[f->count++];
	struct error why;

	*r = (struct log_reader){.d = d, .implied = !log};
	snprintf(r->name, sizeof(r->name), "%s", log ? log->name : JOURNAL);
	if (open_reader(r, log, &why))
		on_fault(r, r->name, why.text);
}

static void open_all(struct daemon *d)
{
	struct log_readers *f = d->logs->readers;
	char path[PATH_MAX];
	struct error why;

	snprintf(path, sizeof(path), "%s/log-positions", place.state);
	if (log_positions_open(path, &f->positions, &why)) {
		fault_set(d, "logs", "%s", why.text);
		return;
	}
	for (unsigned int i = 0; i < d->config->logs; i++)
		add_reader(d, &d->config->log[i]);
	if (!d->config->logs && d->config->read_logs)
		add_reader(d, NULL);
}

static void save_positions(struct daemon *d, bool now)
{
	struct error why;

	if (!d->logs->readers->positions)
		return;
	if (log_positions_save(d->logs->readers->positions, now, &why))
		fault_set(d, "log positions",
			  "after a restart lines of a log may be counted twice or not at all: %s",
			  why.text);
	else
		fault_clear(d, "log positions");
}

static void close_all(struct daemon *d)
{
	struct log_readers *f = d->logs->readers;

	for (unsigned int i = 0; i < f->count; i++) {
		log_file_close(f->reader[i].file);
		log_journal_close(f->reader[i].journal);
		log_patterns_free(f->reader[i].patterns);
	}
	f->count = 0;
	save_positions(d, true);
	log_positions_close(f->positions);
	f->positions = NULL;
}

struct daemon *logs_daemon(void *reader)
{
	return ((struct log_reader *)reader)->d;
}

/* --- the service ------------------------------------------------------------------------------ */

static void logs_wall(struct daemon *d)
{
	close_all(d);
	relay_wall(d);
	if (d->wall)
		open_all(d);
}

/* What was wrong with logs that are not read any more is nobody's business. */
static void logs_reload(struct daemon *d)
{
	close_all(d);
	fault_clear_all(d, "log ");
	fault_clear_all(d, "patterns of log ");
	fault_clear_all(d, "suppressed in log ");
	relay_reload(d);
	if (d->wall)
		open_all(d);
}

/* What was charged must not be charged again by a daemon that follows one that crashed. */
static void logs_second(struct daemon *d)
{
	if (!d->wall || !d->logs->charged || clock_boot() < d->logs->saved + SAVE_NS)
		return;
	d->logs->charged = false;
	d->logs->saved = clock_boot();
	save_positions(d, true);
}

static void logs_tick(struct daemon *d)
{
	if (!d->wall)
		return;
	for (unsigned int i = 0; i < d->logs->readers->count; i++)
		tell_suppressed(&d->logs->readers->reader[i]);
	save_positions(d, false);
	logged_tell(d);
	relay_tick(d);
}

static int logs_start(struct daemon *d, struct error *why)
{
	d->logs = calloc(1, sizeof(*d->logs));
	if (d->logs) {
		d->logs->readers = calloc(1, sizeof(*d->logs->readers));
		d->logs->accounts = accounts_new();
	}
	if (!d->logs || !d->logs->readers || !d->logs->accounts)
		return error_set(why, -ENOMEM, "out of memory");
	return relay_start(d, why);
}

static void logs_stop(struct daemon *d)
{
	if (!d->logs)
		return;
	if (d->logs->readers)
		close_all(d);
	relay_stop(d);
	accounts_free(d->logs->accounts);
	free(d->logs->readers);
	free(d->logs);
	d->logs = NULL;
}

const struct service service_logs = {
	.name = "logs",
	.start = logs_start,
	.reload = logs_reload,
	.second = logs_second,
	.tick = logs_tick,
	.wall = logs_wall,
	.stop = logs_stop,
};
