// SPDX-License-Identifier: GPL-2.0-only
/*
 * lists_formats.c - what is read from a list, by table: text in, canonical ranges or a sentence out
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
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include "lists/reading.h"

struct fact {
	const char *text;
	const char *want;   /* ranges, or the sentence behind "list" if it begins with ':' or ' ' */
	const char *format; /* recognised, or named with a '!' in front */
};

static char notes[2048];

static void note(void *context, const char *sentence)
{
	size_t used = strlen(notes);

	(void)context;
	snprintf(notes + used, sizeof(notes) - used, "%s\n", sentence);
}

static char *canonical(const struct list_content *content)
{
	char *text = NULL, line[SPAN_TEXT];
	size_t size;
	FILE *f = open_memstream(&text, &size);

	for (int family = 0; family < FAMILIES; family++) {
		for (size_t i = 0; i < content_spans(content, family); i++) {
			struct span span = content_span(content, family, i);

			fprintf(f, "%s%s", ftell(f) ? " " : "", span_text(&span, family, line));
		}
	}
	fclose(f);
	return text;
}

static void check_fact(const struct fact *fact)
{
	struct list_options options = {.note = note};
	struct list_content content = {.entries = 4711};
	struct error why = {""};
	const char *got;
	char *text = NULL;
	int err;

	if (fact->format && *fact->format == '!')
		options.format = fact->format + 1;
	notes[0] = '\0';
	err = list_read_memory("list", fact->text, strlen(fact->text), &options, &content, &why);
	if (err) {
		got = strncmp(why.text, "list", 4) ? why.text : why.text + 4;
		/* Nothing may have been touched. */
		assert_int_equal(content.entries, 4711);
		assert_null(content.v4);
		assert_true(strlen(why.text) > 10);
	} else {
		got = text = canonical(&content);
	}
	if (strcmp(got, fact->want) != 0)
		fail_msg("unexpected content of <<%s>>: got <%s>, want <%s>", fact->text, got,
			 fact->want);
	if (!err && fact->format)
		assert_string_equal(content.format, fact->format + (*fact->format == '!'));
	if (!err)
		list_content_free(&content);
	free(text);
}

#define CHECK(table)                                                                               \
	for (size_t i = 0; i < sizeof(table) / sizeof((table)[0]); i++)                            \
	check_fact(&(table)[i])

#define NOT(text) ":1: \"" text "\" is not an IP address or prefix"

static void test_plain(void **state)
{
	static const struct fact facts[] = {
		{"192.0.2.7\n", "192.0.2.7", "plain"},
		{"192.0.2.7", "192.0.2.7", "plain"},
		{"192.0.2.7\r\n198.51.100.0/24\r\n", "192.0.2.7 198.51.100.0/24", "plain"},
		{"\xef\xbb\xbf"
		 "192.0.2.7\n",
		 "192.0.2.7", "plain"},
		{"# head\n; head\n\n \t\n192.0.2.7 # why\n192.0.2.9;why\n\t192.0.2.11 \n",
		 "192.0.2.7 192.0.2.9 192.0.2.11", "plain"},
		{"192.0.2.0/25\n192.0.2.128/25\n192.0.3.0/24\n", "192.0.2.0/23", "plain"},
		{"192.0.2.9\n192.0.2.7\n192.0.2.8\n192.0.2.8\n", "192.0.2.7-192.0.2.9", "plain"},
		{"192.0.2.7-192.0.2.9\n", "192.0.2.7-192.0.2.9", "plain"},
		{"192.0.2.0 - 192.0.2.255\n", "192.0.2.0/24", "plain"},
		{"0.0.0.0-255.255.255.255\n", "0.0.0.0/0", "plain"},
		{"255.255.255.255\n0.0.0.0\n", "0.0.0.0 255.255.255.255", "plain"},
		{"2001:db8::/32\n2001:db8::7\n192.0.2.7\n", "192.0.2.7 2001:db8::/32", "plain"},
		{"2001:db8::1-2001:db8::3\n", "2001:db8::1-2001:db8::3", "plain"},
		{"::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n", "::/0", "plain"},
		{"::ffff:192.0.2.7\n64:ff9b::192.0.2.8\n64:ff9b::c000:209\n", "192.0.2.7-192.0.2.9",
		 "plain"},
		{"::ffff:192.0.2.0/120\n64:ff9b::198.51.100.0/120", "192.0.2.0/24 198.51.100.0/24",
		 "plain"},
		{"#$Id: list,v 1.1 $\n192.0.2.7\n", "192.0.2.7", "plain"},

		{"192.0.2.7\n10.0.0.0/33\n",
		 ":2: \"10.0.0.0/33\" has no valid prefix length: it must be 0 to 32 behind the /",
		 NULL},
		{"192.0.2.1/24\n",
		 ":1: 192.0.2.1/24 has bits set behind its length; did you mean 192.0.2.0/24?",
		 NULL},
		{"mail-1.example.com\n",
		 ":1: \"mail-1.example.com\" is not a range of IP addresses, first-last", NULL},
		{"example.com\n", NOT("example.com"), NULL},
		{"192.0.2\n", NOT("192.0.2"), NULL},
		{"192.0.2.256\n", NOT("192.0.2.256"), NULL},
		{"192.0.2.07\n", NOT("192.0.2.07"), NULL},
		{"0xc0000207\n", NOT("0xc0000207"), NULL},
		{"\x1b[31m192.0.2.7\n", " is not text (byte 0 is 0x1b), so it cannot be a list",
		 NULL},
		{"192.0.2.7 192.0.2.8\n",
		 ":1: \"192.0.2.7 192.0.2.8\" is more than one address; write one a line, and # in "
		 "front of a comment",
		 NULL},
		{"192.0.2.9-192.0.2.7\n", ":1: \"192.0.2.9-192.0.2.7\" ends before it begins",
		 NULL},
		{"192.0.2.9-2001:db8::\n",
		 ":1: \"192.0.2.9-2001:db8::\" begins in one address family and ends in the other",
		 NULL},
		{"192.0.2.0/24-192.0.3.0/24\n",
		 ":1: \"192.0.2.0/24-192.0.3.0/24\" is not a range of IP addresses, first-last",
		 NULL},
		{"-192.0.2.7\n", ":1: \"-192.0.2.7\" is not a range of IP addresses, first-last",
		 NULL},
		{"", " holds no entry; an empty download clears no list", NULL},
		{"# nothing\n", " holds no entry; an empty download clears no list", NULL},
	};

	(void)state;
	CHECK(facts);
}

