// SPDX-License-Identifier: GPL-2.0-only
/*
 * store.c - what was loaded, kept for the next boot: STATE/lists/NAME
 *
 *   # smtpwall list 1
 *   # name: spamhaus-drop
 *   # ...
 *   1.10.16.0/20
 *   192.0.2.7-192.0.2.9
 *   # end 2 5d41402a
 *
 * The last line counts the ranges and sums up every byte in front of it, so that a file that was
 * cut or damaged is told from a short one. Only this program writes it; it is read as strictly as a
 * stranger's.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "../config.h"
#include "reading.h"

#define FIRST_LINE "# smtpwall list 1\n"

static int path_of(const char *state, const char *name, char path[PATH_MAX], struct error *why)
{
	char shown[80];

	if (name && !list_name_valid(name))
		return error_set(why, -EINVAL, "\"%s\" is not a name of a list",
				 text_clean(name, shown, sizeof(shown)));
	if (snprintf(path, PATH_MAX, "%s/lists%s%s", state, name ? "/" : "", name ? name : "") >=
	    PATH_MAX)
		return error_set(why, -ENAMETOOLONG, "%s: the path is too long", state);
	return 0;
}

/* --- write ------------------------------------------------------------------------------------ */

/* A path may hold any byte; a line of the header may not. */
static void write_escaped(FILE *f, const char *key, const char *text)
{
	fprintf(f, "# %s: ", key);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c < ' ' || *c == 0x7f || *c == '%')
			fprintf(f, "%%%02x", *c);
		else
			fputc(*c, f);
	}
	fputc('\n', f);
}

static void write_number(FILE *f, const char *key, int64_t n)
{
	fprintf(f, "# %s: %" PRId64 "\n", key, n);
}

static void write_header(FILE *f, const struct list_origin *o, const struct list_content *content)
{
	fputs(FIRST_LINE, f);
	write_escaped(f, "name", o->name);
	fprintf(f, "# action: %s\n", action_name(o->action));
	write_number(f, "loaded", o->loaded);
	write_escaped(f, "who", o->who);
	write_escaped(f, "source", o->source);
	write_escaped(f, "format", o->format);
	write_number(f, "timestamp", o->timestamp);
	write_number(f, "expires", content->expires);
	write_number(f, "entries", (int64_t)o->entries);
	write_number(f, "left-out", (int64_t)o->left_out);
	write_escaped(f, "configured", o->configured);
	write_number(f, "file-mtime-ns", o->file_mtime_ns);
	write_number(f, "file-size", (int64_t)o->file_size);
	write_number(f, "file-inode", (int64_t)o->file_inode);
	write_number(f, "by-hand", o->by_hand);
	write_number(f, "forced", o->forced);
}

static int make_directory(const char *state, struct error *why)
{
	char path[PATH_MAX];
	int err = path_of(state, NULL, path, why);

	if (err)
		return err;
	if (!mkdir(path, 0700) || errno == EEXIST)
		return 0;
	if (errno == ENOENT && (!mkdir(state, 0700) || errno == EEXIST) && !mkdir(path, 0700))
		return 0;
	err = -errno;
	return error_set(why, err, "cannot make the directory %s: %s", path, strerror(-err));
}

int list_store(const char *state, const struct list_origin *origin,
	       const struct list_content *content, struct error *why)
{
	char path[PATH_MAX], text[SPAN_TEXT];
	char *data = NULL;
	size_t size = 0;
	unsigned long sum;
	FILE *f;
	int err;

	err = path_of(state, origin->name, path, why);
	if (err)
		return err;
	if (!action_name(origin->action))
		return error_set(why, -EINVAL, "list %s has no action", origin->name);
	err = make_directory(state, why);
	if (err)
		return err;
	f = open_memstream(&data, &size);
	if (!f)
		return error_set(why, -ENOMEM, "list %s: out of memory", origin->name);
	write_header(f, origin, content);
	for (int family = 0; family < FAMILIES; family++) {
		for (size_t i = 0; i < content_spans(content, family); i++) {
			struct span span = content_span(content, family, i);

			fputs(span_text(&span, family, text), f);
			fputc('\n', f);
		}
	}
	/* fflush() brings `data` and `size` up to date. */
	err = fflush(f) ? -ENOMEM : 0;
	if (!err) {
		sum = crc32_z(0, (const unsigned char *)data, size);
		fprintf(f, "# end %zu %08lx\n", content->v4_count + content->v6_count, sum);
	}
	if (fclose(f))
		err = -ENOMEM;
	if (err)
		error_set(why, err, "list %s: out of memory", origin->name);
	else
		err = file_replace(path, data, size, why);
	free(data);
	return err;
}

