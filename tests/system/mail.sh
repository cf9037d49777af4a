#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# mail.sh - mail through the wall to a real Postfix: who gets in, who does not, and that no message is cut
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
lab_new "$@"

honest4=198.51.100.7 honest6=2001:db8:5100::7
listed4=203.0.113.66 listed6=2001:db8:bad::66
lab_star
lab_client honest $honest4 $honest6
lab_client listed $listed4 $listed6
lab_postfix mail smtpd_timeout=60 || { not_ok postfix "it did not start"; finish; }

delivers() { # CLIENT SOURCE SERVER
	LAB_SUBJECT="from $2 $RANDOM$RANDOM"
	lab_send "$@" && wait_for 10 lab_arrived "$LAB_SUBJECT"
}
silent() { # CLIENT SOURCE SERVER: not even a refusal
	[ "$(knock "$1" "$2" "$3" 1 700)" = 0 ]
}

# --- monitor --------------------------------------------------------------------------------------

conf <<'CONF'
mode = monitor
interfaces = {"eth0"}
list "bad" { action = drop }
CONF
printf '203.0.113.0/24\n2001:db8:bad::/48\n' >"$LAB_DIR/bad.txt"
works "up in monitor mode" wall up
works "load a drop list" wall load bad "$LAB_DIR/bad.txt"
works "monitor lets a listed client deliver over IPv4" delivers listed $listed4 $LAB_MAIL4
works "monitor lets a listed client deliver over IPv6" delivers listed $listed6 $LAB_MAIL6
at_least "monitor counts would_drop" "$(packets block-list would_drop)" 2
at_least "the list counts would_drop" "$(json lists.bad.would_drop.packets status)" 2
same "monitor drops nothing" "$(packets block-list dropped)" 0
works "check says it passes in monitor mode" wall check $listed4
same "check says what enforce mode would do" "$(json would check $listed4)" drop

# --- enforce --------------------------------------------------------------------------------------

works "mode enforce" wall mode enforce
works "the honest client delivers over IPv4" delivers honest $honest4 $LAB_MAIL4
works "the honest client delivers over IPv6" delivers honest $honest6 $LAB_MAIL6
works "the listed client gets no answer over IPv4" silent listed $listed4 $LAB_MAIL4
works "the listed client gets no answer over IPv6" silent listed $listed6 $LAB_MAIL6
LAB_TIMEOUT=2 fails 2 "a real client cannot deliver" lab_send listed $listed4 $LAB_MAIL4
at_least "the drops are counted" "$(packets block-list dropped)" 2
at_least "the list counts the drops" "$(json lists.bad.dropped.packets status)" 2
fails 1 "check says drop" wall check $listed4
same "check names the list" "$(json list check $listed6)" bad
works "the wall drops nothing but port 25" test "$(port=80 knock listed $listed4 $LAB_MAIL4 1 300)" = 0
serve mail 80
same "other ports are open to the listed client" "$(port=80 knock listed $listed4 $LAB_MAIL4 3 700)" 3
works "allow wins over the list" wall allow $listed4
works "the allowed client delivers" delivers listed $listed4 $LAB_MAIL4
works "unallow" wall unallow $listed4
works "and is dropped again" silent listed $listed4 $LAB_MAIL4

# --- by hand --------------------------------------------------------------------------------------

works "block" wall block $honest4 --reason "a test"
works "a block by hand drops" silent honest $honest4 $LAB_MAIL4
works "but not its other address" delivers honest $honest6 $LAB_MAIL6
at_least "admin-block counts" "$(packets admin-block dropped)" 1
works "unblock" wall unblock $honest4
works "unblocked, it delivers" delivers honest $honest4 $LAB_MAIL4
works "block of a network" wall block 2001:db8:5100::/48
works "drops the address in it" silent honest $honest6 $LAB_MAIL6
works "unblock of the network" wall unblock 2001:db8:5100::/48
works "lets it in" delivers honest $honest6 $LAB_MAIL6

