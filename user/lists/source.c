// SPDX-License-Identifier: GPL-2.0-only
/*
 * source.c - lines of text from a file, standard input or memory, gunzipped on the way
 *
 * The source is whatever somebody downloaded: the size after unpacking and the length of a line
 * have a bound, and gzip data without its end (a download that broke off) is an error, not a short
 * list.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "reading.h"

#define BUFFER ((size_t)2 * SOURCE_LINE_MAX)

struct source {
	const char *name;
	int fd; /* -1: from memory */
	const unsigned char *memory;
	size_t memory_left;

	unsigned char raw[65536];
	size_t raw_at, raw_end;
	bool started, gzip, in_member, end;
	z_stream stream;
	size_t total; /* bytes after unpacking */

	size_t at, filled;
	char text[BUFFER + 1];
};

static int source_new(const char *name, struct source **out, struct error *why)
{
	struct source *s = calloc(1, sizeof(*s));

	if (!s)
		return error_set(why, -ENOMEM, "%s: out of memory", name);
	s->name = name;
	s->fd = -1;
	*out = s;
	return 0;
}

int source_memory(const char *name, const void *data, size_t size, struct source **out,
		  struct error *why)
{
	int err = source_new(name, out, why);

	if (err)
		return err;
	(*out)->memory = data;
	(*out)->memory_left = size;
	return 0;
}

int source_open(const char *path, struct source **out, struct error *why)
{
	bool stdin_meant = strcmp(path, "-") == 0;
	struct source *s = NULL;
	struct stat status;
	int err, fd;

	/* O_NONBLOCK: opening a fifo nobody writes to must not hang. */
	fd = stdin_meant ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
			 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	err = fd < 0 ? -errno : 0;
	if (!err && fstat(fd, &status))
		err = -errno;
	else if (!err && S_ISDIR(status.st_mode))
		err = -EISDIR;
	else if (!err && !stdin_meant && fcntl(fd, F_SETFL, 0))
		err = -errno;
	if (err) {
		if (fd >= 0)
			close(fd);
		return error_set(why, err, "cannot read %s: %s",
				 stdin_meant ? "standard input" : path, strerror(-err));
	}
	err = source_new(stdin_meant ? "standard input" : path, &s, why);
	if (err || !s) { /* never without an error; said for the analyser */
		close(fd);
		return err;
	}
	s->fd = fd;
	*out = s;
	return 0;
}

const char *source_name(const struct source *source)
{
	return source->name;
}

void source_close(struct source *source)
{
	if (!source)
		return;
	if (source->gzip)
		inflateEnd(&source->stream);
	if (source->fd >= 0)
		close(source->fd);
	free(source);
}

/* Refills the raw buffer when it is empty; it stays empty at the end. */
static int fill_raw(struct source *s, struct error *why)
{
	ssize_t n;

	if (s->raw_at < s->raw_end)
		return 0;
	s->raw_at = s->raw_end = 0;
	if (s->fd < 0) {
		n = s->memory_left < sizeof(s->raw) ? (ssize_t)s->memory_left
						    : (ssize_t)sizeof(s->raw);
		if (n)
			memcpy(s->raw, s->memory, (size_t)n);
		s->memory += n;
		s->memory_left -= (size_t)n;
	} else {
		do
			n = read(s->fd, s->raw, sizeof(s->raw));
		while (n < 0 && errno == EINTR);
		if (n < 0) {
			int err = -errno;

			return error_set(why, err, "cannot read %s: %s", s->name, strerror(-err));
		}
	}
	s->raw_end = (size_t)n;
	return 0;
}

