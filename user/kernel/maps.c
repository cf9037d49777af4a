// SPDX-License-Identifier: GPL-2.0-only
/*
 * maps.c - a wall that is up, seen through its pinned maps
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "../clock.h"
#include "kernel.h"
#include "object.h"
#include "pins.h"
#include "wall.h"

#define MODE_BYTES (2 * sizeof(__u64)) /* schema and mode, which never move */

static const char *const map_name[WALL_MAPS] = {
	[MAP_SETTINGS] = "settings",
	[MAP_COUNTERS] = "counters",
	[MAP_LIST_COUNTERS] = "list_counters",
	[MAP_NOTICES] = "notices",
	[MAP_MANUAL] = "manual",
	[MAP_MANUAL_LENGTHS] = "manual_lengths",
	[MAP_PROVEN] = "proven",
	[MAP_PROOF] = "proof",
	[MAP_LISTS] = "lists",
	[MAP_HEALTH] = "health",
	[MAP_DNSBL] = "dnsbl",
	[MAP_DNSBL_HEALTH] = "dnsbl_health",
	[MAP_DEFERRED] = "deferred",
	[MAP_BANS] = "bans",
	[MAP_KNOWN] = "known",
	[MAP_ABUSE] = "abuse",
	[MAP_REPLY_COUNTS] = "reply_counts",
	[MAP_REFUSALS] = "refusals",
	[MAP_TOLD] = "told",
	[MAP_REFUSE_STATE] = "refuse_state",
	[MAP_REFUSE_COUNTS] = "refuse_counts",
	[MAP_REFUSE_HEALTH] = "refuse_health",
	[MAP_REFUSE_SOCKETS] = "refuse_sockets",
	[MAP_EVENTS] = "events",
	[MAP_WATCHED] = "watched",
	[MAP_POLICY_INDEX] = "policy_index",
	[MAP_POLICY_PAGES] = "policy_pages",
	[MAP_POLICY_FENCE] = "policy_fence",
};

