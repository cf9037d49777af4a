// SPDX-License-Identifier: GPL-2.0-only
/*
 * self_check_wall.c - the checks of the wall itself: is it where the traffic comes in, is it in earnest,
 * does the daemon have complaints, and would it let its administrator in
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-login.h>
#include <unistd.h>
#include <utmpx.h>
#include "../clock.h"
#include "../output.h"
#include "self_check.h"

#define HEARTBEAT_OLD (15 * SECOND_NS)

/* --- wall ------------------------------------------------------------------------------------- */

struct attached {
	int index[CONFIG_INTERFACES];
	char name[CONFIG_INTERFACES][IF_NAMESIZE];
	unsigned int count;
};

static int note_attached(void *context, const char *interface, const char *path)
{
	struct attached *a = context;
	int index = pins_link_index(path);

	(void)interface;
	if (index > 0 && a->count < CONFIG_INTERFACES &&
	    if_indextoname((unsigned int)index, a->name[a->count]))
		a->index[a->count++] = index;
	return 0;
}

static bool among_words(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at++)
		if ((at == words || at[-1] == ' ') && (!at[length] || at[length] == ' '))
			return true;
	return false;
}

/* On the interface itself, or on what its frames really come in by: a bridge's or bond's port, the parent
 * of a VLAN. */
static bool is_covered(const struct attached *a, const struct net_route *route)
{
	struct link_facts link;

	for (unsigned int i = 0; i < a->count; i++)
		if (a->index[i] == route->index)
			return true;
	if (link_facts_by_index(route->index, &link, NULL))
		return false;
	for (unsigned int i = 0; i < a->count; i++)
		if (among_words(link.lower, a->name[i]))
			return true;
	return false;
}

/* Other tables count only where the main one has no default route in that family. */
static bool counts(const struct self_check *s, const struct net_route *route)
{
	if (route->main)
		return true;
	for (int i = 0; i < s->routes; i++)
		if (s->route[i].main && s->route[i].v6 == route->v6)
			return false;
	return true;
}

/* "eth0 eth1 ", to stand in front of another one. */
static const char *join_attached(const struct attached *a, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < a->count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s ", a->name[i]);
	return text;
}

static void check_family(struct self_check *s, const struct attached *a, bool v6)
{
	const char *family = v6 ? "IPv6" : "IPv4";
	char covered[256] = "", all[CONFIG_INTERFACES * IF_NAMESIZE];

	for (int i = 0; i < s->routes; i++) {
		const struct net_route *route = &s->route[i];
		size_t used = strlen(covered);

		if (route->v6 != v6 || !counts(s, route) || among_words(covered, route->name))
			continue;
		if (is_covered(a, route))
			snprintf(covered + used, sizeof(covered) - used, "%s%s", used ? " " : "",
				 route->name);
		else
			found(s, FINDING_BAD,
			      "the default route of %s is by %s, and the wall is not there: whoever comes "
			      "in by it meets nothing; `smtpwall up %s%s` puts it there as well, or name "
			      "all in `interfaces`",
			      family, route->name, join_attached(a, all, sizeof(all)), route->name);
	}
	if (covered[0])
		found(s, FINDING_OK, "it is where the default route of %s is: %s", family, covered);
}

static void check_wall(struct self_check *s)
{
	struct attached a = {.count = 0};

	if (s->wall_err && s->wall_err != -ENOENT) {
		found(s, FINDING_UNKNOWN, "the wall cannot be looked at: %.600s", s->wall_why.text);
		return;
	}
	pins_each_link(place.pins, note_attached, &a);
	if (s->wall_err || !a.count) {
		found(s, FINDING_BAD,
		      "no wall is up, so nothing is filtered; `smtpwall up` puts it up");
		return;
	}
	check_family(s, &a, false);
	check_family(s, &a, true);
	if (!s->findings)
		found(s, FINDING_UNKNOWN,
		      "it is on %s%s, and this host has no default route, so whether mail arrives there "
		      "cannot be told",
		      a.name[0], a.count > 1 ? " and others" : "");
}

