/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/serve/http/frontend.h"
#include "user/serve/options.h"
#include "user/serve/supervisor/privileges.h"

/* Call it first: a signal that arrives before supervisor_run() is then handled there and does not
 * kill the process. */
void supervisor_block_signals(void);

/* Runs a frontend and a store worker, relays requests and responses, and handles signals: SIGHUP
 * reads everything again, SIGTERM and SIGINT end it. Takes ownership of `setup`. */
enum exit_code supervisor_run(const struct options *options, const struct identity *identity,
                              struct frontend_setup *setup);
