// SPDX-License-Identifier: GPL-2.0-only
/*
 * prober.c - an SMTP client that does what spammers do, and says what came back
 *
 *	prober [OPTIONS] SOURCE SERVER PORT <COMMANDS
 *
 * Standard input holds the commands, one a line. A line that begins with a tab is sent without it and
 * awaits no reply (what follows DATA; the head of a BDAT chunk). A line "~MS" sends nothing and waits.
 * Every line of every reply is printed; the last line of output is "end WHY after N", N being the
 * replies that came, and WHY one of done, silent, closed, reset, refused (no connection), mute (no greeting).
 *
 *	-p N		so many commands at once, and only then their replies (default 1)
 *	-t		STARTTLS first, by `openssl s_client`
 *	-w BYTES	receive buffer, as small as the kernel allows
 *	-m BYTES	largest segment
 *	-s US		reads byte by byte with such a pause
 *	-e TEXT		counts the segments that began with this text: "began N" before the last line
 *	-c N		so many sessions at once: prints how often each code came, and how they ended
 *	-i MS		silence of this length ends it (default 2000)
 *	-l		the source's address is the server's own choice (no bind)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS 100000

static struct {
	int pipeline, window, segment, pause, sessions, silence;
	bool tls, unbound;
	const char *echo, *source, *server, *port;
} option = {.pipeline = 1, .sessions = 1, .silence = 2000};

static char *command[COMMANDS];
static int commands;

static struct {
	int fd, sniffer;
	unsigned int replies, began;
	const char *end; /* NULL: it goes on */
	char buffer[65536], line[4096];
	size_t held, taken, column;
} session = {.fd = -1, .sniffer = -1};

static void resolve(const char *host, const char *port, struct sockaddr_storage *out,
		    socklen_t *size)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				       .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;

	if (getaddrinfo(host, port, &hints, &found)) {
		fprintf(stderr, "prober: %s port %s is no address\n", host, port);
		exit(2);
	}
	memcpy(out, found->ai_addr, found->ai_addrlen);
	*size = found->ai_addrlen;
	freeaddrinfo(found);
}

static bool ready(int fd, short events, int ms)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, ms) == 1;
}

static void rest(int us)
{
	const struct timespec t = {us / 1000000, (long)(us % 1000000) * 1000};

	nanosleep(&t, NULL);
}

/* A session inside TLS: openssl does the talking up to the end of the handshake, the rest is ours. */
static int begin_tls(void)
{
	char where[128], from[128];
	int end[2];

	snprintf(where, sizeof(where), strchr(option.server, ':') ? "[%s]:%s" : "%s:%s",
		 option.server, option.port);
	snprintf(from, sizeof(from), strchr(option.source, ':') ? "[%s]:0" : "%s:0", option.source);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, end))
		return -1;
	if (fork() == 0) {
		dup2(end[1], STDIN_FILENO);
		dup2(end[1], STDOUT_FILENO);
		close(end[0]);
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		execlp("openssl", "openssl", "s_client", "-quiet", "-starttls", "smtp", "-bind",
		       from, "-connect", where, (char *)NULL);
		_exit(127);
	}
	close(end[1]);
	return end[0];
}

static int begin_plain(void)
{
	struct sockaddr_storage from, to;
	socklen_t from_size, to_size, size = sizeof(int);
	int fd, error = 0, on = 1;

	resolve(option.source, "0", &from, &from_size);
	resolve(option.server, option.port, &to, &to_size);
	fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (option.window) {
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &option.window, sizeof(int));
		setsockopt(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &option.window, sizeof(int));
	}
	if (option.segment)
		setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &option.segment, sizeof(int));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || (!option.unbound && bind(fd, (void *)&from, from_size))) {
		perror("prober: bind");
		exit(2);
	}
	if ((connect(fd, (void *)&to, to_size) && errno != EINPROGRESS) ||
	    !ready(fd, POLLOUT, option.silence) ||
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) || error) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Segments as the server's stack made them: veth hands them over as they are. */
static void sniff(void)
{
	unsigned char packet[65536];
	ssize_t n;

	while (session.sniffer >= 0 &&
	       (n = recv(session.sniffer, packet, sizeof(packet), MSG_DONTWAIT)) > 0) {
		size_t at = packet[0] >> 4 == 4 ? (size_t)(packet[0] & 15) * 4 : 40, wanted;
		const char *port = option.port;

		wanted = strlen(option.echo);
		if ((size_t)n < at + 20 || (packet[at] << 8 | packet[at + 1]) != atoi(port))
			continue;
		at += (size_t)(packet[at + 12] >> 4) * 4;
		if ((size_t)n >= at + wanted && !memcmp(packet + at, option.echo, wanted))
			session.began++;
	}
}

/* One byte of the server's, or -1 with the reason in session.end. */
static int byte(void)
{
	if (session.taken == session.held) {
		ssize_t n;

		if (!ready(session.fd, POLLIN, option.silence)) {
			session.end = session.replies ? "silent" : "mute";
			return -1;
		}
		n = recv(session.fd, session.buffer, option.pause ? 1 : sizeof(session.buffer), 0);
		if (n <= 0) {
			session.end = n < 0 && errno == ECONNRESET ? "reset" : "closed";
			return -1;
		}
		session.held = (size_t)n;
		session.taken = 0;
		if (option.pause)
			rest(option.pause);
		sniff();
	}
	return (unsigned char)session.buffer[session.taken++];
}

