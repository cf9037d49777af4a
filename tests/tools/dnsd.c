// SPDX-License-Identifier: GPL-2.0-only
/*
 * dnsd.c - a DNS server that answers as a test wants it, wrongly included
 *
 *	dnsd ADDRESS PORT FILE      UDP and TCP, until it is killed
 *
 * FILE is read again when it changes. One rule a line, the first that matches the question's name
 * counts, none: REFUSED.
 *
 *	PATTERN [delay=MS] [drop=PERCENT] [lose=N] [TRUNCATED] BEHAVIOUR [ttl=N] [says=TEXT]
 *
 * says=TEXT: the answer to a question for TXT; _ is a space, | begins another string.
 * PATTERN is a shell pattern; lose=N: the first N questions are lost; TRUNCATED (or TCPONLY): over
 * UDP there is only TC, the behaviour over TCP. BEHAVIOUR:
 *
 *	A 127.0.0.2[,127.0.0.4]   AAAA 2001:db8::25 (also behind A)   PTR NAME   CNAME TARGET [A ADDRESS]   MX HOST (and no address)   NX   NODATA   SERVFAIL   REFUSED   SILENT
 *	GARBAGE (behind the right id)   CUT   LONG (a record with 16 bytes)   LOOP (of compression)
 *	WRONGNAME (of the record)   WRONGQUESTION   WRONGID
 *
 * Every question becomes a line in FILE.log: "A 2.0.0.127.bl.example udp"; the file is there, and
 * "dnsd: ready" is said, as soon as the server is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>
#include "dnsd_rules.h"

#define MESSAGE 1024

struct message {
	uint8_t byte[MESSAGE];
	size_t size;
};

/* An answer that waits for its time. */
struct waiting {
	TAILQ_ENTRY(waiting) entry;
	uint64_t due; /* ms */
	struct sockaddr_storage to;
	socklen_t to_size;
	int fd;
	struct message message;
};

static TAILQ_HEAD(waits, waiting) waits = TAILQ_HEAD_INITIALIZER(waits);
static int udp, tcp;
static FILE *journal;

/* --- answers --------------------------------------------------------------------------------- */

static void put(struct message *m, const void *data, size_t size)
{
	if (m->size + size > MESSAGE)
		return;
	memcpy(m->byte + m->size, data, size);
	m->size += size;
}

static void put16(struct message *m, unsigned int n)
{
	put(m, &(uint16_t){htons((uint16_t)n)}, 2);
}

/* A name, "" for the question's. */
static void put_name(struct message *m, const char *name)
{
	if (!*name)
		put16(m, 0xc00c);
	for (const char *c = name; *c; c += strcspn(c, "."), c += *c == '.') {
		uint8_t size = (uint8_t)strcspn(c, ".");

		put(m, &size, 1);
		put(m, c, size);
	}
	if (*name)
		put(m, "", 1);
}

/* A record's head; `section`: 1 answer, 2 authority. */
static void put_record(struct message *m, int section, const char *owner, unsigned int type,
		       uint32_t ttl, unsigned int size)
{
	m->byte[5 + 2 * section]++;
	put_name(m, owner);
	put16(m, type);
	put16(m, 1);
	put(m, &(uint32_t){htonl(ttl)}, 4);
	put16(m, size);
}

static void put_addresses(struct message *m, const struct rule *r, const char *owner)
{
	for (unsigned int i = 0; i < r->addresses; i++) {
		put_record(m, 1, owner, 1, r->ttl, r->kind == LONG ? 16 : 4);
		put(m, r->address[i], 4);
		if (r->kind == LONG)
			put(m, "twelve bytes", 12);
	}
}

static void put_soa(struct message *m, const struct rule *r, const char *name)
{
	const char *zone = name + strlen(name);

	/* Its last two labels. */
	for (int dots = 0; zone > name && (zone[-1] != '.' || ++dots < 2); zone--)
		;
	put_record(m, 2, zone, 6, r->ttl, 22);
	put(m, "\0\0", 2);
	for (int i = 0; i < 4; i++)
		put(m, &(uint32_t){htonl(3600)}, 4);
	put(m, &(uint32_t){htonl(r->ttl)}, 4);
}

static void put_alias(struct message *m, const struct rule *r)
{
	put_record(m, 1, "", 5, r->ttl, (unsigned int)strlen(r->target) + 2);
	put_name(m, r->target);
	if (r->addresses)
		put_addresses(m, r, r->target);
}

