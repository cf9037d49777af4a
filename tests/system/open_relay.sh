#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# open_relay.sh - the alarm that this host is an open relay: raised by the log of a message that a stranger sent on
# through it, and by no other
#
# shellcheck disable=SC2317 # functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/dns.bash
. "$(dirname "$0")/dns.bash"
export SMTPWALL_PATTERNS=$LAB_TOP/scripts/packaging/patterns
lab_new "$@"

lab_star
dns_start
dns_rules <<-END
	backup.test A $LAB_MAIL4
	second.test MX mx.second.test
	mx.second.test A 198.51.100.79,$LAB_MAIL4
	foreign.test MX mx.foreign.test
	mx.foreign.test A 198.51.100.80
	silent.test SERVFAIL
END
serve mail 25 || { not_ok server "it did not start"; finish; }
daemon_log=$LAB_DIR/mail/daemon.log
mail_log=$LAB_DIR/mail/mail.log
touch "$mail_log"
conf <<END
mode = enforce
interfaces = {"eth0"}
dnsbl { resolvers = {"127.0.0.1"} }
abuse { networks = {"203.0.113.128/25"} }
log "mail" { file = "$mail_log" patterns = {"postfix"} }
END

number=0
# message CLIENT WORDS TO-WORDS RELAY: one that arrives and leaves, by the log
message() {
	local id at
	number=$((number + 1))
	id=$(printf '4Xk%07d' "$number")
	at=$(date '+%b %e %H:%M:%S')
	printf '%s mail postfix/smtpd[7]: %s: client=unknown[%s]%s\n' "$at" "$id" "$1" "$2" >>"$mail_log"
	printf '%s mail postfix/smtp[9]: %s: to=%s, relay=mx[%s]:25, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 ok)\n' \
		"$at" "$id" "$3" "$4" >>"$mail_log"
}
alarms() { grep -c '^smtpwall: open-relay' "$daemon_log"; }
follows() { find "/proc/${lab_daemons[mail]}/fd" -lname "$mail_log" 2>/dev/null | grep -q .; }
asked_for() { grep -q "OTHER $1 " "$LAB_DIR/mail/dnsd.rules.log"; }

lab_daemon mail
works "the daemon puts the wall up" wait_for 15 wall status
works "the log is followed" wait_for 5 follows

message 203.0.113.5 "" "<user@backup.test>" 198.51.100.80
works "a backup MX: its domain's MX are asked for" wait_for 5 asked_for backup.test
message 203.0.113.5 "" "<user@second.test>" 198.51.100.79
works "one whose MX record leads here" wait_for 5 asked_for mx.second.test
message 203.0.113.5 "" "<user@silent.test>" 198.51.100.80
works "one that nobody can answer for" wait_for 5 asked_for silent.test
message 203.0.113.5 ", sasl_method=PLAIN, sasl_username=ann" "<user@foreign.test>" 198.51.100.80
message 203.0.113.200 "" "<user@foreign.test>" 198.51.100.80
message 10.0.0.1 "" "<user@foreign.test>" 198.51.100.80
message 203.0.113.5 "" "<user@foreign.test>, orig_to=<alias@here.test>" 198.51.100.80
message 203.0.113.5 "" "<user@foreign.test>" 10.0.0.9
message 203.0.113.5 "" "<user@foreign.test>" "$LAB_MAIL4"
works "allow" wall allow 203.0.113.77
message 203.0.113.77 "" "<user@foreign.test>" 198.51.100.80
message 203.0.113.6 "" "<user@Foreign.test>" 198.51.100.80
becomes "a stranger's message to elsewhere is an alarm" 10 1 alarms
says "it names the message" "open-relay source=203\.0\.113\.6 queue=\"4Xk$(printf '%07d' "$number")\" recipient-domain=foreign\.test" \
	cat "$daemon_log"
says "status cries" 'THIS HOST IS AN OPEN RELAY.*203\.0\.113\.6 to foreign\.test' wall status
message 203.0.113.6 "" "<other@foreign.test>" 198.51.100.80
becomes "and another one" 10 2 alarms
same "and no more than these" "$(alarms)" 2
lab_daemon_stop mail >/dev/null 2>&1
works "down" wall down
finish
