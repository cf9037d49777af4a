#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# refuse_cli.sh - refusing seen by the administrator: what `config` says of it, that `check` prints what a client
# gets, why somebody is not refused, what status, lists, watch, the log, load and unblock say
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/abuse.bash
. "$(dirname "$0")/abuse.bash"
# shellcheck source=tests/system/dns.bash
. "$(dirname "$0")/dns.bash"
lab_new "$@"

has() { grep -qE -- "$1" "$LAB_DIR/output"; } # in the output of the last command
heard_that() { if has "$2"; then ok "$1"; else not_ok "$1" "no line matches '$2'; it said: $(heard)"; fi; }
heard_not() { if has "$2"; then not_ok "$1" "a line matches '$2'; it said: $(heard)"; else ok "$1"; fi; }

spam=203.0.113.1 spam6=2001:db8:bad::1 more=203.0.113.2 slow=203.0.113.3 worse=203.0.113.4
named=203.0.113.66 trusted=203.0.113.67 late=203.0.113.68 fast=203.0.113.90 banned=203.0.113.91 hand=203.0.113.92
lab_star
lab_many bad 203.0.113.0/24 2001:db8:bad::/64
serve mail 25 || { not_ok server "it did not start"; finish; }
dns_start || { not_ok "DNS server" "it did not start"; finish; }
lab_users
lab_needs_user smtpwall 64950 smtpwall 64950
lab_needs_user operator-of-root 64951 root 0
{
	listed $named bl.example 'A 127.0.0.2 ttl=300'
	listed $named key.example 'A 127.0.0.2 ttl=300'
	listed $named wl.example 'A 127.0.0.2 ttl=300'
	listed $trusted wl.example 'A 127.0.0.2 ttl=300'
	listed $late bl.example 'A 127.0.0.2 ttl=300'
} | dns_rules
printf '%s\n' $spam $spam6 $more 203.0.113.5 203.0.113.6 >"$LAB_DIR/spam"
printf '%s\n' $slow >"$LAB_DIR/slow"
printf '%s\n' $worse >"$LAB_DIR/worse"

config() { # MODE [MORE-OF-REFUSE]
	cat <<CONF | conf
mode = $1
interfaces = {"eth0"}
list "spam" { action = refuse file = "$LAB_DIR/spam" }
list "slow" { action = refuse tarpit = on file = "$LAB_DIR/slow" }
list "worse" { action = drop file = "$LAB_DIR/worse" }
dnsbl {
	sites = "bl.example*3, key.example*2, wl.example*-1"
	threshold = 3
	resolvers = {"127.0.0.1"}
	timeout = 2s
	action = refuse
	site "key.example" { name = "Zen" }
}
rate { source = "2/1h" source-burst = 1 syn = off action = refuse }
abuse { action = refuse }
refuse {
	contact = "https://www.lab.example/refused"
	times = "3/1h"
	${2:-}
}
CONF
}
of() { json "$1" check "$2"; } # of what `check` says of that address
verdict() { printf '%s/%s/%s' "$(of verdict "$1")" "$(of reason "$1")" "$(of refuse.state "$1")"; }
has_listener() { [ "$(json refuse.listener status)" = true ]; }
logged() { grep -qE -- "$1" "$LAB_DIR/mail/daemon.log"; }
hears() { # SOURCE: the first line that comes
	local server=$LAB_MAIL4
	[[ $1 != *:* ]] || server=$LAB_MAIL6
	session QUIT | probe bad "$1" $server
	head -n 1 "$probed"
}
agrees() { # NAME SOURCE: what check says is what the client hears
	local want
	want=$(of reply "$2")
	same "$1" "$(hears "$2")" "${want:-a reply}"
}
reloaded() {
	local before
	before=$(grep -c 'reload' "$LAB_DIR/mail/daemon.log")
	kill -HUP "${lab_daemons[mail]}"
	wait_for 10 eval '[ "$(grep -c reload "$LAB_DIR/mail/daemon.log")" -gt '"$before"' ]'
}
silent() { [ "$(knock bad "$1" $LAB_MAIL4 1 500)" = 0 ]; }

