/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * core.h - what every kernel-side file stands on: the UAPI, libbpf's helpers, and the two words
 * that every rule asks for, the settings and the time
 *
 * No generated vmlinux.h: the UAPI headers and a few preserve_access_index structs (sessions.bpf.c)
 * are enough, and the tree builds the same on every machine.
 */
#ifndef SMTPWALL_BPF_CORE_H
#define SMTPWALL_BPF_CORE_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <smtpwall/address.h>
#include <smtpwall/events.h>
#include <smtpwall/policy.h>
#include <smtpwall/reasons.h>
#include <smtpwall/settings.h>
#include <smtpwall/sources.h>
#include "maps.h"

/* Keeps the compiler from moving a mask in front of a helper call, after which the verifier of 6.1
 * has forgotten the bounds of a spilled index. */
#define barrier_on(variable) asm volatile("" : "+r"(variable))

/* Keeps the compiler from holding two reads of a shared word for one. */
#define read_once(x) (*(const volatile __typeof__(x) *)&(x))

static __always_inline struct settings *settings_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

/*
 * Puts an entry into a map that is an LRU. When such a map is full, the kernel throws out first what nobody
 * has looked up since it came; where all that is in it is in use, these are the newest entries. So
 * whoever does not look up what he has put there anyway does it here.
 */
static __always_inline long lru_put(void *map, const void *key, const void *value, __u64 flags)
{
	long err = bpf_map_update_elem(map, key, value, flags);

	if (!err)
		bpf_map_lookup_elem(map, key);
	return err;
}

/* The one place where the kernel side asks what time it is: boot clock, ns, with the test offset.
 */
static __always_inline __u64 now_ns(const struct settings *s)
{
	return bpf_ktime_get_boot_ns() + read_once(s->clock_offset);
}

/* `port` in host byte order. */
static __always_inline enum port_kind port_kind(const struct settings *s, __u16 port)
{
	for (int i = 0; i < SETTINGS_PORTS; i++) {
		__u64 word = read_once(s->port[i]);

		if (!word)
			break;
		if ((__u16)word == port)
			return (enum port_kind)(word >> 16 & 3);
	}
	return PORT_OTHER;
}

#endif
