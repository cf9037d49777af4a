/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dnsbl.h - asking DNSBLs, and what their answers are worth (c-ares)
 *
 *   sites     postscreen's syntax: zones, patterns, weights; what an answer scores
 *   answer    a DNS message becomes an outcome: what is a listing, and what is not
 *   resolver  c-ares on the event loop: one query, one reply
 *   mx        the addresses of those who take a domain's mail
 *   txt       what a DNSBL itself says about a source it lists
 *   names     the names of an address, the addresses of a name
 *   facts     answers of all sites become the score and the expiry of a source (the map's value)
 *   health    a site's tests, failures, breaker: is it good for anything at the moment?
 *   latency   how long answers take
 *
 * Knows no maps and no daemon: the daemon's service of that name joins it to them.
 */
#ifndef SMTPWALL_USER_DNSBL_H
#define SMTPWALL_USER_DNSBL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include <smtpwall/dnsbl.h>
#include "../text.h"

/* --- sites ------------------------------------------------------------------------------------ */

#define DNSBL_ZONE     190 /* bytes of a zone with its NUL: an IPv6 question must fit in front */
#define DNSBL_PATTERNS 64  /* of one zone */
#define DNSBL_WEIGHT   1000000

/* Which test entries of RFC 5782 a site has. */
enum dnsbl_test {
	DNSBL_TEST_ON = 0,  /* IPv4 must be right; IPv6 is used where it is right as well */
	DNSBL_TEST_OFF = 1, /* it has none: it is asked about both families untested */
};

struct dnsbl_pattern {
	bool any;	      /* no filter: every answer matches */
	uint8_t octet[4][32]; /* bit sets: the values that match */
	int32_t weight;
};

struct dnsbl_zone {
	char zone[DNSBL_ZONE]; /* lower case, no dot at the end; never shown */
	char name[DNSBL_NAME]; /* shown everywhere instead; the zone itself unless configured */
	bool hidden;	       /* a name was configured: the zone holds a key */
	enum dnsbl_test test;
	uint64_t ceiling; /* queries a day, 0: none */
	struct dnsbl_pattern *pattern;
	unsigned int patterns;
};

struct dnsbl_sites {
	struct dnsbl_zone zone[DNSBL_SITES]; /* in the order of their first mention */
	unsigned int zones;
};

/*
 * Reads "domain[=filter][*weight]", separated by commas or white space, as postscreen_dnsbl_sites
 * (postconf(5)). The same domain may come again: another pattern of one zone. -EINVAL with a
 * sentence that quotes no domain, and in `*offset` the place in `text` of what is wrong. The sites
 * are the caller's, to be released by dnsbl_sites_free().
 */
int dnsbl_sites_parse(const char *text, struct dnsbl_sites **out, size_t *offset,
		      struct error *why);
void dnsbl_sites_free(struct dnsbl_sites *sites); /* NULL allowed */

/* By zone or by display name, in any case; NULL if there is none. */
struct dnsbl_zone *dnsbl_sites_find(struct dnsbl_sites *sites, const char *name);

/* Writes one pattern as it could have been configured: "=127.0.0.[2..11]*3". Returns `buffer`. */
#define DNSBL_PATTERN_TEXT 4096
const char *dnsbl_pattern_text(const struct dnsbl_pattern *pattern, char *buffer, size_t size);

/* Tells zones apart without naming them; never 0. */
uint64_t dnsbl_zone_identity(const struct dnsbl_zone *zone);

/* The sum of the weights of all patterns that match at least one of the answer's records. */
int32_t dnsbl_zone_score(const struct dnsbl_zone *zone, const struct dnsbl_answer *answer);

/* The question: reversed octets or nibbles in front of the zone (RFC 5782, 2.1 and 2.4). */
#define DNSBL_QUESTION 256
void dnsbl_question(const struct address *source, const char *zone, char question[DNSBL_QUESTION]);

/* --- answer ----------------------------------------------------------------------------------- */

struct dnsbl_reply {
	enum dnsbl_outcome outcome;
	uint8_t record[DNSBL_RECORDS][4]; /* of HIT, OUTSIDE, ERROR_CODE */
	unsigned int records;
	uint32_t ttl;	     /* seconds, of MISS and HIT; 0 where the answer names none */
	uint64_t latency_us; /* filled by the resolver */
};

/*
 * What a c-ares status and message say about `question` below `zone`. The message is not trusted.
 * A negative answer lives as long as the lesser of its SOA's TTL and minimum (RFC 2308).
 */
void dnsbl_reply_read(const char *question, const char *zone, int status,
		      const unsigned char *message, int size, struct dnsbl_reply *out);

/* "answers 127.255.255.254: it refuses your resolver; use your own". Returns `buffer`. */
const char *dnsbl_reply_text(const struct dnsbl_reply *reply, char *buffer, size_t size);
const char *dnsbl_outcome_name(enum dnsbl_outcome outcome); /* "timeout", for check and JSON */

/* --- resolver --------------------------------------------------------------------------------- */

struct dnsbl_resolver;

/*
 * `server`: "192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:53"; none: those of resolv.conf.
 * `timeout_ms`: a query that has no answer after that ends as TIMEOUT; lost packets are sent again
 * before. -EINVAL, -ENOMEM with a sentence.
 */
int dnsbl_resolver_open(sd_event *loop, char *const server[], unsigned int servers,
			unsigned int timeout_ms, struct dnsbl_resolver **out, struct error *why);
/* Every query that is under way ends as UNASKED. NULL allowed. Not from inside a callback. */
void dnsbl_resolver_close(struct dnsbl_resolver *resolver);

/* Asks; `done` is called exactly once, perhaps before this returns. */
void dnsbl_ask(struct dnsbl_resolver *resolver, const struct address *source, const char *zone,
	       void (*done)(void *context, const struct dnsbl_reply *reply), void *context);

/* The servers in use, with ", " between; are they all on this host (127/8, ::1)? */
void dnsbl_resolver_servers(struct dnsbl_resolver *resolver, char *text, size_t size, bool *local);
/* Is the resolver's configuration (resolv.conf) another one by now? Always false for servers set by
 * hand. */
bool dnsbl_resolver_stale(struct dnsbl_resolver *resolver);

/* --- facts ------------------------------------------------------------------------------------ */

#define DNSBL_TTL_LEAST	  60u
#define DNSBL_TTL_MOST	  3600u
#define DNSBL_TTL_LISTING 86400u /* for a listing whose TTL says so */
#define DNSBL_RETRY	  60u	 /* a site that failed is asked about this source again, seconds */

/* Which sites are where, and which count. Borrowed pointers. */
struct dnsbl_places {
	const struct dnsbl_zone *zone[DNSBL_SITES]; /* NULL: a free place */
	uint32_t trusts; /* bits: silent sites: the trust they gave lasts as long as its answer,
			    so that their death blocks nobody */
	uint32_t counts; /* bits: sites whose answers count now */
};

/*
 * Puts a reply into the answer: a MISS or HIT replaces it, with its TTL clamped and shortened by up to
 * a tenth (`jitter`, 0..65535); a failure keeps the old one for up to `grace` seconds after it was
 * good. `now`: boot clock, ns.
 */
void dnsbl_answer_take(struct dnsbl_answer *answer, const struct dnsbl_reply *reply, uint64_t now,
		       uint32_t grace, uint16_t jitter);

/* Has this answer to be asked for again (from its last fifth on, or because it failed a while ago)? */
bool dnsbl_answer_is_due(const struct dnsbl_answer *answer, uint64_t now);

/*
 * Works out score, sites, since, until and renew from the answers. `begun` is when the lookup began
 * that brought new answers; 0: only weights or health changed (`now` counts then). The entry's `begun`
 * changes when the score rises. Returns true if anything the kernel looks at is other than before.
 */
bool dnsbl_facts_judge(struct dnsbl *facts, const struct dnsbl_places *places, uint64_t now,
		       uint64_t begun);

/* --- health ----------------------------------------------------------------------------------- */

/* Which of the four questions of RFC 5782, section 5, a reply is about. */
enum dnsbl_probe {
	DNSBL_PROBE_LISTED = 0,	   /* 127.0.0.2 */
	DNSBL_PROBE_UNLISTED = 1,  /* 127.0.0.1 */
	DNSBL_PROBE_LISTED6 = 2,   /* ::ffff:7f00:2 */
	DNSBL_PROBE_UNLISTED6 = 3, /* ::ffff:7f00:1 */
	DNSBL_PROBES = 4,
};

/* The question's name below `zone`; the IPv6 pair is asked in nibbles. */
void dnsbl_probe_question(enum dnsbl_probe probe, const char *zone, char question[DNSBL_QUESTION]);

/* Like dnsbl_ask(), for a test entry. */
void dnsbl_ask_probe(struct dnsbl_resolver *resolver, enum dnsbl_probe probe, const char *zone,
		     void (*done)(void *context, const struct dnsbl_reply *reply), void *context);

#define DNSBL_TEST_EVERY (1800ULL * 1000000000ULL) /* ns */
#define DNSBL_TEST_SOON	 (60ULL * 1000000000ULL)   /* of a site that is not well */

/*
 * Takes the replies to all four probes (or, for a site without test entries, to the second alone; the
 * others UNASKED) and sets state, no_v6 and reason. `now`: boot clock, ns. A paused site stays paused.
 * Returns true if the site's answers count now and did not before, or the other way round.
 */
bool dnsbl_site_tested(struct dnsbl_site *site, enum dnsbl_test test,
		       const struct dnsbl_reply reply[DNSBL_PROBES], uint64_t now);
/* Is it time to ask the test entries? */
bool dnsbl_site_test_due(const struct dnsbl_site *site, uint64_t now);

/*
 * Takes note of one reply to an ordinary question: counters, latency, failures in a row, breaker.
 * Returns true if the site's answers counted before and do not now.
 */
bool dnsbl_site_replied(struct dnsbl_site *site, const struct dnsbl_reply *reply);

/*
 * A tripped site and its control group: sources it lately had nothing against were asked for again.
 * `asked` of them answered, `hits` of these with yes. Returns true if it is well again.
 */
bool dnsbl_site_controlled(struct dnsbl_site *site, unsigned int asked, unsigned int hits);

/* The site of that zone (dnsbl_zone_identity()), or with 0 a free place; NULL if there is none. */
struct dnsbl_site *dnsbl_site_of(struct dnsbl_health *health, uint64_t identity);
/* Do its answers count? Does only the trust that it gave, because it is silent or refuses to speak? */
bool dnsbl_site_counts(const struct dnsbl_site *site);
bool dnsbl_site_trusts(const struct dnsbl_site *site);
const char *dnsbl_state_name(enum dnsbl_state state); /* "well", "paused", ... */

/* May one more query be sent today? Takes it from the quota. `unproven`: for the sake of a SYN, which
 * gets half of it at most. `wall`: seconds since the epoch. */
bool dnsbl_site_quota(struct dnsbl_site *site, bool unproven, int64_t wall);

/* --- latency ---------------------------------------------------------------------------------- */

void dnsbl_latency_add(uint32_t bucket[DNSBL_LATENCIES], uint64_t us);
/* The latency that `percent` of all answers stayed below, us; 0 when there were none. */
uint64_t dnsbl_latency_percentile(const uint32_t bucket[DNSBL_LATENCIES], unsigned int percent);

/* --- mx.c ------------------------------------------------------------------------------------- */

#define MX_ADDRESSES 32

struct mx_reply {
	bool known; /* false: somebody could not be asked */
	unsigned int count;
	struct address address[MX_ADDRESSES];
};

/* Who takes this domain's mail? `done` comes exactly once, also when the resolver is closed. */
void dnsbl_ask_mx(struct dnsbl_resolver *resolver, const char *domain,
		  void (*done)(void *context, const struct mx_reply *reply), void *context);

/* --- txt.c ------------------------------------------------------------------------------------ */

#define DNSBL_TXT 201 /* bytes of what a site says, with NUL */

/*
 * What does this site say about a source (RFC 5782, 2.1: a TXT record)? `txt` is printable ASCII, its
 * strings joined, "" where the site says nothing, did not answer, or would show a zone that holds a key.
 * `done` comes exactly once, perhaps before this returns, also when the resolver is closed. `zone` and
 * `source` are copied.
 */
void dnsbl_ask_txt(struct dnsbl_resolver *resolver, const struct address *source,
		   const struct dnsbl_zone *zone, void (*done)(void *context, const char *txt),
		   void *context);
/* The same for a command: waits, with `server`, `servers` and `timeout_ms` as for a resolver. */
void dnsbl_txt(char *const server[], unsigned int servers, unsigned int timeout_ms,
	       const struct address *source, const struct dnsbl_zone *zone, char out[DNSBL_TXT]);
/*
 * Reads the message of an answer; for the two above and for tests. Returns false, and "", where there is
 * nothing to show.
 */
bool dnsbl_txt_read(const struct dnsbl_zone *zone, const unsigned char *message, int size,
		    char out[DNSBL_TXT]);
/* --- names.c ---------------------------------------------------------------------------------- */

#define DNS_NAME       256 /* bytes of a name with its NUL */
#define NAMES_MAX      8   /* names of one address; who has more has too many */
#define HOST_ADDRESSES 32

struct names_reply {
	bool known; /* false: nobody could say */
	unsigned int count;
	char name[NAMES_MAX][DNS_NAME]; /* as they came: to be cleaned before they are shown */
};

struct host_reply {
	bool known; /* false: nobody could say, or only for one family */
	unsigned int count;
	struct address address[HOST_ADDRESSES];
};

/* `done` comes exactly once, also when the resolver is closed, perhaps before these return. */
void dnsbl_ask_names(struct dnsbl_resolver *resolver, const struct address *address,
		     void (*done)(void *context, const struct names_reply *reply), void *context);
/* By DNS alone, both families; no search, no /etc/hosts. */
void dnsbl_ask_host(struct dnsbl_resolver *resolver, const char *name,
		    void (*done)(void *context, const struct host_reply *reply), void *context);

#endif
