// SPDX-License-Identifier: GPL-2.0-only
/*
 * rbldnsd.c - zone files of rbldnsd: ip4set, ip4trie, ip4tset, ip6trie, ip6tset
 *
 *   $TIMESTAMP 2026:10:08:12:00 +2d
 *   :127.0.0.2:Blocked, see https://example.com/?$
 *   192.0.2             a prefix of whole octets, here /24
 *   192.0.2.16-31       a range
 *   198.51.100/24 :3:another value
 *   !192.0.2.7          an exclusion
 *
 * Values are of no use here and are skipped. In a set an exclusion excludes wherever it stands; in
 * a trie the longest prefix wins, excluded or not. $DATASET begins a part of its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "reading.h"

int rbldnsd_start(struct reading *r)
{
	struct rbldnsd *state = calloc(1, sizeof(*state));

	if (!state)
		return -ENOMEM;
	state->kind = (enum rbldnsd_kind)r->format->kind;
	r->state = state;
	return 0;
}

void rbldnsd_release(struct reading *r)
{
	struct rbldnsd *state = r->state;

	if (!state)
		return;
	list_content_free(&state->listed);
	list_content_free(&state->excluded);
	free(state->trie.entry);
	free(state);
	r->state = NULL;
}

int rbldnsd_end_part(struct reading *r)
{
	struct rbldnsd *state = r->state;
	int err = 0;

	content_normalise(&state->listed);
	content_normalise(&state->excluded);
	if (state->excluded.v4_count || state->excluded.v6_count)
		err = content_subtract(&state->listed, &state->excluded, NULL, NULL, NULL);
	for (int f = 0; f < FAMILIES && !err; f++) {
		for (size_t i = 0; i < content_spans(&state->listed, f) && !err; i++) {
			struct span span = content_span(&state->listed, f, i);

			err = content_add(r->content, f, &span);
		}
	}
	if (!err)
		err = trie_flatten(&state->trie, r->content);
	state->listed.v4_count = state->listed.v6_count = 0;
	state->excluded.v4_count = state->excluded.v6_count = 0;
	state->trie.count = 0;
	return err;
}

int rbldnsd_finish(struct reading *r)
{
	return rbldnsd_end_part(r);
}

/* --- entries ---------------------------------------------------------------------------------- */

/*
 * One to four octets, a dot behind the last one allowed. Returns the bits that were given, 0 if it
 * is not that; `*end` is behind it.
 */
static unsigned int read_octets(const char *text, uint32_t *address, const char **end)
{
	unsigned int bits = 0;

	*address = 0;
	while (bits < 32 && *text >= '0' && *text <= '9') {
		unsigned int n = 0;
		const char *start = text;

		for (; *text >= '0' && *text <= '9' && n < 256; text++)
			n = n * 10 + (unsigned int)(*text - '0');
		/* A leading zero would be octal to some. */
		if (n > 255 || (*start == '0' && text > start + 1))
			return 0;
		bits += 8;
		*address |= n << (32 - bits);
		if (*text != '.' || bits == 32)
			break;
		text++;
	}
	*end = text;
	return bits;
}

static int bad_entry(struct reading *r, const char *text)
{
	struct rbldnsd *state = r->state;

	return bad_line(r, "\"%.60s\" is not an entry of %s", text,
			state->kind >= RBL_IP6TRIE   ? "a set of IPv6 prefixes"
			: state->kind == RBL_IP4SET  ? "an ip4set"
			: state->kind == RBL_IP4TSET ? "an ip4tset: single IPv4 addresses"
						     : "an ip4trie: IPv4 prefixes");
}

/* Lists or excludes a span of IPv4 in a set. */
static int add_set4(struct reading *r, const struct span *span, bool excluded, const char *text)
{
	struct rbldnsd *state = r->state;
	uint64_t size = span->last.low - span->first.low + 1;
	unsigned int length = 32;

	if (excluded)
		return content_add(&state->excluded, FAMILY_V4, span);
	if (state->largest && size > state->largest) {
		r->content->left_out++;
		reading_note(r, "\"%.60s\" is larger than $MAXRANGE4 allows; it is left out", text);
		return 0;
	}
	for (; size > 1; size >>= 1)
		length--;
	content_note_widest(r->content, FAMILY_V4, length, text);
	r->content->entries++;
	return content_add(&state->listed, FAMILY_V4, span);
}

/* A prefix of either family, into the set or the trie. */
static int add_prefix(struct reading *r, const struct prefix *prefix, bool excluded,
		      const char *text)
{
	struct rbldnsd *state = r->state;
	struct span span;
	enum family family = span_of_prefix(prefix, &span);

	if (family == FAMILY_V4 && (state->kind == RBL_IP4SET || state->kind == RBL_IP4TSET))
		return add_set4(r, &span, excluded, text);
	if (!excluded) {
		if (family == FAMILY_V4 && state->largest &&
		    span.last.low - span.first.low >= state->largest) {
			r->content->left_out++;
			reading_note(r,
				     "\"%.60s\" is larger than $MAXRANGE4 allows; it is left out",
				     text);
			return 0;
		}
		content_note_widest(r->content, family,
				    prefix->length - (family == FAMILY_V4 ? ADDRESS_V4_AT : 0),
				    text);
		r->content->entries++;
	}
	if (state->kind == RBL_IP6TSET)
		return content_add(excluded ? &state->excluded : &state->listed, family, &span);
	return trie_add(&state->trie, prefix, excluded);
}

