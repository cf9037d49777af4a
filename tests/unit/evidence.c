// SPDX-License-Identifier: GPL-2.0-only
/* evidence.c - why somebody was banned, in words, whatever bytes a client had the server say */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "clock.h"
#include "config.h"
#include "output.h"

static struct ban three_relays(void)
{
	struct ban ban = {.offended = 100 * SECOND_NS,
			  .since = 140 * SECOND_NS,
			  .until = 740 * SECOND_NS,
			  .strikes = 1,
			  .origin = BAN_BY_REPLY,
			  .offence = {[OFFENCE_RELAY_DENIED] = 3}};

	strcpy(ban.text, "554 5.7.1 <a@b.example>: Relay access denied\r\n");
	return ban;
}

static void sentences(void **state)
{
	struct ban ban = three_relays();
	char out[EVIDENCE_SENTENCE];

	(void)state;
	assert_string_equal(
		evidence_text(&ban, out, sizeof(out)),
		"3 x relay-denied in 40 s, last: 554 5.7.1 <a@b.example>: Relay access denied");
	ban.offence[OFFENCE_AUTH_FAILED] = 2;
	ban.offended = ban.since;
	assert_non_null(
		strstr(evidence_text(&ban, out, sizeof(out)),
		       "3 x relay-denied, 2 x auth-failed within a second, last: 554 5.7.1 "));
	ban.since = ban.offended + 5400 * SECOND_NS;
	assert_non_null(strstr(evidence_text(&ban, out, sizeof(out)), " in 1h30m, last: "));
	ban.offended = 0; /* not known */
	assert_non_null(strstr(evidence_text(&ban, out, sizeof(out)), "2 x auth-failed, last: "));
	ban.offended = ban.since + 1; /* no such thing, and no number from it */
	assert_non_null(strstr(evidence_text(&ban, out, sizeof(out)), "2 x auth-failed, last: "));
	ban = (struct ban){.origin = BAN_WIDENED, .members = 4};
	assert_string_equal(evidence_text(&ban, out, sizeof(out)), "4 banned in it");
	ban.offence[OFFENCE_RELAY_DENIED] = 9;
	assert_string_equal(evidence_text(&ban, out, sizeof(out)),
			    "4 banned in it, 9 x relay-denied");
	ban = (struct ban){.origin = BAN_BY_LOG};
	assert_string_equal(evidence_text(&ban, out, sizeof(out)), "no evidence was kept");
}

static void fields(void **state)
{
	struct ban ban = three_relays();
	char out[512];

	(void)state;
	assert_string_equal(evidence_fields(&ban, out, sizeof(out)),
			    " offences=\"relay-denied 3\" in=40s "
			    "last=\"554 5.7.1 <a@b.example>: Relay access denied\"");
	ban.offence[OFFENCE_PROTOCOL_ERROR] = 1;
	ban.text[0] = '\0';
	assert_string_equal(evidence_fields(&ban, out, sizeof(out)),
			    " offences=\"relay-denied 3, protocol-error 1\" in=40s");
	ban = (struct ban){.origin = BAN_WIDENED, .members = 4};
	assert_string_equal(evidence_fields(&ban, out, sizeof(out)), " members=4");
	ban = (struct ban){.origin = BAN_BY_LOG};
	assert_string_equal(evidence_fields(&ban, out, sizeof(out)), "");
}

static void assert_harmless(const char *text)
{
	for (; *text; text++)
		assert_true(*text >= ' ' && *text < 0x7f);
}

/* Every byte a server can be made to say, at every place, with no NUL at the end. */
static void hostile(void **state)
{
	char sentence[EVIDENCE_SENTENCE], line[512], last[EVIDENCE_TEXT + 1];
	struct ban ban = three_relays();

	(void)state;
	for (unsigned int byte = 1; byte < 256; byte++) {
		for (size_t at = 0; at < EVIDENCE_TEXT; at++) {
			memset(ban.text, 'x', EVIDENCE_TEXT);
			ban.text[at] = (char)byte;
			assert_harmless(evidence_text(&ban, sentence, sizeof(sentence)));
			assert_harmless(evidence_fields(&ban, line, sizeof(line)));
			/* One field, whatever it says: its quotes are the only ones behind it. */
			assert_ptr_equal(strchr(strstr(line, "last=\"") + 6, '"'),
					 line + strlen(line) - 1);
			evidence_last(&ban, last);
			assert_true(strlen(last) >= EVIDENCE_TEXT - 1);
		}
	}
	strcpy(ban.text, "550 \033[2J\033]0;you\a\" until=never");
	assert_string_equal(evidence_last(&ban, last), "550 ?[2J?]0;you?' until=never");
}

/* What finds no room is left out whole, and nothing is written behind the end. */
static void room(void **state)
{
	struct ban ban = three_relays();
	char out[300], whole[300];
	size_t most;

	(void)state;
	evidence_fields(&ban, whole, sizeof(whole));
	most = strlen(whole);
	for (size_t size = 0; size <= most + 1; size++) {
		memset(out, '#', sizeof(out));
		evidence_fields(&ban, out, size);
		assert_int_equal(out[size], '#');
		if (size) {
			assert_true(strlen(out) < size);
			assert_memory_equal(out, whole, strlen(out));
			assert_true(!*out || whole[strlen(out)] == ' ' || size == most + 1);
		}
	}
	assert_string_equal(out, whole);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(offence_name(OFFENCE_RELAY_DENIED), "relay-denied");
	assert_string_equal(offence_name(OFFENCE_PROTOCOL_ERROR), "protocol-error");
	for (unsigned int i = 0; i < OFFENCES; i++)
		assert_string_not_equal(offence_name(i), "unknown");
	assert_string_equal(offence_name(OFFENCES), "unknown");
	assert_string_equal(spared_name(SPARED_KNOWN), "known-sender");
	for (unsigned int i = SPARED_KNOWN; i <= SPARED_ALLOWED; i++)
		assert_string_not_equal(spared_name(i), "unknown");
	assert_string_equal(spared_name(0), "unknown");
	assert_string_equal(ban_origin_name(BAN_BY_REPLY), "reply");
	assert_string_equal(ban_origin_name(BAN_BY_LOG), "log");
	assert_string_equal(ban_origin_name(BAN_WIDENED), "widened");
	assert_string_equal(ban_origin_name(99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sentences), cmocka_unit_test(fields), cmocka_unit_test(hostile),
		cmocka_unit_test(room),	     cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
