/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lists.h - lists of prefixes: read them, look them over, keep them, compile them
 *
 *   read      text in one of the formats below -> struct list_content
 *   rails     is this content plausible? what must be left out of it?
 *   store     STATE/lists/NAME, canonical form with its origin: what a reboot restores
 *   compile   the contents of all lists -> one policy image (include/smtpwall/policy.h)
 *
 * Knows nothing of libbpf: kernel/ installs the image.
 */
#ifndef SMTPWALL_LISTS_H
#define SMTPWALL_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <smtpwall/policy.h>
#include <smtpwall/reasons.h>
#include "../text.h"

/* Inclusive ranges in host byte order, after normalising sorted, disjoint and not touching. */
struct range4 {
	uint32_t first, last;
};
struct range6 {
	uint64_t first_high, first_low, last_high, last_low;
};

struct list_content {
	struct range4 *v4;
	size_t v4_count, v4_room;
	struct range6 *v6;
	size_t v6_count, v6_room;
	uint64_t entries;  /* as written in the source, before joining */
	uint64_t left_out; /* bad lines left out (skip_bad), entries over $MAXRANGE4, bogons */
	int64_t timestamp; /* the source's own idea of its age (wall clock), 0 unknown */
	int64_t expires;   /* $TIMESTAMP's expiry, 0 none */
	unsigned int
		widest4; /* shortest IPv4 / IPv6 prefix length met (own bits), 33 / 129 if none */
	unsigned int widest6;
	char widest_text[PREFIX_TEXT]; /* the entry with the widest prefix, for the rails' sentence
					*/
	char format[16];	       /* the format it was read by */
};

void list_content_free(struct list_content *content); /* frees what is inside; leaves it empty */
/* Number of addresses, saturating; IPv6 in /64 networks (rounded up). */
uint64_t list_content_v4_addresses(const struct list_content *content);
uint64_t list_content_v6_networks(const struct list_content *content);
bool list_content_covers(const struct list_content *content, const struct prefix *prefix);

struct list_options {
	const char *format; /* NULL: recognise it */
	bool skip_bad;	    /* leave bad lines out instead of refusing the whole */
	/* Called for each bad line that is left out (skip_bad), and for notes; NULL allowed. */
	void (*note)(void *context, const char *sentence);
	void *context;
};

/*
 * Formats: "plain" (addresses, CIDR and a-b ranges; '#' and ';' comments, also inline; FireHOL
 * .ipset/.netset are this with a header), "drop" (Spamhaus DROP text: CIDR ; SBL...), "drop-json"
 * (JSON lines; `records` must be true), "ip4set", "ip4trie", "ip4tset", "ip6trie", "ip6tset"
 * (rbldnsd). Any of them may be gzipped.
 *
 * Reads a file ("-": standard input). -EINVAL with "file:line: what and why" for a bad line,
 * -ENODATA for a source without a single entry (an empty download must not clear a list; `load
 * --force` may), other negative errno when it cannot be read or is cut off (gzip without its end).
 * `*out` is untouched on failure.
 */
int list_read(const char *path, const struct list_options *options, struct list_content *out,
	      struct error *why);
/* The same from memory (for tests and fuzzers); `name` stands for the file in sentences. */
int list_read_memory(const char *name, const void *data, size_t size,
		     const struct list_options *options, struct list_content *out,
		     struct error *why);
bool list_format_known(const char *format);

/* --- rails ------------------------------------------------------------------------------------ */

/*
 * Takes bogons (this-network, private, shared, loopback, link-local, multicast, reserved; IPv6:
 * unspecified, loopback, mapped, unique-local, link-local, multicast) out of content that is to
 * block; documentation (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32) and benchmark
 * (198.18.0.0/15) ranges stay. Returns how many entries (ranges) lost something, the first of them
 * as text in `example`.
 */
uint64_t list_remove_bogons(struct list_content *content, char example[PREFIX_TEXT]);

/*
 * Is this a plausible new content for a list with this action, given the old one (NULL: first
 * time)? -EPERM with a sentence that says what is odd and how to force it: for drop lists a prefix
 * wider than /10 (IPv6 /20) or over 10% of IPv4; for allow lists one wider than /8 (IPv6 /16); for
 * every list (with at least 20 entries before) shrunk by more than half or grown more than
 * threefold. Compares addresses covered and entries.
 */
int list_plausible(const struct list_content *content, enum list_action action,
		   const struct list_content *old, struct error *why);

/* --- store ------------------------------------------------------------------------------------ */

struct list_origin {
	char name[POLICY_NAME];
	enum list_action action;
	int64_t loaded;	   /* wall clock, seconds */
	char who[64];	   /* who loaded it */
	char source[1024]; /* absolute path of the file, or "-" for standard input */
	char format[16];
	int64_t timestamp; /* of the source itself, 0 unknown */
	uint64_t entries, left_out;
	/* What the configured file was when this was loaded: while it still is, a list loaded by
	 * hand stands. */
	char configured[1024]; /* path, "" if none is configured */
	int64_t file_mtime_ns;
	uint64_t file_size, file_inode;
	bool by_hand; /* loaded by `smtpwall load`, not from its configured file */
	bool forced;
};

/*
 * STATE/lists/NAME: header lines "# key: value", then canonical ranges (CIDR where a range is one,
 * else first-last), a last line "# end ENTRIES CHECKSUM" that tells a truncated file. Written by
 * file_replace(), so a crash or a full disk keeps the old one. The directory is created when
 * missing (0700).
 */
int list_store(const char *state, const struct list_origin *origin,
	       const struct list_content *content, struct error *why);
/* -ENOENT if there is none; -EUCLEAN with a sentence if it is damaged or cut. content may be NULL
 * (header only). */
int list_restore(const char *state, const char *name, struct list_origin *origin,
		 struct list_content *content, struct error *why);
int list_forget(const char *state, const char *name, struct error *why);
/* Names stored, sorted; caller frees each and the array. */
int list_stored(const char *state, char ***names, size_t *count, struct error *why);

/* --- compile ---------------------------------------------------------------------------------- */

/* One list as the compiler wants it; content must be normalised (list_read() and list_restore() do
 * that). */
struct compile_list {
	const struct list_origin *origin;
	const struct list_content *content;
	uint32_t id; /* 1..POLICY_LISTS - 1, each once; 0: its place in the array and one */
};

struct policy_image {
	struct v4_word *index; /* V4_INDEX_WORDS */
	uint8_t *page;	       /* pages * POLICY_PAGE */
	size_t pages;
};

/*
 * Compiles up to POLICY_LISTS - 1 lists; earlier lists win among equals. -E2BIG with a
 * sentence when it would need more than POLICY_PAGES_MAX pages, -ENOMEM. `built`: wall clock,
 * seconds.
 */
int policy_compile(const struct compile_list *list, size_t lists, int64_t built,
		   struct policy_image *out, struct error *why);
void policy_image_free(struct policy_image *image);

#endif
