#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# refuse.sh - what a refused connection costs: smtpwall beside postscreen and smtpd's reject_rbl_client, on the same traffic
#
# Many clients, all of them listed, each with a mail to deliver: they talk as far as they get, say QUIT when they are
# refused, and wait for the end (tests/tools/callers). Counted is the processor time of both ends, kernel included, for
# each connection: the client's part is in it, because on a pair of virtual interfaces one end does the kernel's
# work of the other as well. `processes` is that part of it which the server's own processes ran. The name server that
# answers for the DNSBL is left out, and the host has no other. Who is dropped sends a SYN and gives up.
#
# Each five times, the cheapest one counts. postscreen waits for clients that speak too early, here for a second and
# not for six, and has fewer and more at once: waiting costs nothing.
set -u
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/../system/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/../system/extra.bash"
# shellcheck source=tests/system/abuse.bash
. "$(dirname "$0")/../system/abuse.bash"
# shellcheck source=tests/system/refuse.bash
. "$(dirname "$0")/../system/refuse.bash"
# shellcheck source=tests/system/dns.bash
. "$(dirname "$0")/../system/dns.bash"
lab_new "$@"

# Control groups, because processes that ended count as well; of the first version or the second.
group() { # NAME
	if [ -e /sys/fs/cgroup/cgroup.procs ]; then
		printf '/sys/fs/cgroup/smtpwall-bench-%s' "$1"
	else
		printf '/sys/fs/cgroup/cpuacct/smtpwall-bench-%s' "$1"
	fi
}
own=$(sed -n 's/^0:://p; s/^[0-9]*:cpuacct[^:]*:/cpuacct/p' /proc/self/cgroup | tail -n 1)
[ -e "/sys/fs/cgroup/$own/cgroup.procs" ] || own=$(dirname "$(group x)" | sed 's|^/sys/fs/cgroup||')
# What is left of a bench that was killed is empty and of no use.
for name in servers clients; do
	[ -d "$(group $name)" ] || mkdir "$(group $name)" 2>/dev/null ||
		{ echo "there are no control groups here: nobody counts processor time"; exit 0; }
done
join() { echo $$ >"$(group "$1")/cgroup.procs"; }
leave() {
	local name process
	for name in clients servers; do
		while read -r process; do echo "$process" >"/sys/fs/cgroup/$own/cgroup.procs"; done <"$(group $name)/cgroup.procs"
		rmdir "$(group $name)"
	done 2>/dev/null
}
lab_defer leave
used() { # GROUP: microseconds
	if [ -e "$(group "$1")/cpu.stat" ]; then
		sed -n 's/^usage_usec //p' "$(group "$1")/cpu.stat"
	else
		echo $(($(cat "$(group "$1")/cpuacct.usage") / 1000))
	fi
}

base=
# row NAME WORD MS [AT-ONCE [COUNT]]: WORD is what has to come of every caller
row() {
	local i servers clients both least='' processes='' count=${5:-2000}
	for i in {1..5}; do
		servers=$(used servers) clients=$(used clients)
		call bad "44.1.$(((round += 8) % 240)).1" "$count" $LAB_MAIL4 "$count" "${4:-40}" "$3"
		servers=$(($(used servers) - servers)) clients=$(($(used clients) - clients))
		both=$((servers + clients))
		if [ -z "$least" ] || [ $both -lt "$least" ]; then least=$both processes=$servers; fi
		[ "$(came "$2")" = "$count" ] || echo "# $1: not all were $2: $(cat "$called")"
	done
	base=${base:-$((least * 1000 / count))}
	awk -v name="$1" -v both="$least" -v own="$processes" -v base="$base" -v n="$count" 'BEGIN {
		printf "%-46s %8.1f us %10.1f us %8.2f\n", name, both / n, own / n, both / n * 1000 / base }'
}
round=0

lab_star
lab_many bad 44.1.0.0/16
dns_start || exit 1
printf '*.1.44.bl.example A 127.0.0.2 ttl=300\n' | dns_rules
printf 'nameserver 127.0.0.1\n' >"$LAB_DIR/resolv.conf"
mount --bind "$LAB_DIR/resolv.conf" /etc/resolv.conf
join servers
lab_postfix mail || exit 1
etc=$LAB_DIR/mail/postfix/etc
cp "$etc/main.cf" "$etc/main.cf.plain"

# sets SETTING... - Postfix, with these settings of postscreen or smtpd
sets() {
	cp "$etc/main.cf.plain" "$etc/main.cf"
	printf '%s\n' "$@" >>"$etc/main.cf"
	join servers
	lab_postfix_do mail reload
	wait_for 10 lab_connect mail 127.0.0.1 127.0.0.1 25 9
	join clients
}
walls() { # ACTION [AT]
	join servers
	printf '44.1.0.0/16\n' >"$spam_list"
	refuse_conf 'dnsbl:sites = ""' 'refuse:times = "1000/1h"' 'refuse:budget = 100000' "spam:action = $1" "refuse:at = ${2:-greeting}"
	if [ "$1" = refuse ]; then refuse_starts; else lab_daemon mail && wait_for 20 daemon_runs; fi
	join clients
}

printf '%-46s %11s %13s %8s\n' "per connection" 'both ends' processes ratio
walls refuse
row 'smtpwall refuse' refused 20000
lab_daemon_stop mail
walls refuse mail
row 'smtpwall refuse, at = mail' refused 20000
lab_daemon_stop mail
walls drop
row 'smtpwall drop' unheard 300 400
lab_daemon_stop mail
wall down >/dev/null

sed -i -E 's/^smtp +inet .*/smtp inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\ndnsblog unix - - n - 0 dnsblog/' "$etc/master.cf"
printf '44.1.0.0/16 reject\n' >"$etc/listed.cidr"
sets "postscreen_access_list = cidr:$etc/listed.cidr" 'postscreen_denylist_action = enforce' \
	'postscreen_greet_wait = 1s'
row 'postscreen, access list, enforce' refused 20000 90 500
sets 'postscreen_dnsbl_sites = bl.example' 'postscreen_dnsbl_action = enforce' 'postscreen_greet_wait = 1s'
row 'postscreen, DNSBL, enforce' refused 20000 90 500

sed -i -E 's/^smtp +inet .*/smtp inet n - n - - smtpd/' "$etc/master.cf"
sets 'smtpd_recipient_restrictions = reject_rbl_client bl.example'
row 'smtpd, reject_rbl_client' refused 20000
sets
row 'smtpd, no list: the recipient is taken' served 20000
