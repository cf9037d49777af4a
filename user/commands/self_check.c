// SPDX-License-Identifier: GPL-2.0-only
/*
 * self_check.c - is this host well placed, and listed nowhere?
 *
 * Runs the rows of several tables, one after the other, and shows what they found. It only looks:
 * nothing is written but what connecting to the own mail server leaves in its log.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../clock.h"
#include "../output.h"
#include "self_check.h"

const char help_self_check[] =
	"usage: smtpwall self-check [ADDR...] [--from ADDR] [--json]\n\n"
	"Looks at what a colleague would look at first: is this host in one of the configured DNSBLs, do its\n"
	"names and addresses agree in DNS, does the mail server answer, is the wall where the traffic comes in,\n"
	"is your own network allowed, does the mail server trust somebody whom it should not. ADDR is a public\n"
	"address of this host; without one those of the configuration (self-check { addresses }), or of the\n"
	"interfaces. Behind NAT it has to be named.\n\n"
	"  --from ADDR   where you administer this host from (default: where your SSH session comes from)\n"
	"  --json        for scripts\n\n"
	"Exit status: 0 nothing is bad (warnings may be), 1 something is, 3 something important could not be told.\n";

/* A resolver ends every question by itself; this is for the case that it does so late. */
#define LATE_NS	   SECOND_NS
#define UNANSWERED 3 /* names; then nobody is asked about more of them, which would take minutes */
#define WIDTH	   100 /* of lines for people */
#define INDENT	   30  /* of the sentences */

static const struct self_row *const tables[] = {self_dns_rows, self_server_rows, self_wall_rows,
						self_trust_rows};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static const char *finding_name(enum finding finding)
{
	static const char *const name[] = {"ok", "warning", "could not tell", "bad"};

	return name[finding];
}

void found(struct self_check *s, enum finding finding, const char *format, ...)
{
	va_list arguments;

	if (s->findings == FINDINGS)
		return;
	s->found[s->findings].finding = finding;
	va_start(arguments, format);
	vsnprintf(s->found[s->findings].text, FINDING_TEXT, format, arguments);
	va_end(arguments);
	s->findings++;
}

bool self_is_host(const struct self_check *s, const struct address *address)
{
	for (unsigned int i = 0; i < s->hosts.count; i++)
		if (!memcmp(&s->hosts.address[i], address, sizeof(*address)))
			return true;
	return false;
}

bool self_is_own(const struct self_check *s, const struct address *address)
{
	for (size_t i = 0; i < s->owns; i++)
		if (!memcmp(&s->own[i].address, address, sizeof(*address)))
			return true;
	return false;
}

void self_wait(struct self_check *s, const unsigned int *pending)
{
	uint64_t end = clock_boot() + s->config->dnsbl_timeout * SECOND_NS + LATE_NS;

	while (*pending && clock_boot() < end)
		if (sd_event_run(s->loop, 100000) < 0)
			break;
}

struct host_question {
	struct host_reply *reply;
	unsigned int pending;
};

static void on_host(void *context, const struct host_reply *reply)
{
	struct host_question *q = context;

	*q->reply = *reply;
	q->pending = 0;
}

/* --- beginning and end ------------------------------------------------------------------------ */

/* Answers that come after their row has given up have nowhere to go: the resolver ends with the row. */
static void open_resolver(struct self_check *s)
{
	const struct config *c = s->config;

	if (!s->loop && sd_event_new(&s->loop) < 0)
		s->loop = NULL;
	if (!s->loop)
		error_set(&s->resolver_why, -ENOMEM, "out of memory");
	else if (dnsbl_resolver_open(s->loop, c->dnsbl_resolver, c->dnsbl_resolvers,
				     (unsigned int)c->dnsbl_timeout * 1000, &s->resolver,
				     &s->resolver_why))
		s->resolver = NULL;
}

static void close_resolver(struct self_check *s)
{
	dnsbl_resolver_close(s->resolver);
	s->resolver = NULL;
}

void self_host(struct self_check *s, const char *name, struct host_reply *out)
{
	struct host_question q = {.reply = out, .pending = 1};

	memset(out, 0, sizeof(*out));
	if (!s->resolver || s->unanswered >= UNANSWERED)
		return;
	dnsbl_ask_host(s->resolver, name, on_host, &q);
	self_wait(s, &q.pending);
	s->unanswered += !out->known;
	/* `q` is about to be gone. */
	if (q.pending) {
		close_resolver(s);
		open_resolver(s);
	}
}

static int take_addresses(struct self_check *s, char *const word[], int words, struct error *why)
{
	struct self_addresses *hosts = &s->hosts;

	if (!words)
		return self_addresses(s->config, hosts, why);
	memset(hosts, 0, sizeof(*hosts));
	s->given = true;
	for (int i = 0; i < words; i++) {
		struct address *a = &hosts->address[hosts->count];
		char shown[64];

		text_clean(word[i], shown, sizeof(shown));
		if (hosts->count == SELF_ADDRESSES)
			return error_set(why, -EINVAL, "more than %d addresses", SELF_ADDRESSES);
		if (!address_parse(word[i], a))
			return error_set(why, -EINVAL, "\"%s\" is not an address", shown);
		if (address_is_private(a))
			return error_set(
				why, -EINVAL,
				"%s is private, and nobody else knows this host by it; name "
				"the public address",
				shown);
		if (!self_is_host(s, a))
			hosts->count++;
	}
	return 0;
}

static int begin(struct self_check *s, struct error *why)
{
	int err = net_own_addresses(&s->own, &s->owns, why);

	if (err)
		return err;
	s->routes = net_default_routes(s->route, SELF_ROUTES, why);
	if (s->routes < 0)
		return s->routes;
	/* Takes over the test offset of the clock as well. */
	s->wall_err = wall_open(place.pins, &s->wall, &s->wall_why);
	if (s->wall_err)
		s->wall = NULL;
	return 0;
}

