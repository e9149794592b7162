/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <jansson.h>

#include "user/datapath/source.h"

/* The state of one source. The JSON is the same from `show IP --json` and from the HTTP API. */

const char *source_reason(const struct source *source);

json_t *source_json(const struct source *source);
void source_print(const struct source *source, const char *address);

/* Reads the state of one address, with the pin directory locked for reading. EXIT_NOT_FOUND: the
 * limiter is not attached. */
enum exit_code source_look_up(const char *pin_dir, const struct xrl_address *address,
                              json_t **json);
