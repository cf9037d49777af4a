// SPDX-License-Identifier: GPL-2.0-only
/*
 * answer.c - a DNS message becomes an outcome: what is a listing, and what is not
 *
 * In: the question, its zone, c-ares's status and the message as it came (RFC 1035). Out: a struct
 * dnsbl_reply. Resolvers and parked domains answer anything; only A records in 127.0.0.0/8 (RFC
 * 5782, 2.1) that belong to the question are a listing. glibc's resolver library reads the wire.
 */
#include <arpa/nameser.h>
#include <ares.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "dnsbl.h"

#define CHAIN	  8	      /* CNAMEs that are followed */
#define TTL_SANE  0x7fffffffu /* greater ones mean 0 (RFC 2181, 8) */
#define SOA_FIXED 20	      /* bytes behind both names */

/* What is found on the way through a message. */
struct reading {
	const char *zone;
	ns_msg message;
	char owner[NS_MAXDNAME]; /* the question, then the target of its CNAME */
	unsigned int steps;
	struct dnsbl_reply *out;
};

/* The ends of names may differ by the root's dot. */
static size_t name_length(const char *name)
{
	size_t length = strlen(name);

	return length && name[length - 1] == '.' ? length - 1 : length;
}

static bool same_name(const char *a, const char *b)
{
	size_t length = name_length(a);

	return length == name_length(b) && !strncasecmp(a, b, length);
}

static bool below(const char *name, const char *zone)
{
	size_t length = name_length(name), tail = name_length(zone);

	return length > tail + 1 && name[length - tail - 1] == '.' &&
	       !strncasecmp(name + length - tail, zone, tail);
}

static void least_ttl(struct dnsbl_reply *out, uint32_t ttl)
{
	if (ttl > TTL_SANE)
		ttl = 0;
	if (ttl < out->ttl)
		out->ttl = ttl;
}

/* --- records --------------------------------------------------------------------------------- */

/* Keeps the least DNSBL_RECORDS addresses in numeric order, each once: resolvers shuffle them. */
static void keep(struct dnsbl_reply *out, const uint8_t address[4])
{
	unsigned int at = 0;
	int order = -1;

	while (at < out->records && (order = memcmp(out->record[at], address, 4)) < 0)
		at++;
	if (at == DNSBL_RECORDS || (at < out->records && !order))
		return;
	if (out->records < DNSBL_RECORDS)
		out->records++;
	memmove(out->record[at + 1], out->record[at],
		(out->records - at - 1) * sizeof(out->record[0]));
	memcpy(out->record[at], address, 4);
}

static enum dnsbl_outcome judge_address(const uint8_t a[4])
{
	if (a[0] != 127)
		return DNSBL_OUTSIDE;
	return a[1] == 255 && a[2] == 255 ? DNSBL_ERROR_CODE : DNSBL_HIT;
}

/* One address that is no listing spoils the others; the worst outcome counts most. */
static enum dnsbl_outcome add_address(struct dnsbl_reply *out, const uint8_t address[4])
{
	enum dnsbl_outcome outcome = judge_address(address);

	if (out->outcome == DNSBL_MISS)
		out->outcome = outcome;
	if (outcome == out->outcome) {
		keep(out, address);
	} else if (outcome == DNSBL_OUTSIDE || out->outcome == DNSBL_HIT) {
		out->outcome = outcome;
		out->records = 0;
		keep(out, address);
	}
	return out->outcome;
}

/* Finds the CNAME of the owner. 1: there is one, and the owner is its target now; 0: there is none. */
static int follow(struct reading *r)
{
	char target[NS_MAXDNAME];
	ns_rr record;
	int used;

	for (int i = 0; i < ns_msg_count(r->message, ns_s_an); i++) {
		if (ns_parserr(&r->message, ns_s_an, i, &record))
			return -1;
		if (ns_rr_type(record) != ns_t_cname || !same_name(ns_rr_name(record), r->owner))
			continue;
		used = ns_name_uncompress(ns_msg_base(r->message), ns_msg_end(r->message),
					  ns_rr_rdata(record), target, sizeof(target));
		if (used != ns_rr_rdlen(record) || ns_rr_class(record) != ns_c_in)
			return -1;
		least_ttl(r->out, ns_rr_ttl(record));
		memcpy(r->owner, target, sizeof(r->owner));
		return 1;
	}
	return 0;
}

static enum dnsbl_outcome read_chain(struct reading *r)
{
	int more;

