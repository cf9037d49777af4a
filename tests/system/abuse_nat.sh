#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# abuse_nat.sh - a network address translator with a good client and a bad one behind it
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/abuse.bash
. "$(dirname "$0")/abuse.bash"
lab_new "$@"

# One host with one address stands for the translator: the wall sees nothing else of those behind it.
nat=198.51.100.7
lab_star
lab_client nat $nat 2001:db8:5100::7
lab_client other 198.51.100.8
lab_postfix mail --auth smtpd_error_sleep_time=0 smtpd_hard_error_limit=1000 || { not_ok postfix "it did not start"; finish; }
abuse_conf enforce
lab_daemon mail
works "the daemon is up" wait_for 15 daemon_runs

# --- the good one logs in --------------------------------------------------------------------------------------

talk_to nat $nat $LAB_MAIL4
works "the good client is greeted" hear '^220'
tell EHLO good.example
works "and heard" hear '^250 '
tell "$(login)"
works "and logs in" hear '^235'
same "which counts for the address" "$(verdict_of $nat)" pass/authenticated

session "$(relays 3)" QUIT | probe nat $nat $LAB_MAIL4
same "the bad one looks for a relay" "$(denials)" 3
{ echo EHLO bad.example; guesses 15; echo QUIT; } | probe nat $nat $LAB_MAIL4
same "and tries passwords" "$(count '^535 ')" 15
works "the address is not banned for it" unharmed $nat
tell "MAIL FROM:<user@lab.example>"
works "the good client's session goes on" hear '^250 '
tell "RCPT TO:<user@lab.example>"
works "its recipient is taken" hear '^250 '
tell DATA
works "its message" hear '^354 '
tell "Subject: through the translator"
tell ""
tell .
works "is accepted" hear '^250 '
works "and arrives" wait_for 10 lab_arrived "through the translator"

# --- the bad one does not stop ----------------------------------------------------------------------------------

session "$(relays 20)" | probe nat $nat $LAB_MAIL4
works "four times the limit is the end of it" banned $nat
works "of both" dropped nat $nat $LAB_MAIL4
hang_up
works "an administrator may let it in" eval 'wall unblock $nat && wall allow $nat'
works "and both are served" delivers nat $nat $LAB_MAIL4
session "$(relays 8)" QUIT | probe nat $nat $LAB_MAIL4
works "who is allowed is not banned" unharmed $nat
works "others never noticed" delivers other 198.51.100.8 $LAB_MAIL4
finish
