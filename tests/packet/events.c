// SPDX-License-Identifier: GPL-2.0-only
/*
 * events.c - what user space is told: an event when something changes, within the budget, what was
 * held back counted; the second ring only while somebody watches
 */
#include <sched.h>
#include "kit.h"

#define KEPT 16

struct heard {
	unsigned int events;
	struct event kept[KEPT]; /* the first */
};

static void hear(void *context, const struct event *event)
{
	struct heard *h = context;

	if (h->events < KEPT)
		h->kept[h->events] = *event;
	h->events++;
}

static struct heard listen_to(struct kit *kit, bool watch)
{
	struct heard h = {0};

	kit_listen(kit, watch, hear, &h);
	return h;
}

static unsigned int heard(struct kit *kit)
{
	return kit_events(kit, false);
}

static void silence(struct kit *kit)
{
	listen_to(kit, false);
	listen_to(kit, true);
}

static uint64_t held(struct kit *kit)
{
	struct notices n;

	kit_must(wall_notices(kit->wall, &n, NULL), "notices", "");
	return n.events_held;
}

static void send_from(struct kit *kit, const char *source, uint8_t flags, unsigned int count)
{
	static struct frame f;

	frame_tcp(&f, source, 25, flags);
	kit_run(kit->run, &f, count);
}

