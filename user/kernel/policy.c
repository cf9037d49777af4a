// SPDX-License-Identifier: GPL-2.0-only
/*
 * policy.c - puts a compiled policy in force, whole
 *
 * The maps hold two generations; the lowest bit of settings.policy_generation, which a packet reads
 * once, tells which. The idle one is filled, the word stepped on, and then a dummy outer map
 * updated: the kernel returns from that only after a grace period, so no packet still looks at the
 * old generation when it is emptied.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "kernel.h"
#include "wall.h"

/* Makes an array and copies `data` into its memory. Returns its descriptor. */
static int make_array(const char *name, __u32 value_size, __u32 entries, __u32 flags,
		      const void *data, size_t size)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(__u32), value_size, entries,
				&options);
	void *memory;

	if (fd < 0 || !data)
		return fd;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		int err = -errno;

		close(fd);
		return err;
	}
	memcpy(memory, data, size);
	munmap(memory, size);
	return fd;
}

static int put_inner(struct wall *wall, enum wall_map outer, __u32 slot, int inner)
{
	if (inner < 0)
		return inner;
	return bpf_map_update_elem(wall->fd[outer], &slot, &inner, BPF_ANY);
}

/* Returns when every packet that was under way when it was called is through. */
static int grace(struct wall *wall)
{
	int fence = make_array("policy_fence", sizeof(__u64), 1, 0, NULL, 0);
	int err = put_inner(wall, MAP_POLICY_FENCE, 0, fence);

	if (fence >= 0)
		close(fence);
	return err;
}

static void empty_slot(struct wall *wall, __u32 slot)
{
	bpf_map_delete_elem(wall->fd[MAP_POLICY_PAGES], &slot);
	bpf_map_delete_elem(wall->fd[MAP_POLICY_INDEX], &slot);
}

int wall_install_policy(struct wall *wall, const struct policy_image *image, struct error *why)
{
	uint64_t generation = wall->settings->policy_generation + 1;
	__u32 slot = generation & 1, old = slot ^ 1;
	int index, pages = -1, err;

	index = make_array("policy_index", V4_INDEX_WORDS * sizeof(struct v4_word), 1,
			   BPF_F_MMAPABLE, image->index, V4_INDEX_WORDS * sizeof(struct v4_word));
	err = put_inner(wall, MAP_POLICY_INDEX, slot, index);
	if (!err) {
		pages = make_array("policy_pages", POLICY_PAGE, (__u32)image->pages,
				   BPF_F_MMAPABLE | BPF_F_INNER_MAP, image->page,
				   image->pages * POLICY_PAGE);
		err = put_inner(wall, MAP_POLICY_PAGES, slot, pages);
	}
	if (err) {
		empty_slot(wall, slot);
		error_set(why, err, "cannot put the lists in force, the old ones stay: %s%s",
			  strerror(-err),
			  err == -ENOMEM
				  ? " (about 4 MiB and what the lists need must be free twice over)"
				  : "");
	} else {
		__atomic_store_n(&wall->settings->policy_generation, generation, __ATOMIC_RELEASE);
		/* Without a grace period the old half stays until the next change, which waits
		 * again. */
		if (grace(wall) == 0)
			empty_slot(wall, old);
	}
	if (index >= 0)
		close(index);
	if (pages >= 0)
		close(pages);
	return err;
}

int wall_lists(struct wall *wall, struct policy_list out[POLICY_LISTS], struct error *why)
{
	for (__u32 id = 0; id < POLICY_LISTS; id++) {
		int err = bpf_map_lookup_elem(wall->fd[MAP_LISTS], &id, &out[id]);

		if (err)
			return error_set(why, err, "cannot read the map lists: %s", strerror(-err));
	}
	return 0;
}

int wall_put_list(struct wall *wall, uint32_t id, const struct policy_list *list, struct error *why)
{
	int err = bpf_map_update_elem(wall->fd[MAP_LISTS], &id, list, BPF_ANY);

	return err ? error_set(why, err, "cannot change the map lists: %s", strerror(-err)) : 0;
}
