// SPDX-License-Identifier: GPL-2.0-only
/*
 * dnsbl.c - how the DNSBLs are, taking one out for a time, forgetting answers
 *
 * A pause is in the ledger first, so that it stands over restarts; then the daemon is told and
 * works out every score anew. While no daemon runs, this command does that in its place, under its
 * lock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include "../clock.h"
#include "../output.h"
#include "commands.h"

const char help_dnsbl[] =
	"usage: smtpwall dnsbl [status] [--json]\n"
	"       smtpwall dnsbl pause SITE [--for TIME]\n"
	"       smtpwall dnsbl resume SITE\n"
	"       smtpwall dnsbl flush [ADDR]\n\n"
	"status  how each DNSBL is, what it was asked and answered, how long that takes, what is left of its\n"
	"        day's quota (it turns at midnight UTC), and how many sources count as listed\n"
	"pause   takes a site out at once: its answers do not count any more, and it is not asked\n"
	"resume  takes the pause back; the site counts again once its test entries were found right\n"
	"flush   forgets what is held about an address, or about all; a client is asked about again with\n"
	"        its next session\n\n"
	"  --for TIME  ends the pause by itself after 90s, 10m, 4h, 7d; without it, `resume` does\n\n"
	"  smtpwall dnsbl pause zen --for 4h    mail is lost because of it, and it is two in the morning\n\n"
	"Exit status of `status`: 0 all sites are well or paused, 1 one is not, or no wall is up.\n";

#define WAIT_SECONDS 5
#define POLL_NS	     20000000L

/* A pause that is given or taken back. */
struct change {
	struct wall *wall;
	struct dnsbl_health *health;
	bool daemon;	       /* it runs, and does the rest */
	int lock;	       /* of the daemon, while this command stands in for it; else -1 */
	struct config *config; /* NULL: the daemon runs, or: */
	struct error config_why;
	struct dnsbl_places places;
};

/* --- pause and resume ------------------------------------------------------------------------- */

/* No daemon runs: its lock, and the sites as they are configured now. */
static void stand_in(struct change *c)
{
	struct error why;

	c->daemon = pins_locked(place.pins, LOCK_DAEMON);
	if (c->daemon)
		return;
	/* Not at once only: whoever looks at the lock holds it for a moment. */
	c->lock = pins_lock(place.pins, LOCK_DAEMON, 1, &why);
	c->daemon = c->lock < 0;
	if (c->daemon || config_read(place.config, &c->config, NULL, &c->config_why))
		return;
	places_assign(c->wall, c->config, &c->places);
}

static void stand_back(struct change *c)
{
	if (c->lock >= 0)
		close(c->lock);
	c->lock = -1;
	config_free(c->config);
	c->config = NULL;
}

static const struct dnsbl_site *find_site(struct change *c, const char *name, struct error *why)
{
	char names[DNSBL_SITES * DNSBL_NAME / 4];

	for (unsigned int i = 0; i < DNSBL_SITES; i++)
		if (c->health->site[i].identity && !strcasecmp(c->health->site[i].name, name))
			return &c->health->site[i];
	site_names(c->health, UINT32_MAX, names, sizeof(names));
	if (names[0])
		/* Not quoted: somebody may have typed the zone, which holds a key. */
		error_set(why, -ENOENT,
			  "there is no such site; the sites are called by their names: %s", names);
	else if (!c->daemon && !c->config)
		error_set(why, -ENOENT,
			  "no site is known, and the configuration cannot be read: %s",
			  c->config_why.text);
	else
		error_set(why, -ENOENT,
			  "no DNSBL is configured; `sites` of the section dnsbl in %s names them",
			  place.config);
	return NULL;
}

/* What the daemon does when it is told. */
static void put_in_force(struct change *c)
{
	struct places_sum sum;

	if (!c->config) {
		note("the configuration cannot be read (%s): scores stay as they are until the "
		     "daemon runs, or the answers are flushed (`smtpwall dnsbl flush`)",
		     c->config_why.text);
		return;
	}
	places_pause(c->wall, &c->places);
	if (places_obey(c->wall, c->config, &c->places, &sum) == 0) {
		c->health->entries = sum.entries;
		c->health->listed = sum.listed;
		c->health->unproven = sum.unproven;
	}
	c->health->change_seen = wall_settings(c->wall)->dnsbl_change;
}

