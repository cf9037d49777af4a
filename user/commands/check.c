// SPDX-License-Identifier: GPL-2.0-only
/*
 * check.c - what would a connection from this address meet now, and why
 *
 * Asks the kernel's own program `check`, which takes the same decision as the wall and leaves no
 * trace, and adds what the ledger, the store and the DNSBLs know about the rule that spoke.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../clock.h"
#include "../output.h"
#include "check.h"

const char help_check[] =
	"usage: smtpwall check ADDR [--port N] [--lookup] [--json]\n\n"
	"Tells what a SYN from ADDR to a protected port (the first configured one, or --port) would meet at this\n"
	"moment: verdict, the reason that decided, the list or the block behind it, since when and until\n"
	"when; what enforce mode would do, if the mode is monitor. Of abuse: the ban with its evidence, the\n"
	"penalty now, what the source did by day, whether it is a known sender or logged in, why it is\n"
	"spared. What each DNSBL said about it, what that weighs, how old it is and until when it counts.\n"
	"Of a source that is refused: the very text it is told, how often it was told already, and what\n"
	"becomes of it where refusing is not possible.\n\n"
	"  --lookup  asks the DNSBLs now as well, and waits for their answers; changes nothing\n\n"
	"Exit status: 0 it passes, 1 it does not, 3 it could not tell (no wall is up).\n";

struct finding {
	struct address source;
	uint16_t port;
	struct answer answer;
	bool has_manual;
	struct ledger_manual manual; /* the entry that spoke */
	struct list_origin origin;   /* of the list that spoke; name "" if none */
	bool has_proven;
	struct proven proven;
	struct blame blame;
	struct said said; /* by the DNSBLs */
	bool lookup;
	struct asked asked; /* of --lookup */
	struct turned turned;
};

/* The narrowest live entry of the slot that holds the address. */
static int find_manual(const struct ledger_manual *entry, void *context)
{
	struct finding *f = context;
	struct prefix host = {.address = f->source, .length = ADDRESS_BITS};
	enum manual_slot slot = f->answer.reason == REASON_ALLOW_LIST ? MANUAL_ALLOW : MANUAL_BLOCK;

	if (entry->slot == slot && entry->until > clock_wall() &&
	    prefix_contains(&entry->prefix, &host) &&
	    (!f->has_manual || entry->prefix.length > f->manual.prefix.length)) {
		f->manual = *entry;
		f->has_manual = true;
	}
	return 0;
}

static void look_up(struct finding *f, struct wall *wall, struct ledger *ledger)
{
	const struct answer *a = &f->answer;

	f->has_proven = wall_proven(wall, &f->source, &f->proven) == 0;
	if (a->list || a->counted) {
		if (list_restore(place.state, a->list_name.name, &f->origin, NULL, NULL))
			snprintf(f->origin.name, sizeof(f->origin.name), "%.31s",
				 a->list_name.name);
		return;
	}
	if (a->reason != REASON_ALLOW_LIST && a->reason != REASON_ADMIN_BLOCK)
		return;
	if (ledger)
		ledger_each_manual(ledger, find_manual, f, NULL);
}

static const char *list_of(const struct finding *f)
{
	if (f->answer.list)
		return f->origin.name;
	return f->answer.reason == REASON_ALLOW_LIST ? "manual" : NULL;
}

static void print_json(const struct finding *f)
{
	const struct answer *a = &f->answer;
	char address[ADDRESS_TEXT], prefix[PREFIX_TEXT];
	json_object *o = json_object_new_object();

	json_text(o, "address", address_text(&f->source, address));
	json_number(o, "port", f->port);
	json_text(o, "verdict", verdict_name(a->verdict));
	json_text(o, "reason", reason_name(a->reason));
	json_text(o, "would", verdict_name(a->would));
	json_text(o, "mode", mode_name(a->mode));
	json_text(o, "list", list_of(f));
	if (a->counted && !a->list)
		json_text(o, "counted", f->origin.name);
	if (a->since)
		json_time(o, "since", clock_wall_of(a->since));
	else if (a->list && a->list_loaded)
		json_time(o, "since", a->list_loaded);
	if (a->until)
		json_time(o, "expires", clock_wall_of(a->until));
	if (f->has_manual) {
		json_text(o, "prefix", prefix_text(&f->manual.prefix, prefix));
		json_text(o, "by", f->manual.who[0] ? f->manual.who : NULL);
		json_text(o, "text", f->manual.reason[0] ? f->manual.reason : NULL);
	}
	if (a->list)
		json_text(o, "source", f->origin.source[0] ? f->origin.source : NULL);
	json_flag(o, "proven", f->has_proven);
	if (f->has_proven) {
		json_number(o, "sessions",
			    f->proven.sessions > 0 ? (uint64_t)f->proven.sessions : 0);
		json_number(o, "completed", f->proven.completed);
		json_time(o, "first_seen", clock_wall_of(f->proven.since));
		json_time(o, "last_seen", clock_wall_of(f->proven.last));
	}
	turned_json(&f->turned, o);
	blame_json(&f->blame, o);
	if (f->said.held)
		said_json(&f->said, o);
	if (f->lookup)
		asked_json(&f->asked, &f->said, &f->source, o);
	json_print(o, stdout);
}

