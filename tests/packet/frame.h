/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frame.h - packets, given to the programs by BPF_PROG_RUN, and what became of them
 */
#ifndef SMTPWALL_TESTS_FRAME_H
#define SMTPWALL_TESTS_FRAME_H

#include <arpa/inet.h>
#include "scene.h"

#define FRAME_MAX 66000

struct frame {
	size_t size;
	uint8_t byte[FRAME_MAX];
};

static inline void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline uint8_t *frame_add(struct frame *f, size_t size)
{
	uint8_t *at = f->byte + f->size;

	if (f->size + size > FRAME_MAX)
		kit_must(-E2BIG, "frame", "");
	memset(at, 0, size);
	f->size += size;
	return at;
}

enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
};

/* A TCP segment as it usually comes. */
static inline void frame_tcp(struct frame *f, const char *source, uint16_t port, uint8_t flags)
{
	struct address a;
	uint8_t *at;

	f->size = 0;
	at = frame_add(f, 14);
	/* Not by kit_address(): that one folds NAT64. */
	if (inet_pton(AF_INET, source, a.byte) == 1) {
		put16(at + 12, 0x0800);
		at = frame_add(f, 20);
		at[0] = 0x45;
		put16(at + 2, 40);
		at[8] = 64;
		at[9] = 6;
		memcpy(at + 12, a.byte, 4);
	} else {
		if (inet_pton(AF_INET6, source, a.byte) != 1)
			kit_must(-EINVAL, "not an address", source);
		put16(at + 12, 0x86dd);
		at = frame_add(f, 40);
		at[0] = 0x60;
		put16(at + 4, 20);
		at[6] = 6;
		at[7] = 64;
		memcpy(at + 8, a.byte, 16);
	}
	at = frame_add(f, 20);
	put16(at, 40000);
	put16(at + 2, port);
	at[12] = 0x50;
	at[13] = flags;
}

/* XDP_PASS (2) or XDP_DROP (1). */
static inline uint32_t kit_run(int program, const struct frame *f, unsigned int repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = f->byte, .data_size_in = (__u32)f->size,
		    .repeat = repeat);
	int err = bpf_prog_test_run_opts(program, &run);

	kit_must(err, "BPF_PROG_RUN", "");
	return run.retval;
}

/* What `check` answers about a packet. */
static inline uint32_t kit_check(struct kit *kit, const struct frame *f, struct answer *out)
{
	uint8_t in[512] = {0}, back[sizeof(in)];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_size_in = sizeof(in),
		    .data_out = back, .data_size_out = sizeof(back));

	if (f->size > sizeof(in))
		kit_must(-E2BIG, "check", "");
	memcpy(in, f->byte, f->size);
	kit_must(bpf_prog_test_run_opts(kit->check, &run), "BPF_PROG_RUN of check", "");
	memcpy(out, back, sizeof(*out));
	return run.retval;
}

enum kit_fate {
	PASSED,
	WOULD_DROP,
	DROPPED,
	WOULD_REFUSE,
	REFUSED,
	FATES,
};

/* Of each fate of a row or a list. */
static inline const struct tally *kit_tally(const struct outcome *o, enum kit_fate fate)
{
	const struct tally *const of[FATES] = {&o->passed, &o->would_drop, &o->dropped,
					       &o->would_refuse, &o->refused};

	return of[fate];
}

static inline uint64_t kit_packets(const struct outcome *o)
{
	uint64_t total = 0;

	for (int i = 0; i < FATES; i++)
		total += kit_tally(o, i)->packets;
	return total;
}

static inline struct outcome *kit_outcome(struct counters *c, enum reason reason)
{
	return &((struct outcome *)c)[reason];
}

static inline uint64_t kit_total(const struct counters *c)
{
	const struct outcome *o = (const void *)c;
	uint64_t total = 0;

	for (int i = 0; i < REASON_SLOTS; i++)
		total += kit_packets(&o[i]);
	return total;
}

