#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# logged.sh - what the mail server's log tells: a login authenticates a source that has a session here, a few of each
# account; an offence charges nobody without a session, and nobody whose session the kernel reads itself
#
# shellcheck disable=SC2016,SC2317 # inner shells; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
export SMTPWALL_PATTERNS=$LAB_TOP/scripts/packaging/patterns
lab_new "$@"

lab_star
lab_many bad 203.0.113.0/24
serve mail 25 || { not_ok server "it did not start"; finish; }
daemon_log=$LAB_DIR/mail/daemon.log
mail_log=$LAB_DIR/mail/mail.log
mkdir -p "$LAB_DIR/mail"
touch "$mail_log"
conf <<END
mode = enforce
interfaces = {"eth0"}
abuse { account-sources = 2 }
log "mail" { file = "$mail_log" patterns = {"postfix"} }
END

line() { printf '%s mail postfix/smtpd[7]: %s\n' "$(date '+%b %e %H:%M:%S')" "$1" >>"$mail_log"; }
denied() { line "NOQUEUE: reject: RCPT from unknown[$1]: 454 4.7.1 <x@example.net>: Relay access denied; from=<a> to=<b> proto=ESMTP helo=<c>"; }
follows() { find "/proc/${lab_daemons[mail]}/fd" -lname "$mail_log" 2>/dev/null | grep -q .; }
reason() { json reason check "$1"; }

lab_daemon mail
works "the daemon puts the wall up" wait_for 15 wall status
works "the log is followed" wait_for 5 follows
works "a session" talk_to bad 203.0.113.5 "$LAB_MAIL4"
works "is greeted" hear '^220' 5
for _ in 1 2 3 4 5 6; do
	denied 203.0.113.6
	denied 203.0.113.5
done
hang_up 2>/dev/null

for host in 31 32 33; do
	works "a session" talk_to bad "203.0.113.$host" "$LAB_MAIL4"
	works "is greeted" hear '^220' 5
	line "4Xk00000$host: client=unknown[203.0.113.$host], sasl_method=PLAIN, sasl_username=ann"
	[ "$host" = 33 ] || becomes "a login authenticates" 5 authenticated reason "203.0.113.$host"
	hang_up 2>/dev/null
done
# Both were read before the logins. What the kernel can read itself it charges itself.
same "lines about a source without a session are not charged" "$(reason 203.0.113.6)" clean
same "nor are those about a plain session" "$(reason 203.0.113.5)" clean
line "4Xk0000040: client=unknown[203.0.113.32], sasl_method=PLAIN, sasl_username=bob"
same "but not the third source of one account" "$(reason 203.0.113.33)" clean
lab_daemon_stop mail >/dev/null 2>&1
works "the log says how many lines were not charged" grep -qE 'log-refused no-session=6 no-room=0 logins=1 ' "$daemon_log"
works "down" wall down
finish
