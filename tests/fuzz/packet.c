// SPDX-License-Identifier: GPL-2.0-only
/*
 * packet.c - fuzzes the packet parser of the kernel programs against a second one, which reads byte
 * by byte and follows the RFCs: 791 (IPv4), 8200 (IPv6), 4302 (AH), 6275 (mobility), 6052 (NAT64),
 * 9293 (TCP), IEEE 802.1Q
 *
 * The two have nothing in common but struct packet's meaning, so that a mistake has to be made
 * twice to stay unseen. The frame lies at the end of a block of its own: a read behind its end is
 * found by the address sanitizer.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bpf/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);

/* --- the other parser ------------------------------------------------------------------------- */

/* What is left to read. Asking for more than there is gives zeros and says so. */
struct reader {
	const uint8_t *at;
	size_t left;
	bool short_of;
};

static unsigned int take(struct reader *r)
{
	if (!r->left) {
		r->short_of = true;
		return 0;
	}
	r->left--;
	return *r->at++;
}

static unsigned int take16(struct reader *r)
{
	unsigned int high = take(r);

	return high << 8 | take(r);
}

static void skip(struct reader *r, size_t bytes)
{
	if (bytes > r->left) {
		r->short_of = true;
		bytes = r->left;
	}
	r->at += bytes;
	r->left -= bytes;
}

/* The sender's length cuts off what the link has padded. */
static void cut(struct reader *r, size_t bytes)
{
	if (r->left > bytes)
		r->left = bytes;
}

static void oracle_tcp(struct reader r, struct packet *p)
{
	unsigned int flags;

	skip(&r, 2);
	p->port = (uint16_t)take16(&r);
	if (r.short_of) {
		p->port = 0;
		p->kind = PACKET_HIDDEN;
		p->odd = true;
		return;
	}
	p->kind = PACKET_TCP;
	skip(&r, 9); /* sequence, acknowledgement, data offset */
	flags = take(&r);
	p->syn = r.short_of || ((flags >> 1 & 1) && !(flags >> 4 & 1));
}

static void oracle_ip4(struct reader r, struct packet *p)
{
	struct reader packet = r;
	unsigned int first = take(&r), header = (first & 0xf) * 4, total, fragment, protocol;
	uint8_t source[4];

	skip(&r, 1);
	total = take16(&r);
	skip(&r, 2);
	fragment = take16(&r);
	skip(&r, 1);
	protocol = take(&r);
	skip(&r, 2);
	for (int i = 0; i < 4; i++)
		source[i] = (uint8_t)take(&r);
	skip(&r, 4);
	if (r.short_of || first >> 4 != 4 || header < 20 || (total && total < header))
		return;
	if (protocol != 6) {
		p->kind = PACKET_OTHER;
		return;
	}
	memset(p->source.byte, 0, 10);
	memset(p->source.byte + 10, 0xff, 2);
	memcpy(p->source.byte + 12, source, 4);
	if (fragment % 0x2000) {
		p->kind = PACKET_HIDDEN;
		return;
	}
	if (total)
		cut(&packet, total);
	skip(&packet, header);
	if (packet.short_of)
		packet.left = 0;
	oracle_tcp(packet, p);
}

/* Is it one of the headers that name another one behind them? */
static bool names_another(unsigned int header)
{
	switch (header) {
	case 0:	  /* hop-by-hop options */
	case 43:  /* routing */
	case 44:  /* fragment */
	case 51:  /* authentication */
	case 60:  /* destination options */
	case 135: /* mobility */
		return true;
	}
	return false;
}

static void oracle_source6(const uint8_t *from, struct packet *p)
{
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

	memcpy(p->source.byte, from, 16);
	if (memcmp(from, nat64, 12) == 0) {
		memset(p->source.byte, 0, 10);
		memset(p->source.byte + 10, 0xff, 2);
	}
}

static void hides(struct packet *p, bool odd)
{
	p->kind = PACKET_HIDDEN;
	p->odd = odd;
}

/*
 * The chain is followed through all that was received, also behind the payload's claimed end: a
 * chain that leaves its packet hides what is in it, whatever padding says; unless it leads to no
 * TCP at all.
 */
static void oracle_chain(struct reader r, unsigned int header, size_t payload, struct packet *p)
{
	size_t used = 0;

	for (int headers = 0; names_another(header); headers++) {
		unsigned int next, field, length;

		if (headers == 8 || r.left < 8)
			return hides(p, true);
		next = take(&r);
		field = take(&r);
		length = header == 44 ? 8 : header == 51 ? field * 4 + 8 : field * 8 + 8;
		if (header == 44) {
			unsigned int offset = take16(&r) & 0xfff8;

			if (offset && (next == 6 || names_another(next)))
				return hides(p, false);
			if (offset) {
				p->kind = PACKET_OTHER;
				return;
			}
			skip(&r, 4);
		} else {
			skip(&r, length - 2);
		}
		used += length;
		header = next;
	}
	if (header != 6) {
		p->kind = PACKET_OTHER;
		return;
	}
	if (payload)
		cut(&r, payload > used ? payload - used : 0);
	if (r.short_of)
		r.left = 0;
	oracle_tcp(r, p);
}

