#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# egress.sh - the reader of replies at the interfaces' way out, as a link of tcx and as a filter of clsact
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
lab_new "$@"

lab_star
lab_host near
second() { lab_wire mail eth0.100 "198.51.100.129/25" near eth0 "198.51.100.130/25"; }
second
serve mail 25 || { not_ok server "it did not start"; finish; }
printf 'interfaces = {"eth0"}\n' | conf

tc() { lab_exec mail tc "$@"; }
# The filters at egress of an interface: "PRIORITY HANDLE PROGRAM" in lines.
filters() { tc filter show dev "$1" egress 2>/dev/null | sed -n 's/.* pref \([0-9]*\) bpf .*handle \(0x[0-9a-f]*\) .* id \([0-9]*\) .*/\1 \2 \3/p'; }
ours() { filters "$1" | grep -c '^25 0x5357'; }
foreign() { filters "$1" | grep -c '^30 0x7 '; }
# The programs that read on eth0.
on_eth0() {
	filters eth0 | cut -d ' ' -f 3
	[ ! -e "$pins/links/replies-eth0" ] || bpftool -j link show pinned "$pins/links/replies-eth0" | "$(tool jsonget)" prog_id
}
program_id() { bpftool -j prog show pinned "$pins/replies" | "$(tool jsonget)" id; }
way() { json "interfaces.$1.replies" status; }
# Nothing of ours is on the interface.
bare() { [ ! -e "$pins/links/replies-${1//./:}" ] && [ "$(ours "$1")" = 0 ]; }
links() { [ -e "$pins/links/replies-${1//./:}" ]; }
filtered() { [ -e "$pins/links/xdp-${1//./:}" ]; }
# What is read on an interface, as the kernel says.
read_on() { # tcx|clsact INTERFACE
	case $1 in
	tcx) links "$2" && [ "$(ours "$2")" = 0 ] ;;
	clsact) ! links "$2" && [ "$(ours "$2")" = 1 ] ;;
	esac
}
# In its loop: its own `up` is over.
runs() { grep -q 'start version' "$LAB_DIR/mail/daemon.log"; }
has_problem() { wall status --json | "$(tool jsonget)" problems | grep -qE -- "$1"; }
other() {
	lab_exec mail env -u SMTPWALL_PINS -u SMTPWALL_STATE -u SMTPWALL_CONFIG "$SMTPWALL" -c "$LAB_DIR/other.conf" \
		--pins "$pins-other" --state "$LAB_DIR/other" "$@"
}
printf 'interfaces = {"eth0.100"}\n' >"$LAB_DIR/other.conf"

up_and_down() { # WAY
	local before
	works "$1: up" wall up
	same "$1: status says how replies are read" "$(way 0)" "$1"
	says "$1: in words" "^interfaces .*eth0 \(native, replies by $1\)" wall status
	works "$1: status is in order" wall status
	works "$1: so says the kernel" read_on "$1" eth0
	works "$1: up again" wall up
	works "$1: leaves one" read_on "$1" eth0
	same "$1: which is the new program" "$(on_eth0)" "$(program_id)"

	works "$1: up on both" wall up eth0 eth0.100
	same "$1: the second is read" "$(way 0) $(way 1)" "$1 $1"
	works "$1: its name has a dot" read_on "$1" eth0.100
	works "$1: up on one takes it off the other" wall up eth0
	works "$1: as the kernel says" bare eth0.100
	works "$1: the first stays" read_on "$1" eth0

	# It fails when all interfaces have it and not everything is pinned.
	before=$(on_eth0)
	mkdir "$pins/links/sessions-new"
	fails 1 "$1: up that fails late, on one more" wall up eth0 eth0.100
	works "$1: takes it off the new one" bare eth0.100
	works "$1: nor is that filtered" not filtered eth0.100
	works "$1: leaves the first" read_on "$1" eth0
	same "$1: with the program it had" "$(on_eth0)" "$before"
	rmdir "$pins/links/sessions-new"
	works "$1: status is in order after that" wall status
	works "$1: down" wall down
	works "$1: leaves nothing" bare eth0
	mkdir -p "$pins/links/sessions-new"
	fails 1 "$1: a first up that fails late" wall up eth0
	works "$1: leaves nothing, either" bare eth0
	rmdir "$pins/links/sessions-new" "$pins/links" "$pins" 2>/dev/null
}