static void print_rule(const struct finding *f)
{
	const struct answer *a = &f->answer;
	char prefix[PREFIX_TEXT], when[CLOCK_TEXT], source[1024];

	if (a->list) {
		printf("  list     %s", f->origin.name);
		if (f->origin.source[0])
			printf(" (%s)",
			       !strcmp(f->origin.source, "-")
				       ? "standard input"
				       : text_clean(f->origin.source, source, sizeof(source)));
		putchar('\n');
		if (a->list_loaded)
			printf("  loaded   %s\n", clock_short(a->list_loaded, when));
	} else if (f->has_manual) {
		printf("  entry    %s by %s%s%s\n", prefix_text(&f->manual.prefix, prefix),
		       f->manual.who, f->manual.reason[0] ? ": " : "", f->manual.reason);
	}
	if (a->since)
		printf("  since    %s\n", clock_short(clock_wall_of(a->since), when));
	if (a->until)
		printf("  until    %s\n", a->until == FOREVER
						  ? "it is taken back"
						  : clock_short(clock_wall_of(a->until), when));
	if (a->reason == REASON_DEFERRED)
		puts("  note     its next SYN, about a second later, passes if nothing is found "
		     "against it");
	if ((a->reason == REASON_ABUSE || a->refuses) && a->verdict == VERDICT_DROP)
		puts("  client   sees nothing: what it sends is dropped, and it gets no answer");
	if (a->counted && !a->list)
		printf("  counted  in list %s\n", f->origin.name);
}

static void print_text(const struct finding *f)
{
	const struct answer *a = &f->answer;
	char address[ADDRESS_TEXT], when[CLOCK_TEXT];
	enum colour c = a->verdict == VERDICT_PASS ? COLOUR_GOOD : COLOUR_BAD;

	printf("%s to port %u: %s%s%s, reason %s\n", address_text(&f->source, address), f->port,
	       colour(stdout, c), verdict_name(a->verdict), colour_end(stdout),
	       reason_name(a->reason));
	if (a->mode == MODE_MONITOR && a->would != VERDICT_PASS)
		printf("  mode     monitor: it passes; enforce mode would %s it\n",
		       verdict_name(a->would));
	print_rule(f);
	turned_text(&f->turned);
	blame_ban_text(&f->blame);
	if (f->has_proven)
		printf("  seen     %llu connections, %lld open, last %s\n",
		       (unsigned long long)f->proven.completed,
		       (long long)(f->proven.sessions > 0 ? f->proven.sessions : 0),
		       clock_short(clock_wall_of(f->proven.last), when));
	else
		puts("  seen     no completed connection remembered");
	if (a->port == PORT_OTHER)
		printf("  note     port %u is not protected\n", f->port);
	blame_text(&f->blame);
	if (f->said.held)
		said_text(&f->said);
	if (f->lookup)
		asked_text(&f->asked, &f->said, &f->source);
}

int command_check(int argc, char **argv)
{
	static const char *const known[] = {"json", "port", "lookup", NULL};
	struct finding f = {0};
	struct options options;
	struct wall *wall = NULL;
	struct ledger *ledger;
	struct error why;
	int first = options_read(argc, argv, known, help_check, &options), err;

	if (first < 0)
		return -1 - first;
	if (first + 1 != argc)
		return usage("check", "say one address");
	if (!address_parse(argv[first], &f.source))
		return usage("check", "\"%s\" is no address", argv[first]);
	err = wall_open(place.pins, &wall, &why);
	if (!err) {
		f.port = (uint16_t)(options.port ? options.port
						 : (wall_settings(wall)->port[0] & 0xffff));
		err = wall_check(place.pins, &f.source, f.port, &f.answer, &why);
	}
	if (err) {
		fail(&why);
		wall_close(wall);
		return STATUS_UNKNOWN;
	}
	ledger = ledger_try(true);
	look_up(&f, wall, ledger);
	said_open(&f.said, wall, &f.source);
	f.blame.source = f.source;
	f.blame.proven = f.has_proven ? &f.proven : NULL;
	blame_read(&f.blame, wall, ledger, &f.answer, f.said.config);
	turned_read(&f.turned, wall, &f.said, &f.source, &f.answer);
	f.lookup = options.lookup;
	if (f.lookup)
		asked_run(&f.asked, &f.said, &f.source, f.answer.reason);
	if (options.json)
		print_json(&f);
	else
		print_text(&f);
	said_close(&f.said);
	ledger_close(ledger);
	wall_close(wall);
	return f.answer.verdict == VERDICT_PASS ? STATUS_DONE : STATUS_FAILED;
}
