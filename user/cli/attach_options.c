// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cli/attach_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "user/datapath/link_info.h"
#include "user/policy/limit.h"
#include "user/policy/policy.h"

#define ETHERNET_FRAME_BYTES 1514

const struct command_option attach_options[] = {
	{"limit", "LIMIT", "a limit for every source, such as '1000/1s packets'; repeatable", 'l'},
	{"action", "ACTION", "drop, monitor or redirect IF: what happens to packets over a limit",
         'a'},
	{"monitor", NULL, "the same as --action monitor: count instead of drop", 'm'},
	{"mode", "auto|native|generic",
         "attach in the driver, in generic mode, or in generic mode only if need be", 'M'},
	{"sources", "N", "the number of buckets: one for each source", 's'},
	{},
};

/* The slot for a limit. NULL: too many of its kind. */
static struct xrl_limit *slot_of(struct attach_request *request, const struct xrl_limit *limit)
{
	if (limit->endpoint_protocol || limit->scope_bits != XRL_SCOPE_SOURCE)
		return request->scoped_count == XRL_MAX_SCOPED
		               ? NULL
		               : &request->scoped[request->scoped_count++];
	return request->limit_count == XRL_MAX_LIMITS ? NULL
	                                              : &request->limits[request->limit_count++];
}

static enum exit_code add_limit(struct attach_request *request, const char *text)
{
	struct xrl_limit limit, *slot;
	char parse_error[PARSE_ERROR_SIZE];

	if (limit_parse(text, &limit, parse_error, sizeof(parse_error)))
		return fail(EXIT_USAGE, NULL, "%s", parse_error);
	slot = slot_of(request, &limit);
	if (!slot)
		return command_usage(&attach_command,
		                     "limit '%.60s': at most %d limits are possible, and %d with "
		                     "an endpoint or another scope than source",
		                     text, XRL_MAX_LIMITS, XRL_MAX_SCOPED);
	*slot = limit;
	if (limit.unit == XRL_BYTES && limit.max_units < ETHERNET_FRAME_BYTES)
		warn("limit '%s' rejects every frame larger than %llu bytes", text,
		     limit.max_units);
	return EXIT_DONE;
}

static enum exit_code set_action(struct attach_request *request, const char *text)
{
	if (request->has_action)
		return command_usage(&attach_command,
		                     "only one of --action and --monitor is possible");
	request->has_action = true;
	return action_parse(text, &request->action);
}

static enum exit_code set_mode(struct attach_request *request, const char *text)
{
	for (enum attach_mode mode = MODE_AUTO; mode <= MODE_GENERIC; mode++)
		if (!strcmp(text, attach_mode_name(mode))) {
			request->mode = mode;
			return EXIT_DONE;
		}
	return command_usage(&attach_command, "mode '%.60s': expected auto, native or generic",
	                     text);
}

static enum exit_code set_sources(struct attach_request *request, const char *text)
{
	char parse_error[PARSE_ERROR_SIZE];

	if (policy_parse_max_sources(text, &request->sources,
	                             &(struct parse_error){parse_error, sizeof(parse_error)}))
		return command_usage(&attach_command, "%s", parse_error);
	return EXIT_DONE;
}

static enum exit_code take_option(struct attach_request *request, int letter)
{
	switch (letter) {
	case 'l':
		return add_limit(request, optarg);
	case 'a':
		return set_action(request, optarg);
	case 'm':
		return set_action(request, "monitor");
	case 'M':
		return set_mode(request, optarg);
	case 's':
		return set_sources(request, optarg);
	default:
		return EXIT_USAGE;
	}
}

static bool has_ethernet_header(const char *interface)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {};
	bool known;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	known = fd >= 0 && !ioctl(fd, SIOCGIFHWADDR, &request);
	if (fd >= 0)
		close(fd);
	return !known || request.ifr_hwaddr.sa_family == ARPHRD_ETHER ||
	       request.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
}

static enum exit_code add_interface(struct attach_request *request, const char *interface)
{
	__u32 ifindex = strlen(interface) < IF_NAMESIZE ? if_nametoindex(interface) : 0;

	if (!ifindex)
		return fail(EXIT_NOT_FOUND, "ip link shows the interfaces",
		            "there is no interface '%.60s'; nothing was changed", interface);
	if (!has_ethernet_header(interface))
		return fail(
			EXIT_FAILED, "attach to the interface that carries its packets",
			"%s has no Ethernet headers (it may be a tunnel): the limiter cannot read "
			"its packets; nothing was changed",
			interface);
	for (int i = 0; i < request->interface_count; i++)
		if (request->ifindexes[i] == ifindex)
			return EXIT_DONE;
	if (request->interface_count == ATTACH_MAX_INTERFACES)
		return command_usage(&attach_command, "at most %d interfaces at once",
		                     ATTACH_MAX_INTERFACES);
	request->interfaces[request->interface_count] = interface;
	request->ifindexes[request->interface_count++] = ifindex;
	return EXIT_DONE;
}

enum exit_code attach_options_read(struct attach_request *request, const struct globals *globals,
                                   int argc, char **argv)
{
	enum exit_code error = EXIT_DONE;
	int letter;

	*request = (struct attach_request){.pin_dir = globals->pin_dir,
	                                   .state_dir = globals->state_dir,
	                                   .config_path = globals->config_path,
	                                   .config_named = globals->config_named,
	                                   .mode = MODE_AUTO};
	optind = 1;
	while (!error && (letter = command_next_option(&attach_command, argc, argv)) != -1)
		error = take_option(request, letter);
	if (!error && optind == argc)
		error = command_usage(&attach_command, "no interface given");
	for (int i = optind; !error && i < argc; i++)
		error = add_interface(request, argv[i]);
	for (int i = 0; !error && i < request->interface_count; i++)
		if (request->action.ifindex == request->ifindexes[i])
			error = command_usage(&attach_command,
			                      "cannot redirect packets from %s back to %s",
			                      request->interfaces[i], request->interfaces[i]);
	return error;
}