static void test_no_list(void **state)
{
	static const struct fact facts[] = {
		{"<!DOCTYPE html>\n<html>",
		 " is a page of HTML or XML, not a list; look at what is "
		 "behind the address it was fetched from",
		 NULL},
		{"\n  <html>",
		 " is a page of HTML or XML, not a list; look at what is behind the "
		 "address it was fetched from",
		 "!ip4set"},
		{"PK\x03\x04zip",
		 " is a zip archive, not a list; lists are read as text or gzipped text, so unpack "
		 "it first",
		 NULL},
		{"BZh91AY",
		 " is bzip2 data, not a list; lists are read as text or gzipped text, so "
		 "unpack it first",
		 NULL},
		{"\xfe\xff", " is text in UTF-16; store it as plain ASCII or UTF-8", NULL},
		{"192.0.2.7\x01", " is not text (byte 9 is 0x01), so it cannot be a list", NULL},
		{"[{\"cidr\":\"192.0.2.0/24\"}]",
		 " is one JSON document; the only JSON read as a list is that of Spamhaus DROP, "
		 "one "
		 "object a line",
		 NULL},
		{"192.0.2.7",
		 "\"rpz\" is not a format of lists: there are plain, drop, drop-json, ip4set, "
		 "ip4trie, ip4tset, ip6trie and ip6tset",
		 "!rpz"},
	};
	struct list_content content;
	struct error why;

	(void)state;
	CHECK(facts);
	assert_int_equal(list_read_memory("list", "1\0", 2, NULL, &content, &why), -EINVAL);
	assert_string_equal(why.text, "list is not text (byte 1 is NUL), so it cannot be a list");
}

static void test_firehol(void **state)
{
	static const char text[] = "#\n# firehol_level2\n#\n# ipv4 hash:net ipset\n#\n"
				   "# Maintainer URL  : http://iplists.firehol.org/\n"
				   "# Source File Date: Tue Aug 11 14:33:07 UTC 2026\n"
				   "# This File Date  : Tue Aug 11 15:00:00 UTC 2026\n"
				   "# Entries         : 2 subnets, 257 unique IPs\n#\n"
				   "1.10.16.0/24\n1.19.0.1\n";
	struct list_content content;
	struct error why;
	char *got;

	(void)state;
	assert_int_equal(list_read_memory("list", text, strlen(text), NULL, &content, &why), 0);
	got = canonical(&content);
	assert_string_equal(got, "1.10.16.0/24 1.19.0.1");
	assert_int_equal(content.timestamp, 1786458787);
	assert_int_equal(content.entries, 2);
	assert_int_equal(content.widest4, 24);
	assert_int_equal(content.widest6, 129);
	assert_string_equal(content.widest_text, "1.10.16.0/24");
	free(got);
	list_content_free(&content);
}

