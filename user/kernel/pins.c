// SPDX-License-Identifier: GPL-2.0-only
/*
 * pins.c - where the wall is pinned, its locks, and taking it down
 *
 *	PINS/wall PINS/check ...	programs
 *	PINS/maps/NAME			maps
 *	PINS/links/xdp-IFACE		one XDP link an interface
 *	PINS/links/replies-IFACE	the link of program `replies` there, if it is one (egress.c)
 *	PINS/links/sessions, sessions_again	the links of the session programs
 *	PINS/links/refuse		the link of program `refuse` in the network namespace (divert.c)
 *
 * Taking down trusts nothing but the directory: it must work on the pins of any version, beside a
 * broken configuration and a damaged ledger.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#include <linux/magic.h>
#include <bpf/bpf.h>
#include "egress.h"
#include "kernel.h"
#include "pins.h"

#define BPFFS	      "/sys/fs/bpf"
#define LOCK_RETRY_MS 50

static bool on_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

/* Others pin there as well. */
static bool is_bpffs_root(const char *path)
{
	struct stat here, above;
	char up[PINS_PATH + 4];

	snprintf(up, sizeof(up), "%s/..", path);
	return stat(path, &here) == 0 && stat(up, &above) == 0 &&
	       (here.st_dev != above.st_dev || here.st_ino == above.st_ino);
}

static bool is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 && (path[length] == '/' || !path[length]);
}

/* Makes the directory and those above it that lie on bpffs. */
static int make_path(const char *path, struct error *why)
{
	char part[PINS_PATH];
	int n = snprintf(part, sizeof(part), "%s", path);

	if (n < 0 || (size_t)n >= sizeof(part) - 64)
		return error_set(why, -ENAMETOOLONG,
				 "the pin directory's path is too long: %.80s...", path);
	for (char *slash = part + 1;; slash++) {
		char end = *slash;

		if (end != '/' && end != '\0')
			continue;
		*slash = '\0';
		if (mkdir(part, 0700) && errno != EEXIST)
			return error_set(why, -errno, "cannot make the pin directory %s: %s", part,
					 strerror(errno));
		*slash = end;
		if (!end)
			return 0;
	}
}

int pins_make(const char *pins, struct error *why)
{
	int err;

	if (pins[0] != '/')
		return error_set(why, -EINVAL, "the pin directory %s is not an absolute path",
				 pins);
	if (is_below(pins, BPFFS) && !on_bpffs(BPFFS) &&
	    mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700"))
		return error_set(why, -errno,
				 "the BPF file system is not mounted at " BPFFS
				 " and could not be mounted: %s; try `mount -t bpf bpf " BPFFS
				 "` as root",
				 strerror(errno));
	err = make_path(pins, why);
	if (err)
		return err;
	if (is_bpffs_root(pins))
		return error_set(
			why, -EINVAL,
			"%s is the root of a BPF file system, where others pin as well; name a "
			"directory in it with --pins",
			pins);
	if (!on_bpffs(pins)) {
		rmdir(pins);
		return error_set(
			why, -ENOTDIR,
			"%s is not on a BPF file system, so nothing can be pinned there; choose a "
			"directory below " BPFFS " with --pins",
			pins);
	}
	return 0;
}

static void lock_path(const char *pins, enum lock lock, char path[PINS_PATH])
{
	static const char *const below[] = {
		[LOCK_WALL] = "", [LOCK_DAEMON] = "/daemon", [LOCK_WATCH] = "/watch"};

	snprintf(path, PINS_PATH, "%s%s", pins, below[lock]);
}

/*
 * Opens and locks the directory once. `down` may remove it between the two steps; then the lock is
 * on a directory that nobody else can find, and is tried anew.
 */
static int lock_once(const char *path, bool make)
{
	struct stat held, found;
	int fd;

	for (;;) {
		if (make && mkdir(path, 0700) && errno != EEXIST)
			return -errno;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			int err = -errno;

			close(fd);
			return err;
		}
		if (fstat(fd, &held) == 0 && stat(path, &found) == 0 &&
		    held.st_ino == found.st_ino && held.st_dev == found.st_dev)
			return fd;
		close(fd);
		if (!make && access(path, F_OK))
			return -ENOENT;
	}
}

int pins_lock(const char *pins, enum lock lock, unsigned int seconds, struct error *why)
{
	struct timespec pause = {.tv_nsec = LOCK_RETRY_MS * 1000000L};
	unsigned int tries = seconds * 1000 / LOCK_RETRY_MS;
	char path[PINS_PATH];
	int fd;

	lock_path(pins, lock, path);
	while ((fd = lock_once(path, lock != LOCK_WALL)) == -EWOULDBLOCK && tries-- > 0)
		nanosleep(&pause, NULL);
	if (fd == -ENOENT)
		return error_set(why, fd, "no wall is up at %s; start it with `smtpwall up`", pins);
	if (fd == -EWOULDBLOCK && lock == LOCK_WALL)
		return error_set(
			why, fd,
			"another smtpwall command has been changing the wall at %s for over %u s; "
			"see `fuser %s` for who it is",
			pins, seconds, pins);
	if (fd == -EWOULDBLOCK)
		return error_set(
			why, fd,
			"another `smtpwall %s` is running on the wall at %s; stop it first",
			lock == LOCK_DAEMON ? "daemon" : "watch", pins);
	if (fd < 0)
		return error_set(why, fd, "cannot lock %s: %s%s", path, strerror(-fd),
				 fd == -EACCES ? "; run it as root" : "");
	return fd;
}

