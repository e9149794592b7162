/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The program loaded into the kernel, without an interface: test runs feed it frames. */

#include <linux/types.h>

#include "include/address.h"
#include "include/bucket.h"
#include "include/counters.h"
#include "include/permit.h"
#include "include/policy.h"
#include "user/policy/policy.h"

enum program_entry {
	PROGRAM_FRAGS,  /* xdp_ratelimit, which takes multi-buffer frames */
	PROGRAM_SINGLE, /* xdp_ratelimit_s */
	PROGRAM_ENTRIES,
};

struct program_options {
	enum program_entry entry;
	__u32 sources;     /* size of the map of buckets and of the gate; 0: a few thousand */
	__u32 no_eviction; /* a plain hash map, which rejects insertions when full */
};

struct xdp_ratelimit_bpf;

struct program {
	struct xdp_ratelimit_bpf *skel;
	int fd, buckets, permits, redirects, counters, cidrs, separate_buckets, gate;
	int is_filled[2][XRL_COPIES + 1]; /* separate_buckets, cidrs */
	int cpus;
	/* maps mapped into memory */
	struct xrl_meta *meta;
	struct xrl_policy *policies;
	struct xrl_ports *protected_ports;
	struct xrl_class_bucket *class_buckets;
	struct xrl_flood_state *flood;
	struct xrl_counters *per_cpu;
};

const char *program_entry_name(enum program_entry entry);
const char *counter_name(__u32 counter);

/* Returns 0 or a negative errno. Prints the verifier's instruction count as a TAP diagnostic. */
int program_open(struct program *program, const struct program_options *options);
void program_close(struct program *program);

/* Limits in the syntax of limit_parse, up to a NULL; `icmp_errors` may be NULL. */
struct xrl_class class_from_limits(const char *const limits[XRL_MAX_LIMITS],
                                   const char *icmp_errors, enum xrl_action action);

/* Activates a policy of one class. Keeps since_generation of its limits; program_reset_limits makes
 * them new, so that no older window counts. */
void program_activate_class(struct program *program, const struct xrl_class *class);

/* The inactive copy of the policy, zeroed, with no class for permits. */
struct xrl_policy *program_next_policy(struct program *program);
struct xrl_ports *program_next_ports(struct program *program);

/* Set the CIDRs of the inactive copy, and its map of scoped buckets: shared with the active copy if
 * that has one; none if `entries` is 0. */
void program_set_cidrs(struct program *program, const struct policy_cidr *cidrs, size_t count);
void program_set_scoped(struct program *program, __u32 entries);

/* Gives the inactive copy the maps of the active one. */
void program_keep_maps(struct program *program);

/* Waits until every packet in progress is done. */
void program_wait_for_readers(struct program *program);

/* Activates the inactive copy. */
void program_commit(struct program *program);
void program_reset_limits(const struct program *program, struct xrl_class *class);

/* Grants a permit until `until_boot_ns`; 0 revokes it. */
void program_permit(struct program *program, struct xrl_address source, __u64 until_boot_ns);

/* Returns the XDP action or a negative errno. `out` is NULL or has room for the frame. */
int program_run(const struct program *program, const void *frame, __u32 bytes, void *out);

/* The same for a frame split after `first_bytes`. -EINVAL: this kernel's test runs can't split
 * frames. */
int program_run_split(const struct program *program, const void *frame, __u32 bytes,
                      __u32 first_bytes);

/* Returns 0 or a negative errno. `each_ns`, unless NULL, receives the average time of a run. */
int program_run_repeated(const struct program *program, const void *frame, __u32 bytes, __u32 times,
                         __u32 *each_ns);

/* Sums over all CPUs. */
void program_read_counters(const struct program *program,
                           struct xrl_counter_pair sum[XRL_COUNTERS]);

/* Runs the frame once and returns the counter that it increments; XRL_COUNTERS: none. */
__u32 program_run_counter(const struct program *program, const void *frame, __u32 bytes);

/* Returns 1 if the source has a bucket. */
int program_read_bucket(const struct program *program, struct xrl_address source,
                        struct xrl_bucket *bucket);

/* A CPU that has just rejected the source keeps rejecting it until the jiffy ends or the generation
 * changes, with or without a bucket. */
void program_delete_bucket(const struct program *program, struct xrl_address source);

__u64 boot_ns(void);

/* Pins the process to its current CPU, so that all packets share its per-CPU state, above all the
 * reject cache. */
void pin_to_current_cpu(void);
