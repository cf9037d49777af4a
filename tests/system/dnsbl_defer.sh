#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dnsbl_defer.sh - the first SYN of a stranger waits for its answer; when that stops by itself
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/dns.bash
. "$(dirname "$0")/dns.bash"
lab_new "$@"

bad=203.0.113.66 bad6=2001:db8:bad::66
lab_star
lab_many bad 203.0.113.0/24 2001:db8:bad::/64
lab_client other 198.51.100.7
serve mail 25 || { not_ok server "it did not start"; finish; }
dns_start || { not_ok "DNS server" "it did not start"; finish; }
good_rules() {
	listed $bad
	echo '6.6.0.0.*.d.a.b.0.8.b.d.0.1.0.0.2.bl.example A 127.0.0.3 ttl=300'
	echo '*.bl.example NX ttl=3600'
}
dns_test_entries >"$LAB_DIR/tests"
good_rules | cat "$LAB_DIR/tests" - | dns_rules

config() { # [MORE]
	printf 'mode = enforce\ninterfaces = {"eth0"}\nrate { syn = off }\n'
	printf 'dnsbl {\n\tsites = "bl.example*3"\n\tthreshold = 3\n\ttimeout = 5s\n\tresolvers = {"127.0.0.1"}\n'
	printf '\tdeferred = on\n%s\n}\n' "${1:-}"
}
config | conf

# How long one connection took, in ms; 0 when it was not greeted.
took() { # SOURCE [SERVER]
	local start=${EPOCHREALTIME/./} greeted
	greeted=$(knock bad "$1" "${2:-$LAB_MAIL4}" 1 9000)
	if [ "$greeted" = 1 ]; then echo $(((${EPOCHREALTIME/./} - start) / 1000)); else echo 0; fi
}
quick() { local ms; ms=$(took "$1"); [ "$ms" -gt 0 ] && [ "$ms" -lt 900 ]; }
deferring() { [ "$(json deferring dnsbl status)" = true ]; }
answered() { [ "$(field score "$1")" != "" ]; }

lab_daemon mail
works "the daemon is up" wait_for 15 wall status
works "and defers" wait_for 10 deferring
same "a stranger would be deferred" "$(field reason 203.0.113.9)" deferred

# --- the first connection -----------------------------------------------------------------------------

ms=$(took 203.0.113.5)
at_least "an honest stranger waits for one retransmission" "$ms" 900
works "and not for two" test "$ms" -lt 2800
works "its next connection is quick" quick 203.0.113.5
ms=$(took 2001:db8:bad::5 $LAB_MAIL6)
at_least "the same over IPv6" "$ms" 900
same "a listed client gets no first connection" "$(knock bad $bad $LAB_MAIL4 1 4000)" 0
same "not over IPv6, either" "$(knock bad $bad6 $LAB_MAIL6 1 4000)" 0
same "its listing is known" "$(field reason $bad)" dnsbl
same "and it has never had a session" "$(field proven $bad)" false
works "the row is counted" eval '[ "$(packets deferred dropped)" -ge 3 ]'
works "one question for each" eval '[ "$(asked "66\.113\.0\.203\.bl")" = 1 ]'

# --- a daemon that does not move ------------------------------------------------------------------------

kill -STOP "${lab_daemons[mail]}"
works "a daemon that stands still: strangers are let in" wait_for 8 eval 'quick 203.0.113.$((RANDOM % 100 + 100))'
kill -CONT "${lab_daemons[mail]}"
works "it defers again when it moves" wait_for 10 deferring
lab_daemon_stop mail
works "a daemon that ended" quick 203.0.113.11
lab_daemon mail
works "the next one" wait_for 15 deferring

# --- slow and dead sites ----------------------------------------------------------------------------------

printf '*.bl.example delay=3000 NX ttl=3600\n' | cat "$LAB_DIR/tests" - | dns_rules
lab_exec bad "$(tool peer)" knock 203.0.113.20 $LAB_MAIL4 25 1 9000 >/dev/null &
works "slow answers: deferring stops" wait_for 10 not deferring
works "and strangers are let in at once" quick 203.0.113.21
says "status says so" 'stopped' wall dnsbl
good_rules | cat "$LAB_DIR/tests" - | dns_rules
clock 120
works "when answers are quick, it begins again" wait_for 10 deferring
works "a pause of all sites" wall dnsbl pause bl.example --for 1h
works "stops it" wait_for 5 not deferring
works "and strangers are let in" quick 203.0.113.22
works "resumed" wall dnsbl resume bl.example
works "it begins again" wait_for 10 deferring

# --- forged SYNs ---------------------------------------------------------------------------------------------

config '	budget = 50  ceiling = 200' | conf
kill -HUP "${lab_daemons[mail]}"
works "a ceiling of 200 questions a day" wait_for 10 eval '[ "$(json sites.0.quota.ceiling dnsbl status)" = 200 ]'
works "is in force" wait_for 10 deferring
before=$(asked 'bl\.example')
lab_exec other "$(tool flood)" 44.0.0.1 $LAB_MAIL4 25 4000 800 256 >/dev/null
spent=$(($(asked 'bl\.example') - before))
at_least "a flood of forged SYNs is asked about" "$spent" 1
works "but for no more than half of the quota" test "$spent" -le 100
works "then deferring stops by itself" wait_for 10 not deferring
works "strangers are let in" quick 203.0.113.30
works "and looked up with what is left" wait_for 5 answered 203.0.113.30
same "none of the forged addresses counts as proven" "$(field proven 44.0.0.1)" false
lab_daemon_stop mail
same "the daemon ends in good order" $? 0
finish
