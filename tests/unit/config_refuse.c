// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuring refusals: the section refuse, its defaults, limits and sentences, the actions and
 * tarpits of lists, DNSBLs, bans and rates, the way back, and what `config check` says of them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "commands/commands.h" /* before cmocka.h, which makes fail() a macro */

#include <cmocka.h>
#include "config.h"
#include "config_text.h"

struct place place; /* what main.c has for the commands */

/* Every number and time: its default, and the least and the most that may be written. */
static const struct {
	const char *name;
	size_t at;
	uint64_t normal;
	const char *least, *below, *most, *above, *range;
	uint64_t least_value, most_value;
	const char *with; /* other settings, so that only this one is judged */
} setting[] = {
#define MEMBER(name) offsetof(struct config, name)
	{"clients", MEMBER(refuse_clients), 1000, "1", "0", "10000", "10001", "1 to 10000", 1,
	 10000, ""},
	{"timeout", MEMBER(refuse_timeout), 10, "1s", "0s", "1m", "61s", "1s to 1m", 1, 60, ""},
	{"budget", MEMBER(refuse_budget), 1000, "1", "0", "100000", "100001", "1 to 100000", 1,
	 100000, ""},
	{"tarpit-clients", MEMBER(refuse_tarpit_clients), 100, "1", "0", "10000", "10001",
	 "1 to 10000", 1, 10000, "clients = 10000"},
	{"tarpit-time", MEMBER(refuse_tarpit_seconds), 300, "10s", "9s", "10m", "601s",
	 "10s to 10m", 10, 600, ""},
};
#define SETTINGS (sizeof(setting) / sizeof(setting[0]))

#define TEXT	  "Service unavailable; client [{address}] blocked using {by}{; |txt}{; see |contact}"
#define TEXT_RATE "Too many connections from [{address}]; try again later{; see |contact}"

static uint64_t value_of(const struct config *config, size_t i)
{
	return *(const uint64_t *)((const char *)config + setting[i].at);
}

static void defaults(void **state)
{
	static const char *const text[] = {"", "refuse {}", "refuse { contact = \"\" }"};

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		struct config *config = read_text(text[i]);

		for (size_t j = 0; j < SETTINGS; j++)
			if (value_of(config, j) != setting[j].normal)
				fail_msg("unexpected default of %s: got %llu", setting[j].name,
					 (unsigned long long)value_of(config, j));
		assert_null(config->refuse_contact);
		assert_string_equal(config->refuse_text, TEXT);
		assert_string_equal(config->refuse_text_rate, TEXT_RATE);
		assert_string_equal(config->refuse_user, "smtpwall");
		assert_int_equal(config->refuse_at, REFUSE_AT_GREETING);
		assert_false(config->refuse_txt);
		assert_int_equal(config->refuse_times, 5);
		assert_int_equal(config->refuse_seconds, 3600);
		assert_false(config->dnsbl_refuse || config->abuse_refuse || config->rate_refuse);
		assert_false(config->dnsbl_tarpit || config->abuse_tarpit);
		assert_false(config_refuses(config));
		assert_int_equal(config_refuse_rows(config), 0);
		config_free(config);
	}
}

/* Writes the configuration and reads it again; both must say the same. */
static struct config *there_and_back(struct config *config)
{
	char *first = written(config), *second;

	config_free(config);
	config = read_text(first);
	second = written(config);
	assert_string_equal(first, second);
	free(first);
	free(second);
	return config;
}

static void takes(size_t i, const char *value, uint64_t want)
{
	struct config *config;
	char text[256];

	snprintf(text, sizeof(text), "refuse { %s %s = %s }", setting[i].with, setting[i].name,
		 value);
	config = there_and_back(read_text(text));
	if (value_of(config, i) != want)
		fail_msg("unexpected value of \"%s\": got %llu", text,
			 (unsigned long long)value_of(config, i));
	config_free(config);
}

static void says(const char *text, const char *want)
{
	struct config *config = untouched;
	struct error why = {""};
	int code = config_read_memory("t", text, strlen(text), &config, &why);

	if (code != -EINVAL || strcmp(why.text, want) != 0)
		fail_msg("unexpected sentence (%d) for \"%s\":\ngot  \"%s\"\nwant \"%s\"", code,
			 text, why.text, want);
	assert_ptr_equal(config, untouched);
	assert_int_equal(config_read_memory("t", text, strlen(text), &config, NULL), -EINVAL);
}

