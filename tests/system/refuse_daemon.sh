#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# refuse_daemon.sh - the daemon has a refusal listener, knows whether it is well, and replaces it
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
lab_new "$@"

bad4=203.0.113.66 bad6=2001:db8:bad::66
nobody=$(id -u nobody)
lab_star
lab_many bad 203.0.113.0/24
lab_client other 198.51.100.66 $bad6
serve mail 25 || { not_ok server "it did not start"; finish; }

# refusing [USER [CLIENTS [ACTION]]]
refusing() {
	mkdir -p "$LAB_DIR/mail"
	printf '%s\n' $bad4/32 $bad6/128 203.0.113.128/25 >"$LAB_DIR/mail/list"
	conf <<-END
		mode = enforce
		interfaces = {"eth0"}
		read-logs = off
		list "strangers" {
			action = ${3:-refuse}
			file = "$LAB_DIR/mail/list"
		}
		refuse {
			contact = "https://example.org/refused"
			user = "${1:-nobody}"
			clients = ${2:-100}
			times = "1000/1h"
		}
	END
}

greeting() { lab_connect bad "$1" $LAB_MAIL4 25 3 2>/dev/null | tr -d '\r'; }
is_refused() { case $(greeting ${1:-$bad4}) in 554*) ;; *) false ;; esac; }
is_refused6() { case $(lab_connect other $bad6 $LAB_MAIL6 25 3 2>/dev/null) in 554*) ;; *) false ;; esac; }
is_dropped() { [ "$(knock bad ${1:-$bad4} $LAB_MAIL4 1 400)" = 0 ]; }
problems() { wall status --json | "$(tool jsonget)" problems; }
has_problem() { problems | grep -qE -- "$1"; }
map() { lab_exec mail bpftool -j map dump pinned "$pins/maps/$1"; }
health() { map refuse_health | "$(tool jsonget)" "0.formatted.value.$1"; }
# The two places: the cookies of the sockets, or an error for an empty one.
places() {
	local place
	for place in 0 1; do
		lab_exec mail bpftool -j map lookup pinned "$pins/maps/refuse_sockets" key $place 0 0 0 2>/dev/null |
			grep -q '"value"' && printf x
	done
}
both_placed() { [ "$(places)" = xx ]; }
none_placed() { [ "$(places)" = "" ]; }
listener() { health pid; }
well() { both_placed && [ "$(listener)" != 0 ] && [ "$(health alive_until)" != 0 ]; }
replaced() { well && [ "$(listener)" != "$1" ]; }
of_process() { awk -v what="$2:" '$1 == what { print $2 }' "/proc/$1/status"; }

# --- start ----------------------------------------------------------------------------------------

refusing
lab_daemon mail
works "the daemon has a listener" wait_for 20 well
first=$(listener)
same "it is another user's" "$(of_process $first Uid)" "$nobody"
same "has no capabilities" "$(of_process $first CapPrm)$(of_process $first CapEff)" 00000000000000000000000000000000
same "gets no new privileges" "$(of_process $first NoNewPrivs)" 1
same "and is behind seccomp" "$(of_process $first Seccomp)" 2
same "the daemon keeps no copy of its sockets" \
	"$(lab_exec mail ss -Hltnp 'src 127.0.0.1' | grep -c "pid=${lab_daemons[mail]},")" 0
works "program refuse is attached" test -e "$pins/links/refuse"
works "a client is told why" is_refused
says "in words" '^554 .*203\.0\.113\.66.*strangers.*https://example\.org/refused' greeting $bad4
works "over IPv6, too" is_refused6
works "status is in order" wait_for 10 wall status

# --- it is killed ---------------------------------------------------------------------------------

kill -9 $first
works "killed, it is replaced" wait_for 10 replaced $first
says "the log says how it ended" 'text="the refusal listener ended: signal 9; ' cat "$LAB_DIR/mail/daemon.log"
works "refused again" wait_for 5 is_refused
at_least "the restart is counted" "$(health restarts)" 1
works "and is no fault any more" wait_for 10 wall status

# --- it hangs -------------------------------------------------------------------------------------

second=$(listener)
kill -STOP $second
works "stopped, it loses its places to another one" wait_for 20 replaced $second
works "refused again" wait_for 5 is_refused
works "the old one is gone when it can be" wait_for 5 ended $second

