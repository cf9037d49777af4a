// SPDX-License-Identifier: GPL-2.0-only
/*
 * config.c - the configuration: its defaults, its file, its memory
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config.h"
#include "config_syntax.h"
#include "dnsbl/dnsbl.h"

#define FILE_MAX (1024L * 1024) /* a configuration is a few hundred lines */
#define MIB	 (1024ULL * 1024)
#define DAY	 86400ULL /* seconds */

/* The default of every setting, and the only place where it stands. */
static const struct config defaults = {
	.mode = MODE_MONITOR,
	.port = {{.number = 25, .kind = PORT_PROTECTED}},
	.ports = 1,
	.source_events = 600,
	.source_seconds = 60,
	.source_burst = 300,
	.network_events = 0,
	.network_seconds = 0,
	.network_burst = 600,
	.syn_events = 60,
	.syn_seconds = 60,
	.syn_burst = 30,
	.sessions = 100,
	.event_budget = 100,
	.learn_budget = 20000,
	.ledger_max = 256 * MIB,
	.dnsbl_threshold = 1, /* postscreen's own */
	.dnsbl_timeout = 5,
	.dnsbl_budget = 200,
	.dnsbl_network_budget = 10,
	.dnsbl_queue = 4096,
	.dnsbl_grace = 3600,
	.abuse_weight = {[OFFENCE_RELAY_DENIED] = 4, [OFFENCE_AUTH_FAILED] = 1},
	.abuse_limit = 10,
	.abuse_half_life = 600,
	.abuse_daily = 50,
	.abuse_ban = 600,
	.abuse_ban_max = 7 * DAY,
	.abuse_login = 1800,
	.abuse_widen = 4,
	.abuse_share = 20,
	.abuse_account_sources = 5,
	.known_messages = 5,
	.known_days = 2,
	.known_window = 30 * DAY,
	.abuse_keep = 90 * DAY,
	.refuse_at = REFUSE_AT_GREETING,
	.refuse_times = 5,
	.refuse_seconds = 3600,
	.refuse_clients = 1000,
	.refuse_timeout = 10,
	.refuse_budget = 1000,
	.refuse_tarpit_clients = 100,
	.refuse_tarpit_seconds = 300,
	.self_interval = 3600,
	.read_logs = true,
};

int config_read_memory(const char *name, const char *data, size_t size, struct config **out,
		       struct error *why)
{
	struct config *config = malloc(sizeof(*config));
	cfg_t *top = NULL;
	int err;

	if (!config)
		return error_set(why, -ENOMEM, "%s: out of memory", name);
	*config = defaults;
	err = config_parse(name, data, size, &top, why);
	if (!err)
		err = config_judge(name, top, config, why);
	if (top)
		cfg_free(top);
	if (err) {
		config_free(config);
		return err == -ENOMEM ? error_set(why, err, "%s: out of memory", name) : err;
	}
	*out = config;
	return 0;
}

/* The content of the file at `path`; its size is at most FILE_MAX. */
static int slurp(const char *path, char **data, size_t *size, struct error *why)
{
	/* O_NONBLOCK: a pipe or a terminal must not stop the boot of a mail host */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char *text = NULL;
	struct stat st;
	ssize_t n = 0;
	size_t used = 0;
	int err = 0;

	if (fd < 0)
		return error_set(why, -errno, "cannot read the configuration %s: %s", path,
				 strerror(errno));
	if (fstat(fd, &st)) {
		err = -errno;
		goto out;
	}
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)) { /* /dev/null is welcome */
		err = error_set(why, S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL,
				"cannot read the configuration %s: it is %s", path,
				S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
		goto told;
	}
	text = malloc(FILE_MAX + 1);
	if (!text) {
		err = -ENOMEM;
		goto out;
	}
	while (used <= FILE_MAX && (n = read(fd, text + used, FILE_MAX + 1 - used)) != 0) {
		if (n < 0 && errno != EINTR) {
			err = -errno;
			goto out;
		}
		used += n > 0 ? (size_t)n : 0;
	}
	if (used > FILE_MAX) {
		err = error_set(
			why, -EFBIG,
			"cannot read the configuration %s: it is larger than 1 MiB, which no "
			"configuration is",
			path);
		goto told;
	}
	*data = text;
	*size = used;
	text = NULL;
out:
	if (err)
		error_set(why, err, "cannot read the configuration %s: %s", path, strerror(-err));
told:
	free(text);
	close(fd);
	return err;
}

int config_read(const char *path, struct config **out, bool *missing, struct error *why)
{
	struct error reason = {.text = ""};
	char *data = NULL;
	size_t size = 0;
	int err = slurp(path, &data, &size, &reason);
	bool none = err == -ENOENT;

	if (err && !none)
		return error_set(why, err, "%s", reason.text);
	err = config_read_memory(path, none ? "" : data, size, out, why);
	free(data);
	if (!err && missing)
		*missing = none;
	return err;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (unsigned int i = 0; i < config->interfaces; i++)
		free(config->interface[i]);
	for (unsigned int i = 0; i < config->lists; i++) {
		free(config->list[i].file);
		free(config->list[i].format);
	}
	for (unsigned int i = 0; i < config->dnsbl_resolvers; i++)
		free(config->dnsbl_resolver[i]);
	dnsbl_sites_free(config->dnsbl_sites);
	config_free_logs(config);
	config_free_refuse(config);
	free(config->own_network);
	free(config->list);
	free(config->mode_text);
	free(config);
}

const struct config_list *config_find_list(const struct config *config, const char *name)
{
	for (unsigned int i = 0; i < config->lists; i++)
		if (!strcmp(config->list[i].name, name))
			return &config->list[i];
	return NULL;
}
