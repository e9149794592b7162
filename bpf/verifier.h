/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Everything written the way it is for the kernel's verifier. Compiles in user space, too, where
 * unit tests and the loader use the same arithmetic.
 *
 * Global functions are indispensable. The verifier checks a static function again at each call,
 * with everything it knows about the arguments, but a global function once, by itself, knowing only
 * the types of the arguments (hence the NULL checks at their beginnings). With static functions
 * only, 6.18 rejects the program: "The sequence of 8193 jumps is too complex." The price is a call,
 * and a single number as the result. */

#define xrl_inline static inline __attribute__((always_inline))

/* User space defines static copies. */
#ifdef __bpf__
#define XRL_GLOBAL_FUNC __attribute__((noinline))
#else
#define XRL_GLOBAL_FUNC static __attribute__((unused))
#endif

/* 6.1 rejects a loop that is closed by falling through to the next instruction, and only the
 * compiler decides which loop that is: short loops are unrolled. */
#ifdef __clang__
#define XRL_UNROLL _Pragma("unroll")
#else
#define XRL_UNROLL _Pragma("GCC unroll 8")
#endif

/* Makes the compiler forget what it knows about a variable, so that the check or mask that follows
 * is compiled as written. Without it, clang omits what is redundant to it, though not to the
 * verifier. */
#define xrl_forget(variable) asm volatile("" : "+r"(variable))

/* Returns `index` below `size`, a power of two, in a form that the verifier can follow. On all
 * kernels it does not know what a global function returns; 6.12 and older also lose the bound of a
 * 16-bit field. */
xrl_inline unsigned int xrl_masked(unsigned int index, unsigned int size)
{
	xrl_forget(index);
	return index & (size - 1);
}

/* Bit `number` of a bitmap of `size` bits, a power of two. */
xrl_inline int xrl_has_bit(const unsigned char *bits, unsigned int number, unsigned int size)
{
	number = xrl_masked(number, size);
	return bits[number >> 3] >> (number & 7) & 1;
}
