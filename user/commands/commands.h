/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * commands.h - the subcommands, and what they share
 *
 * Exit status: 0 done (`check`: passes), 1 refused or failed (`check`: does not pass; `status`:
 * degraded), 2 wrong usage or configuration, 3 could not tell.
 */
#ifndef SMTPWALL_COMMANDS_H
#define SMTPWALL_COMMANDS_H

#include <getopt.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include "../config.h"
#include "../dnsbl/dnsbl.h"
#include "../kernel/kernel.h"
#include "../refuse/refuse.h"
#include "../ledger.h"
#include "../text.h"

enum exit_status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_UNKNOWN = 3,
};

/* Where this instance lives, and how it speaks; set by main() before a command runs. */
struct place {
	const char *config;
	const char *pins;
	const char *state;
	const char *self; /* path of this program, to start itself as a child */
	bool verbose;
};
extern struct place place;

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the command's name */
	const char *summary;		   /* one line for `smtpwall --help` */
	const char *help;		   /* the whole text of `smtpwall NAME --help` */
};

int command_up(int argc, char **argv);
int command_down(int argc, char **argv);
int command_daemon(int argc, char **argv);
int command_status(int argc, char **argv);
int command_check(int argc, char **argv);
int command_block(int argc, char **argv);
int command_unblock(int argc, char **argv);
int command_allow(int argc, char **argv);
int command_unallow(int argc, char **argv);
int command_bans(int argc, char **argv);
int command_lists(int argc, char **argv);
int command_load(int argc, char **argv);
int command_mode(int argc, char **argv);
int command_watch(int argc, char **argv);
int command_dnsbl(int argc, char **argv);
int command_self_check(int argc, char **argv);
int command_config(int argc, char **argv);
int command_refusal_listener(int argc, char **argv);
int command_relay_test(int argc, char **argv);

extern const char help_up[], help_down[], help_daemon[], help_status[], help_check[], help_block[],
	help_unblock[], help_allow[], help_unallow[], help_bans[], help_lists[], help_load[],
	help_mode[], help_watch[], help_dnsbl[], help_config[], help_refusal_listener[],
	help_relay_test[], help_self_check[];

/* --- options ---------------------------------------------------------------------------------- */

/* Options that several commands know; a command says which. */
struct options {
	bool json;
	bool force;
	bool skip_bad;
	bool down_on_exit;
	bool lookup;	    /* --lookup: ask the DNSBLs now */
	bool all;	    /* --all: also what is over and still remembered */
	bool attach;	    /* --attach: the named interfaces only, nothing else changes */
	uint64_t identity;  /* --identity: of the wall this is meant for; 0: any */
	bool configured;    /* --configured: the file is the one the configuration names */
	uint64_t seconds;   /* --for; 0: not given */
	const char *reason; /* --reason */
	const char *action; /* --action */
	const char *format; /* --format */
	const char *xdp;    /* --xdp */
	uint64_t port;	    /* --port; 0: not given */
	uint64_t count;	    /* --count; 0: not given */
	/* relay-test; self-check takes --from as well */
	bool deliver, yes;
	const char *from, *to, *helo;
	uint64_t timeout;  /* --timeout, seconds; 0: not given */
	uint64_t patience; /* --patience, seconds */
	uint64_t pause;	   /* --pause, seconds */
	bool pause_given;
};

/*
 * Reads the options of a command; `known` names those it takes ("json", "for", ...;
 * NULL-terminated). Returns the index of the first argument, or a negative number when the command
 * is over: -1 - STATUS. Prints help and sentences.
 */
int options_read(int argc, char **argv, const char *const known[], const char *help,
		 struct options *out);

/* "smtpwall NAME: what is wrong; see `smtpwall NAME --help`", returns STATUS_USAGE. */
int usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Complains with the sentence; returns STATUS_FAILED. */
int fail(const struct error *why);

/* Opens the ledger, or says in a note why it cannot be used and returns NULL. */
struct ledger *ledger_try(bool readonly);

/* --- policy.c, follow.c: what is stored, compiled and in force ------------------------------- */

/* One list that gets new content. */
struct list_change {
	struct list_origin origin; /* name, action (LIST_NONE: as before, drop if new), source,
				      configured... */
	struct list_content content;
	bool force; /* over the rails */
};

