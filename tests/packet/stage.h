/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stage.h - a wall that refuses: lists, a listener's sockets, and the ways of a refused connection through
 * `wall` and `refuse`
 */
#ifndef SMTPWALL_TESTS_STAGE_H
#define SMTPWALL_TESTS_STAGE_H

#include <netinet/in.h>
#include <sys/socket.h>
#include "talk.h"

#define LISTED	 "198.51.100.7"
#define LISTED6	 "2001:db8:f::7"
#define STRANGER "192.0.2.99"

static const struct kit_list refusing[] = {
	{"polite", LIST_REFUSE, "198.51.100.0/24\n2001:db8:f::/48\n203.0.113.5\n", 1},
	{"harsh", LIST_DROP, "198.51.100.200\n", 2},
	{"friends", LIST_ALLOW, "198.51.100.201\n", 3},
	{"counted", LIST_COUNT, "198.51.100.202\n", 4},
};

struct stage {
	struct kit *kit;
	int socket[REFUSE_SOCKETS];
};

static inline void put_socket(struct kit *kit, __u32 place, int fd)
{
	__u64 value = (__u64)fd;

	kit_must(bpf_map_update_elem(kit_map(kit, "refuse_sockets"), &place, &value, BPF_ANY),
		 "refuse_sockets", "");
}

static inline int listening(int family)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(family, SOCK_STREAM, 0), one = 1;

	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (fd < 0 ||
	    bind(fd, family == AF_INET ? (void *)&v4 : (void *)&v6,
		 family == AF_INET ? sizeof(v4) : sizeof(v6)) ||
	    listen(fd, 8))
		kit_must(-errno, "listen", "");
	return fd;
}

static inline void alive(struct kit *kit, bool is)
{
	__u32 zero = 0;
	struct refuse_health health = {.alive_until = is ? kit_now(kit) + 3600 * SECOND : 0};

	kit_must(bpf_map_update_elem(kit_map(kit, "refuse_health"), &zero, &health, BPF_ANY),
		 "refuse_health", "");
}

static inline struct stage stage_open(struct kit *kit)
{
	struct stage s = {.kit = kit, .socket = {listening(AF_INET), listening(AF_INET6)}};
	volatile struct settings *set = kit->settings;

	kit_policy(kit, refusing, sizeof(refusing) / sizeof(*refusing));
	put_socket(kit, REFUSE_V4, s.socket[REFUSE_V4]);
	put_socket(kit, REFUSE_V6, s.socket[REFUSE_V6]);
	set->refuse_rows = 0;
	set->refuse_times = 5;
	set->refuse_window = 3600 * SECOND;
	set->refuse_clients = 100;
	set->refuse_budget = 1000000;
	alive(kit, true);
	return s;
}

/* As when the process that holds them dies: the map is not told. */
static inline void stage_close(struct stage *s)
{
	for (int i = 0; i < REFUSE_SOCKETS; i++) {
		if (s->socket[i] >= 0)
			close(s->socket[i]);
		s->socket[i] = -1;
	}
}

/* From the client's port to the server of talk.h. */
static inline struct frame *frame_from(const char *client, uint16_t client_port, uint16_t port,
				       uint8_t flags)
{
	static struct frame f;
	size_t ip;

	frame_tcp(&f, client, port, flags);
	ip = f.byte[12] == 0x08 ? 20 : 40;
	if (ip == 20)
		memcpy(f.byte + 30, (uint8_t[]){192, 0, 2, 25}, 4);
	else
		memset(f.byte + 38, 0x20, 16);
	put16(f.byte + 14 + ip, client_port);
	return &f;
}

static inline void meets(struct kit *kit, const char *client, uint16_t client_port, uint8_t flags,
			 enum reason reason, enum kit_fate fate)
{
	kit_about("%s port %u, flags %#x", client, client_port, flags);
	kit_wants(kit, frame_from(client, client_port, 25, flags), reason, fate);
	kit_about("%s", "");
}

static inline struct flow_key key_of(const char *client, uint16_t client_port)
{
	struct flow_key key = {.client = kit_address(client), .client_port = client_port};

	if (address_is_v4(&key.client) && !strchr(client, ':'))
		key.server = kit_address("192.0.2.25");
	else
		memset(&key.server, 0x20, sizeof(key.server));
	key.server_port = 25;
	return key;
}

static inline bool word_of(struct kit *kit, const char *client, uint16_t client_port,
			   struct refusal *out)
{
	struct flow_key key = key_of(client, client_port);

	return bpf_map_lookup_elem(kit_map(kit, "refusals"), &key, out) == 0;
}

