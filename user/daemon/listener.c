// SPDX-License-Identifier: GPL-2.0-only
/*
 * listener.c - one refusal listener: a child with two sockets and a pair, and nothing else of ours
 *
 * Its memory is its own, its user another, and what it says is not believed: a record of the wrong
 * shape ends it. When the daemon dies the pair is closed, and it ends by itself.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>
#include "../clock.h"
#include "../output.h"
#include "refuse.h"

#define RECORDS_ONCE	64 /* then others have their turn */
#define ASK_MS		2000
#define TARPIT_EVERY_MS 1000
#define MISSED_MAX	4
#define LET_GO_US	10000000
#define FINISH_MS	1000
#define SAID_MAX	65536 /* bytes that it may write; more is not read */

/* --- records ---------------------------------------------------------------------------------- */

static bool send_record(struct listener *l, struct refuse_record *record)
{
	record->magic = REFUSE_MAGIC;
	return l->pair >= 0 && send(l->pair, record, sizeof(*record),
				    MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(*record);
}

void listener_setup(struct listener *l)
{
	const struct config *c = l->d->config;
	uint32_t clients = (uint32_t)c->refuse_clients;
	struct refuse_record record = {
		.kind = REFUSE_SETUP,
		.setup =
			{
				.clients = clients < l->clients ? clients : l->clients,
				.timeout_ms = (uint32_t)c->refuse_timeout * 1000,
				.ask_timeout_ms = ASK_MS,
				.tarpit_clients = (uint32_t)c->refuse_tarpit_clients,
				.tarpit_ms = (uint32_t)c->refuse_tarpit_seconds * 1000,
				.at = c->refuse_at,
				.tarpit_every_ms = TARPIT_EVERY_MS,
			},
	};

	send_record(l, &record);
}

/* Where there is no room it asks for too much at once; the client is told 421. */
void listener_answer(struct listener *l, struct refuse_record *answer)
{
	answer->kind = REFUSE_ANSWER;
	send_record(l, answer);
}

bool listener_ping(struct listener *l)
{
	struct refuse_record record = {.kind = REFUSE_PING, .id = l->ping + 1};

	if (l->missed >= MISSED_MAX)
		return false;
	l->missed++;
	if (send_record(l, &record))
		l->ping++;
	return true;
}

static bool take_record(struct listener *l, const struct refuse_record *record)
{
	switch (record->kind) {
	case REFUSE_ASK:
		asked(l, record);
		return true;
	case REFUSE_END:
		if (record->end.end >= REFUSE_ENDS)
			return false;
		refuse_over(l, record);
		return true;
	case REFUSE_PING:
		if (!record->id || record->id > l->ping)
			return false;
		l->missed = 0;
		refuse_well(l, record);
		return true;
	default:
		return false;
	}
}

/* False: there is no more, now or ever. */
static bool read_record(struct listener *l)
{
	struct refuse_record record;
	ssize_t n = recv(l->pair, &record, sizeof(record), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) { /* the process tells how it ended */
		l->records = sd_event_source_disable_unref(l->records);
		return false;
	}
	if (n == sizeof(record) && record.magic == REFUSE_MAGIC && take_record(l, &record))
		return true;
	refuse_ill(l, "it said something that is no record");
	return false;
}

static int on_record(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct listener *l = context;

	(void)source;
	(void)fd;
	(void)events;
	for (int i = 0; i < RECORDS_ONCE && l->pair >= 0 && read_record(l); i++)
		;
	return 0;
}

/* --- what it says, how it ends ---------------------------------------------------------------- */

static void take_line(struct listener *l)
{
	static const char name[] = "smtpwall: ";
	const char *sentence = l->line;

	l->line[l->used] = '\0';
	l->used = 0;
	if (!strncmp(sentence, name, strlen(name)))
		sentence += strlen(name);
	if (!*sentence)
		return;
	text_clean(sentence, l->said, sizeof(l->said));
	log_line(LOG_INFO, "listener: %s", l->said);
}

static int on_words(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct listener *l = context;
	char part[256];
	ssize_t n = read(fd, part, sizeof(part));

	(void)events;
	if (n < 0 && errno == EAGAIN && source)
		return 0;
	if (n <= 0 || l->taken >= SAID_MAX) {
		l->words = sd_event_source_disable_unref(l->words);
		return 0;
	}
	l->taken += (size_t)n;
	for (ssize_t i = 0; i < n; i++) {
		if (part[i] == '\n' || l->used == sizeof(l->line) - 1)
			take_line(l);
		if (part[i] != '\n')
			l->line[l->used++] = part[i];
	}
	return 0;
}

static int on_exit_of(sd_event_source *source, const siginfo_t *info, void *context)
{
	struct listener *l = context;
	char how[sizeof(l->said) + 64];

	(void)source;
	while (l->words)
		on_words(NULL, l->output, 0, l);
	if (l->used)
		take_line(l);
	if (l->said[0])
		snprintf(how, sizeof(how), "%s", l->said);
	else
		snprintf(how, sizeof(how), "%s %d",
			 info->si_code == CLD_EXITED ? "status" : "signal", info->si_status);
	l->pid = 0;
	refuse_ended(l, how);
	return 0;
}

/* --- start ------------------------------------------------------------------------------------ */

static int watch(struct listener *l)
{
	sd_event *loop = l->d->loop;
	int err = sd_event_add_child(loop, &l->exit, l->pid, WEXITED, on_exit_of, l);

	if (err >= 0)
		err = sd_event_add_io(loop, &l->words, l->output, EPOLLIN, on_words, l);
	if (err >= 0)
		err = sd_event_add_io(loop, &l->records, l->pair, EPOLLIN, on_record, l);
	return err;
}

int listener_start(struct daemon *d, struct listener **out, struct error *why)
{
	struct listener *l = calloc(1, sizeof(*l));
	int fd[REFUSE_SOCKETS], err;

	if (!l)
		return error_set(why, -ENOMEM, "out of memory");
	*l = (struct listener){.d = d, .pair = -1, .output = -1, .started = clock_boot()};
	l->clients = (uint32_t)d->config->refuse_clients;
	snprintf(l->user, sizeof(l->user), "%s", d->config->refuse_user);
	err = spawn_check_user(l->user, why);
	if (err)
		goto fail;
	err = sockets_make(l->clients, fd, why);
	if (err)
		goto fail;
	err = sockets_place(d->wall, fd, why);
	if (!err) {
		err = spawn_listener(l, fd);
		if (!err)
			err = watch(l);
		if (err < 0) {
			error_set(why, err, "the refusal listener cannot be started: %s",
				  strerror(-err));
			sockets_take(d->wall);
		}
	}
	sockets_close(fd);
	if (err)
		goto fail;
	listener_setup(l);
	listener_ping(l);
	*out = l;
	return 0;
fail:
	listener_free(l);
	return err;
}

/* --- end -------------------------------------------------------------------------------------- */

static void close_pair(struct listener *l)
{
	l->records = sd_event_source_disable_unref(l->records);
	if (l->pair >= 0)
		close(l->pair);
	l->pair = -1;
}

static int on_let_go(sd_event_source *source, uint64_t usec, void *context)
{
	(void)source;
	(void)usec;
	listener_abandon(context);
	return 0;
}

void listener_let_go(struct listener *l)
{
	l->let_go = true;
	if (sd_event_add_time_relative(l->d->loop, &l->close, CLOCK_MONOTONIC, LET_GO_US, 0,
				       on_let_go, l) < 0)
		close_pair(l);
}

void listener_abandon(struct listener *l)
{
	l->let_go = true;
	close_pair(l);
	spawn_kill(l);
}

void listener_finish(struct listener *l)
{
	const struct refuse_health *health = l->d->refusing->health;
	uint64_t ping = l->ping;

	for (int ms = 0; ms < FINISH_MS && l->records &&
			 (l->ping == ping || l->missed || (health && health->clients));
	     ms += FINISH_MS / 20) {
		l->missed = 0;
		listener_ping(l);
		/* A ping comes back at once; what is waited for is that its clients go. */
		poll(NULL, 0, FINISH_MS / 20);
		on_record(NULL, l->pair, 0, l);
	}
}

void listener_free(struct listener *l)
{
	if (!l)
		return;
	asked_forget(l);
	close_pair(l);
	sd_event_source_disable_unref(l->exit);
	sd_event_source_disable_unref(l->words);
	sd_event_source_disable_unref(l->close);
	if (l->output >= 0)
		close(l->output);
	free(l);
}
