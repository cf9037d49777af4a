#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dnsbl_load.sh - many sources at once, none without an answer; budgets, forged SYNs, kill -9
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/dns.bash
. "$(dirname "$0")/dns.bash"
lab_new "$@"

lab_star
lab_many bad 203.0.113.0/24 44.0.0.0/8
lab_client other 198.51.100.7
serve mail 25 || { not_ok server "it did not start"; finish; }
dns_start || { not_ok "DNS server" "it did not start"; finish; }
printf '*.44.bl.example delay=100 NX ttl=3600\n' | dns_rules

config() { # [MORE]
	printf 'mode = enforce\ninterfaces = {"eth0"}\nrate { syn = off  source = off }\n'
	printf 'dnsbl {\n\tsites = "bl.example*3"\n\tthreshold = 3\n\ttimeout = 2s\n\tresolvers = {"127.0.0.1"}\n%s\n}\n' "${1:-}"
}
config | conf
reload() { kill -HUP "${lab_daemons[mail]}"; }
crowd() { lab_exec bad "$(tool crowd)" "$1" $LAB_MAIL4 25 "$2" "$3" "$4" "${5:-3000}"; }
status() { json "$1" dnsbl status; }
answered() { [ "$(field score "$1")" != "" ]; }
idle() { [ "$(status lookups.under_way)$(status lookups.queued)" = 00 ]; }

lab_daemon mail
works "the daemon is up" wait_for 15 wall status

# --- a forged SYN decides nothing ----------------------------------------------------------------------

{ listed 203.0.113.200; printf '*.44.bl.example delay=100 NX ttl=3600\n'; } | dns_rules
lab_exec other "$(tool flood)" 203.0.113.200 $LAB_MAIL4 25 1000 500 >/dev/null
lab_exec other "$(tool flood)" 44.200.0.1 $LAB_MAIL4 25 1000 500 256 >/dev/null
works "a real session behind a flood of forged SYNs" eval '[ "$(knock bad 203.0.113.5 $LAB_MAIL4 1 2500)" = 1 ]'
works "is looked up" wait_for 5 answered 203.0.113.5
same "none of the forged ones was" "$(asked '200\.113\.0\.203|\.200\.44\.')" 0
same "nor is anything held about them" "$(field score 203.0.113.200)" ""

# --- 10,000 sources in a minute, a resolver 100 ms away -----------------------------------------------------

before=$(status sites.0.queries)
SECONDS=0
served=$(crowd 44.0.0.1 10000 256 175)
same "10,000 clients in a minute are greeted" "${served%% *}" 10000
works "within about a minute" test $SECONDS -lt 90
works "lookups come to an end" wait_for 20 idle
same "each was asked about once" $(($(status sites.0.queries) - before)) 10000
at_least "none is without an answer" "$(status answers.held)" 10000
same "none was dropped from the queue" "$(status lookups.dropped)" 0
none_open() { ! bpftool map dump pinned "$pins/maps/proven" | grep -q '"sessions": [^0]'; }
works "and no session is left over" wait_for 10 none_open
works "all is well" wall status

# --- more than the queue holds ------------------------------------------------------------------------------

# So few a second that a loaded machine, which lets the thousand in only slowly, brings more of them as well.
config '	budget = 16  queue = 16' | conf
reload
asks() { bpftool map dump pinned "$pins/maps/settings" | sed -nE 's/.*"ask_budget": ([0-9]+).*/\1/p'; }
works "a short queue" wait_for 10 eval '[ "$(asks)" = 32 ]'
served=$(crowd 44.60.0.1 1000 256 0)
same "a thousand at once are greeted" "${served%% *}" 1000
works "the oldest are dropped from the queue, and counted" wait_for 10 eval '[ "$(status lookups.dropped)" -gt 0 ]'
works "lookups come to an end" wait_for 30 idle
works "honest mail flows" eval '[ "$(knock other 198.51.100.7 $LAB_MAIL4 1 2500)" = 1 ]'
before=$(status answers.held)
config | conf
reload
works "a longer queue" wait_for 10 eval '[ "$(asks)" = 400 ] && wall status'
clock 100
works "those that were dropped are found by the next walk" wait_for 30 eval '[ "$(status answers.held)" -gt $((before + 100)) ]'
works "and looked up, all of them" wait_for 30 eval 'idle && [ "$(status answers.held)" -ge 11000 ]'

# --- a network has its own budget ----------------------------------------------------------------------------

before=$(asked '\.90\.44\.')
served=$(crowd 44.90.1.1 60 1 0)
same "sixty of one network are greeted" "${served%% *}" 60
works "the first ten are asked about" wait_for 5 eval '[ $(($(asked "\.90\.44\.") - before)) -ge 10 ]'
works "the others wait, a neighbour does not" eval '[ "$(knock bad 203.0.113.6 $LAB_MAIL4 1 2500)" = 1 ]'
works "and has its answer before them" wait_for 3 answered 203.0.113.6
works "while they" test $(($(asked '\.90\.44\.') - before)) -lt 60
works "have theirs in the end" wait_for 15 eval '[ $(($(asked "\.90\.44\.") - before)) -eq 60 ]'

# --- kill -9 --------------------------------------------------------------------------------------------------

{ printf '*.91.44.bl.example delay=1500 A 127.0.0.2 ttl=300\n*.44.bl.example NX\n'; } | dns_rules
served=$(crowd 44.91.0.1 30 256 0 200)
works "lookups are under way" wait_for 5 eval '[ "$(status lookups.under_way)" -ge 30 ]'
kill -9 "${lab_daemons[mail]}"
wait "${lab_daemons[mail]}" 2>/dev/null
works "kill -9: the wall stands" wall mode
printf '*.91.44.bl.example A 127.0.0.2 ttl=300\n*.44.bl.example NX\n' | dns_rules
lab_daemon mail
works "the next daemon asks again" wait_for 20 eval '[ "$(status answers.listed)" -ge 30 ]'
same "and drops them" "$(knock bad 44.91.7.1 $LAB_MAIL4 1 400)" 0

# --- a full table ------------------------------------------------------------------------------------------------

{ listed 203.0.113.201; printf '*.44.bl.example NX ttl=3600\n'; } | dns_rules
at_least "the table of answers is filled up" "$(lab_exec mail "$(tool answers)" "$pins" 200000)" 100000
knock bad 203.0.113.202 $LAB_MAIL4 1 2500 >/dev/null
works "the oldest of unlisted sources are forgotten" wait_for 20 eval '[ "$(status answers.held)" -lt 110000 ]'
works "the daemon has kept moving" wait_for 5 wall status
works "a listed client finds room" wait_for 10 eval \
	'knock bad 203.0.113.201 $LAB_MAIL4 1 400 >/dev/null; [ "$(field reason 203.0.113.201)" = dnsbl ]'
lab_daemon_stop mail
same "the daemon ends in good order" $? 0
finish
