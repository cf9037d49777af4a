// SPDX-License-Identifier: GPL-2.0-only
/*
 * limits.c - rows 7 to 10, each alone and in their order, and who is exempt from them
 */
#include "judge.h"

static void test_sessions(struct kit *kit)
{
	struct want many = {REASON_SESSIONS, VERDICT_DROP, 0, 0};

	scene(kit);
	kit_proven(kit, "192.0.2.1", 2);
	kit_proven(kit, "192.0.2.2", 3);
	kit_proven(kit, "2001:db8::2", 4);
	kit_proven(kit, "192.0.2.3", -1);
	kit_proven(kit, "10.0.0.2", 1000);
	judge(kit, "192.0.2.2", 25, TCP_SYN, clean);
	kit->settings->sessions = 3;
	for (enum mode mode = MODE_MONITOR; mode <= MODE_ENFORCE; mode++) {
		set_mode(kit, mode);
		judge(kit, "192.0.2.1", 25, TCP_SYN, clean);
		judge(kit, "192.0.2.2", 25, TCP_SYN, many);
		judge(kit, "192.0.2.2", 587, TCP_SYN, many);
		judge(kit, "192.0.2.2", 25, TCP_ACK, clean);
		judge(kit, "192.0.2.2", 25, TCP_SYN | TCP_ACK, clean);
		judge(kit, "2001:db8::2", 25, TCP_SYN, many);
		judge(kit, "192.0.2.3", 25, TCP_SYN, clean);
		judge(kit, "192.0.2.4", 25, TCP_SYN, clean);
		judge(kit, "10.0.0.2", 25, TCP_SYN, clean);
	}
}

/* --- rates ------------------------------------------------------------------------------------ */

/* One source against which everything speaks; one reason after the other is taken away. */
static void order_of(struct kit *kit, const char *source)
{
	static const struct want drops[] = {
		{REASON_SESSIONS, VERDICT_DROP, 0, 0},
		{REASON_SOURCE_RATE, VERDICT_DROP, 0, 0},
		{REASON_NETWORK_RATE, VERDICT_DROP, 0, 0},
		{REASON_SYN_RATE, VERDICT_DROP, 0, 0},
	};
	struct address address = kit_address(source);

	set_rates(kit);
	kit_proof(kit);
	kit_proven(kit, source, 3);
	for (enum rate_kind kind = RATE_SOURCE; kind <= RATE_SYN; kind++)
		kit_charged(kit, kind, source, 150 * SECOND);
	judge(kit, source, 25, TCP_SYN, drops[0]);
	judge(kit, source, 25, TCP_ACK, clean);
	kit_proven(kit, source, 2);
	judge(kit, source, 25, TCP_SYN, drops[1]);
	kit_charged(kit, RATE_SOURCE, source, 99 * SECOND);
	judge(kit, source, 25, TCP_SYN, drops[2]);
	kit_charged(kit, RATE_NETWORK, source, 99 * SECOND);
	judge(kit, source, 25, TCP_SYN, clean); /* proven: no rate of SYNs */
	bpf_map_delete_elem(kit_map(kit, "proven"), &address);
	judge(kit, source, 25, TCP_SYN, drops[3]);
	judge(kit, source, 25, TCP_ACK, clean);
	kit_charged(kit, RATE_SYN, source, 10 * SECOND);
	judge(kit, source, 25, TCP_SYN, clean);
}

static void test_order_of_rates(struct kit *kit)
{
	scene(kit);
	for (enum mode mode = MODE_MONITOR; mode <= MODE_ENFORCE; mode++) {
		set_mode(kit, mode);
		order_of(kit, "192.0.2.1");
		order_of(kit, "2001:db8::1");
	}
}

static void test_rates(struct kit *kit)
{
	struct want network = {REASON_NETWORK_RATE, VERDICT_DROP, 0, 0};
	struct want counted = {REASON_NETWORK_RATE, VERDICT_DROP, 0, COUNTED};
	struct want syn = {REASON_SYN_RATE, VERDICT_DROP, 0, 0};
	volatile struct settings *s = kit->settings;

	scene(kit);
	set_rates(kit);
	/* a /24 and a /64 share their network's rate, and no others */
	kit_charged(kit, RATE_NETWORK, "192.0.2.1", 150 * SECOND);
	kit_charged(kit, RATE_NETWORK, "2001:db8:1:1::1", 150 * SECOND);
	judge(kit, "192.0.2.77", 25, TCP_SYN, network);
	judge(kit, "192.0.2.200", 25, TCP_SYN, counted);
	judge(kit, "192.0.3.77", 25, TCP_SYN, clean);
	judge(kit, "2001:db8:1:1:ffff::1", 25, TCP_SYN, network);
	judge(kit, "2001:db8:1:2::1", 25, TCP_SYN, clean);
	/* switched off */
	s->network_cost = 0;
	judge(kit, "192.0.2.77", 25, TCP_SYN, clean);

	/* as long as nobody was proven here, everybody looks like a stranger */
	kit_charged(kit, RATE_SYN, "192.0.3.1", 150 * SECOND);
	judge(kit, "192.0.3.1", 25, TCP_SYN, clean);
	kit_proof(kit);
	judge(kit, "192.0.3.1", 25, TCP_SYN, syn);
	judge(kit, "192.0.3.1", 587, TCP_SYN, syn);
	judge(kit, "192.0.3.1", 80, TCP_SYN, (struct want){REASON_OTHER, VERDICT_PASS, 0, 0});
	s->syn_cost = 0;
	judge(kit, "192.0.3.1", 25, TCP_SYN, clean);

	kit_proven(kit, "192.0.3.1", 0);
	kit_charged(kit, RATE_SOURCE, "192.0.3.1", 150 * SECOND);
	judge(kit, "192.0.3.1", 25, TCP_SYN, (struct want){REASON_SOURCE_RATE, VERDICT_DROP, 0, 0});
	s->source_cost = 0;
	judge(kit, "192.0.3.1", 25, TCP_SYN, clean);

	/* rows 1, 2 and 4 come first */
	set_rates(kit);
	kit_block(kit, "192.0.3.1");
	judge(kit, "192.0.3.1", 25, TCP_SYN, by_hand);
	kit_proven(kit, "45.1.2.3", 1000);
	judge(kit, "45.1.2.3", 25, TCP_SYN,
	      (struct want){REASON_ALLOW_LIST, VERDICT_PASS, PARTNERS, 0});
}

