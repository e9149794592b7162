/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/serve/http/frontend_setup.h"

/* Per listener. */
#define FRONTEND_MAX_CONNECTIONS 16384

/* Enough for four full listeners; more listeners get fewer connections each. */
#define FRONTEND_WANTED_FILES (4 * FRONTEND_MAX_CONNECTIONS + 1024)

/* The process that speaks HTTP. It has no privileges and no files but its sockets, and sends
 * requests to the worker by way of the supervisor, over `channel`. Ends the process. */
void frontend_run(const struct frontend_setup *setup, int channel) __attribute__((noreturn));
