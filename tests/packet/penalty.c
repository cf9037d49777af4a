// SPDX-License-Identifier: GPL-2.0-only
/*
 * penalty.c - what offences cost: rows 3 and 5, fading, the ban at the limit and its length, and who is
 * never banned
 */
#include "talk.h"

static void offend(struct kit *kit, const char *client, const char *reply, int times)
{
	struct talk t = talk_open(kit, client);

	for (int i = 0; i < times; i++)
		talk_say(&t, reply);
}

static void test_limit(struct kit *kit)
{
	struct talk t;
	struct ban b;

	abuse_on(kit);
	scene(kit);
	t = talk_open(kit, CLIENT);
	talk_say(&t,
		 "250 a line that is longer than any of those that come behind it on this way\r\n");
	talk_say(&t, DENIED);
	talk_say(&t, DENIED_4);
	judge(kit, CLIENT, 25, TCP_ACK, clean);
	kit_expect("the answer that reaches the limit", talk_say(&t, DENIED), TC_PASSED);
	judge(kit, CLIENT, 25, TCP_ACK, by_ban);
	judge(kit, CLIENT, 25, TCP_SYN, by_ban);
	judge(kit, CLIENT, 587, TCP_SYN, by_ban);
	judge(kit, CLIENT, 80, TCP_SYN, (struct want){REASON_OTHER, VERDICT_PASS, 0, 0});
	judge(kit, "192.0.2.67", 25, TCP_SYN, clean);
	kit_expect("the next answer", talk_say(&t, DENIED), TC_DROPS);
	if (!talk_ban(kit, CLIENT, &b))
		kit_fail("there is no ban");
	kit_expect("strikes", b.strikes, 1);
	kit_expect("evidence", b.offence[OFFENCE_RELAY_DENIED], 3);
	kit_expect("length", b.until - b.since, 600 * SECOND);
	if (strlen(b.text) != strlen(DENIED) - 2 || strncmp(b.text, DENIED, strlen(b.text)) != 0)
		kit_fail("unexpected text: %.90s", b.text);
	/* a TCP packet that hides its port */
	{
		static struct frame f;

		kit_about("hidden port");
		frame_hidden(&f, CLIENT, false);
		judge_frame(kit, &f, &by_ban);
	}
	kit_pass_time(kit, 601 * SECOND);
	judge(kit, CLIENT, 25, TCP_SYN, clean);
}

/* Commands that were on their way: of one segment nothing leaves that was answered after the limit. */
static void test_pipeline(struct kit *kit)
{
	struct talk t;

	abuse_on(kit);
	t = talk_open(kit, CLIENT);
	kit_expect("six in a segment", talk_say(&t, DENIED DENIED DENIED DENIED DENIED DENIED),
		   TC_DROPS);
	kit_reset(kit);
	abuse_on(kit);
	t = talk_open(kit, CLIENT);
	kit_expect("three in a segment", talk_say(&t, DENIED DENIED DENIED), TC_PASSED);
	kit_expect("and the next", talk_say(&t, DENIED), TC_DROPS);
}

static void test_repeated(struct kit *kit)
{
	static const uint64_t minutes[] = {10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120};
	struct ban b;

	abuse_on(kit);
	for (int i = 0; i < 12; i++) {
		uint64_t want = i < 10 ? minutes[i] : 7 * 1440;

		kit_about("ban %d", i + 1);
		/* Within a week of the one before. */
		offend(kit, CLIENT, DENIED, 3);
		if (!talk_ban(kit, CLIENT, &b))
			kit_fail("there is no ban");
		kit_expect("strikes", b.strikes, (uint64_t)i + 1);
		kit_expect("minutes", (b.until - b.since) / (60 * SECOND), want);
		/* Attempts change nothing. */
		offend(kit, CLIENT, DENIED, 5);
		kit_expect("until", (talk_ban(kit, CLIENT, &b), b.until - b.since),
			   want * 60 * SECOND);
		kit_expect("fresh", talk_offences(kit, CLIENT, 0), 3 * ((uint64_t)i + 1));
		kit_pass_time(kit, b.until - kit_now(kit) + SECOND);
	}
	kit_pass_time(kit, 8 * 86400 * SECOND);
	offend(kit, CLIENT, DENIED, 3);
	kit_expect("strikes after a week", (talk_ban(kit, CLIENT, &b), b.strikes), 1);
}