# --- the configuration ------------------------------------------------------------------------------

config enforce
works "config check" wall config check
heard_not "has nothing to say" 'note:'
config enforce 'user = "nobody-of-that-name"'
works "a user that is not there is no mistake" wall config check
heard_that "but told" 'note: refuse: there is no user "nobody-of-that-name"'
config enforce 'user = "operator-of-root"'
says "nor is one of root's group, but told" \
	'note: refuse: the user "operator-of-root" has root.s rights' wall config check
sed -i '/contact/d' "$LAB_DIR/mail/smtpwall.conf"
says "no contact is told" 'note: refuse: there is no contact' wall config check
config enforce 'text = "no {adress}"'
fails 2 "a word that is none" wall config check
heard_that "is told with its line" 'smtpwall.conf:[0-9]+: text: \{adress\} is not known'
config enforce 'text = "see {; at |contact}" text-rate = "later" at = mail txt = on tarpit-time = 10m'
wall config show >"$LAB_DIR/shown"
cp "$LAB_DIR/shown" "$LAB_DIR/mail/smtpwall.conf"
sed -i '/the zone of Zen/d;s/<Zen>/key.example/' "$LAB_DIR/mail/smtpwall.conf"
works "what show writes can be read" wall config show
same "and says the same" "$(cat "$LAB_DIR/output")" "$(cat "$LAB_DIR/shown")"
same "texts in JSON" "$(json refuse.text config show)" 'see {; at |contact}'
same "rows in JSON" "$(json abuse.action config show)/$(json dnsbl.action config show)/$(json rate_action config show)" \
	refuse/refuse/refuse

# --- without a daemon -------------------------------------------------------------------------------

config enforce
works "up" wall up
# A ban is in force when it was restored.
"$(tool ban)" "$pins" put $banned until=3600 >/dev/null
"$(tool ban)" "$pins" keep $banned "$state" >/dev/null
works "down" wall down
works "up again" wall up
same "a ban drops, too" "$(verdict $banned)" drop/abuse/no-listener
same "without a daemon a list drops" "$(verdict $spam)" drop/block-list/no-listener
fails 1 "check does not pass" wall check $spam
heard_that "says why it is not refused" 'refuse +not now: the refusal listener is the daemon.s, and no daemon runs; it is dropped'
heard_that "and what the client sees" 'client +sees nothing: what it sends is dropped'
heard_not "no text that nobody is told" '554'
works "so it is" silent $spam
knock bad $fast $LAB_MAIL4 3 500 >/dev/null
same "and rates let pass" "$(verdict $fast)" pass/source-rate/no-listener
fails 0 "check passes" wall check $fast
heard_that "and says that it is instead" 'not now: .*; it passes instead'
same "a list that drops has nothing to do with it" "$(verdict $worse)" drop/block-list/
says "status knows" 'refuse +the listener does not run' wall status

# --- with one ---------------------------------------------------------------------------------------

lab_daemon mail
works "the daemon has a listener" wait_for 20 has_listener
works "all is well" wait_for 10 wall status
says "it runs" 'daemon +runs' wall status
heard_that "status says so" 'refuse +the listener runs since [^,]*, 0 clients now'
heard_that "and has columns for it" 'would refuse +refused$'
same "a list refuses" "$(verdict $spam)" refuse/block-list/refused
fails 1 "check does not pass either" wall check $spam
heard_that "prints the text" \
	"client +is told: 554 5\\.7\\.1 Service unavailable; client \\[$spam\\] blocked using spam; see https://www\\.lab\\.example/refused\$"
