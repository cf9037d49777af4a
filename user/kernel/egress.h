/* SPDX-License-Identifier: GPL-2.0-only */
/* egress.h - program `replies` on one interface, for the files of this room */
#ifndef SMTPWALL_EGRESS_H
#define SMTPWALL_EGRESS_H

#include <net/if.h>
#include <stdbool.h>
#include "../text.h"
#include "pins.h"

/* What was done on one interface, so that it can be undone. */
struct egress {
	int index; /* of the interface; 0: nothing was done */
	char path[PINS_PATH];
	int link;    /* descriptor of the tcx link, -1 if it is a filter */
	bool made;   /* not there before */
	bool pinned; /* by us */
};

/*
 * Attaches the program, or puts it in the place of the one that is there. Nothing is pinned yet.
 * `out` is to be closed by egress_close() after success.
 */
int egress_attach(const char *pins, const char *interface, int index, int program,
		  struct egress *out, struct error *why);
int egress_pin(struct egress *egress, struct error *why);
/* As it was before; `old_program` negative if there was none. */
void egress_undo(const char *pins, struct egress *egress, int old_program);
void egress_close(struct egress *egress);

/* Takes the program off all interfaces but these. */
void egress_sweep(const char *pins, const char *const *keep, unsigned int count);

#endif
