// SPDX-License-Identifier: GPL-2.0-only
/*
 * swap.c - no packet sees half a policy
 *
 * Two policies that have nothing in common but the addresses asked about: ids, names, sizes and the
 * places of all their parts differ, so that an index of the one with the pages of the other names a
 * wrong list or none. While they are put in force in turn as fast as can be, other threads ask
 * `check` and `wall`: every answer must be wholly of the one or wholly of the other.
 */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include "kit.h"

enum {
	SMALL_ID = 9,
	LARGE_ID = 200,
	SMALL_BUILT = 1111,
	LARGE_BUILT = 2222,
};

/* Each is stored in another way: whole /24, hosts, group, row; whole /64, divided /64. */
static const char *const asked[] = {
	"198.51.100.77", "198.51.101.7",    "198.51.102.40",	"198.51.103.99",
	"192.0.2.200",	 "2001:db8:1:1::5", "2001:db8:2:2::77", "2001:db8:ffff::1",
};

#define ASKED (sizeof(asked) / sizeof(*asked))

struct scene {
	struct policy_image small, large;
	struct frame frame[ASKED];
	struct kit *kit;
	volatile bool stop;
	pthread_mutex_t lock; /* over the first failure */
	char why[256];
	unsigned long answers, of_small, of_large;
};

