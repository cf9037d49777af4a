// SPDX-License-Identifier: GPL-2.0-only
/*
 * sandbox.c - what the listener gives up before it meets a stranger
 *
 * User, groups and capabilities; the right to get any of them back; files, processes and memory dumps; at
 * last all system calls but those of its loop. A call that is not on the list ends the process rather than
 * failing: the loop has no use for it, so somebody else is at work, and a death is seen (the kernel takes the
 * listening sockets out of the map, the daemon reports SIGSYS) where an error would only be tried around.
 *
 * Built with sanitizers such calls fail with EPERM instead, and memory may be mapped in any way: the
 * sanitizers make calls of their own, most of which may fail. All the rest is the same.
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <fcntl.h>
#include <unistd.h>
#include "refuse.h"

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* --- rights and limits ------------------------------------------------------------------------ */

static int become(uid_t uid, gid_t gid, struct error *why)
{
	const struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[2] = {{0}};

	/* Root without CAP_SETPCAP keeps the bounding set: nothing can be had from it any more. */
	for (unsigned long cap = 0; !prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);)
		cap++;
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return error_set(why, -errno,
				 "the refusal listener cannot become user %u, group %u: %s; it is "
				 "started by the daemon, which is root",
				 uid, gid, strerror(errno));
	/* Becoming another user took them away already, unless some secure bit was set. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ||
	    syscall(SYS_capset, &header, none))
		return error_set(why, -errno, "cannot give up capabilities: %s", strerror(errno));
	return 0;
}

/* While this may still be raised: where root's own limit is lower, no other user could have so many. */
static int limit_files(unsigned int files, struct error *why)
{
	const struct rlimit l = {files, files};

	if (!setrlimit(RLIMIT_NOFILE, &l))
		return 0;
	return error_set(why, -errno,
			 "the refusal listener may not have %u files open: %s; raise the limit of "
			 "the daemon (ulimit -n, LimitNOFILE=), or lower refuse { clients }",
			 files, strerror(errno));
}

static int limit(struct error *why)
{
	const struct {
		int resource;
		rlim_t most;
	} limits[] = {{RLIMIT_FSIZE, 0},
		      {RLIMIT_NPROC, 0},
		      {RLIMIT_CORE, 0},
		      {RLIMIT_MEMLOCK, 0},
		      {RLIMIT_MSGQUEUE, 0}};

	/* Standard error may be a file: what is said there is lost then, but nobody dies of it. */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const struct rlimit l = {limits[i].most, limits[i].most};

		if (setrlimit((__rlimit_resource_t)limits[i].resource, &l))
			return error_set(why, -errno, "cannot limit the refusal listener: %s",
					 strerror(errno));
	}
	return 0;
}

/* --- system calls ----------------------------------------------------------------------------- */

struct rule {
	int call;
	unsigned int compared;
	struct scmp_arg_cmp compare[2];
};

/* An int is 32 bits of a register: what else is in it nobody looks at. */
#define INT(n, value)                                                                              \
	{                                                                                          \
		.arg = (n), .op = SCMP_CMP_MASKED_EQ, .datum_a = UINT32_MAX, .datum_b = (value)    \
	}
#define WITHOUT(n, bits)                                                                           \
	{                                                                                          \
		.arg = (n), .op = SCMP_CMP_MASKED_EQ, .datum_a = (bits), .datum_b = 0              \
	}
#define NONE(n)                                                                                    \
	{                                                                                          \
		.arg = (n), .op = SCMP_CMP_EQ, .datum_a = 0                                        \
	}

#define ANY(name)                                                                                  \
	{                                                                                          \
		.call = SCMP_SYS(name)                                                             \
	}
#define ONE(name, ...)                                                                             \
	{                                                                                          \
		.call = SCMP_SYS(name), .compared = 1, .compare = { __VA_ARGS__ }                  \
	}
#define TWO(name, ...)                                                                             \
	{                                                                                          \
		.call = SCMP_SYS(name), .compared = 2, .compare = { __VA_ARGS__ }                  \
	}

static const struct rule rules[] = {
	/* the loop */
	ANY(epoll_create1),
	ANY(epoll_ctl),
	ANY(epoll_wait),
	ANY(epoll_pwait),
	ANY(clock_gettime), /* where the vDSO cannot */
	ANY(restart_syscall),
	ANY(rt_sigreturn),
	/* sockets that are there: nothing is sent to an address */
	ANY(accept4),
	ANY(getsockname),
	ANY(recvfrom),
	ONE(sendto, NONE(4)),
	ANY(shutdown),
	ANY(close),
	TWO(setsockopt, INT(1, SOL_SOCKET), INT(2, SO_LINGER)),
	TWO(setsockopt, INT(1, SOL_SOCKET), INT(2, SO_RCVBUF)),
	TWO(setsockopt, INT(1, SOL_SOCKET), INT(2, SO_SNDBUF)),
	TWO(setsockopt, INT(1, IPPROTO_TCP), INT(2, TCP_NODELAY)),
	ONE(ioctl, INT(1, SIOCOUTQ)),
	ONE(fcntl, INT(1, F_GETFL)),
	ONE(fcntl, INT(1, F_SETFL)),
	/* memory, never to be run */
	ONE(mmap, WITHOUT(2, PROT_EXEC)),
	ANY(munmap),
	ANY(brk),
	/* how many files; the limit cannot be changed */
	ONE(prlimit64, NONE(2)),
	/* a last sentence, and the end */
	ONE(write, INT(0, STDERR_FILENO)),
	ONE(write, INT(0, STDOUT_FILENO)),
	ANY(exit_group),
	ANY(exit),
};

#if SANITIZED
static const struct rule more_rules[] = {
	ANY(write),	   ANY(mmap),		ANY(mprotect), ANY(madvise),
	ANY(sigaltstack),  ANY(futex),		ANY(getpid),   ANY(gettid),
	ANY(rt_sigaction), ANY(rt_sigprocmask), ANY(prctl),    ANY(sched_yield),
};
#else
static const struct rule more_rules[] = {ANY(exit_group)}; /* none */
#endif

static int add(scmp_filter_ctx filter, const struct rule *rule, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule[i].call,
						 rule[i].compared, rule[i].compare);

		if (err)
			return err;
	}
	return 0;
}

static int keep_calls(struct error *why)
{
	scmp_filter_ctx filter =
		seccomp_init(SANITIZED ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS);
	int err = -ENOMEM;

	if (filter) {
		err = add(filter, rules, sizeof(rules) / sizeof(rules[0]));
		if (!err && SANITIZED)
			err = add(filter, more_rules, sizeof(more_rules) / sizeof(more_rules[0]));
		if (!err)
			err = seccomp_load(filter);
		seccomp_release(filter);
	}
	if (err)
		return error_set(why, err,
				 "the refusal listener cannot give up system calls: %s; it needs a "
				 "kernel with CONFIG_SECCOMP_FILTER",
				 strerror(-err));
	return 0;
}

int sandbox_enter(uid_t uid, gid_t gid, unsigned int files, struct error *why)
{
	int err;

	if (!uid || !gid)
		return error_set(why, -EPERM,
				 "the refusal listener does not run as root: give it a user of its "
				 "own with refuse { user }");
	err = limit_files(files, why);
	if (!err)
		err = become(uid, gid, why);
	if (!err)
		err = limit(why);
	if (err)
		return err;
	/* Behind the change of user, which clears the first two. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_DUMPABLE, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return error_set(why, -errno, "cannot give up privileges for good: %s",
				 strerror(errno));
	return keep_calls(why);
}
