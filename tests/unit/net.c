/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net.c - tests of the room net: real interfaces in a network namespace of this process, and tables
 *
 * What needs a namespace is skipped, visibly, where one cannot be made.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <user/net/net.h>

static bool isolated; /* this process has a network namespace of its own */
static uint64_t namespace_before;

#define NEED_NAMESPACE()                                                                           \
	do {                                                                                       \
		if (!isolated) {                                                                   \
			print_message("skipped: needs root for a network namespace\n");            \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

static void sh(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void sh(const char *format, ...)
{
	char command[512];
	va_list args;
	int code;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	code = system(command);
	if (code)
		fail_msg("`%s`: got status %d, want 0", command, code);
}

static void want_text(const char *text, const char *want)
{
	if (!text || !strstr(text, want))
		fail_msg("unexpected text: got \"%s\", want it to contain \"%s\"",
			 text ? text : "nothing", want);
}

/* --- links ---------------------------------------------------------------------------------- */

static void test_facts(void **state)
{
	struct link_facts link, same;
	struct error why;

	(void)state;
	NEED_NAMESPACE();
	assert_int_equal(link_facts("veth0.100", &link, &why), 0);
	assert_string_equal(link.name, "veth0.100");
	assert_string_equal(link.kind, "veth");
	assert_string_equal(link.driver, "veth");
	assert_int_equal(link.mtu, 1400);
	assert_true(link.up && link.carrier && link.ethernet);
	assert_false(link.loopback || link.lro);
	assert_int_equal(link.xdp_program, 0);
	assert_string_equal(link.xdp_mode, "");
	assert_string_equal(link.lower, "");
	assert_int_equal(link.index, if_nametoindex("veth0.100"));
	assert_int_equal(link_facts_by_index(link.index, &same, &why), 0);
	assert_memory_equal(&link, &same, sizeof(link));
	if (link.features_known) {
		assert_true(link.xdp_basic);
		assert_true(link.xdp_frags);
	}

	assert_int_equal(link_facts("lo", &link, &why), 0);
	assert_true(link.loopback && link.ethernet);
	assert_false(link.xdp_basic);

	assert_int_equal(link_facts("br0", &link, &why), 0);
	assert_string_equal(link.kind, "bridge");
	assert_string_equal(link.lower, "port10 port1");
	assert_false(link.up);
	assert_int_equal(link_facts("port10", &same, &why), 0);
	assert_int_equal(same.master, link.index);
}

static void test_no_such_link(void **state)
{
	static const char *const name[] = {
		"nosuch0", "", "waytoolongforaninterface", "a/b", "\x1b[31mred", "..", "veth0.1000",
	};
	struct link_facts link, before;
	struct error why;

	(void)state;
	memset(&link, 0x5a, sizeof(link));
	before = link;
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		int code = link_facts(name[i], &link, &why);

		if (code != -ENODEV)
			fail_msg("\"%s\": got %d, want %d", name[i], code, -ENODEV);
		want_text(why.text, "there is no interface");
		assert_null(strchr(why.text, '\x1b'));
		assert_memory_equal(&link, &before, sizeof(link));
	}
	assert_int_equal(link_facts_by_index(99999, &link, NULL), -ENODEV);
	assert_int_equal(link_facts_by_index(0, &link, &why), -ENODEV);
	assert_int_equal(link_facts_by_index(-1, &link, &why), -ENODEV);
	assert_memory_equal(&link, &before, sizeof(link));
}

static int load_pass(enum bpf_attach_type type)
{
	struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = type);

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", pass, 2, &options);
}

static uint32_t program_id(int fd)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	return info.id;
}