/* Maps a one-element array; its value is rounded up to pages by the kernel. */
static void *map_memory(int fd, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static int wall_map(struct wall *wall, struct error *why)
{
	wall->settings = map_memory(wall->fd[MAP_SETTINGS], sizeof(*wall->settings));
	wall->lengths = map_memory(wall->fd[MAP_MANUAL_LENGTHS], sizeof(*wall->lengths));
	wall->health = map_memory(wall->fd[MAP_HEALTH], sizeof(*wall->health));
	wall->dnsbl = map_memory(wall->fd[MAP_DNSBL_HEALTH], sizeof(*wall->dnsbl));
	wall->refuse = map_memory(wall->fd[MAP_REFUSE_HEALTH], sizeof(*wall->refuse));
	if (!wall->settings || !wall->lengths || !wall->health || !wall->dnsbl || !wall->refuse)
		return error_set(why, -errno, "cannot map the settings of the wall: %s",
				 strerror(errno));
	return 0;
}

/* One test offset for all processes: set by whoever has it in the environment, taken by the others.
 */
static void wall_set_clock(struct wall *wall)
{
	int64_t offset;

	clock_set_offset(0);
	if (clock_from_environment(&offset)) {
		/* Not in front of the boot, where the kernel's clock would wrap around. */
		if (offset < 0 && (uint64_t)-offset >= clock_boot())
			offset = -(int64_t)clock_boot() + 1;
		if (wall->settings->clock_offset != (uint64_t)offset)
			wall->settings->clock_offset = (uint64_t)offset;
	} else {
		offset = (int64_t)wall->settings->clock_offset;
	}
	clock_set_offset(offset);
}

static struct wall *wall_new(void)
{
	struct wall *wall = calloc(1, sizeof(*wall));

	if (wall)
		memset(wall->fd, -1, sizeof(wall->fd));
	return wall;
}

static int open_pin(const char *pins, const char *name, struct error *why)
{
	char path[PINS_PATH];
	int fd;

	snprintf(path, sizeof(path), "%s/maps/%s", pins, name);
	fd = bpf_obj_get(path);
	if (fd == -ENOENT)
		return error_set(why, fd, "no wall is up at %s; start it with `smtpwall up`", pins);
	if (fd == -EACCES || fd == -EPERM)
		return error_set(why, fd, "not permitted to open the wall at %s; run it as root",
				 pins);
	if (fd < 0)
		return error_set(why, fd, "cannot open %s: %s", path, strerror(-fd));
	return fd;
}

static int schema_foreign(const char *pins, struct error *why)
{
	return error_set(why, -EPROTO,
			 "the wall at %s was made by another version of smtpwall; run "
			 "`smtpwall down`, then `smtpwall up` with this one (`smtpwall mode "
			 "monitor` works as well)",
			 pins);
}

int wall_open(const char *pins, struct wall **out, struct error *why)
{
	struct wall *wall = wall_new();
	struct settings settings;
	__u32 zero = 0;
	int err;

	if (!wall)
		return error_set(why, -ENOMEM, "out of memory");
	err = wall->fd[MAP_SETTINGS] = open_pin(pins, map_name[MAP_SETTINGS], why);
	if (err < 0)
		goto fail;
	memset(&settings, 0, sizeof(settings));
	err = bpf_map_lookup_elem(wall->fd[MAP_SETTINGS], &zero, &settings);
	if (err || settings.schema != SETTINGS_SCHEMA) {
		err = schema_foreign(pins, why);
		goto fail;
	}
	for (int i = 0; i < WALL_MAPS; i++) {
		if (i == MAP_SETTINGS)
			continue;
		err = wall->fd[i] = open_pin(pins, map_name[i], why);
		if (err == -ENOENT)
			err = schema_foreign(pins, why);
		if (err < 0)
			goto fail;
	}
	err = wall_map(wall, why);
	if (err)
		goto fail;
	wall_set_clock(wall);
	*out = wall;
	return 0;
fail:
	wall_close(wall);
	return err;
}

int wall_of_object(struct object *object, struct wall **out, struct error *why)
{
	struct wall *wall = wall_new();
	int err;

	if (!wall)
		return error_set(why, -ENOMEM, "out of memory");
	for (int i = 0; i < WALL_MAPS; i++) {
		wall->fd[i] = fcntl(object_map_fd(object, map_name[i]), F_DUPFD_CLOEXEC, 3);
		if (wall->fd[i] < 0) {
			err = error_set(why, -errno, "the BPF object has no map %s", map_name[i]);
			goto fail;
		}
	}
	err = wall_map(wall, why);
	if (err)
		goto fail;
	wall_set_clock(wall);
	*out = wall;
	return 0;
fail:
	wall_close(wall);
	return err;
}

void wall_close(struct wall *wall)
{
	if (!wall)
		return;
	if (wall->settings)
		munmap((void *)wall->settings, sizeof(*wall->settings));
	if (wall->lengths)
		munmap((void *)wall->lengths, sizeof(*wall->lengths));
	if (wall->health)
		munmap(wall->health, sizeof(*wall->health));
	if (wall->dnsbl)
		munmap(wall->dnsbl, sizeof(*wall->dnsbl));
	if (wall->refuse)
		munmap(wall->refuse, sizeof(*wall->refuse));
	for (int i = 0; i < WALL_MAPS; i++)
		if (wall->fd[i] >= 0)
			close(wall->fd[i]);
	free(wall);
}

volatile struct settings *wall_settings(struct wall *wall)
{
	return wall->settings;
}

struct health *wall_health(struct wall *wall)
{
	return wall->health;
}

void wall_follow_clock(struct wall *wall)
{
	int64_t nothing;

	if (!clock_from_environment(&nothing))
		clock_set_offset((int64_t)wall->settings->clock_offset);
}

/* Maps the first two words of the settings of any version; the caller unmaps. */
static volatile struct settings *map_mode(const char *pins, struct error *why)
{
	volatile struct settings *settings = NULL;
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	int fd = open_pin(pins, map_name[MAP_SETTINGS], why);

	if (fd < 0)
		return NULL;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.value_size >= MODE_BYTES)
		settings = map_memory(fd, MODE_BYTES);
	if (settings && settings->schema >> 32 != SETTINGS_SCHEMA >> 32) {
		munmap((void *)settings, MODE_BYTES);
		settings = NULL;
	}
	if (!settings)
		error_set(why, -EPROTO,
			  "the map %s/maps/settings is none of smtpwall's; `smtpwall down` removes "
			  "whatever is pinned there",
			  pins);
	close(fd);
	return settings;
}

