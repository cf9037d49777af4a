// SPDX-License-Identifier: GPL-2.0-only
/*
 * status.c - mode, interfaces, counters by reason, lists, health
 *
 * Reads maps only, so it works while the daemon is down and says so.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../clock.h"
#include "../net/net.h"
#include "../output.h"
#include "status.h"

const char help_status[] =
	"usage: smtpwall status [--json]\n\n"
	"Shows the mode and who chose it, the interfaces, what happened to packets by reason, the lists, and\n"
	"what is wrong, in words. Exit status: 0 all is well, 1 degraded or no wall is up.\n";

#define HEARTBEAT_OLD (15ULL * 1000000000ULL)

void status_problem(struct status *s, const char *format, ...)
{
	va_list arguments;

	if (s->problems == PROBLEMS)
		return;
	va_start(arguments, format);
	vsnprintf(s->problem[s->problems++], sizeof(s->problem[0]), format, arguments);
	va_end(arguments);
}

static int read_interface(void *context, const char *interface, const char *path)
{
	struct status *s = context;
	struct interface_state *i;
	struct link_facts facts;
	int index = pins_link_index(path);

	if (s->interfaces == CONFIG_INTERFACES)
		return 0;
	i = &s->interface[s->interfaces++];
	snprintf(i->name, sizeof(i->name), "%s", interface);
	snprintf(i->mode, sizeof(i->mode), "unknown");
	i->gone = index <= 0;
	if (i->gone) {
		status_problem(
			s,
			"interface %s is gone, and the wall with it; `smtpwall up` attaches it "
			"anew when it is back",
			interface);
	} else if (link_facts_by_index(index, &facts, NULL) == 0) {
		snprintf(i->name, sizeof(i->name), "%s", facts.name);
		snprintf(i->mode, sizeof(i->mode), "%s", facts.xdp_mode);
	}
	i->replies = egress_way(place.pins, interface, index);
	if (!i->gone && i->replies == REPLIES_NONE)
		status_problem(
			s,
			"the mail server's replies are not read on %s, so abuse is not seen there; "
			"`smtpwall up` attaches the reader or tells why it cannot",
			i->name);
	return 0;
}

static void read_health(struct status *s)
{
	const struct health *health = wall_health(s->wall);
	uint64_t now = clock_boot();

	s->daemon = pins_locked(place.pins, LOCK_DAEMON);
	if (!s->daemon && health->daemon_since)
		status_problem(s,
			       "the daemon is dead; lists and interfaces are not followed until it "
			       "runs again (the wall stands)");
	else if (s->daemon && health->heartbeat && now > health->heartbeat &&
		 now - health->heartbeat > HEARTBEAT_OLD)
		status_problem(s, "the daemon has not moved for %llu s",
			       (unsigned long long)((now - health->heartbeat) / 1000000000ULL));
	for (int i = 0; i < HEALTH_FAULTS; i++)
		if (health->fault[i].since)
			status_problem(s, "%.63s: %.311s", health->fault[i].what,
				       health->fault[i].text);
}

static void read_override(struct status *s)
{
	uint64_t configured = wall_settings(s->wall)->mode_configured;
	struct ledger *ledger = NULL;
	struct error why;
	int err = ledger_open(place.state, true, 0, &ledger, &why);

	/* A choice for a time stands in front of the one for good. */
	if (!err)
		s->overridden = (ledger_get_override(ledger, "mode-for", &s->override, NULL) == 0 &&
				 s->override.until > clock_wall()) ||
				ledger_get_override(ledger, "mode", &s->override, NULL) == 0;
	if (s->overridden && strcmp(s->override.value, mode_name(s->mode)) != 0)
		s->overridden = false;
	/* Chosen when a wall of another version stood, which did not tell. */
	if (configured && !strcmp(s->override.configured, OVERRIDE_ANY))
		snprintf(s->override.configured, sizeof(s->override.configured), "%s",
			 mode_name((enum mode)(configured - 1)));
	if (err && err != -ENOENT)
		status_problem(s, "%.390s", why.text);
	ledger_close(ledger);
}

/* A stored list that is not in force is damaged, or was stored while no wall was up. */
static void read_stored(struct status *s)
{
	char **name = NULL;
	size_t names = 0;

	if (list_stored(place.state, &name, &names, NULL))
		return;
	for (size_t i = 0; i < names; i++) {
		bool in_force = false;

		for (int id = 1; id < POLICY_LISTS && !in_force; id++)
			in_force = !strcmp(s->lists[id].name, name[i]);
		if (!in_force)
			status_problem(
				s,
				"the list %s is stored but not in force; `smtpwall up` tells why",
				name[i]);
		free(name[i]);
	}
	free(name);
}

static int read_all(struct status *s, struct error *why)
{
	int err = wall_open(place.pins, &s->wall, why);

	if (err)
		return err;
	s->lists = calloc(POLICY_LISTS, sizeof(*s->lists));
	s->outcomes = calloc(POLICY_LISTS, sizeof(*s->outcomes));
	if (!s->lists || !s->outcomes)
		return error_set(why, -ENOMEM, "out of memory");
	s->mode_word = wall_settings(s->wall)->mode;
	s->mode = mode_at(s->mode_word, clock_boot());
	s->dnsbl = wall_dnsbl_health(s->wall);
	pins_each_link(place.pins, read_interface, s);
	if (!s->interfaces)
		status_problem(s,
			       "the wall is attached to no interface; `smtpwall up` attaches it");
	err = wall_counters(s->wall, &s->counters, why);
	if (!err)
		err = wall_notices(s->wall, &s->notices, why);
	if (!err)
		err = wall_proof(s->wall, &s->proof, why);
	if (!err)
		err = wall_lists(s->wall, s->lists, why);
	if (!err)
		err = wall_list_counters(s->wall, s->outcomes, why);
	if (!err)
		err = status_abuse_read(s, why);
	s->manual = wall_manual_count(s->wall);
	read_override(s);
	read_health(s);
	if (!err)
		err = status_refuse_read(s, why);
	read_stored(s);
	if (s->notices.proven_full)
		status_problem(
			s,
			"the table of proven sources was full %llu times: their sessions were not "
			"counted",
			(unsigned long long)s->notices.proven_full);
	return err;
}

/* No wall is up, or it cannot be read. */
static int print_absent(const struct error *why, bool json)
{
	char mark[256] = "";
	bool marked = down_marked(mark, sizeof(mark));

	if (json) {
		json_object *o = json_object_new_object();

		json_flag(o, "up", false);
		json_flag(o, "degraded", true);
		if (marked)
			json_text(o, "down", mark);
		json_text(o, "problem", why->text);
		json_print(o, stdout);
	} else {
		complain("%s%s%s%s", why->text, marked ? " (taken down " : "", mark,
			 marked ? ")" : "");
	}
	return STATUS_FAILED;
}

int command_status(int argc, char **argv)
{
	static const char *const known[] = {"json", NULL};
	struct status *s = calloc(1, sizeof(*s));
	struct options options;
	struct error why;
	int first = options_read(argc, argv, known, help_status, &options), status, err;

	if (first < 0 || !s) {
		free(s);
		return first < 0 ? -1 - first : STATUS_FAILED;
	}
	if (first != argc) {
		free(s);
		return usage("status", "it takes no arguments");
	}
	err = read_all(s, &why);
	if (err) {
		status = print_absent(&why, options.json);
	} else {
		status = s->problems ? STATUS_FAILED : STATUS_DONE;
		if (options.json)
			status_json(s);
		else
			status_text(s);
	}
	wall_close(s->wall);
	free(s->lists);
	free(s->outcomes);
	free(s);
	return status;
}