/* --- read ------------------------------------------------------------------------------------- */

static bool read_escaped(const char *in, char *out, size_t size)
{
	size_t used = 0;

	for (; *in; in++) {
		unsigned int c = (unsigned char)*in;

		if (c == '%') {
			if (sscanf(in + 1, "%2x", &c) != 1 || !in[1] || !in[2] || !c)
				return false;
			in += 2;
		}
		if (used + 1 >= size)
			return false;
		out[used++] = (char)c;
	}
	out[used] = '\0';
	return true;
}

static bool read_number(const char *text, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	return end != text && !*end && !errno;
}

/* "key: value" behind "# ". Unknown keys are those of a later version and harmless. */
static bool read_key(char *line, struct list_origin *o, int64_t *expires)
{
	struct {
		const char *key;
		char *text;
		size_t size;
	} texts[] = {
		{"name", o->name, sizeof(o->name)},
		{"who", o->who, sizeof(o->who)},
		{"source", o->source, sizeof(o->source)},
		{"format", o->format, sizeof(o->format)},
		{"configured", o->configured, sizeof(o->configured)},
	};
	int64_t entries = (int64_t)o->entries, left_out = (int64_t)o->left_out;
	int64_t size = (int64_t)o->file_size, inode = (int64_t)o->file_inode;
	int64_t by_hand = o->by_hand, forced = o->forced;
	struct {
		const char *key;
		int64_t *number;
	} numbers[] = {
		{"loaded", &o->loaded},	 {"timestamp", &o->timestamp},
		{"expires", expires},	 {"entries", &entries},
		{"left-out", &left_out}, {"file-mtime-ns", &o->file_mtime_ns},
		{"file-size", &size},	 {"file-inode", &inode},
		{"by-hand", &by_hand},	 {"forced", &forced},
	};
	char *value = strstr(line, ": ");

	if (!value)
		return false;
	*value = '\0';
	value += 2;
	if (!strcmp(line, "action"))
		return action_parse(value, &o->action);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!strcmp(line, texts[i].key))
			return read_escaped(value, texts[i].text, texts[i].size);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcmp(line, numbers[i].key) != 0)
			continue;
		if (!read_number(value, numbers[i].number))
			return false;
		o->entries = (uint64_t)entries;
		o->left_out = (uint64_t)left_out;
		o->file_size = (uint64_t)size;
		o->file_inode = (uint64_t)inode;
		o->by_hand = by_hand;
		o->forced = forced;
	}
	return true;
}

/* A range in canonical form, behind all those read so far. */
static bool read_canonical(char *text, struct list_content *content)
{
	struct prefix prefix = {.length = ADDRESS_BITS}, end = prefix;
	char *dash = strchr(text, '-');
	enum family family;
	struct span span, before;
	size_t count;

	if (dash) {
		*dash++ = '\0';
		if (!address_parse(text, &prefix.address) || !address_parse(dash, &end.address))
			return false;
		family = span_of_prefix(&prefix, &span);
		if (span_of_prefix(&end, &before) != family ||
		    pos_compare(span.first, before.last) > 0)
			return false;
		span.last = before.last;
	} else {
		if (prefix_parse(text, &prefix, NULL))
			return false;
		family = span_of_prefix(&prefix, &span);
	}
	count = content_spans(content, family);
	if (count) {
		before = content_span(content, family, count - 1);
		if (pos_compare(before.last, span.first) >= 0 ||
		    pos_compare(pos_next(before.last), span.first) >= 0)
			return false;
	}
	return !content_add(content, family, &span);
}

