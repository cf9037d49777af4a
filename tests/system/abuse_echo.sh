#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# abuse_echo.sh - a client that makes the server's segments begin with its own words gains nothing by it
#
# With a small window and small segments, a server that repeats the client's words sends segments that begin
# in the middle of them: "235 2.7.0 Authentication successful", which is no reply to anything.
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
lab_many bad 203.0.113.0/24 2001:db8:bad::/64
lab_postfix mail --auth smtpd_error_sleep_time=0 smtpd_hard_error_limit=5000 smtpd_soft_error_limit=5000 ||
	{ not_ok postfix "it did not start"; finish; }
# No limit: the attack is to run to its end.
abuse_conf enforce 'abuse:relay-denied = 0'
lab_daemon mail
works "the daemon is up" wait_for 15 daemon_runs
# Segments as large as the client asked for, none put together.
ip netns exec mail ethtool -K eth0 tso off gso off gro off >/dev/null 2>&1

# Recipients of many lengths, so that a segment begins at each place of the words sooner or later.
words() { # TEXT COUNT
	local i pad
	session
	for ((i = 0; i < $2; i++)); do
		printf -v pad '%*s' $((i % 77)) ''
		printf 'RCPT TO:<"%s%s"@elsewhere.example>\n' "${pad// /x}" "$1"
	done
}

attack() { # SOURCE SERVER TEXT COUNT OPTIONS...
	local source=$1 to=$2 text=$3 number=$4
	shift 4
	words "$text" "$number" | probe bad $source $to -p 2000 -i 5000 -e "${text:0:9}" "$@"
}
began() { sed -n 's/^began //p' "$probed"; }

# Enough of them, and it has come to it: the words stand where a reply would stand.
for way in "203.0.113.10 $LAB_MAIL4 -w 1 -m 88 -s 10" "203.0.113.11 $LAB_MAIL4 -m 88" "2001:db8:bad::10 $LAB_MAIL6 -m 88" \
	"203.0.113.12 $LAB_MAIL4 -w 1"; do
	read -r source to options <<<"$way"
	attack $source $to '235 2.7.0 Authentication successful' 400 $options
	works "the attack of $source runs to its end" ended_so 'done'
	[ "$options" = "-w 1" ] || at_least "segments to $source began with the words" "$(began)" 1
	same "and it is not authenticated" "$(json reason check $source)" clean
	same "nor does the kernel count a login" "$(logins_seen)" 0
done

# Nor is an innocent line an offence by the same trick.
attack 203.0.113.13 $LAB_MAIL4 '535 5.7.8 Error: authentication failed' 300 -m 88
works "words of failed logins ban nobody either" unharmed 203.0.113.13
session 'RCPT TO:<"554 5.7.1 Relay access denied"@lab.example>' 'RCPT TO:<"Relay access denied"@lab.example>' \
	'HELO 235.2.7.0.Authentication.successful' "VRFY 235 2.7.0 Authentication successful" QUIT | probe bad 203.0.113.14 $LAB_MAIL4
same "words inside replies are no login" "$(json reason check 203.0.113.14)" clean

# The other way round: what is real is read, however small the pieces.
{ echo EHLO client.example; login; echo QUIT; } | probe bad 203.0.113.20 $LAB_MAIL4 -m 88 -w 1
works "the login of a client with small segments" test "$(count '^235 ')" = 1
same "is seen" "$(verdict_of 203.0.113.20)" pass/authenticated
at_least "and counted" "$(logins_seen)" 1
abuse_conf enforce
works "with the limit back" wall up
session "$(relays 8)" | probe bad 203.0.113.21 $LAB_MAIL4 -m 88 -w 1
works "relay attempts in small segments" banned 203.0.113.21
words 'a long name that is repeated, so that a reply does not fit into a segment' 20 | probe bad 203.0.113.22 $LAB_MAIL4 -m 88
works "also in pieces" banned 203.0.113.22
finish
