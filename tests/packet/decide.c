// SPDX-License-Identifier: GPL-2.0-only
/*
 * decide.c - the order of decisions: lists, entries by hand, sessions that are let finish, hidden
 * ports, the mode; who wins over whom
 */
#include "judge.h"

/* --- lists ------------------------------------------------------------------------------------ */

static void test_lists(struct kit *kit)
{
	static const struct {
		const char *source;
		struct want want;
	} table[] = {
		{"192.0.2.7", {REASON_CLEAN, VERDICT_PASS, 0, 0}},
		{"2001:db8::7", {REASON_CLEAN, VERDICT_PASS, 0, 0}},
		{"203.0.113.1", {REASON_ALLOW_LIST, VERDICT_PASS, GUARD, 0}},
		{"2001:db8:9::1", {REASON_ALLOW_LIST, VERDICT_PASS, GUARD, 0}},
		/* an allowed /8 around a dropped /32, and the other way round */
		{"44.1.2.3", {REASON_ALLOW_LIST, VERDICT_PASS, PARTNERS, 0}},
		{"44.1.2.4", {REASON_ALLOW_LIST, VERDICT_PASS, PARTNERS, 0}},
		{"45.1.2.3", {REASON_ALLOW_LIST, VERDICT_PASS, PARTNERS, 0}},
		{"45.1.2.4", {REASON_BLOCK_LIST, VERDICT_DROP, FIRST, 0}},
		{"45.255.255.255", {REASON_BLOCK_LIST, VERDICT_DROP, FIRST, 0}},
		{"46.0.0.0", {REASON_CLEAN, VERDICT_PASS, 0, 0}},
		{"2001:db8:a::3", {REASON_ALLOW_LIST, VERDICT_PASS, PARTNERS, 0}},
		{"2001:db8:a:ffff::1", {REASON_ALLOW_LIST, VERDICT_PASS, PARTNERS, 0}},
		{"2001:db8:b::3", {REASON_ALLOW_LIST, VERDICT_PASS, PARTNERS, 0}},
		{"2001:db8:b::4", {REASON_BLOCK_LIST, VERDICT_DROP, FIRST, 0}},
		{"198.51.100.200", {REASON_ALLOW_LIST, VERDICT_PASS, PARTNERS, 0}},
		/* allow wins over count, and drop does */
		{"44.5.5.5", {REASON_ALLOW_LIST, VERDICT_PASS, PARTNERS, 0}},
		{"198.51.100.9", {REASON_BLOCK_LIST, VERDICT_DROP, FIRST, 0}},
		/* the first of two lists, whichever has the longer prefix */
		{"198.51.100.5", {REASON_BLOCK_LIST, VERDICT_DROP, FIRST, 0}},
		{"198.51.101.5", {REASON_BLOCK_LIST, VERDICT_DROP, FIRST, 0}},
		{"2001:db8:b:1::1", {REASON_BLOCK_LIST, VERDICT_DROP, FIRST, 0}},
		{"198.51.101.6", {REASON_BLOCK_LIST, VERDICT_DROP, NEXT, 0}},
		{"2001:db8:c:1::1", {REASON_BLOCK_LIST, VERDICT_DROP, NEXT, 0}},
		/* counted, and the decision goes on */
		{"192.0.2.128", {REASON_CLEAN, VERDICT_PASS, 0, COUNTED}},
		{"192.0.2.127", {REASON_CLEAN, VERDICT_PASS, 0, 0}},
		{"2001:db8:d::1", {REASON_CLEAN, VERDICT_PASS, 0, COUNTED}},
		/* private addresses are not spared by lists */
		{"10.9.1.1", {REASON_BLOCK_LIST, VERDICT_DROP, FIRST, 0}},
		{"fd00:9::1", {REASON_BLOCK_LIST, VERDICT_DROP, FIRST, 0}},
		/* NAT64 is the IPv4 address inside */
		{"64:ff9b::45.1.2.4", {REASON_BLOCK_LIST, VERDICT_DROP, FIRST, 0}},
		{"64:ff9b::45.1.2.3", {REASON_ALLOW_LIST, VERDICT_PASS, PARTNERS, 0}},
		{"64:ff9b:1::45.1.2.4", {REASON_CLEAN, VERDICT_PASS, 0, 0}},
	};

	scene(kit);
	for (enum mode mode = MODE_MONITOR; mode <= MODE_ENFORCE; mode++) {
		set_mode(kit, mode);
		for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
			judge(kit, table[i].source, 25, TCP_SYN, table[i].want);
			judge(kit, table[i].source, 25, TCP_ACK, table[i].want);
		}
	}
}