/* --- mode, daemon, faults --------------------------------------------------------------------- */

static void check_mode(struct self_check *s)
{
	uint64_t word;
	char when[CLOCK_TEXT];

	if (!s->wall)
		return; /* said above */
	word = wall_settings(s->wall)->mode;
	if (mode_at(word, clock_boot()) == MODE_MONITOR)
		found(s, FINDING_WARNING,
		      "monitor: everything is decided and counted, nothing is dropped; when `smtpwall "
		      "status` looks right, `smtpwall mode enforce`");
	else if (MODE_UNTIL(word) && MODE_THEN(word) == MODE_MONITOR)
		found(s, FINDING_WARNING,
		      "enforce until %s only, then monitor; `smtpwall mode enforce` for good",
		      clock_short(clock_wall_of(MODE_UNTIL(word) * SECOND_NS), when));
	else
		found(s, FINDING_OK, "enforce");
}

static void check_daemon(struct self_check *s)
{
	uint64_t now = clock_boot();
	const struct health *health;

	if (!s->wall)
		return;
	health = wall_health(s->wall);
	if (!pins_locked(place.pins, LOCK_DAEMON))
		found(s, health->daemon_since ? FINDING_BAD : FINDING_WARNING,
		      "it %s: lists, DNSBLs and the mail server's log are not followed, and "
		      "nobody says when this host becomes listed; `systemctl start smtpwalld`",
		      health->daemon_since ? "is dead" : "does not run");
	else if (health->heartbeat && now > health->heartbeat &&
		 now - health->heartbeat > HEARTBEAT_OLD)
		found(s, FINDING_BAD, "it has not moved for %llu s; `systemctl restart smtpwalld`",
		      (unsigned long long)((now - health->heartbeat) / SECOND_NS));
	else if (!s->config->self_interval && s->config->dnsbl_sites)
		found(s, FINDING_WARNING,
		      "it runs, but nobody says when this host becomes listed: self-check { interval } "
		      "is off in %s",
		      place.config);
	else
		found(s, FINDING_OK, "it runs");
}

/* What the daemon complains of, but for listings, which were asked about just now. */
static void check_faults(struct self_check *s)
{
	const struct health *health;
	unsigned int shown = 0, more = 0;

	if (!s->wall)
		return;
	health = wall_health(s->wall);
	for (int i = 0; i < HEALTH_FAULTS; i++) {
		const struct fault *fault = &health->fault[i];

		if (!fault->since || !strncmp(fault->what, SELF_FAULT, strlen(SELF_FAULT)))
			continue;
		if (shown++ < 3)
			found(s, FINDING_WARNING, "%.63s: %.311s", fault->what, fault->text);
		else
			more++;
	}
	if (more)
		found(s, FINDING_WARNING, "and %u more, see `smtpwall status`", more);
	if (!shown)
		found(s, FINDING_OK, "the daemon has nothing to complain of");
}

/* --- administrator ---------------------------------------------------------------------------- */

/* "198.51.100.7 51234 22" (sshd): the first word, if it is an address. */
static bool first_address(const char *text, struct address *out)
{
	char word[ADDRESS_TEXT] = "";

	if (text)
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(text, " %"), text);
	return word[0] && address_parse(word, out);
}

/* sudo takes the variables away, so logind is asked as well, and those who wrote down who is on which
 * terminal. */
static bool from_login(struct address *out)
{
	char *session = NULL, *host = NULL;
	bool is = sd_pid_get_session(0, &session) >= 0 &&
		  sd_session_get_remote_host(session, &host) >= 0 && first_address(host, out);

	free(session);
	free(host);
	return is;
}

