/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scene.h - a wall that is loaded but attached and pinned nowhere, and the scene it is put in:
 * settings, lists, manual entries, what the kernel programs know of sources, time
 */
#ifndef SMTPWALL_TESTS_SCENE_H
#define SMTPWALL_TESTS_SCENE_H

#include <time.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "kernel/kernel.h"
#include "kernel/object.h"
#include "result.h"

#define SECOND 1000000000ULL

/* Far from the boot, so that a past can be made up on a machine that has just started. */
#define KIT_CLOCK (1000000 * SECOND)

struct kit {
	struct object *object;
	struct wall *wall;
	volatile struct settings *settings;
	int run, check; /* the programs */
};

static inline void kit_open(struct kit *kit)
{
	struct error why = {""};

	memset(kit, 0, sizeof(*kit));
	kernel_init(false);
	kit_must(object_load("/nonexistent-pins", &kit->object, &why), "cannot load the programs",
		 why.text);
	kit_must(wall_of_object(kit->object, &kit->wall, &why), "cannot open the maps", why.text);
	kit->settings = wall_settings(kit->wall);
	kit->run = object_program_fd(kit->object, "wall");
	kit->check = object_program_fd(kit->object, "check");
}

static inline void kit_close(struct kit *kit)
{
	wall_close(kit->wall);
	object_free(kit->object);
}

static inline int kit_map(struct kit *kit, const char *name)
{
	int fd = object_map_fd(kit->object, name);

	kit_must(fd < 0 ? fd : 0, name, "the object has no such map");
	return fd;
}

static inline void kit_empty_map(struct kit *kit, const char *name)
{
	char key[2][128];
	int fd = kit_map(kit, name), at = 0;

	/* The next one before this one goes: from the beginning, a large map would be looked through each time. */
	if (bpf_map_get_next_key(fd, NULL, key[0]))
		return;
	while (bpf_map_get_next_key(fd, key[at], key[!at]) == 0) {
		bpf_map_delete_elem(fd, key[at]);
		at = !at;
	}
	bpf_map_delete_elem(fd, key[at]);
}

static inline void kit_no_manual(struct kit *kit)
{
	struct manual nothing = {0};
	struct prefix key;

	while (bpf_map_get_next_key(kit_map(kit, "manual"), NULL, &key) == 0)
		kit_must(wall_put_manual(kit->wall, &key, &nothing, NULL), "wall_put_manual", "");
}

/* Ports 25 and 587, enforce mode, no limit on anything, nothing known of anybody; lists stay. */
static inline void kit_reset(struct kit *kit)
{
	volatile struct settings *s = kit->settings;
	struct deferral no_deferral = {0};
	struct abuse no_abuse = {0};
	struct proof no_proof = {0};
	struct refuse_state no_refusal = {0};
	__u32 zero = 0;

	s->schema = SETTINGS_SCHEMA;
	s->mode = MODE_WORD(MODE_ENFORCE, 0, 0);
	for (int i = 0; i < SETTINGS_PORTS; i++)
		s->port[i] = 0;
	s->port[0] = PORT_WORD(25, PORT_PROTECTED);
	s->port[1] = PORT_WORD(587, PORT_SUBMISSION);
	s->clock_offset = KIT_CLOCK;
	s->watch_until = 0;
	s->event_budget = 1000000;
	s->learn_budget = 1000000;
	s->source_cost = s->source_ahead = 0;
	s->network_cost = s->network_ahead = 0;
	s->syn_cost = s->syn_ahead = 0;
	s->sessions = 0;
	s->dnsbl_threshold = s->dnsbl_since = 0;
	s->ask_budget = 1000000;
	s->defer_budget = s->defer_limit = 0;
	s->abuse_limit = s->abuse_half_life = s->abuse_daily = s->abuse_share = 0;
	s->ban_length = s->ban_max = s->login_time = 0;
	for (int i = 0; i < OFFENCES; i++)
		s->abuse_weight[i] = 0;
	s->refuse_rows = s->refuse_times = s->refuse_window = 0;
	s->refuse_clients = s->refuse_budget = s->refuse_since = 0;
	wall_dnsbl_health(kit->wall)->defer_until = 0;
	kit_no_manual(kit);
	kit_empty_map(kit, "proven");
	kit_empty_map(kit, "rates");
	kit_empty_map(kit, "announced");
	kit_empty_map(kit, "dnsbl");
	kit_empty_map(kit, "deferred");
	kit_empty_map(kit, "asked");
	kit_empty_map(kit, "bans");
	kit_empty_map(kit, "known");
	kit_empty_map(kit, "openings");
	kit_empty_map(kit, "flows");
	kit_empty_map(kit, "refusals");
	kit_empty_map(kit, "told");
	bpf_map_update_elem(kit_map(kit, "refuse_state"), &zero, &no_refusal, BPF_ANY);
	bpf_map_update_elem(kit_map(kit, "abuse"), &zero, &no_abuse, BPF_ANY);
	bpf_map_update_elem(kit_map(kit, "deferral"), &zero, &no_deferral, BPF_ANY);
	bpf_map_update_elem(kit_map(kit, "proof"), &zero, &no_proof, BPF_ANY);
}

/* What the programs take for now. */
static inline uint64_t kit_now(const struct kit *kit)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec + kit->settings->clock_offset;
}

static inline void kit_pass_time(struct kit *kit, uint64_t ns)
{
	kit->settings->clock_offset += ns;
}

