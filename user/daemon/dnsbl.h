/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dnsbl.h - what the files of the service `dnsbl` share
 *
 *   dnsbl    the service: configuration, every second, every minute
 *   lookups  sources wait, and are asked about
 *   verdict  the replies become the source's score
 *   probes   are the sites themselves well?
 *   quota    what a site was asked today, over a reboot
 *   room     keeps room in the map
 *
 * The map `dnsbl` is the truth; what is here are only the questions under way. If the daemon dies, the
 * next one finds those without an answer by walking `proven`.
 */
#ifndef SMTPWALL_DAEMON_DNSBL_H
#define SMTPWALL_DAEMON_DNSBL_H

#include "../dnsbl/dnsbl.h"
#include "daemon.h"

struct lookups;
struct probes;

struct follow_dnsbl {
	struct dnsbl_places places;
	struct dnsbl_resolver *resolver; /* NULL: no sites, or no wall */
	struct dnsbl_health *health;	 /* of d->wall */
	struct lookups *lookups;
	struct probes *probes;
	bool closing;		/* replies that come now are no replies */
	sd_event_source *soon;	/* the timer for that */
	bool rescore;		/* scores have to be worked out anew: done within a second */
	uint64_t quota_written; /* sum of what the file of quotas holds */
	uint64_t room_made;	/* boot clock, ns: when room was last made in the map */
	uint64_t slow_until;	/* boot clock, ns: nothing is deferred, answers take too long */
};

/* Do not count on the sites that count: some changed. Brings places, scores and faults up to date. */
void dnsbl_sites_changed(struct daemon *d);

/* What the kernel would do with a new connection of this source to the mail port. */
int dnsbl_check(struct daemon *d, const struct address *source, struct answer *out);

/* --- lookups.c -------------------------------------------------------------------------------- */

int lookups_start(struct daemon *d, struct error *why);
void lookups_stop(struct daemon *d);
/*
 * Somebody should ask about this source. `begun`: when the session or SYN came that is the reason (boot
 * clock, ns). Does nothing for a source that is waiting or being asked about.
 */
void lookup_want(struct daemon *d, const struct address *source, uint64_t begun, bool proven);
/* What the resolver's closing has stopped is asked again by the next one. */
void lookups_again(struct daemon *d);
size_t lookups_waiting(const struct follow_dnsbl *f);
size_t lookups_running(const struct follow_dnsbl *f);
/* How long the oldest has waited or run, us. */
uint64_t lookups_oldest(const struct follow_dnsbl *f);

/* --- probes.c --------------------------------------------------------------------------------- */

int probes_start(struct daemon *d, struct error *why);
void probes_stop(struct daemon *d);
/* Starts the tests that are due. Is any site still waiting for its first one? */
void probes_second(struct daemon *d);
bool probes_first_under_way(const struct follow_dnsbl *f);
/* Asks a tripped site again about sources that it had nothing against. */
void probes_tick(struct daemon *d);
/* Faults for sites that are not well, in words. */
void probes_tell(struct daemon *d);

/* --- quota.c ---------------------------------------------------------------------------------- */

/* Takes over what the sites were asked today before a reboot, or before they were taken out. */
void quota_read(struct dnsbl_health *health);
void quota_write(struct daemon *d);

/* --- room.c ----------------------------------------------------------------------------------- */

/* Is there room in the map for a source that nothing speaks against? */
bool room_for_clean(const struct follow_dnsbl *f);
/* Makes room when it gets short. */
void room_make(struct daemon *d);

#endif
