// SPDX-License-Identifier: GPL-2.0-only
/*
 * rails.c - is this content plausible, and what must not be in it?
 *
 * Lists are made by other people's programs. One that suddenly holds a tenth of the Internet, or
 * half of what it held yesterday, is more likely broken than right, and the old content is the
 * better guess.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include "reading.h"

/* No client on the Internet has such an address, and a host's own networks often do. */
static const struct range4 bogons4[] = {
	{0x00000000, 0x00ffffff}, /* 0.0.0.0/8 this network */
	{0x0a000000, 0x0affffff}, /* 10.0.0.0/8 private */
	{0x64400000, 0x647fffff}, /* 100.64.0.0/10 shared */
	{0x7f000000, 0x7fffffff}, /* 127.0.0.0/8 loopback */
	{0xa9fe0000, 0xa9feffff}, /* 169.254.0.0/16 link-local */
	{0xac100000, 0xac1fffff}, /* 172.16.0.0/12 private */
	{0xc0a80000, 0xc0a8ffff}, /* 192.168.0.0/16 private */
	{0xe0000000, 0xffffffff}, /* 224.0.0.0/4 multicast, 240.0.0.0/4 reserved */
};

static const struct range6 bogons6[] = {
	{0, 0, 0, 1},					 /* ::, ::1 unspecified, loopback */
	{0, 0xffff00000000, 0, 0xffffffffffff},		 /* ::ffff:0:0/96 mapped */
	{0xfc00ULL << 48, 0, 0xfdffffffffffffff, ~0ULL}, /* fc00::/7 unique-local */
	{0xfe80ULL << 48, 0, 0xfebfffffffffffff, ~0ULL}, /* fe80::/10 link-local */
	{0xff00ULL << 48, 0, ~0ULL, ~0ULL},		 /* ff00::/8 multicast */
};

uint64_t list_remove_bogons(struct list_content *content, char example[PREFIX_TEXT])
{
	const struct list_content bogons = {
		.v4 = (struct range4 *)bogons4,
		.v4_count = sizeof(bogons4) / sizeof(bogons4[0]),
		.v6 = (struct range6 *)bogons6,
		.v6_count = sizeof(bogons6) / sizeof(bogons6[0]),
	};
	unsigned int widest4 = content->widest4, widest6 = content->widest6;
	char text[SPAN_TEXT], widest_text[PREFIX_TEXT];
	enum family family;
	struct span first;
	uint64_t touched = 0;

	example[0] = '\0';
	/* Out of memory: nothing was taken out, which only the one who reads the note will miss. */
	if (content_subtract(content, &bogons, &touched, &first, &family) || !touched)
		return 0;
	snprintf(example, PREFIX_TEXT, "%.*s", PREFIX_TEXT - 1, span_text(&first, family, text));
	content->left_out += touched;
	/*
	 * The widest entry may be gone. What is left of the ranges is at least as wide as the
	 * widest entry that is left (entries that touch were joined), so the narrower of both is
	 * nearest to the truth.
	 */
	memcpy(widest_text, content->widest_text, sizeof(widest_text));
	content_find_widest(content);
	if (content->widest4 <= widest4 && content->widest6 <= widest6)
		memcpy(content->widest_text, widest_text, sizeof(widest_text));
	if (content->widest4 < widest4)
		content->widest4 = widest4;
	if (content->widest6 < widest6)
		content->widest6 = widest6;
	return touched;
}

#define FORCE "; if that is right, load it with --force"

/* Below this a list is so small that any change looks like a landslide. */
#define FEW 20

static int compare_sizes(const char *what, uint64_t old, uint64_t now, struct error *why)
{
	char a[NUMBER_TEXT], b[NUMBER_TEXT];

	number_text(old, a);
	number_text(now, b);
	if (now < old / 2 + old % 2)
		return error_set(why, -EPERM, "it shrank by more than half, from %s to %s %s" FORCE,
				 a, b, what);
	if (now / 3 > old || (now / 3 == old && now % 3))
		return error_set(why, -EPERM, "it grew more than threefold, from %s to %s %s" FORCE,
				 a, b, what);
	return 0;
}

static int look_at_width(const struct list_content *content, struct error *why)
{
	uint64_t addresses = list_content_v4_addresses(content);

	if (content->widest4 < 10 || content->widest6 < 20)
		return error_set(why, -EPERM,
				 "it would block %s; an IPv4 prefix wider than /10 or an IPv6 "
				 "prefix wider than /20 is more likely a mistake" FORCE,
				 content->widest_text);
	if (addresses > (1ULL << 32) / 10)
		return error_set(why, -EPERM,
				 "it would block %" PRIu64 ".%" PRIu64 "%% of all IPv4 addresses, "
				 "and more than 10%% is more likely a mistake" FORCE,
				 ((addresses * 1000) >> 32) / 10, ((addresses * 1000) >> 32) % 10);
	return 0;
}

int list_plausible(const struct list_content *content, enum list_action action,
		   const struct list_content *old, struct error *why)
{
	int err = 0;

	if (action == LIST_DROP || action == LIST_REFUSE)
		err = look_at_width(content, why);
	/* An administrator's own 10/8 is no mistake, the whole Internet is. */
	if (action == LIST_ALLOW && (content->widest4 < 8 || content->widest6 < 16))
		err = error_set(
			why, -EPERM,
			"it would allow %s, so that next to nothing is filtered any more" FORCE,
			content->widest_text);
	if (err || !old || old->entries < FEW)
		return err;
	err = compare_sizes("entries", old->entries, content->entries, why);
	/* A family of few ranges may come and go. */
	if (!err && old->v4_count >= FEW)
		err = compare_sizes("IPv4 addresses", list_content_v4_addresses(old),
				    list_content_v4_addresses(content), why);
	if (!err && old->v6_count >= FEW)
		err = compare_sizes("IPv6 networks", list_content_v6_networks(old),
				    list_content_v6_networks(content), why);
	return err;
}