static void limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < SETTINGS; i++) {
		const char *const wrong[] = {setting[i].below, setting[i].above};

		takes(i, setting[i].least, setting[i].least_value);
		takes(i, setting[i].most, setting[i].most_value);
		for (int k = 0; k < 2; k++) {
			char text[256], want[256];

			snprintf(text, sizeof(text), "refuse {\n%s\n\n%s = %s }", setting[i].with,
				 setting[i].name, wrong[k]);
			snprintf(want, sizeof(want),
				 "t:4: %s: \"%s\" will not do; write a %s from %s", setting[i].name,
				 wrong[k],
				 strpbrk(setting[i].range, "sm") ? "time" : "whole number",
				 setting[i].range);
			says(text, want);
		}
	}
}

static void round_trip(void **state)
{
	static const char everything[] =
		"list \"slow\" { action = refuse tarpit = on }\n"
		"list \"told\" { action = refuse }\n"
		"dnsbl { sites = \"bl.example\" action = refuse tarpit = on }\n"
		"abuse { action = refuse tarpit = on }\n"
		"rate { action = refuse network = \"600/1m\" }\n"
		"refuse { contact = \"+43 1 'ext' 7\" text = 'no \"mail\" for {address}{ by |by}'\n"
		" text-rate = \"later, {contact}\" at = mail txt = on times = \"9/90m\" user = _wall2 }";
	struct config *config = there_and_back(read_text(everything));

	(void)state;
	assert_int_equal(config->list[0].action, LIST_REFUSE);
	assert_true(config->list[0].tarpit);
	assert_int_equal(config->list[1].action, LIST_REFUSE);
	assert_false(config->list[1].tarpit);
	assert_true(config->dnsbl_refuse && config->dnsbl_tarpit);
	assert_true(config->abuse_refuse && config->abuse_tarpit);
	assert_true(config->rate_refuse);
	assert_string_equal(config->refuse_contact, "+43 1 'ext' 7");
	assert_string_equal(config->refuse_text, "no \"mail\" for {address}{ by |by}");
	assert_string_equal(config->refuse_text_rate, "later, {contact}");
	assert_int_equal(config->refuse_at, REFUSE_AT_MAIL);
	assert_true(config->refuse_txt);
	assert_int_equal(config->refuse_times, 9);
	assert_int_equal(config->refuse_seconds, 5400);
	assert_string_equal(config->refuse_user, "_wall2");
	assert_int_equal(config_refuse_rows(config),
			 1 << REASON_ABUSE | 1 << REASON_DNSBL | 1 << REASON_SESSIONS |
				 1 << REASON_SOURCE_RATE | 1 << REASON_NETWORK_RATE);
	config_free(config);
}

