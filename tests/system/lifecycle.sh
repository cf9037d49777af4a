#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lifecycle.sh - up, up again under traffic, down; interfaces of every kind, and what may go wrong with them
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
lab_new "$@"

bad=203.0.113.66 listed=203.0.113.99
lab_star
lab_many bad 203.0.113.0/24
# A second interface, with a dot in its name, and a neighbour on it.
lab_host near
lab_wire mail eth0.100 "198.51.100.129/25" near eth0 "198.51.100.130/25 198.51.100.131/25"
ip -n mail route add 198.51.100.0/25 dev eth0.100
serve mail 25 || { not_ok server "it did not start"; finish; }
conf <<'CONF'
mode = enforce
interfaces = {"eth0"}
CONF

flood() { lab_exec "$1" "$(tool flood)" "$2" "$3" 25 "${4:-50}" "${5:-0}" >/dev/null; }
link_ids() { lab_exec mail bpftool -j net show 2>/dev/null | "$(tool jsonget)" 0.xdp; }
reaches() { [ "$(knock "$1" "$2" "$3" 1 2500)" = 1 ]; }
dropped() { [ "$(knock "$1" "$2" "$3" 1 400)" = 0 ]; }
no_pins() { [ ! -e "$pins/maps" ] && [ ! -e "$pins/links" ]; }

# --- nothing there --------------------------------------------------------------------------------

fails 1 "an interface that does not exist" wall up nosuch0
says "it is named" 'nosuch0' wall up nosuch0
works "and nothing is left behind" test ! -e "$pins"
fails 1 "one of two does not exist" wall up eth0 nosuch0
works "so the other is not attached either" no_pins
same "as the kernel says" "$(link_ids)" '[]'
fails 1 "a pin directory that is on no bpffs" wall --pins "$LAB_DIR/pins" up
says "the way out is named" 'below /sys/fs/bpf' wall --pins "$LAB_DIR/pins" up
fails 1 "a pin directory that is not absolute" wall --pins pins up
fails 1 "down where nothing is up" wall down

# --- up, up again ---------------------------------------------------------------------------------

works "up" wall up
works "status is in order" wall status
works "block by hand" wall block $bad
flood bad $bad $LAB_MAIL4 100
same "100 SYNs are dropped" "$(packets admin-block dropped)" 100
says "up again renews" '^the wall is renewed on eth0' wall up
same "the counters stay" "$(packets admin-block dropped)" 100
same "the block stays" "$(json reason check $bad)" admin-block
works "the programs' pins stay" test -e "$pins/wall" -a -e "$pins/check"
works "no half-made pin is left" test -z "$(find "$pins" -name '*-new')"
printf '%s\n' $listed | wall load bad - >/dev/null || not_ok "load a list" "it failed"

# --- upgrade under traffic ------------------------------------------------------------------------

flood_on() { lab_exec bad "$(tool flood)" "$1" $LAB_MAIL4 25 0 1000 >/dev/null & }
reached=$(segments mail) before=$(packets admin-block dropped)
flood_on $bad
first=$!
flood_on $listed
second=$!
for i in 1 2 3 4 5 6 7 8 9 10; do
	wall up >/dev/null 2>&1 || not_ok "up number $i under traffic" "it failed"
	printf '%s\n' $listed "203.0.113.$((200 + i))" | wall load bad - >/dev/null 2>&1 || not_ok "load number $i" "it failed"
done
kill $first $second
wait $first $second 2>/dev/null
at_least "blocked sources hammered during ten upgrades and loads" $(($(packets admin-block dropped) - before)) 1000
same "and not one segment reached the stack" $(($(segments mail) - reached)) 0

wall up >"$LAB_DIR/a" 2>&1 &
a=$!
wall up >"$LAB_DIR/b" 2>&1 &
b=$!
wait $a
same "two ups at once: the one" $? 0
wait $b
same "two ups at once: the other" $? 0
works "leave a wall in order" wall status

# --- two interfaces -------------------------------------------------------------------------------

works "the second interface is open" reaches near 198.51.100.130 198.51.100.129
works "block a neighbour" wall block 198.51.100.130
works "it is not filtered there yet" reaches near 198.51.100.130 198.51.100.129
works "up on both" wall up eth0 eth0.100
says "status shows both" 'eth0 .*eth0\.100|eth0\.100 .*eth0 ' wall status
works "the pin of eth0.100 has no dot" test -e "$pins/links/xdp-eth0:100"
works "now it is" dropped near 198.51.100.130 198.51.100.129
works "its neighbour is served" reaches near 198.51.100.131 198.51.100.129
works "the first interface is filtered as before" dropped bad $bad $LAB_MAIL4
works "up without names keeps both" wall up
same "both stand" "$(json interfaces.1.attached status)" true
says "up on one takes the other off" 'eth0\.100 is no longer filtered' wall up eth0
works "it is open again" reaches near 198.51.100.130 198.51.100.129
works "the first stays filtered" dropped bad $bad $LAB_MAIL4

# --- two instances side by side -------------------------------------------------------------------

