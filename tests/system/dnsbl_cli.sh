#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dnsbl_cli.sh - `smtpwall dnsbl`, `check --lookup`, and what status and watch say of DNSBLs: with and without a
# daemon, at their edges; a site with a name of its own is never called by its zone, which may hold a key
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/dns.bash
. "$(dirname "$0")/dns.bash"
lab_new "$@"

# Everything that is ever said, for the key.
run() {
	last=0
	"$@" >"$LAB_DIR/output" 2>&1 </dev/null || last=$?
	cat "$LAB_DIR/output" >>"$LAB_DIR/everything"
}
has() { grep -qE -- "$1" "$LAB_DIR/output"; } # in the output of the last command
heard_that() { if has "$2"; then ok "$1"; else not_ok "$1" "no line matches '$2'; it said: $(heard)"; fi; }

bad=203.0.113.66 bad6=2001:db8:bad::66 half=203.0.113.67 trusted=203.0.113.68
lab_star
lab_many bad 203.0.113.0/24 2001:db8:bad::/64
serve mail 25 || { not_ok server "it did not start"; finish; }
dns_start || { not_ok "DNS server" "it did not start"; finish; }
{
	listed $bad bl.example 'A 127.0.0.2,127.0.0.4 ttl=300'
	listed $bad key.example 'A 127.0.0.9 ttl=300'
	listed $half
	listed $half key.example SERVFAIL
	listed $trusted wl.example 'A 127.0.5.2 ttl=300'
	echo '6.6.0.0.*.d.a.b.0.8.b.d.0.1.0.0.2.bl.example A 127.0.0.3 ttl=300'
} >"$LAB_DIR/rules"
dns_rules <"$LAB_DIR/rules"

config() { # [RESOLVERS [MORE]]
	printf 'mode = enforce\ninterfaces = {"eth0"}\ndnsbl {\n'
	printf '\tsites = "bl.example=127.0.0.[2..11]*3, wl.example=127.0.5.[1..3]*-2, key.example*2"\n'
	printf '\tthreshold = 3\n\ttimeout = 2s\n\tresolvers = {%s}\n\tceiling = 100000\n%s\n' "${1:-\"127.0.0.1\"}" "${2:-}"
	printf '\tsite "key.example" { name = "Zen" ceiling = 1234567 }\n}\n'
}
state_of() { # SITE: its state by `dnsbl status --json`
	local i
	for i in 0 1 2; do
		[ "$(json "sites.$i.name" dnsbl status)" = "$1" ] && json "sites.$i.state" dnsbl status
	done
}
verdict() { wall check "$1" --json | "$(tool jsonget)" reason; }
logged() { grep -qE -- "$1" "$LAB_DIR/mail/daemon.log"; }
reaches() { [ "$(knock bad "$1" "${2:-$LAB_MAIL4}" 1 2500)" = 1 ]; }

# --- no wall, wrong usage ---------------------------------------------------------------------------

config | conf
fails 1 "dnsbl without a wall" wall dnsbl
heard_that "says so" 'no wall is up'
fails 1 "dnsbl --json without a wall" wall dnsbl --json
heard_that "is JSON" '"up": *false'
fails 1 "pause without a wall" wall dnsbl pause zen
fails 1 "flush without a wall" wall dnsbl flush
fails 3 "check --lookup without a wall" wall check $bad --lookup
for words in frobnicate 'status zen' 'status --for 1h' pause 'pause zen --json' 'pause zen bl.example' 'pause zen --for soon' \
	'pause zen --for 0s' resume 'resume zen --for 1h' 'flush --json' 'flush zen' 'flush 203.0.113.0/24' "flush $bad $half" \
	'status --lookup'; do
	case $words in
	# An argument is looked at when there is a wall.
	'flush zen' | 'flush 203.0.113.0/24') fails 2 "dnsbl $words" wall dnsbl $words ;;
	*) fails 2 "dnsbl $words is wrong usage" wall dnsbl $words ;;
	esac
done
says "help" '^usage: smtpwall dnsbl' wall dnsbl --help

# --- a wall without sites, then without a daemon ----------------------------------------------------

printf 'mode = enforce\ninterfaces = {"eth0"}\n' | conf
works "up" wall up
works "dnsbl without sites" wall dnsbl
heard_that "says that there are none" 'no DNSBL is configured'
fails 1 "pause without sites" wall dnsbl pause zen
heard_that "says so, too" 'no DNSBL is configured'
fails 2 "flush of what is no address" wall dnsbl flush 203.0.113.0/24
says "check --lookup without sites" 'nobody was asked: no DNSBL is configured' wall check $bad --lookup
silent_on "status has nothing to say about DNSBLs" '^dnsbl +[0-9]+ site' wall status

