// SPDX-License-Identifier: GPL-2.0-only
/*
 * patterns.c - which sets of patterns there are, and which of two with one name counts
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "inside.h"

#define SUFFIX	  ".conf"
#define SETS_MOST 64u
#define NAME_MOST 64

/* A name is a file's, so it must not lead to another directory. */
static bool is_name(const char *name, size_t size)
{
	return size && size < NAME_MOST && name[0] != '.' && !memchr(name, '/', size);
}

static bool has_set(const struct log_patterns *patterns, const char *name)
{
	for (unsigned int i = 0; i < patterns->sets; i++)
		if (!strcmp(patterns->set[i].name, name))
			return true;
	return false;
}

static int add_set(struct log_patterns *patterns, const char *const directory[],
		   unsigned int directories, const char *name,
		   void (*bad)(void *context, const char *sentence), void *context)
{
	char path[PATH_MAX];
	struct log_set set, *grown;
	struct error inner = {""};
	int err = -ENOENT;

	error_set(&inner, err,
		  "there are no patterns \"%s\": no directory of patterns has " SUFFIX
		  " file of that name",
		  name);
	for (unsigned int i = 0; is_name(name, strlen(name)) && i < directories; i++) {
		if (snprintf(path, sizeof(path), "%s/%s" SUFFIX, directory[i], name) >= PATH_MAX ||
		    access(path, F_OK))
			continue;
		err = log_set_read(path, name, &set, &inner);
		break;
	}
	if (err == -ENOMEM)
		return err;
	if (err) {
		if (bad)
			bad(context, inner.text);
		return 0;
	}
	grown = realloc(patterns->set, ((size_t)patterns->sets + 1) * sizeof(*grown));
	if (!grown) {
		log_set_clear(&set);
		return -ENOMEM;
	}
	patterns->set = grown;
	patterns->set[patterns->sets++] = set;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The names of all sets in all directories, in order, each once. */
static unsigned int list_all(const char *const directory[], unsigned int directories,
			     char name[SETS_MOST][NAME_MOST])
{
	unsigned int names = 0, kept = 0;

	for (unsigned int i = 0; i < directories; i++) {
		DIR *d = opendir(directory[i]);
		struct dirent *entry;

		while (d && names < SETS_MOST && (entry = readdir(d))) {
			size_t size = strlen(entry->d_name);

			if (size <= strlen(SUFFIX) ||
			    strcmp(entry->d_name + size - strlen(SUFFIX), SUFFIX) != 0 ||
			    !is_name(entry->d_name, size - strlen(SUFFIX)))
				continue;
			size -= strlen(SUFFIX);
			memcpy(name[names], entry->d_name, size);
			name[names++][size] = '\0';
		}
		if (d)
			closedir(d);
	}
	qsort(name, names, NAME_MOST, by_name);
	for (unsigned int i = 0; i < names; i++)
		if (!kept || strcmp(name[kept - 1], name[i]) != 0)
			memmove(name[kept++], name[i], NAME_MOST);
	return kept;
}

static int gather_units(struct log_patterns *patterns)
{
	patterns->unit = calloc((size_t)patterns->sets * LOG_SET_UNITS + 1, sizeof(char *));
	if (!patterns->unit)
		return -ENOMEM;
	for (unsigned int s = 0; s < patterns->sets; s++) {
		for (unsigned int u = 0; u < patterns->set[s].units; u++) {
			unsigned int i = 0;

			while (i < patterns->units &&
			       strcmp(patterns->unit[i], patterns->set[s].unit[u]) != 0)
				i++;
			if (i == patterns->units)
				patterns->unit[patterns->units++] = patterns->set[s].unit[u];
		}
	}
	return 0;
}

int log_patterns_load(const char *const directory[], unsigned int directories,
		      const char *const name[], unsigned int names,
		      void (*bad)(void *context, const char *sentence), void *context,
		      struct log_patterns **out, struct error *why)
{
	char(*all)[NAME_MOST] = calloc(SETS_MOST, NAME_MOST);
	struct log_patterns *patterns = calloc(1, sizeof(*patterns));
	unsigned int found = 0;
	int err = all && patterns ? 0 : -ENOMEM;

	if (!err && !names)
		found = list_all(directory, directories, all);
	for (unsigned int i = 0; !err && i < (names ? names : found); i++) {
		const char *one = names ? name[i] : all[i];

		if (!has_set(patterns, one))
			err = add_set(patterns, directory, directories, one, bad, context);
	}
	if (!err)
		err = gather_units(patterns);
	free(all);
	if (err) {
		log_patterns_free(patterns);
		return error_set(why, err, "cannot load the patterns of logs: no memory");
	}
	*out = patterns;
	return (int)patterns->sets;
}

void log_patterns_free(struct log_patterns *patterns)
{
	if (!patterns)
		return;
	for (unsigned int i = 0; i < patterns->sets; i++)
		log_set_clear(&patterns->set[i]);
	free(patterns->set);
	free(patterns->unit);
	free(patterns);
}

const char *log_patterns_name(const struct log_patterns *patterns, unsigned int i)
{
	return i < patterns->sets ? patterns->set[i].name : NULL;
}

const char *log_patterns_unit(const struct log_patterns *patterns, unsigned int i)
{
	return i < patterns->units ? patterns->unit[i] : NULL;
}
