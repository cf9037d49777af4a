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
	"usage: smtpwall mode [monitor|enforce] [--for TIME] [--json]\n\n"
	"monitor  everything is decided and counted, nothing is dropped or refused\n"
	"enforce  what is decided is done\n\n"
	"  --for TIME  goes back to the mode before by itself after 90s, 10m, 4h, 7d\n\n"
	"Without a mode, shows the one in force. A mode set by hand stands over SIGHUP and reboot until the\n"
	"configured mode itself changes. `smtpwall mode monitor` works with a broken configuration, a\n"
	"damaged ledger and a wall of another version.\n\n"
	"  smtpwall mode enforce --for 1h    try it for an hour\n";

/* What this command is about. */
struct choice {
	enum mode mode;
	uint64_t seconds;  /* 0: for good */
	enum mode then;	   /* after that time */
	struct wall *wall; /* NULL: of another version */
};

/*
 * A mode for a time goes back to what was in force before, never to something that nobody chose.
 * False if there is nothing to change.
 */
static bool choose(struct choice *c, uint64_t old)
{
	uint64_t now = clock_boot();
	bool timed = MODE_UNTIL(old) && mode_at(old, now) == MODE_NOW(old) &&
		     now < MODE_UNTIL(old) * 1000000000ULL;

	c->then = timed ? MODE_THEN(old) : mode_at(old, now);
	if (c->seconds)
		return c->then != c->mode;
	return timed || mode_at(old, now) != c->mode;
}

static uint64_t mode_word(const struct choice *c)
{
	if (!c->seconds)
		return MODE_WORD(c->mode, 0, 0);
	return MODE_WORD(c->mode, clock_boot() / 1000000000ULL + c->seconds, c->then);
}

static void remember(const struct choice *c)
{
	uint64_t configured = c->wall ? wall_settings(c->wall)->mode_configured : 0;
	/* A wall of another version does not tell; then the choice stands once more. */
	const char *then = configured ? mode_name((enum mode)(configured - 1)) : OVERRIDE_ANY;
	struct ledger *ledger = NULL;
	struct error why;
	int err = ledger_open(place.state, false, 0, &ledger, &why);

	if (!err)
		err = override_put(ledger, c->seconds ? "mode-for" : "mode", mode_name(c->mode),
				   then, c->seconds, c->seconds ? NULL : "mode-for", &why);
	if (err)
		note("the mode is changed, but will not survive a reboot: %s", why.text);
	ledger_close(ledger);
}

static void tell(const struct choice *c)
{
	char when[CLOCK_TEXT], who[64];

	if (c->seconds)
		printf("the mode is %s until %s, then %s\n", mode_name(c->mode),
		       clock_short(clock_wall() + (int64_t)c->seconds, when), mode_name(c->then));
	else
		printf("the mode is %s\n", mode_name(c->mode));
	log_line(LOG_NOTICE, "mode mode=%s by=%s", mode_name(c->mode), ledger_who(who));
}

static int show(bool json)
{
	struct wall *wall;
	struct error why;

	if (wall_open(place.pins, &wall, &why)) {
		fail(&why);
		return STATUS_UNKNOWN;
	}
	if (json) {
		json_object *o = json_object_new_object();
		uint64_t word = wall_settings(wall)->mode;
		enum mode mode = mode_at(word, clock_boot());

		json_text(o, "mode", mode_name(mode));
		if (MODE_UNTIL(word) && mode == MODE_NOW(word)) {
			json_time(o, "until", clock_wall_of(MODE_UNTIL(word) * 1000000000ULL));
			json_text(o, "then", mode_name(MODE_THEN(word)));
		}
		json_print(o, stdout);
	} else {
		puts(mode_name(mode_at(wall_settings(wall)->mode, clock_boot())));
	}
	wall_close(wall);
	return STATUS_DONE;
}

static int change(struct choice *c)
{
	struct error why;
	uint64_t old = 0;
	int lock = pins_lock(place.pins, LOCK_WALL, 10, &why), err;

	if (lock == -ENOENT || (lock < 0 && c->mode == MODE_ENFORCE))
		return fail(&why);
	/* A stuck command must not keep anybody from going back to monitor. */
	if (lock < 0)
		note("%s; going on without it", why.text);
	err = wall_get_mode(place.pins, &old, &why);
	if (!err && !choose(c, old)) {
		if (c->seconds)
			complain("the mode is %s already; nothing changed", mode_name(c->mode));
		else
			printf("the mode is %s already\n", mode_name(c->mode));
		/* Said again, it stands over a reboot, which the old choice may not have. */
		if (!c->seconds)
			remember(c);
		if (lock >= 0)
			close(lock);
		return c->seconds ? STATUS_FAILED : STATUS_DONE;
	}
	if (!err)
		err = wall_set_mode(place.pins, mode_word(c), &why);
	if (!err) {
		tell(c);
		remember(c);
	}
	if (lock >= 0)
		close(lock);
	return err ? fail(&why) : STATUS_DONE;
}

int command_mode(int argc, char **argv)
{
	static const char *const known[] = {"for", "json", NULL};
	struct choice c = {.wall = NULL};
	struct options options;
	int first = options_read(argc, argv, known, help_mode, &options), status;

	if (first < 0)
		return -1 - first;
	if (first == argc && !options.seconds)
		return show(options.json);
	if (first + 1 != argc || !mode_parse(argv[first], &c.mode))
		return usage("mode", "say monitor or enforce");
	c.seconds = options.seconds;
	/* Also for the test clock. A wall of another version cannot be opened. */
	wall_open(place.pins, &c.wall, NULL);
	status = change(&c);
	wall_close(c.wall);
	return status;
}
