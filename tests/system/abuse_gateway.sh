#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# abuse_gateway.sh - the mail server lives behind this host, in a container or on another machine
#
# No socket of this host takes part in a session then: what the server sends on a connection proves the source.
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/abuse.bash
. "$(dirname "$0")/abuse.bash"
lab_new "$@"

box4=192.0.2.65 box6=2001:db8:0:26::25
lab_star
lab_client honest 198.51.100.7 2001:db8:5100::7
lab_many bad 203.0.113.0/24 2001:db8:bad::/64
# The server's network is behind the mail host, which forwards.
lab_host box
lab_wire mail inner "192.0.2.66/30 2001:db8:0:26::1/64" box eth0 "$box4/30 $box6/64"
ip -n box route add default via 192.0.2.66
ip -n box -6 route add default via 2001:db8:0:26::1
ip -n router route add 192.0.2.64/30 via $LAB_MAIL4
ip -n router -6 route add 2001:db8:0:26::/64 via $LAB_MAIL6
lab_sysctl mail net/ipv4/ip_forward=1 net/ipv6/conf/all/forwarding=1
lab_postfix box smtpd_error_sleep_time=0 || { not_ok postfix "it did not start"; finish; }
abuse_conf enforce
lab_daemon mail
works "the daemon is up" wait_for 15 daemon_runs

gets_through() { # SOURCE SERVER
	LAB_SUBJECT="from $1 $RANDOM$RANDOM"
	lab_send honest "$1" "$2" && wait_for 10 lab_arrived "$LAB_SUBJECT" box
}
works "an honest client delivers through the gateway" gets_through 198.51.100.7 $box4
works "over IPv6" gets_through 2001:db8:5100::7 $box6
same "the replies have proven it" "$(json proven check 198.51.100.7)" true
says "status says which way sources are proven" 'repl(y|ies)' wall status
for place in "203.0.113.20 $box4" "2001:db8:bad::20 $box6"; do
	read -r source to <<<"$place"
	session "$(relays 8)" | probe bad $source $to
	same "$source gets as many answers as the limit allows" "$(denials)" 3
	works "and then silence, or a reset" ended_so 'silent|reset'
	works "check names the row" banned $source
	works "its next connection is dropped" dropped bad $source $to
done
# A forged SYN brings a SYN-ACK, which is no data: it proves nobody.
lab_exec bad "$(tool flood)" 203.0.113.99 $box4 25 20 200 >/dev/null
same "a SYN that is never completed proves nothing" "$(json proven check 203.0.113.99)" false
works "the honest client is served at the end, too" gets_through 198.51.100.7 $box4
finish
