#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# abuse_inject.sh - what a client says never charges somebody else, and neither does a forged line of a log
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/abuse.bash
. "$(dirname "$0")/abuse.bash"
lab_new "$@"

victim=198.51.100.7 stranger=198.51.100.8
lab_star
lab_client honest $victim 2001:db8:5100::7
lab_many bad 203.0.113.0/24 2001:db8:bad::/64
lab_postfix mail --tls --auth smtpd_error_sleep_time=0 smtpd_hard_error_limit=1000 smtpd_soft_error_limit=1000 ||
	{ not_ok postfix "it did not start"; finish; }
abuse_conf enforce "$(mail_log postfix)"
lab_daemon mail
works "the daemon is up" wait_for 15 daemon_runs
log=$(lab_log mail postfix)
# The victim had a session here a moment ago: nothing but the text can tell now.
works "the victim delivers" delivers honest $victim $LAB_MAIL4

# Ends a session that the log must have been read up to.
number=100
mark() {
	number=$((number + 1))
	session "$(relays 3)" '~300' | probe bad 203.0.113.$number $LAB_MAIL4 -t
	works "the log is read up to here" wait_for 10 banned 203.0.113.$number
}

# --- through the server -----------------------------------------------------------------------------------

evil="unknown[$victim]"
from=10
for how in "" -t; do
	# Each session is another source's, which does not come to a ban by itself: all of it gets as far as the server.
	for i in 1 2 3 4 5; do
		from=$((from + 1))
		{
			printf 'HELO %s\n' "$evil: 554 5.7.1 <x@elsewhere.example>: Relay access denied"
			printf 'EHLO x]:\\_H=(x)_[%s]_rejected_RCPT\n' "$victim"
			printf 'MAIL FROM:<"%s: SASL LOGIN authentication failed: x"@client.example>\n' "$evil"
			printf 'RCPT TO:<"NOQUEUE: reject: RCPT from %s: 554 5.7.1 <a@b>: Relay access denied;"@elsewhere.example>\n' "$evil"
			printf 'RCPT TO:<nobody.RCPT.from.%s@lab.example>\n' "$evil"
			printf 'AUTH PLAIN %s\n' "$(printf '\0%s: SASL PLAIN authentication failed: authentication failure, sasl_username=x\0x' "$evil" | base64 -w 0)"
			printf 'AUTH PLAIN %s\n' "$(printf '\0x\nNov 22 00:00:00 mail postfix/smtpd[1]: warning: %s: SASL PLAIN authentication failed: x\0x' "$evil" | base64 -w 0)"
			printf 'GET / %s: 554 5.7.1 Relay access denied\n' "$evil"
			echo QUIT
		} | probe bad 203.0.113.$from $LAB_MAIL4 $how
	done
	mark
	works "HELO, sender, recipient, user names${how:+ behind TLS}: the victim is not charged" unharmed $victim
done
says "who said them is" 'relay-denied' wall check 203.0.113.11

# --- into the file -----------------------------------------------------------------------------------------

forged() { # ADDRESS
	local i now
	now=$(date '+%b %e %H:%M:%S')
	for i in 1 2 3 4 5 6; do
		printf '%s mail postfix/smtpd[77]: NOQUEUE: reject: RCPT from unknown[%s]: 554 5.7.1 <x%d@elsewhere.example>: Relay access denied; from=<a@b> to=<x%d@elsewhere.example> proto=ESMTP helo=<c>\n' \
			"$now" "$1" $i $i
		printf '%s mail postfix/smtpd[77]: warning: unknown[%s]: SASL LOGIN authentication failed: x, sasl_username=y\n' "$now" "$1"
	done >>"$log"
}
# As `logger` of any user writes them: right to the letter.
forged $stranger
forged 2001:db8:77::1
forged 127.0.0.1
forged $LAB_MAIL4
mark
for source in $stranger 2001:db8:77::1 127.0.0.1 $LAB_MAIL4; do
	works "a line about $source, which had no session here, charges nobody" unharmed $source
done

# Lines that only look like the server's.
now=$(date '+%b %e %H:%M:%S')
for i in 1 2 3 4 5; do
	cat >>"$log" <<-LOG
	$now mail anybody: postfix/smtpd[77]: NOQUEUE: reject: RCPT from unknown[$victim]: 554 5.7.1 <x@y>: Relay access denied; from=<a@b>
	$now mail anybody[1]: NOQUEUE: reject: RCPT from unknown[$victim]: 554 5.7.1 <x@y>: Relay access denied; from=<a@b>
	$now mail postfix/cleanup[1]: warning: header Subject: NOQUEUE: reject: RCPT from unknown[$victim]: 554 5.7.1 <x@y>: Relay access denied
	NOQUEUE: reject: RCPT from unknown[$victim]: 554 5.7.1 <x@y>: Relay access denied; from=<a@b>
	$now mail postfix/smtpd[1]: x NOQUEUE: reject: RCPT from unknown[$victim]: 554 5.7.1 <x@y>: Relay access denied; from=<a@b>
	LOG
done
# shellcheck disable=SC2129 # one by one
printf '%s mail postfix/smtpd[1]: \0\377\033[2J NOQUEUE: reject: RCPT from unknown[%s]: 554 5.7.1\n' "$now" $victim >>"$log"
head -c 100000 /dev/zero | tr '\0' 'x' >>"$log"
echo >>"$log"
mark
works "lines of others, or in the middle of one, charge nobody" unharmed $victim

# Old lines are no news.
old=$(date -d '5 hours ago' '+%b %e %H:%M:%S')
for i in 1 2 3 4 5; do
	echo "$old mail postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[$victim]: 554 5.7.1 <x$i@y>: Relay access denied; from=<a@b> to=<x@y> proto=SMTP helo=<c>"
done >>"$log"
mark
works "lines of five hours ago are not of now" unharmed $victim
works "the victim delivers at the end, too" delivers honest $victim $LAB_MAIL4
silent_on "nothing in the daemon's log could act on a terminal" $'\033' cat "$LAB_DIR/mail/daemon.log"
finish
