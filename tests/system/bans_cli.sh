#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bans_cli.sh - bans for abuse at the command line: shown, explained, taken back; the kernel programs that
# make them have tests of their own, here tests/tools/ban puts them into the map
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
lab_new "$@"

lab_star
lab_many bad 203.0.113.0/24 2001:db8:bad::/48
serve mail 25 || { not_ok server "it did not start"; finish; }
conf <<'CONF'
mode = enforce
interfaces = {"eth0"}
CONF

ban() { lab_exec mail "$(tool ban)" "$pins" "$@"; }
bans() { wall bans "$@" 2>/dev/null; }
listed() { bans "$@" --json | tr -d '\n '; }
# What lies an hour or two back must not be older than a machine that has just been started.
start=7200
export SMTPWALL_TEST_CLOCK=$start
at() {
	local seconds=$((start + $1))
	shift
	SMTPWALL_TEST_CLOCK=$seconds "$@"
}

# --- without a wall ---------------------------------------------------------------------------------

says "bans without a wall" 'nobody is banned, and nothing is blocked or allowed by hand' wall bans
same "and for scripts" "$(listed)" "[]"
fails 2 "bans of something" wall bans something
fails 2 "bans of two" wall bans 203.0.113.1 203.0.113.2
fails 2 "bans of a wrong prefix" wall bans 203.0.113.1/24
works "up" wall up
works "status" wall status
says "says that nobody is banned" '^abuse +0 bans, 0 strikes remembered' wall status
says "and that no reply was read" 'no reply of the mail server read yet' wall status

# --- shown ------------------------------------------------------------------------------------------

works "a ban" ban put 203.0.113.7
says "is shown with its evidence" \
	'^203\.0\.113\.7 +abuse +[0-9:]+ +[0-9:]+ +1 +reply +3 x relay-denied in 40 s, last: 554 5\.7\.1 <x@example\.net>: Relay access denied$' \
	wall bans
same "kind" "$(json 0.kind bans)" abuse
same "reason" "$(json 0.reason bans)" abuse
same "origin" "$(json 0.origin bans)" reply
same "in force" "$(json 0.in_force bans)" true
same "offences" "$(json 0.offences.relay-denied bans) $(json 0.offences.auth-failed bans)" "3 0"
same "last" "$(json 0.last bans)" "554 5.7.1 <x@example.net>: Relay access denied"
same "text" "$(json 0.text bans)" "3 x relay-denied in 40 s, last: 554 5.7.1 <x@example.net>: Relay access denied"
works "a ban of a network" ban put 203.0.113.0/24 origin=3 members=4 relay=12 strikes=2 text=
says "names how it came" '^203\.0\.113\.0/24 +abuse .* 2 +widened +4 banned in it, 12 x relay-denied in 40 s$' wall bans
works "one by the log, IPv6" ban put 2001:db8:bad::7 origin=2 relay=0 auth=10 offended=-5403
says "is shown" '^2001:db8:bad::7 +abuse .* log +10 x auth-failed in 1h30m, last: ' wall bans
works "a block beside them" wall block 203.0.113.9 --reason "guesses passwords"
says "is shown as ever" '^203\.0\.113\.9 +block .*guesses passwords$' wall bans
same "and is manual for scripts" "$(json 2.kind bans) $(json 2.action bans) $(json 2.reason bans) $(json 2.text bans)" \
	"manual block admin-block guesses passwords"
same "all in order of address" "$(bans | awk 'NR > 1 { printf "%s ", $1 }')" \
	"203.0.113.0/24 203.0.113.7 203.0.113.9 2001:db8:bad::7 "
same "of one address: with what holds it" "$(bans 203.0.113.7 | awk 'NR > 1 { printf "%s ", $1 }')" "203.0.113.0/24 203.0.113.7 "
same "of a network: with what is in it" "$(bans 203.0.113.8/29 | awk 'NR > 1 { printf "%s ", $1 }')" "203.0.113.0/24 203.0.113.9 "
says "of nobody" 'nothing is in force about 198\.51\.100\.1' wall bans 198.51.100.1
same "of nobody for scripts" "$(listed 198.51.100.1)" "[]"

