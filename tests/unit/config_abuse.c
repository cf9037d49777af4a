// SPDX-License-Identifier: GPL-2.0-only
/*
 * The section abuse: its defaults and limits, what is refused with which sentence, the way back,
 * what `config check` says of a limit that one offence reaches, and the words the kernel is told.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "commands/commands.h" /* before cmocka.h, which makes fail() a macro */

#include <cmocka.h>
#include "config.h"
#include "config_text.h"

#define DAY 86400ULL

struct place place; /* what main.c has for the commands */

/* Every number and time: its default, and the least and the most that may be written. */
static const struct {
	const char *name;
	size_t at;
	uint64_t normal;
	const char *least, *below, *most, *above, *range;
	uint64_t least_value, most_value;
	const char *with; /* other settings, so that only this one is judged */
	bool off;
} setting[] = {
#define MEMBER(name) offsetof(struct config, name)
#define WEIGHT(offence, name, normal)                                                              \
	{                                                                                          \
		name, MEMBER(abuse_weight[offence]), normal, "0", "-1", "1000", "1001",            \
			"0 to 1000", 0, 1000, "", false                                            \
	}
	WEIGHT(OFFENCE_RELAY_DENIED, "relay-denied", 4),
	WEIGHT(OFFENCE_AUTH_FAILED, "auth-failed", 1),
	WEIGHT(OFFENCE_UNKNOWN_USER, "unknown-user", 0),
	WEIGHT(OFFENCE_PROTOCOL_ERROR, "protocol-error", 0),
	{"limit", MEMBER(abuse_limit), 10, "1", "0", "10000", "10001", "1 to 10000", 1, 10000, "",
	 true},
	{"half-life", MEMBER(abuse_half_life), 600, "10s", "9s", "1d", "86401s", "10s to 1d", 10,
	 DAY, "", false},
	{"auth-failed-daily", MEMBER(abuse_daily), 50, "1", "0", "10000", "10001", "1 to 10000", 1,
	 10000, "", true},
	{"ban", MEMBER(abuse_ban), 600, "1m", "59s", "7d", "8d", "1m to 7d", 60, 7 * DAY, "",
	 false},
	{"ban-max", MEMBER(abuse_ban_max), 7 * DAY, "1m", "0s", "30d", "31d", "1m to 30d", 60,
	 30 * DAY, "ban = 1m", false},
	{"authenticated", MEMBER(abuse_login), 1800, "1m", "59s", "1d", "2d", "1m to 1d", 60, DAY,
	 "", true},
	{"widen", MEMBER(abuse_widen), 4, "2", "1", "256", "257", "2 to 256", 2, 256, "", true},
	{"share", MEMBER(abuse_share), 20, "5", "4", "100", "101", "5 to 100", 5, 100, "", true},
	{"account-sources", MEMBER(abuse_account_sources), 5, "1", "0", "1000", "1001", "1 to 1000",
	 1, 1000, "", false},
	{"known-messages", MEMBER(known_messages), 5, "1", "0", "1000000", "1000001",
	 "1 to 1000000", 1, 1000000, "known-days = 1", false},
	{"known-days", MEMBER(known_days), 2, "1", "0", "365", "366", "1 to 365", 1, 365,
	 "known-within = 365d known-messages = 365", false},
	{"known-within", MEMBER(known_window), 30 * DAY, "1d", "23h", "365d", "366d", "1d to 365d",
	 DAY, 365 * DAY, "known-days = 1", false},
	{"keep", MEMBER(abuse_keep), 90 * DAY, "1d", "0s", "3650d", "23h", "1d to 3650d", DAY,
	 3650 * DAY, "", false},
};
#define SETTINGS (sizeof(setting) / sizeof(setting[0]))

static uint64_t value_of(const struct config *config, size_t i)
{
	return *(const uint64_t *)((const char *)config + setting[i].at);
}

