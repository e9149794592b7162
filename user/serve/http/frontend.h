/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/serve/ipc/client_address.h"
#include "user/config/settings.h"
#include "user/serve/http/listener.h"
#include "user/serve/http/tls.h"

/* Of each listener. */
#define FRONTEND_MAX_CONNECTIONS 16384

/* What the usual few listeners may have open at most; with more of them each gets less. */
#define FRONTEND_WANTED_FILES (4 * FRONTEND_MAX_CONNECTIONS + 1024)

/* Whatever the front needs to know, all of it read by the supervisor. */
struct frontend_setup {
	struct permit_rules rules;
	struct serve_settings settings;
	struct proxies proxies;
	struct listeners listeners;
	struct tls tls;
};

/* The process that speaks HTTP. It has no privileges and no files but its sockets; everything
 * about permits it asks the keeper, by way of the supervisor, over `channel`. Ends the process. */
void frontend_run(const struct frontend_setup *setup, int channel) __attribute__((noreturn));
