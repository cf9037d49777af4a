# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lab.sh - a private internet for demonstrations and tests; sourced by scripts/run and tests/system
#
#   . scripts/lab.sh
#   lab_new "$@"                              first: starts the script again, cut off from the host
#   lab_star                                  mail host (192.0.2.25, 2001:db8:0:25::25 on eth0), router
#   lab_client honest 198.51.100.7 2001:db8:5100::7
#   lab_many flood 203.0.113.0/24             a client that owns every address of a network
#   lab_postfix mail                          a real Postfix on port 25 of that host; others are in lab_servers.sh
#   lab_send honest 198.51.100.7 192.0.2.25   a mail; then: lab_arrived SUBJECT
#   lab_connect honest 198.51.100.7 192.0.2.25 [PORT [SECONDS]]     prints the greeting
#   lab_exec HOST COMMAND...                  runs a command in the network of that host
#   lab_wall HOST ARGUMENTS...                runs smtpwall there, with pins and state of its own
#   lab_daemon HOST; lab_daemon_stop HOST     its daemon, in the background
#   lab_dnsd HOST ADDRESS PORT                a DNS server that answers by rules (tests/tools/dnsd), right or wrong:
#                                             $LAB_DIR/HOST/dnsd.rules, read again when it changes; the questions
#                                             are in dnsd.rules.log
#   lab_rbldnsd HOST ADDRESS PORT ZONE:TYPE:FILE...     a real rbldnsd with these zones; FILE is below
#                                             $LAB_DIR/HOST and read again within a second of a change, its
#                                             queries are in rbldnsd.log
#   lab_host NAME, lab_wire HOST IF ADDRESSES HOST IF ADDRESSES      for other shapes
#   lab_defer COMMAND...                      runs at the end, last one first
#   wait_for SECONDS COMMAND...               until it succeeds, at most that long
#
# The lab has mount and process namespaces of its own: a /run, a bpffs, network namespaces and processes
# that nobody outside sees, and that are gone when the script is, however it ends, kill -9 included.
# Nothing of it touches the host's interfaces, files, DNS or mail server, and labs run side by side.
# Addresses are those reserved for documentation.

LAB_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LAB_DIR=/run/lab
LAB_MAIL4=192.0.2.25
LAB_MAIL6=2001:db8:0:25::25
SMTPWALL=${SMTPWALL:-$LAB_TOP/build/smtpwall}
PATH=$PATH:/usr/sbin:/sbin

# shellcheck source=scripts/lab_servers.sh
. "$LAB_TOP/scripts/lab_servers.sh"

lab_say() { printf 'lab: %s\n' "$*" >&2; }
lab_die() { lab_say "$*"; exit 1; }

# The part of lab_new on the host: starts the script again, hands signals on, takes the status. unshare
# itself ignores SIGTERM; a group of its own (set -m) keeps the terminal's SIGINT from arriving twice.
lab_outside() {
	local child status=0
	set -m
	SMTPWALL_LAB=$$ setpriv --pdeathsig KILL \
		unshare --mount --pid --fork --kill-child --mount-proc -- bash "$0" "$@" <&0 &
	child=$!
	# To the whole group: a shell that waits for its own child would look at the signal only afterwards.
	# shellcheck disable=SC2064 # the child of now
	trap "kill -TERM -- -$child 2>/dev/null" INT TERM HUP
	# A signal that was handed on interrupts wait: it has to be asked again.
	while :; do
		status=0
		wait "$child" || status=$?
		kill -0 "$child" 2>/dev/null || break
	done
	exit "$status"
}

# lab_new "$@" - goes on inside namespaces of its own
lab_new() {
	if [ -z "${SMTPWALL_LAB:-}" ]; then
		[ "$(id -u)" = 0 ] || lab_die "a lab needs root: use sudo"
		lab_outside "$@"
	fi
	# Being the first process of its namespace, it ignores every signal that it does not trap. What it
	# leaves running dies with it; what is mounted goes with the namespace.
	unset SMTPWALL_LAB SMTPWALL_PINS SMTPWALL_STATE SMTPWALL_CONFIG
	lab_deferred=()
	trap lab_leave EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	mount -t tmpfs -o mode=0755 lab /run || lab_die "cannot mount a tmpfs"
	mount -t bpf bpf /sys/fs/bpf || lab_die "cannot mount a bpffs: does this kernel know BPF?"
	mkdir -p "$LAB_DIR" /run/netns /run/lock
}