static void oracle_ip6(struct reader r, struct packet *p)
{
	unsigned int version = take(&r) >> 4, header;
	uint8_t source[16];
	size_t payload;

	skip(&r, 3);
	payload = take16(&r);
	header = take(&r);
	skip(&r, 1);
	for (int i = 0; i < 16; i++)
		source[i] = (uint8_t)take(&r);
	skip(&r, 16);
	if (r.short_of || version != 6)
		return;
	if (header == 6 || names_another(header))
		oracle_source6(source, p);
	oracle_chain(r, header, payload, p);
}

static void oracle(const uint8_t *data, size_t size, struct packet *p)
{
	struct reader r = {data, size, false};
	unsigned int type;
	int tags = 0;

	p->kind = PACKET_MALFORMED;
	p->odd = p->syn = false;
	p->port = 0;
	skip(&r, 12);
	type = take16(&r);
	while ((type == 0x8100 || type == 0x88a8) && tags++ < 2) {
		skip(&r, 2);
		type = take16(&r);
	}
	if (r.short_of || type == 0x8100 || type == 0x88a8)
		return;
	if (type == 0x0800)
		oracle_ip4(r, p);
	else if (type == 0x86dd)
		oracle_ip6(r, p);
	else
		p->kind = PACKET_OTHER;
}

/* --- the comparison --------------------------------------------------------------------------- */

static void disagree(const char *what, unsigned int got, unsigned int want)
{
	fprintf(stderr, "unexpected %s: got %u, want %u\n", what, got, want);
	abort();
}

static void expect(const char *what, unsigned int got, unsigned int want)
{
	if (got != want)
		disagree(what, got, want);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet got, want;
	uint8_t *frame = malloc(size ? size : 1);

	if (!frame)
		return 0;
	memcpy(frame, data, size);
	memset(&got, 0x5a, sizeof(got));
	memset(&want, 0x5a, sizeof(want));
	packet_parse(frame, frame + size, &got);
	oracle(frame, size, &want);
	free(frame);
	expect("kind", got.kind, want.kind);
	expect("odd", got.odd, want.odd);
	expect("port", got.port, want.port);
	expect("SYN", got.syn, want.syn);
	if (got.kind == PACKET_TCP || got.kind == PACKET_HIDDEN)
		for (int i = 0; i < ADDRESS_BYTES; i++)
			expect("byte of the source", got.source.byte[i], want.source.byte[i]);
	return 0;
}

/* --- frames worth trying ---------------------------------------------------------------------- */

static uint32_t chance(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static size_t add(uint8_t *data, size_t size, size_t max, const void *bytes, size_t count)
{
	if (size + count > max)
		return size;
	memcpy(data + size, bytes, count);
	return size + count;
}

static size_t add_chain(uint8_t *data, size_t size, size_t max, uint8_t *first, uint32_t *seed)
{
	static const uint8_t types[] = {0, 43, 44, 51, 60, 135};
	uint8_t *named = first;

	for (uint32_t headers = chance(seed) % 11; headers; headers--) {
		uint8_t type = types[chance(seed) % sizeof(types)],
			units = chance(seed) % 8 ? 0 : chance(seed) % 4;
		uint8_t header[48] = {0, units};
		size_t length = type == 44 ? 8 : type == 51 ? units * 4u + 8 : units * 8u + 8;

		if (type == 44)
			header[3] = chance(seed) % 4 ? 1 : 9;
		if (size + length > max)
			break;
		*named = type;
		named = data + size;
		size = add(data, size, max, header, length);
	}
	*named = chance(seed) % 8 ? 6 : 17;
	return size;
}

/* A frame with all its layers, which random bytes would hardly ever make. */
static size_t make(uint8_t *data, size_t max, uint32_t *seed)
{
	static const uint8_t ethernet[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
	uint8_t tcp[20] = {0x9c, 0x40, 0, 25, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, (uint8_t)chance(seed)};
	uint8_t ip4[60] = {0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2};
	uint8_t ip6[40] = {0x60, 0, 0, 0, 0, 20, 6, 64, 0x20, 0x01, 0x0d, 0xb8};
	size_t size = add(data, 0, max, ethernet, 12), at;

	for (uint32_t tags = chance(seed) % 4; tags; tags--)
		size = add(data, size, max, chance(seed) % 2 ? "\x81\0\0\x2a" : "\x88\xa8\0\x2a",
			   4);
	if (chance(seed) % 2) {
		uint8_t words = chance(seed) % 3 ? 5 : 5 + chance(seed) % 11;

		ip4[0] = 0x40 | words;
		ip4[3] = (uint8_t)(words * 4 + chance(seed) % 24);
		if (chance(seed) % 4 == 0)
			ip4[7] = chance(seed) % 3;
		size = add(data, size, max, "\x08", 2);
		size = add(data, size, max, ip4, words * 4u);
	} else {
		if (chance(seed) % 4 == 0)
			memcpy(ip6 + 8, nat64, 12);
		size = add(data, size, max, "\x86\xdd", 2);
		at = size;
		size = add(data, size, max, ip6, 40);
		if (size == at + 40) {
			size = add_chain(data, size, max, data + at + 6, seed);
			data[at + 5] = (uint8_t)(size - at - 40 + chance(seed) % 24);
			if (chance(seed) % 16 == 0)
				data[at + 5] = 0;
		}
	}
	return add(data, size, max, tcp, chance(seed) % 4 ? 20 : chance(seed) % 20);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	uint32_t state = seed;

	if (chance(&state) % 4 == 0)
		size = make(data, max, &state);
	if (chance(&state) % 2)
		size = LLVMFuzzerMutate(data, size, max);
	return size;
}
