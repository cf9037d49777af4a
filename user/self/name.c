// SPDX-License-Identifier: GPL-2.0-only
/*
 * name.c - is this a name for a mail server?
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "self.h"

#define LABEL 63 /* bytes of a label at most */

bool self_name_valid(const char *name)
{
	size_t label = 0, labels = 0;
	char last = '.';

	for (const char *c = name; *c; last = *c++) {
		if (*c == '.') {
			if (!label || last == '-')
				return false;
			label = 0;
			continue;
		}
		/* An underscore is no letter of a host's name, but in use. */
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			return false;
		if (!label++ && *c == '-')
			return false;
		labels += label == 1;
		if (label > LABEL)
			return false;
	}
	/* Digits alone would be an address. */
	return label && last != '-' && labels >= 2 && strlen(name) < DNS_NAME &&
	       !isdigit((unsigned char)last);
}

/* Do these numbers stand in the name, in this order, with one character between? */
static bool in_order(const char *name, const unsigned int octet[4], bool padded)
{
	char text[24];

	for (const char *between = ".-_"; *between; between++) {
		const char *at = name;
		size_t length = (size_t)snprintf(
			text, sizeof(text), padded ? "%03u%c%03u%c%03u%c%03u" : "%u%c%u%c%u%c%u",
			octet[0], *between, octet[1], *between, octet[2], *between, octet[3]);

		while ((at = strstr(at, text))) {
			bool left = at > name && isdigit((unsigned char)at[-1]);

			if (!left && !isdigit((unsigned char)at[length]))
				return true;
			at++;
		}
	}
	return false;
}

bool self_name_generic(const char *name, const struct address *address)
{
	const __u8 *b = address->byte;
	const unsigned int forward[4] = {b[12], b[13], b[14], b[15]};
	const unsigned int backward[4] = {b[15], b[14], b[13], b[12]};

	if (!address_is_v4(address))
		return false;
	return in_order(name, forward, false) || in_order(name, backward, false) ||
	       in_order(name, forward, true) || in_order(name, backward, true);
}
