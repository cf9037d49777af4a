#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# relay_ill.sh - relay-test against servers that refuse in their own words, defer, trickle, babble, fall silent or hang
# up: each gets the verdict that it deserves, and none keeps the test from ending
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

# A server a line: its name, the exit status that it brings, the verdict, what comes of the single tests (all that
# occurs, STARTTLS left out where it is not offered), and how it behaves (tests/tools/relayd.c).
table() {
	cat <<'END'
# closed, each in its own words
closed           0 closed         refused
debian           0 closed         refused       say RCPT 454 4.7.1 %s: Relay access denied
exim             0 closed         refused       say RCPT 550 relay not permitted
exchange         0 closed         refused       say RCPT 550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain
qmail            0 closed         refused       say RCPT 553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)
opensmtpd        0 closed         unknown-user  say RCPT 550 Invalid recipient: %s
picky            0 closed         refused,sender-refused refuse <*@*>
many-lines       0 closed         refused       repeat RCPT 20 554-5.7.1 think twice ;; say RCPT 554 5.7.1 Relay access denied
no-words         0 closed         refused       say RCPT 554
nobody           0 closed         unknown-user  say RCPT 550 5.1.1 %s: Recipient address rejected: User unknown in virtual mailbox table
password         0 closed         authentication-needed say RCPT 530 5.7.0 Authentication required
password-at-once 0 closed         authentication-needed say MAIL 530 5.7.0 Must issue an AUTH command first
impatient        0 closed         refused       after 5 421 4.7.0 mail.lab.example Error: too many errors
no-ehlo          0 closed         not-offered,refused say EHLO 502 5.5.1 Command not implemented
bare             0 closed         not-offered,refused bare
exim-strict      0 closed         not-offered,refused bare ;; strict
slow             0 closed         refused       speed 20000
tls              0 closed         refused       tls CERT KEY
no-tls-today     3 could-not-tell deferred,refused tls CERT KEY ;; say STARTTLS 454 4.7.0 TLS not available
coloured         0 closed         refused       say RCPT 554 5.7.1 \e[31mRelay access denied\e]0;owned\x07\x9b1m ;; say GREETING 220 \e[2Jmail ESMTP \x08
zeros            0 closed         refused       say RCPT 554 5.7.1 \0\0 Relay access denied \0
# open
open             1 may-relay      accepted      accept *
forwards         1 may-relay      accepted      accept * ;; say ACCEPTED 251 2.1.5 User not local; will forward
open-then-full   1 may-relay      accepted      accept * ;; after 9 421 4.7.0 mail.lab.example Error: too many errors
any-user         1 may-relay      accepted,refused accept * <*@mail.lab.example>
# no answer that says something about relaying
greylists        3 could-not-tell greylisted    say RCPT 451 4.7.1 Greylisting in action, please come back later
greylists-450    3 could-not-tell greylisted    say RCPT 450 4.2.0 %s: Recipient address rejected: Greylisted for 300 seconds
defers-by-time   3 could-not-tell greylisted    accept * ;; grey 300
out-of-order     3 could-not-tell deferred      say RCPT 451 4.3.0 Temporary lookup failure
dislikes-sender  3 could-not-tell sender-refused say MAIL 550 5.7.1 Sender address rejected: not welcome
asks-first       3 could-not-tell deferred,unknown-domain say RCPT 450 4.1.2 %s: Recipient address rejected: Domain not found
no-name          3 could-not-tell client-refused say RCPT 450 4.7.25 Client host rejected: cannot find your hostname, [198.51.100.7]
broken-tls       3 could-not-tell refused,unintelligible tls
tls-stalls       3 could-not-tell refused,timeout tls NEVER NEVER
tls-injects      3 could-not-tell refused,unintelligible tls CERT KEY ;; say STARTTLS 220 Go ahead\r\n250 2.0.0 Not so fast
tls-alerts       3 could-not-tell refused,unintelligible tls CERT KEY ;; alerts
tls-hangs-up     3 could-not-tell lost,refused  tls CERT KEY ;; leave STARTTLS
deaf             3 could-not-tell refused,timeout deaf
dislikes-us      3 could-not-tell client-refused say RCPT 554 5.7.1 Service unavailable; Client host [198.51.100.7] blocked using zen.spamhaus.org
dislikes-all     3 could-not-tell client-refused say GREETING 554 mail.lab.example ESMTP not accepting connections
busy             3 could-not-tell lost          say GREETING 421 4.3.2 All server ports are busy
no-hello         3 could-not-tell not-offered   say EHLO 502 5.5.1 No ;; say HELO 502 5.5.1 No
enough           3 could-not-tell lost          after 2 421 4.7.0 mail.lab.example Error: too many errors
trickles         3 could-not-tell timeout       speed 10
ssh              3 could-not-tell unintelligible say GREETING SSH-2.0-OpenSSH_9.2p1 Debian-2
web              3 could-not-tell unintelligible say GREETING HTTP/1.1 400 Bad Request
veiled           3 could-not-tell unintelligible say GREETING \x16\x03\x03\0\x5a\x02\0\0\x56\x03\x03\c
bytes            3 could-not-tell unintelligible noise GREETING 20000
bytes-later      3 could-not-tell unintelligible noise RCPT 300
no-code          3 could-not-tell unintelligible say RCPT Relay access denied
half-a-code      3 could-not-tell unintelligible say RCPT 55
wild-code        3 could-not-tell unintelligible say RCPT 999 Relay access denied
wrong-code       3 could-not-tell unintelligible say RCPT 354 Go ahead
long-line        3 could-not-tell unintelligible repeat RCPT 0 554 no no no no no no no no\c
long-greeting    3 could-not-tell unintelligible repeat GREETING 0 220 no no no no no no no no\c
no-end           3 could-not-tell unintelligible repeat RCPT 0 554-5.7.1 Relay access denied
no-end-at-once   3 could-not-tell unintelligible repeat EHLO 0 250-mail.lab.example
dumb             3 could-not-tell timeout       silent GREETING
dumb-ehlo        3 could-not-tell timeout       silent EHLO ;; silent HELO
dumb-mail        3 could-not-tell timeout       silent MAIL
dumb-rcpt        3 could-not-tell timeout       silent RCPT
leaves           3 could-not-tell lost          leave GREETING
closes           3 could-not-tell lost          close GREETING
resets           3 could-not-tell lost          reset GREETING
closes-at-mail   3 could-not-tell lost          close MAIL
resets-at-rcpt   3 could-not-tell lost          reset RCPT
talks-too-much   3 could-not-tell unintelligible say MAIL 250 2.1.0 Ok\r\n250 2.1.0 By the way, it is raining
END
}

