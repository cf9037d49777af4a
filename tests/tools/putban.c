// SPDX-License-Identifier: GPL-2.0-only
/*
 * putban.c - writes a ban into the map `bans` of a wall, as a kernel program would
 *
 *	putban PINS PREFIX SECONDS STRIKES enforce|monitor
 *
 * It begins now, or has ended for good when SECONDS is 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "clock.h"
#include "kernel/kernel.h"

int main(int argc, char **argv)
{
	struct ban ban = {.origin = BAN_BY_REPLY,
			  .offence = {[OFFENCE_RELAY_DENIED] = 3},
			  .text = "554 5.7.1 <\033[31mx>: Relay access denied"};
	struct prefix prefix;
	struct error why;
	char path[256];
	uint64_t now;
	int fd, err;

	if (argc != 6 || prefix_parse(argv[2], &prefix, &why))
		return 2;
	prefix.unused = 0;
	snprintf(path, sizeof(path), "%s/maps/bans", argv[1]);
	fd = bpf_obj_get(path);
	if (fd < 0) {
		perror(path);
		return 1;
	}
	now = clock_boot();
	ban.since = now;
	ban.until = now + strtoull(argv[3], NULL, 10) * SECOND_NS;
	ban.remember = strtoull(argv[3], NULL, 10) ? now + BAN_REMEMBER : now;
	ban.offended = now - 40 * SECOND_NS;
	ban.strikes = (__u32)atoi(argv[4]);
	ban.mode = strcmp(argv[5], "enforce") ? MODE_MONITOR : MODE_ENFORCE;
	err = bpf_map_update_elem(fd, &prefix, &ban, BPF_ANY);
	close(fd);
	if (err)
		fprintf(stderr, "putban: %s\n", strerror(-err));
	return err ? 1 : 0;
}
