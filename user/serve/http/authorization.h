/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The bearer token in the value of an Authorization header (RFC 6750), or NULL when it holds
 * none. */
const char *authorization_token(const char *value);
