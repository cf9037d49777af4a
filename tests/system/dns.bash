# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dns.bash - words for tests of DNSBLs; sourced after extra.bash
#
#   dns_start                     the tests' own DNS server on the mail host, 127.0.0.1 port 53
#   dns_rules                     what it answers from now on, from standard input (tests/tools/dnsd.c); zones
#                                 bl.example, wl.example and key.example get their test entries by themselves
#   listed ADDRESS [ZONE]         the rule that lists an IPv4 address there
#   asked PATTERN                 how many questions came in that match (grep -E); test entries left out, and those
#                                 about the mail host itself, which the daemon asks every hour
#   clock SECONDS                 the wall's clock is that far in front of the real one
#   field PATH ADDRESS            one value of `check ADDRESS --json`
#   site PATH                     one value of `dnsbl status --json`
#   is_well                       all sites answer and the daemon has nothing to complain of

dns_test_entries() {
	local zone
	for zone in bl wl key; do
		printf '%s\n' "2.0.0.127.$zone.example A 127.0.0.2" "1.0.0.127.$zone.example NX" \
			"2.0.0.0.0.0.f.7.*.$zone.example A 127.0.0.2" "1.0.0.0.0.0.f.7.*.$zone.example NX"
	done
}

dns_rules() {
	# Whole or not at all: the server reads it at any moment.
	cat - <(dns_test_entries) <(printf '*.%s.example NX ttl=600\n' bl wl key) >"$LAB_DIR/mail/dnsd.rules.new"
	mv "$LAB_DIR/mail/dnsd.rules.new" "$LAB_DIR/mail/dnsd.rules"
	# It looks for a change at every question, but not more often than this.
	wait_for 1 false
}

dns_start() {
	mkdir -p "$LAB_DIR/mail"
	dns_rules </dev/null
	lab_dnsd mail 127.0.0.1 53
}

listed() { # ADDRESS [ZONE [ANSWER]]
	local a b c d
	IFS=. read -r a b c d <<<"$1"
	printf '%s.%s.%s.%s.%s %s\n' "$d" "$c" "$b" "$a" "${2:-bl.example}" "${3:-A 127.0.0.2 ttl=300}"
}

asked() { grep -vE '(^|[ .])([12]\.0\.0\.(127|0\.0\.0\.f\.7)|25\.2\.0\.192|5\.2(\.0){14}\.5\.2\.[0.]*8\.b\.d\.0\.1\.0\.0\.2)\.' "$LAB_DIR/mail/dnsd.rules.log" | grep -cE -- "$1"; }

clock() { SMTPWALL_TEST_CLOCK=$1 wall mode >/dev/null; }

field() { json "$1" check "$2"; }

is_well() { wall status; }
