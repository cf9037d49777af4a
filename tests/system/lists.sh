#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lists.sh - lists from everywhere, all or nothing; what stands over what; the list guard; a reboot
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
lab_new "$@"

lab_star
lab_many bad 203.0.113.0/24 198.51.100.0/24
serve mail 25 || { not_ok server "it did not start"; finish; }
files=$LAB_DIR/files
mkdir -p "$files"
config() { # the lists, from standard input
	{ printf 'mode = enforce\ninterfaces = {"eth0"}\n'; cat; } | conf
}
config <<CONF
list "one" { action = drop file = "$files/one.txt" }
list "two" { action = drop }
CONF
printf '203.0.113.1 # the first\n' >"$files/one.txt"

listed() { json list check "$1"; } # the list that speaks for an address; nothing if none
# several [COUNT] - that many addresses of 100.0.x.y ... of a public network, one in two
several() { local i; for ((i = 0; i < $1; i++)); do printf '192.88.%d.%d\n' $((i / 100)) $((i % 100 * 2)); done; }
has_problem() { wall status --json | "$(tool jsonget)" problems | grep -qE -- "$1"; }
flood() { lab_exec bad "$(tool flood)" "$1" $LAB_MAIL4 25 "$2" >/dev/null; }
from() { # FILE COMMAND...: with that standard input
	local file=$1
	shift
	"$@" <"$file"
}
# The words of lib.sh close standard input; this opens it again.
load_from() { # FILE LIST [OPTIONS]
	local file=$1
	shift
	from "$file" wall load "$1" - "${@:2}"
}

# --- up reads what is configured ------------------------------------------------------------------

works "up" wall up
same "the configured list is in force" "$(listed 203.0.113.1)" one
same "what is not listed is clean" "$(json reason check 203.0.113.2)" clean

# --- from everywhere ------------------------------------------------------------------------------

printf '203.0.113.2\n2001:db8:2::/48 ; a comment\n\n# another\n' >"$files/two.txt"
says "from a file" 'list two: 2 entries in force, action drop' wall load two "$files/two.txt"
same "is in force" "$(listed 203.0.113.2)" two
same "is in force over IPv6" "$(listed 2001:db8:2:3::4)" two
printf '203.0.113.3\n' >"$files/three.txt"
works "from standard input" load_from "$files/three.txt" three
same "is in force, too" "$(listed 203.0.113.3)" three
printf '203.0.113.4/31\n' | gzip >"$files/four.gz"
works "from a .gz" wall load four "$files/four.gz"
same "is in force, unpacked" "$(listed 203.0.113.5)" four
works "a .gz on standard input" load_from "$files/four.gz" four
head -c 30 "$files/four.gz" >"$files/cut.gz"
fails 1 "half a .gz is refused" wall load four "$files/cut.gz"
same "the old content stays" "$(listed 203.0.113.4)" four
printf '; Spamhaus DROP List\n203.0.113.8/29 ; SBL1\n' >"$files/drop.txt"
works "Spamhaus DROP" wall load five "$files/drop.txt"
same "Spamhaus DROP is in force" "$(listed 203.0.113.9)" five
same "the format was recognised" "$(wall lists five --json | "$(tool jsonget)" format)" drop
wall lists two >"$files/back.txt"
works "what lists prints, load reads" wall load two "$files/back.txt"
same "and is the same" "$(wall lists two)" "$(cat "$files/back.txt")"
says "an allow list" 'action allow' wall load friends "$files/three.txt" --action allow
same "wins over a drop list" "$(json reason check 203.0.113.3)" allow-list
same "is named" "$(listed 203.0.113.3)" friends
printf '203.0.113.0/24\n' >"$files/wide.txt"
works "a wide allow" wall load friends "$files/wide.txt"
same "wins over a narrow drop" "$(json reason check 203.0.113.1)" allow-list
printf '198.51.100.1\n' >"$files/friends.txt"
works "friends are others again" wall load friends "$files/friends.txt"
printf '203.0.113.40\n' >"$files/counted.txt"
works "a count list" wall load counted "$files/counted.txt" --action count
flood 203.0.113.40 5
same "lets through" "$(json reason check 203.0.113.40)" clean
at_least "and counts" "$(json lists.counted.passed.packets status)" 5

