/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maps.h - the maps, but for those of the policy (policy.h)
 *
 * Each map has one writing side; include/smtpwall/ says which beside each value. They are weak, so
 * that every object that includes this file shares one set when bpftool links them. What must not
 * be pushed out by strangers is a preallocated hash; only what may be forgotten is an LRU.
 */
#ifndef SMTPWALL_BPF_MAPS_H
#define SMTPWALL_BPF_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <smtpwall/abuse.h>
#include <smtpwall/dnsbl.h>
#include <smtpwall/events.h>
#include <smtpwall/health.h>
#include <smtpwall/policy.h>
#include <smtpwall/reasons.h>
#include <smtpwall/refuse.h>
#include <smtpwall/replies.h>
#include <smtpwall/settings.h>
#include <smtpwall/sources.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct settings);
} settings __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counters);
} counters __weak SEC(".maps");

/* By list id; id 0 is unused. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, POLICY_LISTS);
	__type(key, __u32);
	__type(value, struct outcome);
} list_counters __weak SEC(".maps");

/*
 * Which list has which id, for people: written by user space when a policy is put in force. The
 * programs take name and action from the policy itself, which changes as a whole.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, POLICY_LISTS);
	__type(key, __u32);
	__type(value, struct policy_list);
} lists __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct notices);
} notices __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct health);
} health __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MANUAL_MAX);
	__type(key, struct prefix);
	__type(value, struct manual);
} manual __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct manual_lengths);
} manual_lengths __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PROVEN_MAX);
	__type(key, struct address);
	__type(value, struct proven);
} proven __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct proof);
} proof __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RATES_MAX);
	__type(key, struct rate_key);
	__type(value, struct rate);
} rates __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, ANNOUNCED_MAX);
	__type(key, struct address);
	__type(value, struct announced);
} announced __weak SEC(".maps");

/* Not preallocated: its values are large, and user space alone adds to it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DNSBL_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct address);
	__type(value, struct dnsbl);
} dnsbl __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct dnsbl_health);
} dnsbl_health __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DEFERRED_MAX);
	__type(key, struct address);
	__type(value, struct deferred);
} deferred __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct deferral);
} deferral __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, ASKED_MAX);
	__type(key, struct address);
	__type(value, __u64);
} asked __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BANS_MAX);
	__type(key, struct prefix);
	__type(value, struct ban);
} bans __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, KNOWN_MAX);
	__type(key, struct address);
	__type(value, struct known);
} known __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct abuse);
} abuse __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, OPENINGS_MAX);
	__type(key, struct flow_key);
	__type(value, struct opening);
} openings __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOWS_MAX);
	__type(key, struct flow_key);
	__type(value, struct flow);
} flows __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct reply_counts);
} reply_counts __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, REFUSALS_MAX);
	__type(key, struct flow_key);
	__type(value, struct refusal);
} refusals __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TOLD_MAX);
	__type(key, struct address);
	__type(value, struct told);
} told __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct refuse_state);
} refuse_state __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct refuse_counts);
} refuse_counts __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct refuse_health);
} refuse_health __weak SEC(".maps");

/* The value is a descriptor when user space writes it, and a cookie when it reads it. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, REFUSE_SOCKETS);
	__type(key, __u32);
	__type(value, __u64);
} refuse_sockets __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENTS_BYTES);
} events __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENTS_BYTES);
} watched __weak SEC(".maps");

#endif
