#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# refuse_hung.sh - a refusal listener that hangs while it is full, and a daemon with no capability to kill
#
# shellcheck disable=SC2317 # functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
lab_new "$@"

lab_star
lab_many bad 203.0.113.0/24
serve mail 25 || { not_ok server "it did not start"; finish; }
mkdir -p "$LAB_DIR/mail"
echo 203.0.113.0/24 >"$LAB_DIR/mail/list"
conf <<END
mode = enforce
interfaces = {"eth0"}
read-logs = off
list "strangers" {
	action = refuse
	file = "$LAB_DIR/mail/list"
}
refuse {
	contact = "https://example.org/refused"
	user = "nobody"
	clients = 5
	timeout = 60s
	times = "1000/1h"
}
END

# As in the unit: root, but for the capability to send signals to processes of other users.
real=$SMTPWALL
printf '#!/bin/sh\nexec setpriv --bounding-set -kill --inh-caps -kill %s "$@"\n' "$real" >"$LAB_DIR/smtpwall"
chmod +x "$LAB_DIR/smtpwall"
health() { lab_exec mail bpftool -j map dump pinned "$pins/maps/refuse_health" | "$(tool jsonget)" "0.formatted.value.$1"; }
open_now() { lab_exec mail bpftool -j map dump pinned "$pins/maps/refuse_state" | "$(tool jsonget)" 0.formatted.value.open; }
well() { [ "$(health pid)" -gt 0 ] && [ "$(health alive_until)" -gt 0 ]; }
replaced() { well && [ "$(health pid)" != "$1" ]; }
is_refused() { case $(lab_connect bad 203.0.113.66 "$LAB_MAIL4" 25 3 2>/dev/null) in 554*) ;; *) false ;; esac; }

SMTPWALL=$LAB_DIR/smtpwall
lab_daemon mail
SMTPWALL=$real
works "the daemon has a listener" wait_for 20 well
same "and may not kill it" "$(($((16#$(awk '$1 == "CapEff:" { print $2 }' "/proc/${lab_daemons[mail]}/status"))) >> 5 & 1))" 0
first=$(health pid)
for i in 1 2 3 4 5; do
	sleep 60 | lab_exec bad "$(tool peer)" talk 203.0.113.$i "$LAB_MAIL4" 25 >/dev/null 2>&1 &
done
held_open() { [ "$(open_now)" = 5 ]; }
works "it is full" wait_for 10 held_open
kill -STOP "$first"
works "stopped, it is replaced" wait_for 20 replaced "$first"
works "it is killed all the same" wait_for 5 ended "$first"
becomes "what it held is let go" 10 0 open_now
works "and others are refused" wait_for 5 is_refused
finish