static void test_xdp_seen(void **state)
{
	static const struct {
		uint32_t flags;
		const char *mode, *off;
	} table[] = {
		{XDP_FLAGS_DRV_MODE, "native", "`ip link set dev veth0.100 xdp off`"},
		{XDP_FLAGS_SKB_MODE, "generic", "`ip link set dev veth0.100 xdpgeneric off`"},
	};
	struct link_facts link;
	struct error why;
	char number[32];
	int fd, index;

	(void)state;
	NEED_NAMESPACE();
	index = (int)if_nametoindex("veth0.100");
	fd = load_pass(BPF_XDP);
	if (fd < 0) {
		print_message("skipped: cannot load BPF programs here\n");
		skip();
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int code;

		assert_int_equal(bpf_xdp_attach(index, fd, table[i].flags, NULL), 0);
		assert_int_equal(link_facts("veth0.100", &link, &why), 0);
		assert_int_equal(link.xdp_program, program_id(fd));
		assert_string_equal(link.xdp_mode, table[i].mode);

		/* What the kernel really says to a second one, and what we make of it. */
		code = bpf_link_create(fd, index, BPF_XDP, NULL);
		assert_true(code < 0);
		assert_int_equal(link_explain(&link, code, false, &why), code);
		snprintf(number, sizeof(number), "id %u", program_id(fd));
		want_text(why.text, number);
		want_text(why.text, "bpftool net");
		want_text(why.text, table[i].off);
		assert_int_equal(link_preflight(&link, false, true, &why), -EBUSY);
		assert_int_equal(link_preflight(&link, true, true, &why), -EBUSY);
		assert_int_equal(bpf_xdp_detach(index, table[i].flags, NULL), 0);
	}
	assert_int_equal(link_facts("veth0.100", &link, &why), 0);
	assert_int_equal(link.xdp_program, 0);
	assert_int_equal(link_preflight(&link, false, true, &why), 0);
	close(fd);
}

/* The kernel refuses for real; the sentence must name the cause. */
static void test_real_refusals(void **state)
{
	static const struct {
		const char *prepare, *name, *want;
	} table[] = {
		{"true", "br0", "`smtpwall up port10 port1`"},
		{"true", "lo", "Name the interface that mail arrives by"},
		{"ip link set peer0 mtu 9000", "veth0.100", "other end of veth0.100 has an MTU"},
	};
	struct link_facts link;
	struct error why;
	int fd;

	(void)state;
	NEED_NAMESPACE();
	fd = load_pass(BPF_XDP);
	if (fd < 0)
		skip();
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
		int code;

		sh("%s", table[i].prepare);
		assert_int_equal(link_facts(table[i].name, &link, &why), 0);
		code = bpf_link_create(fd, link.index, BPF_XDP, &options);
		if (code >= 0)
			fail_msg("%s took XDP, it was to refuse", table[i].name);
		assert_int_equal(link_explain(&link, code, false, &why), code);
		want_text(why.text, table[i].want);
	}
	sh("ip link set peer0 mtu 1500");
	close(fd);
}

/* --- words ---------------------------------------------------------------------------------- */

#define HARD .name = "eth0", .ethernet = true, .up = true, .mtu = 1500

