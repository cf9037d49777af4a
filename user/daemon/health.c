// SPDX-License-Identifier: GPL-2.0-only
/*
 * health.c - what is wrong, in words, in a map that outlives the daemon
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include "../clock.h"
#include "../output.h"
#include "daemon.h"

/* A long name is kept, and compared, by what there is room for. */
static struct fault *fault_find(struct daemon *d, const char *what)
{
	struct health *health = d->wall ? wall_health(d->wall) : NULL;

	for (int i = 0; health && i < HEALTH_FAULTS; i++)
		if (health->fault[i].since &&
		    !strncmp(health->fault[i].what, what, sizeof(health->fault[i].what) - 1))
			return &health->fault[i];
	return NULL;
}

static struct fault *fault_free(struct daemon *d)
{
	struct health *health = d->wall ? wall_health(d->wall) : NULL;

	for (int i = 0; health && i < HEALTH_FAULTS; i++)
		if (!health->fault[i].since)
			return &health->fault[i];
	return NULL;
}

static void fault_overflow(const char *name)
{
	static uint64_t told;

	if (told && clock_boot() < told + 600 * SECOND_NS)
		return;
	told = clock_boot();
	log_line(LOG_WARNING, "fault what=\"%s\" text=\"there are more faults than can be shown\"",
		 name);
}

void fault_set(struct daemon *d, const char *what, const char *format, ...)
{
	char text[sizeof(((struct fault *)0)->text)], name[sizeof(((struct fault *)0)->what)];
	struct fault *fault = fault_find(d, what);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	snprintf(name, sizeof(name), "%s", what);
	for (char *c = text; *c; c++)
		if (*c == '"')
			*c = '\'';
	if (fault && !strcmp(fault->text, text))
		return;
	if (!fault)
		fault = fault_free(d);
	/* What cannot be remembered would be told again and again. */
	if (!fault && d->wall) {
		fault_overflow(name);
		return;
	}
	log_line(LOG_WARNING, "fault what=\"%s\" text=\"%s\"", name, text);
	if (!fault)
		return;
	memcpy(fault->what, name, sizeof(name));
	memcpy(fault->text, text, sizeof(text));
	if (!fault->since)
		fault->since = clock_wall();
}

void fault_clear(struct daemon *d, const char *what)
{
	struct fault *fault = fault_find(d, what);

	if (!fault)
		return;
	log_line(LOG_NOTICE, "well what=\"%s\"", fault->what);
	fault->since = 0;
}

void fault_clear_all(struct daemon *d, const char *begin)
{
	struct health *health = d->wall ? wall_health(d->wall) : NULL;

	for (int i = 0; health && i < HEALTH_FAULTS; i++)
		if (health->fault[i].since && !strncmp(health->fault[i].what, begin, strlen(begin)))
			health->fault[i].since = 0;
}

void heartbeat(struct daemon *d)
{
	if (d->wall)
		wall_health(d->wall)->heartbeat = clock_boot();
}
