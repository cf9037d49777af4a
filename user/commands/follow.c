// SPDX-License-Identifier: GPL-2.0-only
/*
 * follow.c - brings the stored lists in line with the configuration: reads a configured file when
 * it changed since it was looked at, forgets a list that is named no longer
 *
 * "The last change wins": a list loaded by hand stands until the configured file itself changes. A
 * file that cannot be used is told, and what was stored stays in force.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "../clock.h"
#include "../output.h"
#include "commands.h"

void list_origin_of_file(struct list_origin *origin, const char *path)
{
	struct stat st;

	snprintf(origin->configured, sizeof(origin->configured), "%s", path);
	origin->file_mtime_ns = 0;
	origin->file_size = origin->file_inode = 0;
	if (stat(path, &st))
		return;
	origin->file_mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
	origin->file_size = (uint64_t)st.st_size;
	origin->file_inode = st.st_ino;
}

bool list_origin_same_file(const struct list_origin *a, const struct list_origin *b)
{
	return !strcmp(a->configured, b->configured) && a->file_mtime_ns == b->file_mtime_ns &&
	       a->file_size == b->file_size && a->file_inode == b->file_inode;
}

bool list_origin_is_current(const struct list_origin *origin, const char *configured)
{
	struct list_origin now = {0};

	list_origin_of_file(&now, configured);
	return list_origin_same_file(origin, &now);
}

/* A list may have thousands of bad lines: the first ones tell what is wrong. */
#define NOTES 10

static void note_line(void *context, const char *sentence)
{
	unsigned int *count = context;

	if ((*count)++ < NOTES)
		note("%s", sentence);
}

int lists_read(const char *path, const char *format, bool skip_bad, struct list_change *change,
	       struct error *why)
{
	unsigned int notes = 0;
	struct list_options options = {
		.format = format, .skip_bad = skip_bad, .note = note_line, .context = &notes};
	struct list_origin *origin = &change->origin;
	const struct list_content *content = &change->content;
	int err = list_read(path, &options, &change->content, why);

	if (notes > NOTES)
		note("%s: and %u lines more like these", path, notes - NOTES);
	if (err && !(err == -ENODATA && change->force))
		return err;
	snprintf(origin->format, sizeof(origin->format), "%.15s", content->format);
	origin->timestamp = content->timestamp;
	origin->entries = content->entries;
	origin->left_out = content->left_out;
	return 0;
}

/* Reads a configured list's file into the store. */
static int follow_file(const struct config_list *list, struct error *why)
{
	struct list_change change = {0};
	int err;

	snprintf(change.origin.name, sizeof(change.origin.name), "%s", list->name);
	snprintf(change.origin.source, sizeof(change.origin.source), "%s", list->file);
	ledger_who(change.origin.who);
	change.origin.action = list->action;
	change.origin.loaded = clock_wall();
	/* The file's identity before its content: a change in between is seen as a change. */
	list_origin_of_file(&change.origin, list->file);
	err = lists_read(list->file, list->format, list->skip_bad, &change, why);
	if (!err)
		err = lists_install(NULL, &change, why);
	list_content_free(&change.content);
	return err;
}

/* A new action in the configuration needs no new reading. */
static int follow_action(const struct config_list *list, struct list_origin *origin,
			 struct error *why)
{
	struct list_content content = {0};
	int err = list_restore(place.state, list->name, origin, &content, why);

	origin->action = list->action;
	if (!err)
		err = list_store(place.state, origin, &content, why);
	list_content_free(&content);
	return err;
}

static int follow_one(const struct config_list *list)
{
	struct list_origin origin;
	struct error why;
	int err = list_restore(place.state, list->name, &origin, NULL, &why);
	bool stored = err == 0;

	if (err && err != -ENOENT)
		note("%s", why.text);
	if (stored && (!list->file || list_origin_is_current(&origin, list->file))) {
		if (origin.action == list->action)
			return 0;
		err = follow_action(list, &origin, &why);
	} else if (list->file) {
		err = follow_file(list, &why);
	} else {
		return 0;
	}
	if (err) {
		note("%s; %s", why.text,
		     stored ? "what was loaded before stays in force" : "the list stays empty");
		return 0;
	}
	return 1;
}

/* Lists that came from the configuration and are named there no longer. */
static int forget_unnamed(const struct config *config, struct error *why)
{
	char **name = NULL;
	size_t names = 0;
	int forgotten = 0, err = list_stored(place.state, &name, &names, why);

	if (err)
		return err;
	for (size_t i = 0; i < names; i++) {
		struct list_origin origin;

		if (!config_find_list(config, name[i]) &&
		    list_restore(place.state, name[i], &origin, NULL, NULL) == 0 &&
		    origin.configured[0] && list_forget(place.state, name[i], NULL) == 0) {
			note("list %s is no longer configured and was taken out", name[i]);
			forgotten++;
		}
		free(name[i]);
	}
	free(name);
	return forgotten;
}

int lists_follow_config(const struct config *config, bool missing, struct error *why)
{
	/* A file that is not there, or was mistyped, takes no list away. */
	int changed = missing ? 0 : forget_unnamed(config, why);

	for (unsigned int i = 0; changed >= 0 && i < config->lists; i++)
		changed += follow_one(&config->list[i]);
	return changed;
}
