// SPDX-License-Identifier: GPL-2.0-only
/*
 * child.c - runs smtpwall commands as children, one after the other
 *
 * What parses hostile files and takes the wall lock for seconds stays out of the daemon: its memory
 * does not grow, its loop does not stall.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>
#include "../output.h"
#include "daemon.h"

extern char **environ;

#define OUTPUT_MAX 65536

struct job {
	struct job *next;
	char what[64];
	char *word[CHILD_WORDS + 1];
	void (*done)(struct daemon *d, int status);
};

struct children {
	struct job *queue, *running;
	int output;
	char line[512]; /* of the child's output, so far */
	size_t used, taken;
	char last[512]; /* its last sentence that was no note */
	sd_event_source *exit_source, *output_source;
};

static void job_free(struct job *job)
{
	for (size_t i = 0; job && job->word[i]; i++)
		free(job->word[i]);
	free(job);
}

static void take_line(struct children *c)
{
	static const char name[] = "smtpwall: ";
	char clean[sizeof(c->line)], *sentence = c->line;

	c->line[c->used] = '\0';
	c->used = 0;
	if (!strncmp(sentence, name, strlen(name)))
		sentence += strlen(name);
	if (!*sentence)
		return;
	text_clean(sentence, clean, sizeof(clean));
	if (strncmp(sentence, "note: ", 6) != 0)
		snprintf(c->last, sizeof(c->last), "%s", clean);
	log_line(LOG_INFO, "%s: %s", c->running->word[1], clean);
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *d = context;
	struct children *c = d->children;
	char part[512];
	ssize_t n = read(fd, part, sizeof(part));

	(void)events;
	if (n < 0 && errno == EAGAIN && source)
		return 0;
	if (n <= 0) {
		c->output_source = sd_event_source_disable_unref(c->output_source);
		return 0;
	}
	for (ssize_t i = 0; i < n && c->taken < OUTPUT_MAX; i++, c->taken++) {
		if (part[i] == '\n' || c->used == sizeof(c->line) - 1)
			take_line(c);
		if (part[i] != '\n')
			c->line[c->used++] = part[i];
	}
	return 0;
}

static void start_next(struct daemon *d);

static void finish(struct daemon *d, int status)
{
	struct children *c = d->children;
	struct job *job = c->running;

	while (c->output_source)
		on_output(NULL, c->output, 0, d);
	if (c->used)
		take_line(c);
	c->exit_source = sd_event_source_disable_unref(c->exit_source);
	if (c->output >= 0)
		close(c->output);
	c->output = -1;
	if (status)
		fault_set(d, job->what, "%s",
			  c->last[0] ? c->last : "the command failed without a word");
	else
		fault_clear(d, job->what);
	c->running = NULL;
	if (job->done)
		job->done(d, status);
	job_free(job);
	if (!d->exiting)
		start_next(d);
}

static int on_exit_of(sd_event_source *source, const siginfo_t *info, void *context)
{
	(void)source;
	finish(context, info->si_code == CLD_EXITED ? info->si_status : -1);
	return 0;
}

static int spawn(struct children *c, struct job *job, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int end[2], err;

	if (pipe2(end, O_CLOEXEC))
		return -errno;
	/* Our end only: a child that finds the pipe full waits instead of losing its words. */
	fcntl(end[0], F_SETFL, O_NONBLOCK);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, end[1], 1);
	posix_spawn_file_actions_adddup2(&actions, end[1], 2);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	err = posix_spawn(pid, "/proc/self/exe", &actions, &attributes, job->word, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	close(end[1]);
	if (err) {
		close(end[0]);
		return -err;
	}
	c->output = end[0];
	return 0;
}

static void start_next(struct daemon *d)
{
	struct children *c = d->children;
	struct job *job = c->queue;
	pid_t pid = -1;
	int err;

	if (c->running || !job)
		return;
	c->queue = job->next;
	c->running = job;
	c->used = c->taken = 0;
	c->last[0] = '\0';
	err = spawn(c, job, &pid);
	if (!err) {
		err = sd_event_add_child(d->loop, &c->exit_source, pid, WEXITED, on_exit_of, d);
		if (err < 0)
			kill(pid, SIGTERM);
	}
	if (err >= 0)
		err = sd_event_add_io(d->loop, &c->output_source, c->output, EPOLLIN, on_output, d);
	if (err < 0) {
		snprintf(c->last, sizeof(c->last), "cannot be started: %s", strerror(-err));
		finish(d, -1);
	}
}

static bool same(const struct job *job, char *const word[])
{
	size_t i = 0;

	while (job->word[i] && word[i] && !strcmp(job->word[i], word[i]))
		i++;
	return !job->word[i] && !word[i];
}

void child_words(const char *const word[], const char *argv[CHILD_WORDS + 1])
{
	const char *const place_words[] = {"-c",      place.config, "--pins", place.pins,
					   "--state", place.state,  NULL};
	size_t n = 0;

	argv[n++] = "smtpwall";
	for (size_t i = 0; word[i] && n < CHILD_WORDS - 6; i++)
		argv[n++] = word[i];
	for (size_t i = 0; place_words[i]; i++)
		argv[n++] = place_words[i];
	argv[n] = NULL;
}

void child_run(struct daemon *d, const char *what, const char *const word[],
	       void (*done)(struct daemon *d, int status))
{
	struct job *job = calloc(1, sizeof(*job)), **end = &d->children->queue;
	const char *argv[CHILD_WORDS + 1];

	if (!job)
		return;
	snprintf(job->what, sizeof(job->what), "%s", what);
	job->done = done;
	child_words(word, argv);
	for (size_t i = 0; argv[i]; i++)
		job->word[i] = strdup(argv[i]);
	for (; *end; end = &(*end)->next) {
		if (same(*end, job->word)) {
			job_free(job);
			return;
		}
	}
	*end = job;
	start_next(d);
}

void child_up(struct daemon *d, const char *what, void (*done)(struct daemon *d, int status))
{
	const char *word[] = {"up", "--configured", "--identity", NULL, NULL};
	char identity[24];

	snprintf(identity, sizeof(identity), "%llu", (unsigned long long)d->wall_identity);
	if (d->wall)
		word[3] = identity;
	else
		word[2] = NULL;
	child_run(d, what, word, done);
}

static int children_start(struct daemon *d, struct error *why)
{
	d->children = calloc(1, sizeof(*d->children));
	if (!d->children)
		return error_set(why, -ENOMEM, "out of memory");
	d->children->output = -1;
	return 0;
}

static void children_stop(struct daemon *d)
{
	struct children *c = d->children;

	if (!c)
		return;
	while (c->queue) {
		struct job *job = c->queue;

		c->queue = job->next;
		job_free(job);
	}
	/* A child that is at work finishes by itself: it holds its own locks. */
	job_free(c->running);
	sd_event_source_disable_unref(c->exit_source);
	sd_event_source_disable_unref(c->output_source);
	if (c->output >= 0)
		close(c->output);
	free(c);
	d->children = NULL;
}

const struct service service_children = {
	.name = "children", .start = children_start, .stop = children_stop};
