/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/util/result.h"

/* Denies this process irrevocably the system calls that a frontend never needs and that an attacker
 * in control of it would want: to signal, trace and read other processes of its user, to execute
 * programs, to connect, to call bpf(2). They fail with EPERM. seccomp(2), Linux 3.17. */
enum exit_code sandbox_enter(void);
