// SPDX-License-Identifier: GPL-2.0-only
/*
 * packets.c - frames of every shape through the real program: what is TCP to a protected port, what
 * hides its port, what is none of the wall's business, what cannot be read
 *
 * Every frame comes from a source that nothing is known of, from one that is blocked by hand and
 * from one that is in a block list, in both modes; and cut off behind every byte.
 */
#include "kit.h"
#include "shapes.h"

/* The last byte of the address tells them apart. */
enum source {
	STRANGER = 7,
	BY_HAND = 66,
	LISTED = 77,
};

/* Where things are in a frame that was built. */
struct layout {
	size_t ip_end; /* of the fixed part of the IP header */
	size_t tcp;
};

static void build_chain(const struct spec *spec, struct frame *f, uint8_t last)
{
	for (unsigned int i = 0; i < spec->extensions; i++) {
		uint8_t type = spec->extension[i];
		size_t size = type == FRAGMENT ? 8
			      : type == AH     ? (spec->units + 2u) * 4
					       : (spec->units + 1u) * 8;
		uint8_t *at = frame_add(f, size);

		at[0] = i + 1 < spec->extensions ? spec->extension[i + 1] : last;
		if (type == FRAGMENT)
			put16(at + 2, spec->fragment);
		else
			at[1] = spec->units;
	}
}

static void build_tcp(const struct spec *spec, struct frame *f)
{
	size_t size = spec->tcp == NO_TCP ? 0 : spec->tcp ? spec->tcp : 32;
	uint8_t head[256] = {0};

	put16(head, 40000);
	put16(head + 2, spec->port ? spec->port : 25);
	head[12] = 0x80;
	head[13] = spec->flags ? spec->flags : TCP_SYN;
	memcpy(frame_add(f, size), head, size);
}

static size_t claimed(const struct spec *spec, size_t size)
{
	return spec->claim == NO_PAYLOAD ? 0 : size + (size_t)spec->claim;
}

static void build_ip4(const struct spec *spec, enum source source, struct frame *f,
		      struct layout *l)
{
	uint8_t protocol = spec->protocol ? spec->protocol : 6, words = spec->options + 5;
	size_t at = f->size;
	uint8_t *ip = frame_add(f, words * 4u);

	ip[0] = spec->first_byte ? spec->first_byte : 0x40 | words;
	put16(ip + 6, spec->fragment);
	ip[8] = 64;
	ip[9] = protocol;
	memcpy(ip + 12, (uint8_t[]){198, 51, 100, (uint8_t)source, 192, 0, 2, 1}, 8);
	memset(ip + 20, 1, spec->options * 4u); /* no operation */
	l->ip_end = at + 20;
	l->tcp = f->size;
	build_tcp(spec, f);
	put16(ip + 2, (unsigned int)claimed(spec, f->size - at));
}

static void build_ip6(const struct spec *spec, enum source source, struct frame *f,
		      struct layout *l)
{
	static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b}, plain[4] = {0x20, 1, 0x0d, 0xb8};
	uint8_t protocol = spec->protocol ? spec->protocol : 6, *ip = frame_add(f, 40);

	ip[0] = spec->first_byte ? spec->first_byte : 0x60;
	ip[6] = spec->extensions ? spec->extension[0] : protocol;
	ip[7] = 64;
	if (spec->family == 64) {
		memcpy(ip + 8, nat64, 12);
		memcpy(ip + 20, (uint8_t[]){198, 51, 100, (uint8_t)source}, 4);
	} else {
		memcpy(ip + 8, plain, 4);
		ip[23] = (uint8_t)source;
	}
	l->ip_end = f->size;
	build_chain(spec, f, protocol);
	l->tcp = f->size;
	build_tcp(spec, f);
	put16(ip + 4, (unsigned int)claimed(spec, f->size - l->ip_end));
}

