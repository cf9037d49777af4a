// SPDX-License-Identifier: GPL-2.0-only
/*
 * lookup.c - what a packet costs, by what it is and by the size of the lists
 *
 * BPF_PROG_RUN gives a program the same packet again and again, which would measure a warm cache.
 * So a small program runs first: it writes the next of many source addresses into the packet and
 * goes on to the program that is measured by a tail call. What a program costs is the difference to
 * one that drops at once. The peers do nothing but one lookup of the source in a map of the
 * kernel's own that holds the same addresses.
 *
 * Medians, in ns for a packet and as a multiple of what a packet to another port costs in the same
 * round. Nothing is asserted: machines differ, and this one is busy.
 */
#include "tests/packet/kit.h"

#define POOL	 131072u /* source addresses in turn, a power of two */
#define ROUNDS	 9
#define KNOWN	 100000u
#define HAND	 1000u
#define ANSWERED 10000u /* listed by DNSBLs, beside the known ones, which are not */

/* --- programs, written by hand: there are only a few instructions ------------------------------
 */

#define OP(op, dst, src, offset, value)                                                            \
	((struct bpf_insn){.code = (op),                                                           \
			   .dst_reg = (dst),                                                       \
			   .src_reg = (src),                                                       \
			   .off = (offset),                                                        \
			   .imm = (value)})
#define MOV(dst, src)		OP(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define MOV_I(dst, value)	OP(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value)
#define ADD_I(dst, value)	OP(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, value)
#define AND_I(dst, value)	OP(BPF_ALU64 | BPF_AND | BPF_K, dst, 0, 0, value)
#define LOAD32(dst, src, at)	OP(BPF_LDX | BPF_MEM | BPF_W, dst, src, at, 0)
#define LOAD64(dst, src, at)	OP(BPF_LDX | BPF_MEM | BPF_DW, dst, src, at, 0)
#define STORE32(dst, src, at)	OP(BPF_STX | BPF_MEM | BPF_W, dst, src, at, 0)
#define STORE64(dst, src, at)	OP(BPF_STX | BPF_MEM | BPF_DW, dst, src, at, 0)
#define STORE_I(dst, value, at) OP(BPF_ST | BPF_MEM | BPF_W, dst, 0, at, value)
#define CALL(helper)		OP(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define EXIT			OP(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define IF_ZERO(dst, over)	OP(BPF_JMP | BPF_JEQ | BPF_K, dst, 0, over, 0)
#define IF_MORE(dst, src, over) OP(BPF_JMP | BPF_JGT | BPF_X, dst, src, over, 0)
#define MAP(dst, fd)		OP(BPF_LD | BPF_IMM | BPF_DW, dst, BPF_PSEUDO_MAP_FD, 0, fd), OP(0, 0, 0, 0, 0)
#define COUNT(insns)		(sizeof(insns) / sizeof(*(insns)))

#define IP4_SOURCE 26 /* in the frame */

static int load(const char *name, const struct bpf_insn *insns, size_t count)
{
	/* What is called by a tail call must be like its caller. */
	LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = BPF_F_XDP_HAS_FRAGS,
		    .expected_attach_type = BPF_XDP);
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, name, "GPL", insns, count, &options);

	kit_must(fd < 0 ? fd : 0, name, "cannot load this program");
	return fd;
}

/* The next source into the packet, then the program in `programs`. */
static int load_feeder(int at, int pool, int programs)
{
	const struct bpf_insn insns[] = {
		MOV(6, 1),
		LOAD32(7, 1, 0), /* data */
		LOAD32(3, 1, 4), /* data_end */
		MOV(4, 7),
		ADD_I(4, IP4_SOURCE + 4),
		IF_MORE(4, 3, 26),
		STORE_I(10, 0, -4),
		MOV(2, 10),
		ADD_I(2, -4),
		MAP(1, at),
		CALL(BPF_FUNC_map_lookup_elem),
		IF_ZERO(0, 19),
		LOAD64(1, 0, 0),
		ADD_I(1, 1),
		STORE64(0, 1, 0),
		AND_I(1, POOL - 1),
		STORE32(10, 1, -4),
		MOV(2, 10),
		ADD_I(2, -4),
		MAP(1, pool),
		CALL(BPF_FUNC_map_lookup_elem),
		IF_ZERO(0, 8),
		LOAD32(1, 0, 0),
		STORE32(7, 1, IP4_SOURCE),
		MOV(1, 6),
		MAP(2, programs),
		MOV_I(3, 0),
		CALL(BPF_FUNC_tail_call),
		MOV_I(0, XDP_PASS),
		MOV_I(0, XDP_PASS),
		EXIT,
	};

	return load("feeder", insns, COUNT(insns));
}