#define DROP_LINE "1.10.16.0/20 ; SBL256894\n"
#define J1	  "{\"cidr\":\"1.10.16.0/20\",\"sblid\":\"SBL256894\",\"rir\":\"apnic\"}\n"
#define J2	  "{\"cidr\":\"2001:db8::\\/32\",\"sblid\":\"SBL1\",\"rir\":\"x\"}\n"
#define META(n)	  "{\"type\":\"metadata\",\"timestamp\":1790072042,\"size\":9,\"records\":" n "}\n"

static void test_drop(void **state)
{
	static const struct fact facts[] = {
		{DROP_LINE, "1.10.16.0/20", "drop"},
		{"; Spamhaus DROP List 2026/10/08 - (c)\n; https://x\n"
		 "; Last-Modified: Thu, 08 Oct 2026 09:30:12 GMT\n"
		 "; Expires: Thu, 08 Oct 2026 10:30:12 GMT\n" DROP_LINE "2001:db8::/32 ; SBL2\n",
		 "1.10.16.0/20 2001:db8::/32", "drop"},
		{DROP_LINE "1.19.0.0/1\n",
		 ":2: \"1.19.0.0/1\" has no \"; SBL...\" behind it, as every line of DROP has; is "
		 "the "
		 "file cut off?",
		 NULL},
		{"; Spamhaus EDROP List\n", " holds no entry; an empty download clears no list",
		 NULL},
		{J1 J2 META("2"), "1.10.16.0/20 2001:db8::/32", "drop-json"},
		{J1 J1 META("2"), "1.10.16.0/20", "drop-json"},
		{J1 J2, " is cut off: the last line, with the metadata, is missing; get it again",
		 NULL},
		{J1 META("2"),
		 ":2: there are 1 records, but the metadata speak of 2; the file is damaged or "
		 "cut, "
		 "get it again",
		 NULL},
		{META("0"), " holds no entry; an empty download clears no list", NULL},
		{J1 META("1") J1,
		 ":3: something follows the metadata, which are the last line of a DROP file",
		 NULL},
		{J1 "{\"type\":\"metadata\"}",
		 ":2: the metadata do not say how many records there are", NULL},
		{J1 "{\"cidr\":\"1.10.1", ":2: this line is not JSON: unexpected end of data",
		 NULL},
		{J1 "{\"cidr\":7}\n", ":2: this JSON object has no \"cidr\" with a prefix", NULL},
		{J1 "7\n", ":2: this is not a JSON object with a \"cidr\"", NULL},
		{"{\"asn\":7,\"rir\":\"x\"}\n",
		 ":1: this is a list of autonomous systems (asndrop), not of addresses", NULL},
		{"{\"cidr\":\"1.10.16.1/20\"}\n",
		 ":1: 1.10.16.1/20 has bits set behind its length; did you mean 1.10.16.0/20?",
		 NULL},
		{"{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":1}}}}}\n",
		 ":1: this line is not JSON: nesting too deep", NULL},
	};
	struct list_content content;
	struct error why;

	(void)state;
	CHECK(facts);
	assert_int_equal(list_read_memory("list", facts[1].text, strlen(facts[1].text), NULL,
					  &content, &why),
			 0);
	assert_int_equal(content.timestamp, 1791451812);
	assert_int_equal(content.expires, 0);
	list_content_free(&content);
	assert_int_equal(list_read_memory("list", facts[4].text, strlen(facts[4].text), NULL,
					  &content, &why),
			 0);
	assert_int_equal(content.timestamp, 1790072042);
	list_content_free(&content);
}

