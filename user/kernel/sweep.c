// SPDX-License-Identifier: GPL-2.0-only
/*
 * sweep.c - forgets proven sources that were not seen for long
 *
 * The kernel programs write the map `proven`, user space only deletes. A source that comes back in
 * the instant between the look and the deletion loses one count, no more: its socket's mark names
 * the entry by its beginning, so the close of that socket takes nothing back from a later entry.
 */
#include <bpf/bpf.h>
#include "../clock.h"
#include "kernel.h"
#include "walk.h"
#include "wall.h"

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

struct sweep {
	int fd, deleted;
	uint64_t now, idle_ns;
	size_t count;
};

static int count_one(void *context, const void *key, const void *value)
{
	struct sweep *sweep = context;

	(void)key;
	(void)value;
	sweep->count++;
	return 0;
}

static int forget_idle(void *context, const void *key, const void *value)
{
	const struct proven *p = value;
	struct sweep *sweep = context;

	if (p->sessions <= 0 && p->last + sweep->idle_ns < sweep->now &&
	    p->login_until < sweep->now &&
	    bpf_map_delete_elem(sweep->fd, key) == 0)
		sweep->deleted++;
	return 0;
}

int wall_sweep_proven(struct wall *wall, uint64_t idle_ns, size_t *left)
{
	struct sweep sweep = {.fd = wall->fd[MAP_PROVEN], .now = clock_boot()};
	int err = walk_map(sweep.fd, sizeof(struct address), sizeof(struct proven), count_one,
			   &sweep);

	sweep.idle_ns = sweep_patience(idle_ns, sweep.count);
	if (!err)
		err = walk_map(sweep.fd, sizeof(struct address), sizeof(struct proven), forget_idle,
			       &sweep);
	*left = sweep.count -
		((size_t)sweep.deleted < sweep.count ? (size_t)sweep.deleted : sweep.count);
	return err ? err : sweep.deleted;
}
