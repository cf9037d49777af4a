// SPDX-License-Identifier: GPL-2.0-only
/*
 * DNS messages to outcomes: what is a listing, what is none, what is a lie; how long it holds.
 */
#include <ares.h>
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dnsbl/dnsbl.h"

#define QUESTION "2.0.0.127.bl.example"
#define ZONE	 "bl.example"

/* --- messages of words ----------------------------------------------------------------------- */

struct message {
	uint8_t byte[1024];
	int size;
};

static void put(struct message *m, const void *data, size_t size)
{
	memcpy(m->byte + m->size, data, size);
	m->size += (int)size;
}

static void put_number(struct message *m, unsigned int bytes, uint32_t n)
{
	while (bytes--)
		put(m, &(uint8_t){(uint8_t)(n >> 8 * bytes)}, 1);
}

/* "@": a pointer to the question. */
static void put_name(struct message *m, const char *name)
{
	if (!strcmp(name, "@")) {
		put_number(m, 2, 0xc00c);
		return;
	}
	while (*name) {
		size_t size = strcspn(name, ".");

		put_number(m, 1, (uint32_t)size);
		put(m, name, size);
		name += size + (name[size] == '.');
	}
	put_number(m, 1, 0);
}

static void put_head(struct message *m, int section, const char *owner, unsigned int type,
		     uint32_t ttl)
{
	m->byte[5 + 2 * section]++;
	put_name(m, owner);
	put_number(m, 2, type);
	put_number(m, 2, 1);
	put_number(m, 4, ttl);
}

static void put_alias(struct message *m, const char *owner, uint32_t ttl, const char *target)
{
	int at;

	put_head(m, 1, owner, 5, ttl);
	at = m->size;
	put_number(m, 2, 0);
	put_name(m, target);
	m->byte[at + 1] = (uint8_t)(m->size - at - 2);
}

static void put_soa(struct message *m, uint32_t ttl, uint32_t minimum)
{
	put_head(m, 2, "example", 6, ttl);
	put_number(m, 2, 22);
	put_number(m, 2, 0);
	put(m, "sixteen bytes...", 16);
	put_number(m, 4, minimum);
}

/*
 * One word of a message: qNAME question; aOWNER,TTL,ADDRESS; sTTL,MINIMUM SOA; cOWNER,TTL,TARGET;
 * iOWNER,TTL an A with 16 bytes; tOWNER,TTL another type; fBITS the flags, in hex; xBYTES cut off;
 * jJUNK behind; nTYPE of the question; l a record whose name points to itself.
 */
static void put_word(struct message *m, char *word)
{
	char *part[3] = {word + 1, "0", ""}, *rest = NULL;
	uint8_t address[4];
	uint32_t ttl;

	strtok_r(word + 1, ",", &rest);
	for (int i = 1; i < 3 && rest && *rest; i++)
		part[i] = strtok_r(NULL, ",", &rest);
	ttl = (uint32_t)strtoul(part[1], NULL, 10);
	if (*word == 'q') {
		m->byte[5]++;
		put_name(m, part[0]);
		put_number(m, 4, 0x00010001);
	} else if (*word == 'a') {
		put_head(m, 1, part[0], 1, ttl);
		put_number(m, 2, 4);
		assert_int_equal(inet_pton(AF_INET, part[2], address), 1);
		put(m, address, 4);
	} else if (*word == 's') {
		put_soa(m, (uint32_t)strtoul(part[0], NULL, 10), ttl);
	} else if (*word == 'c') {
		put_alias(m, part[0], ttl, part[2]);
	} else if (*word == 'i' || *word == 't') {
		put_head(m, 1, part[0], *word == 'i' ? 1 : 46, ttl);
		put_number(m, 2, 16);
		put(m, "sixteen bytes...", 16);
	} else if (*word == 'f') {
		uint32_t bits = (uint32_t)strtoul(part[0], NULL, 16);

		m->byte[2] = (uint8_t)(bits >> 8);
		m->byte[3] = (uint8_t)bits;
	} else if (*word == 'x') {
		m->size -= (int)strtoul(part[0], NULL, 10);
	} else if (*word == 'j') {
		put(m, part[0], strlen(part[0]));
	} else if (*word == 'n') {
		m->byte[m->size - 3] = (uint8_t)strtoul(part[0], NULL, 10);
	} else if (*word == 'l') {
		m->byte[7]++;
		put_number(m, 2, 0xc000 + (uint32_t)m->size);
		put(m, "\0\1\0\1\0\0\0\1\0\4\177\0\0\2", 14);
	} else {
		fail_msg("no such word: %s", word);
	}
}

