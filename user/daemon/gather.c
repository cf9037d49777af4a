// SPDX-License-Identifier: GPL-2.0-only
/*
 * gather.c - which networks hold so many banned addresses that they are banned as one
 */
#include <stdlib.h>
#include <string.h>
#include "bans.h"

#define V4_NETWORK 120u
#define V6_NETWORK 64u
#define V6_SITE	   48u

int prefix_order(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int order = memcmp(x->address.byte, y->address.byte, ADDRESS_BYTES);

	return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* What is gathered: addresses into networks, or everything that is banned in an IPv6 site into the site. */
enum gathering {
	INTO_NETWORK,
	INTO_SITE,
};

/* The network that this ban would be a member of; false: none, it stays what it is. */
static bool network_of(const struct prefix *member, enum gathering into, struct prefix *out)
{
	bool v4 = address_is_v4(&member->address);

	*out = *member;
	if (into == INTO_NETWORK && member->length == ADDRESS_BITS)
		out->length = v4 ? V4_NETWORK : V6_NETWORK;
	else if (into == INTO_SITE && !v4 && member->length >= V6_NETWORK)
		out->length = V6_SITE;
	else
		return false;
	prefix_mask(out);
	return true;
}

/* Of a site the networks count, however many addresses of each are banned. */
static bool is_another(const struct ban_entry *entry, size_t i, enum gathering into)
{
	return into == INTO_NETWORK || !i ||
	       memcmp(&entry[i].prefix.address, &entry[i - 1].prefix.address, 8) != 0;
}

/* The network's ban takes over what its members did, and lasts as long as the longest. */
static void add(struct ban *sum, const struct ban *member, bool another)
{
	if (member->until > sum->until)
		sum->until = member->until;
	if (member->remember > sum->remember)
		sum->remember = member->remember;
	if (member->offended && (!sum->offended || member->offended < sum->offended))
		sum->offended = member->offended;
	if (member->strikes > sum->strikes)
		sum->strikes = member->strikes;
	for (int i = 0; i < OFFENCES; i++)
		sum->offence[i] += member->offence[i];
	/* One that was made in monitor mode must not drop for it. */
	if (member->mode == MODE_MONITOR)
		sum->mode = MODE_MONITOR;
	/* Until the sum is complete, `since` is that of the youngest member. */
	if (member->since >= sum->since) {
		sum->since = member->since;
		sum->last = member->last;
		memcpy(sum->text, member->text, sizeof(sum->text));
	}
	sum->members += another;
}

static bool is_there(const struct ban_entry *entry, size_t count, const struct prefix *network)
{
	return count && bsearch(network, entry, count, sizeof(*entry), prefix_order);
}

/* Members of one network stand together, but for narrower and wider bans in between. */
static size_t gather_into(enum gathering into, const struct ban_entry *entry, size_t count,
			  uint64_t least, uint64_t now, struct ban_entry *out, size_t room)
{
	struct ban_entry sum = {.ban.members = 0};
	size_t found = 0;

	for (size_t i = 0; i <= count && found < room; i++) {
		struct prefix network = {.length = 0};
		bool is_member = i < count && network_of(&entry[i].prefix, into, &network);

		if (i < count && !is_member)
			continue;
		if (sum.ban.members && memcmp(&network, &sum.prefix, sizeof(network)) != 0) {
			if (sum.ban.members >= least && !is_there(entry, count, &sum.prefix)) {
				sum.ban.since = now;
				if (sum.ban.remember < now + BAN_REMEMBER)
					sum.ban.remember = now + BAN_REMEMBER;
				out[found++] = sum;
			}
			memset(&sum, 0, sizeof(sum));
		}
		if (!is_member)
			continue;
		if (!sum.ban.members) {
			sum.prefix = network;
			sum.ban.origin = BAN_WIDENED;
			sum.ban.mode = MODE_ENFORCE;
		}
		add(&sum.ban, &entry[i].ban, !sum.ban.members || is_another(entry, i, into));
	}
	return found;
}

size_t gather(const struct ban_entry *entry, size_t count, uint64_t least, uint64_t now,
	      struct ban_entry *out, size_t room)
{
	size_t found;

	if (!least)
		return 0;
	found = gather_into(INTO_NETWORK, entry, count, least, now, out, room);
	return found +
	       gather_into(INTO_SITE, entry, count, GATHER_SITE, now, out + found, room - found);
}
