// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/supervisor/reload_process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/datapath/generation.h"
#include "user/serve/log.h"
#include "user/control/reload.h"

static void log_result(struct reload_result *result)
{
	__u32 generation = 0;
	const struct xrl_policy *policy = generation_policy(&result->maps, &generation);

	log_line("policy %s: %s, generation %u", result->changed ? "reloaded" : "unchanged",
	         policy ? policy->file : "", generation);
	if (result->wanted_sources)
		log_line("policy: there are %u buckets, and the file asks for %u: run attach to "
		         "change "
		         "that",
		         maps_sources(&result->maps), result->wanted_sources);
}

static void run(const struct options *options)
{
	const struct reload_request request = {.pin_dir = options->pin_dir,
	                                       .config_path = options->config_path,
	                                       .config_named = options->config_named};
	struct failure failure = {};
	struct reload_result result;

	result_capture(&failure);
	if (reload(&request, &result))
		log_line("policy not reloaded: %s%s%s", failure.message,
		         failure.hint[0] ? "; " : "", failure.hint);
	else
		log_result(&result);
}

/* The child: uses nothing of the supervisor but its log. */
static void become_reload_process(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close_range(STDERR_FILENO + 1, ~0U, 0);
}

/* The supervisor reaps this child with the others and does not track it. */
void reload_process_start(const struct options *options)
{
	pid_t pid = fork();

	if (pid < 0)
		log_line("policy not reloaded: cannot start a process: %s", strerror(errno));
	if (pid)
		return;
	become_reload_process();
	run(options);
	_exit(EXIT_SUCCESS);
}