# --- sessions -------------------------------------------------------------------------------------

hold honest $honest4 $LAB_MAIL4 7
same "seven sessions are held" "$held" 7
same "check shows seven open sessions" "$(json sessions check $honest4)" 7
let_go
becomes "check shows none when they are closed" 5 0 json sessions check $honest4
before=$(json completed check $honest4)
works "60 connections" knock honest $honest4 $LAB_MAIL4 60 2000
how=knock-rst works "60 connections that end by RST" knock honest $honest4 $LAB_MAIL4 60 2000
how=knock-half works "20 connections that are half closed" knock honest $honest4 $LAB_MAIL4 20 2000
becomes "the sessions do not drift" 10 0 json sessions check $honest4
same "every connection was counted once" $(($(json completed check $honest4) - before)) 140
works "60 connections over IPv6" knock honest $honest6 $LAB_MAIL6 60 2000
becomes "the sessions do not drift over IPv6" 10 0 json sessions check $honest6

# --- mercy ----------------------------------------------------------------------------------------

message() { # CLIENT SOURCE SERVER: opens a session as far as RCPT
	talk_to "$1" "$2" "$3"
	hear '^220 ' && tell "HELO client.lab.example" && hear '^250 ' &&
		tell "MAIL FROM:<sender@client.lab.example>" && hear '^250 '
}
rest() { # SUBJECT: the rest of it
	tell "RCPT TO:<user@lab.example>" && hear '^250 ' &&
		tell DATA && hear '^354 ' &&
		tell "Subject: $1" && tell "" && tell "Finished in spite of the list." && tell . && hear '^250 ' &&
		tell QUIT && hear '^221 '
}
for source in $honest4 $honest6; do
	server=$LAB_MAIL4
	[ "$source" = $honest4 ] || server=$LAB_MAIL6
	message honest "$source" "$server" || not_ok "session of $source" "it did not come to MAIL FROM"
	printf '%s\n' "$source" | wall load late - >/dev/null 2>&1
	works "a source listed while its session is open: new connections of $source are dropped" \
		silent honest "$source" "$server"
	if rest "mercy for $source"; then ok "and its open session finishes its message ($source)"; else
		not_ok "and its open session finishes its message ($source)" "cut before the end"; fi
	works "that message arrived ($source)" wait_for 10 lab_arrived "mercy for $source"
	hang_up
	becomes "no session of $source is left" 5 0 json sessions check "$source"
	works "after it, $source is out" silent honest "$source" "$server"
	wall load late - --force </dev/null >/dev/null 2>&1
done
works "an emptied list lets them in" knock honest $honest4 $LAB_MAIL4 1 1000

message honest $honest4 $LAB_MAIL4 || not_ok "session to be cut" "it did not come to MAIL FROM"
works "block while a session is open" wall block $honest4
tell "RCPT TO:<user@lab.example>"
if hear '^250 ' 2; then not_ok "a block by hand cuts open sessions" "the session got its answer"; else
	ok "a block by hand cuts open sessions"; fi
works "unblock again" wall unblock $honest4
hang_up

# --- sessions that are older than the wall ----------------------------------------------------------

quiet() { ! lab_exec mail ss -Htn state connected exclude time-wait "sport = :25" | grep -q .; }
works "down" wall down
works "no session is left at the server" wait_for 20 quiet
message honest $honest4 $LAB_MAIL4 || not_ok "session older than the wall" "it did not come to MAIL FROM"
works "up while a session is open" wall up
same "the session that is older than the wall is counted" "$(json sessions check $honest4)" 1
works "up again" wall up
same "and counted once" "$(json sessions check $honest4)" 1
if rest "older than the wall"; then ok "it goes on"; else not_ok "it goes on" "cut"; fi
hang_up
becomes "and is taken back when it ends" 5 0 json sessions check $honest4
works "status is in order" wall status
finish
