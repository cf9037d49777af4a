# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# relay.bash - words for tests of relay-test; sourced after extra.bash
#
#   relay_lab                     the mail host, and a host `stranger` that tests it; mail.lab.example has both
#                                 addresses of the mail host, four.lab.example and six.lab.example one each
#   relayd HOST                   servers on that host, described on standard input (tests/tools/relayd.c); @
#                                 stands for both addresses of the mail host; its journal is $relay_dir/HOST.log
#   relay_test ARGUMENTS...       smtpwall relay-test on the stranger, asked nothing, and without pauses; $patient is its
#                                 --timeout, which no server reaches that answers at all
#   tries NAME TARGET...          the same with --json, in the background; when these, or all, have `tried`:
#   ended_with NAME               its exit status
#   told NAME PATH                one value of what it printed
#   outcomes NAME                 what came of each test, one a line: "FAMILY FORM WAY OUTCOME STAGE CODE"
#   found NAME                    how many of each outcome: "2 refused, 1 timeout"
#   taken NAME                    "FAMILY FORM WAY" of the tests that went through
#   heard_of PORT PATTERN         what the servers of the mail host heard at that port, as far as it matches (grep -E)

relay_dir=$LAB_DIR/relay

relay_lab() {
	lab_star
	lab_client stranger 198.51.100.7 2001:db8:5100::7
	mkdir -p "$relay_dir"
	{
		cat /etc/hosts
		printf '%s mail.lab.example\n' "$LAB_MAIL4" "$LAB_MAIL6"
		printf '%s\n' "$LAB_MAIL4 four.lab.example" "$LAB_MAIL6 six.lab.example"
	} >"$relay_dir/hosts"
	mount --bind "$relay_dir/hosts" /etc/hosts
	# For what is not among them, such as the IPv6 address of the one that has none.
	mkdir -p "$LAB_DIR/stranger"
	printf '%s\n' 'broken.lab.example SERVFAIL' 'nobody.lab.example NX' '* NODATA' >"$LAB_DIR/stranger/dnsd.rules"
	lab_dnsd stranger 127.0.0.1 53
	printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' >"$relay_dir/resolv.conf"
	mount --bind "$relay_dir/resolv.conf" /etc/resolv.conf
}

relayd() { # HOST
	local host=$1
	sed "s/^\(at [0-9]*\) @/\1 $LAB_MAIL4 $LAB_MAIL6/" >"$relay_dir/$host"
	lab_serve "$host" "$relay_dir/$host.out" '^relayd: ready' "$(tool relayd)" "$relay_dir/$host"
}

relay_test() { lab_wall stranger relay-test --yes --pause 0s --timeout "${patient:-15s}" "$@"; }

tries() {
	local name=$1
	shift
	(
		relay_test --json "$@" >"$relay_dir/$name.json" 2>"$relay_dir/$name.words" </dev/null
		echo $? >"$relay_dir/$name.status"
	) &
	trying[$name]=$!
}
declare -A trying
tried() { # [NAME...]
	local name
	[ $# -gt 0 ] || set -- "${!trying[@]}"
	for name; do wait "${trying[$name]}"; done
}

ended_with() { cat "$relay_dir/$1.status"; }
told() { "$(tool jsonget)" "$2" <"$relay_dir/$1.json"; }

outcomes() {
	perl -MJSON::PP -0777 -ne '
		my $all = decode_json($_);
		for my $walk (@{$all->{addresses}}) {
			for my $t (@{$walk->{tests}}) {
				printf "%s %s %s %s %s %s\n", $walk->{address} =~ /:/ ? 6 : 4, $t->{form}, $t->{way}, $t->{outcome},
					$t->{stage} // "-", $t->{code} // "-";
			}
		}' "$relay_dir/$1.json"
}
found() {
	outcomes "$1" | awk '{ n[$4]++ } END { for (o in n) print n[o], o }' | sort -k 2 | paste -s -d , | sed 's/,/, /g'
}
taken() { outcomes "$1" | awk '$4 == "accepted" || $4 == "delivered" { print $1, $2, $3 }' | sort; }
heard_of() { grep -E "^[0-9]+ $1 [0-9]+ ($2)" "$relay_dir/mail.log"; }
