/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/cli/command.h"
#include "user/control/attach_request.h"

extern const struct command_option attach_options[];

/* Reads the command line of `attach`, and checks what can be checked without a change. */
enum exit_code attach_options_read(struct attach_request *request, const struct globals *globals,
                                   int argc, char **argv);
