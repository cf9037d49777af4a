// SPDX-License-Identifier: GPL-2.0-only
/*
 * refusal_listener.c - smtpwall refusal-listener USER CLIENTS: the process that tells refused clients why
 *
 * Started by the daemon, as root, with
 *   USER     whom it runs as: a name, or a number that is user and group; never root
 *   CLIENTS  how many connections it may hold at once, 1 to 65535
 * and these descriptors, which are inherited (enum in refuse/refuse.h):
 *   0, 1, 2  as the daemon likes; sentences go to 2
 *   3        its end of the socket pair (AF_UNIX, SOCK_SEQPACKET)
 *   4        the listening socket for IPv4; closed: there is none
 *   5        the listening socket for IPv6; closed: there is none
 * All others are closed. It ends with status 0 when the pair is closed, with 1 and a sentence when it
 * cannot start or the daemon talks nonsense, with 2 when the command line is wrong or it was run by hand, and
 * by SIGSYS at the first system call that a listener has no need of.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "../output.h"
#include "commands.h"

const char help_refusal_listener[] =
	"usage: smtpwall refusal-listener USER CLIENTS\n\n"
	"Tells refused clients why. The daemon starts it, with the sockets it needs; by hand it\n"
	"does nothing. `smtpwall status` shows whether it runs.\n";

/* Is this descriptor a socket of that family, and does it listen as it should? */
static bool is_socket(int fd, int family, int type, bool listens)
{
	int is_family = 0, is_type = 0, is_listening = 0;
	socklen_t size = sizeof(int);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &is_family, &size) &&
	       !getsockopt(fd, SOL_SOCKET, SO_TYPE, &is_type, &size) &&
	       !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) &&
	       is_family == family && is_type == type && !is_listening == !listens;
}

/* -1: closed. What is open and no listening socket of the family is a mistake of who started this. */
static int listening(int fd, int family, int *out, struct error *why)
{
	if (is_socket(fd, family, SOCK_STREAM, true)) {
		*out = fd;
		return 0;
	}
	if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
		*out = -1;
		return 0;
	}
	return error_set(why, -ENOTSOCK, "descriptor %d is no listening socket of its family", fd);
}

static bool number(const char *text, unsigned long most, unsigned long *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoul(text, &end, 10);
	return !*end && !errno && *out <= most;
}

static int find_user(const char *name, uid_t *uid, gid_t *gid, struct error *why)
{
	const struct passwd *user;
	unsigned long n;
	char shown[64];

	if (number(name, UINT32_MAX - 1, &n)) {
		*uid = (uid_t)n;
		*gid = (gid_t)n;
	} else if ((user = getpwnam(name))) {
		*uid = user->pw_uid;
		*gid = user->pw_gid;
	} else {
		return error_set(why, -ENOENT,
				 "there is no user \"%s\" for the refusal listener: make it "
				 "(systemd-sysusers does), or set refuse { user }",
				 text_clean(name, shown, sizeof(shown)));
	}
	return 0;
}

int command_refusal_listener(int argc, char **argv)
{
	unsigned long clients = 0;
	struct error why;
	uid_t uid = 0; /* refused */
	gid_t gid = 0;
	int v4 = -1, v6 = -1;

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(help_refusal_listener, stdout);
		return STATUS_DONE;
	}
	if (!is_socket(LISTENER_PAIR, AF_UNIX, SOCK_SEQPACKET, false)) {
		complain(
			"refusal-listener is started by `smtpwall daemon` and is of no use by hand; "
			"`smtpwall status` shows whether it runs");
		return STATUS_USAGE;
	}
	if (argc != 3 || !number(argv[2], LISTENER_CLIENTS, &clients) || !clients)
		return usage("refusal-listener", "want a user and 1 to %d clients",
			     LISTENER_CLIENTS);
	if (listening(LISTENER_V4, AF_INET, &v4, &why) ||
	    listening(LISTENER_V6, AF_INET6, &v6, &why) || find_user(argv[1], &uid, &gid, &why))
		return fail(&why);
	/* It was started by /proc/self/exe, and an administrator looks for it by name. */
	prctl(PR_SET_NAME, "smtpwall-refuse");
	if (close_range(LISTENER_FIRST_FREE, ~0U, 0)) {
		complain("cannot close inherited files: %s", strerror(errno));
		return STATUS_FAILED;
	}
	if (sandbox_enter(uid, gid, (unsigned int)clients + LISTENER_FILES, &why) ||
	    listener_run(LISTENER_PAIR, v4, v6, &why))
		return fail(&why);
	return STATUS_DONE;
}
