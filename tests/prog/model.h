/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What the limiter promises, said a second time and as plainly as possible: no tricks with
 * time, since every window is taken to last as long as the test, and no other CPU. Nothing
 * of this is shared with the program. */

#include <linux/types.h>

#include "../../include/counters.h"
#include "../../include/policy.h"

struct model_source {
	__u32 address;
	int known, permitted;
	__u64 used[XRL_WINDOWS];
};

struct model {
	struct xrl_class class;
	struct model_source *sources; /* by hash */
	__u32 known_sources;
};

struct model_verdict {
	int action;
	__u32 counter;
};

int model_open(struct model *model);
void model_close(struct model *model);

/* A new class; of the limits that are marked in `renewed` nothing is used yet. */
void model_publish(struct model *model, const struct xrl_class *class,
                   const int renewed[XRL_WINDOWS]);
void model_permit(struct model *model, __u32 address, int permitted);

struct model_verdict model_judge(struct model *model, const unsigned char *frame, __u32 bytes);