lab_defer() { lab_deferred+=("$(printf '%q ' "$@")"); }

# shellcheck disable=SC2317 # called by the trap
lab_leave() {
	local status=$? i name
	trap '' INT TERM HUP
	set +e
	for ((i = ${#lab_deferred[@]} - 1; i >= 0; i--)); do eval "${lab_deferred[i]}"; done
	for name in /run/netns/*; do [ -e "$name" ] && ip netns delete "${name##*/}"; done
	exit "$status"
}

# wait_for SECONDS COMMAND... - for a condition, never for a time
wait_for() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# --- hosts and wires ------------------------------------------------------------------------------

# nsenter and not `ip netns exec`, which mounts a sysfs over bpffs.
lab_exec() {
	local host=$1
	shift
	nsenter --net="/run/netns/$host" -- "$@"
}

lab_sysctl() { # HOST NAME=VALUE...
	# shellcheck disable=SC2016 # the inner shell's variables
	lab_exec "$1" sh -c 'shift; for s; do echo "${s#*=}" >"/proc/sys/${s%%=*}" || exit 1; done' sh "$@"
}

lab_host() {
	ip netns add "$1" || lab_die "cannot make the network namespace $1"
	# Addresses count at once: nobody else is there to hold them (DAD).
	lab_sysctl "$1" net/ipv6/conf/default/accept_dad=0 net/ipv6/conf/all/accept_dad=0 \
		net/ipv6/conf/default/accept_ra=0 net/ipv4/conf/default/rp_filter=0 net/ipv4/conf/all/rp_filter=0
	ip -n "$1" link set lo up
}

# lab_wire HOST_A IF_A "ADDRESSES" HOST_B IF_B "ADDRESSES" - a veth pair, up at both ends
lab_wire() {
	ip link add "$2" netns "$1" type veth peer name "$5" netns "$4" || lab_die "cannot make a veth pair"
	lab_end "$1" "$2" "$3"
	lab_end "$4" "$5" "$6"
}

lab_end() {
	local address
	for address in $3; do lab_address "$1" "$2" "$address"; done
	ip -n "$1" link set "$2" up
}

lab_address() { # HOST IF ADDRESS/LENGTH
	case $3 in
	*:*) ip -n "$1" address add "$3" dev "$2" nodad ;;
	*) ip -n "$1" address add "$3" dev "$2" ;;
	esac || lab_die "cannot give $3 to $2 of $1"
}

# lab_star - the mail host, and a router that every client is wired to
lab_star() {
	lab_host router
	lab_sysctl router net/ipv4/ip_forward=1 net/ipv6/conf/all/forwarding=1
	lab_host mail
	lab_wire mail eth0 "$LAB_MAIL4/24 $LAB_MAIL6/64" router mail "192.0.2.1/24 2001:db8:0:25::1/64"
	ip -n mail route add default via 192.0.2.1
	ip -n mail -6 route add default via 2001:db8:0:25::1
}

# lab_client NAME ADDRESS... - a host behind the router with exactly these addresses on eth0
lab_client() {
	local name=$1 address
	shift
	lab_host "$name"
	# The addresses of the wire itself are never a source.
	lab_wire "$name" eth0 "169.254.1.2/32 fe80::2/64" router "$name" "169.254.1.1/32 fe80::1/64"
	for address; do
		case $address in
		*:*)
			lab_address "$name" eth0 "$address/128"
			ip -n "$name" -6 route replace default via fe80::1 dev eth0 src "$address"
			;;
		*)
			lab_address "$name" eth0 "$address/32"
			ip -n "$name" route replace default via 169.254.1.1 dev eth0 onlink src "$address"
			;;
		esac
		lab_route "$name" "$address"
	done
}