static struct message compose(const char *words)
{
	struct message m = {.byte = {0x12, 0x34, 0x81, 0x80}, .size = 12};
	char text[1024], *rest = NULL;

	snprintf(text, sizeof(text), "%s", words);
	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		put_word(&m, word);
	return m;
}

/* "hit 127.0.0.2,127.0.0.4 ttl 300" */
static const char *told(const struct dnsbl_reply *reply, char *text)
{
	int n = sprintf(text, "%s ", dnsbl_outcome_name(reply->outcome));

	for (unsigned int i = 0; i < reply->records; i++)
		n += sprintf(text + n, "%s%u.%u.%u.%u", i ? "," : "", reply->record[i][0],
			     reply->record[i][1], reply->record[i][2], reply->record[i][3]);
	sprintf(text + n, " ttl %u", reply->ttl);
	return text;
}

/* An exact copy on the heap: a sanitizer sees every byte too far. */
static void judge(const char *words, int status, const char *want)
{
	struct message m = compose(words);
	unsigned char *copy = malloc(m.size ? (size_t)m.size : 1);
	struct dnsbl_reply reply;
	char text[256];

	memcpy(copy, m.byte, (size_t)m.size);
	dnsbl_reply_read(QUESTION, ZONE, status, copy, m.size, &reply);
	if (strcmp(told(&reply, text), want) != 0)
		fail_msg("unexpected for \"%s\": got \"%s\", want \"%s\"", words, text, want);
	for (unsigned int i = reply.records; i < DNSBL_RECORDS; i++)
		assert_memory_equal(reply.record[i], "\0\0\0\0", 4);
	free(copy);
}

/* --- tests ----------------------------------------------------------------------------------- */

struct row {
	const char *words, *want;
};

static void judge_all(const struct row *row, size_t rows)
{
	for (size_t i = 0; i < rows; i++)
		judge(row[i].words, ARES_SUCCESS, row[i].want);
}
#define JUDGE(row) judge_all(row, sizeof(row) / sizeof((row)[0]))
#define Q	   "q" QUESTION " "

static void listings(void **state)
{
	static const struct row row[] = {
		{Q "a@,300,127.0.0.2", "hit 127.0.0.2 ttl 300"},
		{Q "a" QUESTION ",300,127.0.0.2", "hit 127.0.0.2 ttl 300"},
		{"q2.0.0.127.BL.Example a2.0.0.127.bL.eXample,5,127.0.0.2", "hit 127.0.0.2 ttl 5"},
		{Q "a@,300,127.0.0.4 a@,20,127.0.0.2", "hit 127.0.0.2,127.0.0.4 ttl 20"},
		{Q "a@,9,127.0.0.4 a@,9,127.0.0.4", "hit 127.0.0.4 ttl 9"},
		{Q "a@,9,127.0.0.10 a@,9,127.0.0.9 a@,9,127.0.0.8 a@,9,127.0.0.7 a@,9,127.0.0.7 "
		   "a@,9,127.0.0.6 a@,9,127.0.0.5 a@,9,127.0.0.9",
		 "hit 127.0.0.5,127.0.0.6,127.0.0.7,127.0.0.8,127.0.0.9 ttl 9"},
		{Q "a@,9,127.0.0.1 a@,9,127.0.0.2 a@,9,127.0.0.3 a@,9,127.0.0.4 a@,9,127.0.0.5 "
		   "a@,9,127.0.0.6 a@,9,127.0.0.6",
		 "hit 127.0.0.1,127.0.0.2,127.0.0.3,127.0.0.4,127.0.0.5 ttl 9"},
		{Q "a@,0,127.0.0.2", "hit 127.0.0.2 ttl 0"},
		{Q "a@,2147483647,127.0.0.2", "hit 127.0.0.2 ttl 2147483647"},
		{Q "a@,2147483648,127.0.0.2", "hit 127.0.0.2 ttl 0"},
		{Q "t@,1 a@,300,127.0.0.2", "hit 127.0.0.2 ttl 300"},
		{Q "a@,300,127.255.254.1", "hit 127.255.254.1 ttl 300"},
	};

	(void)state;
	JUDGE(row);
	/* What c-ares made of it does not count where there is a message. */
	judge(Q "a@,300,127.0.0.2", ARES_ETIMEOUT, "hit 127.0.0.2 ttl 300");
}