static void test_ip4set(void **state)
{
	static const struct fact facts[] = {
		{"127.0.0.1", "127.0.0.1", "!ip4set"},
		{"127.0.0", "127.0.0.0/24", "!ip4set"},
		{"127.0.0.", "127.0.0.0/24", "!ip4set"},
		{"127.16", "127.16.0.0/16", "!ip4set"},
		{"127/24", "127.0.0.0/24", "!ip4set"},
		{"127/8", "127.0.0.0/8", "!ip4set"},
		{"127.16/12", "127.16.0.0/12", "!ip4set"},
		{"127.16-31", "127.16.0.0/12", "!ip4set"},
		{"127.16.0-31", "127.16.0.0/19", "!ip4set"},
		{"127-127.0.0",
		 ":1: \"127-127.0.0\" has not as many octets behind the dash as in "
		 "front of it",
		 "!ip4set"},
		{"126-127", "126.0.0.0/7", "!ip4set"},
		{"127.0.0.1-255", "127.0.0.1-127.0.0.255", "!ip4set"},
		{"127.0.0.0-127.0.0.255", "127.0.0.0/24", "!ip4set"},
		{"127.0-127.3", "127.0.0.0/14", "!ip4set"},
		{"0/0", "0.0.0.0/0", "!ip4set"},
		{"127", ":1: \"127\" is a lone octet; write it with its length, as in 127/8",
		 "!ip4set"},
		{"127.0.0.1/24",
		 ":1: 127.0.0.1/24 has bits set behind its length; did you mean 127.0.0.0/24?",
		 "!ip4set"},
		{"127.0.0.1/33",
		 ":1: \"127.0.0.1/33\" has no valid prefix length: it must be 0 to 32 behind the /",
		 "!ip4set"},
		{"127.0.0.9-1", ":1: \"127.0.0.9-1\" ends before it begins", "!ip4set"},
		{"127.0.0.256", ":1: \"127.0.0.256\" is not an entry of an ip4set", "!ip4set"},
		{"127.0.0.01", ":1: \"127.0.0.01\" is not an entry of an ip4set", "!ip4set"},
		{"127.0.0.1.2", ":1: \"127.0.0.1.2\" is not an entry of an ip4set", "!ip4set"},
		{"127.0.0.1.", ":1: \"127.0.0.1.\" is not an entry of an ip4set", "!ip4set"},
		{"127.0.0.1x", ":1: \"127.0.0.1x\" is not an entry of an ip4set", "!ip4set"},
		{"2001:db8::1", ":1: \"2001:db8::1\" is not an entry of an ip4set", "!ip4set"},
		{"::1", ":1: \"::1\" is not an entry of an ip4set", "!ip4set"},
		{"example.com", ":1: \"example.com\" is not an entry of an ip4set", "!ip4set"},
		{"$FOO bar\n127.0.0.1", ":1: \"$FOO bar\" is not known", "!ip4set"},
		{"!", ":1: there is no address behind the \"!\"", "!ip4set"},

		/* Values and comments. */
		{":127.0.0.2:Blocked, see https://example.com/?$\n192.0.2.7\n", "192.0.2.7",
		 "ip4set"},
		{"192.0.2.7 :2:text\n192.0.2.9:3:text\n192.0.2/25:3:\n192.0.3.1 ; comment\n"
		 "192.0.3.3 only text\n192.0.3.5#c\n",
		 "192.0.2.0/25 192.0.3.1 192.0.3.3 192.0.3.5", "ip4set"},
		{"$SOA 1w ns1.ex.com admin.ex.com 0 2h 2h 1w 1h\n$NS 1w ns1.ex.com\n$TTL 2100\n"
		 "$1 text\n192.0.2.7\n",
		 "192.0.2.7", "ip4set"},
		/* An exclusion excludes everywhere, whatever the order and the length. */
		{"!192.0.2.7\n192.0.2.0/29\n", "192.0.2.0-192.0.2.6", "ip4set"},
		{"192.0.2.7\n!192.0.2.0/24\n198.51.100.1\n", "198.51.100.1", "ip4set"},
		{"192.0.2.0/24\n! 192.0.2.16-31\n", "192.0.2.0/28 192.0.2.32-192.0.2.255",
		 "ip4set"},
		{"192.0.2.0/24\n!192.0.2\n", " excludes every address that it lists", "!ip4set"},
		{"0.0.0.0/0\n!0.0.0.0\n!255.255.255.255\n", "0.0.0.1-255.255.255.254", "ip4set"},

		/* $MAXRANGE4. */
		{"$MAXRANGE4 /24\n192.0.2.0/24\n198.51/16\n", "192.0.2.0/24", "ip4set"},
		{"#$MAXRANGE4 256\n192.0.2.0-255\n198.51.100.0-198.51.101.0\n", "192.0.2.0/24",
		 "ip4set"},
		{"$MAXRANGE4 /24\n$MAXRANGE4 /16\n192.0.2.7\n192/16\n", "192.0.2.7", "ip4set"},
		{"$MAXRANGE4 /33\n", ":1: \"33\" is no range for $MAXRANGE4", "!ip4set"},
		{"$MAXRANGE4 x\n",
		 ":1: $MAXRANGE4 needs a prefix length or a number of addresses, as in /24 or 256",
		 "!ip4set"},
		{"$MAXRANGE4 /24\n192.0/16\n",
		 " holds no entry that can be used: all were left out", "!ip4set"},

		/* $TIMESTAMP. */
		{"$TIMESTAMP 2020:01:02:03:04:05\n192.0.2.7", "192.0.2.7", "ip4set"},
		{"#$TIMESTAMP 2020:01:02 2099:01:01\n192.0.2.7", "192.0.2.7", "ip4set"},
		{";$TIMESTAMP 2020:01:02 +9w\n192.0.2.7",
		 ":1: the list has expired by its own $TIMESTAMP; get a fresh copy", NULL},
		{":$TIMESTAMP 2020:01:02 2020:01:03\n192.0.2.7",
		 ":1: the list has expired by its own $TIMESTAMP; get a fresh copy", NULL},
		{"$TIMESTAMP 2099:01:02\n192.0.2.7",
		 ":1: $TIMESTAMP lies in the future; is a clock wrong, here or where the list is "
		 "made?",
		 NULL},
		{"$TIMESTAMP 2020:13:02\n", ":1: $TIMESTAMP needs a time, yyyy:mm:dd:hh:mi:ss",
		 NULL},
		{"$TIMESTAMP 2020:01:02 soon\n",
		 ":1: \"soon\" is no expiry for $TIMESTAMP, as in 2026:12:31 or +2d", NULL},
		{"$TIMESTAMP 2020:01:02 +2y\n",
		 ":1: \"+2y\" is no time to live for $TIMESTAMP, as in +2d", NULL},

		/* $DATASET: exclusions end with their part; names are left out. */
		{"$NS 1w ns\n$DATASET ip4set a @\n192.0.2.0/30\n!192.0.2.1\n"
		 "$DATASET ip4trie:x b\n192.0.2.1\n$DATASET dnset c\nexample.com\n"
		 "$DATASET ip6trie d\n2001:db8::/32\n",
		 "192.0.2.0/30 2001:db8::/32", "ip4set"},
		{"$DATASET foo a\n", ":1: \"foo\" is not a type of dataset known here", NULL},
	};

	(void)state;
	CHECK(facts);
}

