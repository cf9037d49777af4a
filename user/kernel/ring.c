// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring.c - reads one of the two event rings
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>
#include "kernel.h"
#include "wall.h"

struct ring {
	struct ring_buffer *buffer;
	void (*each)(void *context, const struct event *event);
	void *context;
};

static int take(void *context, void *data, size_t size)
{
	struct ring *ring = context;
	struct event event;

	/* A record of another version is passed over: events are hints. */
	if (size < sizeof(event))
		return 0;
	memcpy(&event, data, sizeof(event));
	ring->each(ring->context, &event);
	return 0;
}

int ring_open(struct wall *wall, bool watch, void (*each)(void *context, const struct event *event),
	      void *context, struct ring **out, int *fd, struct error *why)
{
	struct ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return error_set(why, -ENOMEM, "out of memory");
	ring->each = each;
	ring->context = context;
	ring->buffer =
		ring_buffer__new(wall->fd[watch ? MAP_WATCHED : MAP_EVENTS], take, ring, NULL);
	if (!ring->buffer) {
		int err = errno ? -errno : -ENOMEM;

		free(ring);
		return error_set(why, err, "cannot open the event ring: %s", strerror(-err));
	}
	*fd = ring_buffer__epoll_fd(ring->buffer);
	*out = ring;
	return 0;
}

int ring_read(struct ring *ring)
{
	return ring_buffer__consume(ring->buffer);
}

void ring_close(struct ring *ring)
{
	if (!ring)
		return;
	ring_buffer__free(ring->buffer);
	free(ring);
}
