#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# relay_cli.sh - relay-test at its edges: whom it asks before, a host that tests itself, one family closed and the other
# open, what comes after DATA, greylisting with patience, its table and its JSON
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
has() { grep -qE -- "$1" "$LAB_DIR/output"; } # in the output of the last command
heard_that() { if has "$2"; then ok "$1"; else not_ok "$1" "no line matches '$2'; it said: $(heard)"; fi; }
ip -n router route add blackhole 198.51.100.98

lab_certificate || { not_ok certificate "there is none"; finish; }
relayd mail <<END || { not_ok relayd "it did not start"; finish; }
at 25 @
at 465 $LAB_MAIL4
wrapped $LAB_DIR/tls.pem $LAB_DIR/tls.key
at 465 $LAB_MAIL6
wrapped $LAB_DIR/tls.pem $LAB_DIR/tls.key
accept *
at 3001 $LAB_MAIL4
accept *
at 3001 $LAB_MAIL6
at 3002 $LAB_MAIL4
at 3002 $LAB_MAIL6
accept *
at 3003 $LAB_MAIL4
at 3004 $LAB_MAIL6
at 3005 $LAB_MAIL4
silent GREETING
at 3005 $LAB_MAIL6
at 3011 @
accept *
at 3012 @
accept *
say BODY 554 5.7.1 Relay access denied
at 3013 @
accept *
say BODY 550 5.7.1 This message looks like spam
at 3014 @
accept *
say DATA 554 5.7.1 Relay access denied
at 3015 @
accept *
close BODY
at 3016 @
accept * <*@own.example>
leave BODY
at 3021 @
accept *
grey 300
at 3022 @
accept *
grey 3
at 3031 @
say RCPT 554 5.7.1 \e[31mRelay access denied\e]0;owned\x07\x9b1m
say GREETING 220 mail.lab.example \e[2J\x08\x85
END

# --- families ------------------------------------------------------------------------------------------

cat >"$relay_dir/families" <<'END'
3001 may_relay      1 over IPv4 \(192\.0\.2\.25\): it accepts
3002 may_relay      1 over IPv6 \(2001:db8:0:25::25\): it accepts
3003 closed         0 refused
3004 closed         0 refused
3005 could_not_tell 3 over IPv4
3999 could_not_tell 3 nobody listens
END
while read -r port _; do
	patient=$([ "$port" = 3005 ] && echo 1s || echo 15s) tries "family-$port" "mail.lab.example:$port"
done <"$relay_dir/families"
tries four four.lab.example
tries wrapped mail.lab.example:465
tries literal6 "[$LAB_MAIL6]:25"
patient=1s tries blackhole 198.51.100.98
tries nowhere 198.51.100.97
tries unknown nobody.lab.example
tries broken broken.lab.example

# --- behind DATA -----------------------------------------------------------------------------------------

for port in 3011 3012 3013 3014 3015; do
	tries "recipient-$port" "four.lab.example:$port"
	tries "message-$port" "four.lab.example:$port" --deliver --to me@elsewhere.example
done
tries own four.lab.example:3016 --deliver --to me@own.example
tries impatient mail.lab.example:3021
tries patient mail.lab.example:3022 --patience 4s
tried

while read -r port verdict status reason; do
	same "family $port: verdict" "$(told "family-$port" verdict)/$(ended_with "family-$port")" "${verdict//_/ }/$status"
	says "family $port: reason" "$reason" told "family-$port" reason
done <"$relay_dir/families"
same "an IPv4 address alone" "$(told four verdict)/$(outcomes four | awk '{ print $1 }' | sort -u)" closed/4
says "says what was not asked" 'IPv6' told four reason
same "an IPv6 address alone" "$(told literal6 verdict)/$(outcomes literal6 | awk '{ print $1 }' | sort -u)" closed/6
same "TLS from the first byte on port 465" "$(told wrapped addresses.0.verdict), $(told wrapped addresses.1.verdict)" "closed, may relay"
for name in blackhole nowhere unknown broken; do
	same "$name: could not tell" "$(told $name verdict)/$(ended_with $name)" "could not tell/3"
	works "$name: a reason" test -n "$(told $name reason)"
done

for port in 3011 3012 3013 3014 3015; do
	same "$port without a message may relay" "$(told recipient-$port verdict)/$(ended_with recipient-$port)" "may relay/1"
	same "and gets none" "$(outcomes recipient-$port | grep -c delivered)" 0
done
while read -r port verdict status outcome; do
	same "$port with a message" "$(told "message-$port" verdict)/$(ended_with "message-$port")" "${verdict//_/ }/$status"
	works "$port: outcome $outcome" test "$(outcomes "message-$port" | grep -c " $outcome ")" -gt 0
done <<'END'
3011 open 1 delivered
3012 closed 0 refused-after-data
3013 may_relay 1 refused-after-data
3014 closed 0 refused-after-data
3015 could_not_tell 3 lost
END
works "the message is there, and says what it is" grep -q 'It does no harm' "$relay_dir/mail.mail"
works "and whose it is" grep -q '^3011 .* To: <me@elsewhere.example>' "$relay_dir/mail.mail"
same "no other server took one" "$(grep -vcE '^30(11|12|13|15|16) ' "$relay_dir/mail.mail")" 0
same "one message for each form" "$(grep -c '^3011 .* Subject: ' "$relay_dir/mail.mail")" \
	"$(outcomes message-3011 | grep -c ' delivered ')"
same "who takes mail for his own domain is not open, and be it one message a connection" \
	"$(told own verdict)/$(ended_with own)" "could not tell/3"
says "and it says why" 'whose server it seems to be' told own reason
same "without patience greylisting is no answer" "$(told impatient verdict)/$(ended_with impatient)" "could not tell/3"
says "and it says when to come again" 'greylists; try again' told impatient reason
same "with patience it is" "$(told patient verdict)/$(ended_with patient)" "may relay/1"

# --- JSON and table --------------------------------------------------------------------------------------

for path in host port verdict reason from to deliver addresses.0.family addresses.0.verdict addresses.0.reason \
	addresses.0.asked_from addresses.0.greeting addresses.0.name addresses.1.tests.0.form addresses.1.tests.0.way \
	addresses.1.tests.0.outcome addresses.1.tests.0.sender addresses.1.tests.0.recipient addresses.1.tests.0.stage \
	addresses.1.tests.0.code addresses.1.tests.0.words; do
	works "JSON has $path" test -n "$(told family-3001 $path)"
done
same "each form in each way, at both addresses" "$(outcomes family-3001 | sort -u | wc -l)" 184
same "the server's own words" "$(told family-3002 addresses.0.tests.1.words)" \
	"554 5.7.1 <relay-test@smtpwall-test.example>: Relay access denied"
is_json() { "$(tool jsonget)" - <"$relay_dir/$1.json"; }
for name in four family-3999 unknown; do works "$name: JSON" is_json $name; done
fails 0 "the table" relay_test mail.lab.example
same "a line for each form" "$(grep -cE '^ *(plain|percent-name|bang) .* refused .*Relay access denied' "$LAB_DIR/output")" 6
heard_that "and the verdict at the end" '^mail.lab.example: closed'
fails 1 "the table of an open one" relay_test mail.lab.example:3002
heard_that "names the proof" 'may relay.*--deliver'
lab_wall_command stranger
# As root sees it at a terminal.
fails 0 "at a terminal" script -qec "${lab_command[*]} relay-test --yes --pause 0s mail.lab.example:3031" /dev/null
cp "$LAB_DIR/output" "$relay_dir/terminal"
works "a server's escapes stay its own" not grep -qaP '\x1b\]0|\x07|\x1b\[2J|\x1b\[31mRelay|\x9b|\x85|\x08' "$relay_dir/terminal"

# --- whom it asks ------------------------------------------------------------------------------------------

connections() { grep -c ' connected ' "$relay_dir/mail.log"; }
before=$(connections)
bare() { lab_wall stranger relay-test "$@"; }
fails 2 "a host that is not this one, and nobody to ask" bare mail.lab.example
heard_that "it says what to say" '--yes'
asked_at_terminal() { # ANSWER
	printf '%s\n' "$1" | script -qec "${lab_command[*]} relay-test --pause 0s four.lab.example" /dev/null
}
fails 3 "asks at a terminal" asked_at_terminal n
heard_that "in words" 'May it be tested'
same "no is no" "$(connections)" "$before"
fails 0 "yes is yes" asked_at_terminal y
heard_that "and it is tested" 'four.lab.example: .*closed'
before=$(connections)
for own in "$LAB_MAIL4" "[$LAB_MAIL6]" mail.lab.example 127.0.0.1 127.9.9.9 '[::1]' "[::ffff:$LAB_MAIL4]" 0.0.0.0 '[::]'; do
	fails 3 "a host that tests itself as $own" lab_wall mail relay-test --yes --timeout 1s "$own"
	heard_that "is told to go outside" 'run it from outside'
done
same "nobody was connected to" "$(connections)" "$before"

# --- wrong usage ---------------------------------------------------------------------------------------------

while IFS='|' read -r -a words; do
	fails 2 "relay-test ${words[*]} is wrong usage" relay_test "${words[@]}"
done <<'END'
--json
mail.lab.example|four.lab.example
mail.lab.example:0
mail.lab.example:65536
mail.lab.example:smtp
[::1
192.0.2
0xc0000219
mail..example
-
mail.lab.example|--deliver
mail.lab.example|--from|nobody
mail.lab.example|--from|a b@c.example
mail.lab.example|--to|<a@b.example>
mail.lab.example|--to|a@b.example> X=<c
mail.lab.example|--helo|two words
mail.lab.example|--timeout|soon
mail.lab.example|--patience|-1
mail.lab.example|--frobnicate
END
fails 2 "a line's end in a sender" relay_test mail.lab.example --from $'a@b.example\r\nDATA'
fails 2 "or in a name" relay_test mail.lab.example --helo $'me.example\r\nDATA'
fails 2 "an escape in a host" relay_test $'\e[31mmail.lab.example'
works "is not repeated" not grep -qaP '\x1b' "$LAB_DIR/output"
same "of all that nothing was sent" "$(connections)" "$before"
says "help" '^usage: smtpwall relay-test' wall relay-test --help
finish
