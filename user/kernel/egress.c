// SPDX-License-Identifier: GPL-2.0-only
/*
 * egress.c - program `replies` on the way out of the wall's interfaces
 *
 * Where the kernel has tcx it is a link, pinned beside the XDP link and gone with it. Below it is a
 * filter of clsact, which nothing holds but the interface itself: it is known by its priority and by
 * a handle that is made from the pins' path, so that it is found without any pins, and not mistaken
 * for that of another wall. The qdisc clsact is made where there is none and stays when the wall
 * goes: others may have come to use it, and empty it costs nothing.
 *
 * An interface keeps the way it has as long as the program is on it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "../net/net.h"
#include "egress.h"
#include "kernel.h"

/* Newer than the headers of the oldest system that this is built on. */
#define ATTACH_TCX_EGRESS ((enum bpf_attach_type)47)
#define IN_FRONT	  (1U << 3) /* BPF_F_BEFORE, of nothing: the first of all */

/* Early: a filter in front that accepts a packet ends the walk. */
#define FILTER_PRIORITY 25
#define FILTER_HANDLE	0x53570000U /* "SW", and 16 bits of the pins' path */

static __u32 filter_handle(const char *pins)
{
	size_t length = strlen(pins);
	__u32 fold = 2166136261U;

	while (length > 1 && pins[length - 1] == '/')
		length--;
	for (size_t i = 0; i < length; i++)
		fold = (fold ^ (unsigned char)pins[i]) * 16777619U;
	return FILTER_HANDLE | ((fold ^ fold >> 16) & 0xffff);
}

static bool filter_stands(const char *pins, int index)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = index, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = filter_handle(pins),
		    .priority = FILTER_PRIORITY);

	return bpf_tc_query(&hook, &filter) == 0;
}

static int filter_put(const char *pins, int index, int program, bool replace)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = index, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = filter_handle(pins), .priority = FILTER_PRIORITY,
		    .prog_fd = program, .flags = replace ? BPF_TC_F_REPLACE : 0);

	return bpf_tc_attach(&hook, &filter);
}

static void filter_drop(const char *pins, int index)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = index, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = filter_handle(pins),
		    .priority = FILTER_PRIORITY);

	bpf_tc_detach(&hook, &filter);
}

static int filter_make(const char *pins, const char *interface, int index, int program,
		       struct error *why)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = index, .attach_point = BPF_TC_EGRESS);
	char kind[16];
	int err = net_filter_hook(index, kind);

	if (!err && !strcmp(kind, "ingress"))
		return error_set(why, -EBUSY,
				 "it has a qdisc \"ingress\" where clsact has to be; `tc qdisc del "
				 "dev %s ingress` removes that and its filters",
				 interface);
	if (!err && !kind[0])
		err = bpf_tc_hook_create(&hook);
	if (err && err != -EEXIST)
		return error_set(why, err, "it gets no qdisc clsact: %s%s", strerror(-err),
				 err == -ENOENT || err == -EOPNOTSUPP
					 ? " (kernel module sch_ingress is missing)"
					 : "");
	err = filter_put(pins, index, program, false);
	if (err)
		return error_set(why, err, "it takes no BPF filter of priority %d at egress: %s%s",
				 FILTER_PRIORITY, strerror(-err),
				 err == -ENOENT || err == -EOPNOTSUPP
					 ? " (kernel module cls_bpf is missing)"
					 : "");
	return 0;
}

static int link_make(int index, int program)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = IN_FRONT);

	/* Tests of the other way on a kernel that has both. */
	if (getenv("SMTPWALL_TEST_CLSACT"))
		return -EINVAL;
	return bpf_link_create(program, index, ATTACH_TCX_EGRESS, &options);
}

/* Descriptor of the pinned link if it is on this interface, or -1. */
static int link_held(const char *path, int index)
{
	int fd = -1;

	if (pins_link_index(path) == index)
		fd = bpf_obj_get(path);
	return fd < 0 ? -1 : fd;
}

static int keeps_old(const char *interface, int err, struct error *why)
{
	return error_set(
		why, err,
		"on %s the old program goes on reading the mail server's replies, because it "
		"could not be replaced: %s",
		interface, strerror(-err));
}

