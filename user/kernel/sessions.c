// SPDX-License-Identifier: GPL-2.0-only
/*
 * sessions.c - the open sessions with their age, read from the pinned iterator `list_sessions`, and
 * those that are older than the wall
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "kernel.h"
#include "object.h"
#include "pins.h"

#define SESSIONS_READ 256

/* Records come whole in any number; read(2) may cut one. */
static int read_sessions(int fd, int (*each)(void *context, const struct session *session),
			 void *context)
{
	struct session record[SESSIONS_READ];
	size_t used = 0;
	int err = 0;

	for (;;) {
		ssize_t n = read(fd, (char *)record + used, sizeof(record) - used);
		size_t whole;

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		used += (size_t)n;
		whole = used / sizeof(*record);
		for (size_t i = 0; !err && i < whole; i++)
			err = each(context, &record[i]);
		if (err)
			return err;
		used -= whole * sizeof(*record);
		memmove(record, &record[whole], used);
	}
}

int wall_each_session(const char *pins, int (*each)(void *context, const struct session *session),
		      void *context, struct error *why)
{
	char path[PINS_PATH];
	int program, link = -1, fd = -1, err;

	snprintf(path, sizeof(path), "%s/list_sessions", pins);
	program = bpf_obj_get(path);
	if (program >= 0)
		link = bpf_link_create(program, 0, BPF_TRACE_ITER, NULL);
	if (link >= 0)
		fd = bpf_iter_create(link);
	err = program < 0 ? program : link < 0 ? link : fd < 0 ? fd : 0;
	if (!err)
		err = read_sessions(fd, each, context);
	if (fd >= 0)
		close(fd);
	if (link >= 0)
		close(link);
	if (program >= 0)
		close(program);
	return err < 0 ? error_set(why, err, "cannot list the open sessions (%s): %s", path,
				   strerror(-err))
		       : err;
}

int object_mark_sessions(struct object *object, struct error *why)
{
	struct bpf_program *program =
		bpf_object__find_program_by_name(object_bpf(object), "mark_sessions");
	struct bpf_link *link = program ? bpf_program__attach_iter(program, NULL) : NULL;
	char nothing[64];
	int fd, err = 0;

	if (!link)
		return error_set(why, errno ? -errno : -ENOENT,
				 "sessions that are open already are not counted: %s",
				 strerror(errno));
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		err = error_set(why, fd, "sessions that are open already are not counted: %s",
				strerror(-fd));
	} else {
		while (read(fd, nothing, sizeof(nothing)) > 0)
			;
		close(fd);
	}
	bpf_link__destroy(link);
	return err;
}
