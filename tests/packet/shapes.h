/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shapes.h - frames of every shape, in a few words each, and what the wall should take them for
 */
#ifndef SMTPWALL_TESTS_SHAPES_H
#define SMTPWALL_TESTS_SHAPES_H

#include <stdint.h>

enum kind {
	TCP,	   /* judged: clean, or dropped if its source is blocked */
	HIDDEN,	   /* passes as `other`, dropped if its source is blocked */
	ODD,	   /* passes as `malformed`, dropped if its source is blocked */
	OTHER,	   /* passes, whoever sends it */
	MALFORMED, /* likewise, counted as such */
};

enum {
	HOP = 0,
	ICMP = 1,
	UDP = 17,
	ROUTING = 43,
	FRAGMENT = 44,
	ESP = 50,
	AH = 51,
	ICMP6 = 58,
	NONE = 59,
	DESTINATION = 60,
	MOBILITY = 135,
};

#define MORE	   0x2000 /* IPv4's flag "more fragments" */
#define AT(bytes)  ((bytes) / 8)
#define MORE6	   1
#define AT6(bytes) (bytes)
#define Q	   0x8100
#define AD	   0x88a8
#define NO_TCP	   255
#define CHAIN(...) .extension = {__VA_ARGS__}, .extensions = sizeof((uint8_t[]){__VA_ARGS__})
#define NO_PAYLOAD (-10000)

struct spec {
	const char *name;
	enum kind kind;
	int family;	       /* 4, 6; 64: IPv6 from NAT64; 0: what `ethertype` says */
	uint16_t ethertype;    /* 0: the family's */
	uint16_t tag[3];       /* VLAN tags from the outside in */
	uint8_t first_byte;    /* of the IP header; 0: the right one */
	uint8_t options;       /* IPv4: words of options */
	uint16_t fragment;     /* the field in the IPv4 header or the IPv6 fragment headers */
	uint8_t extension[12]; /* IPv6: chain of extension headers */
	uint8_t extensions;
	uint8_t units;	  /* their length field: 8 byte units, AH 4 byte units */
	uint8_t protocol; /* 0: TCP */
	uint16_t port;	  /* 0: 25 */
	uint8_t tcp;	  /* bytes of TCP; 0: 32, NO_TCP: none */
	uint8_t flags;	  /* 0: SYN */
	int claim;	  /* added to the length in the IP header; NO_PAYLOAD: it says 0 */
	uint8_t padding;  /* bytes of Ethernet padding behind the packet */
};

#define SHAPE(text, what, version, ...)                                                            \
	{                                                                                          \
		.name = (text), .kind = (what), .family = (version), __VA_ARGS__                   \
	}

