/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/serve/http/frontend.h"
#include "user/serve/options.h"
#include "user/serve/supervisor/privileges.h"

/* Call it first of all: a signal that comes before supervise() is obeyed then, and not deadly. */
void supervisor_block_signals(void);

/* Runs a front and a keeper, hands questions and answers on, and obeys signals: SIGHUP reads
 * everything again, SIGTERM and SIGINT end it. Takes `setup` over. */
enum exit_code supervisor_run(const struct options *options, const struct identity *identity,
                              struct frontend_setup *setup);
