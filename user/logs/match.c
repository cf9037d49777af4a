// SPDX-License-Identifier: GPL-2.0-only
/*
 * match.c - a line becomes events
 *
 * In: a line in its parts. Out: what the first pattern of each kind that matches says of it. A line is
 * the work of strangers: what it may cost is limited, and one that reaches a limit says nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "inside.h"

/* Our own patterns need some hundred steps. These bound the worst that a bad pattern can do. */
#define STEPS_MOST 50000u
#define DEPTH_MOST STEPS_MOST
#define HEAP_MOST  8192u /* KiB */
/* For what is compiled; a long recipient needs some of it, and must not be a way out. */
#define STACK_LEAST ((size_t)32 << 10)
#define STACK_MOST  ((size_t)1 << 20)

struct log_matcher {
	const struct log_patterns *patterns;
	struct log_calls calls;
	struct log_join *join;
	pcre2_match_context *limits;
	pcre2_match_data *found;
	pcre2_jit_stack *stack; /* NULL: there is no compiler for this machine */
};

/* What one pattern found in the line. */
struct finding {
	const struct log_pattern *pattern;
	const struct log_line *line;
	unsigned int set;
	const PCRE2_SIZE *at;
	unsigned int groups; /* that took part, and all in front of them */
};

int log_matcher_open(const struct log_patterns *patterns, const struct log_calls *calls,
		     struct log_matcher **out, struct error *why)
{
	struct log_matcher *m = calloc(1, sizeof(*m));

	if (m) {
		m->patterns = patterns;
		m->calls = *calls;
		m->join = log_join_open();
		m->limits = pcre2_match_context_create(NULL);
		m->found = pcre2_match_data_create(LOG_PARENTHESES + 1, NULL);
	}
	if (!m || !m->join || !m->limits || !m->found) {
		log_matcher_close(m);
		return error_set(why, -ENOMEM, "cannot read logs: no memory");
	}
	pcre2_set_match_limit(m->limits, STEPS_MOST);
	pcre2_set_depth_limit(m->limits, DEPTH_MOST);
	pcre2_set_heap_limit(m->limits, HEAP_MOST);
	m->stack = pcre2_jit_stack_create(STACK_LEAST, STACK_MOST, NULL);
	if (m->stack)
		pcre2_jit_stack_assign(m->limits, NULL, m->stack);
	*out = m;
	return 0;
}

void log_matcher_close(struct log_matcher *m)
{
	if (!m)
		return;
	log_join_close(m->join);
	if (m->stack)
		pcre2_jit_stack_free(m->stack);
	pcre2_match_context_free(m->limits);
	pcre2_match_data_free(m->found);
	free(m);
}

/* How many groups of the pattern are set; 0: no match, or too much work. */
static unsigned int run(struct log_matcher *m, const pcre2_code *code, const char *text,
			size_t size)
{
	int groups = pcre2_match(code, (PCRE2_SPTR)text, size, 0, 0, m->found, m->limits);

	return groups > 0 ? (unsigned int)groups : 0;
}

/* The group's text and its size; NULL: the pattern has none such, or it took no part. */
static const char *group(const struct finding *f, enum log_group which, size_t *size)
{
	uint32_t number = f->pattern->group[which];

	*size = 0;
	if (!number || number >= f->groups)
		return NULL;
	if (f->at[2 * (size_t)number] == PCRE2_UNSET ||
	    f->at[2 * (size_t)number + 1] < f->at[2 * (size_t)number])
		return NULL;
	*size = f->at[2 * (size_t)number + 1] - f->at[2 * (size_t)number];
	return f->line->message + f->at[2 * (size_t)number];
}

static void copy(char *out, size_t room, const char *text, size_t size)
{
	if (size >= room)
		size = room - 1;
	if (!text)
		size = 0;
	if (size)
		memcpy(out, text, size);
	out[size] = '\0';
}

static void copy_group(const struct finding *f, enum log_group which, char *out, size_t room)
{
	size_t size;
	const char *text = group(f, which, &size);

	copy(out, room, text, size);
}

static bool read_address(const char *text, size_t size, struct address *out)
{
	char address[ADDRESS_TEXT];

	if (size > 2 && text[0] == '[' && text[size - 1] == ']') {
		text++;
		size -= 2;
	}
	if (size > 5 && !strncasecmp(text, "IPv6:", 5)) {
		text += 5;
		size -= 5;
	}
	if (!size || size >= sizeof(address) || memchr(text, '\0', size))
		return false;
	copy(address, sizeof(address), text, size);
	if (!address_parse(address, out))
		return false;
	address_fold(out);
	return true;
}

static struct log_joined *joined(struct log_matcher *m, const struct finding *f,
				 enum log_join_kind kind)
{
	size_t size;
	const char *id = group(f, kind == JOIN_SESSION ? GROUP_SESSION : GROUP_QUEUE, &size);

	return id ? log_join_find(m->join, f->set, kind, id, size) : NULL;
}

