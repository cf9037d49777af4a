// SPDX-License-Identifier: GPL-2.0-only
/*
 * wave.c - many different sources are banned for relay attempts at once
 *
 * That may be a botnet. But a mail server that has forgotten one of its domains refuses all mail for it in the
 * same words, and then those who are banned are its honest senders: somebody has to look.
 */
#include "../clock.h"
#include "bans.h"

#define WAVE_SOURCES 30
#define WAVE_NS	     (600 * SECOND_NS)
#define WAVE_TOLD_NS (3600 * SECOND_NS)

void wave_add(struct daemon *d, struct ban_wave *wave, const struct ban_entry *e)
{
	uint64_t now = clock_boot();

	if (e->ban.origin == BAN_WIDENED || e->ban.last != OFFENCE_RELAY_DENIED)
		return;
	if (now > wave->begun + WAVE_NS) {
		wave->begun = now;
		wave->count = 0;
	}
	if (++wave->count < WAVE_SOURCES)
		return;
	wave->told = now;
	fault_set(
		d, "wave of bans",
		"%d sources and more were banned for relay attempts within 10 minutes: a botnet, or does "
		"the mail server not know a domain of its own any more? Then mend that, and take the "
		"bans back: smtpwall unblock 0.0.0.0/0 2000::/3",
		WAVE_SOURCES);
}

void wave_tick(struct daemon *d, struct ban_wave *wave)
{
	if (!wave->told || clock_boot() < wave->told + WAVE_TOLD_NS)
		return;
	wave->told = 0;
	fault_clear(d, "wave of bans");
}
