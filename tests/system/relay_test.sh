#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# relay_test.sh - relay-test against real mail servers, closed and open; the proof by a message; whom it asks before,
# and what it says to a host that tests itself
#
# shellcheck disable=SC2317 # functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/relay.bash
. "$(dirname "$0")/relay.bash"
lab_new "$@"
relay_lab

n=9
for name in world postfix wide only6 exim gate; do
	lab_client $name 198.51.100.$n 2001:db8:5100::$n
	printf '%s '$name'.lab.example\n' 198.51.100.$n 2001:db8:5100::$n >>"$relay_dir/hosts"
	n=$((n + 1))
done
# Where mail ends that somebody relays.
relayd world <<'END' || { not_ok relayd "it did not start"; finish; }
at 25 198.51.100.9 2001:db8:5100::9
accept *
say GREETING 220 world.lab.example ESMTP
say EHLO 250 world.lab.example
END
# It would slow down who begins messages and sends none.
away=('relayhost = [198.51.100.9]' 'in_flow_delay = 0')
lab_users
lab_certificate || { not_ok certificate "there is none"; finish; }
starting=()
lab_postfix postfix --tls "${away[@]}" & starting+=($!)
lab_postfix wide --tls 'mynetworks = 0.0.0.0/0 [::]/0' "${away[@]}" & starting+=($!)
lab_postfix only6 'mynetworks = 127.0.0.0/8 [::]/0' "${away[@]}" & starting+=($!)
lab_exim exim & starting+=($!)
lab_exim gate 'RELAY_FROM = *' smtp_max_synprot_errors=100 & starting+=($!)
for process in "${starting[@]}"; do
	wait "$process" || { not_ok servers "one of them did not start"; finish; }
done

# --- what they are ------------------------------------------------------------------------------------

for name in postfix wide only6 gate; do tries $name $name.lab.example; done
# It ends a connection after three mistakes, which makes the test a long one: over one family only.
tries exim 198.51.100.13
tried postfix wide only6 gate
same "postfix is closed" "$(told postfix verdict)/$(ended_with postfix)" closed/0
for name in wide only6 gate; do
	same "$name is no more than suspect without a message" "$(told $name verdict)/$(ended_with $name)" "may relay/1"
done
same "over IPv4, one that is open over IPv6 only takes nothing" "$(taken only6 | grep -c '^4')" 0
works "over IPv6 it does" test "$(taken only6 | grep -c '^6 plain ')" -ge 3
messages() { grep -c ' message$' "$relay_dir/world.log"; }
same "no message was sent" "$(messages)" 0
silent_on "none was begun" 'cleanup.*message-id' cat "$(lab_log wide postfix)"

# --- the proof -----------------------------------------------------------------------------------------

proof() { tries "$1-proof" "$1.lab.example" --deliver --to me@world.example; }
for name in postfix wide only6; do proof $name; done
tried
same "the closed one is closed with --deliver, too" "$(told postfix-proof verdict)/$(ended_with postfix-proof)" closed/0
for name in wide only6; do
	same "$name is proven open" "$(told $name-proof verdict)/$(ended_with $name-proof)" open/1
done
arrived() { grep -qE "$1" "$relay_dir/world.mail"; }
works "the message arrives" wait_for 10 arrived 'Subject: smtpwall relay-test .* plain'
works "and says what it is" arrived 'It does no harm'
same "exim is closed" "$(told exim verdict)/$(ended_with exim)" closed/0
finish
