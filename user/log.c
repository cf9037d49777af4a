// SPDX-License-Identifier: GPL-2.0-only
/*
 * log.c - one line an event, to facility mail, where an administrator of mail looks
 */
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>
#include "output.h"

static enum { BY_TERMINAL, TO_STDERR, TO_LOG } target;

void log_to_stderr(bool yes)
{
	target = yes ? TO_STDERR : TO_LOG;
}

void log_line(int priority, const char *format, ...)
{
	static bool open;
	char line[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	/* One event is one line, whatever a value holds. */
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';

	/* In a container without a log daemon, standard error is what is kept. */
	if (target == TO_STDERR ||
	    (target == BY_TERMINAL && (isatty(STDERR_FILENO) || access("/dev/log", F_OK)))) {
		fprintf(stderr, "smtpwall: %s\n", line);
		return;
	}
	if (!open) {
		openlog("smtpwall", LOG_PID | LOG_NDELAY, LOG_MAIL);
		open = true;
	}
	syslog(LOG_MAIL | LOG_PRI(priority), "%s", line);
}
