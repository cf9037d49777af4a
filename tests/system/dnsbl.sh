#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dnsbl.sh - a source is looked up when it completes a handshake, and from then on the kernel decides
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/dns.bash
. "$(dirname "$0")/dns.bash"
lab_new "$@"

bad=203.0.113.66 bad6=2001:db8:bad::66 trusted=203.0.113.70 partner=203.0.113.90 old=203.0.113.71
lab_star
lab_many bad 203.0.113.0/24 2001:db8:bad::/64 10.77.0.0/24
serve mail 25 || { not_ok server "it did not start"; finish; }
dns_start || { not_ok "DNS server" "it did not start"; finish; }

{
	listed $bad bl.example 'A 127.0.0.2,127.0.0.4 ttl=300'
	listed $trusted
	listed $trusted wl.example 'A 127.0.5.2 ttl=300'
	listed $partner
	echo '6.6.0.0.*.d.a.b.0.8.b.d.0.1.0.0.2.bl.example A 127.0.0.3 ttl=300'
} >"$LAB_DIR/rules"
dns_rules <"$LAB_DIR/rules"

config() { # MODE SITES [MORE]
	printf 'mode = %s\ninterfaces = {"eth0"}\ndnsbl {\n\tsites = "%s"\n\tthreshold = 3\n\ttimeout = 2s\n' "$1" "$2"
	printf '\tresolvers = {"127.0.0.1"}\n%s\n}\n' "${3:-}"
}
both='bl.example=127.0.0.[2..11]*3, wl.example=127.0.5.[1..3]*-2'
config enforce "$both" | conf
reload() { kill -HUP "${lab_daemons[mail]}"; }

reaches() { [ "$(knock bad "$1" "${2:-$LAB_MAIL4}" 1 2500)" = 1 ]; }
dropped() { [ "$(knock bad "$1" "${2:-$LAB_MAIL4}" 1 400)" = 0 ]; }
verdict_is() { [ "$(field verdict "$1")/$(field reason "$1")" = "$2" ]; }
answered() { [ "$(field score "$1")" != "" ]; }
daemon_runs() { [ "$(json daemon status)" = true ]; }
said() { grep -qE -- "$1" "$LAB_DIR/mail/daemon.log"; }

lab_daemon mail
works "the daemon is up and all is well" wait_for 15 wall status
works "an allowed address" wall allow $partner

# --- first contact ------------------------------------------------------------------------------

talk_to bad $bad $LAB_MAIL4
works "a listed client's first connection is greeted" hear '^220'
works "its session is cut" wait_for 5 ended "$talking"
hang_up
works "from then on it is dropped" dropped $bad
works "check names the row" verdict_is $bad drop/dnsbl
same "and the score" "$(field score $bad)" 3
works "the log says which site and what it answered" wait_for 5 said \
	"listed source=$bad score=3 sites=\"bl.example=127.0.0.2,127.0.0.4\" until="
works "an IPv6 client is looked up by its exact address" reaches $bad6 $LAB_MAIL6
works "and dropped" wait_for 5 dropped $bad6 $LAB_MAIL6
works "its neighbour is not" reaches 2001:db8:bad::67 $LAB_MAIL6

for try in 1 2 3 4; do reaches 203.0.113.5 || not_ok "connection $try of an unlisted client" "it failed"; done
works "an unlisted client has its answer" wait_for 5 answered 203.0.113.5
same "and costs one question" "$(asked '5\.113\.0\.203\.bl')" 1
works "its score is no listing" verdict_is 203.0.113.5 pass/clean

works "a client in a block list and an allow list" reaches $trusted
works "has the sum of both" wait_for 5 answered $trusted
same "which is" "$(field score $trusted)" 1
works "and passes" reaches $trusted

works "an allowed client" reaches $partner
works "a private address" reaches 10.77.0.5
# A later one was asked about: these two would have been by now.
works "a client behind them" reaches 203.0.113.6
works "is looked up" wait_for 5 answered 203.0.113.6
same "nobody was asked about the allowed and the private address" "$(asked '90\.113\.0\.203|77\.10\.')" 0