/*
 * Puts the stored lists, the list `guard` and, if `change` is not NULL, the change in force; stores
 * the change when it compiled. `wall` NULL: no wall is up, the change is stored only. All or
 * nothing. The caller holds the wall lock. The content of the change stays the caller's; its origin
 * gets what was missing.
 */
int lists_install(struct wall *wall, struct list_change *change, struct error *why);

/*
 * Reads what the configuration names and what changed since it was read, forgets what it no longer
 * names. Sentences about files that cannot be used are notes; what was stored stays. Returns how
 * many lists changed. `up` only.
 */
int lists_follow_config(const struct config *config, bool missing, struct error *why);

/*
 * Reads a source into the change; bad lines that are left out are notes, the first ones in full.
 * With change->force an empty source is one.
 */
int lists_read(const char *path, const char *format, bool skip_bad, struct list_change *change,
	       struct error *why);

/* Fills the origin's idea of a file: absolute path, identity. */
void list_origin_of_file(struct list_origin *origin, const char *path);
/* Have both looked at the same state of the same file? */
bool list_origin_same_file(const struct list_origin *a, const struct list_origin *b);
/* Is the configured file still the one that was looked at when this was stored? */
bool list_origin_is_current(const struct list_origin *origin, const char *configured);

/* --- config_look.c ---------------------------------------------------------------------------- */

/* Notes about what is no mistake in the file, but will be missed or regretted. */
void config_look_around(const struct config *config);

/* --- cover.c: who holds a prefix ------------------------------------------------------------- */

struct cover;

/*
 * Reads the stored lists with this action (with LIST_ALLOW also what `guard` holds, with LIST_DROP also
 * the lists that refuse). The ledger,
 * which may be NULL, stays the caller's and must outlive the cover.
 */
int cover_open(struct ledger *ledger, enum list_action action, struct cover **out,
	       struct error *why);
void cover_close(struct cover *cover); /* NULL allowed */
/* The name of a list that holds all of the prefix. */
bool cover_by_list(const struct cover *cover, const struct prefix *prefix, char name[POLICY_NAME]);
/* The narrowest live entry by hand that holds it, itself included. */
bool cover_by_hand(const struct cover *cover, const struct prefix *prefix, enum manual_slot slot,
		   struct prefix *by);

/* --- interfaces.c: where the wall is wanted -------------------------------------------------- */

struct interfaces {
	char name[CONFIG_INTERFACES][IF_NAMESIZE];
	unsigned int count;
};

int interfaces_add(struct interfaces *set, const char *name, struct error *why);
void interfaces_join(const struct interfaces *set, char *out, size_t size);
/* The configuration's, joined: what a choice made by hand is held against. */
void interfaces_configured(const struct config *config, char *out, size_t size);
/*
 * Chosen by hand before, else configured, else those of the default routes and those the wall
 * stands on. May be empty.
 */
int interfaces_wanted(const struct config *config, struct ledger *ledger, struct interfaces *out,
		      struct error *why);

/* --- apply.c: settings, overrides, the mark of `down` ---------------------------------------- */

/*
 * Puts the settings in force. The mode obeys "the last change wins": a mode chosen by hand stands
 * while the configuration says what it said then. `ledger` may be NULL.
 */
void settings_apply(struct wall *wall, const struct config *config, struct ledger *ledger);
/* Of these the words of abuse; nothing is written where nothing changes. */
void settings_abuse(volatile struct settings *s, const struct config *config);

/* In ledger_override.configured: not known what the configuration said, the choice stands. */
#define OVERRIDE_ANY "?"

/*
 * An override that stands: true and `out` filled if there is one and the configuration still says
 * `configured`. One that no longer stands is dropped.
 */
bool override_stands(struct ledger *ledger, const char *name, const char *configured,
		     struct ledger_override *out);

/*
 * Remembers a choice, in a transaction of its own: durable when it returns 0. `seconds` 0: for good.
 * `replaces` (NULL: nothing) is an override that goes at the same time.
 */
int override_put(struct ledger *ledger, const char *name, const char *value, const char *configured,
		 uint64_t seconds, const char *replaces, struct error *why);

/* STATE/down: the wall was taken down by hand and the daemon must not put it up again. */
int down_mark(struct error *why);
void down_unmark(void);
bool down_marked(char *text, size_t size); /* "since 14:02 by root" */

/* --- places.c: the DNSBLs' places in the maps, and scores ------------------------------------- */

