# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lib.sh - what the system tests share: a lab (scripts/lab.sh), and words for results
#
#   . "$(dirname "$0")/lib.sh"
#   lab_new "$@"                          first
#   lab_star; lab_client honest 198.51.100.7
#   works NAME COMMAND...                 ok when the command succeeds
#   fails STATUS NAME COMMAND...          ok when it ends with that exit status
#   says NAME PATTERN COMMAND...          ok when its output has a line that matches (grep -E)
#   silent_on NAME PATTERN COMMAND...     ok when no line of its output matches
#   same NAME GOT WANT                    ok when both are equal
#   ok NAME, not_ok NAME WHY, skip NAME WHY
#   wall ARGUMENTS...                     smtpwall on the mail host
#   finish                                last: the exit status
#
# A test prints one line for each result: "ok NAME", "not ok NAME: why" or "skip NAME: why". The output
# of the last command is in $LAB_DIR/output, its exit status in $last.

set -u
# shellcheck source=scripts/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab.sh"

failures=0
last=0

ok() { printf 'ok %s\n' "$1"; }
skip() { printf 'skip %s: %s\n' "$1" "$2"; }
not_ok() {
	printf 'not ok %s: %s\n' "$1" "$2"
	failures=$((failures + 1))
}

# Runs a command for the words below; both outputs end up in one file, in order.
run() {
	last=0
	"$@" >"$LAB_DIR/output" 2>&1 </dev/null || last=$?
}

heard() { head -n 8 "$LAB_DIR/output" | tr '\n' '|' | cut -c 1-600; }

works() {
	local name=$1
	shift
	run "$@"
	if [ "$last" = 0 ]; then ok "$name"; else not_ok "$name" "exit status $last, wanted 0; it said: $(heard)"; fi
}

fails() {
	local status=$1 name=$2
	shift 2
	run "$@"
	if [ "$last" = "$status" ]; then
		ok "$name"
	else
		not_ok "$name" "exit status $last, wanted $status; it said: $(heard)"
	fi
}

says() {
	local name=$1 pattern=$2
	shift 2
	run "$@"
	if grep -qE -- "$pattern" "$LAB_DIR/output"; then
		ok "$name"
	else
		not_ok "$name" "no line matches '$pattern' (exit status $last); it said: $(heard)"
	fi
}

silent_on() {
	local name=$1 pattern=$2
	shift 2
	run "$@"
	if grep -qE -- "$pattern" "$LAB_DIR/output"; then
		not_ok "$name" "a line matches '$pattern'; it said: $(heard)"
	else
		ok "$name"
	fi
}

same() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got '$2', want '$3'"; fi
}

wall() { lab_wall mail "$@"; }

finish() { [ "$failures" = 0 ]; exit; }
