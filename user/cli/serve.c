// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/cli/command.h"
#include "user/config/settings.h"

/* A program of its own, so that the loader needs no HTTP library. */
#define PROGRAM "xdp-ratelimit-serve"

/* It is installed beside this program. */
static enum exit_code find_program(char path[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof(PROGRAM));

	if (length < 0)
		return fail(EXIT_FAILED, "is /proc mounted?", "cannot read /proc/self/exe: %m");
	path[length] = '\0';
	strcpy(strrchr(path, '/') + 1, PROGRAM);
	return EXIT_DONE;
}

/* Reports errno. */
static enum exit_code cannot_run(const char *path)
{
	if (errno == ENOENT)
		return fail(EXIT_NOT_FOUND, "install it: it is built if libmicrohttpd is there",
		            "the HTTP API is not installed: there is no %s", path);
	if (errno == EACCES && geteuid())
		return fail(EXIT_NOT_ALLOWED, "run it as root, for example with sudo",
		            "cannot run %s: %m", path);
	return fail(EXIT_FAILED, NULL, "cannot run %s: %m", path);
}

static enum exit_code run_serve(const struct globals *globals, int argc, char **argv)
{
	char path[PATH_MAX];
	enum exit_code error = find_program(path);
	char **all = calloc(argc + 9, sizeof(*all));
	int count = 0;

	if (error || !all) {
		free(all);
		return error ? error : fail(EXIT_FAILED, NULL, "out of memory");
	}
	all[count++] = path;
	all[count++] = "--pin-dir";
	all[count++] = (char *)globals->pin_dir;
	all[count++] = "--state-dir";
	all[count++] = (char *)globals->state_dir;
	if (globals->config_named) {
		all[count++] = "--config";
		all[count++] = (char *)globals->config_path;
	}
	if (globals->verbose)
		all[count++] = "--verbose";
	if (globals->json)
		all[count++] = "--json";
	memcpy(all + count, argv + 1, (argc - 1) * sizeof(*argv));
	execv(path, all);
	error = cannot_run(path);
	free(all);
	return error;
}

/* Parsed by that program (user/serve/options.c). */
static const struct command_option options[] = {
	{"listen", "LIST", "addresses and Unix sockets to listen on, separated by commas", 'l'},
	{"certificate", "FILE", "the certificate chain for HTTPS, in PEM", 'c'},
	{"key", "FILE", "its private key, in PEM", 'k'},
	{"plaintext", NULL, "allow HTTP without TLS on addresses that are not loopback", 'p'},
	{"trusted-proxies", "LIST", "believe X-Forwarded-For of these addresses", 't'},
	{"user", "NAME", "the user that the processes with network access run as", 'u'},
	{},
};

const struct command serve_command = {
	.name = "serve",
	.usage = SERVE_USAGE,
	.summary = "serve the HTTP API for permits until stopped; SIGHUP rereads its files",
	.options = options,
	.run = run_serve,
};
