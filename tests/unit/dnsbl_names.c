// SPDX-License-Identifier: GPL-2.0-only
/*
 * The names of an address and the addresses of a name, from a real socket: what there is, what there is
 * not, and what nobody could say. Skipped where no network may be made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "dnsbl/dnsbl.h"
#include "dnsbl_servers.h"

#define LIMIT 700  /* ms */
#define LONG  8000 /* for what must be answered, on a machine that is busy with other things */

static sd_event *loop;
static struct dnsbl_resolver *resolver;

struct heard {
	unsigned int told;
	struct names_reply names;
	struct host_reply host;
};

static void on_names(void *context, const struct names_reply *reply)
{
	struct heard *h = context;

	h->names = *reply;
	h->told++;
}

static void on_host(void *context, const struct host_reply *reply)
{
	struct heard *h = context;

	h->host = *reply;
	h->told++;
}

static void run(const struct heard *h)
{
	struct timespec t;
	uint64_t end, now = 0;

	clock_gettime(CLOCK_MONOTONIC, &t);
	end = (uint64_t)t.tv_sec * 1000 + LONG;
	while (!h->told && now < end) {
		sd_event_run(loop, 20000);
		clock_gettime(CLOCK_MONOTONIC, &t);
		now = (uint64_t)t.tv_sec * 1000;
	}
	assert_int_equal(h->told, 1);
}

static void open_both(void)
{
	char *first = "127.0.0.1:5301";

	assert_true(sd_event_new(&loop) >= 0);
	assert_int_equal(dnsbl_resolver_open(loop, &first, 1, LIMIT, &resolver, NULL), 0);
}

static void close_both(void)
{
	dnsbl_resolver_close(resolver);
	sd_event_unref(loop);
}

static void names(void **state)
{
	static const struct {
		const char *address;
		bool known;
		const char *name; /* NULL: none */
	} row[] = {
		{"192.0.2.25", true, "host.test"}, {"2001:db8::25", true, "six.test"},
		{"192.0.2.26", true, NULL},	   {"192.0.2.30", true, NULL},
		{"192.0.2.27", false, NULL},	   {"192.0.2.28", false, NULL},
		{"192.0.2.29", false, NULL},	   {"192.0.2.99", false, NULL}, /* REFUSED */
	};

	(void)state;
	if (skipped[0])
		skip();
	open_both();
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct heard h = {.told = 0};
		struct address a;

		assert_true(address_parse(row[i].address, &a));
		dnsbl_ask_names(resolver, &a, on_names, &h);
		run(&h);
		if (h.names.known != row[i].known || h.names.count != (row[i].name ? 1 : 0))
			fail_msg("%s: known %d, %u names", row[i].address, h.names.known,
				 h.names.count);
		if (row[i].name)
			assert_string_equal(h.names.name[0], row[i].name);
	}
	close_both();
}

static void hosts(void **state)
{
	static const struct {
		const char *name;
		bool known;
		unsigned int count;
	} row[] = {
		{"host.test", true, 3},
		{"six.test", true, 1},
		{"x.miss.test", true, 0},
		{"x.nodata.test", true, 0},
		{"x.servfail.test", false, 0},
		{"x.silent.test", false, 0},
		{"x.garbage.test", false, 0},
		{"nowhere.example", false, 0}, /* REFUSED */
		/* What /etc/hosts says is not asked. */
		{"localhost", false, 0},
	};

	(void)state;
	if (skipped[0])
		skip();
	open_both();
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct heard h = {.told = 0};

		dnsbl_ask_host(resolver, row[i].name, on_host, &h);
		run(&h);
		if (h.host.known != row[i].known || h.host.count != row[i].count)
			fail_msg("%s: known %d, %u addresses", row[i].name, h.host.known,
				 h.host.count);
	}
	close_both();
}

static void too_long(void **state)
{
	struct heard h = {.told = 0};
	char name[DNS_NAME + 40];

	(void)state;
	if (skipped[0])
		skip();
	open_both();
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	dnsbl_ask_host(resolver, name, on_host, &h);
	run(&h);
	assert_false(h.host.known);
	close_both();
}

static void closing(void **state)
{
	struct heard names = {.told = 0}, host = {.told = 0};
	struct address a;

	(void)state;
	if (skipped[0])
		skip();
	open_both();
	assert_true(address_parse("192.0.2.28", &a));
	dnsbl_ask_names(resolver, &a, on_names, &names);
	dnsbl_ask_host(resolver, "x.silent.test", on_host, &host);
	close_both();
	assert_int_equal(names.told, 1);
	assert_int_equal(host.told, 1);
	assert_false(names.names.known);
	assert_false(host.host.known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(hosts),
		cmocka_unit_test(too_long),
		cmocka_unit_test(closing),
	};

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
