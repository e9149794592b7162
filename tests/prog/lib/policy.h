/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Policies as text, so that a test says in one place what it is about. What is left at zero is
 * as in a policy file that doesn't mention it. */

#include "tests/prog/lib/program.h"

#define POLICY_TEXT_CLASSES 6
#define POLICY_TEXT_LIMITS  (XRL_MAX_LIMITS + XRL_MAX_SCOPED)

struct class_text {
	/* "N/PERIOD UNIT", and behind it in this order: sliding, or token and perhaps burst B;
	 * scope class, or scope /BITS; endpoint tcp/FIRST-LAST, or udp/PORT. */
	const char *limits[POLICY_TEXT_LIMITS];
	const char *icmp_errors; /* NULL: 100/1h packets */
	const char *penalty;     /* "1/PERIOD packets", of which only the period counts */
	const char *sources;     /* CIDRs, with blanks in between */
	__u32 warn_percent;
	enum xrl_action action;
};

struct policy_text {
	struct class_text classes[POLICY_TEXT_CLASSES]; /* the first one is the default */
	const char *protect;                            /* as endpoints, with blanks in between */
	__u32 permitted; /* the class of those that have a permit; 0: none */
};

struct xrl_limit limit_from_text(const char *text);

/* Whether such a limit has a bucket apart from the source's own. */
int limit_is_scoped(const struct xrl_limit *limit);

/* Adds a limit at its place. The class is to be finished when there are all of them: that sets
 * what the program saves itself to compute. */
void class_add_limit(struct xrl_class *class, const struct xrl_limit *limit);
void class_complete(struct xrl_class *class);

struct xrl_class class_from_text(const struct class_text *text);

/* What the limits of all classes want to know of a packet, besides those of `protect`. */
__u32 policy_wants_of_classes(const struct xrl_policy *policy, __u32 class_count);

/* Protects a range of ports, "tcp/22" or "udp/1-9"; returns what is wanted for its sake. */
__u32 ports_protect(struct xrl_ports *ports, const char *endpoint);

/* Puts it in force with all of its limits new. */
void program_activate(struct program *program, const struct policy_text *text);

/* The policy in force once more, for what shall be changed of it: its limits are the same, and so
 * are all buckets. To be put in force by program_commit. */
struct xrl_policy *program_edit_policy(struct program *program);

/* Sets the CIDRs of the policy that comes next. */
void program_set_text_cidrs(struct program *program, const struct policy_text *text);

/* All limits of a class anew: of the generation that comes next, and with buckets that nobody has
 * used. */
void program_reset_class(const struct program *program, struct xrl_class *class);