static void test_explain(void **state)
{
	static const struct {
		struct link_facts link;
		int code;
		bool generic;
		const char *want[3];
	} table[] = {
		{{HARD}, -EPERM, false, {"CAP_NET_ADMIN", "eth0"}},
		{{HARD}, -ENODEV, false, {"eth0 is gone", "ip link"}},
		{{HARD, .xdp_program = 17, .xdp_mode = "native"},
		 -EBUSY,
		 false,
		 {"id 17, native mode", "bpftool prog show id 17", "xdp off"}},
		{{HARD, .xdp_program = 17, .xdp_mode = "generic"},
		 -EEXIST,
		 true,
		 {"id 17, generic mode", "xdpgeneric off"}},
		{{HARD}, -EEXIST, false, {"its bond, bridge or VLANs", "bpftool net"}},
		{{HARD}, -EBUSY, false, {"is busy", "ethtool -g eth0"}},
		{{HARD, .driver = "e1000e"},
		 -EOPNOTSUPP,
		 false,
		 {"driver e1000e", "no native XDP", "--xdp generic"}},
		{{HARD, .driver = "e1000e", .features_known = true},
		 -EINVAL,
		 false,
		 {"driver e1000e", "no native XDP"}},
		{{HARD}, -EOPNOTSUPP, false, {"unknown driver", "--xdp generic"}},
		{{HARD, .driver = "virtio_net", .features_known = true, .xdp_basic = true},
		 -EOPNOTSUPP,
		 false,
		 {"virtio_net", "guest_csum=off", "--xdp generic"}},
		{{HARD, .driver = "virtio_net", .lro = true},
		 -EOPNOTSUPP,
		 false,
		 {"LRO", "ethtool -K eth0 lro off"}},
		{{.name = "eth0",
		  .ethernet = true,
		  .mtu = 9000,
		  .driver = "ena",
		  .features_known = true,
		  .xdp_basic = true},
		 -EINVAL,
		 false,
		 {"MTU of eth0 is 9000", "about 3498;", "mtu 1500"}},
		{{.name = "eth0", .ethernet = true, .mtu = 9000, .driver = "virtio_net"},
		 -EINVAL,
		 false,
		 {"about 3506 (more with a newer kernel)"}},
		{{.name = "eth0",
		  .ethernet = true,
		  .mtu = 9000,
		  .driver = "i40e",
		  .features_known = true,
		  .xdp_basic = true,
		  .xdp_frags = true},
		 -EINVAL,
		 false,
		 {"physical function's own"}},
		{{HARD, .driver = "ena"}, -ENOMEM, false, {"ethtool -L eth0 combined N", "ena"}},
		{{HARD, .driver = "ena", .features_known = true, .xdp_basic = true},
		 -EINVAL,
		 false,
		 {"half of its queues", "`ethtool -l eth0`"}},
		{{HARD, .driver = "veth", .kind = "veth"}, -ENOTCONN, false, {"other end of eth0"}},
		{{HARD, .driver = "veth", .kind = "veth"}, -ERANGE, false, {"MTU too large"}},
		{{HARD}, -ENETDOWN, false, {"ip link set dev eth0 up"}},
		{{.name = "eth0.100",
		  .ethernet = true,
		  .mtu = 1500,
		  .kind = "vlan",
		  .driver = "802.1Q VLAN Support",
		  .lower = "eth0"},
		 -EOPNOTSUPP,
		 false,
		 {"eth0.100 is an interface of kind \"vlan\"", "`smtpwall up eth0`"}},
		{{.name = "bond0",
		  .ethernet = true,
		  .mtu = 1500,
		  .kind = "bond",
		  .driver = "bonding",
		  .lower = "eth0 eth1"},
		 -EOPNOTSUPP,
		 false,
		 {"every port of it (eth0 eth1)", "802.3ad"}},
		{{.name = "lo", .ethernet = true, .loopback = true, .mtu = 65536},
		 -EOPNOTSUPP,
		 false,
		 {"never blocked"}},
		{{HARD, .driver = "e1000e"}, -EINVAL, true, {"generic XDP to eth0: Invalid"}},
		{{HARD}, -9999, false, {"eth0", "Unknown error 9999"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct error why = {"nothing"};
		int code = link_explain(&table[i].link, table[i].code, table[i].generic, &why);

		if (code != table[i].code)
			fail_msg("row %zu: got %d, want %d", i, code, table[i].code);
		for (int w = 0; w < 3 && table[i].want[w]; w++)
			want_text(why.text, table[i].want[w]);
		if (strchr(why.text, '\n') || strlen(why.text) > 900)
			fail_msg("row %zu is no sentence: %s", i, why.text);
		if (getenv("NET_TEST_VERBOSE"))
			print_message("%d: %s\n", code, why.text);
	}
	assert_int_equal(link_explain(&table[0].link, -EINVAL, false, NULL), -EINVAL);
}

static void test_preflight(void **state)
{
	static const struct {
		struct link_facts link;
		bool generic, frags;
		int code;
		const char *want;
	} table[] = {
		{{HARD}, false, true, 0, ""},
		{{HARD, .driver = "virtio_net", .features_known = true, .xdp_basic = true},
		 false,
		 true,
		 0,
		 ""},
		/* A driver from outside the kernel may not say what it can: the attempt tells. */
		{{HARD, .driver = "mystery", .features_known = true}, false, true, 0, ""},
		{{HARD, .master = 7, .driver = "ixgbe"}, false, true, 0, ""},
		{{HARD, .xdp_program = 4, .xdp_mode = "native"}, true, true, -EBUSY, "id 4"},
		{{.name = "lo", .ethernet = true, .loopback = true},
		 false,
		 true,
		 -EOPNOTSUPP,
		 "loopback"},
		{{.name = "lo", .ethernet = true, .loopback = true}, true, true, 0, ""},
		{{.name = "v.7", .ethernet = true, .kind = "vlan", .lower = "v"},
		 false,
		 true,
		 -EOPNOTSUPP,
		 "`smtpwall up v`"},
		{{.name = "v.7", .ethernet = true, .kind = "vlan", .lower = "v"},
		 true,
		 true,
		 0,
		 ""},
		{{.name = "br0", .ethernet = true, .kind = "bridge"},
		 false,
		 true,
		 -EOPNOTSUPP,
		 "kind \"bridge\""},
		{{.name = "b", .ethernet = true, .kind = "bond", .features_known = true},
		 false,
		 true,
		 -EOPNOTSUPP,
		 "it has none"},
		{{.name = "b", .ethernet = true, .kind = "bond"}, false, true, 0, ""},
		{{.name = "wg0", .kind = "wireguard"}, true, true, -EOPNOTSUPP, "no Ethernet"},
		{{.name = "new0", .ethernet = true, .kind = "newkind", .features_known = true},
		 false,
		 true,
		 -EOPNOTSUPP,
		 "newkind"},
		{{.name = "e",
		  .ethernet = true,
		  .driver = "ena",
		  .mtu = 9001,
		  .features_known = true,
		  .xdp_basic = true},
		 false,
		 true,
		 -ERANGE,
		 "9001"},
		{{.name = "e",
		  .ethernet = true,
		  .driver = "virtio_net",
		  .mtu = 9000,
		  .features_known = true,
		  .xdp_basic = true,
		  .xdp_frags = true},
		 false,
		 true,
		 0,
		 ""},
		{{.name = "e", .ethernet = true, .driver = "ena", .mtu = 9001}, false, true, 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct error why = {""};
		int code = link_preflight(&table[i].link, table[i].generic, table[i].frags, &why);

		if (code != table[i].code)
			fail_msg("row %zu (%s): got %d (%s), want %d", i, table[i].link.name, code,
				 why.text, table[i].code);
		want_text(why.text, table[i].want);
	}
}

/* --- routes and guard ------------------------------------------------------------------------ */

static void test_default(void **state)
{
	char name[4][IF_NAMESIZE] = {"before"};
	struct error why;

	(void)state;
	NEED_NAMESPACE();
	assert_int_equal(link_default(name, 4, &why), 0);
	assert_string_equal(name[0], "before");

	/* A default route of another table counts only while the main one has none. */
	sh("ip route add default dev port1 table 77");
	assert_int_equal(link_default(name, 4, &why), 1);
	assert_string_equal(name[0], "port1");

	sh("ip route add default via 10.9.0.1 dev veth0.100 metric 200");
	sh("ip -6 route add default via fe80::1 dev veth0.100");
	assert_int_equal(link_default(name, 4, &why), 1);
	assert_string_equal(name[0], "veth0.100");

	/* Preferred first; multipath; an IPv4 route by an IPv6 neighbour; blackholes are none. */
	sh("ip route add default metric 50 nexthop via 10.8.0.9 dev many0 nexthop via 10.9.0.3 "
	   "dev veth0.100");
	sh("ip -4 route add default via inet6 fe80::2 dev many0 metric 60");
	sh("ip route add blackhole default metric 9000");
	assert_int_equal(link_default(name, 4, &why), 2);
	assert_string_equal(name[0], "many0");
	assert_string_equal(name[1], "veth0.100");
	assert_int_equal(link_default(name, 1, &why), 1);
	assert_int_equal(link_default(name, 0, &why), 0);
}

static char *resolv_conf(const char *text)
{
	static char path[] = "/tmp/smtpwall-resolv-XXXXXX";
	static int fd = -1;

	if (fd < 0)
		fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, text, strlen(text), 0), strlen(text));
	return path;
}

/* "ADDRESS why" of each entry, blanks between. */
static char *guard_text(const char *path)
{
	struct guard_entry *entry = NULL;
	struct error why = {""};
	size_t count = 0;
	char *text = calloc(1, 4096);
	int code = guard_entries(path, &entry, &count, &why);

	assert_non_null(text);
	if (code)
		fail_msg("guard_entries: got %d (%s), want 0", code, why.text);
	for (size_t i = 0; i < count; i++) {
		char prefix[PREFIX_TEXT];

		snprintf(text + strlen(text), 4096 - strlen(text), "[%s %s]",
			 prefix_text(&entry[i].prefix, prefix), entry[i].why);
		if (i)
			assert_true(memcmp(entry[i - 1].prefix.address.byte,
					   entry[i].prefix.address.byte, 16) < 0);
	}
	free(entry);
	return text;
}

static void test_guard(void **state)
{
	static const char *const present[] = {
		"[127.0.0.0/8 loopback]",      "[::1 loopback]",
		"[10.9.0.2 own address]",      "[10.8.0.1 own address]",
		"[2001:db8:9::2 own address]", "[10.9.0.1 gateway]",
		"[10.9.0.3 gateway]",	       "[10.8.0.9 gateway]",
		"[fe80::1 gateway]",	       "[fe80::2 gateway]",
		"[192.0.2.53 resolver]",       "[192.0.2.54 resolver]",
		"[2001:db8::53 resolver]",     "[fe80::53 resolver]",
		"[198.51.100.53 resolver]",    "[192.0.2.55 resolver]",
	};
	static const char *const absent[] = {
		"[10.8.0.9 own", "[10.9.0.2 resolver]", "[127.0.0.53", "[0.0.0.0",
		"203.0.113",	 "[10.9.0.1 resolver]", "[127.0.0.1",
	};
	char *text, *path;

	(void)state;
	NEED_NAMESPACE();
	path = resolv_conf("# comment 203.0.113.1\n"
			   "; nameserver 203.0.113.2\n"
			   "nameserver 192.0.2.53\n"
			   "nameserver\t192.0.2.54 # why not\n"
			   "nameserver 2001:db8::53\r\n"
			   "nameserver fe80::53%veth0.100\n"
			   "nameserver 64:ff9b::198.51.100.53\n"
			   "nameserver 127.0.0.53\n"
			   "nameserver 0.0.0.0\n"
			   "nameserver ::\n"
			   "nameserver 10.9.0.2\n"
			   "nameserver 10.9.0.1\n"
			   " nameserver 203.0.113.3\n"
			   "nameserver203.0.113.4\n"
			   "nameserver 203.0.113.5.6\n"
			   "nameserver 203.0.113.0/24\n"
			   "nameserver\n"
			   "nameserver \n"
			   "nameserver \x1b[31m\xff\n"
			   "search 203.0.113.6 example.com\n"
			   "options ndots:1\n"
			   "nameserver 192.0.2.53\n"
			   "nameserver 192.0.2.55");
	text = guard_text(path);
	for (size_t i = 0; i < sizeof(present) / sizeof(present[0]); i++)
		want_text(text, present[i]);
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		if (strstr(text, absent[i]))
			fail_msg("got %s, want it without %s", text, absent[i]);
	/* The link-local address the kernel gave itself. */
	want_text(strstr(text, "[fe80::"), "own address]");
	free(text);
	unlink(path);

	text = guard_text("/nonexistent/resolv.conf");
	want_text(text, "[127.0.0.0/8 loopback]");
	assert_null(strstr(text, "resolver"));
	free(text);
}

/* "ADDRESS in NETWORK of INTERFACE" of each own address, then "via GATEWAY of INTERFACE" of each route. */
static char *own_text(void)
{
	char *text = calloc(1, 4096), address[ADDRESS_TEXT], network[PREFIX_TEXT];
	struct net_own *own = NULL;
	struct net_route route[32];
	size_t count = 0;
	int routes;

	assert_non_null(text);
	assert_int_equal(net_own_addresses(&own, &count, NULL), 0);
	for (size_t i = 0; i < count; i++) {
		char name[IF_NAMESIZE] = "";

		if_indextoname((unsigned int)own[i].index, name);
		sprintf(text + strlen(text), "[%s in %s of %s%s]",
			address_text(&own[i].address, address),
			prefix_text(&own[i].network, network), name,
			own[i].settled ? "" : " unsettled");
	}
	free(own);
	routes = net_default_routes(route, 32, NULL);
	assert_true(routes > 0);
	for (int i = 0; i < routes; i++)
		sprintf(text + strlen(text), "[%s%s via %s of %s]", route[i].v6 ? "v6" : "v4",
			route[i].main ? "" : " aside",
			route[i].has_gateway ? address_text(&route[i].gateway, address) : "link",
			route[i].name);
	return text;
}

static void test_own(void **state)
{
	static const char *const present[] = {
		"[10.9.0.2 in 10.9.0.0/24 of veth0.100]",
		"[2001:db8:9::2 in 2001:db8:9::/64 of veth0.100]",
		"[10.8.0.1 in ",
		"[2001:db8:9::3 in 2001:db8:9::/64 of veth0.100 unsettled]",
		"[v4 aside via link of port1]",
		"[v4 via 10.9.0.1 of veth0.100]",
		"[v4 via 10.8.0.9 of many0]",
		"[v4 via 10.9.0.3 of veth0.100]",
		"[v4 via fe80::2 of many0]",
		"[v6 via fe80::1 of veth0.100]",
	};
	static const char *const absent[] = {"127.0.0.1", "[::1", "[fe80", "[10.8.0.9",
					     "blackhole"};
	struct net_route one;
	char *text;

	(void)state;
	NEED_NAMESPACE();
	sh("ip address add 2001:db8:9::3/64 dev veth0.100 nodad preferred_lft 0");
	text = own_text();
	sh("ip address delete 2001:db8:9::3/64 dev veth0.100");
	for (size_t i = 0; i < sizeof(present) / sizeof(present[0]); i++)
		want_text(text, present[i]);
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		if (strstr(text, absent[i]))
			fail_msg("got %s, want it without %s", text, absent[i]);
	free(text);
	assert_int_equal(net_default_routes(&one, 1, NULL), 1);
}

static void test_guard_unreadable(void **state)
{
	struct guard_entry *entry = (void *)&isolated;
	struct error why = {""};
	size_t count = 77;

	(void)state;
	assert_int_equal(guard_entries("/tmp", &entry, &count, &why), -EISDIR);
	want_text(why.text, "/tmp");
	assert_ptr_equal(entry, &isolated);
	assert_int_equal(count, 77);
}

/* --- events --------------------------------------------------------------------------------- */

struct seen {
	int count[NET_LOST + 1];
	int index;
	char name[IF_NAMESIZE];
	enum net_change only; /* index and name of the last of these... */
	int wanted;	      /* ... of this link, 0: of any */
};

static void note_change(void *context, enum net_change what, int index, const char *name)
{
	struct seen *seen = context;

	assert_non_null(name);
	seen->count[what]++;
	if (what == seen->only && (!seen->wanted || seen->wanted == index)) {
		seen->index = index;
		snprintf(seen->name, sizeof(seen->name), "%s", name);
	}
}

static void read_events(struct net_events *events, int fd, struct seen *seen, enum net_change only,
			int wanted)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	memset(seen, 0, sizeof(*seen));
	seen->only = only;
	seen->wanted = wanted;
	while (poll(&p, 1, 150) > 0)
		assert_int_equal(net_events_read(events, note_change, seen), 0);
}