static bool from_terminal(struct address *out)
{
	const char *terminal = ttyname(STDERR_FILENO);
	const struct utmpx *u;
	bool is = false;

	if (!terminal)
		terminal = ttyname(STDIN_FILENO);
	if (!terminal || strncmp(terminal, "/dev/", 5) != 0)
		return false;
	setutxent();
	while (!is && (u = getutxent())) {
		char host[sizeof(u->ut_host) + 1] = "";

		if (u->ut_type != USER_PROCESS ||
		    strncmp(u->ut_line, terminal + 5, sizeof(u->ut_line)) != 0)
			continue;
		memcpy(host, u->ut_host, sizeof(u->ut_host));
		is = first_address(host, out);
	}
	endutxent();
	return is;
}

static bool administrator(const struct self_check *s, struct address *out)
{
	return s->from ? address_parse(s->from, out)
		       : first_address(getenv("SSH_CONNECTION"), out) ||
				 first_address(getenv("SSH_CLIENT"), out) || from_login(out) ||
				 from_terminal(out);
}

/* The name of what allows it, "" for nothing. Without a wall from what is stored. */
static int allowed_by(const struct address *address, char *name, size_t size, struct error *why)
{
	const struct prefix one = {.address = *address, .length = ADDRESS_BITS};
	struct ledger *ledger = ledger_try(true);
	char list[POLICY_NAME], text[PREFIX_TEXT];
	struct cover *cover = NULL;
	struct prefix by;
	int err = cover_open(ledger, LIST_ALLOW, &cover, why);

	name[0] = '\0';
	if (!err && cover_by_hand(cover, &one, MANUAL_ALLOW, &by))
		snprintf(name, size, "by hand (%s)", prefix_text(&by, text));
	else if (!err && cover_by_list(cover, &one, list))
		snprintf(name, size, "by the list %s", list);
	cover_close(cover);
	ledger_close(ledger);
	return err;
}

static void network_of(const struct address *address, char text[PREFIX_TEXT])
{
	struct prefix network = {.address = *address,
				 .length = address_is_v4(address) ? ADDRESS_V4_AT + 24 : 64};

	prefix_mask(&network);
	prefix_text(&network, text);
}

/* What becomes of a client that does not pass, in the mode in force. */
static const char *stopped(const struct answer *a)
{
	bool refused = a->would == VERDICT_REFUSE;

	if (a->mode == MODE_MONITOR)
		return refused ? "would be refused in enforce mode"
			       : "would be dropped in enforce mode";
	return refused ? "is refused itself" : "is dropped itself";
}

static void check_administrator(struct self_check *s)
{
	char text[ADDRESS_TEXT], network[PREFIX_TEXT], name[128];
	struct answer answer;
	struct address address;
	struct error why;

	if (!administrator(s, &address)) {
		found(s, FINDING_UNKNOWN,
		      "where you administer this host from is not known: this is no SSH session; name it "
		      "with --from ADDR");
		return;
	}
	address_text(&address, text);
	network_of(&address, network);
	if (allowed_by(&address, name, sizeof(name), &why)) {
		found(s, FINDING_UNKNOWN, "whether %s is allowed cannot be told: %.500s", text,
		      why.text);
	} else if (name[0]) {
		found(s, FINDING_OK, "%s, where you come from, is allowed %s", text, name);
	} else if (s->wall &&
		   wall_check(place.pins, &address, (uint16_t)wall_settings(s->wall)->port[0],
			      &answer, NULL) == 0 &&
		   answer.would != VERDICT_PASS) {
		found(s, FINDING_BAD,
		      "%s, where you come from, %s (%s), and so is your own mail: `smtpwall check %s` says "
		      "why, `smtpwall allow %s` lets it in",
		      text, stopped(&answer), reason_name(answer.reason), text, network);
	} else {
		found(s, FINDING_WARNING,
		      "%s, where you come from, is in no allow list: one day a list, a DNSBL or a ban may "
		      "stop your own mail and monitoring (never SSH: the wall looks at mail ports only); "
		      "`smtpwall allow %s`, if that network is yours",
		      text, network);
	}
}

const struct self_row self_wall_rows[] = {
	{"wall", true, check_wall},
	{"mode", false, check_mode},
	{"daemon", false, check_daemon},
	{"faults", false, check_faults},
	{"administrator", false, check_administrator},
	{NULL, false, NULL},
};
