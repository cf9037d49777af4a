// SPDX-License-Identifier: GPL-2.0-only
/*
 * walk.c - walks a hash map in batches: one system call for thousands of entries, not two for each
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include "walk.h"

#define BATCH_BYTES (1024UL * 1024)
/* A batch must hold the longest chain of one bucket, or the kernel answers ENOSPC. */
#define BATCH_LEAST 256
#define BATCH_MOST  4096

struct walk {
	int fd;
	size_t key_size, value_size;
	char *key, *value;
	__u32 room, count, cursor;
	bool started, ended;
};

static int walk_next(struct walk *w)
{
	LIBBPF_OPTS(bpf_map_batch_opts, options);
	__u32 next = 0;
	int err;

	w->count = w->room;
	err = bpf_map_lookup_batch(w->fd, w->started ? &w->cursor : NULL, &next, w->key, w->value,
				   &w->count, &options);
	w->cursor = next;
	w->started = true;
	w->ended = err == -ENOENT;
	return w->ended ? 0 : err;
}

static __u32 batch(size_t entry)
{
	size_t fit = BATCH_BYTES / entry;

	return fit < BATCH_LEAST ? BATCH_LEAST : fit > BATCH_MOST ? BATCH_MOST : (__u32)fit;
}

int walk_map(int fd, size_t key_size, size_t value_size,
	     int (*each)(void *context, const void *key, const void *value), void *context)
{
	struct walk w = {.fd = fd, .key_size = key_size, .value_size = value_size};
	int err = 0;

	w.room = batch(key_size + value_size);
	w.key = calloc(w.room, key_size);
	w.value = calloc(w.room, value_size);
	if (!w.key || !w.value)
		err = -ENOMEM;
	while (!err && !w.ended) {
		err = walk_next(&w);
		for (__u32 i = 0; !err && i < w.count; i++)
			err = each(context, w.key + i * key_size, w.value + i * value_size);
	}
	free(w.key);
	free(w.value);
	return err;
}
