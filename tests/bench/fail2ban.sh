#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fail2ban.sh - how many relay attempts are answered after the third: smtpwall beside fail2ban, on the same traffic
#
# One session tries recipients as fast as Postfix answers, which neither pauses nor gives up. fail2ban as Debian 12
# has it: pyinotify, nftables, a ban at the third line; smtpwall with its defaults, where the third refusal is over
# the limit. Each one alone, three times.
set -u
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/../system/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/../system/extra.bash"
# shellcheck source=tests/system/abuse.bash
. "$(dirname "$0")/../system/abuse.bash"
# Before the lab, which has no network.
parts=()
lab_unpack parts fail2ban python3-pyinotify nftables -- libnftables1 libnftnl11 libxtables12 libjansson4 libedit2 libmnl0 \
	libgmp10 libbsd0 libmd0 libtinfo6 || exit 1
lab_new "$@"

attempts=60000
lab_star
lab_many bad 203.0.113.0/24
lab_postfix mail smtpd_error_sleep_time=0 smtpd_hard_error_limit=100000 smtpd_soft_error_limit=100000 \
	smtpd_recipient_limit=100000 smtpd_recipient_overshoot_limit=100000 || exit 1
session "$(relays $attempts)" QUIT >"$LAB_DIR/commands"

# Prints how many were answered after the third, how long it went on, and how it ended.
attack() { # SOURCE
	local begun=${EPOCHREALTIME/./} answered ms
	probe bad "$1" "$LAB_MAIL4" -i 3000 <"$LAB_DIR/commands"
	ms=$(((${EPOCHREALTIME/./} - begun) / 1000))
	answered=$(denials)
	printf '%-10s %10s %16s %8s ms   %s\n' "$2" "$answered" "$((answered > 3 ? answered - 3 : 0))" "$ms" \
		"$(tail -n 1 "$probed")"
}

fail2ban_starts() {
	local dir=$LAB_DIR/fail2ban
	mkdir -p "$dir/bin"
	cp -r "${parts[0]}/etc/fail2ban" "$dir/etc"
	rm -f "$dir"/etc/jail.d/*
	cat >"$dir/bin/nft" <<-NFT
	#!/bin/sh
	LD_LIBRARY_PATH=$lab_libraries exec ${parts[2]}/usr/sbin/nft "\$@"
	NFT
	chmod +x "$dir/bin/nft"
	# What it remembers of bans would be the host's, and be there the next time.
	printf '[Definition]\ndbfile = None\n' >"$dir/etc/fail2ban.local"
	cat >"$dir/etc/jail.local" <<-JAIL
	[DEFAULT]
	backend = pyinotify
	banaction = nftables
	banaction_allports = nftables[type=allports]
	maxretry = 3
	findtime = 10m
	bantime = 10m
	[postfix]
	enabled = true
	mode = more
	port = smtp
	logpath = $(lab_log mail postfix)
	JAIL
	lab_exec mail env PATH="$dir/bin:$PATH" PYTHONPATH="${parts[0]}/usr/lib/python3/dist-packages:${parts[1]}/usr/lib/python3/dist-packages" \
		/usr/bin/python3 "${parts[0]}/usr/bin/fail2ban-server" -f -c "$dir/etc" -s "$dir/socket" -p "$dir/pid" -x \
		--logtarget "$dir/log" start >"$dir/out" 2>&1 </dev/null &
	fail2ban=$!
	wait_for 30 grep -q "Jail 'postfix' started" "$dir/log" || {
		cat "$dir/out" "$dir/log" >&2
		return 1
	}
}

printf '%-10s %10s %16s %11s\n' '' answered 'after the third' lasted
fail2ban_starts || exit 1
for i in 1 2 3; do attack "203.0.113.1$i" fail2ban; done
kill $fail2ban && wait $fail2ban 2>/dev/null
abuse_conf enforce
lab_daemon mail
wait_for 15 daemon_runs || { cat "$LAB_DIR/mail/daemon.log" >&2; exit 1; }
for i in 1 2 3; do attack "203.0.113.2$i" smtpwall; done