static void test_other_sets(void **state)
{
	static const struct fact facts[] = {
		/* The longest prefix wins. */
		{"192.0.2.0/24\n!192.0.2.0/28\n192.0.2.7\n", "192.0.2.7 192.0.2.16-192.0.2.255",
		 "!ip4trie"},
		{"!192.0.2.0/24\n192.0.2.7\n", "192.0.2.7", "!ip4trie"},
		{"192.0.2.7\n!192.0.2.7\n", "192.0.2.7", "!ip4trie"}, /* the first of equals */
		{"!192.0.2.7\n192.0.2.7\n192.0.2.8", "192.0.2.8", "!ip4trie"},
		{"0/0\n!128/1\n255.255.255.255\n!0.0.0.0\n",
		 "0.0.0.1-127.255.255.255 "
		 "255.255.255.255",
		 "!ip4trie"},
		{"10/8\n!10.0/16\n10.0.0/24\n!10.0.0.0\n10.255.255.255\n",
		 "10.0.0.1-10.0.0.255 10.1.0.0-10.255.255.255", "!ip4trie"},
		{"192.0.2.0-7", ":1: \"192.0.2.0-7\" is not an entry of an ip4trie: IPv4 prefixes",
		 "!ip4trie"},
		{"$MAXRANGE4 /24\n192.0/16\n192.0.2/24\n", "192.0.2.0/24", "!ip4trie"},

		{"192.0.2.7\n192.0.2.8 :2:\n", "192.0.2.7-192.0.2.8", "!ip4tset"},
		{"192.0.2/24",
		 ":1: \"192.0.2/24\" is not an entry of an ip4tset: single IPv4 addresses",
		 "!ip4tset"},
		{"192.0.2", ":1: \"192.0.2\" is not an entry of an ip4tset: single IPv4 addresses",
		 "!ip4tset"},

		{"2001:db8::/32 :2:text\n!2001:db8:1::/48\n2001:db8:1::25\n",
		 "2001:db8::/48 2001:db8:1::25 "
		 "2001:db8:2::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
		 "ip6trie"},
		{"2001:db8:1:2\n2001:db8:2/48\n2001:db8:3:0:0:0:0:1",
		 "2001:db8:1:2::/64 "
		 "2001:db8:2::/48 "
		 "2001:db8:3::1",
		 "!ip6trie"},
		{":2:default\n::1\n2001:DB8::7", "::1 2001:db8::7", "ip6trie"},
		{"64:ff9b::192.0.2.0/120\n::ffff:198.51.100.7\n!64:ff9b::192.0.2.7",
		 "192.0.2.0-192.0.2.6 192.0.2.8-192.0.2.255 198.51.100.7", "ip6trie"},
		{"2001:db8::1/32",
		 ":1: 2001:db8::1/32 has bits set behind its length; did you mean 2001:db8::/32?",
		 "!ip6trie"},
		{"2001:db8::/129",
		 ":1: \"2001:db8::/129\" has no valid prefix length: it must be 0 to 128 behind "
		 "the /",
		 "!ip6trie"},
		{"192.0.2.7", ":1: \"192.0.2.7\" is not an entry of a set of IPv6 prefixes",
		 "!ip6trie"},
		{"2001:db8:::1", ":1: \"2001:db8:::1/128\" is not an IP address or prefix",
		 "!ip6trie"},
		{"1:2:3:4:5:6:7:8:9",
		 ":1: \"1:2:3:4:5:6:7:8:9/128\" is not an IP address or prefix", "!ip6trie"},

		{"2001:db8:1:2\n2001:db8:1:3::\n!2001:db8:1:2::\n",
		 "2001:db8:1:2::1-2001:db8:1:3:ffff:ffff:ffff:ffff", "!ip6tset"},
		{"2001:db8:1:2::/64\n!2001:db8:1:2:0:0:0:7\n",
		 "2001:db8:1:2::-2001:db8:1:2::6 "
		 "2001:db8:1:2::8-2001:db8:1:2:ffff:ffff:ffff:ffff",
		 "!ip6tset"},
		{"2001:db8:1\n",
		 ":1: \"2001:db8:1\" is not an entry of an ip6tset: those are /64 networks, and "
		 "single addresses as exclusions",
		 "!ip6tset"},
	};

	(void)state;
	CHECK(facts);
}

