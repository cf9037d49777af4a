// SPDX-License-Identifier: GPL-2.0-only
/*
 * apply.c - puts the configuration's settings in force; overrides; the mark that `down` leaves
 *
 * "The last change wins": a choice made by hand is kept in the ledger together with what the
 * configuration said at that moment, and stands as long as the configuration still says so.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../clock.h"
#include "../net/net.h"
#include "../output.h"
#include "commands.h"

bool override_stands(struct ledger *ledger, const char *name, const char *configured,
		     struct ledger_override *out)
{
	struct ledger_override o;

	if (!ledger || ledger_get_override(ledger, name, &o, NULL))
		return false;
	if (o.until > clock_wall() &&
	    (!strcmp(o.configured, configured) || !strcmp(o.configured, OVERRIDE_ANY))) {
		*out = o;
		return true;
	}
	if (ledger_begin(ledger, NULL) == 0) {
		ledger_drop_override(ledger, name, NULL);
		if (ledger_commit(ledger, NULL))
			ledger_rollback(ledger);
	}
	return false;
}

int override_put(struct ledger *ledger, const char *name, const char *value, const char *configured,
		 uint64_t seconds, const char *replaces, struct error *why)
{
	struct ledger_override o = {.since = clock_wall(), .until = INT64_MAX};
	int err = ledger_begin(ledger, why);

	if (err)
		return err;
	snprintf(o.value, sizeof(o.value), "%s", value);
	snprintf(o.configured, sizeof(o.configured), "%s", configured);
	ledger_who(o.who);
	if (seconds)
		o.until = o.since + (int64_t)seconds;
	if (replaces)
		ledger_drop_override(ledger, replaces, NULL);
	err = ledger_put_override(ledger, name, &o, why);
	if (!err)
		err = ledger_commit(ledger, why);
	if (err)
		ledger_rollback(ledger);
	return err;
}

/* The mode of a wall that was not there before: what was chosen by hand and still stands, or the
 * configured one. */
static uint64_t mode_first(const struct config *config, struct ledger *ledger)
{
	const char *configured = mode_name(config->mode);
	struct ledger_override chosen;
	enum mode mode = config->mode, for_now;

	if (override_stands(ledger, "mode", configured, &chosen))
		mode_parse(chosen.value, &mode);
	if (override_stands(ledger, "mode-for", configured, &chosen) &&
	    mode_parse(chosen.value, &for_now) && for_now != mode)
		return MODE_WORD(for_now, clock_boot_of(chosen.until) / SECOND_NS, mode);
	return MODE_WORD(mode, 0, 0);
}

/*
 * On a wall that stands, only a configured mode that changed speaks; whatever else was chosen since
 * is the last change, also if no ledger could be written then.
 */
static void set_mode(volatile struct settings *s, const struct config *config,
		     struct ledger *ledger)
{
	const char *configured = mode_name(config->mode);
	struct ledger_override gone;

	if (!s->mode_configured) {
		s->mode = mode_first(config, ledger);
	} else if (s->mode_configured != (uint64_t)config->mode + 1) {
		s->mode = MODE_WORD(config->mode, 0, 0);
		/* Asking drops what no longer stands. */
		override_stands(ledger, "mode", configured, &gone);
		override_stands(ledger, "mode-for", configured, &gone);
	}
	s->mode_configured = (uint64_t)config->mode + 1;
}

/* GCRA words of a rate; see bpf/rate.h. */
static void set_rate(volatile __u64 *cost, volatile __u64 *ahead, uint64_t events, uint64_t seconds,
		     uint64_t burst)
{
	uint64_t each = events ? seconds * SECOND_NS / events : 0;

	*ahead = each * (burst ? burst - 1 : 0);
	*cost = events && !each ? 1 : each;
}

static void set_ports(volatile struct settings *s, const struct config *config)
{
	/* From the end, so that the table is never cut short while it is written. */
	for (unsigned int i = SETTINGS_PORTS; i-- > 0;)
		s->port[i] = i < config->ports
				     ? PORT_WORD(config->port[i].number, config->port[i].kind)
				     : 0;
}

