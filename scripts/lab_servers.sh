# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lab_servers.sh - more mail servers for a lab, and what they share; sourced by scripts/lab.sh
#
#   lab_certificate                           a self-signed one of mail.lab.example: $LAB_DIR/tls.pem, $LAB_DIR/tls.key
#   lab_exim HOST [LINE...]                   Debian's Exim on port 25 of HOST, lines into its main section;
#                                             "RELAY_FROM = HOSTS" lets these relay; what is not for here goes
#                                             to "RELAY_TO = HOST", or is thrown away
#   lab_opensmtpd HOST [LINE...]              Debian's OpenSMTPD there, lines into its configuration
#   lab_nft HOST                              rules of nftables there, from standard input
#   lab_fetch_more                            fetches them: before lab_new, as lab_fetch
#   lab_log HOST SERVER                       the file of its log: postfix, exim or opensmtpd
#   lab_postfix_options WORD...               settings of Postfix for --auth, --tls, --refuse (lab_postfix)
#
# All of them take mail for user@lab.example, relay for nobody, speak STARTTLS, and know one account,
# user@lab.example with the password "secret" (OpenSMTPD only behind TLS: it knows no AUTH without).
# None is installed; users, directories and sockets that they want are the lab's own.

# Libraries of all of them.
lab_wanted_libraries=(libcrypt1 libdb5.3 libevent-2.1-7 libgnutls30 libgnutls-dane0 libidn12 libidn2-0 libnsl2 libpam0g
	libpcre2-8-0 libsasl2-2 libssl3 libtirpc3 libunbound8)

lab_nft_libraries=(libnftables1 libnftnl11 libxtables12 libjansson4 libedit2 libmnl0 libgmp10 libbsd0 libmd0 libtinfo6)

lab_user=user@lab.example
lab_password=secret

# lab_unpack VARIABLE PACKAGE... -- LIBRARY... - the directories of these packages into an array; where to find
# them, and the libraries that the host has not installed, into lab_libraries
lab_unpack() {
	local -n lab_unpacked=$1
	local library list wanted=() libraries=no
	shift
	for library; do
		if [ "$library" = -- ]; then
			libraries=yes
		elif [ $libraries = no ] ||
			[ "$(dpkg-query -W -f='${db:Status-Status}' "$library" 2>/dev/null)" != installed ]; then
			wanted+=("$library")
		fi
	done
	list=$("$LAB_TOP/scripts/unpack" "${wanted[@]}") || return 1
	mapfile -t lab_unpacked <<<"$list"
	lab_libraries=
	for library in "${lab_unpacked[@]}"; do
		lab_libraries+=$library/usr/lib/$(gcc -print-multiarch):$library/lib/$(gcc -print-multiarch):
	done
	lab_libraries=${lab_libraries%:}
}

# All that these servers need, fetched before a lab begins: see lab_fetch.
lab_fetch_more() {
	# shellcheck disable=SC2034 # only that they are there matters
	local -a fetched
	lab_unpack fetched exim4-daemon-light opensmtpd sasl2-bin libsasl2-modules libsasl2-modules-db \
		-- "${lab_wanted_libraries[@]}" && lab_unpack fetched nftables -- "${lab_nft_libraries[@]}"
}

# The files of users and groups become the lab's own, to which lab_needs_user may add.
lab_users() {
	[ ! -e "$LAB_DIR/passwd" ] || return 0
	cp /etc/passwd /etc/group "$LAB_DIR/"
	mount --bind "$LAB_DIR/passwd" /etc/passwd
	mount --bind "$LAB_DIR/group" /etc/group
}

lab_needs_user() { # NAME UID GROUP GID: in the lab's own copy of the files
	getent group "$3" >/dev/null || printf '%s:x:%s:\n' "$3" "$4" >>"$LAB_DIR/group"
	[ -z "$1" ] || getent passwd "$1" >/dev/null || printf '%s:x:%s:%s::/nonexistent:/bin/false\n' "$1" "$2" \
		"$(sed -n "s/^$3:[^:]*:\([0-9]*\):.*/\1/p" "$LAB_DIR/group")" >>"$LAB_DIR/passwd"
}

