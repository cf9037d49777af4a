#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# relay_wall.sh - relay-test against a host behind the wall: what it does is what the wall bans for
#
# shellcheck disable=SC2317 # functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/abuse.bash
. "$(dirname "$0")/abuse.bash"
# shellcheck source=tests/system/relay.bash
. "$(dirname "$0")/relay.bash"
lab_new "$@"
relay_lab
has() { grep -qE -- "$1" "$LAB_DIR/output"; } # in the output of the last command
heard_that() { if has "$2"; then ok "$1"; else not_ok "$1" "no line matches '$2'; it said: $(heard)"; fi; }

relayd mail <<<'at 25 @' || { not_ok relayd "it did not start"; finish; }
abuse_conf enforce
lab_daemon mail
works "the daemon is up" wait_for 15 daemon_runs

patient=1s fails 3 "the wall bans who tests its server" relay_test mail.lab.example
heard_that "which the test tells, and the way out" 'may have blocked this machine.*have it allowed'
works "over IPv4" banned 198.51.100.7
works "over IPv6" banned 2001:db8:5100::7
for source in 198.51.100.7 2001:db8:5100::7; do works "allowed for the time of the test" wall allow $source; done
fails 0 "then it is tested to the end" relay_test mail.lab.example
heard_that "and closed" '^mail.lab.example: closed'
finish
