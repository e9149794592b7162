/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <microhttpd.h>

#include "user/serve/ipc/response.h"

/* An answer as HTTP. */
struct reply {
	struct ipc_response *response; /* its body is taken over */
	const char *allow;             /* of a 405 */
	bool quota;                    /* X-RateLimit-... belong to it */
	bool token_was_given;          /* of a 401 */
	bool last;                     /* the connection is closed after it */
};

enum MHD_Result reply_send(struct MHD_Connection *connection, const struct reply *reply);