mkdir -p "$relay_dir/servers"
# Whoever wants to read his certificate there waits for ever.
mkfifo "$relay_dir/never"
port=3000
while read -r name _ _ _ behaviour; do
	port=$((port + 1))
	echo $port >"$relay_dir/servers/$name"
	printf 'at %s @\n' $port
	printf '%s\n' "$behaviour" | sed "s| ;; |\n|g; s|CERT KEY|$LAB_DIR/tls.pem $LAB_DIR/tls.key|; s|NEVER|$relay_dir/never|g"
done < <(table | grep -v '^#') | relayd mail || { not_ok relayd "it did not start"; finish; }
while read -r name _ _ kinds _; do
	# A limit that a busy machine does not reach, but for who is silent.
	case $kinds in *timeout) patient=1s ;; *) patient=15s ;; esac
	tries "$name" "mail.lab.example:$(cat "$relay_dir/servers/$name")"
done < <(table | grep -v '^#')
tried

# What came of each: "NAME VERDICT KINDS"; not tried is no outcome, nor is STARTTLS where it is not offered.
perl -MJSON::PP -0777 -ne '
	my $all = decode_json($_);
	my %kind;
	for my $t (map { @{$_->{tests}} } @{$all->{addresses}}) {
		next if $t->{outcome} eq "not-tried" || ($t->{way} eq "starttls" && $t->{outcome} eq "not-offered");
		$kind{$t->{outcome}} = 1;
	}
	my ($name) = $ARGV =~ m,([^/]+)[.]json$,;
	printf "%s %s %s\n", $name, $all->{verdict} =~ tr/ /-/r, join(",", sort keys %kind);
' "$relay_dir"/*.json >"$relay_dir/results"
while read -r name status verdict kinds _; do
	same "$name" "$(grep "^$name " "$relay_dir/results") $(ended_with "$name")" "$name $verdict $kinds $status"
done < <(table | grep -v '^#')
same "all have a reason" "$(grep -lE '^ *"reason" *: *"[^"]' "$relay_dir"/*.json | wc -l)" "$(table | grep -vc '^#')"
works "nobody's bytes are more than text" not grep -qP '[^\x20-\x7e\n\t]|\\u' "$relay_dir"/*.json
# One that ends connections is asked half as much on the next one, three times at either address.
works "a 421 is heeded" test "$(heard_of "$(cat "$relay_dir/servers/impatient")" enough | wc -l)" -le 6
# Of one that wants no more, no more is asked than it takes to be sure.
for name in busy enough; do
	works "$name is left alone" test "$(heard_of "$(cat "$relay_dir/servers/$name")" connected | wc -l)" -le 4
done
finish
