/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packet.h - reads a frame as far as the wall must: source, destination port, SYN or not
 *
 * Ethernet, up to two VLAN tags (802.1Q, 802.1ad), IPv4 with options (RFC 791), IPv6 with up to
 * eight extension headers (RFC 8200), TCP. What is not TCP is left as early as possible. Compiles
 * natively as well, for tests and fuzzing: it touches nothing but the bytes between data and end.
 *
 * A packet that hides its port is told apart from one that is merely none of our business: a later
 * fragment of a TCP packet, a first fragment too short for the port, a chain of extension headers
 * that is longer than eight, or that goes on behind the end of what can be read. Such a packet
 * passes, unless its source is blocked.
 */
#ifndef SMTPWALL_BPF_PACKET_H
#define SMTPWALL_BPF_PACKET_H

#include <stdbool.h>
#include <linux/types.h>
#include <smtpwall/address.h>

#define VLAN_TAGS	  2
#define EXTENSION_HEADERS 8

enum packet_kind {
	PACKET_OTHER,	  /* readable, and not TCP */
	PACKET_TCP,	  /* port and source are known */
	PACKET_HIDDEN,	  /* TCP or possibly TCP, the port cannot be read */
	PACKET_MALFORMED, /* not readable at all: passes and is counted */
};

struct packet {
	enum packet_kind kind;
	bool odd;   /* PACKET_HIDDEN that no honest stack sends: counted as malformed when it passes
		     */
	bool syn;   /* SYN without ACK; also where the flags are cut off, which only an evasion does
		     */
	__u16 port; /* destination port, host byte order */
	__u16 source_port;
	struct address source;
	struct address server; /* destination, folded */
};

#define PACKET_BE16(x) ((__u16)(address_be32((__u32)(x)) >> 16))

struct eth_head {
	__u8 destination[6], source[6];
	__u16 type;
} __attribute__((packed));

struct vlan_head {
	__u16 control, type;
} __attribute__((packed));

struct ip4_head {
	__u8 version_length, tos;
	__u16 total, id, fragment;
	__u8 ttl, protocol;
	__u16 checksum;
	__u32 source, destination;
} __attribute__((packed));

struct ip6_head {
	__u32 version_flow;
	__u16 payload;
	__u8 next, hops;
	struct address source, destination;
} __attribute__((packed));

struct ip6_extension {
	__u8 next, length;
	__u16 fragment; /* of a fragment header: offset << 3 | reserved | more */
	__u32 more;
} __attribute__((packed));

struct tcp_start {
	__u16 source, destination;
	__u32 sequence, acknowledgement;
	__u8 offset, flags;
} __attribute__((packed));

enum {
	ETHERTYPE_IP4 = 0x0800,
	ETHERTYPE_IP6 = 0x86dd,
	ETHERTYPE_8021Q = 0x8100,
	ETHERTYPE_8021AD = 0x88a8,
	PROTOCOL_TCP = 6,
	HEADER_HOP = 0,
	HEADER_ROUTING = 43,
	HEADER_FRAGMENT = 44,
	HEADER_AH = 51,
	HEADER_DESTINATION = 60,
	HEADER_MOBILITY = 135,
	TCP_SYN_FLAG = 0x02,
	TCP_ACK_FLAG = 0x10,
};

static __always_inline bool packet_is_extension(__u8 next)
{
	return next == HEADER_HOP || next == HEADER_DESTINATION || next == HEADER_ROUTING ||
	       next == HEADER_FRAGMENT || next == HEADER_AH || next == HEADER_MOBILITY;
}

static __always_inline void packet_hidden(struct packet *p, bool odd)
{
	p->kind = PACKET_HIDDEN;
	p->odd = odd;
}

/* `left`: bytes of the TCP segment by the IP header's own count, which Ethernet padding may exceed.
 */
static __always_inline void packet_tcp(struct packet *p, const void *at, const void *end,
				       __u32 left)
{
	const struct tcp_start *tcp = at;

	if (left < 4 || (const void *)((const char *)at + 4) > end)
		return packet_hidden(p, true);
	p->kind = PACKET_TCP;
	p->port = PACKET_BE16(tcp->destination);
	p->source_port = PACKET_BE16(tcp->source);
	if (left < sizeof(*tcp) || (const void *)(tcp + 1) > end)
		p->syn = true;
	else
		p->syn = (tcp->flags & (TCP_SYN_FLAG | TCP_ACK_FLAG)) == TCP_SYN_FLAG;
}

