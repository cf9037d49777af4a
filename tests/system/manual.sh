#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# manual.sh - block, unblock, allow, unallow: what is in force, until when, and what survives what
#
# shellcheck disable=SC2016,SC2086,SC2317 # inner shells; words and addresses; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
lab_new "$@"

lab_star
lab_many bad 203.0.113.0/24 2001:db8:bad::/48
serve mail 25 || { not_ok server "it did not start"; finish; }
conf <<'CONF'
mode = enforce
interfaces = {"eth0"}
CONF

reason() { json reason check "$1"; }
server() { [[ $1 == *:* ]] && echo $LAB_MAIL6 || echo $LAB_MAIL4; }
gets_in() { [ "$(knock bad "$1" "$(server "$1")" 1 2500)" = 1 ]; }
kept_out() { [ "$(knock bad "$1" "$(server "$1")" 1 400)" = 0 ]; }
# At that many seconds after now, as the clock of the wall goes.
at() {
	local seconds=$1
	shift
	SMTPWALL_TEST_CLOCK=$seconds "$@"
}
with_input() { # TEXT ARGUMENTS...: smtpwall with that standard input
	local text=$1
	shift
	printf '%b' "$text" | wall "$@"
}

# --- before a wall is up ----------------------------------------------------------------------------

says "a block without a wall is kept for later" 'takes effect with .smtpwall up' wall block 203.0.113.200
works "up" wall up
same "and is in force then" "$(reason 203.0.113.200)" admin-block

# --- put and take back ------------------------------------------------------------------------------

says "block" '^203\.0\.113\.5 is blocked until you take it back$' wall block 203.0.113.5 --reason "guesses passwords"
works "drops" kept_out 203.0.113.5
works "nobody else" gets_in 203.0.113.6
same "check says why" "$(json text check 203.0.113.5)" "guesses passwords"
says "bans shows it" '^203\.0\.113\.5 +block .*guesses passwords' wall bans
says "unblock" '^203\.0\.113\.5 is no longer blocked by hand$' wall unblock 203.0.113.5
works "lets in" gets_in 203.0.113.5
fails 1 "unblock again" wall unblock 203.0.113.5
says "says that nothing changed" 'was not blocked by hand; nothing changed' wall unblock 203.0.113.5
works "block over IPv6" wall block 2001:db8:bad::5
works "drops over IPv6" kept_out 2001:db8:bad::5
works "block of an IPv6 network" wall block 2001:db8:bad:7::/64
works "drops all of it" kept_out 2001:db8:bad:7:1:2:3:4
works "but not the next one" gets_in 2001:db8:bad:8::1
works "several at once" wall block 203.0.113.10 203.0.113.12/31 2001:db8:bad::9
same "are all in force" "$(reason 203.0.113.10) $(reason 203.0.113.13) $(reason 2001:db8:bad::9)" \
	"admin-block admin-block admin-block"
same "an IPv4 address in IPv6 clothes is the same one" "$(reason ::ffff:203.0.113.10)" admin-block
same "in NAT64 clothes, too" "$(reason 64:ff9b::203.0.113.10)" admin-block
works "from standard input" with_input '# a comment\n203.0.113.20\n\n203.0.113.21 ; another\r\n' block -
same "both are in force" "$(reason 203.0.113.20) $(reason 203.0.113.21)" "admin-block admin-block"
says "a bad line in it" '^smtpwall: -:2: .*nonsense' with_input '203.0.113.22\nnonsense\n' block -
fails 2 "is wrong usage" with_input '203.0.113.22\nnonsense\n' block -
same "and nothing of it is in force" "$(reason 203.0.113.22)" clean
works "unblock from standard input" with_input '203.0.113.20\n203.0.113.21\n' unblock -
same "took both back" "$(reason 203.0.113.20) $(reason 203.0.113.21)" "clean clean"
for wrong in 203.0.113 203.0.113.1/33 203.0.113.1/ 2001:db8::/129 example.com 203.0.113.5/24 '' ' 203.0.113.1'; do
	fails 2 "'$wrong' is wrong usage" wall block "$wrong"
done
fails 2 "block without an address" wall block
fails 2 "a bad time" wall block 203.0.113.1 --for soon
fails 2 "a time of nothing" wall block 203.0.113.1 --for 0s
works "a reason with control characters" wall block 203.0.113.30 --reason $'a\e[31mb\nc'
silent_on "is shown without them" $'\e' wall bans
works "block again with another reason" wall block 203.0.113.30 --reason other
same "replaces" "$(json text check 203.0.113.30)" other
fails 1 "a very wide block" wall block 96.0.0.0/6
says "wants --force" '--force' wall block 96.0.0.0/6
works "and gets it" wall block 96.0.0.0/6 --force
works "unblock of the wide one" wall unblock 96.0.0.0/6

# --- allow ------------------------------------------------------------------------------------------