heard_that "and how often" 'told +0 of 3 times; then it is dropped'
agrees "a list: the client hears what check says" $spam
agrees "over IPv6, too" $spam6
same "told once" "$(of refuse.told $spam)/$(of refuse.times $spam)" 1/3
says "since when" 'told +1 of 3 times since [0-9]' wall check $spam
same "a list that drops is silent about it" "$(verdict $worse)" drop/block-list/
same "rates are told to come later" "$(verdict $fast)" refuse/source-rate/refused
says "check says so" "client +is told: 421 4\\.7\\.0 Too many connections from \\[$fast\\]; try again later; see " wall check $fast
agrees "the client hears it" $fast
says "a ban is told, in words that need no knowledge" "blocked using local policy \\(relay abuse\\); see " wall check $banned
heard_that "its evidence is there as ever" 'ban +203\.0\.113\.91, strike 1'
agrees "the client hears it, too" $banned
config enforce 'text = "banned{ until |until}"'
works "the end of a ban may be told" reloaded
says "in UTC" "554 5\\.7\\.1 banned until $(date -u +%Y)-[0-9-]+ [0-9:]+ UTC\$" wall check $banned
says "of a list there is none" '554 5\.7\.1 banned$' wall check $spam6
config enforce
works "the usual text" reloaded
same "a tarpit is known" "$(of refuse.tarpit $slow)/$(of refuse.tarpit $spam)" true/false
says "and told" 'client +is told \(slowly\): 554 ' wall check $slow
works "a block by hand" wall block $hand
same "refuses nobody" "$(verdict $hand)" drop/admin-block/

# --- by DNSBLs, which may have keys -----------------------------------------------------------------

works "the sites are well" wait_for 15 eval '[ "$(json dnsbl.well status)" = 3 ]'
knock bad $named $LAB_MAIL4 1 1000 >/dev/null
knock bad $trusted $LAB_MAIL4 1 1000 >/dev/null
becomes "the DNSBLs speak" 10 refuse/dnsbl/refused verdict $named
says "the sites that speak against it are named" "blocked using bl\\.example, Zen; see" wall check $named
heard_not "none that speaks for it" 'blocked using.*wl\.example'
heard_not "and no zone that holds a key" 'key\.example'
agrees "the client hears it with a DNSBL, too" $named

# --- what the DNSBL itself says, and when it is said ------------------------------------------------

{
	listed $named bl.example 'A 127.0.0.2 ttl=300 says=Listed,_see_https://bl.example/203'
	listed $named key.example 'A 127.0.0.2 ttl=300 says=by_the_site_that_weighs_less'
	listed $late bl.example 'A 127.0.0.2 ttl=300'
} | dns_rules
same "nobody is asked for words that are not wanted" "$(grep -c '^OTHER' "$LAB_DIR/mail/dnsd.rules.log")" 0
config enforce 'txt = on'
works "reload" reloaded
says "what the heaviest site says is in the text" \
	'using bl\.example, Zen; Listed, see https://bl\.example/203; see https://www' wall check $named
agrees "the client hears it, too" $named
config enforce 'at = mail'
works "another reload" reloaded
says "told at MAIL" "client +is told at MAIL: 554 5\\.7\\.1 .*\\[$spam\\]" wall check $spam
want=$(of reply $spam)
session QUIT | probe bad $spam $LAB_MAIL4
works "the greeting is friendly" grep -q '^220 ' "$probed"
works "and MAIL answered so" grep -qxF -- "$want" "$probed"
config enforce
works "as before" reloaded

# --- a listing that came too late for a session -----------------------------------------------------

talk_to bad $late $LAB_MAIL4
works "a session begins before anybody spoke" hear '^220 '
becomes "then the DNSBLs speak" 10 refuse/dnsbl/refused verdict $late
works "the session is cut" wait_for 5 no_session_of $late
hang_up
agrees "the next one is told why" $late

# --- as many as there may be ------------------------------------------------------------------------

config enforce 'clients = 1'
works "one client at once" reloaded
talk_to bad $slow $LAB_MAIL4
becomes "one is in the tarpit" 5 1 json refuse.tarpitted status
same "another is dropped" "$(verdict $spam6)" drop/block-list/full
same "who is too fast as well: a flood switches off no rate" "$(verdict $fast)" drop/source-rate/full
says "check says why" 'not now: 1 clients are being told, and there may be no more; it is dropped instead' wall check $spam6
says "status counts it" '1 client now, 1 of them in the tarpit' wall status
hang_up
becomes "until it is gone" 10 refuse/block-list/refused verdict $spam6
config enforce
works "as many as before" reloaded

