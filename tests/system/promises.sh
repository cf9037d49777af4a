#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# promises.sh - what was promised and once broken
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
lab_new "$@"

lab_star
lab_many bad 203.0.113.0/24
lab_host near
lab_wire mail eth0.100 "198.51.100.129/25" near eth0 "198.51.100.130/25"
serve mail 25 || { not_ok server "it did not start"; finish; }
files=$LAB_DIR/files
mkdir -p "$files"

config() { # MODE [LINE]...
	printf 'mode = %s\ninterfaces = {"eth0"}\n' "$1" | cat - <(shift; printf '%s\n' "$@") | conf
}
broken() { printf 'mode = {{{\n' | conf; }
in_force() { json mode status; }
reason() { json reason check "$1"; }
xdp() { json interfaces.0.xdp status; }
reaches() { [ "$(knock "$1" "$2" "$3" 1 2500)" = 1 ]; }
dropped() { [ "$(knock "$1" "$2" "$3" 1 400)" = 0 ]; }
has_problem() { wall status --json | "$(tool jsonget)" problems | grep -qE -- "$1"; }
# The driver's view: no pin can lie about it. Nothing if there is no program.
program() { lab_exec mail ip -j link show dev "$1" | "$(tool jsonget)" 0.xdp.prog.id; }
filtered() { [ "$(program "$1" 2>/dev/null)" != "" ]; }
# At that many seconds after now, as the clock of the wall goes.
at() {
	local seconds=$1
	shift
	SMTPWALL_TEST_CLOCK=$seconds "$@"
}
# fresh MODE [LINE]... - a wall that remembers nothing, with that configuration
fresh() {
	wall down >/dev/null 2>&1
	rm -rf "$state"
	config "$@"
	wall up >/dev/null 2>&1 || not_ok "a fresh wall" "up failed"
}
mode_by_hand() { wall mode "$@" >/dev/null 2>&1; }

# --- a mode by hand, with everything broken -----------------------------------------------------------

fresh enforce
rm -f "$state"/ledger.db-*
head -c 20000 /dev/urandom >"$state/ledger.db"
works "mode monitor with a damaged ledger" wall mode monitor
works "up" wall up
same "monitor stands over up with a damaged ledger" "$(in_force)" monitor
works "up once more" wall up
same "and over another one" "$(in_force)" monitor

fresh enforce
broken
works "mode monitor with a broken configuration" wall mode monitor
config enforce
works "up when it is mended" wall up
same "monitor stands over the mended configuration" "$(in_force)" monitor
works "down" wall down
works "up after down" wall up
same "and over down and up" "$(in_force)" monitor
config monitor
works "up with monitor configured" wall up
same "is monitor" "$(in_force)" monitor
config enforce
works "up with enforce configured again" wall up
same "the configuration changed: enforce" "$(in_force)" enforce

# --- a mode for a time ----------------------------------------------------------------------------------

mode_by_hand monitor
fails 1 "monitor for a minute while monitor is in force" wall mode monitor --for 1m
says "is refused in words" 'monitor already' wall mode monitor --for 1m
same "after two minutes it is monitor still" "$(at 120 in_force)" monitor
at 0 wall status >/dev/null 2>&1
works "enforce for an hour over monitor by hand" wall mode enforce --for 1h
same "is in force" "$(in_force)" enforce
works "up within the hour" wall up
same "enforce stands over up" "$(in_force)" enforce
same "after the hour the mode by hand is back, not the configured one" "$(at 3700 in_force)" monitor
works "up after the hour" at 3700 wall up
same "keeps it" "$(at 3700 in_force)" monitor
at 0 wall status >/dev/null 2>&1
works "enforce for an hour once more" wall mode enforce --for 1h
works "and monitor for good within the hour" wall mode monitor
works "down within the hour" wall down
works "up within the hour again" wall up
same "the mode for good has taken the place of the one for a time" "$(in_force)" monitor

# --- all or nothing, native or generic --------------------------------------------------------------------

fresh enforce
same "attached native" "$(xdp)" native
fails 1 "up --xdp generic with an interface that is not there" wall up eth0 nosuch --xdp generic
same "leaves the first native" "$(xdp)" native
lab_exec mail bpftool net attach xdp pinned "$pins/check" dev eth0.100 ||
	not_ok "foreign program" "bpftool could not attach it"
fails 1 "up --xdp generic with an interface that has another program" wall up eth0 eth0.100 --xdp generic
same "leaves the first native, too" "$(xdp)" native
works "which is attached" filtered eth0
lab_exec mail bpftool net detach xdp dev eth0.100
works "up with neither" wall up
same "native was not forgotten" "$(xdp)" native
works "up --xdp generic" wall up eth0 --xdp generic
works "up" wall up
same "generic stands over up" "$(xdp)" generic
works "back to native" wall up eth0 --xdp native

# --- a damaged allow list -------------------------------------------------------------------------------------

printf '203.0.113.3\n203.0.113.4\n' >"$files/partners"
printf '203.0.113.0/24\n' >"$files/other"
# still_allowed HOW - after the stored list was damaged
still_allowed() {
	fails 1 "with $1 allow list no other list is loaded" wall load other "$files/other"
	says "$1 allow list is named" 'partners' wall load other "$files/other"
	same "what $1 allow list held passes" "$(reason 203.0.113.3)" allow-list
	same "and the new list is not in force" "$(reason 203.0.113.5)" clean
	fails 1 "nor does up with $1 allow list" wall up
	same "change that" "$(reason 203.0.113.3)" allow-list
	works "the damaged one loaded again" wall load partners "$files/partners" --action allow
}
works "an allow list by hand" wall load partners "$files/partners" --action allow
printf 'garbage\n' >>"$state/lists/partners"
still_allowed "an overgrown"
sed -i '$d' "$state/lists/partners"
still_allowed "a cut"
works "then the other one is loaded" wall load other "$files/other"
same "and drops" "$(reason 203.0.113.5)" block-list
same "allow wins" "$(reason 203.0.113.3)" allow-list

