// SPDX-License-Identifier: GPL-2.0-only
/*
 * jsonget.c - one value out of the JSON on standard input
 *
 *	jsonget PATH        as in reasons.block-list.dropped.packets, or interfaces.0.name
 *	jsonget -           only: is it one valid JSON text?
 *	jsonget -l          is every line one valid JSON text? prints how many
 *
 * Prints texts bare, everything else as JSON. Exit status 1 if there is no such value, 2 if it is
 *no JSON.
 */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_object *parse(const char *text, size_t size)
{
	struct json_tokener *tokener = json_tokener_new();
	json_object *o;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* With its NUL, so that the parser knows the end. */
	o = json_tokener_parse_ex(tokener, text, (int)size + 1);
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		fprintf(stderr, "jsonget: no JSON: %s\n",
			json_tokener_error_desc(json_tokener_get_error(tokener)));
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(tokener);
	return o;
}

static int lines(void)
{
	size_t room = 0, count = 0;
	char *line = NULL;
	ssize_t n;

	while ((n = getline(&line, &room, stdin)) > 0) {
		json_object *o = parse(line, (size_t)n);

		if (!o)
			break;
		json_object_put(o);
		count++;
	}
	free(line);
	printf("%zu\n", count);
	return n > 0 ? 2 : 0;
}

/* A borrowed reference, or NULL. */
static json_object *walk(json_object *o, char *path)
{
	char *rest = NULL;

	for (char *word = strtok_r(path, ".", &rest); word && o;
	     word = strtok_r(NULL, ".", &rest)) {
		if (json_object_is_type(o, json_type_array))
			o = json_object_array_get_idx(o, strtoul(word, NULL, 10));
		else if (!json_object_object_get_ex(o, word, &o))
			o = NULL;
	}
	return o;
}

int main(int argc, char **argv)
{
	json_object *whole, *found;
	char *text = NULL;
	size_t room = 0;
	ssize_t n;

	if (argc != 2)
		return 2;
	if (!strcmp(argv[1], "-l"))
		return lines();
	n = getdelim(&text, &room, '\0', stdin);
	whole = n > 0 ? parse(text, (size_t)n) : NULL;
	free(text);
	if (!whole)
		return 2;
	found = strcmp(argv[1], "-") ? walk(whole, argv[1]) : whole;
	if (found && strcmp(argv[1], "-") != 0)
		puts(json_object_is_type(found, json_type_string)
			     ? json_object_get_string(found)
			     : json_object_to_json_string_ext(found, JSON_C_TO_STRING_PLAIN));
	json_object_put(whole);
	return found ? 0 : 1;
}
