// SPDX-License-Identifier: GPL-2.0-only
/*
 * evidence.c - why somebody was banned, in words: for people, and for a line of the log
 *
 * The text of the last reply is the mail server's, but holds what the client said (its recipient,
 * its sender, its greeting). So it is cleaned here, in the one place that everybody asks.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <smtpwall/abuse.h>
#include "clock.h"
#include "config.h"
#include "output.h"
#include "text.h"

/* What is said in parts; a part that finds no room is left out, as is all behind it. */
struct sentence {
	char *out;
	size_t size, used;
};

static void append(struct sentence *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void append(struct sentence *s, const char *format, ...)
{
	va_list arguments;
	int more;

	if (s->used >= s->size)
		return;
	va_start(arguments, format);
	more = vsnprintf(s->out + s->used, s->size - s->used, format, arguments);
	va_end(arguments);
	if (more < 0 || (size_t)more >= s->size - s->used) {
		s->out[s->used] = '\0';
		s->size = s->used;
	} else {
		s->used += (size_t)more;
	}
}

static struct sentence begin(char *out, size_t size)
{
	if (size)
		out[0] = '\0';
	return (struct sentence){.out = out, .size = size};
}

const char *offences_text(const uint32_t offence[OFFENCES], char *out, size_t size)
{
	struct sentence s = begin(out, size);

	for (int i = 0; i < OFFENCES; i++)
		if (offence[i])
			append(&s, "%s%s %u", s.used ? ", " : "", offence_name(i), offence[i]);
	return out;
}

const char *evidence_last(const struct ban *ban, char out[EVIDENCE_TEXT + 1])
{
	char raw[EVIDENCE_TEXT + 1];
	size_t length;

	/* The kernel fills it to the last byte when the reply is as long. */
	memcpy(raw, ban->text, EVIDENCE_TEXT);
	raw[EVIDENCE_TEXT] = '\0';
	length = strlen(raw);
	while (length && strchr("\r\n\t ", raw[length - 1]))
		raw[--length] = '\0';
	return text_clean(raw, out, EVIDENCE_TEXT + 1);
}

/* False if the kernel does not know when the first of them was. */
static bool took(const struct ban *ban, uint64_t *seconds)
{
	if (!ban->offended || ban->since < ban->offended)
		return false;
	*seconds = (ban->since - ban->offended) / SECOND_NS;
	return true;
}

const char *evidence_text(const struct ban *ban, char *out, size_t size)
{
	struct sentence s = begin(out, size);
	char last[EVIDENCE_TEXT + 1], time[DURATION_TEXT];
	bool any = false;
	uint64_t seconds;

	if (ban->origin == BAN_WIDENED)
		append(&s, "%u banned in it", ban->members);
	for (int i = 0; i < OFFENCES; i++) {
		if (!ban->offence[i])
			continue;
		append(&s, "%s%u x %s", s.used ? ", " : "", ban->offence[i], offence_name(i));
		any = true;
	}
	if (any && took(ban, &seconds)) {
		if (!seconds)
			append(&s, " within a second");
		else if (seconds < 60)
			append(&s, " in %u s", (unsigned int)seconds);
		else
			append(&s, " in %s", duration_text(seconds, time));
	}
	if (*evidence_last(ban, last))
		append(&s, "%slast: %s", s.used ? ", " : "", last);
	if (!s.used)
		append(&s, "no evidence was kept");
	return out;
}

const char *evidence_fields(const struct ban *ban, char *out, size_t size)
{
	struct sentence s = begin(out, size);
	char last[EVIDENCE_TEXT + 1], time[DURATION_TEXT], offences[OFFENCES_TEXT];
	uint64_t seconds;

	if (ban->origin == BAN_WIDENED)
		append(&s, " members=%u", ban->members);
	if (*offences_text(ban->offence, offences, sizeof(offences))) {
		append(&s, " offences=\"%s\"", offences);
		if (took(ban, &seconds))
			append(&s, " in=%s", duration_text(seconds, time));
	}
	if (*evidence_last(ban, last))
		append(&s, " last=\"%s\"", last);
	return out;
}
