// SPDX-License-Identifier: GPL-2.0-only
/*
 * report.c - program `report`: lines of a log charge whom the kernel saw and could not read; what the
 * ledger took, what is forgiven, what comes back at boot
 */
#include "talk.h"

#define NOW 0

static void veil(struct kit *kit, const char *client)
{
	struct talk t = talk_open(kit, client);

	talk_say(&t, "250 STARTTLS\r\n" STARTTLS);
}

static void test_witness(struct kit *kit)
{
	abuse_on(kit);
	scene(kit);
	kit_expect("of nobody", talk_log(kit, CLIENT, REPORT_OFFENCE, 0, NOW), REPORT_NO_WITNESS);
	kit_expect("mail of nobody", talk_log(kit, CLIENT, REPORT_MAIL, 0, NOW), REPORT_NO_WITNESS);
	kit_expect("login of nobody", talk_log(kit, CLIENT, REPORT_LOGIN, 0, NOW),
		   REPORT_NO_WITNESS);
	veil(kit, CLIENT);
	kit_expect("seen", talk_log(kit, CLIENT, REPORT_OFFENCE, 0, NOW), REPORT_DONE);
	kit_pass_time(kit, 400 * SECOND);
	kit_expect("long ago", talk_log(kit, CLIENT, REPORT_OFFENCE, 0, NOW), REPORT_NO_WITNESS);
	kit_expect("its own time",
		   talk_log(kit, CLIENT, REPORT_OFFENCE, 0, kit_now(kit) - 300 * SECOND),
		   REPORT_DONE);
}

/* Plain sessions are the kernel's, encrypted ones the log's. */
static void test_once(struct kit *kit)
{
	struct talk t;

	abuse_on(kit);
	scene(kit);
	t = talk_open(kit, CLIENT);
	talk_say(&t, DENIED);
	kit_expect("what was read", talk_log(kit, CLIENT, REPORT_OFFENCE, 0, NOW), REPORT_READ);
	/* One line of the log for each that was read: nothing is left to pay for what is encrypted. */
	talk_say(&t, DENIED);
	veil(kit, CLIENT);
	kit_expect("the kernel's own", talk_log(kit, CLIENT, REPORT_OFFENCE, 0, NOW), REPORT_READ);
	kit_expect("both", talk_offences(kit, CLIENT, 0), 2);
	kit_expect("the third, the log's", talk_log(kit, CLIENT, REPORT_OFFENCE, 0, NOW),
		   REPORT_BANNED);
	judge(kit, CLIENT, 25, TCP_SYN, by_ban);
	kit_expect("during the ban", talk_log(kit, CLIENT, REPORT_OFFENCE, 0, NOW), REPORT_COUNTED);
}

/* Its replies leave by another way: the log tells, whatever is read of others. */
static void test_unread(struct kit *kit)
{
	struct talk t;

	abuse_on(kit);
	scene(kit);
	t = talk_open(kit, CLIENT6);
	talk_say(&t, DENIED);
	kit_proven(kit, CLIENT, 1);
	kit_expect("of what nobody read", talk_log(kit, CLIENT, REPORT_OFFENCE, 0, NOW),
		   REPORT_DONE);
	kit_expect("of what was read", talk_log(kit, CLIENT6, REPORT_OFFENCE, 0, NOW), REPORT_READ);
	kit_expect("and a line too many", talk_log(kit, CLIENT6, REPORT_OFFENCE, 0, NOW),
		   REPORT_READ);
}

/* Hours of old lines are not now. */
static void test_old_lines(struct kit *kit)
{
	struct address source = kit_address(CLIENT);
	struct proven p;

	abuse_on(kit);
	scene(kit);
	veil(kit, CLIENT);
	p = talk_known(kit, CLIENT);
	p.sessions = 1; /* open all the time */
	bpf_map_update_elem(kit_map(kit, "proven"), &source, &p, BPF_ANY);
	for (int i = 0; i < 100; i++)
		talk_log(kit, CLIENT, REPORT_OFFENCE, 0, kit_now(kit) - 7200 * SECOND);
	for (int i = 0; i < 4; i++) /* 4 points, 30 minutes old, are half a point */
		talk_log(kit, CLIENT, REPORT_OFFENCE, 0, kit_now(kit) - 1800 * SECOND);
	judge(kit, CLIENT, 25, TCP_SYN, clean);
	for (int i = 0; i < 2; i++)
		talk_log(kit, CLIENT, REPORT_OFFENCE, 0, kit_now(kit) + 999 * SECOND);
	judge(kit, CLIENT, 25, TCP_SYN, by_ban);
}