# lab_many NAME NETWORK... - a client that may connect from any address of these networks
lab_many() {
	local name=$1 network
	shift
	lab_client "$name"
	# A local route alone lets IPv4 bind to any of its addresses; IPv6 wants to be told.
	lab_sysctl "$name" net/ipv6/ip_nonlocal_bind=1
	for network; do
		ip -n "$name" route add local "$network" dev lo || lab_die "$network is no network"
		case $network in
		*:*) ip -n "$name" -6 route replace default via fe80::1 dev eth0 ;;
		*) ip -n "$name" route replace default via 169.254.1.1 dev eth0 onlink ;;
		esac
		lab_route "$name" "$network"
	done
}

lab_route() { # CLIENT ADDRESS: the router's way to it
	case $2 in
	*:*) ip -n router -6 route add "$2" via fe80::2 dev "$1" ;;
	*) ip -n router route add "$2" via 169.254.1.2 dev "$1" onlink ;;
	esac || lab_die "cannot route $2"
}

# --- smtpwall -------------------------------------------------------------------------------------

# The command that runs smtpwall on a host, into the array lab_command.
lab_wall_command() {
	mkdir -p "$LAB_DIR/$1"
	lab_command=(nsenter --net="/run/netns/$1" -- env "SMTPWALL_PINS=/sys/fs/bpf/smtpwall-lab-$1"
		"SMTPWALL_STATE=$LAB_DIR/$1/state" "SMTPWALL_CONFIG=$LAB_DIR/$1/smtpwall.conf" "$SMTPWALL")
}

lab_wall() {
	local lab_command
	lab_wall_command "$1"
	shift
	"${lab_command[@]}" "$@"
}

# lab_daemon HOST [ARGUMENTS...] - starts the daemon in the background; its log is $LAB_DIR/HOST/daemon.log, its
# process ${lab_daemons[HOST]}
declare -A lab_daemons
lab_daemon() {
	local lab_command host=$1
	lab_wall_command "$host"
	shift
	"${lab_command[@]}" daemon "$@" >>"$LAB_DIR/$host/daemon.log" 2>&1 </dev/null &
	lab_daemons[$host]=$!
}

# lab_daemon_stop HOST [SIGNAL] - ends it, takes its exit status
lab_daemon_stop() {
	kill "-${2:-TERM}" "${lab_daemons[$1]}" && wait "${lab_daemons[$1]}"
}

# --- mail -------------------------------------------------------------------------------------------

# lab_fetch - unpacks Postfix, rbldnsd, and the libraries they need that this host has not installed; prints
# the directories, Postfix's first, rbldnsd's second. Before lab_new it also works where the host's own
# resolver lives in /run.
lab_fetch() {
	local package wanted=(postfix rbldnsd)
	for package in libdb5.3 libicu72 libnsl2 libsasl2-2 libssl3 libsystemd0 zlib1g; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || wanted+=("$package")
	done
	"$LAB_TOP/scripts/unpack" "${wanted[@]}"
}

