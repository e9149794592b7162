/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <microhttpd.h>

#include "user/serve/ipc/response.h"

/* The HTTP response to a request. */
struct reply {
	struct ipc_response *response; /* its body is taken */
	const char *allow;             /* header of a 405 */
	bool quota;                    /* adds the X-RateLimit headers */
	bool has_token;                /* the request had one: for the challenge of a 401 */
	bool last;                     /* close the connection afterwards */
};

enum MHD_Result reply_send(struct MHD_Connection *connection, const struct reply *reply);