static inline struct counters kit_counters(struct kit *kit)
{
	struct error why = {""};
	struct counters c;

	kit_must(wall_counters(kit->wall, &c, &why), "counters", why.text);
	return c;
}

static inline const char *kit_reason_name(enum reason reason)
{
#define NAME_OF(number, name, member)                                                              \
	if (reason == number)                                                                      \
		return name;
	REASONS(NAME_OF)
#undef NAME_OF
	return "no reason";
}

static inline enum kit_fate kit_fate_of(const struct outcome *o, struct tally *out)
{
	enum kit_fate fate = FATES;

	while (--fate > PASSED && !kit_tally(o, fate)->packets)
		;
	*out = *kit_tally(o, fate);
	return fate;
}

/*
 * Gives `wall` the packet and tells what became of it, from the counters: exactly one packet, with
 * all its bytes, under one reason. False (and a failure) if they say anything else.
 */
static inline bool kit_meet(struct kit *kit, const struct frame *f, enum reason *reason,
			    enum kit_fate *fate)
{
	struct counters before = kit_counters(kit), after;
	uint32_t verdict = kit_run(kit->run, f, 1);
	uint64_t *b = (uint64_t *)&before, *a = (uint64_t *)&after;
	struct tally tally;

	after = kit_counters(kit);
	for (size_t i = 0; i < sizeof(after) / sizeof(*a); i++)
		a[i] -= b[i];
	if (!kit_expect("number of packets counted", kit_total(&after), 1))
		return false;
	for (int i = 0; i < REASON_SLOTS; i++) {
		struct outcome *o = kit_outcome(&after, i);

		if (!kit_packets(o))
			continue;
		*reason = i;
		*fate = kit_fate_of(o, &tally);
		kit_expect("bytes counted", tally.bytes, f->size);
	}
	kit_expect("return value", verdict, *fate == DROPPED ? XDP_DROP : XDP_PASS);
	return true;
}

static inline bool kit_wants(struct kit *kit, const struct frame *f, enum reason reason,
			     enum kit_fate fate)
{
	static const char *const fates[] = {"passed", "would have dropped", "dropped",
					    "would have refused", "refused"};
	enum reason got = REASON_SLOTS;
	enum kit_fate met = PASSED;

	if (!kit_meet(kit, f, &got, &met))
		return false;
	if (got == reason && met == fate)
		return true;
	kit_fail("unexpected verdict: got %s %s, want %s %s", kit_reason_name(got), fates[met],
		 kit_reason_name(reason), fates[fate]);
	return false;
}

/* The same for a segment from a source. */
static inline bool kit_segment(struct kit *kit, const char *source, uint16_t port, uint8_t flags,
			       enum reason reason, enum kit_fate fate)
{
	static struct frame f;
	char about[sizeof(kit_result.about)];
	bool fits;

	memcpy(about, kit_result.about, sizeof(about));
	kit_about("%s%s%s to %u, flags %#x", about, about[0] ? ", " : "", source, port, flags);
	frame_tcp(&f, source, port, flags);
	fits = kit_wants(kit, &f, reason, fate);
	memcpy(kit_result.about, about, sizeof(about));
	return fits;
}

static inline bool kit_syn(struct kit *kit, const char *source, enum reason reason,
			   enum kit_fate fate)
{
	return kit_segment(kit, source, 25, TCP_SYN, reason, fate);
}

/* SYNs from one source that `wall` lets through, out of `count`. */
static inline unsigned int kit_syns_passed(struct kit *kit, const char *source, unsigned int count)
{
	struct counters before = kit_counters(kit), after;
	static struct frame f;

	frame_tcp(&f, source, 25, TCP_SYN);
	kit_run(kit->run, &f, count);
	after = kit_counters(kit);
	kit_expect("number of packets counted", kit_total(&after) - kit_total(&before), count);
	return (unsigned int)(after.clean.passed.packets - before.clean.passed.packets);
}

#endif
