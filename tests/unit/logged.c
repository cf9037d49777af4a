// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is remembered of a mail server's log: accounts and their sources, messages and their clients.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "daemon/accounts.h"
#include "daemon/mail.h"
#include "text.h"

#define WINDOW 1800
#define MOST   5

static struct address source(unsigned int n)
{
	struct address a = {.byte = {0x20, 0x01, 0x0d, 0xb8}};

	a.byte[13] = (uint8_t)(n >> 16);
	a.byte[14] = (uint8_t)(n >> 8);
	a.byte[15] = (uint8_t)n;
	return a;
}

static bool login(struct accounts *a, const char *account, unsigned int n, uint64_t when)
{
	struct address from = source(n);

	return accounts_login(a, account, &from, when, WINDOW, MOST);
}

static void test_sources_of_account(void **state)
{
	struct accounts *a = accounts_new();

	(void)state;
	for (unsigned int i = 0; i < MOST; i++)
		assert_true(login(a, "ann", i, 100 + i));
	assert_false(login(a, "ann", MOST, 200));
	/* Those that are in stay in, and others have their own five. */
	assert_true(login(a, "ann", 0, 200));
	assert_true(login(a, "Ann", MOST, 200));
	assert_true(login(a, "", 1, 200));
	/* 1 has run out, 0 was there again. */
	assert_false(login(a, "ann", MOST, 100 + WINDOW));
	assert_true(login(a, "ann", MOST, 101 + WINDOW));
	assert_false(login(a, "ann", MOST + 1, 101 + WINDOW));
	assert_true(login(a, "ann", 0, 101 + WINDOW));
	accounts_free(a);
}

/* A line that was read late takes nothing from what a younger one gave. */
static void test_late_line(void **state)
{
	struct accounts *a = accounts_new();

	(void)state;
	assert_true(login(a, "ann", 0, 1000));
	assert_true(login(a, "ann", 0, 10));
	for (unsigned int i = 1; i < MOST; i++)
		assert_true(login(a, "ann", i, 1500));
	assert_false(login(a, "ann", MOST, 999 + WINDOW));
	assert_true(login(a, "ann", MOST, 1000 + WINDOW));
	accounts_free(a);
}

static void test_many_accounts(void **state)
{
	struct accounts *a = accounts_new();
	char name[32];
	int taken = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		taken += login(a, name, (unsigned int)i, 100);
	}
	assert_int_equal(taken, 16384);
	/* When they have run out there is room again. */
	assert_true(login(a, "late", 1, 101 + WINDOW));
	accounts_free(a);
}

static void put(struct mail *m, const char *queue, unsigned int n, bool authenticated)
{
	struct mail_client client = {.source = source(n), .authenticated = authenticated};

	snprintf(client.queue, sizeof(client.queue), "%s", queue);
	mail_put(m, &client);
}

static void test_mail(void **state)
{
	struct mail *m = mail_new();
	char queue[LOG_QUEUE];
	struct address two = source(2);

	(void)state;
	assert_null(mail_find(m, "A1"));
	put(m, "A1", 1, false);
	put(m, "", 1, false);
	assert_null(mail_find(m, ""));
	assert_non_null(mail_find(m, "A1"));
	/* The same name again: another message. */
	put(m, "A1", 2, true);
	assert_true(mail_find(m, "A1")->authenticated);
	assert_memory_equal(&mail_find(m, "A1")->source, &two, sizeof(two));
	for (unsigned int i = 0; i < 4095; i++) {
		snprintf(queue, sizeof(queue), "B%X", i);
		put(m, queue, i, false);
	}
	assert_non_null(mail_find(m, "A1"));
	put(m, "C", 1, false);
	assert_null(mail_find(m, "A1"));
	assert_non_null(mail_find(m, "B0"));
	assert_non_null(mail_find(m, "BFFE"));
	/* Round and round. */
	for (unsigned int i = 0; i < 10000; i++) {
		snprintf(queue, sizeof(queue), "D%X", i);
		put(m, queue, i, false);
		assert_non_null(mail_find(m, queue));
	}
	assert_null(mail_find(m, "BFFE"));
	mail_free(m);
}

static void test_domain(void **state)
{
	char domain[MAIL_DOMAIN] = "", longest[400];

	(void)state;
	assert_true(mail_domain("<user@Example.NET>", domain));
	assert_string_equal(domain, "example.net");
	assert_true(mail_domain("\"a@b\"@x-1.example", domain));
	assert_string_equal(domain, "x-1.example");
	assert_false(mail_domain("root", domain));
	assert_false(mail_domain("user@", domain));
	assert_false(mail_domain("user@[192.0.2.1]", domain));
	assert_false(mail_domain("user@evil\ndomain", domain));
	assert_false(mail_domain("user@a b", domain));
	assert_false(mail_domain("user@.example", domain));
	memset(longest, 'a', sizeof(longest) - 1);
	longest[0] = '@';
	longest[sizeof(longest) - 1] = '\0';
	assert_false(mail_domain(longest, domain));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sources_of_account),
		cmocka_unit_test(test_late_line),
		cmocka_unit_test(test_many_accounts),
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