static void test_events(void **state)
{
	struct net_events *events;
	struct error why;
	struct seen seen;
	int fd, index;

	(void)state;
	NEED_NAMESPACE();
	assert_int_equal(net_events_open(&events, &fd, &why), 0);
	/* Nothing to read must not block. */
	assert_int_equal(net_events_read(events, note_change, &seen), 0);

	sh("ip link add e.1 type veth peer name e.2");
	index = (int)if_nametoindex("e.1");
	read_events(events, fd, &seen, NET_LINK_NEW, 0);
	assert_true(seen.count[NET_LINK_NEW] >= 2);
	assert_int_equal(seen.count[NET_LINK_GONE], 0);

	sh("ip addr add 10.7.0.1/24 dev e.1");
	read_events(events, fd, &seen, NET_ADDRESS, index);
	assert_true(seen.count[NET_ADDRESS] >= 1);
	assert_int_equal(seen.index, index);
	assert_string_equal(seen.name, "e.1");

	sh("ip link set e.1 name renamed.1");
	read_events(events, fd, &seen, NET_LINK_NEW, index);
	assert_true(seen.count[NET_LINK_NEW] >= 1);
	assert_int_equal(seen.index, index);
	assert_string_equal(seen.name, "renamed.1");

	/* Joining and leaving a bridge must not look like going away. */
	sh("ip link set renamed.1 master br0 && ip link set renamed.1 nomaster");
	read_events(events, fd, &seen, NET_LINK_NEW, 0);
	assert_int_equal(seen.count[NET_LINK_GONE], 0);

	sh("ip link set renamed.1 up && ip link set e.2 up");
	read_events(events, fd, &seen, NET_LINK_NEW, 0);
	assert_int_equal(seen.count[NET_ROUTE], 0); /* connected routes are no news */
	sh("ip route add default via 10.7.0.9 dev renamed.1 metric 7");
	read_events(events, fd, &seen, NET_ROUTE, 0);
	assert_int_equal(seen.count[NET_ROUTE], 1);
	assert_string_equal(seen.name, "renamed.1");
	sh("ip route add 10.66.0.0/16 via 10.7.0.9");
	read_events(events, fd, &seen, NET_ROUTE, 0);
	assert_int_equal(seen.count[NET_ROUTE], 0);

	sh("ip link del renamed.1");
	read_events(events, fd, &seen, NET_LINK_GONE, 0);
	assert_int_equal(seen.count[NET_LINK_GONE], 2);
	assert_int_equal(seen.count[NET_LOST], 0);
	net_events_close(events);
	net_events_close(NULL);
}

