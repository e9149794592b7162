/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The program in the kernel, without an interface: frames go in by test runs. */

#include <linux/types.h>

#include "../../include/address.h"
#include "../../include/bucket.h"
#include "../../include/counters.h"
#include "../../include/permit.h"
#include "../../include/policy.h"

enum loaded_entry {
	LOADED_FRAGS,  /* xdp_ratelimit, which takes frames of several buffers */
	LOADED_SINGLE, /* xdp_ratelimit_s */
	LOADED_ENTRIES,
};

struct loaded_options {
	enum loaded_entry entry;
	__u32 sources;    /* 0: a few thousand */
	__u32 plain_hash; /* a map that refuses a source too many, where LRU makes room */
};

struct xdp_ratelimit_bpf;

struct loaded {
	struct xdp_ratelimit_bpf *skel;
	int program, buckets, permits, classes, redirects, counters;
	int cpus;
	struct xrl_meta *meta; /* the map itself */
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

/* Puts a class in force. What a limit says of its since_generation is kept; loaded_renew
 * makes all of them new, so that no older window counts. */
void loaded_publish(struct loaded *loaded, const struct xrl_class *class);
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
