/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * judge.h - a scene with lists of every kind, and cases that are put to `check` and to `wall`,
 * which must agree with what is wanted, with each other, and with the counters by reason and by
 * list
 */
#ifndef SMTPWALL_TESTS_JUDGE_H
#define SMTPWALL_TESTS_JUDGE_H

#include "kit.h"

enum {
	GUARD = 1,
	PARTNERS,
	FIRST,
	NEXT,
	COUNTED,
};

static const struct kit_list lists[] = {
	{"guard", LIST_ALLOW, "203.0.113.1\n2001:db8:9::1\n", 0},
	{"partners", LIST_ALLOW,
	 "44.0.0.0/8\n45.1.2.3\n198.51.100.200\n2001:db8:a::/48\n2001:db8:b::3\n", 0},
	{"first", LIST_DROP,
	 "44.1.2.3\n45.0.0.0/8\n198.51.100.0/24\n198.51.101.5\n10.9.0.0/16\n2001:db8:a::3\n"
	 "2001:db8:b::/48\nfd00:9::/32\n",
	 0},
	{"next", LIST_DROP, "198.51.100.5\n198.51.101.0/24\n2001:db8:b:1::/64\n2001:db8:c::/48\n",
	 0},
	{"counted", LIST_COUNT, "44.5.5.5\n198.51.100.9\n192.0.2.128/25\n2001:db8:d::/64\n", 0},
};

#define LISTS (sizeof(lists) / sizeof(*lists))

static inline void scene(struct kit *kit)
{
	kit_policy(kit, lists, LISTS);
}

static inline void set_mode(struct kit *kit, enum mode mode)
{
	kit->settings->mode = MODE_WORD(mode, 0, 0);
}

/* What a packet should meet. */
struct want {
	enum reason reason;
	enum verdict verdict; /* in enforce mode */
	uint32_t list, counted;
};

static inline void list_packets(struct kit *kit, uint64_t out[POLICY_LISTS][FATES])
{
	struct outcome o[POLICY_LISTS];
	struct error why = {""};

	kit_must(wall_list_counters(kit->wall, o, &why), "list counters", why.text);
	for (int i = 0; i < POLICY_LISTS; i++)
		for (int fate = 0; fate < FATES; fate++)
			out[i][fate] = kit_tally(&o[i], fate)->packets;
}

static inline void judge_answer(struct kit *kit, const struct frame *f, const struct want *want)
{
	enum mode mode = mode_at(kit->settings->mode, kit_now(kit));
	uint32_t speaks = want->list ? want->list : want->counted;
	struct answer a;
	uint32_t value;

	value = kit_check(kit, f, &a);
	kit_expect("answer.magic", a.magic, ANSWER_MAGIC);
	kit_expect("answer.reason", a.reason, want->reason);
	kit_expect("answer.would", a.would, want->verdict);
	kit_expect("answer.verdict", a.verdict,
		   mode == MODE_ENFORCE ? want->verdict : VERDICT_PASS);
	kit_expect("value of check", value, a.verdict == VERDICT_DROP ? XDP_DROP : XDP_PASS);
	kit_expect("answer.mode", a.mode, mode);
	kit_expect("answer.list", a.list, want->list);
	kit_expect("answer.counted", a.counted, want->counted);
	if (strcmp(a.list_name.name, speaks ? lists[speaks - 1].name : ""))
		kit_fail("unexpected list: got '%.32s', want '%s'", a.list_name.name,
			 speaks ? lists[speaks - 1].name : "");
}

static inline void judge_frame(struct kit *kit, const struct frame *f, const struct want *want)
{
	static uint64_t before[POLICY_LISTS][FATES], after[POLICY_LISTS][FATES];
	bool enforce = mode_at(kit->settings->mode, kit_now(kit)) == MODE_ENFORCE;
	enum kit_fate fate = want->verdict == VERDICT_PASS     ? PASSED
			     : want->verdict == VERDICT_REFUSE ? enforce ? REFUSED : WOULD_REFUSE
			     : enforce			       ? DROPPED
							       : WOULD_DROP;

	judge_answer(kit, f, want);
	list_packets(kit, before);
	kit_wants(kit, f, want->reason, fate);
	list_packets(kit, after);
	for (uint32_t id = 0; id < POLICY_LISTS; id++)
		for (int i = 0; i < FATES; i++)
			if (after[id][i] - before[id][i] !=
			    (uint64_t)((id && id == want->list && i == (int)fate) ||
				       (id && id == want->counted && i == PASSED)))
				kit_fail("unexpected count of list %u: %lld more", id,
					 (long long)(after[id][i] - before[id][i]));
}

static inline void judge(struct kit *kit, const char *source, uint16_t port, uint8_t flags,
			 struct want want)
{
	static struct frame f;

	kit_about("%s to %u, flags %#x", source, port, flags);
	frame_tcp(&f, source, port, flags);
	judge_frame(kit, &f, &want);
}

static const struct want clean = {REASON_CLEAN, VERDICT_PASS, 0, 0};
static const struct want by_hand = {REASON_ADMIN_BLOCK, VERDICT_DROP, 0, 0};
static const struct want allowed = {REASON_ALLOW_LIST, VERDICT_PASS, 0, 0};

/* A later fragment, or (tiny) a first one that ends in front of the port. */
static inline void frame_hidden(struct frame *f, const char *source, bool tiny)
{
	frame_tcp(f, source, 25, TCP_SYN);
	if (tiny)
		f->size -= 18;
	else if (f->byte[12] == 0x08)
		put16(f->byte + 20, 8);
	else { /* a fragment header in place of the TCP header */
		f->byte[20] = 44;
		f->byte[54] = 6;
		put16(f->byte + 56, 64);
	}
}

/* Limits on everything: a burst of 101 at one a second, three sessions. */
static inline void set_rates(struct kit *kit)
{
	volatile struct settings *s = kit->settings;

	s->sessions = 3;
	s->source_cost = s->network_cost = s->syn_cost = SECOND;
	s->source_ahead = s->network_ahead = s->syn_ahead = 100 * SECOND;
}

#endif