/*
 * A packet may read these words while they are written, and a new weight measured by an old limit
 * (or the other way round) could ban a source that neither configuration bans. So nobody is banned
 * in between: the limit goes first and comes back last. The fences keep that order where the
 * processor would not. A source whose penalty is over a lowered limit is judged at its next
 * offence, not before.
 */
void settings_abuse(volatile struct settings *s, const struct config *config)
{
	struct settings want = {
		.abuse_limit = config->abuse_limit * PENALTY_POINT,
		.abuse_half_life = config->abuse_half_life * SECOND_NS,
		.abuse_daily = config->abuse_daily,
		.abuse_share = config->abuse_share,
		.ban_length = config->abuse_ban * SECOND_NS,
		.ban_max = config->abuse_ban_max * SECOND_NS,
		.login_time = config->abuse_login * SECOND_NS,
	};
	bool same = s->abuse_limit == want.abuse_limit &&
		    s->abuse_half_life == want.abuse_half_life &&
		    s->abuse_daily == want.abuse_daily && s->abuse_share == want.abuse_share &&
		    s->ban_length == want.ban_length && s->ban_max == want.ban_max &&
		    s->login_time == want.login_time;

	for (unsigned int i = 0; i < OFFENCES; i++) {
		want.abuse_weight[i] = config->abuse_weight[i] * PENALTY_POINT;
		same = same && s->abuse_weight[i] == want.abuse_weight[i];
	}
	if (same) /* not a moment without bans because of an `up` that changes nothing */
		return;
	s->abuse_limit = 0;
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned int i = 0; i < OFFENCES; i++)
		s->abuse_weight[i] = want.abuse_weight[i];
	s->abuse_half_life = want.abuse_half_life;
	s->abuse_daily = want.abuse_daily;
	s->abuse_share = want.abuse_share;
	s->ban_length = want.ban_length;
	s->ban_max = want.ban_max;
	s->login_time = want.login_time;
	atomic_thread_fence(memory_order_seq_cst);
	s->abuse_limit = want.abuse_limit;
}

/* The limits first: a row that refuses from now on finds them. */
static void set_refusing(volatile struct settings *s, const struct config *config)
{
	s->refuse_times = config->refuse_times;
	s->refuse_window = config->refuse_seconds * SECOND_NS;
	s->refuse_clients = config->refuse_clients;
	s->refuse_budget = config->refuse_budget;
	atomic_thread_fence(memory_order_seq_cst);
	s->refuse_rows = config_refuse_rows(config);
}

void settings_apply(struct wall *wall, const struct config *config, struct ledger *ledger)
{
	volatile struct settings *s = wall_settings(wall);

	set_mode(s, config, ledger);
	set_ports(s, config);
	s->netns = net_namespace();
	s->event_budget = config->event_budget;
	s->learn_budget = config->learn_budget;
	set_rate(&s->source_cost, &s->source_ahead, config->source_events, config->source_seconds,
		 config->source_burst);
	set_rate(&s->network_cost, &s->network_ahead, config->network_events,
		 config->network_seconds, config->network_burst);
	set_rate(&s->syn_cost, &s->syn_ahead, config->syn_events, config->syn_seconds,
		 config->syn_burst);
	s->sessions = config->sessions;
	settings_abuse(s, config);
	set_refusing(s, config);
	places_up(wall, config);
	s->schema = SETTINGS_SCHEMA;
}

static int down_path(char *path, size_t size)
{
	int n = snprintf(path, size, "%s/down", place.state);

	return n > 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

int down_mark(struct error *why)
{
	char path[4096], text[256], who[64], when[CLOCK_TEXT];
	int n;

	if (down_path(path, sizeof(path)))
		return error_set(why, -ENAMETOOLONG, "the state directory's path is too long");
	n = snprintf(text, sizeof(text), "since %s by %s\n", clock_text(clock_wall(), when),
		     ledger_who(who));
	return file_replace(path, text, (size_t)n, why);
}

void down_unmark(void)
{
	char path[4096];

	if (down_path(path, sizeof(path)) == 0)
		unlink(path);
}

bool down_marked(char *text, size_t size)
{
	char path[4096];
	FILE *in = down_path(path, sizeof(path)) == 0 ? fopen(path, "re") : NULL;

	if (!in)
		return false;
	if (!fgets(text, (int)size, in))
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	fclose(in);
	return true;
}