static void test_fading(struct kit *kit)
{
	uint64_t at, last = 10 * PENALTY_POINT, half = 9600;

	/* The curve itself: halves, never rises, ends. */
	for (at = 0; at <= 40 * half; at += 7) {
		uint64_t sum = penalty_fade(PENALTY_WORD(1, 10 * PENALTY_POINT), 1 + at, half);

		if (sum > last)
			kit_fail("it rises at %llu", (unsigned long long)at);
		last = sum;
	}
	kit_expect("at the end", last, 0);
	for (int n = 0; n < 5; n++)
		kit_expect("after halvings",
			   penalty_fade(PENALTY_WORD(1, 1 << 20), 1 + n * half, half),
			   (1ULL << 20) >> n);
	at = penalty_fade(PENALTY_WORD(1, 1 << 20), 1 + half / 2, half);
	if (at < 741455 - 300 || at > 741455 + 300) /* 2^20 / sqrt 2 */
		kit_fail("half way: %llu", (unsigned long long)at);
	/* In the program: two now, two in half an hour are not four. */
	abuse_on(kit);
	scene(kit);
	offend(kit, CLIENT, DENIED, 2);
	kit_pass_time(kit, 1800 * SECOND);
	offend(kit, CLIENT, DENIED, 2);
	judge(kit, CLIENT, 25, TCP_SYN, clean);
	offend(kit, CLIENT, DENIED, 1);
	judge(kit, CLIENT, 25, TCP_SYN, by_ban);
}

static void test_guesses(struct kit *kit)
{
	unsigned int guesses = 0;
	struct ban b;

	abuse_on(kit);
	scene(kit);
	/* Ten at once. */
	offend(kit, CLIENT6, GUESS, 9);
	judge(kit, CLIENT6, 25, TCP_SYN, clean);
	offend(kit, CLIENT6, GUESS, 1);
	judge(kit, CLIENT6, 25, TCP_SYN, by_ban);
	/* One in two minutes never reaches the limit; the day's sum does. */
	while (!talk_ban(kit, CLIENT, &b) && guesses++ < 200) {
		offend(kit, CLIENT, GUESS, 1);
		kit_pass_time(kit, 120 * SECOND);
	}
	if (guesses < 50 || guesses > 56)
		kit_fail("banned after %u guesses", guesses);
	/* Two an hour are somebody's old telephone. */
	for (int i = 0; i < 200; i++) {
		offend(kit, "192.0.2.99", GUESS, 1);
		kit_pass_time(kit, 1800 * SECOND);
	}
	judge(kit, "192.0.2.99", 25, TCP_SYN, clean);
}

static void test_weights(struct kit *kit)
{
	abuse_on(kit);
	scene(kit);
	offend(kit, CLIENT, NOBODY, 50);
	offend(kit, CLIENT, GARBLED, 50);
	judge(kit, CLIENT, 25, TCP_SYN, clean);
	kit_expect("counted", talk_offences(kit, CLIENT, OFFENCE_UNKNOWN_USER), 50);
	kit->settings->abuse_weight[OFFENCE_UNKNOWN_USER] = 2 * PENALTY_POINT;
	offend(kit, CLIENT, NOBODY, 5);
	judge(kit, CLIENT, 25, TCP_SYN, by_ban);
	/* Switched off: counted, and nobody is banned. */
	kit->settings->abuse_limit = 0;
	offend(kit, CLIENT6, DENIED, 10);
	judge(kit, CLIENT6, 25, TCP_SYN, clean);
	kit_expect("counted without a limit", talk_offences(kit, CLIENT6, 0), 10);
}

