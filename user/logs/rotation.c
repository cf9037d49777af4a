// SPDX-License-Identifier: GPL-2.0-only
/*
 * rotation.c - is that the file that was read, and where did it go?
 *
 * A file's number alone says little: a file system gives it to the next file as soon as it is free. So
 * the hash of the first bytes goes with it, and finds a copy (copytruncate) as well.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "rotation.h"

static int open_regular(int directory, const char *path, int *fd, struct stat *st)
{
	/* Not to hang in a FIFO. */
	int opened = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int err = 0;

	if (opened < 0)
		return -errno;
	if (fstat(opened, st))
		err = -errno;
	else if (!S_ISREG(st->st_mode))
		err = -EINVAL;
	if (err)
		close(opened);
	else
		*fd = opened;
	return err;
}

int rotation_open(const char *path, int *fd, struct stat *st)
{
	return open_regular(AT_FDCWD, path, fd, st);
}

bool rotation_splits_line(int fd, uint64_t offset)
{
	char before;

	return offset && pread(fd, &before, 1, (off_t)offset - 1) == 1 && before != '\n';
}

static bool read_head(int fd, uint32_t size, uint64_t *hash)
{
	char head[LOG_HEAD];

	if (size > sizeof(head) || pread(fd, head, size, 0) != (ssize_t)size)
		return false;
	*hash = log_hash(head, size);
	return true;
}

void rotation_head(int fd, struct log_place *place)
{
	uint32_t size = place->offset < LOG_HEAD ? (uint32_t)place->offset : LOG_HEAD;

	if (place->head == size && size == LOG_HEAD)
		return;
	place->head = read_head(fd, size, &place->hash) ? size : 0;
}

bool rotation_is_place(int fd, const struct stat *st, const struct log_place *place)
{
	uint64_t hash;

	if ((uint64_t)st->st_size < place->offset)
		return false;
	return !place->head || (read_head(fd, place->head, &hash) && hash == place->hash);
}

int rotation_find_rest(const char *path, const struct log_place *place, struct stat *st)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char directory[PATH_MAX];
	struct dirent *entry;
	int found = -1;
	DIR *d;

	if (snprintf(directory, sizeof(directory), "%.*s", slash ? (int)(name - path) : 1,
		     slash ? path : ".") >= PATH_MAX)
		return -1;
	d = opendir(directory);
	while (d && (entry = readdir(d))) {
		struct stat fresh = {0};
		bool same;
		int fd = -1;

		if (strncmp(entry->d_name, name, strlen(name)) != 0 ||
		    open_regular(dirfd(d), entry->d_name, &fd, &fresh))
			continue;
		same = fresh.st_ino == place->inode && fresh.st_dev == place->device;
		/* Of which nothing was read, nothing is known but its number. */
		if (!rotation_is_place(fd, &fresh, place) || (!same && !place->head) ||
		    (found >= 0 && !same)) {
			close(fd);
			continue;
		}
		if (found >= 0)
			close(found);
		found = fd;
		*st = fresh;
		if (same)
			break;
	}
	if (d)
		closedir(d);
	return found;
}