# --- refused --------------------------------------------------------------------------------------

printf '203.0.113.20\n203.0.113.21\nrubbish\n203.0.113.22\n' >"$files/bad.txt"
fails 1 "a bad line refuses the whole" wall load two "$files/bad.txt"
says "with file and line" 'files/bad\.txt:3: .*rubbish' wall load two "$files/bad.txt"
same "the old content stays in force" "$(listed 203.0.113.2)" two
same "and none of the new one" "$(json reason check 203.0.113.20)" clean
says "--skip-bad loads the rest" 'list two: 3 entries in force, action drop, 1 left out' \
	wall load two "$files/bad.txt" --skip-bad
same "which is in force" "$(listed 203.0.113.22)" two
works "two as it was" wall load two "$files/two.txt"
fails 1 "a file that is not there" wall load two "$files/nowhere.txt"
says "is named" 'nowhere\.txt: No such file' wall load two "$files/nowhere.txt"
fails 1 "a directory" wall load two "$files"
fails 1 "an empty list" wall load two /dev/null
fails 2 "a bad name" wall load ../two "$files/two.txt"
fails 2 "a reserved name" wall load manual "$files/two.txt"
fails 2 "an unknown action" wall load two "$files/two.txt" --action maybe
fails 2 "an unknown format" wall load two "$files/two.txt" --format csv
head -c 200000 /dev/urandom >"$files/noise"
fails 1 "noise" wall load two "$files/noise"
fails 1 "noise with --skip-bad" wall load two "$files/noise" --skip-bad
same "two is as it was" "$(listed 203.0.113.2)" two

printf '16.0.0.0/9\n' >"$files/rail.txt"
fails 1 "a prefix wider than /10" wall load rail "$files/rail.txt"
says "is named with the way out" '16\.0\.0\.0/9.*--force' wall load rail "$files/rail.txt"
works "--force takes it" wall load rail "$files/rail.txt" --force
same "it is in force" "$(listed 16.1.2.3)" rail
for ((i = 11; i < 41; i++)); do printf '%d.0.0.0/10\n%d.128.0.0/10\n' $i $i; done >"$files/rail.txt"
for ((i = 41; i < 71; i++)); do printf '%d.0.0.0/10\n%d.128.0.0/10\n' $i $i; done >>"$files/rail.txt"
says "over a tenth of IPv4" '10%.*--force' wall load tenth "$files/rail.txt"
several 100 >"$files/rail.txt"
works "a hundred" wall load size "$files/rail.txt"
several 40 >"$files/rail.txt"
says "shrunk by more than half" 'shrank by more than half, from 100 to 40.*--force' wall load size "$files/rail.txt"
several 400 >"$files/rail.txt"
says "grown more than threefold" 'grew more than threefold, from 100 to 400.*--force' wall load size "$files/rail.txt"
same "the hundred stay" "$(json lists.size.entries status)" 100
works "forced" wall load size "$files/rail.txt" --force
same "400 it is" "$(json lists.size.entries status)" 400
printf '10.0.0.0/8\n203.0.113.30\n127.0.0.1\nfe80::1\n' >"$files/bogon.txt"
says "bogons are left out with a note" 'note: .*left out 3 entries.*no public addresses' wall load bogon "$files/bogon.txt"
same "the rest is in force" "$(listed 203.0.113.30)" bogon

# --- counters -------------------------------------------------------------------------------------