beside_the_daemon() { # WAY
	printf 'interfaces = {"eth0", "eth0.100"}\n' | conf
	works "$1: up" wall up
	rm -f "$LAB_DIR/mail/daemon.log"
	lab_daemon mail
	works "$1: the daemon runs" wait_for 15 runs
	works "$1: both are read" read_on "$1" eth0.100
	works "$1: status is in order with it" wait_for 5 wall status
	ip -n mail link set eth0.100 down
	ip -n mail link set eth0.100 name wan0
	ip -n mail link set wan0 up
	works "$1: the pins follow a new name" wait_for 10 filtered wan0
	works "$1: and the reader stays" read_on "$1" wan0
	works "$1: also when the daemon has looked again" not wait_for 2 bare wan0
	ip -n mail link set wan0 down
	ip -n mail link set wan0 name eth0.100
	ip -n mail link set eth0.100 up
	works "$1: named back" wait_for 10 filtered eth0.100
	ip -n mail link delete eth0.100
	works "$1: a deleted interface is a fault" wait_for 10 has_problem 'eth0\.100'
	second
	works "$1: when it comes again it is read" wait_for 15 read_on "$1" eth0.100
	works "$1: and filtered" filtered eth0.100
	works "$1: all is well" wait_for 10 wall status

	rm "$pins"/links/xdp-eth0
	works "$1: one XDP link removed by hand: the daemon takes the reader off" wait_for 10 bare eth0
	works "$1: the other one stays" read_on "$1" eth0.100
	rm "$pins"/links/*
	works "$1: all links removed by hand" wait_for 10 bare eth0.100
	works "$1: it stays so" not wait_for 2 read_on "$1" eth0.100
	works "$1: up brings both back" wall up
	works "$1: the first" read_on "$1" eth0
	works "$1: the second" read_on "$1" eth0.100
	lab_daemon_stop mail
	printf 'interfaces = {"eth0"}\n' | conf
	wall down >/dev/null
}

by_hand() { # WAY: without a daemon
	works "$1: up on both again" wall up eth0 eth0.100
	rm "$pins"/links/*
	fails 1 "$1: status after the links were removed by hand" wall status
	says "$1: says so" 'attached to no interface' wall status
	works "$1: up on one" wall up eth0
	works "$1: attaches there" read_on "$1" eth0
	works "$1: and takes the rest off the other" bare eth0.100
	works "$1: status is in order again" wall status
	rm "$pins"/links/*
	works "$1: down after links were removed by hand" wall down
	works "$1: leaves nothing on eth0" bare eth0
}

# With the capabilities that the unit files leave.
caged() {
	local lab_command
	lab_wall_command mail
	"${lab_command[@]::${#lab_command[@]}-1}" setpriv --bounding-set=-all,+bpf,+net_admin,+perfmon "$SMTPWALL" "$@"
}
in_the_cage() { # WAY
	works "$1: up with three capabilities" caged up eth0
	works "$1: and again" caged up eth0
	works "$1: attaches" read_on "$1" eth0
	works "$1: status with them" caged status
	works "$1: down with them" caged down
	works "$1: leaves nothing behind" bare eth0
}

# --- tcx ------------------------------------------------------------------------------------------

works "up, as the kernel can" wall up
if [ "$(way 0)" = tcx ]; then
	wall down >/dev/null
	up_and_down tcx
	by_hand tcx
	in_the_cage tcx
	beside_the_daemon tcx
else
	skip "links of tcx" "this kernel has none"
	wall down >/dev/null
fi
same "no qdisc was made for tcx" "$(tc qdisc show dev eth0 | grep -c clsact)" 0

# --- clsact -----------------------------------------------------------------------------------------

export SMTPWALL_TEST_CLSACT=1
up_and_down clsact
by_hand clsact
in_the_cage clsact
beside_the_daemon clsact

# --- with others at the same place --------------------------------------------------------------------

works "up" wall up
tc filter add dev eth0 egress pref 30 handle 7 bpf direct-action object-pinned "$pins/replies" ||
	not_ok "a foreign filter" "tc could not add it"
works "up beside a foreign filter" wall up
same "both are there" "$(ours eth0) $(foreign eth0)" "1 1"
works "a second wall" other up
same "has a filter of its own" "$(ours eth0.100)" 1
works "up of the first" wall up
same "leaves it" "$(ours eth0.100)" 1
works "down of the first" wall down
same "too" "$(ours eth0.100)" 1
same "and the foreign filter" "$(ours eth0) $(foreign eth0)" "0 1"
works "up of the first again" wall up
works "down of the second" other down
same "leaves the first" "$(ours eth0.100) $(ours eth0)" "0 1"
wall down >/dev/null

# --- where it cannot be had ---------------------------------------------------------------------------

tc qdisc del dev eth0 clsact
tc qdisc add dev eth0 ingress
says "a qdisc in its place: up says why" 'replies are not read on eth0: .*qdisc "ingress"' wall up
works "the wall is up all the same" filtered eth0
works "nothing was put where packets come in" test -z "$(tc filter show dev eth0 ingress)"
same "status has it" "$(way 0)" none
says "in words" 'eth0 \(native, replies not read\)' wall status
fails 1 "as a fault" wall status
works "up again" wall up
tc qdisc del dev eth0 ingress
works "up when the place is free" wall up
same "reads" "$(way 0)" clsact
works "and all is well" wall status
works "down at the end" wall down
works "leaves nothing at the end" bare eth0
finish