static void negatives(void **state)
{
	static const struct row row[] = {
		{"f8183 " Q "s300,60", "miss  ttl 60"},
		{"f8183 " Q "s60,300", "miss  ttl 60"},
		{Q "s300,60", "miss  ttl 60"},
		{"f8183 " Q, "miss  ttl 0"},
		{Q, "miss  ttl 0"},
		{"f8183 " Q "s4000000000,60", "miss  ttl 0"},
		{"f8183 " Q "s60,4000000000", "miss  ttl 0"},
		{Q "t@,7", "miss  ttl 0"},
		{Q "c@,7,x.bl.example s300,60", "miss  ttl 60"},
		{"f8183 " Q "c@,7,x.bl.example s300,60", "miss  ttl 60"},
		{"f8183 " Q "a@,7,127.0.0.2", "mangled  ttl 0"},
	};

	(void)state;
	JUDGE(row);
	judge("f8183 " Q "s300,60", ARES_ENOTFOUND, "miss  ttl 60");
	judge(Q "s300,60", ARES_ENODATA, "miss  ttl 60");
}

static void aliases(void **state)
{
	static const struct row row[] = {
		{Q "c@,300,x.bl.example ax.bl.example,9,127.0.0.2", "hit 127.0.0.2 ttl 9"},
		{Q "c@,4,x.bl.example ax.bl.example,9,127.0.0.2", "hit 127.0.0.2 ttl 4"},
		{Q "ax.bl.example,9,127.0.0.2 c@,300,X.BL.example", "hit 127.0.0.2 ttl 9"},
		{Q "c@,3,x.bl.example cx.bl.example,2,y.bl.example ay.bl.example,9,127.0.0.2",
		 "hit 127.0.0.2 ttl 2"},
		{Q "c@,3,park.example apark.example,9,127.0.0.2", "alias  ttl 0"},
		{Q "c@,3,park.example", "alias  ttl 0"},
		{"f8183 " Q "c@,3,park.example s1,1", "alias  ttl 0"},
		{Q "c@,3,bl.example abl.example,9,127.0.0.2", "alias  ttl 0"},
		{Q "c@,3,x.xbl.example ax.xbl.example,9,127.0.0.2", "alias  ttl 0"},
		{Q "c@,3,xbl.example axbl.example,9,127.0.0.2", "alias  ttl 0"},
		{Q "c@,3,x.bl.example cx.bl.example,3,elsewhere", "alias  ttl 0"},
		{Q "c@,3,x.bl.example a@,9,127.0.0.2", "mangled  ttl 0"},
		{Q "c@,3," QUESTION, "mangled  ttl 0"},
		{Q "c@,3,x.bl.example cx.bl.example,3," QUESTION, "mangled  ttl 0"},
	};

	(void)state;
	JUDGE(row);
}

static void lies(void **state)
{
	static const struct row row[] = {
		{Q "a@,9,203.0.113.9", "outside 203.0.113.9 ttl 0"},
		{Q "a@,9,127.0.0.2 a@,9,203.0.113.9", "outside 203.0.113.9 ttl 0"},
		{Q "a@,9,203.0.113.9 a@,9,203.0.113.8 a@,9,127.0.0.2", "outside 203.0.113.8 ttl 0"},
		{Q "a@,9,128.0.0.1", "outside 128.0.0.1 ttl 0"},
		{Q "a@,9,127.255.255.254", "error-code 127.255.255.254 ttl 0"},
		{Q "a@,9,127.0.0.2 a@,9,127.255.255.255", "error-code 127.255.255.255 ttl 0"},
		{Q "a@,9,127.255.255.255 a@,9,127.0.0.2", "error-code 127.255.255.255 ttl 0"},
		{Q "a@,9,127.255.255.0", "error-code 127.255.255.0 ttl 0"},
		{Q "a@,9,127.255.255.255 a@,9,192.0.2.1", "outside 192.0.2.1 ttl 0"},
		{Q "a@,9,192.0.2.1 a@,9,127.255.255.255", "outside 192.0.2.1 ttl 0"},
		{Q "aother.example,9,127.0.0.2", "mangled  ttl 0"},
		{Q "a@,9,127.0.0.2 aother.example,9,127.0.0.2", "mangled  ttl 0"},
	};

	(void)state;
	JUDGE(row);
}

