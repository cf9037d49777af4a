#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# logs_kept.sh - a line of a log that was charged is not charged again by the daemon that follows one that was killed
#
# shellcheck disable=SC2317 # functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
export SMTPWALL_PATTERNS=$LAB_TOP/scripts/packaging/patterns
lab_new "$@"

lab_star
mail_log=$LAB_DIR/mail/mail.log
positions=$state/log-positions
conf <<END
mode = enforce
interfaces = {"eth0"}
abuse { limit = 100 }
log "mail" { file = "$mail_log" patterns = {"postfix"} }
END
touch "$mail_log"

line() {
	printf '%s mail postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 <x@y.test>: Relay access denied; from=<a@b.test> to=<x@y.test> proto=ESMTP helo=<x>\n' \
		"$(date '+%b %e %H:%M:%S')" >>"$mail_log"
}
follows() { find "/proc/${lab_daemons[mail]}/fd" -lname "$mail_log" 2>/dev/null | grep -q .; }
charged() { json offences.relay-denied check 203.0.113.9; }
kept() { grep -qs " $(stat -c %s "$mail_log") " "$positions"; }

lab_daemon mail
works "the daemon puts the wall up" wait_for 15 wall status
works "the log is followed" wait_for 5 follows
SMTPWALL_TEST_CLOCK=1000 wall status >/dev/null 2>&1
works "a source that was here" lab_exec mail "$(tool ban)" "$pins" proven 203.0.113.9 relay=0
line
line
becomes "two lines are charged" 10 2 charged
works "and where they end is kept soon" wait_for 20 kept
kill -9 "${lab_daemons[mail]}"
wait "${lab_daemons[mail]}" 2>/dev/null
lab_daemon mail
works "another daemon follows the log" wait_for 15 follows
line
becomes "it charges what is new" 10 3 charged
lab_daemon_stop mail >/dev/null 2>&1
works "down" wall down
finish
