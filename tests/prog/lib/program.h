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

enum loaded_entry {
	LOADED_FRAGS,  /* xdp_ratelimit, which takes frames of several buffers */
	LOADED_SINGLE, /* xdp_ratelimit_s */
	LOADED_ENTRIES,
};

struct loaded_options {
	enum loaded_entry entry;
	__u32 sources;    /* 0: a few thousand. The gate has lines for so many */
	__u32 plain_hash; /* a map that refuses a source too many, where LRU makes room */
};

struct xdp_ratelimit_bpf;

struct loaded {
	struct xdp_ratelimit_bpf *skel;
	int program, buckets, permits, redirects, counters, cidrs, separate_buckets, gate;
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

const char *loaded_entry_name(enum loaded_entry entry);
const char *loaded_counter_name(__u32 counter);

/* 0 or a negative errno. Prints the verifier's instruction count as a TAP diagnostic. */
int loaded_open(struct loaded *loaded, const struct loaded_options *options);
void loaded_close(struct loaded *loaded);

/* Limits as limit_parse reads them, up to a NULL; the text for ICMP errors may be NULL. */
struct xrl_class loaded_class(const char *const limits[XRL_MAX_LIMITS], const char *icmp_errors,
                              enum xrl_action action);

/* Puts a class in force, for every source. What a limit says of its since_generation is kept;
 * loaded_renew makes all of them new, so that no older window counts. */
void loaded_publish(struct loaded *loaded, const struct xrl_class *class);

/* The copy that isn't in force, to be filled in: all zero, but that permits have no
 * class of their own. */
struct xrl_policy *loaded_next_policy(struct loaded *loaded);
struct xrl_ports *loaded_next_ports(struct loaded *loaded);

/* Makes the trees of that copy, and room for so many separate buckets unless there is; 0: none. */
void loaded_set_cidrs(struct loaded *loaded, const struct policy_cidr *cidrs, size_t count);
void loaded_set_separate(struct loaded *loaded, __u32 entries);

/* Gives it those of the copy in force. */
void loaded_repeat_maps(struct loaded *loaded);

/* Until no packet is under way that began before. */
void loaded_wait(struct loaded *loaded);

/* Puts it in force. */
void loaded_switch(struct loaded *loaded);
void loaded_renew(const struct loaded *loaded, struct xrl_class *class);

/* Until then in boot time; 0 revokes it. */
void loaded_permit(struct loaded *loaded, struct xrl_address source, __u64 until_boot_ns);

/* The XDP action, or a negative errno. `out` may be NULL, or has room for the frame. */
int loaded_run(const struct loaded *loaded, const void *frame, __u32 bytes, void *out);

/* The same for a frame of which the first buffer holds only so many bytes. -EINVAL: test runs
 * can't do that in this kernel. */
int loaded_run_split(const struct loaded *loaded, const void *frame, __u32 bytes,
                     __u32 first_bytes);

/* 0 or a negative errno. `each_ns`, unless NULL: how long one took on average. */
int loaded_run_often(const struct loaded *loaded, const void *frame, __u32 bytes, __u32 times,
                     __u32 *each_ns);

/* Summed over the CPUs. */
void loaded_read_counters(const struct loaded *loaded, struct xrl_counter_pair sum[XRL_COUNTERS]);

/* The counter that one run of this frame adds to; XRL_COUNTERS: none. */
__u32 loaded_counter_of(const struct loaded *loaded, const void *frame, __u32 bytes);

/* 1 if the source has a bucket. */
int loaded_read_bucket(const struct loaded *loaded, struct xrl_address source,
                       struct xrl_bucket *bucket);

/* A CPU that refused the source a moment ago refuses it for the rest of the jiffy, bucket or
 * not, unless a new generation comes in between. */
void loaded_forget(const struct loaded *loaded, struct xrl_address source);

__u64 loaded_boot_ns(void);

/* What a CPU remembers for itself, the refusal of again.h above all, is the same for all packets
 * from now on. */
void loaded_stay_on_this_cpu(void);