static void test_login(struct kit *kit)
{
	struct report r = {.kind = REPORT_LOGIN, .proved = 1};

	abuse_on(kit);
	scene(kit);
	veil(kit, CLIENT);
	talk_log(kit, CLIENT, REPORT_LOGIN, 0, NOW);
	judge(kit, CLIENT, 25, TCP_SYN, logged_in);
	/* A POP login: its source has no session here. */
	r.prefix = talk_prefix(CLIENT6);
	kit_expect("a POP login", talk_report(kit, &r), REPORT_DONE);
	judge(kit, CLIENT6, 25, TCP_SYN, logged_in);
	kit->settings->login_time = 0;
	kit_pass_time(kit, 1801 * SECOND);
	veil(kit, CLIENT);
	talk_log(kit, CLIENT, REPORT_LOGIN, 0, NOW);
	judge(kit, CLIENT, 25, TCP_SYN, clean);
}

static void test_ledger(struct kit *kit)
{
	struct report r = {.kind = REPORT_TAKEN, .taken = {1, 1}, .taken_mail = 1};
	struct talk t;

	abuse_on(kit);
	scene(kit);
	t = talk_open(kit, CLIENT);
	talk_say(&t, DENIED GUESS GUESS "354 go\r\n250 queued\r\n");
	r.prefix = talk_prefix(CLIENT);
	talk_report(kit, &r);
	kit_expect("relay-denied left", talk_known(kit, CLIENT).fresh[0], 0);
	kit_expect("auth-failed left", talk_known(kit, CLIENT).fresh[1], 1);
	kit_expect("mail left", talk_known(kit, CLIENT).fresh_mail, 0);
	talk_report(kit, &r);
	kit_expect("never less than nothing", talk_known(kit, CLIENT).fresh[0], 0);
	/* Forgiven: it begins anew. */
	r.kind = REPORT_FORGIVE;
	talk_report(kit, &r);
	talk_say(&t, DENIED DENIED);
	judge(kit, CLIENT, 25, TCP_SYN, clean);
	talk_say(&t, DENIED);
	judge(kit, CLIENT, 25, TCP_SYN, by_ban);
}

static void test_restore(struct kit *kit)
{
	struct report r = {.kind = REPORT_RESTORE};
	struct ban b;

	abuse_on(kit);
	scene(kit);
	r.prefix = talk_prefix(CLIENT);
	r.ban.since = kit_now(kit) - SECOND;
	r.ban.until = kit_now(kit) + 60 * SECOND;
	r.ban.remember = kit_now(kit) + BAN_REMEMBER;
	r.ban.strikes = 3;
	r.ban.mode = MODE_ENFORCE;
	kit_expect("report", talk_report(kit, &r), REPORT_DONE);
	judge(kit, CLIENT, 25, TCP_SYN, by_ban);
	r.ban.strikes = 9;
	kit_expect("again", talk_report(kit, &r), REPORT_THERE);
	kit_pass_time(kit, 61 * SECOND);
	judge(kit, CLIENT, 25, TCP_SYN, clean);
	{
		struct talk t = talk_open(kit, CLIENT);

		talk_say(&t, DENIED DENIED DENIED);
	}
	kit_expect("strikes", (talk_ban(kit, CLIENT, &b), b.strikes), 4);
	kit_expect("minutes", (b.until - b.since) / (60 * SECOND), 80);
}

/* No room: nobody is banned, and it is counted. */
static void test_full(struct kit *kit)
{
	struct reply_counts before = talk_counts(kit);
	struct prefix key = {.length = 128};
	struct ban none = {.until = 1};
	int err = 0;

	abuse_on(kit);
	scene(kit);
	for (uint32_t i = 0; !err && i < BANS_MAX + 10; i++) {
		address_set_word(&key.address, 0, i + 1);
		err = bpf_map_update_elem(kit_map(kit, "bans"), &key, &none, BPF_ANY);
	}
	kit_expect("the map is full", (uint64_t)-err, E2BIG);
	{
		struct talk t = talk_open(kit, CLIENT);

		talk_say(&t, DENIED DENIED DENIED);
	}
	judge(kit, CLIENT, 25, TCP_SYN, clean);
	kit_expect("counted", talk_counts(kit).bans_full - before.bans_full, 1);
}

static const struct kit_test tests[] = {
	{"witness", test_witness},     {"once", test_once},   {"unread", test_unread},
	{"old-lines", test_old_lines}, {"login", test_login}, {"ledger", test_ledger},
	{"restore", test_restore},     {"full", test_full},
};

KIT_MAIN("report", tests)
