// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "action.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>

#define EXPECTED "expected drop, monitor, or redirect IFNAME [MAC]"

static bool parse_mac(const char *text, __u8 mac[6])
{
	if (strlen(text) != 17)
		return false;
	for (int i = 0; i < 17; i++)
		if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return false;
	return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
	              &mac[4], &mac[5]) == 6;
}

static bool read_own_mac(const char *interface, __u8 mac[6])
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {};
	bool ok;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	ok = fd >= 0 && !ioctl(fd, SIOCGIFHWADDR, &request);
	if (fd >= 0)
		close(fd);
	memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	return ok;
}

/* SIOCETHTOOL: a veth takes redirected frames only if its peer expects them. */
static void warn_of_veth(const char *interface)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_data = (char *)&info};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (fd >= 0 && !ioctl(fd, SIOCETHTOOL, &request) && !strcmp(info.driver, "veth"))
		warn("%s is a veth: what is redirected to it arrives only if its peer has an XDP "
		     "program or GRO switched on",
		     interface);
	if (fd >= 0)
		close(fd);
}

static enum exit_code parse_redirect(const char *text, struct action *action)
{
	char interface[64] = "", mac[64] = "", rest[2] = "";
	int words = sscanf(text, "redirect %63s %63s %1s", interface, mac, rest);

	if (words < 1 || words > 2)
		return fail(EXIT_USAGE, NULL, "action '%.60s': " EXPECTED, text);
	action->ifindex = strlen(interface) < IF_NAMESIZE ? if_nametoindex(interface) : 0;
	if (!action->ifindex)
		return fail(EXIT_NOT_FOUND, "ip link shows the interfaces",
		            "action '%.60s': there is no interface '%s'", text, interface);
	strcpy(action->interface, interface);
	warn_of_veth(interface);
	if (words == 1)
		return EXIT_DONE;
	action->readdress = true;
	if (!parse_mac(mac, action->destination_mac))
		return fail(EXIT_USAGE, NULL,
		            "action '%.60s': '%s' is no MAC address; expected six pairs of "
		            "hexadecimal digits, such as 02:00:00:00:00:01",
		            text, mac);
	if (!read_own_mac(interface, action->source_mac))
		return fail(EXIT_FAILED, NULL, "cannot read the MAC address of %s: %m", interface);
	return EXIT_DONE;
}

enum exit_code action_parse(const char *text, struct action *action)
{
	*action = (struct action){.kind = XRL_DROP};
	if (!strcmp(text, "drop"))
		return EXIT_DONE;
	if (!strcmp(text, "monitor")) {
		action->kind = XRL_MONITOR;
		return EXIT_DONE;
	}
	action->kind = XRL_REDIRECT;
	if (!strncmp(text, "redirect ", strlen("redirect ")))
		return parse_redirect(text, action);
	return fail(EXIT_USAGE,
	            strcmp(text, "redirect") ? NULL : "quote it: --action 'redirect IFNAME'",
	            "action '%.60s': " EXPECTED, text);
}

void action_apply(const struct action *action, struct xrl_class *class)
{
	class->action = action->kind;
	class->redirect_readdress = action->readdress;
	memcpy(class->redirect_destination_mac, action->destination_mac, 6);
	memcpy(class->redirect_source_mac, action->source_mac, 6);
}

void action_format(const struct xrl_class *class, __u32 redirect_ifindex, char *text, size_t size)
{
	const __u8 *mac = class->redirect_destination_mac;
	char interface[IF_NAMESIZE];

	if (class->action == XRL_DROP) {
		snprintf(text, size, "drop");
	} else if (class->action == XRL_MONITOR) {
		snprintf(text, size, "monitor");
	} else if (!redirect_ifindex || !if_indextoname(redirect_ifindex, interface)) {
		snprintf(text, size, "redirect (its interface is gone: drop)");
	} else if (class->redirect_readdress) {
		snprintf(text, size, "redirect %s %02x:%02x:%02x:%02x:%02x:%02x", interface, mac[0],
		         mac[1], mac[2], mac[3], mac[4], mac[5]);
	} else {
		snprintf(text, size, "redirect %s", interface);
	}
}