# --- weights, sites, threshold: rescored from the answers ----------------------------------------------

questions=$(asked '')
config enforce 'bl.example=127.0.0.[2..11]*2, wl.example=127.0.5.[1..3]*-2' | conf
reload
becomes "a smaller weight rescores" 10 2 field score $bad
works "and lets the client in" verdict_is $bad pass/clean
config enforce "$both, key.example*1" | conf
reload
becomes "the old weight drops it again" 10 drop/dnsbl eval 'echo "$(field verdict $bad)/$(field reason $bad)"'
config enforce "$both" | sed 's/threshold = 3/threshold = 1/' | conf
reload
works "a lower threshold drops the one that two sites speak about" wait_for 10 verdict_is $trusted drop/dnsbl
config enforce 'bl.example=127.0.0.[2..11]*3' | conf
reload
works "without the allow site it is listed" wait_for 10 verdict_is $trusted drop/dnsbl
works "by the old threshold" wait_for 10 eval '[ "$(field threshold $trusted)" = 3 ]'
config enforce 'wl.example=127.0.5.[1..3]*-2' | conf
reload
works "without the site nothing speaks against anybody" wait_for 10 verdict_is $bad pass/clean
same "nobody was asked for all this" "$(asked '')" "$questions"
config enforce "$both" | conf
reload
works "reloaded" wait_for 10 is_well
works "all answers are flushed" wall dnsbl flush

# --- one site in the place of another ----------------------------------------------------------------------

config enforce 'wl.example*-2' | conf
reload
works "an allow site alone" wait_for 10 is_well
works "trusts a client" wait_for 5 eval 'reaches $trusted && [ "$(field score $trusted)" = -2 ]'
config enforce 'key.example*3' | conf
reload
works "a list in its place" wait_for 10 eval '[ "$(json sites.0.name dnsbl status)" = key.example ] && is_well'
works "does not inherit its answers" not verdict_is $trusted drop/dnsbl
# Not by each of several connections within an instant.
works "and is asked itself" wait_for 5 eval 'reaches $trusted && [ "$(asked "70\.113\.0\.203\.key")" = 1 ]'
config enforce "$both" | conf
reload
works "reloaded once more" wait_for 10 is_well
works "flushed" wall dnsbl flush

# --- weights and threshold change together ------------------------------------------------------------------

works "a client with a score of 1" wait_for 5 eval 'reaches $trusted && [ "$(field score $trusted)" = 1 ]'
flock "$pins" sleep 3 &
config enforce 'bl.example=127.0.0.[2..11]*30, wl.example=127.0.5.[1..3]*-20' | sed 's/threshold = 3/threshold = 30/' | conf
reload
works "ten times the weights" wait_for 5 eval '[ "$(field score $trusted)" = 10 ]'
same "meet the new threshold, also while somebody else holds the wall" "$(field verdict $trusted)" pass
wait $!
config enforce "$both" | conf
reload
works "and back" wait_for 10 eval '[ "$(field score $trusted)" = 1 ] && is_well'

# --- restart --------------------------------------------------------------------------------------------

reaches $bad
works "it is listed again" wait_for 5 verdict_is $bad drop/dnsbl
questions=$(asked '66\.113\.0\.203')
lab_daemon_stop mail
works "without a daemon it stays dropped" dropped $bad
lab_daemon mail
works "a new daemon" wait_for 15 daemon_runs
works "keeps the verdict" verdict_is $bad drop/dnsbl
works "all is well" wait_for 10 is_well
works "the client stays dropped" dropped $bad
same "and nobody is asked about it" "$(asked '66\.113\.0\.203')" "$questions"

# --- the host's own users --------------------------------------------------------------------------------

