/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/config/cidr_list.h"
#include "user/config/diagnostics.h"
#include "user/config/ini_file.h"
#include "user/policy/policy.h"
#include "user/config/sections.h"

/* Reads the sections of the policy. Class names are resolved at the end, so that sections may come
 * in any order. */

/* A reference to a class by name. */
struct class_reference {
	char name[XRL_CLASS_NAME_SIZE];
	int line; /* 0: not given */
};

/* The lines of a class and its keys. 0: not given. */
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

	__u32 class_number;     /* of the current section; XRL_MAX_CLASSES: no valid one */
	struct xrl_class stray; /* takes the keys of an invalid section */
	bool class_missing;     /* because of an error */
	int line_of[POLICY_KEYS];

	int limiter_line, icmp_line;
	struct xrl_limit icmp_limit;
	int flood_line, newcomers_line, prefix_line; /* 0: not given */
	bool flood_mistaken;                         /* [flood] has an unreadable value */
	struct class_reference default_class, permitted_class;
	struct class_lines lines[XRL_MAX_CLASSES + 1];
	struct cidr_list cidrs;
	bool too_many_cidrs;
};

/* Fills *policy, which the caller frees, and *diagnostics. */
void policy_sections_begin(struct policy_sections *sections, struct policy *policy,
                           struct diagnostics *diagnostics);

/* Begins a section of the policy, or an unknown one. `name` is the name of a class. */
void policy_sections_enter(struct policy_sections *sections, int line, enum section section,
                           const char *name);
void policy_sections_set(struct policy_sections *sections, int line, const char *section,
                         const char *key, const char *value);

/* Resolves references between sections. Call policy_derive afterwards. */
void policy_sections_resolve(struct policy_sections *sections);

void policy_sections_free(struct policy_sections *sections);

/* For the parts of the sections. */

/* The class of the current section. */
struct xrl_class *policy_sections_class(struct policy_sections *sections);

/* Copies the next item of a comma-separated value, without surrounding spaces. Returns the rest, or
 * NULL at the end. An item that does not fit ends in dots. */
#define POLICY_ITEM_SIZE 64
const char *policy_sections_item(const char *at, char item[POLICY_ITEM_SIZE]);

void class_section_limit(struct policy_sections *sections, int line, const char *value);
void class_section_action(struct policy_sections *sections, int line, const char *value);
void class_section_penalty(struct policy_sections *sections, int line, const char *value);
void class_section_warn(struct policy_sections *sections, int line, const char *value);
void class_section_cidrs(struct policy_sections *sections, int line, const char *value);

/* Warns of everything that is valid but probably not intended. */
void lint_policy(const struct policy_sections *sections);
