/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/util/parse_error.h"
#include "user/config/diagnostics.h"
#include "user/policy/policy.h"

/* The CIDRs of all classes, with their lines in the file. */

struct cidr_entry {
	struct policy_cidr cidr;
	int line;
	size_t number; /* in the order of the file */
};

struct cidr_list {
	struct cidr_entry *entries;
	size_t count;
};

#define CIDR_TEXT_SIZE 20

/* Reads "a.b.c.d" or "a.b.c.d/n". 0, or -EINVAL with a parse error that names `key`. */
int cidr_parse(const char *key, const char *text, struct xrl_cidr *cidr,
               const struct parse_error *parse_error);
void cidr_format(const struct xrl_cidr *cidr, char text[CIDR_TEXT_SIZE]);

/* False: the list has XRL_MAX_CIDRS entries already. */
bool cidr_list_add(struct cidr_list *list, const struct xrl_cidr *cidr, __u32 class_number,
                   int line);

/* Sorts the CIDRs by address and removes duplicates: a warning if both are of the same class, else
 * an error. */
void cidr_list_merge(struct cidr_list *list, const struct xrl_policy *policy,
                     struct diagnostics *diagnostics);

void cidr_list_free(struct cidr_list *list);
