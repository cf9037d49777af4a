#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# cli.sh - every command at its edges: wrong usage, no wall, no permission, no room for the output; JSON, bpftool
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
lab_new "$@"

lab_star
lab_many bad 203.0.113.0/24
serve mail 25 || { not_ok server "it did not start"; finish; }
conf <<'CONF'
mode = enforce
interfaces = {"eth0"}
CONF

commands='up down daemon status check block unblock allow unallow bans lists load mode dnsbl watch config relay-test'
all_help() { # each line names a command that does not behave
	local name first
	for name in $commands; do
		first=$(wall "$name" --help 2>/dev/null </dev/null | head -n 1)
		wall "$name" --help >/dev/null 2>&1 </dev/null || echo "$name: exit status"
		[[ $first == "usage: smtpwall $name"* ]] || echo "$name: '$first'"
		[ -z "$(wall "$name" --help 2>&1 >/dev/null)" ] || echo "$name: on standard error"
		wall --help | grep -qE "^  $name " || echo "$name: not in --help"
	done
}
all_unknown() {
	local name status
	for name in $commands; do
		status=0
		timeout 5 nsenter --net=/run/netns/mail -- "$SMTPWALL" --pins "$pins" --state "$state" "$name" --no-such-option \
			>"$LAB_DIR/out" 2>"$LAB_DIR/err" </dev/null || status=$?
		[ $status = 2 ] || echo "$name: exit status $status"
		[ ! -s "$LAB_DIR/out" ] || echo "$name: output"
		grep -q -- '--no-such-option' "$LAB_DIR/err" || echo "$name: not named"
		[ "$(wc -l <"$LAB_DIR/err")" = 1 ] || echo "$name: not one sentence"
	done
}
same "--help of every command" "$(all_help)" ""
same "an unknown option of every command is wrong usage" "$(all_unknown)" ""
works "--help" wall --help
works "--version" wall --version
fails 2 "no command" wall
fails 2 "an unknown command" wall frobnicate
says "is named" 'frobnicate' wall frobnicate
fails 2 "--pins without a value" wall status --pins

# Table: exit status, arguments. "-" in front: without a wall.
table() {
	local status arguments
	while IFS='|' read -r status arguments; do
		[ -n "$status" ] || continue
		fails "$status" "$1: smtpwall $arguments" timeout 20 nsenter --net=/run/netns/mail -- env SMTPWALL_PINS="$pins" \
			SMTPWALL_STATE="$state" SMTPWALL_CONFIG="$LAB_DIR/mail/smtpwall.conf" "$SMTPWALL" $arguments
		if [ "$status" != 0 ] && ! grep -q '^smtpwall: .\{20,\}\|"problem": ".\{20,\}' "$LAB_DIR/output"; then
			not_ok "$1: smtpwall $arguments says why" "it said: $(heard)"
		fi
		grep -qiE 'segmentation|assert|\(null\)' "$LAB_DIR/output" && not_ok "$1: smtpwall $arguments" "it said: $(heard)"
	done
}

table "no wall" <<'END'
1|status
1|status --json
1|down
3|check 203.0.113.1
3|check 203.0.113.1 --json
3|mode
1|mode monitor
1|mode enforce
1|watch
0|bans
0|bans --json
0|bans 203.0.113.1 --all
0|lists
0|lists --json
1|lists nothing
0|block 203.0.113.1
0|unblock 203.0.113.1
1|unblock 203.0.113.1
0|config check
0|config show
1|load guard
1|dnsbl
1|dnsbl status --json
1|dnsbl pause zen
1|dnsbl flush
END
says "status --json without a wall is JSON" '"up": *false' wall status --json

table "wrong usage" <<'END'
2|status now
2|down now
2|daemon now
2|bans now
2|bans 203.0.113.1 203.0.113.2
2|bans --all --every
2|watch now
2|watch --count 0
2|watch --count many
2|watch --for never
2|dnsbl now
2|dnsbl pause
2|dnsbl pause zen bl
2|dnsbl pause zen --for never
2|dnsbl resume
2|dnsbl flush example.com
2|dnsbl flush 203.0.113.0/24
2|check 203.0.113.1 --lookup now
2|check
2|check 203.0.113.1 203.0.113.2
2|check example.com
2|check 203.0.113.0/24
2|check 203.0.113.1 --port 0
2|check 203.0.113.1 --port 65536
2|check 203.0.113.1 --port smtp
2|block
2|block example.com
2|unblock
2|allow 203.0.113.1 --for 10x
2|unallow 300.1.1.1
2|lists one two
2|load
2|load one
2|load one two three
2|load guard file
2|mode sometimes
2|mode monitor enforce
2|mode --for 1h
2|mode enforce --for 0
2|config
2|config look
2|config check show
2|up eth0 --xdp fast
1|up this-name-is-far-too-long
END

