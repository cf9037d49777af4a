// SPDX-License-Identifier: GPL-2.0-only
/*
 * answer.c - what `check` tells, and that it leaves no trace
 */
#include "judge.h"

/* --- what `check` tells ----------------------------------------------------------------------- */

static void test_answer(struct kit *kit)
{
	uint64_t now = kit_now(kit);
	struct manual block = {.block_since = now - 5, .block_until = now + 50 * SECOND};
	struct manual allow = {.allow_since = now - 7, .allow_until = FOREVER};
	struct address inside = kit_address("45.1.2.4");
	static struct frame f;
	struct answer a;

	scene(kit);
	kit_manual(kit, "192.0.2.66", &block);
	kit_manual(kit, "192.0.2.67", &allow);
	kit_proven(kit, "45.1.2.4", 5);

	frame_tcp(&f, "192.0.2.66", 25, TCP_SYN);
	kit_expect("value", kit_check(kit, &f, &a), XDP_DROP);
	kit_expect("since", a.since, block.block_since);
	kit_expect("until", a.until, block.block_until);
	kit_expect("list_loaded", (uint64_t)a.list_loaded, 0);
	kit_expect("port", a.port, PORT_PROTECTED);
	kit_expect("proven", a.proven, 0);
	if (a.now < now || a.now > kit_now(kit))
		kit_fail("unexpected now: got %llu, want about %llu", (unsigned long long)a.now,
			 (unsigned long long)now);

	frame_tcp(&f, "192.0.2.67", 587, TCP_SYN);
	kit_expect("value", kit_check(kit, &f, &a), XDP_PASS);
	kit_expect("since", a.since, allow.allow_since);
	kit_expect("until", a.until, FOREVER);
	kit_expect("port", a.port, PORT_SUBMISSION);

	frame_tcp(&f, "64:ff9b::45.1.2.4", 25, TCP_ACK);
	kit_expect("value", kit_check(kit, &f, &a), XDP_PASS);
	kit_expect("reason", a.reason, REASON_BLOCK_LIST);
	kit_expect("list_loaded", (uint64_t)a.list_loaded, 1000);
	kit_expect("proven", a.proven, 1);
	kit_expect("sessions", a.sessions, 5);
	kit_expect("since", a.since, 0);
	if (memcmp(&a.source, &inside, sizeof(inside)))
		kit_fail("the source is not the IPv4 address inside");

	frame_tcp(&f, "45.1.2.4", 80, TCP_SYN);
	kit_expect("value", kit_check(kit, &f, &a), XDP_PASS);
	kit_expect("reason", a.reason, REASON_OTHER);
	kit_expect("port", a.port, PORT_OTHER);

	/* a packet too short for the answer gets the verdict alone */
	frame_tcp(&f, "45.1.2.8", 25, TCP_SYN);
	kit_expect("value for a short packet", kit_run(kit->check, &f, 1), XDP_DROP);
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
	for (const uint8_t *at = bytes; size--; at++)
		hash = (hash ^ *at) * 0x100000001b3;
	return hash;
}

/* A sum over all entries of a map, whatever order they come in. */
static uint64_t map_hash(int fd)
{
	size_t cpus = (size_t)libbpf_num_possible_cpus();
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	uint8_t key[64], *value;
	uint64_t sum = 0;
	bool first = true;

	kit_must(bpf_obj_get_info_by_fd(fd, &info, &size), "map info", "");
	value = malloc((info.value_size + 8) * cpus);
	while (value && bpf_map_get_next_key(fd, first ? NULL : key, key) == 0) {
		bool each_cpu = info.type == BPF_MAP_TYPE_PERCPU_ARRAY;
		uint64_t hash = hash_bytes(0xcbf29ce484222325, key, info.key_size);

		first = false;
		if (bpf_map_lookup_elem(fd, key, value) == 0)
			sum += hash_bytes(hash, value,
					  each_cpu ? (info.value_size + 7) / 8 * 8 * cpus
						   : info.value_size);
	}
	free(value);
	return sum;
}

static const char *const traced[] = {
	"counters", "list_counters", "notices", "rates",    "announced", "proven", "proof",
	"manual",   "settings",	     "dnsbl",	"deferred", "deferral",	 "asked",  "dnsbl_health"};

#define TRACED (sizeof(traced) / sizeof(*traced))

static void trace(int program)
{
	static const char *const from[] = {
		"192.0.2.1",	"192.0.2.66",  "45.1.2.3", "45.1.2.4",	    "192.0.2.128",
		"203.0.113.99", "203.0.113.5", "10.0.0.1", "2001:db8:b::4", "2001:db8::123"};
	static struct frame f;

	for (size_t i = 0; i < sizeof(from) / sizeof(*from); i++) {
		for (uint16_t port = 25; port < 1000; port += 562) { /* 25 and 587 */
			frame_tcp(&f, from[i], port, TCP_SYN);
			kit_run(program, &f, 1);
			frame_tcp(&f, from[i], port, TCP_ACK);
			kit_run(program, &f, 1);
		}
		frame_hidden(&f, from[i], false);
		kit_run(program, &f, 1);
	}
	f.byte[12] = 0xff;
	kit_run(program, &f, 1);
}

static void test_no_trace(struct kit *kit)
{
	uint64_t before[TRACED], after;
	unsigned int changed = 0;

	scene(kit);
	set_rates(kit);
	kit_proof(kit);
	kit_block(kit, "192.0.2.66");
	kit_proven(kit, "45.1.2.4", 1);
	kit_proven(kit, "203.0.113.5", 5);
	kit_charged(kit, RATE_SYN, "203.0.113.99", 150 * SECOND);
	kit->settings->watch_until = FOREVER;
	kit_events(kit, false);
	kit_events(kit, true);
	for (size_t i = 0; i < TRACED; i++)
		before[i] = map_hash(kit_map(kit, traced[i]));
	trace(kit->check);
	for (size_t i = 0; i < TRACED; i++) {
		after = map_hash(kit_map(kit, traced[i]));
		if (after != before[i])
			kit_fail("check changed the map %s", traced[i]);
	}
	kit_expect("events sent by check", kit_events(kit, false), 0);
	kit_expect("events sent by check to watchers", kit_events(kit, true), 0);

	/* The same packets do leave traces when they are real. */
	trace(kit->run);
	for (size_t i = 0; i < TRACED; i++)
		changed += map_hash(kit_map(kit, traced[i])) != before[i];
	kit_expect("maps that wall changed", changed, 5);
	if (!kit_events(kit, false) || !kit_events(kit, true))
		kit_fail("wall sent no events");
}

static const struct kit_test tests[] = {
	{"fields", test_answer},
	{"no-trace", test_no_trace},
};

KIT_MAIN("answer", tests)
