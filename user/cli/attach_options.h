/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/link.h"
#include "user/policy/action.h"

#define MAX_INTERFACES 64

/* What `attach` was asked for, checked as far as that goes without touching anything. */
struct attach_options {
	const char *interfaces[MAX_INTERFACES];
	__u32 ifindexes[MAX_INTERFACES];
	int interface_count;
	struct xrl_limit limits[XRL_MAX_LIMITS];
	struct xrl_limit separate[XRL_MAX_SCOPED]; /* with an endpoint or another scope */
	__u32 limit_count, separate_count;         /* none: as before, or the default */
	bool has_action;                           /* false: as before, or drop */
	struct action action;
	enum attach_mode mode;
	__u32 sources; /* 0: as before, or the default */
};

static inline bool attach_options_have_limits(const struct attach_options *options)
{
	return options->limit_count || options->separate_count;
}

enum exit_code attach_options_read(struct attach_options *options, int argc, char **argv);
