/* SPDX-License-Identifier: GPL-2.0-only */
/* pins.h - names below the pin directory, for the files of this room */
#ifndef SMTPWALL_PINS_H
#define SMTPWALL_PINS_H

#define PINS_PATH     512
#define LINK_XDP      "xdp-"
#define LINK_SESSIONS "sessions"

#endif