int egress_attach(const char *pins, const char *interface, int index, int program,
		  struct egress *out, struct error *why)
{
	struct egress egress = {.index = index};
	int err = 0;

	pins_path_of(pins, LINK_REPLIES, interface, egress.path, sizeof(egress.path));
	egress.link = link_held(egress.path, index);
	if (egress.link >= 0) {
		err = bpf_link_update(egress.link, program, NULL);
		if (err)
			close(egress.link);
	} else if (filter_stands(pins, index)) {
		err = filter_put(pins, index, program, true);
	} else {
		egress.made = true;
		egress.link = link_make(index, program);
		if (egress.link < 0) {
			egress.link = -1;
			err = filter_make(pins, interface, index, program, why);
		}
		if (err)
			return error_prefix(
				why, err,
				"the mail server's replies are not read on %s: ", interface);
	}
	if (err)
		return keeps_old(interface, err, why);
	*out = egress;
	return 0;
}

int egress_pin(struct egress *egress, struct error *why)
{
	int err;

	if (!egress->made || egress->link < 0)
		return 0;
	/* Of an interface that bore this name before. */
	unlink(egress->path);
	err = bpf_obj_pin(egress->link, egress->path);
	if (err)
		return error_set(why, err, "cannot pin the link %s: %s", egress->path,
				 strerror(-err));
	egress->pinned = true;
	return 0;
}

void egress_undo(const char *pins, struct egress *egress, int old_program)
{
	if (!egress->index)
		return;
	if (egress->link < 0) {
		if (egress->made || old_program < 0 ||
		    filter_put(pins, egress->index, old_program, true))
			filter_drop(pins, egress->index);
	} else if (egress->made) {
		if (egress->pinned)
			unlink(egress->path);
		bpf_link_detach(egress->link);
	} else if (old_program >= 0) {
		bpf_link_update(egress->link, old_program, NULL);
	}
}

void egress_close(struct egress *egress)
{
	if (egress->index && egress->link >= 0)
		close(egress->link);
}

enum replies_way egress_way(const char *pins, const char *interface, int index)
{
	char path[PINS_PATH];

	pins_path_of(pins, LINK_REPLIES, interface, path, sizeof(path));
	if (index > 0 && pins_link_index(path) == index)
		return REPLIES_TCX;
	return index > 0 && filter_stands(pins, index) ? REPLIES_CLSACT : REPLIES_NONE;
}

const char *egress_way_name(enum replies_way way)
{
	static const char *const name[] = {
		[REPLIES_NONE] = "none", [REPLIES_TCX] = "tcx", [REPLIES_CLSACT] = "clsact"};

	return name[way];
}

void egress_remove(const char *pins, const char *interface, int index)
{
	char path[PINS_PATH];

	pins_path_of(pins, LINK_REPLIES, interface, path, sizeof(path));
	pin_remove(path, true, NULL);
	if (index > 0 && filter_stands(pins, index))
		filter_drop(pins, index);
}

struct kept {
	const char *const *name;
	unsigned int count;
};

static bool is_kept(const struct kept *kept, const char *interface)
{
	for (unsigned int i = 0; i < kept->count; i++)
		if (!strcmp(kept->name[i], interface))
			return true;
	return false;
}

static int remove_link(void *context, const char *interface, const char *path)
{
	if (!is_kept(context, interface))
		pin_remove(path, true, NULL);
	return 0;
}

/* Pins do not tell of filters, least of all after `rm PINS/links/...`: every interface is asked. */
void egress_sweep(const char *pins, const char *const *keep, unsigned int count)
{
	struct kept kept = {keep, count};
	struct if_nameindex *all = if_nameindex();

	pins_each_of(pins, LINK_REPLIES, remove_link, &kept);
	for (struct if_nameindex *i = all; i && i->if_index; i++)
		if (!is_kept(&kept, i->if_name) && filter_stands(pins, (int)i->if_index))
			filter_drop(pins, (int)i->if_index);
	if (all)
		if_freenameindex(all);
}
