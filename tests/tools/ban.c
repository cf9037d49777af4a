// SPDX-License-Identifier: GPL-2.0-only
/*
 * ban.c - puts bans, known senders and counts into the maps of a wall, as the kernel programs do
 *
 *	ban PINS put PREFIX [KEY=VALUE...]     a ban; times in seconds from now
 *	ban PINS many COUNT                    that many addresses from 11.0.0.0 on
 *	ban PINS known ADDR MESSAGES DAYS
 *	ban PINS proven ADDR [KEY=VALUE...]    a source with a penalty
 *	ban PINS counts REPLIES                reply_counts: replies, and one offence less of each kind
 *	ban PINS proved                        a source was proven by replies, now
 *	ban PINS carried MESSAGES              accepted mail of all sources
 *	ban PINS event ADDR KIND FLAGS SINCE   what is said of such an event; SINCE 1: of the ban in the map
 *	ban PINS keep PREFIX STATE [AGO]       the ledger's copy of a ban, made so many seconds ago
 *	ban PINS day ADDR STATE AGO RELAY MAIL what it did that many days ago
 *
 * Keys of a ban: since until remember offended strikes mode origin members relay auth text (with
 * backslash escapes of two hexadecimal digits, "\1b").
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "clock.h"
#include "commands/commands.h"
#include "kernel/kernel.h"
#include "ledger.h"

static const char *pins;

static int open_map(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/maps/%s", pins, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		perror(path);
	return fd;
}

static int put(const char *map, const void *key, const void *value)
{
	int fd = open_map(map), err = fd < 0 ? fd : bpf_map_update_elem(fd, key, value, BPF_ANY);

	if (err && fd >= 0)
		perror(map);
	close(fd);
	return err ? 1 : 0;
}

static void unescape(const char *in, char *out, size_t size)
{
	size_t used = 0;

	memset(out, 0, size);
	while (*in && used < size) {
		unsigned int byte;

		if (*in == '\\' && sscanf(in + 1, "%2x", &byte) == 1) {
			out[used++] = (char)byte;
			in += 3;
		} else {
			out[used++] = *in++;
		}
	}
}

static uint64_t from_now(const char *seconds)
{
	return clock_boot() + (uint64_t)(atoll(seconds) * (long long)SECOND_NS);
}

static void set(struct ban *ban, const char *word)
{
	const char *value = strchr(word, '=');
	size_t key = value ? (size_t)(value - word) : 0;

#define IS(name) (key == sizeof(name) - 1 && !strncmp(word, name, key))
	value++;
	if (IS("since"))
		ban->since = from_now(value);
	else if (IS("until"))
		ban->until = from_now(value);
	else if (IS("remember"))
		ban->remember = from_now(value);
	else if (IS("offended"))
		ban->offended = from_now(value);
	else if (IS("strikes"))
		ban->strikes = (__u32)atoi(value);
	else if (IS("mode"))
		ban->mode = !strcmp(value, "monitor") ? MODE_MONITOR : MODE_ENFORCE;
	else if (IS("origin"))
		ban->origin = (enum ban_origin)atoi(value);
	else if (IS("members"))
		ban->members = (__u32)atoi(value);
	else if (IS("relay"))
		ban->offence[OFFENCE_RELAY_DENIED] = (__u32)atoi(value);
	else if (IS("auth"))
		ban->offence[OFFENCE_AUTH_FAILED] = (__u32)atoi(value);
	else if (IS("text"))
		unescape(value, ban->text, sizeof(ban->text));
	else
		fprintf(stderr, "ban: what is %s?\n", word);
}

static struct ban usual(void)
{
	uint64_t now = clock_boot();

	return (struct ban){
		.since = now - SECOND_NS,
		.until = now + 600 * SECOND_NS,
		.remember = now + BAN_REMEMBER,
		.offended = now - 41 * SECOND_NS,
		.strikes = 1,
		.mode = MODE_ENFORCE,
		.origin = BAN_BY_REPLY,
		.offence = {[OFFENCE_RELAY_DENIED] = 3},
		.text = "554 5.7.1 <x@example.net>: Relay access denied",
	};
}

static int put_many(const char *count)
{
	struct prefix p = {.length = ADDRESS_BITS};
	struct ban ban = usual();
	int fd = open_map("bans"), taken = 0;

	for (int i = 0; fd >= 0 && i < atoi(count); i++) {
		/* In no order, as they come. */
		address_from_v4(&p.address,
				address_be32(0x0b000000u + (unsigned int)i * 7919u % 65536u));
		if (bpf_map_update_elem(fd, &p, &ban, BPF_ANY))
			break;
		taken++;
	}
	close(fd);
	printf("%d\n", taken);
	return 0;
}

static int put_proven(const struct address *source, int words, char **word)
{
	uint64_t now = clock_boot(), tick = now / PENALTY_TICK << 32;
	struct proven proven = {.since = now, .last = now, .completed = 7, .mail = now};

	for (int i = 0; i < words; i++) {
		const char *value = strchr(word[i], '=') + 1;

		if (!strncmp(word[i], "penalty=", 8))
			proven.penalty = tick | (uint64_t)(atof(value) * PENALTY_POINT);
		else if (!strncmp(word[i], "guesses=", 8))
			proven.guesses = tick | (uint64_t)(atof(value) * PENALTY_POINT);
		else if (!strncmp(word[i], "carried=", 8))
			proven.carried = tick | (uint64_t)(atof(value) * PENALTY_POINT);
		else if (!strncmp(word[i], "login=", 6))
			proven.login_until = from_now(value);
		else if (!strncmp(word[i], "relay=", 6))
			proven.offence[OFFENCE_RELAY_DENIED] = (__u32)atoi(value);
	}
	proven.offended = proven.offended_first = now;
	return put("proven", source, &proven);
}