works "one that is over" ban put 203.0.113.20 since=-1200 until=-600 strikes=3
silent_on "is not shown" '203\.0\.113\.20 ' wall bans
says "is with --all" '^203\.0\.113\.20 +abuse \(over\) .* 3 +reply' wall bans --all
same "and is not in force" "$(json 0.in_force bans 203.0.113.20/31 --all) $(json 1.in_force bans 203.0.113.20 --all)" "true false"
works "one that nobody needs to remember" ban put 203.0.113.21 since=-1200 until=-600 remember=-1
silent_on "is not shown with --all either" '203\.0\.113\.21 ' wall bans --all
works "one of monitor mode" ban put 203.0.113.22 mode=monitor
silent_on "is not in force in enforce mode" '203\.0\.113\.22 ' wall bans
says "--all tells" '^203\.0\.113\.22 +abuse \(was monitor\)' wall bans --all
wall mode monitor >/dev/null 2>&1
says "in monitor mode it is marked" '^203\.0\.113\.22 +abuse \(monitor\)' wall bans
wall mode enforce >/dev/null 2>&1
silent_on "after its time it is over" '203\.0\.113\.7 ' at 700 wall bans
at 0 wall mode enforce >/dev/null 2>&1

# --- hostile text -------------------------------------------------------------------------------------

works "evidence with escape sequences" ban put 203.0.113.30 \
	'text=550 \1b[2J\1b]0;owned\07\0d\0a\22 until=never \c2\9b31m\ff\fe <\7f>'
for words in bans "bans --json" "bans 203.0.113.30" "bans --all" "check 203.0.113.30" "check 203.0.113.30 --json" status; do
	run wall $words
	if LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f\x7f-\xff]' "$LAB_DIR/output"; then not_ok "smtpwall $words: plain ASCII" "$(heard | cat -v)"; else
		ok "smtpwall $words: plain ASCII"; fi
done
same "nor does it end its line" "$(bans 203.0.113.30 | grep -c .)" 3
works "nor is the JSON broken" json 1.text bans 203.0.113.30
works "text to the last byte, without an end" ban put 203.0.113.31 "text=$(printf 'x%.0s' {1..96})"
same "is shown whole, and no more" "$(json 1.last bans 203.0.113.31)" "$(printf 'x%.0s' {1..96})"

# --- check ----------------------------------------------------------------------------------------------

says "check names the ban" '^  ban      203\.0\.113\.7 until .*, strike 1, by reply$' wall check 203.0.113.7
says "and its evidence" '^           3 x relay-denied in 40 s, last: 554 5\.7\.1' wall check 203.0.113.7
same "for scripts" "$(json ban.prefix check 203.0.113.7) $(json ban.strikes check 203.0.113.7) $(json ban.offences.relay-denied check 203.0.113.7)" \
	"203.0.113.7 1 3"
works "and until when" test -n "$(json ban.until check 203.0.113.7)"
same "the network's, for an address in it" "$(json ban.prefix check 203.0.113.99) $(json ban.origin check 203.0.113.99)" "203.0.113.0/24 widened"
works "a ban that was" ban put 2001:db8:bad::20 since=-1200 until=-600 strikes=3
says "is remembered" 'none in force; the last one ended .*, strike 3' wall check 2001:db8:bad::20
same "for scripts, too" "$(json ban.in_force check 2001:db8:bad::20)" false
silent_on "nothing is said about somebody else" '^  (ban|penalty|offences|known|spared|by day) ' wall check 198.51.100.200
works "a source with a penalty" ban proven 198.51.100.33 penalty=8 guesses=4 relay=2
works "has one" test "$(json penalty check 198.51.100.33 | cut -d. -f1)" -ge 1
same "and offences" "$(json offences.relay-denied check 198.51.100.33)" 2
says "for people" '^  offences relay-denied 2; last' wall check 198.51.100.33
works "a login" ban proven 198.51.100.34 login=600
works "is told" test -n "$(json login_until check 198.51.100.34)"
says "to people" '^  login    counts until' wall check 198.51.100.34
works "a login of the past" ban proven 198.51.100.35 login=-600
same "is not" "$(json login_until check 198.51.100.35)" ""
works "a known sender" ban known 198.51.100.36 17 5
same "is one" "$(json known.messages check 198.51.100.36) $(json known.days check 198.51.100.36) $(json spared.0 check 198.51.100.36)" "17 5 known-sender"
says "for people" '^  known    17 messages on 5 days of the last 30$' wall check 198.51.100.36
says "and what that means" '^  spared   a known sender is not banned for relay-denied and unknown-user' wall check 198.51.100.36
same "a private address is spared" "$(json spared.0 check 10.1.2.3)" private
works "one that carries much" ban proven 198.51.100.37 carried=60
works "of all" ban carried 100
says "is told" '^  share    (59|60|61) % of all mail' wall check 198.51.100.37
works "what it did two days ago" ban day 198.51.100.38 "$state" 2 5 1
works "and eight days ago" ban day 198.51.100.38 "$state" 8 7 3
same "is told by day" "$(json days.0.offences.relay-denied check 198.51.100.38) $(json days.0.mail check 198.51.100.38)" "5 1"
same "of seven days" "$(json days.1.mail check 198.51.100.38)" ""
says "for people" '^  by day   20[0-9-]+  relay-denied 5, 1 mail accepted$' wall check 198.51.100.38
says "and the mail of the whole time" '^  mail     4 messages on 2 days of the last 30 \(not known yet\)$' wall check 198.51.100.38

