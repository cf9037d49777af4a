/* SPDX-License-Identifier: GPL-2.0-only */
/* ledger_place.h - a directory of its own for every test of the ledger: BASE, with STATE and FILE in it */
#ifndef SMTPWALL_TESTS_LEDGER_PLACE_H
#define SMTPWALL_TESTS_LEDGER_PLACE_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "ledger.h"

static char base[64], state[80], file[96];
static struct error why;

static int setup(void **unused)
{
	(void)unused;
	snprintf(base, sizeof(base), "/tmp/smtpwall-ledger.XXXXXX");
	if (!mkdtemp(base))
		return -1;
	snprintf(state, sizeof(state), "%s/state", base);
	snprintf(file, sizeof(file), "%s/ledger.db", state);
	memset(&why, 0, sizeof(why));
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **unused)
{
	(void)unused;
	return nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct ledger *opened(bool readonly, uint64_t max)
{
	struct ledger *ledger = NULL;

	if (ledger_open(state, readonly, max, &ledger, &why))
		fail_msg("cannot open the ledger: %s", why.text);
	return ledger;
}

#endif
