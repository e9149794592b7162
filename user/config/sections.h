/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>

#include "user/util/parse_error.h"

/* The sections of the configuration file and their keys. */

enum section {
	SECTION_UNKNOWN,
	SECTION_LIMITER,
	SECTION_CLASS,
	SECTION_ICMP_ERRORS,
	SECTION_FLOOD,
	SECTION_PERMITS,
	SECTION_SERVE,
};

enum section section_find(const char *name);

/* The NAME of [class NAME], verbatim. */
const char *section_class_name(const char *name);

/* Both return -EINVAL. The key must be unknown in the section. */
int section_fail_unknown(const struct parse_error *parse_error, const char *name);
int section_fail_key(const struct parse_error *parse_error, const char *section, const char *key);
