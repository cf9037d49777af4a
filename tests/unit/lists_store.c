// SPDX-License-Identifier: GPL-2.0-only
/*
 * lists_store.c - what was stored comes back, and what was damaged does not
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lists/lists.h"

static char state_dir[] = "/tmp/smtpwall-store-XXXXXX";

static const char text[] = "192.0.2.0/24\n198.51.100.7\n203.0.113.1-203.0.113.9\n"
			   "2001:db8::/32\n2001:db9::1-2001:db9::9\n"
			   "0.0.0.0\n255.255.255.255\n";

static const struct list_origin origin = {
	.name = "spamhaus-drop",
	.action = LIST_DROP,
	.loaded = 1790072042,
	.who = "root",
	.source = "/srv/a list\nwith 100% odd \"name\"\x7f \xc3\xa4",
	.format = "drop",
	.timestamp = 1790000000,
	.entries = 7,
	.left_out = 3,
	.configured = "/etc/smtpwall/drop.txt",
	.file_mtime_ns = 1790072041123456789,
	.file_size = 104461,
	.file_inode = UINT64_MAX,
	.by_hand = true,
};

static struct list_content read_content(void)
{
	struct list_content content;

	assert_int_equal(list_read_memory("list", text, strlen(text), NULL, &content, NULL), 0);
	content.expires = 1890000000;
	return content;
}

static char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/lists/%s", state_dir, name);
	return path;
}

static void store(void)
{
	struct list_content content = read_content();
	struct error why = {""};

	if (list_store(state_dir, &origin, &content, &why))
		fail_msg("%s", why.text);
	list_content_free(&content);
}

static void compare_origin(const struct list_origin *got)
{
	assert_string_equal(got->name, origin.name);
	assert_int_equal(got->action, origin.action);
	assert_int_equal(got->loaded, origin.loaded);
	assert_string_equal(got->who, origin.who);
	assert_string_equal(got->source, origin.source);
	assert_string_equal(got->format, origin.format);
	assert_int_equal(got->timestamp, origin.timestamp);
	assert_int_equal(got->entries, origin.entries);
	assert_int_equal(got->left_out, origin.left_out);
	assert_string_equal(got->configured, origin.configured);
	assert_true(got->file_mtime_ns == origin.file_mtime_ns);
	assert_int_equal(got->file_size, origin.file_size);
	assert_true(got->file_inode == origin.file_inode);
	assert_true(got->by_hand);
	assert_false(got->forced);
}

static void test_round(void **state)
{
	struct list_content want = read_content(), got;
	struct list_origin found;
	struct stat status;
	struct error why = {""};

	(void)state;
	store();
	if (list_restore(state_dir, origin.name, &found, &got, &why))
		fail_msg("%s", why.text);
	compare_origin(&found);
	assert_int_equal(got.v4_count, want.v4_count);
	assert_memory_equal(got.v4, want.v4, want.v4_count * sizeof(want.v4[0]));
	assert_int_equal(got.v6_count, want.v6_count);
	assert_memory_equal(got.v6, want.v6, want.v6_count * sizeof(want.v6[0]));
	assert_int_equal(got.entries, origin.entries);
	assert_int_equal(got.timestamp, origin.timestamp);
	assert_int_equal(got.expires, 1890000000);
	assert_int_equal(got.widest4, 24);
	assert_int_equal(got.widest6, 32);
	assert_string_equal(got.format, "drop");
	list_content_free(&got);
	/* The header alone. */
	memset(&found, 0, sizeof(found));
	assert_int_equal(list_restore(state_dir, origin.name, &found, NULL, &why), 0);
	compare_origin(&found);
	assert_int_equal(stat(path_of(origin.name), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(stat(path_of(""), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	list_content_free(&want);
}

static void test_text(void **state)
{
	static char got[4096];
	static const char ranges[] =
		"\n0.0.0.0\n192.0.2.0/24\n198.51.100.7\n203.0.113.1-203.0.113.9\n"
		"255.255.255.255\n2001:db8::/32\n2001:db9::1-2001:db9::9\n"
		"# end 7 ";
	FILE *f;

	(void)state;
	store();
	f = fopen(path_of(origin.name), "r");
	assert_non_null(f);
	got[fread(got, 1, sizeof(got) - 1, f)] = '\0';
	fclose(f);
	assert_int_equal(strncmp(got, "# smtpwall list 1\n# name: spamhaus-drop\n", 40), 0);
	assert_non_null(
		strstr(got, "# source: /srv/a list%0awith 100%25 odd \"name\"%7f \xc3\xa4\n"));
	assert_non_null(strstr(got, ranges));
}

static size_t slurp(char *buffer, size_t size)
{
	FILE *f = fopen(path_of(origin.name), "r");
	size_t n;

	assert_non_null(f);
	n = fread(buffer, 1, size, f);
	fclose(f);
	return n;
}

static void spill(const char *data, size_t size)
{
	FILE *f = fopen(path_of(origin.name), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	fclose(f);
}

/* Cut anywhere or with any one bit wrong: -EUCLEAN, and nothing touched. */
static void test_damage(void **state)
{
	static char whole[4096], bad[4096];
	struct list_content content = {.entries = 4711};
	struct list_origin found = {.entries = 4711};
	struct error why;
	size_t size;

	(void)state;
	store();
	size = slurp(whole, sizeof(whole));
	for (size_t cut = 0; cut < size; cut++) {
		int err;

		spill(whole, cut);
		err = list_restore(state_dir, origin.name, &found, &content, &why);
		if (err != -EUCLEAN)
			fail_msg("unexpected answer to %zu bytes of %zu: got %d, want %d", cut,
				 size, err, -EUCLEAN);
		list_restore(state_dir, origin.name, &(struct list_origin){0}, NULL, &why);
	}
	assert_non_null(strstr(why.text, "is damaged or cut off"));
	for (size_t at = 0; at < size; at++) {
		for (int bit = 0; bit < 8; bit++) {
			int err;

			memcpy(bad, whole, size);
			bad[at] ^= (char)(1 << bit);
			spill(bad, size);
			err = list_restore(state_dir, origin.name, &found, &content, &why);
			/* The case of a digit of the checksum is the one bit that means nothing. */
			if (err != -EUCLEAN && !(at > size - 10 && !err && bit == 5))
				fail_msg("unexpected answer to bit %d of byte %zu: got %d, want %d",
					 bit, at, err, -EUCLEAN);
			if (!err) {
				list_content_free(&content);
				content.entries = found.entries = 4711;
			}
		}
	}
	assert_int_equal(found.entries, 4711);
	assert_int_equal(content.entries, 4711);
	memcpy(bad, whole, size);
	strcpy(bad + size, "192.0.2.1\n");
	spill(bad, size + 10);
	assert_int_equal(list_restore(state_dir, origin.name, &found, &content, &why), -EUCLEAN);
	spill(whole, size);
	assert_int_equal(list_restore(state_dir, origin.name, &found, &content, &why), 0);
	list_content_free(&content);
}

static void test_names(void **state)
{
	static const char *const bad[] = {"",
					  "..",
					  ".hidden",
					  "a/b",
					  "../../etc/passwd",
					  "-x",
					  "with space",
					  "0123456789012345678901234567890123"};
	struct list_content content = read_content();
	struct list_origin named = origin, found;
	struct error why;
	char **names;
	size_t count;
	FILE *f;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(named.name, sizeof(named.name), "%s", bad[i]);
		if (strlen(bad[i]) < sizeof(named.name))
			assert_int_equal(list_store(state_dir, &named, &content, &why), -EINVAL);
		assert_int_equal(list_restore(state_dir, bad[i], &found, NULL, &why), -EINVAL);
		assert_int_equal(list_forget(state_dir, bad[i], &why), -EINVAL);
	}
	assert_int_equal(list_restore(state_dir, "never", &found, NULL, &why), -ENOENT);
	assert_non_null(strstr(why.text, "list never was never loaded"));

	store();
	strcpy(named.name, "a-list");
	assert_int_equal(list_store(state_dir, &named, &content, &why), 0);
	f = fopen(path_of(".spamhaus-drop.x7Gh2k"), "w"); /* left by a write that broke off */
	fclose(f);
	assert_int_equal(list_stored(state_dir, &names, &count, &why), 0);
	assert_int_equal(count, 2);
	assert_string_equal(names[0], "a-list");
	assert_string_equal(names[1], "spamhaus-drop");
	free(names[0]);
	free(names[1]);
	free(names);
	unlink(path_of(".spamhaus-drop.x7Gh2k"));

	assert_int_equal(list_forget(state_dir, "a-list", &why), 0);
	assert_int_equal(list_forget(state_dir, "a-list", &why), 0);
	assert_int_equal(list_forget(state_dir, "spamhaus-drop", &why), 0);
	assert_int_equal(list_stored(state_dir, &names, &count, &why), 0);
	assert_int_equal(count, 0);
	free(names);
	assert_int_equal(list_stored("/nonexistent/state", &names, &count, &why), 0);
	assert_int_equal(count, 0);
	free(names);
	list_content_free(&content);
}

static void test_renamed(void **state)
{
	struct list_origin found;
	struct error why;
	char from[256];

	(void)state;
	store();
	snprintf(from, sizeof(from), "%s", path_of(origin.name));
	assert_int_equal(rename(from, path_of("other")), 0);
	assert_int_equal(list_restore(state_dir, "other", &found, NULL, &why), -EUCLEAN);
	assert_int_equal(list_forget(state_dir, "other", &why), 0);
}

static void test_cannot_write(void **state)
{
	struct list_content content = read_content();
	struct list_origin found;
	struct error why;

	(void)state;
	assert_int_equal(list_store("/proc/nowhere", &origin, &content, &why), -ENOENT);
	assert_non_null(strstr(why.text, "cannot make the directory /proc/nowhere/lists"));
	/* A directory where the file should be. */
	assert_int_equal(mkdir(path_of(origin.name), 0700), 0);
	assert_true(list_store(state_dir, &origin, &content, &why) < 0);
	assert_true(list_restore(state_dir, origin.name, &found, NULL, &why) < 0);
	assert_int_equal(rmdir(path_of(origin.name)), 0);
	list_content_free(&content);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(state_dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	rmdir(path_of(""));
	return rmdir(state_dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),	cmocka_unit_test(test_text),
		cmocka_unit_test(test_damage),	cmocka_unit_test(test_names),
		cmocka_unit_test(test_renamed), cmocka_unit_test(test_cannot_write),
	};

	return cmocka_run_group_tests_name("lists_store", tests, set_up, tear_down);
}
