#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# abuse.sh - relay attempts against a real Postfix end in a ban, in the same packet, and what becomes of the ban
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/abuse.bash
. "$(dirname "$0")/abuse.bash"
lab_new "$@"

honest4=198.51.100.7 honest6=2001:db8:5100::7
lab_star
lab_client honest $honest4 $honest6
lab_many bad 203.0.113.0/24 2001:db8:bad::/64
# Without its pauses after mistakes: what is measured is the wall, not Postfix's patience.
lab_postfix mail smtpd_error_sleep_time=0 || { not_ok postfix "it did not start"; finish; }

# --- monitor ----------------------------------------------------------------------------------------

abuse_conf monitor
lab_daemon mail
works "the daemon is up" wait_for 15 daemon_runs
session "$(relays 6)" QUIT | probe bad 203.0.113.10 $LAB_MAIL4
same "in monitor mode every attempt is answered" "$(denials)" 6
works "and the session ends as ever" ended_so 'done'
same "check says what enforce mode would do" "$(json would check 203.0.113.10)" drop
works "and that it passes" wall check 203.0.113.10
works "it may come again" reaches bad 203.0.113.10 $LAB_MAIL4
at_least "that would have been dropped" "$(packets abuse would_drop)" 1
same "nothing was" "$(packets abuse dropped)" 0
works "the log says so" wait_for 5 said '^.*would-ban source=203\.0\.113\.10(/32)? reason=abuse'

# --- enforce ----------------------------------------------------------------------------------------

works "mode enforce" wall mode enforce
works "the ban of monitor mode falls away" unharmed 203.0.113.10
works "and its source gets in" reaches bad 203.0.113.10 $LAB_MAIL4

# An honest client delivers all the while.
{
	while [ ! -e "$LAB_DIR/enough" ]; do delivers honest $honest4 $LAB_MAIL4 || echo lost; done
	echo over
} >"$LAB_DIR/beside" 2>&1 &
beside=$!

for place in "203.0.113.20 $LAB_MAIL4" "2001:db8:bad::20 $LAB_MAIL6"; do
	read -r source to <<<"$place"
	session "$(relays 8)" | probe bad $source $to
	same "$source gets as many answers as the limit allows" "$(denials)" 3
	works "all of them 454, as Postfix is shipped" test "$(count '^454 4\.7\.1 ')" = 3
	works "and then nothing but silence, or a reset" ended_so 'silent|reset'
	works "its next connection is dropped" dropped bad $source $to
	works "check names the row" banned $source
	works "the server's session is cut" wait_for 5 no_session_of $source
	same "the ban lasts ten minutes" "$(ban_length $source)" 600
	same "it is the first one" "$(json 0.strikes bans $source)" 1
done
same "the evidence is counted" "$(json 0.offences.relay-denied bans 203.0.113.20)" 3
says "the last reply is shown" 'Relay access denied' wall bans 203.0.113.20
works "the log tells of the ban" wait_for 5 said 'ban source=203\.0\.113\.20(/32)? reason=abuse until=.*relay-denied 3'
at_least "the drops are counted" "$(packets abuse dropped)" 2

# Commands that are in the pipe already get no answers either.
session "$(relays 50)" | probe bad 203.0.113.21 $LAB_MAIL4 -p 60
works "fifty pipelined recipients get three answers at most" eval 'denials; [ "$(denials)" -le 3 ]'
works "and are banned" banned 203.0.113.21
works "their session was greeted before" test "$(count '^220 ')" = 1
session "$(relays 50)" | probe bad 2001:db8:bad::21 $LAB_MAIL6 -p 60
works "the same over IPv6" eval '[ "$(denials)" -le 3 ] && banned 2001:db8:bad::21'
works "no session of theirs is left" wait_for 5 eval 'no_session_of 203.0.113.21 && no_session_of 2001:db8:bad::21'

session "$(relays 2)" QUIT | probe bad 203.0.113.22 $LAB_MAIL4
works "two attempts alone are no ban" unharmed 203.0.113.22
says "they are shown" 'relay-denied' wall check 203.0.113.22
session "$(relays 3)" | probe bad 203.0.113.22 $LAB_MAIL4
works "the next one in another session is" banned 203.0.113.22
same "and the last to be answered" "$(denials)" 1

touch "$LAB_DIR/enough"
wait $beside
same "the honest client beside them noticed nothing" "$(cat "$LAB_DIR/beside")" over
works "it passes" unharmed $honest4
works "also over IPv6" delivers honest $honest6 $LAB_MAIL6

# --- time --------------------------------------------------------------------------------------------

expires=$(json 0.expires bans 203.0.113.20)
for try in 1 2 3; do dropped bad 203.0.113.20 $LAB_MAIL4 || not_ok "attempt $try during the ban" "it got in"; done
same "attempts during a ban do not lengthen it" "$(json 0.expires bans 203.0.113.20)" "$expires"
clock 620
works "the ban ends by itself" unharmed 203.0.113.20
works "and the source may come" reaches bad 203.0.113.20 $LAB_MAIL4
at=620
for want in 1200 2400; do
	offends bad 203.0.113.20 $LAB_MAIL4
	works "it offends again and is banned again" banned 203.0.113.20
	same "for twice as long" "$(ban_length 203.0.113.20)" $want
	at=$((at + want + 20))
	clock $at
	works "which ends, too" unharmed 203.0.113.20
done
same "so many strikes are remembered" "$(json 0.strikes bans 203.0.113.20 --all)" 3
clock $((at + 8 * 86400))
at=$((at + 8 * 86400))
offends bad 203.0.113.20 $LAB_MAIL4
same "a week later it is a first one again" "$(ban_length 203.0.113.20)" 600

# --- forgiveness -------------------------------------------------------------------------------------

works "unblock" wall unblock 203.0.113.20
works "lets the source in" reaches bad 203.0.113.20 $LAB_MAIL4
works "nothing is held against it" unharmed 203.0.113.20
offends bad 203.0.113.20 $LAB_MAIL4
same "its strikes are forgiven" "$(ban_length 203.0.113.20)" 600

# --- a reboot ------------------------------------------------------------------------------------------

offends bad 203.0.113.30 $LAB_MAIL4
offends bad 2001:db8:bad::30 $LAB_MAIL6
works "two more are banned" eval 'banned 203.0.113.30 && banned 2001:db8:bad::30'
expires=$(json 0.expires bans 203.0.113.30)
lab_daemon_stop mail
works "the ban stands without the daemon" dropped bad 203.0.113.30 $LAB_MAIL4
works "down" wall down
works "without a wall it gets in" reaches bad 203.0.113.30 $LAB_MAIL4
rm -rf "${pins:?}"
export SMTPWALL_TEST_CLOCK=$at
works "up, with nothing but the ledger" wall up
unset SMTPWALL_TEST_CLOCK
works "the ban is back" dropped bad 203.0.113.30 $LAB_MAIL4
works "over IPv6, too" dropped bad 2001:db8:bad::30 $LAB_MAIL6
works "for abuse" banned 203.0.113.30
same "and ends when it would have ended" "$(json 0.expires bans 203.0.113.30)" "$expires"
clock $((at + 700))
works "by itself" unharmed 203.0.113.30
works "the honest client is served" delivers honest $honest4 $LAB_MAIL4
finish
