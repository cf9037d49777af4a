/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel.h - the only room that calls libbpf
 *
 *   pins      where things are pinned, and the two locks
 *   object    the BPF object (skeleton): open, reuse pinned maps, load
 *   attach    links: XDP on interfaces, the session programs
 *   egress    program `replies` on the interfaces' way out: tcx, or a filter of clsact
 *   maps      a wall that is up, seen through its pins: settings, counters, sources
 *   manual    the map `manual`
 *   policy    installs a compiled policy
 *   run       BPF_PROG_RUN: `check`
 *   answers   the maps of the DNSBLs
 *   refuse    refusing with a reason: its maps, the listening sockets
 *   phrases   the automaton that reads the mail server's replies
 *   abuse     bans, known senders, what the mail server's replies gave; program `report`
 *   sessions  the open sessions, by the iterator `list_sessions`
 *   ring      the two event rings
 *
 * Two locks, both flock(2) on directories of the pins, both gone when their holder dies:
 *   wall lock    PINS          seconds; whoever changes settings, policy or attachments
 *   daemon lock  PINS/daemon   the daemon's life
 *   (watch lock  PINS/watch    a ring buffer has one consumer)
 * Order: wall lock before the ledger's write transaction. None is held across the network, a prompt
 * or a child.
 */
#ifndef SMTPWALL_KERNEL_H
#define SMTPWALL_KERNEL_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <smtpwall/dnsbl.h>
#include <smtpwall/events.h>
#include <smtpwall/health.h>
#include <smtpwall/policy.h>
#include <smtpwall/refuse.h>
#include <smtpwall/replies.h>
#include <smtpwall/settings.h>
#include <smtpwall/sources.h>
#include "../lists/lists.h"
#include "../text.h"

/* libbpf's own messages: silent unless `verbose`; the commands say it better. */
void kernel_init(bool verbose);

/* --- pins ------------------------------------------------------------------------------------- */

enum lock {
	LOCK_WALL,
	LOCK_DAEMON,
	LOCK_WATCH,
};

/*
 * Makes PINS (0700) and mounts bpffs at /sys/fs/bpf if that is where it should be and is not.
 * -EPERM, -ENOTDIR (PINS lies on no bpffs)... with a sentence.
 */
int pins_make(const char *pins, struct error *why);

/*
 * Takes a lock, waiting up to `seconds` (0: try once). Returns a descriptor to close, -EWOULDBLOCK
 * when somebody else holds it, -ENOENT when there are no pins.
 */
int pins_lock(const char *pins, enum lock lock, unsigned int seconds, struct error *why);
/* Does anybody hold it? Takes nothing. */
bool pins_locked(const char *pins, enum lock lock);

/* PINS/links/xdp-IFACE: bpffs allows no dot in a name, the kernel no ':' in an interface's. */
void pins_link_path(const char *pins, const char *interface, char *path, size_t size);

/*
 * Calls `each` for every pinned XDP link with the name it was attached under; a non-zero return
 * ends the walk and is returned. 0 if there are no pins.
 */
int pins_each_link(const char *pins,
		   int (*each)(void *context, const char *interface, const char *path),
		   void *context);

/* The pins of the links of an interface get its new name. -ENOENT if its XDP link is not pinned. */
int pins_rename_link(const char *pins, const char *from, const char *to);

/* Index of the interface a pinned XDP link is on; 0 if that is gone, negative errno. */
int pins_link_index(const char *path);

/* Tells one wall from the next at the same place: changes when it was taken down and put up. 0:
 * none is up. */
uint64_t pins_identity(const char *pins);

/* Removes the empty directories of a place where no wall is up. */
void pins_tidy(const char *pins);

/* How the replies that leave by an interface are read; its XDP link is pinned under this name. */
enum replies_way {
	REPLIES_NONE,
	REPLIES_TCX,
	REPLIES_CLSACT,
};
enum replies_way egress_way(const char *pins, const char *interface, int index);
const char *egress_way_name(enum replies_way way); /* "none", "tcx", "clsact" */

/* Takes program `replies` off an interface. Harmless where it is not. */
void egress_remove(const char *pins, const char *interface, int index);

/*
 * Detaches every link and filter and removes every pin, whatever version made them; goes on after failures and
 * returns the first. -ENOENT if there was nothing.
 */
int pins_remove(const char *pins, struct error *why);

/* --- object and attach: `up` ------------------------------------------------------------------ */

struct object;

/*
 * Opens and loads the programs; maps that are pinned are taken over, with what is in them. -EPROTO
 * with a sentence if they are of another schema. Nothing is pinned or attached yet.
 */
int object_load(const char *pins, struct object **out, struct error *why);
void object_free(struct object *object); /* what was not pinned or attached is gone then */
bool object_is_upgrade(const struct object *object); /* took over a wall that is up */

