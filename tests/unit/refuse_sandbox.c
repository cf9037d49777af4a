// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the listener has given up when it meets a stranger: seen from outside, and tried from inside.
 */
#include <grp.h>
#include <sys/resource.h>
#include "refuse_kit.h"

#define NOBODY 65534

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1 /* see sandbox.c: a call fails there instead of ending the process */
#else
#define SANITIZED 0
#endif

static int enter(struct error *why)
{
	const gid_t groups[] = {4, 27};

	if (setgroups(2, groups))
		return -errno;
	return sandbox_enter(NOBODY, NOBODY, 1000 + LISTENER_FILES, why);
}

/* Does a file of /proc have a line that begins so, and says that? "": nothing. */
static void want_line(const char *file, const char *name, const char *expected)
{
	char path[64], line[256], found[256] = "nothing";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", kit.pid, file);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			snprintf(found, sizeof(found), "%s", line + strlen(name));
	fclose(f);
	for (char *c = found; *c; c++)
		if (*c == '\t' || *c == '\n')
			*c = ' ';
	if (!strstr(found, expected) || (!*expected && strspn(found, " ") != strlen(found)))
		fail_msg("%s of %s: got \"%s\", want \"%s\"", name, path, found, expected);
}

/* A whole conversation from inside, among them all ways a connection can end. */
static void test_works(void **state)
{
	struct refuse_record setup = usual();
	uint64_t id;
	int fd;

	(void)state;
	NEED_NETWORK();
	if (geteuid())
		skip();
	setup.setup.timeout_ms = 500;
	start(&setup, enter);
	fd = dial(AF_INET);
	id = answered(REPLY, false);
	want(fd, REPLY);
	want_line("status", "Uid:", "65534 65534 65534 65534");
	want_line("status", "Gid:", "65534 65534 65534 65534");
	want_line("status", "Groups:", "");
	want_line("status", "CapPrm:", "0000000000000000");
	want_line("status", "CapEff:", "0000000000000000");
	want_line("status", "CapInh:", "0000000000000000");
	want_line("status", "CapAmb:", "0000000000000000");
	want_line("status", "NoNewPrivs:", "1");
	want_line("status", "Seccomp:", "2");
	want_line("limits", "Max open files", " 1016 ");
	want_line("limits", "Max processes", " 0 ");
	want_line("limits", "Max file size", " 0 ");
	want_line("limits", "Max core file size", " 0 ");
	put(fd, "QUIT\r\n");
	want_last(fd, "221 2.0.0 Bye\r\n");
	want_end(id, REFUSE_QUIT);
	fd = dial(AF_INET6);
	id = answered(REPLY, true);
	want_last(fd, REPLY "421 4.4.2 Time is over, closing\r\n");
	want_end(id, REFUSE_TIMEOUT);
	stop();
}

static int open_a_file(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static int open_a_socket(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int start_a_program(void)
{
	char *none[] = {NULL};

	return execve("/bin/true", none, none);
}

static int kill_the_daemon(void)
{
	return kill(getppid(), 0);
}

static int allow_more_files(void)
{
	const struct rlimit most = {100000, 100000};

	return setrlimit(RLIMIT_NOFILE, &most);
}

static int set_another_option(void)
{
	const int yes = 1;

	return setsockopt(0, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes));
}

static void test_forbidden(void **state)
{
	static int (*const attempt[])(void) = {open_a_file,	 open_a_socket,
					       start_a_program,	 kill_the_daemon,
					       allow_more_files, set_another_option};

	(void)state;
	if (geteuid())
		skip();
	for (size_t i = 0; i < sizeof(attempt) / sizeof(attempt[0]); i++) {
		int status;
		pid_t pid = fork();

		if (!pid) {
			struct error why;

			if (enter(&why))
				_exit(100);
			_exit(attempt[i]() >= 0 ? 101 : errno == EPERM ? 102 : 103);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (SANITIZED ? WEXITSTATUS(status) != 102
			      : !WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("attempt %zu: got status %#x", i, status);
	}
}

static void test_not_as_root(void **state)
{
	struct error why = {""};

	(void)state;
	assert_int_equal(sandbox_enter(0, NOBODY, 10, &why), -EPERM);
	assert_int_equal(sandbox_enter(NOBODY, 0, 10, &why), -EPERM);
	assert_non_null(strstr(why.text, "does not run as root"));
}

/* Less than it needs: root may raise that, and where it may not, the sentence says who can. */
static void test_few_files(void **state)
{
	const struct rlimit few = {64, 64}, all = {1000 + LISTENER_FILES, 1000 + LISTENER_FILES};
	struct error why = {""};
	int status;
	pid_t pid;

	(void)state;
	if (geteuid())
		skip();
	pid = fork();
	if (!pid) {
		if (setrlimit(RLIMIT_NOFILE, &few))
			_exit(2);
		if (!setrlimit(RLIMIT_NOFILE, &all) && !setrlimit(RLIMIT_NOFILE, &few))
			_exit(sandbox_enter(NOBODY, NOBODY, 1000 + LISTENER_FILES, &why) ? 3 : 0);
		if (!sandbox_enter(NOBODY, NOBODY, 1000 + LISTENER_FILES, &why))
			_exit(4);
		_exit(strstr(why.text, "LimitNOFILE=") ? 0 : 5);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_works),
		cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_not_as_root),
		cmocka_unit_test(test_few_files),
	};

	return cmocka_run_group_tests(tests, network, NULL);
}
