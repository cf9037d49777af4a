// SPDX-License-Identifier: GPL-2.0-only
/*
 * report.c - tells the kernel what was seen in logs, by program `report`
 *
 * A program of another version answers nothing, each time: that is one fault, not a flood of lines.
 */
#include "daemon.h"

bool report_send(struct daemon *d, struct report *report)
{
	struct error why;

	if (!d->wall)
		return false;
	if (wall_report(place.pins, report, &why)) {
		fault_set(d, "program report", "%s", why.text);
		return false;
	}
	fault_clear(d, "program report");
	return true;
}
