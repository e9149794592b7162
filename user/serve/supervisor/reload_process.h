/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/serve/options.h"

/* Puts the policy of the file in force, as the command `reload` does, and logs what came of it. In
 * a process of its own: it may wait for others, and what it needs is given back at its end. */
void reload_process_start(const struct options *options);
