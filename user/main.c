// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c - the table of subcommands, and the options that stand in front of them
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "commands/commands.h"
#include "output.h"
#include "version.h"

static const struct command command[] = {
	{"up", command_up, "load and attach the wall; again: upgrade in place", help_up},
	{"down", command_down, "detach the wall and remove its pins", help_down},
	{"daemon", command_daemon, "up, then keep the maps true until SIGTERM", help_daemon},
	{"status", command_status, "mode, interfaces, counters, health", help_status},
	{"check", command_check, "what would a connection from ADDR meet now, and why", help_check},
	{"block", command_block, "block an address or network by hand", help_block},
	{"unblock", command_unblock, "take a block back, or a ban for abuse", help_unblock},
	{"allow", command_allow, "allow an address or network whatever lists say", help_allow},
	{"unallow", command_unallow, "take an allow back", help_unallow},
	{"bans", command_bans, "who is banned for abuse; what is blocked and allowed by hand",
	 help_bans},
	{"lists", command_lists, "the lists in force, or the content of one", help_lists},
	{"load", command_load, "replace the content of a list", help_load},
	{"mode", command_mode, "monitor (drop nothing) or enforce", help_mode},
	{"watch", command_watch, "stream of events", help_watch},
	{"dnsbl", command_dnsbl, "how the DNSBLs are; take one out for a time, forget answers",
	 help_dnsbl},
	{"self-check", command_self_check, "is this host well placed, and listed nowhere?",
	 help_self_check},
	{"relay-test", command_relay_test, "does a mail server relay for strangers?",
	 help_relay_test},
	{"config", command_config, "check or show the configuration", help_config},
	/* Not by hand, and not in the help: the daemon starts it. */
	{"refusal-listener", command_refusal_listener, NULL, help_refusal_listener},
};
#define COMMANDS (sizeof(command) / sizeof(command[0]))

struct place place = {
	.config = "/etc/smtpwall/smtpwall.conf",
	.pins = "/sys/fs/bpf/smtpwall",
	.state = "/var/lib/smtpwall",
};

static void help(FILE *out)
{
	fputs("smtpwall - drops or refuses SMTP connections from blocked sources at the network "
	      "interface\n\n"
	      "usage: smtpwall [-c FILE] [--pins DIR] [--state DIR] COMMAND ...\n\n",
	      out);
	for (size_t i = 0; i < COMMANDS; i++)
		if (command[i].summary)
			fprintf(out, "  %-10s %s\n", command[i].name, command[i].summary);
	fputs("\n  -c FILE      configuration (default /etc/smtpwall/smtpwall.conf, or "
	      "SMTPWALL_CONFIG)\n"
	      "  --pins DIR   where the wall is pinned (default /sys/fs/bpf/smtpwall, or "
	      "SMTPWALL_PINS)\n"
	      "  --state DIR  what must survive a reboot (default /var/lib/smtpwall, or "
	      "SMTPWALL_STATE)\n"
	      "  --verbose    show what libbpf and the kernel say\n"
	      "  --version    print the version\n\n"
	      "`smtpwall COMMAND --help` tells more. In an emergency: `smtpwall mode monitor` "
	      "drops and\n"
	      "refuses nothing any more, `smtpwall down` takes the wall away.\n",
	      out);
}

static void take_environment(void)
{
	const char *value;

	if ((value = getenv("SMTPWALL_CONFIG")) && *value)
		place.config = value;
	if ((value = getenv("SMTPWALL_PINS")) && *value)
		place.pins = value;
	if ((value = getenv("SMTPWALL_STATE")) && *value)
		place.state = value;
}

/* The place options may stand in front of the command or behind it; this takes them out of argv. */
static int take_place(int *argc, char **argv)
{
	static const struct {
		const char *name;
		const char **value;
	} option[] = {{"-c", &place.config},
		      {"--config", &place.config},
		      {"--pins", &place.pins},
		      {"--state", &place.state}};
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		bool taken = false;

		if (!strcmp(argv[i], "--")) {
			while (i < *argc)
				argv[kept++] = argv[i++];
			break;
		}
		if (!strcmp(argv[i], "--verbose") || !strcmp(argv[i], "-v")) {
			place.verbose = true;
			continue;
		}
		for (size_t o = 0; !taken && o < sizeof(option) / sizeof(option[0]); o++) {
			size_t length = strlen(option[o].name);

			if (!strcmp(argv[i], option[o].name)) {
				if (i + 1 >= *argc || !*argv[i + 1]) {
					complain("%s needs a value", argv[i]);
					return STATUS_USAGE;
				}
				*option[o].value = argv[++i];
				taken = true;
			} else if (length > 2 && !strncmp(argv[i], option[o].name, length) &&
				   argv[i][length] == '=') {
				*option[o].value = argv[i] + length + 1;
				taken = true;
			}
		}
		if (!taken)
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	*argc = kept;
	return STATUS_DONE;
}

/*
 * A standard descriptor that was closed must not become a file of ours, into which the next
 * sentence would be written. Not writable, so that output which goes nowhere is still noticed.
 */
static void standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Output that was not written is a failure. */
static int written(int status)
{
	if (fflush(stdout) && status == STATUS_DONE) {
		complain("cannot write the output: is the disk full or the reader gone?");
		status = STATUS_FAILED;
	}
	return status;
}

int main(int argc, char **argv)
{
	int status;

	standard_descriptors();
	take_environment();
	place.self = argv[0];
	status = take_place(&argc, argv);
	if (status)
		return status;
	kernel_init(place.verbose);
	if (argc < 2) {
		help(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help(stdout);
		return written(STATUS_DONE);
	}
	if (!strcmp(argv[1], "--version")) {
		puts("smtpwall " VERSION);
		return written(STATUS_DONE);
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(argv[1], command[i].name) != 0)
			continue;
		/* The daemon in the foreground speaks to its terminal; what a command changes
		 * belongs in the log. */
		if (command[i].run != command_daemon)
			log_to_stderr(false);
		status = command[i].run(argc - 1, argv + 1);
		return written(status);
	}
	complain("there is no command \"%s\"; `smtpwall --help` lists them", argv[1]);
	return STATUS_USAGE;
}