/* What is written where it says nothing is no reason to run a listener. */
static void what_refuses(void **state)
{
	static const struct {
		const char *text;
		uint64_t rows;
		bool refuses;
	} row[] = {
		{"abuse { action = refuse }", 1 << REASON_ABUSE, true},
		{"abuse { action = drop }", 0, false},
		{"dnsbl { action = refuse }", 0, false},
		{"dnsbl { action = refuse sites = \"bl.example\" }", 1 << REASON_DNSBL, true},
		{"rate { action = refuse sessions = off }", 1 << REASON_SOURCE_RATE, true},
		{"rate { action = refuse source = off }", 1 << REASON_SESSIONS, true},
		{"rate { action = refuse source = off sessions = 0 }", 0, false},
		{"rate { action = refuse source = off sessions = 0 network = \"9/1s\" }",
		 1 << REASON_NETWORK_RATE, true},
		{"list \"a\" { action = refuse }", 0, true},
		{"list \"a\" { action = drop } list \"b\" { action = count }", 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct config *config = read_text(row[i].text);

		if (config_refuse_rows(config) != row[i].rows ||
		    config_refuses(config) != row[i].refuses)
			fail_msg("unexpected rows of \"%s\": got %llx", row[i].text,
				 (unsigned long long)config_refuse_rows(config));
		config_free(config);
	}
}

#define TARPIT                                                                                     \
	"tarpit: who is not refused gets no answer that could be slow; write action = refuse, or " \
	"leave tarpit out"

static void refused(void **state)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{"list \"a\" { action = drop\ntarpit = on }", "t:2: " TARPIT},
		{"list \"a\" { tarpit = on\naction = allow }", "t:1: " TARPIT},
		{"dnsbl {\ntarpit = on }", "t:2: " TARPIT},
		{"abuse { action = drop\n\ntarpit = on }", "t:3: " TARPIT},
		{"rate { action = count }",
		 "t:1: action: \"count\" is no action; write drop or refuse"},
		{"rate { tarpit = on }",
		 "t:1: unknown setting \"tarpit\" here; its place is the section list"},
		{"list \"a\" { action = reject }",
		 "t:1: action: \"reject\" is no action; write drop, refuse, allow or count"},
		{"refuse { text = \"554 5.7.1 no\" }",
		 "t:1: text: the code is put in front by itself; begin with the words behind it"},
		{"refuse {\ntext-rate = \"421 no\" }",
		 "t:2: text-rate: the code is put in front by itself; begin with the words behind "
		 "it"},
		{"refuse { text = \"5.7.1 no\" }",
		 "t:1: text: the code is put in front by itself; begin with the words behind it"},
		{"refuse {\ntext = \"  \" }",
		 "t:2: text: a client must be told something; leave text out to have the text that "
		 "is usual"},
		{"refuse {\ntext = \"\" }",
		 "t:2: text: a client must be told something; leave text out to have the text that "
		 "is usual"},
		{"refuse {\ntext = \"nicht verf\303\274gbar\" }",
		 "t:2: text: the byte 0xc3 is no printable ASCII, and a reply of SMTP may hold "
		 "nothing else"},
		{"refuse {\ncontact = \"b\303\274ro\" }",
		 "t:2: contact: the byte 0xc3 is no printable ASCII, and a reply of SMTP may hold "
		 "nothing else"},
		{"refuse {\ntext = \"no\tmail\" }", "t:2: the byte 0x09 has no meaning here"},
		{"refuse {\ncontact = \"a|b\" }",
		 "t:2: the character | has no meaning here (text with unusual characters needs "
		 "quotes)"},
		{"refuse {\nat = connect }",
		 "t:2: at: \"connect\" will not do; write greeting or mail"},
		{"refuse {\ntimes = off }",
		 "t:2: times: nobody would ever be told; to drop instead, write action = drop where "
		 "refuse stands"},
		{"refuse {\ntimes = \"0/1h\" }",
		 "t:2: times: \"0/1h\" will not do; write how often a client is told in a time, as "
		 "in 5/1h; at most 1000, and at most 7d"},
		{"refuse {\ntimes = 5 }",
		 "t:2: times: \"5\" will not do; write how often a client is told in a time, as in "
		 "5/1h; at most 1000, and at most 7d"},
		{"refuse {\ntimes = \"1001/1h\" }",
		 "t:2: times: \"1001/1h\" will not do; write how often a client is told in a time, "
		 "as in 5/1h; at most 1000, and at most 7d"},
		{"refuse {\ntimes = \"5/8d\" }",
		 "t:2: times: \"5/8d\" will not do; write how often a client is told in a time, as "
		 "in 5/1h; at most 1000, and at most 7d"},
		{"refuse {\nuser = root }",
		 "t:2: user: the listener meets strangers and must not be root; name a user that "
		 "owns nothing"},
		{"refuse {\nuser = \"a b\" }",
		 "t:2: user: \"a b\" is no name of a user: 1 to 32 of a-z A-Z 0-9 . _ -, and a "
		 "letter or _ first"},
		{"refuse {\nuser = 0 }",
		 "t:2: user: \"0\" is no name of a user: 1 to 32 of a-z A-Z 0-9 . _ -, and a "
		 "letter or _ first"},
		{"refuse {\nclients = 50\ntarpit-clients = 51 }",
		 "t:3: tarpit-clients: these are among all clients, of which there may be 50; "
		 "lower it or raise clients"},
		{"refuse {}\nrefuse {}",
		 "t:2: the section refuse is there twice; write its settings into one"},
		{"refuse { contct = \"+1\" }",
		 "t:1: unknown setting \"contct\"; did you mean \"contact\"?"},
		{"\ncontact = \"+1\"",
		 "t:2: unknown setting \"contact\" here; its place is the section refuse"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		says(row[i].text, row[i].want);
}

/* What is wrong with a template is said by refuse_template_check(), with line and name in front. */
static void templates(void **state)
{
	static const char *const wrong[] = {"no {adress}", "no {address", "no {}", "{see |by|}{"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct config *config = untouched;
		struct error why = {""}, theirs = {""};
		char text[256], want[1200];

		assert_int_equal(refuse_template_check(wrong[i], &theirs), -EINVAL);
		snprintf(want, sizeof(want), "t:3: text-rate: %s", theirs.text);
		snprintf(text, sizeof(text), "refuse {\n\ntext-rate = \"%s\" }", wrong[i]);
		assert_int_equal(config_read_memory("t", text, strlen(text), &config, &why),
				 -EINVAL);
		assert_string_equal(why.text, want);
		assert_ptr_equal(config, untouched);
	}
}

/* The longest reply that fits, and one byte more. */
static void length(void **state)
{
	static const struct {
		const char *contact, *words;
		int rest; /* of 509 bytes: without the code, and what the words become */
	} row[] = {
		{"", "{address}", 454},
		{"", "{by}", 468},
		{"", "{ until |until}", 472},
		{"", "{ and |txt}{address}", 449},
		{"https://example.org/", "{; see |contact}", 473},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		for (int more = 0; more <= 1; more++) {
			struct config *config = untouched;
			struct error why = {""};
			char text[1024], want[256];

			snprintf(text, sizeof(text),
				 "refuse { contact = \"%s\"\ntext = \"%0*d%s\" }", row[i].contact,
				 row[i].rest + more, 0, row[i].words);
			memcpy(strstr(text, "\"0") + 1, "no ", 3); /* 000 would be a code */
			snprintf(want, sizeof(want),
				 "t:2: text: with a long address and the contact the reply would "
				 "have 510 bytes, and no more than 509 reach every client; shorten "
				 "it");
			if (more) {
				says(text, want);
			} else {
				assert_int_equal(
					config_read_memory("t", text, strlen(text), &config, &why),
					0);
				config_free(config);
			}
		}
	}
}

/* A contact may be what is too long, where a text is the usual one. */
static void length_of_contact(void **state)
{
	static const char *const other[] = {"", "text = \"no\"", "text-rate = \"no\""};
	static const int room[] = {370, 403, 370};

	(void)state;
	for (size_t i = 0; i < sizeof(room) / sizeof(room[0]); i++) {
		for (int more = 0; more <= 1; more++) {
			char text[1024], reply[512];
			struct config *config = NULL;

			snprintf(text, sizeof(text), "refuse {\n%s\ncontact = \"%0*d\" }", other[i],
				 room[i] + more, 0);
			if (more) {
				snprintf(reply, sizeof(reply), "%s",
					 "t:3: contact: with a long address and the contact the "
					 "reply would have 510 bytes, and no more than 509 reach "
					 "every client; shorten it");
				says(text, reply);
			} else {
				config = read_text(text);
				config_free(config);
			}
		}
	}
}

static void few_clients(void **state)
{
	struct config *config = read_text("refuse { clients = 50 }");

	(void)state;
	assert_int_equal(config->refuse_tarpit_clients, 50);
	config_free(config);
}

/* What `config check` prints on standard error about a configuration that is right. */
static void check_says(const char *text, char *out, size_t size)
{
	char path[] = "/tmp/smtpwall-config.XXXXXX", check[] = "check", name[] = "config";
	char *argv[] = {name, check, NULL};
	FILE *heard = tmpfile();
	int fd = mkstemp(path), kept = dup(STDERR_FILENO), status;

	assert_non_null(heard);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	dup2(fileno(heard), STDERR_FILENO);
	place.config = path;
	status = command_config(2, argv);
	fflush(stderr);
	dup2(kept, STDERR_FILENO);
	close(kept);
	unlink(path);
	rewind(heard);
	out[fread(out, 1, size - 1, heard)] = '\0';
	fclose(heard);
	assert_int_equal(status, 0);
}

#define NOTE	     "smtpwall: note: refuse: "
#define REFUSES	     "abuse { action = refuse } "
#define CONTACT	     "contact = \"https://example.org/\" "
#define MAIL	     "contact is a mail address, and mail is what those who are refused cannot send "
#define MAIL_INSTEAD "here; a page or a telephone number reaches them\n"

static void warnings(void **state)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{"", ""},
		{"refuse { user = nobody-of-that-name }", ""}, /* nothing refuses */
		{REFUSES "refuse { " CONTACT "user = nobody }", ""},
		{REFUSES "refuse { contact = \"+43 1 234\" user = nobody }", ""},
		{REFUSES "refuse { user = nobody }",
		 NOTE "there is no contact, so those who are refused by mistake do not learn whom "
		      "to ask; name a page or a telephone number: contact = \"https://...\"\n"},
		{REFUSES "refuse { contact = \"postmaster@example.org\" user = nobody }",
		 NOTE MAIL MAIL_INSTEAD},
		{REFUSES "refuse { contact = \"mailto:help@example.org\" user = nobody }",
		 NOTE MAIL MAIL_INSTEAD},
		{REFUSES "refuse { contact = \"smtp://example.org:25/\" user = nobody }",
		 NOTE "contact leads to port 25, which is closed to those who are refused; use "
		      "another port, or a page elsewhere\n"},
		{REFUSES "refuse { contact = \"https://localhost/help\" user = nobody }",
		 NOTE "contact is on this host; a page elsewhere can be read also when this host "
		      "is what is wrong\n"},
		{REFUSES "refuse { " CONTACT "user = nobody-of-that-name }",
		 NOTE "there is no user \"nobody-of-that-name\", so the listener cannot run and "
		      "nobody is refused; make it: useradd --system --no-create-home --shell "
		      "/usr/sbin/nologin nobody-of-that-name\n"},
		{"dnsbl { sites = \"bl.example\" action = refuse }\nrefuse { " CONTACT
		 "user = nobody txt = on text = \"no\" }",
		 NOTE "txt is on, but text has no {txt}, so the DNSBLs are asked in vain\n"},
		{"dnsbl { sites = \"bl.example\" action = refuse }\nrefuse { " CONTACT
		 "user = nobody txt = on }",
		 ""},
		{REFUSES "refuse { " CONTACT "user = nobody txt = on }",
		 NOTE "txt is on, but the section dnsbl does not refuse, so nobody is told what a "
		      "DNSBL says\n"},
	};
	char heard[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		check_says(row[i].text, heard, sizeof(heard));
		if (strcmp(heard, row[i].want) != 0)
			fail_msg("unexpected words about \"%s\":\ngot  \"%s\"\nwant \"%s\"",
				 row[i].text, heard, row[i].want);
	}
}