flood 203.0.113.2 50
same "a list counts what it dropped" "$(json lists.two.dropped.packets status)" 50
printf '203.0.113.2\n203.0.113.50\n' >"$files/two.txt"
works "another content" wall load two "$files/two.txt"
works "and another list" wall load six "$files/three.txt"
same "the counter stays" "$(json lists.two.dropped.packets status)" 50
works "up" wall up
same "over up, too" "$(json lists.two.dropped.packets status)" 50

# --- the wall's own ---------------------------------------------------------------------------------

printf '192.0.2.0/24\n2001:db8:0:25::/64\n' >"$files/own.txt"
works "a list with own addresses" wall load own "$files/own.txt"
same "does not hit the host" "$(listed $LAB_MAIL4)" guard
same "nor over IPv6" "$(listed $LAB_MAIL6)" guard
same "nor its gateway" "$(listed 192.0.2.1)" guard
same "but its neighbours" "$(listed 192.0.2.99)" own
fails 1 "block of the gateway" wall block 192.0.2.1
says "names the list guard" 'allow list "guard"' wall block 192.0.2.1

# --- by hand against by file ------------------------------------------------------------------------

printf '203.0.113.60\n' >"$files/hand.txt"
works "load over a configured list by hand" wall load one "$files/hand.txt"
same "it is in force" "$(listed 203.0.113.60)" one
works "up" wall up
same "it stands over up" "$(listed 203.0.113.60)" one
same "the file's content does not come back" "$(json reason check 203.0.113.1)" clean
printf '203.0.113.61\n' >"$files/one.txt"
works "up after the file changed" wall up
same "the file's content is in force" "$(listed 203.0.113.61)" one
same "the one by hand is gone" "$(json reason check 203.0.113.60)" clean
printf 'rubbish\n' >"$files/one.txt"
says "up with a bad file says so" 'one\.txt:1: .*stays in force' wall up
same "and the old content stays" "$(listed 203.0.113.61)" one
printf '203.0.113.61\n' >"$files/one.txt"

# --- the daemon follows -----------------------------------------------------------------------------

lab_daemon mail
wait_for 10 wall status
becomes "the daemon reads a file that was mended" 10 one listed 203.0.113.61
printf '203.0.113.62\n' >"$files/one.txt"
becomes "a file changed in place" 10 one listed 203.0.113.62
printf '203.0.113.63\n' >"$files/new" && mv "$files/new" "$files/one.txt"
becomes "a file renamed over" 10 one listed 203.0.113.63
printf 'rubbish\n' >"$files/one.txt"
works "a bad file is a fault" wait_for 10 has_problem 'list one: .*one\.txt:1: '
same "the old content stays in force" "$(listed 203.0.113.63)" one
printf '203.0.113.64\n' >"$files/one.txt"
becomes "a good one is taken" 10 one listed 203.0.113.64
works "and clears the fault" wait_for 5 not has_problem 'list one'
rm "$files/one.txt"
lab_exec mail ip address add 203.0.113.64/32 dev lo
becomes "a new own address is guarded" 10 guard listed 203.0.113.64
lab_exec mail ip address del 203.0.113.64/32 dev lo
becomes "one that went is not; a deleted file's list stays" 10 one listed 203.0.113.64
printf '203.0.113.65\n' >"$files/one.txt"
becomes "the file is there again" 10 one listed 203.0.113.65

# --- at once ------------------------------------------------------------------------------------------

loads=()
for i in 1 2 3 4 5 6; do
	printf '198.51.100.%d\n' $((10 + i)) >"$files/at-once-$i"
	wall load "at-once-$i" "$files/at-once-$i" >"$LAB_DIR/at-once" 2>&1 &
	loads+=($!)
	[ $i != 3 ] || kill -HUP "${lab_daemons[mail]}"