static int load_bare(void)
{
	const struct bpf_insn insns[] = {MOV_I(0, XDP_DROP), EXIT};

	return load("bare", insns, COUNT(insns));
}

/* Looks the source up in a hash or a trie: {32, address} is the trie's key, its second half the
 * hash's. */
static int load_peer(const char *name, int map, bool trie)
{
	const struct bpf_insn insns[] = {
		LOAD32(7, 1, 0),
		LOAD32(3, 1, 4),
		MOV(4, 7),
		ADD_I(4, IP4_SOURCE + 4),
		IF_MORE(4, 3, 9),
		LOAD32(1, 7, IP4_SOURCE),
		STORE32(10, 1, -4),
		STORE_I(10, 32, -8),
		MOV(2, 10),
		ADD_I(2, trie ? -8 : -4),
		MAP(1, map),
		CALL(BPF_FUNC_map_lookup_elem),
		IF_ZERO(0, 0),
		MOV_I(0, XDP_DROP),
		EXIT,
	};

	return load(name, insns, COUNT(insns));
}

/* --- the sources ------------------------------------------------------------------------------ */

struct bench {
	struct kit kit;
	int at, pool, programs, feeder, bare;
	uint32_t *listed; /* host byte order, in the order in which they were made up */
	size_t entries;
	struct frame frame;
};

/* 11.0.0.0 to 99.255.255.255: nobody's private network; odd ones are listed, even ones are not. */
static uint32_t any_address(void)
{
	return (uint32_t)((11 + kit_chance() % 89) << 24 | (kit_chance() & 0xfffffe));
}

static uint32_t nth(uint32_t n)
{
	return 0x64800000u + n * 2; /* 100.128.0.0: known ones, and those blocked by hand */
}

static int make_map(enum bpf_map_type type, __u32 key, __u32 value, __u32 entries, __u32 flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);
	int fd = bpf_map_create(type, "bench", key, value, entries, &options);

	kit_must(fd < 0 ? fd : 0, "bpf_map_create", "");
	return fd;
}

static void fill_pool(struct bench *b, uint32_t (*source)(struct bench *b, uint32_t n))
{
	for (uint32_t n = 0; n < POOL; n++) {
		uint64_t value = address_be32(source(b, n));

		kit_must(bpf_map_update_elem(b->pool, &n, &value, BPF_ANY), "pool", "");
	}
}

static uint32_t source_unlisted(struct bench *b, uint32_t n)
{
	(void)b;
	(void)n;
	return any_address();
}

static uint32_t source_listed(struct bench *b, uint32_t n)
{
	(void)n;
	return b->listed[kit_chance() % b->entries];
}

static uint32_t source_known(struct bench *b, uint32_t n)
{
	(void)b;
	(void)n;
	return nth((uint32_t)(kit_chance() % KNOWN) + HAND);
}

static uint32_t source_by_hand(struct bench *b, uint32_t n)
{
	(void)b;
	(void)n;
	return nth((uint32_t)(kit_chance() % HAND));
}

/* Those at the end of the known ones: the DNSBLs speak against them. */
static uint32_t source_answered(struct bench *b, uint32_t n)
{
	(void)b;
	(void)n;
	return nth((uint32_t)(kit_chance() % ANSWERED) + HAND + KNOWN);
}

static struct address mapped(uint32_t v4)
{
	struct address a;

	address_from_v4(&a, address_be32(v4));
	return a;
}

/* 100,000 proven sources with room in their rates, 1,000 blocked by hand; the default limits. */
static void set_scene(struct bench *b)
{
	volatile struct settings *s = b->kit.settings;
	uint64_t now = kit_now(&b->kit);

	s->event_budget = 100;
	s->learn_budget = 20000;
	s->source_cost = SECOND / 10;
	s->source_ahead = 299 * SECOND / 10;
	s->syn_cost = SECOND;
	s->syn_ahead = 29 * SECOND;
	s->sessions = 100;
	kit_proof(&b->kit);
	for (uint32_t n = 0; n < KNOWN; n++) {
		struct proven p = {.since = now, .last = now, .completed = 9};
		struct rate_key key = {.address = mapped(nth(n + HAND)), .kind = RATE_SOURCE};
		struct rate rate = {.ahead_to = now};

		kit_must(bpf_map_update_elem(kit_map(&b->kit, "proven"), &key.address, &p, BPF_ANY),
			 "proven", "");
		kit_must(bpf_map_update_elem(kit_map(&b->kit, "rates"), &key, &rate, BPF_ANY),
			 "rates", "");
	}
	for (uint32_t n = 0; n < HAND; n++) {
		struct manual block = {.block_since = 1, .block_until = FOREVER};
		struct prefix key = {.address = mapped(nth(n)), .length = 128};

		kit_must(wall_put_manual(b->kit.wall, &key, &block, NULL), "manual", "");
	}
}