static void test_monitor(struct kit *kit)
{
	struct talk t;
	struct ban b;

	abuse_on(kit);
	scene(kit);
	set_mode(kit, MODE_MONITOR);
	t = talk_open(kit, CLIENT);
	for (int i = 0; i < 6; i++)
		kit_expect("an answer in monitor mode", talk_say(&t, DENIED DENIED FINE),
			   TC_PASSED);
	judge(kit, CLIENT, 25, TCP_SYN, by_ban);
	kit_expect("mode", (talk_ban(kit, CLIENT, &b), b.mode), MODE_MONITOR);
	/* It falls away, and so does its strike. */
	set_mode(kit, MODE_ENFORCE);
	judge(kit, CLIENT, 25, TCP_SYN, clean);
	offend(kit, CLIENT, DENIED, 3);
	judge(kit, CLIENT, 25, TCP_SYN, by_ban);
	kit_expect("strikes", (talk_ban(kit, CLIENT, &b), b.strikes), 1);
	kit_expect("mode", b.mode, MODE_ENFORCE);
}

static void know(struct kit *kit, const char *client)
{
	struct known k = {.until = kit_now(kit) + 86400 * SECOND, .messages = 9, .days = 3};
	struct address source = kit_address(client);

	kit_must(wall_put_known(kit->wall, &source, &k), "known", "");
}

/* So many sessions, each with more than one message. */
static void deliver(struct kit *kit, const char *client, int sessions)
{
	for (int i = 0; i < sessions; i++) {
		struct talk t = talk_open(kit, client);

		talk_say(&t, "354 go\r\n250 2.0.0 Ok: queued\r\n354 go\r\n250 Ok: queued\r\n");
	}
}

/* Who can be tricked into it, and who is many. */
static void test_spared(struct kit *kit)
{
	struct reply_counts before = talk_counts(kit);
	struct talk t;

	abuse_on(kit);
	scene(kit);
	know(kit, CLIENT);
	offend(kit, CLIENT, DENIED, 20);
	judge(kit, CLIENT, 25, TCP_SYN, clean);
	kit_expect("counted", talk_offences(kit, CLIENT, 0), 20);
	offend(kit, CLIENT, GUESS, 10);
	judge(kit, CLIENT, 25, TCP_SYN, by_ban); /* nobody is tricked into guessing */
	offend(kit, "10.1.2.3", DENIED, 20);
	offend(kit, "fd00::9", GUESS, 20);
	judge(kit, "10.1.2.3", 25, TCP_SYN, clean);
	judge(kit, "fd00::9", 25, TCP_SYN, clean);
	offend(kit, "198.51.100.200", DENIED, 20); /* in a list */
	kit_manual(kit, "198.51.100.201",
		   &(struct manual){.allow_since = 1, .allow_until = FOREVER});
	offend(kit, "198.51.100.201", DENIED, 20);
	kit_no_manual(kit);
	judge(kit, "198.51.100.201", 25, TCP_SYN,
	      (struct want){REASON_BLOCK_LIST, VERDICT_DROP, 3, 0});
	/* 30 messages of 100. */
	deliver(kit, "192.0.2.10", 30);
	deliver(kit, "192.0.2.11", 70);
	offend(kit, "192.0.2.10", DENIED, 10);
	judge(kit, "192.0.2.10", 25, TCP_SYN, clean);
	kit->settings->abuse_share = 35;
	offend(kit, "192.0.2.10", DENIED, 1);
	judge(kit, "192.0.2.10", 25, TCP_SYN, by_ban);
	/* Many messages in one session are one client's. */
	t = talk_open(kit, "192.0.2.12");
	for (int i = 0; i < 200; i++)
		talk_say(&t, "354 go\r\n250 2.0.0 Ok: queued\r\n");
	offend(kit, "192.0.2.12", DENIED, 3);
	judge(kit, "192.0.2.12", 25, TCP_SYN, by_ban);
	if (talk_counts(kit).spared - before.spared < 60)
		kit_fail("spared only %llu times",
			 (unsigned long long)(talk_counts(kit).spared - before.spared));
}

