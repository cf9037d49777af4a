#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# abuse_who.sh - who is banned, with how many others, and who never is: a Postfix that says 554
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/abuse.bash
. "$(dirname "$0")/abuse.bash"
lab_new "$@"

lab_star
lab_client honest 198.51.100.7 2001:db8:5100::7
lab_many bad 203.0.113.0/24 198.51.101.0/24 198.51.102.0/24 198.51.103.0/24 10.77.0.0/24 2001:db8:bad::/48
lab_postfix mail --refuse smtpd_error_sleep_time=0 smtpd_hard_error_limit=200 || { not_ok postfix "it did not start"; finish; }
abuse_conf enforce
lab_daemon mail
works "the daemon is up" wait_for 15 daemon_runs

# --- 554 ---------------------------------------------------------------------------------------------

session "$(relays 8)" | probe bad 203.0.113.10 $LAB_MAIL4
same "a refusal for good costs as much as one for now" "$(denials)" 3
same "all of them 554" "$(count '^554 5\.7\.1 ')" 3
works "and it is banned" banned 203.0.113.10

# --- the sixteen forms of a scanner (nmap's smtp-open-relay) ----------------------------------------------

forms() {
	local ip="[$LAB_MAIL4]" srv=mail.lab.example dom=elsewhere.example sender form
	while read -r sender form; do
		printf '%s\n' RSET "MAIL FROM:<$sender>" "RCPT TO:<$form>"
	done <<-FORMS | sed 's/<none>/<>/'
	none u@$dom
	a@$dom u@$dom
	a@$srv u@$dom
	a@$ip u@$dom
	a@$ip u%$dom@$ip
	a@$ip u%$dom@$srv
	a@$ip "u@$dom"
	a@$ip "u%$dom"
	a@$ip u@$dom@$ip
	a@$ip "u@$dom"@$ip
	a@$ip u@$dom@$srv
	a@$ip @$ip:u@$dom
	a@$ip @$srv:u@$dom
	a@$ip $dom!u
	a@$ip $dom!u@$ip
	a@$ip $dom!u@$srv
	FORMS
}
{ echo EHLO scanner.example; forms; } | probe bad 203.0.113.11 $LAB_MAIL4
works "a scanner of sixteen forms is banned" banned 203.0.113.11
works "after three refusals" eval 'denials; [ "$(denials)" = 3 ]'
works "it never comes to its last form" ended_so 'silent|reset'
# And each form alone, but those that are no relaying to this server.
number=0
while read -r line; do
	case $line in RSET | MAIL*) continue ;; esac
	number=$((number + 1))
	session "$line" "$line" "$line" "$line" | probe bad 203.0.113.$((100 + number)) $LAB_MAIL4
	if [ "$(count '^250 2\.1\.5')" != 0 ]; then
		ok "form $number was taken: it is no relaying here"
	elif [ "$(denials)" = 0 ]; then
		ok "form $number was refused for something else: $(count '^5')"
	else
		works "form $number alone is banned: $line" banned 203.0.113.$((100 + number))
	fi
done < <(forms)

# --- what costs nothing by default -----------------------------------------------------------------------

session "$(repeat 15 'RCPT TO:<nobody%d@lab.example>')" QUIT | probe bad 203.0.113.12 $LAB_MAIL4
same "fifteen unknown users are answered" "$(count '^550 5\.1\.1 ')" 15
works "and are no ban" unharmed 203.0.113.12
says "but counted" 'unknown-user' wall check 203.0.113.12
session "$(repeat 15 FOO%d)" QUIT | probe bad 203.0.113.13 $LAB_MAIL4
works "nor are commands that are none" unharmed 203.0.113.13
says "but counted, too" 'protocol-error' wall check 203.0.113.13
{ session "$(relays 2)" DATA; printf '%s\n' DATA DATA DATA QUIT; } | probe bad 203.0.113.14 $LAB_MAIL4
works "what honest pipelining brings after a refusal costs nothing" unharmed 203.0.113.14

# --- private addresses ---------------------------------------------------------------------------------

offends bad 10.77.0.5 $LAB_MAIL4
same "a private address gets all its answers" "$(denials)" 5
works "and is not banned" unharmed 10.77.0.5

# --- a known sender ------------------------------------------------------------------------------------

known=198.51.102.7
{ echo EHLO friend.example; message; message; message; echo QUIT; } | probe bad $known $LAB_MAIL4
same "three messages" "$(count '^250 2\.0\.0 Ok: queued')" 3
works "the daemon writes them down" restart
clock 86500
{ echo EHLO friend.example; message; message; echo QUIT; } | probe bad $known $LAB_MAIL4
works "and two on the next day" restart
is_known() { wall check "$1" --json | grep -qi '"known"'; }
works "make a known sender" wait_for 10 is_known $known
offends bad $known $LAB_MAIL4
same "a joe job by way of it is answered" "$(denials)" 5
works "and does not ban it" unharmed $known
works "but is told" wait_for 5 said "spared source=$known"
session "$(repeat 15 'RCPT TO:<nobody%d@lab.example>')" QUIT | probe bad $known $LAB_MAIL4
works "nor do unknown users" unharmed $known

# --- networks ------------------------------------------------------------------------------------------

abuse_conf enforce 'abuse:widen = 4'
works "four are many from now on" restart
for i in 1 2 3; do offends bad 198.51.101.$i $LAB_MAIL4; done
works "three banned addresses are three" unharmed 198.51.101.77
offends bad 198.51.101.4 $LAB_MAIL4
works "a fourth one bans their network" wait_for 5 banned 198.51.101.77
works "all of it" dropped bad 198.51.101.200 $LAB_MAIL4
says "one entry instead of four" '198\.51\.101\.0/24' wall bans
silent_on "the four are gone" '198\.51\.101\.[1-4]( |/32|$)' wall bans
works "the log says so" wait_for 5 said 'ban source=198\.51\.101\.0/24'
for i in 1 2 3 4; do offends bad 2001:db8:bad:1::$i $LAB_MAIL6; done
works "the same with a /64" wait_for 5 banned 2001:db8:bad:1::77
works "but not with its neighbour" unharmed 2001:db8:bad:2::77
for i in 1 2 3 4; do offends bad 198.51.102.$i $LAB_MAIL4; done
works "four beside a known sender are banned" banned 198.51.102.4
works "the daemon has looked" restart
works "their network is not" unharmed 198.51.102.77
works "and the known sender gets in" reaches bad $known $LAB_MAIL4
works "unblock of a network" wall unblock 198.51.101.0/24
works "lets all of it in" reaches bad 198.51.101.77 $LAB_MAIL4

# --- a large share of the mail ----------------------------------------------------------------------------

delivered=0
for i in {1..25}; do
	{ echo EHLO gateway.example; message; echo QUIT; } | probe bad 198.51.103.200 $LAB_MAIL4
	delivered=$((delivered + $(count '^250 2\.0\.0 Ok: queued')))
done
same "a gateway delivers much, in many sessions" "$delivered" 25
offends bad 198.51.103.200 $LAB_MAIL4
same "its relay attempts are answered" "$(denials)" 5
works "it is not banned" unharmed 198.51.103.200
works "an alarm names it" wait_for 10 eval 'said "198\.51\.103\.200" || wall status | grep -qF 198.51.103.200'
works "an honest client is served" delivers honest 198.51.100.7 $LAB_MAIL4
finish