static void set_list(struct bench *b, size_t entries)
{
	size_t room = entries * 17 + 1, at = 0;
	char *text = malloc(room);

	kit_must(text ? 0 : -ENOMEM, "malloc", "");
	b->entries = entries;
	for (size_t i = 0; i < entries; i++) {
		uint32_t a = b->listed[i] = any_address() | 1;

		at += (size_t)snprintf(text + at, room - at, "%u.%u.%u.%u\n", a >> 24,
				       a >> 16 & 255, a >> 8 & 255, a & 255);
	}
	kit_policy(&b->kit, &(struct kit_list){"listed", LIST_DROP, text, 1}, 1);
	free(text);
}

/* What DNSBLs said about all known sources, and about some that they list. */
static void set_answers(struct bench *b)
{
	uint64_t now = kit_now(&b->kit);

	for (uint32_t n = 0; n < KNOWN + ANSWERED; n++) {
		struct address source = mapped(nth(n + HAND));
		struct dnsbl facts = {
			.begun = now,
			.since = now,
			.until = FOREVER,
			.renew = FOREVER,
			.score = n < KNOWN ? 0 : 3,
			.proven = 1,
		};

		kit_must(wall_put_dnsbl(b->kit.wall, &source, &facts), "dnsbl", "");
	}
}

/* Entries by hand cost every packet a lookup for each prefix length in use: with and without them.
 */
static void use_manual(struct bench *b, bool use)
{
	struct manual_lengths lengths = {.count = use, .length = {128}};
	__u32 zero = 0;

	kit_must(bpf_map_update_elem(kit_map(&b->kit, "manual_lengths"), &zero, &lengths, BPF_ANY),
		 "manual_lengths", "");
}

/* Those that may be blocked by hand may be banned as well; while nobody is, nobody is looked for. */
static void set_bans(struct bench *b)
{
	struct ban ban = {.since = 1, .until = FOREVER, .mode = MODE_ENFORCE};

	for (uint32_t n = 0; n < HAND; n++) {
		struct prefix key = {.address = mapped(nth(n)), .length = 128};

		kit_must(bpf_map_update_elem(kit_map(&b->kit, "bans"), &key, &ban, BPF_ANY), "bans",
			 "");
	}
}

static void use_bans(struct bench *b, bool use)
{
	struct abuse abuse = {.banned_until = use ? FOREVER : 0,
			      .networks_until = use ? FOREVER : 0};
	__u32 zero = 0;

	kit_must(bpf_map_update_elem(kit_map(&b->kit, "abuse"), &zero, &abuse, BPF_ANY), "abuse",
		 "");
}

/* --- measuring -------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(const double *values)
{
	double sorted[ROUNDS];

	memcpy(sorted, values, sizeof(sorted));
	qsort(sorted, ROUNDS, sizeof(*sorted), compare);
	return sorted[ROUNDS / 2];
}

/* ns for a packet that goes through the feeder and the program. */
static double measure(struct bench *b, int program)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = b->frame.byte,
		    .data_size_in = (__u32)b->frame.size, .repeat = POOL);
	__u32 zero = 0;

	kit_must(bpf_map_update_elem(b->programs, &zero, &program, BPF_ANY), "programs", "");
	kit_must(bpf_prog_test_run_opts(b->feeder, &run), "BPF_PROG_RUN", "");
	return run.duration;
}

enum column {
	OTHER_PORT,
	UNLISTED,
	LISTED,
	STRANGER,
	KNOWN_SENDER,
	BESIDE_HAND,
	BY_HAND,
	ANSWER_MISS,
	ANSWER_CLEAN,
	ANSWER_LISTED,
	BESIDE_BANS,
	BANNED,
	HASH_MISS,
	HASH_HIT,
	TRIE_MISS,
	TRIE_HIT,
	COLUMNS,
};

