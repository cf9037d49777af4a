/* SPDX-License-Identifier: GPL-2.0-only */
/* version.h - the version of smtpwall */
#ifndef SMTPWALL_VERSION_H
#define SMTPWALL_VERSION_H

#define VERSION "0.1.0"

#endif