bool pins_locked(const char *pins, enum lock lock)
{
	char path[PINS_PATH];
	int fd, err;

	lock_path(pins, lock, path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	err = flock(fd, LOCK_SH | LOCK_NB);
	close(fd);
	return err != 0;
}

void pins_path_of(const char *pins, const char *kind, const char *interface, char *path,
		  size_t size)
{
	char name[IF_NAMESIZE];

	snprintf(name, sizeof(name), "%s", interface);
	for (char *c = name; *c; c++)
		if (*c == '.')
			*c = ':';
	snprintf(path, size, "%s/links/%s%s", pins, kind, name);
}

void pins_link_path(const char *pins, const char *interface, char *path, size_t size)
{
	pins_path_of(pins, LINK_XDP, interface, path, size);
}

int pins_each_of(const char *pins, const char *kind,
		 int (*each)(void *context, const char *interface, const char *path), void *context)
{
	char directory[PINS_PATH], path[PINS_PATH];
	struct dirent *entry;
	DIR *dir;
	int err = 0;

	snprintf(directory, sizeof(directory), "%s/links", pins);
	dir = opendir(directory);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (!err && (entry = readdir(dir))) {
		char name[IF_NAMESIZE];

		if (strncmp(entry->d_name, kind, strlen(kind)) != 0)
			continue;
		snprintf(name, sizeof(name), "%.15s", entry->d_name + strlen(kind));
		for (char *c = name; *c; c++)
			if (*c == ':')
				*c = '.';
		pins_path_of(pins, kind, name, path, sizeof(path));
		err = each(context, name, path);
	}
	closedir(dir);
	return err;
}

int pins_each_link(const char *pins,
		   int (*each)(void *context, const char *interface, const char *path),
		   void *context)
{
	return pins_each_of(pins, LINK_XDP, each, context);
}

int pins_rename_link(const char *pins, const char *from, const char *to)
{
	static const char *const kind[] = {LINK_REPLIES, LINK_XDP};
	char old[PINS_PATH], new[PINS_PATH];
	int err = 0;

	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
		pins_path_of(pins, kind[i], from, old, sizeof(old));
		pins_path_of(pins, kind[i], to, new, sizeof(new));
		err = rename(old, new) ? -errno : 0;
	}
	return err;
}

int pins_link_index(const char *path)
{
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);
	int fd = bpf_obj_get(path), err;

	if (fd < 0)
		return fd;
	err = bpf_obj_get_info_by_fd(fd, &info, &size);
	close(fd);
	return err ? err : (int)info.xdp.ifindex;
}

uint64_t pins_identity(const char *pins)
{
	char path[PINS_PATH];
	struct stat st;

	snprintf(path, sizeof(path), "%s/maps/settings", pins);
	return stat(path, &st) ? 0 : (uint64_t)st.st_ino;
}

void pins_tidy(const char *pins)
{
	char path[PINS_PATH];

	if (pins_identity(pins))
		return;
	lock_path(pins, LOCK_DAEMON, path);
	rmdir(path);
	rmdir(pins);
}

int pin_over(int fd, const char *path, struct error *why)
{
	char beside[PINS_PATH + 8];
	int err;

	snprintf(beside, sizeof(beside), "%s-new", path);
	unlink(beside);
	err = bpf_obj_pin(fd, beside);
	if (err)
		return error_set(why, err, "cannot pin %s: %s", path, strerror(-err));
	if (rename(beside, path)) {
		err = error_set(why, -errno, "cannot pin %s: %s", path, strerror(errno));
		unlink(beside);
	}
	return err;
}

int pin_remove(const char *path, bool link, struct error *why)
{
	if (link) {
		int fd = bpf_obj_get(path);

		if (fd >= 0) {
			bpf_link_detach(fd);
			close(fd);
		}
	}
	if (unlink(path) && errno != ENOENT)
		return error_set(why, -errno, "cannot remove %s: %s%s", path, strerror(errno),
				 errno == EACCES || errno == EPERM ? "; run it as root" : "");
	return 0;
}

/*
 * Removes the pins in the directory, and the directory if nothing else is in it. Goes on after
 * failures; returns the first, or how many pins went.
 */
static int remove_directory(const char *path, bool links, struct error *why)
{
	int removed = 0, first = 0;
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (!dir)
		return errno == ENOENT ? 0
				       : error_set(why, -errno, "cannot read %s: %s", path,
						   strerror(errno));
	while ((entry = readdir(dir))) {
		char below[PINS_PATH];
		struct stat st;
		int n = snprintf(below, sizeof(below), "%s/%s", path, entry->d_name), err;

		if (n < 0 || (size_t)n >= sizeof(below) || lstat(below, &st) || S_ISDIR(st.st_mode))
			continue;
		err = pin_remove(below, links, first ? NULL : why);
		if (!err)
			removed++;
		else if (!first)
			first = err;
	}
	closedir(dir);
	rmdir(path);
	return first ? first : removed;
}

int pins_remove(const char *pins, struct error *why)
{
	/* Links first: whatever happens afterwards, mail flows. */
	static const char *const below[] = {"/links", "/maps", "/watch", "/daemon", ""};
	int removed = 0, first = 0;

	if (access(pins, F_OK))
		return error_set(why, -ENOENT, "no wall is up at %s", pins);
	if (!on_bpffs(pins) || is_bpffs_root(pins))
		return error_set(why, -ENOTDIR,
				 "%s is no directory on a BPF file system that smtpwall made; "
				 "nothing was removed",
				 pins);
	egress_sweep(pins, NULL, 0);
	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
		char path[PINS_PATH];
		int n;

		snprintf(path, sizeof(path), "%s%s", pins, below[i]);
		n = remove_directory(path, i == 0, first ? NULL : why);
		if (n >= 0)
			removed += n;
		else if (!first)
			first = n;
	}
	if (!first && !removed)
		return error_set(why, -ENOENT, "no wall is up at %s", pins);
	return first;
}
