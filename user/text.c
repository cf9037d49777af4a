// SPDX-License-Identifier: GPL-2.0-only
/*
 * text.c - sentences of errors, addresses, durations and rates: from text and to text
 *
 * Everything here may be handed hostile text (a list fetched from elsewhere, a name from a log), so
 * whatever is quoted back in a sentence is cleaned and cut first.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "text.h"

/* Room for offending text quoted in a sentence: enough to recognise it, too little to hide in. */
#define QUOTED 80

#define DURATION_MAX (10ULL * 365 * 86400)
#define EVENTS_MAX   1000000000ULL /* one per nanosecond is the finest the kernel programs know */

/*
 * Control characters in a sentence could rewrite the terminal they are shown on. UTF-8 stays, since
 * names of files are written in it, but for the C1 control characters (c2 80..9f).
 */
static void disarm(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		if (*c < ' ' || *c == 0x7f)
			*c = '?';
		else if (*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
			c[0] = c[1] = '?';
	}
}

int error_set(struct error *why, int code, const char *format, ...)
{
	struct error fresh; /* the arguments may point into *why */
	va_list args;

	if (!why)
		return code;
	va_start(args, format);
	vsnprintf(fresh.text, sizeof(fresh.text), format, args);
	va_end(args);
	disarm(fresh.text);
	*why = fresh;
	return code;
}

int error_prefix(struct error *why, int code, const char *format, ...)
{
	struct error fresh;
	va_list args;
	size_t used;

	if (!why)
		return code;
	va_start(args, format);
	vsnprintf(fresh.text, sizeof(fresh.text), format, args);
	va_end(args);
	used = strlen(fresh.text);
	disarm(fresh.text);
	snprintf(fresh.text + used, sizeof(fresh.text) - used, "%s", why->text);
	*why = fresh;
	return code;
}

bool address_parse(const char *text, struct address *out)
{
	struct address a;
	struct in_addr v4;

	if (strchr(text, ':')) {
		if (inet_pton(AF_INET6, text, &a) != 1)
			return false;
		address_fold(&a);
	} else {
		if (inet_pton(AF_INET, text, &v4) != 1)
			return false;
		address_from_v4(&a, v4.s_addr);
	}
	*out = a;
	return true;
}

/* Digits only, no leading zeros, so that "/024" is not read in two ways. */
static bool length_parse(const char *text, unsigned int most, unsigned int *out)
{
	unsigned int n = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (unsigned int)(*text - '0');
		if (n > most)
			return false;
	}
	*out = n;
	return true;
}

int prefix_parse(const char *text, struct prefix *out, struct error *why)
{
	static const struct prefix mapped = {.address.byte = {[10] = 0xff, [11] = 0xff},
					     .length = ADDRESS_V4_AT};
	const char *slash = strchr(text, '/');
	size_t size = slash ? (size_t)(slash - text) : strlen(text);
	char shown[QUOTED], host[ADDRESS_TEXT], right[PREFIX_TEXT];
	unsigned int bits, length;
	struct prefix p, masked;
	bool v6;

	text_clean(text, shown, sizeof(shown));
	if (!*text)
		return error_set(why, -EINVAL, "an address is missing");
	if (size >= sizeof(host))
		return error_set(why, -EINVAL, "\"%s\" is not an IP address or prefix", shown);
	memcpy(host, text, size);
	host[size] = '\0';
	memset(&p, 0, sizeof(p));
	if (!address_parse(host, &p.address))
		return error_set(why, -EINVAL, "\"%s\" is not an IP address or prefix", shown);

	v6 = strchr(host, ':');
	bits = v6 ? ADDRESS_BITS : ADDRESS_BITS - ADDRESS_V4_AT;
	length = bits;
	if (slash && !length_parse(slash + 1, bits, &length))
		return error_set(
			why, -EINVAL,
			"\"%s\" has no valid prefix length: it must be 0 to %u behind the /", shown,
			bits);
	p.length = length + (ADDRESS_BITS - bits);

	/* With fewer than 96 bits a folded NAT64 prefix would be cut apart: it stays what it was.
	 */
	if (v6 && p.length < ADDRESS_V4_AT)
		inet_pton(AF_INET6, host, &p.address);
	masked = p;
	prefix_mask(&masked);
	/* The one address type would make an IPv6 prefix this wide hold every IPv4 address too. */
	if (p.length < ADDRESS_V4_AT && prefix_contains(&masked, &mapped))
		return error_set(why, -EINVAL,
				 "\"%s\" would hold all of IPv4 as well; write 2000::/3 for the "
				 "public IPv6 addresses and 0.0.0.0/0 for IPv4",
				 shown);
	if (memcmp(&masked.address, &p.address, sizeof(p.address)) != 0)
		return error_set(why, -EINVAL,
				 "%s has bits set behind its length; did you mean %s?", shown,
				 prefix_text(&masked, right));
	*out = p;
	return 0;
}

const char *address_text(const struct address *a, char buffer[ADDRESS_TEXT])
{
	if (address_is_v4(a))
		inet_ntop(AF_INET, &a->byte[12], buffer, ADDRESS_TEXT);
	else
		inet_ntop(AF_INET6, a, buffer, ADDRESS_TEXT);
	return buffer;
}

