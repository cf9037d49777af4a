// SPDX-License-Identifier: GPL-2.0-only
/*
 * cut.c - ends the sessions of who is banned, or blocked by hand
 *
 * The kernel programs drop what such a session sends from now on; a process of the mail server would
 * wait for it until its timeout. Whether a session has to go is asked of the kernel itself, by the port it
 * is on: an allow wins, and in monitor mode nobody is cut. Of a source that would be refused, too: it is told
 * why when it comes again.
 */
#include <errno.h>
#include <stdlib.h>
#include "../net/net.h"
#include "commands.h"

enum reason cut_reason(const struct session *session)
{
	struct answer answer;

	if (wall_check(place.pins, &session->source, session->local_port, &answer, NULL) ||
	    answer.verdict == VERDICT_PASS)
		return REASON_OTHER;
	return answer.reason;
}

struct cutting {
	const struct prefix *prefix;
	size_t prefixes;
	int cut;
};

static int look(void *context, const struct session *session)
{
	const struct prefix source = {.address = session->source, .length = ADDRESS_BITS};
	struct cutting *c = context;

	for (size_t i = 0; i < c->prefixes; i++) {
		if (!prefix_contains(&c->prefix[i], &source))
			continue;
		if (cut_reason(session) == REASON_ADMIN_BLOCK && net_cut(session) == 0)
			c->cut++;
		break;
	}
	return 0;
}

int cut_blocked(const struct prefix *prefix, size_t prefixes, struct error *why)
{
	struct cutting c = {.prefix = prefix, .prefixes = prefixes};
	int err;

	if (!net_can_cut())
		return error_set(why, -EOPNOTSUPP,
				 "open sessions are not cut, this kernel cannot (no "
				 "CONFIG_INET_DIAG_DESTROY): what they send is dropped");
	err = wall_each_session(place.pins, look, &c, why);
	return err ? err : c.cut;
}
