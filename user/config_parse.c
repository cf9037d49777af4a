// SPDX-License-Identifier: GPL-2.0-only
/*
 * config_parse.c - the names of all settings, and libconfuse made to tell lines
 *
 * libconfuse keeps values but not the lines they stand in, and its callbacks take no context. So
 * every value is kept as text with its line in front, and all judging is done afterwards, in
 * config.c. What libconfuse itself complains about is put into one sentence of ours.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config_syntax.h"

#define NAME_MAX_SETTING 32

/* libconfuse's scanner has one state for the whole process, so one error for it is enough. */
static struct error *complaint;
static const char *reading;

static int keep(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	static char *kept; /* libconfuse copies it at once */

	/*
	 * The default number of a text has no other use, and every section has its own copy of it:
	 * it counts the values so far, and tells a second "name = ..." that would replace the
	 * first.
	 */
	if (opt->def.number >= (long)opt->nvalues) {
		error_set(complaint, -EINVAL, "%s:%d: %s is set twice", reading, cfg->line,
			  opt->name);
		return -1;
	}
	opt->def.number++;
	free(kept);
	if (asprintf(&kept, "%d:%s", cfg->line, value) < 0) {
		kept = NULL;
		return -1;
	}
	*(const char **)result = kept;
	return 0;
}

/* clang-format off */
#define VALUE(name)  CFG_STR_CB(name, NULL, CFGF_NODEFAULT, keep)
#define VALUES(name) CFG_STR_LIST_CB(name, NULL, CFGF_NODEFAULT, keep)

static cfg_opt_t list_settings[] = {
	VALUE(CONFIG_LINE),
	VALUE("action"), VALUE("file"), VALUE("format"), VALUE("skip-bad"), VALUE("max-age"),
	VALUE("tarpit"),
	CFG_END(),
};

static cfg_opt_t rate_settings[] = {
	VALUE(CONFIG_LINE),
	VALUE("source"), VALUE("source-burst"), VALUE("network"), VALUE("network-burst"),
	VALUE("syn"), VALUE("syn-burst"), VALUE("sessions"),
	VALUE("action"),
	CFG_END(),
};

static cfg_opt_t events_settings[] = {
	VALUE(CONFIG_LINE), VALUE("budget"), VALUE("learn"), CFG_END(),
};

static cfg_opt_t ledger_settings[] = {
	VALUE(CONFIG_LINE), VALUE("max-size"), CFG_END(),
};

static cfg_opt_t site_settings[] = {
	VALUE(CONFIG_LINE), VALUE("name"), VALUE("test"), VALUE("ceiling"), CFG_END(),
};

static cfg_opt_t dnsbl_settings[] = {
	VALUE(CONFIG_LINE),
	VALUE(CONFIG_SITES), VALUE(CONFIG_POSTSCREEN_SITES), VALUE("threshold"),
	VALUE(CONFIG_POSTSCREEN_THRESHOLD), VALUE("action"), VALUE("timeout"), VALUES("resolvers"),
	VALUE("deferred"), VALUE("budget"), VALUE("network-budget"), VALUE("queue"), VALUE("grace"),
	VALUE("ceiling"), VALUE("tarpit"),
	CFG_SEC("site", site_settings, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES | CFGF_NODEFAULT),
	CFG_END(),
};

static cfg_opt_t abuse_settings[] = {
	VALUE(CONFIG_LINE),
	VALUE("relay-denied"), VALUE("auth-failed"), VALUE("unknown-user"), VALUE("protocol-error"),
	VALUE("limit"), VALUE("half-life"), VALUE("auth-failed-daily"), VALUE("ban"),
	VALUE("ban-max"), VALUE("authenticated"), VALUE("widen"), VALUE("share"),
	VALUE("account-sources"), VALUE("pop-logins"), VALUE("known-messages"),
	VALUE("known-days"), VALUE("known-within"), VALUE("keep"), VALUES("networks"),
	VALUE("action"), VALUE("tarpit"),
	CFG_END(),
};

static cfg_opt_t refuse_settings[] = {
	VALUE(CONFIG_LINE),
	VALUE("contact"), VALUE(CONFIG_TEXT), VALUE(CONFIG_TEXT_RATE), VALUE("at"), VALUE("txt"),
	VALUE("times"), VALUE("clients"), VALUE("timeout"), VALUE("budget"),
	VALUE("tarpit-clients"), VALUE("tarpit-time"), VALUE("user"),
	CFG_END(),
};