other() {
	lab_exec mail env -u SMTPWALL_PINS -u SMTPWALL_STATE -u SMTPWALL_CONFIG "$SMTPWALL" -c "$LAB_DIR/other.conf" \
		--pins "$pins-other" --state "$LAB_DIR/other" "$@"
}
printf 'mode = enforce\ninterfaces = {"eth0.100"}\n' >"$LAB_DIR/other.conf"
works "a second instance" other up
works "has blocks of its own" other block 198.51.100.131
fails 0 "which the first does not know" wall check 198.51.100.131
fails 1 "and it knows none of the first's" other unblock 198.51.100.130
works "the second filters its interface" dropped near 198.51.100.131 198.51.100.129
works "by its own blocks only" reaches near 198.51.100.130 198.51.100.129
fails 1 "the first cannot take the second's interface" wall up eth0 eth0.100
says "and says what is there" 'eth0\.100.*(XDP|program)' wall up eth0 eth0.100
works "the first stands as before" dropped bad $bad $LAB_MAIL4
works "status of the first is in order" wall status
works "down of the second" other down
works "leaves its interface open" reaches near 198.51.100.131 198.51.100.129
works "and the first up" dropped bad $bad $LAB_MAIL4

# --- another XDP program; all or nothing on an upgrade ----------------------------------------------

lab_exec mail bpftool net attach xdp pinned "$pins/check" dev eth0.100 ||
	not_ok "foreign program" "bpftool could not attach it"
before=$(link_ids)
fails 1 "another XDP program is there" wall up eth0 eth0.100
says "the sentence says so" 'eth0\.100.*XDP program' wall up eth0 eth0.100
same "the first interface keeps the program it had" "$(link_ids)" "$before"
works "the wall stands" dropped bad $bad $LAB_MAIL4
sed -i 's/enforce/monitor/' "$LAB_DIR/mail/smtpwall.conf"
fails 1 "a failed up with a changed configuration" wall up eth0 eth0.100
same "changes no setting" "$(json mode status)" enforce
sed -i 's/monitor/enforce/' "$LAB_DIR/mail/smtpwall.conf"
lab_exec mail bpftool net detach xdp dev eth0.100
works "when the other program is gone, up works" wall up eth0 eth0.100
works "up on the first alone" wall up eth0

says "the loopback interface is refused with a reason" 'lo is the loopback interface' wall up eth0 lo
if ip -n mail link add br0 up type bridge 2>/dev/null; then
	fails 1 "an interface that knows no native XDP" wall up eth0 br0
	says "the sentence names generic" 'generic' wall up eth0 br0
else
	skip "an interface that knows no native XDP" "this kernel has no bridges"
fi
works "generic is taken when asked for" wall up eth0 --xdp generic
same "status says generic" "$(json interfaces.0.xdp status)" generic
works "it filters" dropped bad $bad $LAB_MAIL4
works "up again keeps it" wall up
same "generic still" "$(json interfaces.0.xdp status)" generic
works "back to native" wall up eth0 --xdp native
same "status says native" "$(json interfaces.0.xdp status)" native
works "it filters, too" dropped bad $bad $LAB_MAIL4

# --- a mistake in the configuration -----------------------------------------------------------------

printf 'mode = enforce\nports = {70000}\n' >"$LAB_DIR/bad.conf"
fails 2 "up with a mistake in the configuration" wall -c "$LAB_DIR/bad.conf" up
says "names file and line" 'bad\.conf:2: ' wall -c "$LAB_DIR/bad.conf" up
works "the wall stands" dropped bad $bad $LAB_MAIL4

# --- the ways out -------------------------------------------------------------------------------------

rm "$pins"/links/*
works "rm PINS/links/* lets everything through" reaches bad $bad $LAB_MAIL4
fails 1 "status says so" wall status
says "in words" 'attached to no interface' wall status
works "up attaches it again" wall up
works "it filters" dropped bad $bad $LAB_MAIL4
same "the counters are still there" "$(($(packets admin-block dropped) > 1000))" 1
works "down" wall down
works "lets everything through" reaches bad $bad $LAB_MAIL4
works "no pin is left" test ! -e "$pins"
same "no program is left on the interface" "$(link_ids)" '[]'
fails 1 "status when it is down" wall status
says "says who took it down" 'taken down since .* by ' wall status
fails 3 "check when it is down" wall check $bad
works "up after down" wall up
same "the block by hand is back" "$(json reason check $bad)" admin-block
same "the list is back" "$(json list check $listed)" bad

wall up >/dev/null 2>&1 &
a=$!
wall down >/dev/null 2>&1
wait $a
run wall status
if [ "$last" = 0 ] || no_pins; then ok "up and down at once end in one of both"; else
	not_ok "up and down at once end in one of both" "$(heard)"; fi
works "up after that" wall up
wall down >/dev/null

# --- no bpffs -----------------------------------------------------------------------------------------

without_bpffs() {
	unshare --mount sh -c 'while umount /sys/fs/bpf; do :; done 2>/dev/null
		"$@" up && "$@" status && "$@" down' sh nsenter --net=/run/netns/mail -- \
		"$SMTPWALL" --pins /sys/fs/bpf/elsewhere --state "$LAB_DIR/third" -c "$LAB_DIR/mail/smtpwall.conf"
}
works "bpffs is mounted when it is missing" without_bpffs
finish