enum attach_mode {
	ATTACH_KEEP, /* as a link is now; native for a new one */
	ATTACH_NATIVE,
	ATTACH_GENERIC,
};

struct attach_request {
	const char *pins;
	const char *const *interface; /* the wall stands on these and no others afterwards */
	unsigned int interfaces;
	enum attach_mode mode;
	/* Called with a sentence for what is worth knowing and no failure. NULL allowed. */
	void (*note)(void *context, const char *sentence);
	void *context;
};

/*
 * Attaches to all the interfaces or changes nothing: links that were updated are set back, new ones
 * removed. Then pins programs and maps. An interface that the wall stood on and that is not asked
 * for is detached last. Where program `replies` cannot be attached the wall stands without it, with a
 * note.
 */
int object_attach(struct object *object, const struct attach_request *request, struct error *why);

/* --- maps: a wall that is up ------------------------------------------------------------------ */

struct wall;

/*
 * Opens the maps of the wall at PINS, or those of an object that is not pinned yet. -ENOENT with a
 * sentence if no wall is up; -EPROTO if its schema is another one. Sets or takes the test offset of
 * the clock (clock.h).
 */
int wall_open(const char *pins, struct wall **out, struct error *why);
int wall_of_object(struct object *object, struct wall **out, struct error *why);
void wall_close(struct wall *wall);

/* The settings in memory: read words as they are, write single words. */
volatile struct settings *wall_settings(struct wall *wall);

/* In memory; the daemon is its one writer. */
struct health *wall_health(struct wall *wall);

/* Takes over the test offset of the clock that another process has set since the wall was opened. */
void wall_follow_clock(struct wall *wall);

/*
 * The mode word of a wall of any version that keeps its first two words. -ENOENT, -EPROTO (no wall
 * of ours).
 */
int wall_get_mode(const char *pins, uint64_t *mode_word, struct error *why);
int wall_set_mode(const char *pins, uint64_t mode_word, struct error *why);

/* Sums over all CPUs. */
int wall_counters(struct wall *wall, struct counters *out, struct error *why);
int wall_list_counters(struct wall *wall, struct outcome out[POLICY_LISTS], struct error *why);
int wall_notices(struct wall *wall, struct notices *out, struct error *why);

int wall_proof(struct wall *wall, struct proof *out, struct error *why);

/* Entries in the map; walks it. Or -errno. */
int wall_manual_count(struct wall *wall);
/* -ENOENT if there is none. */
int wall_proven(struct wall *wall, const struct address *source, struct proven *out);
/*
 * Deletes entries of `proven` without open sessions that were idle for `idle_ns`; a 30th of that when
 * the map is over half full, a 300th over three quarters, a 3000th over nine tenths. Returns how many,
 * or a negative errno; `left` gets how many stay.
 */
int wall_sweep_proven(struct wall *wall, uint64_t idle_ns, size_t *left);

/* --- manual ----------------------------------------------------------------------------------- */

/* All to be called inside a write transaction of the ledger, which is the lock of this map. */
int wall_get_manual(struct wall *wall, const struct prefix *prefix, struct manual *out);
/* Puts the entry in force; both slots empty deletes it. -E2BIG with a sentence when the map is
 * full. */
int wall_put_manual(struct wall *wall, const struct prefix *prefix, const struct manual *entry,
		    struct error *why);
/* Walks the map; deleting the entry that is shown is allowed. */
int wall_each_manual(struct wall *wall,
		     int (*each)(void *context, const struct prefix *prefix,
				 const struct manual *entry),
		     void *context);

/* --- answers ---------------------------------------------------------------------------------- */

/* In memory; written by whoever holds the daemon lock. */
struct dnsbl_health *wall_dnsbl_health(struct wall *wall);
int wall_get_dnsbl(struct wall *wall, const struct address *source,
		   struct dnsbl *out); /* -ENOENT */
/* Replaces the entry whole. -E2BIG: the map is full. */
int wall_put_dnsbl(struct wall *wall, const struct address *source, const struct dnsbl *facts);
int wall_drop_dnsbl(struct wall *wall, const struct address *source); /* -ENOENT */
/*
 * Walks a map; replacing or deleting the entry that is shown is allowed. One that is added or moved
 * meanwhile may be shown twice or not at all. A non-zero return of `each` ends the walk and is returned.
 */
int wall_each_dnsbl(struct wall *wall,
		    int (*each)(void *context, const struct address *source,
				const struct dnsbl *facts),
		    void *context);
int wall_each_proven(struct wall *wall,
		     int (*each)(void *context, const struct address *source,
				 const struct proven *proven),
		     void *context);
/* Forgets sources that were deferred long ago. Returns how many stay, or a negative errno. */
int wall_sweep_deferred(struct wall *wall);

/* --- refuse ----------------------------------------------------------------------------------- */

