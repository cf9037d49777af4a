// SPDX-License-Identifier: GPL-2.0-only
/*
 * abuse.c - bans, known senders, what the mail server's replies gave, and program `report`
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "kernel.h"
#include "object.h"
#include "pins.h"
#include "walk.h"
#include "wall.h"

int wall_get_ban(struct wall *wall, const struct prefix *prefix, struct ban *out)
{
	return bpf_map_lookup_elem(wall->fd[MAP_BANS], prefix, out);
}

int wall_drop_ban(struct wall *wall, const struct prefix *prefix)
{
	return bpf_map_delete_elem(wall->fd[MAP_BANS], prefix);
}

int wall_get_known(struct wall *wall, const struct address *source, struct known *out)
{
	return bpf_map_lookup_elem(wall->fd[MAP_KNOWN], source, out);
}

int wall_put_known(struct wall *wall, const struct address *source, const struct known *known)
{
	return bpf_map_update_elem(wall->fd[MAP_KNOWN], source, known, BPF_ANY);
}

int wall_drop_known(struct wall *wall, const struct address *source)
{
	return bpf_map_delete_elem(wall->fd[MAP_KNOWN], source);
}

WALK_TYPED(wall_each_ban, MAP_BANS, struct prefix, struct ban)
WALK_TYPED(wall_each_known, MAP_KNOWN, struct address, struct known)

int wall_abuse(struct wall *wall, struct abuse *out, struct error *why)
{
	__u32 zero = 0;
	int err = bpf_map_lookup_elem(wall->fd[MAP_ABUSE], &zero, out);

	return err ? error_set(why, err, "cannot read the map abuse: %s", strerror(-err)) : 0;
}

int wall_reply_counts(struct wall *wall, struct reply_counts *out, struct error *why)
{
	return wall_sum(wall->fd[MAP_REPLY_COUNTS], 0, out, sizeof(*out), why);
}

static int run_report(int program, struct report *report, struct error *why)
{
	struct report back;
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = report, .data_size_in = sizeof(*report),
		    .data_out = &back, .data_size_out = sizeof(back));
	int err;

	report->magic = REPORT_MAGIC;
	report->result = 0;
	err = bpf_prog_test_run_opts(program, &run);
	if (err)
		return error_set(why, err, "cannot run the program report: %s", strerror(-err));
	memcpy(report, &back, sizeof(*report));
	if (!report->result)
		return error_set(
			why, -EPROTO,
			"the program report gave no answer; run `smtpwall up` to renew it");
	return 0;
}

int wall_report_object(struct object *object, struct report *report, struct error *why)
{
	return run_report(object_program_fd(object, "report"), report, why);
}

int wall_report(const char *pins, struct report *report, struct error *why)
{
	char path[PINS_PATH];
	int program, err;

	snprintf(path, sizeof(path), "%s/report", pins);
	program = bpf_obj_get(path);
	if (program < 0)
		return error_set(why, program, "cannot open the program %s: %s", path,
				 strerror(-program));
	err = run_report(program, report, why);
	close(program);
	return err;
}

uint64_t penalty_at(uint64_t word, uint64_t now, uint64_t half_life)
{
	return penalty_fade(word, now / PENALTY_TICK, half_life / PENALTY_TICK);
}
