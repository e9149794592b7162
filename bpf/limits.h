/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* All limits of a source at once: a packet passes when each of them allows it, and a
 * refused packet uses up none. No packet and no map in it: unit tests and fuzzers compile
 * this file in user space. Whoever includes it brings the two clocks:
 *
 *	xrl_boot_ns()	CLOCK_BOOTTIME; about 45 ns to read
 *	xrl_jiffies()	the low 32 bits; about 1 ns to read, as coarse as the timer tick
 *	XRL_SUBPROGRAM	how to declare a function that the verifier shall check by itself, once,
 *			whatever its arguments: hence the tests for NULL at their beginnings
 *
 * Time without a clock. A look at the clock closes every window that is over, and writes
 * down the jiffy before which no other one will be ("settled"). Until then any window that
 * stands there is open, and a packet needs no clock. A jiffy that the kernel counts late
 * can only keep a window open for as long as it is late, which never makes one unit more
 * than N. settled_max_jiffies keeps it below the shortest period (so that a window opened
 * meanwhile can't end before) and below a second.
 *
 * Exact on any number of CPUs, without a lock:
 *   - A window changes only by compare-and-swap from the value that the decision was made
 *     on. A CPU that was held up in between fails to swap and decides again.
 *   - Whether a window is over is judged by a clock that was read after the window was.
 *   - What nobody has looked at for a period is over, whatever its ticks say (they go
 *     round). So checked_boot_ns is advanced before a window is opened, never after, and
 *     never moves back: no open window is older than what it says.
 * What remains: a CPU that is held up for a whole period (a virtual one, say), exactly
 * between its look and its swap, and while the window is closed both before and after,
 * admits its one packet into a window that is already over. */

#include "window.h"

/* How often a packet tries again after another CPU was faster. Each time one of them got
 * through. Even where 64 CPUs are at one source all the time, one of them loses so many
 * times in a row with a chance of (63/64)^512, which is 0.03 %. */
#define XRL_ATTEMPTS 512

/* 6.1 refuses a loop that is closed by the step to the next instruction, and nobody but the
 * compiler knows which one is: short loops have to be no loops at all. */
#ifdef __clang__
#define XRL_UNROLL _Pragma("unroll")
#else
#define XRL_UNROLL _Pragma("GCC unroll 8")
#endif

enum xrl_answer {
	XRL_ALLOWED,
	XRL_REFUSED,
	XRL_AGAIN,
};

/* What a packet would use up of a limit in each unit. As an array, because every branch
 * here is one more that the verifier has to follow for each of the limits. */
struct xrl_demand {
	__u64 units[4]; /* by enum xrl_unit; the last one is never asked for */
};

/* An xrl_answer, and when it is XRL_REFUSED the unit of the limit that refused: one
 * number, since a function that is checked by itself returns no more. */
struct xrl_charge {
	__u16 answer;
	__u16 unit;
};

xrl_inline __u64 xrl_demand_units(const struct xrl_demand *demand, __u32 unit)
{
	return demand->units[unit & 3];
}

xrl_inline int xrl_is_settled(const struct xrl_bucket *bucket, const struct xrl_class *class)
{
	__u32 until = *(const volatile __u32 *)&bucket->settled_until_jiffies;

	return until - xrl_jiffies() - 1 < class->settled_max_jiffies;
}

/* A read that isn't done before those that stand above it. x86 never does that; elsewhere an
 * atomic addition of nothing makes sure of it, for another 7 ns. */
xrl_inline __u64 xrl_read_after(__u64 *value)
{
#if defined(__TARGET_ARCH_x86) || defined(__x86_64__)
	return *(volatile __u64 *)value;
#else
	return __sync_fetch_and_add(value, 0);
#endif
}

/* Afterwards checked_boot_ns is at least `now_ns`. False when other CPUs moved it again and
 * again, and never as far. */
xrl_inline int xrl_advance(struct xrl_bucket *bucket, __u64 seen_ns, __u64 now_ns)
{
	for (int i = 0; i < 4; i++) {
		__u64 before_ns;

		if (now_ns <= seen_ns)
			return 1;
		before_ns = __sync_val_compare_and_swap(&bucket->checked_boot_ns, seen_ns, now_ns);
		if (before_ns == seen_ns)
			return 1;
		seen_ns = before_ns;
	}
	return 0;
}

/* Closes one window if it is over. Returns for how long it won't be. What holds more units
 * than the limit has was written by a CPU that still obeyed another limit. */
xrl_inline __u64 xrl_close_if_over(struct xrl_window *window, const struct xrl_limit *limit,
                                   xrl_word word, __u64 idle_ns, __u64 now_ns)
{
	if (!word)
		return ~0ULL;
	if (idle_ns < limit->period_ns && xrl_window_used(word) <= limit->max_units &&
	    !xrl_window_is_over(limit, word, now_ns))
		return xrl_window_remaining_ns(limit, word, now_ns);
	return xrl_window_swap(window, word, 0) ? ~0ULL : 0;
}

/* Looks at the clock: closes what is over and settles the bucket until the next end.
 * Returns the time, or 0 when another CPU interfered and it's to be done again. */
XRL_SUBPROGRAM __u64 xrl_look(struct xrl_bucket *bucket, const struct xrl_class *class)
{
	xrl_word words[XRL_WINDOWS];
	__u64 seen_ns, now_ns, idle_ns, settled_ns, settled_jiffies;
	__u32 jiffies, i;

	if (!bucket || !class)
		return 0;
	/* Unrolled: 6.1 refuses a loop that is closed by the step to the next instruction,
	 * and nobody but the compiler knows which one is. */
	XRL_UNROLL
	for (i = 0; i < XRL_WINDOWS; i++)
		words[i] = xrl_window_read(&bucket->windows[i]);
	seen_ns = xrl_read_after(&bucket->checked_boot_ns);
	jiffies = xrl_jiffies();
	now_ns = xrl_boot_ns();

	idle_ns = now_ns > seen_ns ? now_ns - seen_ns : 0;
	settled_ns = ~0ULL;
	XRL_UNROLL
	for (i = 0; i < XRL_WINDOWS; i++) {
		__u64 open_ns = xrl_close_if_over(&bucket->windows[i], &class->limits[i], words[i],
		                                  idle_ns, now_ns);

		if (open_ns < settled_ns)
			settled_ns = open_ns;
	}
	if (!xrl_advance(bucket, seen_ns, now_ns))
		return 0;

	/* most often nothing is open, or for long: that costs no division */
	settled_jiffies = class->settled_max_jiffies;
	if (settled_ns < settled_jiffies * class->jiffy_ns)
		settled_jiffies = settled_ns / class->jiffy_ns;
	/* A plain store may lose against another CPU's: an older promise is kept just as well. */
	*(volatile __u32 *)&bucket->settled_until_jiffies = jiffies + (__u32)settled_jiffies;
	return now_ns;
}

/* Takes back what a packet used of a limit before it failed to get the next one. Between
 * the two it may have been in somebody's way: that packet is refused, none is admitted too
 * many. If the window ended meanwhile, there is nothing left to give back to. */
XRL_SUBPROGRAM int xrl_give_back(struct xrl_window *window, __u64 mine, __u64 units)
{
	if (!window)
		return 0;
	for (int i = 0; i < XRL_ATTEMPTS; i++) {
		xrl_word word = xrl_window_read(window);

		if (!xrl_window_is_same(word, mine) || xrl_window_used(word) < units)
			return 0;
		if (xrl_window_swap(window, word, xrl_window_add(word, -(__s64)units)))
			return 0;
	}
	return 0;
}

/* One window: judged open if it stands, opened if it doesn't. Returns what is to be
 * written in its place, or 0 when it refuses. */
xrl_inline xrl_word xrl_window_next(const struct xrl_limit *limit, xrl_word word, __u64 now_ns,
                                    __u64 units)
{
	if (word)
		return xrl_window_has_room(limit, word, units) ? xrl_window_add(word, units) : 0;
	return units <= limit->max_units ? xrl_window_open(limit, now_ns, units) : 0;
}

/* One attempt at one window. */
xrl_inline enum xrl_answer xrl_try_one(struct xrl_bucket *bucket, const struct xrl_class *class,
                                       __u32 i, __u64 units)
{
	struct xrl_window *window = &bucket->windows[i];
	xrl_word word, next;
	__u64 now_ns = 0;

	word = xrl_window_read(window);
	if (!word || !xrl_is_settled(bucket, class)) {
		now_ns = xrl_look(bucket, class);
		if (!now_ns)
			return XRL_AGAIN;
		word = xrl_window_read(window);
	}
	next = xrl_window_next(&class->limits[i], word, now_ns, units);
	if (!next)
		return XRL_REFUSED;
	return xrl_window_swap(window, word, next) ? XRL_ALLOWED : XRL_AGAIN;
}

/* What was decided on, window by window, and what is to stand there instead. */
struct xrl_swaps {
	xrl_word from[XRL_MAX_LIMITS];
	xrl_word to[XRL_MAX_LIMITS];
	__u64 units[XRL_MAX_LIMITS]; /* 0: this window isn't concerned */
};

/* All or none. */
xrl_inline enum xrl_answer xrl_commit(struct xrl_bucket *bucket, const struct xrl_swaps *swaps)
{
	__u32 i, done;

	for (done = 0; done < XRL_MAX_LIMITS; done++)
		if (swaps->units[done] &&
		    !xrl_window_swap(&bucket->windows[done], swaps->from[done], swaps->to[done]))
			break;
	if (done == XRL_MAX_LIMITS)
		return XRL_ALLOWED;
	for (i = 0; i < done; i++)
		if (swaps->units[i])
			xrl_give_back(&bucket->windows[i], swaps->to[i], swaps->units[i]);
	return XRL_AGAIN;
}

/* One attempt at all windows together: all decisions first, and only then the swaps. */
XRL_SUBPROGRAM __u32 xrl_try_all(struct xrl_bucket *bucket, const struct xrl_class *class,
                                 const struct xrl_demand *demand)
{
	struct xrl_swaps swaps = {};
	__u64 now_ns = 0;
	__u32 i;

	if (!bucket || !class || !demand)
		return XRL_AGAIN;
	if (!xrl_is_settled(bucket, class)) {
		now_ns = xrl_look(bucket, class);
		if (!now_ns)
			return XRL_AGAIN;
	}
	for (i = 0; i < XRL_MAX_LIMITS && i < class->limit_count; i++) {
		__u64 units = xrl_demand_units(demand, class->limits[i].unit);
		xrl_word word = xrl_window_read(&bucket->windows[i]);

		if (!units)
			continue;
		if (!word && !now_ns) {
			now_ns = xrl_look(bucket, class);
			if (!now_ns)
				return XRL_AGAIN;
		}
		swaps.units[i] = units;
		swaps.from[i] = word;
		swaps.to[i] = xrl_window_next(&class->limits[i], word, now_ns, units);
		if (!swaps.to[i])
			return XRL_REFUSED | class->limits[i].unit << 16;
	}
	return xrl_commit(bucket, &swaps);
}

/* Charges a packet to its source's limits. XRL_AGAIN: other CPUs were always faster. The
 * common case, one limit and no such CPU, is kept short. */
xrl_inline struct xrl_charge xrl_charge(struct xrl_bucket *bucket, const struct xrl_class *class,
                                        const struct xrl_demand *demand)
{
	__u32 unit = class->limits[0].unit, answer = XRL_AGAIN;
	__u64 units = xrl_demand_units(demand, unit);

	if (class->limit_count == 1)
		answer = units ? xrl_try_one(bucket, class, 0, units) | unit << 16 : XRL_ALLOWED;
	for (int i = 0; i < XRL_ATTEMPTS && (__u16)answer == XRL_AGAIN; i++)
		answer = xrl_try_all(bucket, class, demand);
	return (struct xrl_charge){.answer = answer, .unit = answer >> 16};
}

XRL_SUBPROGRAM int xrl_try_icmp_error(struct xrl_bucket *bucket, const struct xrl_class *class)
{
	if (!bucket || !class)
		return XRL_AGAIN;
	return xrl_try_one(bucket, class, XRL_ICMP_ERRORS, 1);
}

/* The same for an ICMP error, which has a window of its own. */
xrl_inline enum xrl_answer xrl_charge_icmp_error(struct xrl_bucket *bucket,
                                                 const struct xrl_class *class)
{
	enum xrl_answer answer = XRL_AGAIN;

	for (int i = 0; i < XRL_ATTEMPTS && answer == XRL_AGAIN; i++)
		answer = xrl_try_icmp_error(bucket, class);
	return answer;
}
