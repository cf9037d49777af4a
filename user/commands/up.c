// SPDX-License-Identifier: GPL-2.0-only
/*
 * up.c - loads and attaches the wall, or upgrades it in place
 *
 * In this order: configuration, lock, object (with the maps of a wall that is up), settings, lists,
 * manual entries, and only then the interfaces: from the first packet on the wall knows whom it
 * must not drop. A failure leaves what was before.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>
#include "../clock.h"
#include "../net/net.h"
#include "../output.h"
#include "commands.h"

const char help_up[] =
	"usage: smtpwall up [IFACE...] [--xdp native|generic]\n\n"
	"Loads the wall and attaches it to the interfaces named, else to the configured ones, else to those\n"
	"of the default routes. When a wall is up, this upgrades it in place: programs, configuration and\n"
	"lists are renewed without a gap, maps and counters stay. All or nothing.\n\n"
	"  --xdp native   in the driver, before the kernel has spent anything (default)\n"
	"  --xdp generic  after the kernel has made its packet buffer: works with every driver, is several\n"
	"                 times slower; never chosen silently\n\n"
	"Interfaces given here stand over reboots until the configured ones change, --xdp until it\n"
	"is given again.\n"
	"The mode is monitor (drop nothing) unless configured or set otherwise.\n";

struct going_up {
	const struct config *config;
	struct ledger *ledger;
	struct interfaces wanted;
	bool missing; /* there is no configuration file: these are the defaults */
	const char *interface[CONFIG_INTERFACES];
	enum attach_mode mode;
	/* Choices made by hand, remembered once they worked; "" for none. */
	char chosen[256], configured[256], xdp[16];
};

static void note_line(void *context, const char *sentence)
{
	(void)context;
	note("%s", sentence);
}

static void remember(struct ledger *ledger, const char *name, const char *value,
		     const char *configured)
{
	struct error why = {"the ledger cannot be used"};

	if (!ledger || override_put(ledger, name, value, configured, 0, NULL, &why))
		note("this choice of %s will not survive a reboot: %s", name, why.text);
}

/* Interfaces that are not there: those named here must be, others are attached when they come. */
static int drop_absent(struct interfaces *set, struct error *why)
{
	struct interfaces there = {.count = 0};
	char words[256];

	for (unsigned int i = 0; i < set->count; i++) {
		struct link_facts facts;

		if (link_facts(set->name[i], &facts, why) == 0)
			interfaces_add(&there, set->name[i], NULL);
		else if (set->count > 1)
			note("%s; the daemon attaches the wall when it comes", why->text);
	}
	interfaces_join(set, words, sizeof(words));
	if (set->count && !there.count)
		return error_set(why, -ENODEV, "there is no interface %s", words);
	*set = there;
	return 0;
}

static int choose_interfaces(struct going_up *up, char **named, int count, struct error *why)
{
	int err = 0;

	for (int i = 0; !err && i < count; i++)
		err = interfaces_add(&up->wanted, named[i], why);
	if (!err && !count)
		err = interfaces_wanted(up->config, up->ledger, &up->wanted, why);
	if (!err && !up->wanted.count)
		err = error_set(why, -ENODEV,
				"there is no default route to tell which interface mail arrives "
				"on; name it: "
				"`smtpwall up eth0`, or `interfaces = {\"eth0\"}` in %s",
				place.config);
	if (!err && !count)
		err = drop_absent(&up->wanted, why);
	for (unsigned int i = 0; i < up->wanted.count; i++)
		up->interface[i] = up->wanted.name[i];
	if (!err && count && up->config) {
		interfaces_configured(up->config, up->configured, sizeof(up->configured));
		interfaces_join(&up->wanted, up->chosen, sizeof(up->chosen));
	}
	return err;
}

static void choose_mode(struct going_up *up, const char *xdp)
{
	struct ledger_override chosen;

	if (xdp) {
		up->mode = strcmp(xdp, "generic") ? ATTACH_NATIVE : ATTACH_GENERIC;
		snprintf(up->xdp, sizeof(up->xdp), "%s", xdp);
	} else if (override_stands(up->ledger, "xdp", "", &chosen)) {
		up->mode = strcmp(chosen.value, "generic") ? ATTACH_NATIVE : ATTACH_GENERIC;
	}
}

