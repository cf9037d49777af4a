/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * segment.h - reads the headers of a TCP segment that leaves
 *
 * Ethernet, up to two VLAN tags that are in the packet (those in the buffer's own field are not), IPv4,
 * IPv6 with up to two extension headers. What the host's own stack sends needs no more; a fragment cannot
 * be read, and its connection is lost to the reader then.
 */
#ifndef SMTPWALL_BPF_SEGMENT_H
#define SMTPWALL_BPF_SEGMENT_H

#include "core.h"
#include "packet.h"

#define SEGMENT_EXTENSIONS 2

struct segment {
	struct address client, server; /* folded */
	__u16 client_port, server_port;
	__u32 sequence; /* of its first byte */
	__u32 at;	/* offset of the data in the packet */
	__u32 length;	/* of the data */
	__u8 flags;
	__u8 protocol;
};

struct tcp_ports {
	__u16 source, destination;
	__u32 sequence, acknowledgement;
	__u8 offset, flags;
	__u16 window;
} __attribute__((packed));

enum {
	TCP_FIN_FLAG = 0x01,
	TCP_RST_FLAG = 0x04,
};

/* Leaves `at` behind the IP header and `length` at what follows it. */
static __always_inline bool segment_ip4(struct __sk_buff *skb, struct segment *g)
{
	struct ip4_head ip;
	__u32 header, total;

	if (bpf_skb_load_bytes(skb, g->at, &ip, sizeof(ip)))
		return false;
	header = (ip.version_length & 15) * 4;
	total = PACKET_BE16(ip.total);
	if (ip.protocol != PROTOCOL_TCP || header < sizeof(ip) ||
	    (PACKET_BE16(ip.fragment) & 0x3fff))
		return false;
	address_from_v4(&g->client, ip.destination);
	address_from_v4(&g->server, ip.source);
	/* A total of 0 is a segment over 64 KiB (BIG TCP): the buffer's end counts. */
	if (!total)
		total = skb->len - g->at;
	if (total < header)
		return false;
	g->at += header;
	g->length = total - header;
	return true;
}

static __always_inline bool segment_ip6(struct __sk_buff *skb, struct segment *g)
{
	struct ip6_extension x;
	struct ip6_head ip;
	__u32 length;

	if (bpf_skb_load_bytes(skb, g->at, &ip, sizeof(ip)))
		return false;
	g->client = ip.destination;
	g->server = ip.source;
	address_fold(&g->client);
	address_fold(&g->server);
	g->at += sizeof(ip);
	g->length = PACKET_BE16(ip.payload);
	if (!g->length) /* a jumbogram, or BIG TCP */
		g->length = skb->len - g->at;
	g->protocol = ip.next;
	for (int i = 0; i < SEGMENT_EXTENSIONS; i++) {
		if (g->protocol != HEADER_HOP && g->protocol != HEADER_DESTINATION)
			break;
		if (bpf_skb_load_bytes(skb, g->at, &x, sizeof(x)))
			return false;
		length = (x.length + 1) * 8;
		if (g->length < length)
			return false;
		g->protocol = x.next;
		g->at += length;
		g->length -= length;
	}
	return g->protocol == PROTOCOL_TCP;
}

/* False: not a TCP segment that can be read. */
static __always_inline bool segment_read(struct __sk_buff *skb, struct segment *g)
{
	struct tcp_ports tcp;
	__u16 type = skb->protocol;
	__u32 header;

	g->at = sizeof(struct eth_head);
	for (int i = 0; i < VLAN_TAGS; i++) {
		struct vlan_head tag;

		if (PACKET_BE16(type) != ETHERTYPE_8021Q && PACKET_BE16(type) != ETHERTYPE_8021AD)
			break;
		if (bpf_skb_load_bytes(skb, g->at, &tag, sizeof(tag)))
			return false;
		type = tag.type;
		g->at += sizeof(tag);
	}
	if (PACKET_BE16(type) == ETHERTYPE_IP4) {
		if (!segment_ip4(skb, g))
			return false;
	} else if (PACKET_BE16(type) != ETHERTYPE_IP6 || !segment_ip6(skb, g)) {
		return false;
	}
	if (bpf_skb_load_bytes(skb, g->at, &tcp, sizeof(tcp)))
		return false;
	header = (tcp.offset >> 4) * 4;
	if (header < 20 || g->length < header)
		return false;
	g->server_port = PACKET_BE16(tcp.source);
	g->client_port = PACKET_BE16(tcp.destination);
	g->sequence = address_be32(tcp.sequence);
	g->flags = tcp.flags;
	g->at += header;
	g->length -= header;
	return true;
}

#endif
