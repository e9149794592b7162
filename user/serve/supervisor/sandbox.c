// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/supervisor/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define REFUSE      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define ALLOW       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Skips the next statement unless it is this call. */
#define IF_CALL(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1)

#define WITHOUT(name) IF_CALL(name), REFUSE

enum exit_code sandbox_enter(void)
{
#ifdef ARCHITECTURE
	struct sock_filter filter[] = {
		/* the numbers below are different calls on another architecture */
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
		REFUSE,
		LOAD(nr),
#ifdef __x86_64__
		/* numbers with the x32 bit name the same calls again */
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
		REFUSE,
#endif
		WITHOUT(kill),
		WITHOUT(tkill),
		WITHOUT(rt_sigqueueinfo),
		WITHOUT(rt_tgsigqueueinfo),
		WITHOUT(pidfd_open),
		WITHOUT(pidfd_send_signal),
		WITHOUT(pidfd_getfd),
		WITHOUT(ptrace),
		WITHOUT(process_vm_readv),
		WITHOUT(process_vm_writev),
		WITHOUT(execve),
		WITHOUT(execveat),
		WITHOUT(connect),
		WITHOUT(bpf),
		WITHOUT(perf_event_open),
		WITHOUT(unshare),
		WITHOUT(setns),
		/* abort() signals itself */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_tgkill, 0, 3),
		LOAD(args[0]),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, getpid(), 1, 0),
		REFUSE,
		ALLOW,
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	/* EINVAL: a kernel without seccomp */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) && errno != EINVAL)
		return fail(EXIT_FAILED, NULL, "cannot enter the sandbox: %m");
#endif
	return EXIT_DONE;
}