static void mangled(void **state)
{
	static const char *const row[] = {
		"f8380 " Q "a@,9,127.0.0.2", /* TC */
		"f0180 " Q "a@,9,127.0.0.2", /* a question, no answer */
		"fa980 " Q "a@,9,127.0.0.2", /* another opcode */
		Q "i@,9",
		Q "a@,9,127.0.0.2 x1",
		Q "a@,9,127.0.0.2 x7",
		Q "a@,9,127.0.0.2 x16",
		Q "a@,9,127.0.0.2 jjunk",
		"a" QUESTION ",9,127.0.0.2",
		Q Q "a@,9,127.0.0.2",
		"q2.0.0.127.bl.example.x a@,9,127.0.0.2",
		"q3.0.0.127.bl.example a@,9,127.0.0.2",
		"q" QUESTION " n28 a@,9,127.0.0.2",
		Q "l",
		Q "c@,9,x.bl.example x2",
		"f8183 " Q "s300,60 x4",
		"x12",
		"x1",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		judge(row[i], ARES_SUCCESS, "mangled  ttl 0");
}

static void statuses(void **state)
{
	static const struct row message[] = {
		{"f8182 " Q, "servfail  ttl 0"}, {"f8184 " Q, "servfail  ttl 0"},
		{"f8181 " Q, "servfail  ttl 0"}, {"f8189 " Q, "servfail  ttl 0"},
		{"f8185 " Q, "refused  ttl 0"},	 {"f8185", "refused  ttl 0"},
	};
	static const struct {
		int status;
		enum dnsbl_outcome want;
	} row[] = {
		{ARES_ENOTFOUND, DNSBL_MISS},	  {ARES_ENODATA, DNSBL_MISS},
		{ARES_ESERVFAIL, DNSBL_SERVFAIL}, {ARES_ENOTIMP, DNSBL_SERVFAIL},
		{ARES_EFORMERR, DNSBL_SERVFAIL},  {ARES_EREFUSED, DNSBL_REFUSED},
		{ARES_ETIMEOUT, DNSBL_TIMEOUT},	  {ARES_ECONNREFUSED, DNSBL_TIMEOUT},
		{ARES_EBADRESP, DNSBL_MANGLED},	  {ARES_EBADNAME, DNSBL_MANGLED},
		{ARES_ECANCELLED, DNSBL_UNASKED}, {ARES_EDESTRUCTION, DNSBL_UNASKED},
		{ARES_SUCCESS, DNSBL_MANGLED},
	};
	struct dnsbl_reply reply;

	(void)state;
	JUDGE(message);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		memset(&reply, 0xa5, sizeof(reply));
		dnsbl_reply_read(QUESTION, ZONE, row[i].status, NULL, 0, &reply);
		assert_int_equal(reply.outcome, row[i].want);
		assert_int_equal(reply.records + reply.ttl + reply.latency_us, 0);
	}
}

static void words(void **state)
{
	static const struct {
		struct dnsbl_reply reply;
		const char *want;
	} row[] = {
		{{DNSBL_ERROR_CODE, {{127, 255, 255, 254}}, 1, 0, 0},
		 "answers 127.255.255.254: it refuses your resolver; use your own"},
		{{DNSBL_ERROR_CODE, {{127, 255, 255, 252}}, 1, 0, 0},
		 "answers 127.255.255.252: the zone's name is mistyped"},
		{{DNSBL_ERROR_CODE, {{127, 255, 255, 255}}, 1, 0, 0},
		 "answers 127.255.255.255: too many queries today"},
		{{DNSBL_OUTSIDE, {{203, 0, 113, 9}}, 1, 0, 0},
		 "answers 203.0.113.9, which is outside 127.0.0.0/8 and no DNSBL's answer; has the "
		 "domain changed hands?"},
		{{DNSBL_TIMEOUT, {{0}}, 0, 0, 0}, "does not answer (timeout)"},
		{{DNSBL_HIT, {{127, 0, 0, 2}, {127, 0, 0, 4}}, 2, 0, 0},
		 "answers 127.0.0.2, 127.0.0.4"},
		{{DNSBL_MANGLED, {{0}}, 0, 0, 0}, "gives a mangled answer"},
	};
	char text[256], small[8];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_string_equal(dnsbl_reply_text(&row[i].reply, text, sizeof(text)),
				    row[i].want);
	assert_string_equal(dnsbl_reply_text(&row[0].reply, small, sizeof(small)), "answers");
	for (int i = 0; i < DNSBL_OUTCOMES; i++) {
		struct dnsbl_reply reply = {.outcome = (enum dnsbl_outcome)i};

		assert_true(strlen(dnsbl_outcome_name(reply.outcome)) > 2);
		assert_true(strlen(dnsbl_reply_text(&reply, text, sizeof(text))) > 7);
	}
	assert_string_equal(dnsbl_outcome_name(DNSBL_OUTCOMES), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listings), cmocka_unit_test(negatives), cmocka_unit_test(aliases),
		cmocka_unit_test(lies),	    cmocka_unit_test(mangled),	 cmocka_unit_test(statuses),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests_name("dnsbl_answer", tests, NULL, NULL);
}
