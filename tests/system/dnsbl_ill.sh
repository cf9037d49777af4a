#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dnsbl_ill.sh - what is not a listing, and sites that are not well: nobody is dropped because of them
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/dns.bash
. "$(dirname "$0")/dns.bash"
lab_new "$@"

bad=203.0.113.66
lab_star
lab_many bad 203.0.113.0/24 198.51.100.0/24 44.0.0.0/8
serve mail 25 || { not_ok server "it did not start"; finish; }
dns_start || { not_ok "DNS server" "it did not start"; finish; }

# name, what it answers about clients
wrong='
code      A 127.255.255.254
typing    A 127.255.255.252
outside   A 203.0.113.9
mixed     A 127.0.0.2,10.0.0.1
alias     CNAME parking.example.net A 127.0.0.2
servfail  SERVFAIL
refused   REFUSED
silent    SILENT
garbage   GARBAGE
cut       CUT
long      LONG
loop      LOOP
rename    WRONGNAME
nodata    NODATA'
# The test entries of all of them are right; "tcp" and "below" are right altogether, in unusual ways.
all_rules() {
	local name what
	while read -r name what; do
		[ -n "$name" ] || continue
		printf '%s\n' "2.0.0.127.$name.example A 127.0.0.2" "1.0.0.127.$name.example NX" "*.$name.example $what"
	done <<<"$wrong
tcp    TRUNCATED A 127.0.0.2
below  CNAME yes.below.example A 127.0.0.2"
}
sites=
while read -r name _; do [ -z "$name" ] || sites+=", $name.example*5"; done <<<"$wrong"
sites=${sites#, }

config() { # SITES [MORE]
	printf 'mode = enforce\ninterfaces = {"eth0"}\ndnsbl {\n\tsites = "%s"\n\tthreshold = 3\n\ttimeout = 1s\n' "$1"
	printf '\tresolvers = {"127.0.0.1"}\n%s\n}\n' "${2:-}"
}
# The mode of the file would be a change of its own: reload waits until the new sites are in place.
reload() { kill -HUP "${lab_daemons[mail]}"; }
reaches() { [ "$(knock bad "$1" $LAB_MAIL4 1 2500)" = 1 ]; }
dropped() { [ "$(knock bad "$1" $LAB_MAIL4 1 400)" = 0 ]; }
verdict_is() { [ "$(field verdict "$1")/$(field reason "$1")" = "$2" ]; }
answered() { [ "$(field score "$1")" != "" ]; }
problem() { wall status --json | "$(tool jsonget)" problems | grep -qE -- "$1"; }
state_of() { wall dnsbl status --json | "$(tool jsonget)" sites | tr '{' '\n' | sed -nE "s/.*\"name\": *\"$1\".*\"state\": *\"([a-z]+)\".*/\\1/p"; }
is_state() { [ "$(state_of "$1")" = "$2" ]; }

# --- every wrong answer ---------------------------------------------------------------------------------

all_rules | dns_rules
config "$sites" | conf
lab_daemon mail
works "the daemon is up, all sites pass their test" wait_for 15 wall status
works "a client about whom every site answers wrongly" reaches $bad
works "has an answer" wait_for 10 answered $bad
same "that counts nothing" "$(field score $bad)" 0
works "and passes" verdict_is $bad pass/clean
works "once more" reaches $bad
works "an error code is told in words" wait_for 5 problem \
	'dnsbl code\.example: answers 127\.255\.255\.254: it refuses your resolver; use your own'
works "a typing error" problem 'dnsbl typing\.example: answers 127\.255\.255\.252'
works "an address outside 127/8" problem 'dnsbl outside\.example: answers 203\.0\.113\.9'
works "also beside one inside" problem 'dnsbl mixed\.example: answers 10\.0\.0\.1'
works "an alias to elsewhere" problem 'dnsbl alias\.example: .*alias'
for name in servfail refused silent garbage cut long loop rename; do
	same "$name is in use after one failure" "$(state_of $name.example)" well
done
same "an empty answer is a no" "$(state_of nodata.example)" well
fails 1 "dnsbl status says that not all is well" wall dnsbl
says "with what happened" 'silent\.example: lately it does not answer' wall dnsbl

config 'tcp.example*2, below.example*1' | conf
reload
works "an answer by TCP alone, and an alias below the zone" wait_for 10 wall status
works "of a client" reaches 203.0.113.67
works "are listings" wait_for 5 verdict_is 203.0.113.67 drop/dnsbl

# --- dead, and back -------------------------------------------------------------------------------------

{ listed $bad; listed 203.0.113.68; } >"$LAB_DIR/rules"
dns_rules <"$LAB_DIR/rules"
config 'bl.example*3, wl.example*-1' | conf
reload
works "two sites" wait_for 10 wall status
works "no answer is held" wall dnsbl flush
works "a listed client" reaches $bad
works "is dropped" wait_for 5 verdict_is $bad drop/dnsbl
# Their own rules before the test entries.
printf '*.%s.example SILENT\n' bl wl | dns_rules
knock bad 198.51.100.1 $LAB_MAIL4 1 500 >/dev/null
for i in 2 3 4 5 6 7 8 9 10 11; do knock bad 198.51.100.$i $LAB_MAIL4 1 500 >/dev/null; done
works "ten timeouts: the site is switched off" wait_for 15 is_state bl.example dead
works "all of them are: mail flows, and status says so" wait_for 5 problem 'dnsbl: no site is of use.*mail flows'
works "its part of the score is taken back" wait_for 5 reaches $bad
dns_rules <"$LAB_DIR/rules"
clock 70
works "it comes back by itself" wait_for 10 is_state bl.example well
works "with what it had said" wait_for 5 verdict_is $bad drop/dnsbl
works "all is well" wait_for 5 wall status

# --- a renewal that fails, and the grace -------------------------------------------------------------------

printf '66.113.0.203.bl.example SERVFAIL\n' | dns_rules
clock 360
works "its listing ran out meanwhile" verdict_is $bad pass/clean
works "its session cannot be answered" reaches $bad
works "so the old answer holds for a grace" wait_for 5 verdict_is $bad drop/dnsbl
clock 4200
works "and not longer" verdict_is $bad pass/clean
works "its session" reaches $bad
works "is of a stranger" wait_for 5 eval '[ "$(field score $bad)" = 0 ]'
works "who passes" reaches $bad

# --- one that lists the world ------------------------------------------------------------------------------

dns_rules <"$LAB_DIR/rules"
clock 4300
works "the site is well" wait_for 10 is_state bl.example well
reaches $bad
works "dropped" wait_for 5 verdict_is $bad drop/dnsbl
printf '*.bl.example A 127.0.0.2\n' | dns_rules
clock 6200
works "it lists 127.0.0.1, and so the world" wait_for 10 is_state bl.example broken
works "status says so" wait_for 5 problem 'dnsbl bl\.example: lists 127\.0\.0\.1'
works "nobody is dropped any more" reaches $bad
works "nor anybody else" reaches 198.51.100.50
dns_rules <"$LAB_DIR/rules"
clock 6300
works "it comes back" wait_for 10 is_state bl.example well
{ cat "$LAB_DIR/rules"; printf '*.wl.example A 127.0.10.3\n'; } | dns_rules
clock 8200
works "an allow site that trusts the world" wait_for 10 is_state wl.example broken
reaches $bad
works "frees nobody" wait_for 5 verdict_is $bad drop/dnsbl
dns_rules <"$LAB_DIR/rules"
clock 8300
works "it comes back, too" wait_for 10 is_state wl.example well

# --- the breaker -------------------------------------------------------------------------------------------

# In networks of their own, so that no budget holds them back.
lab_exec bad "$(tool crowd)" 44.1.0.1 $LAB_MAIL4 25 150 256 0 3000 >/dev/null
works "150 unlisted clients are the usual" wait_for 15 eval '[ "$(asked "44\.bl\.")" -ge 150 ]'
works "answered" wait_for 10 eval '[ "$(json lookups.under_way dnsbl status)$(json lookups.queued dnsbl status)" = 00 ]'
# All but the test entries.
{ dns_test_entries; printf '*.bl.example A 127.0.0.2 ttl=300\n'; } | dns_rules
lab_exec bad "$(tool crowd)" 44.2.0.1 $LAB_MAIL4 25 80 256 0 1000 >/dev/null
works "a site that says yes to everybody is switched off" wait_for 15 is_state bl.example tripped
works "status says why" wait_for 5 problem 'dnsbl bl\.example: says yes to [0-9]+ of the last 64'
works "none of them is dropped" wait_for 5 reaches 44.2.0.1
clock 8400
works "it stays off while it lists those it had nothing against" wait_for 5 eval '[ "$(asked "1\.[0-9]*\.1\.44\.bl\.")" -gt 150 ]'
same "still" "$(state_of bl.example)" tripped
dns_rules <"$LAB_DIR/rules"
clock 8500
works "and is back when it has nothing against them again" wait_for 10 is_state bl.example well
works "all is well" wait_for 10 wall status

# --- sites without test entries, IPv6, ceiling ---------------------------------------------------------------

printf '*.none.example NX\n*.four.example A 127.0.0.2\n' | dns_rules
config 'none.example*3' | conf
reload
works "a site without test entries is refused" wait_for 10 problem 'none\.example: does not list 127\.0\.0\.2.*test = off'
config 'none.example*3' '	site "none.example" { test = off  ceiling = 3 }' | conf
reload
works "unless it is told to have none" wait_for 10 is_state none.example well
before=$(asked 'none\.example')
lab_exec bad "$(tool crowd)" 44.3.0.1 $LAB_MAIL4 25 10 256 0 500 >/dev/null
works "ten sources and a ceiling of three" wait_for 10 problem 'dnsbl none\.example: its ceiling of 3 queries is reached'
same "are three questions" $(($(asked 'none\.example') - before)) 3
works "all pass" reaches 44.3.9.1
config 'wl.example*3' | conf
reload
works "another site" wait_for 10 is_state wl.example well
config 'none.example*3' '	site "none.example" { test = off  ceiling = 3 }' | conf
reload
works "and the first one again: the count of the day stands" wait_for 10 problem 'dnsbl none\.example: its ceiling of 3 queries is reached'
lab_daemon_stop mail
works "down, as over a reboot" wall down
works "up" wall up
lab_daemon mail
works "the count of the day is kept over a reboot" wait_for 15 problem 'dnsbl none\.example: its ceiling of 3 queries is reached'
clock 100000
works "the next day" wait_for 5 not problem 'ceiling'
works "it is asked again" reaches 44.3.12.1
works "about the next source" wait_for 5 eval '[ "$(asked "1\.12\.3\.44\.none")" = 1 ]'
finish
