# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# refuse.bash - words for tests of refusing; sourced after extra.bash and abuse.bash
#
#   refuse_conf [LINE...]                 a configuration in mode enforce, in which the list "spam" ($spam_list), DNSBLs,
#                                         bans and rates refuse; lines that begin with "refuse:", "dnsbl:", "abuse:"
#                                         or "rate:" go into these sections, those with "spam:" into the list's, "mode:"
#                                         is the mode; others are added at the end
#   refuse_starts                         the daemon, and until it has a listener
#   submission_too                        Postfix listens on port 587 as well
#   has_listener, listener_pid            what status and the process table say
#   call CLIENT FIRST SOURCES SERVER COUNT AT-ONCE MS [WAY]     many callers (tests/tools/callers.c), then:
#   came WORD                             how many of them
#   hears CLIENT SOURCE SERVER [LINE...]  a session with these commands; the first line that came
#   agrees NAME CLIENT SOURCE SERVER      ok when that is what check says
#   arrivals PATTERN                      connections that Postfix has logged
#   traces ADDRESS                        which maps hold that IPv4 address as a key
#   reloaded                              the daemon reads its configuration and lists again; waits until it has

spam_list=$LAB_DIR/mail/spam.txt
called=$LAB_DIR/called

refuse_conf() {
	local section line mode=enforce
	for line; do case $line in mode:*) mode=${line#mode:} ;; esac; done
	{
		printf 'mode = %s\ninterfaces = {"eth0"}\nports = {25}\nsubmission-ports = {587}\n' "$mode"
		for section in 'list "spam"' dnsbl abuse rate refuse; do
			printf '%s {\n' "$section"
			refuse_lines "${section%% *}" "$@"
			printf '}\n'
		done
		for line; do
			case $line in mode:* | spam:* | dnsbl:* | abuse:* | rate:* | refuse:*) ;; *) printf '%s\n' "$line" ;; esac
		done
	} | conf
}

# What a section holds; a setting is written once: a line given stands in the place of the default.
refuse_lines() { # SECTION LINE...
	local section=$1 line defaults=()
	shift
	case $section in
	list) section=spam defaults=('action = refuse' "file = \"$spam_list\"") ;;
	dnsbl) defaults=('sites = "bl.example*3"' 'threshold = 3' 'timeout = 2s' 'resolvers = {"127.0.0.1"}' 'action = refuse') ;;
	abuse) defaults=('relay-denied = 4' 'limit = 10' 'widen = off' 'action = refuse') ;;
	rate) defaults=('source = off' 'syn = off' 'network = off' 'sessions = off' 'action = refuse') ;;
	refuse) defaults=('contact = "https://www.lab.example/blocked"') ;;
	esac
	for line in "${defaults[@]}"; do
		case " $* " in *" $section:${line%% *} "*) ;; *) printf '\t%s\n' "$line" ;; esac
	done
	for line; do case $line in "$section:"*) printf '\t%s\n' "${line#*:}" ;; esac; done
}

has_listener() { [ "$(json refuse.listener status)" = true ]; }
# Processes of the lab, which has a process table of its own.
listener_pid() { pgrep -nf -- ' refusal-listener'; }

# What the last daemon promised of its listener holds for seconds; the log tells of the new one.
listeners() { grep -cs '^smtpwall: listener pid=' "$LAB_DIR/mail/daemon.log"; }
refuse_starts() {
	local before
	before=$(listeners)
	lab_users
	lab_needs_user smtpwall 64950 smtpwall 64950
	lab_daemon mail
	wait_for 20 eval '[ "$(listeners)" -gt '"${before:-0}"' ] && has_listener'
}

submission_too() {
	printf '587 inet n - n - - smtpd\n' >>"$LAB_DIR/mail/postfix/etc/master.cf"
	lab_postfix_do mail reload
	wait_for 10 lab_connect mail 127.0.0.1 127.0.0.1 587
}

call() {
	local client=$1 first=$2 sources=$3 server=$4
	shift 4
	timeout 120 nsenter --net="/run/netns/$client" -- "$(tool callers)" "$first" "$sources" "$server" "${port:-25}" "$@" \
		>"$called"
}
came() { tr ' ' '\n' <"$called" | sed -n "s/^$1=//p"; }

hears() {
	local client=$1 source=$2 server=$3
	shift 3
	session "$@" | probe "$client" "$source" "$server" -i 4000
	head -n 1 "$probed"
}

agrees() {
	local want
	want=$(json reply check "$3")
	same "$1: hears what check says" "$(hears "$2" "$3" "$4" QUIT)" "${want:-a reply}"
}

arrivals() { grep -cE "connect from .*\[($1)" "$(lab_log mail postfix)"; }

traces() {
	local a b c d map
	IFS=. read -r a b c d <<<"$1"
	for map in proven abuse bans rates openings flows asked known dnsbl; do
		bpftool -j map dump pinned "$pins/maps/$map" |
			grep -qF "$(printf '"0x%02x","0x%02x","0x%02x","0x%02x"' "$a" "$b" "$c" "$d")" && printf '%s ' "$map"
	done
}

reloaded() {
	local before
	before=$(grep -c 'reload' "$LAB_DIR/mail/daemon.log")
	kill -HUP "${lab_daemons[mail]}"
	wait_for 10 eval '[ "$(grep -c reload "$LAB_DIR/mail/daemon.log")" -gt '"$before"' ]'
}
