/* SPDX-License-Identifier: GPL-2.0-only */
/* pins.h - names below the pin directory, and one pin, for the files of this room */
#ifndef SMTPWALL_PINS_H
#define SMTPWALL_PINS_H

#include <stdbool.h>
#include "../text.h"

#define PINS_PATH 512
#define LINK_XDP  "xdp-"

/* Removes one pin; a link is detached even if somebody else holds a descriptor of it. */
int pin_remove(const char *path, bool link, struct error *why);

#endif
