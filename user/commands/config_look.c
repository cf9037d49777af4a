// SPDX-License-Identifier: GPL-2.0-only
/*
 * config_look.c - what is no mistake in the configuration, but will be missed or regretted
 */
#include <ctype.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../net/net.h"
#include "../output.h"
#include "commands.h"

/* An honest client can commit one offence: by a slip, or because somebody tricked it. */
static void look_at_abuse(const struct config *config)
{
	static const char *const name[OFFENCES] = {
#define NAME(number, text, member) [number] = (text),
		OFFENCE_NAMES(NAME)
#undef NAME
	};

	for (unsigned int i = 0; config->abuse_limit && i < OFFENCES; i++)
		if (config->abuse_weight[i] >= config->abuse_limit)
			note("abuse: one %s is enough for a ban: it weighs %" PRIu64
			     ", and the limit is %" PRIu64,
			     name[i], config->abuse_weight[i], config->abuse_limit);
}

static void look_at_logs(const struct config *config)
{
	struct stat st;

	for (unsigned int i = 0; i < config->logs; i++)
		if (config->log[i].file && stat(config->log[i].file, &st))
			note("log \"%s\": there is no file %s yet", config->log[i].name,
			     config->log[i].file);
	if (config->logs && !config->read_logs)
		note("read-logs is off, so no log is read, not even those that have a section");
}

/* --- the contact ------------------------------------------------------------------------------ */

/* Host and port of "scheme://host:port/..."; false if it is no such thing. */
static bool url_parts(const char *url, char *host, size_t size, unsigned long *port)
{
	const char *at = strstr(url, "://"), *end;

	if (!at)
		return false;
	at += 3;
	end = *at == '[' ? strchr(at, ']') : at + strcspn(at, ":/?#");
	at += *at == '[';
	if (!end || end == at || (size_t)(end - at) >= size)
		return false;
	memcpy(host, at, (size_t)(end - at));
	host[end - at] = '\0';
	end += *end == ']';
	*port = *end == ':' ? strtoul(end + 1, NULL, 10) : 0;
	return true;
}

static bool is_this_host(const char *host)
{
	char name[256] = "";
	struct address address;
	struct guard_entry *guard = NULL;
	size_t count = 0, length;
	bool found = false;

	gethostname(name, sizeof(name) - 1);
	length = strlen(name);
	/* The kernel has the short name as often as the whole one. */
	if (!strcasecmp(host, "localhost") ||
	    (length && !strncasecmp(host, name, length) && (!host[length] || host[length] == '.')))
		return true;
	if (!address_parse(host, &address))
		return false;
	if (guard_entries(NULL, &guard, &count, NULL) >= 0)
		for (size_t i = 0; i < count; i++)
			found |= guard[i].prefix.length == ADDRESS_BITS &&
				 !memcmp(&guard[i].prefix.address, &address, sizeof(address)) &&
				 !strcmp(guard[i].why, "own address");
	free(guard);
	return found;
}

static bool is_protected(const struct config *config, unsigned long port)
{
	for (unsigned int i = 0; i < config->ports; i++)
		if (config->port[i].number == port)
			return true;
	return false;
}

static void look_at_contact(const struct config *config)
{
	const char *contact = config->refuse_contact;
	unsigned long port = 0;
	char host[256];

	if (!contact) {
		note("refuse: there is no contact, so those who are refused by mistake do not learn "
		     "whom to ask; name a page or a telephone number: contact = \"https://...\"");
	} else if (strchr(contact, '@') && !strstr(contact, "://")) {
		note("refuse: contact is a mail address, and mail is what those who are refused "
		     "cannot send here; a page or a telephone number reaches them");
	} else if (url_parts(contact, host, sizeof(host), &port)) {
		if (is_protected(config, port))
			note("refuse: contact leads to port %lu, which is closed to those who are "
			     "refused; use another port, or a page elsewhere",
			     port);
		else if (is_this_host(host))
			note("refuse: contact is on this host; a page elsewhere can be read also "
			     "when this host is what is wrong");
	}
}

static void look_at_refuse(const struct config *config)
{
	const struct passwd *user;

	if (!config_refuses(config))
		return;
	look_at_contact(config);
	user = getpwnam(config->refuse_user);
	if (!user)
		note("refuse: there is no user \"%s\", so the listener cannot run and nobody is "
		     "refused; make it: useradd --system --no-create-home "
		     "--shell /usr/sbin/nologin %s",
		     config->refuse_user, config->refuse_user);
	else if (!user->pw_uid || !user->pw_gid)
		note("refuse: the user \"%s\" has root's rights, and the listener does not run "
		     "with them; name a user that owns nothing",
		     config->refuse_user);
	if (config->refuse_txt && !strstr(config->refuse_text, "txt}"))
		note("refuse: txt is on, but text has no {txt}, so the DNSBLs are asked in vain");
	if (config->refuse_txt && !config->dnsbl_refuse)
		note("refuse: txt is on, but the section dnsbl does not refuse, so nobody is told "
		     "what a DNSBL says");
}

void config_look_around(const struct config *config)
{
	struct stat st;

	look_at_abuse(config);
	look_at_logs(config);
	look_at_refuse(config);
	for (unsigned int i = 0; i < config->lists; i++)
		if (config->list[i].file && stat(config->list[i].file, &st))
			note("list \"%s\": there is no file %s yet", config->list[i].name,
			     config->list[i].file);
	for (unsigned int i = 0; i < config->interfaces; i++) {
		struct link_facts facts;

		if (link_facts(config->interface[i], &facts, NULL))
			note("there is no interface %s at this moment", config->interface[i]);
	}
}