# --- a configuration that is not there ------------------------------------------------------------------------

without_file() { lab_exec mail env SMTPWALL_PINS="$pins" SMTPWALL_STATE="$state" \
	SMTPWALL_CONFIG="$LAB_DIR/nowhere.conf" "$SMTPWALL" "$@"; }
printf '203.0.113.9\n' >"$files/one"
fresh enforce "list \"one\" { action = drop file = \"$files/one\" }"
same "a configured list" "$(reason 203.0.113.9)" block-list
says "up without a configuration file says so" 'note: there is no .*nowhere\.conf' without_file up
same "the configured list stays in force" "$(json lists.one.entries status)" 1
same "and drops" "$(json list check 203.0.113.9)" one
says "lists shows it" '"name": ?"one"' wall lists --json
works "down" wall down
works "up without a file after down" without_file up
same "brings it back" "$(json list check 203.0.113.9)" one

# --- a daemon that is told nothing ------------------------------------------------------------------------------

interfaces() { sed -i 's/^interfaces.*/interfaces = {"eth0", "eth0.100"}/' "$LAB_DIR/mail/smtpwall.conf"; }
again() {
	ip -n mail link delete eth0.100
	wait_for 10 has_problem 'eth0\.100' || not_ok "a deleted interface" "status does not tell"
	lab_wire mail eth0.100 "198.51.100.129/25" near eth0 "198.51.100.130/25"
}
fresh monitor
interfaces
lab_daemon mail
works "a daemon in monitor mode" wait_for 15 wall status
works "on both interfaces" wait_for 10 filtered eth0.100
config enforce
interfaces
again
works "an interface comes back with a file edited meanwhile" wait_for 15 filtered eth0.100
works "status is well" wait_for 5 wall status
same "the edited mode is not in force" "$(in_force)" monitor
broken
again
works "an interface comes back with a file broken meanwhile" wait_for 15 filtered eth0.100
works "status is well again" wait_for 5 wall status
same "the mode is what it was" "$(in_force)" monitor

# --- the brake by hand ------------------------------------------------------------------------------------------

config enforce
interfaces
kill -HUP "${lab_daemons[mail]}"
becomes "reloaded" 10 enforce in_force
works "block" wall block 203.0.113.66
works "drops" dropped bad 203.0.113.66 $LAB_MAIL4
works "the link removed by hand" rm "$pins/links/xdp-eth0"
works "lets in at once" reaches bad 203.0.113.66 $LAB_MAIL4
# News of links are the daemon's reason to look.
ip -n mail link set eth0.100 down
ip -n mail link set eth0.100 up
works "for three seconds the daemon leaves it so" not wait_for 3 filtered eth0
works "it is told" wait_for 5 has_problem 'eth0.*removed by hand'
says "status says who took it off" 'removed by hand' wall status
silent_on "and does not count it among the interfaces" '^interfaces .*eth0 ' wall status
again
works "the other interface comes back and gets the wall" wait_for 15 filtered eth0.100
works "the one off by hand does not" not wait_for 2 filtered eth0
works "up attaches it again" wall up
works "as the driver says" filtered eth0
works "it drops" dropped bad 203.0.113.66 $LAB_MAIL4
works "and all is well" wait_for 5 wall status
lab_daemon_stop mail

# --- a full disk ------------------------------------------------------------------------------------------------

wall down >/dev/null
config enforce
rm -rf "$state"
mkdir -p "$state"
mount -t tmpfs -o size=256k small "$state"
works "up on a small disk" wall up
works "a block in the ledger" wall block 203.0.113.31
dd if=/dev/zero of="$state/ballast" bs=1k >/dev/null 2>&1
says "a block on the full disk" 'will not survive a reboot' wall block 203.0.113.32
says "bans shows it, and that the ledger does not" '^203\.0\.113\.32 .*not in the ledger' wall bans
says "beside the one that is in it" '^203\.0\.113\.31 +block' wall bans
works "unblock on the full disk" wall unblock 203.0.113.31
same "lets in" "$(reason 203.0.113.31)" clean
works "up on the full disk" wall up
same "does not bring it back" "$(reason 203.0.113.31)" clean
rm "$state/ballast"
works "up when there is room" wall up
same "does not, either" "$(reason 203.0.113.31)" clean
silent_on "bans shows it no more" '^203\.0\.113\.31 ' wall bans
same "the block of the full disk stands" "$(reason 203.0.113.32)" admin-block
wall down >/dev/null
umount "$state"

# --- many blocks ------------------------------------------------------------------------------------------------

fresh enforce
block_many() { # NETWORK
	local i
	for ((i = 0; i < 3000; i++)); do printf '%s:%x::1\n' "$1" $i; done >"$files/many"
	lab_wall_command mail
	timeout 20 "${lab_command[@]}" block - <"$files/many"
}
works "3000 blocks at once" block_many 2001:db8:1
works "3000 more within 20 s" block_many 2001:db8:2
same "all are there" "$(json manual status)" 6000
same "first and last are in force" "$(reason 2001:db8:1:0::1) $(reason 2001:db8:2:bb7::1)" "admin-block admin-block"
works "down at the end" wall down
finish
