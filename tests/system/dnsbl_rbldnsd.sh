#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dnsbl_rbldnsd.sh - mail through the wall, a real rbldnsd as the DNSBLs and a real Postfix behind it
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/dns.bash
. "$(dirname "$0")/dns.bash"
lab_new "$@"

bad=203.0.113.66 bad6=2001:db8:bad::66 brief=203.0.113.67 trusted=203.0.113.70 late=203.0.113.71 none=203.0.113.72
clean=198.51.100.7 clean6=2001:db8:5100::7
lab_star
lab_many bad 203.0.113.0/24 2001:db8:bad::/64
lab_client honest $clean $clean6
lab_postfix mail smtpd_timeout=60 || { not_ok postfix "it did not start"; finish; }

# --- the zones --------------------------------------------------------------------------------------------

# zone FILE - from standard input, whole or not at all
zone() {
	local file=$LAB_DIR/mail/$1
	mkdir -p "${file%/*}"
	cat >"$file.new"
	# rbldnsd knows a change by the size and by the second.
	[ ! -e "$file" ] || touch -d "@$(($(stat -c %Y "$file") + 1))" "$file.new"
	mv "$file.new" "$file"
}
zone4() { # ADDRESS...
	printf '%s\n' '$SOA 300 ns.bl.example host.bl.example 0 3600 600 86400 300' '$TTL 300' \
		':127.0.0.2:see http://bl.example/$' 127.0.0.2 "$@" | zone bl4
}
zone4 $bad
# A second answer for some, of another data set; and one that is gone after 20 seconds.
printf '%s\n' '$TTL 20' '203.0.113.64/27 :127.0.0.4:a bad neighbourhood' "!$trusted" "!$late" "!$none" | zone net4
printf '%s\n' '$TTL 300' ::ffff:7f00:2 "2001:db8:bad::66 :127.0.0.3:six" | zone bl6
printf '%s\n' '$SOA 300 ns.wl.example host.wl.example 0 3600 600 86400 300' '$TTL 300' ':127.0.5.2:good' \
	127.0.0.2 $trusted | zone wl4
printf '%s\n' '$TTL 300' ':127.0.5.2:good' ::ffff:7f00:2 | zone wl6
# Own data, never meant for strangers: no test entries.
printf '%s\n' '$SOA 300 ns.own.example host.own.example 0 3600 600 86400 300' '$TTL 300' $none | zone own4
rbldnsd() {
	lab_rbldnsd mail 127.0.0.1 53 bl.example:ip4set:bl4 bl.example:ip4trie:net4 bl.example:ip6trie:bl6 \
		wl.example:ip4set:wl4 wl.example:ip6trie:wl6 own.example:ip4trie:own4
}
reads() { grep -c '^rbldnsd: zones reloaded' "$LAB_DIR/mail/rbldnsd.log"; }
# rezone COMMAND... - changes a zone, waits until rbldnsd has read it
rezone() {
	local before
	before=$(reads)
	"$@" && wait_for 10 eval '[ "$(reads)" -gt '"$before"' ]'
}
queries() { grep -cE " $1 A IN: " "$LAB_DIR/mail/rbldnsd.log"; }
rbldnsd || { not_ok rbldnsd "it did not start"; finish; }

config() { # SITES [MORE]
	printf 'mode = enforce\ninterfaces = {"eth0"}\ndnsbl {\n\tsites = "%s"\n\tthreshold = 3\n\ttimeout = 2s\n' "$1"
	printf '\tresolvers = {"127.0.0.1"}\n%s\n}\n' "${2:-}"
}
reload() { kill -HUP "${lab_daemons[mail]}"; }

# --- words ------------------------------------------------------------------------------------------------

delivers() { # CLIENT SOURCE SERVER
	LAB_SUBJECT="from $2 $RANDOM$RANDOM"
	lab_send "$@" && wait_for 10 lab_arrived "$LAB_SUBJECT"
}
# Connects, says nothing; the session has to end long before Postfix would end it.
is_cut() { # SOURCE SERVER
	local gone
	talk_to bad "$1" "$2"
	wait_for 6 ended "$talking"
	gone=$?
	hang_up
	return $gone
}
dropped() { [ "$(knock bad "$1" "${2:-$LAB_MAIL4}" 1 500)" = 0 ]; }
verdict_is() { [ "$(field verdict "$1")/$(field reason "$1")" = "$2" ]; }
# The verdict holds for that many seconds, from when it was asked; a tenth may be missing.
holds() { # SOURCE SECONDS
	local since until
	since=$(date -d "$(field dnsbl.0.asked "$1")" +%s)
	until=$(date -d "$(field dnsbl.0.expires "$1")" +%s)
	echo "$((until - since)) s"
	[ $((until - since)) -ge $(($2 * 9 / 10 - 1)) ] && [ $((until - since)) -le $(($2 + 1)) ]
}
answered() { [ "$(field score "$1")" != "" ]; }
problem() { wall status --json | "$(tool jsonget)" problems | grep -qE -- "$1"; }

# --- listed, and not ----------------------------------------------------------------------------------------