/* --- the scene -------------------------------------------------------------------------------- */

static inline struct address kit_address(const char *text)
{
	struct address a;

	if (!address_parse(text, &a))
		kit_must(-EINVAL, "not an address", text);
	return a;
}

struct kit_list {
	const char *name;
	enum list_action action;
	const char *text;
	uint32_t id; /* 0: its place in the table and one */
};

#define KIT_LISTS 8

/* Compiles lists; the first of equal rank wins. `built` tells policies apart. */
static inline void kit_compile(const struct kit_list *list, size_t lists, int64_t built,
			       struct policy_image *image)
{
	struct list_origin origin[KIT_LISTS] = {0};
	struct list_content content[KIT_LISTS] = {0};
	struct compile_list compile[KIT_LISTS] = {0};
	struct list_options plain = {.format = "plain"};
	struct error why = {""};

	for (size_t i = 0; i < lists; i++) {
		int err = list_read_memory(list[i].name, list[i].text, strlen(list[i].text), &plain,
					   &content[i], &why);

		kit_must(err, "cannot read a list", why.text);
		snprintf(origin[i].name, sizeof(origin[i].name), "%s", list[i].name);
		origin[i].action = list[i].action;
		origin[i].loaded = built;
		compile[i].origin = &origin[i];
		compile[i].content = &content[i];
		compile[i].id = list[i].id;
	}
	kit_must(policy_compile(compile, lists, built, image, &why), "cannot compile", why.text);
	for (size_t i = 0; i < lists; i++)
		list_content_free(&content[i]);
}

static inline void kit_policy(struct kit *kit, const struct kit_list *list, size_t lists)
{
	struct policy_image image = {0};
	struct error why = {""};

	kit_compile(list, lists, 1000, &image);
	kit_must(wall_install_policy(kit->wall, &image, &why), "cannot install", why.text);
	policy_image_free(&image);
}

static inline void kit_manual(struct kit *kit, const char *prefix, const struct manual *entry)
{
	struct error why = {""};
	struct prefix key;

	kit_must(prefix_parse(prefix, &key, &why), prefix, why.text);
	kit_must(wall_put_manual(kit->wall, &key, entry, &why), prefix, why.text);
}

static inline void kit_block(struct kit *kit, const char *prefix)
{
	kit_manual(kit, prefix, &(struct manual){.block_since = 1, .block_until = FOREVER});
}

/* As sessions.bpf.c would have written it. */
static inline void kit_proven(struct kit *kit, const char *address, int64_t sessions)
{
	struct address source = kit_address(address);
	struct proven p = {.since = 1, .last = 1, .completed = 1, .sessions = sessions};

	kit_must(bpf_map_update_elem(kit_map(kit, "proven"), &source, &p, BPF_ANY), "proven", "");
}

/* The same, with sessions open without a break since `busy`. */
static inline void kit_busy(struct kit *kit, const char *address, int64_t sessions, uint64_t busy)
{
	struct address source = kit_address(address);
	struct proven p = {.since = 1, .last = busy, .sessions = sessions, .busy = busy};

	kit_must(bpf_map_update_elem(kit_map(kit, "proven"), &source, &p, BPF_ANY), "proven", "");
}

/* As the daemon would have written it: looked up `age` ago, in force for `life` from now on. */
static inline void kit_dnsbl(struct kit *kit, const char *address, int32_t score, uint64_t age,
			     uint64_t life)
{
	struct address source = kit_address(address);
	uint64_t now = kit_now(kit);
	struct dnsbl facts = {
		.begun = now - age,
		.since = now - age,
		.until = now + life,
		.renew = now + life / 2,
		.score = score,
		.sites = score ? 5 : 0,
		.proven = 1,
	};

	kit_must(wall_put_dnsbl(kit->wall, &source, &facts), "dnsbl", "");
}

/* Somebody has completed a handshake here, so `syn-rate` may speak. */
static inline void kit_proof(struct kit *kit)
{
	struct proof p = {.first = 1, .last = 1};
	__u32 zero = 0;

	kit_must(bpf_map_update_elem(kit_map(kit, "proof"), &zero, &p, BPF_ANY), "proof", "");
}

/* The source as sessions.bpf.c has charged it: its word stands `ns` in front of now. */
static inline void kit_charged(struct kit *kit, enum rate_kind kind, const char *address,
			       uint64_t ns)
{
	struct rate_key key = {.address = kit_address(address), .kind = kind};
	struct rate rate = {.ahead_to = kit_now(kit) + ns};

	if (kind == RATE_NETWORK)
		address_network(&key.address);
	kit_must(bpf_map_update_elem(kit_map(kit, "rates"), &key, &rate, BPF_ANY), "rates", "");
}

/* What has come in on a ring since it was read last; `watch`: the one of `smtpwall watch`. */
static inline void kit_listen(struct kit *kit, bool watch,
			      void (*each)(void *context, const struct event *event), void *context)
{
	struct error why = {""};
	struct ring *ring;
	int fd;

	kit_must(ring_open(kit->wall, watch, each, context, &ring, &fd, &why), "ring_open",
		 why.text);
	ring_read(ring);
	ring_close(ring);
}

static inline void kit_count_event(void *context, const struct event *event)
{
	(void)event;
	++*(unsigned int *)context;
}

static inline unsigned int kit_events(struct kit *kit, bool watch)
{
	unsigned int events = 0;

	kit_listen(kit, watch, kit_count_event, &events);
	return events;
}

#endif