# lab_postfix HOST [--refuse] [--tls] [--auth] [SETTING...] - Debian's Postfix, unpacked and not installed, on port
# 25 of HOST. Takes mail for user@lab.example and postmaster@lab.example into $LAB_DIR/HOST/postfix/mail, relays for
# nobody: 454, as Debian ships it, or 554 with --refuse. --tls: STARTTLS; --auth: AUTH, for $lab_user.
lab_postfix() {
	local host=$1 dir=$LAB_DIR/$1/postfix fetched package library setting options=()
	shift
	while [[ ${1:-} == --* ]]; do
		options+=("$1")
		shift
	done
	fetched=$(lab_fetch) || return 1
	package=${fetched%%$'\n'*}
	lab_postfix_path=$package/usr/lib/postfix
	for library in ${fetched#"$package"}; do
		lab_postfix_path+=:$library/usr/lib/$(gcc -print-multiarch)
	done
	lab_users
	lab_needs_user postfix 64925 postfix 64925
	lab_needs_user '' '' postdrop 64926
	mkdir -p "$dir"/{etc,queue,data,mail,log}
	chown postfix "$dir/data"
	chown 65534:65534 "$dir/mail"
	cat >"$dir/etc/main.cf" <<CONF
compatibility_level = 3.6
command_directory = $package/usr/sbin
daemon_directory = $package/usr/lib/postfix/sbin
shlib_directory = $package/usr/lib/postfix
meta_directory = $dir/etc
queue_directory = $dir/queue
data_directory = $dir/data
sendmail_path = $package/usr/sbin/sendmail
newaliases_path = $package/usr/sbin/sendmail
mailq_path = $package/usr/sbin/sendmail
import_environment = MAIL_CONFIG MAIL_LOGTAG LANG=C LD_LIBRARY_PATH SASL_PATH
maillog_file_prefixes = $dir
maillog_file = $dir/log/mail.log
myhostname = mail.lab.example
mydestination =
mynetworks = 127.0.0.0/8 [::1]/128
inet_interfaces = all
inet_protocols = all
smtpd_peername_lookup = no
disable_dns_lookups = yes
alias_maps =
alias_database =
smtputf8_enable = no
virtual_mailbox_domains = lab.example
virtual_mailbox_maps = inline:{ user@lab.example=user/ postmaster@lab.example=user/ }
virtual_mailbox_base = $dir/mail
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
CONF
	lab_postfix_options "$host" ${options[@]+"${options[@]}"} >>"$dir/etc/main.cf" || return 1
	# In the place of what stands there: every process of Postfix warns of a setting that is there twice, and so many
	# warnings fill the socket of the log, at which the master then waits for a postlogd that it has not started yet.
	for setting; do
		sed -i "/^${setting%%[ =]*} *=/d" "$dir/etc/main.cf"
		printf '%s\n' "$setting" >>"$dir/etc/main.cf"
	done
	cat >"$dir/etc/master.cf" <<'CONF'
smtp       inet  n - n - - smtpd
pickup     unix  n - n 60 1 pickup
cleanup    unix  n - n - 0 cleanup
qmgr       unix  n - n 300 1 qmgr
tlsmgr     unix  - - n 1000? 1 tlsmgr
rewrite    unix  - - n - - trivial-rewrite
bounce     unix  - - n - 0 bounce
defer      unix  - - n - 0 bounce
trace      unix  - - n - 0 bounce
verify     unix  - - n - 1 verify
flush      unix  n - n 1000? 0 flush
proxymap   unix  - - n - - proxymap
proxywrite unix  - - n - 1 proxymap
smtp       unix  - - n - - smtp
relay      unix  - - n - - smtp
showq      unix  n - n - - showq
error      unix  - - n - - error
retry      unix  - - n - - error
discard    unix  - - n - - discard
virtual    unix  - n n - - virtual
anvil      unix  - - n - 1 anvil
scache     unix  - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
CONF
	cp "$package"/etc/postfix/postfix-files "$package"/usr/share/postfix/dynamicmaps.cf "$dir/etc/"
	if ! lab_postfix_do "$host" start >"$dir/log/start" 2>&1 ||
		! wait_for 20 lab_connect "$host" 127.0.0.1 127.0.0.1; then
		cat "$dir/log/start" "$dir/log/mail.log" >&2
		lab_say "Postfix did not start on $host: see above"
		return 1
	fi
	lab_defer lab_postfix_do "$host" abort
}

# lab_postfix_do HOST start|stop|reload|...
lab_postfix_do() {
	local dir=$LAB_DIR/$1/postfix
	lab_exec "$1" env LD_LIBRARY_PATH="$lab_postfix_path" SASL_PATH="${lab_sasl_path:-}" MAIL_CONFIG="$dir/etc" \
		"${lab_postfix_path%%:*}/../../sbin/postfix" "$2" </dev/null >/dev/null 2>&1
}

# lab_send HOST SOURCE SERVER [swaks options...] - one mail to user@lab.example; 0 when it was accepted,
# 2 when there was no connection, otherwise what swaks says. LAB_SUBJECT names it; LAB_TIMEOUT is in seconds.
lab_send() {
	local host=$1 source=$2 server=$3
	shift 3
	timeout $((${LAB_TIMEOUT:-5} * 4)) nsenter --net="/run/netns/$host" -- \
		swaks --server "$server" --local-interface "$source" --timeout "${LAB_TIMEOUT:-5}" \
		--helo client.lab.example --from sender@client.lab.example --to user@lab.example \
		--h-Subject "${LAB_SUBJECT:-a mail}" --body 'Hello from the lab.' --hide-all "$@" </dev/null
}

# lab_arrived SUBJECT [HOST] - is a mail with that subject in the mailbox?
lab_arrived() {
	grep -rqsxF "Subject: $1" "$LAB_DIR/${2:-mail}/postfix/mail/user/new"
}

# lab_connect HOST SOURCE SERVER [PORT [SECONDS [COUNT]]] - connects, prints the greeting, says QUIT. With a
# COUNT, that many times, one after the other: prints "GREETED of COUNT". 0 when all were greeted with 220.
lab_connect() {
	# shellcheck disable=SC2016 # the variables are perl's
	timeout 120 nsenter --net="/run/netns/$1" -- perl -MIO::Socket::IP -e '
		my ($source, $server, $port, $seconds, $count) = @ARGV;
		my $greeted = 0;
		$SIG{ALRM} = sub { die "silent\n" };
		for (1 .. $count) {
			my $s = IO::Socket::IP->new(LocalHost => $source, PeerHost => $server, PeerPort => $port,
				Timeout => $seconds) or next;
			my $line = eval { alarm $seconds > 1 ? $seconds : 1; my $l = <$s>; alarm 0; $l };
			alarm 0;
			next unless defined $line;
			print $line if $count == 1;
			$greeted++ if $line =~ /^220/;
			eval { alarm 2; print $s "QUIT\r\n"; <$s>; alarm 0 };
			alarm 0;
		}
		print "$greeted of $count\n" if $count > 1;
		exit($greeted == $count ? 0 : 1);
	' "$2" "$3" "${4:-25}" "${5:-3}" "${6:-1}"
}

# --- names ------------------------------------------------------------------------------------------

# lab_serve HOST LOG PATTERN COMMAND... - starts a server, waits for the pattern in its log, ends it with the
# lab. Its process is in $lab_served, for those who want to end it earlier.
lab_serve() {
	local host=$1 log=$2 pattern=$3
	shift 3
	nsenter --net="/run/netns/$host" -- "$@" >"$log" 2>&1 </dev/null &
	lab_served=$!
	lab_defer lab_serve_end "$lab_served"
	wait_for 20 grep -qE "$pattern" "$log" || {
		cat "$log" >&2
		lab_say "${1##*/} did not start on $host: see above"
		return 1
	}
}

lab_serve_end() { kill "$1" 2>/dev/null; }

# lab_dnsd HOST ADDRESS PORT
lab_dnsd() {
	local rules=$LAB_DIR/$1/dnsd.rules
	mkdir -p "$LAB_DIR/$1"
	[ -e "$rules" ] || : >"$rules"
	lab_serve "$1" "$LAB_DIR/$1/dnsd.out" '^dnsd: ready' "${SMTPWALL%/*}/tests/tools/dnsd" "$2" "$3" "$rules"
}

# lab_rbldnsd HOST ADDRESS PORT ZONE:TYPE:FILE... - it refuses to be root, and only reads
lab_rbldnsd() {
	local host=$1 address=$2 port=$3 fetched package library path='' dir=$LAB_DIR/$1
	shift 3
	fetched=$(lab_fetch) || return 1
	package=$(sed -n 2p <<<"$fetched")
	while read -r library; do
		path+=$library/lib/$(gcc -print-multiarch):$library/usr/lib/$(gcc -print-multiarch):
	done < <(sed 1,2d <<<"$fetched")
	# shellcheck disable=SC2016 # the inner shell's variables
	lab_serve "$host" "$dir/rbldnsd.log" '^rbldnsd: .*started' env ${path:+"LD_LIBRARY_PATH=$path"} \
		"$package/usr/sbin/rbldnsd" -n -c 1 -u nobody -w "$dir" -b "$address/$port" -l +- "$@"
}
