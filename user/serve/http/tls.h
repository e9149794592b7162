/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/config/settings.h"

/* TLS 1.2 or newer, in the words of GnuTLS. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct tls {
	char *certificate, *key; /* PEM; NULL: none is set */
};

/* Reads both files and tries whether they fit. *tls is set only when they do. */
enum exit_code tls_load(struct tls *tls, const struct serve_settings *settings);

void tls_release(struct tls *tls);
