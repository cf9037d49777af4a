// SPDX-License-Identifier: GPL-2.0-only
/*
 * config_refuse.c - the section refuse: what refused clients are told, how often, and by whom
 *
 * A text goes to strangers' mail servers and from there into bounces, so it is judged when the file is
 * read: a word that is none, a letter that SMTP cannot carry and a reply that would be cut off would
 * be seen by others first.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "config_syntax.h"
#include "refuse/refuse.h"

#define TEXT	  "Service unavailable; client [{address}] blocked using {by}{; |txt}{; see |contact}"
#define TEXT_RATE "Too many connections from [{address}]; try again later{; see |contact}"
#define USER	  "smtpwall"

#define CODE_LENGTH   10		 /* "554 5.7.1 " */
#define REPLY_LENGTH  (REFUSE_REPLY - 3) /* without CRLF and NUL */
#define UNTIL_LENGTH  20		 /* "2026-11-22T06:00:00Z" */
#define REASON_LENGTH 13
#define USER_MAX      32 /* of a user's name: useradd(8) */
#define TIMES_MAX     1000
#define DAY	      86400ULL

/* Every setting that is one number or one time, in the order in which they are shown. */
static const struct row {
	const char *name;
	size_t member;
	bool time;
	uint64_t least, most;
} rows[] = {
#define MEMBER(name) offsetof(struct config, name)
	{"clients", MEMBER(refuse_clients), false, 1, 10000},
	/* Longer than that no honest client needs to take one line, and another waits for its place. */
	{"timeout", MEMBER(refuse_timeout), true, 1, 60},
	{"budget", MEMBER(refuse_budget), false, 1, 100000},
	{"tarpit-clients", MEMBER(refuse_tarpit_clients), false, 1, 10000},
	/* The word about a connection is good for a quarter of an hour (refuse.h). */
	{"tarpit-time", MEMBER(refuse_tarpit_seconds), true, 10, 600},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static int read_row(struct config_reader *r, cfg_t *section, const struct row *row)
{
	uint64_t *out = (uint64_t *)((char *)r->config + row->member);

	return (row->time ? config_read_time : config_read_number)(r, section, row->name,
								   row->least, row->most, out);
}

/* --- texts ------------------------------------------------------------------------------------ */

static int check_letters(struct config_reader *r, struct config_value v, const char *name)
{
	for (const unsigned char *c = (const unsigned char *)v.text; *c; c++)
		if (*c < ' ' || *c >= 0x7f)
			return error_set(r->why, -EINVAL,
					 "%s:%d: %s: the byte 0x%02x is no printable ASCII, and a "
					 "reply of SMTP may hold nothing else",
					 r->name, v.line, name, *c);
	return 0;
}

/* How long a word of a template gets, as far as nothing of it must be lost. */
static size_t word_length(const struct config *config, const char *word, size_t length)
{
	const struct {
		const char *word;
		size_t length;
	} known[] = {
		{"address", ADDRESS_TEXT - 1},
		{"by", POLICY_NAME - 1},
		{"reason", REASON_LENGTH},
		{"contact", config->refuse_contact ? strlen(config->refuse_contact) : 0},
		{"until", UNTIL_LENGTH},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].word) == length && !memcmp(known[i].word, word, length))
			return known[i].length;
	return 0;
}

/* The reply at its longest: an IPv6 client in the list with the longest name. */
static size_t reply_length(const struct config *config, const char *template)
{
	size_t length = CODE_LENGTH;

	while (*template) {
		const char *end = *template == '{' ? strchr(template, '}') : NULL;
		const char *bar;

		if (!end) {
			length++;
			template ++;
			continue;
		}
		bar = memchr(template, '|', (size_t)(end - template));
		if (bar)
			length += (size_t)(bar - template) - 1;
		else
			bar = template;
		length += word_length(config, bar + 1, (size_t)(end - bar) - 1);
		template = end + 1;
	}
	return length;
}

/* Is there room for it? What does not fit would be missing at the end, where the contact stands. */
static int check_length(struct config_reader *r, struct config_value v, const char *name,
			const char *template)
{
	size_t length = reply_length(r->config, template);

	if (length <= REPLY_LENGTH)
		return 0;
	return error_set(r->why, -EINVAL,
			 "%s:%d: %s: with a long address and the contact the reply would "
			 "have %zu bytes, and no more than %d reach every client; shorten it",
			 r->name, v.line, name, length, REPLY_LENGTH);
}

/* People put the code in front themselves, and a client would read "554 5.7.1 554 5.7.1 ...". */
static bool has_code(const char *text)
{
	if (!isdigit((unsigned char)text[0]))
		return false;
	if (text[1] == '.')
		return isdigit((unsigned char)text[2]) && text[3] == '.';
	return isdigit((unsigned char)text[1]) && isdigit((unsigned char)text[2]) &&
	       (!text[3] || strchr(" -", text[3]));
}

