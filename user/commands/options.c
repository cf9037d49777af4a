// SPDX-License-Identifier: GPL-2.0-only
/*
 * options.c - the options of all commands, read by getopt_long(3) from one table
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../output.h"
#include "commands.h"

enum {
	OPT_HELP = 1,
	OPT_JSON,
	OPT_FORCE,
	OPT_SKIP_BAD,
	OPT_DOWN_ON_EXIT,
	OPT_CONFIGURED,
	OPT_ATTACH,
	OPT_LOOKUP,
	OPT_ALL,
	OPT_IDENTITY,
	OPT_FOR,
	OPT_REASON,
	OPT_ACTION,
	OPT_FORMAT,
	OPT_XDP,
	OPT_PORT,
	OPT_COUNT,
	OPT_DELIVER,
	OPT_YES,
	OPT_FROM,
	OPT_TO,
	OPT_HELO,
	OPT_TIMEOUT,
	OPT_PATIENCE,
	OPT_PAUSE,
};

static const struct option all_options[] = {
	{"help", no_argument, NULL, OPT_HELP},
	{"json", no_argument, NULL, OPT_JSON},
	{"force", no_argument, NULL, OPT_FORCE},
	{"skip-bad", no_argument, NULL, OPT_SKIP_BAD},
	{"down-on-exit", no_argument, NULL, OPT_DOWN_ON_EXIT},
	{"configured", no_argument, NULL, OPT_CONFIGURED},
	{"attach", no_argument, NULL, OPT_ATTACH},
	{"lookup", no_argument, NULL, OPT_LOOKUP},
	{"all", no_argument, NULL, OPT_ALL},
	{"identity", required_argument, NULL, OPT_IDENTITY},
	{"for", required_argument, NULL, OPT_FOR},
	{"reason", required_argument, NULL, OPT_REASON},
	{"action", required_argument, NULL, OPT_ACTION},
	{"format", required_argument, NULL, OPT_FORMAT},
	{"xdp", required_argument, NULL, OPT_XDP},
	{"port", required_argument, NULL, OPT_PORT},
	{"count", required_argument, NULL, OPT_COUNT},
	{"deliver", no_argument, NULL, OPT_DELIVER},
	{"yes", no_argument, NULL, OPT_YES},
	{"from", required_argument, NULL, OPT_FROM},
	{"to", required_argument, NULL, OPT_TO},
	{"helo", required_argument, NULL, OPT_HELO},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"patience", required_argument, NULL, OPT_PATIENCE},
	{"pause", required_argument, NULL, OPT_PAUSE},
};
#define OPTIONS (sizeof(all_options) / sizeof(all_options[0]))

int usage(const char *command, const char *format, ...)
{
	char sentence[512], shown[sizeof(sentence)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	/* It repeats what was typed, or handed in by a script. */
	text_clean(sentence, shown, sizeof(shown));
	complain("%s: %s; see `smtpwall %s --help`", command, shown, command);
	return STATUS_USAGE;
}

int fail(const struct error *why)
{
	complain("%s", why->text);
	return STATUS_FAILED;
}

struct ledger *ledger_try(bool readonly)
{
	struct ledger *ledger = NULL;
	struct error why;
	int err = ledger_open(place.state, readonly, 0, &ledger, &why);

	if (err && !(readonly && err == -ENOENT))
		note("%s", why.text);
	return err ? NULL : ledger;
}

static bool number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return !errno && *text >= '0' && *text <= '9' && !*end && *out >= 1 && *out <= max;
}

/* Those of relay-test alone. */
static int take_of_relay_test(const char *command, int option, const char *value,
			      struct options *out)
{
	struct error why;

	switch (option) {
	case OPT_DELIVER:
		out->deliver = true;
		break;
	case OPT_YES:
		out->yes = true;
		break;
	case OPT_FROM:
		out->from = value;
		break;
	case OPT_TO:
		out->to = value;
		break;
	case OPT_HELO:
		out->helo = value;
		break;
	case OPT_TIMEOUT:
		if (duration_parse(value, &out->timeout, &why))
			return usage(command, "--timeout: %s", why.text);
		if (out->timeout < 1 || out->timeout > 600)
			return usage(command, "--timeout is 1s at least and 10m at most");
		break;
	case OPT_PATIENCE:
		if (duration_parse(value, &out->patience, &why))
			return usage(command, "--patience: %s", why.text);
		break;
	case OPT_PAUSE:
		if (duration_parse(value, &out->pause, &why))
			return usage(command, "--pause: %s", why.text);
		if (out->pause > 600)
			return usage(command, "--pause is 10m at most");
		out->pause_given = true;
		break;
	default:
		return usage(command, "this option is unknown or lacks its value");
	}
	return STATUS_DONE;
}

static int take(const char *command, int option, const char *value, struct options *out)
{
	struct error why;

	switch (option) {
	case OPT_JSON:
		out->json = true;
		break;
	case OPT_FORCE:
		out->force = true;
		break;
	case OPT_SKIP_BAD:
		out->skip_bad = true;
		break;
	case OPT_DOWN_ON_EXIT:
		out->down_on_exit = true;
		break;
	case OPT_CONFIGURED:
		out->configured = true;
		break;
	case OPT_ATTACH:
		out->attach = true;
		break;
	case OPT_LOOKUP:
		out->lookup = true;
		break;
	case OPT_ALL:
		out->all = true;
		break;
	case OPT_IDENTITY:
		if (!number(value, UINT64_MAX, &out->identity))
			return usage(command, "--identity takes a number");
		break;
	case OPT_FOR:
		if (duration_parse(value, &out->seconds, &why))
			return usage(command, "--for: %s", why.text);
		if (!out->seconds)
			return usage(command, "--for: a time of 0 would change nothing");
		break;
	case OPT_REASON:
		out->reason = value;
		break;
	case OPT_ACTION:
		out->action = value;
		break;
	case OPT_FORMAT:
		out->format = value;
		break;
	case OPT_XDP:
		if (strcmp(value, "native") != 0 && strcmp(value, "generic") != 0)
			return usage(command, "--xdp takes native or generic, not \"%s\"", value);
		out->xdp = value;
		break;
	case OPT_PORT:
		if (!number(value, 65535, &out->port))
			return usage(command, "--port takes a port number, not \"%s\"", value);
		break;
	case OPT_COUNT:
		if (!number(value, UINT32_MAX, &out->count))
			return usage(command, "--count takes a number above 0, not \"%s\"", value);
		break;
	default:
		return take_of_relay_test(command, option, value, out);
	}
	return STATUS_DONE;
}

int options_read(int argc, char **argv, const char *const known[], const char *help,
		 struct options *out)
{
	struct option table[OPTIONS + 1] = {all_options[0]};
	size_t options = 1;
	int option;

	for (size_t i = 0; known[i]; i++)
		for (size_t o = 1; o < OPTIONS; o++)
			if (!strcmp(known[i], all_options[o].name))
				table[options++] = all_options[o];
	memset(&table[options], 0, sizeof(table[options]));
	memset(out, 0, sizeof(*out));
	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		int status;

		if (option == OPT_HELP || option == 'h') {
			fputs(help, stdout);
			return -1 - STATUS_DONE;
		}
		if (option == '?') {
			status = usage(argv[0], "%s is no option of it, or lacks its value",
				       argv[optind - 1]);
			return -1 - status;
		}
		status = take(argv[0], option, optarg, out);
		if (status)
			return -1 - status;
	}
	return optind;
}