/* Reads to the end of one reply. */
static void hear(unsigned int *code)
{
	int c;

	while (!session.end) {
		c = byte();
		if (c < 0)
			return;
		if (c != '\n') {
			if (c != '\r' && session.column < sizeof(session.line) - 1)
				session.line[session.column++] = (char)c;
			continue;
		}
		session.line[session.column] = 0;
		session.column = 0;
		if (option.sessions == 1)
			puts(session.line);
		if (strlen(session.line) < 4 || session.line[3] != '-') {
			session.replies++;
			code[atoi(session.line) % 1000]++;
			return;
		}
	}
}

static void say(const char *text, size_t size)
{
	while (size && !session.end) {
		ssize_t n = send(session.fd, text, size, MSG_NOSIGNAL);

		if (n > 0) {
			text += n;
			size -= (size_t)n;
		} else if (n < 0 && errno != EAGAIN) {
			return; /* what was answered is still to be read */
		} else if (!ready(session.fd, POLLOUT, option.silence)) {
			return;
		}
	}
}

static void talk(unsigned int *code)
{
	static char text[1 << 20];
	int i = 0;

	/* In TLS the greeting was openssl's. */
	if (!option.tls)
		hear(code);
	while (i < commands && !session.end) {
		size_t size = 0;
		int wanted = 0;

		while (i < commands && wanted < option.pipeline && size < sizeof(text) - 8192) {
			const char *c = command[i++];

			if (*c == '~') {
				rest(atoi(c + 1) * 1000);
				continue;
			}
			wanted += *c != '\t';
			size += (size_t)snprintf(text + size, 8192, "%s\r\n", c + (*c == '\t'));
		}
		say(text, size);
		while (wanted-- > 0 && !session.end)
			hear(code);
	}
	if (!session.end)
		session.end = "done";
}

static void run(unsigned int *code)
{
	session.fd = option.tls ? begin_tls() : begin_plain();
	if (session.fd < 0) {
		session.end = "refused";
		return;
	}
	if (option.echo)
		session.sniffer = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
	talk(code);
	sniff();
	close(session.fd);
}

struct outcome {
	unsigned int code[1000];
	char end[8];
};

/* Many at once, each a process of its own. */
static int crowd(void)
{
	static struct outcome sum, one;
	static const char *const ends[] = {"done", "silent", "closed", "reset", "refused", "mute"};
	unsigned int count[6] = {0};
	int end[2], left = option.sessions;

	if (pipe(end))
		return 1;
	for (int i = 0; i < option.sessions; i++) {
		if (fork() == 0) {
			run(one.code);
			snprintf(one.end, sizeof(one.end), "%s", session.end ? session.end : "");
			/* Below PIPE_BUF, so that it arrives in one piece. */
			_exit(write(end[1], &one, sizeof(one)) != (ssize_t)sizeof(one));
		}
	}
	close(end[1]);
	while (left-- > 0 && read(end[0], &one, sizeof(one)) == (ssize_t)sizeof(one)) {
		for (int i = 0; i < 1000; i++)
			sum.code[i] += one.code[i];
		for (int i = 0; i < 6; i++)
			count[i] += !strncmp(one.end, ends[i], 7);
	}
	for (int i = 0; i < 1000; i++)
		if (sum.code[i])
			printf("%03d %u\n", i, sum.code[i]);
	for (int i = 0; i < 6; i++)
		printf("%s %u\n", ends[i], count[i]);
	while (wait(NULL) > 0)
		;
	return 0;
}

static void take_commands(void)
{
	char *line = NULL;
	size_t room = 0;

	while (commands < COMMANDS && getline(&line, &room, stdin) > 0) {
		line[strcspn(line, "\r\n")] = 0;
		command[commands++] = strndup(line, 8000);
	}
	free(line);
}

int main(int argc, char **argv)
{
	struct rlimit files = {20000, 20000};
	unsigned int code[1000] = {0};
	int c;

	while ((c = getopt(argc, argv, "p:tw:m:s:e:c:i:l")) != -1) {
		switch (c) {
		case 'p':
			option.pipeline = atoi(optarg);
			break;
		case 't':
			option.tls = true;
			break;
		case 'w':
			option.window = atoi(optarg);
			break;
		case 'm':
			option.segment = atoi(optarg);
			break;
		case 's':
			option.pause = atoi(optarg);
			break;
		case 'e':
			option.echo = optarg;
			break;
		case 'c':
			option.sessions = atoi(optarg);
			break;
		case 'i':
			option.silence = atoi(optarg);
			break;
		case 'l':
			option.unbound = true;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 3) {
		fputs("usage: prober [OPTIONS] SOURCE SERVER PORT <COMMANDS; see its source\n",
		      stderr);
		return 2;
	}
	option.source = argv[optind];
	option.server = argv[optind + 1];
	option.port = argv[optind + 2];
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	take_commands();
	if (option.sessions > 1)
		return crowd();
	run(code);
	if (option.echo)
		printf("began %u\n", session.began);
	printf("end %s after %u\n", session.end, session.replies);
	return 0;
}
