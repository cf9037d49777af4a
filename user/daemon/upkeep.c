// SPDX-License-Identifier: GPL-2.0-only
/*
 * upkeep.c - keeps the maps small and the ledger and the map `manual` one
 */
#include <syslog.h>
#include "../clock.h"
#include "../output.h"
#include "daemon.h"

/* What is known of a source that was not seen for a month is forgotten; sooner when room gets short.
 */
#define PROVEN_IDLE (30ULL * 86400ULL * 1000000000ULL)

static void upkeep_tick(struct daemon *d)
{
	struct ledger *ledger = NULL;
	struct error why;
	size_t left;

	if (!d->wall)
		return;
	wall_sweep_proven(d->wall, PROVEN_IDLE, &left);
	if (left > (size_t)PROVEN_MAX / 10 * 9)
		fault_set(d, "proven sources", "the table is nearly full (%zu of %u)", left,
			  PROVEN_MAX);
	else
		fault_clear(d, "proven sources");
	if (ledger_open(place.state, false, d->config->ledger_max, &ledger, &why) ||
	    manual_restore(d->wall, ledger, &why))
		fault_set(d, "ledger", "%s", why.text);
	else
		fault_clear(d, "ledger");
	ledger_close(ledger);
}

const struct service service_upkeep = {.name = "upkeep", .tick = upkeep_tick};