static void defaults(void **state)
{
	static const char *const text[] = {"", "abuse {}", "abuse { networks = {} }"};

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		struct config *config = read_text(text[i]);

		for (size_t j = 0; j < SETTINGS; j++)
			if (value_of(config, j) != setting[j].normal)
				fail_msg("unexpected default of %s: got %llu", setting[j].name,
					 (unsigned long long)value_of(config, j));
		assert_false(config->abuse_pop_logins);
		assert_int_equal(config->own_networks, 0);
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

	snprintf(text, sizeof(text), "abuse { %s %s = %s }", setting[i].with, setting[i].name,
		 value);
	config = there_and_back(read_text(text));
	if (value_of(config, i) != want)
		fail_msg("unexpected value of \"%s\": got %llu", text,
			 (unsigned long long)value_of(config, i));
	for (size_t j = 0; j < SETTINGS; j++)
		if (j != i && !strstr(setting[i].with, setting[j].name) &&
		    value_of(config, j) != setting[j].normal)
			fail_msg("\"%s\" changes %s", text, setting[j].name);
	config_free(config);
}

static void says(const char *text, const char *want)
{
	struct config *config = untouched;
	struct error why = {""};

	assert_int_equal(config_read_memory("t", text, strlen(text), &config, &why), -EINVAL);
	if (strcmp(why.text, want) != 0)
		fail_msg("unexpected sentence for \"%s\":\ngot  \"%s\"\nwant \"%s\"", text,
			 why.text, want);
	assert_ptr_equal(config, untouched);
	assert_int_equal(config_read_memory("t", text, strlen(text), &config, NULL), -EINVAL);
}

static void refuses(size_t i, const char *value)
{
	bool time = strpbrk(setting[i].range, "smhd") != NULL;
	char text[256], want[256];

	snprintf(text, sizeof(text), "abuse {\n%s\n\n%s = %s }", setting[i].with, setting[i].name,
		 value);
	snprintf(want, sizeof(want), "t:4: %s: \"%s\" will not do; write a %s from %s%s",
		 setting[i].name, value, time ? "time" : "whole number", setting[i].range,
		 setting[i].off ? ", or off" : "");
	says(text, want);
}

static void limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < SETTINGS; i++) {
		takes(i, setting[i].least, setting[i].least_value);
		takes(i, setting[i].most, setting[i].most_value);
		refuses(i, setting[i].below);
		refuses(i, setting[i].above);
		if (setting[i].off)
			takes(i, "off", 0);
		else if (!strpbrk(setting[i].range, "smhd"))
			refuses(i, "off");
	}
}

static void round_trip(void **state)
{
	static const char everything[] =
		"abuse { relay-denied = 5 auth-failed = 2 unknown-user = 1 protocol-error = 3\n"
		" limit = 20 half-life = 1h2m3s auth-failed-daily = off ban = 20m ban-max = 1d\n"
		" authenticated = off widen = off share = off account-sources = 7 pop-logins = on\n"
		" known-messages = 9 known-days = 3 known-within = 3d keep = 400d\n"
		" networks = {192.0.2.0/24, \"2001:DB8:0::/48\", 198.51.100.7,\n"
		"  \"::ffff:203.0.113.0/120\"} action = drop }";
	static const uint64_t want[SETTINGS] = {5, 2, 1, 3, 20, 3723, 0,       1200,	 DAY,
						0, 0, 0, 7, 9,	3,    3 * DAY, 400 * DAY};
	static const char *const network[] = {"192.0.2.0/24", "2001:db8::/48", "198.51.100.7",
					      "203.0.113.0/24"};
	struct config *config = there_and_back(read_text(everything));
	char text[PREFIX_TEXT];

	(void)state;
	for (size_t i = 0; i < SETTINGS; i++)
		if (value_of(config, i) != want[i])
			fail_msg("unexpected value of %s: got %llu", setting[i].name,
				 (unsigned long long)value_of(config, i));
	assert_true(config->abuse_pop_logins);
	assert_int_equal(config->own_networks, 4);
	for (unsigned int i = 0; i < 4; i++)
		assert_string_equal(prefix_text(&config->own_network[i], text), network[i]);
	config_free(config);
}