/* Its rates are not those of one client either. */
static void test_share_and_rates(struct kit *kit)
{
	abuse_on(kit);
	scene(kit);
	deliver(kit, CLIENT, 30);
	set_rates(kit);
	kit_charged(kit, RATE_SOURCE, CLIENT, 1000 * SECOND);
	kit_charged(kit, RATE_NETWORK, CLIENT, 1000 * SECOND);
	judge(kit, CLIENT, 25, TCP_SYN, clean);
	kit->settings->abuse_share = 0;
	judge(kit, CLIENT, 25, TCP_SYN, (struct want){REASON_SOURCE_RATE, VERDICT_DROP, 0, 0});
}

static void test_login(struct kit *kit)
{
	struct talk t;

	abuse_on(kit);
	scene(kit);
	kit->settings->dnsbl_threshold = 3;
	kit_dnsbl(kit, CLIENT, 9, 10 * SECOND, 86400 * SECOND);
	judge(kit, CLIENT, 25, TCP_SYN, (struct want){REASON_DNSBL, VERDICT_DROP, 0, 0});
	t = talk_open(kit, CLIENT);
	talk_say(&t, WELCOME);
	set_rates(kit);
	kit_charged(kit, RATE_SOURCE, CLIENT, 1000 * SECOND);
	judge(kit, CLIENT, 25, TCP_SYN, logged_in);
	judge(kit, CLIENT, 25, TCP_ACK, logged_in);
	judge(kit, CLIENT, 587, TCP_SYN, logged_in);
	judge(kit, "192.0.2.67", 25, TCP_SYN, clean);
	/* Not from lists, nor from abuse; four times the limit. */
	kit_block(kit, CLIENT);
	judge(kit, CLIENT, 25, TCP_SYN, by_hand);
	kit_no_manual(kit);
	offend(kit, CLIENT, DENIED, 9);
	judge(kit, CLIENT, 25, TCP_SYN, logged_in);
	offend(kit, CLIENT, DENIED, 1);
	judge(kit, CLIENT, 25, TCP_SYN, by_ban);
	kit_pass_time(kit, 1801 * SECOND);
	judge(kit, CLIENT, 25, TCP_SYN, (struct want){REASON_DNSBL, VERDICT_DROP, 0, 0});
}

static void test_networks(struct kit *kit)
{
	struct report r = {.kind = REPORT_WIDEN};
	struct ban b;

	abuse_on(kit);
	scene(kit);
	r.ban.strikes = 3;
	r.ban.since = kit_now(kit);
	r.ban.until = r.ban.since + 600 * SECOND;
	r.ban.remember = r.ban.until + BAN_REMEMBER;
	r.ban.mode = MODE_ENFORCE;
	r.prefix = talk_prefix("192.0.2.0/24");
	kit_expect("report", talk_report(kit, &r), REPORT_DONE);
	r.prefix = talk_prefix("2001:db8:66:1::/64");
	kit_expect("report", talk_report(kit, &r), REPORT_DONE);
	r.prefix = talk_prefix("2001:db8:67::/48");
	kit_expect("report", talk_report(kit, &r), REPORT_DONE);
	judge(kit, "192.0.2.1", 25, TCP_SYN, by_ban);
	judge(kit, "192.0.3.1", 25, TCP_SYN, clean);
	judge(kit, "64:ff9b::192.0.2.1", 25, TCP_SYN, by_ban);
	judge(kit, "2001:db8:66:1::9", 25, TCP_ACK, by_ban);
	judge(kit, "2001:db8:66:2::9", 25, TCP_SYN, clean);
	judge(kit, "2001:db8:67:ffff::9", 25, TCP_SYN, by_ban);
	judge(kit, "2001:db8:68::9", 25, TCP_SYN, clean);
	kit_pass_time(kit, 601 * SECOND);
	judge(kit, "192.0.2.1", 25, TCP_SYN, clean);
	/* A /64 is one customer, a /24 many. */
	offend(kit, "192.0.2.1", DENIED, 3);
	kit_expect("strikes", (talk_ban(kit, "192.0.2.1", &b), b.strikes), 1);
	offend(kit, "2001:db8:66:1::77", DENIED, 3);
	kit_expect("strikes", (talk_ban(kit, "2001:db8:66:1::77", &b), b.strikes), 4);
}

