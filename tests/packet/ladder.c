// SPDX-License-Identifier: GPL-2.0-only
/*
 * ladder.c - how often a source is told why, before it is dropped
 */
#include "stage.h"

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

static const struct kit_test tests[] = {
	{"ladder", test_ladder},
	{"ladder-of-network", test_ladder_of_network},
	{"ladder-of-rates", test_ladder_of_rates},
	{"pending", test_pending},
};

KIT_MAIN("ladder", tests)
