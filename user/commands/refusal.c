// SPDX-License-Identifier: GPL-2.0-only
/* refusal.c - stub */
#include "commands.h"
#include <stdio.h>

void refusal_reply(struct wall *wall, const struct config *config, const struct address *source,
		   const struct refusal *refusal, const char *txt, char out[REFUSE_REPLY])
{
	(void)wall, (void)config, (void)source, (void)refusal, (void)txt;
	snprintf(out, REFUSE_REPLY, "554 5.7.1 no\r\n");
}
bool refusal_tarpits(const struct config *config, const struct refusal *refusal)
{
	(void)config, (void)refusal;
	return false;
}