static void test_skip_bad(void **state)
{
	static const char text[] = "192.0.2.7\nexample.com\n192.0.2.8/24\n192.0.2.9\n";
	struct list_options options = {.skip_bad = true, .note = note};
	struct list_content content;
	struct error why;
	char *got;

	(void)state;
	notes[0] = '\0';
	assert_int_equal(list_read_memory("list", text, strlen(text), &options, &content, &why), 0);
	got = canonical(&content);
	assert_string_equal(got, "192.0.2.7 192.0.2.9");
	free(got);
	assert_int_equal(content.left_out, 2);
	assert_int_equal(content.entries, 2);
	assert_string_equal(notes, "list:2: \"example.com\" is not an IP address or prefix\n"
				   "list:3: 192.0.2.8/24 has bits set behind its length; did you "
				   "mean 192.0.2.0/24?\n");
	list_content_free(&content);
	assert_int_equal(list_read_memory("list", "a\nb\n", 4, &options, &content, &why), -ENODATA);
	assert_string_equal(why.text, "list holds no entry that can be used: all were left out");
	/* What tells that the whole is damaged is no matter of single lines. */
	assert_int_equal(list_read_memory("list", J1, strlen(J1), &options, &content, &why),
			 -EINVAL);
}

static void test_notes(void **state)
{
	static const char text[] = "$MAXRANGE4 /24\n192.0.2.7\n198.51/16\n";
	struct list_options options = {.note = note};
	struct list_content content;
	struct error why;

	(void)state;
	notes[0] = '\0';
	assert_int_equal(list_read_memory("list", text, strlen(text), &options, &content, &why), 0);
	assert_string_equal(notes, "list:3: \"198.51/16\" is larger than $MAXRANGE4 allows; it is "
				   "left out\n");
	assert_int_equal(content.left_out, 1);
	assert_int_equal(content.entries, 1);
	list_content_free(&content);
}

