// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any text to every small parser: nothing crashes, a failure changes nothing, what is read and
 * written again is the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void fuzz_prefix(const char *text)
{
	struct prefix p = {.length = 1000}, again, masked;
	struct error why = {.text = ""};
	char out[PREFIX_TEXT];

	if (prefix_parse(text, &p, &why)) {
		check(p.length == 1000 && why.text[0]);
		return;
	}
	masked = p;
	prefix_mask(&masked);
	check(p.length <= ADDRESS_BITS && !memcmp(&masked, &p, sizeof(p)));
	check(!prefix_parse(prefix_text(&p, out), &again, &why));
	check(!memcmp(&again, &p, sizeof(p)));
}

static void fuzz_address(const char *text)
{
	struct address a, again;
	char out[ADDRESS_TEXT];

	if (!address_parse(text, &a))
		return;
	check(address_parse(address_text(&a, out), &again));
	check(!memcmp(&again, &a, sizeof(a)));
}

static void fuzz_times(const char *text)
{
	uint64_t seconds = 0, same = 0, events = 0;
	char out[DURATION_TEXT];

	if (!duration_parse(text, &seconds, NULL)) {
		check(seconds <= 3650ULL * 86400);
		check(!duration_parse(duration_text(seconds, out), &same, NULL) && same <= seconds);
	}
	if (!rate_parse(text, &events, &seconds, NULL))
		check(!events || seconds);
}

static void fuzz_clean(const char *text, size_t size)
{
	char small[7], *out = malloc(size + 1);
	struct error why;

	check(out);
	text_clean(text, small, sizeof(small));
	text_clean(text, out, size + 1);
	for (const char *c = out; *c; c++)
		check(*c >= ' ' && *c < 0x7f && *c != '"');
	error_set(&why, 0, "%s", text);
	error_prefix(&why, 0, "%s", text);
	for (const char *c = why.text; *c; c++)
		check(*c < 0 || (*c >= ' ' && *c != 0x7f));
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	check(text);
	memcpy(text, data, size);
	text[size] = '\0';
	fuzz_prefix(text);
	fuzz_address(text);
	fuzz_times(text);
	fuzz_clean(text, size);
	free(text);
	return 0;
}
