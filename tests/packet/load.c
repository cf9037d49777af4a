// SPDX-License-Identifier: GPL-2.0-only
/*
 * load.c - how much work the programs are for the verifier, which gives up at a million instructions: far
 * enough away that a small change, another compiler or the next kernel does not keep the wall down
 */
#include "kit.h"

#define VERIFIED_MAX 400000

static void test_effort(struct kit *kit)
{
	static const char *const names[] = {"wall",	      "check",	       "sessions",
					    "sessions_again", "mark_sessions", "list_sessions",
					    "replies",	      "report",	       "refuse"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct bpf_prog_info info = {0};
		__u32 size = sizeof(info);
		int fd = object_program_fd(kit->object, names[i]);

		kit_must(bpf_obj_get_info_by_fd(fd, &info, &size), names[i], "");
		printf("# %s: %u instructions verified\n", names[i], info.verified_insns);
		if (info.verified_insns > VERIFIED_MAX)
			kit_fail("unexpected number of instructions verified for %s: got %u, want "
				 "at most %u",
				 names[i], info.verified_insns, VERIFIED_MAX);
	}
}

static const struct kit_test tests[] = {{"verifier-effort", test_effort}};

KIT_MAIN("load", tests)