# --- a mail server in another namespace -------------------------------------------------------------

elsewhere() { # NANOSECONDS of the boot clock, the third word of struct refuse_state
	local i bytes='' open
	open=$(bpftool -j map dump pinned "$pins/maps/refuse_state" | "$(tool jsonget)" 0.formatted.value.open)
	for ((i = 0; i < 64; i += 8)); do bytes+=" $((($1 >> i) & 255))"; done
	bpftool map update pinned "$pins/maps/refuse_state" key 0 0 0 0 value 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 \
		$bytes "${open:-0}" 0 0 0 0 0 0 0
}
read -r up _ </proc/uptime
works "connections are made elsewhere" elsewhere "${up/./}0000000"
same "nobody is refused" "$(verdict $spam6)" drop/block-list/elsewhere
same "rates let pass" "$(verdict $fast)" pass/source-rate/elsewhere
says "check says why" 'another network namespace, where nobody can be refused; it is dropped instead' wall check $spam6
fails 1 "status is degraded" wall status
heard_that "says so" 'refusing is not possible: connections are made in another network namespace'
works "no longer" elsewhere 0
works "and all is well" wall status

# --- the ladder -------------------------------------------------------------------------------------

for _ in 1 2 3; do hears $more >/dev/null; done
becomes "told often enough" 5 drop/block-list/told-enough verdict $more
fails 1 "check" wall check $more
heard_that "says so" 'refuse +not now: it was told often enough, until [^;]*; it is dropped instead'
heard_that "and what it was told" "text +it was told: 554 5\\.7\\.1 .*\\[$more\\]"
heard_that "three times" 'told +3 of 3 times since '
works "it is dropped" silent $more
same "the end is an hour after the beginning" \
	"$(($(date -d "$(of refuse.until $more)" +%s) - $(date -d "$(of refuse.since $more)" +%s)))" 3600

# --- counted and logged -----------------------------------------------------------------------------

works "those who were told are counted" wait_for 5 eval '[ "$(json refuse.told status)" -ge 7 ]'
works "and who was told enough" eval '[ "$(json refuse.syns.told-enough status)" -ge 1 ]'
works "by reason" eval '[ "$(packets block-list refused)" -ge 5 ]'
works "by list" eval '[ "$(json lists.spam.refused.packets status)" -ge 5 ]'
says "status counts" 'clients: told [0-9]+' wall status
heard_that "and who was not refused" 'SYNs not refused: told enough [0-9]+'
says "lists have the columns" 'would refuse +refused +dropped' wall lists
heard_that "and their action" 'spam +refuse '
works "the log has a line" wait_for 5 logged "^smtpwall: refuse source=203\\.0\\.113\\.1 reason=block-list list=spam port=25\$"
works "of a DNSBL with its score" logged "refuse source=203\\.0\\.113\\.66 reason=dnsbl score=4 sites="
works "and none of a drop that was a refusal" not logged ' drop source=2001:db8:bad::1 '

# --- watch ------------------------------------------------------------------------------------------

watched() {
	local up rest
	read -r up rest </proc/uptime
	[ "$(bpftool -j map dump pinned "$pins/maps/settings" | "$(tool jsonget)" 0.formatted.value.watch_until)" -gt "${up/./}0000000" ]
}
sees() { # NAME PATTERN ARGUMENTS...: a watcher sees that of a source that nobody knew
	local name=$1 pattern=$2 watcher lab_command
	shift 2
	lab_wall_command mail
	"${lab_command[@]}" watch --count 1 --for 10s "$@" >"$LAB_DIR/seen" 2>&1 </dev/null &
	watcher=$!
	wait_for 5 watched
	hears "$new" >/dev/null
	wait "$watcher"
	works "$name" grep -qE -- "$pattern" "$LAB_DIR/seen"
}
new=203.0.113.5
sees "watch" ' refuse source=203\.0\.113\.5 reason=block-list list=spam port=25$'
new=203.0.113.6
sees "watch --json" '"verdict": ?"refuse".*"would": ?"refuse".*"list": ?"spam"' --json

