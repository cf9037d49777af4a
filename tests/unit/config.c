// SPDX-License-Identifier: GPL-2.0-only
/*
 * The configuration: what is read from it, what is refused and in which line, and the way back.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "config.h"
#include "config_text.h"
#include "dnsbl/dnsbl.h"

#define EXAMPLE "scripts/packaging/smtpwall.conf"

static void defaults(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint64_t want;
	} row[] = {
#define NUMBER(member, want) {#member, offsetof(struct config, member), want}
		NUMBER(source_events, 600),  NUMBER(source_seconds, 60),
		NUMBER(source_burst, 300),   NUMBER(network_events, 0),
		NUMBER(network_burst, 600),  NUMBER(syn_events, 60),
		NUMBER(syn_seconds, 60),     NUMBER(syn_burst, 30),
		NUMBER(sessions, 100),	     NUMBER(event_budget, 100),
		NUMBER(learn_budget, 20000), NUMBER(ledger_max, 256 << 20),
		NUMBER(dnsbl_threshold, 1),  NUMBER(dnsbl_timeout, 5),
		NUMBER(dnsbl_budget, 200),   NUMBER(dnsbl_network_budget, 10),
		NUMBER(dnsbl_queue, 4096),   NUMBER(dnsbl_grace, 3600),
	};
	struct config *config = read_text("");

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		uint64_t got = *(const uint64_t *)((const char *)config + row[i].at);

		if (got != row[i].want)
			fail_msg("unexpected default of %s: got %llu, want %llu", row[i].name,
				 (unsigned long long)got, (unsigned long long)row[i].want);
	}
	assert_int_equal(config->mode, MODE_MONITOR);
	assert_string_equal(config->mode_text, "monitor");
	assert_int_equal(config->interfaces, 0);
	assert_int_equal(config->ports, 1);
	assert_int_equal(config->port[0].number, 25);
	assert_int_equal(config->port[0].kind, PORT_PROTECTED);
	assert_int_equal(config->lists, 0);
	assert_null(config->dnsbl_sites);
	assert_int_equal(config->dnsbl_resolvers, 0);
	assert_false(config->dnsbl_deferred);
	config_free(config);
	config_free(NULL);
}

/* The installed example names every setting, and with the value it has anyway. */
static void example(void **state)
{
	static const char *const name[] = {"mode =",
					   "interfaces =",
					   "ports =",
					   "submission-ports =",
					   "action =",
					   "file =",
					   "format =",
					   "skip-bad =",
					   "max-age =",
					   "source =",
					   "source-burst =",
					   "network =",
					   "network-burst =",
					   "syn =",
					   "syn-burst =",
					   "sessions =",
					   "budget =",
					   "learn =",
					   "max-size =",
					   "sites =",
					   "threshold =",
					   "timeout =",
					   "resolvers =",
					   "deferred =",
					   "network-budget =",
					   "queue =",
					   "grace =",
					   "ceiling =",
					   "site \"",
					   "name =",
					   "test =",
					   "postscreen_dnsbl_sites",
					   "relay-denied =",
					   "auth-failed =",
					   "unknown-user =",
					   "protocol-error =",
					   "limit =",
					   "half-life =",
					   "auth-failed-daily =",
					   "ban =",
					   "ban-max =",
					   "authenticated =",
					   "widen =",
					   "share =",
					   "account-sources =",
					   "pop-logins =",
					   "known-messages =",
					   "known-days =",
					   "known-within =",
					   "keep =",
					   "networks =",
					   "read-logs =",
					   "log \"",
					   "self-check {",
					   "addresses =",
					   "interval =",
					   "units =",
					   "patterns ="};
	struct config *config = NULL, *want = read_text("");
	char text[32768] = "", *got_text, *want_text;
	struct error why = {""};
	FILE *f = fopen(EXAMPLE, "r");
	bool missing = true;

	(void)state;
	if (!f)
		fail_msg(EXAMPLE " is not here: the test runs in the directory of the Makefile");
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	if (config_read(EXAMPLE, &config, &missing, &why))
		fail_msg("%s", why.text);
	assert_false(missing);
	got_text = written(config);
	want_text = written(want);
	assert_string_equal(got_text, want_text);
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		if (!strstr(text, name[i]))
			fail_msg("the example does not tell of \"%s\"", name[i]);
	free(got_text);
	free(want_text);
	config_free(config);
	config_free(want);
}

