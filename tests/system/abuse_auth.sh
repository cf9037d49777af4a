#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# abuse_auth.sh - wrong passwords, fast and slow, and what the right one is good for
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/dns.bash
. "$(dirname "$0")/dns.bash"
# shellcheck source=tests/system/abuse.bash
. "$(dirname "$0")/abuse.bash"
lab_new "$@"

lab_star
lab_many bad 203.0.113.0/24 2001:db8:bad::/64
lab_postfix mail --auth smtpd_error_sleep_time=0 smtpd_hard_error_limit=200 || { not_ok postfix "it did not start"; finish; }
abuse_conf enforce
lab_daemon mail
works "the daemon is up" wait_for 15 daemon_runs
talk() { printf '%s\n' 'EHLO client.example' "$@"; }
logs_in() { talk "$(login)" QUIT | probe bad $1 $LAB_MAIL4 && [ "$(count '^235 ')" = 1 ]; }
about() { # GOT LEAST: it or one more, as points fade between the guesses
	[ "$1" -ge "$2" ] && [ "$1" -le $(($2 + 1)) ]
}

# --- guessing -------------------------------------------------------------------------------------------

talk "$(guesses 20)" | probe bad 203.0.113.10 $LAB_MAIL4
works "ten wrong passwords are answered, not twenty" eval 'about "$(count "^535 ")" 10 || ! count "^535 "'
works "and end in a ban" banned 203.0.113.10
at_least "of this kind" "$(json 0.offences.auth-failed bans 203.0.113.10)" 10
talk "$(guesses 20)" | probe bad 2001:db8:bad::10 $LAB_MAIL6
works "the same over IPv6" banned 2001:db8:bad::10
talk "$(guesses 5)" QUIT | probe bad 203.0.113.11 $LAB_MAIL4
works "five are no ban" unharmed 203.0.113.11
talk 'AUTH PLAIN' '*' 'AUTH PLAIN =' 'AUTH NOSUCH' 'AUTH PLAIN' '*' QUIT | probe bad 203.0.113.12 $LAB_MAIL4
works "what came to no password is no guess" unharmed 203.0.113.12

# --- the right one -----------------------------------------------------------------------------------------

works "a user logs in" logs_in 203.0.113.20
same "and is authenticated" "$(verdict_of 203.0.113.20)" pass/authenticated
same "its neighbour is not" "$(verdict_of 203.0.113.21)" pass/clean
# An office behind one address, with an old password in one of its machines.
talk "$(guesses 30)" QUIT | probe bad 203.0.113.20 $LAB_MAIL4
same "thirty wrong passwords beside it are answered" "$(count '^535 ')" 30
works "and do not ban it" unharmed 203.0.113.20
talk "$(guesses 30)" | probe bad 203.0.113.20 $LAB_MAIL4
works "four times the limit do" banned 203.0.113.20
works "a block by hand stands over a login" eval 'logs_in 203.0.113.22 && wall block 203.0.113.22 && dropped bad 203.0.113.22 $LAB_MAIL4'

works "another user logs in" logs_in 203.0.113.30
sed -i 's|^rate.*|rate { source = "6/1m"  source-burst = 6  syn = off  sessions = off }|' "$LAB_DIR/mail/smtpwall.conf"
works "narrow rates" wall up
same "do not hold the user up" "$(knock bad 203.0.113.30 $LAB_MAIL4 15 2500)" 15
works "only strangers" eval '[ "$(knock bad 203.0.113.31 $LAB_MAIL4 12 200)" -le 8 ]'
clock 1900
same "half an hour later it is a stranger, too" "$(json reason check 203.0.113.30 | grep authenticated)" ""

works "a third user logs in" logs_in 203.0.113.40
dns_start
{ listed 203.0.113.40; listed 203.0.113.41; } | dns_rules
abuse_conf enforce 'dnsbl { sites = "bl.example=127.0.0.2*3"  threshold = 3  timeout = 2s  resolvers = {"127.0.0.1"} }'
kill -HUP "${lab_daemons[mail]}"
works "a DNSBL" wait_for 10 eval '[ "$(json sites.0.name dnsbl status)" = bl.example ] && is_well'
works "drops a stranger" wait_for 10 eval 'dropped bad 203.0.113.41 $LAB_MAIL4'
works "not the user" eval 'reaches bad 203.0.113.40 $LAB_MAIL4 && reaches bad 203.0.113.40 $LAB_MAIL4'
same "check says why" "$(verdict_of 203.0.113.40)" pass/authenticated

# --- slowly ------------------------------------------------------------------------------------------------

# 0.6 guesses a minute: never ten points at once, but fifty within a day.
at=4000 when=
for ((i = 1; i <= 56; i++)); do
	clock $at
	talk "$(login "slow$i")" QUIT | probe bad 203.0.113.50 $LAB_MAIL4
	if banned 203.0.113.50; then
		when=$i
		break
	fi
	at=$((at + 100))
done
works "slow guessing is banned: after ${when:-no} guesses" eval '[ "${when:-0}" -ge 50 ] && [ "$when" -le 55 ]'
works "an address that guessed five times that day is not" unharmed 203.0.113.11
finish
