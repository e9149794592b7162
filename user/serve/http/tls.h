/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/config/settings.h"

/* GnuTLS priority string: TLS 1.2 or newer. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct tls {
	char *certificate, *key; /* PEM; NULL: none */
};

/* Reads both files and checks that they match. Sets *tls only on success. */
enum exit_code tls_load(struct tls *tls, const struct serve_settings *settings);

void tls_release(struct tls *tls);
