// SPDX-License-Identifier: GPL-2.0-only
/* The logs to read: what is read from the configuration, what is refused, and the way back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "config.h"
#include "config_text.h"

static const char everything[] =
	"read-logs = off\n"
	"list \"mail\" { action = drop }\n"
	"log \"mail\" { file = \"/var/log/mail.log\" patterns = {postfix, \"dovecot\"} }\n"
	"log old.1 { file = /var/log/maillog }\n"
	"log \"postfix\" { units = {\"postfix@-.service\", \"postfix.service\"}\n"
	" patterns = {\"postfix\", my_own.set-2} }\n"
	"log \"dovecot\" { patterns = {\"dovecot\"} }\n";

static void check_everything(const struct config *c)
{
	assert_false(c->read_logs);
	assert_int_equal(c->lists, 1);
	assert_int_equal(c->logs, 4);
	assert_string_equal(c->log[0].name, "mail");
	assert_string_equal(c->log[0].file, "/var/log/mail.log");
	assert_int_equal(c->log[0].units, 0);
	assert_int_equal(c->log[0].patterns, 2);
	assert_string_equal(c->log[0].pattern[0], "postfix");
	assert_string_equal(c->log[0].pattern[1], "dovecot");
	assert_string_equal(c->log[1].name, "old.1");
	assert_string_equal(c->log[1].file, "/var/log/maillog");
	assert_int_equal(c->log[1].patterns, 0);
	assert_null(c->log[2].file);
	assert_int_equal(c->log[2].units, 2);
	assert_string_equal(c->log[2].unit[0], "postfix@-.service");
	assert_string_equal(c->log[2].unit[1], "postfix.service");
	assert_string_equal(c->log[2].pattern[1], "my_own.set-2");
	assert_null(c->log[3].file);
	assert_int_equal(c->log[3].units, 0);
	assert_string_equal(c->log[3].pattern[0], "dovecot");
}

static void round_trip(void **state)
{
	struct config *config = read_text(everything);
	char *first, *second;

	(void)state;
	check_everything(config);
	first = written(config);
	config_free(config);
	config = read_text(first);
	check_everything(config);
	second = written(config);
	assert_string_equal(first, second);
	config_free(config);
	free(first);
	free(second);
}

static void defaults(void **state)
{
	struct config *config = read_text("");

	(void)state;
	assert_true(config->read_logs);
	assert_int_equal(config->logs, 0);
	config_free(config);
}

static void accepted(void **state)
{
	static const char *const row[] = {
		"read-logs = on",
		"log \"guard\" {}",
		"log \"a\" { units = {} patterns = {} }",
		"log \"a\" { units = {\"system-postfix.slice\", \"docker-1.scope\"} }",
		"log \"a\" { file = \"/a\" }\nlog \"b\" { file = \"/b\" }\nlog \"c\" {}",
		"log \"a\" { patterns = {a} }\nlog \"b\" { patterns = {b} }",
		"log \"a\" { units = {a.service} }\nlog \"b\" { units = {b.service} }",
		"log \"a\" { units = {a.service} patterns = {a} }\n"
		"log \"b\" { units = {a.service} patterns = {b} }",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		config_free(read_text(row[i]));
}

#define NO_NAME "a name has 1 to 31 of a-z A-Z 0-9 . _ - and does not begin with . or -"
#define NO_UNIT                                                                                    \
	"cannot be the unit that a mail server runs in; write its whole name, as in "              \
	"\"postfix@-.service\""
#define NO_SET "is no name of a set of patterns; write it without a directory, as in \"postfix\""
#define TWICE  "and would count it twice; write both into one"
#define SEVENTEEN(x)                                                                               \
	"a" x ",b" x ",c" x ",d" x ",e" x ",f" x ",g" x ",h" x ",i" x ",j" x ",k" x ",l" x ",m" x  \
	",n" x ",o" x ",p" x ",\nq" x

static void refused(void **state)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{"log \"\" {}", "t:1: log \"\": " NO_NAME},
		{"\nlog \".a\" {}", "t:2: log \".a\": " NO_NAME},
		{"log \"../a\" {}", "t:1: log \"../a\": " NO_NAME},
		{"log \"abcdefghijklmnopqrstuvwxyz123456\" {}",
		 "t:1: log \"abcdefghijklmnopqrstuvwxyz123456\": " NO_NAME},
		{"log {}", "t:1: log needs a name: log \"name\" { ... }"},
		{"log \"a\" {}\nlog \"a\" {}", "t:2: the log \"a\" is there twice"},
		{"list \"a\" { action = drop }\nlog \"a\" {}\nlog \"a\" {}",
		 "t:3: the name \"a\" is there twice"},
		{"list \"a\" { action = drop }\nlist \"a\" {}",
		 "t:2: the list \"a\" is there twice"},
		{"log \"a\" {\nfile = mail.log }",
		 "t:2: file: \"mail.log\" is not an absolute path; it must begin with /"},
		{"log \"a\" { file = '/a\"b' }",
		 "t:1: file: \"/a'b\" is too long or has a quote in it; use another name or a "
		 "link"},
		{"\nlog \"a\" { file = /a\nunits = {a.service} }",
		 "t:2: log \"a\": units are of the journal, and file is none; leave one of them "
		 "out, or make two logs of it"},
		{"log \"a\" { units = {a.service,\npostfix} }", "t:2: units: \"postfix\" " NO_UNIT},
		{"log \"a\" { units = {\"postfix@.service\"} }",
		 "t:1: units: \"postfix@.service\" " NO_UNIT},
		{"log \"a\" { units = {\"@-.service\"} }", "t:1: units: \"@-.service\" " NO_UNIT},
		{"log \"a\" { units = {\"post*.service\"} }",
		 "t:1: units: \"post*.service\" " NO_UNIT},
		{"log \"a\" { units = {\"a/b.service\"} }", "t:1: units: \"a/b.service\" " NO_UNIT},
		{"log \"a\" { units = {.service} }", "t:1: units: \".service\" " NO_UNIT},
		{"log \"a\" { units = {mail.timer} }", "t:1: units: \"mail.timer\" " NO_UNIT},
		{"log \"a\" { units = {\"\"} }", "t:1: units: \"\" " NO_UNIT},
		{"log \"a\" { units = {a.service,\na.service} }",
		 "t:2: units: a.service is named twice"},
		{"log \"a\" { units = {" SEVENTEEN(".service") "} }",
		 "t:2: units: more than 16 units"},
		{"log \"a\" { patterns = {a/b} }", "t:1: patterns: \"a/b\" " NO_SET},
		{"log \"a\" { patterns = {a,\n\"..\"} }", "t:2: patterns: \"..\" " NO_SET},
		{"log \"a\" { patterns = {\"a b\"} }", "t:1: patterns: \"a b\" " NO_SET},
		{"log \"a\" { patterns = {\"\"} }", "t:1: patterns: \"\" " NO_SET},
		{"log \"a\" { patterns = {a,\na} }", "t:2: patterns: a is named twice"},
		{"log \"a\" { patterns = {" SEVENTEEN("") "} }",
		 "t:2: patterns: more than 16 patterns"},
		{"log \"a\" { file = /a }\nlog \"b\" { file = /b }\nlog \"c\" { file = /a }",
		 "t:3: log \"c\" reads what log \"a\" reads, " TWICE},
		{"log \"a\" {}\nlog \"b\" { patterns = {b} }",
		 "t:2: log \"b\" reads what log \"a\" reads, " TWICE},
		{"log \"a\" { patterns = {a, b} }\nlog \"b\" { patterns = {c, b} }",
		 "t:2: log \"b\" reads what log \"a\" reads, " TWICE},
		{"log \"a\" { units = {a.service} }\nlog \"b\" { units = {b.service, a.service} }",
		 "t:2: log \"b\" reads what log \"a\" reads, " TWICE},
		{"read-logs = journal",
		 "t:1: read-logs: \"journal\" is neither true nor false, neither on nor off"},
		{"\nunits = {a.service}",
		 "t:2: unknown setting \"units\" here; its place is the section log"},
		{"log \"a\" { action = drop }",
		 "t:1: unknown setting \"action\" here; its place is the section list"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct config *config = untouched;
		struct error why = {""};

		assert_int_equal(
			config_read_memory("t", row[i].text, strlen(row[i].text), &config, &why),
			-EINVAL);
		if (strcmp(why.text, row[i].want) != 0)
			fail_msg("unexpected sentence for \"%s\":\ngot  \"%s\"\nwant \"%s\"",
				 row[i].text, why.text, row[i].want);
		assert_ptr_equal(config, untouched);
	}
}

static void logs_in_all(void **state)
{
	(void)state;
	for (int logs = CONFIG_LOGS; logs <= CONFIG_LOGS + 1; logs++) {
		struct config *config = untouched;
		struct error why = {""};
		char *text = NULL;
		size_t size;
		FILE *f = open_memstream(&text, &size);
		int code;

		for (int i = 1; i <= logs; i++)
			fprintf(f, "log \"l%d\" { file = /l%d }\n", i, i);
		fclose(f);
		code = config_read_memory("t", text, size, &config, &why);
		free(text);
		if (logs == CONFIG_LOGS) {
			assert_int_equal(code, 0);
			config_free(config);
		} else {
			assert_int_equal(code, -EINVAL);
			assert_string_equal(why.text, "t:17: more than 16 logs");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),  cmocka_unit_test(defaults),
		cmocka_unit_test(accepted),    cmocka_unit_test(refused),
		cmocka_unit_test(logs_in_all),
	};

	return cmocka_run_group_tests_name("config_logs", tests, NULL, NULL);
}