works "up" wall up
works "block" wall block 203.0.113.9
json_of() { wall "$@" --json 2>/dev/null | "$(tool jsonget)" -; }
for words in status "check 203.0.113.9" "check 2001:db8::1" bans lists; do
	works "$words --json is JSON" json_of $words
done
for key in address verdict reason would since; do
	works "check --json has $key" test -n "$(json $key check 203.0.113.9)"
done
for key in mode interfaces.0.name packets reasons.clean.passed.packets reasons.malformed.dropped.bytes lists.guard.entries \
	daemon problems; do
	works "status --json has $key" test -n "$(json $key status)"
done
printf '203.0.113.40\n' >"$LAB_DIR/one"
works "load" wall load one "$LAB_DIR/one"
works "lists NAME --json is JSON" json_of lists one
says "lists NAME prints the content" '^203\.0\.113\.40(/32)?$' wall lists one
fails 1 "a list that is not there" wall lists none
says "mode alone prints it" '^enforce$' wall mode
says "check of another port says so" 'port 80 is not protected' wall check 203.0.113.9 --port 80
works "which passes" wall check 203.0.113.9 --port 80

# --- configuration ------------------------------------------------------------------------------------

mistakes() { # each line of the table: LINE|PATTERN|TEXT
	local line pattern text
	while IFS='|' read -r line pattern text; do
		[ -n "$line" ] || continue
		printf '%b' "$text" >"$LAB_DIR/wrong.conf"
		run wall -c "$LAB_DIR/wrong.conf" config check
		if [ "$last" = 2 ] && grep -qE "wrong\.conf:$line:? .*$pattern" "$LAB_DIR/output"; then
			ok "config check: $pattern"
		else
			not_ok "config check: $pattern" "exit status $last; it said: $(heard)"
		fi
	done
}
mistakes <<'END'
1|sometimes|mode = sometimes\n
2|modus|mode = monitor\nmodus = enforce\n
1|twice|interfaces = {"eth0", "eth0"}\n
1|cannot be the name|interfaces = {"a/b"}\n
1|no port|ports = {0}\n
1|no port|ports = {smtp}\n
2|already in ports|ports = {25, 587}\nsubmission-ports = {587}\n
[0-9]*|nothing would be protected|ports = {}\n
1|no action|list "one" {\n file = "/x"\n}\n
2|is no action|list "one" {\n action = perhaps\n}\n
2|absolute|list "one" {\n action = drop file = "x"\n}\n
1|wall's own|list "guard" { action = drop }\n
2|max-age|list "one" { action = drop\nmax-age = old }\n
1|source|rate { source = "fast" }\n
1|sessions|rate { sessions = -1 }\n
2|rate is there twice|rate { sessions = 5 }\nrate { syn = off }\n
1|is everybody|abuse { networks = {"0.0.0.0/0"} }\n
2|first ban would be longer|abuse { ban = 1h\nban-max = 30m }\n
2|would count it twice|log "a" { file = "/a" }\nlog "b" { file = "/a" }\n
END
printf 'ports = {}\n' >"$LAB_DIR/wrong.conf"
works "config check of a good one" wall config check
wall config show >"$LAB_DIR/shown.conf"
works "what config show prints is a configuration" wall -c "$LAB_DIR/shown.conf" config check
same "and the same" "$(wall -c "$LAB_DIR/shown.conf" config show)" "$(cat "$LAB_DIR/shown.conf")"
says "a missing file means the defaults" 'these are the defaults' wall -c "$LAB_DIR/none.conf" config show
works "the installed example is right" wall -c "$LAB_TOP/scripts/packaging/smtpwall.conf" config check
same "and says the defaults" "$(wall -c "$LAB_TOP/scripts/packaging/smtpwall.conf" config show 2>/dev/null)" \
	"$(wall -c "$LAB_DIR/none.conf" config show 2>/dev/null)"
printf 'abuse { limit = 4 }\n' >"$LAB_DIR/hasty.conf"
says "a limit that one offence reaches is noted" 'one relay-denied is enough for a ban' \
	wall -c "$LAB_DIR/hasty.conf" config check
fails 2 "a directory" wall -c "$LAB_DIR" config check

# --- output that cannot be written ----------------------------------------------------------------------

to() { # WHERE ARGUMENTS...
	local where=$1
	shift
	lab_wall_command mail
	bash -c 'where=$1; shift; eval "\"\$@\" $where"' sh "$where" "${lab_command[@]}" "$@"
}
for words in status "check 203.0.113.1" "check 203.0.113.1 --json" bans lists "lists one" "config show" --help "block --help"; do
	fails 1 "smtpwall $words to a full disk" to '>/dev/full' $words
done
for words in status "check 203.0.113.1" "bans --json" lists "config show"; do
	fails 1 "smtpwall $words with its output closed" to '>&-' $words
