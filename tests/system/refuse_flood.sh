#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# refuse_flood.sh - many refused clients at once, the listener killed under them, clients that never speak or never
# read, the tarpit: the mail server has no process more, and honest mail flows
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/abuse.bash
. "$(dirname "$0")/abuse.bash"
# shellcheck source=tests/system/refuse.bash
. "$(dirname "$0")/refuse.bash"
lab_new "$@"

honest4=198.51.100.7 honest6=2001:db8:5100::7
lab_star
lab_client honest $honest4 $honest6
lab_many bad 44.1.0.0/16 2001:db8:bad::/48 44.2.0.0/16 198.51.101.0/24
lab_postfix mail smtpd_error_sleep_time=0 || { not_ok postfix "it did not start"; finish; }
printf '44.1.0.0/16\n2001:db8:bad::/48\n' >"$spam_list"
printf '44.2.0.0/16\n' >"$LAB_DIR/mail/slow.txt"
config() { # MORE...
	refuse_conf 'dnsbl:sites = ""' 'rate:source = "30/1h"' 'rate:source-burst = 6' 'refuse:budget = 100000' \
		"list \"slow\" { action = refuse  tarpit = on  file = \"$LAB_DIR/mail/slow.txt\" }" "$@"
}
config
# The honest one is not what its rate is for.
works "the daemon is up and has a listener" refuse_starts
wall allow $honest4 >/dev/null && wall allow $honest6 >/dev/null

# Mail after mail until $LAB_DIR/stop is there; what became of each is in $LAB_DIR/honest.
honest_mail() {
	local i=0
	while [ ! -e "$LAB_DIR/stop" ]; do
		i=$((i + 1))
		export LAB_SUBJECT="honest $i"
		if lab_send honest $honest4 $LAB_MAIL4 && lab_send honest $honest6 $LAB_MAIL6; then echo "sent $i"; else echo "failed $i"; fi
	done >"$LAB_DIR/honest" 2>/dev/null
}
# The most processes that Postfix had for clients, in $LAB_DIR/most.
watch_processes() {
	local now most=0
	while [ ! -e "$LAB_DIR/stop" ]; do
		now=$(pgrep -cx smtpd)
		[ "$now" -le "$most" ] || most=$now
		echo "$most" >"$LAB_DIR/most"
		sleep 0.05
	done
}
under_way() { # begins both
	rm -f "$LAB_DIR/stop"
	honest_mail &
	sending=$!
	watch_processes &
	watching=$!
}
over() { # NAME
	touch "$LAB_DIR/stop"
	wait $sending $watching 2>/dev/null
	at_least "$1: honest mail was sent" "$(grep -c sent "$LAB_DIR/honest")" 1
	same "$1: and taken every time" "$(grep -c failed "$LAB_DIR/honest")" 0
	works "$1: and arrived, the last one too" wait_for 10 lab_arrived "honest $(sed -n 's/^sent //p' "$LAB_DIR/honest" | tail -n 1)"
}
# call in the background, with a result of its own
calls() { # NAME CLIENT ...
	local called=$LAB_DIR/called.$1
	shift
	call "$@"
}
sum() { # WORD
	cat "$LAB_DIR"/called.[0-9] | tr ' ' '\n' | sed -n "s/^$1=//p" | awk '{ n += $1 } END { print n + 0 }'
}
counted() { json "refuse.$1" status; }
stranger() { arrivals '44\.|2001:db8:bad'; }

# --- ten thousand ---------------------------------------------------------------------------------------------

delivers honest $honest4 $LAB_MAIL4
usual=$(pgrep -cx smtpd)
under_way
calls 1 bad 44.1.0.1 2000 $LAB_MAIL4 8000 150 20000 &
first=$!
calls 2 bad 2001:db8:bad:1::1 500 $LAB_MAIL6 2000 50 20000 &
wait $first $!
over "10,000 refused"
same "all of them are told, each by its own address" "$(sum refused) $(sum named)" "10000 10000"
same "and heard 221 to their QUIT" "$(sum bye)" 10000
same "status has counted them" "$(counted told) $(counted connected)" "10000 10000"
same "Postfix has seen none" "$(stranger)" 0
# One for the honest client, and one that is just ending.
works "nor has it a process more than for the honest client" test "$(cat "$LAB_DIR/most")" -le $((usual > 2 ? usual : 2))
call bad 44.1.0.1 200 $LAB_MAIL4 400 400 1500
same "five each: then they are dropped" "$(came refused) $(came unheard)" "200 200"
told=0
for ((i = 1; i <= 21; i++)); do
	call bad 2001:db8:bad:4000::$i 1 $LAB_MAIL6 1 1 2000
	told=$((told + $(came refused)))
done
same "of one IPv6 network twenty, whatever address they come from" $told 20
says "check knows why" 'refuse +not now: all of its /64 together were told often enough, until ' wall check 2001:db8:bad:4000::99
same "for scripts, too" "$(json refuse.state check 2001:db8:bad:4000::99) $(json refuse.network check 2001:db8:bad:4000::99)" \
	"told-enough true"
clock 20
becomes "not because of those that wait for their handshake: these were forgotten" 5 told-enough \
	json refuse.state check 2001:db8:bad:4000::99
