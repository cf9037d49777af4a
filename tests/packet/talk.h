/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * talk.h - what a mail server says to a client, segment by segment, given to program `replies`; and what
 * is known of the client afterwards
 */
#ifndef SMTPWALL_TESTS_TALK_H
#define SMTPWALL_TESTS_TALK_H

#include "judge.h"

#define CLIENT	"192.0.2.66"
#define CLIENT6 "2001:db8:66::1"

#define DENIED	  "554 5.7.1 <victim@example.org>: Relay access denied\r\n"
#define DENIED_4  "454 4.7.1 <victim@example.org>: Relay access denied\r\n"
#define GUESS	  "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6\r\n"
#define NOBODY	  "550 5.1.1 <x@lab.example>: Recipient address rejected: User unknown\r\n"
#define GARBLED	  "502 5.5.2 Error: command not recognized\r\n"
#define WELCOME	  "235 2.7.0 Authentication successful\r\n"
#define BANNER	  "220 mx.lab.example ESMTP\r\n"
#define STARTTLS  "220 2.0.0 Ready to start TLS\r\n"
#define FINE	  "250 2.1.0 Ok\r\n"
#define TC_PASSED 0xffffffffu /* TC_ACT_UNSPEC */
#define TC_DROPS  2u

/* One connection, seen from the server. */
struct talk {
	struct kit *kit;
	const char *client;
	uint16_t port, client_port;
	uint32_t next; /* sequence number */
};

static const struct want by_ban = {REASON_ABUSE, VERDICT_DROP, 0, 0};
static const struct want logged_in = {REASON_AUTHENTICATED, VERDICT_PASS, 0, 0};

/* The defaults of the configuration. */
static inline void abuse_on(struct kit *kit)
{
	volatile struct settings *s = kit->settings;

	s->abuse_limit = 10 * PENALTY_POINT;
	s->abuse_weight[OFFENCE_RELAY_DENIED] = 4 * PENALTY_POINT;
	s->abuse_weight[OFFENCE_AUTH_FAILED] = PENALTY_POINT;
	s->abuse_weight[OFFENCE_UNKNOWN_USER] = 0;
	s->abuse_weight[OFFENCE_PROTOCOL_ERROR] = 0;
	s->abuse_half_life = 600 * SECOND;
	s->abuse_daily = 50;
	s->abuse_share = 20;
	s->ban_length = 600 * SECOND;
	s->ban_max = 7 * 86400 * SECOND;
	s->login_time = 1800 * SECOND;
}

/* A segment that leaves: the other way round of frame_tcp(). */
static inline void talk_frame(const struct talk *t, uint32_t sequence, uint8_t flags,
			      const char *text, size_t size, struct frame *f)
{
	static const uint8_t own4[4] = {192, 0, 2, 25};
	size_t ip;
	uint8_t *tcp;

	frame_tcp(f, t->client, t->client_port, flags);
	ip = f->byte[12] == 0x08 ? 20 : 40;
	if (ip == 20) {
		memcpy(f->byte + 30, f->byte + 26, 4);
		memcpy(f->byte + 26, own4, 4);
		put16(f->byte + 16, (unsigned int)(40 + size));
	} else {
		memcpy(f->byte + 38, f->byte + 22, 16);
		memset(f->byte + 22, 0x20, 16);
		put16(f->byte + 18, (unsigned int)(20 + size));
	}
	tcp = f->byte + 14 + ip;
	put16(tcp, t->port);
	put16(tcp + 2, t->client_port);
	put16(tcp + 4, sequence >> 16);
	put16(tcp + 6, sequence & 0xffff);
	memcpy(frame_add(f, size), text, size);
}

static inline uint32_t talk_send(struct talk *t, uint32_t sequence, const char *text, size_t size)
{
	static struct frame f;

	talk_frame(t, sequence, TCP_ACK, text, size, &f);
	return kit_run(object_program_fd(t->kit->object, "replies"), &f, 1);
}

/* The next bytes, in one segment. */
static inline uint32_t talk_bytes(struct talk *t, const char *text, size_t size)
{
	uint32_t sequence = t->next;

	t->next += (uint32_t)size;
	return talk_send(t, sequence, text, size);
}

static inline uint32_t talk_say(struct talk *t, const char *text)
{
	return talk_bytes(t, text, strlen(text));
}

static inline void talk_syn_ack(struct talk *t)
{
	static struct frame f;

	talk_frame(t, t->next - 1, TCP_SYN | TCP_ACK, "", 0, &f);
	kit_run(object_program_fd(t->kit->object, "replies"), &f, 1);
}

/* SYN, SYN-ACK, and the banner. */
static inline struct talk talk_open(struct kit *kit, const char *client)
{
	static uint16_t port = 40000;
	struct talk t = {.kit = kit, .client = client, .port = 25, .client_port = ++port};
	static struct frame f;

	t.next = 0xffffff00u + port; /* soon wraps around */
	frame_tcp(&f, client, 25, TCP_SYN);
	kit_run(kit->run, &f, 1);
	talk_syn_ack(&t);
	talk_say(&t, BANNER);
	return t;
}

/* --- what is known afterwards ------------------------------------------------------------------- */

static inline struct proven talk_known(struct kit *kit, const char *client)
{
	struct address source = kit_address(client);
	struct proven p = {0};

	wall_proven(kit->wall, &source, &p);
	return p;
}

static inline struct reply_counts talk_counts(struct kit *kit)
{
	struct reply_counts counts = {0};
	struct error why = {""};

	kit_must(wall_reply_counts(kit->wall, &counts, &why), "reply_counts", why.text);
	return counts;
}

static inline uint32_t talk_offences(struct kit *kit, const char *client, enum offence offence)
{
	return talk_known(kit, client).fresh[offence];
}

static inline struct prefix talk_prefix(const char *text)
{
	struct error why = {""};
	struct prefix p;

	memset(&p, 0, sizeof(p));
	kit_must(prefix_parse(text, &p, &why), text, why.text);
	return p;
}

static inline bool talk_ban(struct kit *kit, const char *prefix, struct ban *out)
{
	struct prefix key = talk_prefix(prefix);

	memset(out, 0, sizeof(*out));
	return wall_get_ban(kit->wall, &key, out) == 0;
}

static inline enum report_result talk_report(struct kit *kit, struct report *r)
{
	struct error why = {""};

	kit_must(wall_report_object(kit->object, r, &why), "report", why.text);
	return r->result;
}

static inline enum report_result talk_log(struct kit *kit, const char *client,
					  enum report_kind kind, enum offence offence,
					  uint64_t when)
{
	struct report r = {.kind = kind, .offence = offence, .when = when};

	r.prefix = talk_prefix(client);
	snprintf(r.text, sizeof(r.text), "from the log");
	return talk_report(kit, &r);
}

#endif
