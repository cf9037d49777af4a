/* SPDX-License-Identifier: GPL-2.0-only */
/* pins.h - names below the pin directory, and one pin, for the files of this room */
#ifndef SMTPWALL_PINS_H
#define SMTPWALL_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include "../text.h"

#define PINS_PATH    512
#define LINK_XDP     "xdp-"
#define LINK_REPLIES "replies-"
#define LINK_REFUSE  "refuse"

/* PINS/links/KIND-IFACE, and the walk over all of that kind (kernel.h: pins_each_link()). */
void pins_path_of(const char *pins, const char *kind, const char *interface, char *path,
		  size_t size);
int pins_each_of(const char *pins, const char *kind,
		 int (*each)(void *context, const char *interface, const char *path),
		 void *context);

/* Pins under a second name and renames, so that the name always leads to something. */
int pin_over(int fd, const char *path, struct error *why);

/* Removes one pin; a link is detached even if somebody else holds a descriptor of it. */
int pin_remove(const char *path, bool link, struct error *why);

#endif
