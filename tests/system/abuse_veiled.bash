# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# abuse_veiled.bash - what every mail server's log has to give for sessions that are encrypted; sourced after abuse.bash
#
#   veiled SERVER             tests STARTTLS sessions from 203.0.113.0/24 and 2001:db8:bad::/64, client `bad`; the
#                             daemon runs and reads the log
#
# shellcheck disable=SC2016,SC2086 # inner shells; words and addresses

# In steps, so that the log gets a word in.
slowly() { sed 's/$/\n~150/'; }

veiled() {
	local log before
	log=$(lab_log mail "$1")
	session "$(relays 12 | slowly)" | probe bad 203.0.113.50 $LAB_MAIL4 -t
	works "$1: relay attempts behind TLS end in a ban" wait_for 5 banned 203.0.113.50
	works "$1: in the middle of the session" eval '[ "$(denials)" -ge 3 ] && [ "$(denials)" -lt 12 ]'
	works "$1: which is cut" wait_for 5 no_session_of 203.0.113.50
	works "$1: and dropped from then on" dropped bad 203.0.113.50 $LAB_MAIL4
	same "$1: by the log" "$(json 0.origin bans 203.0.113.50)" log
	same "$1: three were enough" "$(json 0.offences.relay-denied bans 203.0.113.50)" 3
	works "$1: the log tells of it" wait_for 5 said 'ban source=203\.0\.113\.50'
	session "$(relays 12 | slowly)" | probe bad 2001:db8:bad::50 $LAB_MAIL6 -t
	works "$1: the same over IPv6" wait_for 5 banned 2001:db8:bad::50

	{ echo EHLO client.example; guesses 14 | slowly; } | probe bad 203.0.113.51 $LAB_MAIL4 -t
	works "$1: wrong passwords behind TLS end in a ban" wait_for 5 banned 203.0.113.51

	{ echo EHLO client.example; login; message; echo QUIT; } | probe bad 203.0.113.52 $LAB_MAIL4 -t
	works "$1: the right one is taken" test "$(count '^235 ')" = 1
	works "$1: and makes its source authenticated" wait_for 5 eval '[ "$(verdict_of 203.0.113.52)" = pass/authenticated ]'

	# In the log and in the kernel: charged once.
	session "$(relays 2)" QUIT | probe bad 203.0.113.53 $LAB_MAIL4
	works "$1: a plain session stands in the log as well" wait_for 5 grep -q '203\.0\.113\.53.*elsewhere' "$log"
	# A later line was read: this one was, too.
	session "$(relays 3 | slowly)" | probe bad 203.0.113.54 $LAB_MAIL4 -t
	works "$1: the log is read up to a later session" wait_for 5 banned 203.0.113.54
	works "$1: two plain attempts count as two" unharmed 203.0.113.53

	# A new file in the place of the old one, and the same one from its beginning.
	before=$(grep -c . "$log")
	lab_daemon_stop mail
	session "$(relays 3 | slowly)" QUIT | probe bad 203.0.113.55 $LAB_MAIL4 -t
	lab_daemon mail
	works "$1: the daemon again, reads on where it stopped ($before lines)" wait_for 15 daemon_runs
	works "$1: and finds what happened meanwhile" wait_for 10 banned 203.0.113.55
	works "$1: but nothing twice" unharmed 203.0.113.53
}
