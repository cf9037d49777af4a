// SPDX-License-Identifier: GPL-2.0-only
/*
 * logged.c - what a line of a log says is handed to the kernel
 *
 * Which charges it by the same code as a reply it has read itself, and only if it saw a session of that
 * source: anybody on this host can write to a log.
 */
#include <string.h>
#include <syslog.h>
#include <time.h>
#include "../output.h"
#include "bans.h"
#include "logs.h"

/* By the line's age: the test offset moves both clocks, and no line of a log. */
uint64_t logged_when(const struct log_event *e)
{
	uint64_t now = clock_boot(), age;
	struct timespec t;
	int64_t since;

	clock_gettime(CLOCK_REALTIME, &t);
	since = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 - e->when;
	if (since <= 0)
		return now;
	age = (uint64_t)since < now / 1000 ? (uint64_t)since * 1000 : now;
	return now > age ? now - age : 1;
}

static void offence(struct daemon *d, const struct log_event *e, struct report *report)
{
	report->kind = REPORT_OFFENCE;
	report->offence = e->offence;
	memcpy(report->text, e->text, sizeof(report->text));
	if (!report_send(d, report))
		return;
	if ((unsigned int)report->result < REPORT_RESULTS)
		d->logs->result[report->result]++;
	if (report->result == REPORT_DONE || report->result == REPORT_BANNED)
		d->logs->charged = true;
	if (report->result == REPORT_BANNED)
		bans_look(d);
}

static void login(struct daemon *d, const struct log_event *e, struct report *report)
{
	const struct config *c = d->config;
	uint64_t window = c->abuse_login * SECOND_NS;

	if (!c->abuse_login || (e->pop && !c->abuse_pop_logins) ||
	    report->when + window <= clock_boot())
		return;
	if (!accounts_login(d->logs->accounts, e->account, &e->source, report->when, window,
			    c->abuse_account_sources)) {
		d->logs->strangers++;
		return;
	}
	report->kind = REPORT_LOGIN;
	report->proved = e->pop;
	report_send(d, report);
}

void logged(void *reader, const struct log_event *e)
{
	struct daemon *d = logs_daemon(reader);
	struct report report = {
		.prefix = {.address = e->source, .length = ADDRESS_BITS},
		.when = logged_when(e),
	};

	/* Events and maps must agree about a test's clock. */
	if (!d->wall)
		return;
	switch (e->what) {
	case LOGGED_OFFENCE:
		offence(d, e, &report);
		break;
	case LOGGED_LOGIN:
		login(d, e, &report);
		break;
	case LOGGED_MAIL:
		report.kind = REPORT_MAIL;
		report_send(d, &report);
		break;
	case LOGGED_CLIENT:
	case LOGGED_SENT:
		relay_event(d, e);
		break;
	}
}

void logged_tell(struct daemon *d)
{
	struct follow_logs *f = d->logs;

	if (f->result[REPORT_NO_WITNESS] || f->result[REPORT_FULL] || f->strangers)
		log_line(
			LOG_INFO,
			"log-refused no-session=%llu no-room=%llu logins=%llu text=\"lines of logs "
			"whose source had no session here lately, for which there was no room, or "
			"whose account has logged in from too many sources\"",
			(unsigned long long)f->result[REPORT_NO_WITNESS],
			(unsigned long long)f->result[REPORT_FULL],
			(unsigned long long)f->strangers);
	memset(f->result, 0, sizeof(f->result));
	f->strangers = 0;
}