static void put_exchange(struct message *m, const struct rule *r)
{
	put_record(m, 1, "", 15, r->ttl, (unsigned int)strlen(r->target) + 4);
	put16(m, 10);
	put_name(m, r->target);
}

static void put_text(struct message *m, const struct rule *r)
{
	char text[sizeof(r->says)];
	size_t size;

	snprintf(text, sizeof(text), "%s", r->says);
	for (char *c = text; *c; c++)
		if (*c == '_')
			*c = ' ';
	put_record(m, 1, "", 16, r->ttl, (unsigned int)strlen(text) + 1);
	for (const char *c = text; *c; c += size, c += *c == '|') {
		size = strcspn(c, "|");
		put(m, &(uint8_t){(uint8_t)size}, 1);
		put(m, c, size);
	}
}

static void put_pointer(struct message *m, const struct rule *r)
{
	put_record(m, 1, "", 12, r->ttl, (unsigned int)strlen(r->target) + 2);
	put_name(m, r->target);
}

static void put_address6(struct message *m, const struct rule *r)
{
	put_record(m, 1, "", 28, r->ttl, sizeof(r->address6));
	put(m, r->address6, sizeof(r->address6));
}

/* What a question becomes; `m` holds its head and the question itself. */
static void spoil(struct message *m, const struct rule *r)
{
	if (r->kind == CUT)
		m->size -= 7;
	else if (r->kind == WRONGID)
		m->byte[0] ^= 0x55;
	else if (r->kind == WRONGQUESTION)
		m->byte[13] = m->byte[13] == 'x' ? 'y' : 'x';
	else if (r->kind == GARBAGE)
		for (size_t i = 2; i < m->size; i++)
			m->byte[i] = (uint8_t)random();
}

static void answer(struct message *m, const struct rule *r, const char *name, unsigned int type)
{
	unsigned int kind = r ? r->kind : REFUSED, at = (unsigned int)m->size;

	if (kind == SERVFAIL || kind == REFUSED || kind == NX)
		m->byte[3] |= kind == SERVFAIL ? 2 : kind == REFUSED ? 5 : 3;
	if (kind == SERVFAIL || kind == REFUSED)
		return;
	if (kind == MX && type == 15)
		put_exchange(m, r);
	else if (type == 16 && r && *r->says)
		put_text(m, r);
	else if (kind == PTR && type == 12)
		put_pointer(m, r);
	else if (kind == A && type == 28 && r->v6)
		put_address6(m, r);
	else if (kind == MX || kind == PTR || kind == NX || kind == NODATA || type != 1)
		put_soa(m, r, name);
	else if (kind == CNAME)
		put_alias(m, r);
	else
		put_addresses(m, r, kind == WRONGNAME ? "other.example" : "");
	if (kind == LOOP)
		m->byte[at + 1] = (uint8_t)at;
	spoil(m, r);
}

/* --- questions ------------------------------------------------------------------------------- */

static void send_now(const struct waiting *w)
{
	uint8_t framed[MESSAGE + 2] = {(uint8_t)(w->message.size >> 8), (uint8_t)w->message.size};

	memcpy(framed + 2, w->message.byte, w->message.size);
	if (w->fd != udp)
		send(w->fd, framed, w->message.size + 2, MSG_NOSIGNAL);
	else
		sendto(udp, framed + 2, w->message.size, 0, (const void *)&w->to, w->to_size);
}

/* Equal delays are the rule: the place is at the end, or near it. */
static void wait_add(const struct waiting *w)
{
	struct waiting *copy = malloc(sizeof(*w)), *before = TAILQ_LAST(&waits, waits);

	*copy = *w;
	while (before && before->due > w->due)
		before = TAILQ_PREV(before, waits, entry);
	if (before)
		TAILQ_INSERT_AFTER(&waits, before, copy, entry);
	else
		TAILQ_INSERT_HEAD(&waits, copy, entry);
}

/* The question's name as text; its end in the message, 0 if it is none. */
static size_t read_name(const struct message *m, char name[256])
{
	size_t at = 12, used = 0;

	for (; at < m->size && m->byte[at]; at += m->byte[at] + 1u) {
		if (m->byte[at] > 63 || at + m->byte[at] >= m->size || used + m->byte[at] > 250)
			return 0;
		used += (size_t)sprintf(name + used, "%s%.*s", used ? "." : "", m->byte[at],
					m->byte + at + 1);
	}
	name[used] = '\0';
	return at + 5 <= m->size ? at + 5 : 0;
}