/*
 * Bans and known senders, before the first packet: of a wall that stands the map of bans is the truth. A
 * damaged ledger must not keep the wall from standing.
 */
static void restore(struct going_up *up, struct object *object, struct wall *wall)
{
	struct error bad;

	if (!up->ledger)
		return;
	if (manual_restore(wall, up->ledger, &bad))
		note("blocks by hand were not restored: %s", bad.text);
	if (known_mirror(wall, up->ledger, up->config, &bad))
		note("known senders were not restored: %s", bad.text);
	if (!object_is_upgrade(object) && bans_restore(wall, object, up->ledger, &bad))
		note("not all bans were restored: %s", bad.text);
}

static int prepare(struct going_up *up, struct object *object, struct wall *wall, struct error *why)
{
	struct error bad;
	int err;

	settings_apply(wall, up->config, up->ledger);
	err = lists_follow_config(up->config, up->missing, &bad);
	if (err < 0)
		note("%s", bad.text);
	err = lists_install(wall, NULL, why);
	if (err)
		return err;
	restore(up, object, wall);
	return 0;
}

/* What stands between the configuration and a client that is told why. */
static void tell_refusing(const struct going_up *up, struct wall *wall, bool served)
{
	if (!refusing_wanted(wall, up->config))
		return;
	if (!served)
		note("nothing listens on the protected ports in this network namespace; if the mail "
		     "server is not only yet to start, but runs in another one, refusing is not "
		     "possible here: sources are dropped instead, and whoever comes too often passes");
	if (!pins_locked(place.pins, LOCK_DAEMON))
		note("the refusal listener is the daemon's: until `smtpwall daemon` runs, sources are "
		     "dropped instead of refused, and whoever comes too often passes");
	if (!up->config->refuse_contact)
		note("refused clients are told no way to reach you: set refuse { contact = "
		     "\"https://...\" } in %s, a page or a telephone that is not behind this wall",
		     place.config);
}

static void tell(const struct going_up *up, struct wall *wall, bool upgrade)
{
	char words[256], who[64];
	uint16_t port[SETTINGS_PORTS];
	enum mode mode = mode_at(wall_settings(wall)->mode, clock_boot());
	bool served;

	interfaces_join(&up->wanted, words, sizeof(words));
	printf("the wall is %s on %s, mode %s%s\n", upgrade ? "renewed" : "up", words,
	       mode_name(mode), mode == MODE_MONITOR ? ": nothing is dropped" : "");
	log_line(LOG_NOTICE, "up interfaces=\"%s\" mode=%s by=%s", words, mode_name(mode),
		 ledger_who(who));
	for (unsigned int i = 0; i < up->config->ports; i++)
		port[i] = up->config->port[i].number;
	served = net_listens(port, up->config->ports) != 0;
	if (!served)
		note("nothing listens on the protected ports in this network namespace; if the mail "
		     "server runs in another one (a container, a host behind this one), its clients "
		     "are proven by what it sends to them: open sessions are not counted (row "
		     "sessions), not spared when a list begins to speak, and not cut");
	tell_refusing(up, wall, served);
}

/* Program `refuse` as the lists want it, which are known by now. */
static void settle_refusing(const struct going_up *up, struct wall *wall)
{
	struct error why;

	if (!refusing_wanted(wall, up->config)) {
		/* First: nobody is sent to a listener that the namespace will not lead to any more. */
		wall_refuse_health(wall)->alive_until = 0;
		wall_refuse_detach(place.pins);
	} else if (refusing_attach(wall, &why)) {
		note("%s", why.text);
	}
}

/*
 * A new wall must know whom not to drop before the first packet; on one that stands, nothing may
 * change when an interface fails.
 */
