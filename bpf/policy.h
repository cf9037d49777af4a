/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * policy.h - which list speaks for an address: the lookup in the compiled policy
 *
 * The layout is told in include/smtpwall/policy.h. Compiles for the kernel and natively: a native
 * includer defines, in front of the #include,
 *
 *   struct policy_ref	      what it looks things up in
 *   POLICY_WORD(p, n)	      -> const struct v4_word *, word n of the index, or NULL
 *   POLICY_AT(p, page, offset, size)
 *			      -> const void *, `size` bytes (a power of two, which divides the
 *			      offset) in page `page`, or NULL; only offset % POLICY_PAGE counts
 *
 * For the sake of the verifiers since 6.1: an index is masked behind a barrier after the last
 * helper call, since 6.1 forgets the bounds of one that is spilled beside a map key; and searches
 * choose by multiplying with 0 or 1, since branches (and masks of all ones, at which 6.18 forks)
 * multiply the states they have to look at.
 */
#ifndef SMTPWALL_BPF_POLICY_H
#define SMTPWALL_BPF_POLICY_H

#include <smtpwall/address.h>
#include <smtpwall/policy.h>

/* The compiler must neither move a mask over this nor turn arithmetic back into a branch. */
#define policy_barrier(variable) __asm__ volatile("" : "+r"(variable))

#ifdef __bpf__
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/*
 * Slot generation & 1 of both outer maps is in force. What user space puts there must agree with
 * these templates in everything but, for the pages, max_entries. The flag that allows that turns
 * off the inlining of lookups, so the index, which every packet reads, goes without.
 */
struct policy_index_part {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, V4_INDEX_WORDS * sizeof(struct v4_word));
	__uint(map_flags, BPF_F_MMAPABLE);
};

struct policy_pages_part {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, POLICY_PAGE);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
};

struct policy_fence_part {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u64));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__array(values, struct policy_index_part);
} policy_index __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__array(values, struct policy_pages_part);
} policy_pages __weak SEC(".maps");

/* Nobody reads it: replacing its part waits for the packets that are under way. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, struct policy_fence_part);
} policy_fence __weak SEC(".maps");

struct policy_ref {
	void *index;
	void *pages;
};

/*
 * `generation`: settings.policy_generation, read once per packet, so that both parts are of one
 * policy and stay so. Returns 0 while there is no policy.
 */
static __always_inline int policy_open(struct policy_ref *p, __u64 generation)
{
	__u32 slot = generation & 1;

	p->index = bpf_map_lookup_elem(&policy_index, &slot);
	if (!p->index)
		return 0;
	p->pages = bpf_map_lookup_elem(&policy_pages, &slot);
	return p->pages != NULL;
}

static __always_inline const struct v4_word *policy_word(struct policy_ref *p, __u32 n)
{
	__u32 zero = 0;
	const struct v4_word *word = bpf_map_lookup_elem(p->index, &zero);

	if (!word)
		return NULL;
	policy_barrier(n);
	return word + (n & (V4_INDEX_WORDS - 1));
}

static __always_inline const void *policy_at(struct policy_ref *p, __u32 page, __u32 offset,
					     __u32 size)
{
	const __u8 *bytes = bpf_map_lookup_elem(p->pages, &page);

	if (!bytes)
		return NULL;
	policy_barrier(offset);
	return bytes + (offset & (POLICY_PAGE - size));
}

#define POLICY_WORD(p, n)		 policy_word(p, n)
#define POLICY_AT(p, page, offset, size) policy_at(p, page, offset, size)
#else
/* The pragmas below are clang's; gcc does not know them and need not. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#endif /* __bpf__ */

static __always_inline const struct policy_head *policy_head(struct policy_ref *p)
{
	return POLICY_AT(p, 0, 0, POLICY_PAGE);
}

/* What page 0 says about list `id`. */
static __always_inline const struct policy_list *policy_list(struct policy_ref *p, __u32 id)
{
	const struct policy_head *head = policy_head(p);

	if (!head)
		return NULL;
	policy_barrier(id);
	return &head->list[id & (POLICY_LISTS - 1)];
}

