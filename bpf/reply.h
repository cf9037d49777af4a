/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reply.h - reads what the mail server says, byte by byte, and judges each reply
 *
 * Everything known is in struct reply, so that a reply may be cut into segments anywhere. A reply is
 * one or more lines: three digits, then '-' in front of more lines or ' ' in the last (RFC 5321, 4.2).
 * The code of the last line and the phrases of all lines make the judgement.
 *
 * Servers repeat the client's words. A phrase counts only in front of a line's first '<' or '"', or
 * behind its last '>' or '"': the last, because a quoted local part may contain both. So a server that
 * was tricked into mailing to <"relay access denied"@example.com> is not charged for what it is told.
 *
 * A line that does not start like a reply is skipped. Within a reply it makes that no offence: what was
 * skipped might have said why.
 *
 * Compiles natively as well, for tests and fuzzing. Few branches: each one multiplies the work of the
 * verifier, who walks through this inside two loops.
 */
#ifndef SMTPWALL_BPF_REPLY_H
#define SMTPWALL_BPF_REPLY_H

#include <stdbool.h>
#include <linux/types.h>
#include <smtpwall/phrases.h>
#include <smtpwall/replies.h>

enum reply_event {
	REPLY_NOTHING, /* the reply goes on */
	REPLY_DONE,    /* a reply that means nothing here */
	REPLY_OFFENCE, /* reply.offence says which; reply.line, .held: the start of its last line */
	REPLY_LOGIN,
	REPLY_MAIL, /* a message was accepted */
	REPLY_VEIL, /* TLS, or not SMTP: nothing may be read any more */
};

/* Where in a line, as for the client's words: reply.bracket */
enum {
	REPLY_FRONT = 0,
	REPLY_INSIDE = 1,
	REPLY_BEHIND = 2,
};

/* reply.more */
enum {
	REPLY_MORE = 1,	  /* the reply has a line behind this one */
	REPLY_MISSED = 2, /* lines of the reply were missed or skipped */
};

/* Keeps the compiler from moving a check away from what it guards, or doing without it. */
#define reply_barrier(variable) __asm__ volatile("" : "+r"(variable))

#define REPLY_NO_OFFENCE OFFENCES

/* Phrases that take a charge back. */
#define REPLY_NOT_RELAY                                                                            \
	(PHRASE_REPEATED | PHRASE_TEMPORARY | PHRASE_POLICY | PHRASE_SENDER | PHRASE_USER_CODE)
#define REPLY_NOT_USER	(PHRASE_REPEATED | PHRASE_POLICY | PHRASE_SENDER)
#define REPLY_NOT_GUESS (PHRASE_FAULT | PHRASE_TEMPORARY)
#define REPLY_EOP	(PHRASE_EOP_CODE | PHRASE_EOP_DENIED)
#define REPLY_QUEUED	(PHRASE_QUEUED_CODE | PHRASE_QUEUED_WORDS)

static __always_inline bool reply_is_relay(__u32 code, __u32 phrases)
{
	/* 503 is the reply to DATA after a refusal, which may repeat that one's text. */
	__u32 sought = code == 503 ? PHRASE_RELAY_503 : PHRASE_RELAY;

	return code >= 400 && code < 600 && code != 421 && phrases & sought &&
	       !(phrases & REPLY_NOT_RELAY);
}

static __always_inline bool reply_is_user(__u32 code, __u32 phrases)
{
	if (code != 550 && code != 551 && code != 553)
		return false;
	return !(phrases & REPLY_NOT_USER) &&
	       (phrases & (PHRASE_USER | PHRASE_USER_CODE) || (phrases & REPLY_EOP) == REPLY_EOP);
}

static __always_inline bool reply_is_protocol(__u32 code, __u32 phrases)
{
	if (code == 500 || (code == 502 && phrases & PHRASE_UNKNOWN))
		return true;
	return phrases & PHRASE_MANY_ERRORS && (code == 421 || (code >= 500 && code < 600));
}

static __always_inline bool reply_is_queued(__u32 phrases)
{
	return phrases & PHRASE_QUEUED || (phrases & REPLY_QUEUED) == REPLY_QUEUED;
}

/* enum offence, or REPLY_NO_OFFENCE. */
static __always_inline __u32 reply_judge(__u32 code, __u32 phrases)
{
	if (reply_is_relay(code, phrases))
		return OFFENCE_RELAY_DENIED;
	if (code == 535 && !(phrases & REPLY_NOT_GUESS))
		return OFFENCE_AUTH_FAILED;
	if (reply_is_user(code, phrases))
		return OFFENCE_UNKNOWN_USER;
	if (reply_is_protocol(code, phrases))
		return OFFENCE_PROTOCOL_ERROR;
	return REPLY_NO_OFFENCE;
}

/* Without the text, a code says what it said the last time. 503 follows from other refusals. */
static __always_inline __u32 reply_judge_code(const struct reply *r, __u32 code)
{
	if (code == 535)
		return OFFENCE_AUTH_FAILED;
	if (code == 500)
		return OFFENCE_PROTOCOL_ERROR;
	if (code == r->offence_code && code >= 400 && code != 503)
		return r->known_offence;
	return REPLY_NO_OFFENCE;
}

