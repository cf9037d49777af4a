#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# rates.sh - too many connections, sessions, SYNs; and what a forged SYN must not do
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
lab_new "$@"

honest4=198.51.100.7 honest6=2001:db8:5100::7
fast4=198.51.101.9 fast6=2001:db8:fa57::9
lab_star
lab_client honest $honest4 $honest6
lab_client fast $fast4 $fast6
sender4=198.51.102.7 sender6=2001:db8:5102::7
lab_client sender $sender4 $sender6
lab_client private 10.1.2.3 fd00:1::3
lab_many many 203.0.113.0/24 2001:db8:3a11::/64
serve mail 25 587 || { not_ok server "it did not start"; finish; }

# A second refills one connection, so what a test takes must not matter much.
conf <<'CONF'
mode = enforce
interfaces = {"eth0"}
ports = {25}
submission-ports = {587}
rate { source = "30/1m"  source-burst = 6  syn = "30/1m"  syn-burst = 6  sessions = 5 }
CONF
works "up" wall up

between() { # NAME GOT LEAST MOST
	if [ "${2:-x}" -ge "$3" ] && [ "$2" -le "$4" ]; then ok "$1"; else not_ok "$1" "got '$2', want $3 to $4"; fi
}
# flood CLIENT SOURCE SERVER COUNT PER-SECOND
flood() { lab_exec "$1" "$(tool flood)" "$2" "$3" 25 "$4" "$5"; }

# --- before anybody was proven --------------------------------------------------------------------

flood many 203.0.113.1 $LAB_MAIL4 60 2000 >/dev/null
same "syn-rate is silent until a handshake was seen" "$(packets syn-rate dropped)" 0
says "status says what waits for it" 'no handshake seen yet' wall status
same "and in JSON" "$(json proof status)" false

# --- private addresses ------------------------------------------------------------------------------

works "a private address is not limited over IPv4" knock private 10.1.2.3 $LAB_MAIL4 30 2500
works "a private address is not limited over IPv6" knock private fd00:1::3 $LAB_MAIL6 30 2500
hold private 10.1.2.3 $LAB_MAIL4 9
same "nor are its sessions" "$held" 9
let_go
same "a handshake was seen" "$(json proof status)" true

# --- source-rate ------------------------------------------------------------------------------------

between "a fast client is limited over IPv4" "$(knock fast $fast4 $LAB_MAIL4 20 80)" 6 8
same "check says why" "$(json reason check $fast4)" source-rate
fails 1 "check ends with 1" wall check $fast4
between "a fast client is limited over IPv6" "$(knock fast $fast6 $LAB_MAIL6 20 80)" 6 8
same "check says why over IPv6" "$(json reason check $fast6)" source-rate
at_least "the drops are counted" "$(packets source-rate dropped)" 20
works "others are not" knock honest $honest4 $LAB_MAIL4 3 2500
becomes "it may come back by itself" 6 pass json verdict check $fast4
works "and does" knock fast $fast4 $LAB_MAIL4 1 2500
between "submission ports have the same limit" "$(port=587 knock fast $fast4 $LAB_MAIL4 10 80)" 0 3
same "check knows about the submission port" "$(json reason check $fast4 --port 587)" source-rate
works "allow by hand" wall allow $fast4
works "lifts the limit" knock fast $fast4 $LAB_MAIL4 15 2500
works "unallow" wall unallow $fast4

# --- sessions -----------------------------------------------------------------------------------------

hold many 203.0.113.78 $LAB_MAIL4 5
same "so many sessions are fine" "$held" 5
same "one more is not" "$(knock many 203.0.113.78 $LAB_MAIL4 1 400)" 0
same "check says why: sessions" "$(json reason check 203.0.113.78)" sessions
at_least "sessions counts" "$(packets sessions dropped)" 1
same "its neighbour may" "$(knock many 203.0.113.79 $LAB_MAIL4 1 2500)" 1
let_go
becomes "when they are closed it may again" 5 pass json verdict check 203.0.113.78

# --- syn-rate -----------------------------------------------------------------------------------------

before=$(packets syn-rate dropped) reached=$(segments mail)
flood many 203.0.113.9 $LAB_MAIL4 300 2000 >/dev/null
between "a source that never completes is limited" $(($(packets syn-rate dropped) - before)) 290 295
between "few of its SYNs reach the stack" $(($(segments mail) - reached)) 5 20
same "check says why: syn-rate" "$(json reason check 203.0.113.9)" syn-rate
before=$(packets syn-rate dropped)
flood many 2001:db8:3a11::9 $LAB_MAIL6 300 2000 >/dev/null
between "the same over IPv6" $(($(packets syn-rate dropped) - before)) 290 295
becomes "it may come back" 6 pass json verdict check 203.0.113.9

# --- a forged flood with an honest sender's address -----------------------------------------------------

works "the honest sender is proven over IPv4" knock sender $sender4 $LAB_MAIL4 1 2500
works "the honest sender is proven over IPv6" knock sender $sender6 $LAB_MAIL6 1 2500
before=$(packets source-rate dropped) syns=$(packets syn-rate dropped) seen=$(packets clean passed)
lab_exec many "$(tool flood)" $sender4 $LAB_MAIL4 25 0 3000 >/dev/null &
flood4=$!
lab_exec many "$(tool flood)" $sender6 $LAB_MAIL6 25 0 3000 >/dev/null &
flood6=$!
flooding() { [ $(($(packets clean passed) - seen)) -gt 4000 ]; }
works "a flood of forged SYNs is under way" wait_for 10 flooding
works "the honest sender connects all the same over IPv4" knock sender $sender4 $LAB_MAIL4 3 900
works "the honest sender connects all the same over IPv6" knock sender $sender6 $LAB_MAIL6 3 900
same "check says it passes" "$(json reason check $sender4)" clean
same "no rate was charged for them" "$(packets source-rate dropped) $(packets syn-rate dropped)" "$before $syns"
kill $flood4 $flood6
wait $flood4 $flood6 2>/dev/null

# --- network-rate, changed settings -------------------------------------------------------------------------

sed -i 's|^rate.*|rate { source = off  network = "30/1m"  network-burst = 6  syn = off  sessions = off }|' \
	"$LAB_DIR/mail/smtpwall.conf"
works "up with other rates" wall up
works "a rate that is off limits nothing" knock fast $fast4 $LAB_MAIL4 6 2500
got=0
for i in {100..119}; do got=$((got + $(knock many 203.0.113.$i $LAB_MAIL4 1 80))); done
between "network-rate limits a /24 together" "$got" 5 9
same "check says why: network-rate" "$(json reason check 203.0.113.200)" network-rate
got=0
for i in {100..119}; do got=$((got + $(knock many 2001:db8:3a11::$i $LAB_MAIL6 1 80))); done
between "network-rate limits a /64 together" "$got" 5 9
at_least "network-rate counts" "$(packets network-rate dropped)" 15

works "mode monitor" wall mode monitor
got=$(knock many 203.0.113.201 $LAB_MAIL4 15 2500)
same "in monitor mode everybody gets in" "$got" 15
at_least "and what would have been dropped is counted" "$(packets network-rate would_drop)" 1
finish
