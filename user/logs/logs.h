/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * logs.h - what a mail server's log tells of its clients (PCRE2, sd-journal, inotify)
 *
 *   patterns  small data files: which lines mean what, and where in them the client's address stands
 *   time      a line of a file becomes its time, its syslog tag and its message
 *   join      which address a session or a message in the queue belongs to
 *   match     a line becomes events
 *   positions how far each log was read, so that a restart counts nothing twice
 *   file      follows a plain file through rotation
 *   journal   follows the system's journal
 *
 * Knows no maps and no daemon: the daemon's service of that name joins it to them. Everything in a
 * line but its place is the work of strangers: what an event carries is as the line has it, unsafe
 * for a terminal, and an address is taken only from where the server itself puts it.
 */
#ifndef SMTPWALL_USER_LOGS_H
#define SMTPWALL_USER_LOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include <smtpwall/abuse.h>
#include "../text.h"

/* --- events ----------------------------------------------------------------------------------- */

enum log_what {
	LOGGED_OFFENCE, /* offence, source, text; account if the line has it */
	LOGGED_LOGIN,	/* source, account, pop */
	LOGGED_MAIL,	/* a message from that source was accepted; queue if the line has it */
	LOGGED_CLIENT,	/* the message `queue` is from `source`; account: "" if it did not log in */
	LOGGED_SENT,	/* the message `queue` left to `recipient`; changed, relay; no source */
};

#define LOG_ACCOUNT   128
#define LOG_QUEUE     64
#define LOG_RECIPIENT 320

struct log_event {
	enum log_what what;
	enum offence offence;  /* LOGGED_OFFENCE */
	struct address source; /* folded; all but LOGGED_SENT */
	bool pop;	       /* LOGGED_LOGIN: to a POP or IMAP server */
	int64_t when;	       /* the line's own time: us of the wall clock, never in the future */
	char text[EVIDENCE_TEXT]; /* the server's reply if the line has it, otherwise the message */
	char account[LOG_ACCOUNT];
	char queue[LOG_QUEUE];
	char recipient[LOG_RECIPIENT];
	bool changed;	      /* LOGGED_SENT: the client gave another recipient (alias, forward) */
	struct address relay; /* LOGGED_SENT: the server that took it, if `relay_known` */
	bool relay_known;
};

/* Whom a log reader tells. Called from the event loop; must not close the reader that calls. */
struct log_calls {
	void (*event)(void *context, const struct log_event *event);
	/* The log `name` (a path, or "journal") cannot be read, or (sentence NULL) can again. Called only
	 * when that changes. May be NULL. */
	void (*fault)(void *context, const char *name, const char *sentence);
	void *context;
};

/* --- patterns --------------------------------------------------------------------------------- */

/* Where `make install` puts the sets that come along; an administrator's own stand in front of it. */
#ifndef PATTERNS_DIR
#define PATTERNS_DIR "/usr/local/share/smtpwall/patterns"
#endif
#define PATTERNS_DIR_OWN "/etc/smtpwall/patterns"

struct log_patterns;

/*
 * Loads the sets NAME.conf of `name`, or (names == 0) all that there are, from the directories; of
 * two files with the same name the one in the earlier directory counts. A set with a bad line is left
 * out as a whole, and `bad` (may be NULL) is told "file:line: sentence"; also of a name that is nowhere.
 * Returns how many sets are usable, perhaps 0, or -ENOMEM with a sentence.
 */
int log_patterns_load(const char *const directory[], unsigned int directories,
		      const char *const name[], unsigned int names,
		      void (*bad)(void *context, const char *sentence), void *context,
		      struct log_patterns **out, struct error *why);
/* Not before all readers that use them are closed. NULL allowed. */
void log_patterns_free(struct log_patterns *patterns);

/* Names of the usable sets; units of all of them, each once. NULL behind the last. */
const char *log_patterns_name(const struct log_patterns *patterns, unsigned int i);
const char *log_patterns_unit(const struct log_patterns *patterns, unsigned int i);

/* --- time ------------------------------------------------------------------------------------- */

#define LOG_LINE 8192 /* longer lines are skipped */

/* A line in its parts. The texts are not terminated and point into the line. */
struct log_line {
	int64_t when;	 /* us of the wall clock */
	const char *tag; /* without [pid]; empty where the line has none */
	size_t tag_size;
	const char *message;
	size_t message_size;
};

/*
 * Takes a line of a file apart: syslog's old form ("Mmm dd hh:mm:ss host tag[pid]: ", local time, the
 * year guessed: the latest one that is not in the future), ISO 8601, or Exim's own. `now`: us of the
 * wall clock. A line without a time, or from the future, has the time `now`.
 */
void log_line_split(const char *line, size_t size, int64_t now, struct log_line *out);

/* --- match ------------------------------------------------------------------------------------ */

/* Patterns with a memory: one for each log. */
struct log_matcher;

int log_matcher_open(const struct log_patterns *patterns, const struct log_calls *calls,
		     struct log_matcher **out, struct error *why);
void log_matcher_close(struct log_matcher *matcher); /* NULL allowed */

/*
 * Calls `event` for what the line says. `unit`: only sets that name this unit (of the journal); NULL:
 * all of them. Bounded work whatever the line is.
 */
void log_matcher_line(struct log_matcher *matcher, const char *unit, const struct log_line *line);

/* --- positions -------------------------------------------------------------------------------- */

struct log_positions;

/* Reads `path` (STATE/log-positions); one that is missing or unreadable is an empty one. -ENOMEM. */
int log_positions_open(const char *path, struct log_positions **out, struct error *why);
/* Writes it if something changed and (unless `now`) the last time was a minute ago: to be called each
 * second or so, and with `now` at the end, when the readers are closed. */
int log_positions_save(struct log_positions *positions, bool now, struct error *why);
/* Writes nothing: close the readers, save, then this. NULL allowed. */
void log_positions_close(struct log_positions *positions);

/* --- readers ---------------------------------------------------------------------------------- */

/* For `status`. */
struct log_state {
	uint64_t lines;	  /* read since the start */
	uint64_t events;  /* found in them */
	uint64_t skipped; /* lines that were too long */
	uint64_t
		suppressed; /* journal: messages of our units that journald dropped (its rate limit) */
	int64_t last;	    /* the last line's time, us of the wall clock; 0: none yet */
	bool well;
	char fault[512]; /* why it is not well */
};

struct log_file;

/*
 * Follows the file `path`, which need not be there yet. Begins where `positions` (NULL: nothing is
 * remembered) says it ended, the first time at its end. Does nothing before the loop runs.
 */
int log_file_open(sd_event *loop, const char *path, const struct log_patterns *patterns,
		  struct log_positions *positions, const struct log_calls *calls,
		  struct log_file **out, struct error *why);
void log_file_close(struct log_file *file); /* NULL allowed; leaves its place in the positions */
void log_file_state(const struct log_file *file, struct log_state *out);

struct log_journal;

/*
 * Follows the units in the journal of this system (`directory` NULL) or in that directory; with
 * units == 0 those that the patterns name. Units that are given need not stand in the patterns: all
 * sets are tried on them then. No journal is not an error here, but a fault that the reader tells, and
 * it looks again from time to time.
 */
int log_journal_open(sd_event *loop, const char *directory, const char *const unit[],
		     unsigned int units, const struct log_patterns *patterns,
		     struct log_positions *positions, const struct log_calls *calls,
		     struct log_journal **out, struct error *why);
void log_journal_close(struct log_journal *journal); /* NULL allowed */
void log_journal_state(const struct log_journal *journal, struct log_state *out);

#endif
