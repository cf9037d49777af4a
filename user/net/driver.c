/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * driver.c - which driver an interface has, and whether it joins packets (LRO)
 *
 * The ethtool ioctl rather than its netlink family: one call each, and it is there in every
 * kernel and every driver. Any socket will do; a netlink one works where AF_INET is forbidden.
 */
#include <linux/ethtool.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "inside.h"

void net_driver(const char *name, char *driver, size_t size, bool *lro)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
	struct ifreq ifr = {0};
	int fd;

	driver[0] = '\0';
	*lro = false;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (fd < 0)
		return;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ifr.ifr_data = (char *)&info;
	if (ioctl(fd, SIOCETHTOOL, &ifr) == 0)
		snprintf(driver, size, "%.*s", (int)sizeof(info.driver), info.driver);
	ifr.ifr_data = (char *)&flags;
	if (ioctl(fd, SIOCETHTOOL, &ifr) == 0)
		*lro = flags.data & ETH_FLAG_LRO;
	close(fd);
}
