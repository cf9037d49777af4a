// SPDX-License-Identifier: GPL-2.0-only
/*
 * attach.c - the links: XDP and `replies` on interfaces, the session programs, `refuse`; all or nothing
 *
 * A link that exists is updated in place, which is atomic for every packet; a new one is made. Each
 * step is written down, and undone in reverse order when a later one fails, so that a failed `up`
 * leaves the wall as it was, or leaves none. Only when everything stands are the pins replaced.
 * An interface that cannot have program `replies` at its way out, and a namespace that cannot have
 * program `refuse`, are no failure: XDP is what filters.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/if_link.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "../net/net.h"
#include "divert.h"
#include "egress.h"
#include "kernel.h"
#include "object.h"
#include "pins.h"

#define SESSION_PROGRAMS 2

/* One interface on the way to its link. */
struct step {
	const char *interface;
	char path[PINS_PATH];
	int link;  /* descriptor */
	bool made; /* by us: removed when undone; otherwise set back to the old program */
	bool pinned;
	bool replaced; /* took the place of a link in the other mode */
	int index;     /* of the interface */
	struct egress replies;
};

struct attachment {
	const struct attach_request *request;
	struct object *object;
	int program, old_program;
	int replies, old_replies;
	int old_refuse;
	struct divert divert;
	struct step *step;
	unsigned int steps;
	struct bpf_link *sessions[SESSION_PROGRAMS];
};

/* Their pinned links have the same names. */
static const char *const session_program[SESSION_PROGRAMS] = {"sessions", "sessions_again"};

static void tell(const struct attach_request *request, const char *format, const char *a,
		 const char *b)
{
	char sentence[sizeof(struct error) + 128];

	snprintf(sentence, sizeof(sentence), format, a, b);
	if (request->note)
		request->note(request->context, sentence);
}

/* Descriptor of the pinned link if it still holds this interface, else a negative errno. */
static int link_reopen(const char *path, int ifindex)
{
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) || info.xdp.ifindex != (__u32)ifindex) {
		/* The interface went away, and with it the link; another one may bear its name now.
		 */
		close(fd);
		unlink(path);
		return -ENOENT;
	}
	return fd;
}

static int link_create(int program, int index, bool generic)
{
	LIBBPF_OPTS(bpf_link_create_opts, options,
		    .flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);

	return bpf_link_create(program, index, BPF_XDP, &options);
}

static int link_make(struct attachment *a, struct step *step, const struct link_facts *facts,
		     bool generic, struct error *why)
{
	int err = link_preflight(facts, generic, true, why);

	if (err)
		return err;
	step->link = link_create(a->program, facts->index, generic);
	if (step->link < 0)
		return link_explain(facts, step->link, generic, why);
	step->made = true;
	return 0;
}

/* Brings the link in the other mode back that was detached for a new one. */
static void link_restore(struct attachment *a, struct step *step)
{
	int program = a->old_program >= 0 ? a->old_program : a->program;
	int link = link_create(program, step->index, a->request->mode != ATTACH_GENERIC);

	if (link < 0 || bpf_obj_pin(link, step->path))
		tell(a->request, "%s could not be set back and is not filtered now%s",
		     step->interface, "");
	if (link >= 0)
		close(link);
}

/* An interface has one XDP program, so the old link has to go before the new one can be tried. */
static int link_replace(struct attachment *a, struct step *step, struct link_facts *facts,
			bool generic, struct error *why)
{
	int err;

	facts->xdp_program = 0;
	err = link_preflight(facts, generic, true, why);
	if (err)
		return err;
	tell(a->request, "%s changes to %s XDP: for a moment it is not filtered", step->interface,
	     generic ? "generic" : "native");
	bpf_link_detach(step->link);
	close(step->link);
	unlink(step->path);
	err = link_make(a, step, facts, generic, why);
	if (err)
		link_restore(a, step);
	step->replaced = !err;
	return err;
}