static int stand(struct going_up *up, struct object *object, struct wall *wall, struct error *why)
{
	struct attach_request request = {
		.pins = place.pins,
		.interface = up->interface,
		.interfaces = up->wanted.count,
		.mode = up->mode,
		.note = note_line,
	};
	struct error bad;
	int err;

	if (!up->config) {
		err = object_is_upgrade(object)
			      ? object_attach(object, &request, why)
			      : error_set(why, -ENOENT, "no wall is up at %s", place.pins);
	} else if (object_is_upgrade(object)) {
		err = object_attach(object, &request, why);
		if (!err)
			err = prepare(up, object, wall, why);
	} else {
		err = prepare(up, object, wall, why);
		if (!err)
			err = object_attach(object, &request, why);
	}
	if (!err && up->config)
		settle_refusing(up, wall);
	if (!err && object_mark_sessions(object, &bad))
		note("%s", bad.text);
	return err;
}

/* What was chosen by hand counts once it worked. */
static void finish(struct going_up *up, struct wall *wall, bool upgrade)
{
	if (!up->config)
		return;
	down_unmark();
	if (up->chosen[0])
		remember(up->ledger, "interfaces", up->chosen, up->configured);
	if (up->xdp[0])
		remember(up->ledger, "xdp", up->xdp, "");
	tell(up, wall, upgrade);
}

static int go_up(struct going_up *up, struct error *why)
{
	uint64_t identity = pins_identity(place.pins);
	struct object *object = NULL;
	struct wall *wall = NULL;
	int err = object_load(place.pins, &object, why);

	if (err)
		return err;
	err = wall_of_object(object, &wall, why);
	if (!err)
		err = stand(up, object, wall, why);
	/* A `down` that would not wait for the lock any longer wins. */
	if (!err && identity && pins_identity(place.pins) != identity) {
		pins_remove(place.pins, NULL);
		err = error_set(why, -ECANCELED, "the wall was taken down meanwhile");
	}
	if (!err)
		finish(up, wall, object_is_upgrade(object));
	wall_close(wall);
	object_free(object);
	return err;
}

/* The daemon's `up` may be on its way already when somebody takes the wall down: `down` wins. */
static bool stays_down(const struct options *options)
{
	char mark[256] = "";
	uint64_t identity = pins_identity(place.pins);
	bool marked = down_marked(mark, sizeof(mark));

	if (options->identity ? identity == options->identity
			      : !options->configured || identity || !marked)
		return false;
	note("the wall was taken down %s and stays down until `smtpwall up`", mark);
	return true;
}

/* Makes the place and locks it; a `down` may remove it between the two. */
static int lock_place(struct error *why)
{
	int lock = -ENOENT, err = 0;

	for (int tries = 0; !err && lock == -ENOENT && tries < 100; tries++) {
		err = pins_make(place.pins, why);
		if (!err)
			lock = pins_lock(place.pins, LOCK_WALL, 60, why);
	}
	return err ? err : lock;
}

int command_up(int argc, char **argv)
{
	static const char *const known[] = {"xdp", "configured", "attach", "identity", NULL};
	struct going_up up = {0};
	struct config *config = NULL;
	struct options options;
	struct error why;
	int first = options_read(argc, argv, known, help_up, &options), lock, err;

	if (first < 0)
		return -1 - first;
	/* For the daemon: an interface came back; what the file says by now is none of its
	 * business. */
	err = options.attach ? 0 : config_read(place.config, &config, &up.missing, &why);
	if (err) {
		fail(&why);
		return STATUS_USAGE;
	}
	up.config = config;
	if (up.missing)
		note("there is no %s: these are the defaults", place.config);
	err = lock = lock_place(&why);
	if (lock < 0)
		goto out;
	if (stays_down(&options)) {
		err = 0;
	} else {
		if (config) {
			up.ledger = ledger_try(false);
			choose_mode(&up, options.xdp);
		}
		err = choose_interfaces(&up, argv + first, argc - first, &why);
		if (!err)
			err = go_up(&up, &why);
	}
	if (!pins_identity(place.pins))
		rmdir(place.pins); /* only if this made it, and nothing is in it */
	close(lock);
out:
	ledger_close(up.ledger);
	config_free(config);
	return err < 0 ? fail(&why) : STATUS_DONE;
}
