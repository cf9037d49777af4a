#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# refuse_clients.sh - what Exim and OpenSMTPD make of a refusal; Postfix and swaks are in refuse_mail.sh
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

lab_star
lab_client exim 203.0.113.70
lab_client opensmtpd 203.0.113.71 2001:db8:bad:1::71
serve mail 25 || { not_ok server "it did not start"; finish; }
mkdir -p "$LAB_DIR/mail"
printf '203.0.113.64/26\n2001:db8:bad:1::/64\n' >"$spam_list"
sets() { refuse_conf 'dnsbl:sites = ""' "refuse:at = $1" 'refuse:times = "1000/1h"'; }
sets greeting
works "the daemon is up and has a listener" refuse_starts
lab_exim exim 'RELAY_FROM = 127.0.0.1' "RELAY_TO = $LAB_MAIL4" || { not_ok exim "it did not start"; finish; }
# Two ways, since it leaves a server alone for a while whose greeting it did not like.
away() { # DOMAIN HOST
	printf 'action "%s" relay host "smtp://%s"\nmatch from local for domain "%s" action "%s"\n' "$1" "$2" "$1" "$1"
}
lab_opensmtpd opensmtpd "$(away four.example $LAB_MAIL4)" "$(away six.example "[$LAB_MAIL6]")" ||
	{ not_ok opensmtpd "it did not start"; finish; }

letters=0
mails() { # CLIENT DOMAIN
	letters=$((letters + 1))
	lab_exec "$1" timeout 20 swaks --server 127.0.0.1 --from user@lab.example --to "letter$letters@$2" \
		--timeout 5 --hide-all </dev/null
}
# says_of NAME CLIENT SOURCE DOMAIN PATTERN: such a line is in its log of a mail to there, with what check says that
# SOURCE is told
says_of() {
	local want log lines
	want=$(json reply check "$3")
	log=$(lab_log "$2" "$2")
	lines=$(wc -l <"$log")
	works "$1: a mail" mails "$2" "$4"
	line() { tail -n "+$((lines + 1))" "$log" | grep -E -- "$1" | grep -qF -- "${want:-nothing}"; }
	works "$1: it hears why" wait_for 20 line "$5"
}

says_of "Exim, a greeting of 554: returned" exim 203.0.113.70 four.example '\*\* letter[0-9]+@.* after initial connection: '
says_of "OpenSMTPD, a greeting of 554: later" opensmtpd 203.0.113.71 four.example 'mta error reason=BANNER rejected: '
sets mail
works "at = mail" reloaded
says_of "Exim, at MAIL: returned" exim 203.0.113.70 four.example '\*\* letter[0-9]+@.* after MAIL FROM:'
says_of "OpenSMTPD, at MAIL: returned" opensmtpd 2001:db8:bad:1::71 six.example 'to=<letter[0-9]+@.*result="PermFail"'
same "the mail server has seen none of it" "$(packets block-list passed)" 0
finish
