/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "front.h"
#include "options.h"
#include "privileges.h"

/* Runs a front, answers its questions, and obeys signals: SIGHUP reads everything again, SIGTERM
 * and SIGINT end it. Takes `setup` over. */
enum exit_code supervise(const struct options *options, const struct identity *identity,
                         struct front_setup *setup);
