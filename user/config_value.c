// SPDX-License-Identifier: GPL-2.0-only
/*
 * config_value.c - values as config_parse() keeps them, and the checks that many settings share
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
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

static int read_number(struct config_reader *r, cfg_t *section, const char *name, uint64_t least,
		       uint64_t most, bool off, uint64_t *out)
{
	struct config_value v = config_value_at(section, name, 0);
	uint64_t number = 0;
	char shown[64];

	if (!v.text)
		return 0;
	if (!(off && !strcmp(v.text, "off")) &&
	    (!config_number_parse(v.text, most, &number) || number < least))
		return error_set(r->why, -EINVAL,
				 "%s:%d: %s: \"%s\" will not do; write a whole number from %" PRIu64
				 " to %" PRIu64 "%s",
				 r->name, v.line, name, text_clean(v.text, shown, sizeof(shown)),
				 least, most, off ? ", or off" : "");
	*out = number;
	return 0;
}

int config_read_number(struct config_reader *r, cfg_t *section, const char *name, uint64_t least,
		       uint64_t most, uint64_t *out)
{
	return read_number(r, section, name, least, most, false, out);
}

int config_read_number_or_off(struct config_reader *r, cfg_t *section, const char *name,
			      uint64_t least, uint64_t most, uint64_t *out)
{
	return read_number(r, section, name, least, most, true, out);
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

static int read_time(struct config_reader *r, cfg_t *section, const char *name, uint64_t least,
		     uint64_t most, bool off, uint64_t *out)
{
	struct config_value v = config_value_at(section, name, 0);
	char low[DURATION_TEXT], high[DURATION_TEXT], shown[64];
	uint64_t seconds = 0;

	if (!v.text)
		return 0;
	if (!off || strcmp(v.text, "off") != 0) {
		if (duration_parse(v.text, &seconds, r->why))
			return config_at_value(r, v, name);
		if (seconds < least || seconds > most)
			return error_set(r->why, -EINVAL,
					 "%s:%d: %s: \"%s\" will not do; write a time from %s to "
					 "%s%s",
					 r->name, v.line, name,
					 text_clean(v.text, shown, sizeof(shown)),
					 duration_text(least, low), duration_text(most, high),
					 off ? ", or off" : "");
	}
	*out = seconds;
	return 0;
}

int config_read_time(struct config_reader *r, cfg_t *section, const char *name, uint64_t least,
		     uint64_t most, uint64_t *out)
{
	return read_time(r, section, name, least, most, false, out);
}

int config_read_time_or_off(struct config_reader *r, cfg_t *section, const char *name,
			    uint64_t least, uint64_t most, uint64_t *out)
{
	return read_time(r, section, name, least, most, true, out);
}

int config_read_path(struct config_reader *r, cfg_t *section, const char *name, char **out)
{
	struct config_value v = config_value_at(section, name, 0);
	char shown[128], *path;

	if (!v.text)
		return 0;
	text_clean(v.text, shown, sizeof(shown));
	if (*v.text != '/')
		return error_set(r->why, -EINVAL,
				 "%s:%d: %s: \"%s\" is not an absolute path; it must begin with /",
				 r->name, v.line, name, shown);
	if (strchr(v.text, '"') || strlen(v.text) >= CONFIG_PATH)
		return error_set(r->why, -EINVAL,
				 "%s:%d: %s: \"%s\" is too long or has a quote in it; use another "
				 "name or a link",
				 r->name, v.line, name, shown);
	path = strdup(v.text);
	if (!path)
		return -ENOMEM;
	*out = path;
	return 0;
}

int config_read_action(struct config_reader *r, cfg_t *section, bool *refuse)
{
	struct config_value v = config_value_at(section, "action", 0);
	char shown[64];

	if (v.text && strcmp(v.text, "drop") != 0 && strcmp(v.text, "refuse") != 0)
		return error_set(r->why, -EINVAL,
				 "%s:%d: action: \"%s\" is no action; write drop or refuse",
				 r->name, v.line, text_clean(v.text, shown, sizeof(shown)));
	if (v.text)
		*refuse = !strcmp(v.text, "refuse");
	return 0;
}

int config_read_tarpit(struct config_reader *r, cfg_t *section, bool refuse, bool *tarpit)
{
	int err = config_read_flag(r, section, "tarpit", tarpit);

	if (!err && *tarpit && !refuse)
		return error_set(r->why, -EINVAL,
				 "%s:%d: tarpit: who is not refused gets no answer that could be "
				 "slow; write action = refuse, or leave tarpit out",
				 r->name, config_value_at(section, "tarpit", 0).line);
	return err;
}

const char *config_duration(uint64_t seconds, char buffer[DURATION_TEXT])
{
	uint64_t same = 0;

	if (duration_parse(duration_text(seconds, buffer), &same, NULL) || same != seconds)
		snprintf(buffer, DURATION_TEXT, "%" PRIu64 "s", seconds);
	return buffer;
}
