// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/jiffies.h"

#include <stdbool.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "user/util/clock.h"
#include "user/util/duration.h"

#define MIN_FRAME_BYTES 64

/* Jiffies start at -300 s as a 32-bit number and advance with the monotonic clock. Early in boot
 * that clock runs ahead, usually by less than a second, and the gap never grows afterwards. */
static __u64 estimate(void)
{
	__u64 tick_ns = clock_jiffy_ns();
	__u32 ticks_per_second = (SECOND_NS + tick_ns / 2) / tick_ns;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u32) - (300 * ticks_per_second) +
	       (now.tv_sec * SECOND_NS + now.tv_nsec) / tick_ns;
}

/* Only programs in the kernel can read jiffies: this one returns the lower half. */
static bool ask_kernel(__u32 *lower_half)
{
	static const struct bpf_insn code[] = {
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_jiffies64},
		{.code = BPF_JMP | BPF_EXIT},
	};
	char frame[MIN_FRAME_BYTES] = {};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame));
	int program = bpf_prog_load(BPF_PROG_TYPE_XDP, "jiffies", "Dual BSD/GPL", code,
	                            sizeof(code) / sizeof(code[0]), NULL);
	bool done;

	if (program < 0)
		return false;
	done = !bpf_prog_test_run_opts(program, &run);
	close(program);
	*lower_half = run.retval;
	return done;
}

__u64 jiffies_now(void)
{
	__u64 jiffies = estimate();
	__u32 lower_half;

	return ask_kernel(&lower_half) ? jiffies + (__s32)(lower_half - (__u32)jiffies) : jiffies;
}
