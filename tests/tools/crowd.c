// SPDX-License-Identifier: GPL-2.0-only
/*
 * crowd.c - many sources that connect once each, at a steady pace
 *
 *	crowd FIRST SERVER PORT COUNT STRIDE PER-SECOND MS
 *
 * The sources are FIRST, FIRST + STRIDE, FIRST + 2 * STRIDE ... (IPv4; STRIDE 256 makes each one a
 * network of its own). Each waits MS at most for its greeting, reads on until the server ends the
 * connection or the wait is over. PER-SECOND 0: as fast as it goes. Prints how many were greeted, and of
 * these how many were reset: "GREETED RESET".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct client {
	int fd;
	bool greeted;
	uint64_t until; /* ms */
};

static struct sockaddr_in server;
static struct client *client;
static int poller;
static unsigned int oldest, next, count, greeted, reset;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void end(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void begin(uint32_t address, uint64_t wait)
{
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
	struct client *c = &client[next];
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.u32 = next};
	int on = 1;

	next++;
	c->until = now_ms() + wait;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return;
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(c->fd, (struct sockaddr *)&from, sizeof(from)) ||
	    (connect(c->fd, (struct sockaddr *)&server, sizeof(server)) && errno != EINPROGRESS) ||
	    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event)) {
		perror("crowd");
		end(c);
	}
}

static void hear(struct client *c)
{
	char line[512];
	ssize_t n = read(c->fd, line, sizeof(line));

	if (n > 0 && !c->greeted) {
		c->greeted = true;
		greeted++;
	}
	if (n > 0 || (n < 0 && errno == EAGAIN))
		return;
	reset += c->greeted && n < 0 && errno == ECONNRESET;
	end(c);
}

static void hear_all(int ms)
{
	struct epoll_event event[64];
	int n = epoll_wait(poller, event, 64, ms);

	for (int i = 0; i < n; i++)
		if (client[event[i].data.u32].fd >= 0)
			hear(&client[event[i].data.u32]);
	while (oldest < next && (client[oldest].fd < 0 || client[oldest].until <= now_ms()))
		end(&client[oldest++]);
}

int main(int argc, char **argv)
{
	struct rlimit files = {20000, 20000};
	uint32_t first, stride;
	uint64_t start, rate, wait;

	if (argc != 8 || inet_pton(AF_INET, argv[2], &server.sin_addr) != 1 ||
	    inet_pton(AF_INET, argv[1], &first) != 1) {
		fputs("usage: crowd FIRST SERVER PORT COUNT STRIDE PER-SECOND MS\n", stderr);
		return 2;
	}
	setrlimit(RLIMIT_NOFILE, &files);
	server.sin_family = AF_INET;
	server.sin_port = htons((uint16_t)atoi(argv[3]));
	count = (unsigned int)atoi(argv[4]);
	stride = (uint32_t)atoi(argv[5]);
	rate = (uint64_t)atoi(argv[6]);
	wait = (uint64_t)atoi(argv[7]);
	client = calloc(count, sizeof(*client));
	poller = epoll_create1(0);
	if (!client || poller < 0)
		return 1;
	start = now_ms();
	while (oldest < count) {
		uint64_t due = rate ? (now_ms() - start) * rate / 1000 + 1 : count;

		while (next < count && next < due && next - oldest < 16000)
			begin(ntohl(first) + next * stride, wait), hear_all(0);
		hear_all(2);
	}
	printf("%u %u\n", greeted, reset);
	return 0;
}
