#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bans_kept.sh - what the daemon makes of bans in the map: told once, kept in the ledger, dropped when over; a
# block cuts the sessions that are open. The bans are put into the map by hand, so this needs no mail server.
#
# shellcheck disable=SC2016,SC2317 # inner shells; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
lab_new "$@"

lab_star
lab_many bad 203.0.113.0/24
serve mail 25 || { not_ok server "it did not start"; finish; }
log=$LAB_DIR/mail/daemon.log
printf 'mode = enforce\ninterfaces = {"eth0"}\n' | conf

# Each minute is one of the wall's clock.
now=0
clock() { # SECONDS later
	now=$((now + $1))
	SMTPWALL_TEST_CLOCK=$now wall status >/dev/null 2>&1
}
put() { lab_exec mail "$(tool ban)" "$pins" "$@"; }
kept() { # strikes of the bans in the ledger, which is all that is known where no wall is
	wall bans --json --pins "$pins-none" 2>/dev/null | grep -oE '"strikes": *[0-9]+' | grep -oE '[0-9]+$' | tr '\n' ' '
}
kept_sorted() { kept | tr ' ' '\n' | sort -n | tr '\n' ' ' | sed 's/^ *//'; }
told() { grep -c "$1" "$log"; }
in_map() { lab_exec mail bpftool -j map dump pinned "$pins/maps/bans" 2>/dev/null | grep -o '"strikes":[0-9]*' | cut -d: -f2 | sort -n | tr '\n' ' '; }
gone() { ! grep -q . <<<"$(in_map)"; }

lab_daemon mail
works "the daemon puts the wall up" wait_for 15 wall status
clock 0
works "a session" talk_to bad 203.0.113.1 "$LAB_MAIL4"
works "is greeted" hear '^220' 5
works "a ban" put put 203.0.113.1 "text=554 5.7.1 <\\1b[31mx>: Relay access denied"
works "another one, of monitor mode" put put 203.0.113.2 strikes=2 mode=monitor
works "another one, that is over" put put 203.0.113.3 strikes=3 until=-1 remember=-1
clock 61
works "the ban is told" wait_for 5 grep -qE 'ban source=203\.0\.113\.1 reason=abuse until=[^ ]* strikes=1 offences="relay-denied 3" in=40s last="554 5\.7\.1 <\?\[31mx>: Relay access denied"' "$log"
becomes "it is in the ledger" 5 "1 " kept
becomes "the others are not in the map any more" 5 "1 " in_map
works "one that gets worse" put put 203.0.113.1 strikes=2 until=1200
clock 61
becomes "is told again" 5 2 told 'ban source=203.0.113.1 '
becomes "and kept" 5 "2 " kept
clock 61
same "and not told again" "$(told 'ban source=203.0.113.1 ')" 2
lab_daemon_stop mail >/dev/null 2>&1
lab_daemon mail
becomes "another daemon" 15 2 told 'start version'
clock 61
clock 61
same "does not tell it again, either" "$(told 'ban source=203.0.113.1 ')" 2
same "it is still kept" "$(kept)" "2 "
works "taken back" lab_exec mail bpftool map delete pinned "$pins/maps/bans" key hex 00 00 00 00 00 00 00 00 00 00 ff ff cb 00 71 01 80 00 00 00 00 00 00 00
clock 61
becomes "it goes from the ledger, too" 5 "" kept

# --- a block cuts by itself -----------------------------------------------------------------------

hang_up 2>/dev/null
works "a session" talk_to bad 203.0.113.9 "$LAB_MAIL4"
works "is greeted" hear '^220' 5
says "a block cuts it" '1 open session was cut' wall block 203.0.113.0/24
works "its client notices" wait_for 5 ended "$talking"

# --- known senders, large shares ------------------------------------------------------------------