/* Unpacks some bytes into the free part of the text buffer. */
static int inflate_some(struct source *s, struct error *why)
{
	char *to = s->text + s->filled;
	int got, err;

	s->stream.next_out = (unsigned char *)to;
	s->stream.avail_out = (unsigned int)(BUFFER - s->filled);
	while (!s->end && (char *)s->stream.next_out == to) {
		err = fill_raw(s, why);
		if (err)
			return err;
		if (!s->in_member) {
			/* Behind a member: the end, the padding of a tape, or one more member. */
			if (s->raw_at == s->raw_end || s->raw[s->raw_at] == 0) {
				s->end = true;
				break;
			}
			if (inflateReset(&s->stream) != Z_OK)
				return error_set(why, -EIO, "cannot unpack %s", s->name);
			s->in_member = true;
		}
		if (s->raw_at == s->raw_end)
			return error_set(why, -EIO,
					 "%s is cut off: its gzip data has no end; get it again",
					 s->name);
		s->stream.next_in = s->raw + s->raw_at;
		s->stream.avail_in = (unsigned int)(s->raw_end - s->raw_at);
		got = inflate(&s->stream, Z_NO_FLUSH);
		s->raw_at = s->raw_end - s->stream.avail_in;
		if (got == Z_STREAM_END)
			s->in_member = false;
		else if (got == Z_MEM_ERROR)
			return error_set(why, -ENOMEM, "%s: out of memory", s->name);
		else if (got != Z_OK)
			return error_set(why, -EIO,
					 "%s is damaged: its gzip data cannot be unpacked (%s); "
					 "get it again",
					 s->name, s->stream.msg ? s->stream.msg : "bad data");
	}
	s->total += (size_t)((char *)s->stream.next_out - to);
	s->filled += (size_t)((char *)s->stream.next_out - to);
	return 0;
}

/* Makes the buffer fuller, or sets `end`. There is room: a line is at most half of it. */
static int fill(struct source *s, struct error *why)
{
	size_t n;
	int err;

	if (s->end)
		return 0;
	if (s->at) {
		memmove(s->text, s->text + s->at, s->filled - s->at);
		s->filled -= s->at;
		s->at = 0;
	}
	err = fill_raw(s, why);
	if (err)
		return err;
	if (!s->started) {
		s->started = true;
		if (s->raw_end >= 2 && s->raw[0] == 0x1f && s->raw[1] == 0x8b) {
			if (inflateInit2(&s->stream, 16 + MAX_WBITS) != Z_OK)
				return error_set(why, -ENOMEM, "%s: out of memory", s->name);
			s->gzip = s->in_member = true;
		}
	}
	if (s->gzip) {
		err = inflate_some(s, why);
		if (err)
			return err;
	} else {
		n = s->raw_end - s->raw_at;
		if (n > BUFFER - s->filled)
			n = BUFFER - s->filled;
		memcpy(s->text + s->filled, s->raw + s->raw_at, n);
		s->raw_at += n;
		s->filled += n;
		s->total += n;
		s->end = !n;
	}
	if (s->total > SOURCE_MAX)
		return error_set(why, -EFBIG, "%s is larger than %u MiB%s: no list is", s->name,
				 SOURCE_MAX >> 20, s->gzip ? " when unpacked" : "");
	return 0;
}

int source_peek(struct source *source, const char **text, size_t *size, struct error *why)
{
	while (!source->end && source->filled - source->at < SOURCE_PEEK) {
		int err = fill(source, why);

		if (err)
			return err;
	}
	source->text[source->filled] = '\0';
	*text = source->text + source->at;
	*size = source->filled - source->at;
	if (*size > SOURCE_PEEK)
		*size = SOURCE_PEEK;
	return 0;
}

int source_line(struct source *source, char **line, size_t *length, struct error *why)
{
	size_t looked = 0;
	char *start, *end;
	int err;

	for (;;) {
		start = source->text + source->at;
		end = memchr(start + looked, '\n', source->filled - source->at - looked);
		if (end || source->end)
			break;
		looked = source->filled - source->at;
		if (looked > SOURCE_LINE_MAX)
			break;
		err = fill(source, why);
		if (err)
			return err;
	}
	if (!end)
		end = source->text + source->filled;
	*length = (size_t)(end - start);
	if (*length > SOURCE_LINE_MAX)
		return error_set(why, -EINVAL, "%s has a line longer than %u KiB: no list has",
				 source->name, SOURCE_LINE_MAX >> 10);
	if (start == source->text + source->filled)
		return 0;
	source->at += *length + (end < source->text + source->filled);
	*end = '\0';
	if (*length && end[-1] == '\r')
		start[--*length] = '\0';
	*line = start;
	return 1;
}
