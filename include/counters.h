/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Every received packet adds to exactly one counter. Its name is the verdict followed by the
 * reason. */

/* Reasons to reject a frame. Rejections by a limit follow the class's action. Frames that are not
 * valid IPv4 have no destination to redirect to and are dropped. */
#define XRL_LIMIT_REASONS(X)   \
	X(packets_limit)       \
	X(bytes_limit)         \
	X(connections_limit)   \
	X(http_requests_limit) \
	X(icmp_errors_limit)   \
	X(penalty)             \
	X(newcomers)           \
	X(newcomers_prefix)    \
	X(contention)
#define XRL_FRAME_REASONS(X) \
	X(truncated)         \
	X(malformed)
#define XRL_REASONS(X) XRL_LIMIT_REASONS(X) XRL_FRAME_REASONS(X)

#define XRL_PASSED(X)    \
	X(within_limits) \
	X(near_limit)    \
	X(newcomer)      \
	X(permit)        \
	X(trusted)       \
	X(not_protected) \
	X(icmp_error)    \
	X(arp)           \
	X(ipv6)          \
	X(other)         \
	X(limiter_failed)

#define XRL_REASON(name) XRL_REASON_##name,
enum xrl_reason { XRL_REASONS(XRL_REASON) XRL_REASON_COUNT };
#undef XRL_REASON

/* Counters in order. Reason r of a group has the index of the group's base plus r. */
#define XRL_PASSED_INDEX(name)     XRL_passed_##name,
#define XRL_MONITOR_INDEX(name)    XRL_passed_monitor_##name,
#define XRL_DROPPED_INDEX(name)    XRL_dropped_##name,
#define XRL_REDIRECTED_INDEX(name) XRL_redirected_##name,
enum xrl_counter {
	XRL_PASSED(XRL_PASSED_INDEX) XRL_REASONS(XRL_MONITOR_INDEX) XRL_REASONS(XRL_DROPPED_INDEX)
		XRL_dropped_redirect_gone,
	XRL_LIMIT_REASONS(XRL_REDIRECTED_INDEX) XRL_COUNTERS
};
#undef XRL_PASSED_INDEX
#undef XRL_MONITOR_INDEX
#undef XRL_DROPPED_INDEX
#undef XRL_REDIRECTED_INDEX

#define XRL_MONITOR_BASE    XRL_passed_monitor_packets_limit
#define XRL_DROPPED_BASE    XRL_dropped_packets_limit
#define XRL_REDIRECTED_BASE XRL_redirected_packets_limit

struct xrl_counter_pair {
	__u64 packets;
	__u64 bytes;
};

/* The single element of the per-CPU map `counters`. bpftool prints these field names. */
#define XRL_PASSED_FIELD(name)     struct xrl_counter_pair passed_##name;
#define XRL_MONITOR_FIELD(name)    struct xrl_counter_pair passed_monitor_##name;
#define XRL_DROPPED_FIELD(name)    struct xrl_counter_pair dropped_##name;
#define XRL_REDIRECTED_FIELD(name) struct xrl_counter_pair redirected_##name;
struct xrl_counters {
	XRL_PASSED(XRL_PASSED_FIELD)
	XRL_REASONS(XRL_MONITOR_FIELD)
	XRL_REASONS(XRL_DROPPED_FIELD)
	struct xrl_counter_pair dropped_redirect_gone;
	XRL_LIMIT_REASONS(XRL_REDIRECTED_FIELD)
};
#undef XRL_PASSED_FIELD
#undef XRL_MONITOR_FIELD
#undef XRL_DROPPED_FIELD
#undef XRL_REDIRECTED_FIELD

_Static_assert(sizeof(struct xrl_counters) == XRL_COUNTERS * sizeof(struct xrl_counter_pair),
               "a name for every counter");
