// SPDX-License-Identifier: GPL-2.0-only
/*
 * words.c - how long the word about a refused connection holds, and what takes it back
 */
#include "stage.h"

static const char *nth_client(unsigned int i, uint16_t *port)
{
	static char client[64];

	snprintf(client, sizeof(client), "198.51.100.%u", 1 + i % 199);
	*port = (uint16_t)(1024 + i / 199);
	return client;
}

/* How many of these connections have no word any more? Looks for each once. */
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

/* Without a word nobody's connection is touched, on whatever port. */
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

static const struct kit_test tests[] = {
	{"full-map", test_full_map},	   {"taken-back", test_taken_back},
	{"out-of-date", test_out_of_date}, {"other-processor", test_other_processor},
	{"half-open", test_half_open},	   {"other-reason", test_other_reason},
	{"dropped-syn", test_dropped_syn}, {"others", test_others},
};

KIT_MAIN("words", tests)