static void test_events_lost(void **state)
{
	struct net_events *events;
	struct seen seen;
	int fd, size = 4096;

	(void)state;
	NEED_NAMESPACE();
	assert_int_equal(net_events_open(&events, &fd, NULL), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	sh("for i in $(seq 1 60); do echo \"addr add 10.6.$i.1/32 dev veth0.100\"; done | ip "
	   "-batch -");
	read_events(events, fd, &seen, NET_ADDRESS, 0);
	if (seen.count[NET_LOST] < 1 || seen.count[NET_ADDRESS] >= 60)
		fail_msg("got %d overruns and %d of 60 addresses, want an overrun",
			 seen.count[NET_LOST], seen.count[NET_ADDRESS]);
	/* And it goes on after that. */
	sh("ip addr add 10.7.9.1/32 dev veth0.100");
	read_events(events, fd, &seen, NET_ADDRESS, 0);
	assert_true(seen.count[NET_ADDRESS] >= 1);
	assert_int_equal(seen.count[NET_LOST], 0);
	net_events_close(events);
}

/* --- sockets -------------------------------------------------------------------------------- */

static void test_listens(void **state)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(2525)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(2626)};
	const uint16_t first[] = {25, 2525}, second[] = {2626}, none[] = {25, 587};
	int fd4, fd6;

	(void)state;
	NEED_NAMESPACE();
	assert_int_equal(net_listens(first, 2), 0);
	fd4 = socket(AF_INET, SOCK_STREAM, 0);
	fd6 = socket(AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(bind(fd4, (struct sockaddr *)&v4, sizeof(v4)), 0);
	assert_int_equal(net_listens(first, 2), 0);
	assert_int_equal(listen(fd4, 1), 0);
	assert_int_equal(bind(fd6, (struct sockaddr *)&v6, sizeof(v6)), 0);
	assert_int_equal(listen(fd6, 1), 0);
	assert_int_equal(net_listens(first, 2), 1);
	assert_int_equal(net_listens(second, 1), 1);
	assert_int_equal(net_listens(none, 2), 0);
	assert_int_equal(net_listens(none, 0), 0);
	close(fd4);
	close(fd6);
	assert_int_equal(net_listens(first, 2), 0);
}