/* In memory; written by whoever holds the daemon lock. */
struct refuse_health *wall_refuse_health(struct wall *wall);
int wall_refuse_state(struct wall *wall, struct refuse_state *out, struct error *why);
int wall_refuse_counts(struct wall *wall, struct refuse_counts *out, struct error *why);
/* The word about a connection; -ENOENT if there is none. */
int wall_refusal(struct wall *wall, const struct flow_key *key, struct refusal *out);
int wall_told(struct wall *wall, const struct address *source, struct told *out); /* -ENOENT */
/*
 * Puts a listening TCP socket into its place, REFUSE_V4 or REFUSE_V6; a descriptor of -1 empties it. When
 * the last descriptor of a socket is closed, the kernel empties its place by itself.
 */
int wall_put_refuse_socket(struct wall *wall, unsigned int place, int fd, struct error *why);
/* Is there a listener in this place? */
bool wall_has_refuse_socket(struct wall *wall, unsigned int place);
/*
 * Attaches program `refuse` of the wall at `pins` in this network namespace, if it is not: for the first list
 * that refuses. Returns 1 if it was there already. Under the wall lock.
 */
int wall_refuse_attach(const char *pins, struct error *why);
void wall_refuse_detach(const char *pins);
/* Is program `refuse` attached in this network namespace (its link is pinned and alive)? */
bool wall_refuse_attached(const char *pins);

/* --- phrases ---------------------------------------------------------------------------------- */

/* Fills in the whole table. -E2BIG: the phrases do not fit, which only a change of them brings about. */
int phrases_build(struct reply_table *out);

/* --- abuse ------------------------------------------------------------------------------------ */

int wall_get_ban(struct wall *wall, const struct prefix *prefix, struct ban *out); /* -ENOENT */
int wall_drop_ban(struct wall *wall, const struct prefix *prefix);		   /* -ENOENT */
/* As wall_each_dnsbl(). */
int wall_each_ban(struct wall *wall,
		  int (*each)(void *context, const struct prefix *prefix, const struct ban *ban),
		  void *context);

/* Senders this host knows; the daemon and `up` are its writers. */
int wall_get_known(struct wall *wall, const struct address *source, struct known *out);
int wall_put_known(struct wall *wall, const struct address *source, const struct known *known);
int wall_drop_known(struct wall *wall, const struct address *source);
int wall_each_known(struct wall *wall,
		    int (*each)(void *context, const struct address *source,
				const struct known *known),
		    void *context);

int wall_abuse(struct wall *wall, struct abuse *out, struct error *why);
int wall_reply_counts(struct wall *wall, struct reply_counts *out, struct error *why);

/*
 * Hands the record to program `report` (abuse.h), which fills in `result`; magic is put in here. `pins`
 * NULL: of an object that is not pinned yet, by wall_report_object().
 */
int wall_report(const char *pins, struct report *report, struct error *why);
int wall_report_object(struct object *object, struct report *report, struct error *why);

/* A penalty word (abuse.h) as it is at `now`, in units of PENALTY_POINT, fading with `half_life` ns. */
uint64_t penalty_at(uint64_t word, uint64_t now, uint64_t half_life);

/* --- sessions --------------------------------------------------------------------------------- */

/* Marks and counts the sessions that are older than the wall, or than a port's protection. */
int object_mark_sessions(struct object *object, struct error *why);

/* Calls `each` for every open session on the wall's ports, in its network namespace. */
int wall_each_session(const char *pins, int (*each)(void *context, const struct session *session),
		      void *context, struct error *why);

/* --- policy ----------------------------------------------------------------------------------- */

/* Puts a compiled policy in force, whole, and frees the old one after a grace period. Under the
 * wall lock. */
int wall_install_policy(struct wall *wall, const struct policy_image *image, struct error *why);
/*
 * The map `lists`: which list has which id, for people and for bpftool; an empty name is a free id.
 * A list keeps its id, and with it its counters, as long as the wall is up. wall_clear_list() sets
 * a free id's counters to 0.
 */
int wall_lists(struct wall *wall, struct policy_list out[POLICY_LISTS], struct error *why);
int wall_put_list(struct wall *wall, uint32_t id, const struct policy_list *list,
		  struct error *why);
int wall_clear_list(struct wall *wall, uint32_t id, struct error *why);

/* --- run -------------------------------------------------------------------------------------- */

/* What would a SYN from `source` to `port` meet now? Leaves no trace. */
int wall_check(const char *pins, const struct address *source, uint16_t port, struct answer *out,
	       struct error *why);

/* --- rings ------------------------------------------------------------------------------------ */

struct ring;
/* `watch`: the ring of `smtpwall watch`, else the daemon's. `fd` is to be polled. */
int ring_open(struct wall *wall, bool watch, void (*each)(void *context, const struct event *event),
	      void *context, struct ring **out, int *fd, struct error *why);
int ring_read(struct ring *ring); /* calls `each` for what is there; never blocks */
void ring_close(struct ring *ring);

#endif
