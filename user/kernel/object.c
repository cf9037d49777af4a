// SPDX-License-Identifier: GPL-2.0-only
/*
 * object.c - opens and loads the BPF object that is built into the program
 *
 * An upgrade in place takes over the pinned maps, so that counters, manual entries and the policy
 * stay as they are while the programs change. A map that would not fit is told before anything is
 * touched.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <smtpwall/replies.h>
#include "wall.skel.h"
#include "kernel.h"
#include "object.h"
#include "pins.h"

static bool verbose_libbpf;

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	return verbose_libbpf ? vfprintf(stderr, format, arguments) : 0;
}

void kernel_init(bool verbose)
{
	verbose_libbpf = verbose;
	libbpf_set_print(print_libbpf);
}

struct bpf_object *object_bpf(const struct object *object)
{
	return object->skeleton->obj;
}

int object_program_fd(const struct object *object, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(object_bpf(object), name));
}

int object_map_fd(const struct object *object, const char *name)
{
	return bpf_object__find_map_fd_by_name(object_bpf(object), name);
}

static int schema_differs(const char *pins, struct error *why)
{
	return error_set(
		why, -EPROTO,
		"the wall at %s was made by a version with other maps, which cannot be taken over; "
		"run "
		"`smtpwall down`, then `smtpwall up` (blocks made by hand and lists are kept)",
		pins);
}

/* Takes over the pinned map of that name, if there is one. */
static int reuse_map(struct object *object, const char *pins, struct bpf_map *map,
		     struct error *why)
{
	const char *name = bpf_map__name(map);
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	char path[PINS_PATH];
	int fd, err;

	snprintf(path, sizeof(path), "%s/maps/%s", pins, name);
	fd = bpf_obj_get(path);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return error_set(why, fd, "cannot open the pinned map %s: %s", path, strerror(-fd));
	err = bpf_obj_get_info_by_fd(fd, &info, &size);
	if (!err && (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
		     info.value_size != bpf_map__value_size(map) ||
		     info.max_entries != bpf_map__max_entries(map) ||
		     info.map_flags != bpf_map__map_flags(map)))
		err = schema_differs(pins, why);
	else if (!err && !strcmp(name, "settings")) {
		struct settings settings;
		__u32 zero = 0;

		err = bpf_map_lookup_elem(fd, &zero, &settings);
		if (!err && settings.schema && settings.schema != SETTINGS_SCHEMA)
			err = schema_differs(pins, why);
	}
	if (!err) {
		err = bpf_map__reuse_fd(map, fd);
		if (err)
			error_set(why, err, "cannot take over the pinned map %s: %s", path,
				  strerror(-err));
		object->upgrade = true;
	}
	close(fd);
	return err;
}

static int explain_load(int err, struct error *why)
{
	if (err == -EPERM)
		return error_set(why, err,
				 "not permitted to load BPF programs; run it as root or with "
				 "CAP_BPF, CAP_NET_ADMIN "
				 "and CAP_PERFMON (a container may forbid it altogether)");
	if (err == -ENOMEM)
		return error_set(
			why, err,
			"the kernel has not enough memory for the maps (about 120 MiB are needed)");
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return error_set(
			why, err,
			"this kernel gives no BTF type information (/sys/kernel/btf/vmlinux), "
			"which smtpwall "
			"needs; use a kernel built with CONFIG_DEBUG_INFO_BTF (Debian's are)");
	return error_set(why, err,
			 "the kernel refused to load the programs: %s; smtpwall needs Linux 6.1 or "
			 "newer; `smtpwall "
			 "--verbose up` shows the kernel's own words",
			 strerror(-err));
}

int object_load(const char *pins, struct object **out, struct error *why)
{
	struct object *object = calloc(1, sizeof(*object));
	struct bpf_map *map;
	int err;

	if (!object)
		return error_set(why, -ENOMEM, "out of memory");
	object->skeleton = wall_object__open();
	if (!object->skeleton) {
		err = error_set(why, -errno, "cannot open the BPF object inside smtpwall: %s",
				strerror(errno));
		goto fail;
	}
	bpf_object__for_each_map(map, object_bpf(object))
	{
		if (bpf_map__is_internal(map))
			continue;
		err = reuse_map(object, pins, map, why);
		if (err)
			goto fail;
	}
	err = phrases_build((struct reply_table *)&object->skeleton->rodata->reply_table);
	if (err) {
		error_set(why, err, "the table of phrases is too small for the phrases");
		goto fail;
	}
	err = wall_object__load(object->skeleton);
	if (err) {
		err = explain_load(err, why);
		goto fail;
	}
	*out = object;
	return 0;
fail:
	object_free(object);
	return err;
}

void object_free(struct object *object)
{
	if (!object)
		return;
	wall_object__destroy(object->skeleton);
	free(object);
}

bool object_is_upgrade(const struct object *object)
{
	return object->upgrade;
}