static void test_widest(void **state)
{
	static const struct {
		const char *text;
		unsigned int widest4, widest6;
		const char *entry;
	} facts[] = {
		{"192.0.2.7", 32, 129, "192.0.2.7"},
		{"192.0.2.0/24\n198.0.0.0/8", 8, 129, "198.0.0.0/8"},
		{"192.0.0.0-195.255.255.254", 7, 129, "192.0.0.0-195.255.255.254"},
		{"192.0.0.0-195.255.255.255", 6, 129, "192.0.0.0-195.255.255.255"},
		{"192.0.2.0/24\n2001:db8::/32", 24, 32, "2001:db8::/32"},
		{"2001:db8::7-2001:db8:ffff::", 33, 33, "2001:db8::7-2001:db8:ffff::"},
		/* Of two the one that is further from what the rails allow: /9 by 1, /16 by 4. */
		{"2000::/16\n192.0.0.0/9", 9, 16, "2000::/16"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		struct list_content content;
		struct error why = {""};

		if (list_read_memory("list", facts[i].text, strlen(facts[i].text), NULL, &content,
				     &why))
			fail_msg("%s", why.text);
		if (content.widest4 != facts[i].widest4)
			fail_msg("unexpected width of %s: got %u, want %u", facts[i].text,
				 content.widest4, facts[i].widest4);
		if (content.widest6 != facts[i].widest6)
			fail_msg("unexpected width of %s: got %u, want %u", facts[i].text,
				 content.widest6, facts[i].widest6);
		assert_string_equal(content.widest_text, facts[i].entry);
		list_content_free(&content);
	}
}

/* --- files and gzip --------------------------------------------------------------------------- */

static size_t gzip(const char *text, size_t size, unsigned char *out, size_t room)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	z.next_in = (unsigned char *)text;
	z.avail_in = (unsigned int)size;
	z.next_out = out;
	z.avail_out = (unsigned int)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

static void test_gzip(void **state)
{
	static const char text[] = "192.0.2.7\n192.0.2.9\n";
	unsigned char packed[512];
	size_t size = gzip(text, strlen(text), packed, sizeof(packed)), twice;
	struct list_content content;
	struct error why;
	char *got;

	(void)state;
	assert_int_equal(list_read_memory("list.gz", packed, size, NULL, &content, &why), 0);
	got = canonical(&content);
	assert_string_equal(got, "192.0.2.7 192.0.2.9");
	free(got);
	list_content_free(&content);
	/* Cut off anywhere: an error, never a shorter list. */
	for (size_t cut = 2; cut < size; cut++) {
		int err = list_read_memory("list.gz", packed, cut, NULL, &content, &why);

		if (err != -EIO)
			fail_msg("unexpected answer to %zu bytes of %zu: got %d, want %d", cut,
				 size, err, -EIO);
	}
	assert_string_equal(why.text, "list.gz is cut off: its gzip data has no end; get it again");
	/* A wrong checksum. */
	packed[size - 8] ^= 1;
	assert_int_equal(list_read_memory("list.gz", packed, size, NULL, &content, &why), -EIO);
	assert_non_null(strstr(why.text, "damaged"));
	packed[size - 8] ^= 1;
	/* Two members, then the padding of a tape. */
	twice = size + gzip("198.51.100.1\n", 13, packed + size, sizeof(packed) - size);
	memset(packed + twice, 0, 8);
	assert_int_equal(list_read_memory("list.gz", packed, twice + 8, NULL, &content, &why), 0);
	assert_int_equal(content.entries, 3);
	list_content_free(&content);
	/* Garbage behind the end. */
	memcpy(packed + size, "garbage", 7);
	assert_int_equal(list_read_memory("list.gz", packed, size + 7, NULL, &content, &why), -EIO);
}

static void test_bounds(void **state)
{
	size_t size = SOURCE_LINE_MAX + 2;
	char *text = malloc(size + 64);
	unsigned char *bomb;
	struct list_content content;
	struct error why;
	z_stream z = {0};

	(void)state;
	/* The longest line there may be, and one byte more. */
	memset(text, '#', size);
	strcpy(text + SOURCE_LINE_MAX, "\n192.0.2.7\n");
	assert_int_equal(list_read_memory("list", text, strlen(text), NULL, &content, &why), 0);
	list_content_free(&content);
	text[SOURCE_LINE_MAX] = '#';
	strcpy(text + SOURCE_LINE_MAX + 1, "\n192.0.2.7\n");
	assert_int_equal(list_read_memory("list", text, strlen(text), NULL, &content, &why),
			 -EINVAL);
	assert_string_equal(why.text, "list has a line longer than 64 KiB: no list has");

	/* A kilobyte that unpacks to more than any list has. */
	memset(text, '\n', size);
	bomb = malloc(4u << 20);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	z.next_out = bomb;
	z.avail_out = 4u << 20;
	for (size_t made = 0; made <= SOURCE_MAX; made += SOURCE_LINE_MAX) {
		z.next_in = (unsigned char *)text;
		z.avail_in = SOURCE_LINE_MAX;
		assert_int_equal(deflate(&z, Z_NO_FLUSH), Z_OK);
	}
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(
		list_read_memory("bomb.gz", bomb, (4u << 20) - z.avail_out, NULL, &content, &why),
		-EFBIG);
	assert_string_equal(why.text, "bomb.gz is larger than 512 MiB when unpacked: no list is");
	deflateEnd(&z);
	free(bomb);
	free(text);
}

/* Lines and numbers stay right across the borders of the buffers. */
static void test_long_files(void **state)
{
	size_t lines = 60000, size = 0;
	char *text = malloc(lines * 40);
	struct list_content content;
	struct error why = {""};

	(void)state;
	for (size_t i = 0; i < lines; i++)
		size += (size_t)sprintf(text + size, "192.%zu.%zu.%zu # %.*s\n", i >> 15,
					i >> 7 & 255, (i & 127) * 2, (int)(i % 17),
					"-----------------");
	assert_int_equal(list_read_memory("list", text, size, NULL, &content, &why), 0);
	assert_int_equal(content.v4_count, lines);
	assert_int_equal(content.entries, lines);
	list_content_free(&content);
	strcpy(text + size, "oops\n");
	assert_int_equal(list_read_memory("list", text, size + 5, NULL, &content, &why), -EINVAL);
	assert_string_equal(why.text, "list:60001: \"oops\" is not an IP address or prefix");
	/* A NUL in the middle of the file. */
	strcpy(text + size, "192.0.2.7\n");
	text[size + 3] = '\0';
	assert_int_equal(list_read_memory("list", text, size + 10, NULL, &content, &why), -EINVAL);
	assert_string_equal(why.text, "list:60001: a NUL byte is no part of a list; is the file "
				      "damaged?");
	free(text);
}

static void test_files(void **state)
{
	char path[] = "/tmp/smtpwall-list-XXXXXX", expected[128];
	int fd = mkstemp(path);
	struct list_content content;
	struct error why;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "192.0.2.7\nx\n", 12), 12);
	close(fd);
	assert_int_equal(list_read(path, NULL, &content, &why), -EINVAL);
	snprintf(expected, sizeof(expected), "%s:2: \"x\" is not an IP address or prefix", path);
	assert_string_equal(why.text, expected);
	assert_int_equal(truncate(path, 10), 0);
	assert_int_equal(list_read(path, NULL, &content, &why), 0);
	assert_int_equal(content.entries, 1);
	list_content_free(&content);
	unlink(path);
	assert_int_equal(list_read(path, NULL, &content, &why), -ENOENT);
	snprintf(expected, sizeof(expected), "cannot read %s: No such file or directory", path);
	assert_string_equal(why.text, expected);
	assert_int_equal(list_read("/tmp", NULL, &content, &why), -EISDIR);
	assert_string_equal(why.text, "cannot read /tmp: Is a directory");
	assert_int_equal(list_read("/dev/null", NULL, &content, &why), -ENODATA);
	assert_int_equal(list_read("/dev/zero", NULL, &content, &why), -EINVAL);
	assert_int_equal(list_read("/dev/zero", NULL, &content, NULL), -EINVAL);
}

