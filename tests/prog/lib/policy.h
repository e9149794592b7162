/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Policies as text. Fields left at zero have the defaults of a policy file. */

#include "tests/prog/lib/program.h"

#define POLICY_TEXT_CLASSES 6
#define POLICY_TEXT_LIMITS  (XRL_MAX_LIMITS + XRL_MAX_SCOPED)

struct class_text {
	/* "N/PERIOD UNIT", followed in this order by "sliding", or "token" and optionally
	 * "burst B"; "scope class" or "scope /BITS"; "endpoint tcp/FIRST-LAST" or "udp/PORT". */
	const char *limits[POLICY_TEXT_LIMITS];
	const char *icmp_errors; /* NULL: 100/1h packets */
	const char *penalty;     /* "1/PERIOD packets"; only the period matters */
	const char *sources;     /* CIDRs, separated by spaces */
	__u32 warn_percent;
	enum xrl_action action;
};

struct policy_text {
	struct class_text classes[POLICY_TEXT_CLASSES]; /* the first one is the default */
	const char *protect;                            /* endpoints, separated by spaces */
	__u32 permitted; /* class of sources with a permit; 0: none */
};

struct xrl_limit limit_from_text(const char *text);

/* Whether the limit has a bucket of its own, apart from the source's. */
int limit_is_scoped(const struct xrl_limit *limit);

/* class_add_limit adds to the source's or to the scoped limits. Call class_complete after the last
 * one; it sets the precomputed fields. */
void class_add_limit(struct xrl_class *class, const struct xrl_limit *limit);
void class_complete(struct xrl_class *class);

struct xrl_class class_from_text(const struct class_text *text);

/* The facts about a packet that the limits of all classes need; `protect` may need more. */
__u32 policy_wants_of_classes(const struct xrl_policy *policy, __u32 class_count);

/* Protects a range of ports, "tcp/22" or "udp/1-9"; returns the XRL_WANTS_ bits that it needs. */
__u32 ports_protect(struct xrl_ports *ports, const char *endpoint);

/* Activates the policy with all limits new. */
void program_activate(struct program *program, const struct policy_text *text);

/* Copies the active policy to the inactive copy for editing; limits and buckets stay the same.
 * program_commit activates it. */
struct xrl_policy *program_edit_policy(struct program *program);

/* Sets the CIDRs of the inactive copy. */
void program_set_text_cidrs(struct program *program, const struct policy_text *text);

/* Makes all limits of a class new in the next generation, with unused buckets. */
void program_reset_class(const struct program *program, struct xrl_class *class);
