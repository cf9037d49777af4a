#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# self_check.sh - is this host well placed, and listed nowhere? Every check in its good and its bad state, and the
# daemon that asks every hour
#
# shellcheck disable=SC2016,SC2317 # inner shells; functions called by name
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/extra.bash
. "$(dirname "$0")/extra.bash"
# shellcheck source=tests/system/dns.bash
. "$(dirname "$0")/dns.bash"
lab_new "$@"

lab_star
lab_postfix mail || { not_ok postfix "it did not start"; finish; }
dns_start || { not_ok "DNS server" "it did not start"; finish; }
dnsd=$lab_served dns_log=$LAB_DIR/mail/dnsd.rules.log
main_cf=$LAB_DIR/said/main.cf log=$LAB_DIR/mail/daemon.log
reverse4=25.2.0.192.in-addr.arpa
reverse6=5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.5.2.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa

# The lab's Postfix is not installed; what is said of it is a copy, as it starts anew after every change.
mkdir -p "$LAB_DIR/bin"
cp -r "$LAB_DIR/mail/postfix/etc" "${main_cf%/*}"
cat >"$LAB_DIR/bin/postconf" <<END
#!/bin/sh
LD_LIBRARY_PATH=$lab_postfix_path MAIL_CONFIG=${main_cf%/*} exec ${lab_postfix_path%%:*}/../../sbin/postconf "\$@"
END
chmod +x "$LAB_DIR/bin/postconf"
PATH=$LAB_DIR/bin:$PATH

config() { # [LINE]: of the section self-check
	conf <<END
mode = enforce
interfaces = {"eth0"}
read-logs = off
dnsbl {
	sites = "bl.example=127.0.0.[2..11]*3, wl.example*-2, key.example*1"
	timeout = 1s
	resolvers = {"127.0.0.1"}
	site "key.example" { name = "paid" }
}
self-check { ${1:-} }
END
}
config

good() {
	cat <<-END
		mail.lab.example A $LAB_MAIL4 AAAA $LAB_MAIL6
		$reverse4 PTR mail.lab.example
		$reverse6 PTR mail.lab.example
	END
	listed "$LAB_MAIL4" wl.example
}

# look STATUS NAME [ARGUMENTS...] - runs it; then: row RESULT CHECK [PATTERN [NAME]]
look() {
	local status=$1 name=$2
	shift 2
	fails "$status" "$name" wall self-check "$@" --json
	cp "$LAB_DIR/output" "$LAB_DIR/look"
}
row_of() { awk -v want="\"name\": \"$1\"" 'index($0, want) { on = 1 } on { print } on && /^    }/ { exit }' "$LAB_DIR/look"; }
row() {
	local text
	text=$(row_of "$2")
	if [ "$(sed -n 's/^      "result": "\(.*\)",/\1/p' <<<"$text")" != "$1" ]; then
		not_ok "${4:-$2 is $1}" "it is not: $(tr '\n' ' ' <<<"$text" | cut -c 1-400)"
	elif ! grep -qE -- "${3:-.}" <<<"$text"; then
		not_ok "${4:-$2 is $1}" "no line matches '$3': $(tr '\n' ' ' <<<"$text" | cut -c 1-600)"
	else
		ok "${4:-$2 is $1}"
	fi
}
# Postfix waits before it reads a file that is being written.
written() { touch -d '1 minute ago' "$main_cf"; }
networks() { sed -i "s|^mynetworks =.*|mynetworks = $1|" "$main_cf" && written; }
export SSH_CONNECTION="198.51.100.7 40000 $LAB_MAIL4 22"

# --- before there is a wall -----------------------------------------------------------------------

good | dns_rules
look 1 "without a wall something is bad"
row bad wall "no wall is up"
row ok listed "192.0.2.25 is in none of 3 DNSBLs" "an allow list's yes is no listing"

# --- all is well ------------------------------------------------------------------------------------

lab_daemon mail
works "the daemon is up and all is well" wait_for 15 wall status
works "the administrator's network is allowed" wall allow 198.51.100.0/24
look 0 "all is well"
for check in addresses listed reverse-dns server banner wall mode daemon faults administrator relay-trust; do
	row ok $check
done
row ok reverse-dns "2001:db8:0:25::25 is mail.lab.example"
row ok server "port 25 of 2001:db8:0:25::25: 220 mail.lab.example"
row ok wall "IPv6 is: eth0"
row ok administrator "198.51.100.7, .* by hand \(198.51.100.0/24\)"
says "it says so to people" "^nothing is bad; 0 warnings" wall self-check
same "the daemon has asked about both addresses" "$(grep -cE '^A 25.2.0.192.(bl|wl|key)' "$dns_log")" \
	"$(grep -cE '^A 5.2.0.0.*.0.2.(bl|wl|key)' "$dns_log")"

# --- usage ------------------------------------------------------------------------------------------

fails 2 "a private address is refused" wall self-check 10.0.0.1
fails 2 "and what is none" wall self-check example
fails 2 "and where nobody comes from" wall self-check --from nowhere
look 1 "another address" 192.0.2.26
row ok addresses "192.0.2.26 is on no interface"
row bad banner "not to this host"

# --- listed, and names that lie ------------------------------------------------------------------------

{
	listed "$LAB_MAIL4" bl.example 'A 127.0.0.4,127.0.0.2 ttl=300'
	listed "$LAB_MAIL4" key.example
	echo '5.2.0.0.*.8.b.d.0.1.0.0.2.bl.example A 127.0.0.99'
	echo 'mail.lab.example A 203.0.113.9'
	echo "$reverse6 PTR mail.lab.example"
	echo "$reverse4 NX"
} | dns_rules
look 1 "a listed host with wrong names"
row bad listed "192.0.2.25 is listed in bl.example \(127.0.0.[24],127.0.0.[24]\), paid \(127.0.0.2\)"
row bad listed "2001:db8:0:25::25 is in bl.example \(127.0.0.99\): that answer has no weight" "an answer without a weight"
silent_on "the key of a paid zone is not shown" "key\.example" cat "$LAB_DIR/look"
row bad reverse-dns "192.0.2.25 has no name"
row bad reverse-dns "2001:db8:0:25::25 is mail.lab.example, but mail.lab.example leads elsewhere" "a name that does not lead back"
row bad banner "leads to 203.0.113.9 and not to this host"
row ok server

events() { grep -cE "^smtpwall: $1" "$log"; }
status_says() { wall status | grep -qE -- "$1"; }
own_questions() { grep -cE '^A 25.2.0.192.bl' "$dns_log"; }
tested_again() { [ "$(tests)" -gt "$tested" ]; }
tests() { grep -cE '^A 2.0.0.127.bl' "$dns_log"; }
count=$(own_questions) tested=$(tests)
clock 3000
works "less than an hour later the sites are tested" wait_for 5 tested_again
same "but not asked about this host" "$(own_questions)" "$count"
same "and nobody has told" "$(events self-)" 0
clock 3700
works "an hour later the log says it" wait_for 10 grep -q "self-listed address=$LAB_MAIL4 sites=\"bl.example=127.0.0" "$log"
same "once, with all sites" "$(events 'self-listed .*;paid=127.0.0.2"$')" 1
works "status says it" wait_for 5 status_says "^listed $LAB_MAIL4: this host is in bl.example"
same "and its JSON" "$(json self_listed.0.address status)" "$LAB_MAIL4"
works "the wall goes down" wall down
works "and up again" wait_for 10 wall up
works "status still says it" wait_for 10 status_says "^listed $LAB_MAIL4: "
same "the log is not told again" "$(events self-)" 1
same "the answer without a weight is no listing" "$(json self_listed.1.address status)" ""
look 1 "the daemon's own complaint"
row ok faults "" "a listing is not told twice"

# --- failures are no listings ---------------------------------------------------------------------------

# Oftener than the sites are tested: a site may break in between.
config 'interval = 10m'
kill -HUP "${lab_daemons[mail]}"
works "the daemon asks every ten minutes" wait_for 10 eval '[ "$(events reload)" = 1 ]'
{
	listed "$LAB_MAIL4" bl.example 'A 127.255.255.254'
	echo '*.key.example A 127.0.0.2'
	echo "$reverse4 SERVFAIL"
	echo "$reverse6 PTR 5-2.dyn.example"
	echo "5-2.dyn.example A $LAB_MAIL4"
	echo "mail.lab.example NX"
} | dns_rules
look 1 "error codes, and a list that lists the world"
row warning listed "what paid says does not count: lists 127.0.0.1, and so the world"
row warning listed "bl.example did not answer about 192.0.2.25"
row "bad" reverse-dns "nobody could say what name 192.0.2.25 has" "a name that could not be asked for is not bad"
row bad banner "that name does not exist in DNS"
clock 4400
works "the one that lists the world does not count any more" wait_for 10 grep -q \
	"self-listed address=$LAB_MAIL4 sites=\"bl.example=[0-9.,]*\"" "$log"
same "what did not answer is not taken back" "$(events self-delisted)" 0
same "and the address that the world's lister alone has is not listed" "$(events "self-listed address=$LAB_MAIL6")" 0
kill -STOP "$dnsd"
look 3 "a resolver that is silent"
kill -CONT "$dnsd"
row "could not tell" listed "no DNSBL can be asked about 192.0.2.25"
row "could not tell" reverse-dns
row "could not tell" banner

# --- over -------------------------------------------------------------------------------------------------

kill -KILL "${lab_daemons[mail]}" && wait "${lab_daemons[mail]}" 2>/dev/null
works "with the daemon dead, status still says it" status_says "^listed $LAB_MAIL4: "
look 1 "the daemon is dead"
row bad daemon "it is dead"
good | dns_rules
count=$(events self-listed)
lab_daemon mail
works "a new daemon" wait_for 15 eval '[ "$(json daemon status)" = true ]'
works "sees that it is over" wait_for 15 eval '[ "$(events self-delisted)" = 1 ] && wall status'
same "and does not tell of the old listing again" "$(events self-listed)" "$count"
config 'interval = off'
kill -HUP "${lab_daemons[mail]}"
look 0 "without the hourly question"
row warning daemon "interval"
config 'addresses = {"192.0.2.77"}'
kill -HUP "${lab_daemons[mail]}"
works "a configured address is asked about instead" wait_for 10 eval '[ "$(asked "77.2.0.192.bl")" = 1 ]'
config
kill -HUP "${lab_daemons[mail]}"

# --- the wall and its administrator -----------------------------------------------------------------------

works "mode monitor" wall mode monitor
look 0 "monitor is no more than a warning"
row warning mode "nothing is dropped"
works "mode enforce" wall mode enforce
look 0 "an administrator from elsewhere" --from 203.0.113.7
row warning administrator "203.0.113.7, where you come from, is in no allow list.*smtpwall allow 203.0.113.0/24"
works "who is blocked" wall block 203.0.113.7
look 1 "who is blocked is bad" --from 203.0.113.7
row bad administrator "is dropped itself \(admin-block\)"
SSH_CONNECTION='' look 0 "not by SSH"
row "could not tell" administrator "--from"

lab_wire mail eth1 "2001:db8:0:26::25/64" router mail2 "2001:db8:0:26::1/64"
ip -n mail -6 route replace default via 2001:db8:0:26::1 dev eth1
look 1 "another way in"
row bad wall "the default route of IPv6 is by eth1, and the wall is not there.*smtpwall up eth0 eth1. puts"
ip -n mail link delete eth1
ip -n mail -6 route replace default via 2001:db8:0:25::1

# --- whom Postfix trusts -------------------------------------------------------------------------------------

ip -n mail link add docker0 type bridge
ip -n mail address add 172.17.0.1/16 dev docker0
ip -n mail link set docker0 up
networks "127.0.0.0/8 172.17.0.1 172.17.0.9 !192.0.2.1 192.0.2.0/24"
look 0 "single hosts, and a gateway that is taken out"
row ok relay-trust
networks "127.0.0.0/8, 172.16.0.0/12"
look 1 "the network of containers"
row bad relay-trust "172.17.0.0/16, the network of docker0 .*172.16.0.0/12 in"
networks "192.0.2.0/24"
look 0 "the provider's network"
row warning relay-trust "the gateway 192.0.2.1 "
networks "hash:/etc/networks"
look 0 "a table"
row "could not tell" relay-trust "hash:/etc/networks"
networks "0.0.0.0/0"
look 1 "everybody"
row bad relay-trust "open relay"
sed -i '/^mynetworks =/d' "$main_cf"
echo 'mynetworks_style = subnet' >>"$main_cf"
written
ip -n mail address add 10.9.0.2/24 dev eth0
ip -n mail route replace default via 10.9.0.1
look 1 "as in a container"
row bad relay-trust "the gateway 10.9.0.1 of eth0 .*this is a container"
ip -n mail route replace default via 192.0.2.1
PATH=${PATH#"$LAB_DIR/bin:"}
if ! command -v postconf >/dev/null; then
	look 0 "without Postfix's postconf"
	row "could not tell" relay-trust "no Postfix is here"
fi

# --- the mail server -------------------------------------------------------------------------------------------

lab_postfix_do mail stop
look 1 "no mail server"
row bad server "nothing listens on port 25 of 192.0.2.25"
row "could not tell" banner

# greet GREETING [ADDRESS] - another server, over IPv4 only
greet() {
	# shellcheck disable=SC2016 # perl's variables
	nsenter --net=/run/netns/mail -- perl -MIO::Socket::INET -e 'my $l = IO::Socket::INET->new(LocalAddr => $ARGV[1], LocalPort => 25, Listen => 5, ReuseAddr => 1) or die;
		while (my $c = $l->accept) { print $c "$ARGV[0]\r\n"; my $line = <$c>; close $c }' "$1" "${2:-0.0.0.0}" >/dev/null 2>&1 </dev/null &
	greeting=$!
	wait_for 5 listens mail 25
}
hush() { kill "$greeting" && wait "$greeting" 2>/dev/null; }
greet "220 mail.lab.example ESMTP"
look 1 "a server that IPv6 clients do not find"
row bad server "nothing listens on port 25 of 2001:db8:0:25::25, though the name of the mail server leads there"
row ok banner
hush
greet "220 mail.lab.example ESMTP" 10.9.0.2
look 1 "a server on one address only"
row bad server "port 25 of 10.9.0.2: 220" "is found there"
hush
greet "220 localhost ESMTP"
look 1 "a server without a name"
row warning server "right if this mail server is not to be reached over IPv6"
row bad banner 'greets with .*220 localhost ESMTP.*full name of the host'
hush
greet "554 go away"
look 1 "a server that refuses"
row bad server "refuses: 554 go away"
hush
greet "hello there"
look 1 "something else on port 25"
row bad server "does not speak SMTP"
hush

# --- behind NAT ---------------------------------------------------------------------------------------------------

lab_host inner
lab_wire inner eth0 "10.1.0.2/24" router inner "10.1.0.1/24"
ip -n inner route add default via 10.1.0.1
mkdir -p "$LAB_DIR/inner"
echo 'dnsbl { timeout = 1s resolvers = {"127.0.0.1"} }' >"$LAB_DIR/inner/smtpwall.conf"
run lab_wall inner self-check --json
cp "$LAB_DIR/output" "$LAB_DIR/look"
row "could not tell" addresses "private addresses only, so it is behind NAT"
run lab_wall inner self-check 192.0.2.25 --json
cp "$LAB_DIR/output" "$LAB_DIR/look"
row ok addresses "192.0.2.25 is on no interface here"
row warning listed "no DNSBL is configured"
finish
