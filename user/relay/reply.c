// SPDX-License-Identifier: GPL-2.0-only
/*
 * reply.c - one reply of a mail server, read byte by byte
 *
 * A reply is one or more lines: three digits, then '-' in front of more lines or ' ' in the last (RFC
 * 5321, 4.2); the separator may be missing where no text follows. What is not like that is no SMTP, and
 * is told as such at its first wrong byte: whoever connects to an SSH server need not wait for a line's
 * end. Lines and their number are bounded, since a server may go on for ever.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "relay.h"

void smtp_reply_begin(struct smtp_reply *reply)
{
	memset(reply, 0, sizeof(*reply));
}

/* What is beyond the room is read and forgotten: the code of the last line is what matters. */
static void keep(struct smtp_reply *reply, char c)
{
	if (reply->size == SMTP_TEXT)
		return;
	reply->text[reply->size++] = c;
	reply->text[reply->size] = '\0';
}

static enum smtp_step line_end(struct smtp_reply *reply)
{
	if (reply->column < 3)
		return SMTP_BROKEN;
	if (reply->column == 3)
		reply->more = false;
	keep(reply, '\n');
	reply->column = 0;
	reply->lines++;
	if (!reply->more) {
		reply->code = reply->line_code;
		return SMTP_COMPLETE;
	}
	return reply->lines < SMTP_LINES ? SMTP_MORE : SMTP_BROKEN;
}

/* One of the first four bytes of a line. */
static bool takes_head(struct smtp_reply *reply, unsigned char c)
{
	if (reply->column == 3) {
		reply->more = c == '-';
		return c == ' ' || c == '-';
	}
	if (!isdigit(c) || (reply->column == 0 && (c < '2' || c > '5')))
		return false;
	reply->line_code = (reply->column ? reply->line_code * 10 : 0) + c - '0';
	return true;
}

enum smtp_step smtp_reply_byte(struct smtp_reply *reply, unsigned char c)
{
	if (c == '\n')
		return line_end(reply);
	if (c == '\r')
		return SMTP_MORE;
	/* Also of a reply that is none something is kept, to be shown. */
	keep(reply, c ? (char)c : '?');
	if (reply->column < 4 && !takes_head(reply, c))
		return SMTP_BROKEN;
	return ++reply->column < SMTP_LINE ? SMTP_MORE : SMTP_BROKEN;
}

void smtp_reply_rest(struct smtp_reply *reply, const unsigned char *data, size_t size)
{
	for (; size && *data != '\n'; data++, size--)
		if (*data != '\r')
			keep(reply, *data ? (char)*data : '?');
}

const char *smtp_words(const struct smtp_reply *reply, char *out, size_t size)
{
	char text[sizeof(reply->text)];
	size_t used = 0, column = 0;
	bool head = true;

	for (size_t i = 0; i < reply->size; i++, column++) {
		char c = reply->text[i];

		if (c == '\n') {
			column = (size_t)-1;
			head = false;
			continue;
		}
		/* The code stands once; the other lines' codes say the same again. */
		if (!head && column < 4) {
			if (column == 3 && used && text[used - 1] != ' ')
				text[used++] = ' ';
			continue;
		}
		text[used++] = head && column == 3 && c == '-' ? ' ' : c;
	}
	while (used && text[used - 1] == ' ')
		used--;
	text[used] = '\0';
	return text_clean(text, out, size);
}

static bool is_name(const char *name, size_t length)
{
	bool letter = false;

	if (!length || length >= SMTP_NAME || name[0] == '.' || name[length - 1] == '.')
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)name[i];

		if (!isalnum(c) && c != '-' && c != '.' && c != '_')
			return false;
		letter |= isalpha(c) != 0;
	}
	/* "220 ESMTP" and "250 OK" begin with a word that is no name. */
	return letter && memchr(name, '.', length);
}

bool smtp_reply_name(const struct smtp_reply *reply, char name[SMTP_NAME])
{
	const char *word = reply->size > 4 ? reply->text + 4 : "";
	size_t length = strcspn(word, " \t\n");

	if (!is_name(word, length))
		return false;
	memcpy(name, word, length);
	name[length] = '\0';
	return true;
}

bool smtp_reply_offers(const struct smtp_reply *reply, const char *keyword)
{
	size_t length = strlen(keyword);
	const char *line = strchr(reply->text, '\n');

	for (; line && line[1]; line = strchr(line + 1, '\n')) {
		const char *word = line + 1;
		size_t rest = strcspn(word, "\n");

		/* "250-AUTH=LOGIN" is an old way to write it. */
		if (rest >= 4 + length && !strncasecmp(word + 4, keyword, length) &&
		    strchr(" \t=\n", word[4 + length]))
			return true;
	}
	return false;
}
