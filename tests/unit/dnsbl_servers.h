/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dnsbl_servers.h - two of tests/tools/dnsd on ports 5301 and 5302, in a network of their own
 *
 * servers_start() and servers_stop() are for cmocka; `skipped` says why there are none.
 */
#ifndef SMTPWALL_TESTS_DNSBL_SERVERS_H
#define SMTPWALL_TESTS_DNSBL_SERVERS_H

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char skipped[256], directory[64];
static pid_t server[2];

static const char rules[] = "*.hit.test A 127.0.0.2,127.0.0.4 ttl=77\n"
			    "*.miss.test NX ttl=30\n"
			    "*.nodata.test NODATA ttl=40\n"
			    "*.silent.test SILENT\n"
			    "*.servfail.test SERVFAIL\n"
			    "*.refused.test REFUSED\n"
			    "*.outside.test A 203.0.113.9\n"
			    "*.code.test A 127.255.255.254\n"
			    "*.alias.test CNAME www.park.test A 203.0.113.9\n"
			    "*.inner.test CNAME x.inner.test A 127.0.0.3 ttl=5\n"
			    "*.tc.test TRUNCATED A 127.0.0.5 ttl=9\n"
			    "*.tcsilent.test TRUNCATED SILENT\n"
			    "*.half.test delay=2500 SERVFAIL\n"
			    "*.garbage.test GARBAGE\n"
			    "*.cut.test CUT\n"
			    "*.wrongname.test WRONGNAME\n"
			    "*.wrongquestion.test WRONGQUESTION\n"
			    "*.wrongid.test WRONGID\n"
			    "*.long.test LONG\n"
			    "*.loop.test LOOP\n"
			    "*.lost.test lose=1 A 127.0.0.2\n"
			    "*.late.test delay=1800 A 127.0.0.2\n"
			    "*.slow.test delay=50 A 127.0.0.2\n"
			    "*.says.test A 127.0.0.2 says=Listed_as_spam;|_see_https://says.test/\n"
			    "host.test A 192.0.2.25,192.0.2.26 AAAA 2001:db8::25\n"
			    "six.test AAAA 2001:db8::26\n"
			    "25.2.0.192.in-addr.arpa PTR host.test\n"
			    "26.2.0.192.in-addr.arpa NX\n"
			    "27.2.0.192.in-addr.arpa SERVFAIL\n"
			    "28.2.0.192.in-addr.arpa SILENT\n"
			    "29.2.0.192.in-addr.arpa GARBAGE\n"
			    "30.2.0.192.in-addr.arpa NODATA\n"
			    "5.2.0.*.8.b.d.0.1.0.0.2.ip6.arpa PTR six.test\n"
			    "2.0.0.127.probe.test A 127.0.0.2\n"
			    "*.127.probe.test NX\n"
			    "2.0.*.f.f.f.f.*.probe.test A 127.0.0.2\n"
			    "*.probe.test NX\n";

/* The second one knows what the first refuses. */
static const char others[] = "*.refused.test A 127.0.0.7\n"
			     "*.hit.test A 127.0.0.8\n"
			     "*.half.test SILENT\n"
			     "*.servfail.test SERVFAIL\n";

static bool network(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS))
		return false;
	mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (ioctl(fd, SIOCSIFFLAGS, &lo)) {
		close(fd);
		return false;
	}
	close(fd);
	return true;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* It is there once its log is. */
static bool start(int which, const char *program, const char *port, const char *text)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	char path[128], log[140];

	snprintf(path, sizeof(path), "%s/%s", directory, port);
	snprintf(log, sizeof(log), "%s.log", path);
	write_file(path, text);
	server[which] = fork();
	if (!server[which]) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!freopen("/dev/null", "w", stdout))
			_exit(126);
		execl(program, "dnsd", "127.0.0.1", port, path, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 500 && access(log, F_OK); i++)
		nanosleep(&pause, NULL);
	return !access(log, F_OK);
}

static int servers_start(void **state)
{
	char program[4096] = "";
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 32);
	char *name = n > 0 ? strrchr(program, '/') : NULL;

	(void)state;
	strcpy(directory, "/tmp/smtpwall-resolver.XXXXXX");
	if (!name || !mkdtemp(directory))
		return -1;
	strcpy(name, "/../tools/dnsd");
	if (access(program, X_OK))
		snprintf(skipped, sizeof(skipped), "tests/tools/dnsd is not built: make tests");
	else if (!network())
		snprintf(skipped, sizeof(skipped), "no network of its own: %s", strerror(errno));
	else if (!start(0, program, "5301", rules) || !start(1, program, "5302", others))
		return -1;
	if (skipped[0])
		printf("skipped: %s\n", skipped);
	return 0;
}

static int servers_stop(void **state)
{
	char command[128];

	(void)state;
	for (int i = 0; i < 2; i++)
		if (server[i] > 0) {
			kill(server[i], SIGKILL);
			waitpid(server[i], NULL, 0);
		}
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command); /* NOLINT */
}

#endif
