// SPDX-License-Identifier: GPL-2.0-only
/*
 * file.c - replace a file as a whole
 *
 * What the wall keeps on disk is what a reboot restores, so there must always be a whole old or a
 * whole new file, on the disk and not only in memory, when file_replace() returns.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "text.h"

static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

int file_replace(const char *path, const void *data, size_t size, struct error *why)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	int directory_size = slash ? (int)(name - path) : 0;
	char directory[PATH_MAX], fresh[PATH_MAX];
	bool made = false;
	int fd = -1, dir = -1, err = 0;

	if (!*name)
		return error_set(why, -EISDIR, "cannot write %s: it is not the name of a file",
				 path);
	/* The dot hides what a crash may leave behind from everything that reads the directory. */
	if (snprintf(directory, sizeof(directory), "%.*s", slash ? directory_size : 1,
		     slash ? path : ".") >= PATH_MAX ||
	    snprintf(fresh, sizeof(fresh), "%.*s.%s.XXXXXX", directory_size, path, name) >=
		    PATH_MAX)
		return error_set(why, -ENAMETOOLONG, "cannot write %s: the path is too long", path);

	dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		err = -errno;
		goto out;
	}
	fd = mkostemp(fresh, O_CLOEXEC); /* mode 0600 */
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	made = true;
	err = write_all(fd, data, size);
	if (!err && fsync(fd))
		err = -errno;
	/* Some file systems tell only now that there was no room. */
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(fresh, path))
		err = -errno;
	if (err)
		goto out;
	made = false;
	if (fsync(dir) && errno != EINVAL) /* EINVAL: a file system that has no such thing */
		err = -errno;
out:
	if (made)
		unlink(fresh);
	if (dir >= 0)
		close(dir);
	if (err)
		return error_set(why, err, "cannot write %s: %s; what was there before is kept",
				 path, strerror(-err));
	return 0;
}
