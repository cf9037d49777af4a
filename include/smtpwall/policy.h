/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * policy.h - the compiled policy: all lists in one read-only structure
 *
 * Which list speaks for an address is settled when the lists are compiled, not when a packet
 * comes: allow wins over everything whatever the prefix lengths, then drop, then refuse, then count; among
 * equals the list whose name sorts first. So a lookup yields one list id, 0 for none.
 *
 * A compiled policy has two parts, each an inner map of its own:
 *
 *   index   one value of 4 MiB: for each of the 2^24 IPv4 /24 networks one bit "something here is
 *           listed", kept as words of 32 bits with the number of bits set before them (rank). The
 *           rank of a /24 is the number of its entry.
 *   pages   values of 64 KiB. Page 0 is struct policy_head; it says where the other tables begin.
 *           Every table begins on a page of its own and runs through consecutive pages.
 *
 * IPv4 entry, one u32 for each /24 that is not empty; the two highest bits are the tag:
 *   WHOLE   the whole /24 is in list id                     00 | 22 unused | id
 *   HOSTS   one or two addresses of one list (equal: one)   01 | 6 unused | octet a | octet b | id
 *   GROUP   up to eight addresses, octet << 8 | id each;    10 | number of eight u16 in the pool
 *           unused places have id 0
 *   ROW     all others: 256 ids, one for each address       11 | number of the row
 *
 * IPv6: the space of the upper 64 bits is cut into intervals, the starts sorted. They form a search
 * tree without pointers: level 0 is the sorted starts, level k+1 holds the first key of each node
 * (8 keys, one cache line) of level k; the top level is one node. Unused keys at the end of a level
 * are all ones. value[i] belongs to the interval that begins at start i: an id, or, where a /64 is
 * divided further, V6_DETAIL | place of a group in the detail table: {count, 0}, then `count` pairs
 * {start in the lower 64 bits, id}, sorted, the first start 0.
 *
 * There are two generations of both parts. The lowest bit of settings.policy_generation, read once
 * per packet, tells which one is in force; the other one is empty or being filled.
 */
#ifndef SMTPWALL_POLICY_H
#define SMTPWALL_POLICY_H

#include <linux/types.h>
#include "reasons.h"

#define POLICY_LISTS	 256 /* ids; 0 is "no list" */
#define POLICY_NAME	 32  /* bytes of a list's name with its NUL */
#define POLICY_PAGE	 65536
#define POLICY_PAGES_MAX 8192 /* 512 MiB */
#define POLICY_MAGIC	 0x736d74772d706f6cULL

#define V4_INDEX_WORDS (1u << 19)
#define V4_GROUP       8
#define V4_ROW	       256

#define V4_TAG(entry)	 ((entry) >> 30)
#define V4_NUMBER(entry) ((entry)&0x3fffffff)
#define V4_ID(entry)	 ((entry)&0xff)
#define V4_HOST_A(entry) ((entry) >> 16 & 0xff)
#define V4_HOST_B(entry) ((entry) >> 8 & 0xff)

enum v4_tag {
	V4_WHOLE = 0,
	V4_HOSTS = 1,
	V4_IN_GROUP = 2,
	V4_IN_ROW = 3,
};

#define V6_NODE	      8 /* keys in a node */
#define V6_LEVELS     8 /* 8^8 intervals are more than the pages can hold */
#define V6_DETAIL     0x80000000u
#define V6_DETAIL_MAX (1u << 20) /* pairs in one group, a bound for the search */

struct v4_word {
	__u32 rank;
	__u32 bits;
};

struct v6_pair {
	__u64 start; /* host byte order; in the first pair of a group: the count of those behind it
		      */
	__u64 id;
};

struct policy_list {
	char name[POLICY_NAME];
	__s64 loaded; /* wall clock, seconds */
	__u64 entries;
	enum list_action action;
	__u32 unused;
};

struct policy_head {
	__u64 magic;
	__s64 built; /* wall clock, seconds */
	__u32 v4_entries_page;
	__u32 v4_pool_page;
	__u32 v4_rows_page;
	__u32 v6_values_page;
	__u32 v6_detail_page;
	__u32 v6_levels; /* 0: no IPv6 address is listed */
	__u32 v6_level_page[V6_LEVELS];
	struct policy_list list[POLICY_LISTS];
};

#endif
