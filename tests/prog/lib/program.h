/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The program in the kernel, without an interface: frames go in by test runs. */

#include <linux/types.h>

#include "include/address.h"
#include "include/bucket.h"
#include "include/counters.h"
#include "include/permit.h"
#include "include/policy.h"
#include "user/policy/policy.h"

enum program_entry {
	PROGRAM_FRAGS,  /* xdp_ratelimit, which takes frames of several buffers */
	PROGRAM_SINGLE, /* xdp_ratelimit_s */
	PROGRAM_ENTRIES,
};

struct program_options {
	enum program_entry entry;
	__u32 sources;     /* 0: a few thousand. The gate has lines for so many */
	__u32 no_eviction; /* a map that refuses a source too many, where LRU makes room */
};

struct xdp_ratelimit_bpf;

struct program {
	struct xdp_ratelimit_bpf *skel;
	int fd, buckets, permits, redirects, counters, cidrs, separate_buckets, gate;
	int is_filled[2][XRL_COPIES + 1]; /* separate_buckets, cidrs */
	int cpus;
	/* the maps themselves */
	struct xrl_meta *meta;
	struct xrl_policy *policies;
	struct xrl_ports *protected_ports;
	struct xrl_class_bucket *class_buckets;
	struct xrl_flood_state *flood;
	struct xrl_counters *per_cpu;
};

const char *program_entry_name(enum program_entry entry);
const char *counter_name(__u32 counter);

/* 0 or a negative errno. Prints the verifier's instruction count as a TAP diagnostic. */
int program_open(struct program *program, const struct program_options *options);
void program_close(struct program *program);

/* Limits as limit_parse reads them, up to a NULL; the text for ICMP errors may be NULL. */
struct xrl_class class_from_limits(const char *const limits[XRL_MAX_LIMITS],
                                   const char *icmp_errors, enum xrl_action action);

/* Puts a class in force, for every source. What a limit says of its since_generation is kept;
 * program_reset_limits makes all of them new, so that no older window counts. */
void program_activate_class(struct program *program, const struct xrl_class *class);

/* The copy that isn't in force, to be filled in: all zero, but that permits have no
 * class of their own. */
struct xrl_policy *program_next_policy(struct program *program);
struct xrl_ports *program_next_ports(struct program *program);

/* Makes the trees of that copy, and room for so many separate buckets unless there is; 0: none. */
void program_set_cidrs(struct program *program, const struct policy_cidr *cidrs, size_t count);
void program_set_scoped(struct program *program, __u32 entries);

/* Gives it those of the copy in force. */
void program_keep_maps(struct program *program);

/* Until no packet is under way that began before. */
void program_wait_for_readers(struct program *program);

/* Puts it in force. */
void program_commit(struct program *program);
void program_reset_limits(const struct program *program, struct xrl_class *class);

/* Until then in boot time; 0 revokes it. */
void program_permit(struct program *program, struct xrl_address source, __u64 until_boot_ns);

/* The XDP action, or a negative errno. `out` may be NULL, or has room for the frame. */
int program_run(const struct program *program, const void *frame, __u32 bytes, void *out);

/* The same for a frame of which the first buffer holds only so many bytes. -EINVAL: test runs
 * can't do that in this kernel. */
int program_run_split(const struct program *program, const void *frame, __u32 bytes,
                      __u32 first_bytes);

/* 0 or a negative errno. `each_ns`, unless NULL: how long one took on average. */
int program_run_repeated(const struct program *program, const void *frame, __u32 bytes, __u32 times,
                         __u32 *each_ns);

/* Summed over the CPUs. */
void program_read_counters(const struct program *program,
                           struct xrl_counter_pair sum[XRL_COUNTERS]);

/* The counter that one run of this frame adds to; XRL_COUNTERS: none. */
__u32 program_run_counter(const struct program *program, const void *frame, __u32 bytes);

/* 1 if the source has a bucket. */
int program_read_bucket(const struct program *program, struct xrl_address source,
                        struct xrl_bucket *bucket);

/* A CPU that refused the source a moment ago refuses it for the rest of the jiffy, bucket or
 * not, unless a new generation comes in between. */
void program_delete_bucket(const struct program *program, struct xrl_address source);

__u64 boot_ns(void);

/* What a CPU remembers for itself, the refusal of again.h above all, is the same for all packets
 * from now on. */
void pin_to_current_cpu(void);
