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

/*
 * Makes `function(wall, each, context)`, which walks one of the wall's maps with the types of that map.
 */
#define WALK_TYPED(function, map, key_type, value_type)                                            \
	struct function##_call {                                                                   \
		int (*each)(void *context, const key_type *key, const value_type *value);          \
		void *context;                                                                     \
	};                                                                                         \
	static int function##_one(void *context, const void *key, const void *value)               \
	{                                                                                          \
		const struct function##_call *call = context;                                      \
                                                                                                   \
		return call->each(call->context, key, value);                                      \
	}                                                                                          \
	int function(struct wall *wall,                                                            \
		     int (*each)(void *context, const key_type *key, const value_type *value),     \
		     void *context)                                                                \
	{                                                                                          \
		struct function##_call call = {each, context};                                     \
                                                                                                   \
		return walk_map(wall->fd[map], sizeof(key_type), sizeof(value_type),               \
				function##_one, &call);                                            \
	}

#endif
