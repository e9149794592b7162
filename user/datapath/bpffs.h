/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/util/result.h"

/* What the machine must offer before anything else makes sense. */

/* Reports what is missing: a capability, by its name, or a newer kernel. */
enum exit_code bpffs_check_system(bool changes_network);

/* Makes sure that `pin_dir` lies on a bpffs: mounts one on /sys/fs/bpf if need be. With
 * `create`, makes the directory as well; without, a missing one is no error. */
enum exit_code bpffs_prepare_pin_dir(const char *pin_dir, bool create);
