// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <linux/types.h>

#include "user/cli/command.h"
#include "user/output/source.h"

static enum exit_code run_show(const struct globals *globals, int argc, char **argv)
{
	struct source source;
	struct xrl_address address;
	struct maps maps;
	enum exit_code error;

	if (argc != 2)
		return command_usage(&show_command, "exactly one address is expected");
	/* inet_pton takes four decimal octets without leading zeros and nothing else */
	if (inet_pton(AF_INET, argv[1], &address) != 1)
		return fail(EXIT_USAGE, "for example: xdp-ratelimit show 192.0.2.1",
		            "'%.60s' is not an IPv4 address", argv[1]);
	error = command_begin_reading(globals);
	if (error)
		return error;
	error = maps_open_attached(&maps, globals->pin_dir);
	if (!error)
		error = source_read(&maps, &address, &source);
	if (!error && globals->json)
		result_print(source_json(&source));
	else if (!error)
		source_print(&source, argv[1]);
	maps_close(&maps);
	return error;
}

const struct command show_command = {
	.name = "show",
	.usage = "show IP",
	.summary = "what a source has used and has remaining, and until when it is rejected",
	.run = run_show,
};
