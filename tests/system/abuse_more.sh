#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# abuse_more.sh - one more mail server: OpenSMTPD, whose reply to relaying names no reason
#
# Plain only: Debian 12's OpenSMTPD (6.8) fails every TLS handshake ("SSL routines::EVP lib"), and without TLS it
# knows no AUTH.
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/abuse.bash
. "$(dirname "$0")/abuse.bash"
lab_new "$@"

lab_star
lab_client honest 198.51.100.7 2001:db8:5100::7
lab_many bad 203.0.113.0/24 2001:db8:bad::/64
lab_opensmtpd mail || { not_ok opensmtpd "it did not start"; finish; }
# It may be an unknown user as well: that has to cost something here.
abuse_conf enforce 'abuse:unknown-user = 4' "$(mail_log opensmtpd)"
lab_daemon mail
works "the daemon is up" wait_for 15 daemon_runs

for place in "203.0.113.20 $LAB_MAIL4" "2001:db8:bad::20 $LAB_MAIL6"; do
	read -r source to <<<"$place"
	session "$(relays 8)" | probe bad $source $to
	same "$source gets as many answers as the limit allows" "$(denials)" 3
	works "of OpenSMTPD's" test "$(count '^550 Invalid recipient: <victim')" = 3
	works "and then silence, or a reset" ended_so 'silent|reset'
	works "its next connection is dropped" dropped bad $source $to
	works "check names the row" banned $source
	works "no session hangs" wait_for 5 no_session_of $source
done
session "$(relays 2)" QUIT | probe bad 203.0.113.21 $LAB_MAIL4
works "the log has them as well" wait_for 5 grep -q 'victim2@elsewhere' "$(lab_log mail opensmtpd)"
session "$(relays 3)" | probe bad 203.0.113.22 $LAB_MAIL4
works "another one is banned meanwhile" banned 203.0.113.22
works "two attempts count as two, not as four" unharmed 203.0.113.21
LAB_SUBJECT="to OpenSMTPD"
works "an honest client delivers" lab_send honest 198.51.100.7 $LAB_MAIL4
works "and its mail arrives" wait_for 10 grep -qxF "Subject: to OpenSMTPD" "$LAB_DIR/mail/opensmtpd/mail/user"
works "over IPv6" lab_send honest 2001:db8:5100::7 $LAB_MAIL6
finish
