/* SPDX-License-Identifier: GPL-2.0-only */
/* object.h - the loaded BPF object, for the files of this room */
#ifndef SMTPWALL_OBJECT_H
#define SMTPWALL_OBJECT_H

#include <stdbool.h>
#include <bpf/libbpf.h>

struct wall_object;

struct object {
	struct wall_object *skeleton;
	bool upgrade;
};

struct bpf_object *object_bpf(const struct object *object);
int object_program_fd(const struct object *object, const char *name);
int object_map_fd(const struct object *object, const char *name);

#endif