config | conf
works "up with sites" wall up
says "before the first daemon" 'not tested yet' wall dnsbl
says "nobody is asked" 'nobody is asked until it does' wall dnsbl
works "pause, without a daemon" wall dnsbl pause ZEN
heard_that "says until when, and the way back" 'Zen is paused until it is resumed.*`smtpwall dnsbl resume Zen`'
same "it is in force" "$(state_of Zen)" paused
works "again, for a time" wall dnsbl pause zen --for 4h
heard_that "has a new end" 'paused until [0-9].* before'
says "which status shows" '^Zen +paused until [0-9]' wall dnsbl
heard_that "and that nobody is asked" 'does not run: nobody is asked until it does'
fails 1 "an unknown site" wall dnsbl pause key.example
heard_that "the sites are named" 'bl\.example wl\.example Zen'
works "resume" wall dnsbl resume zEN
same "it is in force, too" "$(state_of Zen)" untested
fails 1 "resume again" wall dnsbl resume zen
heard_that "says why" 'Zen is not paused'
printf 'nonsense\n' | conf
works "pause with a broken configuration" wall dnsbl pause zen
heard_that "says what does not work" 'note: .*scores stay as they are'
config | conf
works "the pause is in the ledger" wall dnsbl resume zen

# --- with a daemon ------------------------------------------------------------------------------------

lab_daemon mail
becomes "the sites are tested" 15 well state_of Zen
works "status" wall status
lab_wall_command mail
"${lab_command[@]}" watch >"$LAB_DIR/watched" 2>&1 </dev/null &
watcher=$!
watched() { grep -qE -- "$1" "$LAB_DIR/watched"; }
asks() { reaches "203.0.113.$((200 + RANDOM % 50))" && watched 'ask source=203\.0\.113\.2[0-9]+ reason=dnsbl$'; }
works "watch shows who is to be looked up" wait_for 10 asks
for source in $bad $half $trusted; do
	works "$source connects" reaches $source
done
works "one over IPv6" reaches $bad6 $LAB_MAIL6
becomes "a listed client is dropped" 5 dnsbl verdict $bad
becomes "one over IPv6, too" 5 dnsbl verdict $bad6
becomes "and one whose other site does not answer" 5 dnsbl verdict $half
knock bad $bad $LAB_MAIL4 1 300 >/dev/null
works "watch tells score and sites" wait_for 5 watched "drop source=$bad reason=dnsbl score=5 sites=\"bl\.example Zen\" port=25"
works "so does the log" wait_for 5 logged "drop source=$bad reason=dnsbl score=5 sites=\"bl\.example Zen\" port=25 until="
kill $watcher
wait $watcher
"${lab_command[@]}" watch --json --count 1 --for 20s >"$LAB_DIR/watched.json" 2>&1 </dev/null &
watcher=$!
knocks() { reaches "203.0.113.$((100 + RANDOM % 90))" && grep -q . "$LAB_DIR/watched.json"; }
works "watch --json" wait_for 15 knocks
wait $watcher
works "is JSON" test -n "$("$(tool jsonget)" event <"$LAB_DIR/watched.json")"

fails 1 "check of a listed client" wall check $bad
heard_that "has the score" 'dnsbl +score 5 of 3 \(threshold\), 0 sites did not answer'
heard_that "each answer, its weight, its age and its end" 'bl\.example +127\.0\.0\.2, 127\.0\.0\.4 +\+3 +[0-9:]+ \([0-9]+s ago\) +[0-9:]+'
heard_that "one by its name" ' Zen +127\.0\.0\.9 +\+2 '
heard_that "and who has nothing against it" 'wl\.example +not listed +0 '
says "check names who did not answer" ' Zen +did not answer \(servfail\)' wall check $half
heard_that "and counts them" 'score 3 of 3 \(threshold\), 1 site did not answer'
same "check --json: score" "$(field score $bad)" 5
same "threshold" "$(field threshold $bad)" 3
same "site" "$(field dnsbl.2.site $bad)" Zen
same "record" "$(field dnsbl.0.records.1 $bad)" 127.0.0.4
same "weight" "$(field dnsbl.0.weight $bad)" 3
same "counts" "$(field dnsbl.0.counts $bad)" true
same "outcome of one that did not answer" "$(field dnsbl.2.outcome $half)" servfail
same "a trusted one's weight" "$(field dnsbl.1.weight $trusted)" -2
works "check --json: times" test -n "$(field dnsbl.0.asked $bad)$(field dnsbl.0.good_until $bad)$(field dnsbl.0.expires $bad)"

