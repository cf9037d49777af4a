/* SPDX-License-Identifier: GPL-2.0-only */
/* walk.h - walks a hash map in batches, for the files of this room */
#ifndef SMTPWALL_WALK_H
#define SMTPWALL_WALK_H

#include <stddef.h>

/*
 * Calls `each` for every entry of the map `fd`. Deleting and replacing the entry that is shown is
 * allowed. A non-zero return of `each` ends the walk and is returned; otherwise 0 or a negative errno.
 */
int walk_map(int fd, size_t key_size, size_t value_size,
	     int (*each)(void *context, const void *key, const void *value), void *context);

#endif
