/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/util/result.h"

/* The requirements on the machine: kernel, capabilities, and a bpffs for the pins. */

/* Reports an old kernel or a missing capability. */
enum exit_code bpffs_check_system(bool changes_network);

/* Checks that `pin_dir` is on a bpffs. With `create`, mounts one on /sys/fs/bpf if needed and
 * creates the directory; without, a missing directory is no error. */
enum exit_code bpffs_prepare_pin_dir(const char *pin_dir, bool create);
