// SPDX-License-Identifier: GPL-2.0-only
/*
 * Questions to real sockets: every kind of answer of tests/tools/dnsd, in a network of this test's
 * own. Skipped where that may not be made.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <cmocka.h>
#include "dnsbl/dnsbl.h"
#include "dnsbl_servers.h"

#define LIMIT 700  /* ms */
#define LONG  3000 /* for what must be answered, on a machine that is busy with other things */

/* --- asking ---------------------------------------------------------------------------------- */

#define MANY 2000

struct asked {
	struct dnsbl_reply reply;
	unsigned int told;
};
static sd_event *loop;
static struct asked asked[MANY];
static unsigned int left;

static void on_reply(void *context, const struct dnsbl_reply *reply)
{
	struct asked *a = context;

	a->reply = *reply;
	a->told++;
	left--;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Runs the loop until all have been told, or so long. */
static void run(unsigned int ms)
{
	uint64_t end = now_ms() + ms;

	while (left && now_ms() < end)
		sd_event_run(loop, 20000);
}

static struct dnsbl_resolver *open_with(unsigned int ms, char *first, char *second)
{
	struct dnsbl_resolver *r = NULL;
	char *servers[] = {first, second};
	struct error why = {""};

	if (skipped[0])
		skip();
	if (dnsbl_resolver_open(loop, servers, second ? 2 : 1, ms, &r, &why))
		fail_msg("unexpected: %s", why.text);
	memset(asked, 0, sizeof(asked));
	left = 0;
	return r;
}

static void ask(struct dnsbl_resolver *r, unsigned int number, const char *zone)
{
	struct address source;

	address_from_v4(&source, address_be32(0xc6120000 + number));
	left++;
	dnsbl_ask(r, &source, zone, on_reply, &asked[number]);
}

static const struct dnsbl_reply *ask_one(struct dnsbl_resolver *r, const char *zone)
{
	memset(&asked[0], 0, sizeof(asked[0]));
	ask(r, 0, zone);
	run(20000);
	assert_int_equal(asked[0].told, 1);
	return &asked[0].reply;
}

/* --- tests ----------------------------------------------------------------------------------- */

static void outcomes(void **state)
{
	static const struct {
		const char *zone;
		enum dnsbl_outcome want;
		unsigned int records, last, ttl;
	} row[] = {
		{"hit.test", DNSBL_HIT, 2, 2, 77},
		{"miss.test", DNSBL_MISS, 0, 0, 30},
		{"nodata.test", DNSBL_MISS, 0, 0, 40},
		{"silent.test", DNSBL_TIMEOUT, 0, 0, 0},
		{"servfail.test", DNSBL_SERVFAIL, 0, 0, 0},
		{"refused.test", DNSBL_REFUSED, 0, 0, 0},
		{"outside.test", DNSBL_OUTSIDE, 1, 9, 0},
		{"code.test", DNSBL_ERROR_CODE, 1, 254, 0},
		{"alias.test", DNSBL_ALIAS, 0, 0, 0},
		{"inner.test", DNSBL_HIT, 1, 3, 5},
		{"tc.test", DNSBL_HIT, 1, 5, 9},
		{"cut.test", DNSBL_MANGLED, 0, 0, 0},
		{"wrongname.test", DNSBL_MANGLED, 0, 0, 0},
		{"long.test", DNSBL_MANGLED, 0, 0, 0},
		{"loop.test", DNSBL_MANGLED, 0, 0, 0},
		{"unknown.test", DNSBL_REFUSED, 0, 0, 0},
		/* What may be another's answer is waited past. */
		{"garbage.test", DNSBL_TIMEOUT, 0, 0, 0},
		{"wrongid.test", DNSBL_TIMEOUT, 0, 0, 0},
		{"wrongquestion.test", DNSBL_TIMEOUT, 0, 0, 0},
		{"tcsilent.test", DNSBL_TIMEOUT, 0, 0, 0},
	};
	struct dnsbl_resolver *r = open_with(LONG, "127.0.0.1:5301", NULL);

	(void)state;
	for (unsigned int i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		ask(r, i, row[i].zone);
	run(20000);
	for (unsigned int i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const struct dnsbl_reply *got = &asked[i].reply;

		if (asked[i].told != 1 || got->outcome != row[i].want ||
		    got->records != row[i].records || got->ttl != row[i].ttl ||
		    got->record[0][3] != row[i].last)
			fail_msg(
				"unexpected for %s: got %s, %u records, first .%u, ttl %u, told %u",
				row[i].zone, dnsbl_outcome_name(got->outcome), got->records,
				got->record[0][3], got->ttl, asked[i].told);
		assert_true(got->latency_us > 0);
	}
	dnsbl_resolver_close(r);
}

static void limits(void **state)
{
	struct dnsbl_resolver *r = open_with(LIMIT, "127.0.0.1:5301", NULL);

	(void)state;
	assert_int_equal(ask_one(r, "silent.test")->outcome, DNSBL_TIMEOUT);
	assert_in_range(asked[0].reply.latency_us, (LIMIT - 50) * 1000, LONG * 1000);
	/* the answer comes after the end */
	assert_int_equal(ask_one(r, "late.test")->outcome, DNSBL_TIMEOUT);
	left = 1;
	run(LONG - LIMIT);
	assert_int_equal(asked[0].told, 1);
	dnsbl_resolver_close(r);

	r = open_with(LONG, "127.0.0.1:5301", NULL);
	/* sent again after a seventh */
	assert_int_equal(ask_one(r, "lost.test")->outcome, DNSBL_HIT);
	assert_in_range(asked[0].reply.latency_us, LONG * 1000 / 7 - 5000, LONG * 1000);
	assert_int_equal(ask_one(r, "slow.test")->outcome, DNSBL_HIT);
	assert_in_range(asked[0].reply.latency_us, 48000, LONG * 1000);
	dnsbl_resolver_close(r);

	/* nobody listens there: no reason to wait */
	r = open_with(LONG, "127.0.0.1:5399", NULL);
	assert_int_equal(ask_one(r, "hit.test")->outcome, DNSBL_TIMEOUT);
	assert_in_range(asked[0].reply.latency_us, 0, LONG * 1000 - 50000);
	dnsbl_resolver_close(r);
}

static void several(void **state)
{
	struct dnsbl_resolver *r = open_with(LONG, "127.0.0.1:5301", "127.0.0.1:5302");

	(void)state;
	assert_int_equal(ask_one(r, "hit.test")->record[0][3], 2);
	assert_int_equal(ask_one(r, "refused.test")->record[0][3], 7);
	assert_int_equal(ask_one(r, "servfail.test")->outcome, DNSBL_SERVFAIL);
	assert_int_equal(ask_one(r, "unknown.test")->outcome, DNSBL_REFUSED);
	assert_int_equal(ask_one(r, "silent.test")->outcome, DNSBL_REFUSED);
	/* asking the others does not make it longer */
	assert_int_equal(ask_one(r, "half.test")->outcome, DNSBL_SERVFAIL);
	assert_in_range(asked[0].reply.latency_us, LONG * 1000 - 50000, LONG * 1000 + 1000000);
	dnsbl_resolver_close(r);
	r = open_with(LONG, "127.0.0.1:5399", "127.0.0.1:5302");
	assert_int_equal(ask_one(r, "hit.test")->record[0][3], 8);
	dnsbl_resolver_close(r);
}

static void many(void **state)
{
	struct dnsbl_resolver *r = open_with(10000, "127.0.0.1:5301", NULL);
	uint64_t begun = now_ms();

	(void)state;
	for (unsigned int i = 0; i < MANY; i++)
		ask(r, i, i % 3 ? "slow.test" : i % 2 ? "hit.test" : "miss.test");
	run(10000);
	for (unsigned int i = 0; i < MANY; i++) {
		enum dnsbl_outcome want = i % 3 || i % 2 ? DNSBL_HIT : DNSBL_MISS;

		if (asked[i].told != 1 || asked[i].reply.outcome != want)
			fail_msg("unexpected for question %u: told %u, %s", i, asked[i].told,
				 dnsbl_outcome_name(asked[i].reply.outcome));
	}
	printf("%d questions in %llu ms\n", MANY, (unsigned long long)(now_ms() - begun));
	dnsbl_resolver_close(r);
}

static struct dnsbl_resolver *chained;

static void on_link(void *context, const struct dnsbl_reply *reply)
{
	struct asked *a = context;
	struct address source = {{0}};

	a->reply = *reply;
	left--;
	if (a->told++ < 100) {
		left++;
		source.byte[15] = (uint8_t)a->told;
		dnsbl_ask(chained, &source, a->told % 2 ? "hit.test" : "servfail.test", on_link, a);
	}
}

/* Asking and being told inside of one another; the end with questions under way. */
static void nesting(void **state)
{
	struct address source = {{0}};

	(void)state;
	chained = open_with(LONG, "127.0.0.1:5301", "127.0.0.1:5302");
	left = 1;
	dnsbl_ask(chained, &source, "hit.test", on_link, &asked[0]);
	run(20000);
	assert_int_equal(asked[0].told, 101);

	for (unsigned int i = 1; i < 100; i++)
		ask(chained, i, i % 2 ? "silent.test" : "servfail.test");
	memset(&asked[0], 0, sizeof(asked[0]));
	left++;
	dnsbl_ask(chained, &source, "silent.test", on_link, &asked[0]);
	sd_event_run(loop, 20000);
	dnsbl_resolver_close(chained);
	assert_int_equal(left, 0);
	assert_int_equal(asked[0].told, 101);
	for (unsigned int i = 1; i < 100; i++) {
		assert_int_equal(asked[i].told, 1);
		if (i % 2)
			assert_int_equal(asked[i].reply.outcome, DNSBL_UNASKED);
	}
	dnsbl_resolver_close(NULL);
}

static void probes(void **state)
{
	char zone[DNSBL_ZONE], question[DNSBL_QUESTION];
	struct dnsbl_resolver *r;

	(void)state;
	dnsbl_probe_question(DNSBL_PROBE_LISTED, "bl.test", question);
	assert_string_equal(question, "2.0.0.127.bl.test");
	dnsbl_probe_question(DNSBL_PROBE_UNLISTED, "bl.test", question);
	assert_string_equal(question, "1.0.0.127.bl.test");
	dnsbl_probe_question(DNSBL_PROBE_UNLISTED6, "bl.test", question);
	assert_string_equal(
		question,
		"1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl.test");
	memset(zone, 'z', sizeof(zone));
	zone[sizeof(zone) - 1] = '\0';
	dnsbl_probe_question(DNSBL_PROBE_LISTED6, zone, question);
	assert_int_equal(strlen(question), 64 + DNSBL_ZONE - 1);

	r = open_with(LONG, "127.0.0.1:5301", NULL);
	for (unsigned int i = 0; i < DNSBL_PROBES; i++, left++)
		dnsbl_ask_probe(r, (enum dnsbl_probe)i, "probe.test", on_reply, &asked[i]);
	run(20000);
	for (unsigned int i = 0; i < DNSBL_PROBES; i++)
		assert_int_equal(asked[i].reply.outcome, i % 2 ? DNSBL_MISS : DNSBL_HIT);
	/* a zone that no question fits in front of */
	assert_int_equal(ask_one(r, zone)->outcome, DNSBL_MANGLED);
	dnsbl_resolver_close(r);
}

static void servers(void **state)
{
	static const struct {
		char *in;
		const char *out; /* NULL: refused */
		bool local;
	} row[] = {
		{"192.0.2.53", "192.0.2.53", false},
		{"192.0.2.53:53", "192.0.2.53", false},
		{"127.0.0.2:5353", "127.0.0.2:5353", true},
		{"127.0.0.2:106", "127.0.0.2:106", true},
		{"2001:db8::53", "2001:db8::53", false},
		{"[2001:db8::53]", "2001:db8::53", false},
		{"[2001:db8::53]:53", "2001:db8::53", false},
		{"[::1]:5353", "[::1]:5353", true},
		{"::1", "::1", true},
		{"", NULL, false},
		{"dns.example", NULL, false},
		{"192.0.2.53:", NULL, false},
		{"192.0.2.53:0", NULL, false},
		{"192.0.2.53:65536", NULL, false},
		{"192.0.2.53:5x", NULL, false},
		{"192.0.2.053", NULL, false},
		{"[2001:db8::53", NULL, false},
		{"[2001:db8::53]x", NULL, false},
		{"[2001:db8::53]:", NULL, false},
		{"192.0.2.53,192.0.2.54", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dnsbl_resolver *r = NULL;
		char *server_of[] = {row[i].in};
		struct error why = {""};
		char text[64] = "";
		bool local = false;
		int code = dnsbl_resolver_open(loop, server_of, 1, LIMIT, &r, &why);

		if (code != (row[i].out ? 0 : -EINVAL) || !why.text[0] == !row[i].out)
			fail_msg("unexpected for \"%s\": %d, \"%s\"", row[i].in, code, why.text);
		if (code)
			continue;
		dnsbl_resolver_servers(r, text, sizeof(text), &local);
		if (strcmp(text, row[i].out) != 0 || local != row[i].local)
			fail_msg("unexpected for \"%s\": got %s, local %d", row[i].in, text, local);
		assert_false(dnsbl_resolver_stale(r));
		dnsbl_resolver_close(r);
	}
}

static void resolv_conf(void **state)
{
	struct dnsbl_resolver *r = open_with(LIMIT, "127.0.0.1:5301", NULL);
	char path[128], text[64];
	struct error why;
	bool local;

	(void)state;
	dnsbl_resolver_close(r);
	snprintf(path, sizeof(path), "%s/resolv.conf", directory);
	write_file(path, "nameserver 127.0.0.1\nnameserver 192.0.2.53\n");
	if (mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL))
		skip();
	assert_int_equal(dnsbl_resolver_open(loop, NULL, 0, LIMIT, &r, &why), 0);
	dnsbl_resolver_servers(r, text, sizeof(text), &local);
	assert_string_equal(text, "127.0.0.1, 192.0.2.53");
	assert_false(local);
	dnsbl_resolver_servers(r, text, 5, &local);
	assert_string_equal(text, "127.");
	assert_false(dnsbl_resolver_stale(r));
	write_file(path, "nameserver 192.0.2.53\n");
	assert_true(dnsbl_resolver_stale(r));
	dnsbl_resolver_close(r);
	umount("/etc/resolv.conf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers), cmocka_unit_test(outcomes),	  cmocka_unit_test(limits),
		cmocka_unit_test(several), cmocka_unit_test(many),	  cmocka_unit_test(nesting),
		cmocka_unit_test(probes),  cmocka_unit_test(resolv_conf),
	};
	int failed;

	if (sd_event_default(&loop) < 0)
		return 2;
	failed = cmocka_run_group_tests_name("dnsbl_resolver", tests, servers_start, servers_stop);
	sd_event_unref(loop);
	return failed;
}