home=203.0.113.80
{ listed $home; cat "$LAB_DIR/rules"; } | dns_rules
{ echo 'submission-ports = {587}'; config enforce "$both"; } | conf
reload
works "a submission port" wait_for 10 eval '[ "$(json reason check $home --port 587)" = clean ]'
serve mail 587
talk_to bad $home $LAB_MAIL4 587
works "a user at home, whose address is listed" hear '^220'
hold bad 203.0.113.81 $LAB_MAIL4 1
works "beside a client whose answer is forgotten" wait_for 5 eval 'answered 203.0.113.81 && wall dnsbl flush 203.0.113.81'
clock 70
works "the walk looks the client up" wait_for 5 answered 203.0.113.81
let_go
tell QUIT
works "is neither looked up nor cut" hear '^221'
hang_up
same "nobody was asked about it" "$(asked '80\.113\.0\.203')" 0
config enforce "$both" | conf
reload

# --- what is open is let finish ---------------------------------------------------------------------------

talk_to bad $old $LAB_MAIL4
works "a client that is not listed" hear '^220'
works "is looked up" wait_for 5 answered $old
{ listed $old; cat "$LAB_DIR/rules"; } | dns_rules
clock 700
works "its answer runs out, its second session causes a lookup" reaches $old
works "which finds it listed" wait_for 5 verdict_is $old drop/dnsbl
works "a third one is dropped" dropped $old
tell QUIT
works "the first one may finish" hear '^221'
hang_up

# Nobody is asked about a client that does not come again, however long its session lasts.
talk_to bad 203.0.113.72 $LAB_MAIL4
works "a client that is not listed stays" hear '^220'
works "answered" wait_for 5 answered 203.0.113.72
{ listed 203.0.113.72; cat "$LAB_DIR/rules"; } | dns_rules
hold bad 203.0.113.82 $LAB_MAIL4 1
works "beside one whose answer is forgotten" wait_for 5 eval 'answered 203.0.113.82 && wall dnsbl flush 203.0.113.82'
clock 900
works "the walk looks that one up" wait_for 5 answered 203.0.113.82
clock 1340
works "and has been here once more" wait_for 5 eval '[ "$(json dnsbl.answers status)" -ge 1 ]'
let_go
tell QUIT
works "the session may finish" hear '^221'
hang_up
same "it was asked about once" "$(asked '72\.113\.0\.203\.bl')" 1

# --- time -------------------------------------------------------------------------------------------------

reaches $bad
works "listed" wait_for 5 verdict_is $bad drop/dnsbl
dns_rules </dev/null
clock 1590
works "shortly before its end a knock renews the listing" dropped $bad
works "and finds that it is none any more" wait_for 5 verdict_is $bad pass/clean
dns_rules <"$LAB_DIR/rules"
clock 6000
works "an answer that ran out: the client is a stranger" verdict_is $bad pass/clean
works "whose session" reaches $bad
works "finds it listed" wait_for 5 verdict_is $bad drop/dnsbl
clock 9000
works "a listing that runs out ends by itself" verdict_is $bad pass/clean
# One that was open since before the listing would be spared, and its segments counted as passed.
becomes "none of its sessions is left" 10 0 json sessions check $bad

# --- monitor ------------------------------------------------------------------------------------------------

works "mode monitor" wall mode monitor
talk_to bad $bad $LAB_MAIL4
works "a listed client" hear '^220'
works "is found" wait_for 5 eval '[ "$(field would $bad)" = drop ]'
tell QUIT
works "and not cut" hear '^221'
hang_up
works "it is counted" eval '[ "$(packets dnsbl would_drop)" -ge 1 ]'

# --- switched off --------------------------------------------------------------------------------------------

works "mode enforce" wall mode enforce
works "dropped" dropped $bad
printf 'mode = enforce\ninterfaces = {"eth0"}\n' | conf
reload
works "without a section dnsbl nobody is dropped" wait_for 10 reaches $bad
lab_daemon_stop mail
same "the daemon ends in good order" $? 0
finish