static void take(struct waiting *w)
{
	struct message *m = &w->message;
	struct rule *r = rule;
	char name[256];
	bool cut;
	size_t end = m->size > 12 ? read_name(m, name) : 0;
	unsigned int type = end ? m->byte[end - 3] | m->byte[end - 4] << 8 : 0;

	if (!end)
		return;
	fprintf(journal, type == 1 ? "A %s %s\n" : "OTHER %s %s\n", name,
		w->fd == udp ? "udp" : "tcp");
	while (r < rule + rules && fnmatch(r->pattern, name, FNM_CASEFOLD) != 0)
		r++;
	if (r == rule + rules)
		r = NULL;
	cut = r && r->truncated && w->fd == udp;
	if (r &&
	    ((r->kind == SILENT && !cut) || (r->lose && r->lose--) || random() % 100 < r->drop))
		return;
	m->size = end;
	m->byte[2] = (m->byte[2] & 1) | 0x84;
	m->byte[3] = 0x80;
	memset(m->byte + 6, 0, 6);
	if (cut)
		m->byte[2] |= 2;
	else
		answer(m, r, name, type);
	w->due = now_ms() + (r ? r->delay : 0);
	if (r && w->fd != udp)
		usleep(1000 * r->delay);
	if (r && r->delay && w->fd == udp)
		wait_add(w);
	else
		send_now(w);
}

static void on_udp(void)
{
	struct waiting w = {.fd = udp};
	ssize_t n;

	for (int i = 0; i < 256; i++) {
		w.to_size = sizeof(w.to);
		n = recvfrom(udp, w.message.byte, MESSAGE, MSG_DONTWAIT, (void *)&w.to, &w.to_size);
		if (n < 0)
			return;
		w.message.size = (size_t)n;
		take(&w);
	}
}

/* A connection is a process of its own, which ends with it. */
static void on_connection(void)
{
	int fd = accept(tcp, NULL, NULL);
	struct waiting w = {.fd = fd};
	uint8_t size[2];

	if (fd < 0 || fork()) {
		close(fd);
		return;
	}
	while (recv(fd, size, 2, MSG_WAITALL) == 2) {
		w.message.size = (size_t)size[0] << 8 | size[1];
		if (w.message.size > MESSAGE || recv(fd, w.message.byte, w.message.size,
						     MSG_WAITALL) != (ssize_t)w.message.size)
			break;
		take(&w);
		fflush(journal);
	}
	_exit(0);
}

static int serve(int type, const char *address, const char *port)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = type}, *a;
	int fd, on = 1, size = 8 << 20;

	if (getaddrinfo(address, port, &hints, &a))
		return -1;
	fd = socket(a->ai_family, type, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (type == SOCK_DGRAM && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, a->ai_addr, a->ai_addrlen) || (type == SOCK_STREAM && listen(fd, 64)))
		fd = -1;
	freeaddrinfo(a);
	return fd;
}

static void turn(const char *path)
{
	struct pollfd p[2] = {{.fd = udp, .events = POLLIN}, {.fd = tcp, .events = POLLIN}};
	struct waiting *w = TAILQ_FIRST(&waits);
	uint64_t now = now_ms();

	if (poll(p, 2, !w ? -1 : w->due > now ? (int)(w->due - now) : 0) < 0)
		return;
	refresh(path);
	if (p[0].revents)
		on_udp();
	fflush(journal);
	if (p[1].revents)
		on_connection();
	for (now = now_ms(); (w = TAILQ_FIRST(&waits)) && w->due <= now;) {
		send_now(w);
		TAILQ_REMOVE(&waits, w, entry);
		free(w);
	}
}

int main(int argc, char **argv)
{
	struct sigaction hup = {.sa_handler = on_hup};
	char path[4096];

	if (argc != 4)
		return 2;
	snprintf(path, sizeof(path), "%s.log", argv[3]);
	sigaction(SIGHUP, &hup, NULL);
	signal(SIGCHLD, SIG_IGN);
	udp = serve(SOCK_DGRAM, argv[1], argv[2]);
	tcp = serve(SOCK_STREAM, argv[1], argv[2]);
	journal = udp < 0 || tcp < 0 ? NULL : fopen(path, "ae");
	if (!journal) {
		perror("dnsd: cannot listen, or write its log");
		return 1;
	}
	puts("dnsd: ready");
	fflush(stdout);
	for (;;)
		turn(argv[3]);
}
