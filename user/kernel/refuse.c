// SPDX-License-Identifier: GPL-2.0-only
/*
 * refuse.c - the maps of refusing: words about connections, who was told, how the listener is
 */
#include <errno.h>
#include <string.h>
#include <bpf/bpf.h>
#include "kernel.h"
#include "wall.h"

struct refuse_health *wall_refuse_health(struct wall *wall)
{
	return wall->refuse;
}

int wall_refuse_state(struct wall *wall, struct refuse_state *out, struct error *why)
{
	__u32 zero = 0;
	int err = bpf_map_lookup_elem(wall->fd[MAP_REFUSE_STATE], &zero, out);

	return err ? error_set(why, err, "cannot read the map refuse_state: %s", strerror(-err))
		   : 0;
}

int wall_refuse_counts(struct wall *wall, struct refuse_counts *out, struct error *why)
{
	return wall_sum(wall->fd[MAP_REFUSE_COUNTS], 0, out, sizeof(*out), why);
}

int wall_refusal(struct wall *wall, const struct flow_key *key, struct refusal *out)
{
	return bpf_map_lookup_elem(wall->fd[MAP_REFUSALS], key, out);
}

int wall_told(struct wall *wall, const struct address *source, struct told *out)
{
	return bpf_map_lookup_elem(wall->fd[MAP_TOLD], source, out);
}

int wall_put_refuse_socket(struct wall *wall, unsigned int place, int fd, struct error *why)
{
	__u64 value = (__u64)fd;
	__u32 key = place;
	int err;

	if (fd < 0) {
		err = bpf_map_delete_elem(wall->fd[MAP_REFUSE_SOCKETS], &key);
		/* An empty place is -EINVAL to the kernel. */
		if (!err || err == -EINVAL || err == -ENOENT)
			return 0;
		return error_set(why, err, "cannot take the refusal listener's socket away: %s",
				 strerror(-err));
	}
	err = bpf_map_update_elem(wall->fd[MAP_REFUSE_SOCKETS], &key, &value, BPF_ANY);
	return err ? error_set(why, err, "cannot hand in the refusal listener's socket: %s",
			       strerror(-err))
		   : 0;
}

bool wall_has_refuse_socket(struct wall *wall, unsigned int place)
{
	__u64 cookie = 0;
	__u32 key = place;

	return bpf_map_lookup_elem(wall->fd[MAP_REFUSE_SOCKETS], &key, &cookie) == 0;
}