/* Under the wall lock. */
static int change_pause(struct change *c, const struct dnsbl_site *site, bool resume,
			uint64_t seconds, struct error *why)
{
	int err = resume ? place_pause_drop(site, why) : place_pause_put(site, seconds, why);

	/* Only the map says so, the ledger was lost: the pause is over all the same. */
	if (resume && err == -ENOENT && site->state == DNSBL_PAUSED)
		err = 0;
	else if (resume && err == -ENOENT)
		return error_set(why, err, "%s is not paused; nothing changed", site->name);
	if (err)
		return err;
	wall_settings(c->wall)->dnsbl_change++;
	if (!c->daemon)
		put_in_force(c);
	return 0;
}

static void tell_pause(const struct change *c, const char *name, bool resume, uint64_t seconds)
{
	int64_t until = clock_wall() + (int64_t)seconds;
	char when[CLOCK_TEXT];

	if (resume) {
		printf("%s is no longer paused; its answers count again when %s its test entries\n",
		       name, c->daemon ? "the daemon has asked" : "the daemon runs and has asked");
		return;
	}
	printf("%s is paused until %s: its answers do not count, and it is not asked; `smtpwall "
	       "dnsbl resume %s` takes that back%s\n",
	       name, seconds ? clock_short(until, when) : "it is resumed", name,
	       seconds ? " before" : "");
}

static void log_pause(const char *name, bool resume, uint64_t seconds)
{
	char when[CLOCK_TEXT], who[64];

	ledger_who(who);
	if (resume)
		log_line(LOG_NOTICE, "dnsbl-resume site=%s by=%s", name, who);
	else
		log_line(LOG_NOTICE, "dnsbl-pause site=%s by=%s until=%s", name, who,
			 seconds ? clock_text(clock_wall() + (int64_t)seconds, when) : "resumed");
}