static void test_covers(void **state)
{
	static const char text[] = "192.0.2.0/24\n198.51.100.7\n2001:db8::/32\n";
	static const struct {
		const char *prefix;
		bool want;
	} facts[] = {
		{"192.0.2.0/24", true},
		{"192.0.2.7", true},
		{"192.0.2.0/23", false},
		{"198.51.100.7", true},
		{"198.51.100.6/31", false},
		{"2001:db8::/32", true},
		{"2001:db8:1::/48", true},
		{"2001:db8::/31", false},
		{"2001:db9::", false},
		{"0.0.0.0", false},
		{"::", false},
	};
	struct list_content content;
	struct error why;

	(void)state;
	assert_int_equal(list_read_memory("list", text, strlen(text), NULL, &content, &why), 0);
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		struct prefix p;

		assert_int_equal(prefix_parse(facts[i].prefix, &p, &why), 0);
		if (list_content_covers(&content, &p) != facts[i].want)
			fail_msg("unexpected answer for %s: want %d", facts[i].prefix,
				 facts[i].want);
	}
	assert_int_equal(list_content_v4_addresses(&content), 257);
	assert_true(list_content_v6_networks(&content) == 1ULL << 32);
	list_content_free(&content);
}

static void test_counting(void **state)
{
	static const struct {
		const char *text;
		uint64_t v4, v6;
	} facts[] = {
		{"0.0.0.0/0", 1ULL << 32, 0},
		{"::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0, UINT64_MAX},
		{"2001:db8::1\n2001:db8::3", 0, 1},
		{"2001:db8::1\n2001:db8::3-2001:db8:0:1::", 0, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		struct list_content content;
		struct error why;

		assert_int_equal(list_read_memory("list", facts[i].text, strlen(facts[i].text),
						  NULL, &content, &why),
				 0);
		assert_true(list_content_v4_addresses(&content) == facts[i].v4);
		assert_true(list_content_v6_networks(&content) == facts[i].v6);
		list_content_free(&content);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	 cmocka_unit_test(test_no_list),
		cmocka_unit_test(test_firehol),	 cmocka_unit_test(test_drop),
		cmocka_unit_test(test_ip4set),	 cmocka_unit_test(test_other_sets),
		cmocka_unit_test(test_skip_bad), cmocka_unit_test(test_notes),
		cmocka_unit_test(test_widest),	 cmocka_unit_test(test_gzip),
		cmocka_unit_test(test_bounds),	 cmocka_unit_test(test_long_files),
		cmocka_unit_test(test_files),	 cmocka_unit_test(test_covers),
		cmocka_unit_test(test_counting),
	};

	return cmocka_run_group_tests_name("lists_formats", tests, NULL, NULL);
}