/* What program `refuse` does with a SYN: SK_PASS or SK_DROP, and the cookie of the socket it chose. */
static inline uint32_t look_up(struct kit *kit, const char *client, uint16_t client_port,
			       uint16_t port, uint64_t *cookie)
{
	struct bpf_sk_lookup ctx = {
		.protocol = IPPROTO_TCP, .remote_port = htons(client_port), .local_port = port};
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
		    .ctx_out = &ctx, .ctx_size_out = sizeof(ctx));

	if (inet_pton(AF_INET, client, &ctx.remote_ip4) == 1) {
		ctx.family = AF_INET;
		inet_pton(AF_INET, "192.0.2.25", &ctx.local_ip4);
	} else {
		ctx.family = AF_INET6;
		inet_pton(AF_INET6, client, ctx.remote_ip6);
		memset(ctx.local_ip6, 0x20, sizeof(ctx.local_ip6));
	}
	kit_must(bpf_prog_test_run_opts(object_program_fd(kit->object, "refuse"), &run),
		 "BPF_PROG_RUN of refuse", "");
	*cookie = ctx.cookie;
	return run.retval;
}

static inline void given(struct kit *kit, const char *client, uint16_t client_port)
{
	uint64_t cookie;

	kit_expect("given to the listener", look_up(kit, client, client_port, 25, &cookie),
		   SK_PASS);
	kit_expect("a socket was chosen", cookie != 0, true);
}

static inline void not_given(struct kit *kit, const char *client, uint16_t client_port,
			     uint32_t verdict)
{
	uint64_t cookie;

	kit_expect("verdict of refuse", look_up(kit, client, client_port, 25, &cookie), verdict);
	kit_expect("socket chosen", cookie != 0, false);
}

static inline struct told told_of(struct kit *kit, const char *client)
{
	struct address source = kit_address(client);
	struct told t = {0};

	bpf_map_lookup_elem(kit_map(kit, "told"), &source, &t);
	return t;
}

static inline void told_once(struct kit *kit, const struct address *who)
{
	struct told t = {0};

	bpf_map_lookup_elem(kit_map(kit, "told"), who, &t);
	t.pending -= t.pending != 0;
	if (!t.began || kit_now(kit) - t.began >= kit->settings->refuse_window) {
		t.began = kit_now(kit);
		t.told = 0;
	}
	t.told++;
	bpf_map_update_elem(kit_map(kit, "told"), who, &t, BPF_ANY);
}

/* As sessions.bpf.c does when a handshake with the listener completes. */
static inline void handshake(struct kit *kit, const char *client, uint16_t client_port)
{
	struct flow_key key = key_of(client, client_port);
	struct address network;
	struct refusal word;

	kit_must(bpf_map_lookup_elem(kit_map(kit, "refusals"), &key, &word), "no word", client);
	word.connected = 1;
	bpf_map_update_elem(kit_map(kit, "refusals"), &key, &word, BPF_ANY);
	told_once(kit, &key.client);
	told_network(&key.client, &network);
	if (!address_is_v4(&key.client))
		told_once(kit, &network);
}

/* A connection from beginning to end. */
static inline void refused_once(struct kit *kit, const char *client, uint16_t client_port,
				enum reason reason)
{
	meets(kit, client, client_port, TCP_SYN, reason, REFUSED);
	given(kit, client, client_port);
	meets(kit, client, client_port, TCP_ACK, reason, REFUSED);
	handshake(kit, client, client_port);
}

static inline struct refuse_counts counts(struct kit *kit)
{
	struct refuse_counts all[256] = {{0}}, sum = {0};
	__u32 zero = 0;

	kit_must(libbpf_num_possible_cpus() <= 256 ? 0 : -E2BIG, "too many processors", "");
	bpf_map_lookup_elem(kit_map(kit, "refuse_counts"), &zero, all);
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		for (size_t i = 0; i < sizeof(sum) / sizeof(__u64); i++)
			((__u64 *)&sum)[i] += ((__u64 *)&all[cpu])[i];
	return sum;
}

static inline struct answer asked(struct kit *kit, const char *client)
{
	struct answer a;

	kit_check(kit, frame_from(client, 40000, 25, TCP_SYN), &a);
	return a;
}

static inline void set_over_rate(struct kit *kit)
{
	kit->settings->refuse_rows = 1ULL << REASON_SESSIONS;
	kit->settings->sessions = 3;
	kit_proven(kit, STRANGER, 3);
}

static inline void set_state(struct kit *kit, const struct refuse_state *state)
{
	__u32 zero = 0;

	kit_must(bpf_map_update_elem(kit_map(kit, "refuse_state"), &zero, state, BPF_ANY),
		 "refuse_state", "");
}

#endif
