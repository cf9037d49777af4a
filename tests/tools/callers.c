// SPDX-License-Identifier: GPL-2.0-only
/*
 * callers.c - many mail clients at once, from many addresses, each with a mail to deliver
 *
 *	callers FIRST SOURCES SERVER PORT COUNT AT-ONCE MS [talk|silent|deaf]
 *
 * COUNT connections, AT-ONCE of them open at a time, from the addresses FIRST, FIRST + 1 ... (of IPv6: one
 * in each /64 from there on) one after the other and over again; each has MS for all it does. `talk`
 * delivers as far as RCPT, says QUIT when it was answered 4xx or 5xx or its recipient was taken, and waits
 * for the end. `silent` never says a word. `deaf` has a small receive buffer, reads nothing, and says NOOP
 * ten times a second.
 *
 * Prints in one line what came of them, as WORD=NUMBER:
 *
 *	refused busy served	answered 5xx; 4xx; the recipient was taken
 *	named			of refused and busy: the reply has the caller's own address in brackets
 *	bye			QUIT was answered by 221
 *	closed reset		the server ended the connection
 *	waited unheard		its time was over, with a connection; without one
 *	failed			there was no connection, and an answer that said so
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

#define LINE 600

struct caller {
	int fd;
	bool connected, answered;
	uint64_t until, noop;		 /* ms */
	char name[INET6_ADDRSTRLEN + 2]; /* [address] */
	char line[LINE];
	size_t size;
	unsigned int said;
};

static const char *const words[] = {"EHLO client.lab.example\r\n",
				    "MAIL FROM:<sender@client.lab.example>\r\n",
				    "RCPT TO:<user@lab.example>\r\n"};

static struct {
	unsigned int refused, busy, served, named, bye, closed, reset, waited, unheard, failed;
} came;

static struct sockaddr_storage first, server;
static socklen_t address_size;
static unsigned int sources, count, at_once, begun, open_now;
static uint64_t wait_ms;
static enum { TALK, SILENT, DEAF } way;
static struct caller *callers;
static int poller;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool resolve(const char *text, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		address_size = sizeof(*v4);
		return true;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	address_size = sizeof(*v6);
	return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
}

/* The address of the caller with this number, and its name. */
static struct sockaddr_storage source(unsigned int number, char name[INET6_ADDRSTRLEN + 2])
{
	struct sockaddr_storage from = first;
	void *bytes = first.ss_family == AF_INET
			      ? (void *)&((struct sockaddr_in *)&from)->sin_addr
			      : (void *)&((struct sockaddr_in6 *)&from)->sin6_addr;
	unsigned char *last = (unsigned char *)bytes + (first.ss_family == AF_INET ? 0 : 4);
	char text[INET6_ADDRSTRLEN] = "";
	uint32_t end;

	memcpy(&end, last, sizeof(end));
	end = htonl(ntohl(end) + number % sources);
	memcpy(last, &end, sizeof(end));
	inet_ntop(first.ss_family, bytes, text, sizeof(text));
	snprintf(name, INET6_ADDRSTRLEN + 2, "[%s]", text);
	return from;
}

static void end(struct caller *c, unsigned int *how)
{
	if (how)
		(*how)++;
	close(c->fd);
	c->fd = -1;
	open_now--;
}

static void begin(struct caller *c)
{
	struct sockaddr_storage from;
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				    .data.ptr = c};
	int on = 1, small = 1;

	memset(c, 0, sizeof(*c));
	from = source(begun++, c->name);
	c->until = now_ms() + wait_ms;
	c->fd = socket(from.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd < 0) {
		perror("callers: socket");
		exit(1);
	}
	open_now++;
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (way == DEAF)
		setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (bind(c->fd, (struct sockaddr *)&from, address_size) ||
	    (connect(c->fd, (struct sockaddr *)&server, address_size) && errno != EINPROGRESS) ||
	    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event)) {
		perror("callers: connect");
		end(c, &came.failed);
	}
}

static void say(struct caller *c, const char *text)
{
	/* What the other side has closed is seen when it is read. */
	if (send(c->fd, text, strlen(text), MSG_NOSIGNAL) < 0 && errno != EAGAIN &&
	    errno != EPIPE && errno != ECONNRESET)
		perror("callers: send");
}