/* Budgets are kept by processor. */
static void stay_on_one_processor(void)
{
	cpu_set_t all, one;

	sched_getaffinity(0, sizeof(all), &all);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

static void test_change(struct kit *kit)
{
	silence(kit);
	send_from(kit, "192.0.2.1", TCP_SYN, 100);
	kit_expect("events about a clean source", heard(kit), 0);
	kit_block(kit, "192.0.2.1");
	send_from(kit, "192.0.2.1", TCP_SYN, 1000);
	kit_expect("events when it is blocked", heard(kit), 1);
	send_from(kit, "192.0.2.1", TCP_ACK, 1000);
	kit_expect("events while nothing changes", heard(kit), 0);
	kit_policy(kit, &(struct kit_list){"listed", LIST_DROP, "192.0.2.1\n", 7}, 1);
	send_from(kit, "192.0.2.1", TCP_SYN, 100);
	kit_expect("events while the block stands over the list", heard(kit), 0);
	kit_no_manual(kit);
	send_from(kit, "192.0.2.1", TCP_SYN, 100);
	kit_expect("events for another reason", heard(kit), 1);
	kit->settings->mode = MODE_WORD(MODE_MONITOR, 0, 0);
	send_from(kit, "192.0.2.1", TCP_SYN, 100);
	kit_expect("events for another mode", heard(kit), 1);
	kit->settings->mode = MODE_WORD(MODE_ENFORCE, 0, 0);
	send_from(kit, "192.0.2.1", TCP_SYN, 100);
	kit_expect("events for the mode before", heard(kit), 1);
	kit_pass_time(kit, ANNOUNCE_AGAIN - 10 * SECOND);
	send_from(kit, "192.0.2.1", TCP_SYN, 100);
	kit_expect("events a little later", heard(kit), 0);
	kit_pass_time(kit, 11 * SECOND);
	send_from(kit, "192.0.2.1", TCP_SYN, 100);
	kit_expect("events much later", heard(kit), 1);
	send_from(kit, "192.0.2.2", TCP_SYN, 100);
	kit_expect("events about its neighbour", heard(kit), 0);
	/* sessions let finish are no news */
	kit_proven(kit, "192.0.2.1", 1);
	send_from(kit, "192.0.2.1", TCP_ACK, 100);
	kit_expect("events about spared segments", heard(kit), 0);
	kit_expect("watched events", listen_to(kit, true).events, 0);
}

/* Who would have been dropped is news again when really dropped. */
static void test_mode(struct kit *kit)
{
	struct heard h;

	silence(kit);
	kit->settings->mode = MODE_WORD(MODE_MONITOR, 0, 0);
	kit_block(kit, "192.0.2.1");
	kit_block(kit, "2001:db8::1");
	send_from(kit, "192.0.2.1", TCP_SYN, 100);
	send_from(kit, "2001:db8::1", TCP_SYN, 100);
	h = listen_to(kit, false);
	kit_expect("events in monitor mode", h.events, 2);
	kit_expect("the mode they tell", h.kept[0].mode, MODE_MONITOR);
	send_from(kit, "192.0.2.1", TCP_SYN, 100);
	kit_expect("events while the mode stays", heard(kit), 0);
	kit->settings->mode = MODE_WORD(MODE_ENFORCE, 0, 0);
	send_from(kit, "192.0.2.1", TCP_SYN, 100);
	send_from(kit, "2001:db8::1", TCP_SYN, 100);
	h = listen_to(kit, false);
	kit_expect("events when the mode becomes enforce", h.events, 2);
	kit_expect("the mode told then", h.kept[0].mode, MODE_ENFORCE);
	kit_expect("the verdict told then", h.kept[0].verdict, VERDICT_DROP);
	send_from(kit, "192.0.2.1", TCP_SYN, 100);
	kit_expect("events while it stays so", heard(kit), 0);
	/* The kernel ends a mode that was set for a time by itself: that is a change as well. */
	kit->settings->mode = MODE_WORD(MODE_MONITOR, kit_now(kit) / SECOND + 60, MODE_ENFORCE);
	send_from(kit, "192.0.2.1", TCP_SYN, 100);
	kit_expect("events in monitor mode for a minute", heard(kit), 1);
	kit_pass_time(kit, 61 * SECOND);
	send_from(kit, "192.0.2.1", TCP_SYN, 100);
	kit_expect("events when the minute is over", heard(kit), 1);
}

static void test_fields(struct kit *kit)
{
	struct manual block = {.block_since = kit_now(kit) - 3, .block_until = FOREVER - 1};
	struct address source = kit_address("192.0.2.9");
	uint64_t now = kit_now(kit);
	struct heard h;

	silence(kit);
	kit_policy(kit, &(struct kit_list){"listed", LIST_DROP, "2001:db8::9\n", 7}, 1);
	kit_manual(kit, "192.0.2.9", &block);
	send_from(kit, "64:ff9b::192.0.2.9", TCP_SYN, 1);
	kit->settings->mode = MODE_WORD(MODE_MONITOR, 0, 0);
	send_from(kit, "2001:db8::9", TCP_SYN, 1);
	h = listen_to(kit, false);
	if (!kit_expect("events", h.events, 2))
		return;
	kit_about("first event");
	kit_expect("kind", h.kept[0].kind, EVENT_VERDICT);
	kit_expect("reason", h.kept[0].reason, REASON_ADMIN_BLOCK);
	kit_expect("verdict", h.kept[0].verdict, VERDICT_DROP);
	kit_expect("mode", h.kept[0].mode, MODE_ENFORCE);
	kit_expect("list", h.kept[0].list, 0);
	kit_expect("port", h.kept[0].port, 25);
	kit_expect("since", h.kept[0].since, block.block_since);
	kit_expect("until", h.kept[0].until, block.block_until);
	if (memcmp(&h.kept[0].source, &source, sizeof(source)))
		kit_fail("the source is not the IPv4 address inside");
	if (h.kept[0].when < now || h.kept[0].when > kit_now(kit))
		kit_fail("it did not happen now");
	kit_about("second event");
	source = kit_address("2001:db8::9");
	kit_expect("reason", h.kept[1].reason, REASON_BLOCK_LIST);
	kit_expect("verdict", h.kept[1].verdict, VERDICT_DROP);
	kit_expect("mode", h.kept[1].mode, MODE_MONITOR);
	kit_expect("list", h.kept[1].list, 7);
	if (memcmp(&h.kept[1].source, &source, sizeof(source)))
		kit_fail("unexpected source");
}

/* Blocked sources, all of them news. */
static void many(struct kit *kit, uint32_t first, uint32_t count)
{
	static struct frame f;

	frame_tcp(&f, "11.0.0.0", 25, TCP_SYN);
	for (uint32_t n = first; n < first + count; n++) {
		f.byte[27] = (uint8_t)(n >> 16);
		put16(f.byte + 28, n & 0xffff);
		kit_run(kit->run, &f, 1);
	}
}

static unsigned int announced(struct kit *kit)
{
	int fd = kit_map(kit, "announced");
	struct address key;
	unsigned int n = 0;

	while (bpf_map_get_next_key(fd, n ? &key : NULL, &key) == 0)
		n++;
	return n;
}

static void test_budget(struct kit *kit)
{
	unsigned int events;
	uint64_t before;

	stay_on_one_processor();
	silence(kit);
	kit_block(kit, "11.0.0.0/8");
	kit->settings->event_budget = 10;
	kit_pass_time(kit, 5 * SECOND); /* a second in which nothing is spent yet */
	before = held(kit);
	many(kit, 0, 1000);
	events = heard(kit);
	kit_expect("events sent and held", events + held(kit) - before, 1000);
	/* 10 a second, and this may last some */
	if (events < 10 || events > 500)
		kit_fail("unexpected number of events: got %u, want 10 for each second", events);
	kit_expect("sources remembered", announced(kit), events);
	/* Who was held back is told when there is room. */
	kit_pass_time(kit, 2 * SECOND);
	many(kit, 999, 1);
	kit_expect("events in another second", heard(kit), 1);
	/* Without any budget packets are dropped all the same. */
	kit->settings->event_budget = 0;
	kit_pass_time(kit, 2 * SECOND);
	before = held(kit);
	kit_syn(kit, "11.1.0.0", REASON_ADMIN_BLOCK, DROPPED);
	kit_expect("events without a budget", heard(kit), 0);
	kit_expect("events held", held(kit) - before, 1);
}

/* A ring that nobody reads fills up: what does not fit is counted, packets fare as always. */
static void test_full_ring(struct kit *kit)
{
	uint32_t count = EVENTS_BYTES / sizeof(struct event) + 2000;
	uint64_t before = held(kit);
	unsigned int events;

	silence(kit);
	kit_block(kit, "11.0.0.0/8");
	many(kit, 0, count);
	kit_syn(kit, "11.200.0.0", REASON_ADMIN_BLOCK, DROPPED);
	events = heard(kit);
	kit_expect("events sent and held", events + held(kit) - before, count + 1);
	if (events < 1000 || events > count - 1000)
		kit_fail("unexpected number of events in the ring: %u", events);
	many(kit, count, 1);
	kit_expect("events when the ring was read", heard(kit), 1);
}

static void test_watch(struct kit *kit)
{
	silence(kit);
	kit_block(kit, "192.0.2.0/24");
	send_from(kit, "192.0.2.1", TCP_SYN, 1);
	kit_expect("watched events while nobody watches", listen_to(kit, true).events, 0);
	kit->settings->watch_until = kit_now(kit) + 10 * SECOND;
	send_from(kit, "192.0.2.1", TCP_SYN, 1);
	kit_expect("watched events about old news", listen_to(kit, true).events, 0);
	send_from(kit, "192.0.2.2", TCP_SYN, 5);
	kit_expect("watched events", listen_to(kit, true).events, 1);
	kit_expect("events beside them", heard(kit), 2);
	kit_pass_time(kit, 11 * SECOND);
	send_from(kit, "192.0.2.3", TCP_SYN, 5);
	kit_expect("watched events when nobody watches any more", listen_to(kit, true).events, 0);
	kit_expect("events all the same", heard(kit), 1);
}

static const struct kit_test tests[] = {
	{"on-change", test_change}, {"mode", test_mode},	   {"fields", test_fields},
	{"budget", test_budget},    {"full-ring", test_full_ring}, {"watch", test_watch},
};

KIT_MAIN("events", tests)