# lab_graft DIRECTORY - it becomes the lab's own and keeps what it holds, so that names may be added to it
lab_graft() {
	local old=$LAB_DIR/graft${1//\//-} entry
	[ ! -d "$old" ] || return 0
	mkdir -p "$old"
	mount --bind "$1" "$old" && mount -t tmpfs -o mode=0755 lab "$1" || return 1
	for entry in "$old"/* "$old"/.[!.]*; do
		if [ -e "$entry" ] || [ -L "$entry" ]; then ln -s "$entry" "$1/"; fi
	done
}

lab_certificate() {
	[ ! -e "$LAB_DIR/tls.pem" ] || return 0
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=mail.lab.example \
		-keyout "$LAB_DIR/tls.key" -out "$LAB_DIR/tls.pem" >"$LAB_DIR/tls.log" 2>&1 || {
		cat "$LAB_DIR/tls.log" >&2
		return 1
	}
	# Copied where a server insists on a key that nobody else may read.
	chmod 0644 "$LAB_DIR/tls.key"
}

lab_log() {
	case $2 in
	postfix) printf '%s' "$LAB_DIR/$1/postfix/log/mail.log" ;;
	exim) printf '%s' "$LAB_DIR/$1/exim/log/mainlog" ;;
	*) printf '%s' "$LAB_DIR/$1/$2/mail.log" ;;
	esac
}

# A server that was started is there when it greets.
lab_greets() { # HOST NAME LOG...
	local host=$1 name=$2
	shift 2
	wait_for 20 lab_connect "$host" 127.0.0.1 127.0.0.1 && return 0
	cat "$@" >&2
	lab_say "$name did not start on $host: see above"
	return 1
}

# --- Postfix: what its options stand for ----------------------------------------------------------------

# sasldb and not a daemon that knows the passwords: Cyrus SASL reads the file by itself.
lab_sasl() { # DIRECTORY
	local package
	lab_unpack package sasl2-bin libsasl2-modules libsasl2-modules-db -- "${lab_wanted_libraries[@]}" || return 1
	lab_sasl_path=${package[1]}/usr/lib/$(gcc -print-multiarch)/sasl2:${package[2]}/usr/lib/$(gcc -print-multiarch)/sasl2
	mkdir -p "$1"
	cat >"$1/smtpd.conf" <<-CONF
	pwcheck_method: auxprop
	auxprop_plugin: sasldb
	sasldb_path: $1/sasldb
	mech_list: PLAIN LOGIN
	CONF
	printf '%s' "$lab_password" | env SASL_PATH="$lab_sasl_path" ${lab_libraries:+"LD_LIBRARY_PATH=$lab_libraries"} \
		"${package[0]}/usr/sbin/saslpasswd2" -p -c -f "$1/sasldb" -u "${lab_user#*@}" "${lab_user%@*}" || return 1
	chown postfix "$1/sasldb"
}

lab_postfix_options() { # HOST WORD...: one setting a line
	local dir=$LAB_DIR/$1/postfix word
	shift
	for word; do
		case $word in
		--refuse) echo 'smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination' ;;
		--tls)
			lab_certificate || return 1
			printf '%s\n' 'smtpd_tls_security_level = may' "smtpd_tls_cert_file = $LAB_DIR/tls.pem" \
				"smtpd_tls_key_file = $LAB_DIR/tls.key" 'smtpd_tls_loglevel = 1'
			;;
		--auth)
			# Debian's looks there, whatever cyrus_sasl_config_path says.
			lab_sasl "$dir/etc/sasl" || return 1
			printf '%s\n' 'smtpd_sasl_auth_enable = yes' 'smtpd_sasl_local_domain = lab.example' \
				'smtpd_sasl_security_options = noanonymous'
			;;
		*) lab_die "lab_postfix knows no $word" ;;
		esac
	done
}

# --- Exim -------------------------------------------------------------------------------------------------

lab_exim() {
	local host=$1 dir=$LAB_DIR/$1/exim package line
	shift
	lab_unpack package exim4-daemon-light -- "${lab_wanted_libraries[@]}" || return 1
	lab_certificate || return 1
	lab_users
	lab_needs_user Debian-exim 64930 Debian-exim 64930
	mkdir -p "$dir"/{spool,log,mail}
	chown Debian-exim: "$dir"/{spool,log,mail}
	cp "$LAB_DIR/tls.pem" "$LAB_DIR/tls.key" "$dir/"
	chown Debian-exim: "$dir"/tls.*
	# The word of the default configuration for a refused relay, which has no enhanced code.
	{
		cat <<-CONF
		primary_hostname = mail.lab.example
		spool_directory = $dir/spool
		log_file_path = $dir/log/%slog
		pid_file_path = $dir/exim.pid
		daemon_smtp_ports = 25
		domainlist local_domains = lab.example
		host_lookup =
		rfc1413_query_timeout = 0s
		deliver_drop_privilege = true
		never_users = root
		tls_advertise_hosts = *
		tls_certificate = $dir/tls.pem
		tls_privatekey = $dir/tls.key
		chunking_advertise_hosts = *
		acl_smtp_rcpt = acl_rcpt
		acl_smtp_data = accept
		log_selector = +smtp_protocol_error +smtp_syntax_error +incoming_port +incoming_interface
		CONF
		for line; do printf '%s\n' "$line"; done
		cat <<-CONF
		begin acl
		acl_rcpt:
		  accept  hosts = :
		.ifdef RELAY_FROM
		  accept  hosts = RELAY_FROM
		.endif
		  deny    message = Restricted characters in address
		          domains = +local_domains
		          local_parts = ^[.] : ^.*[@%!/|]
		  accept  authenticated = *
		  require message = relay not permitted
		          domains = +local_domains
		  require message = Unknown user
		          local_parts = user : postmaster
		  accept
		begin routers
		local:
		  driver = accept
		  domains = +local_domains
		  transport = file
		.ifdef RELAY_TO
		away:
		  driver = manualroute
		  route_list = * RELAY_TO
		  transport = smtp
		.endif
		nowhere:
		  driver = accept
		  transport = nowhere
		begin transports
		smtp:
		  driver = smtp
		file:
		  driver = appendfile
		  file = $dir/mail/user
		  mode = 0644
		  user = Debian-exim
		nowhere:
		  driver = appendfile
		  file = /dev/null
		  mode_fail_narrower = false
		  allow_fifo
		  user = Debian-exim
		begin authenticators
		plain:
		  driver = plaintext
		  public_name = PLAIN
		  server_prompts = :
		  server_condition = \${if and{{eq{\$auth2}{$lab_user}}{eq{\$auth3}{$lab_password}}}}
		  server_set_id = \$auth2
		login:
		  driver = plaintext
		  public_name = LOGIN
		  server_prompts = <| Username: | Password:
		  server_condition = \${if and{{eq{\$auth1}{$lab_user}}{eq{\$auth2}{$lab_password}}}}
		  server_set_id = \$auth1
		CONF
	} >"$dir/exim.conf"
	lab_exec "$host" env ${lab_libraries:+"LD_LIBRARY_PATH=$lab_libraries"} \
		"${package[0]}/usr/sbin/exim4" -C "$dir/exim.conf" -bdf -q1m >"$dir/start" 2>&1 </dev/null &
	lab_defer lab_serve_end $!
	lab_greets "$host" Exim "$dir/start" "$dir"/log/*
}

# --- OpenSMTPD --------------------------------------------------------------------------------------------

# It logs to syslog, or to its own output without time and name: these are added here as a syslog daemon does.
lab_opensmtpd_log() {
	# shellcheck disable=SC2016 # the variables are perl's
	perl -MPOSIX=strftime -ne 'BEGIN { $| = 1 } chomp;
		printf "%s lab smtpd[%d]: %s\n", strftime("%b %e %H:%M:%S", localtime), $ENV{LAB_PID} // 1, $_'
}

# One for each lab: its directories are compiled in.
lab_opensmtpd() {
	local host=$1 dir=$LAB_DIR/$1/opensmtpd package line
	shift
	lab_unpack package opensmtpd -- "${lab_wanted_libraries[@]}" || return 1
	lab_certificate || return 1
	lab_users
	# It asks for the name of every client before it greets: by a resolver that nobody reaches it takes half a minute.
	printf 'nameserver 127.0.0.1\n' >"$LAB_DIR/resolv.conf"
	mount --bind "$LAB_DIR/resolv.conf" /etc/resolv.conf
	lab_needs_user opensmtpd 64940 opensmtpd 64940
	lab_needs_user opensmtpq 64941 opensmtpq 64941
	lab_needs_user labuser 64942 labuser 64942
	lab_graft /var/lib && lab_graft /var/spool && lab_graft /usr/libexec || return 1
	mkdir -p "$dir/mail" /var/lib/opensmtpd/empty
	chown labuser: "$dir/mail"
	ln -sfn "${package[0]}/usr/libexec/opensmtpd" /usr/libexec/opensmtpd
	install -m 0600 "$LAB_DIR/tls.key" "$LAB_DIR/tls.pem" "$dir/"
	printf '%s %s\n' "$lab_user" "$(openssl passwd -6 "$lab_password")" >"$dir/accounts"
	printf 'user: labuser\npostmaster: labuser\n' >"$dir/aliases"
	{
		cat <<-CONF
		pki mail.lab.example cert "$dir/tls.pem"
		pki mail.lab.example key "$dir/tls.key"
		table accounts file:$dir/accounts
		table aliases file:$dir/aliases
		CONF
		for line; do printf '%s\n' "$line"; done
		cat <<-CONF
		listen on 0.0.0.0 port 25 hostname mail.lab.example tls pki mail.lab.example auth-optional <accounts>
		listen on :: port 25 hostname mail.lab.example tls pki mail.lab.example auth-optional <accounts>
		action "here" mda "cat >>$dir/mail/user" alias <aliases>
		action "away" relay
		match from any for domain "lab.example" action "here"
		match auth from any for any action "away"
		CONF
	} >"$dir/smtpd.conf"
	# shellcheck disable=SC2016 # the inner shell's variables
	lab_exec "$host" env ${lab_libraries:+"LD_LIBRARY_PATH=$lab_libraries"} \
		"${package[0]}/usr/sbin/smtpd" -d -f "$dir/smtpd.conf" > >(lab_opensmtpd_log >"$dir/mail.log") 2>&1 </dev/null &
	lab_defer lab_serve_end $!
	lab_greets "$host" OpenSMTPD "$dir/mail.log"
}

# --- what stands in front of a server -----------------------------------------------------------------------

lab_nft() {
	local package
	lab_unpack package nftables -- "${lab_nft_libraries[@]}" || return 1
	lab_exec "$1" env ${lab_libraries:+"LD_LIBRARY_PATH=$lab_libraries"} "${package[0]}/usr/sbin/nft" -f -
}