static const char everything[] =
	"mode = enforce // a comment\n"
	"interfaces = {\"eth0\", eth0.100, 'wan'} # another\r\n"
	"ports = {25, \"2525\"}\n"
	"submission-ports = {465, 587}\n"
	"/* a comment\n over lines, with \" and ${HOME} and }} */\n"
	"list \"spamhaus-drop\" { action = drop  file = \"/etc/smtpwall/drop.txt\"  max-age = 3d "
	"}\n"
	"list partners { action = allow file = /etc/smtpwall/green_list }\n"
	"list \"w.1_x-2\" { action = count format = plain skip-bad = yes max-age = 1d2h3m }\n"
	"rate { source = \"6/10s\" source-burst = 3 network = 100/1h30m1s network-burst = 4\n"
	" syn = off syn-burst = 5 sessions = 7 }\n"
	"events { budget = 0 learn = 1 }\n"
	"ledger { max-size = 2 }\n"
	"dnsbl { sites = 'Zen.example=127.0.0.[2..4]*3, b.example,\n\t b.example*-2' threshold = 3\n"
	" timeout = 59s resolvers = {127.0.0.1, \"[2001:db8::53]:53\"} deferred = on budget = 1\n"
	" network-budget = 10000 queue = 16 grace = 1h30m action = drop ceiling = 7\n"
	" site \"b.Example.\" { test = off ceiling = off } }";