/* No policy was ever installed: nothing is listed. Must be the first test. */
static void test_no_policy(struct kit *kit)
{
	judge(kit, "45.1.2.4", 25, TCP_SYN, clean);
	judge(kit, "2001:db8:b::4", 25, TCP_SYN, clean);
	kit_block(kit, "45.1.2.4");
	judge(kit, "45.1.2.4", 25, TCP_SYN, by_hand);
}

/* Submission ports know neither block lists nor counts, but everything else. */
static void test_submission(struct kit *kit)
{
	scene(kit);
	kit_block(kit, "192.0.2.66");
	for (enum mode mode = MODE_MONITOR; mode <= MODE_ENFORCE; mode++) {
		set_mode(kit, mode);
		judge(kit, "45.1.2.4", 587, TCP_SYN, clean);
		judge(kit, "45.1.2.4", 587, TCP_ACK, clean);
		judge(kit, "2001:db8:b::4", 587, TCP_SYN, clean);
		judge(kit, "192.0.2.128", 587, TCP_SYN, clean);
		judge(kit, "192.0.2.66", 587, TCP_SYN, by_hand);
		judge(kit, "192.0.2.66", 587, TCP_ACK, by_hand);
		judge(kit, "45.1.2.3", 587, TCP_SYN,
		      (struct want){REASON_ALLOW_LIST, VERDICT_PASS, PARTNERS, 0});
	}
	kit->settings->sessions = 1;
	kit_proven(kit, "45.1.2.4", 1);
	judge(kit, "45.1.2.4", 587, TCP_SYN, (struct want){REASON_SESSIONS, VERDICT_DROP, 0, 0});
	judge(kit, "45.1.2.4", 465, TCP_SYN, (struct want){REASON_OTHER, VERDICT_PASS, 0, 0});
}

/* --- manual entries --------------------------------------------------------------------------- */

static void test_manual(struct kit *kit)
{
	uint64_t now = kit_now(kit);
	struct manual later = {.block_since = now + 60 * SECOND, .block_until = FOREVER};
	struct manual past = {.block_since = now - 60 * SECOND, .block_until = now - SECOND};
	struct manual minute = {.block_since = now, .block_until = now + 60 * SECOND};
	struct manual open = {.allow_since = now, .allow_until = now + 60 * SECOND};
	struct manual both = {now, now + 60 * SECOND, now, FOREVER};

	scene(kit);
	for (enum mode mode = MODE_MONITOR; mode <= MODE_ENFORCE; mode++) {
		set_mode(kit, mode);
		kit->settings->clock_offset = KIT_CLOCK;
		kit_no_manual(kit);

		/* a live /24 stays in force when a /32 inside it expires */
		kit_block(kit, "192.0.2.0/24");
		kit_manual(kit, "192.0.2.9", &past);
		judge(kit, "192.0.2.9", 25, TCP_SYN, by_hand);
		kit_manual(kit, "192.0.2.9", &minute);
		judge(kit, "192.0.2.9", 25, TCP_SYN, by_hand);
		/* an allow wins, whichever is wider, as long as it lasts */
		kit_manual(kit, "192.0.2.9", &open);
		judge(kit, "192.0.2.9", 25, TCP_SYN, allowed);
		judge(kit, "192.0.2.10", 25, TCP_ACK, by_hand);
		kit_manual(kit, "192.0.0.0/16", &open);
		judge(kit, "192.0.2.10", 25, TCP_SYN, allowed);
		kit_manual(kit, "203.0.113.9", &both);
		judge(kit, "203.0.113.9", 25, TCP_SYN, allowed);
		kit_manual(kit, "45.1.2.4", &open);
		judge(kit, "45.1.2.4", 25, TCP_SYN, allowed);
		/* a list that allows wins over a block by hand; that one over a list that drops */
		kit_block(kit, "45.1.2.3");
		judge(kit, "45.1.2.3", 25, TCP_SYN,
		      (struct want){REASON_ALLOW_LIST, VERDICT_PASS, PARTNERS, 0});
		kit_block(kit, "198.51.100.5");
		judge(kit, "198.51.100.5", 25, TCP_SYN, by_hand);
		/* begins later */
		kit_manual(kit, "203.0.113.20", &later);
		kit_manual(kit, "203.0.113.21", &minute);
		judge(kit, "203.0.113.20", 25, TCP_SYN, clean);
		judge(kit, "203.0.113.21", 25, TCP_SYN, by_hand);
		judge(kit, "203.0.113.22", 25, TCP_SYN, clean);

		kit_pass_time(kit, 61 * SECOND);
		judge(kit, "192.0.2.9", 25, TCP_SYN, by_hand);
		judge(kit, "192.0.2.10", 25, TCP_SYN, by_hand);
		judge(kit, "203.0.113.9", 25, TCP_SYN, by_hand);
		judge(kit, "45.1.2.4", 25, TCP_SYN,
		      (struct want){REASON_BLOCK_LIST, VERDICT_DROP, FIRST, 0});
		judge(kit, "203.0.113.20", 25, TCP_SYN, by_hand);
		judge(kit, "203.0.113.21", 25, TCP_SYN, clean);
	}
}