/* Who takes a new address of a /64 after every second attempt. */
static void test_many_addresses(struct kit *kit)
{
	char address[64];

	abuse_on(kit);
	scene(kit);
	for (int i = 1; i <= 4; i++) {
		snprintf(address, sizeof(address), "2001:db8:64::%d", i);
		offend(kit, address, DENIED, 2);
		judge(kit, address, 25, TCP_SYN, clean);
	}
	offend(kit, "2001:db8:64::5", DENIED, 2);
	judge(kit, "2001:db8:64::5", 25, TCP_SYN, by_ban);
	offend(kit, "2001:db8:64::6", DENIED, 1);
	judge(kit, "2001:db8:64::6", 25, TCP_SYN, by_ban);
	judge(kit, "2001:db8:64::7", 25, TCP_SYN, clean);
	/* One that is forgiven begins anew, and so does its network. */
	talk_log(kit, "2001:db8:64::5", REPORT_FORGIVE, 0, 0);
	offend(kit, "2001:db8:64::8", DENIED, 2);
	judge(kit, "2001:db8:64::8", 25, TCP_SYN, clean);
	offend(kit, "2001:db8:64:1::1", DENIED, 1);
	judge(kit, "2001:db8:64:1::1", 25, TCP_SYN, clean);
	/* A /24 is many customers. */
	for (int i = 1; i <= 10; i++) {
		snprintf(address, sizeof(address), "192.0.2.%d", i);
		offend(kit, address, DENIED, 2);
		judge(kit, address, 25, TCP_SYN, clean);
	}
}

/* Replies are not dropped when `wall` is not there (any more). */
static void test_without_wall(struct kit *kit)
{
	struct talk t;

	abuse_on(kit);
	t = talk_open(kit, CLIENT);
	for (int i = 0; i < 3; i++)
		talk_say(&t, DENIED);
	kit_expect("an answer to the banned", talk_say(&t, DENIED), TC_DROPS);
	kit_pass_time(kit, 10 * SECOND);
	kit_expect("later", talk_say(&t, DENIED), TC_DROPS);
	t.client_port++; /* its own SYN has come past the wall */
	talk_syn_ack(&t);
	kit_expect("when SYNs come past it", talk_say(&t, DENIED), TC_PASSED);
}

/* Another processor may have written a time that is behind this one's. */
static void test_clocks(struct kit *kit)
{
	struct address source = kit_address(CLIENT);
	struct proven p;
	struct abuse a;
	struct talk t;
	__u32 zero = 0;
	struct error why = {""};

	abuse_on(kit);
	scene(kit);
	t = talk_open(kit, CLIENT);
	talk_say(&t, DENIED);
	p = talk_known(kit, CLIENT);
	p.offended += SECOND;
	bpf_map_update_elem(kit_map(kit, "proven"), &source, &p, BPF_ANY);
	talk_say(&t, DENIED);
	kit_expect("evidence", talk_known(kit, CLIENT).offence[OFFENCE_RELAY_DENIED], 2);
	kit_must(wall_abuse(kit->wall, &a, &why), "abuse", why.text);
	a.wall_seen = kit_now(kit) + 3600 * SECOND;
	bpf_map_update_elem(kit_map(kit, "abuse"), &zero, &a, BPF_ANY);
	t.client_port++;
	talk_syn_ack(&t);
	kit_must(wall_abuse(kit->wall, &a, &why), "abuse", why.text);
	kit_expect("blind", a.blind, 0);
}

static const struct kit_test tests[] = {
	{"limit", test_limit},
	{"pipeline", test_pipeline},
	{"repeated", test_repeated},
	{"fading", test_fading},
	{"guesses", test_guesses},
	{"weights", test_weights},
	{"monitor", test_monitor},
	{"spared", test_spared},
	{"share-and-rates", test_share_and_rates},
	{"login", test_login},
	{"networks", test_networks},
	{"many-addresses", test_many_addresses},
	{"without-wall", test_without_wall},
	{"clocks", test_clocks},
};

KIT_MAIN("penalty", tests)