	while ((more = follow(r)) > 0) {
		if (!below(r->owner, r->zone))
			return DNSBL_ALIAS;
		if (++r->steps > CHAIN)
			return DNSBL_MANGLED;
	}
	return more < 0 ? DNSBL_MANGLED : DNSBL_MISS;
}

/* Every A record must belong to the name at the end of the chain. */
static enum dnsbl_outcome read_addresses(struct reading *r)
{
	ns_rr record;

	for (int i = 0; i < ns_msg_count(r->message, ns_s_an); i++) {
		if (ns_parserr(&r->message, ns_s_an, i, &record))
			return DNSBL_MANGLED;
		if (ns_rr_type(record) != ns_t_a)
			continue;
		if (ns_rr_class(record) != ns_c_in || ns_rr_rdlen(record) != 4 ||
		    !same_name(ns_rr_name(record), r->owner))
			return DNSBL_MANGLED;
		least_ttl(r->out, ns_rr_ttl(record));
		add_address(r->out, ns_rr_rdata(record));
	}
	return r->out->outcome;
}

/* RFC 2308, 5: the lesser of the SOA's TTL and its last field. */
static enum dnsbl_outcome read_soa(struct reading *r)
{
	ns_rr record;

	r->out->ttl = 0;
	for (int i = 0; i < ns_msg_count(r->message, ns_s_ns); i++) {
		const unsigned char *at, *end;

		if (ns_parserr(&r->message, ns_s_ns, i, &record))
			return DNSBL_MANGLED;
		if (ns_rr_type(record) != ns_t_soa || ns_rr_class(record) != ns_c_in)
			continue;
		at = ns_rr_rdata(record);
		end = at + ns_rr_rdlen(record);
		for (int names = 0; names < 2; names++)
			if (ns_name_skip(&at, end))
				return DNSBL_MANGLED;
		if (end - at != SOA_FIXED)
			return DNSBL_MANGLED;
		r->out->ttl = TTL_SANE;
		least_ttl(r->out, ns_rr_ttl(record));
		least_ttl(r->out, ns_get32(end - 4));
		break;
	}
	return DNSBL_MISS;
}

/* --- messages -------------------------------------------------------------------------------- */

static bool about(struct reading *r, const char *question)
{
	ns_rr record;

	return ns_msg_count(r->message, ns_s_qd) == 1 &&
	       !ns_parserr(&r->message, ns_s_qd, 0, &record) && ns_rr_type(record) == ns_t_a &&
	       ns_rr_class(record) == ns_c_in && same_name(ns_rr_name(record), question);
}

/* What an answer that is NOERROR or NXDOMAIN says. */
static enum dnsbl_outcome read_answer(struct reading *r, const char *question, bool none)
{
	enum dnsbl_outcome outcome;

	if (ns_msg_getflag(r->message, ns_f_tc) || !about(r, question))
		return DNSBL_MANGLED;
	snprintf(r->owner, sizeof(r->owner), "%s", question);
	r->out->outcome = DNSBL_MISS;
	r->out->ttl = TTL_SANE;
	outcome = read_chain(r);
	if (outcome == DNSBL_MISS)
		outcome = read_addresses(r);
	if (outcome == DNSBL_MISS)
		return read_soa(r);
	/* Addresses of a name that does not exist: one of both is a lie. */
	return none && outcome != DNSBL_ALIAS ? DNSBL_MANGLED : outcome;
}

static enum dnsbl_outcome read_message(struct reading *r, const char *question,
				       const unsigned char *message, int size)
{
	if (ns_initparse(message, size, &r->message) || !ns_msg_getflag(r->message, ns_f_qr) ||
	    ns_msg_getflag(r->message, ns_f_opcode) != ns_o_query)
		return DNSBL_MANGLED;
	switch (ns_msg_getflag(r->message, ns_f_rcode)) {
	case ns_r_noerror:
		return read_answer(r, question, false);
	case ns_r_nxdomain:
		return read_answer(r, question, true);
	case ns_r_refused:
		return DNSBL_REFUSED;
	default:
		return DNSBL_SERVFAIL;
	}
}

/* Where there is no message. */
static enum dnsbl_outcome read_status(int status)
{
	switch (status) {
	case ARES_ENOTFOUND:
	case ARES_ENODATA:
		return DNSBL_MISS;
	case ARES_ESERVFAIL:
	case ARES_ENOTIMP:
	case ARES_EFORMERR:
		return DNSBL_SERVFAIL;
	case ARES_EREFUSED:
		return DNSBL_REFUSED;
	case ARES_ETIMEOUT:
	case ARES_ECONNREFUSED:
		return DNSBL_TIMEOUT;
	case ARES_ECANCELLED:
	case ARES_EDESTRUCTION:
	case ARES_ENOMEM:
		return DNSBL_UNASKED;
	default:
		return DNSBL_MANGLED;
	}
}

