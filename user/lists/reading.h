/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reading.h - what the files of this room share among themselves: spans of addresses, a source of
 * lines, and what a format has to bring
 */
#ifndef SMTPWALL_LISTS_READING_H
#define SMTPWALL_LISTS_READING_H

#include <string.h>
#include "lists.h"

/* --- content.c: one address type for sorting and cutting; IPv4 addresses have high = 0 ------- */

struct pos {
	uint64_t high, low;
};

struct span {
	struct pos first, last;
};

enum family { FAMILY_V4, FAMILY_V6 };
#define FAMILIES 2

#define SPAN_TEXT 92 /* two of ADDRESS_TEXT */

static inline int pos_compare(struct pos a, struct pos b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return (a.low > b.low) - (a.low < b.low);
}

/* Wraps around at the end of the address space: callers look first. */
static inline struct pos pos_next(struct pos a)
{
	a.low++;
	a.high += !a.low;
	return a;
}

static inline struct pos pos_before(struct pos a)
{
	a.high -= !a.low;
	a.low--;
	return a;
}

static inline struct pos pos_end(enum family family)
{
	return family == FAMILY_V6 ? (struct pos){UINT64_MAX, UINT64_MAX}
				   : (struct pos){0, UINT32_MAX};
}

static inline size_t content_spans(const struct list_content *content, enum family family)
{
	return family == FAMILY_V6 ? content->v6_count : content->v4_count;
}

static inline struct span content_span(const struct list_content *content, enum family family,
				       size_t i)
{
	if (family == FAMILY_V6) {
		const struct range6 *r = &content->v6[i];

		return (struct span){{r->first_high, r->first_low}, {r->last_high, r->last_low}};
	}
	return (struct span){{0, content->v4[i].first}, {0, content->v4[i].last}};
}

/* Makes room for one more element: doubles. -ENOMEM. */
int array_grow(void *array, size_t *room, size_t count, size_t size);

int content_add(struct list_content *content, enum family family, const struct span *span);
void content_normalise(struct list_content *content);
/*
 * Takes the addresses of `minus` out of the content (both normalised). `touched` counts the ranges
 * that lost something, `first` is the first of them; both may be NULL.
 */
int content_subtract(struct list_content *content, const struct list_content *minus,
		     uint64_t *touched, struct span *first, enum family *first_family);
/* Remembers the widest entry; `length` counts from the family's own bits. */
void content_note_widest(struct list_content *content, enum family family, unsigned int length,
			 const char *text);
/* The same, worked out from the ranges, for content whose entries are not known any more. */
void content_find_widest(struct list_content *content);

enum family span_of_prefix(const struct prefix *prefix, struct span *span);
bool span_is_prefix(const struct span *span, enum family family, struct prefix *prefix);
/* The CIDR form where the span is one, else first-last. Returns `buffer`. */
const char *span_text(const struct span *span, enum family family, char buffer[SPAN_TEXT]);

/* --- source.c: lines from a file or from memory, gunzipped ----------------------------------- */

struct source;

int source_open(const char *path, struct source **out, struct error *why);
int source_memory(const char *name, const void *data, size_t size, struct source **out,
		  struct error *why);
/* The beginning (up to SOURCE_PEEK bytes, NUL behind it) without taking it away. */
int source_peek(struct source *source, const char **text, size_t *size, struct error *why);
/*
 * The next line, without its line end, with a NUL behind it: 1 there is one, 0 the end, negative
 * errno with a sentence. It may hold NUL bytes.
 */
int source_line(struct source *source, char **line, size_t *length, struct error *why);
const char *source_name(const struct source *source);
void source_close(struct source *source);

#define SOURCE_PEEK	65536
#define SOURCE_LINE_MAX 65536
#define SOURCE_MAX	(512u << 20)

/* --- read.c: what a format is ----------------------------------------------------------------- */

struct reading {
	const char *name; /* of the source, for sentences */
	unsigned long line;
	const struct list_options *options;
	const struct list_format *format;
	struct list_content *content;
	int64_t now; /* wall clock, seconds */
	void *state; /* of the format; made by start(), released by release() */
	struct error why;
};

