#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# refuse.sh - lists, DNSBLs, bans and rates tell their clients why not, and the mail server never sees them
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/dns.bash
. "$(dirname "$0")/dns.bash"
# shellcheck source=tests/system/abuse.bash
. "$(dirname "$0")/abuse.bash"
# shellcheck source=tests/system/refuse.bash
. "$(dirname "$0")/refuse.bash"
lab_new "$@"

honest4=198.51.100.7 honest6=2001:db8:5100::7
lab_star
lab_client honest $honest4 $honest6
lab_many bad 203.0.113.0/24 2001:db8:bad:1::/64 2001:db8:bad:2::/64 2001:db8:bad:3::/64 198.51.101.0/24 2001:db8:fa57::/64
lab_postfix mail smtpd_error_sleep_time=0 || { not_ok postfix "it did not start"; finish; }
works "Postfix listens for submission, too" submission_too
dns_start || { not_ok "DNS server" "it did not start"; finish; }
{
	listed 203.0.113.9
	printf '9.%s2.0.0.0.d.a.b.0.8.b.d.0.1.0.0.2.bl.example A 127.0.0.2 ttl=300\n' "$(printf '0.%.0s' {1..15})"
} | dns_rules
printf '203.0.113.64/26\n2001:db8:bad:1::/64\n' >"$spam_list"
refuse_conf 'refuse:timeout = 10s'
works "the daemon is up and has a listener" refuse_starts
works "status is in order" wait_for 5 wall status

untouched() { [ "$(arrivals "$1")" = "$2" ]; }
reply_is() { hears "$2" "$3" "$4" QUIT | grep -qE -- "$1"; }
refused() { packets "$1" refused; }

# --- a list ---------------------------------------------------------------------------------------------

processes=$(pgrep -cx smtpd) read=$(json abuse.replies.read status)
for place in "203.0.113.70 $LAB_MAIL4" "2001:db8:bad:1::70 $LAB_MAIL6"; do
	read -r source to <<<"$place"
	agrees "$source, listed" bad $source $to
	says "it is told the address, the list and whom to ask" \
		"^554 5\.7\.1 .*\[$source\].*spam.*https://www\.lab\.example/blocked" head -n 1 "$probed"
	works "its EHLO and MAIL are answered 503" eval '[ "$(count "^503 ")" = 2 ]'
	works "its QUIT 221" eval '[ "$(count "^221 ")" = 1 ] && ended_so done'
	same "check: verdict and reason" "$(json verdict check $source)/$(json reason check $source)" refuse/block-list
	same "check: where it stands" "$(json refuse.told check $source) of $(json refuse.times check $source), $(json refuse.state check $source)" \
		"1 of 5, refused"
	fails 1 "check ends with 1" wall check $source
	same "it is no proven source" "$(json proven check $source)" false
done
same "Postfix has seen nobody of them" "$(arrivals '203\.0\.113|2001:db8:bad')" 0
same "and has no process more" "$(pgrep -cx smtpd)" "$processes"
at_least "the refusals are counted" "$(refused block-list)" 2
same "none of the replies was read as the mail server's" "$(json abuse.replies.read status)" "$read"
same "none was a drop" "$(packets block-list dropped)" 0
same "status counts those that were told" "$(json refuse.told status)" 2
works "the log tells" wait_for 5 said '^smtpwall: refuse source=203\.0\.113\.70 .*reason=block-list.*list=spam'
works "an honest client delivers over IPv4" delivers honest $honest4 $LAB_MAIL4
works "and over IPv6" delivers honest $honest6 $LAB_MAIL6

# --- sessions that are open -------------------------------------------------------------------------------