questions=$(asked .)
says "check --lookup asks now" 'lookup +score 5 of 3 \(threshold\) by what they say now' wall check $bad --lookup
heard_that "and names the way to forget" "smtpwall dnsbl flush $bad"
same "each site once" "$(($(asked .) - questions))" 3
says "--lookup of one over IPv6" 'lookup +score 3 of 3' wall check $bad6 --lookup
works "--lookup of one that never came passes" wall check 203.0.113.77 --lookup
says "--lookup tells what is wrong with a site" ' Zen +answers SERVFAIL' wall check $half --lookup
same "--lookup --json" "$(json lookup.score check $bad --lookup)" 5
same "its sites" "$(json lookup.dnsbl.2.site check $bad --lookup)" Zen
questions=$(asked .)
says "a private address is not asked about" 'nobody was asked: a private address' wall check 10.1.2.3 --lookup
says "nor an own one" 'nobody was asked: it is allowed' wall check $LAB_MAIL4 --lookup
works "nor one that is allowed" wall allow 203.0.113.78
says "by hand" 'nobody was asked: it is allowed' wall check 203.0.113.78 --lookup
works "says JSON as well" test -n "$(json lookup.not_asked check 203.0.113.78 --lookup)"
same "nobody was" "$(asked .)" "$questions"
printf 'nonsense\n' | conf
fails 1 "check with a broken configuration" wall check $bad
heard_that "has the answers" ' Zen +127\.0\.0\.9 +[0-9]'
same "and no weights" "$(field dnsbl.0.weight $bad)" ""
says "--lookup says why not" 'nobody was asked: .*smtpwall\.conf:1' wall check $bad --lookup
config | conf

says "dnsbl: the table" '^Zen +well +[0-9]+ +1 +[0-9]+ +[0-9]+ +[0-9.]+ +[0-9.]+ +[0-9]+ of 1,234,567' wall dnsbl status
heard_that "the answers" '^answers +[0-9]+ held, 3 of them listings in force'
heard_that "the lookups" '^lookups +[0-9]+ done, 3 found listed'
heard_that "the resolver" '^resolvers +127\.0\.0\.1'
same "dnsbl --json: hits" "$(json sites.2.hits dnsbl)" 1
same "failures" "$(json sites.2.failures dnsbl)" 1
same "quota" "$(json sites.2.quota.ceiling dnsbl)" 1234567
same "used" "$(json sites.2.quota.used dnsbl)" "$(json sites.2.queries dnsbl)"
same "answers" "$(json answers.listed dnsbl)" 3
works "latency" test -n "$(json sites.0.latency_median_ms dnsbl)$(json sites.0.latency_p95_ms dnsbl)"
silent_on "no recommendation with a resolver on this host" 'on this host' wall dnsbl

# --- two in the morning -------------------------------------------------------------------------------

works "pause" wall dnsbl pause bl.example --for 4h
same "its listings end with the command" "$(verdict $half)" clean
says "check says so" 'bl\.example +127\.0\.0\.2 .*does not count: paused' wall check $half
same "JSON: it does not count" "$(field dnsbl.0.counts $half)" false
works "status is no problem" wall status
heard_that "but shows it" 'bl\.example paused until'
same "status --json" "$(json dnsbl.well status)/$(json dnsbl.sites status)" 2/3
works "dnsbl status, too" wall dnsbl
lab_daemon_stop mail
lab_daemon mail
daemon_runs() { [ "$(json daemon status)" = true ]; }
works "the daemon starts again" wait_for 15 daemon_runs
becomes "the others are well" 10 well state_of Zen
same "the pause stands over that" "$(state_of bl.example)" paused
works "resume" wall dnsbl resume BL.example
becomes "its listings are back" 10 dnsbl verdict $half

kill -STOP "${lab_daemons[mail]}"
fails 1 "pause while the daemon does not move" wall dnsbl pause zen
heard_that "says so" 'takes force when the daemon moves again'
kill -CONT "${lab_daemons[mail]}"
becomes "and it does then" 5 paused state_of Zen
works "pause for a time" wall dnsbl pause zen --for 1h
clock 3700
becomes "it ends by itself" 10 well state_of Zen
clock 0
# Old answers ended with it.
for source in $bad $half; do
	reaches $source
	becomes "$source is looked up again" 10 dnsbl verdict $source
