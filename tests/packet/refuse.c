// SPDX-License-Identifier: GPL-2.0-only
/*
 * refuse.c - refusing with a reason: when `wall` gives its word about a connection, what program `refuse`
 * does with it, and what becomes of the connection's other packets
 *
 * The listener is a pair of real listening sockets in the map; nobody connects to them here.
 */
#include <netinet/in.h>
#include <sched.h>
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

static void put_socket(struct kit *kit, __u32 place, int fd)
{
	__u64 value = (__u64)fd;

	kit_must(bpf_map_update_elem(kit_map(kit, "refuse_sockets"), &place, &value, BPF_ANY),
		 "refuse_sockets", "");
}

static int listening(int family)
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

static void alive(struct kit *kit, bool is)
{
	__u32 zero = 0;
	struct refuse_health health = {.alive_until = is ? kit_now(kit) + 3600 * SECOND : 0};

	kit_must(bpf_map_update_elem(kit_map(kit, "refuse_health"), &zero, &health, BPF_ANY),
		 "refuse_health", "");
}

static struct stage stage_open(struct kit *kit)
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
static void stage_close(struct stage *s)
{
	for (int i = 0; i < REFUSE_SOCKETS; i++) {
		if (s->socket[i] >= 0)
			close(s->socket[i]);
		s->socket[i] = -1;
	}
}

