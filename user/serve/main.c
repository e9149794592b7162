// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/datapath/libbpf_log.h"
#include "user/serve/options.h"
#include "user/permits/permit.h"
#include "user/serve/supervisor/privileges.h"
#include "user/serve/supervisor/setup.h"
#include "user/serve/supervisor/supervisor.h"
#include "user/util/xalloc.h"

static enum exit_code serve(const struct options *options)
{
	struct frontend_setup *setup; /* the supervisor's, which frees it when another one comes */
	struct permit_context context = {.pin_dir = options->pin_dir,
	                                 .state_dir = options->state_dir};
	struct identity identity;
	struct account local;
	enum exit_code error;

	if (geteuid())
		return fail(EXIT_NOT_ALLOWED,
		            "run it as root, for example with sudo: it becomes another user itself",
		            "only root can serve the HTTP API");
	setup = xcalloc(1, sizeof(*setup));
	error = setup_prepare(setup, options, NULL, &identity);
	if (error) {
		free(setup);
		return error;
	}
	context.rules = &setup->rules;
	/* while still root, so that the store exists and belongs to root */
	error = account_find(options->state_dir, ACCOUNT_LOCAL, &local);
	if (!error)
		error = permit_maintain(&context);
	if (!error) {
		privileges_allow_files(FRONTEND_WANTED_FILES);
		error = privileges_become(&identity);
	}
	if (!error)
		return supervisor_run(options, &identity, setup);
	listeners_close(&setup->listeners, NULL);
	tls_release(&setup->tls);
	free(setup);
	return error;
}

/* Erases freed memory: requests carry tokens, and a process forked later inherits it. */
static void wipe_and_free(void *memory)
{
	if (memory)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

/* Opens closed standard files: otherwise a socket would get such a number, and log lines. */
static void occupy_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	struct options options;
	enum exit_code error;

	json_set_alloc_funcs(malloc, wipe_and_free);
	occupy_standard_files();
	supervisor_block_signals();
	error = options_read(&options, argc, argv);
	if (error)
		return error;
	if (options.help || options.version) {
		printf(options.help ? "usage: xdp-ratelimit " SERVE_USAGE
		                      "\nSee xdp-ratelimit-serve(8).\n"
		                    : "xdp-ratelimit-serve " XRL_VERSION "\n");
		return EXIT_DONE;
	}
	signal(SIGPIPE, SIG_IGN);
	libbpf_log_enable(options.verbose);
	return serve(&options);
}