const char *prefix_text(const struct prefix *p, char buffer[PREFIX_TEXT])
{
	bool v4 = address_is_v4(&p->address) && p->length >= ADDRESS_V4_AT;
	unsigned int length = p->length > ADDRESS_BITS ? ADDRESS_BITS : p->length;
	size_t used;

	if (v4)
		address_text(&p->address, buffer);
	else
		inet_ntop(AF_INET6, &p->address, buffer, ADDRESS_TEXT);
	used = strlen(buffer);
	if (length < ADDRESS_BITS)
		snprintf(buffer + used, PREFIX_TEXT - used, "/%u",
			 v4 ? length - ADDRESS_V4_AT : length);
	return buffer;
}

void prefix_mask(struct prefix *p)
{
	for (unsigned int i = 0; i < ADDRESS_BYTES; i++) {
		unsigned int first = i * 8;

		if (p->length <= first)
			p->address.byte[i] = 0;
		else if (p->length < first + 8)
			p->address.byte[i] &= (__u8)(0xff << (first + 8 - p->length));
	}
}

bool prefix_contains(const struct prefix *outer, const struct prefix *inner)
{
	struct prefix a = *outer, b = *inner;

	if (inner->length < outer->length)
		return false;
	b.length = outer->length;
	prefix_mask(&a);
	prefix_mask(&b);
	return memcmp(&a.address, &b.address, sizeof(a.address)) == 0;
}

static const struct {
	char letter;
	uint64_t seconds;
} unit[] = {{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

#define UNITS (sizeof(unit) / sizeof(unit[0]))

int duration_parse(const char *text, uint64_t *seconds, struct error *why)
{
	uint64_t sum = 0;
	size_t next = 0; /* units must get smaller: "30m1h" is more likely a slip than a wish */
	const char *at = text;
	char shown[QUOTED];

	text_clean(text, shown, sizeof(shown));
	do {
		uint64_t n = 0;
		const char *digits = at;
		size_t u;

		for (; *at >= '0' && *at <= '9'; at++) {
			n = n * 10 + (uint64_t)(*at - '0');
			if (n > DURATION_MAX)
				goto too_long;
		}
		for (u = next; u < UNITS && unit[u].letter != *at; u++)
			;
		if (at == digits || u == UNITS)
			return error_set(why, -EINVAL,
					 "\"%s\" is not a time: write a number and a unit, as in "
					 "90s, 10m, 4h, 7d, 2w or 1h30m",
					 shown);
		sum += n * unit[u].seconds; /* no overflow: five terms below 2^49 */
		if (sum > DURATION_MAX)
			goto too_long;
		next = u + 1;
		at++;
	} while (*at);
	*seconds = sum;
	return 0;
too_long:
	return error_set(why, -EINVAL,
			 "\"%s\" is too long a time: the longest is ten years (3650d)", shown);
}

const char *duration_text(uint64_t seconds, char buffer[DURATION_TEXT])
{
	size_t used = 0;
	int terms = 0;

	/* Weeks are read but not written: "9d" says more than "1w2d". */
	for (size_t u = 1; u < UNITS && terms < 2; u++) {
		uint64_t n = seconds / unit[u].seconds;

		if (!n) {
			if (terms) /* neighbouring units only: "1d", not "1d5s" */
				break;
			continue;
		}
		used += (size_t)snprintf(buffer + used, DURATION_TEXT - used, "%" PRIu64 "%c", n,
					 unit[u].letter);
		seconds %= unit[u].seconds;
		terms++;
	}
	if (!terms)
		snprintf(buffer, DURATION_TEXT, "0s");
	return buffer;
}

int rate_parse(const char *text, uint64_t *events, uint64_t *seconds, struct error *why)
{
	const char *at = text;
	char shown[QUOTED];
	uint64_t n = 0, time = 0;

	text_clean(text, shown, sizeof(shown));
	if (!strcmp(text, "off")) {
		*events = 0;
		*seconds = 0;
		return 0;
	}
	for (; *at >= '0' && *at <= '9'; at++) {
		n = n * 10 + (uint64_t)(*at - '0');
		if (n > EVENTS_MAX)
			return error_set(why, -EINVAL,
					 "\"%s\" is too high a rate: the highest count is %llu",
					 shown, EVENTS_MAX);
	}
	if (at == text || *at != '/' || duration_parse(at + 1, &time, NULL))
		return error_set(
			why, -EINVAL,
			"\"%s\" is not a rate: write a count and a time, as in 600/1m, or off",
			shown);
	if (!n || !time)
		return error_set(
			why, -EINVAL,
			"\"%s\" would let nothing through: write off to have no limit, or a "
			"count and a time above zero",
			shown);
	*events = n;
	*seconds = time;
	return 0;
}

const char *text_clean(const char *in, char *out, size_t size)
{
	size_t used = 0;

	if (!size)
		return out;
	for (const unsigned char *c = (const unsigned char *)in; *c && used + 1 < size; c++) {
		if (*c == '"') {
			out[used++] = '\'';
		} else if (*c >= ' ' && *c < 0x7f) {
			out[used++] = (char)*c;
		} else {
			out[used++] = '?';
			/* one mark for a character of several bytes */
			while (*c >= 0x80 && (c[1] & 0xc0) == 0x80)
				c++;
		}
	}
	out[used] = '\0';
	return out;
}

const char *number_text(uint64_t n, char buffer[NUMBER_TEXT])
{
	char plain[NUMBER_TEXT];
	int digits = snprintf(plain, sizeof(plain), "%" PRIu64, n);
	size_t used = 0;

	for (int i = 0; i < digits; i++) {
		if (i && (digits - i) % 3 == 0)
			buffer[used++] = ',';
		buffer[used++] = plain[i];
	}
	buffer[used] = '\0';
	return buffer;
}