static void scene_fail(struct scene *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void scene_fail(struct scene *s, const char *format, ...)
{
	va_list arguments;

	pthread_mutex_lock(&s->lock);
	if (!s->why[0]) {
		va_start(arguments, format);
		vsnprintf(s->why, sizeof(s->why), format, arguments);
		va_end(arguments);
	}
	pthread_mutex_unlock(&s->lock);
	s->stop = true;
}

static void compile_small(struct scene *s)
{
	static const struct kit_list list = {
		"small", LIST_DROP,
		"198.51.100.77\n198.51.101.0/"
		"24\n198.51.102.40\n198.51.103.98\n198.51.103.99\n192.0.0.0/16\n"
		"2001:db8:1::/48\n2001:db8:2:2::77\n2001:db8:ffff::1\n",
		SMALL_ID};

	kit_compile(&list, 1, SMALL_BUILT, &s->small);
}

/* Many entries around the addresses, so that each stands on another page and in another form. */
static void compile_large(struct scene *s)
{
	size_t room = 4 << 20, at = 0;
	char *text = malloc(room);
	struct kit_list list[] = {
		{"noise", LIST_COUNT, "100.64.0.0/11\n2400::/24\n", 33},
		{"large", LIST_DROP, text, LARGE_ID},
	};

	kit_must(text ? 0 : -ENOMEM, "malloc", "");
	for (unsigned int i = 0; i < 30000; i++) {
		at += (size_t)snprintf(text + at, room - at, "%u.%u.%u.%u\n", 11 + i % 80,
				       i / 80 % 256, i / 20480, i % 251);
		if (i % 3 == 0)
			at += (size_t)snprintf(text + at, room - at, "2001:%x:%x::/64\n",
					       i % 2999 + 0x1000, i);
	}
	/* the whole /24s here are rows there, and so on */
	at += (size_t)snprintf(
		text + at, room - at,
		"198.51.100.0/24\n198.51.101.7\n192.0.2.199\n192.0.2.200\n2001:db8:1:1::5\n"
		"2001:db8:2:2::/64\n2001:db8:ffff::/64\n");
	for (unsigned int i = 1; i < 200; i += 3)
		at += (size_t)snprintf(text + at, room - at, "198.51.102.%u\n198.51.103.%u\n", i,
				       i + 2);
	kit_compile(list, 2, LARGE_BUILT, &s->large);
	free(text);
}

static void scene_set(struct scene *s, struct kit *kit)
{
	struct error why = {""};

	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	s->kit = kit;
	compile_small(s);
	compile_large(s);
	for (size_t i = 0; i < ASKED; i++)
		frame_tcp(&s->frame[i], asked[i], 25, TCP_SYN);
	kit_must(wall_install_policy(kit->wall, &s->small, &why), "install", why.text);
}

static void scene_end(struct scene *s)
{
	policy_image_free(&s->small);
	policy_image_free(&s->large);
	pthread_mutex_destroy(&s->lock);
}

static bool answer_is(const struct answer *a, uint32_t id, const char *name, int64_t built)
{
	return a->reason == REASON_BLOCK_LIST && a->would == VERDICT_DROP && a->list == id &&
	       a->list_loaded == built && strcmp(a->list_name.name, name) == 0;
}

static void *ask(void *context)
{
	struct scene *s = context;
	struct answer a;

	for (unsigned long i = 0; !s->stop; i++) {
		kit_check(s->kit, &s->frame[i % ASKED], &a);
		if (answer_is(&a, SMALL_ID, "small", SMALL_BUILT))
			__atomic_fetch_add(&s->of_small, 1, __ATOMIC_RELAXED);
		else if (answer_is(&a, LARGE_ID, "large", LARGE_BUILT))
			__atomic_fetch_add(&s->of_large, 1, __ATOMIC_RELAXED);
		else
			scene_fail(s,
				   "unexpected answer about %s: %s, list %u '%.32s', loaded %lld",
				   asked[i % ASKED], kit_reason_name(a.reason), a.list,
				   a.list_name.name, (long long)a.list_loaded);
		__atomic_fetch_add(&s->answers, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Both policies list every address: whatever is not dropped saw neither. */
static void *run(void *context)
{
	struct scene *s = context;

	for (unsigned long i = 0; !s->stop; i++)
		kit_run(s->kit->run, &s->frame[i % ASKED], 1000);
	return NULL;
}

/* Puts the one and the other in force until the time is over. */
static unsigned int swap_for(struct scene *s, uint64_t ns)
{
	uint64_t end = kit_now(s->kit) + ns;
	struct error why = {""};
	unsigned int swaps = 0;

	while (!s->stop && (swaps < 4 || kit_now(s->kit) < end)) {
		kit_must(wall_install_policy(s->kit->wall, swaps % 2 ? &s->small : &s->large, &why),
			 "install", why.text);
		swaps++;
	}
	s->stop = true;
	return swaps;
}

static void test_answers(struct kit *kit)
{
	static struct scene s;
	pthread_t thread[2];
	struct answer a;

	scene_set(&s, kit);
	/* Each policy alone, first. */
	for (size_t i = 0; i < ASKED; i++) {
		kit_check(kit, &s.frame[i], &a);
		if (!answer_is(&a, SMALL_ID, "small", SMALL_BUILT))
			kit_fail("%s is not in the small policy", asked[i]);
	}
	kit_must(wall_install_policy(kit->wall, &s.large, NULL), "install", "");
	for (size_t i = 0; i < ASKED; i++) {
		kit_check(kit, &s.frame[i], &a);
		if (!answer_is(&a, LARGE_ID, "large", LARGE_BUILT))
			kit_fail("%s is not in the large policy: list %u", asked[i], a.list);
	}
	for (int i = 0; i < 2; i++)
		kit_must(pthread_create(&thread[i], NULL, ask, &s), "pthread_create", "");
	swap_for(&s, (kit_small() ? 10 : 6) * SECOND);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	if (s.why[0])
		kit_fail("%s", s.why);
	else if (!s.of_small || !s.of_large)
		kit_fail("the test saw %lu answers of the one and %lu of the other policy",
			 s.of_small, s.of_large);
	scene_end(&s);
}

static void test_packets(struct kit *kit)
{
	struct counters before, after;
	static struct scene s;
	pthread_t thread[2];

	scene_set(&s, kit);
	before = kit_counters(kit);
	for (int i = 0; i < 2; i++)
		kit_must(pthread_create(&thread[i], NULL, run, &s), "pthread_create", "");
	swap_for(&s, (kit_small() ? 10 : 6) * SECOND);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	after = kit_counters(kit);
	kit_expect("packets that were not dropped",
		   kit_total(&after) - kit_total(&before) -
			   (after.block_list.dropped.packets - before.block_list.dropped.packets),
		   0);
	if (after.block_list.dropped.packets == before.block_list.dropped.packets)
		kit_fail("no packet was dropped at all");
	scene_end(&s);
}

/* --- memory ----------------------------------------------------------------------------------- */

static unsigned int count_lines(const char *path, const char *word)
{
	FILE *in = fopen(path, "re");
	unsigned int lines = 0;
	char line[1024];

	while (in && fgets(line, sizeof(line), in))
		lines += strstr(line, word) != NULL;
	if (in)
		fclose(in);
	return lines;
}

static unsigned int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int files = 0;

	while (dir && readdir(dir))
		files++;
	if (dir)
		closedir(dir);
	return files;
}

/* Ids of the parts that are in the outer maps, 0 where there is none. */
static void parts(struct kit *kit, __u32 id[4])
{
	for (__u32 slot = 0; slot < 2; slot++) {
		if (bpf_map_lookup_elem(kit_map(kit, "policy_index"), &slot, &id[slot * 2]))
			id[slot * 2] = 0;
		if (bpf_map_lookup_elem(kit_map(kit, "policy_pages"), &slot, &id[slot * 2 + 1]))
			id[slot * 2 + 1] = 0;
	}
}

static bool map_exists(__u32 id)
{
	int fd = bpf_map_get_fd_by_id(id);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

#define SWAPS 12

/* Changes whenever a grace period was waited for. */
static __u32 fence(struct kit *kit)
{
	__u32 zero = 0, id = 0;

	return bpf_map_lookup_elem(kit_map(kit, "policy_fence"), &zero, &id) ? 0 : id;
}

/*
 * One policy is in force and no other one is in memory; this process holds no piece of any. That
 * the old one went only after a grace period can be seen at the fence alone: the moment in which a
 * packet would meet an empty place is too short for a test.
 */
static void test_memory(struct kit *kit)
{
	unsigned int files, mapped, left = 0;
	__u32 waited;
	__u32 id[SWAPS][4];
	static struct scene s;

	scene_set(&s, kit);
	files = open_files();
	mapped = count_lines("/proc/self/maps", "bpf-map");
	for (int i = 0; i < SWAPS; i++) {
		waited = fence(kit);
		kit_must(wall_install_policy(kit->wall, i % 2 ? &s.small : &s.large, NULL),
			 "install", "");
		if (fence(kit) == waited)
			kit_fail("the packets under way were not waited for");
		parts(kit, id[i]);
		kit_about("swap %d", i);
		kit_expect("number of parts",
			   (uint64_t)(!!id[i][0] + !!id[i][1] + !!id[i][2] + !!id[i][3]), 2);
		kit_expect("half in use", id[i][0] ? 0 : 1, kit->settings->policy_generation & 1);
	}
	kit_about("%s", "");
	kit_expect("open files", open_files(), files);
	kit_expect("mapped maps", count_lines("/proc/self/maps", "bpf-map"), mapped);
	/* The kernel frees a map a moment later. */
	for (int wait = 0; wait < 100; wait++) {
		left = 0;
		for (int i = 0; i < SWAPS - 1; i++)
			for (int j = 0; j < 4; j++)
				left += id[i][j] && map_exists(id[i][j]);
		if (!left)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	}
	kit_expect("old parts that are still there", left, 0);
	scene_end(&s);
}

/* What does not fit is refused and changes nothing. */
static void test_refused(struct kit *kit)
{
	struct policy_image broken;
	__u32 before[4], after[4];
	struct error why = {""};
	uint64_t generation;
	static struct scene s;

	scene_set(&s, kit);
	generation = kit->settings->policy_generation;
	parts(kit, before);
	broken = s.small;
	broken.pages = 0; /* no map has 0 entries */
	if (wall_install_policy(kit->wall, &broken, &why) == 0)
		kit_fail("a policy without pages was put in force");
	else if (!why.text[0])
		kit_fail("the failure has no sentence");
	parts(kit, after);
	kit_expect("generation", kit->settings->policy_generation, generation);
	if (memcmp(before, after, sizeof(before)))
		kit_fail("the parts changed");
	kit_wants(kit, &s.frame[0], REASON_BLOCK_LIST, DROPPED);
	scene_end(&s);
}

static const struct kit_test tests[] = {
	{"answers", test_answers},
	{"packets", test_packets},
	{"memory", test_memory},
	{"refused", test_refused},
};

KIT_MAIN("swap", tests)
