// SPDX-License-Identifier: GPL-2.0-only
/*
 * divert.c - program `refuse` (sk_lookup) in the network namespace of whoever runs `up`
 *
 * It is one link for the namespace, not one for an interface, pinned as PINS/links/refuse. Removing that pin
 * by hand takes it out: the daemon sees it, and `wall` drops or passes instead of refusing.
 *
 * A wall may be renewed from another namespace than it was put up in, and a namespace may go while its link
 * is pinned. Then a new link is made here, and the old one stays until all the rest stands.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include "../net/net.h"
#include "divert.h"
#include "kernel.h"

static void divert_path(const char *pins, char path[PINS_PATH])
{
	snprintf(path, PINS_PATH, "%s/links/" LINK_REFUSE, pins);
}

/* Does it hold a namespace that is there, and is that the one of this process? */
static bool is_here(int link)
{
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(link, &info, &size) == 0 &&
	       info.type == BPF_LINK_TYPE_NETNS && info.netns.netns_ino == net_namespace();
}

void divert_none(struct divert *divert)
{
	*divert = (struct divert){.link = -1, .moved = -1};
}

static int link_make(int program, struct error *why)
{
	int namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), link;

	if (namespace < 0)
		return error_set(why, -errno, "/proc/self/ns/net cannot be opened: %s",
				 strerror(errno));
	link = bpf_link_create(program, namespace, BPF_SK_LOOKUP, NULL);
	close(namespace);
	if (link < 0)
		return error_set(why, link, "it takes no program of kind sk_lookup: %s",
				 strerror(-link));
	return link;
}

int divert_attach(const char *pins, int program, bool keep, struct divert *out, struct error *why)
{
	struct divert divert;
	int err;

	divert_none(&divert);
	divert_path(pins, divert.path);
	divert.link = bpf_obj_get(divert.path);
	if (divert.link >= 0 && !is_here(divert.link)) {
		divert.moved = divert.link;
		divert.link = -1;
	}
	if (divert.link >= 0) {
		err = bpf_link_update(divert.link, program, NULL);
		if (err) {
			close(divert.link);
			return error_set(why, err,
					 "the old program goes on giving refused clients to the "
					 "refusal listener, because it could not be replaced: %s",
					 strerror(-err));
		}
	} else if (keep) {
		divert_close(&divert);
		divert_none(&divert);
	} else {
		divert.link = link_make(program, why);
		if (divert.link < 0) {
			err = divert.link;
			divert_close(&divert);
			return error_prefix(
				why, err,
				"nobody can be refused in this network namespace (lists, DNSBLs and "
				"bans drop, rates pass): ");
		}
		divert.made = true;
	}
	*out = divert;
	return 0;
}

int divert_pin(struct divert *divert, struct error *why)
{
	int err;

	if (!divert->made)
		return 0;
	err = pin_over(divert->link, divert->path, why);
	divert->pinned = !err;
	return err;
}

void divert_undo(struct divert *divert, int old_program)
{
	if (divert->link < 0)
		return;
	if (!divert->made) {
		if (old_program >= 0)
			bpf_link_update(divert->link, old_program, NULL);
		return;
	}
	if (divert->pinned && (divert->moved < 0 || pin_over(divert->moved, divert->path, NULL)))
		unlink(divert->path);
	bpf_link_detach(divert->link);
}

void divert_done(struct divert *divert)
{
	if (divert->moved >= 0)
		bpf_link_detach(divert->moved);
}

void divert_close(struct divert *divert)
{
	if (divert->link >= 0)
		close(divert->link);
	if (divert->moved >= 0)
		close(divert->moved);
}

int wall_refuse_attach(const char *pins, struct error *why)
{
	char path[PINS_PATH];
	struct divert divert;
	int program, err;

	divert_none(&divert);
	if (wall_refuse_attached(pins))
		return 1;
	snprintf(path, sizeof(path), "%s/refuse", pins);
	program = bpf_obj_get(path);
	if (program < 0)
		return error_set(why, program, "cannot open the program %s: %s", path,
				 strerror(-program));
	err = divert_attach(pins, program, false, &divert, why);
	close(program);
	if (err)
		return err;
	err = divert_pin(&divert, why);
	if (err)
		divert_undo(&divert, -1);
	else
		divert_done(&divert);
	divert_close(&divert);
	return err;
}

void wall_refuse_detach(const char *pins)
{
	char path[PINS_PATH];

	divert_path(pins, path);
	if (access(path, F_OK) == 0)
		pin_remove(path, true, NULL);
}

bool wall_refuse_attached(const char *pins)
{
	char path[PINS_PATH];
	bool here;
	int link;

	divert_path(pins, path);
	link = bpf_obj_get(path);
	if (link < 0)
		return false;
	here = is_here(link);
	close(link);
	return here;
}
