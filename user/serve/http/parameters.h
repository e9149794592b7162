/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/serve/http/context.h"

/* What an operation is told, in the query or in a form. */
struct parameters {
	char *ips; /* a good address list; NULL: the operation needs none */
	char *comment;
};

/* What is wrong becomes the refusal. */
void parameters_read(struct parameters *parameters, const struct http_request *request,
                     const char *operation, struct ipc_response *refusal);
void parameters_release(struct parameters *parameters);
