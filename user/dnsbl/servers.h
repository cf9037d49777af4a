/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * servers.h - the DNS servers that are asked; for the files of this room that call c-ares
 */
#ifndef SMTPWALL_USER_DNSBL_SERVERS_H
#define SMTPWALL_USER_DNSBL_SERVERS_H

#define CARES_NO_DEPRECATED /* what replaces them is not in Debian 12's 1.18 */
#include <ares.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include "../text.h"

#define RESOLV_CONF  "/etc/resolv.conf" /* as c-ares has it built in */
#define SERVERS_TEXT 4096

/* Texts as dnsbl_resolver_open() takes them become c-ares's list. -EINVAL with a sentence. */
int servers_list(char *const server[], unsigned int servers, char *list, size_t size,
		 struct error *why);

/* How many resolv.conf names, 1 at least: the timeouts of a channel depend on it. */
unsigned int servers_count(void);

/* Those that a channel asks, with ", " between; are they all on this host? */
void servers_text(ares_channel ares, char *text, size_t size, bool *local);

/* resolv.conf as it is now (zeroes: there is none); is it another one by now? */
void servers_conf_note(struct stat *conf);
bool servers_conf_changed(const struct stat *was);

struct dnsbl_resolver; /* dnsbl.h */

/* For another question than DNSBLs have: its timeouts are looked after. */
ares_channel resolver_channel(struct dnsbl_resolver *resolver);

#endif
