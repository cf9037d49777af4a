// SPDX-License-Identifier: GPL-2.0-only
/*
 * fault.c - why a log cannot be read, told once and not each second
 */
#include <stdio.h>
#include <string.h>
#include "inside.h"

void log_fault(struct log_state *state, const struct log_calls *calls, const char *name,
	       const char *sentence)
{
	bool same = sentence ? !state->well && !strcmp(state->fault, sentence)
			     : state->well || !state->fault[0];

	state->well = !sentence;
	if (same)
		return;
	snprintf(state->fault, sizeof(state->fault), "%s", sentence ? sentence : "");
	if (calls->fault)
		calls->fault(calls->context, name, sentence);
}