/* All under the daemon lock. Borrows the configuration's zones. */
void places_assign(struct wall *wall, const struct config *config, struct dnsbl_places *places);
/* Which sites count by now? True if these are others than before: scores have to be worked out anew. */
bool places_count(struct wall *wall, struct dnsbl_places *places);
/* Puts the ledger's pauses in force, and ends those that are over. */
/* False if the ledger could not be read. */
bool places_pause(struct wall *wall, struct dnsbl_places *places);

struct places_sum {
	size_t entries, listed, unproven;
};

/* A source that was asked about is remembered for so long after its score has ended, ns. */
#define PLACES_LINGER (300ULL * 1000000000ULL)

/* Puts the configuration's weights and threshold in force, together. Instead of places_rescore(). */
int places_obey(struct wall *wall, const struct config *config, const struct dnsbl_places *places,
		struct places_sum *sum);
/* All of it for `up`, unless a daemon runs, which will do it. */
void places_up(struct wall *wall, const struct config *config);
/* Works out every score anew and forgets what is out of date. A walk over the whole map. */
int places_rescore(struct wall *wall, const struct dnsbl_places *places, struct places_sum *sum);

/* The ledger's part of `dnsbl pause` (seconds 0: until resumed) and `dnsbl resume` (-ENOENT: it was
 * not paused). */
int place_pause_put(const struct dnsbl_site *site, uint64_t seconds, struct error *why);
int place_pause_drop(const struct dnsbl_site *site, struct error *why);

/* --- dnsbl_show.c: DNSBLs in words ------------------------------------------------------------ */

/* Is it out of order by itself, not paused by hand? */
bool site_is_ill(const struct dnsbl_site *site);
/* "well", "paused until 06:00:00", "dead since 02:11:40". Returns `text`. */
#define SITE_STATE_TEXT 96
const char *site_state_text(const struct dnsbl_site *site, char text[SITE_STATE_TEXT]);
/* The names of the sites whose bits are set, with blanks between: "zen spamcop". Returns `text`. */
const char *site_names(const struct dnsbl_health *health, uint32_t sites, char *text, size_t size);
/* What an event says about DNSBLs: " score=5 sites=\"zen spamcop\"", or "". Returns `text`. */
#define EVENT_DNSBL_TEXT 640
const char *event_dnsbl_text(struct wall *wall, const struct event *e, char *text, size_t size);
/* What is held about sources now. A walk over the whole map; negative errno. */
int answers_count(struct wall *wall, struct places_sum *sum);
/* The recommendation to run a resolver, unless there is one on this host. */
void print_resolver_advice(const struct dnsbl_health *health, const char *indent);
void dnsbl_status_text(struct wall *wall, bool daemon, const struct places_sum *sum);
void dnsbl_status_json(struct wall *wall, bool daemon, bool ill, const struct places_sum *sum);

/* --- abuse_show.c: bans, offences and their events, in words and for scripts ------------------ */

/* Is it in force now, in the mode of the wall? */
bool ban_stands(struct wall *wall, const struct ban *ban);
/* The narrowest ban in force that holds the prefix, itself included. */
bool ban_covering(struct wall *wall, const struct prefix *prefix, struct prefix *by,
		  struct ban *out);
/* {"relay-denied": 3, ...}, all of them. */
json_object *offences_json(const uint32_t offence[OFFENCES]);
/* Adds what a ban is made of: origin, strikes, evidence. */
void ban_json(json_object *o, const struct ban *ban);

const char *event_kind_name(const struct event *e);
/*
 * An event about abuse as a line of the log: "ban source=192.0.2.7 reason=abuse until=... strikes=1
 * offences=..." ("would-ban" of monitor mode), "spared ...", "offence ...", "login ...". False, and `out` is untouched, for an
 * event of another kind.
 */
#define EVENT_ABUSE_TEXT 768
bool event_abuse_line(struct wall *wall, const struct event *e, char *out, size_t size);
void event_abuse_json(struct wall *wall, const struct event *e, json_object *o);

/* --- unban.c: takes bans back ----------------------------------------------------------------- */

/* What was taken back of one prefix. */
struct unbanned {
	bool banned;	  /* a ban of exactly this prefix, in force until now */
	bool remembered;  /* or one that was over, and whose strikes counted */
	uint32_t strikes; /* of either */
	size_t inside;	  /* bans of narrower prefixes, in force or remembered */
	bool untold;	  /* the ledger could not be told */
	bool unforgiven;  /* the penalty could not be taken away */
};

