// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/policy/limit_usage.h"

/* The program's arithmetic reads a clock; here the caller provides the time. */
static _Thread_local __u64 time_ns;

static inline __u64 xrl_boot_ns(void)
{
	return time_ns;
}

#include "bpf/limit/algorithm.h"

static __u64 rounded_up(__u64 number, __u32 shift)
{
	return (number + (1ULL << shift) - 1) >> shift;
}

/* The time until a fixed window expires. */
static __u64 window_ends_ns(const struct xrl_limit *limit, __u64 word, __u64 now_ns)
{
	__u32 age_ticks = xrl_window_age_ticks(limit, word, now_ns);
	__u64 ticks = limit->period_ticks;

	if (xrl_window_is_ahead(limit, age_ticks))
		ticks += xrl_window_tick_mask(limit) + 1 - age_ticks;
	else
		ticks -= age_ticks;
	return (((now_ns >> limit->tick_shift) + ticks) << limit->tick_shift) - now_ns;
}

static struct limit_usage usage_of_fixed(const struct xrl_limit *limit, __u64 word, __u64 now_ns)
{
	__u64 ends_ns = window_ends_ns(limit, word, now_ns), used = xrl_window_used(limit, word);

	return (struct limit_usage){.used = used,
	                            .reset_ns = ends_ns,
	                            .retry_ns = used < limit->max_units ? 0 : ends_ns};
}

#define NOT_IN_THIS_WINDOW (~0ULL)

/* How long after its beginning a window has room for one more unit, with `current` units used in it
 * and `previous` in the window before. By sliding_window.h there is room while
 *
 *	current + previous * ticks / period_ticks + 1 <= max_units		(rounded up)
 *
 * and of the period's ticks, those are left out that have passed. */
static __u64 room_after_ns(const struct xrl_limit *limit, __u64 current, __u64 previous)
{
	__u64 ticks = limit->period_ticks, room, after_ns;

	if (current >= limit->max_units)
		return NOT_IN_THIS_WINDOW;
	room = limit->max_units - 1 - current;
	if (previous && room * limit->period_ticks / previous < ticks)
		ticks = room * limit->period_ticks / previous;
	after_ns = (limit->period_ticks - ticks) << limit->tick_shift;
	return after_ns < limit->period_ns ? after_ns : NOT_IN_THIS_WINDOW;
}

static __u64 later(__u64 a, __u64 b)
{
	return a > b ? a : b;
}

/* When the next unit passes: in the window of the state, or else in the next one, or else once both
 * have expired. */
static __u64 sliding_retry_at_ns(const struct xrl_limit *limit, __u64 moved, __u64 window)
{
	__u64 current = xrl_sliding_current(limit, moved), begin_ns = window * limit->period_ns;
	__u64 after_ns = room_after_ns(limit, current, xrl_sliding_previous(limit, moved)), next;

	if (after_ns != NOT_IN_THIS_WINDOW)
		return begin_ns + after_ns;
	next = xrl_sliding_rotate(limit, moved, window + 1);
	after_ns = room_after_ns(limit, 0, xrl_sliding_previous(limit, next));
	return begin_ns + limit->period_ns +
	       (after_ns != NOT_IN_THIS_WINDOW ? after_ns : limit->period_ns);
}

static struct limit_usage usage_of_sliding(const struct xrl_limit *limit, __u64 word, __u64 now_ns)
{
	__u64 window = now_ns / limit->period_ns, moved = xrl_sliding_rotate(limit, word, window);
	/* the state may be of a CPU whose clock is ahead */
	__u64 its_window = window + (-xrl_sliding_age(moved, window) & 15);
	__u64 used = xrl_sliding_used(limit, word, now_ns), retry_at_ns, reset_at_ns;

	retry_at_ns = sliding_retry_at_ns(limit, moved, its_window);
	reset_at_ns = (its_window + (xrl_sliding_current(limit, moved) ? 2 : 1)) * limit->period_ns;
	return (struct limit_usage){
		.used = used,
		.reset_ns = used ? reset_at_ns - now_ns : 0,
		.retry_ns = used < limit->max_units ? 0 : later(retry_at_ns, now_ns) - now_ns,
	};
}

static struct limit_usage usage_of_token(const struct xrl_limit *limit, __u64 word, __u64 now_ns)
{
	__u64 ahead = xrl_token_ahead(limit, word, now_ns);
	__u64 most = xrl_token_bucket(limit) - limit->token_cost;

	return (struct limit_usage){
		.used = xrl_token_used(limit, word, now_ns),
		.reset_ns = rounded_up(ahead, limit->token_shift),
		.retry_ns = ahead > most ? rounded_up(ahead - most, limit->token_shift) : 0,
	};
}

struct limit_usage limit_usage_of(const struct xrl_limit *limit, __u64 word, __u32 checked_ticks,
                                  __u64 now_ns)
{
	struct limit_usage usage = {};
	__u64 idle_ns;

	time_ns = now_ns;
	idle_ns = xrl_checked_before_ns(&checked_ticks, &now_ns);
	if (xrl_limit_is_expired(limit, word, idle_ns, now_ns))
		; /* all of it is left */
	else if (limit->algorithm == XRL_SLIDING)
		usage = usage_of_sliding(limit, word, now_ns);
	else if (limit->algorithm == XRL_TOKEN)
		usage = usage_of_token(limit, word, now_ns);
	else
		usage = usage_of_fixed(limit, word, now_ns);
	usage.remaining = usage.used < limit->max_units ? limit->max_units - usage.used : 0;
	return usage;
}

__u64 limit_usage_penalty_ns(const struct xrl_limit *penalty, __u64 resolved, __u32 checked_ticks,
                             __u64 now_ns)
{
	__u64 idle_ns;

	time_ns = now_ns;
	idle_ns = xrl_checked_before_ns(&checked_ticks, &now_ns);
	if (!(resolved >> XRL_CLASSIFICATION_BITS) || idle_ns >= penalty->period_ns ||
	    xrl_window_is_expired(penalty, resolved, now_ns))
		return 0;
	return window_ends_ns(penalty, resolved, now_ns);
}