static void test_manual_prefixes(struct kit *kit)
{
	struct manual block = {.block_since = 1, .block_until = FOREVER};
	struct manual past = {.block_since = 1, .block_until = 2}, nothing = {0};
	struct prefix inside = {.address = kit_address("2001:db8:5555:5555:5555:5555:5555:5555")};

	kit_block(kit, "0.0.0.0/0");
	judge(kit, "192.0.2.1", 25, TCP_SYN, by_hand);
	judge(kit, "64:ff9b::192.0.2.1", 25, TCP_SYN, by_hand);
	judge(kit, "2001:db8::1", 25, TCP_SYN, clean);
	kit_no_manual(kit);
	kit_block(kit, "2000::/3");
	judge(kit, "192.0.2.1", 25, TCP_SYN, clean);
	judge(kit, "2001:db8::1", 25, TCP_SYN, by_hand);
	judge(kit, "4001:db8::1", 25, TCP_SYN, clean);
	kit_no_manual(kit);

	/* All 129 lengths in use, one in force at a time: each is asked for. */
	for (uint32_t length = 0; length <= 128; length++) {
		struct prefix key = inside;

		key.length = length;
		prefix_mask(&key);
		kit_must(wall_put_manual(kit->wall, &key, &past, NULL), "wall_put_manual", "");
	}
	judge(kit, "2001:db8:5555:5555:5555:5555:5555:5555", 25, TCP_SYN, clean);
	for (uint32_t length = 0; length <= 128; length++) {
		struct prefix key = inside;
		struct frame f;

		key.length = length;
		prefix_mask(&key);
		kit_must(wall_put_manual(kit->wall, &key, &block, NULL), "wall_put_manual", "");
		kit_about("length %u of 129", length);
		frame_tcp(&f, "2001:db8:5555:5555:5555:5555:5555:5555", 25, TCP_ACK);
		kit_wants(kit, &f, REASON_ADMIN_BLOCK, DROPPED);
		if (length) { /* the address with the last bit of the prefix turned */
			f.byte[22 + (length - 1) / 8] ^= (uint8_t)(0x80 >> (length - 1) % 8);
			kit_wants(kit, &f, REASON_CLEAN, PASSED);
		}
		kit_must(wall_put_manual(kit->wall, &key, &past, NULL), "wall_put_manual", "");
	}
	for (uint32_t length = 0; length <= 128; length += 2) {
		struct prefix key = inside;

		key.length = length;
		prefix_mask(&key);
		kit_must(wall_put_manual(kit->wall, &key, &nothing, NULL), "wall_put_manual", "");
	}
	kit_about("%s", "");
	kit_expect("entries left", (uint64_t)wall_manual_count(kit->wall), 64);
}

/* --- open sessions ---------------------------------------------------------------------------- */

/* A listed source's SYNs are dropped, the sessions it had before are let finish. */
static void test_mercy(struct kit *kit)
{
	static const uint8_t segments[] = {TCP_ACK, TCP_FIN | TCP_ACK, TCP_RST, TCP_SYN | TCP_ACK,
					   0};
	struct want dropped = {REASON_BLOCK_LIST, VERDICT_DROP, FIRST, 0};
	struct want spared = {REASON_BLOCK_LIST, VERDICT_PASS, FIRST, 0};

	scene(kit);
	kit_block(kit, "192.0.2.66");
	kit_proven(kit, "192.0.2.66", 2);
	kit_proven(kit, "45.1.2.4", 1);
	kit_proven(kit, "2001:db8:b::4", 3);
	kit_proven(kit, "45.1.2.5", 0);
	kit_proven(kit, "45.1.2.6", -1);
	for (enum mode mode = MODE_MONITOR; mode <= MODE_ENFORCE; mode++) {
		set_mode(kit, mode);
		for (size_t i = 0; i < sizeof(segments); i++) {
			judge(kit, "45.1.2.4", 25, segments[i], spared);
			judge(kit, "2001:db8:b::4", 25, segments[i], spared);
			judge(kit, "64:ff9b::45.1.2.4", 25, segments[i], spared);
			judge(kit, "45.1.2.5", 25, segments[i], dropped);
			judge(kit, "45.1.2.6", 25, segments[i], dropped);
			judge(kit, "45.1.2.7", 25, segments[i], dropped);
			judge(kit, "192.0.2.66", 25, segments[i], by_hand);
		}
		judge(kit, "45.1.2.4", 25, TCP_SYN, dropped);
		judge(kit, "2001:db8:b::4", 25, TCP_SYN, dropped);
		judge(kit, "45.1.2.4", 587, TCP_SYN, clean);
	}
}