done

{
	echo '1.0.0.127.key.example A 127.0.0.2'
	cat "$LAB_DIR/rules"
} | dns_rules
run wall dnsbl pause zen
run wall dnsbl resume zen
becomes "a site that lists the world is found" 10 broken state_of Zen
fails 1 "dnsbl status" wall dnsbl
heard_that "says why" '^Zen: lists 127\.0\.0\.1'
says "status counts it" '^dnsbl +3 sites, 1 not well; ' wall status
heard_that "and tells why" 'Zen: lists 127\.0\.0\.1'
run wall check $bad --lookup
heard_that "check --lookup: it does not count" 'Zen .*does not count: broken'
dns_rules <"$LAB_DIR/rules"
run wall dnsbl pause zen
run wall dnsbl resume zen
becomes "until it is well" 10 well state_of Zen

# --- completion ---------------------------------------------------------------------------------------

completes() { # WORDS... -> the completions of the last
	bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE=$*; COMP_POINT=${#COMP_LINE}
		_smtpwall smtpwall "${@: -1}" "${@: -2:1}"; printf "%s\n" "${COMPREPLY[@]}"' \
		"$LAB_TOP/scripts/packaging/smtpwall.bash-completion" "$@"
}
says "completion: what can be done" '^pause$' completes "$SMTPWALL" dnsbl pa
says "and to which site" '^Zen$' completes "$SMTPWALL" --pins "$pins" dnsbl pause Z
silent_on "one only" '.' completes "$SMTPWALL" --pins "$pins" dnsbl pause Zen b
says "--lookup" '^--lookup$' completes "$SMTPWALL" check --lo

# --- flush, old answers -------------------------------------------------------------------------------

works "flush of it" wall dnsbl flush $bad
same "nothing is held" "$(field score $bad)" ""
fails 1 "flush of it again" wall dnsbl flush $bad
heard_that "says so" 'nothing is held about'
works "its next session" reaches $bad
becomes "is looked up" 7 dnsbl verdict $bad

config '"127.0.0.1", "192.0.2.1"' "	deferred = on" | conf
kill -HUP "${lab_daemons[mail]}"
works "a resolver elsewhere" wait_for 10 eval '[ "$(json resolver_local dnsbl)" = false ]'
becomes "deferring" 10 true json deferring dnsbl
says "dnsbl recommends one here" 'not all on this host: many DNSBLs' wall dnsbl
heard_that "and says what is deferred" '^deferred +on, active'
works "status does not fail for it" wall status
heard_that "and recommends it, too" 'not all on this host: many DNSBLs'
becomes "a stranger is deferred" 5 deferred verdict 203.0.113.99
says "check tells why that does no harm" 'its next SYN, about a second later, passes if nothing is found' \
	wall check 203.0.113.99

lab_daemon_stop mail
same "without the daemon a listing stays" "$(verdict $half)" dnsbl
works "pause without the daemon" wall dnsbl pause bl.example
same "ends it" "$(verdict $half)" clean
works "resume without the daemon" wall dnsbl resume bl.example
heard_that "says when it counts again" 'when the daemon runs'
clock 90000
says "an old answer" 'expired .* and does not count any more' wall check $bad
same "is no score" "$(field score $bad)" ""
same "and does not count" "$(field dnsbl.2.not_counting $bad)" expired
clock 0
works "flush of everything" wall dnsbl flush
heard_that "counts" 'about [1-9][0-9]* sources? is forgotten'
says "nothing is left" '^answers +0 held' wall dnsbl

# --- the key --------------------------------------------------------------------------------------------

works "one more look at everything: a session" reaches $bad
for words in "dnsbl --json" "status --json" "check $bad --json --lookup" "check $bad --lookup" "config show" "config check"; do
	run wall $words
done
run bpftool map dump pinned "$pins/maps/dnsbl_health"
heard_that "the map has the name" '"Zen"'
cat "$LAB_DIR/mail/daemon.log" "$LAB_DIR/watched" "$LAB_DIR/watched.json" >>"$LAB_DIR/everything"
silent_on "the zone that holds a key is nowhere in all that was said" 'key\.example' cat "$LAB_DIR/everything"
works "which was a lot" test "$(wc -l <"$LAB_DIR/everything")" -gt 1000
fails 1 "nor is it in what is kept" grep -rqa 'key\.example' "$state"
finish