static int step_attach(struct attachment *a, struct step *step, struct error *why)
{
	bool generic = a->request->mode == ATTACH_GENERIC;
	struct link_facts facts;
	int err = link_facts(step->interface, &facts, why);

	if (err)
		return err;
	step->index = facts.index;
	step->link = link_reopen(step->path, facts.index);
	if (step->link < 0)
		return link_make(a, step, &facts, generic, why);
	if (a->request->mode != ATTACH_KEEP &&
	    strcmp(facts.xdp_mode, generic ? "generic" : "native") != 0)
		return link_replace(a, step, &facts, generic, why);
	err = bpf_link_update(step->link, a->program, NULL);
	if (err)
		return error_set(why, err,
				 "cannot put the new program on %s in place of the old one: %s",
				 step->interface, strerror(-err));
	return 0;
}

static void attach_replies(struct attachment *a, struct step *step)
{
	struct error why;

	if (egress_attach(a->request->pins, step->interface, step->index, a->replies,
			  &step->replies, &why))
		tell(a->request, "%s%s", why.text, "");
}

/* Only where it is: who wants it elsewhere attaches it when the lists are known (wall_refuse_attach()). */
static void renew_refuse(struct attachment *a)
{
	const struct attach_request *request = a->request;
	struct error why;

	if (divert_attach(request->pins, object_program_fd(a->object, "refuse"), true, &a->divert,
			  &why))
		tell(request, "%s%s", why.text, "");
}

static void step_undo(struct attachment *a, struct step *step)
{
	egress_undo(a->request->pins, &step->replies, a->old_replies);
	if (step->link < 0)
		return;
	if (step->made) {
		if (step->pinned)
			unlink(step->path);
		bpf_link_detach(step->link);
		if (step->replaced)
			link_restore(a, step);
	} else if (a->old_program >= 0) {
		bpf_link_update(step->link, a->old_program, NULL);
	}
}

static int pin_maps(struct attachment *a, struct error *why)
{
	struct bpf_map *map;
	char path[PINS_PATH];
	int err;

	bpf_object__for_each_map(map, object_bpf(a->object))
	{
		if (bpf_map__is_internal(map))
			continue;
		snprintf(path, sizeof(path), "%s/maps/%s", a->request->pins, bpf_map__name(map));
		if (access(path, F_OK) == 0)
			continue;
		err = bpf_obj_pin(bpf_map__fd(map), path);
		if (err)
			return error_set(why, err, "cannot pin the map %s: %s", path,
					 strerror(-err));
	}
	return 0;
}

static int pin_programs(struct attachment *a, struct error *why)
{
	struct bpf_program *program;
	char path[PINS_PATH];
	int err;

	bpf_object__for_each_program(program, object_bpf(a->object))
	{
		snprintf(path, sizeof(path), "%s/%s", a->request->pins, bpf_program__name(program));
		err = pin_over(bpf_program__fd(program), path, why);
		if (err)
			return err;
	}
	return 0;
}

static int pin_all(struct attachment *a, struct error *why)
{
	char path[PINS_PATH];
	int err;

	snprintf(path, sizeof(path), "%s/maps", a->request->pins);
	if (mkdir(path, 0700) && errno != EEXIST)
		return error_set(why, -errno, "cannot make %s: %s", path, strerror(errno));
	snprintf(path, sizeof(path), "%s/links", a->request->pins);
	if (mkdir(path, 0700) && errno != EEXIST)
		return error_set(why, -errno, "cannot make %s: %s", path, strerror(errno));
	err = pin_maps(a, why);
	for (unsigned int i = 0; !err && i < a->steps; i++) {
		struct step *step = &a->step[i];

		if (!step->made)
			continue;
		err = bpf_obj_pin(step->link, step->path);
		if (err)
			return error_set(why, err, "cannot pin the link %s: %s", step->path,
					 strerror(-err));
		step->pinned = true;
	}
	for (unsigned int i = 0; !err && i < a->steps; i++)
		err = egress_pin(&a->step[i].replies, why);
	for (int i = 0; !err && i < SESSION_PROGRAMS; i++) {
		snprintf(path, sizeof(path), "%s/links/%s", a->request->pins, session_program[i]);
		err = pin_over(bpf_link__fd(a->sessions[i]), path, why);
	}
	return err ? err : pin_programs(a, why);
}

