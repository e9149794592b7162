/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/config/cidr_list.h"
#include "user/config/diagnostics.h"
#include "user/config/ini_file.h"
#include "user/policy/policy.h"
#include "user/config/sections.h"

/* The sections of the policy, as they are read. Names of classes are looked up at the end, so
 * that the sections may come in any order. */

/* A name where a class is expected. */
struct class_reference {
	char name[XRL_CLASS_NAME_SIZE];
	int line; /* 0: not given */
};

/* Where what makes a class was given. 0: nowhere. */
struct class_lines {
	int section, sources, limit, penalty, warn;
	int limits[XRL_MAX_LIMITS];
	int separate[XRL_MAX_SCOPED];
};

#define POLICY_KEYS 13

struct policy_sections {
	struct policy *policy;
	struct diagnostics *diagnostics;
	__u8 sha256[INI_FILE_HASH];
	bool given; /* there is a section of the policy */

	__u32 class_number;     /* of the section; XRL_MAX_CLASSES: of none that counts */
	struct xrl_class stray; /* what is said of that one */
	bool class_missing;     /* because of a mistake */
	int line_of[POLICY_KEYS];

	int limiter_line, icmp_line;
	struct xrl_limit icmp_limit;
	int flood_line, newcomers_line, prefix_line; /* 0: not given */
	bool flood_mistaken;                         /* something in [flood] couldn't be read */
	struct class_reference default_class, permitted_class;
	struct class_lines lines[XRL_MAX_CLASSES + 1];
	struct cidr_list cidrs;
	bool too_many_cidrs;
};

/* Writes to *policy, which is to be freed, and to *diagnostics. */
void policy_sections_begin(struct policy_sections *sections, struct policy *policy,
                           struct diagnostics *diagnostics);

/* A section of the policy, or one that nobody knows. `name` is that of a class. */
void policy_sections_enter(struct policy_sections *sections, int line, enum section section,
                           const char *name);
void policy_sections_set(struct policy_sections *sections, int line, const char *section,
                         const char *key, const char *value);

/* Puts together what was read. The policy isn't finished yet, and none if nothing was given. */
void policy_sections_resolve(struct policy_sections *sections);

void policy_sections_free(struct policy_sections *sections);

/* For the parts of the sections. */

/* The one whose section it is. */
struct xrl_class *policy_sections_class(struct policy_sections *sections);

/* Between the commas of a value, without the blanks around it. Returns what follows, or NULL at
 * the end. One that is longer ends in dots. */
#define POLICY_ITEM_SIZE 64
const char *policy_sections_item(const char *at, char item[POLICY_ITEM_SIZE]);

void class_section_limit(struct policy_sections *sections, int line, const char *value);
void class_section_action(struct policy_sections *sections, int line, const char *value);
void class_section_penalty(struct policy_sections *sections, int line, const char *value);
void class_section_warn(struct policy_sections *sections, int line, const char *value);
void class_section_cidrs(struct policy_sections *sections, int line, const char *value);

/* What is legal, but hardly meant, in all of it. */
void lint_policy(const struct policy_sections *sections);
