// SPDX-License-Identifier: GPL-2.0-only
/*
 * answers.c - the maps of the DNSBLs: what they said about sources, how they are, who was deferred
 */
#include <errno.h>
#include <bpf/bpf.h>
#include "../clock.h"
#include "kernel.h"
#include "walk.h"
#include "wall.h"

struct dnsbl_health *wall_dnsbl_health(struct wall *wall)
{
	return wall->dnsbl;
}

int wall_get_dnsbl(struct wall *wall, const struct address *source, struct dnsbl *out)
{
	return bpf_map_lookup_elem(wall->fd[MAP_DNSBL], source, out);
}

int wall_put_dnsbl(struct wall *wall, const struct address *source, const struct dnsbl *facts)
{
	return bpf_map_update_elem(wall->fd[MAP_DNSBL], source, facts, BPF_ANY);
}

int wall_drop_dnsbl(struct wall *wall, const struct address *source)
{
	return bpf_map_delete_elem(wall->fd[MAP_DNSBL], source);
}

WALK_TYPED(wall_each_dnsbl, MAP_DNSBL, struct address, struct dnsbl)
WALK_TYPED(wall_each_proven, MAP_PROVEN, struct address, struct proven)

struct deferred_sweep {
	int fd, left;
	uint64_t now;
};

static int forget_deferred(void *context, const void *key, const void *value)
{
	const struct deferred *d = value;
	struct deferred_sweep *sweep = context;

	if (d->first + DEFER_AGAIN < sweep->now)
		bpf_map_delete_elem(sweep->fd, key);
	else
		sweep->left++;
	return 0;
}

int wall_sweep_deferred(struct wall *wall)
{
	struct deferred_sweep sweep = {.fd = wall->fd[MAP_DEFERRED], .now = clock_boot()};
	int err = walk_map(sweep.fd, sizeof(struct address), sizeof(struct deferred),
			   forget_deferred, &sweep);

	return err ? err : sweep.left;
}
