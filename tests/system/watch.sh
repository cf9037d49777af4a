#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# watch.sh - events: `watch` beside the daemon, one watcher at a time, none left behind; the daemon's log
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
lab_new "$@"

lab_star
lab_many bad 203.0.113.0/24 2001:db8:bad::/48
serve mail 25 || { not_ok server "it did not start"; finish; }
conf <<'CONF'
mode = enforce
interfaces = {"eth0"}
CONF
lab_daemon mail
works "the daemon runs" wait_for 15 wall status
printf '203.0.113.0/26\n2001:db8:bad::/64\n' >"$LAB_DIR/bad"
works "a list" wall load bad "$LAB_DIR/bad"
works "a block" wall block 203.0.113.200 --for 1h

syn() { # SOURCE: one SYN
	lab_exec bad "$(tool flood)" "$1" "$([[ $1 == *:* ]] && echo $LAB_MAIL6 || echo $LAB_MAIL4)" 25 1 >/dev/null
}
settings() { bpftool -j map dump pinned "$pins/maps/settings" | "$(tool jsonget)" "0.formatted.value.$1"; }
now() { local up rest; read -r up rest </proc/uptime; echo "${up/./}0000000"; }
watched() { [ "$(settings watch_until)" -gt "$(now)" ]; }
# watch_on OUTPUT ARGUMENTS...: in the background, when the kernel has begun to fill its ring; $watcher
watch_on() {
	local output=$1 lab_command
	shift
	lab_wall_command mail
	"${lab_command[@]}" watch "$@" >"$output" 2>"$output.err" </dev/null &
	watcher=$!
	wait_for 5 watched
}

# --- what is seen -----------------------------------------------------------------------------------

works "nobody watches: the kernel's ring is not filled" not watched
watch_on "$LAB_DIR/text"
syn 203.0.113.1
syn 203.0.113.200
syn 2001:db8:bad::7
knock bad 203.0.113.99 $LAB_MAIL4 1 500 >/dev/null
seen() { grep -qE -- "$1" "$LAB_DIR/${2:-text}"; }
works "a drop by a list is seen" wait_for 3 seen ' drop source=203\.0\.113\.1 reason=block-list list=bad port=25$'
works "a drop by hand is seen" wait_for 3 seen ' drop source=203\.0\.113\.200 reason=admin-block port=25$'
works "a drop over IPv6 is seen" wait_for 3 seen ' drop source=2001:db8:bad::7 reason=block-list list=bad port=25$'
works "a source that is proven is seen" wait_for 3 seen ' proven source=203\.0\.113\.99$'
logged() { grep -qE -- "$1" "$LAB_DIR/mail/daemon.log"; }
works "the daemon logs it, too" wait_for 3 logged '^smtpwall: drop source=203\.0\.113\.1 reason=block-list list=bad port=25'
works "with its end" wait_for 3 logged 'drop source=203\.0\.113\.200 reason=admin-block port=25 until=[0-9]{4}-'
for _ in 1 2 3 4 5 6 7 8 9 10; do syn 203.0.113.1; done
syn 203.0.113.2
works "another source" wait_for 3 seen 'source=203\.0\.113\.2 '
same "a verdict that does not change is told once" "$(grep -c 'source=203\.0\.113\.1 ' "$LAB_DIR/text")" 1
fails 1 "a second watcher is refused" wall watch --for 1s
says "and told why" 'another .smtpwall watch. is running' wall watch --for 1s
kill -TERM $watcher
wait $watcher
same "SIGTERM ends it with status 0" $? 0
works "the kernel stops filling its ring at once" not watched

# --- JSON, --count, --for -----------------------------------------------------------------------------

watch_on "$LAB_DIR/json" --json --count 3
for i in 11 12 13 14 15; do syn 203.0.113.$i; done
works "--count 3 ends by itself" wait_for 6 ended $watcher
wait $watcher
same "with status 0" $? 0
same "with three lines of JSON" "$("$(tool jsonget)" -l <"$LAB_DIR/json")" 3
same "which name the source" "$(head -n 1 "$LAB_DIR/json" | "$(tool jsonget)" source)" 203.0.113.11
same "and the list" "$(head -n 1 "$LAB_DIR/json" | "$(tool jsonget)" list)" bad
begin=$SECONDS
works "--for 1s ends by itself" timeout 10 nsenter --net=/run/netns/mail -- "$SMTPWALL" --pins "$pins" --state "$state" watch --for 1s
works "soon" test $((SECONDS - begin)) -le 4
works "a watcher shows no old news" test ! -s "$LAB_DIR/output"

works "mode monitor" wall mode monitor
watch_on "$LAB_DIR/json" --json --count 1
syn 203.0.113.21
wait_for 6 ended $watcher
same "in monitor mode the verdict is pass" "$("$(tool jsonget)" verdict <"$LAB_DIR/json")" pass
same "and what would have been" "$("$(tool jsonget)" would <"$LAB_DIR/json")" drop
works "the daemon logs would-drop" wait_for 3 logged 'would-drop source=203\.0\.113\.21 reason=block-list'
works "mode enforce" wall mode enforce

# --- a watcher that dies --------------------------------------------------------------------------------

watch_on "$LAB_DIR/dead"
kill -9 $watcher
wait $watcher 2>/dev/null
works "after kill -9 the kernel stops filling within seconds" wait_for 5 not watched
for i in 31 32 33; do syn 203.0.113.$i; done
works "the daemon sees what comes then" wait_for 3 logged 'source=203\.0\.113\.33 '
watch_on "$LAB_DIR/next" --count 1
syn 203.0.113.34
wait_for 6 ended $watcher
works "the next watcher begins with what is new" seen 'source=203\.0\.113\.34 ' next

lab_wall_command mail
bash -c '"$@" watch | head -n 1' sh "${lab_command[@]}" >"$LAB_DIR/head" 2>&1 </dev/null &
piped=$!
wait_for 5 watched
syn 203.0.113.41
wait_for 3 seen 'source=203\.0\.113\.41 ' head
syn 203.0.113.42
works "a watcher whose reader is gone ends" wait_for 5 ended $piped

# --- the wall goes and comes ------------------------------------------------------------------------------

watch_on "$LAB_DIR/down"
works "up under a watcher" wall up
syn 203.0.113.51
works "it sees on" wait_for 5 seen 'source=203\.0\.113\.51 ' down
works "down under a watcher" wall down
works "ends it" wait_for 5 ended $watcher
works "which says why" seen 'was taken down' down.err
works "up brings the daemon back" wall up
daemon_there() { [ "$(json daemon status)" = true ]; }
works "and its log" wait_for 5 daemon_there
for i in 61 62 63; do syn 203.0.113.$i; done
works "goes on" wait_for 5 logged 'source=203\.0\.113\.62 '

# --- more than the budget ---------------------------------------------------------------------------------

printf 'mode = enforce\ninterfaces = {"eth0"}\nevents { budget = 5 }\n' | conf
works "up with a small budget" wall up
held=$(json events_held status)
for i in {1..60}; do printf '2001:db8:bad::%x\n' $((i + 4096)); done >"$LAB_DIR/sources"
while read -r source; do syn "$source"; done <"$LAB_DIR/sources"
at_least "events beyond the budget are counted" $(($(json events_held status) - held)) 10
at_least "every packet was dropped all the same" "$(json lists.bad.dropped.packets status)" 60
same "the log is one line an event" "$(grep -c 'source=.*source=' "$LAB_DIR/mail/daemon.log")" 0
lab_daemon_stop mail
same "the daemon ends in good order" $? 0
finish
