/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/util/result.h"

/* Takes from this process, for good, what the one that speaks HTTP never needs and who took it
 * over would like to have: to signal, trace and read other processes of its user, to run
 * programs, to connect to anywhere, to call bpf(2). They fail with EPERM. seccomp(2), Linux 3.17.
 */
enum exit_code sandbox_enter(void);