void dnsbl_reply_read(const char *question, const char *zone, int status,
		      const unsigned char *message, int size, struct dnsbl_reply *out)
{
	struct reading r = {.zone = zone, .out = out};
	enum dnsbl_outcome outcome;

	memset(out, 0, sizeof(*out));
	outcome = message ? read_message(&r, question, message, size) : read_status(status);
	if (outcome != DNSBL_HIT && outcome != DNSBL_MISS)
		out->ttl = 0;
	if (outcome != DNSBL_HIT && outcome != DNSBL_OUTSIDE && outcome != DNSBL_ERROR_CODE)
		out->records = 0;
	if (outcome == DNSBL_OUTSIDE || outcome == DNSBL_ERROR_CODE)
		out->records = 1;
	memset(out->record[out->records], 0,
	       sizeof(out->record) - out->records * sizeof(out->record[0]));
	out->outcome = outcome;
}

/* --- words ----------------------------------------------------------------------------------- */

static const char *const outcome_name[DNSBL_OUTCOMES] = {
	[DNSBL_UNASKED] = "unasked",   [DNSBL_MISS] = "miss",
	[DNSBL_HIT] = "hit",	       [DNSBL_TIMEOUT] = "timeout",
	[DNSBL_SERVFAIL] = "servfail", [DNSBL_REFUSED] = "refused",
	[DNSBL_MANGLED] = "mangled",   [DNSBL_ALIAS] = "alias",
	[DNSBL_OUTSIDE] = "outside",   [DNSBL_ERROR_CODE] = "error-code",
};

const char *dnsbl_outcome_name(enum dnsbl_outcome outcome)
{
	return (unsigned int)outcome < DNSBL_OUTCOMES ? outcome_name[outcome] : "unknown";
}

/* Spamhaus's codes, which others use as well. */
static const char *error_code_text(uint8_t last)
{
	switch (last) {
	case 252:
		return "the zone's name is mistyped";
	case 254:
		return "it refuses your resolver; use your own";
	case 255:
		return "too many queries today";
	default:
		return "an error code, and no listing";
	}
}

/* "127.0.0.2, 127.0.0.4" */
static void addresses_text(const struct dnsbl_reply *reply, char *buffer, size_t size)
{
	size_t used = 0;

	buffer[0] = '\0';
	for (unsigned int i = 0; i < reply->records && i < DNSBL_RECORDS && used < size; i++) {
		const uint8_t *a = reply->record[i];

		used += (size_t)snprintf(buffer + used, size - used, "%s%u.%u.%u.%u", i ? ", " : "",
					 a[0], a[1], a[2], a[3]);
	}
}

static const char *failure_text(enum dnsbl_outcome outcome)
{
	switch (outcome) {
	case DNSBL_UNASKED:
		return "was not asked";
	case DNSBL_MISS:
		return "does not list it";
	case DNSBL_TIMEOUT:
		return "does not answer (timeout)";
	case DNSBL_SERVFAIL:
		return "answers SERVFAIL: its name servers are out of order, or your resolver is";
	case DNSBL_REFUSED:
		return "answers REFUSED: it, or your resolver, does not let you ask";
	case DNSBL_ALIAS:
		return "answers with an alias to elsewhere, and no DNSBL does; has the domain "
		       "changed hands?";
	default:
		return "gives a mangled answer";
	}
}

const char *dnsbl_reply_text(const struct dnsbl_reply *reply, char *buffer, size_t size)
{
	char addresses[DNSBL_RECORDS * 18];

	addresses_text(reply, addresses, sizeof(addresses));
	switch (reply->outcome) {
	case DNSBL_HIT:
		snprintf(buffer, size, "answers %s", addresses);
		break;
	case DNSBL_OUTSIDE:
		snprintf(buffer, size,
			 "answers %s, which is outside 127.0.0.0/8 and no DNSBL's answer; has the "
			 "domain changed hands?",
			 addresses);
		break;
	case DNSBL_ERROR_CODE:
		snprintf(buffer, size, "answers %s: %s", addresses,
			 error_code_text(reply->record[0][3]));
		break;
	default:
		snprintf(buffer, size, "%s", failure_text(reply->outcome));
	}
	return buffer;
}
