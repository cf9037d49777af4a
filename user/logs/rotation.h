/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rotation.h - is that the file that was read, and where did it go?
 */
#ifndef SMTPWALL_USER_LOGS_ROTATION_H
#define SMTPWALL_USER_LOGS_ROTATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include "inside.h"

/* Opens a regular file for reading. -EINVAL: it is something else. */
int rotation_open(const char *path, int *fd, struct stat *st);
/* Is there a line that ends behind `offset` and began in front of it? */
bool rotation_splits_line(int fd, uint64_t offset);
/* Hashes the first bytes, as many as were read. */
void rotation_head(int fd, struct log_place *place);
/* Has the file the same first bytes, and is it at least as long as it was read? */
bool rotation_is_place(int fd, const struct stat *st, const struct log_place *place);
/* The file in the same directory (NAME.1, NAME-20261008) that was read up to `place`; -1: none. */
int rotation_find_rest(const char *path, const struct log_place *place, struct stat *st);

#endif
