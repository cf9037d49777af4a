// SPDX-License-Identifier: GPL-2.0-only
/*
 * asked.c - what a refused client is to be told: the word about its connection, made a reply
 */
#include <string.h>
#include "refuse.h"

void asked(struct daemon *d, const struct flow_key *key, struct refuse_record *out)
{
	struct refusal refusal;

	memset(&out->answer, 0, sizeof(out->answer));
	if (!d->wall || wall_refusal(d->wall, key, &refusal))
		return;
	out->answer.known = 1;
	out->answer.tarpit = refusal_tarpits(d->config, &refusal);
	refusal_reply(d->wall, d->config, &key->client, &refusal, NULL, out->answer.reply);
}
