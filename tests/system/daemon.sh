#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# daemon.sh - the daemon follows configuration and interfaces; the wall stands without it, and stays down when told
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
lab_new "$@"

bad=203.0.113.66
lab_star
lab_many bad 203.0.113.0/24
lab_host near
lab_wire mail eth0.100 "198.51.100.129/25" near eth0 "198.51.100.130/25"
serve mail 25 || { not_ok server "it did not start"; finish; }
config() { # MODE INTERFACES
	printf 'mode = %s\ninterfaces = {%s}\n' "$1" "$2" | conf
}
config enforce '"eth0", "eth0.100"'

reaches() { [ "$(knock "$1" "$2" "$3" 1 2500)" = 1 ]; }
dropped() { [ "$(knock "$1" "$2" "$3" 1 400)" = 0 ]; }
no_pins() { [ ! -e "$pins/maps" ] && [ ! -e "$pins/links" ]; }
attached() { [ "$(lab_exec mail bpftool -j net show | "$(tool jsonget)" 0.xdp.0.devname)" != "" ]; }
runs() { [ "$(json daemon status)" = true ]; }
problems() { wall status --json | "$(tool jsonget)" problems; }
has_problem() { problems | grep -qE -- "$1"; }

# --- start, a second one, end ---------------------------------------------------------------------

lab_daemon mail
works "the daemon puts the wall up" wait_for 15 wall status
same "status says that it runs" "$(json daemon status)" true
works "it stands on both interfaces" test -e "$pins/links/xdp-eth0" -a -e "$pins/links/xdp-eth0:100"
works "block" wall block $bad 198.51.100.130
works "is dropped" dropped bad $bad $LAB_MAIL4
works "is dropped on the other interface, too" dropped near 198.51.100.130 198.51.100.129
fails 1 "a second daemon is refused" timeout 20 nsenter --net=/run/netns/mail -- env SMTPWALL_PINS="$pins" \
	SMTPWALL_STATE="$state" SMTPWALL_CONFIG="$LAB_DIR/mail/smtpwall.conf" "$SMTPWALL" daemon
if grep -q 'another `smtpwall daemon` is running' "$LAB_DIR/output"; then ok "and says why"; else not_ok "and says why" "$(heard)"; fi
works "the first goes on" wall status
works "up beside the daemon" wall up
works "the daemon goes on with it" runs
lab_daemon_stop mail
same "SIGTERM ends it with status 0" $? 0
works "the wall stays" dropped bad $bad $LAB_MAIL4
works "status without a daemon that ended in good order is in order" wall status
same "and says that none runs" "$(json daemon status)" false

# --- SIGHUP -----------------------------------------------------------------------------------------

lab_daemon mail
works "started again" wait_for 15 runs
# Perhaps it is still on its way up: the signal must not be lost, nor kill it.
config monitor '"eth0", "eth0.100"'
kill -HUP "${lab_daemons[mail]}"
becomes "SIGHUP puts a new mode in force" 10 monitor json mode status
config enforce '"eth0", "eth0.100"'
kill -HUP "${lab_daemons[mail]}"
becomes "and back" 10 enforce json mode status
printf 'mode = monitor\nports = {25, 99999}\n' | conf
kill -HUP "${lab_daemons[mail]}"
works "a bad configuration is a fault with file and line" wait_for 10 has_problem 'configuration: .*smtpwall\.conf:2: '
fails 1 "status tells by its exit status" wall status
same "the old settings stay" "$(json mode status)" enforce
works "and drop" dropped bad $bad $LAB_MAIL4
config enforce '"eth0", "eth0.100"'
kill -HUP "${lab_daemons[mail]}"
works "a good one clears the fault" wait_for 10 wall status
works "a mode set by hand" wall mode monitor
kill -HUP "${lab_daemons[mail]}"
works "SIGHUP is through" wait_for 5 wall status
works "up, too" wall up
same "stands over SIGHUP and up" "$(json mode status)" monitor
says "status says who set it" 'monitor since .* by .* \(configuration: enforce\)' wall status
works "mode enforce" wall mode enforce

# --- interfaces come, go and are renamed --------------------------------------------------------------

