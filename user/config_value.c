// SPDX-License-Identifier: GPL-2.0-only
/*
 * config_value.c - values as config_parse() keeps them, and the checks that many settings share
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include "config_syntax.h"

struct config_value config_value_at(cfg_t *section, const char *name, unsigned int i)
{
	struct config_value v = {0};
	const char *kept;
	char *text;

	if (i >= cfg_size(section, name))
		return v;
	kept = cfg_getnstr(section, name, i); /* "LINE:VALUE", see config_parse.c */
	v.line = (int)strtol(kept, &text, 10);
	v.text = text + 1;
	return v;
}

int config_section_line(cfg_t *section)
{
	return config_value_at(section, CONFIG_LINE, 0).line;
}

int config_at_value(const struct config_reader *r, struct config_value v, const char *name)
{
	return error_prefix(r->why, -EINVAL, "%s:%d: %s: ", r->name, v.line, name);
}

bool config_number_parse(const char *text, uint64_t most, uint64_t *out)
{
	uint64_t n = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (uint64_t)(*text - '0');
		if (n > most)
			return false;
	}
	*out = n;
	return true;
}

int config_one_section(struct config_reader *r, cfg_t *top, const char *name, cfg_t **out)
{
	unsigned int count = cfg_size(top, name);

	if (count > 1)
		return error_set(
			r->why, -EINVAL,
			"%s:%d: the section %s is there twice; write its settings into one",
			r->name, config_section_line(cfg_getnsec(top, name, 1)), name);
	*out = count ? cfg_getnsec(top, name, 0) : NULL;
	return 0;
}

int config_read_number(struct config_reader *r, cfg_t *section, const char *name, uint64_t least,
		       uint64_t most, uint64_t *out)
{
	struct config_value v = config_value_at(section, name, 0);
	uint64_t number = 0;
	char shown[64];

	if (!v.text)
		return 0;
	if (!config_number_parse(v.text, most, &number) || number < least)
		return error_set(r->why, -EINVAL,
				 "%s:%d: %s: \"%s\" will not do; write a whole number from %" PRIu64
				 " to %" PRIu64,
				 r->name, v.line, name, text_clean(v.text, shown, sizeof(shown)),
				 least, most);
	*out = number;
	return 0;
}

int config_read_flag(struct config_reader *r, cfg_t *section, const char *name, bool *out)
{
	struct config_value v = config_value_at(section, name, 0);
	char shown[64];
	int flag;

	if (!v.text)
		return 0;
	flag = cfg_parse_boolean(v.text);
	if (flag < 0)
		return error_set(r->why, -EINVAL,
				 "%s:%d: %s: \"%s\" is neither true nor false, "
				 "neither on nor off",
				 r->name, v.line, name, text_clean(v.text, shown, sizeof(shown)));
	*out = flag;
	return 0;
}
