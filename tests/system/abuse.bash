# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# abuse.bash - words for tests of offences and bans; sourced after extra.bash
#
#   abuse_conf MODE [LINE...]             a configuration with the default weights and no widening; lines are added
#                                         at its end, those beginning with "abuse:" into section abuse
#   repeat COUNT TEXT                     lines: TEXT with its number in the place of %d
#   logins_seen                           how many the kernel has read in replies
#   mail_log SERVER                       its lines for a log that is a plain file, for abuse_conf
#   session TEXT...                       commands for prober: a greeting, a sender, then these lines
#   relays COUNT                          so many recipients elsewhere, for session
#   guesses COUNT, login                  wrong passwords; the right one
#   message                               a whole mail to user@lab.example
#   probe CLIENT SOURCE SERVER [OPTIONS]  runs prober, commands from standard input; what it printed is in $probed
#   denials                               how many refusals of relaying it got
#   count PATTERN                         how many of its lines match (grep -E)
#   ended_so PATTERN                      did it end like that? (see tests/tools/prober.c)
#   offends CLIENT SOURCE SERVER          five relay attempts one by one: enough for a ban
#   banned ADDRESS, unharmed ADDRESS      what check says: dropped for abuse; passes, or is dropped for something else
#   dropped CLIENT SOURCE SERVER          not even a refusal comes back
#   delivers CLIENT SOURCE SERVER         a mail goes out and is in the mailbox
#   clock SECONDS                         the wall's clock is that far in front of the real one
#   ban_length ADDRESS                    of its ban, in seconds, to the nearest minute
#   restart                               the daemon ends and begins again: all that it writes is written then
#   said PATTERN                          is it in the daemon's log?

export SMTPWALL_PATTERNS=$LAB_TOP/scripts/packaging/patterns
probed=$LAB_DIR/probed

abuse_conf() {
	local mode=$1 line
	shift
	{
		printf 'mode = %s\ninterfaces = {"eth0"}\nports = {25}\nrate { source = off  syn = off  sessions = off }\n' "$mode"
		printf 'abuse {\n'
		# No widening, or the many sources of a test, all of one network, would end in a ban of all of it. A
		# setting is written once: a line given stands in the place of the default.
		for line in 'relay-denied = 4' 'auth-failed = 1' 'limit = 10' 'half-life = 10m' 'widen = off'; do
			case " $* " in *"abuse:${line%% *} "*) ;; *) printf '\t%s\n' "$line" ;; esac
		done
		for line; do case $line in abuse:*) printf '\t%s\n' "${line#abuse:}" ;; esac; done
		printf '}\n'
		for line; do case $line in abuse:*) ;; *) printf '%s\n' "$line" ;; esac; done
	} | conf
}

mail_log() {
	printf 'log "mail" { file = "%s"  patterns = {"%s"} }' "$(lab_log mail "$1")" "$1"
}

session() {
	printf '%s\n' 'EHLO client.example' 'MAIL FROM:<sender@client.example>' "$@"
}

repeat() {
	local i
	for ((i = 1; i <= $1; i++)); do printf '%s\n' "${2//%d/$i}"; done
}
relays() { repeat "$1" 'RCPT TO:<victim%d@elsewhere.example>'; }

login() { printf 'AUTH PLAIN %s\n' "$(printf '\0%s\0%s' "$lab_user" "${1:-$lab_password}" | base64 -w 0)"; }
guesses() {
	local i
	for ((i = 1; i <= $1; i++)); do login "guess$i"; done
}

message() {
	printf '%s\n' 'MAIL FROM:<sender@client.example>' 'RCPT TO:<user@lab.example>' DATA $'\tSubject: a mail' $'\t' \
		$'\tHello.' .
}

probe() {
	local client=$1 source=$2 to=$3
	shift 3
	timeout 60 nsenter --net="/run/netns/$client" -- "$(tool prober)" -i 900 "$@" "$source" "$to" 25 >"$probed" 2>&1
}

count() { grep -cE -- "$1" "$probed"; }
denials() { count '^[45][0-9][0-9][ -].*([Rr]elay access denied|[Rr]elay not permitted|Invalid recipient)'; }
ended_so() { tail -n 1 "$probed" | grep -qE -- "^end ($1) "; }

offends() { session "$(relays 5)" | probe "$@"; }

verdict_of() { printf '%s/%s' "$(json verdict check "$1")" "$(json reason check "$1")"; }
banned() { [ "$(verdict_of "$1")" = drop/abuse ]; }
unharmed() { [ "$(json reason check "$1")" != abuse ]; }
dropped() { [ "$(knock "$1" "$2" "$3" 1 500)" = 0 ]; }
reaches() { [ "$(knock "$1" "$2" "$3" 1 2500)" = 1 ]; }

delivers() {
	LAB_SUBJECT="from $2 $RANDOM$RANDOM"
	lab_send "$@" && wait_for 10 lab_arrived "$LAB_SUBJECT"
}

clock() { SMTPWALL_TEST_CLOCK=$1 wall mode >/dev/null; }

ban_length() {
	local since until
	since=$(json 0.since bans "$1") && until=$(json 0.expires bans "$1") || return 1
	echo $((($(date -d "$until" +%s) - $(date -d "$since" +%s) + 30) / 60 * 60))
}

logins_seen() {
	lab_exec mail bpftool map dump pinned "$pins/maps/reply_counts" | sed -n 's/.*"logins": \([0-9]*\).*/\1/p' |
		awk '{ n += $1 } END { if (NR) print n }'
}

daemon_runs() { [ "$(json daemon status)" = true ]; }
restart() {
	lab_daemon_stop mail
	lab_daemon mail
	wait_for 15 daemon_runs
}
said() { grep -qE -- "$1" "$LAB_DIR/mail/daemon.log"; }
no_session_of() { ! lab_exec mail ss -Htn state established "dst $1" | grep -q .; }
