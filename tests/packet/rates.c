// SPDX-License-Identifier: GPL-2.0-only
/*
 * rates.c - the rate of SYNs to the packet, also from two processors at once, and what a flood of
 * forged sources can and cannot do: it is not learnt beyond the budget, drops nobody, and never
 * slows a proven source
 *
 * One event costs 100 seconds of the clock, which the test moves; what passes by itself does not
 * matter then.
 */
#include <pthread.h>
#include <sched.h>
#include "kit.h"

#define COST (100 * SECOND)

static void set_syn_rate(struct kit *kit, uint64_t burst)
{
	kit_proof(kit);
	kit->settings->syn_ahead = (burst - 1) * COST;
	kit->settings->syn_cost = COST;
}

static bool pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0;
}

/* Two processors that this process may use; false if there are none. */
static bool two_processors(int cpu[2])
{
	cpu_set_t set;
	int found = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		return false;
	for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
		if (CPU_ISSET(i, &set))
			cpu[found++] = i;
	return found == 2;
}

static unsigned int entries(struct kit *kit, const char *map)
{
	int fd = kit_map(kit, map);
	char key[64];
	unsigned int n = 0;

	while (bpf_map_get_next_key(fd, n ? key : NULL, key) == 0)
		n++;
	return n;
}

static struct notices notices(struct kit *kit)
{
	struct notices n;

	kit_must(wall_notices(kit->wall, &n, NULL), "notices", "");
	return n;
}

/* A SYN of the n-th source of a flood. */
static void frame_of(struct frame *f, uint32_t n)
{
	frame_tcp(f, "11.0.0.0", 25, TCP_SYN);
	f->byte[27] = (uint8_t)(n >> 16);
	put16(f->byte + 28, n & 0xffff);
}

static void flood(struct kit *kit, uint32_t first, uint32_t count)
{
	static struct frame f;

	for (uint32_t n = first; n < first + count; n++) {
		frame_of(&f, n);
		kit_run(kit->run, &f, 1);
	}
}

/* --- exactly the rate ------------------------------------------------------------------------- */

static void burst_of(struct kit *kit, const char *source, unsigned int burst)
{
	kit_about("%s, burst %u", source, burst);
	set_syn_rate(kit, burst);
	kit_expect("SYNs passed at once", kit_syns_passed(kit, source, 3 * burst), burst);
	kit_expect("SYNs passed right after", kit_syns_passed(kit, source, 10), 0);
	/* Hammering does not lengthen the wait. */
	kit_expect("SYNs passed by hammering", kit_syns_passed(kit, source, 2000), 0);
	for (int i = 0; i < 5; i++) {
		kit_pass_time(kit, COST);
		kit_expect("SYNs passed after one interval", kit_syns_passed(kit, source, 5), 1);
	}
	kit_pass_time(kit, COST / 2);
	kit_expect("SYNs passed after half an interval", kit_syns_passed(kit, source, 5), 0);
	kit_pass_time(kit, COST / 2);
	kit_expect("SYNs passed after the other half", kit_syns_passed(kit, source, 5), 1);
	if (burst > 3) {
		kit_pass_time(kit, 3 * COST);
		kit_expect("SYNs passed after three intervals", kit_syns_passed(kit, source, 9), 3);
	}
	/* What was saved up never exceeds the burst. */
	kit_pass_time(kit, 50 * burst * COST);
	kit_expect("SYNs passed after a long time", kit_syns_passed(kit, source, 3 * burst), burst);
}

static void test_burst(struct kit *kit)
{
	burst_of(kit, "192.0.2.1", 1);
	burst_of(kit, "192.0.2.2", 2);
	burst_of(kit, "192.0.2.3", 30);
	burst_of(kit, "2001:db8::1", 300);
	burst_of(kit, "64:ff9b::192.0.2.9", 7);
	kit_about("%s", "");
	/* NAT64 and the address inside are one source, others are not. */
	kit_expect("SYNs of the address inside", kit_syns_passed(kit, "192.0.2.9", 5), 0);
	kit_expect("SYNs of its neighbour", kit_syns_passed(kit, "192.0.2.10", 5), 5);
	/* Only SYNs are counted. */
	for (int i = 0; i < 20; i++)
		kit_segment(kit, "192.0.2.20", 25, TCP_ACK, REASON_CLEAN, PASSED);
	kit_expect("SYNs after other segments", kit_syns_passed(kit, "192.0.2.20", 30), 7);
}

/* --- from two processors ---------------------------------------------------------------------- */

struct runner {
	struct kit *kit;
	struct frame *frame;
	pthread_barrier_t *start;
	int cpu;
	unsigned int rounds, count;
};

static void *run(void *context)
{
	struct runner *r = context;

	pin_to(r->cpu);
	for (unsigned int i = 0; i < r->rounds; i++) {
		pthread_barrier_wait(r->start);
		kit_run(r->kit->run, &r->frame[i], r->count);
	}
	return NULL;
}

#define ROUNDS 200
#define BURST  500

