// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as the replies of a mail server: what is read has bounds, what is shown is clean, and every complete
 * reply means something at every stage.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "relay/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_words(const struct smtp_reply *reply)
{
	char words[SMTP_WORDS], few[7], name[SMTP_NAME];

	smtp_words(reply, few, sizeof(few));
	smtp_words(reply, words, sizeof(words));
	check(!strncmp(words, few, strlen(few)));
	for (const char *c = words; *c; c++)
		check(*c >= ' ' && *c < 0x7f && *c != '"');
	if (smtp_reply_name(reply, name))
		check(strlen(name) && !strpbrk(name, " <>@\"[]:\n"));
	smtp_reply_offers(reply, "STARTTLS");
}

static void check_meaning(const struct smtp_reply *reply)
{
	check(reply->code >= 200 && reply->code <= 599 && reply->lines);
	for (int stage = STAGE_GREETING; stage <= STAGE_MESSAGE; stage++) {
		enum relay_outcome o = relay_classify(reply, (enum relay_stage)stage, TAIL_FOREIGN);

		check(o > RELAY_NOT_TRIED && o < RELAY_OUTCOMES);
		check((o == RELAY_ACCEPTED || o == RELAY_DELIVERED) ==
		      (reply->code < 300 || (reply->code == 354 && stage == STAGE_DATA)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_reply reply;
	enum smtp_step step = SMTP_MORE;

	smtp_reply_begin(&reply);
	for (size_t i = 0; i < size && step != SMTP_BROKEN; i++) {
		step = smtp_reply_byte(&reply, data[i]);
		check(reply.size <= SMTP_TEXT && reply.lines <= SMTP_LINES &&
		      reply.column <= SMTP_LINE);
		if (step == SMTP_COMPLETE) {
			check_words(&reply);
			check_meaning(&reply);
			smtp_reply_begin(&reply);
		}
	}
	check_words(&reply);
	return 0;
}