static __always_inline __u32 policy_lookup4(struct policy_ref *p, __u32 v4)
{
	const struct v4_word *word = POLICY_WORD(p, v4 >> 13);
	const struct policy_head *head;
	const __u32 *found;
	const __u16 *group;
	const __u8 *row;
	__u32 bits, bit = v4 >> 8 & 31, octet = v4 & 0xff, number, entry, id = 0;

	if (!word)
		return 0;
	bits = word->bits;
	if (!(bits >> bit & 1))
		return 0;
	number = word->rank + __builtin_popcount(bits & ((1u << bit) - 1));
	head = policy_head(p);
	if (!head)
		return 0;
	found = POLICY_AT(p, head->v4_entries_page + (number >> 14), number << 2, sizeof(*found));
	if (!found)
		return 0;
	entry = *found;
	number = V4_NUMBER(entry);
	switch (V4_TAG(entry)) {
	case V4_WHOLE:
		return V4_ID(entry);
	case V4_HOSTS:
		return octet == V4_HOST_A(entry) || octet == V4_HOST_B(entry) ? V4_ID(entry) : 0;
	case V4_IN_GROUP:
		group = POLICY_AT(p, head->v4_pool_page + (number >> 12), number << 4,
				  V4_GROUP * sizeof(*group));
		if (!group)
			return 0;
#pragma unroll
		for (int i = 0; i < V4_GROUP; i++) {
			__u32 place = group[i];
			__u32 same = ((place >> 8 ^ octet) - 1) >> 31;

			policy_barrier(same);
			id |= (place & 0xff) * same;
		}
		return id;
	default:
		row = POLICY_AT(p, head->v4_rows_page + (number >> 8), number << 8 | octet, 1);
		return row ? *row : 0;
	}
}

/* 1 if a <= b, unsigned, without a branch: no borrow leaves b - a. */
static __always_inline __u64 policy_reaches(__u64 a, __u64 b)
{
	__u64 borrow = ((~b & a) | ((~b | a) & (b - a))) >> 63;

	policy_barrier(borrow);
	return borrow ^ 1;
}

/* The last of the group's pairs that starts at or before `low`. */
static __always_inline __u32 policy_detail(struct policy_ref *p, __u32 page, __u32 place, __u64 low)
{
	const struct v6_pair *pair;
	__u64 count, at = 0;

	pair = POLICY_AT(p, page + (place >> 12), place << 4, sizeof(*pair));
	if (!pair)
		return 0;
	count = pair->start;
	place++;
	/* Pair 0 starts at 0. A step behind the end looks at pair 0 again and is not taken. */
#pragma nounroll
	for (__u32 step = V6_DETAIL_MAX / 2; step; step >>= 1) {
		__u64 inside;
		__u32 look;

		/* Most groups are small. Once false it stays so: no branch for each step. */
		if (step >= count)
			continue;
		inside = policy_reaches(at + step + 1, count);
		look = place + (__u32)((at + step) * inside);
		pair = POLICY_AT(p, page + (look >> 12), look << 4, sizeof(*pair));
		if (!pair)
			return 0;
		at += step * (inside & policy_reaches(pair->start, low));
	}
	place += (__u32)at;
	pair = POLICY_AT(p, page + (place >> 12), place << 4, sizeof(*pair));
	return pair ? (__u32)pair->id : 0;
}

static __always_inline __u32 policy_lookup6(struct policy_ref *p, __u64 high, __u64 low)
{
	const struct policy_head *head = policy_head(p);
	const __u32 *value;
	__u32 levels, node = 0, id;

	if (!head)
		return 0;
	levels = head->v6_levels;
	if (!levels)
		return 0;
	high -= policy_reaches(~0ULL, high); /* all ones marks unused keys */
#pragma unroll
	for (int level = V6_LEVELS - 1; level >= 0; level--) {
		const __u64 *key;
		__u64 child = 0;

		if ((__u32)level >= levels)
			continue;
		key = POLICY_AT(p, head->v6_level_page[level] + (node >> 10), node << 6,
				V6_NODE * sizeof(*key));
		if (!key)
			return 0;
			/* Key 0 is not behind `high`: for its sake the search came to this node. */
#pragma unroll
		for (int i = 1; i < V6_NODE; i++)
			child += policy_reaches(key[i], high);
		node = node * V6_NODE + (__u32)child;
	}
	value = POLICY_AT(p, head->v6_values_page + (node >> 14), node << 2, sizeof(*value));
	if (!value)
		return 0;
	id = *value;
	if (id & V6_DETAIL)
		id = policy_detail(p, head->v6_detail_page, id & ~V6_DETAIL, low);
	return id;
}

/* The id of the list that speaks for a (folded) address, 0 if none does. */
static __always_inline __u32 policy_lookup(struct policy_ref *p, const struct address *a)
{
	__u32 id;

	if (address_is_v4(a))
		id = policy_lookup4(p, address_v4(a));
	else
		id = policy_lookup6(p, address_half(a, 0), address_half(a, 1));
	return id & (POLICY_LISTS - 1);
}

#ifndef __bpf__
#pragma GCC diagnostic pop
#endif

#endif