/* Who found no room among the proven looks like a stranger: then nobody is taken for one. */
static void test_no_room(struct kit *kit)
{
	struct proof p = {.first = 1, .last = 1, .full = kit_now(kit)};
	__u32 zero = 0;

	scene(kit);
	set_rates(kit);
	kit_charged(kit, RATE_SYN, "192.0.3.1", 2 * PROOF_PAUSE);
	kit_must(bpf_map_update_elem(kit_map(kit, "proof"), &zero, &p, BPF_ANY), "proof", "");
	judge(kit, "192.0.3.1", 25, TCP_SYN, clean);
	kit_pass_time(kit, PROOF_PAUSE - 10 * SECOND);
	judge(kit, "192.0.3.1", 25, TCP_SYN, clean);
	kit_pass_time(kit, 11 * SECOND);
	judge(kit, "192.0.3.1", 25, TCP_SYN, (struct want){REASON_SYN_RATE, VERDICT_DROP, 0, 0});
}

/*
 * In both modes and families: only the rate of SYNs pauses, it works again eleven minutes later,
 * and pauses anew when there is no room again.
 */
static void test_no_room_again(struct kit *kit)
{
	struct want syn = {REASON_SYN_RATE, VERDICT_DROP, 0, 0};
	struct want source = {REASON_SOURCE_RATE, VERDICT_DROP, 0, 0};
	uint64_t late = 2 * PROOF_PAUSE + 660 * SECOND;

	scene(kit);
	set_rates(kit);
	kit_charged(kit, RATE_SYN, "192.0.3.1", late);
	kit_charged(kit, RATE_SYN, "2001:db8::1", late);
	kit_charged(kit, RATE_SOURCE, "192.0.3.2", late);
	kit_proven(kit, "192.0.3.2", 0);
	for (enum mode mode = MODE_MONITOR; mode <= MODE_ENFORCE; mode++) {
		struct proof p = {0};
		__u32 zero = 0;

		set_mode(kit, mode);
		p.first = p.last = p.full = kit_now(kit);
		kit_must(bpf_map_update_elem(kit_map(kit, "proof"), &zero, &p, BPF_ANY), "proof",
			 "");
		judge(kit, "192.0.3.1", 25, TCP_SYN, clean);
		judge(kit, "2001:db8::1", 25, TCP_SYN, clean);
		judge(kit, "192.0.3.2", 25, TCP_SYN, source);
		kit_pass_time(kit, 660 * SECOND);
		judge(kit, "192.0.3.1", 25, TCP_SYN, syn);
		judge(kit, "2001:db8::1", 25, TCP_SYN, syn);
	}
}

/* Behind a private address stands no single client: no rate, no limit; lists and blocks are meant.
 */
static void test_private(struct kit *kit)
{
	static const struct {
		const char *source;
		bool exempt;
	} table[] = {
		{"10.0.0.1", true},
		{"10.255.255.255", true},
		{"11.0.0.1", false},
		{"127.0.0.1", true},
		{"172.16.0.1", true},
		{"172.31.255.1", true},
		{"172.15.0.1", false},
		{"172.32.0.1", false},
		{"192.168.1.1", true},
		{"192.167.1.1", false},
		{"100.64.0.1", true},
		{"100.127.1.1", true},
		{"100.63.0.1", false},
		{"100.128.0.1", false},
		{"169.254.1.1", true},
		{"169.253.1.1", false},
		{"fe80::1", true},
		{"febf::1", true},
		{"fec0::1", false},
		{"fd00::1", true},
		{"fc00::1", true},
		{"fe00::1", false},
		{"::1", true},
		{"::2", false},
		{"2001:db8::1", false},
		{"64:ff9b::10.0.0.1", true},
		{"64:ff9b::11.0.0.1", false},
	};

	scene(kit);
	set_rates(kit);
	kit_proof(kit);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct want sessions = {REASON_SESSIONS, VERDICT_DROP, 0, 0};

		for (enum rate_kind kind = RATE_SOURCE; kind <= RATE_SYN; kind++)
			kit_charged(kit, kind, table[i].source, 150 * SECOND);
		kit_proven(kit, table[i].source, 10);
		judge(kit, table[i].source, 25, TCP_SYN, table[i].exempt ? clean : sessions);
	}
	judge(kit, "10.9.0.1", 25, TCP_SYN,
	      (struct want){REASON_BLOCK_LIST, VERDICT_DROP, FIRST, 0});
	kit_block(kit, "10.0.0.1");
	judge(kit, "10.0.0.1", 25, TCP_SYN, by_hand);
}

static const struct kit_test tests[] = {
	{"sessions", test_sessions},
	{"order", test_order_of_rates},
	{"rates", test_rates},
	{"no-room", test_no_room},
	{"no-room-again", test_no_room_again},
	{"private", test_private},
};

KIT_MAIN("limits", tests)