done
# What a command does is done whether or not somebody listens.
run to '>&- 2>&-' block 203.0.113.50
same "block with everything closed has blocked" "$(json reason check 203.0.113.50)" admin-block
run to '>&- 2>&- <&-' mode monitor
same "mode monitor with everything closed is in force" "$(json mode status)" monitor
printf '10.1.2.3\n203.0.113.41\n' >"$LAB_DIR/notes"
run to '>&- 2>&- <&-' load one "$LAB_DIR/notes"
same "load with everything closed is in force" "$(json list check 203.0.113.41)" one
works "and its store is whole" wall lists one
works "mode enforce" wall mode enforce
run to '>&- 2>&- <&-' up
works "the wall is in order" wall status

# --- no permission ----------------------------------------------------------------------------------------

cp "$SMTPWALL" "$LAB_DIR/smtpwall"
chmod 755 "$LAB_DIR" "$LAB_DIR/smtpwall"
without() { # SETPRIV-OPTIONS -- ARGUMENTS...
	local options=()
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	lab_exec mail setpriv "${options[@]}" env SMTPWALL_PINS="$pins" SMTPWALL_STATE="$state" \
		SMTPWALL_CONFIG="$LAB_DIR/mail/smtpwall.conf" "$LAB_DIR/smtpwall" "$@"
}
nobody=(--reuid 65534 --regid 65534 --clear-groups)
for words in status "check 203.0.113.1" "block 203.0.113.60" "mode monitor" up down watch; do
	run without "${nobody[@]}" -- $words
	if [ "$last" != 0 ] && grep -qE 'run it as root|permi' "$LAB_DIR/output"; then ok "smtpwall $words as nobody"; else
		not_ok "smtpwall $words as nobody" "exit status $last; it said: $(heard)"; fi
done
works "config check as nobody" without "${nobody[@]}" -- config check
fails 1 "up without CAP_BPF" without --bounding-set=-bpf,-sys_admin -- up
says "names the capabilities" 'CAP_BPF' without --bounding-set=-bpf,-sys_admin -- up
fails 1 "up without CAP_NET_ADMIN" without --bounding-set=-net_admin,-sys_admin -- up
works "the wall is in order after all that" wall status
same "and blocks" "$(json reason check 203.0.113.9)" admin-block
works "up without CAP_SYS_ADMIN" without --bounding-set=-sys_admin -- up

# --- bpftool ------------------------------------------------------------------------------------------------

dump() { bpftool map dump pinned "$pins/maps/$1"; }
for map in settings counters list_counters lists notices health manual manual_lengths proven proof rates announced bans known abuse \
	reply_counts; do
	works "bpftool map dump of $map" dump "$map"
done
says "manual shows names" '"block_until"' dump manual
says "counters show names" '"admin_block"' dump counters
says "lists show names" '"one"' dump lists
says "and actions" 'LIST_DROP' dump lists
frame() { # SOURCE FILE: a SYN from there to port 25
	local a b c d
	IFS=. read -r a b c d <<<"$1"
	# shellcheck disable=SC2059 # that is what it is for
	printf "$(printf '\\x%02x' 2 0 0 0 0 1 2 0 0 0 0 2 8 0 69 0 0 40 0 0 0 0 64 6 0 0 "$a" "$b" "$c" "$d" 192 0 2 25 \
		156 64 0 25 0 0 0 1 0 0 0 0 80 2 250 240 0 0 0 0)" >"$2"
	head -c 202 /dev/zero >>"$2"
}
prog_run() { bpftool prog run pinned "$pins/$1" data_in "$2" repeat 1; }
frame 203.0.113.9 "$LAB_DIR/blocked"
frame 203.0.113.99 "$LAB_DIR/clean"
seen=$(packets admin-block dropped)
says "check answers 1 for a blocked source" 'Return value: 1' prog_run check "$LAB_DIR/blocked"
says "and 2 for another" 'Return value: 2' prog_run check "$LAB_DIR/clean"
same "and leaves no trace" "$(packets admin-block dropped)" "$seen"
says "wall answers 1 for a blocked source" 'Return value: 1' prog_run wall "$LAB_DIR/blocked"
says "and 2 for another one" 'Return value: 2' prog_run wall "$LAB_DIR/clean"
same "and counts" "$(packets admin-block dropped)" $((seen + 1))

# --- completion -----------------------------------------------------------------------------------------------

completes() { # WORDS... -> the completions of the last
	bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE=$*; COMP_POINT=${#COMP_LINE}
		$(complete -p smtpwall | sed "s/.*-F \([^ ]*\).*/\1/") smtpwall "${@: -1}" "${@: -2:1}"
		printf "%s\n" "${COMPREPLY[@]}"' "$LAB_TOP/scripts/packaging/smtpwall.bash-completion" "$@"
}
says "completion knows the commands" '^unblock ?$' completes smtpwall unb
says "and the options of bans" '^--all ?$' completes smtpwall bans --a
says "and the modes" '^enforce ?$' completes smtpwall mode enf
finish