/* Of what two processors send at once from one source, exactly the burst conforms. */
static void test_two_processors(struct kit *kit)
{
	unsigned int rounds = kit_small() ? 20 : ROUNDS;
	struct frame *frames = calloc(rounds, sizeof(*frames));
	struct counters before = kit_counters(kit), after;
	struct runner runner[2];
	pthread_t thread[2];
	pthread_barrier_t start;
	int cpu[2];

	if (!two_processors(cpu)) {
		free(frames);
		return kit_skip("there is one processor only");
	}
	kit_must(frames ? 0 : -ENOMEM, "calloc", "");
	set_syn_rate(kit, BURST);
	for (unsigned int i = 0; i < rounds; i++)
		frame_of(&frames[i], i);
	pthread_barrier_init(&start, NULL, 2);
	for (int i = 0; i < 2; i++) {
		runner[i] = (struct runner){kit, frames, &start, cpu[i], rounds, BURST};
		kit_must(pthread_create(&thread[i], NULL, run, &runner[i]), "pthread_create", "");
	}
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&start);
	after = kit_counters(kit);
	kit_expect("packets counted", kit_total(&after) - kit_total(&before), 2 * rounds * BURST);
	kit_expect("SYNs passed", after.clean.passed.packets - before.clean.passed.packets,
		   (uint64_t)rounds * BURST);
	free(frames);
}

/* --- floods ----------------------------------------------------------------------------------- */

/* A flood of forged sources stops being learnt, is counted as such, and drops nobody. */
static void test_learning(struct kit *kit)
{
	struct counters before = kit_counters(kit), after;
	struct notices first = notices(kit), then;
	unsigned int learnt, sources = 2000;
	cpu_set_t all;

	sched_getaffinity(0, sizeof(all), &all);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && pin_to(cpu))
			break;
	set_syn_rate(kit, 1);
	kit->settings->learn_budget = 100;
	kit_pass_time(kit, 5 * SECOND); /* a second in which nothing is spent yet */
	flood(kit, 0, sources);
	then = notices(kit);
	after = kit_counters(kit);
	learnt = entries(kit, "rates");
	kit_expect("packets passed", after.clean.passed.packets - before.clean.passed.packets,
		   sources);
	kit_expect("sources learnt and not learnt", learnt + then.not_learnt - first.not_learnt,
		   sources);
	/* 100 a second, and the flood may last some */
	if (learnt < 100 || learnt > sources / 2)
		kit_fail("unexpected number of sources learnt: got %u, want 100 for each second",
			 learnt);
	/* Whoever was not learnt is not limited; who was, is; the next second learns again. */
	kit->settings->learn_budget = 0;
	kit_expect("SYNs of a source not learnt", kit_syns_passed(kit, "192.0.2.1", 50), 50);
	kit_expect("SYNs of a source that was", kit_syns_passed(kit, "11.0.0.1", 50), 0);
	kit->settings->learn_budget = 100;
	kit_pass_time(kit, 2 * SECOND);
	kit_expect("SYNs of a source learnt later", kit_syns_passed(kit, "192.0.2.1", 50), 1);
	sched_setaffinity(0, sizeof(all), &all);
}

static void count_kind(struct kit *kit, enum rate_kind kind, unsigned int want, const char *what)
{
	int fd = kit_map(kit, "rates");
	struct rate_key key, *before = NULL;
	unsigned int n = 0;

	while (bpf_map_get_next_key(fd, before, &key) == 0) {
		n += key.kind == kind;
		before = &key;
	}
	kit_expect(what, n, want);
}

/* Anybody can forge an honest sender's address: that must not cost the sender anything. */
static void test_forged(struct kit *kit)
{
	static const char *const honest[] = {"192.0.2.1", "2001:db8::1", "64:ff9b::192.0.2.2"};
	volatile struct settings *s = kit->settings;
	unsigned int count = kit_small() ? 2000 : 100000;
	static struct frame f;

	set_syn_rate(kit, 3);
	s->source_cost = s->network_cost = COST;
	s->source_ahead = s->network_ahead = 10 * COST;
	s->sessions = 10;
	for (size_t i = 0; i < sizeof(honest) / sizeof(*honest); i++) {
		struct proven old, now;
		struct address source = kit_address(honest[i]);

		kit_about("%s", honest[i]);
		kit_proven(kit, honest[i], 2);
		kit_must(wall_proven(kit->wall, &source, &old), "proven", "");
		kit_expect("SYNs passed", kit_syns_passed(kit, honest[i], count), count);
		frame_tcp(&f, honest[i], 25, TCP_RST);
		kit_run(kit->run, &f, 100);
		frame_tcp(&f, honest[i], 587, TCP_SYN);
		kit_run(kit->run, &f, 100);
		kit_must(wall_proven(kit->wall, &source, &now), "proven", "");
		if (memcmp(&old, &now, sizeof(old)))
			kit_fail("what is known of it changed");
		kit_syn(kit, honest[i], REASON_CLEAN, PASSED);
	}
	kit_about("%s", "");
	kit_expect("rates kept", entries(kit, "rates"), 0);
	/* A flood of others next to it is learnt as SYNs alone, and pushes nothing proven out. */
	flood(kit, 0, 3000);
	count_kind(kit, RATE_SYN, 3000, "SYN rates");
	count_kind(kit, RATE_SOURCE, 0, "source rates");
	count_kind(kit, RATE_NETWORK, 0, "network rates");
	kit_expect("proven sources", entries(kit, "proven"), 3);
	kit_syn(kit, honest[0], REASON_CLEAN, PASSED);
}

static const struct kit_test tests[] = {
	{"burst", test_burst},
	{"two-processors", test_two_processors},
	{"learning", test_learning},
	{"forged", test_forged},
};

KIT_MAIN("rates", tests)
