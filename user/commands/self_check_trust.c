// SPDX-License-Identifier: GPL-2.0-only
/*
 * self_check_trust.c - does the mail server take a proxy or a container's gateway for its own?
 *
 * Whoever comes through a userland proxy, or a gateway that hides its clients, comes from the proxy's
 * address. If that is in Postfix's mynetworks, the whole world may relay: over IPv6 alone, often,
 * where a container has no IPv6 of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../clock.h"
#include "../output.h"
#include "self_check.h"

#define OUTPUT	   65536
#define LIMIT_NS   (5 * SECOND_NS)
#define MORE_PATHS ":/usr/local/sbin:/usr/sbin:/sbin" /* where postconf is, if not in PATH */

/* --- postconf --------------------------------------------------------------------------------- */

static void run_postconf(int out, const char *const argv[])
{
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	const char *path = getenv("PATH");
	char paths[4096];

	snprintf(paths, sizeof(paths), "%s" MORE_PATHS, path ? path : "/usr/bin:/bin");
	setenv("PATH", paths, 1);
	setenv("LC_ALL", "C", 1);
	dup2(nowhere, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(nowhere, STDERR_FILENO);
	execvp(argv[0], (char *const *)argv);
	_exit(errno == ENOENT ? 127 : 126);
}

/* Reads to the end, within the limit; false when it was too much or took too long. */
static bool slurp(int fd, char *out, size_t size)
{
	uint64_t end = clock_boot() + LIMIT_NS;
	size_t used = 0;
	ssize_t n;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		uint64_t now = clock_boot();

		if (now >= end || used + 1 >= size ||
		    poll(&p, 1, (int)((end - now) / 1000000) + 1) < 0)
			return false;
		if (!p.revents)
			continue;
		n = read(fd, out + used, size - 1 - used);
		if (n < 0)
			return false;
		if (!n)
			break;
		used += (size_t)n;
	}
	out[used] = '\0';
	return true;
}

/* The value of a setting of Postfix. -ENOENT: there is no postconf; -EIO: it failed. */
static int postconf(const char *setting, char *out, size_t size)
{
	const char *const argv[] = {"postconf", "-hx", setting, NULL};
	int ends[2], status = 0;
	bool whole;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid)
		run_postconf(ends[1], argv);
	close(ends[1]);
	whole = pid > 0 && slurp(ends[0], out, size);
	close(ends[0]);
	if (pid < 0)
		return -EAGAIN;
	if (!whole)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return -ENOENT;
	if (!whole || !WIFEXITED(status) || WEXITSTATUS(status))
		return -EIO;
	out[strcspn(out, "\n")] = '\0';
	return 0;
}

/* --- who lives where -------------------------------------------------------------------------- */

static bool is_link_local(const struct address *a)
{
	return !address_is_v4(a) && address_half(a, 0) >> 54 == 0xfe80ULL >> 6;
}

static const char *kind_of(int index, struct link_facts *link)
{
	return link_facts_by_index(index, link, NULL) ? "" : link->kind;
}

static void tell_unknown(struct self_check *s, const char *who, const char *address, const char *by)
{
	found(s, FINDING_UNKNOWN,
	      "whether Postfix trusts %s %s cannot be told: \"%s\" in mynetworks is a table or file, "
	      "which is not looked into; look there",
	      who, address, by);
}

static void check_gateway(struct self_check *s, const char *mynetworks,
			  const struct net_route *route)
{
	char address[ADDRESS_TEXT], by[TRUST_ENTRY];
	struct link_facts link;
	bool single, container = !strcmp(kind_of(route->index, &link), "veth") &&
				 address_is_private(&route->gateway);

	address_text(&route->gateway, address);
	switch (self_trusts(mynetworks, &route->gateway, by, &single)) {
	case TRUST_NO:
		return;
	case TRUST_UNKNOWN:
		tell_unknown(s, "the gateway", address, by);
		return;
	case TRUST_YES:
		break;
	}
	if (container)
		found(s, FINDING_BAD,
		      "Postfix trusts the gateway %s of %s (%s in mynetworks), and this is a container: what "
		      "a userland proxy hands in, often all that comes over IPv6, comes from that address "
		      "and may be relayed anywhere; take it out of mynetworks, and let users log in",
		      address, route->name, by);
	else
		found(s, FINDING_WARNING,
		      "Postfix trusts the gateway %s (%s in mynetworks): if it, or a proxy or load balancer "
		      "there, hides its clients, all of them may relay, and so may your neighbours in that "
		      "network; name the hosts that may, alone, and try `smtpwall relay-test` from outside",
		      address, by);
}

