#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# refuse_mail.sh - what real clients make of a refusal: swaks, and Postfix's own smtp client, which must bounce at once
#
# Postfix as it ships takes a greeting of 554 for temporary (smtp_skip_5xx_greeting = yes) and tries again for days;
# `at = mail` says the same a moment later, and the mail is returned.
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

client4=203.0.113.70 client6=2001:db8:bad:1::70
lab_star
lab_client client $client4 $client6
lab_client honest 198.51.100.7
lab_postfix mail smtpd_error_sleep_time=0 || { not_ok postfix "it did not start"; finish; }
# Whose mail goes to the wall, for one domain over IPv4, for the other over IPv6.
lab_postfix client myhostname=client.lab.example virtual_mailbox_domains=client.lab.example \
	'virtual_mailbox_maps=inline:{ user@client.lab.example=user/ }' \
	"transport_maps=inline:{ { four.example = smtp:[$LAB_MAIL4] } { six.example = smtp:[$LAB_MAIL6] } }" ||
	{ not_ok "the client's Postfix" "it did not start"; finish; }
printf '203.0.113.64/26\n2001:db8:bad:1::/64\n' >"$spam_list"
refuse_conf 'dnsbl:sites = ""' 'refuse:at = greeting' 'refuse:times = "1000/1h"'
works "the daemon is up and has a listener" refuse_starts

client_log=$(lab_log client postfix)
letters=0
# A mail of the client's, from its own queue; its subject is $LAB_SUBJECT.
mails() { # DOMAIN
	letters=$((letters + 1))
	LAB_SUBJECT="letter $letters"
	lab_exec client timeout 20 swaks --server 127.0.0.1 --from user@client.lab.example --to "user$letters@$1" \
		--helo client.lab.example --h-Subject "$LAB_SUBJECT" --timeout 5 --hide-all </dev/null
}
became() { grep -E "to=<user$letters@.*status=$1" "$client_log"; }
# The message that tells the sender, whole, on one line.
returned() {
	grep -lxF "Subject: letter $letters" "$LAB_DIR"/client/postfix/mail/user/new/* 2>/dev/null | head -n 1 |
		xargs -r cat | tr -d '\r' | tr -s '\n ' ' '
}
bounces() { # NAME DOMAIN SOURCE: a mail to there comes back at once, with what check says that SOURCE is told
	local want
	want=$(json reply check "$3")
	works "$1: a mail" mails "$2"
	works "$1: bounces at once" wait_for 15 became bounced
	works "$1: the sender is told" wait_for 10 eval '[ -n "$(returned)" ]'
	works "$1: in our words" grep -qF -- "${want:-nothing}" <(returned)
	works "$1: as a failure for good" grep -qE 'Action: failed Status: 5\.7\.1' <(returned)
}
queue_is_empty() { [ -z "$(find "$LAB_DIR"/client/postfix/queue/{incoming,active,deferred} -type f)" ]; }
refused() { packets block-list refused; }
swakses() { # SOURCE SERVER
	lab_exec client swaks --server "$2" --local-interface "$1" --timeout 5 --helo client.lab.example \
		--from user@client.lab.example --to user@lab.example >"$LAB_DIR/swaks"
}
sets() { # at greeting|mail
	refuse_conf 'dnsbl:sites = ""' "refuse:at = $1" 'refuse:times = "1000/1h"'
	reloaded
}

# --- a greeting of 554 -----------------------------------------------------------------------------------

want=$(json reply check $client4)
fails 21 "swaks takes it for the refusal that it is" swakses $client4 $LAB_MAIL4
works "and shows the text" grep -qF -- "${want:-nothing}" "$LAB_DIR/swaks"
fails 21 "over IPv6 too" swakses $client6 $LAB_MAIL6
works "the client's Postfix has a mail to deliver" mails four.example
works "as it ships, it tries again later" wait_for 15 became deferred
says "though it has heard the text" 'refused to talk to me: 554 5\.7\.1 ' became deferred
printf 'smtp_skip_5xx_greeting = no\n' >>"$LAB_DIR/client/postfix/etc/main.cf"
works "told to take it as it is meant" lab_postfix_do client reload
bounces four.example four.example $client4
bounces six.example six.example $client6
sed -i '$d' "$LAB_DIR/client/postfix/etc/main.cf"
works "as it ships again" lab_postfix_do client reload

# --- at = mail ----------------------------------------------------------------------------------------------

works "at = mail" sets mail
fails 23 "swaks is refused at MAIL" swakses $client4 $LAB_MAIL4
fails 23 "over IPv6 too" swakses $client6 $LAB_MAIL6
works "the mail that waited" lab_postfix_do client flush
letters=1
works "bounces at its next attempt" wait_for 15 became bounced
letters=10
bounces four.example four.example $client4
bounces six.example six.example $client6
for level in encrypt may; do
	printf 'smtp_tls_security_level = %s\n' $level >>"$LAB_DIR/client/postfix/etc/main.cf"
	works "a client of TLS level $level" lab_postfix_do client reload
	bounces $level four.example $client4
	sed -i '$d' "$LAB_DIR/client/postfix/etc/main.cf"
done
works "nothing waits in the client's queue" wait_for 10 queue_is_empty
before=$(refused)
lab_postfix_do client flush
works "nor is any mail tried again" not wait_for 2 eval '[ "$(refused)" != '"${before:-none}"' ]'
same "the mail server has seen none of it" "$(arrivals '203\.0\.113|2001:db8:bad')" 0
LAB_SUBJECT="honest mail"
works "honest mail is taken" lab_send honest 198.51.100.7 $LAB_MAIL4
works "and arrives" wait_for 10 lab_arrived "$LAB_SUBJECT"
finish
