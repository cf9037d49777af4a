#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# refuse_ban.sh - a ban that refuses ends the session it came from, as one that drops does; the next one is told why
#
# shellcheck disable=SC2086,SC2317 # words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/abuse.bash
. "$(dirname "$0")/abuse.bash"
lab_new "$@"

lab_star
lab_many bad 203.0.113.0/24 2001:db8:bad::/64
lab_postfix mail smtpd_error_sleep_time=0 || { not_ok postfix "it did not start"; finish; }
abuse_conf enforce 'abuse:action = refuse' 'refuse { user = "nobody"  contact = "https://example.org/refused" }'
listener() { lab_exec mail bpftool -j map dump pinned "$pins/maps/refuse_health" | "$(tool jsonget)" 0.formatted.value.pid; }
has_listener() { [ "$(listener)" -gt 0 ] 2>/dev/null; }
lab_daemon mail
works "the daemon has a listener" wait_for 20 has_listener

for place in "203.0.113.20 $LAB_MAIL4" "2001:db8:bad::20 $LAB_MAIL6"; do
	read -r source to <<<"$place"
	session "$(relays 8)" | probe bad $source $to
	same "$source gets as many answers as the limit allows" "$(denials)" 3
	works "and then nothing but silence, or a reset" ended_so 'silent|reset'
	works "the server's session is cut" wait_for 5 no_session_of $source
	becomes "its verdict" 5 refuse json verdict check $source
	says "the next connection is told why" '^554 5\.7\.1 .*local policy \(relay abuse\).*https://example\.org/refused' \
		lab_connect bad $source $to 25 5
	works "and is no session of the mail server" no_session_of $source
done
lab_daemon_stop mail
same "the daemon ends in good order" $? 0
finish