both='bl.example=127.0.0.[2..11]*3, wl.example=127.0.5.[1..3]*-2'
config "$both" | conf
lab_daemon mail
works "the daemon is up: rbldnsd has the test entries of both sites" wait_for 15 wall status
works "a listed client is cut over IPv4" is_cut $bad $LAB_MAIL4
works "and over IPv6" is_cut $bad6 $LAB_MAIL6
works "from then on it is dropped over IPv4" dropped $bad
works "and over IPv6" dropped $bad6 $LAB_MAIL6
LAB_TIMEOUT=2 fails 2 "a real client cannot deliver" lab_send bad $bad $LAB_MAIL4
same "check names the row" "$(field reason $bad6)" dnsbl
says "and all answers" '127\.0\.0\.[24], 127\.0\.0\.[24]' wall check $bad
same "which count once" "$(field score $bad)" 3
works "mail of a client that nobody lists arrives over IPv4" delivers honest $clean $LAB_MAIL4
works "and over IPv6" delivers honest $clean6 $LAB_MAIL6
works "it was asked about" wait_for 5 answered $clean
same "once" "$(queries 7.100.51.198.bl.example)" 1
works "a second mail" delivers honest $clean $LAB_MAIL4
same "costs no further question" "$(queries 7.100.51.198.bl.example)" 1

# --- time to live ----------------------------------------------------------------------------------------------

works "a listing holds for the TTL of the zone" holds $bad6 300
works "a client in the short-lived part" is_cut $brief $LAB_MAIL4
works "is held for the least time, not for 20 s" holds $brief 60
works "no listing holds for the SOA's time" holds $clean 300

# --- an allow list ----------------------------------------------------------------------------------------------

rezone zone4 $bad $trusted
works "a client in the block list and in the allow list delivers" delivers bad $trusted $LAB_MAIL4
works "it has the sum of both" wait_for 5 eval '[ "$(field score $trusted)" = 1 ]'
works "and delivers again" delivers bad $trusted $LAB_MAIL4

# --- a mail under way when its sender turns out to be listed -----------------------------------------------------

subject="under way $RANDOM$RANDOM"
talk_to bad $late $LAB_MAIL4
works "a client that is not listed" hear '^220'
tell EHLO client.lab.example
works "says hello" hear '^250 '
works "is asked about" wait_for 5 answered $late
tell 'MAIL FROM:<sender@client.lab.example>'
hear '^250 '
tell 'RCPT TO:<user@lab.example>'
hear '^250 '
tell DATA
works "and begins its mail" hear '^354'
tell "Subject: $subject"
tell ''
works "it gets listed" rezone zone4 $bad $late
clock 400
# The word is_cut has a conversation of its own.
exec {first_in}>&8 {first_out}<&9
first=$talking
works "its second session is cut" is_cut $late $LAB_MAIL4
works "it is dropped" verdict_is $late drop/dnsbl
works "a third one is not let in" dropped $late
exec 8>&"$first_in" 9<&"$first_out" {first_in}>&- {first_out}<&-
talking=$first
tell 'The rest of it.'
tell .
works "its mail is accepted in the first one" hear '^250 '
tell QUIT
works "which ends in good order" hear '^221'
hang_up
works "and has arrived, whole" wait_for 10 lab_arrived "$subject"

# --- taken out ----------------------------------------------------------------------------------------------------

works "listed once more" eval 'is_cut $bad $LAB_MAIL4; verdict_is $bad drop/dnsbl'
# One after the other: rbldnsd may look between the two.
works "it is taken out of one part of the zone" rezone zone4
works "and of the other" rezone eval 'printf "%s\n" "\$TTL 300" 10.0.0.0/8 | zone net4'
works "and stays dropped while the answer holds" dropped $bad
clock 800
works "then its mail arrives" delivers bad $bad $LAB_MAIL4
works "as it is not listed" wait_for 5 eval '[ "$(field score $bad)" = 0 ]'
works "all is well" wait_for 10 wall status

# --- rbldnsd goes and comes -----------------------------------------------------------------------------------------

rezone zone4 $bad
kill "$lab_served"
wait "$lab_served" 2>/dev/null
clock 1200
works "rbldnsd is gone: mail of a stranger arrives" delivers honest $clean6 $LAB_MAIL6
works "and of one whose listing nobody can tell of" delivers bad $bad $LAB_MAIL4
works "dnsbl tells it" wait_for 10 eval 'wall dnsbl | grep -q "^bl\.example: lately it does not answer"'
for i in 1 2 3 4 5 6 7 8 9; do knock bad 203.0.113.$i $LAB_MAIL4 1 500 >/dev/null; done
works "after ten failures status tells" wait_for 15 problem 'no site is of use'
fails 1 "with its exit status" wall status
works "mail flows" delivers bad $bad $LAB_MAIL4
works "rbldnsd is back" rbldnsd
clock 1300
works "all is well again" wait_for 15 wall status
# That nobody knew of the client was held for a minute, too.
clock 1380
knock bad $bad $LAB_MAIL4 1 500 >/dev/null
works "the listed client is listed again" wait_for 5 verdict_is $bad drop/dnsbl
works "and dropped" dropped $bad

# --- a zone without test entries -------------------------------------------------------------------------------------

config 'own.example*3' | conf
reload
works "a zone without test entries is not trusted" wait_for 10 problem 'own\.example: does not list 127\.0\.0\.2'
works "nor followed" delivers bad $none $LAB_MAIL4
config 'own.example*3' '	site "own.example" { test = off }' | conf
reload
works "unless the configuration says so" wait_for 10 wall status
clock 1500
works "then its client is cut" is_cut $none $LAB_MAIL4
works "and dropped" verdict_is $none drop/dnsbl
lab_daemon_stop mail
same "the daemon ends in good order" $? 0
finish