# --- the mail server starts anew --------------------------------------------------------------------

# Refused connections are at the mail server's port, and stay there for a minute when they are over.
end_server() { kill "$(lab_exec mail ss -Hltnp 'sport = :25' | grep -o 'pid=[0-9]*' | cut -d= -f2)" && wait_for 5 eval '! listens mail 25'; }
lingers() { lab_exec mail ss -Htn state time-wait 'sport = :25' | grep -q .; }

talk_to bad $bad4 $LAB_MAIL4
works "a client is being told" hear '^554'
works "the mail server ends" end_server
works "and gets its port again" serve mail 25
tell QUIT
works "the client has finished" hear '^221'
hang_up
works "and its connection is in TIME-WAIT" wait_for 5 lingers
works "the mail server ends once more" end_server
works "and gets its port again, too" serve mail 25
works "refused again" wait_for 5 is_refused

# --- brakes ---------------------------------------------------------------------------------------

rm "$pins/links/refuse"
works "the link removed by hand takes the listener away" wait_for 10 none_placed
works "dropped instead" is_dropped
works "and is a fault" wait_for 15 has_problem 'refus.*removed by hand'
kill -HUP "${lab_daemons[mail]}"
works "a reload is an up, which attaches it again" wait_for 15 test -e "$pins/links/refuse"
works "and there is a listener" wait_for 10 well
works "refused again" wait_for 5 is_refused
rm "$pins/links/refuse"
works "removed once more" wait_for 10 none_placed
works "attaching interfaces does not put it back" wall up --attach eth0
works "it stays away" test ! -e "$pins/links/refuse"
works "until up" wall up
works "which does" wait_for 10 well

# --- reload ---------------------------------------------------------------------------------------

third=$(listener)
refusing nobody 50
kill -HUP "${lab_daemons[mail]}"
becomes "fewer clients" 10 50 json refuse.clients config show
works "are told to the same listener" test "$(listener)" = "$third"
refusing nobody 300
kill -HUP "${lab_daemons[mail]}"
works "more clients need another one" wait_for 15 replaced $third
works "refused all the same" wait_for 5 is_refused
refusing nobody 300 drop
kill -HUP "${lab_daemons[mail]}"
works "no longer configured: no listener" wait_for 15 none_placed
works "and no link" wait_for 10 test ! -e "$pins/links/refuse"
works "dropped" is_dropped
works "which is no fault" wait_for 10 wall status
refusing no-such-user
kill -HUP "${lab_daemons[mail]}"
works "without its user there is a fault" wait_for 15 has_problem 'no user no-such-user.*useradd'
works "and sources are dropped" is_dropped
refusing root
kill -HUP "${lab_daemons[mail]}"
works "root will not do" wait_for 15 has_problem 'root'
refusing
kill -HUP "${lab_daemons[mail]}"
works "with a user all is well" wait_for 20 well
works "refused" wait_for 5 is_refused
works "no fault" wait_for 10 wall status

# --- upgrade in place, while clients are refused ------------------------------------------------------

fourth=$(listener)
(for _ in $(seq 40); do greeting 203.0.113.130 | grep -q ^554 || echo missed; done) >"$LAB_DIR/missed" &
knocking=$!
for _ in 1 2 3; do wall up >/dev/null 2>&1; done
wait $knocking
same "renewed three times, and every client was refused" "$(cat "$LAB_DIR/missed")" ""
same "by the same listener" "$(listener)" "$fourth"

# --- the daemon dies, the wall goes -------------------------------------------------------------------

kill -9 "${lab_daemons[mail]}"
wait "${lab_daemons[mail]}" 2>/dev/null
works "kill -9 of the daemon: no listener" wait_for 5 ended $fourth
works "and no places" wait_for 5 none_placed
works "dropped instead" is_dropped
lab_daemon mail
works "the next daemon has one" wait_for 20 well
works "refused" wait_for 5 is_refused
fifth=$(listener)
talk_to bad $bad4 $LAB_MAIL4
works "a client is being told" hear '^554'
works "down" wall down
tell QUIT
works "lets it finish" hear '^221'
hang_up
works "takes the link along" test ! -e "$pins/links/refuse"
works "the listener goes" wait_for 15 ended $fifth
works "up" wall up
works "brings both back" wait_for 15 well
works "refused" wait_for 5 is_refused
sixth=$(listener)
talk_to bad $bad4 $LAB_MAIL4
works "a client is being told" hear '^554'
kill -TERM "${lab_daemons[mail]}"
tell QUIT
works "and let finish when the daemon ends" hear '^221'
hang_up
wait "${lab_daemons[mail]}"
same "the daemon ends in good order" $? 0
works "and the listener with it" wait_for 5 ended $sixth
same "it says that nobody refuses" "$(health alive_until)" 0
works "dropped" is_dropped

