// SPDX-License-Identifier: GPL-2.0-only
/*
 * loop.c - the daemon: up, then keep the maps true until SIGTERM
 *
 * The wall stands without it. It follows what changes outside (files, interfaces, addresses),
 * writes the log, sweeps, and shows what is wrong. When the wall is taken down under it, it stays
 * and waits: only `smtpwall up` brings the wall back, and the daemon with it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include "../clock.h"
#include "../ledger.h"
#include "../net/net.h"
#include "../output.h"
#include "../version.h"
#include "daemon.h"

const char help_daemon[] =
	"usage: smtpwall daemon [--down-on-exit]\n\n"
	"Puts the wall up, then keeps it true: reloads lists whose files change, follows interfaces and own\n"
	"addresses, reads the mail server's logs, keeps bans and known senders in the ledger, cuts the sessions\n"
	"of who is banned, has the listener that tells refused clients why, writes one line to the log\n"
	"(facility mail) for each ban and each source whose verdict changes, and shows in `smtpwall status` what\n"
	"is wrong. SIGHUP reads the configuration again; a bad one keeps the old settings. SIGTERM ends it;\n"
	"the wall stays.\n\n"
	"  --down-on-exit  takes the wall down at the end (for containers)\n";

#define SECOND_US 1000000ULL
/* A command that needs the daemon lock while no daemon runs holds it for a moment, seconds. */
#define LOCK_PATIENCE 2

static const struct service *const service[] = {
	&service_children, &service_lists,  &service_links,  &service_cuts, &service_self,
	&service_dnsbl,	   &service_refuse, &service_known,  &service_bans, &service_shares,
	&service_events,   &service_logs,   &service_upkeep,
};
#define SERVICES (sizeof(service) / sizeof(service[0]))

static void tick(struct daemon *d)
{
	d->next_tick = clock_boot() + 60 * SECOND_NS;
	for (size_t i = 0; i < SERVICES; i++)
		if (service[i]->tick)
			service[i]->tick(d);
}

/* --- the wall comes and goes ----------------------------------------------------------------- */

static void let_go(struct daemon *d)
{
	if (d->lock >= 0)
		close(d->lock);
	d->lock = -1;
}

static void wall_gone(struct daemon *d)
{
	char mark[256] = "";

	wall_close(d->wall);
	d->wall = NULL;
	d->wall_identity = 0;
	let_go(d);
	down_marked(mark, sizeof(mark));
	log_line(LOG_NOTICE, "down text=\"the wall was taken down %s; waiting for smtpwall up\"",
		 mark);
	sd_notify(0, "STATUS=the wall is down");
	for (size_t i = 0; i < SERVICES; i++)
		if (service[i]->wall)
			service[i]->wall(d);
}

static int wall_come(struct daemon *d, struct error *why)
{
	uint64_t identity = pins_identity(place.pins);
	int err;

	if (d->lock < 0) {
		d->lock = pins_lock(place.pins, LOCK_DAEMON, LOCK_PATIENCE, why);
		if (d->lock < 0)
			return d->lock;
	}
	err = wall_open(place.pins, &d->wall, why);
	if (err)
		return err;
	d->wall_identity = identity;
	d->waiting = false;
	memset(wall_health(d->wall)->fault, 0, sizeof(wall_health(d->wall)->fault));
	wall_health(d->wall)->daemon_since = clock_wall();
	heartbeat(d);
	sd_notify(0, "STATUS=the wall is up");
	for (size_t i = 0; i < SERVICES; i++)
		if (service[i]->wall)
			service[i]->wall(d);
	return 0;
}

/* Every second: is the wall the one in our hands? */
static int wall_look(struct daemon *d)
{
	uint64_t identity = pins_identity(place.pins);
	struct error why;
	int err;

	if (identity == d->wall_identity || (identity && identity == d->refused))
		return 0;
	if (d->wall)
		wall_gone(d);
	if (!identity)
		return 0;
	err = wall_come(d, &why);
	if (err == -EWOULDBLOCK)
		return err;
	d->refused = err ? identity : 0;
	if (err && err != -ENOENT)
		log_line(LOG_WARNING, "wall text=\"%s\"", why.text);
	return 0;
}

