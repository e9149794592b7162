/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <jansson.h>

#include "user/permits/permit.h"

/* Permits as JSON, the same from the commands and from the HTTP API. Times are RFC 3339 in UTC.
 * Future times are
 * rounded up, so that they have passed at the second shown, and have a `_seconds` twin relative to
 * now. */

/* {address, change, expires_at, expires_in_seconds}[] */
json_t *permit_results_json(const struct permit_outcome *outcome);

/* {limit, remaining, reset_at, reset_in_seconds} */
json_t *permit_quota_json(const struct permit_quota *quota);

/* {address, account, state, since, expires_at, expires_in_seconds, request, comment}[] */
json_t *permit_records_json(const struct permit_record *records, __u32 count);

/* "in_force", "revoked" or "expired". */
const char *permit_state_name(const struct permit_record *record);
