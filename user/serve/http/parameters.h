/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/serve/http/context.h"

/* The parameters of an operation, from the query or from a form. */
struct parameters {
	char *ips; /* a valid address list; NULL: the operation needs none */
	char *comment;
};

/* An error becomes the refusal. */
void parameters_read(struct parameters *parameters, const struct http_request *request,
                     const char *operation, struct ipc_response *refusal);
void parameters_release(struct parameters *parameters);
