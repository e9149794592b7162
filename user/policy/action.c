// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/policy/action.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "user/util/quote.h"

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

bool action_needs_program_behind(const struct action *action)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_data = (char *)&info};
	bool is_veth;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", action->interface);
	is_veth = action->kind == XRL_REDIRECT && fd >= 0 && !ioctl(fd, SIOCETHTOOL, &request) &&
	          !strcmp(info.driver, "veth");
	if (fd >= 0)
		close(fd);
	return is_veth;
}

__attribute__((format(printf, 5, 6))) static enum exit_code
reject(struct action_error *action_error, enum exit_code code, const char *hint, const char *text,
       const char *format, ...)
{
	const struct parse_error parse_error = {action_error->text, sizeof(action_error->text)};
	char reason[320];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	parse_fail_value(&parse_error, "action", text, "%s", reason);
	action_error->hint = hint;
	return code;
}

static enum exit_code read_redirect(const char *text, struct action *action,
                                    struct action_error *action_error)
{
	char interface[64] = "", mac[64] = "", rest[2] = "", quoted[QUOTE_SIZE];
	int words = sscanf(text, "redirect %63s %63s %1s", interface, mac, rest);

	if (words < 1 || words > 2)
		return reject(action_error, EXIT_USAGE, NULL, text, EXPECTED);
	action->ifindex = strlen(interface) < IF_NAMESIZE ? if_nametoindex(interface) : 0;
	if (!action->ifindex)
		return reject(action_error, EXIT_NOT_FOUND, "ip link shows the interfaces", text,
		              "there is no interface '%s'",
		              quote(quoted, interface, strlen(interface)));
	strcpy(action->interface, interface);
	if (words == 1)
		return EXIT_DONE;
	action->readdress = true;
	if (!parse_mac(mac, action->destination_mac))
		return reject(
			action_error, EXIT_USAGE, NULL, text,
			"'%s' is not a MAC address; expected six pairs of hexadecimal digits, "
			"such as 02:00:00:00:00:01",
			quote(quoted, mac, strlen(mac)));
	if (!read_own_mac(action->interface, action->source_mac))
		return reject(action_error, EXIT_FAILED, NULL, text,
		              "cannot read the MAC address of %s: %m", action->interface);
	return EXIT_DONE;
}

enum exit_code action_read(const char *text, struct action *action,
                           struct action_error *action_error)
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
		return read_redirect(text, action, action_error);
	return reject(action_error, EXIT_USAGE,
	              strcmp(text, "redirect") ? NULL : "quote it: --action 'redirect IFNAME'",
	              text, EXPECTED);
}

enum exit_code action_parse(const char *text, struct action *action)
{
	struct action_error action_error;
	enum exit_code code = action_read(text, action, &action_error);

	if (code)
		return fail(code, action_error.hint, "%s", action_error.text);
	if (action_needs_program_behind(action))
		warn(ACTION_NEEDS_PROGRAM, action->interface);
	return EXIT_DONE;
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