# --- events -----------------------------------------------------------------------------------------------

says "a ban in the log" \
	'^ban source=203\.0\.113\.7 reason=abuse until=20[^ ]+ strikes=1 offences="relay-denied 3" in=40s last="554 5\.7\.1 <x@example\.net>: Relay access denied"$' \
	ban event 203.0.113.7 4 0 1
says "for scripts" '"prefix":"203\.0\.113\.7",.*"origin":"reply",.*"relay-denied":3' ban event 203.0.113.7 4 0 1
says "of a network, by its first address" '^ban source=203\.0\.113\.0/24 reason=abuse until=[^ ]+ strikes=2 members=4 offences=' \
	ban event 203.0.113.0 4 0 1
says "of one that is gone from the map" '^ban source=203\.0\.113\.7 reason=abuse until=20[^ ]+ offence=auth-failed$' ban event 203.0.113.7 4 1 0
works "a ban of monitor mode" ban put 203.0.113.8 mode=monitor
wall mode monitor >/dev/null 2>&1
says "would be one" '^would-ban source=203\.0\.113\.8 reason=abuse' ban event 203.0.113.8 4 0 1
wall mode enforce >/dev/null 2>&1
says "a quote in the evidence ends no field" 'last="550 \?\[2J\?\]0;owned\?\?\?'"'"' until=never' ban event 203.0.113.30 4 0 1
says "a spared source" '^spared source=203\.0\.113\.7 reason=known-sender$' ban event 203.0.113.7 5 1 0
says "an offence" '^offence source=203\.0\.113\.7 kind=unknown-user$' ban event 203.0.113.7 6 2 0
says "a login" '^login source=203\.0\.113\.7 until=20' ban event 203.0.113.7 7 0 0
says "another event is none of these" '^nothing$' ban event 203.0.113.7 1 0 0

# --- allow and unblock ------------------------------------------------------------------------------------

says "allow of a banned source says so" '203\.0\.113\.7 is banned for abuse until .* allow wins' wall allow 203.0.113.7
says "check shows the ban behind it" '^  ban      203\.0\.113\.7 until' wall check 203.0.113.7
wall unallow 203.0.113.7 >/dev/null 2>&1
says "unblock of an address" '^203\.0\.113\.7 is no longer banned for abuse; its 1 strike is forgiven$' wall unblock 203.0.113.7
says "names the network that still holds it" \
	'203\.0\.113\.7 is not banned and was not blocked by hand; nothing changed' wall unblock 203.0.113.7
same "which is an error" "$last" 1
says "and what to type" 'still banned for abuse as part of 203\.0\.113\.0/24 until .*`smtpwall unblock 203\.0\.113\.0/24`' wall unblock 203.0.113.7
works "the block is untouched" json text check 203.0.113.9
says "unblock of the network" '^203\.0\.113\.0/24 is no longer banned for abuse; its 2 strikes are forgiven$' wall unblock 203.0.113.0/24
same "and of all bans in it" "$(bans 203.0.113.0/24 --all | awk 'NR > 1 { printf "%s ", $1 $2 }')" "203.0.113.9block "
same "those outside stay" "$(json 0.address bans 2001:db8:bad::7)" 2001:db8:bad::7
works "three more" ban put 203.0.113.40
works "..." ban put 203.0.113.41
works "..." ban put 203.0.113.42 since=-1200 until=-600
says "a network that is not banned itself" '^3 bans inside 203\.0\.113\.40/29 were taken back$' wall unblock 203.0.113.40/29
works "a ban and a block" ban put 203.0.113.9
says "both go: the block" '^203\.0\.113\.9 is no longer blocked by hand$' wall unblock 203.0.113.9
same "and the ban" "$(listed 203.0.113.9)" "[]"
works "strikes" ban put 203.0.113.50 since=-1200 until=-600 strikes=2
says "are forgiven" '^203\.0\.113\.50 was not banned any more; its 2 strikes are forgiven$' wall unblock 203.0.113.50
same "for good" "$(listed 203.0.113.50 --all)" "[]"
fails 1 "unallow takes no ban back" wall unallow 2001:db8:bad::7