static void build(const struct spec *spec, enum source source, struct frame *f, struct layout *l)
{
	uint16_t type = spec->ethertype ? spec->ethertype : spec->family == 4 ? 0x0800 : 0x86dd;
	uint8_t *at;

	*l = (struct layout){0};
	f->size = 0;
	at = frame_add(f, 14);
	memcpy(at, (uint8_t[]){2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}, 12);
	for (int i = 0; i < 3 && spec->tag[i]; i++) {
		put16(f->byte + f->size - 2, spec->tag[i]);
		put16(frame_add(f, 4), 42);
	}
	put16(f->byte + f->size - 2, type);
	if (spec->family == 4)
		build_ip4(spec, source, f, l);
	else if (spec->family)
		build_ip6(spec, source, f, l);
	else
		memset(frame_add(f, 46), 25, 46);
	frame_add(f, spec->padding);
}

static enum reason passing_reason(enum kind kind)
{
	switch (kind) {
	case TCP:
		return REASON_CLEAN;
	case HIDDEN:
	case OTHER:
		return REASON_OTHER;
	default:
		return REASON_MALFORMED;
	}
}

static void wants_kind(struct kit *kit, const struct frame *f, enum kind kind, enum source source,
		       bool enforce)
{
	bool passes = source == STRANGER || kind == OTHER || kind == MALFORMED;
	enum reason reason = passes		 ? passing_reason(kind)
			     : source == BY_HAND ? REASON_ADMIN_BLOCK
						 : REASON_BLOCK_LIST;

	kit_wants(kit, f, reason, passes ? PASSED : enforce ? DROPPED : WOULD_DROP);
}

/* --- the tests -------------------------------------------------------------------------------- */

static const enum source sources[] = {STRANGER, BY_HAND, LISTED};

static void scene(struct kit *kit)
{
	static const struct kit_list list = {"listed", LIST_DROP, "198.51.100.77\n2001:db8::4d\n",
					     0};

	kit_policy(kit, &list, 1);
	kit_block(kit, "198.51.100.66");
	kit_block(kit, "2001:db8::42");
}

static void both_modes(struct kit *kit, void (*each)(struct kit *kit, const struct spec *spec,
						     enum source source, bool enforce))
{
	scene(kit);
	for (int enforce = 0; enforce < 2; enforce++) {
		kit->settings->mode = MODE_WORD(enforce ? MODE_ENFORCE : MODE_MONITOR, 0, 0);
		for (size_t i = 0; i < SPECS; i++) {
			for (size_t j = 0; j < sizeof(sources) / sizeof(*sources); j++) {
				kit_about("%s from .%d, %s", specs[i].name, sources[j],
					  enforce ? "enforce" : "monitor");
				each(kit, &specs[i], sources[j], enforce);
			}
		}
	}
	kit_about("%s", "");
}

static void whole_frame(struct kit *kit, const struct spec *spec, enum source source, bool enforce)
{
	static struct frame f;
	struct layout l;

	build(spec, source, &f, &l);
	wants_kind(kit, &f, spec->kind, source, enforce);
}

static void test_table(struct kit *kit)
{
	both_modes(kit, whole_frame);
}

/* Every length that matters, and of the others as many as there is time for. */
static bool cut_here(size_t size, size_t whole, const struct layout *l)
{
	size_t step = kit_small() ? 7 : 1;

	if (whole > 400)
		step *= 31;
	return size % step == 0 || size + 1 == whole || size + 1 == l->ip_end ||
	       size == l->ip_end || (size + 1 >= l->tcp && size <= l->tcp + 4);
}

/*
 * A frame cut off behind every byte: the part of a packet to port 25 is judged as soon as the
 * source can be read; from a stranger, whatever is left of whatever packet passes.
 */
