/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bans.h - what the files about bans share
 *
 *   bans    the service: the map's bans become log lines and rows of the ledger
 *   vacate  keeps room in the map
 *   widen   several banned addresses of one network become one ban of it
 *   wave    are many banned at once?
 *   gather  which networks these are (no maps, no clock: it can be tested)
 */
#ifndef SMTPWALL_DAEMON_BANS_H
#define SMTPWALL_DAEMON_BANS_H

#include "daemon.h"

/* One element of the map. */
struct ban_entry {
	struct prefix prefix;
	struct ban ban;
};

/* The map, in order. */
struct ban_walk {
	struct ban_entry *entry;
	size_t count, room;
};

/* By address, then by length; of any struct that begins with a struct prefix. */
int prefix_order(const void *a, const void *b);

/* So many IPv6 networks (/64) of one site (/48) in which something is banned are banned as one. */
#define GATHER_SITE 16

/*
 * Finds networks with at least `least` banned addresses (IPv4 /24, IPv6 /64), and IPv6 sites in
 * which GATHER_SITE networks or more hold a ban, that are not banned themselves. `entry`: bans in force, in order. Writes
 * the ban each would get, as of `now`, to `out`; returns how many.
 */
size_t gather(const struct ban_entry *entry, size_t count, uint64_t least, uint64_t now,
	      struct ban_entry *out, size_t room);

/* --- vacate.c -------------------------------------------------------------------------------- */

/* Drops bans that are over from the map, and from the walk; says when there is no room. */
void bans_vacate(struct daemon *d, struct ban_walk *w);

/* --- wave.c ---------------------------------------------------------------------------------- */

struct ban_wave {
	uint64_t begun, told; /* boot clock, ns; told 0: there is no fault */
	unsigned int count;   /* bans since it began */
};

/* A new ban; a fault when there are many. */
void wave_add(struct daemon *d, struct ban_wave *wave, const struct ban_entry *e);
/* The fault ends an hour after the last of them. */
void wave_tick(struct daemon *d, struct ban_wave *wave);

/* --- widen.c --------------------------------------------------------------------------------- */

/*
 * Bans networks instead of their members; `entry` is the whole map, in order. True if something changed:
 * the map is to be walked again.
 */
bool bans_widen(struct daemon *d, const struct ban_entry *entry, size_t count);

#endif
