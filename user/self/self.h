/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * self.h - this host as the rest of the world sees it
 *
 *   addresses  by which addresses others know it
 *   listing    what a DNSBL's answer about one of them is worth
 *   name       is this a name for a mail server?
 *   trust      whom Postfix takes for its own (mynetworks)
 *
 * Knows no maps and no daemon: `smtpwall self-check` and the daemon's service `self` use it.
 */
#ifndef SMTPWALL_USER_SELF_H
#define SMTPWALL_USER_SELF_H

#include "../config.h"
#include "../dnsbl/dnsbl.h"

/* --- addresses -------------------------------------------------------------------------------- */

#define SELF_ADDRESSES CONFIG_SELF

struct self_addresses {
	struct address address[SELF_ADDRESSES];
	unsigned int count;
	unsigned int left_out; /* there are more */
	bool configured;       /* and not those of the interfaces */
	unsigned int hidden;   /* private ones of the interfaces: with no other, this is NAT */
};

/* The configuration's, or the public ones of the interfaces. */
int self_addresses(const struct config *config, struct self_addresses *out, struct error *why);

/* --- listing ---------------------------------------------------------------------------------- */

enum self_listing {
	SELF_SILENT = 0, /* no usable answer: nothing is known */
	SELF_CLEAR,	 /* not listed, or it speaks for us */
	SELF_LISTED,	 /* listed, with a weight that counts against us */
	SELF_UNWEIGHED,	 /* listed in a block list, by an answer that has no weight here */
};

/* By the weights that the wall itself gives; the answer is kept in `answer`. */
enum self_listing self_listing(const struct dnsbl_zone *zone, const struct dnsbl_reply *reply,
			       struct dnsbl_answer *answer);
/* What begins the name of the daemon's fault about one of this host's addresses; the address follows. */
#define SELF_FAULT "listed "
/* "127.0.0.2,127.0.0.4". Returns `text`. */
const char *self_records(const struct dnsbl_answer *answer, char *text, size_t size);

/* --- name ------------------------------------------------------------------------------------- */

/* Letters, digits, hyphens and dots as in a host's name, with two labels at least (RFC 5321, 2.3.5). */
bool self_name_valid(const char *name);
/* Made of the address by its provider, as "192-0-2-25.dyn.example": nobody has named this host. */
bool self_name_generic(const char *name, const struct address *address);

/* --- trust ------------------------------------------------------------------------------------ */

enum self_trust {
	TRUST_NO,
	TRUST_YES,
	TRUST_UNKNOWN, /* a table or a file comes first that is not looked into */
};

/*
 * Is an address in Postfix's mynetworks, as postconf prints it? The first entry that matches decides,
 * "!" takes out. `by` gets that entry, cleaned (TRUST_UNKNOWN: the one that is not looked into), and
 * `single` whether it is that address alone.
 */
#define TRUST_ENTRY 80
enum self_trust self_trusts(const char *mynetworks, const struct address *address,
			    char by[TRUST_ENTRY], bool *single);
/* An entry that holds everybody, or nearly so (wider than /8, IPv6 /16). */
bool self_trusts_world(const char *mynetworks, char by[TRUST_ENTRY]);

#endif
