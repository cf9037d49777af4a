// SPDX-License-Identifier: GPL-2.0-only
/*
 * addresses.c - by which addresses others know this host
 */
#include <stdlib.h>
#include <string.h>
#include "../net/net.h"
#include "self.h"

static bool is_multicast(const struct address *a)
{
	return address_is_v4(a) ? address_v4(a) >> 28 >= 0xe : a->byte[0] == 0xff;
}

static int of_interfaces(struct self_addresses *out, struct error *why)
{
	struct net_own *own;
	size_t count;
	int err = net_own_addresses(&own, &count, why);

	if (err)
		return err;
	for (size_t i = 0; i < count; i++) {
		if (!own[i].settled || is_multicast(&own[i].address))
			continue;
		if (address_is_private(&own[i].address))
			out->hidden++;
		else if (out->count < SELF_ADDRESSES)
			out->address[out->count++] = own[i].address;
		else
			out->left_out++;
	}
	free(own);
	return 0;
}

int self_addresses(const struct config *config, struct self_addresses *out, struct error *why)
{
	memset(out, 0, sizeof(*out));
	if (!config->self_addresses)
		return of_interfaces(out, why);
	out->configured = true;
	out->count = config->self_addresses;
	memcpy(out->address, config->self_address, out->count * sizeof(out->address[0]));
	return 0;
}