static __always_inline void packet_ip4(struct packet *p, const void *at, const void *end)
{
	const struct ip4_head *ip = at;
	__u32 length, total;

	if ((const void *)(ip + 1) > end)
		return;
	length = (ip->version_length & 15) * 4;
	total = PACKET_BE16(ip->total);
	if (ip->version_length >> 4 != 4 || length < sizeof(*ip) || (total && total < length))
		return;
	if (ip->protocol != PROTOCOL_TCP) {
		p->kind = PACKET_OTHER;
		return;
	}
	address_from_v4(&p->source, ip->source);
	address_from_v4(&p->server, ip->destination);
	if (PACKET_BE16(ip->fragment) & 0x1fff)
		return packet_hidden(p, false);
	/* A total of 0 is a segment over 64 KiB (BIG TCP): the buffer's end counts. */
	packet_tcp(p, (const char *)at + length, end, total ? total - length : ~0u);
}

static __always_inline void packet_ip6(struct packet *p, const void *at, const void *end)
{
	const struct ip6_head *ip = at;
	const char *cursor = at;
	__u32 offset = sizeof(*ip), payload;
	__u8 next;

	if ((const void *)(ip + 1) > end || (((const __u8 *)at)[0] >> 4) != 6)
		return;
	next = ip->next;
	if (next != PROTOCOL_TCP && !packet_is_extension(next)) {
		p->kind = PACKET_OTHER;
		return;
	}
	p->source = ip->source;
	address_fold(&p->source);
	p->server = ip->destination;
	address_fold(&p->server);
	payload = PACKET_BE16(ip->payload);

#pragma clang loop unroll(full)
	for (int i = 0; i < EXTENSION_HEADERS; i++) {
		const struct ip6_extension *x;
		__u32 length;

		if (!packet_is_extension(next))
			break;
		x = (const void *)(cursor + offset);
		if ((const void *)(x + 1) > end)
			return packet_hidden(p, true);
		if (next == HEADER_FRAGMENT) {
			length = 8;
			if (PACKET_BE16(x->fragment) >> 3) {
				/* The first header behind the fragment header is named here, also
				 * in a later fragment, but what follows it is not. */
				if (x->next == PROTOCOL_TCP || packet_is_extension(x->next))
					return packet_hidden(p, false);
				p->kind = PACKET_OTHER;
				return;
			}
		} else if (next == HEADER_AH) {
			length = (x->length + 2) * 4; /* RFC 4302: counted in words, less 2 */
		} else {
			length = (x->length + 1) * 8;
		}
		next = x->next;
		offset += length;
	}
	if (packet_is_extension(next))
		return packet_hidden(p, true);
	if (next != PROTOCOL_TCP) {
		p->kind = PACKET_OTHER;
		return;
	}
	/* A payload of 0 is a jumbogram or BIG TCP: the buffer's end counts. */
	offset -= sizeof(*ip);
	if (payload && payload < offset)
		return packet_hidden(p, true);
	packet_tcp(p, cursor + sizeof(*ip) + offset, end, payload ? payload - offset : ~0u);
}

/* Reads the frame between data and end. Never fails: what cannot be read is PACKET_MALFORMED. */
static __always_inline void packet_parse(const void *data, const void *end, struct packet *p)
{
	const struct eth_head *eth = data;
	const void *at = eth + 1;
	__u16 type;

	p->kind = PACKET_MALFORMED;
	p->odd = false;
	p->syn = false;
	p->port = 0;
	p->source_port = 0;
	if (at > end)
		return;
	type = PACKET_BE16(eth->type);

#pragma clang loop unroll(full)
	for (int i = 0; i < VLAN_TAGS; i++) {
		const struct vlan_head *tag = at;

		if (type != ETHERTYPE_8021Q && type != ETHERTYPE_8021AD)
			break;
		if ((const void *)(tag + 1) > end)
			return;
		type = PACKET_BE16(tag->type);
		at = tag + 1;
	}
	if (type == ETHERTYPE_IP4)
		packet_ip4(p, at, end);
	else if (type == ETHERTYPE_IP6)
		packet_ip6(p, at, end);
	else if (type != ETHERTYPE_8021Q && type != ETHERTYPE_8021AD)
		p->kind = PACKET_OTHER;
}

#endif