#define OPEN "and nobody would notice that this host is an open relay; name your own networks"

static void refused(void **state)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{"abuse { networks = {\"0.0.0.0/0\"} }",
		 "t:1: networks: \"0.0.0.0/0\" is everybody, " OPEN},
		{"abuse { networks = {192.0.2.0/24,\n\"::/0\"} }",
		 "t:2: networks: \"::/0\" is everybody, " OPEN},
		{"abuse { networks = {\"::ffff:0:0/96\"} }",
		 "t:1: networks: \"::ffff:0:0/96\" is everybody, " OPEN},
		{"abuse { networks = {192.0.2.0/24,\n192.0.2.1/24} }",
		 "t:2: networks: 192.0.2.1/24 has bits set behind its length; did you mean "
		 "192.0.2.0/24?"},
		{"abuse { networks = {mynetworks} }",
		 "t:1: networks: \"mynetworks\" is not an IP address or prefix"},
		{"abuse { networks = {192.0.2.0/24,\n\n\"::ffff:192.0.2.0/120\"} }",
		 "t:3: networks: 192.0.2.0/24 is named twice"},
		{"abuse {\nban-max = 5m }", "t:2: ban-max: the first ban would be longer than the "
					    "longest; lower ban or raise ban-max"},
		{"abuse {\nban-max = 1h\nban = 61m }",
		 "t:3: ban: the first ban would be longer than the longest; lower ban or raise "
		 "ban-max"},
		{"abuse {\nknown-within = 1d }",
		 "t:2: known-within: nobody would ever be known: known-within has fewer days than "
		 "known-days asks for"},
		{"abuse {\nknown-messages = 100\nknown-days = 31 }",
		 "t:3: known-days: nobody would ever be known: known-within has fewer days than "
		 "known-days asks for"},
		{"abuse {\nknown-messages = 1 }",
		 "t:2: known-messages: mail on that many days is as many messages at least; raise "
		 "known-messages or lower known-days"},
		{"abuse { relay-denied = 0.5 }",
		 "t:1: relay-denied: \"0.5\" will not do; write a whole number from 0 to 1000"},
		{"abuse { half-life = 600 }",
		 "t:1: half-life: \"600\" is not a time: write a number and a unit, as in 90s, "
		 "10m, 4h, 7d, 2w or 1h30m"},
		{"abuse {\npop-logins = sometimes }",
		 "t:2: pop-logins: \"sometimes\" is neither true nor false, neither on nor off"},
		{"abuse { action = ban }",
		 "t:1: action: \"ban\" is no action; write drop or refuse"},
		{"abuse { limit = 5\nlimit = 6 }", "t:2: limit is set twice"},
		{"abuse {}\nabuse {}",
		 "t:2: the section abuse is there twice; write its settings into one"},
		{"abuse { half-lfe = 5m }",
		 "t:1: unknown setting \"half-lfe\"; did you mean \"half-life\"?"},
		{"\nban = 5m", "t:2: unknown setting \"ban\" here; its place is the section abuse"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		says(row[i].text, row[i].want);
}