static int put_counts(const char *replies)
{
	int cpus = libbpf_num_possible_cpus(), err;
	struct reply_counts *each = calloc(cpus > 0 ? (size_t)cpus : 1, sizeof(*each));
	__u32 zero = 0;

	if (!each)
		return 1;
	each[0].replies = (__u64)atoll(replies);
	for (unsigned int i = 0; i < OFFENCES; i++)
		each[0].offence[i] = each[0].replies - i - 1;
	each[0].bans_full = 2;
	each[0].veiled = 5;
	err = put("reply_counts", &zero, each);
	free(each);
	return err;
}

static int put_abuse(uint64_t proved, uint64_t carried)
{
	struct abuse abuse = {.proved = proved, .carried = carried};
	__u32 zero = 0;

	return put("abuse", &zero, &abuse);
}

static int tell_event(struct wall *wall, const struct prefix *prefix, char **word)
{
	struct event e = {.when = clock_boot(),
			  .source = prefix->address,
			  .kind = (enum event_kind)atoi(word[0]),
			  .mode = MODE_ENFORCE,
			  .until = clock_boot() + 60 * SECOND_NS,
			  .flags = (__u16)atoi(word[1])};
	char line[EVENT_ABUSE_TEXT] = "nothing";
	json_object *o = json_object_new_object();
	struct prefix by;
	struct ban ban;

	if (atoi(word[2]) && ban_covering(wall, prefix, &by, &ban))
		e.since = ban.since;
	event_abuse_line(wall, &e, line, sizeof(line));
	event_abuse_json(wall, &e, o);
	printf("%s\n%s\n", line, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
	return 0;
}

/* Complains and answers as an exit status. */
static int ended(int err, const struct error *why)
{
	if (err)
		fprintf(stderr, "ban: %s\n", why->text);
	return err ? 1 : 0;
}

static int keep(const struct prefix *prefix, const char *state, int64_t ago)
{
	struct ledger_ban kept = {
		.prefix = *prefix,
		.since = clock_wall() - ago,
		.until = clock_wall() + 600,
		.remember = clock_wall() + 86400,
		.offended = clock_wall() - ago - 40,
		.strikes = 2,
		.mode = MODE_ENFORCE,
		.origin = BAN_BY_LOG,
		.offence = {[OFFENCE_RELAY_DENIED] = 3},
		.text = "554 5.7.1 kept",
	};
	struct ledger *ledger = NULL;
	struct error why = {""};
	int err = ledger_open(state, false, 0, &ledger, &why);

	if (!err)
		err = ledger_put_ban(ledger, &kept, &why);
	ledger_close(ledger);
	return ended(err, &why);
}

static int add_day(const struct prefix *prefix, char **word)
{
	struct ledger_day day = {
		.source = prefix->address,
		.day = clock_wall() / 86400 - atoi(word[1]),
		.offence = {[OFFENCE_RELAY_DENIED] = (__u32)atoi(word[2])},
		.mail = (__u32)atoi(word[3]),
	};
	struct ledger *ledger = NULL;
	struct error why = {""};
	int err = ledger_open(word[0], false, 0, &ledger, &why);

	if (!err)
		err = ledger_add_day(ledger, &day, &why);
	ledger_close(ledger);
	return ended(err, &why);
}

static int run(struct wall *wall, int argc, char **argv)
{
	struct ban ban = usual();
	struct prefix prefix = {.length = ADDRESS_BITS};
	struct error why = {""};
	const char *what = argv[2];

	if (argc > 3 && strpbrk(argv[3], ".:") && prefix_parse(argv[3], &prefix, &why))
		return ended(1, &why);
	for (int i = 4; i < argc && !strcmp(what, "put"); i++)
		set(&ban, argv[i]);
	if (!strcmp(what, "put") && argc > 3)
		return put("bans", &prefix, &ban);
	if (!strcmp(what, "many") && argc > 3)
		return put_many(argv[3]);
	if (!strcmp(what, "known") && argc > 5)
		return put("known", &prefix.address,
			   &(struct known){.until = clock_boot() + 3600 * SECOND_NS,
					   .messages = (__u32)atoi(argv[4]),
					   .days = (__u32)atoi(argv[5])});
	if (!strcmp(what, "proven") && argc > 3)
		return put_proven(&prefix.address, argc - 4, argv + 4);
	if (!strcmp(what, "counts") && argc > 3)
		return put_counts(argv[3]);
	if (!strcmp(what, "proved"))
		return put_abuse(clock_boot(), 0);
	if (!strcmp(what, "carried") && argc > 3)
		return put_abuse(0, clock_boot() / PENALTY_TICK << 32 |
					    (uint64_t)(atof(argv[3]) * PENALTY_POINT));
	if (!strcmp(what, "event") && argc > 6)
		return tell_event(wall, &prefix, argv + 4);
	if (!strcmp(what, "keep") && argc > 4)
		return keep(&prefix, argv[4], argc > 5 ? atoll(argv[5]) : 1);
	if (!strcmp(what, "day") && argc > 7)
		return add_day(&prefix, argv + 4);
	return 2;
}

int main(int argc, char **argv)
{
	struct wall *wall = NULL;
	struct error why = {""};
	int status;

	if (argc < 3)
		return 2;
	pins = argv[1];
	kernel_init(false);
	/* Takes the test offset of the clock over. */
	if (wall_open(pins, &wall, &why))
		return ended(1, &why);
	status = run(wall, argc, argv);
	wall_close(wall);
	return status;
}