works "allow of a network" wall allow 203.0.113.64/28 --reason "our own"
fails 1 "block of an address in it" wall block 203.0.113.70
says "names the list and the way out" 'allow list "manual".*unallow' wall block 203.0.113.70
works "block of the network around it" wall block 203.0.113.64/26
works "allow wins over the wider block" gets_in 203.0.113.70
works "which holds beside it" kept_out 203.0.113.100
same "check names the list manual" "$(json list check 203.0.113.70)" manual
printf '203.0.113.128/28\n' >"$LAB_DIR/partners"
works "an allow list" wall load partners "$LAB_DIR/partners" --action allow
says "block of an address in it names the list" 'allow list "partners"' wall block 203.0.113.130
works "unallow" wall unallow 203.0.113.64/28
works "uncovers the block" kept_out 203.0.113.70
works "a narrow block in the wide one" wall block 203.0.113.70
says "unblock says what still blocks" '203\.0\.113\.70 is still blocked by hand as part of 203\.0\.113\.64/26' \
	wall unblock 203.0.113.70
printf '203.0.113.140\n' >"$LAB_DIR/drop"
wall load drop "$LAB_DIR/drop" >/dev/null 2>&1
wall block 203.0.113.140 >/dev/null 2>&1
says "or which list" 'still blocked by the list "drop"' wall unblock 203.0.113.140

# --- times ------------------------------------------------------------------------------------------

works "block for a minute" wall block 203.0.113.150 --for 1m
works "a network for an hour" wall block 203.0.113.160/28 --for 1h
works "an address in it for a minute" wall block 203.0.113.161 --for 1m
works "an allow for a minute" wall allow 203.0.113.200 --for 1m
works "they are in force" kept_out 203.0.113.150
works "the allow, too" gets_in 203.0.113.200
same "after two minutes the minute is over" "$(at 120 reason 203.0.113.150)" clean
works "for packets, too" gets_in 203.0.113.150
works "the network is not, nor for the address in it" kept_out 203.0.113.161
same "check says the same" "$(reason 203.0.113.161)" admin-block
works "the allow is over: the block is there again" kept_out 203.0.113.200
silent_on "bans shows no ended block" '203\.0\.113\.150 ' at 120 wall bans
fails 1 "unblock of an ended block" at 120 wall unblock 203.0.113.150
same "after two hours the network's hour is over" "$(at 7200 reason 203.0.113.161)" clean
works "for packets, too: the hour" gets_in 203.0.113.161
works "a mode for ten minutes" at 7200 wall mode monitor --for 10m
works "is in force" gets_in 203.0.113.5
works "a block for good is let through then" gets_in 203.0.113.10
works "after eleven minutes" at 7860 wall status
works "the kernel enforces by itself" kept_out 203.0.113.10
works "up after that" at 7860 wall up
works "enforces as well" kept_out 203.0.113.10
# Back in the present, where those ten minutes are still to come.
at 0 wall mode enforce >/dev/null 2>&1

# --- killed right after -----------------------------------------------------------------------------

lab_wall_command mail
lost=0
for i in 1 2 3 4 5 6 7 8; do
	rm -f "$LAB_DIR/said"
	"${lab_command[@]}" block "203.0.113.22$i" >"$LAB_DIR/said" 2>/dev/null &
	block=$!
	until [ -s "$LAB_DIR/said" ] || ! kill -0 $block 2>/dev/null; do :; done
	kill -9 $block 2>/dev/null
	wait $block 2>/dev/null
done
rm -r "$pins"
wall up >/dev/null 2>&1
for i in 1 2 3 4 5 6 7 8; do [ "$(reason "203.0.113.22$i")" = admin-block ] || lost=$((lost + 1)); done
same "confirmed blocks survive kill -9 and a reboot" "$lost" 0
for i in 1 2 3 4 5 6 7 8; do
	"${lab_command[@]}" block "2001:db8:bad::22$i" >/dev/null 2>&1 &
	block=$!
	sleep "0.00$i"
	kill -9 $block 2>/dev/null
	wait $block 2>/dev/null
done
works "after many kills a block works" wall block 203.0.113.230
works "and status is in order" wall status
writers=()
for i in 1 2 3 4 5 6 7 8 9; do
	wall block "203.0.113.24$i" >/dev/null 2>&1 &
	writers+=($!)
done
for block in "${writers[@]}"; do wait "$block" || lost=$((lost + 1)); done
for i in 1 2 3 4 5 6 7 8 9; do [ "$(reason "203.0.113.24$i")" = admin-block ] || lost=$((lost + 1)); done
same "nine blocks at once are all in force" "$lost" 0

# --- a full table -----------------------------------------------------------------------------------

