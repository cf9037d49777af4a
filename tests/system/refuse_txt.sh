#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# refuse_txt.sh - a refused client is told what the DNSBL says, and does not wait long for that
#
# shellcheck disable=SC2086,SC2317 # words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/dns.bash
. "$(dirname "$0")/dns.bash"
lab_new "$@"

quick=203.0.113.9 slow=203.0.113.10
lab_star
lab_many bad 203.0.113.0/24
serve mail 25 || { not_ok server "it did not start"; finish; }
conf <<END
mode = enforce
interfaces = {"eth0"}
read-logs = off
dnsbl {
	sites = "bl.example"
	threshold = 1
	resolvers = {"127.0.0.1"}
	timeout = 5s
	action = refuse
}
refuse {
	contact = "https://example.org/refused"
	user = "nobody"
	times = "100/1h"
	txt = on
	text = "blocked by {by}{ saying |txt}"
}
END
dns_start
says_of() { # RULES: what the DNSBL does with the two
	{
		listed $quick bl.example "A 127.0.0.2 ttl=600 says=Spam_came_from_you"
		listed $slow bl.example "$1A 127.0.0.2 ttl=600 says=Spam_came_from_you_too"
	} | dns_rules
}
says_of ''
verdict() { json verdict check "$1"; }
greeting() { lab_connect bad "$1" $LAB_MAIL4 25 5 2>/dev/null | tr -d '\r'; }
texts() { asked "^TXT .*\\.bl\\.example"; }

lab_daemon mail
works "the sites are well" wait_for 20 is_well
for address in $quick $slow; do
	knock bad $address $LAB_MAIL4 1 1000 >/dev/null
	becomes "$address is listed" 10 refuse verdict $address
done
says "a client is told what the DNSBL says" '^554 5\.7\.1 blocked by bl\.example saying Spam came from you$' greeting $quick
before=$(texts)
says "again" 'saying Spam came from you$' greeting $quick
same "without asking again" "$(texts)" "$before"

says_of 'delay=3000 '
says "it is told without where the DNSBL is slow" '^554 5\.7\.1 blocked by bl\.example$' greeting $slow
becomes "and with it later" 10 "554 5.7.1 blocked by bl.example saying Spam came from you too" greeting $slow
same "nobody was left without a word" "$(lab_exec mail bpftool -j map dump pinned "$pins/maps/refuse_health" |
	"$(tool jsonget)" 0.formatted.value.untold)" 0
lab_daemon_stop mail
same "the daemon ends in good order" $? 0
finish
