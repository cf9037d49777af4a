// SPDX-License-Identifier: GPL-2.0-only
/*
 * peer.c - both ends of plain TCP connections, where a whole mail server or client would be in the
 *way
 *
 *	peer listen PORT...                        greets with 220, answers QUIT; until it is killed
 *	peer knock SOURCE SERVER PORT COUNT MS     connects COUNT times, one after the other, waits
 *MS at most for each greeting; prints how many were greeted peer knock-rst, peer knock-half the
 *same, ended by RST; half-closed first peer hold SOURCE SERVER PORT COUNT         opens COUNT
 *connections, prints how many were greeted, holds them until standard input ends peer talk SOURCE
 *SERVER PORT               standard input to the connection and back, until it ends
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PLACES 4096

static int resolve(const char *host, const char *port, struct sockaddr_storage *out,
		   socklen_t *size)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				       .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;

	if (getaddrinfo(host, port, &hints, &found)) {
		fprintf(stderr, "peer: %s port %s is no address\n", host, port);
		exit(2);
	}
	memcpy(out, found->ai_addr, found->ai_addrlen);
	*size = found->ai_addrlen;
	freeaddrinfo(found);
	return out->ss_family;
}

/* Waits for the descriptor until the deadline; false if it passed. */
static bool ready(int fd, short events, int ms)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, ms) == 1;
}

/* A connection that was greeted, or -1. */
static int greeted(char **where, int ms)
{
	struct sockaddr_storage from, to;
	socklen_t from_size, to_size;
	int fd = socket(resolve(where[0], "0", &from, &from_size), SOCK_STREAM | SOCK_NONBLOCK, 0),
	    error = 0, on = 1;
	socklen_t size = sizeof(error);
	char greeting[4];

	resolve(where[1], where[2], &to, &to_size);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (void *)&from, from_size)) {
		perror("peer: bind");
		exit(2);
	}
	if (connect(fd, (void *)&to, to_size) && errno != EINPROGRESS)
		goto fail;
	if (!ready(fd, POLLOUT, ms) || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) || error)
		goto fail;
	if (!ready(fd, POLLIN, ms) || recv(fd, greeting, 4, 0) != 4 ||
	    memcmp(greeting, "220", 3) != 0)
		goto fail;
	fcntl(fd, F_SETFL, 0);
	return fd;
fail:
	close(fd);
	return -1;
}

static void finish(int fd, char how)
{
	const struct linger reset = {.l_onoff = 1};
	char buffer[512];

	if (how == 'r') {
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	} else if (how == 'h') {
		shutdown(fd, SHUT_WR);
		while (ready(fd, POLLIN, 2000) && recv(fd, buffer, sizeof(buffer), 0) > 0)
			;
	} else {
		send(fd, "QUIT\r\n", 6, MSG_NOSIGNAL);
		while (ready(fd, POLLIN, 2000) && recv(fd, buffer, sizeof(buffer), 0) > 0)
			;
	}
	close(fd);
}

static int knock(char **where, int count, int ms, char how)
{
	int got = 0;

	for (int i = 0; i < count; i++) {
		int fd = greeted(where, ms);

		if (fd < 0)
			continue;
		got++;
		finish(fd, how);
	}
	printf("%d\n", got);
	return got == count ? 0 : 1;
}

static int hold(char **where, int count)
{
	static int held[PLACES];
	int got = 0;
	char nothing;

	for (int i = 0; i < count && i < PLACES; i++) {
		int fd = greeted(where, 1000);

		if (fd >= 0)
			held[got++] = fd;
	}
	printf("%d\n", got);
	fflush(stdout);
	while (read(STDIN_FILENO, &nothing, 1) > 0)
		;
	for (int i = 0; i < got; i++)
		close(held[i]);
	return 0;
}

static int talk(char **where)
{
	struct sockaddr_storage from, to;
	socklen_t from_size, to_size;
	int fd = socket(resolve(where[0], "0", &from, &from_size), SOCK_STREAM, 0);
	struct pollfd end[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
				{.fd = fd, .events = POLLIN}};
	char buffer[4096];
	ssize_t n;

	resolve(where[1], where[2], &to, &to_size);
	if (fd < 0 || bind(fd, (void *)&from, from_size) || connect(fd, (void *)&to, to_size)) {
		perror("peer");
		return 1;
	}
	while (poll(end, 2, -1) > 0) {
		if (end[1].revents) {
			n = recv(fd, buffer, sizeof(buffer), 0);
			if (n <= 0 || write(STDOUT_FILENO, buffer, (size_t)n) != n)
				return n < 0;
		}
		if (end[0].revents) {
			n = read(STDIN_FILENO, buffer, sizeof(buffer));
			if (n <= 0) {
				shutdown(fd, SHUT_WR);
				end[0].fd = -1;
			} else if (send(fd, buffer, (size_t)n, MSG_NOSIGNAL) != n) {
				return 1;
			}
		}
	}
	return 1;
}

static int listen_on(const char *port)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6,
				   .sin6_port = htons((uint16_t)atoi(port))};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (void *)&any, sizeof(any)) || listen(fd, 1024)) {
		perror("peer: listen");
		exit(1);
	}
	return fd;
}

static int serve(char **port)
{
	static struct pollfd place[PLACES];
	nfds_t listeners = 0, used;
	char buffer[4096];

	for (; *port && listeners < 16; port++)
		place[listeners++] = (struct pollfd){.fd = listen_on(*port), .events = POLLIN};
	used = listeners;
	while (poll(place, used, -1) > 0) {
		for (nfds_t i = listeners; i < used;) {
			ssize_t n =
				place[i].revents ? recv(place[i].fd, buffer, sizeof(buffer), 0) : 1;

			if (n > 3 && place[i].revents && !memcmp(buffer, "QUIT", 4)) {
				send(place[i].fd, "221 bye\r\n", 9, MSG_NOSIGNAL);
				n = 0;
			}
			if (n <= 0) {
				close(place[i].fd);
				place[i] = place[--used];
				continue;
			}
			place[i++].revents = 0;
		}
		for (nfds_t i = 0; i < listeners; i++) {
			int fd = place[i].revents && used < PLACES ? accept(place[i].fd, NULL, NULL)
								   : -1;

			if (fd < 0)
				continue;
			send(fd, "220 lab.example ESMTP\r\n", 23, MSG_NOSIGNAL);
			place[used++] = (struct pollfd){.fd = fd, .events = POLLIN};
		}
	}
	return 1;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc >= 3 && !strcmp(argv[1], "listen"))
		return serve(argv + 2);
	if (argc == 7 && !strncmp(argv[1], "knock", 5))
		return knock(argv + 2, atoi(argv[5]), atoi(argv[6]), argv[1][5] ? argv[1][6] : 'q');
	if (argc == 6 && !strcmp(argv[1], "hold"))
		return hold(argv + 2, atoi(argv[5]));
	if (argc == 5 && !strcmp(argv[1], "talk"))
		return talk(argv + 2);
	fprintf(stderr, "peer: see the head of its source\n");
	return 2;
}
