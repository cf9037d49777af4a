#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# abuse_exim.sh - the replies and the log of a real Exim
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/abuse.bash
. "$(dirname "$0")/abuse.bash"
# shellcheck source=tests/system/abuse_veiled.bash
. "$(dirname "$0")/abuse_veiled.bash"
lab_new "$@"

lab_star
lab_client honest 198.51.100.7 2001:db8:5100::7
lab_many bad 203.0.113.0/24 2001:db8:bad::/64
lab_exim mail smtp_max_synprot_errors=100 || { not_ok exim "it did not start"; finish; }
abuse_conf enforce "$(mail_log exim)"
lab_daemon mail
works "the daemon is up" wait_for 15 daemon_runs

# --- plain ---------------------------------------------------------------------------------------------

for place in "203.0.113.20 $LAB_MAIL4" "2001:db8:bad::20 $LAB_MAIL6"; do
	read -r source to <<<"$place"
	session "$(relays 8)" | probe bad $source $to
	same "$source gets as many answers as the limit allows" "$(denials)" 3
	works "of Exim's: 550, and no enhanced code" test "$(count '^550 relay not permitted')" = 3
	works "and then silence, or a reset" ended_so 'silent|reset'
	works "its next connection is dropped" dropped bad $source $to
	works "check names the row" banned $source
	works "no process of the server hangs on it" wait_for 5 no_session_of $source
done
session "$(relays 50)" | probe bad 203.0.113.21 $LAB_MAIL4 -p 60
works "fifty pipelined recipients get three answers at most" eval 'denials; [ "$(denials)" -le 3 ] && banned 203.0.113.21'

{ echo EHLO client.example; guesses 20; } | probe bad 203.0.113.22 $LAB_MAIL4
works "wrong passwords end in a ban" banned 203.0.113.22
{ echo EHLO client.example; login; echo QUIT; } | probe bad 203.0.113.23 $LAB_MAIL4
same "the right one makes its source authenticated" "$(verdict_of 203.0.113.23)" pass/authenticated
session "$(repeat 10 'RCPT TO:<nobody%d@lab.example>')" QUIT | probe bad 203.0.113.24 $LAB_MAIL4
same "unknown users are answered" "$(count '^550 Unknown user')" 10
works "and no ban" unharmed 203.0.113.24
says "but counted" 'unknown-user' wall check 203.0.113.24

# Accepted by BDAT, in two chunks: one message.
session 'RCPT TO:<user@lab.example>' $'\tBDAT 13' 'Subject: hi' $'\tBDAT 10 LAST' $'\t' 'Hello.' QUIT |
	probe bad 203.0.113.25 $LAB_MAIL4
works "a message in chunks is accepted" test "$(count '^250 OK id=')" = 1
LAB_SUBJECT="to Exim"
works "an honest client delivers" lab_send honest 198.51.100.7 $LAB_MAIL4
works "and its mail arrives" wait_for 10 grep -qxF "Subject: to Exim" "$LAB_DIR/mail/exim/mail/user"

# --- behind TLS -------------------------------------------------------------------------------------------

veiled exim
works "the honest client is served at the end, too" lab_send honest 198.51.100.7 $LAB_MAIL4
finish