/* The daemon moves once a second. */
static bool daemon_has_seen(const struct change *c, uint64_t change)
{
	const volatile struct dnsbl_health *health = c->health;
	uint64_t end = clock_boot() + WAIT_SECONDS * SECOND_NS;

	while (health->change_seen < change) {
		struct timespec pause = {.tv_nsec = POLL_NS};

		if (clock_boot() >= end || !pins_locked(place.pins, LOCK_DAEMON))
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static int pause_site(struct change *c, const char *word, bool resume, uint64_t seconds)
{
	const struct dnsbl_site *site = NULL;
	char name[DNSBL_NAME];
	struct error why;
	uint64_t change = 0;
	int lock = pins_lock(place.pins, LOCK_WALL, 10, &why), err;

	if (lock < 0)
		return fail(&why);
	stand_in(c);
	site = find_site(c, word, &why);
	err = site ? change_pause(c, site, resume, seconds, &why) : -ENOENT;
	if (!err) {
		snprintf(name, sizeof(name), "%s", site->name);
		change = wall_settings(c->wall)->dnsbl_change;
	}
	stand_back(c);
	close(lock);
	if (err)
		return fail(&why);
	log_pause(name, resume, seconds);
	if (c->daemon && !daemon_has_seen(c, change)) {
		complain("%s of %s is stored, but scores are as they were: it takes force when the "
			 "daemon moves again, which it has not done yet; `smtpwall status` tells "
			 "how it is",
			 resume ? "the end of the pause" : "the pause", name);
		return STATUS_FAILED;
	}
	tell_pause(c, name, resume, seconds);
	return STATUS_DONE;
}

/* --- flush ------------------------------------------------------------------------------------ */

static int flush_one(struct wall *wall, const char *text)
{
	char address[ADDRESS_TEXT], who[64];
	struct address source;
	int err;

	address_parse(text, &source);
	address_text(&source, address);
	err = wall_drop_dnsbl(wall, &source);
	if (err == -ENOENT) {
		complain("nothing is held about %s; nothing changed", address);
		return STATUS_FAILED;
	}
	if (err) {
		complain("the answers about %s could not be deleted: %s", address, strerror(-err));
		return STATUS_FAILED;
	}
	printf("%s: what the DNSBLs said is forgotten; they are asked again with its next session\n",
	       address);
	log_line(LOG_NOTICE, "dnsbl-flush source=%s by=%s", address, ledger_who(who));
	return STATUS_DONE;
}

struct flushing {
	struct wall *wall;
	uint64_t count;
};

static int flush_entry(void *context, const struct address *source, const struct dnsbl *facts)
{
	struct flushing *f = context;
	int err = wall_drop_dnsbl(f->wall, source);

	(void)facts;
	f->count += !err;
	return err == -ENOENT ? 0 : err;
}

static int flush_all(struct wall *wall)
{
	struct flushing f = {.wall = wall};
	char number[NUMBER_TEXT], who[64];
	int err = wall_each_dnsbl(wall, flush_entry, &f);

	number_text(f.count, number);
	if (err) {
		complain("only %s sources were forgotten, the others could not be deleted: %s",
			 number, strerror(-err));
		return STATUS_FAILED;
	}
	printf("what the DNSBLs said about %s source%s is forgotten; they are asked again with the "
	       "next sessions\n",
	       number, f.count == 1 ? "" : "s");
	log_line(LOG_NOTICE, "dnsbl-flush sources=%llu by=%s", (unsigned long long)f.count,
		 ledger_who(who));
	return STATUS_DONE;
}

/* --- status ----------------------------------------------------------------------------------- */

static int show_absent(const struct error *why, bool json)
{
	json_object *o;

	if (!json)
		return fail(why);
	o = json_object_new_object();
	json_flag(o, "up", false);
	json_flag(o, "degraded", true);
	json_text(o, "problem", why->text);
	json_print(o, stdout);
	return STATUS_FAILED;
}

/* The daemon gives configured sites their places; before it ran the first time there are none. */
static void say_no_sites(bool daemon)
{
	struct config *config = NULL;
	unsigned int zones = 0;

	if (!daemon && config_read(place.config, &config, NULL, NULL) == 0 && config->dnsbl_sites)
		zones = config->dnsbl_sites->zones;
	if (zones)
		printf("%u DNSBL%s configured, and nobody is asked until the daemon runs\n", zones,
		       zones == 1 ? " is" : "s are");
	else
		puts("no DNSBL is configured");
	config_free(config);
}

static int show_status(struct wall *wall, bool json)
{
	const struct dnsbl_health *health = wall_dnsbl_health(wall);
	bool daemon = pins_locked(place.pins, LOCK_DAEMON), any = false, ill = false;
	struct places_sum sum;
	int err = answers_count(wall, &sum);

	for (unsigned int i = 0; i < DNSBL_SITES; i++) {
		any = any || health->site[i].identity;
		ill = ill || site_is_ill(&health->site[i]);
	}
	if (err)
		note("the answers that are held could not be counted: %s", strerror(-err));
	if (json)
		dnsbl_status_json(wall, daemon, ill, &sum);
	else if (any)
		dnsbl_status_text(wall, daemon, &sum);
	else
		say_no_sites(daemon);
	return ill || err ? STATUS_FAILED : STATUS_DONE;
}

/* --- the command ------------------------------------------------------------------------------ */

static int check_words(const char *word, int words, const char *first, const struct options *o)
{
	bool pauses = !strcmp(word, "pause"), names = pauses || !strcmp(word, "resume"),
	     shows = !strcmp(word, "status"), flushes = !strcmp(word, "flush");
	struct address address;

	if (!names && !shows && !flushes)
		return usage("dnsbl", "\"%s\" is not status, pause, resume or flush", word);
	if (o->json && !shows)
		return usage("dnsbl", "--json goes with status only");
	if (o->seconds && !pauses)
		return usage("dnsbl", "--for goes with pause only");
	if (shows && words > 0)
		return usage("dnsbl", "status takes no arguments");
	if (names && words != 1)
		return usage("dnsbl", "%s takes the name of one site", word);
	if (flushes && words > 1)
		return usage("dnsbl", "flush takes one address at most");
	if (flushes && words && !address_parse(first, &address))
		return usage("dnsbl", "\"%s\" is no address", first);
	return STATUS_DONE;
}

static int obey(const char *word, const char *argument, const struct options *options)
{
	struct change c = {.lock = -1};
	struct error why;
	int status;

	if (wall_open(place.pins, &c.wall, &why))
		return show_absent(&why, options->json);
	c.health = wall_dnsbl_health(c.wall);
	if (!strcmp(word, "status"))
		status = show_status(c.wall, options->json);
	else if (!strcmp(word, "flush"))
		status = argument ? flush_one(c.wall, argument) : flush_all(c.wall);
	else
		status = pause_site(&c, argument, !strcmp(word, "resume"), options->seconds);
	wall_close(c.wall);
	return status;
}

int command_dnsbl(int argc, char **argv)
{
	static const char *const known[] = {"json", "for", NULL};
	struct options options;
	int first = options_read(argc, argv, known, help_dnsbl, &options), status;
	const char *word, *argument;

	if (first < 0)
		return -1 - first;
	word = first < argc ? argv[first] : "status";
	argument = first + 1 < argc ? argv[first + 1] : NULL;
	status = check_words(word, argc - first - 1, argument, &options);
	return status ? status : obey(word, argument, &options);
}
