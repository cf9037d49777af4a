// SPDX-License-Identifier: GPL-2.0-only
/*
 * relay_test.c - does a mail server relay for strangers?
 *
 * Connects like a stranger and tries every known form (../relay). Only ever the host that was named, and
 * only after somebody said that this may be done.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "../output.h"
#include "relay_test.h"

const char help_relay_test[] =
	"usage: smtpwall relay-test HOST[:PORT] [--from ADDR] [--to ADDR] [--helo NAME] [--deliver]\n"
	"                           [--patience TIME] [--pause TIME] [--timeout TIME] [--yes] [--json]\n\n"
	"Connects to a mail server as a stranger would and tries every known way to have mail relayed: with EHLO,\n"
	"with HELO, pipelined and behind STARTTLS, over IPv4 and IPv6, at every address of HOST. Sends no mail,\n"
	"but for --deliver. Run it from outside: a server trusts its own machine, and often its own network.\n"
	"HOST is a name, an IPv4 or an [IPv6] address; its MX is not followed.\n\n"
	"  --from ADDR      the sender (default relay-test-from@smtpwall-test.example, which nobody owns); many\n"
	"                   servers refuse a sender whose domain does not exist: name one of yours then\n"
	"  --to ADDR        the recipient (default relay-test@smtpwall-test.example): nobody receives anything\n"
	"  --helo NAME      how this machine calls itself (default its name, or else its address)\n"
	"  --deliver        send a harmless marked message with every form that is accepted; needs --to with an\n"
	"                   address of yours elsewhere. That it arrives there is the only real proof\n"
	"  --patience TIME  what was put off, as by greylisting, is tried once more after this time\n"
	"  --pause TIME     between two tests (default a twentieth of a second)\n"
	"  --timeout TIME   for each reply (default 30s); all of an address takes 20 times that at most\n"
	"  --yes            do not ask whether HOST may be tested\n\n"
	"Verdict and exit status: closed 0; open or may relay 1 (`open`: it took a message; `may relay`: it accepted\n"
	"the recipient, which is no proof yet); could not tell 3; 2 wrong usage.\n";

#define TIMEOUT_MS 30000
#define PAUSE_MS   50

/* --- addresses -------------------------------------------------------------------------------- */

static bool only_holds(const char *text, size_t length, const char *others)
{
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr(others, text[i]))
			return false;
	return length > 0;
}

static bool is_domain(const char *text)
{
	size_t length = strlen(text);

	return length < SMTP_NAME && only_holds(text, length, "-.") && text[0] != '.' &&
	       text[0] != '-' && text[length - 1] != '.' && !strstr(text, "..");
}

/* The forms need an address without tricks of its own. */
static bool take_address(const char *text, char user[65], char domain[SMTP_NAME])
{
	const char *at = strchr(text, '@');
	size_t length = at ? (size_t)(at - text) : 0;

	if (!at || length > 64 || !only_holds(text, length, "-._+=") || !is_domain(at + 1))
		return false;
	memcpy(user, text, length);
	user[length] = '\0';
	snprintf(domain, SMTP_NAME, "%s", at + 1);
	return true;
}

/* A machine's own name, where it has one that others may know. "" otherwise: its address stands in. */
static void own_name(char out[SMTP_NAME])
{
	static const char *const private[] = {".localdomain", ".local", ".lan", ".internal",
					      ".home.arpa"};

	out[0] = '\0';
	if (gethostname(out, SMTP_NAME - 1) || !is_domain(out) || !strchr(out, '.'))
		out[0] = '\0';
	for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++) {
		size_t length = strlen(out), ending = strlen(private[i]);

		if (length > ending && !strcasecmp(out + length - ending, private[i]))
			out[0] = '\0';
	}
}

static bool is_helo(const char *text)
{
	return is_domain(text) ||
	       (text[0] == '[' && text[strlen(text) - 1] == ']' && strlen(text) < 64 &&
		only_holds(text + 1, strlen(text) - 2, ".:"));
}

/* --- progress --------------------------------------------------------------------------------- */

static void progress(void *context, const struct relay_test *test, const char *sentence)
{
	const struct relay_walk *walk = context;

	if (sentence)
		note("%s", sentence);
	else if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s  %s, %s\033[K", walk->address, relay_way_name(test->way),
			relay_form[test->form].name);
}