static cfg_opt_t self_settings[] = {
	VALUE(CONFIG_LINE), VALUES("addresses"), VALUE("interval"), CFG_END(),
};

static cfg_opt_t log_settings[] = {
	VALUE(CONFIG_LINE), VALUE("file"), VALUES("units"), VALUES("patterns"), CFG_END(),
};

/* Sections are MULTI so that a second one is seen, instead of being mixed into the first. */
static cfg_opt_t settings[] = {
	VALUE("mode"), VALUES("interfaces"), VALUES("ports"), VALUES("submission-ports"),
	VALUE("read-logs"),
	CFG_SEC("list", list_settings, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES | CFGF_NODEFAULT),
	CFG_SEC("rate", rate_settings, CFGF_MULTI | CFGF_NODEFAULT),
	CFG_SEC("events", events_settings, CFGF_MULTI | CFGF_NODEFAULT),
	CFG_SEC("ledger", ledger_settings, CFGF_MULTI | CFGF_NODEFAULT),
	CFG_SEC("dnsbl", dnsbl_settings, CFGF_MULTI | CFGF_NODEFAULT),
	CFG_SEC("abuse", abuse_settings, CFGF_MULTI | CFGF_NODEFAULT),
	CFG_SEC("refuse", refuse_settings, CFGF_MULTI | CFGF_NODEFAULT),
	CFG_SEC("self-check", self_settings, CFGF_MULTI | CFGF_NODEFAULT),
	CFG_SEC("log", log_settings, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES | CFGF_NODEFAULT),
	CFG_END(),
};
/* clang-format on */

/* Letters to change, add or leave out (Levenshtein). */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[NAME_MAX_SETTING + 1], n = (unsigned int)strlen(b);

	if (strlen(a) > NAME_MAX_SETTING || n > NAME_MAX_SETTING)
		return NAME_MAX_SETTING;
	for (unsigned int j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned int i = 0; a[i]; i++) {
		unsigned int corner = row[0];

		row[0] = i + 1;
		for (unsigned int j = 1; j <= n; j++) {
			unsigned int best = corner + (a[i] != b[j - 1]);

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			corner = row[j];
			row[j] = best;
		}
	}
	return row[n];
}

static bool is_setting(const cfg_opt_t *opts, const char *name)
{
	for (; opts->name; opts++)
		if (!strcmp(opts->name, name))
			return true;
	return false;
}

/* Are we where zones stand? They may hold keys, and a slip may make a name or a value of one. */
static bool holds_zones(const cfg_t *cfg)
{
	return !strcmp(cfg->name, "dnsbl") || !strcmp(cfg->name, "site");
}

/* What stands in place of a setting's name, to be quoted; empty where it may be part of a zone. */
static const char *quotable(const cfg_t *cfg, const char *name, char *out, size_t size)
{
	char shown[64];

	*out = '\0';
	if (strchr(name, '.') || (holds_zones(cfg) && strpbrk(name, "0123456789:/")))
		return out;
	snprintf(out, size, " \"%s\"", text_clean(name, shown, sizeof(shown)));
	return out;
}

/* Where a setting belongs, in words; NULL if there is none of that name. */
static const char *home_of(const char *name)
{
	static char home[64];

	if (is_setting(settings, name))
		return "outside all sections";
	for (const cfg_opt_t *o = settings; o->name; o++) {
		if (o->type != CFGT_SEC)
			continue;
		snprintf(home, sizeof(home), "the section %s", o->name);
		if (is_setting(o->subopts, name))
			return home;
		for (const cfg_opt_t *inner = o->subopts; inner->name; inner++) {
			snprintf(home, sizeof(home), "the section %s in %s", inner->name, o->name);
			if (inner->type == CFGT_SEC && is_setting(inner->subopts, name))
				return home;
		}
	}
	return NULL;
}