/* --- the mode --------------------------------------------------------------------------------- */

static void test_mode(struct kit *kit)
{
	uint64_t later = kit_now(kit) / SECOND + 60;

	kit_block(kit, "192.0.2.66");
	kit->settings->mode = MODE_WORD(MODE_ENFORCE, later, MODE_MONITOR);
	kit_syn(kit, "192.0.2.66", REASON_ADMIN_BLOCK, DROPPED);
	kit_pass_time(kit, 58 * SECOND);
	kit_syn(kit, "192.0.2.66", REASON_ADMIN_BLOCK, DROPPED);
	kit_pass_time(kit, 3 * SECOND);
	kit_syn(kit, "192.0.2.66", REASON_ADMIN_BLOCK, WOULD_DROP);
	judge(kit, "192.0.2.66", 25, TCP_SYN, by_hand);

	later = kit_now(kit) / SECOND + 60;
	kit->settings->mode = MODE_WORD(MODE_MONITOR, later, MODE_ENFORCE);
	kit_syn(kit, "192.0.2.66", REASON_ADMIN_BLOCK, WOULD_DROP);
	kit_pass_time(kit, 61 * SECOND);
	kit_syn(kit, "192.0.2.66", REASON_ADMIN_BLOCK, DROPPED);
	judge(kit, "192.0.2.66", 25, TCP_SYN, by_hand);
}

/* --- hidden ports ----------------------------------------------------------------------------- */

static void test_hidden(struct kit *kit)
{
	static const struct {
		const char *source;
		struct want want;
	} table[] = {
		{"203.0.113.7", {REASON_OTHER, VERDICT_PASS, 0, 0}},
		{"2001:db8::7", {REASON_OTHER, VERDICT_PASS, 0, 0}},
		{"192.0.2.66", {REASON_ADMIN_BLOCK, VERDICT_DROP, 0, 0}},
		{"2001:db8::66", {REASON_ADMIN_BLOCK, VERDICT_DROP, 0, 0}},
		{"192.0.2.67", {REASON_OTHER, VERDICT_PASS, 0, 0}}, /* blocked, but allowed */
		{"45.1.2.4", {REASON_BLOCK_LIST, VERDICT_DROP, FIRST, 0}},
		{"45.1.2.9", {REASON_BLOCK_LIST, VERDICT_DROP, FIRST, 0}}, /* no mercy */
		{"2001:db8:b::4", {REASON_BLOCK_LIST, VERDICT_DROP, FIRST, 0}},
		{"45.1.2.3", {REASON_OTHER, VERDICT_PASS, PARTNERS, 0}},
		{"192.0.2.128", {REASON_OTHER, VERDICT_PASS, 0, COUNTED}},
		{"203.0.113.99", {REASON_OTHER, VERDICT_PASS, 0, 0}}, /* over all its rates */
	};
	struct manual both = {1, FOREVER, 1, FOREVER};

	scene(kit);
	kit_block(kit, "192.0.2.66");
	kit_block(kit, "2001:db8::66");
	kit_manual(kit, "192.0.2.67", &both);
	kit_proven(kit, "45.1.2.9", 1);
	set_rates(kit);
	kit_proof(kit);
	kit_charged(kit, RATE_SYN, "203.0.113.99", 150 * SECOND);
	for (enum mode mode = MODE_MONITOR; mode <= MODE_ENFORCE; mode++) {
		set_mode(kit, mode);
		for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
			struct want want = table[i].want;
			static struct frame f;

			kit_about("later fragment from %s", table[i].source);
			frame_hidden(&f, table[i].source, false);
			judge_frame(kit, &f, &want);
			kit_about("tiny fragment from %s", table[i].source);
			frame_hidden(&f, table[i].source, true);
			if (want.verdict == VERDICT_PASS)
				want.reason = REASON_MALFORMED;
			/* kit_check() makes the frame longer, which the IP header must not allow.
			 */
			put16(f.byte + (f.byte[12] == 0x08 ? 16 : 18), f.byte[12] == 0x08 ? 22 : 2);
			judge_frame(kit, &f, &want);
		}
	}
}

static const struct kit_test tests[] = {
	{"no-policy", test_no_policy},
	{"lists", test_lists},
	{"submission", test_submission},
	{"manual", test_manual},
	{"manual-prefixes", test_manual_prefixes},
	{"open-sessions-finish", test_mercy},
	{"mode", test_mode},
	{"hidden-port", test_hidden},
};

KIT_MAIN("decide", tests)
