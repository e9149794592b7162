/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/serve/http/frontend.h"
#include "user/serve/options.h"
#include "user/serve/supervisor/privileges.h"

/* Reads the configuration and the files that it names, and opens the sockets; sockets of `old` (may
 * be NULL) that are still wanted are taken over. All or nothing. */
enum exit_code setup_prepare(struct frontend_setup *setup, const struct options *options,
                             const struct frontend_setup *old, struct identity *identity);
