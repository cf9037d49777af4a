/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inside.h - what the files of this room know of each other
 */
#ifndef SMTPWALL_USER_LOGS_INSIDE_H
#define SMTPWALL_USER_LOGS_INSIDE_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>
#include "logs.h"

/* --- set.c: one file of patterns -------------------------------------------------------------- */

/* X(number, name of the group) */
#define LOG_GROUP_NAMES(X)                                                                         \
	X(GROUP_ADDRESS, "address")                                                                \
	X(GROUP_SESSION, "session")                                                                \
	X(GROUP_ACCOUNT, "account")                                                                \
	X(GROUP_TEXT, "text")                                                                      \
	X(GROUP_QUEUE, "queue")                                                                    \
	X(GROUP_RECIPIENT, "recipient")                                                            \
	X(GROUP_ORIGINAL, "original")                                                              \
	X(GROUP_RELAY, "relay")

enum log_group {
#define X(number, name) number,
	LOG_GROUP_NAMES(X)
#undef X
		GROUPS
};

enum log_kind {
	KIND_OFFENCE,
	KIND_LOGIN,
	KIND_LOGIN_POP,
	KIND_CONNECT,
	KIND_DISCONNECT,
	KIND_CLIENT,
	KIND_MAIL,
	KIND_SENT,
	KIND_DONE,
	KINDS
};

struct log_pattern {
	enum log_kind kind;
	enum offence offence;
	pcre2_code *code;
	uint32_t group[GROUPS]; /* its number; 0: the pattern has none */
	unsigned int tag;	/* which of the set's tags it is for */
};

/* Parentheses a pattern may have: the width of the one vector for all of them. */
#define LOG_PARENTHESES 31u
#define LOG_SET_UNITS	16u
#define LOG_SET_TAGS	16u

struct log_set {
	char *name;
	char *unit[LOG_SET_UNITS];
	unsigned int units;
	pcre2_code *tag[LOG_SET_TAGS];
	unsigned int tags;
	struct log_pattern *pattern;
	unsigned int patterns;
};

/* Reads NAME.conf; -EINVAL with "path:line: sentence", or what opening it said. */
int log_set_read(const char *path, const char *name, struct log_set *out, struct error *why);
void log_set_clear(struct log_set *set);

/* --- patterns.c ------------------------------------------------------------------------------- */

struct log_patterns {
	struct log_set *set;
	unsigned int sets;
	const char **unit; /* of all sets, each once; borrowed from them */
	unsigned int units;
};

/* --- join.c ----------------------------------------------------------------------------------- */

#define LOG_JOINS 4096u

struct log_joined {
	struct address source;
	char account[LOG_ACCOUNT];
	bool mailed; /* this message has been told of */
};

enum log_join_kind { JOIN_SESSION, JOIN_QUEUE };

struct log_join;

struct log_join *log_join_open(void); /* NULL: no memory */
void log_join_close(struct log_join *join);
/* The entry of that id in that set, made anew if it is there already. The oldest one makes room. NULL
 * if the id is empty or too long. Good until the next call. */
struct log_joined *log_join_put(struct log_join *join, unsigned int set, enum log_join_kind kind,
				const char *id, size_t size);
struct log_joined *log_join_find(struct log_join *join, unsigned int set, enum log_join_kind kind,
				 const char *id, size_t size);
void log_join_drop(struct log_join *join, unsigned int set, enum log_join_kind kind, const char *id,
		   size_t size);

/* --- time.c ----------------------------------------------------------------------------------- */

/* Reads an Exim time at the beginning of `text`: its length with the space behind it, or 0. */
size_t log_time_skip(const char *text, size_t size, int64_t *when);

/* us of the wall clock */
int64_t log_now(void);

/* --- positions.c ------------------------------------------------------------------------------ */

#define LOG_HEAD 256u /* so many first bytes tell a file from another one with its number */

struct log_place {
	uint64_t device, inode, offset;
	uint32_t head; /* how many of the first bytes the hash is of */
	uint64_t hash;
};

#define LOG_CURSOR 512

/* False: nothing is known of `name`. */
bool log_positions_place(const struct log_positions *positions, const char *name,
			 struct log_place *out);
void log_positions_set_place(struct log_positions *positions, const char *name,
			     const struct log_place *place);
bool log_positions_cursor(const struct log_positions *positions, const char *name,
			  char cursor[LOG_CURSOR], int64_t *when);
void log_positions_set_cursor(struct log_positions *positions, const char *name, const char *cursor,
			      int64_t when);

/* FNV-1a, 64 bits. */
uint64_t log_hash(const void *data, size_t size);

/* --- readers ---------------------------------------------------------------------------------- */

/* Work of one turn of the event loop: bytes, and us whatever the lines cost. */
#define LOG_TURN_BYTES (1u << 20)
#define LOG_TURN_US    50000u

/* Keeps the state's fault and tells when it changes. `sentence` NULL: well. */
void log_fault(struct log_state *state, const struct log_calls *calls, const char *name,
	       const char *sentence);
uint64_t log_monotonic(void); /* us */

#endif
