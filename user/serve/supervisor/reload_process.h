/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/serve/options.h"

/* Activates the policy of the file, as the command `reload` does, and logs the result. It runs in a
 * process of its own, because it may wait for locks, and because its memory is then freed at exit.
 */
void reload_process_start(const struct options *options);