/* Why it was not done, or only in part; "" where nothing went wrong. */
struct unban_why {
	struct error map, ledger, penalty;
};

/*
 * Takes back the ban of a prefix, and those inside it: from the map, and then from the ledger,
 * inside the caller's transaction; either may be NULL. Forgives what led to them. Negative errno
 * with why->map if the map could not be changed.
 */
int unban(struct wall *wall, struct ledger *ledger, const struct prefix *prefix,
	  struct unbanned *out, struct unban_why *why);

/* --- refusal.c: what a refused client is told -------------------------------------------------- */

/*
 * The reply to a client whose connection is refused by this word (refuse/refuse.h), as the listener sends
 * it and `check` prints it. `txt` is what the DNSBLs say about it; NULL: not asked for, or not known.
 */
void refusal_reply(struct wall *wall, const struct config *config, const struct address *source,
		   const struct refusal *refusal, const char *txt, char out[REFUSE_REPLY]);
/*
 * Whose TXT record {txt} is: of the DNSBLs that spoke the one that weighs most, by its place in
 * struct dnsbl_health. -1: none, or the configuration does not want any.
 */
int refusal_site(struct wall *wall, const struct config *config, const struct address *source,
		 const struct refusal *refusal);
/*
 * Does anything refuse: a row or a list of the configuration, or a list that was loaded by hand and is in
 * force? Then a listener and program `refuse` are wanted.
 */
bool refusing_wanted(struct wall *wall, const struct config *config);
/* Attaches program `refuse`, if it is not. Under the wall lock. */
int refusing_attach(struct wall *wall, struct error *why);
/* Is it slowed down, too? */
bool refusal_tarpits(const struct config *config, const struct refusal *refusal);
/* What `check` says of a source whose row refuses becomes the word about its connection. */
void refusal_of_answer(const struct answer *answer, struct refusal *out);
const char *refuse_word_name(enum refuse_word word);
/* What became of the source of an EVENT_VERDICT: "drop", "refuse", in monitor mode "would-drop"... */
const char *event_verdict_name(const struct event *e);

/* --- manual.c: the ledger's manual entries and the map --------------------------------------- */

/*
 * Makes the map `manual` what the ledger says. With a damaged ledger the map stays as it is.
 * Deletes what ended. Negative errno with a sentence.
 */
int manual_restore(struct wall *wall, struct ledger *ledger, struct error *why);
/* Puts one slot of a prefix in force, or takes it back (until 0). Inside the ledger's transaction.
 */
/* An `until` that blocks and allows nothing, and that a restore from the ledger respects: taken
 * back while the ledger could not be written. */
#define MANUAL_TAKEN_BACK 1

int manual_set(struct wall *wall, const struct prefix *prefix, enum manual_slot slot,
	       uint64_t since, uint64_t until, struct error *why);

/* --- restore.c: bans and the ledger ----------------------------------------------------------- */

void ban_to_ledger(const struct prefix *prefix, const struct ban *ban, struct ledger_ban *out);
/*
 * Puts the ledger's bans back where there are none by now. `object` not NULL: into the maps of one that is
 * not pinned yet. Goes on after what fails, and says so.
 */
int bans_restore(struct wall *wall, struct object *object, struct ledger *ledger,
		 struct error *why);
/* Copies all bans into the ledger, in a transaction of its own. */
int bans_save(struct wall *wall, struct ledger *ledger, struct error *why);

/* --- known.c: senders this host knows --------------------------------------------------------- */

/* The ledger takes over what the kernel has counted freshly: offences and mail of sources, by day. */
int known_take(struct wall *wall, struct ledger *ledger, struct error *why);
/* Makes the map `known` what the ledger and the configuration say. */
int known_mirror(struct wall *wall, struct ledger *ledger, const struct config *config,
		 struct error *why);

/* --- cut.c: open sessions of who is banned or blocked ----------------------------------------- */

/* Which row drops this session's source on its port, in the mode in force? REASON_OTHER: none. */
enum reason cut_reason(const struct session *session);
/*
 * Ends the sessions from these prefixes that a block by hand drops. Returns how many; -EOPNOTSUPP with
 * a sentence where the kernel cannot.
 */
int cut_blocked(const struct prefix *prefix, size_t prefixes, struct error *why);

#endif
