// SPDX-License-Identifier: GPL-2.0-only
/*
 * refuse.c - refusing with a reason: when `wall` gives its word about a connection, what program `refuse`
 * does with it, and what becomes of the connection's other packets
 *
 * The listener is a pair of real listening sockets in the map; nobody connects to them here.
 */
#include <sched.h>
#include "stage.h"

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
	{"unread", test_unread},
	{"check-leaves-no-trace", test_check_leaves_no_trace},
};

KIT_MAIN("refuse", tests)