static int read_template(struct config_reader *r, cfg_t *section, const char *name, char **out)
{
	struct config_value v = config_value_at(section, name, 0);
	char *copy;

	if (!v.text)
		return 0;
	if (check_letters(r, v, name))
		return -EINVAL;
	if (!v.text[strspn(v.text, " ")])
		return error_set(r->why, -EINVAL,
				 "%s:%d: %s: a client must be told something; leave %s out to have "
				 "the text that is usual",
				 r->name, v.line, name, name);
	if (has_code(v.text))
		return error_set(r->why, -EINVAL,
				 "%s:%d: %s: the code is put in front by itself; begin with the "
				 "words behind it",
				 r->name, v.line, name);
	if (refuse_template_check(v.text, r->why))
		return config_at_value(r, v, name);
	if (check_length(r, v, name, v.text))
		return -EINVAL;
	copy = strdup(v.text);
	if (!copy)
		return -ENOMEM;
	free(*out);
	*out = copy;
	return 0;
}

static int read_contact(struct config_reader *r, cfg_t *section)
{
	struct config_value v = config_value_at(section, "contact", 0);

	if (!v.text || !*v.text)
		return 0;
	if (check_letters(r, v, "contact"))
		return -EINVAL;
	r->config->refuse_contact = strdup(v.text);
	if (!r->config->refuse_contact)
		return -ENOMEM;
	/* Also where the texts are the usual ones, and nobody else looks at them. */
	if (!config_value_at(section, CONFIG_TEXT, 0).text &&
	    check_length(r, v, "contact", r->config->refuse_text))
		return -EINVAL;
	if (!config_value_at(section, CONFIG_TEXT_RATE, 0).text)
		return check_length(r, v, "contact", r->config->refuse_text_rate);
	return 0;
}

/* --- the rest --------------------------------------------------------------------------------- */

static int read_at(struct config_reader *r, cfg_t *section)
{
	struct config_value v = config_value_at(section, "at", 0);
	char shown[64];

	if (!v.text)
		return 0;
	if (!strcmp(v.text, "greeting"))
		r->config->refuse_at = REFUSE_AT_GREETING;
	else if (!strcmp(v.text, "mail"))
		r->config->refuse_at = REFUSE_AT_MAIL;
	else
		return error_set(r->why, -EINVAL,
				 "%s:%d: at: \"%s\" will not do; write greeting or mail", r->name,
				 v.line, text_clean(v.text, shown, sizeof(shown)));
	return 0;
}

static int read_times(struct config_reader *r, cfg_t *section)
{
	struct config_value v = config_value_at(section, "times", 0);
	uint64_t times = 0, seconds = 0;
	char shown[64];

	if (!v.text)
		return 0;
	if (!strcmp(v.text, "off"))
		return error_set(r->why, -EINVAL,
				 "%s:%d: times: nobody would ever be told; to drop instead, write "
				 "action = drop where refuse stands",
				 r->name, v.line);
	if (rate_parse(v.text, &times, &seconds, NULL) || times > TIMES_MAX || seconds > 7 * DAY)
		return error_set(r->why, -EINVAL,
				 "%s:%d: times: \"%s\" will not do; write how often a client is "
				 "told in a time, as in 5/1h; at most %d, and at most 7d",
				 r->name, v.line, text_clean(v.text, shown, sizeof(shown)),
				 TIMES_MAX);
	r->config->refuse_times = times;
	r->config->refuse_seconds = seconds;
	return 0;
}

/* Whether there is such a user is asked when the listener is started, and by `config check`. */
static bool user_valid(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789._-");

	return length && length <= USER_MAX && !name[length] && *name != '-' && *name != '.' &&
	       !isdigit((unsigned char)*name);
}

static int read_user(struct config_reader *r, cfg_t *section)
{
	struct config_value v = config_value_at(section, "user", 0);
	char shown[64], *copy;

	if (!v.text)
		return 0;
	if (!user_valid(v.text))
		return error_set(r->why, -EINVAL,
				 "%s:%d: user: \"%s\" is no name of a user: 1 to %d of a-z A-Z 0-9 "
				 ". _ -, and a letter or _ first",
				 r->name, v.line, text_clean(v.text, shown, sizeof(shown)),
				 USER_MAX);
	if (!strcmp(v.text, "root"))
		return error_set(r->why, -EINVAL,
				 "%s:%d: user: the listener meets strangers and must not be root; "
				 "name a user that owns nothing",
				 r->name, v.line);
	copy = strdup(v.text);
	if (!copy)
		return -ENOMEM;
	free(r->config->refuse_user);
	r->config->refuse_user = copy;
	return 0;
}

