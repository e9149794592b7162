// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* user/serve/supervisor/sandbox.c: calls that the sandbox forbids and allows, each tried in a
 * child. */

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/serve/supervisor/sandbox.h"

#include <cmocka.h>

static long signal_parent(void)
{
	return kill(getppid(), 0);
}

static long signal_a_thread_of_the_parent(void)
{
	return syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static long trace_the_parent(void)
{
	return ptrace(PTRACE_SEIZE, getppid(), 0, 0);
}

static long read_the_parent(void)
{
	char here[8];
	struct iovec local = {here, sizeof(here)}, remote = {here, sizeof(here)};

	return process_vm_readv(getppid(), &local, 1, &remote, 1, 0);
}

static long run_a_program(void)
{
	return execl("/bin/true", "true", NULL);
}

static long connect_to_somewhere(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};

	return connect(socket(AF_INET, SOCK_DGRAM, 0), (struct sockaddr *)&address,
	               sizeof(address));
}

static long call_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0);
}

static const struct {
	const char *name;
	long (*try)(void);
} forbidden[] = {
	{"kill", signal_parent},
	{"tgkill", signal_a_thread_of_the_parent},
	{"ptrace", trace_the_parent},
	{"process_vm_readv", read_the_parent},
	{"execve", run_a_program},
	{"connect", connect_to_somewhere},
	{"bpf", call_bpf},
};

enum outcome { REFUSED = 10, ALLOWED, NO_SANDBOX };

static int status_of_child(long (*try)(void))
{
	int status;
	pid_t child = fork();

	if (!child) {
		if (sandbox_enter())
			_exit(NO_SANDBOX);
		_exit(try() < 0 && errno == EPERM ? REFUSED : ALLOWED);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void forbidden_calls_fail(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		int status = status_of_child(forbidden[i].try);

		if (!WIFEXITED(status) || WEXITSTATUS(status) != REFUSED)
			fail_msg("%s was not refused (status %x)", forbidden[i].name, status);
	}
}

static long serve_a_socket(void)
{
	int pair[2];
	char byte = 'x';

	errno = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || write(pair[0], &byte, 1) != 1 ||
	    read(pair[1], &byte, 1) != 1)
		return -1;
	return 0;
}

static long give_up(void)
{
	signal(SIGABRT, SIG_DFL);
	raise(SIGABRT);
	return 0;
}

static void necessary_calls_work(void **state)
{
	int status = status_of_child(serve_a_socket);

	(void)state;
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == ALLOWED);
	status = status_of_child(give_up);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forbidden_calls_fail),
		cmocka_unit_test(necessary_calls_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
