// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a DNS message: nothing crashes, and what comes out keeps what its kind promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "dnsbl/dnsbl.h"

#define QUESTION "2.0.0.127.bl.example"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_records(const struct dnsbl_reply *reply)
{
	bool error;

	for (unsigned int i = 0; i < reply->records; i++) {
		const uint8_t *a = reply->record[i];

		error = a[0] == 127 && a[1] == 255 && a[2] == 255;
		check(reply->outcome == (a[0] != 127 ? DNSBL_OUTSIDE
					 : error     ? DNSBL_ERROR_CODE
						     : DNSBL_HIT));
		check(!i || memcmp(reply->record[i - 1], a, 4) < 0);
	}
}

static void check_reply(const struct dnsbl_reply *reply)
{
	bool none = reply->outcome != DNSBL_HIT && reply->outcome != DNSBL_OUTSIDE &&
		    reply->outcome != DNSBL_ERROR_CODE;
	char text[200];

	check(reply->outcome > DNSBL_UNASKED && reply->outcome < DNSBL_OUTCOMES);
	check(reply->records <= DNSBL_RECORDS && !reply->records == none);
	check(reply->ttl <= 0x7fffffff && !reply->latency_us);
	check(!reply->ttl || reply->outcome == DNSBL_HIT || reply->outcome == DNSBL_MISS);
	check_records(reply);
	check(strlen(dnsbl_reply_text(reply, text, sizeof(text))) < sizeof(text) - 1);
	check(*dnsbl_outcome_name(reply->outcome));
}

static void check_text(const uint8_t *message, size_t size)
{
	struct dnsbl_zone zone = {.zone = "secretkey.bl.example", .hidden = true};
	char text[DNSBL_TXT];

	check(dnsbl_txt_read(&zone, message, (int)size, text) == (text[0] != '\0'));
	check(strlen(text) < DNSBL_TXT && !strcasestr(text, "secretkey"));
	for (const char *c = text; *c; c++)
		check(*c >= ' ' && *c <= '~');
}

/* The bytes as they are, and as a plain answer behind the right question. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t head[] = "\0\0\x81\x80\0\1\0\0\0\0\0\0\1"
				      "2\1"
				      "0\1"
				      "0\3"
				      "127\2"
				      "bl\7"
				      "example\0\0\1\0\1";
	struct dnsbl_reply reply;
	uint8_t *whole;

	if (size > 60000)
		return 0;
	whole = malloc(sizeof(head) + size);
	check(whole);
	memcpy(whole, head, sizeof(head) - 1);
	if (size > 2) {
		/* rcode, and how many records each section has */
		whole[3] |= data[0] & 3;
		whole[7] = data[1];
		whole[9] = data[2] & 3;
		memcpy(whole + sizeof(head) - 1, data + 3, size - 3);
		dnsbl_reply_read(QUESTION, "bl.example", 0, whole,
				 (int)(sizeof(head) - 1 + size - 3), &reply);
		check_reply(&reply);
		/* The same as a question for TXT. */
		whole[12 + 28 - 3] = 16;
		check_text(whole, sizeof(head) - 1 + size - 3);
	}
	free(whole);
	dnsbl_reply_read(QUESTION, "bl.example", 0, data, (int)size, &reply);
	check_reply(&reply);
	check_text(data, size);
	return 0;
}
