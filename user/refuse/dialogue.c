// SPDX-License-Identifier: GPL-2.0-only
/*
 * dialogue.c - one refused connection's SMTP, without any socket: bytes in, bytes and an end out
 *
 * Of what a client says only the first word of a line is looked at, and of these only a handful is known. A
 * bare LF ends a line as CRLF does: nothing that follows can be mistaken for anything.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "refuse.h"

static size_t say(char out[DIALOGUE_OUT], const char *text)
{
	int n = snprintf(out, DIALOGUE_OUT, "%s", text);

	return n < DIALOGUE_OUT ? (size_t)n : DIALOGUE_OUT - 1;
}

size_t dialogue_begin(struct dialogue *d, enum refuse_at at, const char *server, const char *reply,
		      char out[DIALOGUE_OUT])
{
	memset(d, 0, sizeof(*d));
	snprintf(d->server, sizeof(d->server), "%s", server);
	snprintf(d->reply, sizeof(d->reply), "%s", reply);
	d->temporary = !strncmp(d->reply, "421", 3);
	/* Everybody takes a 421 for what it is, so there is no need to wait with it. */
	d->at = d->temporary ? REFUSE_AT_GREETING : at;
	if (d->at == REFUSE_AT_MAIL)
		return (size_t)snprintf(out, DIALOGUE_OUT, "220 %s ESMTP\r\n", d->server);
	d->told = true;
	/* RFC 5321 section 3.8: who says 421 closes the connection. */
	d->over = d->temporary;
	return say(out, d->reply);
}

static bool is_word(const struct dialogue *d, const char *word)
{
	return d->word_length == strlen(word) && !memcmp(d->word, word, d->word_length);
}

static size_t close_with(struct dialogue *d, char out[DIALOGUE_OUT], const char *text)
{
	d->over = true;
	return say(out, text);
}

/*
 * Before MAIL, where that is what is refused, a client is treated as any other. TLS is offered although
 * STARTTLS is refused as MAIL is: a client that insists on it (DANE, MTA-STS) would never come as far as MAIL,
 * and would blame the want of TLS; all others go on without (RFC 3207 section 4).
 */
static size_t greet(const struct dialogue *d, char out[DIALOGUE_OUT])
{
	if (is_word(d, "EHLO"))
		return (size_t)snprintf(out, DIALOGUE_OUT, "250-%s\r\n250 STARTTLS\r\n", d->server);
	if (is_word(d, "HELO"))
		return (size_t)snprintf(out, DIALOGUE_OUT, "250 %s\r\n", d->server);
	if (is_word(d, "NOOP") || is_word(d, "RSET"))
		return say(out, "250 2.0.0 Ok\r\n");
	return 0;
}

/* A line is whole. Every one gets a reply. */
static size_t answer(struct dialogue *d, char out[DIALOGUE_OUT])
{
	size_t size;

	d->lines++;
	if (is_word(d, "QUIT")) {
		d->quit = true;
		return close_with(d, out, "221 2.0.0 Bye\r\n");
	}
	if (d->lines > DIALOGUE_LINES)
		return close_with(d, out, "421 4.7.0 Too many commands, closing\r\n");
	if (d->at == REFUSE_AT_GREETING)
		return say(out, "503 5.5.1 No mail is taken from you, see the first reply\r\n");
	size = greet(d, out);
	if (size)
		return size;
	d->told = true;
	return say(out, d->reply);
}

static void word_take(struct dialogue *d, char c)
{
	if (c == ' ' || c == '\t' || c == '\r')
		d->word_over = true;
	if (d->word_over || d->word_length > sizeof(d->word))
		return;
	if (d->word_length < sizeof(d->word))
		d->word[d->word_length] = (char)toupper((unsigned char)c);
	d->word_length++;
}

size_t dialogue_take(struct dialogue *d, const char *data, size_t size, size_t *taken,
		     char out[DIALOGUE_OUT])
{
	*taken = size;
	for (size_t i = 0; i < size && !d->over; i++) {
		size_t length;

		if (++d->bytes > DIALOGUE_BYTES)
			return close_with(d, out, "421 4.7.0 Too much data, closing\r\n");
		if (data[i] != '\n') {
			word_take(d, data[i]);
			continue;
		}
		length = answer(d, out);
		d->word_length = 0;
		d->word_over = false;
		*taken = i + 1;
		return length;
	}
	return 0;
}