# --- with no more rights than the unit gives --------------------------------------------------------------

caged() { exec nsenter --net=/run/netns/mail -- setpriv --no-new-privs \
	--bounding-set -all,+bpf,+net_admin,+perfmon,+setgid,+setuid env SMTPWALL_PINS="$pins" SMTPWALL_STATE="$state" \
	SMTPWALL_CONFIG="$LAB_DIR/mail/smtpwall.conf" "$SMTPWALL" daemon; }
chmod 755 "$LAB_DIR/mail"
chmod 644 "$LAB_DIR/mail/list"
caged >>"$LAB_DIR/mail/daemon.log" 2>&1 </dev/null &
caged=$!
works "the daemon has a listener all the same" wait_for 20 well
works "refused" wait_for 5 is_refused
seventh=$(listener)
kill -STOP $seventh
works "one that hangs is replaced, too" wait_for 20 replaced $seventh
works "refused again" wait_for 5 is_refused
works "the old one is gone, in the name of its own user" wait_for 15 ended $seventh
kill $caged
wait $caged
same "the daemon ends in good order" $? 0

# --- another network namespace ------------------------------------------------------------------------

works "down at last" wall down
ip netns add aside
works "up again" wall up
moved() { nsenter --net=/run/netns/aside -- env SMTPWALL_PINS="$pins" SMTPWALL_STATE="$state" \
	SMTPWALL_CONFIG="$LAB_DIR/mail/smtpwall.conf" "$SMTPWALL" daemon; }
moved >>"$LAB_DIR/mail/aside.log" 2>&1 </dev/null &
aside=$!
works "a daemon in another namespace cannot refuse, and says so" wait_for 20 grep -q 'not attached in this network namespace' "$LAB_DIR/mail/aside.log"
works "nobody is sent to it" none_placed
kill $aside
wait $aside

link_in() { lab_exec mail bpftool -j link show pinned "$pins/links/refuse" | "$(tool jsonget)" netns_ino; }
inode() { stat -L -c %i "/run/netns/$1"; }
same "the link is in the mail host's namespace" "$(link_in)" "$(inode mail)"
ip -n aside link set lo up
up_aside() { nsenter --net=/run/netns/aside -- env SMTPWALL_PINS="$pins" SMTPWALL_STATE="$state" \
	SMTPWALL_CONFIG="$LAB_DIR/mail/smtpwall.conf" "$SMTPWALL" up --xdp generic lo; }
works "up in the other namespace" up_aside
same "takes the link there" "$(link_in)" "$(inode aside)"
ip netns delete aside
works "which goes away" wait_for 5 test "$(link_in)" != "$(inode mail)"
works "up at home" wall up --xdp native eth0
same "makes a new one" "$(link_in)" "$(inode mail)"

# --- all or nothing -------------------------------------------------------------------------------------

# Others may have theirs.
diverts() { lab_exec mail bpftool link show | grep -c "netns_ino $(inode mail)\\b"; }
same "one link in all" "$(diverts)" 1
rm "$pins/links/sessions"
mkdir "$pins/links/sessions"
fails 1 "an up that fails at the end" wall up
same "keeps the link that was there" "$(diverts)" 1
rm "$pins/links/refuse"
same "the brake" "$(diverts)" 0
fails 1 "an up that fails at the end" wall up
same "leaves no link" "$(diverts)" 0
works "and no pin" test ! -e "$pins/links/refuse"
rmdir "$pins/links/sessions"
works "one that does not fail" wall up
same "makes one" "$(diverts)" 1
works "down" wall down
same "leaves none" "$(diverts)" 0
finish