# --- the ledger ---------------------------------------------------------------------------------------------

works "a ban" ban put 203.0.113.60
works "and its copy" ban keep 203.0.113.60 "$state"
works "a copy of another" ban keep 203.0.113.61 "$state"
works "offences in the ledger" ban day 203.0.113.60 "$state" 0 9 2
works "unblock" wall unblock 203.0.113.60
same "forgives the offences there, and keeps the mail" "$(json days.0.offences.relay-denied check 203.0.113.60) $(json days.0.mail check 203.0.113.60)" "0 2"
works "a ban that meets a damaged ledger" ban put 203.0.113.62
cp -a "$state" "$LAB_DIR/sound"
rm -f "$state"/ledger.db-*
head -c 65536 /dev/urandom >"$state/ledger.db"
says "bans work with a damaged ledger" '^203\.0\.113\.62 +abuse' wall bans
says "check, too" '^  ban      203\.0\.113\.62' wall check 203.0.113.62
says "unblock says that the ledger could not be told" 'may come back at a reboot: .*damaged' wall unblock 203.0.113.62
same "and has taken it back" "$(listed 203.0.113.62)" "[]"
rm -rf "$state"
cp -a "$LAB_DIR/sound" "$state"
works "down" wall down
says "without a wall the ledger's copy is shown" '^203\.0\.113\.61 +abuse .* 2 +log +3 x relay-denied in 40 s, last: 554 5\.7\.1 kept$' wall bans
silent_on "that of an unblocked one is gone" '203\.0\.113\.60' wall bans --all
says "unblock takes it back there" '^203\.0\.113\.61 is no longer banned' wall unblock 203.0.113.61
silent_on "for good" '203\.0\.113\.61' wall bans --all
works "up again" wall up
for everything in 0.0.0.0/0 2000::/3; do wall unblock $everything >"$LAB_DIR/output" 2>&1; done
same "nothing is left that the ledger brought back" "$(json abuse.entries status)" 0

# --- status ---------------------------------------------------------------------------------------------------

works "bans" ban put 203.0.113.70 strikes=3
works "..." ban put 203.0.113.71 since=-1200 until=-600 strikes=5
works "..." ban put 2001:db8:bad:7::/64 strikes=4 origin=3
says "status counts them" '^abuse +2 bans \(1 network\), 12 strikes remembered' wall status
same "for scripts" "$(json abuse.bans status) $(json abuse.networks status) $(json abuse.strikes status) $(json abuse.entries status)" "2 1 12 3"
works "replies" ban counts 4211
says "are counted" '4,211 replies read' wall status
says "with offences" 'offences: relay-denied 4,210, auth-failed 4,209, unknown-user 4,208, protocol-error 4,207' wall status
same "for scripts: offences" "$(json abuse.offences.relay-denied status) $(json abuse.replies.read status) $(json abuse.replies.veiled status)" "4210 4211 5"
says "bans without room are counted" '2 bans without room' wall status
works "a source that is proven by replies" ban proved
says "is told, and what cannot be done then" 'proven by what the mail server sends' wall status
same "for scripts" "$(json proof_by_replies status)" true

# --- many -----------------------------------------------------------------------------------------------------

same "thirty thousand bans" "$(ban many 30000)" 30000
same "are all shown" "$(bans | grep -c '^11\..* abuse ')" 30000
same "in order" "$(bans | awk '/^11/ { print $1 }' | head -n 30000)" \
	"$(bans | awk '/^11/ { print $1 }' | sort -t . -n -k 1,1 -k 2,2 -k 3,3 -k 4,4)"
says "a table that is nearly full is a problem" 'the table of bans holds 30003 of 32768, and 2 bans found no room' wall status
same "and makes it degraded" "$(json degraded status)" true
says "and are taken back at once" '^30,000 bans inside 11\.0\.0\.0/8 were taken back$' wall unblock 11.0.0.0/8
same "all of them" "$(json abuse.entries status)" 3
finish