static void networks_in_all(void **state)
{
	(void)state;
	for (int networks = 64; networks <= 65; networks++) {
		struct config *config = untouched;
		struct error why = {""};
		char *text = NULL;
		size_t size;
		FILE *f = open_memstream(&text, &size);
		int code;

		fprintf(f, "abuse { networks = {");
		for (int i = 1; i <= networks; i++)
			fprintf(f, "\n192.0.2.%d,", i);
		fprintf(f, "} }");
		fclose(f);
		code = config_read_memory("t", text, size, &config, &why);
		free(text);
		if (networks == 64) {
			assert_int_equal(code, 0);
			assert_int_equal(config->own_networks, 64);
			config_free(config);
		} else {
			assert_int_equal(code, -EINVAL);
			assert_string_equal(why.text, "t:66: networks: more than 64 networks");
		}
	}
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

static void warnings(void **state)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{"", ""},
		{"abuse { relay-denied = 9 }", ""},
		{"abuse { relay-denied = 10 }",
		 "smtpwall: note: abuse: one relay-denied is enough for a ban: it weighs 10, and "
		 "the limit is 10\n"},
		{"abuse { limit = 1 }",
		 "smtpwall: note: abuse: one relay-denied is enough for a ban: it weighs 4, and "
		 "the limit is 1\n"
		 "smtpwall: note: abuse: one auth-failed is enough for a ban: it weighs 1, and the "
		 "limit is 1\n"},
		{"abuse { relay-denied = 10 limit = off }", ""},
		{"log \"mail\" { file = \"/nowhere/mail.log\" }",
		 "smtpwall: note: log \"mail\": there is no file /nowhere/mail.log yet\n"},
		{"read-logs = off", ""},
		{"read-logs = off log \"mail\" {}",
		 "smtpwall: note: read-logs is off, so no log is read, not even those that have a "
		 "section\n"},
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

static void in_force(void **state)
{
	static const char text[] =
		"abuse { relay-denied = 3 auth-failed = 2 unknown-user = 1 protocol-error = 1000 "
		"limit = 10000 half-life = 11s auth-failed-daily = 51 ban = 61s ban-max = 62s "
		"authenticated = 63s share = 21 }";
	struct settings *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct config *config = read_text(text);

	(void)state;
	assert_ptr_not_equal(s, MAP_FAILED);
	settings_abuse(s, config);
	assert_int_equal(s->abuse_limit, 10000 * PENALTY_POINT);
	assert_int_equal(s->abuse_weight[OFFENCE_RELAY_DENIED], 3 * PENALTY_POINT);
	assert_int_equal(s->abuse_weight[OFFENCE_AUTH_FAILED], 2 * PENALTY_POINT);
	assert_int_equal(s->abuse_weight[OFFENCE_UNKNOWN_USER], PENALTY_POINT);
	assert_int_equal(s->abuse_weight[OFFENCE_PROTOCOL_ERROR], 1000 * PENALTY_POINT);
	assert_int_equal(s->abuse_half_life, 11000000000);
	assert_int_equal(s->abuse_daily, 51);
	assert_int_equal(s->ban_length, 61000000000);
	assert_int_equal(s->ban_max, 62000000000);
	assert_int_equal(s->login_time, 63000000000);
	assert_int_equal(s->abuse_share, 21);
	/* A limit that a login quadruples must fit where the kernel programs keep the sum. */
	assert_true(4 * s->abuse_limit <= PENALTY_MOST);

	/* The same again does not touch a word: a write would be a fault now. */
	mprotect(s, sizeof(*s), PROT_READ);
	settings_abuse(s, config);
	mprotect(s, sizeof(*s), PROT_READ | PROT_WRITE);
	config_free(config);

	config = read_text("abuse { limit = off auth-failed-daily = off authenticated = off "
			   "share = off relay-denied = 0 }");
	settings_abuse(s, config);
	assert_int_equal(s->abuse_limit, 0);
	assert_int_equal(s->abuse_weight[OFFENCE_RELAY_DENIED], 0);
	assert_int_equal(s->abuse_daily, 0);
	assert_int_equal(s->login_time, 0);
	assert_int_equal(s->abuse_share, 0);
	config_free(config);
	munmap(s, sizeof(*s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),	   cmocka_unit_test(limits),
		cmocka_unit_test(round_trip),	   cmocka_unit_test(refused),
		cmocka_unit_test(networks_in_all), cmocka_unit_test(warnings),
		cmocka_unit_test(in_force),
	};

	return cmocka_run_group_tests_name("config_abuse", tests, NULL, NULL);
}
