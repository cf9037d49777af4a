/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * self_check.h - the checks of `self-check`, in tables: names, DNSBLs (self_check_dns.c), the mail
 * server (self_check_server.c), the wall and its administrator (self_check_wall.c), whom the mail
 * server trusts (self_check_trust.c)
 *
 * A check finds one thing or several, each a whole sentence with cause and way out. Its result is the
 * worst of them.
 */
#ifndef SMTPWALL_SELF_CHECK_H
#define SMTPWALL_SELF_CHECK_H

#include "../net/net.h"
#include "../relay/relay.h"
#include "../self/self.h"
#include "commands.h"

/* Worse is greater. */
enum finding {
	FINDING_OK,
	FINDING_WARNING,
	FINDING_UNKNOWN, /* could not tell */
	FINDING_BAD,
};

/* Of one check: the names of all addresses are the most, and none may be left out. */
#define FINDINGS     (SELF_ADDRESSES * (NAMES_MAX + 1))
#define FINDING_TEXT 700
#define SELF_ROUTES  32
#define SELF_TALKS   ((size_t)2 * SETTINGS_PORTS)

/* The names of one address, and whether they lead back. */
struct self_names {
	struct names_reply names;
	bool asked, confirmed[NAMES_MAX];
};

/* One port in one family. */
struct self_talk {
	struct address address;
	uint16_t port;
	bool v6, wrapped; /* TLS at once: there is no greeting in clear */
	struct smtp *smtp;
	int err; /* of connecting or reading */
	struct smtp_reply greeting;
};

struct self_check {
	/* What it works with. */
	struct config *config;
	struct wall *wall; /* NULL: */
	int wall_err;
	struct error wall_why;
	const char *from; /* --from; NULL: not given */
	struct self_addresses hosts;
	bool given; /* by the command line */
	struct net_own *own;
	size_t owns;
	struct net_route route[SELF_ROUTES];
	int routes;
	sd_event *loop;
	struct dnsbl_resolver *resolver; /* NULL: */
	struct error resolver_why;
	unsigned int unanswered; /* questions about names */
	/* What a check has found that a later one needs. */
	struct self_names names[SELF_ADDRESSES];
	struct self_talk talk[SELF_TALKS];
	unsigned int talks;
	/* What the check that runs has found. */
	unsigned int findings;
	struct {
		enum finding finding;
		char text[FINDING_TEXT];
	} found[FINDINGS];
};

struct self_row {
	const char *name;
	bool important; /* exit status 3 if it could not be told */
	void (*check)(struct self_check *s);
};

/* Each ends with a row without a name. */
extern const struct self_row self_dns_rows[], self_server_rows[], self_wall_rows[],
	self_trust_rows[];

void found(struct self_check *s, enum finding finding, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Is this one of the addresses that others know this host by? */
bool self_is_host(const struct self_check *s, const struct address *address);
/* Is it on an interface? */
bool self_is_own(const struct self_check *s, const struct address *address);

/* Runs the loop until nothing is pending, for the resolver's timeout at most. */
void self_wait(struct self_check *s, const unsigned int *pending);
/* What DNS says of a name, and waits. */
void self_host(struct self_check *s, const char *name, struct host_reply *out);

#endif