/* clang-format off */
static const struct spec specs[] = {
	SHAPE("IPv4", TCP, 4),
	SHAPE("IPv6", TCP, 6),
	SHAPE("NAT64", TCP, 64),
	SHAPE("IPv4 ACK", TCP, 4, .flags = TCP_ACK),
	SHAPE("IPv6 RST", TCP, 6, .flags = TCP_RST),
	SHAPE("IPv4 no flags", TCP, 4, .flags = 0x80),
	SHAPE("IPv4 SYN with FIN", TCP, 4, .flags = TCP_SYN | TCP_FIN),
	SHAPE("802.1Q IPv4", TCP, 4, .tag = {Q}),
	SHAPE("802.1Q IPv6", TCP, 6, .tag = {Q}),
	SHAPE("802.1ad IPv4", TCP, 4, .tag = {AD}),
	SHAPE("802.1ad IPv6", TCP, 6, .tag = {AD}),
	SHAPE("QinQ IPv4", TCP, 4, .tag = {AD, Q}),
	SHAPE("QinQ IPv6", TCP, 6, .tag = {AD, Q}),
	SHAPE("802.1Q twice IPv4", TCP, 4, .tag = {Q, Q}),
	SHAPE("three tags IPv4", MALFORMED, 4, .tag = {AD, Q, Q}),
	SHAPE("three tags IPv6", MALFORMED, 6, .tag = {Q, Q, Q}),
	SHAPE("QinQ ARP", OTHER, 0, .ethertype = 0x0806, .tag = {AD, Q}),
	SHAPE("tagged NAT64 with options", TCP, 64, .tag = {AD, Q}, CHAIN(DESTINATION)),
	SHAPE("IPv4 one word of options", TCP, 4, .options = 1),
	SHAPE("IPv4 ten words of options", TCP, 4, .options = 10),
	SHAPE("IPv4 header length 4", MALFORMED, 4, .first_byte = 0x44),
	SHAPE("IPv4 header length 0", MALFORMED, 4, .first_byte = 0x40),
	SHAPE("IPv4 header that is longer than the packet", MALFORMED, 4, .first_byte = 0x4f),
	SHAPE("IPv4 version 5", MALFORMED, 4, .first_byte = 0x55),
	SHAPE("IPv4 version 6", MALFORMED, 4, .first_byte = 0x65),
	SHAPE("IPv6 version 4", MALFORMED, 6, .first_byte = 0x45),
	SHAPE("IPv6 version 0", MALFORMED, 6, .first_byte = 0x01),
	SHAPE("IPv4 padded", TCP, 4, .padding = 46),
	SHAPE("IPv6 padded", TCP, 6, .padding = 46),
	SHAPE("IPv4 length beyond the frame", TCP, 4, .claim = 1400),
	SHAPE("IPv6 length beyond the frame", TCP, 6, .claim = 1400),
	SHAPE("IPv4 length 0 (BIG TCP)", TCP, 4, .claim = NO_PAYLOAD),
	SHAPE("IPv6 length 0 (BIG TCP)", TCP, 6, .claim = NO_PAYLOAD),
	SHAPE("IPv4 length within its header", MALFORMED, 4, .claim = -40),
	SHAPE("IPv4 length ends at the header, port in the padding", ODD, 4, .claim = -32),
	SHAPE("IPv4 length cuts the port, rest in the padding", ODD, 4, .claim = -29),
	SHAPE("IPv6 length cuts the port, rest in the padding", ODD, 6, .claim = -29),
	SHAPE("IPv6 length ends within the chain", ODD, 6, CHAIN(HOP, DESTINATION), .claim = -40),
	SHAPE("IPv4 first fragment", TCP, 4, .fragment = MORE),
	SHAPE("IPv4 do not fragment", TCP, 4, .fragment = 0x4000),
	SHAPE("IPv4 first fragment of 24 bytes", TCP, 4, .fragment = MORE, .tcp = 24),
	SHAPE("IPv4 first fragment of 16 bytes", TCP, 4, .fragment = MORE, .tcp = 16),
	SHAPE("IPv4 first fragment of 8 bytes", TCP, 4, .fragment = MORE, .tcp = 8),
	SHAPE("IPv4 first fragment of 13 bytes", TCP, 4, .fragment = MORE, .tcp = 13, .padding = 20),
	SHAPE("IPv4 first fragment of 4 bytes", TCP, 4, .fragment = MORE, .tcp = 4, .padding = 20),
	SHAPE("IPv4 first fragment of 3 bytes", ODD, 4, .fragment = MORE, .tcp = 3, .padding = 20),
	SHAPE("IPv4 first fragment of nothing", ODD, 4, .fragment = MORE, .tcp = NO_TCP, .padding = 20),
	SHAPE("IPv4 fragment at 8", HIDDEN, 4, .fragment = MORE | AT(8)),
	SHAPE("IPv4 last fragment", HIDDEN, 4, .fragment = AT(1480)),
	SHAPE("IPv4 last fragment at the end", HIDDEN, 4, .fragment = 0x1fff),
	SHAPE("IPv4 fragment that looks like another port", HIDDEN, 4, .fragment = AT(8), .port = 80),
	SHAPE("IPv4 later fragment of UDP", OTHER, 4, .fragment = AT(1480), .protocol = UDP),
	SHAPE("IPv4 later fragment of ICMP", OTHER, 4, .fragment = AT(1480), .protocol = ICMP),
	SHAPE("IPv4 options and later fragment", HIDDEN, 4, .options = 3, .fragment = AT(64)),
	SHAPE("IPv6 hop-by-hop", TCP, 6, CHAIN(HOP)),
	SHAPE("IPv6 destination", TCP, 6, CHAIN(DESTINATION)),
	SHAPE("IPv6 routing", TCP, 6, CHAIN(ROUTING)),
	SHAPE("IPv6 AH", TCP, 6, CHAIN(AH), .units = 4),
	SHAPE("IPv6 AH of 8 bytes", TCP, 6, CHAIN(AH)),
	SHAPE("IPv6 AH of 1028 bytes", TCP, 6, CHAIN(AH), .units = 255),
	SHAPE("IPv6 mobility", TCP, 6, CHAIN(MOBILITY), .units = 1),
	SHAPE("IPv6 hop-by-hop of 2048 bytes", TCP, 6, CHAIN(HOP), .units = 255),
	SHAPE("IPv6 all headers", TCP, 6, CHAIN(HOP, DESTINATION, ROUTING, FRAGMENT, AH, MOBILITY),
	 .units = 2),
	SHAPE("IPv6 eight headers", TCP, 6,
	 CHAIN(HOP, DESTINATION, ROUTING, FRAGMENT, AH, DESTINATION, MOBILITY, DESTINATION)),
	SHAPE("IPv6 eight headers, then UDP", OTHER, 6, CHAIN(60, 60, 60, 60, 60, 60, 60, 60),
	 .protocol = UDP),
	SHAPE("IPv6 nine headers", ODD, 6, CHAIN(60, 60, 60, 60, 60, 60, 60, 60, 60)),
	SHAPE("IPv6 nine headers, then UDP", ODD, 6, CHAIN(60, 60, 60, 60, 60, 60, 60, 60, 60),
	 .protocol = UDP),
	SHAPE("IPv6 twelve headers", ODD, 6, CHAIN(0, 60, 43, 60, 43, 60, 43, 60, 43, 60, 43, 60)),
	SHAPE("IPv6 atomic fragment", TCP, 6, CHAIN(FRAGMENT)),
	SHAPE("IPv6 first fragment", TCP, 6, CHAIN(FRAGMENT), .fragment = MORE6),
	SHAPE("IPv6 first fragment of 8 bytes", TCP, 6, CHAIN(FRAGMENT), .fragment = MORE6, .tcp = 8),
	SHAPE("IPv6 first fragment of 3 bytes", ODD, 6, CHAIN(FRAGMENT), .fragment = MORE6, .tcp = 3,
	 .padding = 20),
	SHAPE("IPv6 first fragment ends in its chain", ODD, 6, CHAIN(FRAGMENT, DESTINATION),
	 .fragment = MORE6, .tcp = NO_TCP),
	SHAPE("IPv6 reserved bits are no offset", TCP, 6, CHAIN(FRAGMENT), .fragment = 6),
	SHAPE("IPv6 later fragment", HIDDEN, 6, CHAIN(FRAGMENT), .fragment = AT6(8) | MORE6),
	SHAPE("IPv6 last fragment", HIDDEN, 6, CHAIN(FRAGMENT), .fragment = AT6(1480)),
	SHAPE("IPv6 hop-by-hop, later fragment", HIDDEN, 6, CHAIN(HOP, FRAGMENT), .fragment = AT6(1480)),
	SHAPE("IPv6 later fragment of a chain", HIDDEN, 6, CHAIN(FRAGMENT, DESTINATION),
	 .fragment = AT6(8)),
	SHAPE("IPv6 later fragment of a chain to UDP", HIDDEN, 6, CHAIN(FRAGMENT, DESTINATION),
	 .fragment = AT6(8), .protocol = UDP),
	SHAPE("IPv6 later fragment of UDP", OTHER, 6, CHAIN(FRAGMENT), .fragment = AT6(1480),
	 .protocol = UDP),
	SHAPE("IPv6 later fragment of ICMPv6", OTHER, 6, CHAIN(FRAGMENT), .fragment = AT6(1480),
	 .protocol = ICMP6),
	SHAPE("NAT64 later fragment", HIDDEN, 64, CHAIN(FRAGMENT), .fragment = AT6(1480)),
	SHAPE("NAT64 hop-by-hop", TCP, 64, CHAIN(HOP)),
	SHAPE("IPv4 UDP", OTHER, 4, .protocol = UDP),
	SHAPE("IPv6 UDP", OTHER, 6, .protocol = UDP),
	SHAPE("IPv4 ICMP", OTHER, 4, .protocol = ICMP),
	SHAPE("IPv6 neighbour discovery", OTHER, 6, .protocol = ICMP6),
	SHAPE("IPv6 MLD behind hop-by-hop", OTHER, 6, CHAIN(HOP), .protocol = ICMP6),
	SHAPE("IPv6 no next header", OTHER, 6, .protocol = NONE),
	SHAPE("IPv6 ESP", OTHER, 6, .protocol = ESP),
	SHAPE("IPv4 GRE", OTHER, 4, .protocol = 47),
	SHAPE("IPv4 SCTP", OTHER, 4, .protocol = 132),
	SHAPE("ARP", OTHER, 0, .ethertype = 0x0806),
	SHAPE("802.1Q ARP", OTHER, 0, .ethertype = 0x0806, .tag = {Q}),
	SHAPE("802.3 length", OTHER, 0, .ethertype = 46),
	SHAPE("PPPoE", OTHER, 0, .ethertype = 0x8864),
	SHAPE("MPLS", OTHER, 0, .ethertype = 0x8847),
	SHAPE("IPv4 to port 80", OTHER, 4, .port = 80),
	SHAPE("IPv6 to port 22", OTHER, 6, .port = 22),
	SHAPE("IPv4 to port 6400 (25 turned around)", OTHER, 4, .port = 6400),
	SHAPE("IPv4 to port 24", OTHER, 4, .port = 24),
	SHAPE("IPv6 to port 0xffff", OTHER, 6, .port = 0xffff),
};
/* clang-format on */

#define SPECS (sizeof(specs) / sizeof(*specs))

#endif
