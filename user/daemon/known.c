// SPDX-License-Identifier: GPL-2.0-only
/*
 * known.c - every minute the ledger takes over what sources did, and the kernel learns whom it may know
 *
 * A sender that this host knows is never banned for what anybody can trick it into.
 */
#include <stdlib.h>
#include "../clock.h"
#include "../output.h"
#include "daemon.h"

#define DAY 86400

static int follow(struct daemon *d, struct ledger *ledger, struct error *why)
{
	/* Accepted mail is needed for as long as it makes senders known. */
	uint64_t keep = d->config->abuse_keep > d->config->known_window ? d->config->abuse_keep
									: d->config->known_window;
	int err = known_take(d->wall, ledger, why);
	struct error other;

	/* Also when nothing could be taken: what the ledger knows already is worth having. */
	if (known_mirror(d->wall, ledger, d->config, err ? &other : why) && !err)
		err = -1;
	ledger_expire_days(ledger, (clock_wall() - (int64_t)keep) / DAY, NULL);
	return err;
}

static void known_tick(struct daemon *d)
{
	struct ledger *ledger = NULL;
	struct error why;

	if (!d->wall)
		return;
	if (ledger_open(place.state, false, d->config->ledger_max, &ledger, &why) ||
	    follow(d, ledger, &why))
		fault_set(d, "known senders",
			  "what sources send and do is not kept over a reboot, and senders do not "
			  "become known: %s",
			  why.text);
	else
		fault_clear(d, "known senders");
	ledger_close(ledger);
}

const struct service service_known = {.name = "known", .tick = known_tick, .wall = known_tick};