static int detach_unwanted(void *context, const char *interface, const char *path)
{
	const struct attachment *a = context;

	for (unsigned int i = 0; i < a->steps; i++)
		if (!strcmp(a->step[i].path, path))
			return 0;
	pin_remove(path, true, NULL);
	tell(a->request, "%s is no longer filtered%s", interface, "");
	return 0;
}

static int attach_steps(struct attachment *a, struct error *why)
{
	int err;

	for (unsigned int i = 0; i < a->steps; i++) {
		err = step_attach(a, &a->step[i], why);
		if (err)
			return err;
	}
	for (unsigned int i = 0; i < a->steps; i++)
		attach_replies(a, &a->step[i]);
	renew_refuse(a);
	for (int i = 0; i < SESSION_PROGRAMS; i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(object_bpf(a->object), session_program[i]);

		a->sessions[i] = program ? bpf_program__attach(program) : NULL;
		if (a->sessions[i])
			continue;
		err = errno ? -errno : -ENOENT;
		return error_set(
			why, err,
			"cannot follow the sockets' states (tp_btf/inet_sock_set_state): %s",
			strerror(-err));
	}
	return pin_all(a, why);
}

static int pinned_program(const char *pins, const char *name)
{
	char path[PINS_PATH];

	snprintf(path, sizeof(path), "%s/%s", pins, name);
	return bpf_obj_get(path);
}

static void close_program(int program)
{
	if (program >= 0)
		close(program);
}

static void close_steps(struct attachment *a)
{
	for (unsigned int i = 0; a->step && i < a->steps; i++) {
		if (a->step[i].link >= 0)
			close(a->step[i].link);
		egress_close(&a->step[i].replies);
	}
	free(a->step);
}

int object_attach(struct object *object, const struct attach_request *request, struct error *why)
{
	struct attachment a = {.request = request, .object = object};
	int err;

	a.program = object_program_fd(object, "wall");
	a.old_program = pinned_program(request->pins, "wall");
	a.replies = object_program_fd(object, "replies");
	a.old_replies = pinned_program(request->pins, "replies");
	a.old_refuse = pinned_program(request->pins, "refuse");
	divert_none(&a.divert);
	a.step = calloc(request->interfaces, sizeof(*a.step));
	if (!a.step) {
		err = error_set(why, -ENOMEM, "out of memory");
		goto out;
	}
	a.steps = request->interfaces;
	for (unsigned int i = 0; i < a.steps; i++) {
		a.step[i].interface = request->interface[i];
		a.step[i].link = -1;
		pins_link_path(request->pins, request->interface[i], a.step[i].path,
			       sizeof(a.step[i].path));
	}
	err = attach_steps(&a, why);
	if (err) {
		divert_undo(&a.divert, a.old_refuse);
		for (unsigned int i = a.steps; i-- > 0;)
			step_undo(&a, &a.step[i]);
		if (!object->upgrade)
			pins_remove(request->pins, NULL);
	} else {
		pins_each_link(request->pins, detach_unwanted, &a);
		egress_sweep(request->pins, request->interface, request->interfaces);
	}
out:
	/* The pins hold what stands; a session link that was not pinned goes with its descriptor.
	 */
	for (int i = 0; i < SESSION_PROGRAMS; i++)
		bpf_link__destroy(a.sessions[i]);
	close_steps(&a);
	divert_close(&a.divert);
	close_program(a.old_program);
	close_program(a.old_replies);
	close_program(a.old_refuse);
	return err;
}
