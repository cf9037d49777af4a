/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * address.h - one address type for both families
 *
 * Sixteen bytes in network byte order; IPv4 is written as IPv4-mapped IPv6 (::ffff:a.b.c.d, RFC
 * 4291 section 2.5.5.2), so that one map, one comparison and one printing function serve both. A
 * prefix length therefore always counts from 128 bits: IPv4 /24 is 120.
 *
 * An IPv4 address that arrives inside NAT64's well-known prefix 64:ff9b::/96 (RFC 6052) is the
 * same client and is folded onto its IPv4 address by address_fold(), on both sides of the system
 * call, so that one list entry covers both ways in.
 */
#ifndef SMTPWALL_ADDRESS_H
#define SMTPWALL_ADDRESS_H

#include <linux/types.h>

#define ADDRESS_BYTES 16
#define ADDRESS_BITS  128
#define ADDRESS_V4_AT 96 /* bits in front of an IPv4 address in its mapped form */

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

struct address {
	__u8 byte[ADDRESS_BYTES];
} __attribute__((aligned(8)));

/* Key of the map `manual`; bits behind `length` are zero. */
struct prefix {
	struct address address;
	__u32 length; /* 0..128, IPv4 prefixes 96..128 */
	__u32 unused; /* 0: a map key has no room for chance */
};

#ifdef __BYTE_ORDER__
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define address_be32(x) __builtin_bswap32(x)
#define address_be64(x) __builtin_bswap64(x)
#else
#define address_be32(x) (x)
#define address_be64(x) (x)
#endif
#endif

#define ADDRESS_MAPPED_WORD address_be32(0x0000ffffu)
#define ADDRESS_NAT64_WORD  address_be32(0x0064ff9bu)

/* Four words or two halves of an address, in network byte order. */
typedef __u32 __attribute__((may_alias)) address_word_t;
typedef __u64 __attribute__((may_alias)) address_half_t;

static __always_inline __u32 address_word(const struct address *a, int i)
{
	return ((const address_word_t *)a->byte)[i];
}

static __always_inline void address_set_word(struct address *a, int i, __u32 word)
{
	((address_word_t *)a->byte)[i] = word;
}

static __always_inline __u64 address_raw_half(const struct address *a, int i)
{
	return ((const address_half_t *)a->byte)[i];
}

static __always_inline void address_set_half(struct address *a, int i, __u64 half)
{
	((address_half_t *)a->byte)[i] = half;
}

static __always_inline int address_is_v4(const struct address *a)
{
	return address_raw_half(a, 0) == 0 && address_word(a, 2) == ADDRESS_MAPPED_WORD;
}

/* The IPv4 address in host byte order; only meaningful after address_is_v4(). */
static __always_inline __u32 address_v4(const struct address *a)
{
	return address_be32(address_word(a, 3));
}

/* `v4` in network byte order. */
static __always_inline void address_from_v4(struct address *a, __u32 v4)
{
	address_set_half(a, 0, 0);
	address_set_word(a, 2, ADDRESS_MAPPED_WORD);
	address_set_word(a, 3, v4);
}

/* Folds a NAT64 address onto the IPv4 address inside it. */
static __always_inline void address_fold(struct address *a)
{
	if (address_word(a, 0) == ADDRESS_NAT64_WORD && address_word(a, 1) == 0 &&
	    address_word(a, 2) == 0) {
		address_set_half(a, 0, 0);
		address_set_word(a, 2, ADDRESS_MAPPED_WORD);
	}
}

/* The first (0) or last (1) 64 bits in host byte order. */
static __always_inline __u64 address_half(const struct address *a, int which)
{
	return address_be64(address_raw_half(a, which));
}

/*
 * Private, shared, loopback and link-local addresses (RFC 1918, 6598, 5735, 3927, 4193, 4291).
 * Automatic reasons never touch them: behind them stand the host's own network, a container
 * gateway or a proxy, never one single client.
 */
static __always_inline int address_is_private(const struct address *a)
{
	__u64 high = address_half(a, 0);

	if (address_is_v4(a)) {
		__u32 v4 = address_v4(a);

		return (v4 >> 24) == 10 || (v4 >> 24) == 127 || (v4 >> 20) == 0xac1 ||
		       (v4 >> 16) == 0xc0a8 || (v4 >> 22) == (0x64400000u >> 22) ||
		       (v4 >> 16) == 0xa9fe;
	}
	return (high >> 57) == (0xfcULL >> 1) || (high >> 54) == (0xfe80ULL >> 6) ||
	       (high == 0 && address_half(a, 1) == 1);
}

/* The network that one customer usually holds: IPv4 /24, IPv6 /64. */
static __always_inline void address_network(struct address *a)
{
	if (address_is_v4(a))
		a->byte[15] = 0;
	else
		address_set_half(a, 1, 0);
}

#endif