/* A whole line that came. */
static void reply(struct caller *c, const char *line)
{
	if (strlen(line) > 3 && line[3] == '-')
		return;
	if (c->answered) {
		came.bye += !strncmp(line, "221", 3);
		return;
	}
	if (line[0] == '2' && c->said < sizeof(words) / sizeof(words[0])) {
		if (way == TALK)
			say(c, words[c->said++]);
		return;
	}
	c->answered = true;
	came.served += line[0] == '2';
	came.busy += line[0] == '4';
	came.refused += line[0] == '5';
	came.named += line[0] != '2' && strstr(line, c->name);
	if (way == TALK)
		say(c, "QUIT\r\n");
}

static void hear(struct caller *c)
{
	char buffer[512];
	ssize_t n;

	if (!c->connected) {
		int error = 0;
		socklen_t size = sizeof(error);

		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error) {
			end(c, &came.failed);
			return;
		}
		c->connected = true;
	}
	if (way == DEAF)
		return;
	while ((n = read(c->fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (buffer[i] == '\n') {
				c->line[c->size] = 0;
				c->size = 0;
				reply(c, c->line);
			} else if (c->size < LINE - 1) {
				c->line[c->size++] = buffer[i];
			}
		}
	if (n < 0 && errno == EAGAIN)
		return;
	end(c, n == 0 ? &came.closed : &came.reset);
}

/* Those whose time is over go, and others come in their place. */
static void turn(void)
{
	uint64_t now = now_ms();
	int error;
	socklen_t size;

	for (unsigned int i = 0; i < at_once; i++) {
		struct caller *c = &callers[i];

		if (c->fd >= 0 && way == DEAF && c->connected && now >= c->noop) {
			c->noop = now + 100;
			size = sizeof(error);
			if (send(c->fd, "NOOP\r\n", 6, MSG_NOSIGNAL) < 0 && errno != EAGAIN) {
				end(c, errno == ECONNRESET ? &came.reset : &came.closed);
			} else if (!getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) &&
				   error) {
				end(c, &came.reset);
			}
		}
		if (c->fd >= 0 && now >= c->until)
			end(c, c->connected ? &came.waited : &came.unheard);
		if (c->fd < 0 && begun < count)
			begin(c);
	}
}

int main(int argc, char **argv)
{
	struct rlimit files = {20000, 20000};
	struct epoll_event event[64];

	if (argc < 8 || argc > 9 || !resolve(argv[3], (uint16_t)atoi(argv[4]), &server) ||
	    !resolve(argv[1], 0, &first) || first.ss_family != server.ss_family) {
		fputs("usage: callers FIRST SOURCES SERVER PORT COUNT AT-ONCE MS [talk|silent|deaf]\n",
		      stderr);
		return 2;
	}
	setrlimit(RLIMIT_NOFILE, &files);
	sources = (unsigned int)atoi(argv[2]);
	count = (unsigned int)atoi(argv[5]);
	at_once = (unsigned int)atoi(argv[6]);
	wait_ms = (uint64_t)atoi(argv[7]);
	if (argc == 9)
		way = !strcmp(argv[8], "silent") ? SILENT : !strcmp(argv[8], "deaf") ? DEAF : TALK;
	callers = calloc(at_once, sizeof(*callers));
	poller = epoll_create1(0);
	if (!callers || poller < 0 || !sources)
		return 1;
	for (unsigned int i = 0; i < at_once; i++)
		callers[i].fd = -1;
	turn();
	while (open_now || begun < count) {
		int n = epoll_wait(poller, event, 64, 20);

		for (int i = 0; i < n; i++)
			if (((struct caller *)event[i].data.ptr)->fd >= 0)
				hear(event[i].data.ptr);
		turn();
	}
	printf("refused=%u busy=%u served=%u named=%u bye=%u closed=%u reset=%u waited=%u unheard=%u failed=%u\n",
	       came.refused, came.busy, came.served, came.named, came.bye, came.closed, came.reset,
	       came.waited, came.unheard, came.failed);
	return 0;
}