/* The last line of a reply is complete. */
static __always_inline enum reply_event reply_end(struct reply *r, __u32 code, __u32 phrases)
{
	bool greeted = r->greeted, data = r->data, by_code = r->by_code;
	__u32 offence;

	r->greeted = 1;
	r->data = code == 354;
	if (code < 400) {
		if (code == 235)
			return REPLY_LOGIN;
		if (code == 220 && greeted)
			return REPLY_VEIL;
		if ((data && code >= 200 && code < 300) ||
		    (code == 250 && !by_code && reply_is_queued(phrases)))
			return REPLY_MAIL;
		return REPLY_DONE;
	}
	/* Whatever the banner complains of, this client has not said a word yet. */
	if (!greeted)
		return REPLY_DONE;
	offence = by_code ? reply_judge_code(r, code) : reply_judge(code, phrases);
	if (offence >= OFFENCES || r->more & REPLY_MISSED)
		return REPLY_DONE;
	r->offence = offence;
	if (!by_code) {
		r->offence_code = code;
		r->known_offence = offence;
	}
	return REPLY_OFFENCE;
}

/* Nothing was said in SMTP yet. */
static __always_inline bool reply_is_first_line(const struct reply *r)
{
	return !r->greeted && !(r->more & REPLY_MORE);
}

static __always_inline enum reply_event reply_line_end(struct reply *r)
{
	__u32 column = r->column, code = r->code, phrases = r->before | r->after;
	bool broken = r->broken || column < 3;

	r->column = 0;
	r->bracket = REPLY_FRONT;
	r->broken = 0;
	r->before = phrases;
	r->after = 0;
	if (broken) {
		if (reply_is_first_line(r))
			return REPLY_VEIL;
		r->more |= (r->more & REPLY_MORE) * REPLY_MISSED;
		return REPLY_NOTHING;
	}
	if (column == 3)
		r->more &= REPLY_MISSED;
	if (r->more & REPLY_MORE)
		return REPLY_NOTHING;
	return reply_end(r, code, phrases);
}

/* One of the first four bytes of a line. False: they are not SMTP. */
static __always_inline bool reply_code_byte(struct reply *r, __u32 column, __u8 c)
{
	__u32 digit = (__u8)(c - '0');
	bool bad = column < 3 ? digit > 9 : c != ' ' && c != '-';

	if (column == 0) {
		if (!(r->more & REPLY_MORE)) {
			r->before = 0;
			r->by_code = 0;
			r->more = 0;
		}
		r->code = 0;
	}
	if (column < 3)
		r->code = r->code * 10 + digit;
	else if (!r->broken && !bad)
		r->more = (r->more & REPLY_MISSED) | (c == '-' ? REPLY_MORE : 0);
	r->broken |= bad;
	if (bad && reply_is_first_line(r))
		return false;
	return c >= ' ' || c == '\t';
}

/*
 * One step of the automaton. In the place of the separator behind the code it is told of a line's
 * start. No phrase goes on behind that, nor behind a mark, since none contains them.
 */
static __always_inline void
reply_text_byte(struct reply *r, const volatile struct reply_table *table, __u32 column, __u8 c)
{
	bool mark = c == '<' || c == '>' || c == '"';
	__u64 node = r->node, class;
	__u32 bracket = r->bracket, found;

	class = table->class[column == 3 ? '\n' : c];
	reply_barrier(node);
	reply_barrier(class);
	node = table->next[node & (REPLY_NODES - 1)][class & (REPLY_CLASSES - 1)];
	r->node = node;
	reply_barrier(node);
	found = table->found[node & (REPLY_NODES - 1)];

	if (mark) {
		if (c == '<')
			bracket = REPLY_INSIDE;
		else if (c == '>' || bracket == REPLY_FRONT)
			bracket = REPLY_BEHIND;
		r->bracket = bracket;
		r->after = 0;
		return;
	}
	if (found && !r->broken) {
		r->before |= bracket == REPLY_FRONT ? found : 0;
		r->after |= bracket == REPLY_BEHIND ? found : 0;
	}
}

/*
 * The next byte that the server sent. `by_code`: the caller has done enough work for this packet;
 * only codes are read, and a reply that has such a part is judged by its code alone.
 */
static __always_inline enum reply_event
reply_byte(struct reply *r, const volatile struct reply_table *table, __u8 c, bool by_code)
{
	__u64 column = r->column;

	if (c == '\r')
		return REPLY_NOTHING;
	if (c == '\n')
		return reply_line_end(r);
	if (column <= 3 && !reply_code_byte(r, column, c))
		return REPLY_VEIL;
	if (by_code)
		r->by_code = 1;
	else
		reply_text_byte(r, table, column, c);
	reply_barrier(column);
	if (column < REPLY_LINE) {
		r->line[column] = c;
		r->held = column + 1;
	}
	r->column = column + (column < 255);
	return REPLY_NOTHING;
}

/*
 * Bytes are missing: reads on behind the next line's end. The reply that goes on there may have begun
 * in what is missing, and is no offence. Whether the banner was seen is left as it is: should it be
 * taken for that, the first byte of TLS behind a 220 is no digit.
 */
static __always_inline void reply_resume(struct reply *r)
{
	r->column = 255;
	r->broken = 1;
	r->more = REPLY_MORE | REPLY_MISSED;
	r->data = 0;
	r->before = 0;
	r->after = 0;
}

#endif