static void check_everything(const struct config *c)
{
	assert_int_equal(c->mode, MODE_ENFORCE);
	assert_string_equal(c->mode_text, "enforce");
	assert_int_equal(c->interfaces, 3);
	assert_string_equal(c->interface[0], "eth0");
	assert_string_equal(c->interface[1], "eth0.100");
	assert_string_equal(c->interface[2], "wan");
	assert_int_equal(c->ports, 4);
	assert_int_equal(c->port[1].number, 2525);
	assert_int_equal(c->port[1].kind, PORT_PROTECTED);
	assert_int_equal(c->port[2].number, 465);
	assert_int_equal(c->port[2].kind, PORT_SUBMISSION);
	assert_int_equal(c->lists, 3);
	assert_string_equal(c->list[0].name, "spamhaus-drop");
	assert_int_equal(c->list[0].action, LIST_DROP);
	assert_string_equal(c->list[0].file, "/etc/smtpwall/drop.txt");
	assert_null(c->list[0].format);
	assert_false(c->list[0].skip_bad);
	assert_int_equal(c->list[0].max_age, 3 * 86400);
	assert_int_equal(c->list[1].action, LIST_ALLOW);
	assert_int_equal(c->list[1].max_age, 0);
	assert_ptr_equal(config_find_list(c, "w.1_x-2"), &c->list[2]);
	assert_null(config_find_list(c, "none"));
	assert_int_equal(c->list[2].action, LIST_COUNT);
	assert_null(c->list[2].file);
	assert_string_equal(c->list[2].format, "plain");
	assert_true(c->list[2].skip_bad);
	assert_int_equal(c->list[2].max_age, 93780);
	assert_int_equal(c->source_events, 6);
	assert_int_equal(c->source_seconds, 10);
	assert_int_equal(c->source_burst, 3);
	assert_int_equal(c->network_events, 100);
	assert_int_equal(c->network_seconds, 5401);
	assert_int_equal(c->network_burst, 4);
	assert_int_equal(c->syn_events, 0);
	assert_int_equal(c->syn_burst, 5);
	assert_int_equal(c->sessions, 7);
	assert_int_equal(c->event_budget, 0);
	assert_int_equal(c->learn_budget, 1);
	assert_int_equal(c->ledger_max, 2 << 20);
	assert_int_equal(c->dnsbl_sites->zones, 2);
	assert_string_equal(c->dnsbl_sites->zone[0].zone, "zen.example");
	assert_int_equal(c->dnsbl_sites->zone[0].pattern[0].weight, 3);
	assert_int_equal(c->dnsbl_sites->zone[0].test, DNSBL_TEST_ON);
	assert_int_equal(c->dnsbl_sites->zone[0].ceiling, 7);
	assert_int_equal(c->dnsbl_sites->zone[1].patterns, 2);
	assert_int_equal(c->dnsbl_sites->zone[1].test, DNSBL_TEST_OFF);
	assert_int_equal(c->dnsbl_sites->zone[1].ceiling, 0);
	assert_int_equal(c->dnsbl_threshold, 3);
	assert_int_equal(c->dnsbl_timeout, 59);
	assert_int_equal(c->dnsbl_resolvers, 2);
	assert_string_equal(c->dnsbl_resolver[1], "[2001:db8::53]:53");
	assert_true(c->dnsbl_deferred);
	assert_int_equal(c->dnsbl_budget, 1);
	assert_int_equal(c->dnsbl_network_budget, 10000);
	assert_int_equal(c->dnsbl_queue, 16);
	assert_int_equal(c->dnsbl_grace, 5400);
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

static void accepted(void **state)
{
	static const char *const row[] = {
		"\n\n",
		"# only a comment without an end of line",
		"#\n##\n#\n",
		"ports = 25",
		"ports = {} submission-ports = {587}",
		"interfaces = {}",
		"ports = {25,}",
		"list \"a\" { action = block file = \"/etc/gr\303\274n/a b,c;(d)\" }",
		"list \"guard2\" { action = drop }",
		"rate {}",
		"rate { sessions = off network = off }",
		"mode=monitor\r\nrate{sessions=0}\r\n",
		"list \"a\" { action = drop max-age = 0s }",
		"list \"abcdefghijklmnopqrstuvwxyz12345\" { action = drop }",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		config_free(read_text(row[i]));
}

static void refused(void **state)
{
	static const struct {
		const char *text, *where, *what;
	} row[] = {
		/* names */
		{"mode = monitor\nmodes = enforce", "t:2: ", "did you mean \"mode\""},
		{"moed = enforce", "t:1: ", "did you mean \"mode\""},
		{"rate {\n sources = 5 }", "t:2: ", "did you mean \"source\""},
		{"list \"a\" {\n\n acton = drop }", "t:3: ", "did you mean \"action\""},
		{"sessions = 5", "t:1: ", "its place is the section rate"},
		{"rate { mode = monitor }", "t:1: ", "its place is outside all sections"},
		{"\ngreylist { threshold = 3 }", "t:2: ", "unknown setting \"greylist\""},
		{"entirely-different = 3", "t:1: ", "unknown setting \"entirely-different\""},
		{"\"mo\033de\" = 3", "t:1: ", "byte 0x1b"},
		{"\"rate|sessions\" = 3", "t:1: ", "character | has no meaning"},
		/* syntax */
		{"mode monitor", "t:1: ", "mode must be followed by ="},
		{"mode =\n", "t:2: ", "in the middle of a setting"},
		{"mode = {monitor}", "t:1: ", "not expected here"},
		{"= monitor", "t:1: ", "not expected here"},
		{"rate = 5", "t:1: ", "rate must be followed by {"},
		{"list { action = drop }", "t:1: ", "list needs a name"},
		{"\nrate { sessions = 5\n", "t:2: ", "never closed"},
		{"rate { sessions = 5 } }", "t:1: ", "closes no {"},
		{"ports = {25 26}", "t:1: ", "\"26\" is not expected here"},
		{"\n\nmode = \"monitor\nports = {25}", "t:3: ", "no closing \""},
		{"mode = 'monitor", "t:1: ", "no closing '"},
		{"mode = monitor\n/* never\nended", "t:2: ", "has no */"},
		{"mode = mon\"itor\"", "t:1: ", "\"itor\""},
		{"mode = enforce;", "t:1: ", "character ; has no meaning"},
		{"ports += {26}", "t:1: ", "character + has no meaning"},
		{"a{b{c{d{e{", "t:1: ", "braces deep"},
		/* what libconfuse would do */
		{"include(\"/etc/passwd\")", "t:1: ", "character ( has no meaning"},
		{"include", "t:1: ", "unknown setting \"include\""},
		{"mode = ${HOME}", "t:1: ", "${NAME} is not replaced"},
		{"mode = \"${HOME}\"", "t:1: ", "${NAME} is not replaced"},
		{"mode = '${HOME}'", "t:1: ", "${NAME} is not replaced"},
		{"mode = \"moni\\x74or\"", "t:1: ", "character \\ has no meaning"},
		{"mode = monitor\n\rmode", "t:2: ", "byte 0x0d"},
		/* twice */
		{"mode = monitor\n\nmode = enforce", "t:3: ", "mode is set twice"},
		{"ports = {25}\nports = {26}", "t:2: ", "ports is set twice"},
		{"rate { sessions = 1\nsessions = 2 }", "t:2: ", "sessions is set twice"},
		{"rate { sessions = 1 }\n\nrate { syn = off\n}", "t:3: ", "rate is there twice"},
		{"events {}\nevents {}", "t:2: ", "events is there twice"},
		{"ledger {}\nledger {}", "t:2: ", "ledger is there twice"},
		{"list \"a\" { action = drop }\nlist \"a\" { action = allow }",
		 "t:2: ", "list \"a\" is there twice"},
		/* values */
		{"mode = Enforce", "t:1: ", "write monitor or enforce"},
		{"mode = \"\"", "t:1: ", "write monitor or enforce"},
		{"interfaces = {\"eth0\",\n\"eth0\"}", "t:2: ", "eth0 is named twice"},
		{"interfaces = {\"\"}", "t:1: ", "cannot be the name of an interface"},
		{"interfaces = {\"a/b\"}", "t:1: ", "cannot be the name"},
		{"interfaces = {\"a:b\"}", "t:1: ", "cannot be the name"},
		{"interfaces = {\"a b\"}", "t:1: ", "cannot be the name"},
		{"interfaces = {\"..\"}", "t:1: ", "cannot be the name"},
		{"interfaces = {\"abcdefghijklmnop\"}", "t:1: ", "cannot be the name"},
		{"interfaces = {a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q}", "t:1: ", "more than 16"},
		{"ports = {0}", "t:1: ", "1 to 65535"},
		{"ports = {65536}", "t:1: ", "1 to 65535"},
		{"ports = {-25}", "t:1: ", "1 to 65535"},
		{"ports = {smtp}", "t:1: ", "1 to 65535"},
		{"ports = {18446744073709551641}", "t:1: ", "1 to 65535"},
		{"ports = {\"\"}", "t:1: ", "1 to 65535"},
		{"ports = {25,\n25}", "t:2: ", "port 25 is named twice"},
		{"submission-ports = {25}", "t:1: ", "port 25 is already in ports"},
		{"ports = {}", "t: ", "nothing would be protected"},
		{"ports = {1,2,3,4,5,6,7,8,9,10,11,12}\nsubmission-ports = {13,14,15,16,17}",
		 "t:2: ", "more than 16 ports"},
		{"list \"guard\" {\n action = drop }", "t:1: ", "the wall's own"},
		{"\nlist \"manual\" {}", "t:2: ", "the wall's own"},
		{"list \"\" { action = drop }", "t:1: ", "a name has 1 to 31"},
		{"list \".a\" { action = drop }", "t:1: ", "a name has 1 to 31"},
		{"list \"-a\" { action = drop }", "t:1: ", "a name has 1 to 31"},
		{"list \"../a\" { action = drop }", "t:1: ", "a name has 1 to 31"},
		{"list \"a b\" { action = drop }", "t:1: ", "a name has 1 to 31"},
		{"list \"abcdefghijklmnopqrstuvwxyz123456\" { action = drop }",
		 "t:1: ", "a name has 1 to 31"},
		{"\nlist \"a\" {\n file = \"/x\"\n}", "t:2: ", "has no action"},
		{"list \"a\" { action = reject }", "t:1: ", "is no action"},
		{"list \"a\" { action = drop\n file = \"x.txt\" }", "t:2: ", "not an absolute"},
		{"list \"a\" { action = drop file = \"\" }", "t:1: ", "not an absolute"},
		{"list \"a\" { action = drop file = '/a\"b' }", "t:1: ", "has a quote in it"},
		{"list \"a\" { action = drop format = csv }", "t:1: ", "is no format"},
		{"list \"a\" { action = drop skip-bad = 2 }", "t:1: ", "neither true nor false"},
		{"list \"a\" { action = drop\nmax-age = 3 }",
		 "t:2: ", "max-age: \"3\" is not a time"},
		{"rate { source = 600 }", "t:1: ", "source: \"600\" is not a rate"},
		{"rate { network = \"5/0s\" }", "t:1: ", "network: "},
		{"rate {\nsyn-burst = 0 }", "t:2: ", "syn-burst: \"0\""},
		{"rate { source-burst = -1 }", "t:1: ", "source-burst: \"-1\""},
		{"rate { source-burst = 1000000001 }", "t:1: ", "source-burst"},
		{"rate { source = 1/3650d }", "t:1: ", "over ten years"},
		{"rate { source = 1/3650d\nsource-burst = 2 }", "t:2: ", "over ten years"},
		{"rate { sessions = -1 }", "t:1: ", "sessions: \"-1\""},
		{"rate { sessions = 1.5 }", "t:1: ", "sessions: \"1.5\""},
		{"events { learn = 0 }", "t:1: ", "learn: \"0\""},
		{"events { budget = many }", "t:1: ", "budget: \"many\""},
		{"ledger { max-size = 0 }", "t:1: ", "max-size: \"0\""},
		{"ledger { max-size = 1048577 }", "t:1: ", "max-size"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct config *config = untouched;
		struct error why = {""};
		int code = config_read_memory("t", row[i].text, strlen(row[i].text), &config, &why);

		if (code != -EINVAL)
			fail_msg("unexpected result for \"%s\": got %d, want -EINVAL", row[i].text,
				 code);
		if (strncmp(why.text, row[i].where, strlen(row[i].where)) != 0 ||
		    !strstr(why.text, row[i].what) || strchr(why.text, '\n'))
			fail_msg("unexpected sentence for \"%s\":\ngot  \"%s\"\nwant \"%s...%s\"",
				 row[i].text, why.text, row[i].where, row[i].what);
		assert_ptr_equal(config, untouched);
		assert_int_equal(
			config_read_memory("t", row[i].text, strlen(row[i].text), &config, NULL),
			-EINVAL);
	}
}

static void bytes(void **state)
{
	static const char nul[] = "mode = monitor\nports\0 = {25}";
	struct config *config = untouched;
	struct error why = {""};
	char *many = NULL;
	size_t size;
	FILE *f;

	(void)state;
	assert_int_equal(config_read_memory("t", nul, sizeof(nul) - 1, &config, &why), -EINVAL);
	assert_string_equal(why.text, "t:2: the byte 0x00 has no meaning here");

	for (int lists = CONFIG_LISTS; lists <= CONFIG_LISTS + 1; lists++) {
		f = open_memstream(&many, &size);
		for (int i = 1; i <= lists; i++)
			fprintf(f, "list \"l%d\" { action = drop }\n", i);
		fclose(f);
		config = untouched;
		if (lists == CONFIG_LISTS) {
			assert_int_equal(config_read_memory("t", many, size, &config, &why), 0);
			config_free(config);
		} else {
			assert_int_equal(config_read_memory("t", many, size, &config, &why),
					 -EINVAL);
			assert_string_equal(why.text, "t:255: more than 254 lists");
		}
		free(many);
	}
}

static void files(void **state)
{
	char directory[] = "/tmp/smtpwall-config.XXXXXX", path[64];
	struct config *config = untouched;
	struct error why = {""};
	bool missing = false;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/conf", directory);

	assert_int_equal(config_read(path, &config, &missing, &why), 0);
	assert_true(missing);
	assert_int_equal(config->sessions, 100);
	config_free(config);
	config = untouched;

	assert_int_equal(config_read(directory, &config, &missing, &why), -EISDIR);
	assert_non_null(strstr(why.text, "is a directory"));
	assert_ptr_equal(config, untouched);

	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(config_read(path, &config, NULL, &why), -EINVAL);
	assert_non_null(strstr(why.text, "not a regular file"));
	unlink(path);

	f = fopen(path, "w");
	for (int i = 0; i < 65537; i++)
		fputs("# sixteen chars\n", f);
	fclose(f);
	assert_int_equal(config_read(path, &config, NULL, &why), -EFBIG);
	assert_int_equal(truncate(path, 1 << 20), 0);
	assert_int_equal(config_read(path, &config, &missing, &why), 0);
	assert_false(missing);
	config_free(config);
	config = untouched;

	f = fopen(path, "w");
	fputs("\nnone = 1\n", f);
	fclose(f);
	assert_int_equal(config_read(path, &config, NULL, &why), -EINVAL);
	assert_memory_equal(why.text, path, strlen(path));
	assert_memory_equal(why.text + strlen(path), ":2: ", 4);
	/* a mistake leaves nothing behind in the parser */
	f = fopen(path, "w");
	fputs("mode = enforce", f);
	fclose(f);
	assert_int_equal(config_read(path, &config, NULL, &why), 0);
	assert_int_equal(config->mode, MODE_ENFORCE);
	config_free(config);
	unlink(path);
	/* a path that runs through a file */
	snprintf(path, sizeof(path), "%s/conf/conf", directory);
	f = fopen("/dev/null", "r");
	fclose(f);
	assert_int_equal(config_read("/dev/null", &config, &missing, &why), 0);
	assert_false(missing);
	config_free(config);
	assert_int_equal(config_read("/dev/null/conf", &config, &missing, &why), -ENOTDIR);
	rmdir(directory);
}

static void names(void **state)
{
	enum list_action action = LIST_NONE;
	enum mode mode = MODE_ENFORCE;

	(void)state;
	assert_true(mode_parse("monitor", &mode));
	assert_int_equal(mode, MODE_MONITOR);
	assert_false(mode_parse("off", &mode));
	assert_string_equal(mode_name(MODE_ENFORCE), "enforce");
	assert_string_equal(mode_name((enum mode)7), "unknown");
	assert_true(action_parse("block", &action));
	assert_int_equal(action, LIST_DROP);
	assert_false(action_parse("", &action));
	assert_string_equal(action_name(LIST_DROP), "drop");
	assert_string_equal(action_name(LIST_ALLOW), "allow");
	assert_string_equal(action_name(LIST_COUNT), "count");
	assert_string_equal(action_name(LIST_NONE), "unknown");
	assert_string_equal(reason_name(REASON_ADMIN_BLOCK), "admin-block");
	assert_string_equal(reason_name(REASON_OTHER), "other");
	assert_string_equal(reason_name(REASON_ABUSE), "abuse");
	assert_string_equal(reason_name((enum reason)99), "unknown");
	assert_string_equal(verdict_name(VERDICT_DROP), "drop");
	assert_string_equal(verdict_name(VERDICT_PASS), "pass");
	assert_string_equal(verdict_name((enum verdict)9), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults), cmocka_unit_test(example), cmocka_unit_test(round_trip),
		cmocka_unit_test(accepted), cmocka_unit_test(refused), cmocka_unit_test(bytes),
		cmocka_unit_test(files),    cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