static void names(void **state)
{
	static const char *const word[REFUSE_WORDS] = {"refused", "no-listener", "elsewhere",
						       "full",	  "told-enough", "budget"};
	enum list_action action = LIST_NONE;

	(void)state;
	for (int i = 0; i < REFUSE_WORDS; i++)
		assert_string_equal(refuse_word_name(i), word[i]);
	assert_string_equal(refuse_word_name(REFUSE_WORDS), "unknown");
	assert_true(action_parse("refuse", &action));
	assert_int_equal(action, LIST_REFUSE);
	assert_string_equal(action_name(LIST_REFUSE), "refuse");
	assert_string_equal(verdict_name(VERDICT_REFUSE), "refuse");
}

/* Who is slowed down: by the row that spoke, and by its list. */
static void tarpits(void **state)
{
	struct config *config = read_text("list \"slow\" { action = refuse tarpit = on }\n"
					  "list \"told\" { action = refuse }\n"
					  "abuse { action = refuse tarpit = on }");
	struct answer answer = {.reason = REASON_BLOCK_LIST, .list = 7, .list_name = {"slow"}};
	struct refusal refusal;

	(void)state;
	refusal_of_answer(&answer, &refusal);
	assert_true(refusal_tarpits(config, &refusal));
	snprintf(answer.list_name.name, sizeof(answer.list_name.name), "told");
	refusal_of_answer(&answer, &refusal);
	assert_false(refusal_tarpits(config, &refusal));
	snprintf(answer.list_name.name, sizeof(answer.list_name.name), "by-hand");
	refusal_of_answer(&answer, &refusal);
	assert_false(refusal_tarpits(config, &refusal));
	answer = (struct answer){.reason = REASON_ABUSE, .counted = 7, .list_name = {"counts"}};
	refusal_of_answer(&answer, &refusal);
	assert_true(refusal_tarpits(config, &refusal));
	assert_string_equal(refusal.list_name.name, ""); /* of a list that only counts */
	answer.reason = REASON_DNSBL;
	refusal_of_answer(&answer, &refusal);
	assert_false(refusal_tarpits(config, &refusal));
	answer.reason = REASON_SOURCE_RATE;
	refusal_of_answer(&answer, &refusal);
	assert_false(refusal_tarpits(config, &refusal));
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),    cmocka_unit_test(limits),
		cmocka_unit_test(round_trip),  cmocka_unit_test(what_refuses),
		cmocka_unit_test(refused),     cmocka_unit_test(templates),
		cmocka_unit_test(length),      cmocka_unit_test(length_of_contact),
		cmocka_unit_test(few_clients), cmocka_unit_test(warnings),
		cmocka_unit_test(names),       cmocka_unit_test(tarpits),
	};

	return cmocka_run_group_tests_name("config_refuse", tests, NULL, NULL);
}
