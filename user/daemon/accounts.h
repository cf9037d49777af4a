/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * accounts.h - from how many sources one account logged in, by the log
 *
 * A stolen password is used from many addresses: only the first few are authenticated by it. Names of
 * accounts are the work of strangers; what is kept of them is their hash.
 */
#ifndef SMTPWALL_DAEMON_ACCOUNTS_H
#define SMTPWALL_DAEMON_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>
#include <smtpwall/address.h>

struct accounts;

struct accounts *accounts_new(void); /* NULL: out of memory */
void accounts_free(struct accounts *a);

/*
 * `source` logged in to the account at `when`, and that counts for `window` (times of one clock, any
 * unit). True if it is one of the `most` sources of this account by then; also false when more accounts
 * and sources than can be remembered are logged in.
 */
bool accounts_login(struct accounts *a, const char *account, const struct address *source,
		    uint64_t when, uint64_t window, uint64_t most);

#endif