# --- monitor mode -----------------------------------------------------------------------------------

works "monitor" wall mode monitor
same "it passes" "$(verdict $spam)" pass/block-list/refused
same "and would be refused" "$(of would $spam)" refuse
fails 0 "check passes in monitor mode" wall check $spam
heard_that "says what enforce mode would do" 'monitor: it passes; enforce mode would refuse it'
heard_that "and the text" 'client +would be told: 554 5\.7\.1 '
# shellcheck disable=SC2034 # in an eval
before=$(packets block-list would_refuse)
same "it reaches the mail server" "$(knock bad $spam $LAB_MAIL4 1 2500)" 1
works "would_refuse is counted" eval '[ "$(packets block-list would_refuse)" -gt "$before" ]'
works "and logged" wait_for 5 logged 'would-refuse source=203\.0\.113\.1 reason=block-list list=spam'
says "status says so" 'monitor.*: nothing is dropped or refused|monitor since' wall status
works "enforce" wall mode enforce

# --- lists by hand ----------------------------------------------------------------------------------

works "a block beside a list that refuses" wall block $spam
says "what still blocks is told" "$spam is still blocked by the list \"spam\"" wall unblock $spam
printf '203.0.113.120\n10.0.0.0/8\n' >"$LAB_DIR/file"
says "load --action refuse" 'action refuse' wall load byhand "$LAB_DIR/file" --action refuse
heard_that "without private addresses" 'left out'
same "refuses, for there is a listener" "$(verdict 203.0.113.120)" refuse/block-list/refused
agrees "the client hears the list's name" 203.0.113.120
printf '203.0.113.0/24\n' >"$LAB_DIR/file"
works "what another list drops" wall load zwide "$LAB_DIR/file" --action refuse
same "is dropped" "$(verdict $worse)" drop/block-list/
fails 2 "an action that is none" wall load byhand "$LAB_DIR/file" --action reject

# --- what stands in the way -------------------------------------------------------------------------

config enforce 'user = "nobody-of-that-name"'
kill -HUP "${lab_daemons[mail]}"
works "without the user no listener can be started" wait_for 15 not has_listener
works "status is degraded" wait_for 15 not wall status
says "says why" 'refusing: .*nobody-of-that-name' wall status
same "who is to be refused is dropped" "$(verdict $spam6)" drop/block-list/no-listener
says "check points to status" 'there is no refusal listener; `smtpwall status` tells why' wall check $spam6
config enforce
kill -HUP "${lab_daemons[mail]}"
works "with it one can" wait_for 20 has_listener
works "and all is well again" wait_for 10 wall status

# --- a list by hand, and a configuration that knows nothing of refusing -----------------------------

printf 'mode = enforce\ninterfaces = {"eth0"}\n' | conf
works "up without anything that refuses" wall up
works "reload without it" reloaded
printf '203.0.113.120\n' >"$LAB_DIR/file"
works "no list that refuses is left" wall load zwide /dev/null --action count --force
works "nor this one" wall load byhand "$LAB_DIR/file" --action count
works "reload" reloaded
works "so there is no listener" wait_for 5 not has_listener
works "and all is well without" wait_for 5 wall status
works "up takes program refuse away" wall up
same "it is" "$(lab_exec mail ls "$pins/links" | grep -c refuse)" 0
works "a list that refuses, by hand" wall load byhand "$LAB_DIR/file" --action refuse
works "gets a listener of its own accord" wait_for 15 has_listener
works "and all is well" wait_for 5 wall status
same "it refuses" "$(verdict 203.0.113.120)" refuse/block-list/refused
agrees "the client hears it" 203.0.113.120
says "self-check says so to an administrator who comes from there" \
	'administrator +bad +203\.0\.113\.120, where you come from, is refused itself' wall self-check --from 203.0.113.120
works "up again" wall up
same "leaves it so" "$(verdict 203.0.113.120)" refuse/block-list/refused

finish
