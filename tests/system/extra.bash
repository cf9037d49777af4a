# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# extra.bash - more words for the system tests; sourced after lib.sh
#
#   conf                                  the mail host's configuration, from standard input
#   not COMMAND..., ended PROCESS
#   serve HOST PORT...                    a plain TCP server that greets like a mail server, in the background
#   knock CLIENT SOURCE SERVER COUNT MS   connections one after the other, prints how many were greeted
#   tool NAME                             path of a program of tests/tools
#   json PATH ARGUMENTS...                one value of what smtpwall prints with --json
#   packets REASON WHAT                   counter of status: passed, would_drop or dropped
#   segments HOST                         TCP segments that reached the stack there
#   becomes NAME SECONDS WANT COMMAND...  ok when the output of the command equals WANT within that time
#   talk_to CLIENT SOURCE SERVER [PORT]   opens a connection; then:
#   hear PATTERN [SECONDS]                reads lines from it until one matches
#   tell LINE                             sends one
#   hang_up
#   hold CLIENT SOURCE SERVER COUNT       holds that many connections until let_go; $held were greeted

tools=${SMTPWALL%/*}/tests/tools
tool() { printf '%s/%s' "$tools" "$1"; }

not() { ! "$@"; }
ended() { ! kill -0 "$1" 2>/dev/null; }
conf() { mkdir -p "$LAB_DIR/mail" && cat >"$LAB_DIR/mail/smtpwall.conf"; }

# shellcheck disable=SC2034 # for the tests
pins=/sys/fs/bpf/smtpwall-lab-mail
# shellcheck disable=SC2034 # for the tests
state=$LAB_DIR/mail/state

listens() { lab_exec "$1" ss -Hltn "sport = :$2" | grep -q .; }

serve() {
	local host=$1
	shift
	lab_exec "$host" "$(tool peer)" listen "$@" >/dev/null 2>&1 </dev/null &
	wait_for 5 listens "$host" "$1"
}

knock() { lab_exec "$1" "$(tool peer)" "${how:-knock}" "$2" "$3" "${port:-25}" "$4" "$5"; }

json() {
	local path=$1
	shift
	wall "$@" --json 2>/dev/null | "$(tool jsonget)" "$path"
}

packets() { json "reasons.$1.$2.packets" status; }

segments() { lab_exec "$1" cat /proc/net/snmp | awk '/^Tcp: [0-9]/ { print $11 }'; }

becomes() {
	local name=$1 seconds=$2 want=$3 end got
	shift 3
	end=$((${EPOCHREALTIME/./} + seconds * 1000000))
	while got=$("$@" 2>/dev/null); [ "$got" != "$want" ]; do
		if [ "${EPOCHREALTIME/./}" -ge "$end" ]; then
			not_ok "$name" "got '$got', want '$want' within $seconds s"
			return
		fi
		sleep 0.05
	done
	ok "$name"
}

# at_least NAME GOT WANT
at_least() {
	if [ "${2:-0}" -ge "$3" ] 2>/dev/null; then ok "$1"; else not_ok "$1" "got '$2', want at least $3"; fi
}

talk_to() {
	rm -f "$LAB_DIR"/talk.{in,out}
	mkfifo "$LAB_DIR"/talk.{in,out}
	# Both ways at our end: opening waits for nobody then.
	exec 8<>"$LAB_DIR/talk.in" 9<>"$LAB_DIR/talk.out"
	nsenter --net="/run/netns/$1" -- "$(tool peer)" talk "$2" "$3" "${4:-25}" \
		<"$LAB_DIR/talk.in" >"$LAB_DIR/talk.out" 2>/dev/null 8>&- 9>&- &
	talking=$!
}

hear() {
	local line end=$((SECONDS + ${2:-5}))
	while [ "$SECONDS" -lt "$end" ]; do
		read -r -t 1 line <&9 || continue
		[[ $line =~ $1 ]] && return 0
	done
	return 1
}

tell() { printf '%s\r\n' "$*" >&8; }

hang_up() {
	exec 8>&-
	kill "$talking" 2>/dev/null
	wait "$talking" 2>/dev/null
	exec 9>&-
}

# hold CLIENT SOURCE SERVER COUNT [PORT] - holds so many connections until `let_go`; $held of them were greeted
hold() {
	rm -f "$LAB_DIR"/hold.{in,out}
	mkfifo "$LAB_DIR/hold.in"
	exec 7<>"$LAB_DIR/hold.in"
	nsenter --net="/run/netns/$1" -- "$(tool peer)" hold "$2" "$3" "${5:-25}" "$4" \
		<"$LAB_DIR/hold.in" >"$LAB_DIR/hold.out" 2>/dev/null 7>&- &
	holding=$!
	wait_for 30 test -s "$LAB_DIR/hold.out"
	# shellcheck disable=SC2034 # for the tests
	held=$(cat "$LAB_DIR/hold.out")
}

let_go() {
	exec 7>&-
	wait "$holding" 2>/dev/null
}
