/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Everything that is written the way it is for the sake of the kernel's verifier, and a few words
 * on why. Compiles in user space, too, where the unit tests use the same arithmetic.
 *
 * Global functions. The verifier checks a static function anew at each of its calls, with all that
 * it knows of the arguments, and a global one once, by itself, with arguments of which it knows the
 * type alone (hence the tests for NULL at their beginnings). With all of them static 6.18 refuses
 * the program: "The sequence of 8193 jumps is too complex." Global functions are what keeps it
 * within that limit and within the million instructions that all kernels follow.
 *
 * Their price: a call of 2 to 5 ns, a scalar as the only result, and no argument on the stack of
 * the caller that the verifier could not describe by its type. */

#define xrl_inline static inline __attribute__((always_inline))

/* User space includes the same arithmetic, and calls what it needs of it. */
#ifdef __bpf__
#define XRL_GLOBAL_FUNC __attribute__((noinline))
#else
#define XRL_GLOBAL_FUNC static __attribute__((unused))
#endif

/* 6.1 rejects a loop that is closed by the step to the next instruction, and only the compiler
 * knows which loop that will be: short loops are unrolled. */
#ifdef __clang__
#define XRL_UNROLL _Pragma("unroll")
#else
#define XRL_UNROLL _Pragma("GCC unroll 8")
#endif

/* The compiler forgets what it knows of a variable's value, so that a check which follows is
 * compiled as written. */
#define xrl_forget(variable) asm volatile("" : "+r"(variable))

/* An index below `size`, a power of two, and seen to be so. All kernels: the compiler knows some
 * bounds (of a shift, of what a global function returns) that the verifier does not, and leaves out
 * the mask that would tell it. 6.12 and older forget a bound, too, that was known of a number when
 * it was loaded from the stack. */
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
