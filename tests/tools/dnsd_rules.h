/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dnsd_rules.h - how dnsd is to answer, as read from its file
 */
#ifndef SMTPWALL_TESTS_DNSD_RULES_H
#define SMTPWALL_TESTS_DNSD_RULES_H

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define RULES	  256
#define ADDRESSES 16

/* clang-format off */
#define KINDS_ALL(X) X(A) X(CNAME) X(MX) X(PTR) X(NX) X(NODATA) X(SERVFAIL) X(REFUSED) X(SILENT) X(GARBAGE) \
	X(CUT) X(LONG) X(LOOP) X(WRONGNAME) X(WRONGQUESTION) X(WRONGID)
#define KIND(name) name,
#define WORD(name) #name,
enum { KINDS_ALL(KIND) KINDS };
/* clang-format on */

struct rule {
	char pattern[256], target[256], says[256];
	uint8_t address[ADDRESSES][4], address6[16];
	unsigned int addresses, delay, drop, lose, kind;
	uint32_t ttl;
	bool truncated, v6;
};

static struct rule rule[RULES];
static unsigned int rules;
static volatile sig_atomic_t again = 1;

static void on_hup(int number)
{
	again = number;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void read_addresses(struct rule *r, char *list)
{
	char *rest = NULL;

	r->addresses = 0;
	for (char *one = strtok_r(list, ",", &rest); one && r->addresses < ADDRESSES;
	     one = strtok_r(NULL, ",", &rest))
		if (inet_pton(AF_INET, one, r->address[r->addresses]) == 1)
			r->addresses++;
}

static bool read_word(struct rule *r, char *word, char **rest)
{
	static const char *const behaviour[KINDS] = {KINDS_ALL(WORD)};
	char *value = strchr(word, '=');
	unsigned int kind;

	if (value && !strncmp(word, "says", 4)) {
		snprintf(r->says, sizeof(r->says), "%s", value + 1);
		return true;
	}
	if (value) {
		unsigned int n = (unsigned int)strtoul(value + 1, NULL, 10);

		r->ttl = *word == 't' ? n : r->ttl;
		r->delay = word[1] == 'e' ? n : r->delay;
		r->drop = word[1] == 'r' ? n : r->drop;
		r->lose = *word == 'l' ? n : r->lose;
		return true;
	}
	if (!strcmp(word, "TRUNCATED") || !strcmp(word, "TCPONLY"))
		return r->truncated = true;
	/* Beside A, or alone. */
	if (!strcmp(word, "AAAA") && (value = strtok_r(NULL, " \t\n", rest))) {
		r->v6 = inet_pton(AF_INET6, value, r->address6) == 1;
		if (r->kind == KINDS) {
			r->kind = A;
			r->addresses = 0;
		}
		return r->v6;
	}
	for (kind = 0; kind < KINDS && strcmp(word, behaviour[kind]) != 0; kind++)
		;
	/* CNAME TARGET A ADDRESS stays a CNAME. */
	if (r->kind != CNAME)
		r->kind = kind;
	value = kind <= PTR ? strtok_r(NULL, " \t\n", rest) : NULL;
	if (kind == CNAME || kind == MX || kind == PTR) {
		snprintf(r->target, sizeof(r->target), "%s", value ? value : "");
		r->addresses = 0;
	} else if (value)
		read_addresses(r, value);
	return kind < KINDS;
}

static void read_rules(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[1024], *word, *rest = NULL;

	rules = 0;
	while (f && rules < RULES && fgets(line, sizeof(line), f)) {
		struct rule *r = &rule[rules];

		word = strtok_r(line, " \t\n", &rest);
		if (!word || *word == '#')
			continue;
		*r = (struct rule){
			.ttl = 300, .kind = KINDS, .addresses = 1, .address = {{127, 0, 0, 2}}};
		snprintf(r->pattern, sizeof(r->pattern), "%s", word);
		while ((word = strtok_r(NULL, " \t\n", &rest)))
			if (!read_word(r, word, &rest))
				fprintf(stderr, "dnsd: what is %s?\n", word);
		rules++;
	}
	if (f)
		fclose(f);
}

static void refresh(const char *path)
{
	static struct stat was;
	static uint64_t looked;
	struct stat is = {0};

	if (!again && now_ms() - looked < 50)
		return;
	looked = now_ms();
	if (stat(path, &is))
		memset(&is, 0, sizeof(is));
	if (again || is.st_ino != was.st_ino || is.st_size != was.st_size ||
	    memcmp(&is.st_mtim, &was.st_mtim, sizeof(is.st_mtim)) != 0)
		read_rules(path);
	was = is;
	again = 0;
}

#endif