talk_to honest $honest4 $LAB_MAIL4
works "an honest session" hear '^220 mail'
printf '%s\n' 203.0.113.64/26 2001:db8:bad:1::/64 $honest4 >"$spam_list"
works "its address is listed meanwhile" reloaded
works "new connections are refused" reply_is '^554 ' honest $honest4 $LAB_MAIL4
tell EHLO honest.example
works "the open one goes on" hear '^250 '
hang_up
printf '203.0.113.64/26\n2001:db8:bad:1::/64\n' >"$spam_list"
works "it is taken off the list" reloaded
works "and is served again" delivers honest $honest4 $LAB_MAIL4

# What was said about a connection is not said about the next one with the same ports.
fails 21 "swaks is refused" lab_send bad 203.0.113.95 $LAB_MAIL4 --local-port 40095
wall allow 203.0.113.95 >/dev/null
works "allowed, it is served, from the same port as well" lab_send bad 203.0.113.95 $LAB_MAIL4 --local-port 40095
wall unallow 203.0.113.95 >/dev/null
fails 21 "and refused again" lab_send bad 203.0.113.95 $LAB_MAIL4 --local-port 40095

# --- a DNSBL ----------------------------------------------------------------------------------------------

talk_to bad 203.0.113.75 $LAB_MAIL4
works "a refused client that stays" hear '^554 '
for place in "203.0.113.9 $LAB_MAIL4" "2001:db8:bad:2::9 $LAB_MAIL6"; do
	read -r source to <<<"$place"
	knock bad $source $to 1 2500 >/dev/null
	works "$source: its first session is looked up" wait_for 5 eval '[ "$(json reason check '$source')" = dnsbl ]'
	before=$(arrivals ${source//./\\.})
	agrees "$source, listed by a DNSBL" bad $source $to
	says "it is told the site" "^554 5\.7\.1 .*\[$source\].*bl\.example" head -n 1 "$probed"
	works "Postfix does not see it again" untouched ${source//./\\.} "$before"
done
at_least "they are counted as dnsbl" "$(refused dnsbl)" 2
tell NOOP
works "the refused client that stayed is not cut off, and hears 503" hear '^503 '
hang_up

# --- a ban ------------------------------------------------------------------------------------------------

for place in "203.0.113.20 $LAB_MAIL4" "2001:db8:bad:3::20 $LAB_MAIL6"; do
	read -r source to <<<"$place"
	offends bad $source $to
	works "$source offends and is banned" eval '[ "$(json reason check '$source')" = abuse ]'
	works "that session is over" wait_for 5 no_session_of $source
	before=$(arrivals ${source//./\\.}) offences=$(json offences check $source)
	agrees "$source, banned" bad $source $to
	says "it is told so" "^554 5\.7\.1 .*\[$source\].*local policy" head -n 1 "$probed"
	works "Postfix does not see it again" untouched ${source//./\\.} "$before"
	same "its offences are what they were" "$(json offences check $source)" "$offences"
done
at_least "they are counted as abuse" "$(refused abuse)" 2
same "at the submission port it is dropped" "$(port=587 call bad 203.0.113.20 1 $LAB_MAIL4 1 1 700; came unheard)" 1
same "check knows" "$(json verdict check 203.0.113.20 --port 587)" drop
same "lists do not apply there" "$(port=587 knock bad 203.0.113.76 $LAB_MAIL4 1 2500)" 1
wall block 203.0.113.90 >/dev/null
call bad 203.0.113.90 1 $LAB_MAIL4 1 1 700
same "a block by hand drops, listed or not" "$(came unheard)" 1
same "and check says so" "$(verdict_of 203.0.113.90)" drop/admin-block

# --- the ladder ---------------------------------------------------------------------------------------------

before=$(packets block-list dropped)
call bad 203.0.113.80 1 $LAB_MAIL4 6 1 2500
same "told five times, each time with its address" "$(came refused) $(came named) $(came bye)" "5 5 5"
same "the sixth time dropped" "$(came unheard)" 1
at_least "which is counted as such" "$(packets block-list dropped)" $((before + 1))
same "check knows" "$(json verdict check 203.0.113.80) $(json refuse.state check 203.0.113.80)" "drop told-enough"
call bad 203.0.113.81 1 $LAB_MAIL4 1 1 4000
same "its neighbour is told" "$(came refused)" 1
same "no map but those of refusing holds them" "$(traces 203.0.113.70)$(traces 203.0.113.80)$(traces 203.0.113.81)" ""

# --- monitor --------------------------------------------------------------------------------------------------

before=$(refused block-list)
works "mode monitor" wall mode monitor
same "a listed client is served" "$(knock bad 203.0.113.82 $LAB_MAIL4 1 2500)" 1
same "none is refused" "$(refused block-list)" "$before"
at_least "that it would have been is counted" "$(packets block-list would_refuse)" 1
same "check says what would be" "$(json verdict check 203.0.113.82) $(json would check 203.0.113.82)" "pass refuse"
works "so does the log" wait_for 5 said 'would-refuse source=203\.0\.113\.82'
works "mode enforce" wall mode enforce
works "and it is refused" reply_is '^554 ' bad 203.0.113.83 $LAB_MAIL4

# --- rates ----------------------------------------------------------------------------------------------------

refuse_conf 'rate:source = "30/1h"' 'rate:source-burst = 6' 'rate:sessions = 5' 'refuse:times = "20/1h"'
works "rates are switched on" reloaded
for place in "198.51.101.9 $LAB_MAIL4" "2001:db8:fa57::9 $LAB_MAIL6"; do
	read -r source to <<<"$place"
	knock bad $source $to 6 2500 >/dev/null
	agrees "$source, too fast" bad $source $to
	says "it is told 421" "^421 4\.7\.0 .*\[$source\]" head -n 1 "$probed"
	works "and the connection ends" ended_so 'closed|reset'
done
completed=$(json completed check 198.51.101.9) reached=$(arrivals '198\.51\.101\.9')
call bad 198.51.101.9 1 $LAB_MAIL4 3 3 4000
at_least "a fast client goes on and hears 421" "$(came busy)" 2
same "what was refused is not charged" "$(json completed check 198.51.101.9)" \
	$((completed + $(arrivals '198\.51\.101\.9') - reached))
hold bad 198.51.101.30 $LAB_MAIL4 5
works "so many sessions are fine, one more is not" reply_is '^421 ' bad 198.51.101.30 $LAB_MAIL4
same "for that reason" "$(json reason check 198.51.101.30)" sessions
same "a refused connection is no session" "$(json sessions check 198.51.101.30)" 5
let_go
port=587 call bad 198.51.101.40 1 $LAB_MAIL4 8 1 2500
same "fast submission is dropped, not refused" "$(came served) $(came unheard) $(came busy)" "6 2 0"

# --- the next hour ----------------------------------------------------------------------------------------------

same "the ladder holds" "$(json refuse.told check 203.0.113.80)" 5
clock 3700
becomes "an hour later it has begun anew" 5 "refused 0" eval 'echo "$(json refuse.state check 203.0.113.80) $(json refuse.told check 203.0.113.80)"'
call bad 203.0.113.80 1 $LAB_MAIL4 1 1 4000
same "and the source is told again" "$(came refused)" 1
works "honest mail flows" delivers honest $honest4 $LAB_MAIL4

# --- the wall is renewed, and comes down --------------------------------------------------------------------------

works "up again" wall up
works "the listener stays" reply_is '^554 ' bad 203.0.113.84 $LAB_MAIL4
works "down" wall down
call bad 203.0.113.80 1 $LAB_MAIL4 1 1 2500
same "takes the listener out of the way" "$(came served)" 1
works "up" wall up
works "has it again, by the daemon that runs" wait_for 20 has_listener
works "and refuses" reply_is '^554 ' bad 203.0.113.85 $LAB_MAIL4
works "over IPv6 as well" reply_is '^554 ' bad 2001:db8:bad:1::85 $LAB_MAIL6
works "status is in order at the end" wait_for 5 wall status
lab_daemon_stop mail
same "the daemon ends in good order" $? 0
finish
