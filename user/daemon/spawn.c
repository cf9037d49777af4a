// SPDX-License-Identifier: GPL-2.0-only
/*
 * spawn.c - starts the process of a refusal listener: it inherits its sockets, a pair, and nothing else
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "refuse.h"

#define PAIR_BYTES 4194304 /* a question of each client at once, and the answers */

/* The listener looks it up once more, and sees to it that it is not root; but here it can be said well. */
int spawn_check_user(const char *name, struct error *why)
{
	const struct passwd *user;

	if (!name[strspn(name, "0123456789")])
		return 0;
	errno = 0;
	user = getpwnam(name);
	if (!user)
		return error_set(
			why, errno ? -errno : -ENOENT,
			"there is no user %s for the refusal listener: `useradd --system --no-create-home "
			"--shell /usr/sbin/nologin %s` makes it, refuse { user = ... } names another",
			name, name);
	if (!user->pw_uid || !user->pw_gid)
		return error_set(
			why, -EPERM,
			"the refusal listener meets strangers and does not run as %s, which "
			"has root's rights: name another in refuse { user = ... }",
			name);
	return 0;
}

static int user_id(const char *name, uid_t *out)
{
	const struct passwd *user;

	if (!name[strspn(name, "0123456789")]) {
		*out = (uid_t)strtoul(name, NULL, 10);
		return 0;
	}
	user = getpwnam(name);
	if (!user)
		return -ENOENT;
	*out = user->pw_uid;
	return 0;
}

void spawn_kill(const struct listener *l)
{
	pid_t helper;
	uid_t uid;

	if (l->pid <= 0 || !kill(l->pid, SIGKILL) || errno != EPERM || user_id(l->user, &uid))
		return;
	helper = fork();
	if (!helper) {
		if (!setresuid(uid, uid, uid))
			kill(l->pid, SIGKILL);
		_exit(0);
	}
	while (helper > 0 && waitpid(helper, NULL, 0) < 0 && errno == EINTR)
		;
}

static int out_of_the_way(int *fd)
{
	int up = fcntl(*fd, F_DUPFD_CLOEXEC, LISTENER_FIRST_FREE);

	if (up < 0)
		return -errno;
	close(*fd);
	*fd = up;
	return 0;
}

/* `theirs` and the sockets are closed by the caller. */
static int spawn(struct listener *l, int theirs, int output, const int fd[REFUSE_SOCKETS])
{
	static const int at[REFUSE_SOCKETS] = {
		[REFUSE_V4] = LISTENER_V4, [REFUSE_V6] = LISTENER_V6}; /* closed: there is none */
	char clients[16];
	char *argv[] = {"smtpwall", "refusal-listener", l->user, clients, NULL};
	char *nothing[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int err;

	snprintf(clients, sizeof(clients), "%u", l->clients);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, 1);
	posix_spawn_file_actions_adddup2(&actions, output, 2);
	posix_spawn_file_actions_adddup2(&actions, theirs, LISTENER_PAIR);
	for (int i = 0; i < REFUSE_SOCKETS; i++) {
		if (fd[i] >= 0)
			posix_spawn_file_actions_adddup2(&actions, fd[i], at[i]);
		else
			posix_spawn_file_actions_addclose(&actions, at[i]);
	}
	/* Nothing that somebody left open for the daemon. */
	posix_spawn_file_actions_addclosefrom_np(&actions, LISTENER_FIRST_FREE);
	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setpgroup(&attributes, 0); /* the terminal's Ctrl-C is for the daemon */
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	err = posix_spawn(&l->pid, "/proc/self/exe", &actions, &attributes, argv, nothing);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		l->pid = 0;
	return -err;
}

static int make_ends(struct listener *l, int *theirs, int *output)
{
	int pair[2], pipe[2], bytes = PAIR_BYTES;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	l->pair = pair[0];
	*theirs = pair[1];
	for (int i = 0; i < 2; i++)
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	if (pipe2(pipe, O_CLOEXEC))
		return -errno;
	l->output = pipe[0];
	*output = pipe[1];
	return fcntl(l->output, F_SETFL, O_NONBLOCK) ? -errno : 0;
}

int spawn_listener(struct listener *l, int fd[REFUSE_SOCKETS])
{
	int theirs = -1, output = -1, err = make_ends(l, &theirs, &output);

	if (!err)
		err = out_of_the_way(&theirs);
	if (!err)
		err = out_of_the_way(&output);
	for (int i = 0; !err && i < REFUSE_SOCKETS; i++)
		if (fd[i] >= 0)
			err = out_of_the_way(&fd[i]);
	if (!err)
		err = spawn(l, theirs, output, fd);
	if (theirs >= 0)
		close(theirs);
	if (output >= 0)
		close(output);
	return err;
}
