// SPDX-License-Identifier: GPL-2.0-only
/*
 * drop.c - Spamhaus DROP, as text and as JSON lines
 *
 *   1.10.16.0/20 ; SBL256894
 *   {"cidr":"1.10.16.0/20","sblid":"SBL256894","rir":"apnic"}
 *   {"type":"metadata","timestamp":1790072042,"size":104461,"records":1692,...}
 *
 * A broken download may end in the middle of a prefix, "1.10.16.0/2", and would then block a
 * quarter of the Internet. So a line of text must have its SBL number, and JSON must have its last
 * line, with the number of lines in front of it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <json.h>
#include "reading.h"

static void read_header(struct reading *r, const char *text)
{
	static const char key[] = "; Last-Modified: ";
	struct tm tm = {0};

	if (!strncmp(text, key, strlen(key)) &&
	    strptime(text + strlen(key), "%a, %d %b %Y %H:%M:%S GMT", &tm))
		r->content->timestamp = timegm(&tm);
}

int drop_line(struct reading *r, char *text)
{
	char *comment;

	if (*text == ';')
		read_header(r, text);
	comment = strpbrk(text, ";#");
	if (comment)
		*comment++ = '\0';
	text = trim(text);
	if (!*text)
		return 0;
	if (!comment || strncmp(trim(comment), "SBL", 3) != 0)
		return bad_line(r,
				"\"%.60s\" has no \"; SBL...\" behind it, as every line of DROP "
				"has; is the file cut off?",
				text);
	return read_prefix(r, text);
}

struct drop_json {
	struct json_tokener *tokener;
	uint64_t lines; /* with a prefix */
	bool metadata;	/* was there; nothing may follow */
};

int drop_json_start(struct reading *r)
{
	struct drop_json *state = calloc(1, sizeof(*state));

	r->state = state;
	if (!state)
		return -ENOMEM;
	state->tokener = json_tokener_new_ex(4);
	if (!state->tokener)
		return -ENOMEM;
	json_tokener_set_flags(state->tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	return 0;
}

void drop_json_release(struct reading *r)
{
	struct drop_json *state = r->state;

	if (state && state->tokener)
		json_tokener_free(state->tokener);
	free(state);
	r->state = NULL;
}

static const char *string_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

static bool number_of(struct json_object *object, const char *key, int64_t *number)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_int))
		return false;
	*number = json_object_get_int64(value);
	return true;
}

static int read_metadata(struct reading *r, struct json_object *object)
{
	struct drop_json *state = r->state;
	int64_t records;

	if (!number_of(object, "records", &records))
		return error_set(&r->why, -EINVAL,
				 "%s:%lu: the metadata do not say how many records there are",
				 r->name, r->line);
	if (records < 0 || (uint64_t)records != state->lines)
		return error_set(&r->why, -EINVAL,
				 "%s:%lu: there are %" PRIu64
				 " records, but the metadata speak of %" PRId64
				 "; the file is damaged or cut, get it again",
				 r->name, r->line, state->lines, records);
	number_of(object, "timestamp", &r->content->timestamp);
	state->metadata = true;
	return 0;
}

static int read_object(struct reading *r, struct json_object *object)
{
	struct drop_json *state = r->state;
	struct json_object *asn;
	const char *type, *cidr;

	if (!json_object_is_type(object, json_type_object))
		return bad_line(r, "this is not a JSON object with a \"cidr\"");
	type = string_of(object, "type");
	if (type && !strcmp(type, "metadata"))
		return read_metadata(r, object);
	state->lines++; /* also when its prefix is bad: `records` counts lines */
	cidr = string_of(object, "cidr");
	if (cidr)
		return read_prefix(r, cidr);
	if (json_object_object_get_ex(object, "asn", &asn))
		return bad_line(r, "this is a list of autonomous systems (asndrop), not of "
				   "addresses");
	return bad_line(r, "this JSON object has no \"cidr\" with a prefix");
}

int drop_json_line(struct reading *r, char *text)
{
	struct drop_json *state = r->state;
	struct json_object *object;
	int err;

	text = trim(text);
	if (!*text)
		return 0;
	if (state->metadata)
		return error_set(&r->why, -EINVAL,
				 "%s:%lu: something follows the metadata, which are the last line "
				 "of a DROP file",
				 r->name, r->line);
	json_tokener_reset(state->tokener);
	object = json_tokener_parse_ex(state->tokener, text, (int)strlen(text) + 1);
	if (json_tokener_get_error(state->tokener) != json_tokener_success) {
		json_object_put(object);
		state->lines++;
		return bad_line(r, "this line is not JSON: %s",
				json_tokener_error_desc(json_tokener_get_error(state->tokener)));
	}
	err = read_object(r, object);
	json_object_put(object);
	return err;
}

int drop_json_finish(struct reading *r)
{
	struct drop_json *state = r->state;

	if (!state->metadata)
		return error_set(&r->why, -EINVAL,
				 "%s is cut off: the last line, with the metadata, is missing; get "
				 "it again",
				 r->name);
	return 0;
}
