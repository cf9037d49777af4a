#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# relay_forms.sh - relay-test finds every form of address that a server relays, and no other: for each form a server
# that takes this one alone, and servers that take one only in one way
#
# shellcheck disable=SC2317 # functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/relay.bash
. "$(dirname "$0")/relay.bash"
lab_new "$@"
relay_lab
lab_certificate || { not_ok certificate "there is none"; finish; }

# Sender and recipient as nmap and Metasploit write them, then those of older testers; LIT is the server's address.
table() {
	cat <<'END'
null-sender            <> <relay-test@smtpwall-test.example>
plain                  <antispam@outside.example> <relay-test@smtpwall-test.example>
local-sender           <antispam@mail.lab.example> <relay-test@smtpwall-test.example>
literal-sender         <antispam@[LIT]> <relay-test@smtpwall-test.example>
percent-literal        <antispam@[LIT]> <relay-test%smtpwall-test.example@[LIT]>
percent-name           <antispam@[LIT]> <relay-test%smtpwall-test.example@mail.lab.example>
quoted                 <antispam@[LIT]> <"relay-test@smtpwall-test.example">
quoted-percent         <antispam@[LIT]> <"relay-test%smtpwall-test.example">
double-at-literal      <antispam@[LIT]> <relay-test@smtpwall-test.example@[LIT]>
quoted-literal         <antispam@[LIT]> <"relay-test@smtpwall-test.example"@[LIT]>
double-at-name         <antispam@[LIT]> <relay-test@smtpwall-test.example@mail.lab.example>
route-literal          <antispam@[LIT]> <@[LIT]:relay-test@smtpwall-test.example>
route-name             <antispam@[LIT]> <@mail.lab.example:relay-test@smtpwall-test.example>
bang                   <antispam@[LIT]> <smtpwall-test.example!relay-test>
bang-literal           <antispam@[LIT]> <smtpwall-test.example!relay-test@[LIT]>
bang-name              <antispam@[LIT]> <smtpwall-test.example!relay-test@mail.lab.example>
bare-sender            <antispam> <relay-test@smtpwall-test.example>
localhost-sender       <antispam@localhost> <relay-test@smtpwall-test.example>
percent                * <relay-test%smtpwall-test.example>
percent-localhost      * <relay-test%smtpwall-test.example@localhost>
quoted-name            * <"relay-test@smtpwall-test.example"@mail.lab.example>
quoted-percent-literal * <"relay-test%smtpwall-test.example"@[LIT]>
quoted-percent-name    * <"relay-test%smtpwall-test.example"@mail.lab.example>
END
}
addresses=(--from antispam@outside.example)
ways="ehlo helo pipelined starttls"

at() { printf 'at %s @\ntls %s %s\n' "$1" "$LAB_DIR/tls.pem" "$LAB_DIR/tls.key"; }
port=3100
{
	while read -r _ form; do
		at $((port += 1))
		for literal in "$LAB_MAIL4" "IPv6:$LAB_MAIL6"; do printf 'accept %s\n' "${form//LIT/$literal}"; done
	done < <(table)
	port=3200
	for only in ehlo helo plain tls piped single; do
		at $((port += 1))
		printf '%s\n' 'accept * <smtpwall-test.example!relay-test>' "only $only"
	done
	# It finds fault with the sender, and relays for another one.
	at 3301
	printf '%s\n' 'accept <> <relay-test%smtpwall-test.example@mail.lab.example>' 'refuse <*@[*'
	# It takes all for a domain of its own, and for users that it has.
	printf '%s\n' 'at 3302 @' 'accept * <*@own.example>'
	printf '%s\n' 'at 3303 @' 'accept * <me@own.example>' 'say RCPT 550 5.1.1 %s: User unknown'
	printf '%s\n' 'at 3304 @' 'accept *'
} | relayd mail || { not_ok relayd "it did not start"; finish; }

port=3100
while read -r name _; do
	tries "$name" "mail.lab.example:$((port += 1))" "${addresses[@]}"
done < <(table)
port=3200
for only in ehlo helo plain tls piped single; do
	tries "only-$only" "mail.lab.example:$((port += 1))" "${addresses[@]}"
done
tries sender four.lab.example:3301 "${addresses[@]}"
for own in 3302 3303 3304; do tries to-$own four.lab.example:$own --to me@own.example; done
tried

in_ways() { # FORM WAY...: in both families
	local form=$1 family way
	shift
	for family in 4 6; do for way; do printf '%s %s %s\n' $family "$form" "$way"; done; done
}
while read -r name _; do
	# shellcheck disable=SC2086 # words
	same "$name is found, in every way, and nothing else" "$(taken "$name")" "$(in_ways "$name" $ways)"
	same "$name: verdict" "$(told "$name" verdict)/$(ended_with "$name")" "may relay/1"
done < <(table)
same "these are all forms" "$(outcomes plain | awk '{ print $2 }' | sort -u)" "$(table | awk '{ print $1 }' | sort)"
while read -r only in; do
	# shellcheck disable=SC2086 # words
	same "open only with $only" "$(taken "only-$only")" "$(in_ways bang $in)"
	same "is a relay" "$(ended_with "only-$only")" 1
done <<END
ehlo ehlo pipelined starttls
helo helo
plain ehlo helo pipelined
tls starttls
piped pipelined
single ehlo helo starttls
END
same "a sender that is refused hides nothing" "$(taken sender)" "$(in_ways percent-name ehlo helo pipelined starttls | grep '^4')"
# Somebody names an address that the server itself is responsible for.
for own in 3302 3303; do
	same "its own domain is no relaying" "$(told to-$own verdict)/$(ended_with to-$own)" "could not tell/3"
	works "and it says why" grep -q 'own.example' "$relay_dir/to-$own.json"
done
same "an open one takes that domain, too" "$(told to-3304 verdict)/$(ended_with to-3304)" "may relay/1"
finish