static void test_namespace(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	assert_true(net_namespace() == st.st_ino);
	if (isolated)
		assert_true(net_namespace() != namespace_before);
}

static int set_up(void **state)
{
	(void)state;
	namespace_before = net_namespace();
	if (unshare(CLONE_NEWNET) < 0)
		return 0;
	isolated = true;
	/* Else the kernel's own addresses change state seconds later, in the middle of a test. */
	sh("echo 0 2>/dev/null >/proc/sys/net/ipv6/conf/default/accept_dad || true");
	sh("ip link set lo up");
	sh("ip link add veth0.100 mtu 1400 type veth peer name peer0");
	sh("ip link add many0 type veth peer name many1");
	sh("ip link add br0 type bridge");
	/* A name that is part of another one. */
	sh("ip link add port10 type veth peer name far10");
	sh("ip link add port1 type veth peer name far1");
	sh("ip link set port10 master br0 && ip link set port1 master br0");
	sh("ip link set peer0 up; ip link set veth0.100 up; ip link set many0 up; ip link set "
	   "many1 up");
	sh("ip link set port1 up");
	sh("ip addr add 10.9.0.2/24 dev veth0.100");
	sh("ip addr add 10.8.0.1 peer 10.8.0.9 dev many0");
	sh("ip addr add 127.0.0.53/8 dev lo");
	sh("ip addr add 2001:db8:9::2/64 dev veth0.100 nodad");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),	 cmocka_unit_test(test_no_such_link),
		cmocka_unit_test(test_xdp_seen), cmocka_unit_test(test_real_refusals),
		cmocka_unit_test(test_explain),	 cmocka_unit_test(test_preflight),
		cmocka_unit_test(test_default),	 cmocka_unit_test(test_guard),
		cmocka_unit_test(test_own),	 cmocka_unit_test(test_guard_unreadable),
		cmocka_unit_test(test_events),	 cmocka_unit_test(test_events_lost),
		cmocka_unit_test(test_listens),	 cmocka_unit_test(test_namespace),
	};

	return cmocka_run_group_tests_name("net", tests, set_up, NULL);
}