/* The sentence for a name that is none: most are slips of a letter or stand in the wrong place. */
static void unknown_setting(const cfg_t *cfg, const char *name)
{
	const char *nearest = NULL, *home = home_of(name);
	bool top = !strcmp(cfg->name, "root") && !cfg->title;
	unsigned int best = 3;
	char shown[80];

	quotable(cfg, name, shown, sizeof(shown));
	for (const cfg_opt_t *o = cfg->opts; o->name; o++) {
		unsigned int d = distance(name, o->name);

		if (*o->name != '.' && d < best && d < strlen(name)) {
			best = d;
			nearest = o->name;
		}
	}
	if (home) /* its very name says more than one that is like it */
		error_set(complaint, 0, "%s:%d: unknown setting%s here; its place is %s", reading,
			  cfg->line, shown, home);
	else if (nearest)
		error_set(complaint, 0, "%s:%d: unknown setting%s; did you mean \"%s\"?", reading,
			  cfg->line, shown, nearest);
	else
		error_set(complaint, 0, "%s:%d: unknown setting%s%s%s", reading, cfg->line, shown,
			  top ? "" : " in the section ", top ? "" : cfg->name);
}

/* The sentences that would quote a zone where zones stand; NULL for all others. */
static const char *discreet(const cfg_t *cfg, const char *format)
{
	if (!holds_zones(cfg))
		return NULL;
	if (!strcmp(format, "unexpected token '%s'"))
		return "something is not expected here; a setting is written NAME = VALUE, and "
		       "several sites stand in one text: sites = \"zen.spamhaus.org*2, "
		       "bl.spamcop.net\"";
	if (!strcmp(format, "found duplicate title '%s'"))
		return "there is a section for this site already; write the settings into one";
	return NULL;
}

/* libconfuse tells the title only; a list and a log may have the same. */
static void duplicate_title(cfg_t *cfg, const char *title)
{
	bool list = cfg_gettsec(cfg, "list", title), log = cfg_gettsec(cfg, "log", title);
	char shown[64];

	error_set(complaint, 0, "%s:%d: the %s \"%s\" is there twice", reading, cfg->line,
		  list == log ? "name"
		  : log	      ? "log"
			      : "list",
		  text_clean(title, shown, sizeof(shown)));
}

static void complain_of(cfg_t *cfg, const char *format, va_list args)
{
	static const struct {
		const char *theirs, *ours;
	} sentence[] = {
		{"premature end of file", "the file ends in the middle of a setting"},
		{"unexpected token '%s'", "\"%s\" is not expected here"},
		{"missing equal sign after option '%s'", "%s must be followed by = and a value"},
		{"missing opening brace for section '%s'",
		 "%s must be followed by { and its settings"},
		{"missing title for section '%s'", "%1$s needs a name: %1$s \"name\" { ... }"},
	};
	const char *ours = format;
	char text[512];

	if (!complaint || complaint->text[0]) /* the first one is the cause */
		return;
	if (!strcmp(format, "no such option '%s'")) {
		unknown_setting(cfg, va_arg(args, const char *));
		return;
	}
	if (discreet(cfg, format)) {
		error_set(complaint, 0, "%s:%d: %s", reading, cfg->line, discreet(cfg, format));
		return;
	}
	if (!strcmp(format, "found duplicate title '%s'")) {
		duplicate_title(cfg, va_arg(args, const char *));
		return;
	}
	for (size_t i = 0; i < sizeof(sentence) / sizeof(sentence[0]); i++)
		if (!strcmp(format, sentence[i].theirs))
			ours = sentence[i].ours;
	vsnprintf(text, sizeof(text), ours, args);
	error_set(complaint, 0, "%s:%d: %s", reading, cfg->line, text);
}

int config_parse(const char *name, const char *data, size_t size, cfg_t **out, struct error *why)
{
	struct error found = {.text = ""};
	size_t tidied = 0;
	char *text = NULL;
	cfg_t *cfg = NULL;
	FILE *in = NULL;
	int err;

	err = config_tidy(name, data, size, &text, &tidied, why);
	if (err)
		return err;
	complaint = &found;
	reading = name;
	err = -ENOMEM;
	cfg = cfg_init(settings, CFGF_NONE);
	in = fmemopen(text, tidied, "r");
	if (!cfg || !in)
		goto out;
	cfg_set_error_function(cfg, complain_of);
	if (cfg_parse_fp(cfg, in) == CFG_SUCCESS) {
		*out = cfg;
		cfg = NULL;
		err = 0;
	} else if (found.text[0]) {
		err = error_set(why, -EINVAL, "%s", found.text);
	}
out:
	complaint = NULL;
	if (in)
		fclose(in);
	if (cfg)
		cfg_free(cfg);
	free(text);
	return err == -ENOMEM ? error_set(why, err, "%s: out of memory", name) : err;
}