many() { local a b; for a in {0..255}; do for b in {0..255}; do echo "2001:db8:3a11:$a::$b"; done; done; }
many >"$LAB_DIR/many"
before=$(wall bans --json | grep -c '"address"')
fails 1 "more blocks than the table holds" timeout 60 bash -c 'exec "$@" <"$0"' "$LAB_DIR/many" "${lab_command[@]}" block -
if grep -q 'table of manual entries is full' "$LAB_DIR/output"; then ok "says so"; else not_ok "says so" "$(heard)"; fi
same "none of them is in force" "$(reason 2001:db8:3a11:1::1)" clean
same "nor in the ledger" "$(wall bans --json | grep -c '"address"')" "$before"
same "those before are" "$(reason 203.0.113.230)" admin-block
works "and one more fits" wall block 203.0.113.231
same "it is in force" "$(reason 203.0.113.231)" admin-block

# --- a full disk --------------------------------------------------------------------------------------

mkdir -p "$LAB_DIR/small"
mount -t tmpfs -o size=256k small "$LAB_DIR/small"
on_small() { lab_exec mail env SMTPWALL_PINS="$pins" SMTPWALL_CONFIG="$LAB_DIR/mail/smtpwall.conf" \
	SMTPWALL_STATE="$LAB_DIR/small" "$SMTPWALL" "$@"; }
works "a ledger on a small disk" on_small block 203.0.113.31
dd if=/dev/zero of="$LAB_DIR/small/ballast" bs=1k >/dev/null 2>&1
says "a block on a full disk says that it will not last" 'will not survive a reboot: .*(full|space)' on_small block 203.0.113.32
works "it is done" on_small block 203.0.113.33
works "and takes effect" kept_out 203.0.113.32
fails 1 "a list cannot be stored" on_small load big "$LAB_DIR/many"
says "which is said" 'No space|full' on_small load big "$LAB_DIR/many"
same "and is not in force" "$(reason 2001:db8:3a11:1::1)" clean
works "mode works" on_small mode enforce
works "check works" gets_in 203.0.113.6
rm "$LAB_DIR/small/ballast"
works "with room again" on_small block 203.0.113.34
umount "$LAB_DIR/small"

# --- damaged ----------------------------------------------------------------------------------------

rm -f "$state"/ledger.db-*
head -c 20000 /dev/urandom >"$state/ledger.db"
sum=$(cksum <"$state/ledger.db")
says "a block with a damaged ledger says so" 'will not survive a reboot: .*ledger\.db' wall block 203.0.113.35
works "and takes effect" kept_out 203.0.113.35
works "unblock works, too" wall unblock 203.0.113.35
works "and lets in" gets_in 203.0.113.35
fails 1 "status is degraded" wall status
says "and names the ledger" 'ledger\.db' wall status
says "bans shows what the kernel knows" '^203\.0\.113\.10 +block' wall bans
works "up goes up" wall up
same "and keeps the blocks in the kernel" "$(reason 203.0.113.10)" admin-block
printf 'mode = {{{\n' | conf
works "mode monitor with a damaged ledger and a broken configuration" wall mode monitor
works "drops nothing" gets_in 203.0.113.10
works "mode enforce, too" wall mode enforce
works "drops" kept_out 203.0.113.10
same "the damaged ledger was not touched" "$(cksum <"$state/ledger.db")" "$sum"

# The schema word of a version that does not exist yet.
foreign_schema() {
	value=$(bpftool -j map lookup pinned "$pins/maps/settings" key 0 0 0 0 | "$(tool jsonget)" value | tr -d '[]"' | tr ',' ' ')
	bpftool map update pinned "$pins/maps/settings" key 0 0 0 0 value hex 99 ${value#* } 2>/dev/null ||
		bpftool map update pinned "$pins/maps/settings" key 0 0 0 0 value 0x99 ${value#* }
}
foreign_schema
fails 1 "status on a foreign schema" wall status
says "says what to do" 'another version.*smtpwall down' wall status
fails 3 "check could not tell" wall check 203.0.113.10
works "mode monitor works on a foreign schema" wall mode monitor
works "nothing is dropped" gets_in 203.0.113.10
works "mode enforce works on it as well" wall mode enforce
printf 'mode = enforce\ninterfaces = {"eth0"}\n' | conf
fails 1 "up refuses to take it over" wall up
says "and says how to go on" '.smtpwall down., then .smtpwall up.' wall up
works "the wall stands as it was" kept_out 203.0.113.10
printf 'mode = {{{\n' | conf
works "down works on all of it" wall down
works "lets everything through" gets_in 203.0.113.10
works "no pin is left" test ! -e "$pins"

rm "$state/ledger.db"
printf 'mode = enforce\ninterfaces = {"eth0"}\n' | conf
works "a new start" wall up
works "is in order" wall status

foreign_schema
works "a mode chosen for a wall that does not tell what is configured" wall mode monitor
works "down, for this version" wall down
works "up" wall up
says "the choice stands, beside what is configured now" \
	'^mode +monitor since .* \(configuration: enforce\)$' wall status
finish
