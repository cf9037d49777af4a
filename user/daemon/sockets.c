// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockets.c - the refusal listener's two listening sockets
 *
 * Bound to loopback and a port of the kernel's choice they can be reached by nobody outside; program
 * `refuse` gives them the connections to the mail server's addresses and ports. What is set on them
 * holds for the connections as well.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "refuse.h"

/* Replies and commands are short; the kernel makes the least of it that it can. */
#define BUFFER 4096
/* SYN-ACKs are repeated for 3 s, not for a minute: who is refused is rarely patient, and may be forged. */
#define SYNACK_RETRIES 2
/* The other side is gone, or does not read: seconds in FIN-WAIT-2, ms that bytes wait for their ACK. */
#define LINGER	  5
#define UNREAD_MS 10000

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

/* All but that IPv6 is IPv6 is worth having, and nothing is wrong without it. */
static int set_all(int fd, int family)
{
	set(fd, IPPROTO_IP, IP_FREEBIND, 1); /* whatever has become of lo */
	/* The connections are at the mail server's port: without it none could start while they last. */
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
	set(fd, SOL_SOCKET, SO_SNDBUF, BUFFER);
	set(fd, SOL_SOCKET, SO_RCVBUF, BUFFER);
	set(fd, IPPROTO_TCP, TCP_SYNCNT, SYNACK_RETRIES);
	set(fd, IPPROTO_TCP, TCP_LINGER2, LINGER);
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNREAD_MS);
	return family == AF_INET6 ? set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) : 0;
}

static int listen_on(int family, const struct sockaddr *address, socklen_t size,
		     unsigned int clients, int *out)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP), err;

	if (fd < 0)
		return -errno;
	err = set_all(fd, family);
	if (!err && bind(fd, address, size))
		err = -errno;
	/* No more than net.core.somaxconn, to which the kernel cuts it. */
	if (!err && listen(fd, (int)clients))
		err = -errno;
	if (err)
		close(fd);
	else
		*out = fd;
	return err;
}

int sockets_make(unsigned int clients, int out[REFUSE_SOCKETS], struct error *why)
{
	const struct sockaddr_in v4 = {.sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
					.sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd[REFUSE_SOCKETS] = {-1, -1}, err;

	err = listen_on(AF_INET, (const struct sockaddr *)&v4, sizeof(v4), clients, &fd[REFUSE_V4]);
	if (err && err != -EAFNOSUPPORT)
		return error_set(why, err, "the refusal listener gets no socket at 127.0.0.1: %s",
				 strerror(-err));
	err = listen_on(AF_INET6, (const struct sockaddr *)&v6, sizeof(v6), clients,
			&fd[REFUSE_V6]);
	if (err && err != -EAFNOSUPPORT) {
		sockets_close(fd);
		return error_set(why, err, "the refusal listener gets no socket at ::1: %s",
				 strerror(-err));
	}
	if (fd[REFUSE_V4] < 0 && fd[REFUSE_V6] < 0)
		return error_set(why, -EAFNOSUPPORT, "this kernel has neither IPv4 nor IPv6");
	memcpy(out, fd, sizeof(fd));
	return 0;
}

void sockets_close(int fd[REFUSE_SOCKETS])
{
	for (int i = 0; i < REFUSE_SOCKETS; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
		fd[i] = -1;
	}
}

int sockets_place(struct wall *wall, const int fd[REFUSE_SOCKETS], struct error *why)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < REFUSE_SOCKETS; i++)
		err = wall_put_refuse_socket(wall, i, fd[i], why);
	if (err)
		sockets_take(wall);
	return err;
}

void sockets_take(struct wall *wall)
{
	for (unsigned int i = 0; i < REFUSE_SOCKETS; i++)
		wall_put_refuse_socket(wall, i, -1, NULL);
}