static const struct {
	const char *name;
	uint32_t (*source)(struct bench *b, uint32_t n);
	uint16_t port;
	uint8_t flags;
} columns[COLUMNS] = {
	[OTHER_PORT] = {"another port", source_unlisted, 80, TCP_ACK},
	[UNLISTED] = {"unlisted, a segment", source_unlisted, 25, TCP_ACK},
	[LISTED] = {"listed, a SYN", source_listed, 25, TCP_SYN},
	[STRANGER] = {"unknown, a SYN", source_unlisted, 25, TCP_SYN},
	[KNOWN_SENDER] = {"known, a SYN", source_known, 25, TCP_SYN},
	[BESIDE_HAND] = {"unlisted, beside blocks", source_unlisted, 25, TCP_ACK},
	[BY_HAND] = {"blocked by hand, a SYN", source_by_hand, 25, TCP_SYN},
	[ANSWER_MISS] = {"no DNSBL answer, a segment", source_unlisted, 25, TCP_ACK},
	[ANSWER_CLEAN] = {"DNSBL: clean, a SYN", source_known, 25, TCP_SYN},
	[ANSWER_LISTED] = {"DNSBL: listed, a SYN", source_answered, 25, TCP_SYN},
	[BESIDE_BANS] = {"unlisted, beside bans", source_unlisted, 25, TCP_ACK},
	[BANNED] = {"banned, a SYN", source_by_hand, 25, TCP_SYN},
	[HASH_MISS] = {"peer: HASH, absent", source_unlisted, 25, TCP_SYN},
	[HASH_HIT] = {"peer: HASH, present", source_listed, 25, TCP_SYN},
	[TRIE_MISS] = {"peer: LPM_TRIE, absent", source_unlisted, 25, TCP_SYN},
	[TRIE_HIT] = {"peer: LPM_TRIE, present", source_listed, 25, TCP_SYN},
};

static void fill_peers(const struct bench *b, int hash, int trie)
{
	uint64_t value = 1;

	for (size_t i = 0; i < b->entries; i++) {
		__u32 key[2] = {32, address_be32(b->listed[i])};

		kit_must(bpf_map_update_elem(hash, &key[1], &value, BPF_ANY), "HASH", "");
		kit_must(bpf_map_update_elem(trie, key, &value, BPF_ANY), "LPM_TRIE", "");
	}
}

static void bench_size(struct bench *b, size_t entries)
{
	static double ns[COLUMNS][ROUNDS], ratio[COLUMNS][ROUNDS];
	int hash = make_map(BPF_MAP_TYPE_HASH, 4, 8, (__u32)entries, 0);
	int trie = make_map(BPF_MAP_TYPE_LPM_TRIE, 8, 8, (__u32)entries, BPF_F_NO_PREALLOC);
	int hash_peer = load_peer("hash", hash, false), trie_peer = load_peer("trie", trie, true);

	set_list(b, entries);
	fill_peers(b, hash, trie);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < COLUMNS; i++) {
			int program = i >= TRIE_MISS   ? trie_peer
				      : i >= HASH_MISS ? hash_peer
						       : b->kit.run;

			use_manual(b, i == BESIDE_HAND || i == BY_HAND);
			use_bans(b, i == BESIDE_BANS || i == BANNED);
			b->kit.settings->dnsbl_threshold =
				i >= ANSWER_MISS && i <= ANSWER_LISTED ? 3 : 0;
			fill_pool(b, columns[i].source);
			frame_tcp(&b->frame, "192.0.2.1", columns[i].port, columns[i].flags);
			ns[i][round] = measure(b, program) - measure(b, b->bare);
			ratio[i][round] = ns[i][round] /
					  (ns[OTHER_PORT][round] > 1 ? ns[OTHER_PORT][round] : 1);
		}
	}
	for (int i = 0; i < COLUMNS; i++)
		printf("%9zu  %-26s %7.0f ns %7.1f x\n", entries, columns[i].name, median(ns[i]),
		       median(ratio[i]));
	close(hash_peer);
	close(trie_peer);
	close(hash);
	close(trie);
}

int main(void)
{
	static const size_t sizes[] = {1000, 100000, 1000000};
	static struct bench b;
	__u32 most = sizes[2];

	setvbuf(stdout, NULL, _IOLBF, 0);
	kit_result.prefix = "lookup";
	kit_open(&b.kit);
	kit_reset(&b.kit);
	b.listed = calloc(most, sizeof(*b.listed));
	kit_must(b.listed ? 0 : -ENOMEM, "calloc", "");
	b.at = make_map(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	b.pool = make_map(BPF_MAP_TYPE_ARRAY, 4, 8, POOL, 0);
	b.programs = make_map(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1, 0);
	b.feeder = load_feeder(b.at, b.pool, b.programs);
	b.bare = load_bare();
	set_scene(&b);
	set_answers(&b);
	set_bans(&b);
	printf("  entries  packet                       a packet   to another port\n");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes) - kit_small(); i++)
		bench_size(&b, sizes[i]);
	free(b.listed);
	kit_close(&b.kit);
	return 0;
}
