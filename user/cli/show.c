// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <linux/types.h>

#include "user/cli/command.h"
#include "user/control/snapshot.h"
#include "user/output/source.h"

static enum exit_code run_show(const struct globals *globals, int argc, char **argv)
{
	struct snapshot snapshot;
	struct xrl_address address;
	struct source source;
	enum exit_code error;

	if (argc != 2)
		return command_usage(&show_command, "expected exactly one address");
	/* inet_pton() takes four decimal octets without leading zeros and nothing else */
	if (inet_pton(AF_INET, argv[1], &address) != 1)
		return fail(EXIT_USAGE, "for example: xdp-ratelimit show 192.0.2.1",
		            "'%.60s' is not an IPv4 address", argv[1]);
	error = snapshot_open(&snapshot, globals->pin_dir);
	if (error)
		return error;
	error = snapshot_check_attached(&snapshot);
	if (!error)
		error = source_read(&snapshot.maps, &address, &source);
	if (!error && globals->json)
		result_print(source_json(&source));
	else if (!error)
		source_print(&source, argv[1]);
	snapshot_close(&snapshot);
	return error;
}

const struct command show_command = {
	.name = "show",
	.usage = "show IP",
	.summary = "show what a source has used and has remaining, and until when it is rejected",
	.run = run_show,
};