ip -n mail link set eth0.100 down
ip -n mail link set eth0.100 name wan0
ip -n mail link set wan0 up
works "a renamed interface keeps the wall" dropped near 198.51.100.130 198.51.100.129
works "its pin follows" wait_for 10 test -e "$pins/links/xdp-wan0"
works "status says its name" wait_for 5 has_problem 'eth0\.100'
ip -n mail link set wan0 down
ip -n mail link set wan0 name eth0.100
ip -n mail link set eth0.100 up
works "named back" wait_for 10 test -e "$pins/links/xdp-eth0:100"
works "all is well again" wait_for 10 wall status

ip -n mail link delete eth0.100
works "a deleted interface is a fault" wait_for 10 has_problem 'eth0\.100'
works "the other one stands" dropped bad $bad $LAB_MAIL4
lab_wire mail eth0.100 "198.51.100.129/25" near eth0 "198.51.100.130/25"
works "when it comes again the daemon attaches" wait_for 15 dropped near 198.51.100.130 198.51.100.129
works "and all is well" wait_for 15 wall status

# --- killed -----------------------------------------------------------------------------------------

kill -9 "${lab_daemons[mail]}"
wait "${lab_daemons[mail]}" 2>/dev/null
works "kill -9: the wall stands" dropped bad $bad $LAB_MAIL4
fails 1 "status is degraded" wall status
says "and says so" 'the daemon is dead' wall status
works "commands work" wall block 203.0.113.67
lab_daemon mail
works "a new daemon takes over" wait_for 15 wall status
same "the block is there" "$(json reason check 203.0.113.67)" admin-block

# --- down under a running daemon ------------------------------------------------------------------------

works "down" wall down
works "lets everything through" reaches bad $bad $LAB_MAIL4
# The daemon looks every second; interfaces and configuration give it reasons to act.
ip -n mail link set eth0.100 down
ip -n mail link set eth0.100 up
kill -HUP "${lab_daemons[mail]}"
sleep 2.5
works "it stays down" no_pins
works "the daemon stays" kill -0 "${lab_daemons[mail]}"
fails 1 "status says that it is down" wall status
works "up brings it back" wall up
works "and the daemon with it" wait_for 10 runs
works "the wall drops" dropped bad $bad $LAB_MAIL4
wall load one - <<<203.0.113.200 >/dev/null 2>&1
kill -HUP "${lab_daemons[mail]}"
works "all is well" wait_for 10 wall status
works "down again" wall down
lab_daemon_stop mail
same "a daemon without a wall ends with status 0" $? 0
lab_daemon mail
sleep 1.5
works "a daemon started after down leaves it down" no_pins
works "and waits" kill -0 "${lab_daemons[mail]}"
works "until up" wall up
works "and is there then" wait_for 10 runs
lab_daemon_stop mail
works "down without a daemon" wall down

# --- --down-on-exit ---------------------------------------------------------------------------------------

lab_daemon mail --down-on-exit
works "up with --down-on-exit after down stays down" wait_for 5 kill -0 "${lab_daemons[mail]}"
works "up" wall up
works "runs" wait_for 10 runs
lab_daemon_stop mail
same "it ends with status 0" $? 0
works "and takes the wall down" no_pins
works "no program is left" not attached
lab_daemon mail --down-on-exit
works "that is no down by hand: started again it puts the wall up" wait_for 15 runs
lab_daemon_stop mail
works "and down again" no_pins
works "no directory is left" wait_for 2 test ! -e "$pins"

# --- it cannot start -----------------------------------------------------------------------------------------

printf 'mode = sometimes\n' | conf
lab_daemon mail
works "a daemon with a bad configuration ends" wait_for 5 ended "${lab_daemons[mail]}"
wait "${lab_daemons[mail]}"
same "with status 2" $? 2
config enforce '"late0"'
lab_daemon mail
waits() { grep -q 'waiting for the interface' "$LAB_DIR/mail/daemon.log"; }
works "a daemon whose only interface is missing waits for it" wait_for 10 waits
works "and is there" kill -0 "${lab_daemons[mail]}"
lab_wire mail late0 "198.51.100.1/25" near late0 "198.51.100.2/25"
works "when it comes the wall goes up" wait_for 15 test -e "$pins/links/xdp-late0"
works "and all is well" wait_for 15 wall status
lab_daemon_stop mail
same "SIGTERM ends that one, too" $? 0
works "down" wall down
finish