clock 0
works "the listener is there at this time, too" wait_for 5 eval '[ "$(json refuse.state check 44.1.63.1)" = refused ]'
none_open() { [ "$(counted clients)" = 0 ]; }
works "no place is left over" wait_for 5 none_open
nobody_known() { ! bpftool -j map dump pinned "$pins/maps/proven" | grep -qF '"0xff","0xff","0x2c","0x01"'; }
works "no source of them is known as one that has completed a handshake" nobody_known

# --- the listener is killed ------------------------------------------------------------------------------------

before=$(counted connected)
rm -f "$LAB_DIR"/called.*
under_way
calls 3 bad 44.1.16.1 4000 $LAB_MAIL4 8000 100 5000 &
flood=$!
works "again a flood" wait_for 10 eval '[ "$(counted connected)" -gt $((before + 500)) ]'
old=$(listener_pid)
works "kill -9 of the listener" kill -9 "$old"
another() { local now; now=$(listener_pid) && [ -n "$now" ] && [ "$now" != "$old" ] && has_listener; }
works "there is another one soon" wait_for 15 another
wait $flood
over "the listener killed"
same "nobody of the flood was served" "$(sum served)" 0
at_least "who came later was told" "$(sum refused)" 1000
same "none came to Postfix" "$(stranger)" 0
at_least "the restart is counted" "$(counted restarts)" 1
works "status is in order again" wait_for 10 wall status

# --- nobody who could tell them ----------------------------------------------------------------------------------

before=$(listeners)
kill -STOP "${lab_daemons[mail]}"
kill -9 "$(listener_pid)"
call bad 44.1.40.1 10 $LAB_MAIL4 10 10 700
same "without a listener the listed are dropped at once, although the daemon does not know" "$(came unheard)" 10
same "check knows" "$(json verdict check 44.1.40.1) $(json refuse.state check 44.1.40.1)" "drop no-listener"
same "and a fast client passes" "$(knock bad 198.51.101.9 $LAB_MAIL4 10 500)" 10
kill -CONT "${lab_daemons[mail]}"
works "the daemon finds it out, and has another one" wait_for 15 eval '[ "$(listeners)" -gt "$before" ] && has_listener'
kill -STOP "${lab_daemons[mail]}"
becomes "a daemon that hangs tells nobody anything: check knows" 10 no-listener json refuse.state check 44.1.39.1
call bad 44.1.39.1 10 $LAB_MAIL4 10 10 700
same "and the listed are dropped" "$(came unheard)" 10
kill -9 "${lab_daemons[mail]}"
wait "${lab_daemons[mail]}" 2>/dev/null
works "the daemon killed: the listener ends, too" wait_for 5 not listener_pid
call bad 44.1.41.1 10 $LAB_MAIL4 10 10 700
same "the listed are dropped" "$(came unheard)" 10
works "honest mail flows" delivers honest $honest4 $LAB_MAIL4

# --- few places ------------------------------------------------------------------------------------------------------

config 'refuse:clients = 20' 'refuse:timeout = 5s' 'refuse:tarpit-clients = 3' 'refuse:tarpit-time = 10s'
works "the next daemon, with few places" refuse_starts
all_hold() { [ "$(counted connected)" = $((connected + 20)) ]; }
for way in silent deaf; do
	before=$(counted timed_out) full=$(counted syns.full) connected=$(counted connected)
	rm -f "$LAB_DIR"/called.*
	calls 4 bad 44.1.50.1 20 $LAB_MAIL4 20 20 9000 $way &
	flood=$!
	works "$way clients hold all places" wait_for 5 all_hold
	call bad 44.1.51.1 1 $LAB_MAIL4 1 1 700
	same "$way: one more is dropped" "$(came unheard)" 1
	at_least "$way: which is counted" "$(counted syns.full)" $((full + 1))
	works "$way: honest mail flows meanwhile" delivers honest $honest4 $LAB_MAIL4
	wait $flood
	same "$way: they are put out, all of them" "$(sum waited)" 0
	at_least "$way: and counted" "$(($(counted timed_out) + $(counted closed)))" $((before + 20))
	works "$way: the places are free again" wait_for 5 none_open
	call bad 44.1.52.1 20 $LAB_MAIL4 20 20 3000
	same "$way: and others are told" "$(came refused)" 20
done
same "Postfix has seen none of them" "$(stranger)" 0

# --- the tarpit ----------------------------------------------------------------------------------------------------------

rm -f "$LAB_DIR"/called.*
SECONDS=0
calls 4 bad 44.2.0.1 3 $LAB_MAIL4 3 3 20000 &
flood=$!
works "some are in the tarpit" wait_for 5 eval '[ "$(counted tarpitted)" = 3 ]'
call bad 44.2.0.9 1 $LAB_MAIL4 1 1 3000
same "it has so many places: one more is told at once" "$(came refused)" 1
works "honest mail flows meanwhile" delivers honest $honest4 $LAB_MAIL4
wait $flood
same "the others have heard it all when their time is over" "$(sum refused)" 3
works "which was not before" test "$SECONDS" -ge 9
at_least "they are counted" "$(counted tarpits)" 3
works "and free again" wait_for 5 eval '[ "$(counted tarpitted)" = 0 ]'
lab_daemon_stop mail
same "the daemon ends in good order" $? 0
finish