/* Everything behind the first line; content may be NULL: the header only. */
static bool read_rest(FILE *f, struct list_origin *o, struct list_content *content)
{
	unsigned long sum = crc32_z(0, (const unsigned char *)FIRST_LINE, strlen(FIRST_LINE)), want;
	int64_t expires = 0;
	char *line = NULL;
	size_t room = 0, ranges;
	bool whole = false;
	ssize_t n;

	while ((n = getline(&line, &room, f)) > 0) {
		if (line[n - 1] != '\n' || memchr(line, '\0', (size_t)n))
			break;
		if (!strncmp(line, "# end ", 6)) {
			whole = !content ||
				(sscanf(line + 6, "%zu %lx", &ranges, &want) == 2 && want == sum &&
				 ranges == content->v4_count + content->v6_count &&
				 fgetc(f) == EOF);
			break;
		}
		sum = crc32_z(sum, (const unsigned char *)line, (size_t)n);
		line[n - 1] = '\0';
		if (line[0] == '#') {
			if (line[1] != ' ' || !read_key(line + 2, o, &expires))
				break;
		} else if (!content) {
			whole = true;
			break;
		} else if (!read_canonical(line, content)) {
			break;
		}
	}
	free(line);
	if (!whole)
		return false;
	if (content) {
		content->expires = expires;
		content->timestamp = o->timestamp;
		content->entries = o->entries;
		content->left_out = o->left_out;
		snprintf(content->format, sizeof(content->format), "%s", o->format);
		content_find_widest(content);
	}
	return true;
}

int list_restore(const char *state, const char *name, struct list_origin *origin,
		 struct list_content *content, struct error *why)
{
	struct list_content fresh = {.widest4 = 33, .widest6 = 129};
	struct list_origin found = {0};
	char path[PATH_MAX], first[sizeof(FIRST_LINE)];
	FILE *f = NULL;
	int err;

	err = path_of(state, name, path, why);
	if (err)
		return err;
	f = fopen(path, "re");
	if (!f) {
		err = -errno;
		return error_set(why, err,
				 err == -ENOENT ? "list %s was never loaded (%s: %s)"
						: "cannot read list %s (%s): %s",
				 name, path, strerror(-err));
	}
	if (!fgets(first, sizeof(first), f) || strcmp(first, FIRST_LINE) != 0)
		err = ferror(f) ? -EIO : -EUCLEAN;
	else if (!read_rest(f, &found, content ? &fresh : NULL))
		err = ferror(f) ? -EIO : -EUCLEAN;
	else if (strcmp(found.name, name) != 0 || !action_name(found.action))
		err = -EUCLEAN;
	fclose(f);
	if (err) {
		list_content_free(&fresh);
		return error_set(why, err,
				 err == -EIO ? "cannot read %s: %s"
					     : "%s is damaged or cut off (%s); load the list again",
				 path, strerror(-err));
	}
	*origin = found;
	if (content)
		*content = fresh;
	return 0;
}

int list_forget(const char *state, const char *name, struct error *why)
{
	char path[PATH_MAX];
	int err = path_of(state, name, path, why);

	if (err)
		return err;
	if (!unlink(path) || errno == ENOENT)
		return 0;
	err = -errno;
	return error_set(why, err, "cannot remove %s: %s", path, strerror(-err));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int list_stored(const char *state, char ***names, size_t *count, struct error *why)
{
	char path[PATH_MAX], **found = NULL;
	size_t n = 0, room = 0;
	struct dirent *entry;
	int err = path_of(state, NULL, path, why);
	DIR *dir;

	if (err)
		return err;
	dir = opendir(path);
	if (!dir && errno != ENOENT) {
		err = -errno;
		return error_set(why, err, "cannot read the directory %s: %s", path,
				 strerror(-err));
	}
	while (dir && !err && (entry = readdir(dir))) {
		/* Leaves out what begins with a dot: the temporary files of a write that broke off.
		 */
		if (!list_name_valid(entry->d_name))
			continue;
		err = array_grow(&found, &room, n, sizeof(found[0]));
		if (!err) {
			found[n] = strdup(entry->d_name);
			err = found[n] ? 0 : -ENOMEM;
			n += !err;
		}
	}
	if (dir)
		closedir(dir);
	if (err) {
		while (n)
			free(found[--n]);
		free(found);
		return error_set(why, err, "cannot read the directory %s: out of memory", path);
	}
	if (n)
		qsort(found, n, sizeof(found[0]), by_name);
	*names = found;
	*count = n;
	return 0;
}