/* The network between this host and its containers: they, or a proxy in one, come from there. */
static void check_inner(struct self_check *s, const char *mynetworks, const struct net_own *own)
{
	char network[PREFIX_TEXT], by[TRUST_ENTRY];
	struct link_facts link;
	bool single;

	prefix_text(&own->network, network);
	switch (self_trusts(mynetworks, &own->address, by, &single)) {
	case TRUST_NO:
		return;
	case TRUST_UNKNOWN:
		tell_unknown(s, "the network", network, by);
		return;
	case TRUST_YES:
		break;
	}
	/* Its own address alone is this host. */
	if (!single)
		found(s, FINDING_BAD,
		      "Postfix trusts %s, the network of %s in which containers or their proxies live (%s in "
		      "mynetworks): whoever is proxied by one may relay anywhere; take it out of mynetworks, "
		      "and name single containers that send mail, or let them log in",
		      network, link_facts_by_index(own->index, &link, NULL) ? "?" : link.name, by);
}

static bool carries_route(const struct self_check *s, int index)
{
	for (int i = 0; i < s->routes; i++)
		if (s->route[i].index == index)
			return true;
	return false;
}

static bool is_inner(const struct self_check *s, const struct net_own *own)
{
	struct link_facts link;
	const char *kind = kind_of(own->index, &link);

	return (!strcmp(kind, "bridge") || !strcmp(kind, "veth")) &&
	       own->network.length < ADDRESS_BITS && !carries_route(s, own->index);
}

/* Of whom the daemon says that they carry a large share of all mail. */
static void check_large(struct self_check *s, const char *mynetworks)
{
	static const char begin[] = "share of ";
	char address[ADDRESS_TEXT], by[TRUST_ENTRY];
	struct address source;
	bool single;

	for (int i = 0; s->wall && i < HEALTH_FAULTS; i++) {
		const struct fault *fault = &wall_health(s->wall)->fault[i];

		if (fault->since && !strncmp(fault->what, begin, strlen(begin)) &&
		    address_parse(fault->what + strlen(begin), &source) &&
		    self_trusts(mynetworks, &source, by, &single) == TRUST_YES)
			found(s, FINDING_WARNING,
			      "Postfix trusts %s (%s in mynetworks), which carries a large share of all "
			      "mail: if it is a proxy, all its clients may relay; look, and take it out of "
			      "mynetworks if it is",
			      address_text(&source, address), by);
	}
}

/* The gateways, the networks of containers, and who carries much of all mail as a proxy does. */
static void check_ways(struct self_check *s, const char *mynetworks)
{
	for (int i = 0; i < s->routes; i++) {
		bool again = false;

		for (int j = 0; j < i; j++)
			again |= !memcmp(&s->route[i].gateway, &s->route[j].gateway,
					 sizeof(struct address));
		if (s->route[i].has_gateway && !again && !is_link_local(&s->route[i].gateway))
			check_gateway(s, mynetworks, &s->route[i]);
	}
	for (size_t i = 0; i < s->owns; i++)
		if (is_inner(s, &s->own[i]))
			check_inner(s, mynetworks, &s->own[i]);
	check_large(s, mynetworks);
}

static void check_trust(struct self_check *s)
{
	char *mynetworks = calloc(1, OUTPUT);
	char by[TRUST_ENTRY], shown[160];
	int err = mynetworks ? postconf("mynetworks", mynetworks, OUTPUT) : -ENOMEM;

	if (err) {
		found(s, FINDING_UNKNOWN,
		      err == -ENOENT
			      ? "no Postfix is here (postconf was not found): look yourself whom the mail "
				"server relays for without a login, and that no proxy's or container's "
				"address is among them (Exim: relay_from_hosts)"
			      : "`postconf -hx mynetworks` did not work, so whom Postfix trusts is not "
				"known: try it by hand");
		free(mynetworks);
		return;
	}
	if (self_trusts_world(mynetworks, by))
		found(s, FINDING_BAD,
		      "Postfix trusts %s (mynetworks), which is nearly everybody: it is an open relay; name "
		      "your own hosts alone",
		      by);
	else
		check_ways(s, mynetworks);
	if (!s->findings)
		found(s, FINDING_OK,
		      "no gateway and no container network is in Postfix's mynetworks (%s)",
		      text_clean(mynetworks, shown, sizeof(shown)));
	free(mynetworks);
}

const struct self_row self_trust_rows[] = {
	{"relay-trust", false, check_trust},
	{NULL, false, NULL},
};