/* Whose line is it? The address in it decides; the session's or the message's where it has none. */
static bool find_source(struct log_matcher *m, const struct finding *f, struct log_event *event)
{
	size_t size;
	const char *text = group(f, GROUP_ADDRESS, &size);
	struct log_joined *known;

	if (text)
		return read_address(text, size, &event->source);
	known = joined(m, f, JOIN_SESSION);
	if (known) {
		event->source = known->source;
		if (!event->account[0])
			memcpy(event->account, known->account, sizeof(event->account));
		return true;
	}
	if (f->pattern->kind != KIND_MAIL)
		return false;
	/* A queue manager names a message each time it takes it up again. */
	known = joined(m, f, JOIN_QUEUE);
	if (!known || known->mailed)
		return false;
	known->mailed = true;
	event->source = known->source;
	return true;
}

static void remember(struct log_matcher *m, const struct finding *f, enum log_join_kind kind,
		     const struct address *source)
{
	size_t size;
	const char *id = group(f, kind == JOIN_SESSION ? GROUP_SESSION : GROUP_QUEUE, &size);
	struct log_joined *entry = id ? log_join_put(m->join, f->set, kind, id, size) : NULL;

	if (entry)
		entry->source = *source;
}

static void forget(struct log_matcher *m, const struct finding *f, enum log_join_kind kind)
{
	size_t size;
	const char *id = group(f, kind == JOIN_SESSION ? GROUP_SESSION : GROUP_QUEUE, &size);

	if (id)
		log_join_drop(m->join, f->set, kind, id, size);
}

static void tell_sent(struct log_matcher *m, const struct finding *f, struct log_event *event)
{
	char original[LOG_RECIPIENT];
	size_t size;
	const char *relay = group(f, GROUP_RELAY, &size);

	event->what = LOGGED_SENT;
	event->relay_known = relay && read_address(relay, size, &event->relay);
	copy_group(f, GROUP_RECIPIENT, event->recipient, sizeof(event->recipient));
	copy_group(f, GROUP_ORIGINAL, original, sizeof(original));
	event->changed = original[0] && strcmp(original, "-") != 0 &&
			 strcasecmp(original, event->recipient) != 0;
	if (event->recipient[0] && event->queue[0])
		m->calls.event(m->calls.context, event);
}

static void tell(struct log_matcher *m, const struct finding *f)
{
	struct log_event event = {.when = f->line->when, .offence = f->pattern->offence};
	struct log_joined *session;
	size_t size;
	const char *text = group(f, GROUP_TEXT, &size);

	if (text)
		copy(event.text, sizeof(event.text), text, size);
	else
		copy(event.text, sizeof(event.text), f->line->message, f->line->message_size);
	copy_group(f, GROUP_ACCOUNT, event.account, sizeof(event.account));
	copy_group(f, GROUP_QUEUE, event.queue, sizeof(event.queue));

	switch (f->pattern->kind) {
	case KIND_DISCONNECT:
		forget(m, f, JOIN_SESSION);
		return;
	case KIND_DONE:
		forget(m, f, JOIN_QUEUE);
		return;
	case KIND_SENT:
		tell_sent(m, f, &event);
		return;
	default:
		break;
	}
	if (!find_source(m, f, &event))
		return;
	switch (f->pattern->kind) {
	case KIND_CONNECT:
		remember(m, f, JOIN_SESSION, &event.source);
		return;
	case KIND_OFFENCE:
		event.what = LOGGED_OFFENCE;
		break;
	case KIND_LOGIN:
	case KIND_LOGIN_POP:
		event.what = LOGGED_LOGIN;
		event.pop = f->pattern->kind == KIND_LOGIN_POP;
		session = joined(m, f, JOIN_SESSION);
		if (session)
			memcpy(session->account, event.account, sizeof(session->account));
		break;
	case KIND_CLIENT:
		if (!event.queue[0])
			return;
		event.what = LOGGED_CLIENT;
		remember(m, f, JOIN_QUEUE, &event.source);
		break;
	default:
		event.what = LOGGED_MAIL;
	}
	m->calls.event(m->calls.context, &event);
}

static bool names_unit(const struct log_set *set, const char *unit)
{
	for (unsigned int i = 0; i < set->units; i++)
		if (!strcmp(set->unit[i], unit))
			return true;
	return false;
}

void log_matcher_line(struct log_matcher *m, const char *unit, const struct log_line *line)
{
	unsigned int told = 0; /* bits of kinds */

	for (unsigned int s = 0; s < m->patterns->sets; s++) {
		const struct log_set *set = &m->patterns->set[s];
		unsigned int tags = 0;

		if (unit && !names_unit(set, unit))
			continue;
		for (unsigned int t = 0; t < set->tags; t++)
			if (run(m, set->tag[t], line->tag, line->tag_size))
				tags |= 1u << t;
		for (unsigned int p = 0; tags && p < set->patterns; p++) {
			const struct log_pattern *pattern = &set->pattern[p];
			struct finding f = {.pattern = pattern, .line = line, .set = s};

			if (!(tags & 1u << pattern->tag) || told & 1u << pattern->kind)
				continue;
			f.groups = run(m, pattern->code, line->message, line->message_size);
			if (!f.groups)
				continue;
			f.at = pcre2_get_ovector_pointer(m->found);
			told |= 1u << pattern->kind;
			tell(m, &f);
		}
	}
}
