// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cli/attach_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "user/cli/command.h"
#include "user/policy/limit.h"
#include "user/policy/policy.h"

#define ETHERNET_FRAME_BYTES 1514

enum { OPTION_LIMIT = 256, OPTION_ACTION, OPTION_MODE, OPTION_MONITOR, OPTION_SOURCES };

static const struct option known[] = {
	{"limit", required_argument, NULL, OPTION_LIMIT},
	{"action", required_argument, NULL, OPTION_ACTION},
	{"mode", required_argument, NULL, OPTION_MODE},
	{"monitor", no_argument, NULL, OPTION_MONITOR},
	{"sources", required_argument, NULL, OPTION_SOURCES},
	{},
};

/* Where a limit goes: NULL when there are too many of its kind. */
static struct xrl_limit *place_of(struct attach_options *options, const struct xrl_limit *limit)
{
	if (limit->endpoint_protocol || limit->scope_bits != XRL_SCOPE_SOURCE)
		return options->separate_count == XRL_MAX_SCOPED
		               ? NULL
		               : &options->separate[options->separate_count++];
	return options->limit_count == XRL_MAX_LIMITS ? NULL
	                                              : &options->limits[options->limit_count++];
}

static enum exit_code add_limit(struct attach_options *options, const char *text)
{
	struct xrl_limit limit, *place;
	char parse_error[PARSE_ERROR_SIZE];

	if (limit_parse(text, &limit, parse_error, sizeof(parse_error)))
		return fail(EXIT_USAGE, NULL, "%s", parse_error);
	place = place_of(options, &limit);
	if (!place)
		return command_usage(&attach_command,
		                     "limit '%.60s': at most %d limits are possible, and %d with "
		                     "an endpoint or another scope than source",
		                     text, XRL_MAX_LIMITS, XRL_MAX_SCOPED);
	*place = limit;
	if (limit.unit == XRL_BYTES && limit.max_units < ETHERNET_FRAME_BYTES)
		warn("limit '%s' rejects every frame larger than %llu bytes", text,
		     limit.max_units);
	return EXIT_DONE;
}

static enum exit_code set_action(struct attach_options *options, const char *text)
{
	if (options->has_action)
		return command_usage(&attach_command,
		                     "only one of --action and --monitor is possible");
	options->has_action = true;
	return action_parse(text, &options->action);
}

static enum exit_code set_mode(struct attach_options *options, const char *text)
{
	for (enum attach_mode mode = MODE_AUTO; mode <= MODE_GENERIC; mode++)
		if (!strcmp(text, attach_mode_name(mode))) {
			options->mode = mode;
			return EXIT_DONE;
		}
	return command_usage(&attach_command, "mode '%.60s': expected auto, native or generic",
	                     text);
}

static enum exit_code set_sources(struct attach_options *options, const char *text)
{
	char parse_error[PARSE_ERROR_SIZE];

	if (policy_parse_max_sources(text, &options->sources,
	                             &(struct parse_error){parse_error, sizeof(parse_error)}))
		return command_usage(&attach_command, "%s", parse_error);
	return EXIT_DONE;
}

static enum exit_code take_option(struct attach_options *options, int option, char **argv)
{
	switch (option) {
	case OPTION_LIMIT:
		return add_limit(options, optarg);
	case OPTION_ACTION:
		return set_action(options, optarg);
	case OPTION_MONITOR:
		return set_action(options, "monitor");
	case OPTION_MODE:
		return set_mode(options, optarg);
	case OPTION_SOURCES:
		return set_sources(options, optarg);
	case ':':
		return command_usage(&attach_command, "'%s' needs a value", argv[optind - 1]);
	default:
		return command_usage(&attach_command, "unknown option '%s'", argv[optind - 1]);
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

static enum exit_code add_interface(struct attach_options *options, const char *interface)
{
	__u32 ifindex = strlen(interface) < IF_NAMESIZE ? if_nametoindex(interface) : 0;

	if (!ifindex)
		return fail(EXIT_NOT_FOUND, "ip link shows the interfaces",
		            "there is no interface '%.60s'; nothing was changed", interface);
	if (!has_ethernet_header(interface))
		return fail(
			EXIT_FAILED, "attach to the interface that it sends its packets through",
			"%s has no Ethernet headers (a tunnel, say): the limiter can't read its "
			"packets; nothing was changed",
			interface);
	for (int i = 0; i < options->interface_count; i++)
		if (options->ifindexes[i] == ifindex)
			return EXIT_DONE;
	if (options->interface_count == MAX_INTERFACES)
		return command_usage(&attach_command, "at most %d interfaces at once",
		                     MAX_INTERFACES);
	options->interfaces[options->interface_count] = interface;
	options->ifindexes[options->interface_count++] = ifindex;
	return EXIT_DONE;
}

enum exit_code attach_options_read(struct attach_options *options, int argc, char **argv)
{
	enum exit_code error = EXIT_DONE;
	int option;

	*options = (struct attach_options){.mode = MODE_AUTO};
	optind = 1;
	while (!error && (option = getopt_long(argc, argv, ":", known, NULL)) != -1)
		error = take_option(options, option, argv);
	if (!error && optind == argc)
		error = command_usage(&attach_command, "which interface?");
	for (int i = optind; !error && i < argc; i++)
		error = add_interface(options, argv[i]);
	for (int i = 0; !error && i < options->interface_count; i++)
		if (options->action.ifindex == options->ifindexes[i])
			error = command_usage(
				&attach_command,
				"what exceeds the limits on %s can't be redirected to %s itself",
				options->interfaces[i], options->interfaces[i]);
	return error;
}