static int on_second(sd_event_source *source, uint64_t usec, void *context)
{
	struct daemon *d = context;

	(void)usec;
	if (wall_look(d) == -EWOULDBLOCK) {
		log_line(LOG_ERR, "end text=\"another daemon took over the wall\"");
		return sd_event_exit(d->loop, STATUS_FAILED);
	}
	if (d->wall)
		wall_follow_clock(d->wall);
	heartbeat(d);
	for (size_t i = 0; i < SERVICES; i++)
		if (service[i]->second)
			service[i]->second(d);
	if (clock_boot() >= d->next_tick)
		tick(d);
	sd_event_source_set_time_relative(source, SECOND_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* --- signals --------------------------------------------------------------------------------- */

static void reloaded(struct daemon *d, int status)
{
	(void)d;
	sd_notify(0, "READY=1");
	log_line(status ? LOG_WARNING : LOG_NOTICE, "reload text=\"%s\"",
		 status ? "the new configuration could not be put in force"
			: "the configuration was read again");
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct daemon *d = context;
	struct config *config = NULL;
	struct error why;

	(void)source;
	(void)info;
	sd_notify(0, "RELOADING=1");
	if (config_read(place.config, &config, NULL, &why)) {
		fault_set(d, "configuration", "%s; the old settings stay", why.text);
		sd_notify(0, "READY=1");
		return 0;
	}
	fault_clear(d, "configuration");
	config_free(d->config);
	d->config = config;
	for (size_t i = 0; i < SERVICES; i++)
		if (service[i]->reload)
			service[i]->reload(d);
	if (d->wall)
		child_up(d, "settings", reloaded);
	else
		sd_notify(0, "READY=1");
	return 0;
}

static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct daemon *d = context;

	(void)source;
	(void)info;
	sd_notify(0, "STOPPING=1");
	d->exiting = true;
	return sd_event_exit(d->loop, STATUS_DONE);
}

/* --- start and end --------------------------------------------------------------------------- */

/* Runs a command and waits: before the loop begins and after it ended. */
static int run_now(const char *const word[])
{
	const char *argv[CHILD_WORDS + 1];
	int status;
	pid_t pid;

	child_words(word, argv);
	pid = fork();
	if (pid == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execv("/proc/self/exe", (char *const *)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return STATUS_FAILED;
	return WEXITSTATUS(status);
}

/* Is not one of the interfaces there on which the wall is wanted? */
static bool interfaces_absent(struct daemon *d)
{
	struct interfaces wanted;
	struct link_facts facts;
	int err = links_wanted(d, &wanted);

	for (unsigned int i = 0; !err && i < wanted.count; i++)
		if (link_facts(wanted.name[i], &facts, NULL) == 0)
			return false;
	return !err;
}

static int first_up(struct daemon *d)
{
	char mark[256];
	int status;

	if (down_marked(mark, sizeof(mark)) && !pins_identity(place.pins)) {
		note("the wall was taken down %s and stays down until `smtpwall up`", mark);
		let_go(d);
		return STATUS_DONE;
	}
	status = run_now((const char *const[]){"up", "--configured", NULL});
	if (status == STATUS_FAILED && interfaces_absent(d)) {
		note("waiting for the interface to come");
		d->waiting = true;
		let_go(d);
		return STATUS_DONE;
	}
	return status;
}

/* Before anything else: a SIGHUP while the wall goes up waits for the loop instead of killing. */
static void signals_block(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int loop_make(struct daemon *d, struct error *why)
{
	int err = sd_event_new(&d->loop);

	if (err >= 0)
		err = sd_event_add_signal(d->loop, NULL, SIGTERM, on_end, d);
	if (err >= 0)
		err = sd_event_add_signal(d->loop, NULL, SIGINT, on_end, d);
	if (err >= 0)
		err = sd_event_add_signal(d->loop, NULL, SIGHUP, on_hangup, d);
	if (err >= 0)
		err = sd_event_set_watchdog(d->loop, 1);
	if (err < 0)
		return error_set(why, err, "cannot make the event loop: %s", strerror(-err));
	return 0;
}

static int start_services(struct daemon *d, struct error *why)
{
	int err = 0;

	for (size_t i = 0; !err && i < SERVICES; i++)
		if (service[i]->start)
			err = service[i]->start(d, why);
	if (!err && sd_event_add_time_relative(d->loop, NULL, CLOCK_MONOTONIC, SECOND_US, 0,
					       on_second, d) < 0)
		err = error_set(why, -ENOMEM, "cannot make a timer");
	if (!err && pins_identity(place.pins))
		err = wall_come(d, why);
	return err;
}

static void stop_services(struct daemon *d)
{
	for (size_t i = SERVICES; i-- > 0;)
		if (service[i]->stop)
			service[i]->stop(d);
	if (d->wall)
		wall_health(d->wall)->daemon_since = 0;
}

static int run(struct daemon *d, struct error *why)
{
	int status = STATUS_FAILED, err = loop_make(d, why);

	if (!err)
		err = start_services(d, why);
	if (err) {
		fail(why);
	} else {
		log_line(LOG_NOTICE, "start version=" VERSION " pins=%s", place.pins);
		tick(d);
		sd_notify(0, "READY=1");
		status = sd_event_loop(d->loop);
		/* The last walk: what the events did not bring is in the maps. */
		if (d->wall)
			tick(d);
		log_line(LOG_NOTICE, "end text=\"the wall %s\"", d->wall ? "stays" : "is down");
	}
	stop_services(d);
	wall_close(d->wall);
	d->wall = NULL;
	return status;
}

int command_daemon(int argc, char **argv)
{
	static const char *const known[] = {"down-on-exit", NULL};
	struct daemon d = {.lock = -1};
	struct options options;
	struct error why;
	int first = options_read(argc, argv, known, help_daemon, &options), status;

	if (first < 0)
		return -1 - first;
	if (first != argc)
		return usage("daemon", "it takes no arguments");
	if (config_read(place.config, &d.config, NULL, &why)) {
		fail(&why);
		return STATUS_USAGE;
	}
	ledger_wait(LEDGER_BRIEF_MS);
	signals_block();
	status = pins_make(place.pins, &why) ? fail(&why) : STATUS_DONE;
	if (status == STATUS_DONE) {
		d.lock = pins_lock(place.pins, LOCK_DAEMON, LOCK_PATIENCE, &why);
		status = d.lock < 0 ? fail(&why) : first_up(&d);
	}
	if (status == STATUS_DONE) {
		status = run(&d, &why);
		if (options.down_on_exit)
			run_now((const char *const[]){"down", "--configured", NULL});
	}
	let_go(&d);
	pins_tidy(place.pins);
	sd_event_unref(d.loop);
	config_free(d.config);
	return status;
}
