// SPDX-License-Identifier: GPL-2.0-only
/*
 * mode.c - monitor or enforce
 *
 * One store into the settings. Going back to monitor must work whatever else is broken: it needs no
 * configuration, no readable ledger and no matching schema. The kernel itself ends a mode that was
 * set for a time.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>
#include "../clock.h"
#include "../output.h"
#include "commands.h"

const char help_mode[] =
	"usage: smtpwall mode [monitor|enforce] [--for TIME]\n\n"
	"monitor  everything is decided and counted, nothing is dropped\n"
	"enforce  what is decided is done\n\n"
	"  --for TIME  goes back to the other mode by itself after 90s, 10m, 4h, 7d\n\n"
	"Without a mode, shows the one in force. A mode set by hand stands over SIGHUP and reboot "
	"until the\n"
	"configured mode itself changes. `smtpwall mode monitor` works with a broken "
	"configuration, a\n"
	"damaged ledger and a wall of another version.\n\n"
	"  smtpwall mode enforce --for 1h    try it for an hour\n";

static uint64_t mode_word(enum mode mode, uint64_t seconds)
{
	uint64_t until = seconds ? clock_boot() / 1000000000ULL + seconds : 0;

	return MODE_WORD(mode, until, mode == MODE_ENFORCE ? MODE_MONITOR : MODE_ENFORCE);
}

/* What the configuration says, for "the last change wins"; of a broken one the default. */
static enum mode mode_configured(void)
{
	struct config *config = NULL;
	enum mode mode = MODE_MONITOR;

	if (config_read(place.config, &config, NULL, NULL) == 0)
		mode = config->mode;
	config_free(config);
	return mode;
}

static void remember(enum mode mode, uint64_t seconds)
{
	struct ledger_override o = {.since = clock_wall(), .until = INT64_MAX};
	struct ledger *ledger = NULL;
	struct error why;
	int err = ledger_open(place.state, false, 0, &ledger, &why);

	if (!err)
		err = ledger_begin(ledger, &why);
	if (!err) {
		snprintf(o.value, sizeof(o.value), "%s", mode_name(mode));
		snprintf(o.configured, sizeof(o.configured), "%s", mode_name(mode_configured()));
		ledger_who(o.who);
		if (seconds)
			o.until = o.since + (int64_t)seconds;
		err = ledger_put_override(ledger, "mode", &o, &why);
		if (!err)
			err = ledger_commit(ledger, &why);
	}
	if (err)
		note("the mode is changed, but will not survive a reboot: %s", why.text);
	ledger_close(ledger);
}

static int show(void)
{
	struct wall *wall;
	struct error why;

	if (wall_open(place.pins, &wall, &why)) {
		fail(&why);
		return STATUS_UNKNOWN;
	}
	puts(mode_name(mode_at(wall_settings(wall)->mode, clock_boot())));
	wall_close(wall);
	return STATUS_DONE;
}

int command_mode(int argc, char **argv)
{
	static const char *const known[] = {"for", NULL};
	char when[CLOCK_TEXT], who[64];
	struct options options;
	struct wall *wall = NULL;
	struct error why;
	uint64_t old;
	enum mode mode;
	int first = options_read(argc, argv, known, help_mode, &options), lock, err;

	if (first < 0)
		return -1 - first;
	if (first == argc && !options.seconds)
		return show();
	if (first + 1 != argc || !mode_parse(argv[first], &mode))
		return usage("mode", "say monitor or enforce");

	/* For the test clock; a wall that cannot be opened has none. */
	wall_open(place.pins, &wall, NULL);
	lock = pins_lock(place.pins, LOCK_WALL, 10, &why);
	if (lock == -ENOENT || (lock < 0 && mode == MODE_ENFORCE)) {
		wall_close(wall);
		return fail(&why);
	}
	/* A stuck command must not keep anybody from going back to monitor. */
	if (lock < 0)
		note("%s; going on without it", why.text);
	err = wall_set_mode(place.pins, mode_word(mode, options.seconds), &old, &why);
	if (lock >= 0)
		close(lock);
	if (err) {
		wall_close(wall);
		return fail(&why);
	}
	if (mode_at(old, clock_boot()) == mode && !options.seconds && !MODE_UNTIL(old))
		printf("the mode is %s already\n", mode_name(mode));
	else if (options.seconds)
		printf("the mode is %s until %s, then %s\n", mode_name(mode),
		       clock_short(clock_wall() + (int64_t)options.seconds, when),
		       mode_name(mode == MODE_ENFORCE ? MODE_MONITOR : MODE_ENFORCE));
	else
		printf("the mode is %s\n", mode_name(mode));
	remember(mode, options.seconds);
	log_line(LOG_NOTICE, "mode mode=%s by=%s", mode_name(mode), ledger_who(who));
	wall_close(wall);
	return STATUS_DONE;
}
