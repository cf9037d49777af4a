#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# refuse_gateway.sh - where the mail server lives behind this host, or in a container, nobody can be refused: what
# happens instead
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/abuse.bash
. "$(dirname "$0")/abuse.bash"
# shellcheck source=tests/system/refuse.bash
. "$(dirname "$0")/refuse.bash"
lab_new "$@"

box4=192.0.2.65 box6=2001:db8:0:26::25
lab_star
lab_client honest 198.51.100.7 2001:db8:5100::7
lab_many bad 203.0.113.0/24 2001:db8:bad:1::/64 198.51.101.0/24 2001:db8:fa57::/64
lab_host box
lab_wire mail inner "192.0.2.66/30 2001:db8:0:26::1/64" box eth0 "$box4/30 $box6/64"
ip -n box route add default via 192.0.2.66
ip -n box -6 route add default via 2001:db8:0:26::1
ip -n router route add 192.0.2.64/30 via $LAB_MAIL4
ip -n router -6 route add 2001:db8:0:26::/64 via $LAB_MAIL6
lab_sysctl mail net/ipv4/ip_forward=1 net/ipv6/conf/all/forwarding=1
lab_postfix box smtpd_error_sleep_time=0 || { not_ok postfix "it did not start"; finish; }
mkdir -p "$LAB_DIR/mail"
printf '203.0.113.64/26\n2001:db8:bad:1::/64\n' >"$spam_list"
refuse_conf 'rate:source = "30/1h"' 'rate:source-burst = 6' 'dnsbl:sites = ""'
works "the daemon is up and has a listener" refuse_starts

reached() { grep -cE "connect from .*\[($1)" "$(lab_log box postfix)"; }
gets_through() { # SOURCE SERVER
	LAB_SUBJECT="from $1 $RANDOM$RANDOM"
	lab_send honest "$1" "$2" && wait_for 10 lab_arrived "$LAB_SUBJECT" box
}

# What a listed client meets there. That nobody here answers is known when the first SYN-ACK was sent: until then SYNs
# pass, and no more.
gets_nowhere() { # WHERE SERVER4 SERVER6 NUMBER
	local place source to
	for place in "203.0.113.$4 $2" "2001:db8:bad:1::$4 $3"; do
		read -r source to <<<"$place"
		call bad $source 1 $to 1 1 2000
		same "$1: $source, listed, gets nowhere" "$(($(came unheard) + $(came waited)))" 1
	done
	same "$1: check says why it is not told" "$(json verdict check 203.0.113.64) $(json refuse.state check 203.0.113.64)" \
		"drop elsewhere"
	says "$1: status says that refusing is not possible" 'refusing is not possible' wall status
	call bad 203.0.113.64 60 $2 120 60 1000
	same "$1: many of them" "$(came unheard)" 120
	same "$1: the mail server has seen none" "$(reached '203\.0\.113|2001:db8:bad')" 0
	works "$1: an honest client delivers" gets_through 198.51.100.7 $2
	works "$1: over IPv6" gets_through 2001:db8:5100::7 $3
}
gets_nowhere forwarded $box4 $box6 70
same "a fast client passes, since nobody can tell it anything" "$(knock bad 198.51.101.9 $box4 12 500)" 12
same "over IPv6 as well" "$(knock bad 2001:db8:fa57::9 $box6 12 500)" 12
says "up says so, too" 'refusing is not possible' wall up

# --- as a container is served: the host's own address leads elsewhere ------------------------------------------

lab_nft mail <<END || not_ok "address translation" "nft failed"
table ip away {
	chain before {
		type nat hook prerouting priority dstnat
		tcp dport 25 dnat to $box4
	}
}
table ip6 away {
	chain before {
		type nat hook prerouting priority dstnat
		tcp dport 25 dnat to $box6
	}
}
END
clock 700
becomes "ten minutes later it is tried again" 5 refused json refuse.state check 203.0.113.75
gets_nowhere translated $LAB_MAIL4 $LAB_MAIL6 80
finish