static void cut_frame(struct kit *kit, const struct spec *spec, enum source source, bool enforce)
{
	static struct frame f;
	struct layout l;
	size_t whole;

	build(spec, source, &f, &l);
	whole = f.size;
	/* BPF_PROG_RUN takes no frame without a whole Ethernet header. */
	while (--f.size >= 14) {
		enum kit_fate fate = PASSED;
		enum reason reason;

		if (!cut_here(f.size, whole, &l))
			continue;
		kit_about("%s from .%d, %s, cut to %zu of %zu bytes", spec->name, source,
			  enforce ? "enforce" : "monitor", f.size, whole);
		if (spec->kind == TCP)
			wants_kind(kit, &f,
				   f.size < l.ip_end	? MALFORMED
				   : f.size < l.tcp + 4 ? ODD
							: TCP,
				   source, enforce);
		else if (kit_meet(kit, &f, &reason, &fate) && fate != PASSED &&
			 (source == STRANGER ||
			  (!spec->extensions && (spec->protocol || spec->ethertype))))
			kit_fail("it was dropped by %s", kit_reason_name(reason));
	}
}

static void test_cut(struct kit *kit)
{
	both_modes(kit, cut_frame);
}

/* Frames over one page come in several buffers (xdp.frags). */
static void test_jumbo(struct kit *kit)
{
	static const size_t sizes[] = {1514, 3000, 4096, 4097, 9014, 20000, 64000};
	static struct frame f;
	struct layout l;

	scene(kit);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		for (int family = 4; family <= 6; family += 2) {
			for (size_t j = 0; j < sizeof(sources) / sizeof(*sources); j++) {
				struct spec spec = {
					.kind = TCP, .family = family, .flags = TCP_ACK};

				build(&spec, sources[j], &f, &l);
				put16(f.byte + 14 + (family == 4 ? 2 : 4),
				      (unsigned int)(sizes[i] - (family == 4 ? 14 : 54)));
				frame_add(&f, sizes[i] - f.size);
				kit_about("IPv%d of %zu bytes from .%d", family, sizes[i],
					  sources[j]);
				wants_kind(kit, &f, TCP, sources[j], true);
				f.byte[family == 4 ? 23 : 20] = UDP;
				wants_kind(kit, &f, OTHER, sources[j], true);
			}
		}
	}
}

/* Nobody is blocked here: whatever comes passes, and is counted once. */
static void test_garbage(struct kit *kit)
{
	unsigned int rounds = kit_small() ? 500 : 20000;
	static struct frame f;
	enum kit_fate fate;
	enum reason reason;
	struct layout l;

	for (unsigned int i = 0; i < rounds; i++) {
		build(&specs[kit_chance() % SPECS], STRANGER, &f, &l);
		for (uint64_t changes = kit_chance() % 8; changes; changes--)
			f.byte[12 + kit_chance() % (f.size - 12)] = (uint8_t)kit_chance();
		if (i % 4 == 0)
			f.size = 14 + kit_chance() % (f.size - 13);
		kit_about("frame %u", i);
		if (kit_meet(kit, &f, &reason, &fate) && fate != PASSED)
			kit_fail("it was dropped by %s", kit_reason_name(reason));
	}
}

/* All 16 places of the table of ports, and what is behind its end. */
static void test_ports(struct kit *kit)
{
	kit_block(kit, "198.51.100.66");
	for (unsigned int used = 0; used <= SETTINGS_PORTS; used++) {
		for (unsigned int i = 0; i < SETTINGS_PORTS; i++)
			kit->settings->port[i] = i < used ? PORT_WORD(1000 + i, PORT_PROTECTED) : 0;
		for (unsigned int i = 0; i < SETTINGS_PORTS; i++) {
			kit_about("port %u of %u", i, used);
			kit_segment(kit, "198.51.100.66", (uint16_t)(1000 + i), TCP_SYN,
				    i < used ? REASON_ADMIN_BLOCK : REASON_OTHER,
				    i < used ? DROPPED : PASSED);
		}
		kit_segment(kit, "198.51.100.66", 0, TCP_SYN, REASON_OTHER, PASSED);
		kit_segment(kit, "198.51.100.66", 25, TCP_SYN, REASON_OTHER, PASSED);
	}
}

static const struct kit_test tests[] = {
	{"every-header", test_table}, {"cut-anywhere", test_cut}, {"several-buffers", test_jumbo},
	{"garbage", test_garbage},    {"ports", test_ports},
};

KIT_MAIN("packets", tests)
