// SPDX-License-Identifier: GPL-2.0-only
/*
 * answers.c - fills the map `dnsbl` of a wall with sources that nobody lists
 *
 *	answers PINS COUNT
 *
 * 11.0.0.0 and on, each known for an hour. Stops when the map is full; prints how many it took.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "kernel/kernel.h"

int main(int argc, char **argv)
{
	struct wall *wall = NULL;
	struct error why = {""};
	unsigned int taken = 0;

	if (argc != 3)
		return 2;
	kernel_init(false);
	if (wall_open(argv[1], &wall, &why)) {
		fprintf(stderr, "answers: %s\n", why.text);
		return 1;
	}
	for (unsigned int i = 0; i < (unsigned int)atoi(argv[2]); i++) {
		uint64_t now = clock_boot();
		struct dnsbl facts = {.begun = now, .since = now, .proven = 1};
		struct address source;

		facts.until = facts.renew = now + 3600 * SECOND_NS;
		facts.answer[0] = (struct dnsbl_answer){
			.asked = (__u32)(now / SECOND_NS),
			.tried = (__u32)(now / SECOND_NS),
			.good = (__u32)(facts.until / SECOND_NS),
			.until = (__u32)(facts.until / SECOND_NS),
			.outcome = DNSBL_MISS,
		};
		address_from_v4(&source, address_be32(0x0b000000u + i));
		if (wall_put_dnsbl(wall, &source, &facts))
			break;
		taken++;
	}
	wall_close(wall);
	printf("%u\n", taken);
	return 0;
}