static void progress_end(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

/* --- the command ------------------------------------------------------------------------------ */

static int take_options(struct relay_run *run)
{
	const struct options *o = &run->options;
	struct relay_plan *plan = &run->plan;
	struct relay_names *n = &plan->names;
	uint64_t random = 0;

	if (o->deliver && !o->to)
		return usage("relay-test",
			     "--deliver sends a message: say --to with an address of yours");
	if (!take_address(o->from ? o->from : "relay-test-from@" RELAY_DOMAIN, n->from_user,
			  n->from_domain))
		return usage("relay-test", "--from takes a plain address, not \"%s\"", o->from);
	if (!take_address(o->to ? o->to : "relay-test@" RELAY_DOMAIN, n->to_user, n->to_domain))
		return usage("relay-test", "--to takes a plain address, not \"%s\"", o->to);
	if (o->helo && !is_helo(o->helo))
		return usage("relay-test", "--helo takes a name, not \"%s\"", o->helo);
	own_name(plan->own_name);
	snprintf(plan->helo, sizeof(plan->helo), "%s", o->helo ? o->helo : plan->own_name);
	plan->deliver = o->deliver;
	plan->to_given = o->to != NULL;
	plan->wrapped = run->port == 465;
	plan->timeout_ms = o->timeout ? (unsigned int)o->timeout * 1000 : TIMEOUT_MS;
	plan->pause_ms = o->pause_given ? (unsigned int)o->pause * 1000 : PAUSE_MS;
	plan->patience = o->patience;
	plan->server = plan->sni = run->literal ? NULL : run->host;
	if (getrandom(&random, sizeof(random), 0) < 0)
		random = (uint64_t)getpid();
	snprintf(plan->token, sizeof(plan->token), "%08x", (unsigned int)random);
	return STATUS_DONE;
}

/* Is any of the addresses somebody else's, who may mind? */
static bool is_foreign(const struct relay_run *run)
{
	for (unsigned int i = 0; i < run->walks; i++)
		if (run->walk[i].size && run->walk[i].reach != REACH_SELF)
			return true;
	return false;
}

static int ask(const struct relay_run *run)
{
	char answer[16] = "";

	if (run->options.yes || !is_foreign(run))
		return STATUS_DONE;
	if (!isatty(STDIN_FILENO))
		return usage(
			"relay-test",
			"%s is another machine: say --yes if its administrator knows of the test",
			run->given);
	fprintf(stderr,
		"%s is another machine. The test connects to it many times and tries to have mail relayed,\n"
		"which looks like an attack and may get this machine blocked there. May it be tested? [y/N] ",
		run->given);
	if (!fgets(answer, sizeof(answer), stdin) || (answer[0] != 'y' && answer[0] != 'Y')) {
		complain("relay-test: not tested");
		return STATUS_UNKNOWN;
	}
	return STATUS_DONE;
}

static void run_walks(struct relay_run *run)
{
	for (unsigned int i = 0; i < run->walks; i++) {
		struct relay_walk *walk = &run->walk[i];

		if (!walk->size || walk->reach == REACH_SELF)
			continue;
		run->plan.progress = progress;
		run->plan.context = walk;
		relay_walk_run(&run->plan, walk);
	}
	progress_end();
	run->verdict = relay_judge_all(run->walk, run->walks, run->literal, run->reason,
				       sizeof(run->reason));
}

static int status_of(enum relay_verdict verdict)
{
	switch (verdict) {
	case RELAY_CLOSED:
		return STATUS_DONE;
	case RELAY_MAY_RELAY:
	case RELAY_OPEN:
		return STATUS_FAILED;
	case RELAY_COULD_NOT_TELL:
		break;
	}
	return STATUS_UNKNOWN;
}

static int run_test(struct relay_run *run)
{
	struct error why;
	int status;

	run->walk = calloc(RELAY_ADDRESSES + 2, sizeof(*run->walk));
	if (!run->walk)
		abort();
	if (relay_host_find(run, &why)) {
		run->verdict = RELAY_COULD_NOT_TELL;
		snprintf(run->reason, sizeof(run->reason), "%s", why.text);
		run->walks = 0;
	} else {
		status = ask(run);
		if (status)
			return status;
		run_walks(run);
	}
	if (run->options.json)
		relay_show_json(run);
	else
		relay_show(run);
	return status_of(run->verdict);
}

int command_relay_test(int argc, char **argv)
{
	static const char *const known[] = {"json", "from",    "to",	   "helo",  "deliver",
					    "yes",  "timeout", "patience", "pause", NULL};
	struct relay_run run = {0};
	int first = options_read(argc, argv, known, help_relay_test, &run.options), status;

	if (first < 0)
		return -1 - first;
	if (first + 1 != argc)
		return usage("relay-test", "say one host");
	run.given = argv[first];
	if (!relay_host_parse(run.given, run.host, &run.port, &run.literal))
		return usage("relay-test",
			     "\"%s\" is no host: NAME, NAME:PORT, 192.0.2.25 or [2001:db8::25]:25",
			     run.given);
	status = take_options(&run);
	if (!status)
		status = run_test(&run);
	free(run.walk);
	return status;
}