/* More in the tarpit than there may be at all: a mistake if it is written, nothing if it is not. */
static int check_tarpit(struct config_reader *r, cfg_t *section)
{
	struct config_value v = config_value_at(section, "tarpit-clients", 0);
	struct config *c = r->config;

	if (c->refuse_tarpit_clients <= c->refuse_clients)
		return 0;
	if (v.text)
		return error_set(r->why, -EINVAL,
				 "%s:%d: tarpit-clients: these are among all clients, of which "
				 "there may be %" PRIu64 "; lower it or raise clients",
				 r->name, v.line, c->refuse_clients);
	c->refuse_tarpit_clients = c->refuse_clients;
	return 0;
}

static int read_section(struct config_reader *r, cfg_t *section)
{
	int err = read_contact(r, section);

	if (!err)
		err = read_template(r, section, CONFIG_TEXT, &r->config->refuse_text);
	if (!err)
		err = read_template(r, section, CONFIG_TEXT_RATE, &r->config->refuse_text_rate);
	if (!err)
		err = read_at(r, section);
	if (!err)
		err = config_read_flag(r, section, "txt", &r->config->refuse_txt);
	if (!err)
		err = read_times(r, section);
	for (size_t i = 0; !err && i < ROWS; i++)
		err = read_row(r, section, &rows[i]);
	if (!err)
		err = check_tarpit(r, section);
	return err ? err : read_user(r, section);
}

int config_read_refuse(struct config_reader *r, cfg_t *top)
{
	struct config *c = r->config;
	cfg_t *section = NULL;
	int err = config_one_section(r, top, "refuse", &section);

	if (err)
		return err;
	c->refuse_text = strdup(TEXT);
	c->refuse_text_rate = strdup(TEXT_RATE);
	c->refuse_user = strdup(USER);
	if (!c->refuse_text || !c->refuse_text_rate || !c->refuse_user)
		return -ENOMEM;
	return section ? read_section(r, section) : 0;
}

void config_free_refuse(struct config *config)
{
	free(config->refuse_contact);
	free(config->refuse_text);
	free(config->refuse_text_rate);
	free(config->refuse_user);
}

/* A text has one kind of quotes inside at most: it came in between the other. */
static void write_text(const char *name, const char *text, FILE *out)
{
	char quote = strchr(text, '"') ? '\'' : '"';

	fprintf(out, "\t%s = %c%s%c\n", name, quote, text, quote);
}

void config_write_refuse(const struct config *config, FILE *out)
{
	char time[DURATION_TEXT];

	fprintf(out, "\nrefuse {\n");
	write_text("contact", config->refuse_contact ? config->refuse_contact : "", out);
	write_text(CONFIG_TEXT, config->refuse_text, out);
	write_text(CONFIG_TEXT_RATE, config->refuse_text_rate, out);
	fprintf(out, "\tat = %s\n\ttxt = %s\n\ttimes = \"%" PRIu64 "/%s\"\n",
		config->refuse_at == REFUSE_AT_MAIL ? "mail" : "greeting",
		config->refuse_txt ? "on" : "off", config->refuse_times,
		config_duration(config->refuse_seconds, time));
	for (size_t i = 0; i < ROWS; i++) {
		uint64_t value = *(const uint64_t *)((const char *)config + rows[i].member);

		if (rows[i].time)
			fprintf(out, "\t%s = %s\n", rows[i].name, config_duration(value, time));
		else
			fprintf(out, "\t%s = %" PRIu64 "\n", rows[i].name, value);
	}
	fprintf(out, "\tuser = \"%s\"\n}\n", config->refuse_user);
}

/* --- what refuses ----------------------------------------------------------------------------- */

uint64_t config_refuse_rows(const struct config *config)
{
	uint64_t refused = 0;

	if (config->abuse_refuse)
		refused |= 1ULL << REASON_ABUSE;
	if (config->dnsbl_refuse && config->dnsbl_sites)
		refused |= 1ULL << REASON_DNSBL;
	if (config->rate_refuse && config->sessions)
		refused |= 1ULL << REASON_SESSIONS;
	if (config->rate_refuse && config->source_events)
		refused |= 1ULL << REASON_SOURCE_RATE;
	if (config->rate_refuse && config->network_events)
		refused |= 1ULL << REASON_NETWORK_RATE;
	return refused;
}

bool config_refuses(const struct config *config)
{
	for (unsigned int i = 0; i < config->lists; i++)
		if (config->list[i].action == LIST_REFUSE)
			return true;
	return config_refuse_rows(config) != 0;
}