done
failed=0
for i in "${loads[@]}"; do wait "$i" || failed=$((failed + 1)); done
same "six loads at once beside SIGHUP: none fails" "$failed" 0
in_force=
for i in 1 2 3 4 5 6; do in_force+="$(listed "198.51.100.$((10 + i))") "; done
same "and all are in force" "$in_force" "at-once-1 at-once-2 at-once-3 at-once-4 at-once-5 at-once-6 "
same "what was there still is" "$(listed 203.0.113.65) $(listed 203.0.113.2)" "one two"

# --- stale --------------------------------------------------------------------------------------------

lab_daemon_stop mail
config <<CONF
list "one" { action = drop file = "$files/one.txt" max-age = 1h }
list "two" { action = drop }
CONF
export SMTPWALL_TEST_CLOCK=4000
lab_daemon mail
works "a list older than its max-age is a fault" wait_for 10 has_problem 'age of list one: .*max-age of 1h'
fails 1 "status tells by its exit status" wall status
same "it is in force all the same" "$(listed 203.0.113.65)" one
printf '203.0.113.65\n203.0.113.66\n' >"$files/one.txt"
becomes "a fresh one is loaded" 10 one listed 203.0.113.66
lab_daemon_stop mail
# Its last child may still be at work, and would take the clock along.
wait_for 10 flock -w 10 "$pins" true
export SMTPWALL_TEST_CLOCK=0
wall status >/dev/null 2>&1
unset SMTPWALL_TEST_CLOCK

# --- out of the configuration ---------------------------------------------------------------------------

config </dev/null
says "a list that is configured no longer is taken out" 'list one is no longer configured' wall up
same "it is" "$(json reason check 203.0.113.65)" clean
same "those loaded by hand stay" "$(listed 203.0.113.2)" two
flood 203.0.113.2 7
dropped=$(json lists.two.dropped.packets status)
at_least "with their counters" "$dropped" 57

# --- a reboot -------------------------------------------------------------------------------------------

works "a block for an hour" wall block 198.51.100.77 --for 1h --reason "for a while"
works "a block for good" wall block 198.51.100.78
works "a mode by hand" wall mode monitor
expires=$(json expires check 198.51.100.77)
rm -r "$pins"
fails 1 "after a reboot nothing is up" wall status
works "up" wall up
same "lists are back" "$(listed 203.0.113.2) $(listed 198.51.100.11) $(listed 198.51.100.1)" "two at-once-1 friends"
same "also the ones from standard input" "$(listed 203.0.113.8)" five
same "counters are new" "$(json lists.two.dropped.packets status)" 0
same "blocks by hand are back" "$(json reason check 198.51.100.78)" admin-block
same "with their end" "$(json expires check 198.51.100.77)" "$expires"
same "and their reason" "$(json text check 198.51.100.77)" "for a while"
same "the mode by hand is back" "$(json mode status)" monitor
sed -i 's/enforce/monitor/' "$LAB_DIR/mail/smtpwall.conf"
wall up >/dev/null 2>&1
sed -i 's/monitor/enforce/' "$LAB_DIR/mail/smtpwall.conf"
works "up when the configured mode changed" wall up
same "the configuration wins" "$(json mode status)" enforce

rm -r "$pins"
sed -i '$d' "$state/lists/two"
says "a stored drop list that was cut off is left out with a note" 'note: .*two' wall up
same "it is out of force" "$(json reason check 203.0.113.2)" clean
same "the others are in force" "$(listed 198.51.100.11)" at-once-1
works "loaded again it is whole" wall load two "$files/two.txt"
same "and in force" "$(listed 203.0.113.2)" two
printf 'rubbish' >"$state/lists/friends"
fails 1 "one that may be an allow list is not left out: up changes nothing" wall up
same "the wall stands as it was" "$(listed 203.0.113.2)" two
fails 1 "nor does load" wall load two "$files/three.txt"
same "what it allowed is allowed" "$(json reason check 198.51.100.1)" allow-list
works "loaded again, too" wall load friends "$files/friends.txt" --action allow
works "all is well" wall up
finish
