/* SPDX-License-Identifier: GPL-2.0-only */
/* divert.h - program `refuse` in this network namespace, for the files of this room */
#ifndef SMTPWALL_DIVERT_H
#define SMTPWALL_DIVERT_H

#include <stdbool.h>
#include "../text.h"
#include "pins.h"

/* What was done, so that it can be undone. */
struct divert {
	char path[PINS_PATH];
	int link;  /* descriptor of the link in this namespace; -1: nothing was done */
	int moved; /* of the pinned link that is in another one, or in one that is gone; -1: none */
	bool made; /* not there before */
	bool pinned;
};

/* Nothing done yet: may be undone and closed. */
void divert_none(struct divert *divert);

/*
 * Attaches the program in the network namespace of this process, or puts it in the place of the one that is
 * there. `keep`: only if it is there. Nothing is pinned yet.
 */
int divert_attach(const char *pins, int program, bool keep, struct divert *out, struct error *why);
int divert_pin(struct divert *divert, struct error *why);
/* As it was before; `old_program` negative if there was none. */
void divert_undo(struct divert *divert, int old_program);
/* All stands: what it took the place of goes. */
void divert_done(struct divert *divert);
void divert_close(struct divert *divert);

#endif