int wall_get_mode(const char *pins, uint64_t *mode_word, struct error *why)
{
	volatile struct settings *settings = map_mode(pins, why);

	if (!settings)
		return -EPROTO;
	*mode_word = settings->mode;
	munmap((void *)settings, MODE_BYTES);
	return 0;
}

int wall_set_mode(const char *pins, uint64_t mode_word, struct error *why)
{
	volatile struct settings *settings = map_mode(pins, why);

	if (!settings)
		return -EPROTO;
	settings->mode = mode_word;
	munmap((void *)settings, MODE_BYTES);
	return 0;
}

int wall_sum(int fd, uint32_t key, void *out, size_t size, struct error *why)
{
	int cpus = libbpf_num_possible_cpus(), err;
	size_t words = size / sizeof(__u64);
	__u64 *values, *sum = out;

	if (cpus < 1)
		return error_set(why, cpus, "cannot tell how many processors there are");
	values = calloc((size_t)cpus, size);
	if (!values)
		return error_set(why, -ENOMEM, "out of memory");
	err = bpf_map_lookup_elem(fd, &key, values);
	if (err) {
		error_set(why, err, "cannot read the counters: %s", strerror(-err));
	} else {
		memset(out, 0, size);
		for (int cpu = 0; cpu < cpus; cpu++)
			for (size_t i = 0; i < words; i++)
				sum[i] += values[(size_t)cpu * words + i];
	}
	free(values);
	return err;
}

int wall_counters(struct wall *wall, struct counters *out, struct error *why)
{
	return wall_sum(wall->fd[MAP_COUNTERS], 0, out, sizeof(*out), why);
}

int wall_list_counters(struct wall *wall, struct outcome out[POLICY_LISTS], struct error *why)
{
	for (__u32 id = 0; id < POLICY_LISTS; id++) {
		int err = wall_sum(wall->fd[MAP_LIST_COUNTERS], id, &out[id], sizeof(out[id]), why);

		if (err)
			return err;
	}
	return 0;
}

int wall_clear_list(struct wall *wall, uint32_t id, struct error *why)
{
	int cpus = libbpf_num_possible_cpus(), err = -ENOMEM;
	struct outcome *zeros = cpus > 0 ? calloc((size_t)cpus, sizeof(*zeros)) : NULL;

	if (zeros)
		err = bpf_map_update_elem(wall->fd[MAP_LIST_COUNTERS], &id, zeros, BPF_ANY);
	free(zeros);
	return err ? error_set(why, err, "cannot clear the counters of a list: %s", strerror(-err))
		   : 0;
}

int wall_notices(struct wall *wall, struct notices *out, struct error *why)
{
	return wall_sum(wall->fd[MAP_NOTICES], 0, out, sizeof(*out), why);
}

int wall_proof(struct wall *wall, struct proof *out, struct error *why)
{
	__u32 zero = 0;
	int err = bpf_map_lookup_elem(wall->fd[MAP_PROOF], &zero, out);

	return err ? error_set(why, err, "cannot read the map proof: %s", strerror(-err)) : 0;
}

int wall_proven(struct wall *wall, const struct address *source, struct proven *out)
{
	return bpf_map_lookup_elem(wall->fd[MAP_PROVEN], source, out);
}