/*
 * line() may change the text. It returns 0, -EBADMSG for a bad line (by bad_line(); skip_bad leaves
 * it out and goes on) or another errno that ends the reading. finish() comes after the last line.
 */
struct list_format {
	const char *name;
	int kind; /* for families of formats */
	int (*start)(struct reading *r);
	int (*line)(struct reading *r, char *text);
	int (*finish)(struct reading *r);
	void (*release)(struct reading *r);
};

const struct list_format *list_format_find(const char *name);
/* Looks at the beginning; NULL with a sentence in r->why if this is no list at all. */
const struct list_format *list_recognise(struct reading *r, const char *text, size_t size);

int bad_line(struct reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Turns the sentence that is in r->why already into one of a bad line. */
int bad_line_because(struct reading *r);
void reading_note(struct reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes the white space off both ends. */
char *trim(char *text);

int read_prefix(struct reading *r, const char *text);

int plain_line(struct reading *r, char *text);
int drop_line(struct reading *r, char *text);
int drop_json_start(struct reading *r);
int drop_json_line(struct reading *r, char *text);
int drop_json_finish(struct reading *r);
void drop_json_release(struct reading *r);

enum rbldnsd_kind { RBL_IP4SET, RBL_IP4TRIE, RBL_IP4TSET, RBL_IP6TRIE, RBL_IP6TSET, RBL_NAMES };

int rbldnsd_start(struct reading *r);
int rbldnsd_line(struct reading *r, char *text);
int rbldnsd_finish(struct reading *r);
void rbldnsd_release(struct reading *r);
/* Is this one of rbldnsd's "$WORD ..." lines (also behind a comment sign)? The text behind the '$'.
 */
const char *rbldnsd_special(const char *text);

/* --- trie.c: longest prefix wins -------------------------------------------------------------- */

struct trie_entry {
	struct span span;
	uint32_t order;
	uint8_t length; /* of 128 */
	uint8_t family;
	bool excluded;
};

struct trie {
	struct trie_entry *entry;
	size_t count, room;
};

int trie_add(struct trie *trie, const struct prefix *prefix, bool excluded);
/* Adds what the entries cover to the content. The first of equal prefixes wins. */
int trie_flatten(struct trie *trie, struct list_content *content);

/* --- rbldnsd.c, rbldnsd_special.c ------------------------------------------------------------ */

struct rbldnsd {
	enum rbldnsd_kind kind;
	struct list_content listed, excluded; /* of a set */
	struct trie trie;
	uint64_t largest; /* $MAXRANGE4, addresses; 0 none */
};

/* Ends a part of the file: what it lists joins the content, and its exclusions end with it. */
int rbldnsd_end_part(struct reading *r);
int rbldnsd_read_special(struct reading *r, const char *special);

/* --- paint.c: which list speaks where --------------------------------------------------------- */

static inline unsigned int compile_id(const struct compile_list *list, size_t i)
{
	return list[i].id ? list[i].id : (unsigned int)i + 1;
}

typedef int (*paint_segment)(void *context, const struct span *span, unsigned int id);

/* Calls `segment` for the disjoint pieces in order, each with the id of the list that wins. */
int paint(const struct compile_list *list, size_t lists, enum family family, paint_segment segment,
	  void *context);

/* --- build4.c, build6.c: the two halves of the image ------------------------------------------ */

struct table {
	void *data;
	size_t count, room, size; /* elements, elements, bytes of an element */
};

int table_add(struct table *table, const void *element);

struct build4 {
	struct v4_word *index;
	struct table entries, groups, rows;
	/* The /24 at work. */
	uint32_t network;
	unsigned int pieces;
	struct piece {
		uint8_t first, last, id;
	} piece[256];
};

int build4_segment(void *context, const struct span *span, unsigned int id);
int build4_finish(struct build4 *build);

struct build6 {
	struct table starts, values, detail;
	struct table level[V6_LEVELS]; /* [0] is unused: that is `starts` */
	unsigned int levels;
	bool done;     /* the last interval reaches the end */
	uint64_t next; /* where the next interval must begin */
	/* The /64 at work. */
	uint64_t network;
	struct table pairs;
};

int build6_segment(void *context, const struct span *span, unsigned int id);
int build6_finish(struct build6 *build);

#endif
