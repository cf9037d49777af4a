#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# abuse_tls.sh - Postfix behind STARTTLS: its log, a plain file, tells what the wire does not
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
lab_postfix mail --tls --auth smtpd_error_sleep_time=0 smtpd_hard_error_limit=100 || { not_ok postfix "it did not start"; finish; }
abuse_conf enforce "$(mail_log postfix)"
lab_daemon mail
works "the daemon is up" wait_for 15 daemon_runs
veiled postfix

# --- the file changes under its reader --------------------------------------------------------------------

log=$(lab_log mail postfix)
mv "$log" "$log.1"
lab_postfix_do mail reload
session "$(relays 12 | slowly)" | probe bad 203.0.113.60 $LAB_MAIL4 -t
works "a log that was renamed: the new one is read" wait_for 10 banned 203.0.113.60
: >"$log"
session "$(relays 12 | slowly)" | probe bad 203.0.113.61 $LAB_MAIL4 -t
works "a log that was cut short: it is read from its beginning" wait_for 10 banned 203.0.113.61
works "an honest client is served" delivers honest 198.51.100.7 $LAB_MAIL4
finish
