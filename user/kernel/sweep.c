// SPDX-License-Identifier: GPL-2.0-only
/*
 * sweep.c - forgets proven sources that were not seen for long
 *
 * The kernel programs write the map `proven`, user space only deletes. A source that comes back in
 * the instant between the look and the deletion loses one count, no more: its socket's mark names
 * the entry by its beginning, so the close of that socket takes nothing back from a later entry.
 */
#include <errno.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include "../clock.h"
#include "kernel.h"
#include "wall.h"

#define BATCH 4096

struct sweep {
	struct address key[BATCH];
	struct proven value[BATCH];
	__u32 count; /* of the batch at hand */
	__u32 cursor;
	bool started, ended;
};

/* The next batch: 0, or a negative errno. sweep->ended after the last one. */
static int sweep_next(struct wall *wall, struct sweep *sweep)
{
	LIBBPF_OPTS(bpf_map_batch_opts, options);
	__u32 next;
	int err;

	sweep->count = BATCH;
	err = bpf_map_lookup_batch(wall->fd[MAP_PROVEN], sweep->started ? &sweep->cursor : NULL,
				   &next, sweep->key, sweep->value, &sweep->count, &options);
	sweep->cursor = next;
	sweep->started = true;
	sweep->ended = err == -ENOENT;
	return sweep->ended ? 0 : err;
}

static int sweep_count(struct wall *wall, struct sweep *sweep, size_t *count)
{
	int err = 0;

	*count = 0;
	sweep->started = sweep->ended = false;
	while (!err && !sweep->ended) {
		err = sweep_next(wall, sweep);
		if (!err)
			*count += sweep->count;
	}
	return err;
}

/* While there is room, a sender that comes once a month is remembered; a flood must not fill the map. */
static uint64_t sweep_patience(uint64_t idle_ns, size_t count)
{
	if (count > (size_t)PROVEN_MAX / 10 * 9)
		return idle_ns / 3000;
	if (count > (size_t)PROVEN_MAX / 4 * 3)
		return idle_ns / 300;
	if (count > (size_t)PROVEN_MAX / 2)
		return idle_ns / 30;
	return idle_ns;
}

int wall_sweep_proven(struct wall *wall, uint64_t idle_ns, size_t *left)
{
	struct sweep *sweep = calloc(1, sizeof(*sweep));
	uint64_t now = clock_boot();
	int err, deleted = 0;

	*left = 0;
	if (!sweep)
		return -ENOMEM;
	err = sweep_count(wall, sweep, left);
	idle_ns = sweep_patience(idle_ns, *left);
	sweep->started = sweep->ended = false;
	while (!err && !sweep->ended) {
		err = sweep_next(wall, sweep);
		for (__u32 i = 0; !err && i < sweep->count; i++) {
			const struct proven *p = &sweep->value[i];

			if (p->sessions <= 0 && p->last + idle_ns < now &&
			    bpf_map_delete_elem(wall->fd[MAP_PROVEN], &sweep->key[i]) == 0)
				deleted++;
		}
	}
	*left -= (size_t)deleted < *left ? (size_t)deleted : *left;
	free(sweep);
	return err ? err : deleted;
}