/* From the client's port to the server of talk.h. */
static struct frame *frame_from(const char *client, uint16_t client_port, uint16_t port,
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

static void meets(struct kit *kit, const char *client, uint16_t client_port, uint8_t flags,
		  enum reason reason, enum kit_fate fate)
{
	kit_about("%s port %u, flags %#x", client, client_port, flags);
	kit_wants(kit, frame_from(client, client_port, 25, flags), reason, fate);
	kit_about("%s", "");
}

static struct flow_key key_of(const char *client, uint16_t client_port)
{
	struct flow_key key = {.client = kit_address(client), .client_port = client_port};

	if (address_is_v4(&key.client) && !strchr(client, ':'))
		key.server = kit_address("192.0.2.25");
	else
		memset(&key.server, 0x20, sizeof(key.server));
	key.server_port = 25;
	return key;
}

static bool word_of(struct kit *kit, const char *client, uint16_t client_port, struct refusal *out)
{
	struct flow_key key = key_of(client, client_port);

	return bpf_map_lookup_elem(kit_map(kit, "refusals"), &key, out) == 0;
}

/* What program `refuse` does with a SYN: SK_PASS or SK_DROP, and the cookie of the socket it chose. */
static uint32_t look_up(struct kit *kit, const char *client, uint16_t client_port, uint16_t port,
			uint64_t *cookie)
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

static void given(struct kit *kit, const char *client, uint16_t client_port)
{
	uint64_t cookie;

	kit_expect("given to the listener", look_up(kit, client, client_port, 25, &cookie),
		   SK_PASS);
	kit_expect("a socket was chosen", cookie != 0, true);
}

static void not_given(struct kit *kit, const char *client, uint16_t client_port, uint32_t verdict)
{
	uint64_t cookie;

	kit_expect("verdict of refuse", look_up(kit, client, client_port, 25, &cookie), verdict);
	kit_expect("socket chosen", cookie != 0, false);
}

static struct told told_of(struct kit *kit, const char *client)
{
	struct address source = kit_address(client);
	struct told t = {0};

	bpf_map_lookup_elem(kit_map(kit, "told"), &source, &t);
	return t;
}

static void told_once(struct kit *kit, const struct address *who)
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
static void handshake(struct kit *kit, const char *client, uint16_t client_port)
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
static void refused_once(struct kit *kit, const char *client, uint16_t client_port,
			 enum reason reason)
{
	meets(kit, client, client_port, TCP_SYN, reason, REFUSED);
	given(kit, client, client_port);
	meets(kit, client, client_port, TCP_ACK, reason, REFUSED);
	handshake(kit, client, client_port);
}

static struct refuse_counts counts(struct kit *kit)
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

static struct answer asked(struct kit *kit, const char *client)
{
	struct answer a;

	kit_check(kit, frame_from(client, 40000, 25, TCP_SYN), &a);
	return a;
}

/* --- rows --------------------------------------------------------------------------------------- */

static void test_word(struct kit *kit)
{
	struct stage s = stage_open(kit);
	static const char *const clients[] = {LISTED, LISTED6, "64:ff9b::203.0.113.5"};
	struct refusal word;

	for (size_t i = 0; i < sizeof(clients) / sizeof(*clients); i++) {
		const char *client = clients[i];

		kit_about("%s", client);
		memset(&word, 0, sizeof(word));
		meets(kit, client, 1025, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
		kit_expect("there is a word", word_of(kit, client, 1025, &word), true);
		kit_expect("reason", word.reason, REASON_BLOCK_LIST);
		kit_expect("list", word.list, 1);
		kit_expect("given", word.given, 0);
		if (strcmp(word.list_name.name, "polite") != 0)
			kit_fail("unexpected list: got %.32s, want polite", word.list_name.name);
		/* Nobody took the SYN: the mail server is elsewhere, and would get it. */
		meets(kit, client, 1025, TCP_ACK, REASON_BLOCK_LIST, DROPPED);
		not_given(kit, client, 1026, SK_PASS);
		given(kit, client, 1025);
		meets(kit, client, 1025, TCP_ACK, REASON_BLOCK_LIST, REFUSED);
		/* Another connection of the same source. */
		meets(kit, client, 1026, TCP_ACK, REASON_BLOCK_LIST, DROPPED);
	}
	/* Stronger actions, and what is not to be refused. */
	meets(kit, "198.51.100.200", 1025, TCP_SYN, REASON_BLOCK_LIST, DROPPED);
	meets(kit, "198.51.100.201", 1025, TCP_SYN, REASON_ALLOW_LIST, PASSED);
	meets(kit, "198.51.100.202", 1025, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	meets(kit, STRANGER, 1025, TCP_SYN, REASON_CLEAN, PASSED);
	kit_expect("word about a stranger", word_of(kit, STRANGER, 1025, &word), false);
	stage_close(&s);
}

/* Every row that may refuse does when it is asked to, and those that may not never do. */
static void test_rows(struct kit *kit)
{
	struct stage s = stage_open(kit);
	struct ban ban = {.since = 1, .until = FOREVER, .mode = MODE_ENFORCE};
	struct prefix banned = {.address = kit_address("192.0.2.1"), .length = 128};
	struct abuse a = {.banned_until = FOREVER};
	__u32 zero = 0;

	kit_must(bpf_map_update_elem(kit_map(kit, "bans"), &banned, &ban, BPF_ANY), "bans", "");
	bpf_map_update_elem(kit_map(kit, "abuse"), &zero, &a, BPF_ANY);
	kit->settings->dnsbl_threshold = 1;
	kit_dnsbl(kit, "192.0.2.2", 5, SECOND, 3600 * SECOND);
	set_rates(kit);
	kit_proof(kit);
	kit_proven(kit, "192.0.2.3", 3);
	kit_proven(kit, "192.0.2.4", 1);
	kit_charged(kit, RATE_SOURCE, "192.0.2.4", 200 * SECOND);
	kit_charged(kit, RATE_NETWORK, "203.0.113.9", 200 * SECOND);
	kit_charged(kit, RATE_SYN, "198.18.0.1", 200 * SECOND);
	kit_block(kit, "192.0.2.6");
	for (int refuses = 0; refuses < 2; refuses++) {
		enum kit_fate fate = refuses ? REFUSED : DROPPED;

		kit->settings->refuse_rows = refuses ? ~0ULL : 0;
		meets(kit, "192.0.2.1", 1025, TCP_SYN, REASON_ABUSE, fate);
		meets(kit, "192.0.2.2", 1025, TCP_SYN, REASON_DNSBL, fate);
		meets(kit, "192.0.2.3", 1025, TCP_SYN, REASON_SESSIONS, fate);
		meets(kit, "192.0.2.4", 1025, TCP_SYN, REASON_SOURCE_RATE, fate);
		meets(kit, "203.0.113.9", 1025, TCP_SYN, REASON_NETWORK_RATE, fate);
		meets(kit, "198.18.0.1", 1025, TCP_SYN, REASON_SYN_RATE, DROPPED);
		meets(kit, "192.0.2.6", 1025, TCP_SYN, REASON_ADMIN_BLOCK, DROPPED);
		/* A session that is open when the ban comes is not the listener's. */
		meets(kit, "192.0.2.1", 1024, TCP_ACK, REASON_ABUSE, DROPPED);
		/* The host's own users are not refused, and a hidden port cannot be. */
		kit_wants(kit, frame_from("192.0.2.1", 1025, 587, TCP_SYN), REASON_ABUSE, DROPPED);
		kit_wants(kit, frame_from("192.0.2.3", 1025, 587, TCP_SYN), REASON_SESSIONS,
			  DROPPED);
	}
	stage_close(&s);
}

static void test_facts(struct kit *kit)
{
	struct stage s = stage_open(kit);
	struct refusal word = {0};

	kit->settings->refuse_rows = 1ULL << REASON_DNSBL;
	kit->settings->dnsbl_threshold = 1;
	kit_dnsbl(kit, "192.0.2.2", 7, SECOND, 3600 * SECOND);
	meets(kit, "192.0.2.2", 1025, TCP_SYN, REASON_DNSBL, REFUSED);
	kit_expect("there is a word", word_of(kit, "192.0.2.2", 1025, &word), true);
	kit_expect("score", (uint64_t)word.score, 7);
	kit_expect("sites", word.sites, 5);
	kit_expect("until", word.until > kit_now(kit), true);
	kit_expect("list", word.list, 0);
	stage_close(&s);
}

/* --- is it possible ------------------------------------------------------------------------------ */

static void set_over_rate(struct kit *kit)
{
	kit->settings->refuse_rows = 1ULL << REASON_SESSIONS;
	kit->settings->sessions = 3;
	kit_proven(kit, STRANGER, 3);
}

/* Lists drop; rates pass where there is nobody to refuse, and drop where one is too many. */
static void falls_back(struct kit *kit, enum refuse_word how)
{
	bool nobody = how == REFUSE_ABSENT || how == REFUSE_ELSEWHERE;
	struct refusal word;
	struct answer a;

	a = asked(kit, LISTED);
	kit_expect("check: verdict", a.verdict, VERDICT_DROP);
	kit_expect("check: refuses", a.refuses, 1);
	kit_expect("check: how", a.refuse_word, how);
	a = asked(kit, STRANGER);
	kit_expect("check: verdict for rates", a.verdict, nobody ? VERDICT_PASS : VERDICT_DROP);
	kit_expect("check: how for rates", a.refuse_word, how);
	meets(kit, LISTED, 2000, TCP_SYN, REASON_BLOCK_LIST, DROPPED);
	meets(kit, STRANGER, 2000, TCP_SYN, REASON_SESSIONS, nobody ? PASSED : DROPPED);
	kit_expect("word", word_of(kit, LISTED, 2000, &word), false);
	kit_expect("word for rates", word_of(kit, STRANGER, 2000, &word), false);
}

static void test_absent(struct kit *kit)
{
	struct stage s = stage_open(kit);
	uint64_t before = counts(kit).absent;
	struct refusal word;

	set_over_rate(kit);
	alive(kit, false);
	falls_back(kit, REFUSE_ABSENT);
	alive(kit, true);
	meets(kit, LISTED, 2001, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	meets(kit, STRANGER, 2001, TCP_SYN, REASON_SESSIONS, REFUSED);
	/* Between the SYN's look at the map and the socket's: a reset, or the mail server. */
	stage_close(&s);
	not_given(kit, LISTED, 2001, SK_DROP);
	not_given(kit, STRANGER, 2001, SK_PASS);
	falls_back(kit, REFUSE_ABSENT);
	/* Who is let to the mail server is not refused; who is not stays so when its SYN is dropped. */
	kit_expect("word about who passed", word_of(kit, STRANGER, 2001, &word), false);
	meets(kit, LISTED, 2001, TCP_SYN, REASON_BLOCK_LIST, DROPPED);
	not_given(kit, LISTED, 2001, SK_DROP);
	kit_expect("counted", counts(kit).absent - before, 5);
}

static void test_one_family(struct kit *kit)
{
	struct stage s = stage_open(kit);

	close(s.socket[REFUSE_V6]);
	s.socket[REFUSE_V6] = -1;
	meets(kit, LISTED6, 2000, TCP_SYN, REASON_BLOCK_LIST, DROPPED);
	meets(kit, LISTED, 2000, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	stage_close(&s);
}

static void set_state(struct kit *kit, const struct refuse_state *state)
{
	__u32 zero = 0;

	kit_must(bpf_map_update_elem(kit_map(kit, "refuse_state"), &zero, state, BPF_ANY),
		 "refuse_state", "");
}

static void test_full(struct kit *kit)
{
	struct stage s = stage_open(kit);

	set_over_rate(kit);
	set_state(kit, &(struct refuse_state){.open = 100});
	falls_back(kit, REFUSE_FULL);
	set_state(kit, &(struct refuse_state){.open = 99});
	meets(kit, LISTED, 2001, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	stage_close(&s);
}

/* The mail server is in a container: its SYN-ACK is not the listener's. */
static void test_elsewhere(struct kit *kit)
{
	struct stage s = stage_open(kit);
	struct talk t = {.kit = kit, .client = LISTED, .port = 25, .client_port = 2001, .next = 77};

	set_over_rate(kit);
	meets(kit, LISTED, 2001, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	talk_syn_ack(&t);
	meets(kit, LISTED, 2001, TCP_ACK, REASON_BLOCK_LIST, DROPPED);
	falls_back(kit, REFUSE_ELSEWHERE);
	/* What was seen before program `refuse` was attached counts no more. */
	kit->settings->refuse_since = kit_now(kit);
	kit_expect("attached anew", asked(kit, LISTED).refuse_word, REFUSE_WELL);
	kit->settings->refuse_since = 0;
	kit_pass_time(kit, ELSEWHERE_AGAIN);
	alive(kit, true);
	meets(kit, LISTED, 2002, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	/* The listener's own shows nothing of the kind. */
	given(kit, LISTED, 2002);
	t.client_port = 2002;
	talk_syn_ack(&t);
	meets(kit, LISTED, 2003, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	stage_close(&s);
}

static void test_budget(struct kit *kit)
{
	struct stage s = stage_open(kit);
	unsigned int refused = 0;
	uint64_t began, seconds;
	cpu_set_t one;

	/* It is one of a processor's, in a second. */
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	kit_must(sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity", "");
	kit->settings->refuse_budget = 10;
	kit->settings->refuse_times = 1000;
	/* The tests before this one have spent of the second that runs. */
	kit_pass_time(kit, SECOND);
	began = kit_now(kit) / SECOND;
	for (uint16_t port = 3000; port < 3200; port++)
		refused += kit_run(kit->run, frame_from(LISTED, port, 25, TCP_SYN), 1) == XDP_PASS;
	seconds = kit_now(kit) / SECOND - began + 1;
	kit_expect("within the budget", refused >= 10 && refused <= 10 * seconds, true);
	stage_close(&s);
}

/* A source that is refused and dropped in turn: its SYNs, and segments of a connection that was before. */
static void test_told_once(struct kit *kit)
{
	struct stage s = stage_open(kit);

	kit->settings->refuse_times = 1000;
	kit_pass_time(kit, SECOND); /* the budget of events is that of a second */
	kit_events(kit, false);
	for (uint16_t port = 1; port <= 20; port++) {
		meets(kit, LISTED, port, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
		meets(kit, LISTED, 100, TCP_ACK, REASON_BLOCK_LIST, DROPPED);
	}
	kit_expect("events", kit_events(kit, false), 2);
	kit_pass_time(kit, ANNOUNCE_AGAIN);
	alive(kit, true);
	meets(kit, LISTED, 100, TCP_ACK, REASON_BLOCK_LIST, DROPPED);
	meets(kit, LISTED, 21, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	meets(kit, LISTED, 22, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	kit_expect("events ten minutes later", kit_events(kit, false), 2);
	stage_close(&s);
}

/* --- the ladder ---------------------------------------------------------------------------------- */

static void test_ladder(struct kit *kit)
{
	struct stage s = stage_open(kit);
	struct answer a;

	for (uint16_t port = 1; port <= 5; port++)
		refused_once(kit, LISTED, port, REASON_BLOCK_LIST);
	a = asked(kit, LISTED);
	kit_expect("check: verdict", a.verdict, VERDICT_DROP);
	kit_expect("check: how", a.refuse_word, REFUSE_LADDER);
	kit_expect("check: told", a.refuse_told, 5);
	kit_expect("check: until", a.refuse_until - a.refuse_since, 3600 * SECOND);
	meets(kit, LISTED, 6, TCP_SYN, REASON_BLOCK_LIST, DROPPED);
	/* A connection that is being refused goes on. */
	meets(kit, LISTED, 5, TCP_ACK, REASON_BLOCK_LIST, REFUSED);
	/* The same ports again are another connection. */
	meets(kit, LISTED, 5, TCP_SYN, REASON_BLOCK_LIST, DROPPED);
	/* Others are not concerned. */
	meets(kit, "198.51.100.8", 6, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	kit_pass_time(kit, 3599 * SECOND);
	alive(kit, true);
	meets(kit, LISTED, 6, TCP_SYN, REASON_BLOCK_LIST, DROPPED);
	kit_pass_time(kit, SECOND);
	meets(kit, LISTED, 6, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	stage_close(&s);
}

/* Who holds an IPv6 /64 is not told for ever by taking another address each time. */
static void test_ladder_of_network(struct kit *kit)
{
	struct stage s = stage_open(kit);
	char client[64];
	struct answer a;

	for (uint16_t i = 1; i <= 5 * TOLD_NETWORK; i++) {
		snprintf(client, sizeof(client), "2001:db8:f::1:%x", i);
		if (i <= 2 * TOLD_NETWORK)
			meets(kit, client, i, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
		else
			refused_once(kit, client, i, REASON_BLOCK_LIST);
	}
	a = asked(kit, LISTED6);
	kit_expect("check: verdict", a.verdict, VERDICT_DROP);
	kit_expect("check: how", a.refuse_word, REFUSE_LADDER);
	kit_expect("check: its network", a.refuse_network, 1);
	kit_expect("check: told", a.refuse_told, 0);
	kit_expect("check: until", a.refuse_until > a.now, true);
	meets(kit, LISTED6, 6, TCP_SYN, REASON_BLOCK_LIST, DROPPED);
	/* Other networks are not concerned, nor are IPv4's. */
	meets(kit, "2001:db8:f:1::7", 6, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	for (uint16_t i = 1; i <= 5 * TOLD_NETWORK + 1; i++) {
		snprintf(client, sizeof(client), "198.51.100.%u", i);
		refused_once(kit, client, i, REASON_BLOCK_LIST);
	}
	/* What only waited is forgotten. */
	kit_pass_time(kit, TOLD_PENDING);
	alive(kit, true);
	meets(kit, LISTED6, 6, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	/* One address alone comes to an end as ever, and no other one with it. */
	for (uint16_t port = 7; port <= 10; port++)
		refused_once(kit, LISTED6, port, REASON_BLOCK_LIST);
	kit_expect("check: its own", asked(kit, LISTED6).refuse_network, 0);
	kit_expect("check: how", asked(kit, LISTED6).refuse_word, REFUSE_LADDER);
	stage_close(&s);
}

/* Rates pass where there is nobody to refuse, but not for ever. */
static void test_ladder_of_rates(struct kit *kit)
{
	struct stage s = stage_open(kit);

	set_over_rate(kit);
	for (uint16_t port = 1; port <= 5; port++) {
		meets(kit, STRANGER, port, TCP_SYN, REASON_SESSIONS, REFUSED);
		given(kit, STRANGER, port);
		meets(kit, STRANGER, port, TCP_ACK, REASON_CLEAN, PASSED);
		handshake(kit, STRANGER, port);
	}
	meets(kit, STRANGER, 6, TCP_SYN, REASON_SESSIONS, DROPPED);
	stage_close(&s);
}

/* A SYN proves nothing: many at once are held, forged ones take nobody's turn for long. */
static void test_pending(struct kit *kit)
{
	struct stage s = stage_open(kit);

	for (uint16_t port = 1; port <= 5; port++)
		meets(kit, LISTED, port, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	kit_expect("pending", told_of(kit, LISTED).pending, 5);
	meets(kit, LISTED, 6, TCP_SYN, REASON_BLOCK_LIST, DROPPED);
	/* One that is sent again is no other one. */
	meets(kit, LISTED, 5, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	kit_expect("pending", told_of(kit, LISTED).pending, 5);
	kit_pass_time(kit, TOLD_PENDING);
	meets(kit, LISTED, 6, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	kit_expect("told", told_of(kit, LISTED).told, 0);
	stage_close(&s);
}

static const char *nth_client(unsigned int i, uint16_t *port)
{
	static char client[64];

	snprintf(client, sizeof(client), "198.51.100.%u", 1 + i % 199);
	*port = (uint16_t)(1024 + i / 199);
	return client;
}

/* Are there so many words fewer than there should be? */
static unsigned int words_lost(struct kit *kit, unsigned int from, unsigned int to)
{
	unsigned int lost = 0;
	uint64_t cookie;
	uint16_t port;

	for (unsigned int i = from; i < to; i++) {
		const char *client = nth_client(i, &port);

		look_up(kit, client, port, 25, &cookie);
		lost += !cookie;
	}
	return lost;
}

/*
 * The map of words is full, and each word was looked for again and again while its connection lasted; then
 * several SYNs come before the word about the first of them is looked for. Left to itself an LRU takes
 * the new ones for those that nobody needs.
 */
static void test_full_map(struct kit *kit)
{
	struct stage s = stage_open(kit);
	unsigned int batch = 60, lasts = 10 * batch, lost = 0;
	uint16_t port;

	kit->settings->refuse_times = 1000000;
	for (unsigned int i = 0; i < 3 * REFUSALS_MAX; i += batch) {
		for (unsigned int j = i; j < i + batch; j++) {
			const char *client = nth_client(j, &port);

			kit_run(kit->run, frame_from(client, port, 25, TCP_SYN), 1);
		}
		lost += words_lost(kit, i, i + batch);
		if (i >= lasts)
			lost += words_lost(kit, i - lasts, i - lasts + batch);
	}
	kit_expect("words lost", lost, 0);
	stage_close(&s);
}

/* --- words that hold no longer --------------------------------------------------------------------- */

static void test_taken_back(struct kit *kit)
{
	struct stage s = stage_open(kit);
	struct manual allow = {.allow_since = 1, .allow_until = FOREVER}, nothing = {0};
	struct refusal word;

	meets(kit, LISTED, 7, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	given(kit, LISTED, 7);
	kit_manual(kit, LISTED, &allow);
	meets(kit, LISTED, 7, TCP_SYN, REASON_ALLOW_LIST, PASSED);
	not_given(kit, LISTED, 7, SK_PASS);
	kit_manual(kit, LISTED, &nothing);
	/* Monitor mode refuses nothing, and what was said before does not hold in it. */
	meets(kit, LISTED, 8, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	set_mode(kit, MODE_MONITOR);
	not_given(kit, LISTED, 8, SK_PASS);
	meets(kit, LISTED, 8, TCP_SYN, REASON_BLOCK_LIST, WOULD_REFUSE);
	kit_expect("word in monitor mode", word_of(kit, LISTED, 8, &word), false);
	meets(kit, LISTED, 9, TCP_SYN, REASON_BLOCK_LIST, WOULD_REFUSE);
	kit_expect("word in monitor mode", word_of(kit, LISTED, 9, &word), false);
	/* The segments that follow would not have been dropped, nor would the log say so. */
	meets(kit, LISTED, 9, TCP_ACK, REASON_BLOCK_LIST, WOULD_REFUSE);
	alive(kit, false);
	meets(kit, LISTED, 9, TCP_ACK, REASON_BLOCK_LIST, WOULD_DROP);
	alive(kit, true);
	kit_expect("pending", told_of(kit, LISTED).pending, 2);
	kit_expect("check in monitor mode", asked(kit, LISTED).verdict, VERDICT_PASS);
	kit_expect("check: would", asked(kit, LISTED).would, VERDICT_REFUSE);
	stage_close(&s);
}

static void test_out_of_date(struct kit *kit)
{
	struct stage s = stage_open(kit);
	struct refusal word;

	meets(kit, LISTED, 7, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	given(kit, LISTED, 7);
	kit_pass_time(kit, REFUSAL_SYN + SECOND);
	/* An open connection goes on for longer, in the tarpit. */
	meets(kit, LISTED, 7, TCP_ACK, REASON_BLOCK_LIST, REFUSED);
	/* An ACK with the listener's SYN cookie, kept until now: the mail server would take it for its own. */
	not_given(kit, LISTED, 7, SK_DROP);
	kit_pass_time(kit, REFUSAL_OPEN);
	meets(kit, LISTED, 7, TCP_ACK, REASON_BLOCK_LIST, DROPPED);
	kit_expect("the old word is not in the way", word_of(kit, LISTED, 7, &word), true);
	alive(kit, true);
	meets(kit, LISTED, 7, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	given(kit, LISTED, 7);
	stage_close(&s);
}

/* Without a word nobody's connection is touched, on whatever port. */
/* Another processor was faster: what it wrote is later than what this one takes for now. */
static void test_other_processor(struct kit *kit)
{
	struct stage s = stage_open(kit);
	struct flow_key key = key_of(LISTED, 7);
	struct refusal word;

	meets(kit, LISTED, 7, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	kit_expect("there is a word", word_of(kit, LISTED, 7, &word), true);
	word.when = kit_now(kit) + SECOND;
	bpf_map_update_elem(kit_map(kit, "refusals"), &key, &word, BPF_ANY);
	set_state(kit, &(struct refuse_state){.last = word.when});
	given(kit, LISTED, 7);
	meets(kit, LISTED, 7, TCP_ACK, REASON_BLOCK_LIST, REFUSED);
	stage_close(&s);
}

/* The SYN-ACK that the mail server sends again had its SYN before the word. */
static void test_half_open(struct kit *kit)
{
	struct stage s = stage_open(kit);
	struct talk t = {.kit = kit, .client = STRANGER, .port = 25, .client_port = 7, .next = 77};

	meets(kit, STRANGER, 7, TCP_SYN, REASON_CLEAN, PASSED);
	talk_syn_ack(&t);
	set_over_rate(kit);
	meets(kit, STRANGER, 7, TCP_SYN, REASON_SESSIONS, REFUSED);
	talk_syn_ack(&t);
	meets(kit, LISTED, 8, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	stage_close(&s);
}

/* The list gave way to a rate while the handshake was under way: the words are the new ones. */
static void test_other_reason(struct kit *kit)
{
	struct stage s = stage_open(kit);
	struct refusal word;

	kit->settings->refuse_rows = 1ULL << REASON_SESSIONS;
	kit->settings->sessions = 3;
	kit_proven(kit, LISTED, 3);
	meets(kit, LISTED, 7, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	given(kit, LISTED, 7);
	kit_policy(kit, refusing + 1, 1);
	meets(kit, LISTED, 7, TCP_SYN, REASON_SESSIONS, REFUSED);
	kit_expect("there is a word", word_of(kit, LISTED, 7, &word), true);
	kit_expect("reason", word.reason, REASON_SESSIONS);
	kit_expect("list", word.list, 0);
	kit_expect("it is the listener's still", word.given != 0, true);
	stage_close(&s);
}

/* A SYN that is dropped begins nothing: the connection that is there goes on. */
static void test_dropped_syn(struct kit *kit)
{
	struct stage s = stage_open(kit);

	kit->settings->refuse_times = 1;
	refused_once(kit, LISTED, 7, REASON_BLOCK_LIST);
	meets(kit, LISTED, 7, TCP_SYN, REASON_BLOCK_LIST, DROPPED);
	meets(kit, LISTED, 7, TCP_ACK, REASON_BLOCK_LIST, REFUSED);
	stage_close(&s);
}

static void test_others(struct kit *kit)
{
	struct stage s = stage_open(kit);
	uint64_t cookie;

	not_given(kit, STRANGER, 7, SK_PASS);
	meets(kit, LISTED, 7, TCP_SYN, REASON_BLOCK_LIST, REFUSED);
	kit_expect("another port", look_up(kit, LISTED, 7, 587, &cookie), SK_PASS);
	kit_expect("another port: socket", cookie, 0);
	not_given(kit, "198.51.100.8", 7, SK_PASS);
	not_given(kit, LISTED, 8, SK_PASS);
	stage_close(&s);
}

/* --- what the listener says ------------------------------------------------------------------------- */

/* It is not charged, proves nobody, and reaches a client that is banned. */
static void test_unread(struct kit *kit)
{
	struct stage s = stage_open(kit);
	struct talk t = {.kit = kit, .client = LISTED, .port = 25, .client_port = 7, .next = 77};
	struct prefix banned = {.address = kit_address(LISTED), .length = 128};
	struct ban ban = {.since = 1, .until = FOREVER, .mode = MODE_ENFORCE};
	struct abuse a = {.banned_until = FOREVER};
	struct reply_counts before;
	struct proven proven;
	__u32 zero = 0;

	abuse_on(kit);
	kit->settings->refuse_rows = 1ULL << REASON_ABUSE;
	bpf_map_update_elem(kit_map(kit, "bans"), &banned, &ban, BPF_ANY);
	bpf_map_update_elem(kit_map(kit, "abuse"), &zero, &a, BPF_ANY);
	meets(kit, LISTED, 7, TCP_SYN, REASON_ABUSE, REFUSED);
	given(kit, LISTED, 7);
	before = talk_counts(kit);
	talk_syn_ack(&t);
	for (int i = 0; i < 5; i++)
		kit_expect("what the listener says", talk_say(&t, DENIED), TC_PASSED);
	kit_expect("replies read", talk_counts(kit).replies, before.replies);
	kit_expect("dropped", talk_counts(kit).dropped, before.dropped);
	kit_expect("proven", wall_proven(kit->wall, &banned.address, &proven), (uint64_t)-ENOENT);
	/* What the mail server says to it in another connection is dropped as ever. */
	t.client_port = 8;
	kit_expect("what the mail server says", talk_say(&t, DENIED), TC_DROPS);
	stage_close(&s);
}

static void test_check_leaves_no_trace(struct kit *kit)
{
	struct stage s = stage_open(kit);
	struct refuse_counts before = counts(kit), after;
	struct refusal word;

	for (int i = 0; i < 10; i++)
		kit_expect("verdict", asked(kit, LISTED).verdict, VERDICT_REFUSE);
	after = counts(kit);
	kit_expect("counts", memcmp(&before, &after, sizeof(before)) != 0, 0);
	kit_expect("word", word_of(kit, LISTED, 40000, &word), false);
	kit_expect("pending", told_of(kit, LISTED).pending, 0);
	stage_close(&s);
}

static const struct kit_test tests[] = {
	{"word", test_word},
	{"rows", test_rows},
	{"facts", test_facts},
	{"absent", test_absent},
	{"one-family", test_one_family},
	{"full", test_full},
	{"elsewhere", test_elsewhere},
	{"budget", test_budget},
	{"told-once", test_told_once},
	{"ladder", test_ladder},
	{"ladder-of-network", test_ladder_of_network},
	{"ladder-of-rates", test_ladder_of_rates},
	{"pending", test_pending},
	{"full-map", test_full_map},
	{"taken-back", test_taken_back},
	{"out-of-date", test_out_of_date},
	{"other-processor", test_other_processor},
	{"half-open", test_half_open},
	{"other-reason", test_other_reason},
	{"dropped-syn", test_dropped_syn},
	{"others", test_others},
	{"unread", test_unread},
	{"check-leaves-no-trace", test_check_leaves_no_trace},
};

KIT_MAIN("refuse", tests)