/* "127.16-31", "127.0.0.1-255", "127.0.0.0-127.0.0.255": `first` has so many bits, `text` follows
 * the dash. */
static int read_range4(struct reading *r, const char *whole, uint32_t first, unsigned int bits,
		       const char *text, bool excluded)
{
	uint32_t last;
	unsigned int last_bits = read_octets(text, &last, &text);
	uint32_t kept = bits == 8 ? 0 : ~0U << (40 - bits);
	struct span span;

	if (!last_bits || *text)
		return bad_entry(r, whole);
	if (last_bits == 8) { /* stands for the last octet given in front of the dash */
		last = (first & kept) | (last >> (bits - 8));
		last_bits = bits;
	}
	if (last_bits != bits)
		return bad_line(r,
				"\"%.60s\" has not as many octets behind the dash as in front "
				"of it",
				whole);
	last |= bits == 32 ? 0 : ~0U >> bits;
	if (first > last)
		return bad_line(r, "\"%.60s\" ends before it begins", whole);
	span = (struct span){{0, first}, {0, last}};
	return add_set4(r, &span, excluded, whole);
}

static int read_entry4(struct reading *r, const char *text, bool excluded)
{
	struct rbldnsd *state = r->state;
	char full[PREFIX_TEXT];
	struct prefix prefix;
	struct in_addr in;
	uint32_t address;
	const char *rest;
	unsigned int bits = read_octets(text, &address, &rest);

	if (!bits)
		return bad_entry(r, text);
	if (*rest == '-' && state->kind == RBL_IP4SET)
		return read_range4(r, text, address, bits, rest + 1, excluded);
	if (*rest && (*rest != '/' || state->kind == RBL_IP4TSET))
		return bad_entry(r, text);
	if (!*rest && bits == 8)
		return bad_line(r,
				"\"%.60s\" is a lone octet; write it with its length, as in 127/8",
				text);
	if (state->kind == RBL_IP4TSET && bits != 32)
		return bad_entry(r, text);
	in.s_addr = htonl(address);
	inet_ntop(AF_INET, &in, full, sizeof(full));
	if (*rest)
		snprintf(full + strlen(full), sizeof(full) - strlen(full), "%.8s", rest);
	else
		snprintf(full + strlen(full), sizeof(full) - strlen(full), "/%u", bits);
	if (prefix_parse(full, &prefix, &r->why))
		return bad_line_because(r);
	return add_prefix(r, &prefix, excluded, text);
}

/* Groups at the end that are zero may be left out: "2001:db8:1:2" is 2001:db8:1:2::/64. */
static int read_entry6(struct reading *r, const char *text, bool excluded)
{
	struct rbldnsd *state = r->state;
	size_t size = strcspn(text, "/");
	unsigned int groups = 1, bits = 128;
	char full[2 * PREFIX_TEXT];
	struct prefix prefix;

	if (size >= ADDRESS_TEXT || !memchr(text, ':', size) || strlen(text + size) > 8)
		return bad_entry(r, text);
	memcpy(full, text, size);
	full[size] = '\0';
	if (!strstr(full, "::") && !strchr(full, '.')) {
		if (full[size - 1] == ':')
			full[size - 1] = '\0';
		for (const char *c = full; *c; c++)
			groups += *c == ':';
		if (groups < 8) {
			snprintf(full + strlen(full), sizeof(full) - strlen(full), "::");
			bits = groups * 16;
		}
	}
	if (text[size])
		snprintf(full + strlen(full), sizeof(full) - strlen(full), "%s", text + size);
	else
		snprintf(full + strlen(full), sizeof(full) - strlen(full), "/%u", bits);
	if (prefix_parse(full, &prefix, &r->why))
		return bad_line_because(r);
	if (state->kind == RBL_IP6TSET && prefix.length == 128 && !excluded &&
	    address_half(&prefix.address, 1) == 0)
		prefix.length = 64; /* "2001:db8:1:2::" */
	if (state->kind == RBL_IP6TSET && prefix.length != (excluded ? 128 : 64))
		return bad_line(r,
				"\"%.60s\" is not an entry of an ip6tset: those are /64 "
				"networks, and single addresses as exclusions",
				text);
	return add_prefix(r, &prefix, excluded, text);
}

int rbldnsd_line(struct reading *r, char *text)
{
	struct rbldnsd *state = r->state;
	const char *special;
	bool excluded;
	char *end, *colon;

	text = trim(text);
	special = rbldnsd_special(text);
	if (special)
		return rbldnsd_read_special(r, special);
	if (!*text || *text == '#' || *text == ';' || state->kind == RBL_NAMES)
		return 0;
	if (*text == ':' && text[1] != ':')
		return 0; /* the default value of what follows */
	if (*text == '$') {
		if ((text[1] >= '0' && text[1] <= '9') || text[1] == '=')
			return 0; /* a substitution in values */
		return bad_line(r, "\"%.20s\" is not known", text);
	}
	excluded = *text == '!';
	if (excluded)
		text = trim(text + 1);
	if (!*text)
		return bad_line(r, "there is no address behind the \"!\"");
	/* Behind the entry stands its value or a comment. Only behind IPv4 may ':' follow at once.
	 */
	end = text + strcspn(text, " \t#;");
	colon = memchr(text, ':', (size_t)(end - text));
	if (colon && state->kind < RBL_IP6TRIE && strcspn(text, "./") < (size_t)(colon - text))
		end = colon;
	*end = '\0';
	return state->kind >= RBL_IP6TRIE ? read_entry6(r, text, excluded)
					  : read_entry4(r, text, excluded);
}
