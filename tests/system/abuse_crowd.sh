#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# abuse_crowd.sh - a thousand sessions at once, and clients of which one is bad behind one address
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
lab_sysctl mail net/core/somaxconn=2000 net/ipv4/tcp_max_syn_backlog=4000
lab_exim mail smtp_connect_backlog=1500 smtp_accept_max=1500 smtp_accept_queue=0 smtp_accept_reserve=0 smtp_max_synprot_errors=100 ||
	{ not_ok exim "it did not start"; finish; }
abuse_conf enforce
lab_daemon mail
works "the daemon is up" wait_for 15 daemon_runs

# --- a thousand from one address ------------------------------------------------------------------------------

sum() { awk -v "name=$1" '$1 == name { print $2 }' "$probed"; }
session "$(relays 3)" | probe bad 203.0.113.10 $LAB_MAIL4 -c 1000 -i 5000
answered=$(($(sum 550) + 0))
# Replies of several processors may be on their way at the moment the limit is reached.
works "a thousand sessions of one source get three answers, or two more: $answered" eval \
	'[ "$answered" -ge 1 ] && [ "$answered" -le 5 ]'
works "it is banned" banned 203.0.113.10
works "no session of it is left at the server" wait_for 15 no_session_of 203.0.113.10
works "the honest client is served" lab_send honest 198.51.100.7 $LAB_MAIL4

# --- a thousand that do no harm ---------------------------------------------------------------------------------

{ echo EHLO client.example; echo 'MAIL FROM:<a@client.example>'; echo 'RCPT TO:<user@lab.example>'; echo RSET; echo QUIT; } |
	probe honest 198.51.100.7 $LAB_MAIL4 -c 1000 -i 20000
same "a thousand sessions that do no harm all end well" "$(sum 'done')" 1000
works "nobody is banned for them" unharmed 198.51.100.7
same "all replies were read: nothing was lost" "$(lab_exec mail bpftool map dump pinned "$pins/maps/reply_counts" |
	sed -n 's/.*"lost": \([0-9]*\).*/\1/p' | awk '{ n += $1 } END { if (NR) print n }')" 0
finish