works "it sent mail on one day" put day 198.51.100.20 "$state" 3 0 4
works "and on another" put day 198.51.100.20 "$state" 29 0 1
works "another one on too few" put day 198.51.100.21 "$state" 3 0 9
works "another one too long ago" put day 198.51.100.22 "$state" 3 0 4
works "by a day" put day 198.51.100.22 "$state" 30 0 9
works "one was known" put known 198.51.100.23 9 9
works "much mail" put carried 100
works "one carries most of it" put proven 198.51.100.30 carried=60
works "another one, and is private" put proven 10.0.0.7 carried=30
works "a third one is allowed" put proven 198.51.100.31 carried=40
works "allow" wall allow 198.51.100.31
works "a fourth one carries less" put proven 198.51.100.32 carried=20
clock 61
becomes "who sent often enough is known" 5 5 json known.messages check 198.51.100.20
becomes "who was known is not" 5 "" json known.messages check 198.51.100.23
same "one day is not enough" "$(json known.messages check 198.51.100.21)" ""
same "nor are 31 days" "$(json known.messages check 198.51.100.22)" ""
says "who carries much is told" 'share of 198\.51\.100\.30.*over 60%.*proxy, NAT' wall status
says "a private one otherwise" 'share of 10\.0\.0\.7.*over 30%.*private address' wall status
silent_on "an allowed one is not, nor who carries less" 'share of 198\.51\.100\.3[12]' wall status

# --- several addresses become their network --------------------------------------------------------

for host in 1 2 3 4; do works "a ban" put put "198.51.101.$host" "strikes=$host"; done
for host in 1 2 3 20; do works "a ban" put put "198.51.100.$host" strikes=7; done
clock 61
works "it is told" wait_for 5 grep -qE 'ban source=198\.51\.101\.0/24 reason=abuse until=[^ ]* strikes=4 members=4 offences="relay-denied 12"' "$log"
becomes "it stands for its members, the others stay as a known sender is among them" 5 "4 7 7 7 7 " in_map
clock 61
becomes "so does the ledger" 5 "4 7 7 7 7 " kept_sorted
works "taken back" wall unblock 198.51.101.0/24
for host in 1 2 3 20; do works "taken back" wall unblock "198.51.100.$host"; done

# --- many at once -----------------------------------------------------------------------------------

same "thirty are banned" "$(put many 30)" 30
clock 61
works "that is an alarm" wait_for 5 eval 'wall status | grep -q "^wave of bans: 30 sources"'
works "taken back" wall unblock 11.0.0.0/8
becomes "all of them" 5 "" in_map

# --- down keeps them ------------------------------------------------------------------------------

works "a ban" put put 203.0.113.7 strikes=5
works "down" wall down
same "has kept it" "$(kept)" "5 "
works "up" wall up
same "has put it back" "$(in_map)" "5 "
same "and the known sender" "$(json known.messages check 198.51.100.20)" 5
lab_daemon_stop mail >/dev/null 2>&1

# --- over a boot: of what was before it the boot clock knows nothing --------------------------------

works "a ban of before the boot" put keep 203.0.113.9 "$state" 315360000
works "down" wall down
works "up" wall up
says "it is restored, and says nothing wrong about how long it took" \
	'^203\.0\.113\.9 .* 3 x relay-denied, last: 554 5\.7\.1 kept' wall bans
works "one of this boot" put keep 203.0.113.10 "$state"
works "down" wall down
works "up" wall up
says "says how long that took" '^203\.0\.113\.10 .* 3 x relay-denied in 40 s, last: ' wall bans
works "both taken back" wall unblock 203.0.113.9 203.0.113.10

# --- a clock that was set back by a year meanwhile ------------------------------------------------

lasts() { # SECONDS at most
	local until
	until=$(json 1.expires bans 203.0.113.8) && [ "$until" ] && [ "$(date -d "$until" +%s)" -le $(($(date +%s) + now + $1)) ]
}
SMTPWALL_TEST_CLOCK=$((now + 31536000)) works "up again, in a year" wall up
works "a ban" lab_exec mail "$(tool ban)" "$pins" put 203.0.113.8 until=600
works "down" wall down
SMTPWALL_TEST_CLOCK=$now works "up, in this year" wall up
says "it is restored" '^203\.0\.113\.8 +abuse ' wall bans
works "and lasts no longer than it was made for" lasts 660
finish
