// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes from a refused client, in any pieces: what it hears is whole lines of replies, no more of them
 * than there may be, and the same however its bytes were cut.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "refuse/refuse.h"

#define NAME "[192.0.2.25]"
#define ROOM 32768

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* One reply: lines of one code, of which the last alone has a blank behind it. */
static void check_reply(const char *out, size_t n)
{
	const char *line = out, *end = out + n;

	check(n >= 6 && n < DIALOGUE_OUT && !memchr(out, '\0', n));
	while (line < end) {
		const char *feed = memchr(line, '\n', (size_t)(end - line));

		check(feed && feed - line >= 5 && feed[-1] == '\r');
		check(line[0] >= '2' && line[0] <= '5' && !memcmp(line, out, 3));
		check(line[3] == (feed + 1 == end ? ' ' : '-'));
		line = feed + 1;
	}
}

static size_t run(enum refuse_at at, const char *reply, const char *data, size_t size, size_t piece,
		  struct dialogue *d, char *heard)
{
	char out[DIALOGUE_OUT];
	size_t n = dialogue_begin(d, at, NAME, reply, out), used = 0, taken, left, replies = 0;

	while (true) {
		if (n) {
			check_reply(out, n);
			check(used + n <= ROOM);
			memcpy(heard + used, out, n);
			used += n;
			replies++;
		}
		if (!size)
			break;
		left = size < piece ? size : piece;
		n = dialogue_take(d, data, left, &taken, out);
		check(taken <= left && (taken || n));
		check(!d->over || n || taken == left);
		data += taken;
		size -= taken;
	}
	check(replies <= DIALOGUE_LINES + 2 && d->lines <= DIALOGUE_LINES + 1);
	check(!d->quit || d->over);
	return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char whole[ROOM], cut[ROOM];
	struct dialogue d, e;
	const char *reply;
	enum refuse_at at;
	size_t n;

	if (!size)
		return 0;
	at = data[0] & 1 ? REFUSE_AT_MAIL : REFUSE_AT_GREETING;
	reply = data[0] & 2 ? "421 4.7.0 later\r\n" : "554 5.7.1 no\r\n";
	n = run(at, reply, (const char *)data + 1, size - 1, size, &d, whole);
	check(run(at, reply, (const char *)data + 1, size - 1, 1 + (data[0] >> 4), &e, cut) == n);
	check(!memcmp(whole, cut, n) && d.told == e.told && d.quit == e.quit && d.over == e.over);
	return 0;
}