static void end(struct self_check *s)
{
	for (unsigned int i = 0; i < s->talks; i++)
		smtp_close(s->talk[i].smtp);
	wall_close(s->wall);
	free(s->own);
	close_resolver(s);
	sd_event_unref(s->loop);
	config_free(s->config);
	free(s);
}

/* --- what came of it -------------------------------------------------------------------------- */

static enum finding worst(const struct self_check *s)
{
	enum finding finding = FINDING_OK;

	for (unsigned int i = 0; i < s->findings; i++)
		if (s->found[i].finding > finding)
			finding = s->found[i].finding;
	return finding;
}

static const char *shade(enum finding finding)
{
	static const enum colour shades[] = {COLOUR_GOOD, COLOUR_WARN, COLOUR_WARN, COLOUR_BAD};

	return colour(stdout, shades[finding]);
}

/* A sentence in lines of its own width behind what stands in front of it. */
static void print_sentence(const char *text)
{
	size_t room = WIDTH - INDENT;

	while (strlen(text) > room) {
		size_t cut = room;

		while (cut && text[cut] != ' ')
			cut--;
		if (!cut)
			cut = strcspn(text, " ");
		printf("%.*s\n%*s", (int)cut, text, text[cut] ? INDENT : 0, "");
		text += cut + (text[cut] == ' ');
	}
	puts(text);
}

static void print_row(const struct self_check *s, const struct self_row *row)
{
	for (unsigned int i = 0; i < s->findings; i++) {
		printf("%-13s %s%-15s%s ", i ? "" : row->name, shade(s->found[i].finding),
		       finding_name(s->found[i].finding), colour_end(stdout));
		print_sentence(s->found[i].text);
	}
}

static json_object *row_json(const struct self_check *s, const struct self_row *row)
{
	json_object *o = json_object_new_object(), *array = json_object_new_array();

	json_text(o, "name", row->name);
	json_text(o, "result", finding_name(worst(s)));
	json_flag(o, "important", row->important);
	for (unsigned int i = 0; i < s->findings; i++) {
		json_object *finding = json_object_new_object();

		json_text(finding, "result", finding_name(s->found[i].finding));
		json_text(finding, "text", s->found[i].text);
		json_object_array_add(array, finding);
	}
	json_object_object_add(o, "findings", array);
	return o;
}

/* Runs all rows; returns the exit status. `checks` NULL: for people. */
static int run(struct self_check *s, json_object *checks, unsigned int *warnings)
{
	bool bad = false, unknown = false;

	for (size_t t = 0; t < TABLES; t++)
		for (const struct self_row *row = tables[t]; row->name; row++) {
			s->findings = 0;
			open_resolver(s);
			row->check(s);
			close_resolver(s);
			if (!s->findings)
				continue;
			bad |= worst(s) == FINDING_BAD;
			for (unsigned int i = 0; i < s->findings; i++)
				*warnings += s->found[i].finding == FINDING_WARNING;
			unknown |= worst(s) == FINDING_UNKNOWN && row->important;
			if (checks)
				json_object_array_add(checks, row_json(s, row));
			else
				print_row(s, row);
			fflush(stdout);
		}
	return bad ? STATUS_FAILED : unknown ? STATUS_UNKNOWN : STATUS_DONE;
}

static int run_text(struct self_check *s)
{
	unsigned int warnings = 0;
	int status = run(s, NULL, &warnings);

	printf("\n%s; %u warning%s\n",
	       status == STATUS_DONE	 ? "nothing is bad"
	       : status == STATUS_FAILED ? "something is bad"
					 : "something important could not be told",
	       warnings, warnings == 1 ? "" : "s");
	return status;
}

static int run_json(struct self_check *s)
{
	json_object *o = json_object_new_object(), *checks = json_object_new_array(),
		    *addresses = json_object_new_array();
	char text[ADDRESS_TEXT];
	unsigned int warnings = 0;
	int status = run(s, checks, &warnings);

	json_text(o, "result",
		  status == STATUS_DONE	    ? "ok"
		  : status == STATUS_FAILED ? "bad"
					    : "could not tell");
	for (unsigned int i = 0; i < s->hosts.count; i++)
		json_object_array_add(addresses, json_object_new_string(
							 address_text(&s->hosts.address[i], text)));
	json_number(o, "warnings", warnings);
	json_object_object_add(o, "addresses", addresses);
	json_object_object_add(o, "checks", checks);
	json_print(o, stdout);
	return status;
}

int command_self_check(int argc, char **argv)
{
	static const char *const known[] = {"json", "from", NULL};
	struct self_check *s = calloc(1, sizeof(*s));
	struct options options;
	struct address address;
	struct error why;
	int first = options_read(argc, argv, known, help_self_check, &options), status, err;

	if (first < 0 || !s) {
		free(s);
		return first < 0 ? -1 - first : STATUS_FAILED;
	}
	if (config_read(place.config, &s->config, NULL, &why)) {
		fail(&why);
		free(s);
		return STATUS_USAGE;
	}
	s->from = options.from;
	if (s->from && !address_parse(s->from, &address)) {
		end(s);
		return usage("self-check", "--from takes an address");
	}
	err = begin(s, &why);
	if (!err)
		err = take_addresses(s, argv + first, argc - first, &why);
	if (err == -EINVAL && s->given)
		status = usage("self-check", "%s", why.text);
	else if (err)
		status = fail(&why);
	else
		status = options.json ? run_json(s) : run_text(s);
	end(s);
	return status;
}
