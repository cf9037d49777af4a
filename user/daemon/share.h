/* SPDX-License-Identifier: GPL-2.0-only */
/* share.h - who carries how much of all accepted mail */
#ifndef SMTPWALL_DAEMON_SHARE_H
#define SMTPWALL_DAEMON_SHARE_H

#include "daemon.h"

/* Both as PENALTY_*, faded to now. In whole per cent; not more than 100. */
unsigned int share_of(uint64_t carried, uint64_t all);

#endif
